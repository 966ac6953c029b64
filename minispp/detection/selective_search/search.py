"""The whole search: every colour space, every scale, every similarity, one list."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from minispp.data.augment import resize
from minispp.detection.selective_search.colour import to_colour
from minispp.detection.selective_search.grouping import group
from minispp.detection.selective_search.ranking import first_of_each, rank
from minispp.detection.selective_search.regions import describe, pixel_bins
from minispp.detection.selective_search.segmentation import components, sorted_edges


class Mode(NamedTuple):
    """What is varied: every colour space with every scale with every strategy is one grouping.

    spaces : names for `to_colour`
    factors : what the scale is multiplied by
    strategies : letters for `group`
    """

    spaces: tuple
    factors: tuple
    strategies: tuple


MODES = {
    "single": Mode(("hsv",), (1,), ("CTSF",)),
    "fast": Mode(("hsv", "lab"), (1, 2), ("CTSF", "TSF")),
    "varied": Mode(("hsv", "lab", "i"), (1,), ("CT", "F")),
    "quality": Mode(("hsv", "lab", "rgi", "h", "i"), (1, 2, 3, 6), ("CTSF", "TSF", "F", "S")),
}


def selective_search(
    picture, mode="fast", scale=150.0, sigma=0.8, min_size=100, longest=None, seed=0, limit=None, threads=None
):
    """Boxes where an object may be, best first, each once.

    Parameters
    ----------
    picture : uint8 array (H, W, 3), RGB
    mode : str or Mode
        "single" makes 1 grouping, "fast" 8, and "quality" 80, as in the publication (its table 5). "varied" makes 6:
        one scale, but three colour spaces and similarities that have nothing in common. At equal numbers of boxes it
        found more of the objects of the two data sets in `benchmarks/README.md` than "fast".
    scale : float
        Of the finest segmentation: small for small objects. The publication's is 50 (100 for "single").
    sigma : float
        Of the Gaussian before the segmentation, in pixels.
    min_size : int
        Pixels at least of the regions to begin with.
    longest : int, optional
        Work on the picture resized so that its longer side is this. Scale, sigma and min_size count its pixels; the
        boxes are of the picture as given, the smallest that hold what was found.
    seed : int
        Of the random numbers in `rank`.
    limit : int, optional
        Boxes at most.
    threads : int, optional
        Colour spaces to work on at once; as many as there are processors, if not given. The boxes are the same.

    Returns
    -------
    int32 array (R, 4)
        (top, left, bottom, right), half-open.

    Raises
    ------
    ValueError
        Not such a picture, or an unknown mode.

    Examples
    --------
    >>> picture = np.zeros((60, 80, 3), np.uint8)
    >>> picture[10:40, 20:60] = 200, 30, 30
    >>> selective_search(picture, limit=2).tolist()
    [[10, 20, 40, 60], [0, 0, 60, 80]]
    """
    if isinstance(mode, str) and mode in MODES:
        mode = MODES[mode]
    elif not isinstance(mode, Mode) or not all(mode):
        raise ValueError(f"selective_search: expected a mode of {list(MODES)}, or a Mode without gaps, got {mode!r}")
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or picture.size == 0:
        raise ValueError(
            f"selective_search: expected a uint8 picture (H, W, 3) with pixels, got {picture.dtype} {picture.shape}"
        )
    for name, value in {"longest": longest, "threads": threads, "limit": limit}.items():
        least = 0 if name == "limit" else 1
        if value is not None and value < least:
            raise ValueError(f"selective_search: expected {name} of at least {least}, got {value}")
    height, width = picture.shape[:2]
    if longest is not None:
        picture = resize(picture, *(max(1, round(side * longest / max(height, width))) for side in (height, width)))

    def search(space):
        return _groupings(to_colour(picture, space), mode, scale, sigma, min_size)

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        hierarchies = [boxes for several in pool.map(search, mode.spaces) for boxes in several]
    boxes = rank(hierarchies, seed)
    if longest is not None:
        boxes = _resized(boxes, picture.shape[:2], (height, width))
        boxes = boxes[first_of_each(boxes)]
    return boxes[:limit]


def _groupings(image, mode, scale, sigma, min_size):
    """The boxes of every grouping in one colour space; what they have in common is done once."""
    edges, weights = sorted_edges(image, sigma)
    bins = pixel_bins(image)
    found = []
    for factor in mode.factors:
        labels = components(edges, weights, image.shape[:2], scale * factor, min_size)
        regions = describe(labels, image, bins)
        found += [group(regions, strategy) for strategy in mode.strategies]
    return found


def _resized(boxes, shape, target):
    """Boxes of a picture of this shape (H, W) in the same picture resized to the target: rounded outwards."""
    boxes, shape, target = boxes.astype(np.int64), np.array(shape), np.array(target)
    start, stop = boxes[:, :2] * target // shape, -(-boxes[:, 2:] * target // shape)
    return np.concatenate([start, stop], axis=1).astype(np.int32)

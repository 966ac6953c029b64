"""Where objects may be, from the picture alone: selective search (Uijlings et al. 2013), as the paper uses it.

    picture -> to_colour -> segment -> describe -> group -> boxes

once for each of several colour spaces, scales and similarities, because no single one finds every object; then
all boxes are ranked together.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from minispp.data.augment import resize
from minispp.detection.selective_search.colour import SPACES, to_colour
from minispp.detection.selective_search.grouping import group
from minispp.detection.selective_search.regions import Regions, describe, pixel_bins
from minispp.detection.selective_search.segmentation import components, segment, sorted_edges

__all__ = [
    "MODES",
    "SPACES",
    "Mode",
    "Regions",
    "components",
    "describe",
    "group",
    "pixel_bins",
    "rank",
    "segment",
    "selective_search",
    "sorted_edges",
    "to_colour",
]


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
        "single" makes 1 grouping, "fast" 8, and "quality" 80, as in the publication (its table 5).
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
    if mode in MODES:
        mode = MODES[mode]
    elif not isinstance(mode, Mode):
        raise ValueError(f"selective_search: expected a mode of {list(MODES)}, or a Mode, got {mode!r}")
    height, width = picture.shape[:2]
    if longest is not None:
        factor = longest / max(height, width)
        picture = resize(picture, max(1, round(height * factor)), max(1, round(width * factor)))

    def search(space):
        return _groupings(to_colour(picture, space), mode, scale, sigma, min_size)

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        hierarchies = [boxes for several in pool.map(search, mode.spaces) for boxes in several]
    boxes = rank(hierarchies, seed)
    if longest is not None:
        boxes = _resized(boxes, picture.shape[:2], (height, width))
        boxes = boxes[_first_of_each(boxes)]
    return boxes[:limit]


def _groupings(image, mode, scale, sigma, min_size):
    """The boxes of every grouping in one colour space; what they have in common is done once."""
    edges, ends = sorted_edges(image, sigma)
    bins = pixel_bins(image)
    found = []
    for factor in mode.factors:
        labels = components(edges, ends, image.shape[:2], scale * factor, min_size)
        regions = describe(labels, image, bins)
        found += [group(regions, strategy) for strategy in mode.strategies]
    return found


def rank(hierarchies, seed=0):
    """All boxes of all hierarchies, best first, each once.

    The i-th last box of a hierarchy gets the value ``i * u``, u random in [0, 1), and the smallest value is best: what
    was joined late comes early, but not always, so that large boxes do not fill the first places (section 4.4).
    Of equal boxes the best stays.

    Parameters
    ----------
    hierarchies : list of int arrays (B, 4)
        In the order of their making, see `group`.
    seed : int

    Returns
    -------
    int32 array (R, 4)

    Examples
    --------
    >>> rank([[[0, 0, 1, 1], [0, 0, 2, 2]], [[0, 0, 2, 2]]]).tolist()
    [[0, 0, 2, 2], [0, 0, 1, 1]]
    """
    boxes = np.concatenate([np.asarray(h, np.int32) for h in hierarchies])
    position = np.concatenate([np.arange(len(h), 0, -1) for h in hierarchies])
    value = position * np.random.default_rng(seed).random(len(position))
    boxes = boxes[np.argsort(value, kind="stable")]
    return boxes[_first_of_each(boxes)]


def _first_of_each(boxes):
    """Indices of the boxes that are not the repetition of an earlier one."""
    order = np.lexsort(boxes.T)  # stable: of equal boxes the earliest comes first
    fresh = np.ones(len(boxes), bool)
    fresh[1:] = (boxes[order[1:]] != boxes[order[:-1]]).any(axis=1)
    return np.sort(order[fresh])


def _resized(boxes, shape, target):
    """Boxes of a picture of this shape (H, W) in the same picture resized to the target: rounded outwards."""
    boxes, shape, target = boxes.astype(np.int64), np.array(shape), np.array(target)
    start, stop = boxes[:, :2] * target // shape, -(-boxes[:, 2:] * target // shape)
    return np.concatenate([start, stop], axis=1).astype(np.int32)

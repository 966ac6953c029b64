"""Boxes everywhere, whatever the picture shows: the search that selective search spares us."""

import math

import numpy as np

from minispp.windows import require_positive


def sliding_windows(height, width, sides, ratios=(1,), step=0.25):
    """Boxes of several sizes and shapes, evenly spread over a picture.

    Side s and ratio r make boxes of ``round(s sqrt(r))`` rows and ``round(s / sqrt(r))`` columns, so of the same area
    for every ratio. Along an axis of H pixels, boxes of h pixels stand at

        floor(k (H - h) / n),  k = 0 .. n,  n = ceil((H - h) / max(1, floor(step h))),

    so the first and the last touch the borders, every pixel is covered, and no two neighbours are further apart than
    the step. Boxes that are larger than the picture are left out.

    Parameters
    ----------
    height, width : int
        Of the picture, in pixels.
    sides : sequence of int
        Square roots of the areas, in pixels.
    ratios : sequence of float
        Height over width.
    step : float
        From one box to the next, as a share of the box, above 0.

    Returns
    -------
    int32 array (R, 4)
        (top, left, bottom, right), half-open; by side, then by ratio, then row-major.

    Raises
    ------
    ValueError
        A size or side that is not a positive integer, or a ratio or step that is not above 0.

    Examples
    --------
    >>> sliding_windows(4, 7, [4], step=0.5).tolist()
    [[0, 0, 4, 4], [0, 1, 4, 5], [0, 3, 4, 7]]
    >>> len(sliding_windows(300, 400, [32, 64, 128], ratios=(0.5, 1, 2)))
    6834
    """
    require_positive("sliding_windows", height=height, width=width)
    for side in sides:
        require_positive("sliding_windows", side=side)
    if not (step > 0 and all(ratio > 0 for ratio in ratios)):
        raise ValueError(f"sliding_windows: expected a step and ratios above 0, got {step} and {ratios}")
    tables = [np.empty((0, 4), np.int32)]
    for side in sides:
        for ratio in ratios:
            rows, columns = (max(1, round(side * shape)) for shape in (math.sqrt(ratio), 1 / math.sqrt(ratio)))
            if rows <= height and columns <= width:
                tops, lefts = _starts(height, rows, step), _starts(width, columns, step)
                top, left = (start.reshape(-1) for start in np.meshgrid(tops, lefts, indexing="ij"))
                tables.append(np.stack([top, left, top + rows, left + columns], axis=1).astype(np.int32))
    return np.concatenate(tables)


def _starts(size, box, step):
    room, stride = size - box, max(1, int(step * box))
    count = -(-room // stride)
    return np.arange(count + 1) * room // max(count, 1)

"""Boxes in a picture: how much two overlap, which of many to keep, and how to move one onto another.

A *box* is a row ``(top, left, bottom, right)`` in pixels, half-open like a window of `minispp.windows`: it holds the
rows ``top .. bottom - 1`` and the columns ``left .. right - 1``, and its height is ``bottom - top``. Boxes are whole
numbers until a regression moves them. Pascal VOC counts pixels from 1 and writes the first and the last one inside,
``(xmin, ymin, xmax, ymax)``; that is ``left = xmin - 1``, ``top = ymin - 1``, ``right = xmax``, ``bottom = ymax``. So
the IoU of half-open boxes *is* the IoU with "+ 1" of the numbers in a VOC file, exactly. The IoU without it, of corners
on a continuous axis, is the same function of those corners as floats.

Any array of numbers will do as boxes, unsigned and not contiguous too; results are int64 or float64, which have a sign,
so no coordinate wraps around. None may pass 2**30 in magnitude (a NaN is refused as well), so no product overflows.
"""

import numpy as np

LIMIT = 2**30  # pixels: the area of the largest box still fits an int64
LARGEST_GROWTH = np.log(2.0**31)  # whole boxes within the limit never differ by more, so decode loses none
AT_ONCE = 64  # rows of IoU that nms computes together: few calls, and the table stays in the cache


def as_boxes(boxes, where="boxes"):
    """Boxes as an int64 or float64 array (R, 4), or a ValueError that says what is wrong with them.

    Parameters
    ----------
    boxes : array_like (R, 4)
        Whole numbers of any type become int64, others float64. No boxes may be an empty list.
    where : str
        What the error calls them.

    Raises
    ------
    ValueError
        Another shape, no numbers, or a coordinate that is NaN or beyond 2**30.

    Examples
    --------
    >>> as_boxes([[1, 2, 3, 2.0**31]])
    Traceback (most recent call last):
    ...
    ValueError: boxes: expected coordinates within +-2**30, got row 0: [1.0, 2.0, 3.0, 2147483648.0]
    """
    rows = _as_rows(boxes, where)
    within = (rows >= -LIMIT) & (rows <= LIMIT)  # False for a NaN
    if not within.all():
        row = int(np.argmin(within.all(axis=1)))
        raise ValueError(f"{where}: expected coordinates within +-2**30, got row {row}: {rows[row].tolist()}")
    return rows


def area(boxes):
    """Pixels in each box,  max(bottom - top, 0) * max(right - left, 0);  an inverted box has none.

    Returns
    -------
    int64 or float64 array (R,)

    Examples
    --------
    >>> area([[0, 0, 2, 3], [2, 2, 2, 9], [5, 0, 2, 3]]).tolist()
    [6, 0, 0]
    """
    rows = as_boxes(boxes, "area")
    return np.maximum(rows[:, 2] - rows[:, 0], 0) * np.maximum(rows[:, 3] - rows[:, 1], 0)


def iou(a, b):
    """Intersection over union of every box of `a` with every box of `b`.

    A box without area (or inverted) has IoU 0 with every box, itself included.

    Parameters
    ----------
    a : array_like (R, 4)
    b : array_like (S, 4)

    Returns
    -------
    float64 array (R, S)
        Between 0 and 1. For whole boxes of up to 2**52 pixels, the float64 nearest to the true ratio.

    Raises
    ------
    ValueError
        As by `as_boxes`.

    Examples
    --------
    >>> iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [0, 1, 2, 3], [2, 2, 4, 4]]).round(3).tolist()
    [[1.0, 0.333, 0.0]]
    """
    a, b = (as_boxes(boxes, "iou").astype(np.float64) for boxes in (a, b))
    return _iou(a, area(a), b, area(b))


def nms(boxes, scores, threshold=0.3):
    """Non-maximum suppression: keep the best box, drop those that overlap it too much, and so on with the rest.

    ``keep i, in falling score, unless iou(boxes[i], boxes[k]) > threshold for a k already kept``. Of equal scores the
    lower index comes first. Boxes without area overlap nothing, so they are kept.

    Parameters
    ----------
    boxes : array_like (R, 4)
        In any order.
    scores : array_like (R,)
    threshold : float
        Between 0 and 1; an overlap of exactly `threshold` is kept.

    Returns
    -------
    int64 array (K,)
        Indexes of the boxes kept, the best first.

    Raises
    ------
    ValueError
        As by `as_boxes`, not one score for each box, a score that is NaN, or a threshold outside [0, 1].

    Notes
    -----
    R-CNN and the paper (section 4.1) use 0.3. The IoU of many pairs is computed at once, but only between boxes that
    are still there: the result is that of the definition, box by box.

    Examples
    --------
    >>> nms([[0, 0, 9, 9], [0, 1, 9, 9], [20, 20, 29, 29], [20, 20, 29, 29]], [0.5, 0.9, 0.7, 0.7]).tolist()
    [1, 2]
    """
    boxes, scores = as_boxes(boxes, "nms").astype(np.float64), np.asarray(scores)
    if scores.shape != (len(boxes),) or np.isnan(scores).any():
        raise ValueError(f"nms: expected a score, not NaN, for each of {len(boxes)} boxes, got {scores.shape}")
    if not 0 <= threshold <= 1:
        raise ValueError(f"nms: expected a threshold between 0 and 1, got {threshold}")
    left = by_score(scores)
    areas, kept = area(boxes), []
    while len(left):
        best, left = left[:AT_ONCE], left[AT_ONCE:]
        near = _iou(boxes[best], areas[best], boxes[best], areas[best]) > threshold
        stays = np.ones(len(best), bool)
        for i in range(len(best)):
            if stays[i]:
                stays[i + 1 :] &= ~near[i, i + 1 :]
        best = best[stays]
        kept.append(best)
        left = left[~(_iou(boxes[best], areas[best], boxes[left], areas[left]) > threshold).any(axis=0)]
    return np.concatenate([np.empty(0, np.int64), *kept])


def by_score(scores):
    """Indexes in falling score; of equal scores the lower index first.

    Examples
    --------
    >>> by_score(np.array([3, 7, 7, 5], np.uint8)).tolist()
    [1, 2, 3, 0]
    """
    # Not the order of -scores: unsigned numbers would wrap around.
    backwards = np.argsort(np.asarray(scores)[::-1], kind="stable")
    return len(backwards) - 1 - backwards[::-1]


def encode(boxes, targets):
    """What moves each box onto its target: ``(dy, dx, log height ratio, log width ratio)``.

    With centre (y, x), height h and width w of a box, and y', x', h', w' of its target:
    ``dy = (y' - y) / h``, ``dx = (x' - x) / w``, ``log(h' / h)``, ``log(w' / w)`` (R-CNN, appendix C).

    Parameters
    ----------
    boxes, targets : array_like (R, 4)
        Row i goes to row i.

    Returns
    -------
    float64 array (R, 4)

    Raises
    ------
    ValueError
        As by `as_boxes`, not as many targets as boxes, or a box or target that is inverted or has a side below 2**-30
        pixels: it has no logarithm, and a NaN here would only be seen as the loss of a later training.

    Examples
    --------
    >>> encode([[0, 0, 10, 20]], [[5, 0, 15, 40]]).round(3).tolist()
    [[0.5, 0.5, 0.0, 0.693]]
    """
    (centre, size), (target_centre, target_size) = (
        _centre_and_size(rows, f"encode: {name}") for rows, name in ((boxes, "boxes"), (targets, "targets"))
    )
    _require_pairs("encode", centre, target_centre, "targets")
    return np.hstack([(target_centre - centre) / size, np.log(target_size / size)])


def decode(boxes, deltas):
    """Move each box as `encode` says: the inverse of ``encode(boxes, targets)`` up to rounding.

    Parameters
    ----------
    boxes : array_like (R, 4)
    deltas : array_like (R, 4)
        ``(dy, dx, log height ratio, log width ratio)``. The logarithms are clamped to +-log(2**31), which no pair of
        boxes of whole pixels reaches, so the exponential cannot overflow and every box keeps a size.

    Returns
    -------
    float64 array (R, 4)
        Not clipped to any picture: see `clip`.

    Raises
    ------
    ValueError
        As by `encode` for the boxes, not as many deltas as boxes, or deltas that are NaN or beyond 2**62.

    Examples
    --------
    >>> decode([[0, 0, 10, 20]], [[0.5, 0.5, 0, np.log(2)]]).round(9).tolist()
    [[5.0, 0.0, 15.0, 40.0]]
    """
    centre, size = _centre_and_size(boxes, "decode: boxes")
    deltas = _as_rows(deltas, "decode: deltas").astype(np.float64)
    _require_pairs("decode", centre, deltas, "deltas")
    within = (abs(deltas) <= 2.0**62).all(axis=1)
    if not within.all():
        row = int(np.argmin(within))
        raise ValueError(f"decode: expected deltas within +-2**62, got row {row}: {deltas[row].tolist()}")
    centre = centre + deltas[:, :2] * size
    half = size * np.exp(np.clip(deltas[:, 2:], -LARGEST_GROWTH, LARGEST_GROWTH)) / 2
    return np.hstack([centre - half, centre + half])


def clip(boxes, height, width):
    """The part of each box that lies in a picture; of a box outside it, nothing is left but a line at the edge.

    Parameters
    ----------
    boxes : array_like (R, 4)
        Of any size, infinite too, but not NaN.
    height, width : int

    Returns
    -------
    int64 or float64 array (R, 4)

    Raises
    ------
    ValueError
        Not (R, 4) numbers, a NaN, or a negative height or width.

    Examples
    --------
    >>> clip([[-3, 2, 5, 99], [7, 8, 9, 9]], 5, 6).tolist()
    [[0, 2, 5, 6], [5, 6, 5, 6]]
    """
    rows = _as_rows(boxes, "clip")
    if height < 0 or width < 0:
        raise ValueError(f"clip: expected a height and width of at least 0, got {height} x {width}")
    if np.isnan(rows).any():
        row = int(np.argmax(np.isnan(rows).any(axis=1)))
        raise ValueError(f"clip: expected numbers, got row {row}: {rows[row].tolist()}")
    return np.clip(rows, 0, [height, width, height, width])


def flip(boxes, width):
    """The boxes in the mirrored picture, left to right:  left' = width - right,  right' = width - left.

    Examples
    --------
    >>> flip([[0, 0, 4, 1]], 10).tolist()
    [[0, 9, 4, 10]]
    """
    rows = as_boxes(boxes, "flip")
    rows[:, [1, 3]] = width - rows[:, [3, 1]]
    return rows


def from_voc(rows):
    """Boxes from Pascal VOC's numbers:  (xmin, ymin, xmax, ymax)  ->  (ymin - 1, xmin - 1, ymax, xmax).

    Examples
    --------
    >>> from_voc([[1, 1, 640, 480]]).tolist()
    [[0, 0, 480, 640]]
    """
    return as_boxes(rows, "from_voc")[:, [1, 0, 3, 2]] - np.array([1, 1, 0, 0])


def to_voc(boxes):
    """Pascal VOC's numbers of boxes:  (top, left, bottom, right)  ->  (left + 1, top + 1, right, bottom).

    Examples
    --------
    >>> to_voc([[0, 0, 480, 640]]).tolist()
    [[1, 1, 640, 480]]
    """
    return as_boxes(boxes, "to_voc")[:, [1, 0, 3, 2]] + np.array([1, 1, 0, 0])


# ---------------------------------------------------------------------------------------------------


def _as_rows(boxes, where):
    """A copy as int64 or float64 (R, 4), the values not looked at."""
    rows = np.asarray(boxes)
    if rows.shape == (0,):
        rows = np.empty((0, 4), np.int64)
    if rows.ndim != 2 or rows.shape[1] != 4 or rows.dtype.kind not in "iuf":
        raise ValueError(f"{where}: expected rows of four numbers (R, 4), got {rows.dtype} {rows.shape}")
    if rows.dtype == np.uint64:
        rows = np.minimum(rows, np.uint64(2**63 - 1))  # what int64 cannot hold stays beyond the limit
    return rows.astype(np.float64 if rows.dtype.kind == "f" else np.int64)


def _iou(a, area_a, b, area_b):
    """IoU (R, S) of float64 boxes whose areas are known."""
    top, left, bottom, right = a.T[:, :, None]
    height = np.minimum(bottom, b[:, 2])
    height -= np.maximum(top, b[:, 0])
    width = np.minimum(right, b[:, 3])
    width -= np.maximum(left, b[:, 1])
    np.maximum(height, 0, out=height)
    np.maximum(width, 0, out=width)
    common = np.multiply(height, width, out=height)
    union = np.add(area_a[:, None], area_b, out=width)
    union -= common
    # Only two boxes without area have no union; what they have in common is 0, and so is 0 / 1.
    union[union == 0] = 1
    return np.divide(common, union, out=common)


def _centre_and_size(boxes, where):
    """Centres (y, x) and sizes (height, width) of boxes that have both."""
    rows = as_boxes(boxes, where).astype(np.float64)
    size = rows[:, 2:] - rows[:, :2]
    sound = (size >= 1 / LIMIT).all(axis=1)
    if not sound.all():
        row = int(np.argmin(sound))
        raise ValueError(f"{where}: expected top < bottom and left < right, got row {row}: {rows[row].tolist()}")
    return (rows[:, :2] + rows[:, 2:]) / 2, size


def _require_pairs(where, boxes, others, name):
    if len(boxes) != len(others):
        raise ValueError(f"{where}: expected {name} for each of {len(boxes)} boxes, got {len(others)}")

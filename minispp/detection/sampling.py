"""Which windows a step of fine-tuning sees: a quarter that hold an object, the rest beside one (paper, section 4.1)."""

import numpy as np

from minispp.boxes import iou

POSITIVE_IOU = (0.5, 1.0)  # included, included
NEGATIVE_IOU = (0.1, 0.5)  # included, excluded


def label_windows(boxes, truth, labels, background, positive_iou=POSITIVE_IOU, negative_iou=NEGATIVE_IOU):
    """The class that each window stands for: that of the object it overlaps most, `background`, or -1 for neither.

    Parameters
    ----------
    boxes : array (R, 4)
    truth : array (K, 4)
        The objects of the picture.
    labels : int array (K,)
        Their classes.
    background : int
        The number of that class.
    positive_iou, negative_iou : (float, float)
        A window is positive if its largest overlap is in [low, high] of the first, negative if it is in [low, high) of
        the second.

    Returns
    -------
    int64 array (R,)

    Examples
    --------
    >>> label_windows([[0, 0, 4, 4], [0, 0, 4, 9], [6, 6, 9, 9]], [[0, 0, 4, 4]], [7], background=8).tolist()
    [7, 8, -1]
    """
    overlaps = iou(boxes, truth)
    classes = np.full(len(overlaps), -1, np.int64)
    most = overlaps.max(axis=1, initial=0)
    classes[(negative_iou[0] <= most) & (most < negative_iou[1])] = background
    positive = (positive_iou[0] <= most) & (most <= positive_iou[1])
    if positive.any():
        classes[positive] = np.asarray(labels)[overlaps[positive].argmax(axis=1)]
    return classes


def draw_windows(classes, background, count, rng, positive_share=0.25):
    """Rows of `count` windows, of which `positive_share` are positive; fewer where there are too few.

    Where a picture has too few negatives beside its objects, windows far from all of them (class -1) fill up: they
    are background too, only easier. No row is drawn twice.

    Parameters
    ----------
    classes : int array (R,)
        As made by `label_windows`.
    background, count : int
    rng : Generator
    positive_share : float

    Returns
    -------
    rows : int64 array, at most `count`
    classes : int64 array
        Of those rows; never -1.

    Examples
    --------
    >>> rows, drawn = draw_windows([2, 5, 5, -1, -1, 5, 1], 5, 4, np.random.default_rng(0))
    >>> len(rows), sorted(drawn.tolist())
    (4, [2, 5, 5, 5])
    """
    classes = np.asarray(classes)
    positives = np.flatnonzero((classes >= 0) & (classes != background))
    chosen = rng.permutation(positives)[: round(positive_share * count)]
    for pool in (classes == background, classes < 0):
        chosen = np.concatenate([chosen, rng.permutation(np.flatnonzero(pool))[: count - len(chosen)]])
    return chosen, np.where(classes[chosen] < 0, background, classes[chosen])

"""Boxes against objects: which detections are correct, and how many objects the proposals reach.

The rules are those of the Pascal VOC development kit. Detections of a class are taken in falling score, equal scores in
the order given. Each is compared with the object of its class and picture that it overlaps most, and is

- correct, if that IoU reaches the threshold and no better detection had the object;
- wrong, if the IoU does not, or the object was had before (a duplicate);
- left out of the count, if that object is *difficult*; nor is a difficult object missed by anyone.

Boxes are half-open, so their IoU is VOC's own (see `minispp.boxes`).
"""

import numpy as np

from minispp.boxes import as_boxes, by_score, iou


def match(boxes, scores, truth, difficult=None, threshold=0.5, inclusive=False):
    """Which detections of one class in one picture are correct, and which do not count.

    Parameters
    ----------
    boxes : array_like (R, 4)
        Detections.
    scores : array_like (R,)
    truth : array_like (K, 4)
        Objects of the class.
    difficult : array_like of bool (K,), optional
        None: no object is.
    threshold : float
        Least IoU, in (0, 1].
    inclusive : bool
        The numbers are pixels of which the last counts as inside, as in VOC's files: 1 is added to bottom and right.

    Returns
    -------
    correct, ignored : bool array (R,)
        In the order of `boxes`. What is neither is wrong.

    Raises
    ------
    ValueError
        Boxes that are none, a number of scores or flags that is not theirs, a NaN score, a threshold outside (0, 1].

    Examples
    --------
    The second detection of an object is wrong, however well it fits:

    >>> correct, ignored = match([[0, 0, 9, 9], [0, 0, 9, 8]], [0.5, 0.6], [[0, 0, 9, 9]])
    >>> correct.tolist()
    [False, True]
    """
    boxes, truth = as_boxes(boxes, "match: boxes"), as_boxes(truth, "match: truth")
    scores = checked_scores(scores, len(boxes))
    difficult = np.zeros(len(truth), bool) if difficult is None else np.asarray(difficult, bool)
    if difficult.shape != (len(truth),):
        raise ValueError(f"match: expected a flag for each of {len(truth)} objects, got {difficult.shape}")
    if not 0 < threshold <= 1:
        raise ValueError(f"match: expected a threshold in (0, 1], got {threshold}")
    correct, ignored = np.zeros((2, len(boxes)), bool)
    if not len(boxes) or not len(truth):
        return correct, ignored
    if inclusive:
        boxes, truth = (rows + np.array([0, 0, 1, 1]) for rows in (boxes, truth))
    overlaps = iou(boxes, truth)
    best = overlaps.argmax(axis=1)  # the first of several
    near = overlaps.max(axis=1) >= threshold
    had = np.zeros(len(truth), bool)
    for i in by_score(scores):
        if near[i] and difficult[best[i]]:
            ignored[i] = True
        elif near[i] and not had[best[i]]:
            correct[i] = had[best[i]] = True
    return correct, ignored


def proposal_recall(proposals, truths, thresholds=(0.5,), counts=(2000,)):
    """Share of the objects that one of the first n proposals of their picture overlaps enough.

    Parameters
    ----------
    proposals : sequence of (R, 4)
        For each picture, the best first.
    truths : sequence of (K, 4)
        For each picture, its objects.
    thresholds : sequence of float
        Least IoU.
    counts : sequence of int
        Numbers n of proposals; a picture with fewer gives all it has.

    Returns
    -------
    float64 array (thresholds, counts)
        NaN if there are no objects.

    Raises
    ------
    ValueError
        Not as many pictures in `truths`, a negative count, or boxes that are none.

    Examples
    --------
    >>> proposal_recall([[[0, 0, 4, 9], [0, 0, 8, 9]]], [[[0, 0, 9, 9]]], (0.5, 0.9), (1, 2)).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    thresholds, counts = np.asarray(thresholds, np.float64), np.asarray(counts, np.int64)
    if len(proposals) != len(truths) or (counts < 0).any():
        raise ValueError(
            f"proposal_recall: expected proposals for each of {len(truths)} pictures and counts of at least 0, "
            f"got {len(proposals)} and {counts.tolist()}"
        )
    best = [np.zeros((0, len(counts)))]  # IoU of each object with the best of the first n
    for boxes, truth in zip(proposals, truths, strict=True):
        overlaps = np.insert(iou(truth, boxes), 0, 0, axis=1)  # none of the first 0
        best.append(np.maximum.accumulate(overlaps, axis=1)[:, np.minimum(counts, len(boxes))])
    best = np.concatenate(best)
    if not len(best):
        return np.full((len(thresholds), len(counts)), np.nan)
    return (best >= thresholds[:, None, None]).mean(axis=1)


def checked_scores(scores, count):
    """Scores as an array (count,), or a ValueError."""
    scores = np.asarray(scores)
    if scores.shape != (count,) or np.isnan(scores).any():
        raise ValueError(f"expected a score, not NaN, for each of {count} detections, got {scores.shape}")
    return scores

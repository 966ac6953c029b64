"""From scores to detections: of several boxes on the same object the best is kept, and the best of all are reported."""

from typing import NamedTuple

import numpy as np

from minispp.boxes import by_score, nms


class Detections(NamedTuple):
    """What was found in a picture, the surest first.

    Attributes
    ----------
    boxes : float64 array (D, 4)
        Rows (top, left, bottom, right) in pixels, half-open.
    scores : float array (D,)
    labels : int array (D,)
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def decide(boxes, scores, *, threshold=0.3, least=-np.inf, top=200):
    """Suppress, class by class, boxes that overlap a better one of their class; keep the best `top` of the picture.

    Parameters
    ----------
    boxes : array (R, K, 4), or (R, 4) where all classes share them
        Of each window for each of K classes, as box regression has moved it.
    scores : float array (R, K)
    threshold : float
        Largest IoU of two detections of a class (paper, section 4.1: .3).
    least : float
        Scores below are not reported.
    top : int
        Most detections of a picture.

    Returns
    -------
    Detections

    Notes
    -----
    To join two models, put their boxes and scores one after the other: ``decide(*join(first, second))``.

    Examples
    --------
    >>> boxes = np.array([[0, 0, 9, 9], [0, 1, 9, 9], [5, 5, 30, 30]])
    >>> found = decide(boxes, np.array([[0.9, 0], [0.8, 0], [0.1, 0.7]]), least=0.1)
    >>> found.scores.tolist(), found.labels.tolist()
    ([0.9, 0.7, 0.1], [0, 1, 0])
    """
    scores = np.asarray(scores)
    if scores.ndim != 2:
        raise ValueError(f"decide: expected scores (R, K), got {scores.shape}")
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim == 2:
        boxes = np.broadcast_to(boxes[:, None, :], (len(boxes), scores.shape[1], 4))
    if boxes.shape != (*scores.shape, 4):
        raise ValueError(f"decide: expected boxes (R, K, 4) or (R, 4) for scores {scores.shape}, got {boxes.shape}")
    found = [np.empty((0, 3))]  # row, class, score
    for label in range(scores.shape[1]):
        rows = np.flatnonzero(scores[:, label] >= least)
        rows = rows[nms(boxes[rows, label], scores[rows, label], threshold)]
        found.append(np.column_stack([rows, np.full(len(rows), label), scores[rows, label]]))
    found = np.concatenate(found)
    found = found[by_score(found[:, 2])[:top]]
    rows, labels = found[:, 0].astype(np.int64), found[:, 1].astype(np.int64)
    return Detections(boxes[rows, labels], found[:, 2], labels)


def join(*models):
    """The ``(boxes (R, K, 4), scores (R, K))`` of several models as those of one, to be suppressed together.

    Where two models find an object, the surer one keeps it: the paper's combination of two nets (section 4.4).
    """
    boxes, scores = zip(*models, strict=True)
    return np.concatenate(boxes), np.concatenate(scores)

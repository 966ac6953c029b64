"""How good detections are: average precision, as Pascal VOC measures it.

Which detections are correct, and which do not count, is decided by `minispp.detection.matching.match`.
"""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from minispp.boxes import as_boxes, by_score
from minispp.detection.matching import checked_scores, match

RULES = ("area", "11-point")


def precision_recall(scores, correct, positives):
    """Precision and recall after each detection, in falling score.

    ``precision_k = c_k / k``,  ``recall_k = c_k / positives``,  with ``c_k`` of the best ``k`` detections correct.

    Parameters
    ----------
    scores : array_like (D,)
    correct : array_like of bool (D,)
    positives : int
        How many objects there are; without any the recall is NaN.

    Returns
    -------
    precision, recall : float64 array (D,)

    Examples
    --------
    >>> precision_recall([0.7, 0.9, 0.8], [True, True, False], 4)
    (array([1.        , 0.5       , 0.66666667]), array([0.25, 0.25, 0.5 ]))
    """
    found = _found(scores, correct, positives)
    recall = found / positives if positives else np.full(len(found), np.nan)
    return found / np.arange(1, len(found) + 1), recall


def average_precision(scores, correct, positives, rule="area"):
    """Average precision of one class.

    With ``p(r)`` the best precision at a recall of ``r`` or more, and 0 beyond the highest recall:

    - "area": the integral of p over 0..1 (VOC from 2010);
    - "11-point": the mean of p at 0, .1, .., 1 (VOC 2007). Whether a recall reaches a tenth is decided in integers.

    Parameters
    ----------
    scores : array_like (D,)
        Of all pictures; equal scores count in the order given.
    correct : array_like of bool (D,)
    positives : int
        Objects that are not difficult.
    rule : {"area", "11-point"}

    Returns
    -------
    float
        Between 0 and 1, NaN if there are no positives.

    Raises
    ------
    ValueError
        Not one flag for each score, a NaN score, more correct detections than positives, or an unknown rule.

    Examples
    --------
    >>> average_precision([0.9, 0.8, 0.7, 0.6], [True, False, False, True], 2)
    0.75
    >>> average_precision([0.9, 0.8, 0.7], [True, True, False], 4, rule="11-point")
    0.5454545454545454
    """
    if rule not in RULES:
        raise ValueError(f"average_precision: expected a rule of {RULES}, got {rule!r}")
    found = _found(scores, correct, positives)
    if not positives:
        return float("nan")
    precision = found / np.arange(1, len(found) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # at this recall or a higher one
    if rule == "area":
        return float((best * np.diff(found, prepend=0)).sum() / positives)
    # The first detection at which c / positives >= tenth / 10; there the best precision from there on is p.
    first = np.searchsorted(10 * found, positives * np.arange(11))
    return float(np.append(best, 0.0)[first].sum() / 11)


@dataclass(frozen=True)
class Score:
    """How well one class was found.

    Attributes
    ----------
    area, eleven : float
        Average precision by the two rules, NaN without positives.
    positives, difficult : int
        Objects that count, and that do not.
    detections, correct, ignored : int
        All detections, those that found an object, those of difficult objects.
    precision, recall : ndarray of float64
        After each detection that counts, in falling score.
    """

    area: float
    eleven: float
    positives: int
    difficult: int
    detections: int
    correct: int
    ignored: int
    precision: np.ndarray
    recall: np.ndarray


COUNTS = ("positives", "difficult", "detections", "correct", "ignored")


@dataclass(frozen=True)
class Result:
    """What `evaluate` found: a `Score` for each class.

    Attributes
    ----------
    threshold : float
        IoU.
    scores : dict of str to Score
    """

    threshold: float
    scores: dict

    def mean(self, rule="area"):
        """Mean average precision over the classes that have positives; NaN if none has."""
        values = [score.eleven if rule == "11-point" else score.area for score in self.scores.values()]
        values = [value for value in values if not np.isnan(value)]
        return float(np.mean(values)) if values else float("nan")

    def summary(self):
        """All numbers without the curves, as JSON has them: None in place of NaN."""
        classes = {
            name: {"area": _json(score.area), "11-point": _json(score.eleven)}
            | {key: getattr(score, key) for key in COUNTS}
            for name, score in self.scores.items()
        }
        return {"threshold": self.threshold, "mean": {rule: _json(self.mean(rule)) for rule in RULES}} | {
            "classes": classes
        }

    def __str__(self):
        head = f"AP at IoU {self.threshold:g}"
        wide = max(map(len, [head, *self.scores]))
        lines = [f"{head:<{wide}}{'area':>8}{'11-point':>10}{'objects':>9}{'found':>7}"]
        for name, score in self.scores.items():
            shares = f"{100 * score.area:>8.1f}{100 * score.eleven:>10.1f}"
            lines.append(f"{name:<{wide}}{shares}{score.positives:>9}{score.correct:>7}")
        lines.append(f"{'mean':<{wide}}{100 * self.mean():>8.1f}{100 * self.mean('11-point'):>10.1f}")
        return "\n".join(lines)


def evaluate(detections, truths, classes, threshold=0.5, inclusive=False, progress=True):
    """Average precision of each class over all pictures.

    Parameters
    ----------
    detections : sequence of (boxes (R, 4), scores (R,), labels (R,))
        For each picture.
    truths : sequence of (boxes (K, 4), labels (K,), difficult (K,))
        For each picture: what a `Scene` holds after its picture.
    classes : sequence of str
        A label is a position in it.
    threshold, inclusive
        As for `match`.
    progress : bool
        Show a bar when it takes longer than two seconds.

    Returns
    -------
    Result
        A class without positives has an average precision of NaN and is left out of the mean.

    Raises
    ------
    ValueError
        Names the picture: not as many detections as truths, or anything that `match` refuses, labels not in `classes`.

    Examples
    --------
    >>> truths = [([[0, 0, 9, 9]], [0], [False]), ([[5, 5, 9, 9]], [0], [False])]
    >>> result = evaluate([([[0, 0, 9, 9]], [0.9], [0]), ([], [], [])], truths, ["cat", "dog"])
    >>> print(result)
    AP at IoU 0.5    area  11-point  objects  found
    cat              50.0      54.5        2      1
    dog               nan       nan        0      0
    mean             50.0      54.5
    """
    if len(detections) != len(truths):
        raise ValueError(f"evaluate: expected detections for each of {len(truths)} pictures, got {len(detections)}")
    found = [[] for _ in classes]  # (scores, correct, ignored) of each picture
    positives, difficult_ones = np.zeros((2, len(classes)), int)
    pairs = zip(detections, truths, strict=True)
    for k, pair in enumerate(tqdm(pairs, total=len(truths), desc="matching", delay=2, disable=not progress)):
        try:
            (boxes, scores, labels), (truth, truth_labels, difficult) = pair
            boxes, truth = as_boxes(boxes, "boxes"), as_boxes(truth, "truth")
            labels, scores = _labels(labels, len(boxes), len(classes)), checked_scores(scores, len(boxes))
            truth_labels = _labels(truth_labels, len(truth), len(classes))
            difficult = np.asarray(difficult, bool).reshape(len(truth))
            for label in np.unique(labels):
                ours, theirs = labels == label, truth_labels == label
                given = boxes[ours], scores[ours], truth[theirs], difficult[theirs]
                found[label].append((scores[ours], *match(*given, threshold, inclusive)))
        except ValueError as error:
            raise ValueError(f"evaluate: picture {k}: {error}") from error
        positives += np.bincount(truth_labels[~difficult], minlength=len(classes))
        difficult_ones += np.bincount(truth_labels[difficult], minlength=len(classes))
    each = zip(classes, found, positives.tolist(), difficult_ones.tolist(), strict=True)
    return Result(threshold, {name: _score(rows, *counts) for name, rows, *counts in each})


# ---------------------------------------------------------------------------------------------------


def _score(rows, positives, difficult):
    """`Score` of one class from its (scores, correct, ignored) in each picture."""
    none = np.empty(0), np.empty(0, bool), np.empty(0, bool)
    scores, correct, ignored = (np.concatenate(column) for column in zip(none, *rows, strict=True))
    scores, hits = scores[~ignored], correct[~ignored]
    area, eleven = (average_precision(scores, hits, positives, rule) for rule in RULES)
    counts = len(correct), int(correct.sum()), int(ignored.sum())
    return Score(area, eleven, positives, difficult, *counts, *precision_recall(scores, hits, positives))


def _found(scores, correct, positives):
    """Of the best 1, 2, .. detections, how many are correct."""
    correct = np.asarray(correct, bool)
    if correct.ndim != 1 or correct.sum() > positives:
        raise ValueError(
            f"precision: expected flags (D,), at most {positives} of them true, got {correct.shape} with "
            f"{correct.sum()}"
        )
    return np.cumsum(correct[by_score(checked_scores(scores, len(correct)))])


def _labels(labels, count, classes):
    labels = np.asarray(labels)
    labels = labels.astype(np.int64) if labels.size == 0 else labels
    if labels.shape != (count,) or labels.dtype.kind not in "iu" or not ((labels >= 0) & (labels < classes)).all():
        raise ValueError(f"expected a label below {classes} for each of {count} boxes, got {labels.tolist()}")
    return labels.astype(np.int64)


def _json(value):
    return None if np.isnan(value) else float(value)

"""Detectors of all classes from more windows than memory holds: one SVM a class, and hard negatives.

Almost every window of a picture is background, and almost all of it is so plainly background that it does not move the
SVM: its loss is 0. So each class keeps its positives and only those negatives that matter. Pictures are described on
demand, one after the other, for all classes at once::

    first pass      positives, and a few negatives of each picture at random   -> fit
    each round      score all windows of each picture; keep negatives above `hard`
                    fit again; forget negatives below `evict`

Which side we take where the paper and the released code differ. As the paper (section 4.1): negatives overlap no
object of the class by more than .3, and a negative is dropped if it overlaps another one of its picture by more than
.7; the code drops only windows that pool the same cells. As the code: hinge loss, features scaled to a mean norm of 20,
what counts as hard and what is forgotten, and a new fit whenever 2,000 negatives have been found.
"""

from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from minispp.boxes import iou, nms
from minispp.detection.samples import Samples, Windows
from minispp.detection.svm import fit_svm, scores, square_norms


class Described(NamedTuple):
    """What is known of the windows of one picture."""

    features: np.ndarray
    """(R, D) float32"""
    overlaps: np.ndarray
    """(R, K): the largest IoU of each window with an object of each class; 0 where there is none."""
    boxes: np.ndarray
    """(R, 4)"""
    is_truth: np.ndarray
    """(R,) bool: the window is the ground truth of an object, not a proposal."""


class Round(NamedTuple):
    """What happened between two fits: arrays (K,), one entry for each class."""

    positives: np.ndarray
    negatives: np.ndarray
    """What remained after the last fit of the round."""
    found: np.ndarray
    """New negatives: those drawn at first, or the hard ones of this round."""
    evicted: np.ndarray
    objective: np.ndarray
    gap: np.ndarray
    """Of the last fit, see `minispp.detection.svm.SVM`."""
    seconds: float
    """With the description of the pictures."""


class Detectors(NamedTuple):
    """A linear function a class: ``scale * features @ weights + intercepts``."""

    weights: np.ndarray
    """(D, K) float64"""
    intercepts: np.ndarray
    """(K,) float64"""
    scale: float
    """Makes the mean norm of the features what the SVMs were trained on."""
    history: tuple = ()
    """A `Round` for the first pass and for each round of mining."""

    def score(self, features):
        """The scores of windows, (R, K) float64, for features (R, D) as they come from the net.

        Examples
        --------
        >>> detectors = Detectors(np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([0.0, 0.5]), scale=2.0)
        >>> detectors.score([[1.0, 3.0]]).tolist()
        [[2.0, -5.5]]
        """
        return scores(features, self.scale * self.weights, self.intercepts)


def fit_detectors(
    pictures,
    classes,
    *,
    C=0.001,
    positive_weight=2.0,
    bias=10.0,
    loss="hinge",
    positive_iou=None,
    negative_iou=0.3,
    duplicate_iou=0.7,
    rounds=2,
    hard=-1.0,
    evict=-1.2,
    first_negatives=20,
    refit_after=2000,
    most_negatives=20_000,
    norm=20.0,
    tolerance=1e-3,
    seed=0,
    progress=True,
):
    """Train one SVM for each class against the rest, mining for hard negatives.

    Features are kept once for all classes, ``4 D`` bytes a window. With P positives of all classes that is at most
    ``4 D (P + K (most_negatives + refit_after + R))``, and as much again for a moment while the array grows.

    Parameters
    ----------
    pictures : sequence of Described
        ``pictures[i]`` is asked for once in each pass, so it may be computed then.
    classes : sequence of str
        K names, for messages.
    C, positive_weight, bias, loss, tolerance
        As for `minispp.detection.svm.fit_svm`, on scaled features.
    positive_iou : float, optional
        Proposals that overlap an object of the class by at least this much are positives, as its ground truth is.
        None: the ground truth alone (paper, section 4.1).
    negative_iou : float
        Windows that overlap every object of the class by this much at most are its negatives, the ground truth of
        other classes included.
    duplicate_iou : float
        A negative is dropped if it overlaps another one of the same picture and class by more: one that is kept
        already, one drawn earlier (first pass), or one that scores higher (mining).
    rounds : int
        Passes of mining.
    hard, evict : float
        Negatives that score above `hard` are found; those that score below `evict` are forgotten after a fit.
        The loss of the hinge begins at -1.
    first_negatives : int
        To draw from each picture in the first pass.
    refit_after : int
        A class is fitted again when it has found this many new negatives, and at the end of each pass.
    most_negatives : int
        Of a class after a fit; if there are more, the highest scores stay.
    norm : float
        The mean norm of the scaled features, over all windows of all pictures.
    seed : int
    progress : bool

    Returns
    -------
    Detectors

    Raises
    ------
    ValueError
        If a class has no positives or no negatives, a picture is not described for these classes, or a feature is not
        finite.

    Examples
    --------
    >>> pictures = [Described(np.float32([[3, 0], [0, 3]]), np.float32([[1, 0], [0, 1]]),
    ...                       np.array([[0, 0, 5, 5], [5, 5, 9, 9]]), np.array([True, True]))]
    >>> detectors = fit_detectors(pictures, ["disc", "ring"], C=1.0)
    >>> (detectors.score(pictures[0].features) > 0).tolist()
    [[True, False], [False, True]]
    """
    for name, value, least in (
        ("rounds", rounds, 0),
        ("first_negatives", first_negatives, 1),
        ("refit_after", refit_after, 1),
        ("most_negatives", most_negatives, 1),
    ):
        if value < least:
            raise ValueError(f"fit_detectors: expected {name} of at least {least}, got {value}")
    fit = partial(fit_svm, C=C, positive_weight=positive_weight, bias=bias, loss=loss, tolerance=tolerance, seed=seed)
    refit = partial(Samples.fit, fit_svm=fit, evict=evict, most=most_negatives)
    windows, history, clock = Windows(), [], perf_counter()
    samples = [Samples(windows) for _ in classes]

    few = min(first_negatives, max(1, most_negatives // max(1, len(pictures))))
    total = count = 0
    for number, picture in _described(pictures, len(classes), "first pass", progress):
        norms = np.sqrt(square_norms(picture.features))
        if not np.isfinite(norms).all():
            raise ValueError(f"fit_detectors: features of picture {number} are not finite")
        total, count = total + norms.sum(), count + len(norms)
        order = np.random.default_rng([seed, number]).permutation(len(norms))
        for k, of_class in enumerate(samples):
            positives, negatives = positives_and_negatives(picture, k, positive_iou, negative_iou)
            of_class.add(number, positives, picture.features[positives], True)
            drawn = order[np.isin(order, negatives)][:few]  # one order: the classes share most of what they draw
            drawn = drawn[nms(picture.boxes[drawn], -np.arange(len(drawn)), duplicate_iou)]
            of_class.add(number, drawn, picture.features[drawn], False)
    _require_both(samples, classes, len(pictures))
    scale = float(norm * count / total) if total else 1.0
    windows.scale(scale)
    for of_class in samples:
        refit(of_class)
    history.append(_round(samples, clock))

    for turn in range(rounds):
        clock = perf_counter()
        for number, picture in _described(pictures, len(classes), f"mining, round {turn + 1}", progress):
            score = _detectors(samples, scale).score(picture.features)
            for k, of_class in enumerate(samples):
                _, negatives = positives_and_negatives(picture, k, positive_iou, negative_iou)
                above, kept = negatives[score[negatives, k] > hard], of_class.negatives_of(number)
                mined = without_duplicates(picture.boxes, above, score[:, k], kept, duplicate_iou)
                of_class.add(number, mined, np.float32(scale) * picture.features[mined], False)
                if of_class.new >= refit_after:
                    refit(of_class)
        for of_class in samples:
            refit(of_class)
        history.append(_round(samples, clock))
    return _detectors(samples, scale, tuple(history))


def positives_and_negatives(picture, k, positive_iou=None, negative_iou=0.3):
    """Which windows of a picture are examples of class k, and which are examples of what it is not.

    The ground truth of a class overlaps an object of it by 1. One that overlaps no object by 1 is neither: its box has
    no area, or, being difficult, was left out of the overlaps.

    Parameters
    ----------
    picture : Described
    k : int
    positive_iou, negative_iou : float
        As for `fit_detectors`.

    Returns
    -------
    positives, negatives : int64 arrays
        Rows, increasing.

    Examples
    --------
    >>> overlaps = np.float32([[1, 0], [0, 1], [0.8, 0], [0.5, 0.2]])
    >>> picture = Described(np.zeros((4, 1)), overlaps, np.zeros((4, 4)), np.array([True, True, False, False]))
    >>> [rows.tolist() for rows in positives_and_negatives(picture, 0)]
    [[0], [1]]
    >>> [rows.tolist() for rows in positives_and_negatives(picture, 0, positive_iou=0.7)]
    [[0, 2], [1]]
    """
    overlaps, truth = picture.overlaps[:, k], picture.is_truth
    positive = truth & (overlaps == 1)
    if positive_iou is not None:
        positive |= ~truth & (overlaps >= positive_iou)
    negative = (overlaps <= negative_iou) & ~positive
    negative &= ~truth | (picture.overlaps.max(axis=1, initial=0) == 1)
    return np.flatnonzero(positive), np.flatnonzero(negative)


def without_duplicates(boxes, rows, score, kept, threshold):
    """Those of `rows` that do not overlap what is `kept`, nor one another, by more than `threshold`; best first.

    Parameters
    ----------
    boxes : array (R, 4)
    rows, kept : int arrays
        Rows of boxes. A row that is kept already is dropped too.
    score : array (R,)
    threshold : float

    Returns
    -------
    int64 array

    Examples
    --------
    >>> boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [20, 0, 29, 9], [20, 0, 29, 8], [40, 0, 49, 9]])
    >>> without_duplicates(boxes, [1, 2, 3, 4], np.array([5, 1, 2, 3, 0]), [0], 0.7).tolist()
    [3, 4]
    """
    rows = np.setdiff1d(rows, kept)
    rows = rows[~(iou(boxes[rows], boxes[kept]) > threshold).any(axis=1)]
    return rows[nms(boxes[rows], score[rows], threshold)]


# ---------------------------------------------------------------------------------------------------


def _described(pictures, classes, title, progress):
    """Each picture with its number, its shapes checked."""
    width = None
    for number in tqdm(range(len(pictures)), desc=title, unit="picture", delay=2, disable=not progress):
        picture = Described(*map(np.asarray, pictures[number]))
        count, width = len(picture.boxes), picture.features.shape[-1] if width is None else width
        shapes = Described((count, width), (count, classes), (count, 4), (count,))
        for name, array, shape in zip(Described._fields, picture, shapes, strict=True):
            if array.shape != shape:
                raise ValueError(f"fit_detectors: picture {number}: expected {name} {shape}, got {array.shape}")
        yield number, picture


def _require_both(samples, classes, pictures):
    """Raise a ValueError that names the first class without positives, or without negatives."""
    for name, of_class in zip(classes, samples, strict=True):
        for kind, present in (("positives", of_class.positive), ("negatives", ~of_class.positive)):
            if not present.any():
                raise ValueError(f"fit_detectors: class {name!r} has no {kind} in {pictures} pictures")


def _round(samples, clock):
    columns = zip(*(of_class.report() for of_class in samples), strict=True)
    return Round(*map(np.array, columns), perf_counter() - clock)


def _detectors(samples, scale, history=()):
    weights = np.stack([of_class.svm.weights for of_class in samples], axis=1)
    return Detectors(weights, np.array([of_class.svm.intercept for of_class in samples]), scale, history)

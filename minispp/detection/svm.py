"""Linear support vector machines, one class against the rest, by dual coordinate descent.

With labels y of 1 and -1, and a constant feature `bias` beside the others::

    P(w, v) = (|w|^2 + v^2) / 2 + sum over i of C_i loss(y_i (w . x_i + v bias)),    intercept = v bias
    loss(m) = max(0, 1 - m)  (hinge)   or its square,                                C_i = C positive_weight or C

The intercept is part of what is kept small; the larger `bias`, the less that matters. The dual has one alpha for each
sample, ``w = sum over i of alpha_i y_i x_i``, and is minimised along one alpha at a time, in closed form
(Hsieh, Chang, Lin, Keerthi, Sundararajan: A Dual Coordinate Descent Method for Large-scale Linear SVM, 2008).
R-CNN and SPP-net train their detectors so (SPP-net paper, section 4.1).
"""

from typing import NamedTuple

import numpy as np

from minispp.detection import coordinate_descent

LOSSES = ("hinge", "squared hinge")


class SVM(NamedTuple):
    """A trained SVM: it says "positive" where ``features @ weights + intercept > 0``.

    ``objective - gap`` is a lower bound of what any weights can reach, so ``gap / objective`` is the proven error.
    """

    weights: np.ndarray
    """(D,) float64"""
    intercept: float
    alphas: np.ndarray
    """(n,) float64, one for each sample; 0 where the sample does not matter."""
    objective: float
    """P(w, v)"""
    gap: float
    """P less the dual objective: at least 0, and 0 at the optimum."""
    passes: int
    """Over the samples. As many as were allowed: the tolerance was not reached."""

    def scores(self, features):
        """``features @ weights + intercept``, (R,) float64, for features (R, D)."""
        return scores(features, self.weights[:, None], [self.intercept])[:, 0]


def fit_svm(
    features,
    labels,
    C=0.001,
    positive_weight=1.0,
    bias=1.0,
    loss="hinge",
    *,
    rows=None,
    alphas=None,
    tolerance=1e-3,
    max_passes=1000,
    seed=0,
):
    """Minimise P(w, v), see above.

    It stops when, in a pass over all samples, no margin ``y (w . x + v bias)`` was on the wrong side of 1 by more than
    `tolerance`: too small where alpha could grow, too large where it could shrink (the projected gradient of the dual;
    for the squared hinge the margin has ``alpha / (2 C_i)`` added).

    Parameters
    ----------
    features : float array (M, D)
        float32 is not copied; sums are float64 in any case.
    labels : array (n,) of bool, or of 1 and -1
    C : float
        What the loss of a sample costs.
    positive_weight : float
        How much more a positive sample costs. One of weight 2 counts as two equal ones.
    bias : float
        The constant feature; 0 for an intercept of 0.
    loss : str
        "hinge" or "squared hinge".
    rows : int array (n,), optional
        Which rows of `features` the samples are; all, in order, if not given.
    alphas : array (n,), optional
        Where to start: of an earlier SVM, with 0 for new samples. What exceeds its bound is set to it.
    tolerance : float
    max_passes : int
    seed : int
        For the order of the samples. The same seed gives the same bits.

    Returns
    -------
    SVM

    Raises
    ------
    ValueError
        If shapes do not fit, a feature is not finite, a parameter is out of range, or one of the classes is missing.

    Examples
    --------
    >>> svm = fit_svm([[-2.0], [0.0], [2.0], [5.0]], [-1, -1, 1, 1], C=10.0, tolerance=1e-6)
    >>> svm.weights.round(3).tolist(), round(svm.intercept, 3)
    ([1.0], -1.0)
    """
    features, rows, signs = _samples(features, labels, rows)
    costs = _costs(signs, C, positive_weight, bias, loss)
    if not tolerance > 0 or max_passes < 1:
        raise ValueError(
            f"fit_svm: expected tolerance > 0 and max_passes >= 1, got tolerance={tolerance}, max_passes={max_passes}"
        )
    for name, sign in (("positive", 1), ("negative", -1)):
        if not (signs == sign).any():
            raise ValueError(f"fit_svm: expected samples of both classes, got no {name} one among {len(signs)}")
    upper = costs if loss == "hinge" else np.full(len(costs), np.inf)
    slack = np.zeros(len(costs)) if loss == "hinge" else 1 / (2 * costs)
    alphas = _first_alphas(alphas, upper)

    curvature = square_norms(features, rows=rows)
    if not np.isfinite(curvature).all():
        raise ValueError(f"fit_svm: features of sample {int(np.argmin(np.isfinite(curvature)))} are not finite")
    curvature += bias**2 + slack

    weights = np.empty((1, features.shape[1] + 1))
    coordinate_descent.combine(features, rows, signs, alphas, float(bias), weights)
    passes = coordinate_descent.descend(
        features, rows, signs, curvature, upper, slack, float(bias), alphas, weights, tolerance, max_passes, seed
    )
    # Rounding has gathered in what was added up over the passes.
    coordinate_descent.combine(features, rows, signs, alphas, float(bias), weights)
    weights = weights[0]
    primal = _primal(features, rows, signs, costs, weights, bias, loss)
    dual = np.sum(alphas - slack * alphas**2 / 2) - np.sum(weights**2) / 2
    return SVM(weights[:-1].copy(), float(weights[-1] * bias), alphas, primal, float(primal - dual), int(passes))


def objective(
    features, labels, weights, intercept, C=0.001, positive_weight=1.0, bias=1.0, loss="hinge", *, rows=None
):
    """P(w, v) of any weights (D,) and intercept; parameters as for `fit_svm`.

    Examples
    --------
    >>> objective([[-2.0], [0.0], [2.0], [5.0]], [-1, -1, 1, 1], [1.0], -1.5, C=10.0, bias=100.0)
    5.5001125
    """
    features, rows, signs = _samples(features, labels, rows)
    costs = _costs(signs, C, positive_weight, bias, loss)
    weights = np.asarray(weights, np.float64)
    if weights.shape != features.shape[1:]:
        raise ValueError(f"objective: expected weights {features.shape[1:]}, got {weights.shape}")
    if not bias and intercept:
        raise ValueError(f"objective: expected an intercept of 0 where the bias is 0, got {intercept}")
    last = intercept / bias if bias else 0.0
    return _primal(features, rows, signs, costs, np.append(weights, last), bias, loss)


def scores(features, weights, intercepts, *, rows=None):
    """``features @ weights + intercepts``, in float64, for K linear functions at once.

    The same bits for a row whatever other rows are beside it, and whatever the number of threads.

    Parameters
    ----------
    features : float array (R, D)
    weights : array (D, K)
    intercepts : array (K,)
    rows : int array (R,), optional
        Which rows of `features`; all, in order, if not given.

    Returns
    -------
    float64 array (R, K)

    Examples
    --------
    >>> scores([[1.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]], [0.5, 0.0]).tolist()
    [[1.5, 2.0]]
    """
    features, weights = _matrix("scores", features), np.asarray(weights, np.float64)
    if weights.ndim != 2 or len(weights) != features.shape[1] or np.shape(intercepts) != weights.shape[1:]:
        raise ValueError(
            f"scores: expected features (R, D), weights (D, K) and intercepts (K,), "
            f"got {features.shape}, {weights.shape} and {np.shape(intercepts)}"
        )
    rows = _rows(rows, len(features))
    out = np.empty((len(rows), weights.shape[1]))
    coordinate_descent.products(features, rows, np.ascontiguousarray(weights.T), out)
    return out + np.asarray(intercepts, np.float64)


def square_norms(features, *, rows=None):
    """``|x|^2`` of each row of features (R, D), or of those in `rows`: float64 (R,). The bits as for `scores`.

    Examples
    --------
    >>> square_norms([[3.0, 4.0], [0.0, 2.0]]).tolist()
    [25.0, 4.0]
    """
    features = _matrix("square_norms", features)
    rows = _rows(rows, len(features))
    out = np.empty(len(rows))
    coordinate_descent.squares(features, rows, out)
    return out


# ---------------------------------------------------------------------------------------------------


def _matrix(where, features):
    """The features as a contiguous float matrix."""
    features = np.asarray(features)
    if features.dtype not in (np.float32, np.float64):
        features = features.astype(np.float64)
    if features.ndim != 2:
        raise ValueError(f"{where}: expected features (R, D), got shape {features.shape}")
    return np.ascontiguousarray(features)


def _rows(rows, count):
    """Numbers of rows as int64, checked: the loops would read anywhere."""
    if rows is None:
        return np.arange(count)
    rows = np.asarray(rows)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise ValueError(f"svm: expected rows (n,) of integers, got {rows.dtype} {rows.shape}")
    if rows.size and not 0 <= rows.min() <= rows.max() < count:
        raise ValueError(f"svm: expected rows from 0 to {count - 1}, got {rows.min()} .. {rows.max()}")
    return np.ascontiguousarray(rows, dtype=np.int64)


def _samples(features, labels, rows):
    """Features, the row of each sample in them, and labels as 1.0 and -1.0."""
    features, labels = _matrix("svm", features), np.asarray(labels)
    rows = _rows(rows, len(features))
    if labels.shape != rows.shape:
        raise ValueError(f"svm: expected a label for each of {len(rows)} samples, got labels {labels.shape}")
    if labels.dtype != bool and not np.isin(labels, (-1, 1)).all():
        raise ValueError(f"svm: expected labels True and False, or 1 and -1, got {np.unique(labels).tolist()[:5]}")
    return features, rows, np.where(labels > 0, 1.0, -1.0)


def _costs(signs, C, positive_weight, bias, loss):
    """C_i of each sample."""
    if loss not in LOSSES:
        raise ValueError(f'svm: expected the loss "hinge" or "squared hinge", got {loss!r}')
    if not (0 < C < np.inf and 0 < positive_weight < np.inf and 0 <= bias < np.inf):
        raise ValueError(
            "svm: expected C > 0, positive_weight > 0 and bias >= 0, "
            f"got C={C}, positive_weight={positive_weight}, bias={bias}"
        )
    return np.where(signs > 0, C * positive_weight, C)


def _first_alphas(alphas, upper):
    """Where to start: a new array, within the bounds."""
    if alphas is None:
        return np.zeros(len(upper))
    alphas = np.asarray(alphas, np.float64)
    if alphas.shape != upper.shape or not (alphas >= 0).all():
        raise ValueError(f"fit_svm: expected {len(upper)} alphas of at least 0, got {alphas.shape}")
    return np.minimum(alphas, upper)


def _primal(features, rows, signs, costs, weights, bias, loss):
    """P(w, v) of weights (D + 1,), the last of which is v."""
    margins = np.empty((len(rows), 1))
    coordinate_descent.products(features, rows, weights[None, :-1].copy(), margins)
    short = np.maximum(0, 1 - signs * (margins[:, 0] + bias * weights[-1]))
    losses = short if loss == "hinge" else short**2
    # Not a product of vectors: BLAS shares long ones out, and the bits then depend on the number of threads.
    return float(np.sum(weights**2) / 2 + np.sum(costs * losses))

"""Box regression: from the features of a window to where its object really ends.

A window that overlaps an object is moved onto it by four numbers (`minispp.boxes.encode`), and these are predicted from
the window's features by ridge regression, for each class by itself (R-CNN, appendix C; SPP-net paper, section 4.1).
With features x, targets y, their means m and n, and the targets' covariance S::

    T = (S + 0.001 I)^(-1/2),    W = argmin  sum over i of |T (y_i - n) - W' (x_i - m)|^2  +  ridge |W|^2
    y(x) = n + T^-1 W' (x - m)

The targets are *whitened* by T: each direction counts by its own spread. Since one `ridge` serves all four, T cancels
in y(x), to rounding: W is linear in the targets. What it is good for is the `error`, in units of that spread.
R-CNN's code adds a constant feature, and shrinks its weight as well; centring leaves the means as they are.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, cho_factor, cho_solve

from minispp.boxes import decode, encode
from minispp.detection.svm import scores
from minispp.kernels.cpu.blas import one_thread
from minispp.windows import require_positive

FLOOR = 1e-3  # added to the covariance, as in R-CNN: directions without spread are not blown up
BLOCK = 512  # rows that become float64 at once


class BoxRegressor(NamedTuple):
    """``deltas = features @ weights + intercepts``, which move boxes of one class."""

    weights: np.ndarray
    """(D, 4) float64"""
    intercepts: np.ndarray
    """(4,) float64"""
    samples: int = 0
    """How many windows it was fitted to."""
    error: float = 0.0
    """Mean square of what is left of a whitened target: about 1 if the features say nothing, 0 for a perfect fit."""

    @classmethod
    def fit(cls, features, boxes, targets, ridge=1000.0):
        """The regressor that moves `boxes` (N, 4), known by `features` (N, D), onto `targets` (N, 4).

        For more windows than memory holds, see `BoxSamples`.

        Examples
        --------
        >>> boxes, targets = [[0, 0, 10, 10], [0, 0, 20, 20]], [[0, 5, 10, 15], [0, -10, 20, 10]]
        >>> regressor = BoxRegressor.fit([[1.0], [-1.0]], boxes, targets, ridge=1e-9)
        >>> regressor.predict([[0.5]], [[0, 0, 40, 40]]).round(3).tolist()
        [[0.0, 10.0, 40.0, 50.0]]
        """
        samples = BoxSamples(np.shape(features)[1])
        samples.add(features, boxes, targets)
        return samples.solve(ridge)

    def predict(self, features, boxes):
        """The moved boxes, float64 (R, 4), not clipped to any picture."""
        return predict_all([self], features, boxes)[:, 0]


def predict_all(regressors, features, boxes):
    """Every box as the regressor of every class moves it: float64 (R, K, 4), not clipped to any picture.

    Parameters
    ----------
    regressors : sequence of BoxRegressor
        K of them.
    features : float array (R, D)
    boxes : array (R, 4)

    Examples
    --------
    >>> still, right = BoxSamples(1).solve(), BoxRegressor(np.zeros((1, 4)), np.array([0, 0.5, 0, 0]))
    >>> predict_all([still, right], [[7.0]], [[0, 0, 10, 20]]).tolist()
    [[[0.0, 0.0, 10.0, 20.0], [0.0, 10.0, 10.0, 30.0]]]
    """
    count = len(regressors)
    weights = np.concatenate([regressor.weights for regressor in regressors], axis=1)
    intercepts = np.concatenate([regressor.intercepts for regressor in regressors])
    deltas = scores(features, weights, intercepts)
    return decode(np.repeat(boxes, count, axis=0), deltas.reshape(-1, 4)).reshape(-1, count, 4)


class BoxSamples:
    """Windows of one class and their targets, as they come; then the regressor.

    Up to D windows are kept, and the equations have one unknown for each. Beyond, they are added to the sum of
    ``z z'`` with ``z = (x, 1, y)``, which has all that the solution needs: ``4 D^2`` bytes for windows that wait and
    ``8 (D + 5)^2`` for the sum, and that once more while solving, however many windows there are. For
    D = 4800 these are 92, 185 and 184 MB.

    Parameters
    ----------
    width : int
        D, the number of features.

    Examples
    --------
    >>> samples = BoxSamples(1)
    >>> for x in (1.0, 2.0, 3.0):  # one picture after the other
    ...     samples.add([[x]], [[0, 0, 10, 10]], [[0, x, 10, 10 + x]])
    >>> samples.solve(ridge=1e-6).predict([[4.0]], [[0, 0, 10, 10]]).round(3).tolist()
    [[0.0, 4.0, 10.0, 14.0]]
    """

    def __init__(self, width):
        require_positive("BoxSamples", width=width)
        self.width = width
        self.count = 0
        self._waiting, self._deltas = [], []
        self._sum = None  # Fortran order, upper triangle

    def add(self, features, boxes, targets):
        """Add n windows.

        Parameters
        ----------
        features : float array (n, D)
        boxes, targets : array (n, 4)
            Each with an area.

        Raises
        ------
        ValueError
            If shapes do not fit, a box has no area, or a feature is not finite.
        """
        features, deltas = np.array(features), encode(boxes, targets)
        if features.shape != (len(deltas), self.width):
            raise ValueError(f"BoxSamples: expected features {(len(deltas), self.width)}, got {features.shape}")
        if not np.isfinite(features).all():
            row = int(np.argmin(np.isfinite(features).all(axis=1)))
            raise ValueError(f"BoxSamples: features of window {row} are not finite")
        self._waiting.append(features)
        self._deltas.append(deltas)
        self.count += len(deltas)
        if sum(map(len, self._waiting)) > self.width:
            self._add_up()

    def solve(self, ridge=1000.0, fewest=1):
        """The regressor. More windows may be added after it.

        For features that are scaled by s elsewhere, ``ridge / s**2`` here is what `ridge` is there.

        Parameters
        ----------
        ridge : float
            Above 0.
        fewest : int
            With fewer windows than this, the regressor leaves every box as it is. One window alone moves all alike.

        Returns
        -------
        BoxRegressor

        Raises
        ------
        ValueError
            If `ridge` is not positive, or so small that the equations cannot be solved.
        """
        if not 0 < ridge < np.inf:
            raise ValueError(f"BoxSamples: expected ridge > 0, got {ridge}")
        if self.count < max(1, fewest):
            return BoxRegressor(np.zeros((self.width, 4)), np.zeros(4), self.count)
        try:
            with one_thread():  # the bits of a factorisation depend on the number of threads
                return self._solve_by_windows(ridge) if self._sum is None else self._solve_by_features(ridge)
        except np.linalg.LinAlgError:
            raise ValueError(f"BoxSamples: a ridge of {ridge} is too small for these features") from None

    def _add_up(self):
        """Add the windows that wait to the sum of z z'."""
        if self._sum is None:
            self._sum = np.zeros((self.width + 5, self.width + 5), order="F")
        features, deltas = np.concatenate(self._waiting), np.concatenate(self._deltas)
        self._waiting, self._deltas = [], []
        with one_thread():
            for first in range(0, len(features), BLOCK):
                part = slice(first, first + BLOCK)
                z = np.hstack([features[part], np.ones((len(features[part]), 1)), deltas[part]])
                self._sum = blas.dsyrk(1.0, z.T, beta=1.0, c=self._sum, overwrite_c=1)

    def _solve_by_windows(self, ridge):
        """W = X' (X X' + ridge)^-1 Y, with X (N, D) and Y (N, 4) centred: N unknowns."""
        x, y = np.concatenate(self._waiting).astype(np.float64), np.concatenate(self._deltas)
        mean, middle = x.mean(axis=0), y.mean(axis=0)
        x -= mean
        y -= middle
        whiten, restore = _whitening(y.T @ y / len(y))
        y = y @ whiten
        products = blas.dsyrk(1.0, x.T, trans=1)
        products.flat[:: len(x) + 1] += ridge
        left = cho_solve(cho_factor(products, overwrite_a=True, check_finite=False), y, check_finite=False)
        weights = blas.dgemm(1.0, x.T, left)
        # y - X W = ridge * left
        error = ridge**2 * np.sum(left**2) / y.size
        return self._regressor(weights @ restore, mean, middle, error)

    def _solve_by_features(self, ridge):
        """W = (X' X + ridge)^-1 X' Y: D unknowns. Centred sums from plain ones: sum (x-m)(y-n)' = sum x y' - N m n'."""
        if self._waiting:
            self._add_up()
        d, count = self.width, self.count
        sums = self._sum[:d, d + 1 :]
        mean, middle = self._sum[:d, d] / count, self._sum[d, d + 1 :] / count
        spread = np.triu(self._sum[d + 1 :, d + 1 :])
        spread = spread + np.triu(spread, 1).T - count * np.outer(middle, middle)
        whiten, restore = _whitening(spread / count)
        targets = (sums - count * np.outer(mean, middle)) @ whiten
        products = blas.dsyr(-count, mean, a=self._sum[:d, :d].copy(order="F"), overwrite_a=1)
        products.flat[:: d + 1] += ridge
        factor = cho_factor(products, overwrite_a=True, check_finite=False)
        weights = cho_solve(factor, targets, check_finite=False)
        # |Y - X W|^2 with (X'X + ridge) W = X'Y; rounding may leave it just below 0.
        left = np.trace(whiten @ spread @ whiten) - np.sum(weights * targets) - ridge * np.sum(weights**2)
        return self._regressor(weights @ restore, mean, middle, max(0.0, left) / (4 * count))

    def _regressor(self, weights, mean, middle, error):
        return BoxRegressor(weights, middle - np.sum(mean[:, None] * weights, axis=0), self.count, float(error))


def _whitening(covariance):
    """T and its inverse, both symmetric (4, 4)."""
    variances, directions = np.linalg.eigh(covariance)
    spread = np.sqrt(np.maximum(variances, 0) + FLOOR)
    return directions / spread @ directions.T, directions * spread @ directions.T

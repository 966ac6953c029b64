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
    """Mean square of what is left of a whitened target: near 1 if the features say nothing, 0 for a perfect fit."""

    @classmethod
    def fit(cls, features, boxes, targets, ridge=1000.0):
        """The regressor that moves `boxes` (N, 4), known by `features` (N, D), onto `targets` (N, 4).

        See `BoxSamples`, for more windows than memory holds.

        Examples
        --------
        >>> boxes, targets = [[0, 0, 10, 10], [0, 0, 20, 20]], [[0, 5, 10, 15], [0, -10, 20, 10]]
        >>> regressor = BoxRegressor.fit([[1.0], [-1.0]], boxes, targets, ridge=1e-9)
        >>> regressor.predict([[0.5]], [[0, 0, 40, 40]]).round(3).tolist()
        [[0.0, 10.0, 40.0, 50.0]]
        """
        samples = BoxSamples()
        samples.add(features, boxes, targets)
        return samples.solve(ridge)

    def predict(self, features, boxes):
        """The moved boxes, float64 (R, 4), not clipped to any picture. The same bits however many threads there are."""
        return decode(boxes, scores(features, self.weights, self.intercepts))

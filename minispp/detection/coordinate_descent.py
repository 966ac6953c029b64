"""Dual coordinate descent for linear SVMs: the compiled loops below `minispp.detection.svm`.

Almost all of the time goes into products of a row of features with the weights. A sum in one variable must be added in
order and cannot become vector instructions; `product` keeps LANES partial sums side by side instead. Features stay in
the float type that they have and are widened on the way: the loop waits for memory, so float64 sums cost nothing.

The last entry of the weights belongs to the constant feature `bias`, which is not stored.
"""

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import compiled, parallel

LANES = np.uint64(64)  # partial sums; the compiler makes scalars of 16, which take 2 to 14 times as long
BLOCK = 64  # rows of one task
SMALL = 1_000_000  # multiplications, half a millisecond: where cores are busy, waiting for a second thread takes longer


@compiled
def product(a, i, b, j, partial):
    """``sum over k of a[i, k] * b[j, k]``, k over the columns of a; `partial` (LANES,) float64 is room to work in.

    Partial sum l takes the columns l, l + LANES, ...; then halves are added to halves. The order, and with it every
    bit, depends on the number of columns alone. (Matrices and rows, not views of rows: each view would be made and its
    users counted, which shows where rows are short.)
    """
    size = np.uint64(a.shape[1])
    end = size - size % LANES
    for lane in range(LANES):
        partial[lane] = 0.0
    for k in range(np.uint64(0), end, LANES):
        for lane in range(LANES):
            partial[lane] += a[i, k + lane] * b[j, k + lane]
    for lane in range(size - end):
        partial[lane] += a[i, end + lane] * b[j, end + lane]
    half = LANES
    while half > np.uint64(1):
        half //= np.uint64(2)
        for lane in range(half):
            partial[lane] += partial[half + lane]
    return partial[0]


@compiled
def add_multiple(weights, factor, features, row):
    """``weights[0] += factor * features[row]``, in place."""
    for k in range(np.uint64(features.shape[1])):
        weights[0, k] += factor * features[row, k]


def products(features, rows, weights, out):
    """``out[i, k] = features[rows[i]] . weights[k]``, weights (K, D) float64; a row is read once for all k."""
    parts = _products_in_parallel if len(rows) * weights.size >= SMALL else _products
    parts(features, rows, weights, 0, len(rows), out)


def squares(features, rows, out):
    """``out[i] = |features[rows[i]]|^2``."""
    parts = _squares_in_parallel if len(rows) * features.shape[1] >= SMALL else _squares
    parts(features, rows, 0, len(rows), out)


@compiled
def _products(features, rows, weights, first, last, out):
    partial = np.empty(LANES)
    for i in range(first, last):
        for k in range(len(weights)):
            out[i, k] = product(features, rows[i], weights, k, partial)


@parallel
def _products_in_parallel(features, rows, weights, first, last, out):
    for task in prange((last - first + BLOCK - 1) // BLOCK):
        start = first + task * BLOCK
        _products(features, rows, weights, start, min(last, start + BLOCK), out)


@compiled
def _squares(features, rows, first, last, out):
    partial = np.empty(LANES)
    for i in range(first, last):
        out[i] = product(features, rows[i], features, rows[i], partial)


@parallel
def _squares_in_parallel(features, rows, first, last, out):
    for task in prange((last - first + BLOCK - 1) // BLOCK):
        start = first + task * BLOCK
        _squares(features, rows, start, min(last, start + BLOCK), out)


@compiled
def combine(features, rows, signs, alphas, bias, weights):
    """``weights[0] = sum over i of alphas[i] * signs[i] * (features[rows[i]], bias)``, weights (1, D + 1)."""
    size = features.shape[1]
    weights[:] = 0.0
    for i in range(len(rows)):
        factor = alphas[i] * signs[i]
        if factor != 0.0:
            add_multiple(weights, factor, features, rows[i])
            weights[0, size] += factor * bias


@compiled
def descend(features, rows, signs, curvature, upper, slack, bias, alphas, weights, tolerance, max_passes, seed):
    """Minimise the dual over one alpha after another; `alphas` and `weights` are changed in place.

    A pass visits the active samples in random order. A sample whose alpha sits at a bound, and whose gradient says so
    more clearly than that of any sample of the last pass disagreed, is left out of the next passes (shrinking; Hsieh
    et al. 2008, section 3.2). When the active samples are done, all are looked at again.

    Parameters
    ----------
    features : float array (M, D), C-contiguous
    rows : int64 array (n,)
        The row of `features` of each sample.
    signs : float64 array (n,)
        The labels, 1 or -1.
    curvature : float64 array (n,)
        Second derivative of the dual along each alpha: ``|x|^2 + bias^2 + slack``.
    upper : float64 array (n,)
        Upper bound of each alpha; infinite for the squared hinge.
    slack : float64 array (n,)
        ``1 / (2 C)`` of each sample for the squared hinge, else 0.
    bias, tolerance : float
    alphas : float64 array (n,)
    weights : float64 array (1, D + 1)
        What `combine` makes of `alphas`.
    max_passes, seed : int

    Returns
    -------
    int
        Passes; max_passes if the tolerance was not reached.
    """
    size, samples = features.shape[1], len(rows)
    order, active, state = np.arange(samples), samples, np.uint64(seed)
    partial = np.empty(LANES)
    above, below = np.inf, -np.inf  # the largest and smallest projected gradients of the last pass
    for done in range(max_passes):
        state = _shuffle(order[:active], state)
        largest = smallest = 0.0  # not -inf and inf: projected gradients that are all wrong alike span nothing
        place = 0
        while place < active:
            i = order[place]
            alpha = alphas[i]
            score = product(features, rows[i], weights, 0, partial) + bias * weights[0, size]
            gradient = signs[i] * score - 1.0 + slack[i] * alpha
            if (alpha == 0.0 and gradient > above) or (alpha == upper[i] and gradient < below):
                active -= 1
                order[place], order[active] = order[active], order[place]
                continue
            place += 1
            projected = gradient
            if alpha == 0.0:
                projected = min(gradient, 0.0)
            elif alpha == upper[i]:
                projected = max(gradient, 0.0)
            largest, smallest = max(largest, projected), min(smallest, projected)
            if projected != 0.0:
                # A sample without features or bias has curvature 0 and gradient -1: it goes to its bound, by infinity.
                alphas[i] = min(max(alpha - gradient / curvature[i], 0.0), upper[i])
                change = signs[i] * (alphas[i] - alpha)
                if change != 0.0:
                    add_multiple(weights, change, features, rows[i])
                    weights[0, size] += change * bias
        if largest - smallest <= tolerance:
            if active == samples:
                return done + 1
            active, above, below = samples, np.inf, -np.inf
        else:
            above = largest if largest > 0.0 else np.inf
            below = smallest if smallest < 0.0 else -np.inf
    return max_passes


@compiled
def _shuffle(order, state):
    """Fisher and Yates, in place, with numbers from splitmix64. Returns the generator's next state, a uint64 again.

    The last step of splitmix64 is left out: it mixes the lower bits, which are not used.
    """
    for last in range(len(order) - 1, 0, -1):
        state += np.uint64(0x9E3779B97F4A7C15)
        bits = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        # The upper half as a fraction of 2^32, times the choices: a division would take longer than all the rest.
        other = np.int64(((bits >> np.uint64(32)) * np.uint64(last + 1)) >> np.uint64(32))
        order[last], order[other] = order[other], order[last]
    return state

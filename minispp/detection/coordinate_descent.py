"""Dual coordinate descent for linear SVMs: the compiled loops below `minispp.detection.svm`.

Almost all of the time goes into products of a row of features with the weights. A sum in one variable must be added in
order and cannot become vector instructions; `product` keeps LANES partial sums side by side instead. Features stay in
the float type that they have and are widened on the way: the loop waits for memory, so float64 sums cost nothing.

The last entry of the weights belongs to the constant feature `bias`, which is not stored.
"""

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import compiled, parallel

LANES = np.uint64(64)  # partial sums; with 16, overhead shows, and more would not stay in registers
BLOCK = 64  # rows of one task


@compiled
def product(row, weights, partial):
    """``sum over k of row[k] * weights[k]``; `partial` (LANES,) float64 is room to work in.

    Partial sum j takes the features j, j + LANES, ...; then halves are added to halves. The order, and with it every
    bit, depends on the length alone.
    """
    size = np.uint64(len(row))
    end = size - size % LANES
    for j in range(LANES):
        partial[j] = 0.0
    for k in range(np.uint64(0), end, LANES):
        for j in range(LANES):
            partial[j] += row[k + j] * weights[k + j]
    for j in range(size - end):
        partial[j] += row[end + j] * weights[end + j]
    half = LANES
    while half > np.uint64(1):
        half //= np.uint64(2)
        for j in range(half):
            partial[j] += partial[half + j]
    return partial[0]


@compiled
def add_multiple(weights, factor, row):
    """``weights += factor * row``, in place."""
    for k in range(np.uint64(len(row))):
        weights[k] += factor * row[k]


@parallel
def products(features, rows, weights, out):
    """``out[i, k] = features[rows[i]] . weights[k]``, weights (K, D) float64; a row is read once for all k."""
    tasks = (len(rows) + BLOCK - 1) // BLOCK
    for task in prange(tasks):
        partial = np.empty(LANES)
        for i in range(task * BLOCK, min(len(rows), (task + 1) * BLOCK)):
            for k in range(len(weights)):
                out[i, k] = product(features[rows[i]], weights[k], partial)


@parallel
def squares(features, rows, out):
    """``out[i] = |features[rows[i]]|^2``."""
    tasks = (len(rows) + BLOCK - 1) // BLOCK
    for task in prange(tasks):
        partial = np.empty(LANES)
        for i in range(task * BLOCK, min(len(rows), (task + 1) * BLOCK)):
            row = features[rows[i]]
            out[i] = product(row, row, partial)


@compiled
def combine(features, rows, signs, alphas, bias, weights):
    """``weights = sum over i of alphas[i] * signs[i] * (features[rows[i]], bias)``."""
    size = len(weights) - 1
    weights[:] = 0.0
    for i in range(len(rows)):
        factor = alphas[i] * signs[i]
        if factor != 0.0:
            add_multiple(weights[:size], factor, features[rows[i]])
            weights[size] += factor * bias


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
    weights : float64 array (D + 1,)
        What `combine` makes of `alphas`.
    max_passes, seed : int

    Returns
    -------
    int
        Passes; max_passes if the tolerance was not reached.
    """
    size, samples = len(weights) - 1, len(rows)
    order, active, state = np.arange(samples), samples, np.uint64(seed)
    partial = np.empty(LANES)
    above, below = np.inf, -np.inf  # the largest and smallest projected gradients of the last pass
    for done in range(max_passes):
        state = _shuffle(order[:active], state)
        largest = smallest = 0.0  # not -inf and inf: projected gradients that are all wrong alike span nothing
        place = 0
        while place < active:
            i = order[place]
            row, alpha = features[rows[i]], alphas[i]
            score = product(row, weights[:size], partial) + bias * weights[size]
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
                    add_multiple(weights[:size], change, row)
                    weights[size] += change * bias
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
    """Fisher and Yates, in place, with numbers from splitmix64. Returns the generator's next state."""
    for last in range(len(order) - 1, 0, -1):
        state += np.uint64(0x9E3779B97F4A7C15)
        bits = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits ^= bits >> np.uint64(31)
        other = np.int64(bits % np.uint64(last + 1))
        order[last], order[other] = order[other], order[last]
    return state

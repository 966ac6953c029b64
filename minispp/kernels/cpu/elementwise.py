"""Functions that treat every value alike: one fused loop each, cut into equal parts."""

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import compiled, parallel
from minispp.kernels.cpu.memory import empty

CHUNK = 1 << 14  # values of one partial sum


def asarray(a, dtype=None):
    """`a` as a C-contiguous NumPy array."""
    return np.ascontiguousarray(a, dtype=dtype)


def to_numpy(a):
    """The array itself: this backend's arrays are NumPy's."""
    return np.asarray(a)


def add(into, a):
    """``into += a``, in place."""
    _add(_flat_in_place(into), np.ravel(a))


def relu(x):
    """``max(x, 0)``; NaN stays NaN."""
    y = empty(x.shape, x.dtype)
    _relu(np.ravel(x), y.reshape(-1))
    return y


def relu_backward(dy, y):
    """``dy`` where the output was positive, else 0."""
    dx = empty(dy.shape, dy.dtype)
    _relu_backward(np.ravel(dy), np.ravel(y), dx.reshape(-1))
    return dx


def dropout(x, rate, seed):
    """Keep or drop by an integer hash of (seed, index); its own backward."""
    y = empty(x.shape, x.dtype)
    _dropout(np.ravel(x), x.dtype.type(1 - rate), np.uint64(round(rate * 2**32)), np.uint64(seed), y.reshape(-1))
    return y


def square_sum(*arrays):
    """Array by array: chunks of a fixed length, each summed in float64, added in order."""
    total = 0.0
    for a in map(np.ravel, arrays):
        sums = np.zeros(-(-len(a) // CHUNK))
        _square_sums(a, sums)
        total += float(sums.sum())
    return total


def sgd(value, grad, velocity, rate, momentum, decay, scale):
    """Velocity and value in one pass."""
    kind = value.dtype.type
    numbers = kind(rate), kind(momentum), kind(decay), kind(scale)
    _sgd(_flat_in_place(value), np.ravel(grad), _flat_in_place(velocity), *numbers)


def _flat_in_place(a):
    if not a.flags.c_contiguous:
        raise ValueError(f"in-place kernels need a C-contiguous array, got strides {a.strides} for shape {a.shape}")
    return a.reshape(-1)


@parallel
def _add(into, a):
    for k in prange(len(into)):
        into[k] += a[k]


@parallel
def _relu(x, y):
    zero = x.dtype.type(0)  # beside an integer 0, float32 would become float64
    for k in prange(len(x)):
        y[k] = zero if x[k] <= zero else x[k]


@parallel
def _relu_backward(dy, y, dx):
    zero = dy.dtype.type(0)
    for k in prange(len(dy)):
        dx[k] = dy[k] if y[k] > zero else zero


@compiled
def _mix(z):
    """The SplitMix64 finaliser, as in the reference."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@parallel
def _dropout(x, keep_rate, threshold, seed, y):
    key = _mix(seed)
    for k in prange(len(x)):
        bits = _mix(key + np.uint64(k) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
        y[k] = x[k] / keep_rate if bits >= threshold else x.dtype.type(0)


# A sum that must wait for each addition uses a fraction of the memory's bandwidth. "reassoc" lets the compiler keep
# several sums side by side, and nothing else: NaN and infinity pass, and a chunk has the same bits on any thread.
@parallel(fastmath={"reassoc"})
def _square_sums(a, sums):
    for chunk in prange(len(sums)):
        start = np.int64(chunk) * CHUNK
        part = a[start : start + CHUNK]
        total = 0.0
        for k in range(len(part)):
            total += np.float64(part[k]) * np.float64(part[k])
        sums[chunk] = total


@parallel
def _sgd(value, grad, velocity, rate, momentum, decay, scale):
    for k in prange(len(value)):
        velocity[k] = momentum * velocity[k] - rate * (scale * grad[k] + decay * value[k])
        value[k] += velocity[k]

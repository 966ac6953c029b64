"""Functions that treat every value alike, and sums over all values. All are bound by memory.

Each thread takes one value, and then, if the array is longer than the grid, the one a grid further on. The threads of
a warp take neighbours, so what they read and write together are whole lines of memory.
"""

import numpy as np
from numba import cuda, float32, float64, uint64

from minispp.kernels.gpu.arrays import flat, flat_in_place, on_device
from minispp.kernels.gpu.compiler import THREADS, blocks_for, kernel
from minispp.kernels.gpu.memory import empty
from minispp.kernels.gpu.trees import sum_of

FOLD = 256  # threads that add what they hold in a tree: a power of two
CHUNK = 4096  # values of one partial sum

GOLDEN, MIX1, MIX2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
S27, S30, S31, S32 = (np.uint64(n) for n in (27, 30, 31, 32))


def add(into, a):
    """``into += a``, in place."""
    into, a = flat_in_place(into), flat(a)
    if a.size:
        _add[blocks_for(a.size), THREADS](into, a)


@kernel
def _add(into, a):
    """Adds one value.

    Moves 12 bytes and adds once, a value. Budget: 32 registers, 0 bytes shared.
    """
    k = cuda.grid(1)
    while k < a.size:
        into[k] += a[k]
        k += cuda.gridsize(1)


def relu(x):
    """``max(x, 0)``; NaN stays NaN."""
    x = on_device(x)
    y = empty(x.shape, x.dtype)
    if x.size:
        _relu[blocks_for(x.size), THREADS](flat(x), flat(y))
    return y


@kernel
def _relu(x, y):
    """Rectifies one value.

    Moves 8 bytes a value. Budget: 32 registers, 0 bytes shared.
    """
    k = cuda.grid(1)
    while k < x.size:
        y[k] = float32(0) if x[k] <= float32(0) else x[k]
        k += cuda.gridsize(1)


def relu_backward(dy, y):
    """``dy`` where the output was positive, else 0."""
    dy = on_device(dy)
    dx = empty(dy.shape, dy.dtype)
    if dy.size:
        _relu_backward[blocks_for(dy.size), THREADS](flat(dy), flat(y), flat(dx))
    return dx


@kernel
def _relu_backward(dy, y, dx):
    """Lets one gradient pass or not.

    Moves 12 bytes a value. Budget: 32 registers, 0 bytes shared.
    """
    k = cuda.grid(1)
    while k < dy.size:
        dx[k] = dy[k] if y[k] > float32(0) else float32(0)
        k += cuda.gridsize(1)


def dropout(x, rate, seed):
    """Keep or drop by an integer hash of (seed, index); its own backward."""
    x = on_device(x)
    y = empty(x.shape, x.dtype)
    if x.size:
        key, threshold = np.uint64(_mixed(seed)), np.uint64(round(rate * 2**32))
        _dropout[blocks_for(x.size), THREADS](flat(x), x.dtype.type(1 - rate), threshold, key, flat(y))
    return y


def _mixed(z):
    """The SplitMix64 finaliser, as in the reference, in Python's integers."""
    z = (z ^ (z >> 30)) * int(MIX1) & (2**64 - 1)
    z = (z ^ (z >> 27)) * int(MIX2) & (2**64 - 1)
    return z ^ (z >> 31)


@kernel
def _dropout(x, keep_rate, threshold, key, y):
    """Hashes the number of one value, and keeps the value or not.

    Moves 8 bytes and makes some 30 integer operations, a value. Budget: 40 registers, 0 bytes shared.
    """
    k = cuda.grid(1)
    while k < x.size:
        z = key + uint64(k) * GOLDEN
        z = (z ^ (z >> S30)) * MIX1
        z = (z ^ (z >> S27)) * MIX2
        z = (z ^ (z >> S31)) >> S32
        y[k] = x[k] / keep_rate if z >= threshold else float32(0)
        k += cuda.gridsize(1)


def sgd(value, grad, velocity, rate, momentum, decay, scale):
    """Velocity and value in one pass."""
    kind = value.dtype.type
    value, grad, velocity = flat_in_place(value), flat(grad), flat_in_place(velocity)
    if value.size:
        numbers = kind(rate), kind(momentum), kind(decay), kind(scale)
        _sgd[blocks_for(value.size), THREADS](value, grad, velocity, *numbers)


@kernel
def _sgd(value, grad, velocity, rate, momentum, decay, scale):
    """Moves one parameter.

    Moves 20 bytes and makes 7 operations, a value. Budget: 40 registers, 0 bytes shared.
    """
    k = cuda.grid(1)
    while k < value.size:
        v = momentum * velocity[k] - rate * (scale * grad[k] + decay * value[k])
        velocity[k] = v
        value[k] += v
        k += cuda.gridsize(1)


# ---------------------------------------------------------------------------------------------------
# Sums


def square_sum(*arrays):
    """Partial sums of a fixed length in float64, added in a fixed order: the same bits every time.

    However many arrays, one number leaves the device.
    """
    lines = [flat(a) for a in arrays]
    counts = [-(-line.size // CHUNK) for line in lines]
    sums, first = empty((sum(counts),), np.float64), 0
    for line, count in zip(lines, counts, strict=True):
        if count:
            _square_sums[count, FOLD](line, sums[first : first + count])
        first += count
    return totals(sums.reshape(1, sums.size))[0] if sums.size else 0.0


@kernel
def _square_sums(a, sums):
    """A block squares and adds a chunk: each thread every FOLD-th value, then all in a tree.

    Shared memory holds one float64 a thread. Moves 4 bytes a value, and makes 2 operations in float64, as the
    contract asks. Budget: 40 registers, 2048 bytes shared.
    """
    held = cuda.shared.array(FOLD, float64)
    first, mine = cuda.blockIdx.x * CHUNK, float64(0)
    for k in range(first + cuda.threadIdx.x, min(first + CHUNK, a.size), FOLD):
        mine += float64(a[k]) * float64(a[k])
    held[cuda.threadIdx.x] = mine
    whole = sum_of(held)
    if cuda.threadIdx.x == 0:
        sums[cuda.blockIdx.x] = whole


def totals(a):
    """The sum of each row of (R, N) values, as floats: R numbers leave the device, at once."""
    rows = len(a)
    if not a.size:
        return [0.0] * rows
    sums = empty((rows,), np.float64)
    _totals[rows, FOLD](a, sums)
    return sums.copy_to_host().tolist()


@kernel
def _totals(a, sums):
    """A block adds a row in float64: each thread every FOLD-th value, then all in a tree.

    Shared memory holds one float64 a thread. Moves 4 or 8 bytes a value. Budget: 40 registers, 2048 bytes shared.
    """
    held = cuda.shared.array(FOLD, float64)
    row, (_, columns), mine = cuda.blockIdx.x, a.shape, float64(0)
    for k in range(cuda.threadIdx.x, columns, FOLD):
        mine += float64(a[row, k])
    held[cuda.threadIdx.x] = mine
    whole = sum_of(held)
    if cuda.threadIdx.x == 0:
        sums[row] = whole

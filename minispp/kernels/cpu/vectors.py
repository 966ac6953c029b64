"""Fully connected layers and the loss.

A fully connected layer on a small batch is bound by reading its weights: 210 MB in fc6 of ZF-5, for 16 products with
each weight. BLAS first copies the weights into an order of its own, which pays when they are used hundreds of times; a
small batch multiplies them where they are. (Backward gained nothing from it: BLAS copies only the few vectors for
dw, and for dx the two were equal.) In both cases they are cut into blocks of rows, which are contiguous. On a large
batch the batch is cut instead.
"""

import numpy as np
from numba import prange

from minispp.kernels.cpu.blas import one_thread
from minispp.kernels.cpu.compiler import compiled, parallel
from minispp.kernels.cpu.memory import empty, empty_like

BLOCKS = 16  # of weight rows, whatever the number of threads
FEW = 48  # vectors, up to which the weights are not copied
LARGE = 256  # vectors of a tile; from two tiles on the batch itself is cut
TILE = 256  # columns: eight rows of them, and one of the result, are in the nearest cache


def linear(x, w, b):
    """``x w + b``."""
    x, w, b = np.ascontiguousarray(x), np.ascontiguousarray(w), np.ascontiguousarray(b)
    y = empty((len(x), w.shape[1]), x.dtype)
    blocks = min(BLOCKS, (len(w) + 63) // 64) if len(x) < 2 * LARGE else 0
    partial = np.zeros((blocks, *y.shape), x.dtype)
    if len(x) <= FEW:
        _linear_of_few(x, w, b, partial, y)
    elif len(x) < 2 * LARGE:
        with one_thread():
            _linear_by_weights(x, w, b, partial, y)
    else:
        with one_thread():
            _linear_by_batch(x, w, b, y)
    return y


def linear_backward(dy, x, w):
    """``dy w^T``, ``x^T dy`` and the sum of dy, block by block of the weights."""
    dy, x, w = np.ascontiguousarray(dy), np.ascontiguousarray(x), np.ascontiguousarray(w)
    dx, dw = empty_like(x), empty_like(w)
    with one_thread():
        _linear_backward(dy, x, w, dx, dw)
    return dx, dw, dy.sum(axis=0, dtype=dy.dtype)


@compiled
def _block(number, size, blocks):
    return number * size // blocks, (number + 1) * size // blocks


# "contract" lets a product and a sum be one instruction, with one rounding less, as in every BLAS; nothing else.
@compiled(fastmath={"contract"})
def _add_product(a, rows, out):
    """``out += a rows`` for a (M, K), rows (K, O), out (M, O), few M.

    Eight rows at a time: each load and store of the result serves eight products.
    """
    (m, k), o = a.shape, rows.shape[1]
    for left in range(0, o, TILE):
        right = min(o, left + TILE)
        i = 0
        while i + 8 <= k:
            some = rows[i : i + 8]
            r0, r1, r2, r3 = some[0, left:right], some[1, left:right], some[2, left:right], some[3, left:right]
            r4, r5, r6, r7 = some[4, left:right], some[5, left:right], some[6, left:right], some[7, left:right]
            for n in range(m):
                y, f = out[n, left:right], a[n, i : i + 8]
                f0, f1, f2, f3, f4, f5, f6, f7 = f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
                for c in range(right - left):
                    y[c] += (
                        f0 * r0[c] + f1 * r1[c] + f2 * r2[c] + f3 * r3[c]
                        + f4 * r4[c] + f5 * r5[c] + f6 * r6[c] + f7 * r7[c]
                    )  # fmt: skip
            i += 8
        for last in range(i, k):
            row = rows[last, left:right]
            for n in range(m):
                y, factor = out[n, left:right], a[n, last]
                for c in range(right - left):
                    y[c] += factor * row[c]


# Loops, where NumPy would take a slice: in a kernel, an array expression costs seconds to compile.
@compiled
def _copy(a, into):
    for n in range(a.shape[0]):
        for c in range(a.shape[1]):
            into[n, c] = a[n, c]


@compiled
def _add_partial(partial, b, y):
    """``y = b + partial[0] + partial[1] + ...``, in this order."""
    for n in range(len(y)):
        for c in range(len(b)):
            y[n, c] = b[c]
        for k in range(len(partial)):
            for c in range(len(b)):
                y[n, c] += partial[k, n, c]


@parallel
def _linear_of_few(x, w, b, partial, y):
    """Each block of weight rows meets its columns of x; the partial products are added in order."""
    blocks = len(partial)
    for k in prange(blocks):
        first, last = _block(np.int64(k), len(w), blocks)
        for start in range(first, last, 16):  # rows that wait in cache while the tiles go over them
            stop = min(last, start + 16)
            _add_product(x[:, start:stop], w[start:stop], partial[k])
    _add_partial(partial, b, y)


@parallel
def _linear_by_weights(x, w, b, partial, y):
    """The same with BLAS: a product for each block."""
    blocks = len(partial)
    for k in prange(blocks):
        start, stop = _block(np.int64(k), len(w), blocks)
        columns = np.empty((len(x), stop - start), x.dtype)
        _copy(x[:, start:stop], columns)
        np.dot(columns, w[start:stop], partial[k])
    _add_partial(partial, b, y)


@parallel
def _linear_by_batch(x, w, b, y):
    for tile in prange((len(x) + LARGE - 1) // LARGE):
        start = np.int64(tile) * LARGE
        stop = min(len(x), start + LARGE)
        np.dot(x[start:stop], w, y[start:stop])
        for n in range(start, stop):
            for c in range(len(b)):
                y[n, c] += b[c]


@parallel
def _linear_backward(dy, x, w, dx, dw):
    blocks = min(BLOCKS, (len(w) + 63) // 64)
    for k in prange(blocks):
        start, stop = _block(np.int64(k), len(w), blocks)
        columns = np.empty((len(x), stop - start), x.dtype)
        np.dot(dy, w[start:stop].T, columns)
        _copy(columns, dx[:, start:stop])
        _copy(x[:, start:stop], columns)
        np.dot(columns.T, dy, dw[start:stop])


def softmax_loss(z, labels, count):
    """Row by row, with the largest score subtracted first."""
    p = np.empty(z.shape, z.dtype)
    loss, wrong = _softmax_loss(np.ascontiguousarray(z), np.ascontiguousarray(labels), p)
    return loss / count, wrong, p


def softmax_loss_backward(p, labels, count):
    """``(p - one_hot(labels)) / count``."""
    dz = p / p.dtype.type(count)
    dz[np.arange(len(p)), labels] = (p[np.arange(len(p)), labels] - 1) / p.dtype.type(count)
    return dz


@compiled
def _softmax_loss(z, labels, p):
    loss, wrong = 0.0, 0
    for n in range(len(z)):
        largest, own = z[n].max(), z[n, labels[n]]
        total = z[n, 0] * 0
        for k in range(z.shape[1]):
            p[n, k] = np.exp(z[n, k] - largest)
            total += p[n, k]
        for k in range(z.shape[1]):
            p[n, k] /= total
        loss += np.log(total) - (own - largest)
        for k in range(z.shape[1]):
            if not (own > z[n, k] or own == z[n, k] and labels[n] <= k):
                wrong += 1
                break
    return loss, wrong

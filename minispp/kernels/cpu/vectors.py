"""Fully connected layers and the loss.

A fully connected layer on a small batch is bound by reading its weights. They are cut into blocks of rows, which
are contiguous, and each block serves one product; on a large batch the batch is cut instead.
"""

import numpy as np
from numba import njit, prange

from minispp.kernels.cpu.blas import one_thread

BLOCKS = 16  # of weight rows, whatever the number of threads
LARGE = 256  # vectors of a tile, and from how many on the batch itself is cut


def linear(x, w, b):
    """``x w + b``."""
    x, w, b = np.ascontiguousarray(x), np.ascontiguousarray(w), np.ascontiguousarray(b)
    y = np.empty((len(x), w.shape[1]), x.dtype)
    with one_thread():
        (_linear_by_batch if len(x) >= 2 * LARGE else _linear_by_weights)(x, w, b, y)
    return y


def linear_backward(dy, x, w):
    """``dy w^T``, ``x^T dy`` and the sum of dy, block by block of the weights."""
    dy, x, w = np.ascontiguousarray(dy), np.ascontiguousarray(x), np.ascontiguousarray(w)
    dx, dw = np.empty_like(x), np.empty_like(w)
    with one_thread():
        _linear_backward(dy, x, w, dx, dw)
    return dx, dw, dy.sum(axis=0, dtype=dy.dtype)


@njit(cache=True)
def _block(number, size, blocks):
    return number * size // blocks, (number + 1) * size // blocks


@njit(parallel=True, cache=True)
def _linear_by_weights(x, w, b, y):
    """Each block of weight rows meets its columns of x; the partial products are added in order."""
    blocks = min(BLOCKS, (len(w) + 63) // 64)
    partial = np.zeros((blocks, len(x), w.shape[1]), x.dtype)
    for k in prange(blocks):
        start, stop = _block(np.int64(k), len(w), blocks)
        np.dot(x[:, start:stop].copy(), w[start:stop], partial[k])
    for n in range(len(x)):
        y[n] = b
        for k in range(blocks):
            y[n] += partial[k, n]


@njit(parallel=True, cache=True)
def _linear_by_batch(x, w, b, y):
    for tile in prange((len(x) + LARGE - 1) // LARGE):
        start = np.int64(tile) * LARGE
        stop = min(len(x), start + LARGE)
        np.dot(x[start:stop], w, y[start:stop])
        for n in range(start, stop):
            y[n] += b


@njit(parallel=True, cache=True)
def _linear_backward(dy, x, w, dx, dw):
    blocks = min(BLOCKS, (len(w) + 63) // 64)
    for k in prange(blocks):
        start, stop = _block(np.int64(k), len(w), blocks)
        columns = np.empty((len(x), stop - start), x.dtype)
        np.dot(dy, w[start:stop].T, columns)
        dx[:, start:stop] = columns
        columns[:] = x[:, start:stop]
        np.dot(columns.T, dy, dw[start:stop])


def softmax_loss(z, labels, count):
    """Row by row, with the largest score subtracted first."""
    p = np.empty(z.shape, z.dtype)
    return _softmax_loss(np.ascontiguousarray(z), np.ascontiguousarray(labels), p) / count, p


def softmax_loss_backward(p, labels, count):
    """``(p - one_hot(labels)) / count``."""
    dz = p / p.dtype.type(count)
    dz[np.arange(len(p)), labels] = (p[np.arange(len(p)), labels] - 1) / p.dtype.type(count)
    return dz


@njit(cache=True)
def _softmax_loss(z, labels, p):
    loss = 0.0
    for n in range(len(z)):
        largest = z[n].max()
        total = z[n, 0] * 0
        for k in range(z.shape[1]):
            p[n, k] = np.exp(z[n, k] - largest)
            total += p[n, k]
        p[n] /= total
        loss += np.log(total) - (z[n, labels[n]] - largest)
    return loss

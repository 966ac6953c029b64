"""Convolution as matrix products over small batches of patches.

The patch under one output cell is ``kh`` runs of ``kw * C`` neighbouring values. A tile of a few hundred patches
is copied into a workspace that stays in cache, and one product with the weights, seen as a
(kh*kw*C, D) matrix, makes its outputs. The whole patch matrix never exists.

The gradient of the input is the same operation. With stride s, the input rows fall into s phases, and the rows of
one phase meet only every s-th row of the filter: so dx is s*s ordinary correlations of dy with
turned, thinned filters, one for each phase.
"""

import numpy as np
from numba import njit, prange

from minispp.kernels.cpu.blas import one_thread

WORKSPACE = 1 << 18  # values in the patches of one tile: 1 MB of float32
PARTS = 8  # partial sums of dw, whatever the number of threads


def conv2d(x, w, b, stride, pad):
    """Correlate maps with filters, a tile of output cells at a time."""
    n, height, width, _ = x.shape
    kh, kw, _, d = w.shape
    rows, columns = (height + 2 * pad - kh) // stride + 1, (width + 2 * pad - kw) // stride + 1
    y = np.empty((n, rows, columns, d), x.dtype)
    x, w, b = np.ascontiguousarray(x), np.ascontiguousarray(w), np.ascontiguousarray(b)
    with one_thread():
        _correlate(x, w, b, stride, -pad, -pad, y, 0, 0, 1, rows, columns)
    return y


def conv2d_backward(dy, x, w, stride, pad, need_dx=True):
    """``dw`` from the same patches as the forward pass; ``dx`` phase by phase."""
    dy, x, w = np.ascontiguousarray(dy), np.ascontiguousarray(x), np.ascontiguousarray(w)
    with one_thread():
        dw, db = _weight_gradient(dy, x, w.shape[0], w.shape[1], stride, pad)
        dx = _input_gradient(dy, w, stride, pad, x.shape) if need_dx else None
    return dx, dw.reshape(w.shape), db


def _input_gradient(dy, w, stride, pad, shape):
    """Input row i meets output row o through tap u if ``i + pad = o * stride + u``.

    Write ``i + pad = a * stride + phase``. Then u runs over ``phase, phase + stride, ...`` and o over
    ``a, a - 1, ...``: a correlation of dy, at stride 1, with every stride-th tap in reverse order.
    """
    _, height, width, c = shape
    # Where the stride exceeds the kernel, some inputs were never seen: their gradient is 0.
    dx = (np.zeros if stride > min(w.shape[:2]) else np.empty)(shape, dy.dtype)
    no_bias = np.zeros(c, dy.dtype)
    for first_row, top, vertical, rows in _phases(height, w.shape[0], stride, pad):
        for first_column, left, horizontal, columns in _phases(width, w.shape[1], stride, pad):
            turned = np.ascontiguousarray(w[vertical][:, horizontal].transpose(0, 1, 3, 2))
            _correlate(dy, turned, no_bias, 1, top, left, dx, first_row, first_column, stride, rows, columns)
    return dx


def _phases(size, kernel, stride, pad):
    """For each phase along an axis: first input, its first output, the taps in reverse, number of inputs."""
    for first in range(min(stride, size)):
        a, phase = divmod(first + pad, stride)
        taps = np.arange(phase, kernel, stride)[::-1]
        if len(taps):
            yield first, a - (len(taps) - 1), taps, len(range(first, size, stride))


@njit(cache=True)
def _copy_patch(x, image, top, left, kh, kw, into):
    """The values of x under a filter whose first tap lies at (top, left); zeros outside the map."""
    _, height, width, c = x.shape
    before, after = min(max(0, -left), kw) * c, max(0, min(kw, width - left)) * c
    k = 0
    for i in range(top, top + kh):
        if i < 0 or i >= height or before >= after:
            for t in range(kw * c):
                into[k + t] = 0
        else:
            row = x[image, i].reshape(-1)
            for t in range(before):
                into[k + t] = 0
            for t in range(before, after):
                into[k + t] = row[left * c + t]
            for t in range(after, kw * c):
                into[k + t] = 0
        k += kw * c


@njit(cache=True)
def _tile_length(cells, patch):
    """Output cells of a tile: as many as fit the workspace, but enough for a product to be worth its call."""
    return min(max(WORKSPACE // patch, 64), 512, max(cells, 1))


@njit(parallel=True, cache=True)
def _correlate(x, w, b, stride, top, left, y, first_row, first_column, step, rows, columns):
    """``rows x columns`` outputs an image, written to every `step`-th cell of y from the first one on.

    Output (i, j) sees x from ``(top + i*stride, left + j*stride)`` on. Tiles run through the cells of
    all images as one list, so small maps make full tiles too.
    """
    kh, kw, c, d = w.shape
    weights = w.reshape(kh * kw * c, d)
    cells = len(x) * rows * columns
    length = _tile_length(cells, kh * kw * c)
    for tile in prange((cells + length - 1) // length):
        start = np.int64(tile) * length
        count = min(length, cells - start)
        patches = np.empty((count, kh * kw * c), x.dtype)
        for k in range(count):
            image, cell = divmod(start + k, rows * columns)
            i, j = divmod(cell, columns)
            _copy_patch(x, image, top + i * stride, left + j * stride, kh, kw, patches[k])
        outputs = np.empty((count, d), x.dtype)
        np.dot(patches, weights, outputs)
        for k in range(count):
            image, cell = divmod(start + k, rows * columns)
            i, j = divmod(cell, columns)
            for m in range(d):
                y[image, first_row + i * step, first_column + j * step, m] = outputs[k, m] + b[m]


@njit(parallel=True, cache=True)
def _weight_gradient(dy, x, kh, kw, stride, pad):
    """``dw = patches^T dy``, ``db = sum of dy``: each part adds up its own tiles; the parts are added in order."""
    _, rows, columns, d = dy.shape
    size = kh * kw * x.shape[3]
    cells = len(x) * rows * columns
    length = _tile_length(cells, size)
    tiles = (cells + length - 1) // length
    flat = dy.reshape(cells, d)
    dw, db = np.zeros((PARTS, size, d), x.dtype), np.zeros((PARTS, d), x.dtype)
    for part in prange(PARTS):
        product = np.empty((size, d), x.dtype)
        for tile in range(part * tiles // PARTS, (part + 1) * tiles // PARTS):
            start = np.int64(tile) * length
            count = min(length, cells - start)
            patches = np.empty((count, size), x.dtype)
            for k in range(count):
                image, cell = divmod(start + k, rows * columns)
                i, j = divmod(cell, columns)
                _copy_patch(x, image, i * stride - pad, j * stride - pad, kh, kw, patches[k])
                for m in range(d):
                    db[part, m] += flat[start + k, m]
            np.dot(patches.T, flat[start : start + count], product)
            for k in range(size):
                for m in range(d):
                    dw[part, k, m] += product[k, m]
    for part in range(1, PARTS):
        db[0] += db[part]
    for k in prange(size):
        for part in range(1, PARTS):
            for m in range(d):
                dw[0, k, m] += dw[part, k, m]
    return dw[0], db[0]

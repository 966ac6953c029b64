"""Convolution as a matrix product over strips of output cells.

The patch under one output cell is ``kh`` runs of ``kw * C`` neighbouring values. A strip, some rows of outputs or a
part of one, has its patches copied side by side into a workspace that stays in cache, and one product with the
filters, seen as a (kh*kw*C, D) matrix, writes its outputs in their place. The whole patch matrix never exists.

The gradient of the filters is the product of the same patches with dy. The gradient of the input is a correlation
again: with stride s, the input rows fall into s phases, and the rows of one phase meet only every s-th row of
the filter, so dx is s*s correlations of dy, at stride 1, with turned, thinned filters, one for each phase.
"""

import numpy as np
from numba import prange

from minispp.kernels.cpu.blas import SMALL
from minispp.kernels.cpu.compiler import compiled, parallel

PATCHES = 1 << 18  # values in the patches of one strip: 1 MB of float32
FEW, CELLS = 32, 512  # outputs of a strip
SUMS = 1 << 22  # values in all partial sums of dw: 16 MB of float32
PARTS = 16  # partial sums at most, whatever the number of threads


def convolve(x, w, b, stride, pad, y):
    """Write ``y = x * w + b``."""
    rows, columns = y.shape[1:3]
    _correlate(x, w, b, stride, -pad, -pad, y, 0, 0, 1, rows, columns)


def input_gradient(dy, w, stride, pad, dx):
    """Write ``dx``, phase by phase.

    Input row i meets output row o through tap u if ``i + pad = o * stride + u``. Write
    ``i + pad = a * stride + phase``. Then u runs over ``phase, phase + stride, ...`` and o over
    ``a, a - 1, ...``: a correlation of dy, at stride 1, with every stride-th tap in reverse order.
    """
    _, height, width, c = dx.shape
    no_bias = np.zeros(c, dy.dtype)
    for first_row, top, vertical, rows in _phases(height, w.shape[0], stride, pad):
        for first_column, left, horizontal, columns in _phases(width, w.shape[1], stride, pad):
            turned = np.ascontiguousarray(w[vertical][:, horizontal].transpose(0, 1, 3, 2))
            _correlate(dy, turned, no_bias, 1, top, left, dx, first_row, first_column, stride, rows, columns)


def weight_gradient(dy, x, shape, stride, pad):
    """``dw = patches^T dy``, in a fixed number of partial sums that are added in order.

    Large filters leave room for few sums; then each task makes one kernel row of its sum.
    """
    kh, kw, c, d = shape
    parts = max(1, min(PARTS, SUMS // (kh * kw * c * d)))
    dw = np.zeros((parts, kh, kw * c, d), x.dtype)
    _weight_gradient(dy, x, stride, pad, 1 if parts == PARTS else kh, dw)
    _add_parts(dw.reshape(parts, -1))
    return dw[0].reshape(shape)


def _phases(size, kernel, stride, pad):
    """For each phase along an axis: first input, its first output, the taps in reverse, number of inputs."""
    for first in range(min(stride, size)):
        a, phase = divmod(first + pad, stride)
        taps = np.arange(phase, kernel, stride)[::-1]
        if len(taps):
            yield first, a - (len(taps) - 1), taps, len(range(first, size, stride))


@compiled
def _strip(rows, columns, patch, filters):
    """(rows, columns) of a strip: some whole rows, or an equal part of one.

    Small enough for a product without packing, if that leaves cells enough; else as large as pays.
    """
    cells = SMALL // (patch * filters)
    if cells < FEW:
        cells = min(CELLS, max(FEW, PATCHES // patch))
    if cells >= columns:
        return max(1, min(rows, cells // columns)), columns
    parts = (columns + cells - 1) // cells
    return 1, (columns + parts - 1) // parts


@compiled
def _copy_patches(x, image, row, left, stride, line, patches):
    """Row `row` of x under each filter of a strip, the first of which starts at column `left`.

    The pixels that the filters see are first copied to `line`, with zeros outside the map, and from there, without a
    further look at the edges, once to every patch that contains them.
    """
    _, height, width, c = x.shape
    columns, run = patches.shape
    if row < 0 or row >= height:
        for j in range(columns):
            into = patches[j]
            for k in range(run):
                into[k] = 0
        return
    length = (columns - 1) * stride + run // c
    before = min(max(0, -left), length)
    after = max(before, min(length, width - left))
    source, shift = x[image, row].reshape(-1), left * c
    for k in range(before * c):
        line[k] = 0
    if after > before:
        for k in range(before * c, after * c):
            line[k] = source[shift + k]
    for k in range(after * c, length * c):
        line[k] = 0
    for j in range(columns):
        into, start = patches[j], np.uint64(j * stride * c)
        for k in range(np.uint64(run)):  # unsigned: a negative index would count from the end, and cost a test each
            into[k] = line[start + k]


@parallel
def _correlate(x, w, b, stride, top, left, y, first_row, first_column, step, rows, columns):
    """``rows x columns`` outputs an image, written to every `step`-th cell of y from the first one on.

    Output (i, j) sees x from ``(top + i*stride, left + j*stride)`` on. The rows of all images are one list, so
    that small maps make full strips too.
    """
    kh, kw, c, d = w.shape
    filters = w.reshape(kh * kw * c, d)
    all_rows = len(x) * rows
    down, across = _strip(all_rows, columns, kh * kw * c, d)
    strips_across = (columns + across - 1) // across
    in_place = step == 1 and first_row == 0 and first_column == 0 and y.shape[1] == rows and y.shape[2] == columns
    cells = y.reshape(-1, d)
    for strip in prange((all_rows + down - 1) // down * strips_across):
        block, part = divmod(np.int64(strip), strips_across)
        start, stop = block * down, min(all_rows, (block + 1) * down)
        first, last = part * across, min(columns, (part + 1) * across)
        line = np.empty(((last - first - 1) * stride + kw) * c, x.dtype)
        patches = np.empty((stop - start, last - first, kh, kw * c), x.dtype)
        for r in range(start, stop):
            image, i = divmod(r, rows)
            for u in range(kh):
                row = top + i * stride + u
                _copy_patches(x, image, row, left + first * stride, stride, line, patches[r - start, :, u])
        matrix = patches.reshape((stop - start) * (last - first), kh * kw * c)
        if in_place:
            outputs = cells[start * columns + first : (stop - 1) * columns + last]
            np.dot(matrix, filters, outputs)
            for k in range(len(outputs)):
                for m in range(d):
                    outputs[k, m] += b[m]
        else:
            outputs = np.empty((len(matrix), d), x.dtype)
            np.dot(matrix, filters, outputs)
            for k in range(len(outputs)):
                r, j = divmod(k, last - first)
                image, i = divmod(start + r, rows)
                cell = y[image, first_row + i * step, first_column + (first + j) * step]
                for m in range(d):
                    cell[m] = outputs[k, m] + b[m]


@parallel
def _weight_gradient(dy, x, stride, pad, groups, dw):
    """Each task adds the products of its own rows of outputs, for its own group of kernel rows."""
    n, rows, columns, d = dy.shape
    parts, kh, run, _ = dw.shape
    c = x.shape[3]
    taps = kh // groups
    all_rows = n * rows
    down, across = _strip(all_rows, columns, taps * run, d)
    cells = dy.reshape(-1, d)
    for task in prange(parts * groups):
        part, group = divmod(np.int64(task), groups)
        total = dw[part, group * taps : (group + 1) * taps].reshape(taps * run, d)
        product, line = np.empty((taps * run, d), x.dtype), np.empty((across * stride * c + run), x.dtype)
        room = np.empty(down * across * taps * run, x.dtype)
        end = (part + 1) * all_rows // parts
        for start in range(part * all_rows // parts, end, down):
            stop = min(end, start + down)
            for first in range(0, columns, across):
                last = min(columns, first + across)
                count = (stop - start) * (last - first)
                patches = room[: count * taps * run].reshape(stop - start, last - first, taps, run)
                for r in range(start, stop):
                    image, i = divmod(r, rows)
                    for u in range(taps):
                        row = i * stride - pad + group * taps + u
                        _copy_patches(x, image, row, first * stride - pad, stride, line, patches[r - start, :, u])
                grads = cells[start * columns + first : (stop - 1) * columns + last]
                np.dot(patches.reshape(count, taps * run).T, grads, product)
                for k in range(taps * run):
                    for m in range(d):
                        total[k, m] += product[k, m]


@parallel
def _add_parts(sums):
    """Add all rows to the first, in order."""
    for k in prange(sums.shape[1]):
        for part in range(1, len(sums)):
            sums[0, k] += sums[part, k]

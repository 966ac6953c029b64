"""Convolution by the cheaper of two methods: Winograd's (`winograd`), or products over strips (`strips`).

`convolution_path` is the one rule that chooses, from the shapes alone.
"""

import numpy as np
from numba import prange

from minispp.kernels.cpu import strips, winograd
from minispp.kernels.cpu.blas import one_thread
from minispp.kernels.cpu.compiler import parallel
from minispp.kernels.cpu.memory import empty, empty_like

PARTS = 16  # partial sums of db, whatever the number of threads

# What moving one value through a workspace costs, in multiplications of a matrix product that take as long.
PATCH_VALUE = 8  # copied into a patch
POINT_VALUE = 32  # evaluated at the six points, or read off from there


def convolution_path(x_shape, w_shape, stride, pad):
    """How a convolution of these shapes runs: ``"strips"``, or ``"Winograd F(m x m, r x r)"`` with m and r filled in.

    With C channels, D filters, k x k taps, and T tiles for the N*H'*W' outputs, the costs are, in multiplications::

        strips      N*H'*W' * k*k*C * (D + PATCH_VALUE)
        winograd    T * 36 * (s*s*C*D + POINT_VALUE * (s*s*C + D))

    Winograd's method serves square filters with ``2 <= ceil(k / s) <= 5``. It loses on few channels, where
    evaluation costs more than it saves, and on maps so small that most of a tile lies outside. Its rounding errors
    are some ten times larger (3e-6 of the largest value in float32), and a NaN or inf spreads from the
    outputs that see it to their whole tile.

    Examples
    --------
    >>> convolution_path((8, 13, 13, 256), (3, 3, 256, 384), stride=1, pad=1)
    'Winograd F(4x4, 3x3)'
    >>> convolution_path((8, 224, 224, 3), (7, 7, 3, 96), stride=2, pad=1)
    'strips'
    >>> convolution_path((8, 1, 1, 256), (3, 3, 256, 384), stride=1, pad=1)
    'strips'
    """
    grid = _grid(x_shape, w_shape, stride, pad)
    if grid is None:
        return "strips"
    m, r = grid.m, winograd.SIDE + 1 - grid.m
    return f"Winograd F({m}x{m}, {r}x{r})"


def _grid(x_shape, w_shape, stride, pad):
    """The tiles for Winograd's method; None where strips are cheaper."""
    k, kw, c, d = w_shape
    outputs = _output_size(x_shape, w_shape, stride, pad)
    grid = winograd.tiling(outputs, k, stride, pad) if k == kw else None
    if grid is None:
        return None
    inner = stride * stride * c
    by_strips = x_shape[0] * outputs[0] * outputs[1] * k * k * c * (d + PATCH_VALUE)
    count = x_shape[0] * grid.rows * grid.columns
    by_winograd = count * winograd.POINTS * (inner * d + POINT_VALUE * (inner + d))
    return grid if by_winograd < by_strips else None


def _output_size(x_shape, w_shape, stride, pad):
    return tuple((x_shape[axis] + 2 * pad - w_shape[axis - 1]) // stride + 1 for axis in (1, 2))


def conv2d(x, w, b, stride, pad):
    """Correlate maps with filters."""
    y = empty((len(x), *_output_size(x.shape, w.shape, stride, pad), w.shape[3]), x.dtype)
    x, w, b = np.ascontiguousarray(x), np.ascontiguousarray(w), np.ascontiguousarray(b)
    grid = _grid(x.shape, w.shape, stride, pad)
    with one_thread():
        if grid is None:
            strips.convolve(x, w, b, stride, pad, y)
        else:
            winograd.convolve(x, w, b, y, grid)
    return y


def conv2d_backward(dy, x, w, stride, pad, need_dx=True):
    """``dw``, ``db`` and, if asked for, ``dx``: by the method that served forward."""
    dy, x, w = np.ascontiguousarray(dy), np.ascontiguousarray(x), np.ascontiguousarray(w)
    grid = _grid(x.shape, w.shape, stride, pad)
    sums = np.zeros((PARTS, dy.shape[3]), dy.dtype)
    _bias_gradient(dy.reshape(-1, dy.shape[3]), sums)
    # Where the stride exceeds the kernel, some inputs were never seen, and tiles add up: both need zeros to begin with.
    dx = empty_like(x) if need_dx else None
    if need_dx:
        _clear(dx.reshape(-1))
    with one_thread():
        if grid is None:
            dw = strips.weight_gradient(dy, x, w.shape, stride, pad)
            if need_dx:
                strips.input_gradient(dy, w, stride, pad, dx)
        else:
            dw = winograd.gradients(dy, x, w, dx, grid)
    return dx, dw, sums[0]


@parallel
def _bias_gradient(dy, sums):
    """``db``, in the first row: a fixed number of partial sums over cells, added in order."""
    cells, d = dy.shape
    for part in prange(PARTS):
        total = sums[part]
        for cell in range(part * cells // PARTS, (part + 1) * cells // PARTS):
            for m in range(d):
                total[m] += dy[cell, m]
    for part in range(1, PARTS):
        for m in range(d):
            sums[0, m] += sums[part, m]


@parallel
def _clear(a):
    for k in prange(len(a)):
        a[k] = 0

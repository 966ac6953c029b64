"""Filters to the six points and back: G g G^T and its transpose."""

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import compiled, parallel
from minispp.kernels.cpu.memory import empty
from minispp.kernels.cpu.winograd.points import POINTS, SIDE, filter_matrix, zeros

LINE = 16  # values: a cache line of float32


def evaluate(w, side, by_filter, u=None):
    """``U = G g G^T``, into u if given: (36, D, channels of a cell) by filter, else (36, channels of a cell, D)."""
    kernel, _, c, d = w.shape
    cells = side * side
    if by_filter:
        taps, steps, shape = empty((kernel, kernel, d, c), w.dtype), (cells * c, c), (POINTS, d, cells * c)
        _transpose(w.reshape(-1, c, d), taps.reshape(-1, d, c))
    else:
        taps, steps, shape = w, (d, c * d), (POINTS, cells * c, d)
    u = empty(shape, w.dtype) if u is None else u
    _evaluate(taps, filter_matrix(-(-kernel // side), w.dtype), side, *steps, u.reshape(POINTS, -1))
    return u


def gradient(du, side, dw):
    """``dw = G^T dU G``; taps beyond the kernel are dropped."""
    _gradient(du, filter_matrix(-(-len(dw) // side), dw.dtype), side, dw)


@parallel
def _transpose(a, b):
    """Each matrix ``b[k] = a[k]^T``, in squares whose lines stay in cache."""
    _, rows, columns = a.shape
    blocks = (columns + LINE - 1) // LINE
    for task in prange(len(a) * blocks):
        k, block = divmod(np.int64(task), blocks)
        left, right = block * LINE, min(columns, (block + 1) * LINE)
        for top in range(0, rows, LINE):
            for j in range(left, right):
                for i in range(top, min(rows, top + LINE)):
                    b[k, j, i] = a[k, i, j]


@parallel
def _evaluate(taps, g, side, row_step, cell_step, u):
    """Row r of the taps, in the place (down, across) of a cell, goes to one run of values at each point."""
    kernel, _, rows, length = taps.shape
    for task in prange(side * side * rows):
        sub, r = divmod(np.int64(task), rows)
        down, across = divmod(sub, side)
        mid = zeros(SIDE * g.shape[1] * length, taps).reshape(SIDE, g.shape[1], length)
        for s in range(g.shape[1]):
            for t in range(g.shape[1]):
                i, j = side * s + down, side * t + across
                if i < kernel and j < kernel:
                    for p in range(SIDE):
                        _add_multiple(g[p, s], taps[i, j, r], mid[p, t])
        start = r * row_step + sub * cell_step
        for p in range(SIDE):
            for q in range(SIDE):
                out = u[SIDE * p + q, start : start + length]
                for z in range(length):
                    out[z] = 0
                for t in range(g.shape[1]):
                    _add_multiple(g[q, t], mid[p, t], out)


@parallel
def _gradient(du, g, side, dw):
    kernel, _, channels, length = dw.shape
    for row in prange(du.shape[1]):
        sub, c = divmod(np.int64(row), channels)
        down, across = divmod(sub, side)
        total = np.empty(length, dw.dtype)
        for s in range(g.shape[1]):
            mid = zeros(SIDE * length, dw).reshape(SIDE, length)
            for p in range(SIDE):
                for q in range(SIDE):
                    _add_multiple(g[p, s], du[SIDE * p + q, row], mid[q])
            for t in range(g.shape[1]):
                i, j = side * s + down, side * t + across
                if i < kernel and j < kernel:
                    for z in range(length):
                        total[z] = 0
                    for q in range(SIDE):
                        _add_multiple(g[q, t], mid[q], total)
                    for z in range(length):
                        dw[i, j, c, z] = total[z]


@compiled
def _add_multiple(factor, values, out):
    """``out += factor * values``."""
    for z in range(len(out)):
        out[z] += factor * values[z]

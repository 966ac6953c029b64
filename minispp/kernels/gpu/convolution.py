"""Convolution: one thread an output, to be read first, and for float64; products in tiles (`products`) for float32.

dx is a correlation too. The taps under which windows saw an input cell differ by the stride, so the cells fall into
``stride * stride`` *phases*. Each of these is an ordinary correlation, at stride 1, of dy with every stride-th tap,
turned by half a turn, channels and filters exchanged. Nothing is multiplied by the zeros that a stride would put
between the dy's.
"""

from math import prod
from typing import NamedTuple

import numpy as np
from numba import cuda

from minispp.kernels.gpu.arrays import flat, on_device
from minispp.kernels.gpu.compiler import THREADS, blocks_for, kernel
from minispp.kernels.gpu.memory import empty
from minispp.kernels.gpu.products import correlate, weigh
from minispp.kernels.gpu.tiles import add_parts, parts_for, tile_for, with_parts

RUN = 256  # cells that one thread adds up for db


def conv2d(x, w, b, stride, pad):
    """Correlate maps with filters."""
    x, w, b = on_device(x), on_device(w), on_device(b)
    (n, height, width, _), (kh, kw, _, d) = x.shape, w.shape
    rows, columns = (height + 2 * pad - kh) // stride + 1, (width + 2 * pad - kw) // stride + 1
    y = empty((n, rows, columns, d), x.dtype)
    if y.size and x.dtype == np.float32:
        correlated(x, w, b, stride, pad, y)
    elif y.size:
        _convolve[blocks_for(y.size), THREADS](x, w, b, stride, pad, y)
    return y


def correlated(x, w, b, stride, pad, y):
    """Y in float32, by products in tiles."""
    (_, height, width, c), (kh, kw, _, _) = x.shape, w.shape
    n, rows, columns, d = y.shape
    windows, depth = n * rows * columns, kw * c
    tile, x, w = tile_for(windows, d), flat(x), flat(w)
    geometry = (height, width * c), (kh, depth, d), (windows, rows, columns)
    walk, place = (stride, stride * c, -pad, -pad * c), (rows, columns, 1, 0, 0)

    def launch(target, bias):
        grid = -(-windows // tile.rows), -(-d // tile.columns), target.size // y.size
        correlate(tile)[grid, tile.threads](x, w, bias, flat(target), *geometry, walk, place)

    with_parts(y, parts_for(tile, windows, d, kh * depth), launch, b)


@kernel
def _convolve(x, w, b, stride, pad, y):
    """Each thread makes one output, by the formula: the readable first step, and what runs in float64.

    Nothing is shared: every thread reads all the inputs and weights of its output, which other threads read too. Moves
    ``8 * kh*kw*C`` bytes, mostly from cache, for ``2 * kh*kw*C`` operations. Budget: 72 registers, 0 bytes shared.
    """
    _, height, width, channels = x.shape
    kh, kw, _, _ = w.shape
    _, rows, columns, d_count = y.shape
    k = cuda.grid(1)
    while k < y.size:
        window, d = divmod(k, d_count)
        n, ij = divmod(window, rows * columns)
        i, j = divmod(ij, columns)
        total = b[d]
        for u in range(max(0, pad - i * stride), min(kh, height + pad - i * stride)):
            for v in range(max(0, pad - j * stride), min(kw, width + pad - j * stride)):
                for c in range(channels):
                    total += x[n, i * stride + u - pad, j * stride + v - pad, c] * w[u, v, c, d]
        y[n, i, j, d] = total
        k += cuda.gridsize(1)


def conv2d_backward(dy, x, w, stride, pad, need_dx=True):
    """``dw``, ``db`` and, if asked for, ``dx``: products in tiles in float32; in float64 one thread a gradient."""
    dy, x, w = on_device(dy), on_device(x), on_device(w)
    dx = empty(x.shape, x.dtype) if need_dx else None
    dw, tiled = empty(w.shape, w.dtype), x.dtype == np.float32
    if need_dx and dx.size and tiled:
        input_gradient(dy, w, stride, pad, dx)
    elif need_dx and dx.size:
        _gather_gradient[blocks_for(dx.size), THREADS](dy, w, stride, pad, dx)
    if dw.size and tiled:
        weight_gradient(dy, x, stride, pad, dw)
    elif dw.size:
        _sum_gradient[blocks_for(dw.size), THREADS](dy, x, stride, pad, dw)
    return dx, dw, column_sums(dy)


def input_gradient(dy, w, stride, pad, dx):
    """Dx in float32, phase by phase. A phase without taps, for a stride above the kernel, is a sum of nothing: 0."""
    (n, height, width, c), (_, rows, columns, d) = dx.shape, dy.shape
    phases = [
        (_phase(row, height, w.shape[0], stride, pad), _phase(column, width, w.shape[1], stride, pad))
        for row in range(min(stride, height))
        for column in range(min(stride, width))
    ]
    turned = [_turned(w, down, across, stride) for down, across in phases]
    lines = flat(dy)

    def launch(target, bias):
        parts = target.size // dx.size
        for (down, across), filters in zip(phases, turned, strict=True):
            cells = n * down.count * across.count
            tile, depth = tile_for(cells, c), across.taps * d
            grid = -(-cells // tile.rows), -(-c // tile.columns), parts
            geometry = (rows, columns * d), (down.taps, depth, c), (cells, down.count, across.count)
            walk, place = (1, d, down.start, across.start * d), (height, width, stride, down.first, across.first)
            correlate(tile)[grid, tile.threads](lines, filters, bias, flat(target), *geometry, walk, place)

    down, across = phases[0]
    cells = n * down.count * across.count
    parts = parts_for(tile_for(cells, c), cells, c, down.taps * across.taps * d)
    with_parts(dx, parts, launch, empty((0,), dx.dtype))


class Phase(NamedTuple):
    """Along one axis: the first cell and how many there are, every `stride`-th; the first tap that meets them, how many
    there are; the window that the first cell's last tap, which is the first when turned, belongs to.
    """

    first: int
    count: int
    tap: int
    taps: int
    start: int


def _phase(first, size, kernel_size, stride, pad):
    """Cell h is under tap u of window i if ``h = i * stride + u - pad``: u has the phase of ``h + pad``.

    Examples
    --------
    >>> _phase(0, size=5, kernel_size=3, stride=2, pad=1)
    Phase(first=0, count=3, tap=1, taps=1, start=0)
    >>> _phase(1, size=5, kernel_size=3, stride=2, pad=1)
    Phase(first=1, count=2, tap=0, taps=2, start=0)
    """
    tap = (first + pad) % stride
    taps = max(0, -(-(kernel_size - tap) // stride))
    return Phase(first, -(-(size - first) // stride), tap, taps, (first + pad) // stride - (taps - 1))


def _turned(w, down, across, stride):
    """The filters of a phase as a line of (taps down, taps across, D, C)."""
    _, _, c, d = w.shape
    turned = empty((down.taps * across.taps * d * c,), w.dtype)
    if turned.size:
        taps = down.tap, across.tap, down.taps, across.taps
        _turn[blocks_for(turned.size), THREADS](w, taps, stride, turned)
    return turned


@kernel
def _turn(w, taps, stride, turned):
    """Each thread moves one weight, then that of the place a grid further on.

    Moves 8 bytes a weight, of which it reads 4 far from its neighbour's. Budget: 48 registers, 0 bytes shared.
    """
    first_u, first_v, down, across = taps
    _, _, channels, d_count = w.shape
    k = cuda.grid(1)
    while k < turned.size:
        tap_d, c = divmod(k, channels)
        tap, d = divmod(tap_d, d_count)
        u, v = divmod(tap, across)
        turned[k] = w[first_u + (down - 1 - u) * stride, first_v + (across - 1 - v) * stride, c, d]
        k += cuda.gridsize(1)


@kernel
def _gather_gradient(dy, w, stride, pad, dx):
    """Each thread gathers the gradient of one input from the windows that saw it.

    Moves ``8 * D`` bytes for ``2 * D`` operations a window, of which there are about ``kh*kw / stride^2``. Budget: 64
    registers, 0 bytes shared.
    """
    _, height, width, channels = dx.shape
    kh, kw, _, d_count = w.shape
    _, rows, columns, _ = dy.shape
    k = cuda.grid(1)
    while k < dx.size:
        cell, c = divmod(k, channels)
        n, hk = divmod(cell, height * width)
        h, q = divmod(hk, width)
        total = dx.dtype.type(0)
        for u in range((h + pad) % stride, min(kh, h + pad + 1), stride):
            i = (h + pad - u) // stride
            for v in range((q + pad) % stride, min(kw, q + pad + 1), stride):
                j = (q + pad - v) // stride
                if i < rows and j < columns:
                    for d in range(d_count):
                        total += dy[n, i, j, d] * w[u, v, c, d]
        dx[n, h, q, c] = total
        k += cuda.gridsize(1)


def weight_gradient(dy, x, stride, pad, dw):
    """Dw in float32, by products in tiles over all windows."""
    (_, height, width, c), (kh, kw, _, d) = x.shape, dw.shape
    n, rows, columns, _ = dy.shape
    windows, depth = n * rows * columns, kw * c
    tile, x, dy = tile_for(kh * depth, d, by_rows=True), flat(x), flat(dy)
    geometry = (height, width * c), (kh, depth, d), (windows, rows, columns)

    def launch(target, _):
        grid = -(-kh * depth // tile.rows), -(-d // tile.columns), target.size // dw.size
        weigh(tile)[grid, tile.threads](x, dy, flat(target), *geometry, (stride, stride * c, -pad, -pad * c))

    with_parts(dw, parts_for(tile, kh * depth, d, windows), launch, empty((0,), dw.dtype))


@kernel
def _sum_gradient(dy, x, stride, pad, dw):
    """Each thread sums the gradient of one weight over all windows.

    Moves ``8 * N*H'*W'`` bytes for ``2 * N*H'*W'`` operations. Budget: 72 registers, 0 bytes shared.
    """
    _, height, width, _ = x.shape
    _, kw, channels, d_count = dw.shape
    count, rows, columns, _ = dy.shape
    k = cuda.grid(1)
    while k < dw.size:
        tap_c, d = divmod(k, d_count)
        tap, c = divmod(tap_c, channels)
        u, v = divmod(tap, kw)
        total = dw.dtype.type(0)
        for n in range(count):
            for i in range(rows):
                for j in range(columns):
                    h, q = i * stride + u - pad, j * stride + v - pad
                    if 0 <= h < height and 0 <= q < width:
                        total += x[n, h, q, c] * dy[n, i, j, d]
        dw[u, v, c, d] = total
        k += cuda.gridsize(1)


def column_sums(dy):
    """``db[d] = sum of dy[.., d]``: runs of `RUN` cells, then the runs, each in order."""
    *cells, d = dy.shape
    count = prod(cells)
    runs = -(-count // RUN)
    db, none = empty((d,), dy.dtype), empty((0,), dy.dtype)
    if not db.size:
        return db
    sums = empty((runs * d,), dy.dtype)
    if sums.size:
        _sum_runs[blocks_for(sums.size), THREADS](flat(dy), d, sums)
    add_parts[blocks_for(d), THREADS](sums, none, db)
    return db


@kernel
def _sum_runs(dy, d_count, sums):
    """Each thread adds one filter's gradients over a run of cells, in order.

    Neighbouring threads read neighbouring filters. Moves 4 bytes and adds once, a value. Budget: 40 registers, 0
    bytes shared.
    """
    cells = dy.size // d_count
    k = cuda.grid(1)
    while k < sums.size:
        run, d = divmod(k, d_count)
        total = sums.dtype.type(0)
        for cell in range(run * RUN, min((run + 1) * RUN, cells)):
            total += dy[cell * d_count + d]
        sums[k] = total
        k += cuda.gridsize(1)

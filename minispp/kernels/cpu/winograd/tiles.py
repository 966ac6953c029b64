"""Tiles of a map to the six points and back: B^T d B, A^T M A, and the transposes of both.

A tile is handled 32 channels at a time, in a block that stays in the fastest cache: line i * 6 + j of it holds the
channels of cell (i, j). There, each transform is a loop without branches at constant distances, which becomes vector
instructions by itself: first down the columns of cells, then across the rows. What comes from a map or goes
to it is copied by loops that alone know the edges.

`grid` stands for the integers of a `Tiling`; `first` is the number of the first tile of a chunk. Values at the points
are (36, tiles, channels).
"""

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import compiled, parallel
from minispp.kernels.cpu.winograd.points import (
    POINTS,
    SIDE,
    at_points,
    constants,
    from_points,
    powers,
    read_off,
    values,
    zeros,
)

LANES = 32  # channels of a block
ROW = SIDE * LANES  # values in a row of cells
LARGEST = 5  # outputs of a tile along an axis
OUT = LARGEST * LANES  # values in a row of outputs


@compiled
def _to_points(d, half, three_halves, two):
    """``B^T d B``, in place."""
    for k in range(ROW):
        d[k], d[k + ROW], d[k + 2 * ROW], d[k + 3 * ROW], d[k + 4 * ROW], d[k + 5 * ROW] = at_points(
            *(d[k], d[k + ROW], d[k + 2 * ROW], d[k + 3 * ROW], d[k + 4 * ROW], d[k + 5 * ROW]),
            *(half, three_halves, two),
        )
    for row in range(0, POINTS * LANES, ROW):
        for k in range(row, row + LANES):
            d[k], d[k + LANES], d[k + 2 * LANES], d[k + 3 * LANES], d[k + 4 * LANES], d[k + 5 * LANES] = at_points(
                *(d[k], d[k + LANES], d[k + 2 * LANES], d[k + 3 * LANES], d[k + 4 * LANES], d[k + 5 * LANES]),
                *(half, three_halves, two),
            )


@compiled
def _to_cells(d, half, three_halves, two):
    """``B d B^T``, in place: the lines of `_to_points`, backwards."""
    for row in range(0, POINTS * LANES, ROW):
        for k in range(row, row + LANES):
            d[k], d[k + LANES], d[k + 2 * LANES], d[k + 3 * LANES], d[k + 4 * LANES], d[k + 5 * LANES] = from_points(
                *(d[k], d[k + LANES], d[k + 2 * LANES], d[k + 3 * LANES], d[k + 4 * LANES], d[k + 5 * LANES]),
                *(half, three_halves, two),
            )
    for k in range(ROW):
        d[k], d[k + ROW], d[k + 2 * ROW], d[k + 3 * ROW], d[k + 4 * ROW], d[k + 5 * ROW] = from_points(
            *(d[k], d[k + ROW], d[k + 2 * ROW], d[k + 3 * ROW], d[k + 4 * ROW], d[k + 5 * ROW]),
            *(half, three_halves, two),
        )


@compiled
def _to_outputs(v, m, mid, out, two, four, eight, sixteen):
    """``A^T v A``: v holds 6 rows of 6 points, mid 5 rows of 6 points, out 5 rows of 5 outputs, m x m of them true."""
    for k in range(ROW):
        mid[k], mid[k + ROW], mid[k + 2 * ROW], mid[k + 3 * ROW], mid[k + 4 * ROW] = read_off(
            *(v[k], v[k + ROW], v[k + 2 * ROW], v[k + 3 * ROW], v[k + 4 * ROW]), *(two, four, eight, sixteen)
        )
    last = (m - 1) * ROW
    for k in range(ROW):
        mid[last + k] += v[5 * ROW + k]
    for i in range(m):
        a, b, last = i * ROW, i * OUT, i * OUT + (m - 1) * LANES
        for k in range(LANES):
            o0, o1, o2, o3, o4 = read_off(
                *(mid[a + k], mid[a + k + LANES], mid[a + k + 2 * LANES], mid[a + k + 3 * LANES]),
                *(mid[a + k + 4 * LANES], two, four, eight, sixteen),
            )
            out[b + k], out[b + k + LANES], out[b + k + 2 * LANES] = o0, o1, o2
            out[b + k + 3 * LANES], out[b + k + 4 * LANES] = o3, o4
        for k in range(LANES):
            out[last + k] += mid[a + 5 * LANES + k]


@compiled
def _from_outputs(y, m, mid, e, half, two):
    """``A y A^T``: y holds 5 rows of 5 outputs, mid 6 rows of 5, e 6 rows of 6 points."""
    for k in range(OUT):
        mid[k], mid[k + OUT], mid[k + 2 * OUT], mid[k + 3 * OUT], mid[k + 4 * OUT] = values(
            *(y[k], y[k + OUT], y[k + 2 * OUT], y[k + 3 * OUT], y[k + 4 * OUT]), *(half, two)
        )
    last = (m - 1) * OUT
    for k in range(OUT):
        mid[5 * OUT + k] = y[last + k]
    for p in range(SIDE):
        a, b, last = p * OUT, p * ROW, p * OUT + (m - 1) * LANES
        for k in range(LANES):
            e0, e1, e2, e3, e4 = values(
                *(mid[a + k], mid[a + k + LANES], mid[a + k + 2 * LANES], mid[a + k + 3 * LANES]),
                *(mid[a + k + 4 * LANES], half, two),
            )
            e[b + k], e[b + k + LANES], e[b + k + 2 * LANES] = e0, e1, e2
            e[b + k + 3 * LANES], e[b + k + 4 * LANES] = e3, e4
        for k in range(LANES):
            e[b + 5 * LANES + k] = mid[last + k]


# ---------------------------------------------------------------------------------------------------
# Between maps and blocks


@compiled
def _start(part, channels):
    """Where block `part` of so many channels starts. The last one ends with them, so that it is full, too."""
    return max(0, min(part * LANES, channels - LANES))


@compiled
def _take(line, start, count, d, place):
    """``count`` values of a line from `start` on; zeros where that is outside it."""
    for k in range(count):
        d[place + k] = line[start + k] if 0 <= start + k < len(line) else 0


@compiled
def _give(line, start, count, d, place):
    """Add ``count`` values to a line from `start` on; those outside it are dropped."""
    for k in range(count):
        if 0 <= start + k < len(line):
            line[start + k] += d[place + k]


@parallel
def evaluate_inputs(x, m, side, pad, rows, columns, first, v):
    """``V = B^T d B``."""
    _, height, _, c = x.shape
    run = side * c
    half, three_halves, two = constants(x)
    for task in prange(v.shape[1]):
        t = np.int64(task)
        image, tile = divmod(first + t, rows * columns)
        i, j = divmod(tile, columns)
        d = zeros(POINTS * LANES, x)
        for down in range(side):
            for part in range((run + LANES - 1) // LANES):
                start, count = _start(part, run), min(LANES, run)
                for k in range(SIDE):
                    row = side * (m * i + k) - pad + down
                    if 0 <= row < height:
                        line = x[image, row].reshape(-1)
                        for z in range(SIDE):
                            pixel, place = (side * (m * j + z) - pad) * c + start, k * ROW + z * LANES
                            if pixel >= 0 and pixel + LANES <= len(line):  # nobody reads lanes beyond `count`
                                pixels, block = line[pixel : pixel + LANES], d[place : place + LANES]
                                for q in range(LANES):
                                    block[q] = pixels[q]
                            else:
                                _take(line, pixel, count, d, place)
                    else:
                        for q in range(k * ROW, (k + 1) * ROW):
                            d[q] = 0
                _to_points(d, half, three_halves, two)
                channel = down * run + start
                for p in range(POINTS):
                    out, block = v[p, t, channel : channel + count], d[p * LANES : (p + 1) * LANES]
                    for q in range(count):
                        out[q] = block[q]


@parallel
def add_inputs(dv, m, side, pad, rows, columns, first, phase, phases, dx):
    """``dx += B dV B^T`` for every `phases`-th row of tiles, from row `phase` on: these do not overlap.

    Tiles of one row do, so a row is one task, and its tiles are added from left to right.
    """
    _, height, _, c = dx.shape
    run = side * c
    half, three_halves, two = constants(dx)
    end = first + dv.shape[1]
    start_row = first // columns
    start_row += (phase - start_row) % phases
    last_row = (end + columns - 1) // columns
    for task in prange((last_row - start_row + phases - 1) // phases):
        row_of_tiles = start_row + np.int64(task) * phases
        image, i = divmod(row_of_tiles, rows)
        d = zeros(POINTS * LANES, dx)
        for tile in range(max(first, row_of_tiles * columns), min(end, (row_of_tiles + 1) * columns)):
            t, j = tile - first, tile - row_of_tiles * columns
            for down in range(side):
                for start in range(0, run, LANES):
                    count, channel = min(LANES, run - start), down * run + start
                    for p in range(POINTS):
                        some, block = dv[p, t, channel : channel + count], d[p * LANES : (p + 1) * LANES]
                        for q in range(count):
                            block[q] = some[q]
                    _to_cells(d, half, three_halves, two)
                    for k in range(SIDE):
                        row = side * (m * i + k) - pad + down
                        if 0 <= row < height:
                            line = dx[image, row].reshape(-1)
                            for z in range(SIDE):
                                pixel, place = (side * (m * j + z) - pad) * c + start, k * ROW + z * LANES
                                if pixel >= 0 and pixel + count <= len(line):
                                    pixels, block = line[pixel : pixel + count], d[place : place + LANES]
                                    for q in range(count):
                                        pixels[q] += block[q]
                                else:
                                    _give(line, pixel, count, d, place)


@parallel
def read_outputs(products, b, m, side, pad, rows, columns, first, y):
    """``y = A^T M A + b``; what lies beyond the edge of y is dropped."""
    _, height, width, channels = y.shape
    two, four, eight, sixteen = powers(y)
    for task in prange(products.shape[1]):
        t = np.int64(task)
        image, tile = divmod(first + t, rows * columns)
        i, j = divmod(tile, columns)
        v, mid = zeros(POINTS * LANES, y), np.empty(LARGEST * ROW, y.dtype)
        outputs = np.empty(LARGEST * OUT, y.dtype)
        for part in range((channels + LANES - 1) // LANES):
            start, count = _start(part, channels), min(LANES, channels)
            for p in range(POINTS):
                some, block = products[p, t, start : start + count], v[p * LANES : (p + 1) * LANES]
                for q in range(count):
                    block[q] = some[q]
            _to_outputs(v, m, mid, outputs, two, four, eight, sixteen)
            bias = b[start : start + count]
            for k in range(min(m, height - m * i)):
                for z in range(min(m, width - m * j)):
                    cell, place = y[image, m * i + k, m * j + z, start : start + count], k * OUT + z * LANES
                    block = outputs[place : place + LANES]
                    for q in range(count):
                        cell[q] = block[q] + bias[q]


@parallel
def evaluate_outputs(dy, m, side, pad, rows, columns, first, e):
    """``E = A dY A^T``; beyond the edge, dY is 0."""
    _, height, width, channels = dy.shape
    half, _, two = constants(dy)
    for task in prange(e.shape[1]):
        t = np.int64(task)
        image, tile = divmod(first + t, rows * columns)
        i, j = divmod(tile, columns)
        y, mid = zeros(LARGEST * OUT, dy), np.empty(SIDE * OUT, dy.dtype)
        d = np.empty(POINTS * LANES, dy.dtype)
        for part in range((channels + LANES - 1) // LANES):
            start, count = _start(part, channels), min(LANES, channels)
            for k in range(min(m, height - m * i)):
                for z in range(min(m, width - m * j)):
                    cell, place = dy[image, m * i + k, m * j + z, start : start + count], k * OUT + z * LANES
                    block = y[place : place + LANES]
                    for q in range(count):
                        block[q] = cell[q]
            _from_outputs(y, m, mid, d, half, two)
            for p in range(POINTS):
                some, block = e[p, t, start : start + count], d[p * LANES : (p + 1) * LANES]
                for q in range(count):
                    some[q] = block[q]

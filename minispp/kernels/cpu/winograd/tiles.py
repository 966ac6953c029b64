"""Tiles of a map to the six points and back: B^T d B, A^T M A, and the transposes of both.

A tile is handled 32 channels at a time, in a block of constant shape that stays in the fastest cache. There, each
transform is a loop without branches over channels that lie side by side, which becomes vector instructions by itself.
What comes from a map or goes to it is copied by one loop more, which alone knows the edges.

`grid` stands for the integers of a `Tiling`; `first` is the number of the first tile of a chunk. Values at the points
are (36, tiles, channels).
"""

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import compiled, parallel
from minispp.kernels.cpu.winograd.points import (
    SIDE,
    at_points,
    constants,
    from_points,
    powers,
    read_off,
    values,
)

LANES = 32  # channels of a block
LARGEST = 5  # outputs of a tile along an axis


@compiled
def _take(line, start, count, into):
    """``count`` values from `start` on; zeros where that is outside the line."""
    for k in range(count):
        into[k] = line[start + k] if 0 <= start + k < len(line) else 0


@compiled
def _block(part, length):
    """Where block `part` of so many channels starts. The last one ends with them, so that it is full, too."""
    return max(0, min(part * LANES, length - LANES))


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
        d = np.zeros((SIDE, SIDE, LANES), x.dtype)
        for down in range(side):
            for part in range((run + LANES - 1) // LANES):
                start, count = _block(part, run), min(LANES, run)
                for k in range(SIDE):
                    row = side * (m * i + k) - pad + down
                    if 0 <= row < height:
                        line = x[image, row].reshape(-1)
                        for z in range(SIDE):
                            place = (side * (m * j + z) - pad) * c + start
                            if place >= 0 and place + LANES <= len(line):  # nobody reads lanes beyond `count`
                                pixels = line[place : place + LANES]
                                for q in range(LANES):
                                    d[k, z, q] = pixels[q]
                            else:
                                _take(line, place, count, d[k, z])
                    else:
                        for z in range(SIDE):
                            for q in range(LANES):
                                d[k, z, q] = 0
                for z in range(SIDE):
                    for q in range(LANES):
                        d[0, z, q], d[1, z, q], d[2, z, q], d[3, z, q], d[4, z, q], d[5, z, q] = at_points(
                            *(d[0, z, q], d[1, z, q], d[2, z, q], d[3, z, q], d[4, z, q], d[5, z, q]),
                            *(half, three_halves, two),
                        )
                for p in range(SIDE):
                    for q in range(LANES):
                        d[p, 0, q], d[p, 1, q], d[p, 2, q], d[p, 3, q], d[p, 4, q], d[p, 5, q] = at_points(
                            *(d[p, 0, q], d[p, 1, q], d[p, 2, q], d[p, 3, q], d[p, 4, q], d[p, 5, q]),
                            *(half, three_halves, two),
                        )
                place = down * run + start
                for p in range(SIDE):
                    for r in range(SIDE):
                        out = v[SIDE * p + r, t, place : place + count]
                        for q in range(count):
                            out[q] = d[p, r, q]


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
        d = np.zeros((SIDE, SIDE, LANES), dx.dtype)
        for tile in range(max(first, row_of_tiles * columns), min(end, (row_of_tiles + 1) * columns)):
            t, j = tile - first, tile - row_of_tiles * columns
            for down in range(side):
                for start in range(0, run, LANES):
                    count = min(LANES, run - start)
                    place = down * run + start
                    for p in range(SIDE):
                        for r in range(SIDE):
                            part = dv[SIDE * p + r, t, place : place + count]
                            for q in range(count):
                                d[p, r, q] = part[q]
                    for p in range(SIDE):
                        for q in range(LANES):
                            d[p, 0, q], d[p, 1, q], d[p, 2, q], d[p, 3, q], d[p, 4, q], d[p, 5, q] = from_points(
                                *(d[p, 0, q], d[p, 1, q], d[p, 2, q], d[p, 3, q], d[p, 4, q], d[p, 5, q]),
                                *(half, three_halves, two),
                            )
                    for z in range(SIDE):
                        for q in range(LANES):
                            d[0, z, q], d[1, z, q], d[2, z, q], d[3, z, q], d[4, z, q], d[5, z, q] = from_points(
                                *(d[0, z, q], d[1, z, q], d[2, z, q], d[3, z, q], d[4, z, q], d[5, z, q]),
                                *(half, three_halves, two),
                            )
                    for k in range(SIDE):
                        row = side * (m * i + k) - pad + down
                        if 0 <= row < height:
                            line = dx[image, row].reshape(-1)
                            for z in range(SIDE):
                                place = (side * (m * j + z) - pad) * c + start
                                if place >= 0 and place + count <= len(line):
                                    pixels = line[place : place + count]
                                    for q in range(count):
                                        pixels[q] += d[k, z, q]
                                else:
                                    _give(line, place, count, d[k, z])


@compiled
def _give(line, start, count, block):
    """Add ``count`` values to a line from `start` on; those outside it are dropped."""
    for k in range(count):
        if 0 <= start + k < len(line):
            line[start + k] += block[k]


@parallel
def read_outputs(products, b, m, side, pad, rows, columns, first, y):
    """``y = A^T M A + b``; what lies beyond the edge of y is dropped."""
    _, height, width, channels = y.shape
    two, four, eight, sixteen = powers(y)
    for task in prange(products.shape[1]):
        t = np.int64(task)
        image, tile = divmod(first + t, rows * columns)
        i, j = divmod(tile, columns)
        v, mid = np.zeros((SIDE, SIDE, LANES), y.dtype), np.empty((LARGEST, SIDE, LANES), y.dtype)
        out = np.empty((LARGEST, LANES), y.dtype)
        for part in range((channels + LANES - 1) // LANES):
            start, count = _block(part, channels), min(LANES, channels)
            for p in range(SIDE):
                for r in range(SIDE):
                    values = products[SIDE * p + r, t, start : start + count]
                    for q in range(count):
                        v[p, r, q] = values[q]
            for z in range(SIDE):
                for q in range(LANES):
                    mid[0, z, q], mid[1, z, q], mid[2, z, q], mid[3, z, q], mid[4, z, q] = read_off(
                        *(v[0, z, q], v[1, z, q], v[2, z, q], v[3, z, q], v[4, z, q]), *(two, four, eight, sixteen)
                    )
                for q in range(LANES):
                    mid[m - 1, z, q] += v[5, z, q]
            for k in range(min(m, height - m * i)):
                for q in range(LANES):
                    out[0, q], out[1, q], out[2, q], out[3, q], out[4, q] = read_off(
                        *(mid[k, 0, q], mid[k, 1, q], mid[k, 2, q], mid[k, 3, q], mid[k, 4, q]),
                        *(two, four, eight, sixteen),
                    )
                for q in range(LANES):
                    out[m - 1, q] += mid[k, 5, q]
                for z in range(min(m, width - m * j)):
                    cell, bias = y[image, m * i + k, m * j + z, start : start + count], b[start : start + count]
                    for q in range(count):
                        cell[q] = out[z, q] + bias[q]


@parallel
def evaluate_outputs(dy, m, side, pad, rows, columns, first, e):
    """``E = A dY A^T``; beyond the edge, dY is 0."""
    _, height, width, channels = dy.shape
    half, _, two = constants(dy)
    for task in prange(e.shape[1]):
        t = np.int64(task)
        image, tile = divmod(first + t, rows * columns)
        i, j = divmod(tile, columns)
        y, mid = np.zeros((LARGEST, LARGEST, LANES), dy.dtype), np.empty((SIDE, LARGEST, LANES), dy.dtype)
        out = np.empty((SIDE, LANES), dy.dtype)
        for part in range((channels + LANES - 1) // LANES):
            start, count = _block(part, channels), min(LANES, channels)
            for k in range(min(m, height - m * i)):
                for z in range(min(m, width - m * j)):
                    cell = dy[image, m * i + k, m * j + z, start : start + count]
                    for q in range(count):
                        y[k, z, q] = cell[q]
            for z in range(LARGEST):
                for q in range(LANES):
                    mid[0, z, q], mid[1, z, q], mid[2, z, q], mid[3, z, q], mid[4, z, q] = values(
                        *(y[0, z, q], y[1, z, q], y[2, z, q], y[3, z, q], y[4, z, q]), *(half, two)
                    )
                for q in range(LANES):
                    mid[5, z, q] = y[m - 1, z, q]
            for p in range(SIDE):
                for q in range(LANES):
                    out[0, q], out[1, q], out[2, q], out[3, q], out[4, q] = values(
                        *(mid[p, 0, q], mid[p, 1, q], mid[p, 2, q], mid[p, 3, q], mid[p, 4, q]), *(half, two)
                    )
                for q in range(LANES):
                    out[5, q] = mid[p, m - 1, q]
                for r in range(SIDE):
                    place = e[SIDE * p + r, t, start : start + count]
                    for q in range(count):
                        place[q] = out[r, q]

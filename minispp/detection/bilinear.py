"""The compiled loops that warp windows of a picture to one size.

Bilinear weights are fractions with the denominator 2n, for windows of n x n pixels, so a warped value is an
integer over 4n^2. All of it is kept in float64, in which such integers are exact, and divided once, at the end.
"""

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import compiled, parallel


@parallel
def warp_windows(picture, boxes, context, fill, out):
    """Write ``out[r]`` for each row of `boxes`; see `minispp.detection.rcnn.warp`."""
    height, width, _ = picture.shape
    side = out.shape[1]
    for r in prange(len(boxes)):
        rows, rows_after = np.empty((2, side), np.int64), np.empty(side, np.float64)
        columns, columns_after = np.empty((2, side), np.int64), np.empty(side, np.float64)
        _taps(boxes[r, 0], boxes[r, 2], height, context, rows, rows_after)
        _taps(boxes[r, 1], boxes[r, 3], width, context, columns, columns_after)
        _warp(picture, rows, rows_after, columns, columns_after, 2 * (side - 2 * context), fill, out[r])


@compiled
def _taps(start, stop, size, context, taps, after):
    """For each output pixel along an axis: the two pixels it lies between, and the weight, over 2n, of the second.

    Output i lies at ``start - 1/2 + (2(i - context) + 1) * (stop - start) / 2n``. Both taps are -1 if that is outside
    the picture of `size` pixels; else they stay in what was cut out: the window with its context, in the picture.
    """
    side = taps.shape[1]
    n = side - 2 * context
    more = (context * (stop - start) + n - 1) // n
    first, last = max(0, start - more), min(size, stop + more) - 1
    for i in range(side):
        edge = 2 * n * start + (2 * (i - context) + 1) * (stop - start)  # half a pixel after the position
        below = (edge - n) // (2 * n)
        after[i] = edge - n - below * 2 * n
        taps[0, i], taps[1, i] = max(first, below), min(last, below + 1)
        if edge < 0 or edge >= 2 * n * size:
            taps[0, i] = taps[1, i] = -1


@compiled
def _warp(picture, rows, rows_after, columns, columns_after, unit, fill, out):
    """One window. A row of the picture is warped once, when the first output row needs it."""
    side = out.shape[0]
    lines, held = np.empty((2, side * 3), np.float64), np.full(2, -1)
    inverse, half = 1.0 / (unit * unit), unit * unit // 2 + 0.5  # the .5 keeps rounding away from whole numbers
    for i in range(side):
        above, below, after = rows[0, i], rows[1, i], rows_after[i]
        into = out[i].reshape(-1)
        if above < 0:
            for j in range(side):
                for c in range(3):
                    into[3 * j + c] = fill[c]
            continue
        for row in (above, below):  # rows only ever grow, so the older of two lines is the one to give up
            if held[0] != row and held[1] != row:
                older = 0 if held[0] < held[1] else 1
                _warp_line(picture[row].reshape(-1), columns, columns_after, unit, fill, lines[older])
                held[older] = row
        upper = lines[0] if held[0] == above else lines[1]
        lower = lines[0] if held[0] == below else lines[1]
        before = unit - after
        for k in range(3 * side):
            into[k] = np.uint8(np.int32((upper[k] * before + lower[k] * after + half) * inverse))


@compiled
def _warp_line(source, columns, columns_after, unit, fill, line):
    for j in range(columns.shape[1]):
        left, right, after = 3 * columns[0, j], 3 * columns[1, j], columns_after[j]
        for c in range(3):
            if left < 0:
                line[3 * j + c] = unit * fill[c]
            else:
                line[3 * j + c] = source[left + c] * (unit - after) + source[right + c] * after

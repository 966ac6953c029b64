"""Maxima over windows, and the way back to the cells that won.

The inner loops run over the channels of one cell, which lie side by side, and choose without branching: that is what
lets the compiler turn them into vector instructions. Channel numbers are unsigned there, because a negative index
would count from the end, and the test for it would stand in the way.
"""

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import compiled, parallel
from minispp.kernels.cpu.memory import empty

TASKS = 16  # to share out, if there are channels enough
BLOCK = 128  # channels at least in one task: with 64, the short pieces of rows take the backward pass twice as long


def window_max(x, windows, nesting=None, need_winners=True):
    """One group of windows after another, all its levels while they are in cache; groups in parallel.

    Where there are few groups, the channels are cut as well.
    """
    channels = x.shape[3]
    shape = (*windows.shape[:-1], channels)
    y, winners = empty(shape, x.dtype), empty(shape, np.int32) if need_winners else None
    if y.size:
        x, table = np.ascontiguousarray(x), np.ascontiguousarray(windows, dtype=np.int32).reshape(-1, 5)
        if nesting is None:
            nesting = np.zeros((len(table) // len(windows), 5), np.int32)
            nesting[:, 0] = np.arange(len(nesting))
        block = _channels_of_a_task(len(windows), channels)
        if need_winners:
            _window_max(x, table, nesting, block, y.reshape(-1, channels), winners.reshape(-1, channels))
        else:
            _window_max_only(x, table, nesting, block, y.reshape(-1, channels))
    return y, winners


def window_max_backward(dy, winners, shape):
    """Windows share cells, so they must not be added in parallel, nor in an order that depends on the threads.

    The work is cut where nothing is shared: by block of channels, and by image if the groups list the images in
    order. Each cell adds its windows in the order of the table, whatever the cut.
    """
    n, height, width, channels = shape
    dx = empty(shape, dy.dtype)
    if dx.size:
        members = winners.shape[1] if winners.ndim == 3 else 1
        dy = np.ascontiguousarray(dy).reshape(-1, channels)
        winners = np.ascontiguousarray(winners).reshape(-1, channels)
        image = winners[::members, 0] // (height * width)
        in_order = (image[1:] >= image[:-1]).all()
        starts = np.searchsorted(image, np.arange(n + 1)) if in_order else np.array([0, len(image)])
        block = _channels_of_a_task(len(starts) - 1, channels)
        _window_max_backward(dy, winners, members * starts, block, dx.reshape(-1, channels))
    return dx


def _channels_of_a_task(parts, channels):
    """Cut the channels only where the other `parts` of the work are fewer than TASKS."""
    blocks = max(1, min(TASKS // parts, channels // BLOCK))
    return -(-channels // blocks)


@parallel
def _window_max(x, windows, nesting, block, y, winners):
    """For the rows of `nesting`, see `minispp.windows.nesting`."""
    _, height, width, channels = x.shape
    cells, members = x.reshape(-1, channels), len(nesting)
    groups, blocks = len(windows) // members, (channels + block - 1) // block
    for task in prange(groups * blocks):
        group, part = divmod(np.int64(task), blocks)
        first, last = np.uint64(part * block), np.uint64(min(channels, (part + 1) * block))
        for step in range(members):
            target, source = group * members + nesting[step, 0], group * members + nesting[step, 1]
            rows, columns, pitch = nesting[step, 2], nesting[step, 3], nesting[step, 4]
            if rows == 0:
                _pool_cells(cells, height, width, windows, target, first, last, y, winners)
            else:
                _pool_bins(source, rows, columns, pitch, target, first, last, y, winners)


@compiled
def _pool_cells(cells, height, width, windows, r, first, last, y, winners):
    """Window r, from the map. The running maximum starts at its first cell, and grows in place: it is in cache."""
    image, top, left = windows[r, 0], windows[r, 1], windows[r, 2]
    bottom, right = windows[r, 3], windows[r, 4]
    _start(cells, np.int32((image * height + top) * width + left), first, last, y, winners, r)
    for i in range(top, bottom):
        row = np.int32((image * height + i) * width)
        j = left + 1 if i == top else left
        while j + 1 < right:
            _add_two_cells(cells, np.int32(row + j), first, last, y, winners, r)
            j += 2
        if j < right:
            _add_cell(cells, np.int32(row + j), first, last, y, winners, r)


@compiled
def _start(cells, cell, first, last, y, winners, r):
    for c in range(first, last):
        y[r, c], winners[r, c] = cells[cell, c], cell


@compiled
def _add_cell(cells, cell, first, last, y, winners, r):
    for c in range(first, last):
        y[r, c], winners[r, c] = _better(cells[cell, c], cell, y[r, c], winners[r, c])


@compiled
def _add_two_cells(cells, cell, first, last, y, winners, r):
    """A cell and the next: the maximum itself is read and written half as often."""
    following = np.int32(cell + 1)
    for c in range(first, last):
        best, won = _better(cells[cell, c], cell, y[r, c], winners[r, c])
        y[r, c], winners[r, c] = _better(cells[following, c], following, best, won)


@compiled
def _better(value, cell, best, won):
    """Not "value > best": a NaN must win too, and, once it has won, must stay."""
    better = (not (value <= best)) & (best == best)
    return (value if better else best), (cell if better else won)


@compiled
def _pool_bins(source, rows, columns, pitch, r, first, last, y, winners):
    """Window r, from the rows x columns windows that it is the union of."""
    _copy(source, first, last, y, winners, r)
    for i in range(rows):
        for j in range(columns):
            _add_bin(source + i * pitch + j, first, last, y, winners, r)


@compiled
def _copy(source, first, last, y, winners, r):
    for c in range(first, last):
        y[r, c], winners[r, c] = y[source, c], winners[source, c]


@compiled
def _add_bin(source, first, last, y, winners, r):
    """The two candidates are put into the order of their cells; then the rule is that of two cells."""
    for c in range(first, last):
        value, best, cell, won = y[source, c], y[r, c], winners[source, c], winners[r, c]
        before = cell < won
        earlier, later = (value if before else best), (best if before else value)
        better = (not (later <= earlier)) & (earlier == earlier)
        y[r, c] = later if better else earlier
        winners[r, c] = max(cell, won) if better else min(cell, won)


@parallel
def _window_max_only(x, windows, nesting, block, y):
    """The same without winners. A bin of equal values needs no rule, so bins and cells are pooled alike."""
    _, height, width, channels = x.shape
    cells, members = x.reshape(-1, channels), len(nesting)
    groups, blocks = len(windows) // members, (channels + block - 1) // block
    for task in prange(groups * blocks):
        group, part = divmod(np.int64(task), blocks)
        first, last = np.uint64(part * block), np.uint64(min(channels, (part + 1) * block))
        for step in range(members):
            r, source = group * members + nesting[step, 0], group * members + nesting[step, 1]
            rows, columns, pitch = nesting[step, 2], nesting[step, 3], nesting[step, 4]
            if rows == 0:
                image, top, left = windows[r, 0], windows[r, 1], windows[r, 2]
                rows, columns, pitch = windows[r, 3] - top, windows[r, 4] - left, width
                _largest(cells, (image * height + top) * width + left, rows, columns, pitch, first, last, y, r)
            else:
                _largest(y, source, rows, columns, pitch, first, last, y, r)


@compiled
def _largest(values, start, rows, columns, pitch, first, last, y, r):
    """``y[r] = max of values[start + i*pitch + j]`` over i < rows, j < columns; a NaN wins and stays."""
    for c in range(first, last):
        y[r, c] = values[start, c]
    for i in range(rows):
        k = start + i * pitch
        end = k + columns
        while k + 1 < end:  # two cells a pass: the maximum itself is read and written half as often
            for c in range(first, last):
                y[r, c] = _larger(values[k + 1, c], _larger(values[k, c], y[r, c]))
            k += 2
        if k < end:
            for c in range(first, last):
                y[r, c] = _larger(values[k, c], y[r, c])


@compiled
def _larger(value, best):
    """The larger of two; a NaN wins and stays."""
    return value if (not (value <= best)) & (best == best) else best


@parallel
def _window_max_backward(dy, winners, starts, block, dx):
    """Part p is written by the rows ``starts[p] .. starts[p + 1] - 1``, and by no others."""
    channels, parts = dx.shape[1], len(starts) - 1
    cells, blocks = len(dx) // parts, (channels + block - 1) // block
    for task in prange(parts * blocks):
        part, b = divmod(np.int64(task), blocks)
        first, last = np.uint64(b * block), np.uint64(min(channels, (b + 1) * block))
        for cell in range(part * cells, (part + 1) * cells):
            for c in range(first, last):
                dx[cell, c] = 0
        for r in range(starts[part], starts[part + 1]):
            for c in range(first, last):
                dx[np.uint64(winners[r, c]), c] += dy[r, c]

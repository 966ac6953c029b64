"""Maxima over windows, and the way back to the cells that won.

The inner loop runs over the channels of one cell, which lie side by side, so it becomes vector instructions by
itself.
"""

import numpy as np
from numba import njit, prange

CHANNELS = 16  # of a block in the backward pass: a cache line of float32


def window_max(x, windows, cells=None):
    """One window after another, all channels at a time; windows in parallel."""
    shape = (len(windows), x.shape[3])
    y, winners = np.empty(shape, x.dtype), np.empty(shape, np.int32)
    x, windows = np.ascontiguousarray(x), np.ascontiguousarray(windows, dtype=np.int32)
    if cells is None:
        _window_max(x, windows, y, winners)
    else:
        _window_max_of_winners(x, windows, np.ascontiguousarray(cells), y, winners)
    return y, winners


def window_max_backward(dy, winners, shape):
    """Add each gradient to its winner; see `_scatter` for why that is safe in parallel."""
    n, height, width, channels = shape
    dx = np.zeros((n * height * width, channels), dy.dtype)
    if dy.size:
        winners = np.ascontiguousarray(winners)
        image = winners[:, 0] // (height * width)
        in_order = (image[1:] >= image[:-1]).all()
        groups = np.searchsorted(image, np.arange(n + 1)) if in_order else np.array([0, len(image)])
        _scatter(np.ascontiguousarray(dy), winners, groups, dx)
    return dx.reshape(shape)


@njit(parallel=True, cache=True)
def _window_max(x, windows, y, winners):
    """The running maximum of a window starts at its first cell; see the reference for ties and NaN."""
    _, height, width, channels = x.shape
    for r in prange(len(windows)):
        image, top, left, bottom, right = windows[r]
        for c in range(channels):
            y[r, c] = x[image, top, left, c]
            winners[r, c] = (image * height + top) * width + left
        for i in range(top, bottom):
            for j in range(left, right):
                cell = np.int32((image * height + i) * width + j)
                for c in range(channels):
                    value, best = x[image, i, j, c], y[r, c]
                    # Not "value > best": a NaN must win too, and, once it has won, must stay.
                    better = (not (value <= best)) and best == best
                    y[r, c] = value if better else best
                    winners[r, c] = cell if better else winners[r, c]


@njit(parallel=True, cache=True)
def _window_max_of_winners(x, windows, cells, y, winners):
    """The same over values that were pooled before: of equals, the one from the smallest cell wins."""
    channels = x.shape[3]
    for r in prange(len(windows)):
        image, top, left, bottom, right = windows[r]
        for c in range(channels):
            best, best_cell = x[image, top, left, c], cells[image, top, left, c]
            for i in range(top, bottom):
                for j in range(left, right):
                    value, cell = x[image, i, j, c], cells[image, i, j, c]
                    both_nan = value != value and best != best
                    larger = (not (value <= best)) and best == best
                    if larger or ((value == best or both_nan) and cell < best_cell):
                        best, best_cell = value, cell
            y[r, c], winners[r, c] = best, best_cell


@njit(parallel=True, cache=True)
def _scatter(dy, winners, groups, dx):
    """Windows that share a cell must not add to it at once, nor in an order that depends on the threads.

    So the work is cut where nothing is shared: by block of channels, and by image when the table lists the
    images in order. Within a task the windows are added in the order of the table.
    """
    channels = dy.shape[1]
    blocks = (channels + CHANNELS - 1) // CHANNELS
    for task in prange((len(groups) - 1) * blocks):
        group, block = divmod(np.int64(task), blocks)
        first, last = block * CHANNELS, min(channels, (block + 1) * CHANNELS)
        for r in range(groups[group], groups[group + 1]):
            for c in range(first, last):
                dx[winners[r, c], c] += dy[r, c]

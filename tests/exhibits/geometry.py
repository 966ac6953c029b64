"""Rooms 1 to 4: bins, windows, pyramids, sliding windows."""

import numpy as np
import properties

from exhibits.room import Room
from minispp import windows

# ---------------------------------------------------------------------------------------------------
# Room 1: the bins of one axis

bins = Room(properties.bins_cover_the_axis, windows.bin_edges)


@bins.looks_right_on(12, 4)
def kernel_with_symmetric_padding(size, bins):
    """Kernel ceil(size/bins) and padding on both sides: the padding passes half the kernel at 13 cells in 6 bins."""
    kernel = -(-size // bins)
    pad = (kernel * bins - size + 1) // 2
    if pad > kernel // 2:
        raise ValueError("pad should be at most half of the kernel size")  # as the pooling it calls says
    start = np.arange(bins) * kernel - pad
    return np.stack([np.maximum(start, 0), np.minimum(start + kernel, size)], axis=1)


@bins.looks_right_on(12, 4)
def crash_at_height_one(size, bins):
    """The same rule in a framework that asks for pad < kernel: a map one cell high stops it."""
    kernel = -(-size // bins)
    pad = (kernel * bins - size + 1) // 2
    if pad >= kernel:
        raise ValueError("check failed: pad < kernel")
    start = np.arange(bins) * kernel - pad
    return np.stack([np.maximum(start, 0), np.minimum(start + kernel, size)], axis=1)


@bins.looks_right_on(12, 4)
def rounded_edges(size, bins):
    """Edges rounded to the nearest cell: empty bins as soon as there are more bins than cells."""
    edges = np.round(np.arange(bins + 1) * size / bins).astype(int)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _float_edges(size, bins, edge):
    k = np.arange(bins)
    return np.stack([np.floor(edge(k, size, bins)), np.ceil(edge(k + 1, size, bins))], axis=1).astype(int)


@bins.looks_right_on(13, 6)
def float32_bin_width(size, bins):
    """k * (size/bins) in float32: the last bin of 57 cells in 7 ends beyond the map."""
    return _float_edges(size, bins, lambda k, h, n: k.astype(np.float32) * (np.float32(h) / np.float32(n)))


@bins.looks_right_on(57, 7)
def float64_bin_width(size, bins):
    """k * (size/bins) in float64: right where float32 was wrong, and wrong at 29 cells in 7."""
    return _float_edges(size, bins, lambda k, h, n: k * (h / n))


@bins.looks_right_on(57, 7)
def float32_fraction(size, bins):
    """(k/bins) * size in float32, as in the released code: wrong at 25 cells in 5 bins."""
    return _float_edges(size, bins, lambda k, h, n: k.astype(np.float32) / np.float32(n) * np.float32(h))


@bins.looks_right_on(13, 6)
def sliding_rule(size, bins):
    """The paper's recipe for one size, used for every size: 10 cells in 6 bins leaves 3 of them unseen."""
    start = np.arange(bins) * (size // bins)
    return np.stack([start, start - (-size // bins)], axis=1)


@bins.looks_right_on(12, 4)
def size_must_divide(size, bins):
    """Works only where the number of bins divides the size."""
    if size % bins:
        raise ValueError(f"{size} cells cannot be cut into {bins} bins")
    return np.arange(bins)[:, None] * (size // bins) + [0, size // bins]


@bins.looks_right_on(12, 4)
def floor_on_both_sides(size, bins):
    """Bins that never share a cell: those of a small map are empty."""
    k = np.arange(bins)
    return np.stack([k * size // bins, (k + 1) * size // bins], axis=1)


# ---------------------------------------------------------------------------------------------------
# Room 2: the bins of windows

splits = Room(properties.windows_are_split, windows.split)


@splits.looks_right_on([[0, 2, 1, 9, 8]], 3, 2)
def kernel_from_the_height(table, rows, columns):
    """One kernel for both axes, computed from the height: hidden while every map is square."""
    square = np.array(table)
    square[:, 4] = square[:, 2] + square[:, 3] - square[:, 1]
    return windows.split(square, rows, columns)


@splits.looks_right_on([[0, 2, 2, 9, 9]], 3, 3)
def axes_swapped(table, rows, columns):
    """x for y: hidden while maps, windows and levels are all square."""
    return windows.split(np.asarray(table)[:, [0, 2, 1, 4, 3]], rows, columns)


@splits.looks_right_on([[0, 2, 1, 9, 6]], 1, 3)
def columns_first(table, rows, columns):
    """Bins by column: hidden while only the set of values is compared."""
    return windows.split(table, rows, columns).reshape(-1, rows, columns, 5).swapaxes(1, 2).reshape(-1, 5)


@splits.looks_right_on([[0, 0, 0, 9, 6]], 2, 3)
def window_without_its_corner(table, rows, columns):
    """Bins of the window's size, at the map's corner: hidden while the window is the map."""
    table = np.array(table)
    table[:, 3:] -= table[:, 1:3]
    table[:, 1:3] = 0
    return windows.split(table, rows, columns)


@splits.looks_right_on([[0, 2, 1, 9, 6]], 2, 3)
def always_the_first_image(table, rows, columns):
    """The image number lost: hidden at batch size 1."""
    return windows.split(np.asarray(table) * [0, 1, 1, 1, 1], rows, columns)


@splits.looks_right_on([[0, 2, 1, 9, 6]], 1, 1)
def inclusive_taken_for_exclusive(table, rows, columns):
    """Each bin but the last ends a cell early: 'last cell' passed on as 'stop'."""
    bins = windows.split(table, rows, columns).reshape(-1, rows, columns, 5)
    bins[:, :-1, :, 3] = np.maximum(bins[:, :-1, :, 1] + 1, bins[:, :-1, :, 3] - 1)
    bins[:, :, :-1, 4] = np.maximum(bins[:, :, :-1, 2] + 1, bins[:, :, :-1, 4] - 1)
    return bins.reshape(-1, 5)


# ---------------------------------------------------------------------------------------------------
# Room 3: pyramids

pyramids = Room(properties.pyramids_are_ordered, windows.pyramid)


@pyramids.looks_right_on([[0, 0, 0, 13, 10]], (6, 3, 2, 1))
def levels_before_windows(table, levels):
    """All windows of one level, then of the next: hidden while there is one window."""
    return np.concatenate([windows.split(table, *level) for level in windows.as_levels(levels)])


@pyramids.looks_right_on([[0, 0, 0, 13, 10], [1, 2, 3, 4, 9]], (3, 2))
def square_levels_only(table, levels):
    """A level (rows, columns) treated as rows x rows."""
    return windows.pyramid(table, [rows for rows, _ in windows.as_levels(levels)])


@pyramids.looks_right_on([[0, 0, 0, 13, 10], [1, 2, 3, 4, 9]], (1, 2, 6))
def coarsest_level_first(table, levels):
    """The levels sorted, as if every pyramid were written from coarse to fine."""
    return windows.pyramid(table, sorted(windows.as_levels(levels)))


@pyramids.looks_right_on([[0, 0, 0, 13, 10], [1, 2, 3, 4, 9]], ((6, 6), (3, 3), (2, 2)))
def every_level_from_the_finest(table, levels):
    """Coarse bins as unions of the finest level's bins, also where it is no multiple: level 3 from level 4."""
    levels = windows.as_levels(levels)
    fine = max(levels)
    rows = []
    for window in np.asarray(table).tolist():
        parts = windows.split([window], *fine).reshape(*fine, 5)
        for level in levels:
            for i0, i1 in windows.bin_edges(fine[0], level[0]):
                for j0, j1 in windows.bin_edges(fine[1], level[1]):
                    rows.append([*parts[i0, j0, :3], *parts[i1 - 1, j1 - 1, 3:]])
    return np.array(rows).reshape(-1, 5)


# ---------------------------------------------------------------------------------------------------
# Room 4: sliding windows

slides = Room(properties.windows_slide, windows.sliding_edges)


def _slide(size, kernel, stride, pad, count):
    start = np.arange(count) * stride - pad
    return np.stack([np.maximum(start, 0), np.minimum(start + kernel, size)], axis=1)


@slides.looks_right_on(9, 3, 2, 0, False)
def size_without_padding(size, kernel, stride, pad, ceil_mode):
    """The size of the output computed as if there were no padding."""
    room = size - kernel
    return _slide(size, kernel, stride, pad, (-(-room // stride) if ceil_mode else room // stride) + 1)


@slides.looks_right_on(11, 3, 2, 0, True)
def always_floor_mode(size, kernel, stride, pad, ceil_mode):
    """ZF-5 on 224 pixels then has a map of 12 cells, not 13: the last column is lost."""
    return _slide(size, kernel, stride, pad, (size + 2 * pad - kernel) // stride + 1)


@slides.looks_right_on(6, 3, 2, 0, True)
def a_window_in_nothing_but_padding(size, kernel, stride, pad, ceil_mode):
    """Ceil mode without its second rule: the last window may start beyond the last cell."""
    room = size + 2 * pad - kernel
    return _slide(size, kernel, stride, pad, (-(-room // stride) if ceil_mode else room // stride) + 1)


@slides.looks_right_on(9, 3, 2, 0, False)
def padding_counted_as_cells(size, kernel, stride, pad, ceil_mode):
    """Windows that are not clipped: what lies outside takes part."""
    count = windows.sliding_count(size, kernel, stride, pad, ceil_mode)
    return np.arange(count)[:, None] * stride - pad + [0, kernel]


@slides.looks_right_on(9, 3, 3, 0, False)
def kernel_for_stride(size, kernel, stride, pad, ceil_mode):
    """Right only while windows do not overlap."""
    return windows.sliding_edges(size, kernel, kernel, pad, ceil_mode)

"""A museum of bugs: small implementations that are wrong in a way in which a public system was wrong.

A room holds one property from properties.py, our function that has it, and the exhibits that lack it. Every
exhibit also names an input on which it looks right, for a bug that is wrong everywhere is no danger: it lives
on the square map, the positive features, the single image that its own tests used. test_exhibits.py shows both.
"""

from functools import partial

import numpy as np
import properties

from minispp import fields, windows
from minispp.kernels import reference

ROOMS = []


class Room:
    """One property, our implementation, and the broken ones: (exhibit, an input on which it looks right)."""

    def __init__(self, holds, ours):
        self.holds, self.ours, self.exhibits = holds, ours, []
        ROOMS.append(self)

    def looks_right_on(self, *arguments):
        def hang(broken):
            self.exhibits.append((broken, arguments))
            return broken

        return hang


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


@bins.looks_right_on(1, 1)
def one_cell_at_least_one_cell_too_far(size, bins):
    """Empty bins repaired by adding a cell to every one of them: the last bin leaves the map."""
    edges = floor_on_both_sides(size, bins)
    edges[:, 1] += edges[:, 0] == edges[:, 1]
    return edges if size <= bins else edges + [0, 1]


# ---------------------------------------------------------------------------------------------------
# Room 2: the bins of windows

splits = Room(properties.windows_are_split, windows.split)


def _cut(table, rows, columns, vertical=windows.bin_edges, horizontal=windows.bin_edges):
    """Each window's bins, from two functions (cells, bins) -> edges."""
    return np.array(
        [
            [image, top + i0, left + j0, top + i1, left + j1]
            for image, top, left, bottom, right in np.asarray(table).tolist()
            for i0, i1 in vertical(bottom - top, rows).tolist()
            for j0, j1 in horizontal(right - left, columns).tolist()
        ]
    ).reshape(-1, 5)


@splits.looks_right_on([[0, 2, 1, 9, 8]], 3, 2)
def kernel_from_the_height(table, rows, columns):
    """One kernel for both axes, computed from the height: hidden while every map is square."""
    square = np.array(table)
    square[:, 4] = square[:, 2] + square[:, 3] - square[:, 1]
    return _cut(square, rows, columns)


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
def finest_level_first(table, levels):
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


# ---------------------------------------------------------------------------------------------------
# Room 5: the maximum of a window

_rng = np.random.default_rng(0)
POSITIVE = _rng.random((2, 5, 7, 3)) + 1  # no ties, nothing negative, nothing infinite
WINDOWS = np.array([[1, 0, 2, 4, 6], [0, 1, 1, 5, 3], [1, 4, 6, 5, 7]], np.int32)
FIRST_IMAGE = np.array([[0, 0, 2, 4, 6], [0, 1, 1, 5, 3]], np.int32)
IN_ORDER = np.array([[0, 0, 2, 4, 6], [1, 1, 1, 5, 3]], np.int32)  # as many windows as images
FALLING = -np.arange(70.0).reshape(2, 5, 7, 1)  # each window's maximum is its first cell

maxima = Room(properties.windows_keep_their_maximum, reference.window_max)


def _pool(x, table, choose):
    """Pool by ``choose(values) -> (value, place in the window)``."""
    _, height, width, channels = x.shape
    y, winners = np.empty((len(table), channels), x.dtype), np.empty((len(table), channels), np.int32)
    for r, (image, top, left, bottom, right) in enumerate(table):
        for c in range(channels):
            y[r, c], k = choose(x[image, top:bottom, left:right, c].ravel())
            i, j = divmod(k, right - left)
            winners[r, c] = -1 if k < 0 else (image * height + top + i) * width + left + j
    return y, winners


def _running_maximum(start):
    def choose(values):
        best, place = start, -1
        for k, value in enumerate(values):
            if value > best:
                best, place = value, k
        return best, place

    return choose


@maxima.looks_right_on(POSITIVE, WINDOWS)
def maximum_from_zero(x, table):
    """The released code: right only after a ReLU."""
    return _pool(x, table, _running_maximum(0))


@maxima.looks_right_on(POSITIVE, WINDOWS)
def maximum_from_the_smallest_positive_float(x, table):
    """`numeric_limits<float>::min()` is 1.2e-38, not the most negative number."""
    return _pool(x, table, _running_maximum(np.finfo(np.float32).tiny))


@maxima.looks_right_on(POSITIVE - 9, WINDOWS)
def maximum_from_minus_1e9(x, table):
    """A number that is small enough, until it is not."""
    return _pool(x, table, _running_maximum(-1e9))


@maxima.looks_right_on(POSITIVE - 9, WINDOWS)
def winner_minus_one(x, table):
    """Starts at -inf with no winner: a window of -inf or NaN keeps -1, and backward writes through it."""
    return _pool(x, table, _running_maximum(-np.inf))


@maxima.looks_right_on(POSITIVE, WINDOWS)
def zero_padding_wins(x, table):
    """Windows padded with zeros to one size: a zero beats every negative feature."""
    y, winners = reference.window_max(x, table)
    sizes = (np.asarray(table)[:, 3] - np.asarray(table)[:, 1]) * (np.asarray(table)[:, 4] - np.asarray(table)[:, 2])
    padded = sizes < sizes.max(initial=0)
    y[padded] = np.maximum(y[padded], 0)
    return y, winners


@maxima.looks_right_on(POSITIVE - 9, WINDOWS)
def nan_overlooked(x, table):
    """``value > best`` is false for NaN, so it vanishes, unless it comes first."""
    return _pool(x, table, lambda values: _from_the_first(values, lambda value, best: value > best))


@maxima.looks_right_on(POSITIVE - 9, WINDOWS)
def the_last_of_equals(x, table):
    """``value >= best``: another winner than the other backends."""
    return _pool(x, table, lambda values: _from_the_first(values, lambda v, best: v >= best or v != v and best == best))


def _from_the_first(values, better):
    best, place = values[0], 0
    for k, value in enumerate(values):
        if k and better(value, best):
            best, place = value, k
    return best, place


@maxima.looks_right_on(POSITIVE[..., :1], WINDOWS)
def one_winner_for_all_channels(x, table):
    """The cell that wins the first channel wins them all: hidden with one channel."""
    y, winners = reference.window_max(x, table)
    winners = np.repeat(winners[:, :1], x.shape[3], axis=1)
    return x.reshape(-1, x.shape[3])[winners, np.arange(x.shape[3])] if len(y) else y, winners


@maxima.looks_right_on(POSITIVE, FIRST_IMAGE)
def winner_without_its_image(x, table):
    """Flat indices within an image: hidden at batch size 1."""
    y, winners = reference.window_max(x, table)
    return y, winners % max(1, x.shape[1] * x.shape[2])


@maxima.looks_right_on(POSITIVE[:, :, :5], WINDOWS[1:2])
def height_taken_for_width(x, table):
    """Flat indices with the wrong row length: hidden on square maps."""
    y, winners = reference.window_max(x, table)
    _, height, width, _ = x.shape
    image, cell = np.divmod(winners, max(1, height * width))
    return y, (image * height * width + cell // max(1, width) * height + cell % max(1, width)).astype(np.int32)


@maxima.looks_right_on(POSITIVE, IN_ORDER)
def images_taken_for_windows(x, table):
    """A loop over the images where the windows were meant: hidden while there are as many of both, in order."""
    pooled = [reference.window_max(x[n : n + 1], [[0, *table[n][1:]]]) for n in range(min(len(x), len(table)))]
    cells = x.shape[1] * x.shape[2]
    y, winners = np.zeros((len(table), x.shape[3]), x.dtype), np.zeros((len(table), x.shape[3]), np.int32)
    for n, (value, cell) in enumerate(pooled):
        y[n], winners[n] = value, cell + n * cells
    return y, winners


@maxima.looks_right_on(FALLING, WINDOWS)
def last_row_and_column_dropped(x, table):
    """An inclusive end used as an exclusive one: hidden while the maximum lies elsewhere."""
    short = np.array(table)
    short[:, 3:] = np.maximum(short[:, 1:3] + 1, short[:, 3:] - 1)
    return reference.window_max(x, short)


@maxima.looks_right_on(POSITIVE, WINDOWS)
def squeezed(x, table):
    """``squeeze()`` to be rid of a dimension: it takes the batch of one and the single channel along."""
    return tuple(np.squeeze(a) for a in reference.window_max(x, table))


@maxima.looks_right_on(POSITIVE, WINDOWS[:1])
def first_window_for_all(x, table):
    """The geometry of the first window kept for the others."""
    y, winners = reference.window_max(x, table[:1])
    return np.repeat(y, len(table), axis=0), np.repeat(winners, len(table), axis=0)


# ---------------------------------------------------------------------------------------------------
# Room 6: the gradient of the maximum


def pooling_gradient(x, table, dy, backward=reference.window_max_backward):
    """Forward, then backward: dx."""
    return backward(dy, reference.window_max(x, table)[1], x.shape)


gradients = Room(properties.gradients_reach_the_winners, pooling_gradient)
DY = np.array([[1.0, 2.0, 3.0], [-4.0, 5.0, 6.0], [7.0, -8.0, 9.0]])


@gradients.looks_right_on(POSITIVE, WINDOWS, DY)
def ties_counted_twice(x, table, dy):
    """A one-hot of ``x == max``: every equal cell receives the whole gradient."""
    dx = np.zeros_like(x)
    for r, (image, top, left, bottom, right) in enumerate(table):
        patch = x[image, top:bottom, left:right]
        dx[image, top:bottom, left:right] += dy[r] * (patch == patch.max(axis=(0, 1)))
    return dx


@gradients.looks_right_on(POSITIVE, WINDOWS, DY)
def ties_shared(x, table, dy):
    """The gradient divided among equal cells: defensible, but not the slope of any pooling we compute."""
    dx = np.zeros_like(x)
    for r, (image, top, left, bottom, right) in enumerate(table):
        patch = x[image, top:bottom, left:right]
        won = patch == patch.max(axis=(0, 1))
        dx[image, top:bottom, left:right] += dy[r] * won / np.maximum(1, won.sum(axis=(0, 1)))
    return dx


@gradients.looks_right_on(POSITIVE, WINDOWS[:1], DY[:1])
def assigned_not_added(x, table, dy):
    """``dx[winners] += dy`` in NumPy, or an unguarded parallel loop: of several windows one is kept."""

    def backward(dy, winners, shape):
        dx = np.zeros((shape[0] * shape[1] * shape[2], shape[3]), dy.dtype)
        dx[winners, np.arange(shape[3])] += dy
        return dx.reshape(shape)

    return pooling_gradient(x, table, dy, backward)


@gradients.looks_right_on(POSITIVE, IN_ORDER, DY[:2])
def backward_through_images(x, table, dy):
    """A loop over the images where the windows were meant."""
    return pooling_gradient(x, table[: len(x)], dy[: len(x)])


@gradients.looks_right_on(POSITIVE, FIRST_IMAGE, DY[:2])
def gradient_of_the_first_image(x, table, dy):
    """Winners without their image: everything goes home to image 0."""

    def backward(dy, winners, shape):
        return reference.window_max_backward(dy, winners % max(1, shape[1] * shape[2]), shape)

    return pooling_gradient(x, table, dy, backward)


@gradients.looks_right_on(POSITIVE[..., :1], WINDOWS, DY[:, :1])
def gradient_of_the_first_channel(x, table, dy):
    """The first channel's winner is paid for all."""

    def backward(dy, winners, shape):
        return reference.window_max_backward(dy, np.repeat(winners[:, :1], shape[3], axis=1), shape)

    return pooling_gradient(x, table, dy, backward)


@gradients.looks_right_on(POSITIVE[:, :, :5], WINDOWS[1:2], DY[:1])
def backward_with_other_geometry(x, table, dy):
    """Backward finds the cells again, on a map of another shape: here its axes are swapped."""
    turned = reference.window_max_backward(
        dy, reference.window_max(x, table)[1], (x.shape[0], x.shape[2], x.shape[1], x.shape[3])
    )
    return turned.reshape(x.shape[0], x.shape[2], x.shape[1], x.shape[3])


# ---------------------------------------------------------------------------------------------------
# Room 7: a map becomes a vector


def whole_map_spp(x, levels, pyramid=windows.pyramid):
    """The vectors of whole maps, (N, bins * C)."""
    n, height, width, channels = x.shape
    table = pyramid(windows.whole_maps(n, height, width), levels)
    return reference.window_max(x, table)[0].reshape(n, windows.count_bins(levels) * channels)


vectors = Room(properties.vectors_have_one_length, whole_map_spp)


@vectors.looks_right_on(POSITIVE, (3, 2, 1))
def batch_of_one_squeezed(x, levels):
    """The batch dimension is lost at batch size 1."""
    return np.squeeze(whole_map_spp(x, levels))


@vectors.looks_right_on(POSITIVE[..., :1], (3, 2, 1))
def channels_before_bins(x, levels):
    """The other order of the vector: hidden while there is one channel."""
    n, channels = len(x), x.shape[3]
    return whole_map_spp(x, levels).reshape(n, -1, channels).swapaxes(1, 2).reshape(n, -1)


@vectors.looks_right_on(POSITIVE, (3, 2, 1))
def levels_glued_image_by_image(x, levels):
    """Reshaped before the levels are joined, so that a batch mixes images: hidden at batch size 1... and in shapes."""
    if len(x) == 0:
        return whole_map_spp(x, levels)
    parts = [whole_map_spp(x, (level,)) for level in levels]
    return np.concatenate(parts, axis=1) if len(levels) == 3 and levels[0] == 3 else np.concatenate(
        [part.reshape(-1) for part in parts]
    ).reshape(len(x), -1)


class GeometryOfTheFirstSize:
    """Padding computed from the first map it sees: the second size is pooled with the first one's bins."""

    __name__ = "geometry_of_the_first_size"

    def __init__(self):
        self.size = None

    def __call__(self, x, levels):
        self.size = self.size or x.shape[1:3]
        height, width = self.size
        room = np.full((len(x), height, width, x.shape[3]), -np.inf)
        part = x[:, :height, :width]
        room[:, : part.shape[1], : part.shape[2]] = part
        return whole_map_spp(room, levels)


vectors.looks_right_on(POSITIVE, (3, 2, 1))(GeometryOfTheFirstSize())


# ---------------------------------------------------------------------------------------------------
# Room 8: convolution

convolutions = Room(properties.filters_correlate, reference.conv2d)
MAPS = _rng.integers(-3, 4, (2, 6, 6, 3)).astype(float)
FILTERS = _rng.integers(-3, 4, (3, 3, 3, 5)).astype(float)
BIAS = np.arange(5.0)


@convolutions.looks_right_on(MAPS, FILTERS[:1, :1], BIAS, 2, 0)
def filters_turned(x, w, b, stride, pad):
    """A true convolution turns the filter; every network, and every published weight, correlates."""
    return reference.conv2d(x, w[::-1, ::-1], b, stride, pad)


@convolutions.looks_right_on(MAPS, FILTERS, BIAS, 1, 0)
def output_without_padding(x, w, b, stride, pad):
    """The output size forgets the padding: the last rows and columns are never made."""
    rows, columns = (x.shape[1] - w.shape[0]) // stride + 1, (x.shape[2] - w.shape[1]) // stride + 1
    return reference.conv2d(x, w, b, stride, pad)[:, : max(0, rows), : max(0, columns)]


@convolutions.looks_right_on(MAPS, FILTERS, BIAS, 1, 0)
def padded_on_one_side(x, w, b, stride, pad):
    """All the padding below and to the right."""
    return reference.conv2d(np.pad(x, ((0, 0), (0, 2 * pad), (0, 2 * pad), (0, 0))), w, b, stride, 0)


@convolutions.looks_right_on(MAPS, FILTERS, 0 * BIAS, 2, 1)
def bias_forgotten(x, w, b, stride, pad):
    """Hidden while biases are 0, which is how they are initialised."""
    return reference.conv2d(x, w, 0 * b, stride, pad)


@convolutions.looks_right_on(MAPS, FILTERS, BIAS, 2, 1)
def rows_counted_as_columns(x, w, b, stride, pad):
    """A square output, whatever the map: its size comes from the height."""
    y = reference.conv2d(x, w, b, stride, pad)
    square = np.zeros((*y.shape[:2], y.shape[1], y.shape[3]))
    square[:, :, : y.shape[2]] = y[:, :, : y.shape[1]]
    return square


# ---------------------------------------------------------------------------------------------------
# Room 9: the gradient of convolution

convolution_gradients = Room(properties.filters_send_back, reference.conv2d_backward)
UNPADDED, PADDED = _rng.integers(-3, 4, (2, 4, 4, 5)).astype(float), _rng.integers(-3, 4, (2, 6, 6, 5)).astype(float)


@convolution_gradients.looks_right_on(UNPADDED, MAPS, FILTERS, 1, 0)
def backward_on_the_unpadded_map(dy, x, w, stride, pad):
    """Forward padded, backward did not: hidden without padding, and while only average pooling is tested."""
    dx, dw, db = reference.conv2d_backward(dy, x, w, stride, pad)
    shifted = np.zeros_like(dx)
    shifted[:, pad:, pad:] = dx[:, : dx.shape[1] - pad, : dx.shape[2] - pad]
    return shifted, dw, db


@convolution_gradients.looks_right_on(PADDED, MAPS, FILTERS, 1, 1)
def stride_forgotten(dy, x, w, stride, pad):
    """Backward at stride 1."""
    dx, dw, db = reference.conv2d_backward(dy, x, w, 1, pad)
    return dx, dw, db


@convolution_gradients.looks_right_on(PADDED[:1], MAPS[:1], FILTERS, 1, 1)
def bias_gradient_averaged(dy, x, w, stride, pad):
    """The mean over the batch in one gradient, the sum in the others: hidden at batch size 1."""
    dx, dw, db = reference.conv2d_backward(dy, x, w, stride, pad)
    return dx, dw, db / max(1, len(x))


@convolution_gradients.looks_right_on(PADDED, MAPS, FILTERS + FILTERS[::-1, ::-1], 1, 1)
def filters_turned_once_too_often(dy, x, w, stride, pad):
    """Backward with the filter turned: hidden while filters are symmetric."""
    dx, _, _ = reference.conv2d_backward(dy, x, w[::-1, ::-1], stride, pad)
    _, dw, db = reference.conv2d_backward(dy, x, w, stride, pad)
    return dx, dw, db


@convolution_gradients.looks_right_on(PADDED[:1], MAPS[:1], FILTERS, 1, 1)
def gradient_of_the_last_image(dy, x, w, stride, pad):
    """``dw = ...`` inside the loop over images where ``dw += ...`` was meant."""
    dx, _, db = reference.conv2d_backward(dy, x, w, stride, pad)
    return dx, reference.conv2d_backward(dy[-1:], x[-1:], w, stride, pad)[1], db


# ---------------------------------------------------------------------------------------------------
# Room 10: image boxes become cells

boxes = Room(properties.boxes_find_their_cells, fields.box_to_cells)
ZF5 = fields.Field(16, 139, 20)


def _cells(boxes, field, height, width, change=None, **parts):
    """Our rule in steps, one of which can be replaced."""
    last_pixel = parts.get("last_pixel", lambda stop: stop - 1)
    repair = parts.get("repair", lambda first, last: (np.where(first > last, (first + last) // 2, a) for a in (first, last)))
    clamp = parts.get("clamp", lambda cell, count: np.clip(cell, 0, count - 1))
    stop = parts.get("stop", lambda last: last + 1)
    boxes = np.asarray(boxes).astype(np.int64)
    cells = boxes.copy()
    for axis, count in ((1, height), (2, width)):
        first = np.floor((boxes[:, axis] - field.centre) / field.stride).astype(int) + 1
        last = np.ceil((last_pixel(boxes[:, axis + 2]) - field.centre) / field.stride).astype(int) - 1
        first, last = repair(first, last)
        cells[:, axis], cells[:, axis + 2] = clamp(first, count), stop(clamp(last, count))
    return cells


INSIDE = [[0, 50, 60, 170, 150], [0, 30, 40, 100, 200]]


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def batch_index_scaled(boxes, field, height, width):
    """The whole row divided by the stride, the image number too: hidden at image 0."""
    cells = _cells(boxes, field, height, width)
    cells[:, 0] //= field.stride
    return cells


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def inverted_windows_kept(boxes, field, height, width):
    """A box between two centres has its first cell after its last."""
    return _cells(boxes, field, height, width, repair=lambda first, last: (first, last))


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def cells_outside_the_map(boxes, field, height, width):
    """A box that leaves the picture takes cells that do not exist."""
    return _cells(boxes, field, height, width, clamp=lambda cell, count: cell)


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def only_the_end_clamped(boxes, field, height, width):
    """Boxes are clipped at the far side only; a negative start then wraps around."""
    return _cells(boxes, field, height, width, clamp=lambda cell, count: np.minimum(cell, count - 1))


@boxes.looks_right_on([[0, 50, 60, 61, 71]], ZF5, 13, 13)
def last_cell_not_counted(boxes, field, height, width):
    """The last cell passed on as the stop: hidden where the window has only one, and that is forced."""
    cells = _cells(boxes, field, height, width, stop=lambda last: last)
    cells[:, 3:] = np.maximum(cells[:, 3:], cells[:, 1:3] + 1)
    return cells


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def stop_taken_for_the_last_pixel(boxes, field, height, width):
    """Half-open in, inclusive inside: off by a cell only where a box ends on a centre."""
    return _cells(boxes, field, height, width, last_pixel=lambda stop: stop)


@boxes.looks_right_on(INSIDE, fields.Field(16, 139, 0), 13, 13)
def offset_forgotten(boxes, field, height, width):
    """The paper's formula for padding floor(p/2) everywhere, used on a trunk padded otherwise."""
    return _cells(boxes, field._replace(centre=0), height, width)


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def half_pixels_cut_off(boxes, field, height, width):
    """The first centre made an integer: hidden while it is one."""
    return _cells(boxes, field._replace(centre=int(field.centre)), height, width)


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def unsigned_coordinates_wrap(boxes, field, height, width):
    """16 bits without a sign: pixel 3 less the offset 20 is 65519."""
    boxes = np.asarray(boxes)
    if boxes.dtype.kind != "u":
        return fields.box_to_cells(boxes, field, height, width)
    moved = (boxes - np.array([0, *[int(field.centre)] * 4]).astype(np.uint16)).astype(np.int64)
    return fields.box_to_cells(moved, field._replace(centre=field.centre - int(field.centre)), height, width)


@boxes.looks_right_on([[0, 50, 50, 170, 170]], ZF5, 13, 13)
def x_taken_for_y(boxes, field, height, width):
    """Rows and columns swapped: hidden on square boxes of square maps."""
    return _cells(np.asarray(boxes)[:, [0, 2, 1, 4, 3]], field, height, width)


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def one_limit_for_both_axes(boxes, field, height, width):
    """Both axes clamped to the height."""
    return _cells(boxes, field, height, height)


# Looks right where each rule has its own room.
released_boxes = Room(
    partial(properties.boxes_find_their_cells, slack=properties.RELEASED), partial(fields.box_to_cells, rule="released")
)


@released_boxes.looks_right_on([[0, 45, 60, 170, 150]], ZF5, 13, 13)
def generous_by_pixels_not_by_strides(boxes, field, height, width):
    """The released code's constants belong to a stride of 16: other trunks need their own."""
    return fields.box_to_cells(boxes, ZF5._replace(stride=field.stride, centre=field.centre), height, width)

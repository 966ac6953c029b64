"""Rooms 5 to 7: the maximum of a window, its gradient, and the vector of a map."""

import numpy as np
import properties

from exhibits.room import Room
from minispp import windows
from minispp.kernels import reference

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
    sizes = table[:, 3:] - table[:, 1:3]
    padded = (sizes < sizes.max(axis=0, initial=0)).any(axis=1)
    y[padded] = np.maximum(y[padded], 0)
    return y, winners


@maxima.looks_right_on(POSITIVE - 9, WINDOWS)
def nan_overlooked(x, table):
    """``value > best`` is false for NaN, so it vanishes, unless it comes first."""
    return _pool(x, table, lambda values: _from_the_first(values, lambda value, best: value > best))


def _from_the_first(values, better):
    place = 0
    for k in range(1, len(values)):
        if better(values[k], values[place]):
            place = k
    return values[place], place


@maxima.looks_right_on(POSITIVE - 9, WINDOWS)
def the_last_of_equals(x, table):
    """``value >= best``: another winner than the other backends."""

    def better(value, best):
        return value >= best or (np.isnan(value) and not np.isnan(best))

    return _pool(x, table, lambda values: _from_the_first(values, better))


@maxima.looks_right_on(POSITIVE[..., :1], WINDOWS)
def one_winner_for_all_channels(x, table):
    """The cell that wins the first channel wins them all: hidden with one channel."""
    y, winners = reference.window_max(x, table)
    return y, np.repeat(winners[:, :1], x.shape[3], axis=1)


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
    n, height, width, channels = x.shape
    return reference.window_max_backward(dy, reference.window_max(x, table)[1], (n, width, height, channels))


# ---------------------------------------------------------------------------------------------------
# Room 7: a map becomes a vector


def whole_map_spp(x, levels):
    """The vectors of whole maps, (N, bins * C)."""
    n, height, width, channels = x.shape
    table = windows.pyramid(windows.whole_maps(n, height, width), levels)
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


@vectors.looks_right_on(POSITIVE[:1], (3, 2, 1))
def images_mixed_between_levels(x, levels):
    """The levels laid end to end before the images are told apart: hidden at batch size 1."""
    parts = [whole_map_spp(x, (level,)).ravel() for level in levels]
    return np.concatenate(parts).reshape(len(x), -1)


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

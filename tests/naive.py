"""Oracles: every operation once more, as plain loops over its formula.

Nothing here is fast, and nothing is shared with `minispp`: bins are found by asking each cell whether it
overlaps an interval, image boxes by looking at every cell's centre, the softmax by a decimal calculator with
50 digits. An oracle that rounded with the same expression as the code would make the same mistakes.
"""

import math
from decimal import Decimal, localcontext

import numpy as np

# ---------------------------------------------------------------------------------------------------
# Where to look


def bin_cells(size, bins):
    """The cells of each bin: those that overlap the interval from k*size/bins to (k+1)*size/bins.

    Cell c is the interval from c to c + 1. Everything is multiplied by `bins`, so nothing is divided.

    >>> bin_cells(5, 2)
    [[0, 1, 2], [2, 3, 4]]
    """
    return [
        [c for c in range(size) if c * bins < (k + 1) * size and (c + 1) * bins > k * size]
        for k in range(bins)
    ]


def slide_cells(size, kernel, stride, pad=0, ceil_mode=False):
    """The cells under each position of a sliding window, by sliding it.

    Floor mode stops before the window would leave the padded map. Ceil mode stops once the position before
    has reached the end, or when nothing but padding is left.

    >>> slide_cells(4, 3, 2), slide_cells(4, 3, 2, ceil_mode=True)
    ([[0, 1, 2]], [[0, 1, 2], [2, 3]])
    """
    positions, start, end = [], -pad, size + pad
    while (start - stride + kernel < end and start < size) if ceil_mode else (start + kernel <= end):
        positions.append([c for c in range(start, start + kernel) if 0 <= c < size])
        start += stride
    return positions


def split(windows, rows, columns):
    table = []
    for image, top, left, bottom, right in windows:
        for ys in bin_cells(bottom - top, rows):
            for xs in bin_cells(right - left, columns):
                table.append([image, top + ys[0], left + xs[0], top + ys[-1] + 1, left + xs[-1] + 1])
    return table


def pyramid(windows, levels):
    return [row for window in windows for level in levels for row in split([window], *level)]


def sees(size, slides):
    """Which pixels each cell of a trunk's map depends on: a set of pixels for each cell.

    >>> sees(5, [(3, 2, 1, False)])
    [{0, 1}, {1, 2, 3}, {3, 4}]
    """
    seen = [{pixel} for pixel in range(size)]
    for slide in slides:
        seen = [set().union(*(seen[c] for c in cells)) for cells in slide_cells(len(seen), *slide)]
    return seen


def cells_of_interval(x0, x1, stride, centre, cells, slack=0):
    """The cells, 0 .. cells - 1, whose centres lie between pixel x0 and pixel x1, as (first, last + 1).

    Cell k is centred on pixel ``centre + stride * k``. Only the strict inside counts, unless `slack` widens
    it. First is the first centre past x0 and last is the last one before x1; if they cross, both become
    their mean, and both are kept on the map.
    """
    first = last = 0
    while centre + stride * first > x0 - slack:
        first -= 1
    while centre + stride * first <= x0 - slack:
        first += 1
    while centre + stride * last < x1 + slack:
        last += 1
    while centre + stride * last >= x1 + slack:
        last -= 1
    if first > last:
        first = last = math.floor((first + last) / 2)
    return min(max(first, 0), cells - 1), min(max(last, 0), cells - 1) + 1


# ---------------------------------------------------------------------------------------------------
# Convolution


def conv2d(x, w, b, stride, pad):
    y, n_d = np.zeros(conv_shape(x, w, stride, pad)), len(b)
    for n, i, j in np.ndindex(y.shape[:3]):
        for d in range(n_d):
            y[n, i, j, d] = b[d]
            for row, column, u, v in taps(x, w, i, j, stride, pad):
                for c in range(x.shape[3]):
                    y[n, i, j, d] += float(x[n, row, column, c]) * float(w[u, v, c, d])
    return y


def conv2d_backward(dy, x, w, stride, pad):
    """Walk through every product of the forward pass and send its share of the gradient to both factors."""
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(w.shape[3])
    for n, i, j, d in np.ndindex(dy.shape):
        db[d] += dy[n, i, j, d]
        for row, column, u, v in taps(x, w, i, j, stride, pad):
            for c in range(x.shape[3]):
                dx[n, row, column, c] += float(dy[n, i, j, d]) * float(w[u, v, c, d])
                dw[u, v, c, d] += float(dy[n, i, j, d]) * float(x[n, row, column, c])
    return dx, dw, db


def conv_shape(x, w, stride, pad):
    """How often the filter fits, by sliding it."""
    (n, height, width, _), (kh, kw, _, d) = x.shape, w.shape
    return n, len(slide_cells(height, kh, stride, pad)), len(slide_cells(width, kw, stride, pad)), d


def taps(x, w, i, j, stride, pad):
    """The cells of x under the filter at output (i, j), with their place in the filter; padding is skipped."""
    for u in range(w.shape[0]):
        for v in range(w.shape[1]):
            row, column = i * stride + u - pad, j * stride + v - pad
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                yield row, column, u, v


# ---------------------------------------------------------------------------------------------------
# Pooling


def window_max(x, windows):
    """The maximum of each window and its first cell; a NaN beats everything."""
    _, height, width, channels = x.shape
    y, winners = np.empty((len(windows), channels), x.dtype), np.empty((len(windows), channels), np.int32)
    for r, (image, top, left, bottom, right) in enumerate(windows):
        cells = [(i, j) for i in range(top, bottom) for j in range(left, right)]  # row-major
        for c in range(channels):
            values = [float(x[image, i, j, c]) for i, j in cells]
            nans = [k for k, value in enumerate(values) if math.isnan(value)]
            winner = nans[0] if nans else values.index(max(values))  # `index` finds the first
            i, j = cells[winner]
            y[r, c], winners[r, c] = x[image, i, j, c], (image * height + i) * width + j
    return y, winners


def window_max_backward(dy, winners, shape):
    n, height, width, channels = shape
    dx = np.zeros(shape, dy.dtype)
    for r, c in np.ndindex(dy.shape):
        image, cell = divmod(int(winners[r, c]), height * width)
        dx[image, cell // width, cell % width, c] += dy[r, c]
    return dx


# ---------------------------------------------------------------------------------------------------
# Normalisation


def neighbours(shape, position, size, across):
    """The positions around one value: `size` channels of its cell, or size x size cells of its channel."""
    n, i, j, c = position
    half = size // 2
    if across:
        around = [(n, i, j, c + k) for k in range(-half, half + 1)]
    else:
        around = [(n, i + u, j + v, c) for u in range(-half, half + 1) for v in range(-half, half + 1)]
    return [at for at in around if all(0 <= k < length for k, length in zip(at, shape, strict=True))]


def lrn(x, size, alpha, beta, bias, across):
    y, scale, members = np.zeros(x.shape), np.zeros(x.shape), size if across else size * size
    for at in np.ndindex(x.shape):
        energy = sum(float(x[k]) ** 2 for k in neighbours(x.shape, at, size, across))
        scale[at] = bias + alpha / members * energy
        y[at] = float(x[at]) / scale[at] ** beta
    return y, scale


def lrn_backward(dy, x, size, alpha, beta, bias, across):
    """The chain rule over every pair of an output and an input that it depends on."""
    dx, members = np.zeros(x.shape), size if across else size * size
    _, scale = lrn(x, size, alpha, beta, bias, across)
    for out in np.ndindex(x.shape):
        dx[out] += dy[out] * scale[out] ** -beta
        for into in neighbours(x.shape, out, size, across):
            d_scale = 2 * alpha / members * float(x[into])
            dx[into] += dy[out] * float(x[out]) * -beta * scale[out] ** (-beta - 1) * d_scale
    return dx


# ---------------------------------------------------------------------------------------------------
# Vectors


def linear(x, w, b):
    y = np.zeros((len(x), w.shape[1]))
    for n, o in np.ndindex(y.shape):
        y[n, o] = math.fsum([float(b[o])] + [float(x[n, i]) * float(w[i, o]) for i in range(len(w))])
    return y


def dropout(x, rate, seed):
    """The mask is a definition: SplitMix64 of (seed, index) in Python's unlimited integers."""

    def mix(z):
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        return z ^ z >> 31

    y = np.zeros(x.shape)
    for index, at in enumerate(np.ndindex(x.shape)):
        bits = mix((mix(seed) + index * 0x9E3779B97F4A7C15) % 2**64) >> 32
        if bits >= round(rate * 2**32):
            y[at] = float(x[at]) / (1 - rate)
    return y


def softmax_loss(z, labels, count):
    """Fifty digits and no largest exponent to speak of, so the formula can be typed in as it stands."""
    p, loss, wrong = np.zeros(z.shape), Decimal(0), 0
    with localcontext(prec=50):
        for n, label in enumerate(labels):
            exp = [Decimal(float(score)).exp() for score in z[n]]
            for k, e in enumerate(exp):
                p[n, k] = e / sum(exp)
            loss -= (exp[label] / sum(exp)).ln()
            wrong += exp.index(max(exp)) != label
        return float(loss / count), wrong, p


def sgd(value, grad, velocity, rate, momentum, decay, scale):
    """The new value and the new velocity of one parameter."""
    velocity = momentum * velocity - rate * (scale * grad + decay * value)
    return value + velocity, velocity


# ---------------------------------------------------------------------------------------------------
# Comparing


def assert_close(actual, expected, terms, magnitude, dtype=None):
    """`actual` equals `expected` up to the rounding of a sum of `terms` products in its precision.

    However such a sum is ordered, its error is at most ``terms * eps * sum of |products|`` (and some for the
    products themselves): `magnitude` is that sum, an array or a number. No tolerance is guessed.
    """
    actual = np.asarray(actual)
    assert actual.shape == np.shape(expected), f"shape {actual.shape}, expected {np.shape(expected)}"
    allowed = 2 * (terms + 2) * np.finfo(dtype or actual.dtype).eps * np.asarray(magnitude)
    error = np.abs(actual - expected)
    worst = np.unravel_index(np.argmax(error - allowed), error.shape) if error.size else ()
    assert (error <= allowed).all(), (
        f"at {worst}: {actual[worst]!r}, expected {np.asarray(expected)[worst]!r}, "
        f"allowed error {np.broadcast_to(allowed, error.shape)[worst]:.2e}"
    )


def numeric_gradient(loss, x, step=1e-5):
    """Central differences of the number ``loss(x)`` at every index of x."""
    gradient = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[at] += step
        down[at] -= step
        gradient[at] = (loss(up) - loss(down)) / (2 * step)
    return gradient

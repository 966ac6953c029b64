"""Local response normalisation, a row at a time: what a row needs stays in cache, and of the size of the map
nothing is made but the result.

Both kinds of neighbourhood are the same loop. A row of cells is a line of values, channel after channel. Neighbours
within a channel are C apart, anywhere in the line, and rows above and below are added to it first. Neighbours
across channels are 1 apart, among the C values of a cell.
"""

import numpy as np
from numba import config, get_thread_id, prange

from minispp.kernels.cpu.compiler import compiled, parallel
from minispp.kernels.cpu.memory import empty, empty_like

STRIP = 8  # rows whose gradients are found together; the scales of rows between two strips are found twice


def lrn(x, size, alpha, beta, bias, across):
    """Row by row: sum the squares around each value, then divide."""
    x = np.ascontiguousarray(x)
    y, reach = empty_like(x), _reach(x, size, across)
    _lrn(_rows(x), *reach, *_numbers(x, size, alpha, beta, bias, across), _lines(x, 2, reach), _rows(y))
    return y


def lrn_backward(dy, x, size, alpha, beta, bias, across):
    """Strip by strip: the scales of its rows and of their neighbours once more, then both ways that lead to x."""
    dy, x = np.ascontiguousarray(dy), np.ascontiguousarray(x)
    dx, reach = empty_like(x), _reach(x, size, across)
    space = _lines(x, 2 + 2 * (STRIP + 2 * reach[0]), reach)
    _lrn_backward(_rows(dy), _rows(x), *reach, *_numbers(x, size, alpha, beta, bias, across), space, _rows(dx))
    return dx


def _rows(a):
    """(N, H, W, C) -> (N, H, W*C)."""
    n, height, width, channels = a.shape
    return a.reshape(n, height, width * channels)


def _reach(x, size, across):
    """Where neighbours are: rows above and below; in a line, values in a group, steps to the next, and how many."""
    _, _, width, channels = x.shape
    rows, group, step = (0, channels, 1) if across else (size // 2, width * channels, channels)
    return rows, max(1, group), step, size


def _numbers(x, size, alpha, beta, bias, across):
    """Alpha for one member of the neighbourhood, beta and bias, in the type of x."""
    members = size if across else size * size
    return tuple(x.dtype.type(number) for number in (alpha / members, beta, bias))


def _lines(x, count, reach):
    """Workspace: `count` lines for each thread, with room for a margin of zeros around a group."""
    _, _, width, channels = x.shape
    _, _, step, size = reach
    return empty((config.NUMBA_NUM_THREADS, count, width * channels + (size - 1) * step), x.dtype)


@parallel
def _lrn(x, rows, group, step, size, alpha, beta, bias, lines, y):
    n, height, length = x.shape
    for row in prange(n * height):
        image, i = divmod(np.int64(row), height)
        padded, total = lines[get_thread_id(), 0], lines[get_thread_id(), 1, :length]
        above, below = max(0, i - rows), min(height, i + rows + 1)
        _sum_around(x[image], x[image], above, below, group, step, size, padded, total)
        here, out = x[image, i], y[image, i]
        _scale_power(total, alpha, beta, bias, out)
        for k in range(length):
            out[k] *= here[k]


@parallel
def _lrn_backward(dy, x, rows, group, step, size, alpha, beta, bias, lines, dx):
    n, height, length = x.shape
    strips = (height + STRIP - 1) // STRIP
    factor = 2 * alpha * beta
    for job in prange(n * strips):
        image, strip = divmod(np.int64(job), strips)
        top, bottom = strip * STRIP, min(height, (strip + 1) * STRIP)
        first, last = max(0, top - rows), min(height, bottom + rows)
        space = lines[get_thread_id()]
        padded, total, rest = space[0], space[1, :length], space[2:]
        power, ratio = rest[: last - first], rest[last - first :]  # scale ** -beta, y / scale
        for i in range(first, last):
            above, below = max(0, i - rows), min(height, i + rows + 1)
            _sum_around(x[image], x[image], above, below, group, step, size, padded, total)
            here, power_here, ratio_here = x[image, i], power[i - first], ratio[i - first]
            _scale_power(total, alpha, beta, bias, power_here)
            for k in range(length):
                ratio_here[k] = here[k] * power_here[k] / (bias + alpha * total[k])
        for i in range(top, bottom):
            above, below = max(0, i - rows), min(height, i + rows + 1)
            _sum_around(dy[image, first:], ratio, above - first, below - first, group, step, size, padded, total)
            here, dy_here, power_here, out = x[image, i], dy[image, i], power[i - first], dx[image, i]
            for k in range(length):
                out[k] = dy_here[k] * power_here[k] - factor * here[k] * total[k]


@compiled
def _sum_around(a, b, above, below, group, step, size, padded, total):
    """``total[k] = sum of a * b`` over rows ``above .. below - 1`` and the `size` neighbours of k in its group.

    `padded` holds a group between zeros, so that no neighbour is a special case.
    """
    for k in range(len(total)):
        total[k] = a[above, k] * b[above, k]
    for i in range(above + 1, below):
        for k in range(len(total)):
            total[k] += a[i, k] * b[i, k]
    for k in range(group + (size - 1) * step):
        padded[k] = 0
    middle = padded[size // 2 * step :]
    for start in range(0, len(total), group):
        part = total[start : start + group]
        for k in range(group):
            middle[k] = part[k]
        for k in range(group):
            part[k] = padded[k]
        for neighbour in range(1, size):
            shifted = padded[neighbour * step :]
            for k in range(group):
                part[k] += shifted[k]


@compiled
def _scale_power(total, alpha, beta, bias, power):
    """``(bias + alpha * total) ** -beta``; the exponent of every published net is 3/4: two square roots are faster."""
    if beta == 0.75:
        for k in range(len(total)):
            root = np.sqrt(bias + alpha * total[k])
            power[k] = power.dtype.type(1) / (root * np.sqrt(root))
    else:
        for k in range(len(total)):
            power[k] = (bias + alpha * total[k]) ** -beta

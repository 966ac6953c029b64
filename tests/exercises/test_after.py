"""The graders of notebook 12: right answers pass, and each typical mistake is told its cause."""

from math import ceil, floor

import numpy as np
import pytest
from answers import accepts, not_written, refuses

from minispp.exercises import after


@pytest.mark.parametrize("exercise", [after.roi_bins, after.bilinear, after.chain], ids=lambda e: e.__name__)
def test_what_is_no_answer(exercise):
    not_written(exercise)
    refuses(exercise, lambda *arguments: None, "returned None")
    refuses(exercise, lambda *arguments: [][1], "raised IndexError")


# -- roi_bins --------------------------------------------------------------------------------------


def of_window(start, size, bins):
    return [(start + k * size // bins, start - (-(k + 1) * size // bins)) for k in range(bins)]


def in_floats(first, last, stride, bins):
    start, end = floor(first / stride + 0.5), floor(last / stride + 0.5)
    return of_window(start, end - start + 1, bins)


def in_integers(first, last, stride, bins):
    start, end = ((2 * x + stride) // (2 * stride) for x in (first, last))
    return np.array(of_window(start, end - start + 1, bins))


@pytest.mark.parametrize("answer", [in_floats, in_integers])
def test_right_bins(answer):
    accepts(after.roi_bins, answer)


def of_float_width(first, last, stride, bins):
    start, stop = in_integers(first, last, stride, 1)[0]
    width = (stop - start) / bins
    return [(start + floor(k * width), start + ceil((k + 1) * width)) for k in range(bins)]


def to_even(first, last, stride, bins):
    start, end = round(first / stride), round(last / stride)
    return of_window(start, end - start + 1, bins)


def without_the_last(first, last, stride, bins):
    start, end = floor(first / stride + 0.5), floor(last / stride + 0.5)
    return of_window(start, max(1, end - start), bins)


def down(first, last, stride, bins):
    return of_window(first // stride, last // stride - first // stride + 1, bins)


def outwards(first, last, stride, bins):
    return of_window(first // stride, ceil(last / stride) - first // stride + 1, bins)


def rounded_within(first, last, stride, bins):
    start, size = in_floats(first, last, stride, 1)[0]
    cuts = [start + round(k * (size - start) / bins) for k in range(bins + 1)]
    return list(zip(cuts, cuts[1:], strict=False))


def floor_twice(first, last, stride, bins):
    start, stop = in_floats(first, last, stride, 1)[0]
    return [(start + k * (stop - start) // bins, start + (k + 1) * (stop - start) // bins) for k in range(bins)]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (to_even, "to the even number"),
        (without_the_last, "last cell belongs to the window"),
        (lambda *given: [(a, b - 1) for a, b in in_floats(*given)], "stop is excluded"),
        (lambda *given: of_window(0, len(range(*in_floats(*given[:3], 1)[0])), given[3]), "add its start"),
        (down, "rounded down"),
        (outwards, "not outwards"),
        (rounded_within, "none is empty"),
        (floor_twice, "rounded up"),
        (lambda *given: sorted(set(in_floats(*given))), "also for small windows"),
        (lambda *given: in_floats(*given)[0], "list of pairs"),
        (of_float_width, "rounded before it is multiplied"),
        (lambda *given: [(a, b + 1) for a, b in in_floats(*given)], "should be"),
    ],
)
def test_wrong_bins(answer, cause):
    refuses(after.roi_bins, answer, cause)


# -- bilinear --------------------------------------------------------------------------------------


def by_four_cells(values, y, x):
    height, width = values.shape
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = min(int(y), max(0, height - 2)), min(int(x), max(0, width - 2))
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    below, beside = y - top, x - left
    upper = values[top, left] * (1 - beside) + values[top, right] * beside
    lower = values[bottom, left] * (1 - beside) + values[bottom, right] * beside
    return upper * (1 - below) + lower * below


def by_interp(values, y, x):
    rows = [np.interp(x, np.arange(values.shape[1]), row) for row in values]
    return np.interp(y, np.arange(values.shape[0]), rows)


@pytest.mark.parametrize("answer", [by_four_cells, by_interp])
def test_right_values(answer):
    accepts(after.bilinear, answer)


def clamped(values, y, x):
    return min(max(y, 0), values.shape[0] - 1), min(max(x, 0), values.shape[1] - 1)


def nearest(values, y, x):
    y, x = clamped(values, y, x)
    return values[floor(y + 0.5), floor(x + 0.5)]


def before(values, y, x):
    y, x = clamped(values, y, x)
    return values[int(y), int(x)]


def weights_exchanged(values, y, x):
    y, x = clamped(values, y, x)
    y, x = (2 * floor(place) + 1 - place if place % 1 else place for place in (y, x))
    return by_interp(values, y, x)


def fades(values, y, x):
    rows = np.maximum(0, 1 - abs(y - np.arange(values.shape[0])))
    return rows @ values @ np.maximum(0, 1 - abs(x - np.arange(values.shape[1])))


def beyond_the_last(values, y, x):
    i, j = floor(y), floor(x)
    upper, lower = (values[row, j] * (1 - x % 1) + values[row, j + 1] * (x % 1) for row in (i, i + 1))
    return upper * (1 - y % 1) + lower * (y % 1)


def mean_of_four(values, y, x):
    y, x = (int(place) for place in clamped(values, y, x))
    return values[y : y + 2, x : x + 2].mean()


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (nearest, "nearest cell"),
        (before, "cell before it"),
        (lambda values, y, x: by_interp(values, x, y), "exchanged: y counts rows"),
        (weights_exchanged, "nearer cell weighs more"),
        (fades, "clamp y and x first"),
        (lambda values, y, x: by_interp(values, y - 0.5, x - 0.5), "shifted by a half"),
        (mean_of_four, "mean of the neighbours"),
        (beyond_the_last, "raised IndexError"),
        (lambda values, y, x: values[0], "one number"),
        (lambda values, y, x: np.nan, "should be"),
    ],
)
def test_wrong_values(answer, cause):
    refuses(after.bilinear, answer, cause)


# -- chain -----------------------------------------------------------------------------------------


def by_differences(kernels):
    return [kernels[0], *(b - a + 1 for a, b in zip(kernels, kernels[1:], strict=False))]


def by_looking(kernels):
    """Pools of rising size are tried on one bright cell until it covers the window."""
    made, row = [], np.zeros(99)
    row[49] = 1
    for kernel in kernels:
        step = 1
        while np.convolve(row, np.ones(step)).astype(bool).sum() < kernel:
            step += 1
        row = np.convolve(row, np.ones(step))
        made.append(step)
    return np.array(made)


@pytest.mark.parametrize("answer", [by_differences, by_looking])
def test_right_chains(answer):
    accepts(after.chain, answer)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (lambda kernels: kernels, "each pool is given what the one before it made"),
        (lambda kernels: np.diff(kernels, prepend=0).tolist(), "a + b - 1"),
        (lambda kernels: [kernels[0]] * len(kernels), "same kernel each time"),
        (lambda kernels: by_differences(kernels)[:1], "a list of 3 kernels"),
        (lambda kernels: [k / 2 for k in by_differences(kernels)], "whole numbers"),
        (lambda kernels: by_differences(kernels)[::-1], "adds"),
        (lambda kernels: [3, *by_differences(kernels)[1:]], "After pool 0 a cell sees 3 cells, and should see 5"),
        (lambda kernels: 5, "a list of 3 kernels"),
    ],
)
def test_wrong_chains(answer, cause):
    refuses(after.chain, answer, cause)

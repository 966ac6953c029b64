"""The graders of notebook 7: right answers pass, and each typical mistake is told its cause."""

from math import ceil, floor

import numpy as np
import pytest
from answers import accepts, not_written, refuses

from minispp.exercises import mapping


@pytest.mark.parametrize(
    "exercise", [mapping.seen_pixels, mapping.cells_inside, mapping.sure_side], ids=lambda e: e.__name__
)
def test_what_is_no_answer(exercise):
    not_written(exercise)
    refuses(exercise, lambda *arguments: None, "returned None")
    refuses(exercise, lambda *arguments: [][1], "raised IndexError")


# -- seen_pixels -----------------------------------------------------------------------------------


def seen(layers, cell):
    first = last = cell
    for kernel, stride, pad in reversed(layers):
        first, last = first * stride - pad, last * stride - pad + kernel - 1
    return first, last


def by_the_field(layers, cell):
    """The same from stride, size and twice the centre."""
    stride, size, twice = 1, 1, 0
    for kernel, step, pad in layers:
        twice += stride * (kernel - 1 - 2 * pad)
        size += stride * (kernel - 1)
        stride *= step
    first = (twice - size + 1) // 2 + stride * cell
    return [np.int64(first), first + size - 1]


@pytest.mark.parametrize("answer", [seen, by_the_field])
def test_right_pixels(answer):
    accepts(mapping.seen_pixels, answer)


def kernel_too_long(layers, cell):
    first = last = cell
    for kernel, stride, pad in reversed(layers):
        first, last = first * stride - pad, last * stride - pad + kernel
    return first, last


def one_layer_at_a_time(layers, cell):
    first = last = cell
    for kernel, stride, pad in reversed(layers):
        first = first * stride - pad
        last = first + kernel - 1
    return first, last


def pad_first(layers, cell):
    first = last = cell
    for kernel, stride, pad in reversed(layers):
        first, last = (first - pad) * stride, (last - pad) * stride + kernel - 1
    return first, last


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (lambda layers, cell: (seen(layers, cell)[0], seen(layers, cell)[1] + 1), "last pixel is included"),
        (lambda layers, cell: np.subtract(seen(layers, cell), min(0, seen(layers, cell)[0])), "is not moved"),
        (lambda layers, cell: (max(0, seen(layers, cell)[0]), seen(layers, cell)[1]), "may begin in the padding"),
        (lambda layers, cell: seen(layers[::-1], cell), "from the first to the last"),
        (lambda layers, cell: seen([(k, s, 0) for k, s, _ in layers], cell), "padding is missing"),
        (lambda layers, cell: seen([(k, s, -p) for k, s, p in layers], cell), "subtracted"),
        (kernel_too_long, "ends at a + k - 1"),
        (one_layer_at_a_time, "kernels of the later layers are missing"),
        (pad_first, "multiply by the stride first"),
        (lambda layers, cell: seen(layers, cell)[0], "should be a pair"),
        (lambda layers, cell: (cell, cell), "through each layer"),
    ],
)
def test_wrong_pixels(answer, cause):
    refuses(mapping.seen_pixels, answer, cause)


# -- cells_inside ----------------------------------------------------------------------------------


def by_search(first, last, stride, centre):
    return [k for k in range(-99, 99) if first < centre + k * stride < last]


def by_division(first, last, stride, centre):
    start = floor((first - centre) / stride) + 1
    return list(range(start, ceil((last - centre) / stride)))


@pytest.mark.parametrize("answer", [by_search, by_division])
def test_right_cells(answer):
    accepts(mapping.cells_inside, answer)


def on_the_edge(first, last, stride, centre):
    return [k for k in range(-99, 99) if first <= centre + k * stride <= last]


def truncated(first, last, stride, centre):
    return list(range(int((first - centre) / stride) + 1, ceil((last - centre) / stride)))


def to_the_nearest(first, last, stride, centre):
    return list(range(round((first - centre) / stride), round((last - centre) / stride) + 1))


def never_empty(first, last, stride, centre):
    found = by_division(first, last, stride, centre)
    return found or [floor((first - centre) / stride)]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (on_the_edge, "on the first or the last pixel is not inside"),
        (lambda first, last, stride, centre: by_search(first, last - 1, stride, centre), "not one beyond it"),
        (lambda first, last, stride, centre: by_search(first, last + 1, stride, centre), "not one beyond it"),
        (lambda first, last, stride, centre: by_search(first, last, stride, 0), "Where is the first centre"),
        (truncated, "rounds towards 0"),
        (to_the_nearest, "round inwards"),
        (never_empty, "the list is empty"),
        (lambda *box: [k for k in by_division(*box) if k >= 0], "do not stop at 0"),
        (lambda *box: by_division(*box)[:-1], "stops before its end"),
        (lambda first, last, stride, centre: by_search(first, last, stride, int(centre)), "may end in .5"),
        (lambda first, last, stride, centre: by_search(first, last, stride, centre)[:1], "all of them"),
        (lambda first, last, stride, centre: 3, "should be a list"),
        (lambda first, last, stride, centre: [first // stride, last // stride], "strictly"),
    ],
)
def test_wrong_cells(answer, cause):
    refuses(mapping.cells_inside, answer, cause)


# -- sure_side -------------------------------------------------------------------------------------


def by_formula(cells, stride):
    return cells * stride + 2


def by_trying(cells, stride):
    side = 1
    while min(sum(x < k * stride < x + side - 1 for k in range(140)) for x in range(stride)) < cells:
        side += 1
    return float(side)


@pytest.mark.parametrize("answer", [by_formula, by_trying])
def test_right_sides(answer):
    accepts(mapping.sure_side, answer)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (lambda cells, stride: cells * stride, "the first and the last pixel are not"),
        (lambda cells, stride: cells * stride + 1, "too small"),
        (lambda cells, stride: (cells - 1) * stride + 3, "wherever it lies"),
        (lambda cells, stride: cells, "too small"),
        (lambda cells, stride: (cells + 1) * stride + 2, "larger than needed"),
        (lambda cells, stride: cells * stride + 2.5, "whole number"),
        (lambda cells, stride: [cells * stride + 2], "whole number"),
        (lambda cells, stride: 0, "at least one pixel"),
        (lambda cells, stride: 16 * cells + 2, "larger than needed"),
    ],
)
def test_wrong_sides(answer, cause):
    refuses(mapping.sure_side, answer, cause)

"""Graders of notebook 1: right answers pass, and what people get wrong is named."""

import answers
import numpy as np
import pytest

from minispp.exercises import fixed_sizes
from minispp.fields import map_size

# -- cells that nobody sees ------------------------------------------------------------------------


def rest(size, kernel, stride, pad):
    return (size + 2 * pad - kernel) % stride


def by_formula(size, kernel, stride, pad):
    return max(0, rest(size, kernel, stride, pad) - pad)


def by_walking(size, kernel, stride, pad):
    seen, start = set(), -pad
    while start + kernel <= size + pad:
        seen |= set(range(start, start + kernel))
        start += stride
    return np.int64(len(set(range(size)) - seen))


UNSEEN_WRONG = {
    "the whole rest": (rest, "padding included"),
    "negative": (lambda *axis: rest(*axis) - axis[3], "negative"),
    "no padding": (lambda size, kernel, stride, pad: max(0, size - kernel) % stride, "where is the padding"),
    "padding on one side": (lambda s, k, t, p: max(0, (s + p - k) % t - p), "both sides"),
    "no kernel": (lambda size, kernel, stride, pad: max(0, size % stride - pad), "kernel is missing"),
    "positions": (lambda s, k, t, p: (s + 2 * p - k) // t + 1, "number of positions"),
    "ceil mode": (lambda *axis: 0, "ceil mode"),
    "overhang": (lambda s, k, t, p: -rest(s, k, t, p) % t, "hang over"),
    "padding lost twice": (lambda s, k, t, p: max(0, rest(s, k, t, p) - 2 * p), "given away"),
    "a fraction": (lambda s, k, t, p: (s - k) / t, "cells are whole"),
    "a word": (lambda *axis: "two", "whole number"),
    "something else": (lambda *axis: 7, "the last window ends after"),
    "something negative": (lambda *axis: by_formula(*axis) - 5, "Fewer than no cells"),
    "raises": (lambda size, kernel, stride, pad: size // (pad - 3), "raised ZeroDivisionError"),
    "nothing": (lambda *axis: None, "returned None"),
}


@pytest.mark.parametrize("answer", [by_formula, by_walking])
def test_unseen_cells(answer):
    answers.accepts(fixed_sizes.unseen_cells, answer)


@pytest.mark.parametrize("name", UNSEEN_WRONG)
def test_unseen_cells_wrong(name):
    answers.refuses(fixed_sizes.unseen_cells, *UNSEEN_WRONG[name])


# -- the smallest picture --------------------------------------------------------------------------


def made(side, slides):
    try:
        return map_size(side, slides)
    except ValueError:
        return 0


def by_trying(slides, cells):
    side = 1
    while made(side, slides) < cells:
        side += 1
    return side


def from_the_map_down(slides, cells, padding=True, rounding=None):
    for kernel, stride, pad, ceil_mode in reversed(slides):
        ceil_mode, pad = ceil_mode if rounding is None else rounding, pad * padding
        if ceil_mode and cells > 1:
            cells = max((cells - 2) * stride + 1 + kernel - 2 * pad, (cells - 1) * stride - pad + 1)
        elif ceil_mode:
            cells = kernel - 2 * pad - stride + 1
        else:
            cells = (cells - 1) * stride + kernel - 2 * pad
        cells = max(cells, 1)
    return cells


def without_dropping(slides, cells):
    """Forgets that a window beyond the last cell is dropped."""
    for kernel, stride, pad, ceil_mode in reversed(slides):
        cells = (cells - 1 - ceil_mode) * stride + ceil_mode + kernel - 2 * pad
        cells = max(cells, 1)
    return cells


def without_a_least(slides, cells):
    for kernel, stride, pad, ceil_mode in reversed(slides):
        cells = (cells - 1 - ceil_mode) * stride + ceil_mode + kernel - 2 * pad
    return cells


def receptive_field(slides, cells):
    size, stride = 1, 1
    for kernel, step, _, _ in slides:
        size, stride = size + stride * (kernel - 1), stride * step
    return size + stride * (cells - 1)


def changes_its_input(slides, cells):
    slides.reverse()
    return by_trying(slides[::-1], cells)


SMALLEST_WRONG = {
    "floor mode": (lambda slides, cells: from_the_map_down(slides, cells, rounding=False), "floor mode only"),
    "ceil mode": (lambda slides, cells: from_the_map_down(slides, cells, rounding=True), "round up"),
    "no padding": (lambda slides, cells: from_the_map_down(slides, cells, padding=False), "where is the padding"),
    "wrong order": (lambda slides, cells: by_trying(slides[::-1], cells), "wrong order"),
    "receptive field": (receptive_field, "receptive field"),
    "one too small": (lambda slides, cells: by_trying(slides, cells) - 1, "one too small"),
    "one too large": (lambda slides, cells: by_trying(slides, cells) + 1, "one too large"),
    "more than": (lambda slides, cells: by_trying(slides, cells + 1), "at least, not above"),
    "one cell": (lambda slides, cells: by_trying(slides, 1), "`cells` is not looked at"),
    "strides only": (lambda slides, cells: cells * int(np.prod([s[1] for s in slides])), "times the strides"),
    "no dropping": (without_dropping, "beyond the last cell is dropped"),
    "below one": (without_a_least, "at least one pixel"),
    "too much": (lambda slides, cells: 5000, "are enough"),
    "too little": (lambda slides, cells: 2, "no map at all"),
    "a fraction": (lambda slides, cells: 4.5, "cells are whole"),
    "changes its input": (changes_its_input, "changed its list"),
    "raises": (lambda slides, cells: slides[99], "raised IndexError"),
    "nothing": (lambda slides, cells: print(end=""), "returned None"),
}


@pytest.mark.parametrize("answer", [by_trying, from_the_map_down])
def test_smallest_picture(answer):
    answers.accepts(fixed_sizes.smallest_picture, answer)


@pytest.mark.parametrize("name", SMALLEST_WRONG)
def test_smallest_picture_wrong(name):
    answers.refuses(fixed_sizes.smallest_picture, *SMALLEST_WRONG[name])


@pytest.mark.parametrize("exercise", [fixed_sizes.unseen_cells, fixed_sizes.smallest_picture])
def test_stubs(exercise):
    answers.not_written(exercise)

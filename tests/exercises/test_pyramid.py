"""The graders of notebook 4: right answers pass, and each typical mistake is told its cause."""

from math import ceil, floor

import numpy as np
import pytest

from minispp.exercises import pyramid


def unwritten(*arguments):
    raise NotImplementedError


def nothing(*arguments):
    pass


def careless(*arguments):
    return arguments[0] / 0 if np.ndim(arguments[0]) == 0 else [][1]


def refused(exercise, answer, word):
    verdict = exercise.grade(answer)
    assert not verdict.right and verdict.written and word in verdict.text, verdict
    assert verdict == exercise.grade(answer), "the same answer, another verdict"


EXERCISES = [pyramid.bin_edges, pyramid.bins_of_cell, pyramid.pool_backward]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.__name__)
def test_what_is_no_answer(exercise):
    verdict = exercise.grade(unwritten)
    assert not verdict.right and not verdict.written and "not written yet" in repr(verdict)
    refused(exercise, nothing, "returned None")
    refused(exercise, careless, "raised")


# -- bin_edges -------------------------------------------------------------------------------------


def edges_in_steps(size, bins):
    return [(k * size // bins, ((k + 1) * size + bins - 1) // bins) for k in range(bins)]


def edges_as_array(size, bins):
    k = np.arange(bins)
    return np.stack([k * size // bins, -(-(k + 1) * size // bins)], axis=1)


@pytest.mark.parametrize("answer", [edges_in_steps, edges_as_array])
def test_right_edges(answer):
    verdict = pyramid.bin_edges.grade(answer)
    assert verdict.right and "smaller than the pyramid" in verdict.text, verdict


def last_cell_for_stop(size, bins):
    return [(start, stop - 1) for start, stop in edges_in_steps(size, bins)]


def from_one(size, bins):
    return [(start + 1, stop + 1) for start, stop in edges_in_steps(size, bins)]


def rounded(size, bins):
    cuts = [round(k * size / bins) for k in range(bins + 1)]
    return list(zip(cuts, cuts[1:], strict=False))


def sliding(size, bins):
    return [(k * (size // bins), k * (size // bins) - (-size // bins)) for k in range(bins)]


def floats(size, bins):
    return [(floor(k * (size / bins)), ceil((k + 1) * (size / bins))) for k in range(bins)]


def one_width(size, bins):
    return [(k * -(-size // bins), (k + 1) * -(-size // bins)) for k in range(bins)]


def floor_twice(size, bins):
    return [(k * size // bins, (k + 1) * size // bins) for k in range(bins)]


def uncut(size, bins):
    return [(k * size / bins, (k + 1) * size / bins) for k in range(bins)]


def all_positions(size, bins):
    return [(k, k + 2) for k in range(size - 1)]


def flat(size, bins):
    return [start for start, _ in edges_in_steps(size, bins)]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (last_cell_for_stop, "stop is excluded"),
        (from_one, "counted from 0"),
        (rounded, "rounded to the nearest"),
        (sliding, "sliding rule"),
        (floats, "float"),
        (one_width, "leave the map"),
        (floor_twice, "rounded up, not down"),
        (uncut, "whole cells"),
        (lambda size, bins: [(floor(k * size / bins), ceil((k + 1) * size / bins)) for k in range(bins)], "not floats"),
        (all_positions, "gave 9 bins, and should give 3"),
        (flat, "list of pairs"),
        (lambda size, bins: "none", "list of pairs"),
        (lambda size, bins: [(1, start) for start, _ in edges_in_steps(size, bins)], "floor(k size / bins)"),
        (lambda size, bins: [(start, 99) for start, _ in edges_in_steps(size, bins)], "ceil((k + 1) size / bins)"),
    ],
)
def test_wrong_edges(answer, word):
    refused(pyramid.bin_edges, answer, word)


def test_floats_are_caught_where_they_first_fail():
    assert "bin_edges(29, 7): bin 6 is (24, 30), and should end at 29" in pyramid.bin_edges.grade(floats).text


# -- bins_of_cell ----------------------------------------------------------------------------------


def by_search(cell, size, bins):
    if bins > 100:  # too many to look at
        return by_division(cell, size, bins)
    return [k for k, (start, stop) in enumerate(edges_in_steps(size, bins)) if start <= cell < stop]


def by_division(cell, size, bins):
    return list(range(cell * bins // size, -(-(cell + 1) * bins // size)))


@pytest.mark.parametrize("answer", [by_search, by_division])
def test_right_bins(answer):
    verdict = pyramid.bins_of_cell.grade(answer)
    assert verdict.right, verdict


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (lambda c, a, n: [c * n // a], "more than one bin"),
        (lambda c, a, n: c * n // a, "should be a list"),
        (lambda c, a, n: sorted({c * n // a, ((c + 1) * n - 1) // a}), "more than two bins"),
        (lambda c, a, n: list(range(c * n // a, (c + 1) * n // a + 1)), "only the bins 0 to 2"),
        (lambda c, a, n: list(range(c * n // a, min(n, (c + 1) * n // a + 1))), "stop is excluded"),
        (lambda c, a, n: [k + 1 for k in by_division(c, a, n)], "counted from 0"),
        (lambda c, a, n: by_division(c, a, n)[::-1], "rising order"),
        (lambda c, a, n: by_division(c, n, a), "exchanged"),
        (lambda c, a, n: list(range(floor(c * (n / a)), ceil((c + 1) * (n / a)))), "not floats"),
        (lambda c, a, n: [], "missing"),
        (lambda c, a, n: [n - 1 - k for k in by_division(c, a, n)], "start_k <= cell < stop_k"),
    ],
)
def test_wrong_bins(answer, word):
    refused(pyramid.bins_of_cell, answer, word)


# -- pool_backward ---------------------------------------------------------------------------------


def by_argmax(dy, x, table):
    dx = np.zeros_like(x)
    for g, (top, left, bottom, right) in zip(dy, table, strict=True):
        part = x[top:bottom, left:right]
        row, column = np.unravel_index(part.argmax(), part.shape)
        dx[top + row, left + column] += g
    return dx


def by_loops(dy, x, table):
    dx = [[0.0] * x.shape[1] for _ in x]
    for g, (top, left, bottom, right) in zip(dy, table, strict=True):
        best = top, left
        for i in range(top, bottom):
            for j in range(left, right):
                if x[i, j] > x[best]:
                    best = i, j
        dx[best[0]][best[1]] += g
    return dx


@pytest.mark.parametrize("answer", [by_argmax, by_loops])
def test_right_backward(answer):
    verdict = pyramid.pool_backward.grade(answer)
    assert verdict.right, verdict


def winners_of(x, table):
    for top, left, bottom, right in table:
        part = x[top:bottom, left:right]
        row, column = np.unravel_index(part.argmax(), part.shape)
        yield (top + row) * x.shape[1] + left + column


def overwrites(dy, x, table):
    dx = np.zeros_like(x)
    for g, winner in zip(dy, winners_of(x, table), strict=True):
        dx.flat[winner] = g
    return dx


def fancy(dy, x, table):
    dx = np.zeros(x.size)
    dx[list(winners_of(x, table))] += dy
    return dx.reshape(x.shape)


def all_that_are_equal(dy, x, table, divide=False):
    dx = np.zeros_like(x)
    for g, (top, left, bottom, right) in zip(dy, table, strict=True):
        equal = x[top:bottom, left:right] == x[top:bottom, left:right].max()
        dx[top:bottom, left:right] += g * equal / (equal.sum() if divide else 1)
    return dx


def the_last(dy, x, table):
    dx = np.zeros_like(x)
    for g, (top, left, bottom, right) in zip(dy, table, strict=True):
        part = x[top:bottom, left:right][::-1, ::-1]
        row, column = np.unravel_index(part.argmax(), part.shape)
        dx[bottom - 1 - row, right - 1 - column] += g
    return dx


def within_the_window(dy, x, table):
    dx = np.zeros_like(x)
    for g, (top, left, bottom, right) in zip(dy, table, strict=True):
        part = x[top:bottom, left:right]
        dx[np.unravel_index(part.argmax(), part.shape)] += g
    return dx


def from_zero(dy, x, table):
    dx = np.zeros_like(x)
    for g, (top, left, bottom, right) in zip(dy, table, strict=True):
        best, value = None, 0.0
        for i in range(top, bottom):
            for j in range(left, right):
                if x[i, j] > value:
                    best, value = (i, j), x[i, j]
        if best is not None:
            dx[best] += g
    return dx


def in_the_whole_map(dy, x, table):
    dx = np.zeros_like(x)
    for g, (top, left, bottom, right) in zip(dy, table, strict=True):
        dx[tuple(np.argwhere(x == x[top:bottom, left:right].max())[0])] += g
    return dx


def with_the_width_of_the_map(dy, x, table):
    dx = np.zeros_like(x)
    for g, (top, left, bottom, right) in zip(dy, table, strict=True):
        cell = top * x.shape[1] + left + x[top:bottom, left:right].argmax()
        dx.flat[min(cell, x.size - 1)] += g
    return dx


def in_place(dy, x, table):
    x *= 0
    return x


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (overwrites, "add up"),
        (fancy, "add up"),
        (all_that_are_equal, "counts twice"),
        (lambda dy, x, table: all_that_are_equal(dy, x, table, divide=True), "share the gradient"),
        (the_last, "first in row-major order should"),
        (within_the_window, "Add the window's top and left"),
        (from_zero, "negative values never win"),
        (in_place, "changed its input"),
        (in_the_whole_map, "Look within the window only"),
        (with_the_width_of_the_map, "right - left cells"),
        (lambda dy, x, table: by_argmax(dy, x, table).ravel(), "shape"),
        (lambda dy, x, table: 2 * by_argmax(dy, x, table), "should be"),
    ],
)
def test_wrong_backward(answer, word):
    refused(pyramid.pool_backward, answer, word)

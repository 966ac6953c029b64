"""The slope along one line, and the search for the smallest wrong set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minispp.check.slopes import measure, smallest_failing


def test_smooth_slopes_are_measured_to_nine_digits():
    x, v = np.array([0.3, -1.2, 0.8]), np.array([1.0, 0.5, -2.0])
    dy = np.array([1.0, -2.0, 0.5])
    exact = dy * np.cos(x) * v
    slope = measure(lambda t: np.sin(x + t * v), np.sin(x), dy, exact, step=1e-3, tolerance=1e-9)
    assert slope.verdict == "ok"
    assert slope.numeric == pytest.approx(exact.sum(), rel=1e-9)
    assert not slope.linear
    assert measure(
        lambda t: np.sin(x + t * v), np.sin(x), dy, exact * (1 + 1e-7), step=1e-3, tolerance=1e-9
    ).verdict == ("error")


def test_one_rung_of_four_forwards_is_enough_where_f_is_smooth():
    x, steps = np.array([0.3, -1.2]), []

    def move(t):
        steps.append(t)
        return np.exp(x * (1 + t))

    slope = measure(move, np.exp(x), np.ones(2), x * np.exp(x), step=1e-3, tolerance=1e-10, line=False)
    assert slope.verdict == "ok"
    assert steps == [1e-3, -1e-3, 2e-3, -2e-3]


def test_a_line_is_linear_only_if_it_is_straight():
    x, v, dy = np.array([1.0]), np.array([1.0]), np.array([1.0])
    assert measure(lambda t: 3 * (x + t * v) + 1, 3 * x + 1, dy, 3 * v, step=1e-3, tolerance=1e-6).linear
    assert not measure(lambda t: np.abs(x + 2 * t), x, dy, 2 * v, step=1e-3, tolerance=1e-6).linear
    bent = measure(lambda t: x + t + 1e-6 * t**2, x, dy, v, step=1e-3, tolerance=1e-6)
    assert not bent.linear
    assert bent.verdict == "ok"


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_outputs_that_are_not_finite_nearby_agree_with_nothing(value):
    y, dy, v = np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.array([1.0, 0.0])

    def move(t):
        return y + np.array([t if t <= 0 else value, 0.0])

    assert measure(move, y, dy, v, step=1e-3, tolerance=1e-6).verdict == "error"


def test_an_infinite_slope_is_no_scale_to_judge_by():
    x, v = np.array([1.0]), np.array([1.0])

    def move(t):
        return np.where(abs(t) == 1e-3, np.inf * t, x + t)

    slope = measure(move, x, v, 2 * v, step=1e-3, tolerance=1e-6, line=False)
    assert slope.verdict == "error"
    assert slope.numeric == pytest.approx(1.0)


@given(st.integers(1, 300), st.data())
@settings(deadline=None, max_examples=50)
def test_the_smallest_failing_set_is_found(n, data):
    wanted = data.draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=3))
    found = smallest_failing(np.arange(n), lambda part: wanted <= set(part.tolist()), budget=10**6)
    assert set(found.tolist()) == wanted

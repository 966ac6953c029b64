"""Figures of SPP-net beside R-CNN, by what is in them."""

import numpy as np
import pytest
from drawn import must_be_readable

from minispp import plot
from minispp.plot import style

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (41, 58, 3), dtype=np.uint8)
BOXES = np.array([[0, 0, 41, 58], [2, 3, 20, 30], [10, 3, 20, 58], [10, 29, 11, 30]])
COUNTS = [1, 10, 100]


def test_coverage_counts_the_boxes_of_each_pixel():
    figure = plot.coverage(PICTURE, BOXES)
    want = np.zeros((41, 58), int)
    for y in range(41):
        for x in range(58):
            want[y, x] = sum(top <= y < bottom and left <= x < right for top, left, bottom, right in BOXES)
    first, second, _ = figure.axes
    assert np.array_equal(second.images[0].get_array(), want) and want.max() == 4
    assert np.array_equal(first.images[0].get_array(), PICTURE)
    assert second.get_title() == f"boxes that hold each pixel\n1 to 4, mean {want.mean():.1f}"
    place, (width, height) = second.get_position(original=True), figure.get_size_inches()
    assert place.width * width / (place.height * height) == pytest.approx(58 / 41)


def test_costs_cross_where_they_are_equal():
    """windows = n and pictures of 20 and 31.6 (half way between 10 and 100 on this scale)."""
    lines = {"windows": [1, 10, 100], "one": [20] * 3, "two": [10**1.5] * 3, "far": [1000] * 3}
    figure = plot.costs(COUNTS, lines, label="seconds")
    axes = figure.axes[0]
    rings = [line.get_xydata()[0] for line in axes.lines if line.get_markersize() == 11]
    assert np.allclose(rings, [[20, 20], [10**1.5, 10**1.5]])
    assert [text.get_text() for text in axes.texts] == ["20 windows", "32 windows"]
    assert axes.get_xscale() == axes.get_yscale() == "log" and axes.get_title(loc="left") == "seconds"
    assert "windows passes one at 20; windows passes two at 32" in figure.alt and "passes far" not in figure.alt


def test_costs_beside_what_was_measured():
    axes = plot.costs(COUNTS, {"a": [1, 10, 100], "b": [5] * 3}, {"a": [2, 11, 90], "b": [6, 6, 7]}).axes[0]
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["a, predicted", "a, measured", "b, predicted", "b, measured"]
    dashed, dots = (line for line in axes.lines if line.get_color() == style.BLUE)
    assert (dashed.get_linestyle(), dots.get_linestyle()) == ("--", "None")
    assert np.array_equal(dashed.get_ydata(), [1, 10, 100]) and np.array_equal(dots.get_ydata(), [2, 11, 90])


def test_costs_that_never_cross():
    assert plot.costs(COUNTS, {"a": [1, 2, 3], "b": [5, 5, 5]}).alt.endswith("No crossing.")


def test_likeness_has_medians_of_fifths():
    sides, cosines = np.arange(10, 0, -1), np.linspace(1, 0.1, 10)
    axes = plot.likeness(sides, cosines).axes[0]
    dots, medians = axes.lines
    assert np.allclose(dots.get_xydata(), np.stack([sides, cosines], axis=1))
    assert np.allclose(medians.get_xydata(), [[k + 0.5, k / 10 + 0.05] for k in (1, 3, 5, 7, 9)])
    assert plot.likeness([3], [-0.5]).axes[0].get_ylim()[0] == -0.5


def test_trade_has_a_mark_for_each_way_and_one_look_for_each_name():
    panels = {"cards": {"SPP": (20, 0.8), "R-CNN": (450, 0.9)}, "cells": {"R-CNN": (700, 0.81), "other": (3, 0.5)}}
    figure = plot.trade(panels)
    found = [[(line.get_label(), *line.get_xydata()[0].tolist()) for line in axes.lines] for axes in figure.axes]
    assert found == [[("SPP", 20, 80), ("R-CNN", 450, 90)], [("R-CNN", 700, 81), ("other", 3, 50)]]
    first, second = figure.axes
    assert first.lines[1].get_color() == second.lines[0].get_color() != first.lines[0].get_color()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["SPP", "R-CNN", "other"]


FIGURES = {
    "coverage": lambda: plot.coverage(PICTURE, BOXES),
    "coverage, tall": lambda: plot.coverage(PICTURE.transpose(1, 0, 2), [[0, 0, 58, 41]] * 120),
    "costs": lambda: plot.costs(
        [1, 10, 100, 2000], {"R-CNN": [1, 10, 100, 2000], "one scale": [14] * 4, "five scales": [94] * 4}
    ),
    "costs, measured": lambda: plot.costs(COUNTS, {"a": [1, 10, 100], "b": [5] * 3}, {"a": [2, 11, 90], "b": [6] * 3}),
    "likeness": lambda: plot.likeness(RNG.uniform(5, 150, 300), RNG.uniform(0.2, 1, 300)),
    "trade": lambda: plot.trade(
        {
            name: {f"SPP-net, five scales, {k}": (20 * 4**k, 0.8 + k / 50) for k in range(5)}
            for name in ("cards", "cells")
        }
    ),
    "trade, one": lambda: plot.trade({"36 scenes": {"R-CNN": (30, 0.95), "SPP": (3, 0.9)}}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    must_be_readable(FIGURES[name]())

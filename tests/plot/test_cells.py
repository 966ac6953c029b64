"""Figures between pixels and cells: dots lie at the centres, bars over the chosen cells, and the sums are right."""

import re

import numpy as np
import pytest
from drawn import must_be_readable, rectangles
from matplotlib.colors import to_rgba

from minispp import plot
from minispp.fields import Field, Slide, box_to_cells
from minispp.plot import style

ZF5 = Field(16, 139, 20)
SLIDES = {"conv1": Slide(5, 2, 2), "pool1": Slide(3, 2, 0, True), "conv2": Slide(3, 1, 1)}
PICTURE = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def dots(axes, name):
    return [tuple(point) for line in axes.lines if line.get_gid() == name for point in line.get_xydata()]


def seen_by(cell, slides):
    """Cells or pixels that a cell sees, from the pixels up to the cell itself, by the definition."""
    rows = [{cell}]
    for kernel, stride, pad, _ in reversed(slides):
        rows.insert(0, {i * stride - pad + u for i in rows[0] for u in range(kernel)})
    return rows


@pytest.mark.parametrize("cell", [0, 3, 7])
def test_chain(cell):
    size, counts = 31, [31, 16, 8, 8]
    centres = [(1, 0), (2, 0), (4, 2), (4, 2)]  # stride and first centre after each layer
    axes = plot.chain(SLIDES, size, cell).axes[0]
    rows = zip(seen_by(cell, list(SLIDES.values())), counts, centres, strict=True)
    for y, (held, count, (stride, first)) in enumerate(rows):
        drawn = {name: {x for x, row in dots(axes, name) if row == y} for name in ("seen", "unseen", "padding")}
        assert drawn["seen"] == {first + stride * k for k in held if 0 <= k < count}
        assert drawn["padding"] == {first + stride * k for k in held if not 0 <= k < count}
        assert drawn["unseen"] == {first + stride * k for k in range(count) if k not in held}
    told = [text.get_text() for text in axes.texts]
    assert told == [
        "31 pixels",
        "conv1: kernel 5, stride 2, padding 2",
        "stride 2, field 5, first centre 0",
        "pool1: kernel 3, stride 2",
        "stride 4, field 9, first centre 2",
        "conv2: kernel 3, stride 1, padding 1",
        "stride 4, field 17, first centre 2",
    ]


def test_chain_refuses_a_cell_that_is_not_there():
    with pytest.raises(ValueError, match="one of the 8 cells of the last map, got cell 8"):
        plot.chain(SLIDES, 31, 8)


BOXES = [(40, 99), (36, 84), (35, 85), (53, 67), (58, 66), (-30, 200), (0, 0), (-90, -80)]


@pytest.mark.parametrize("box", BOXES)
def test_both_rules_on_one_axis(box):
    first, last = box
    axes = plot.mapped(first, last, ZF5, 8).axes[0]
    assert rectangles(axes, "box")[0, [0, 2]].tolist() == [first, last + 1]
    filled = [line.get_markerfacecolor() == style.BLUE for line in axes.lines if line.get_gid() == "centre"]
    assert filled == [first < 20 + 16 * k < last for k in range(8)]
    for rule in ("paper", "released"):
        _, _, start, _, stop = box_to_cells([[0, 0, first, 1, last + 1]], ZF5, 1, 8, rule)[0]
        left, _, right, _ = rectangles(axes, rule).T
        assert left.tolist() == [12.5 + 16 * k for k in range(start, stop)] and (right - left == 16).all()
        words = [text.get_text() for text in axes.texts if to_rgba(text.get_color()) == to_rgba(plot.cells.RULES[rule])]
        low, high = (int(re.search(r"= (-?\d+)", line).group(1)) for line in words[-2:])
        exact = 1 if rule == "paper" else 29 / 32
        assert low == np.floor((first - 20) / 16 + exact) and high == np.ceil((last - 20) / 16 - exact)
        assert ("crossed" in words[-1]) == (low > high)
        assert ("on the map" in words[-1]) == (low <= high and (low < 0 or high > 7))


def test_the_cells_of_a_box():
    field, box = Field(8, 51, 3), (10, 21, 43, 64)
    figure = plot.cells_of_box(PICTURE, box, field, 8, 12)
    for axes, rule in zip(figure.axes, ("paper", "released"), strict=True):
        _, y0, x0, y1, x1 = box_to_cells([[0, *box]], field, 8, 12, rule)[0].tolist()
        assert rectangles(axes, "box").tolist() == [[21, 10, 64, 43]]
        left, top, right, bottom = rectangles(axes, rule)[0]
        assert abs(np.array([left, top, right, bottom]) - np.array([x0 * 8, y0 * 8, x1 * 8, y1 * 8])).max() <= 1
        assert axes.get_title().endswith(f"{y1 - y0} × {x1 - x0} cells\nrows {y0} … {y1 - 1}, columns {x0} … {x1 - 1}")
        assert dots(axes, "centres") == [(3.5 + 8 * j, 3.5 + 8 * i) for i in range(8) for j in range(12)]


FIGURES = {
    "chain": lambda: plot.chain(SLIDES, 31, 0),
    "chain of a large picture": lambda: plot.chain(SLIDES, 500, 60),
    **{f"mapped {box}": lambda box=box: plot.mapped(*box, ZF5, 8) for box in BOXES},
    "mapped, many cells": lambda: plot.mapped(0, 900, ZF5, 74),
    "cells of a box": lambda: plot.cells_of_box(PICTURE, (10, 21, 43, 64), Field(8, 51, 3), 8, 12),
    "cells of a box, tall": lambda: plot.cells_of_box(PICTURE.swapaxes(0, 1)[:, :25], (0, 0, 90, 25), ZF5, 14, 13),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    must_be_readable(FIGURES[name]())

"""Figures of one map: the bin that is shown, its winner, the vector so far, and what comes back to the cells."""

import naive
import numpy as np
import pytest
from drawn import must_be_readable, rectangles, words

from minispp import plot

LEVELS = ((3, 2), 2, 1)
VALUES = np.random.default_rng(4).permutation(35.0 * np.arange(1, 36)).reshape(5, 7) - 600
TABLE = [bin_ for n, m in ((3, 2), (2, 2), (1, 1)) for bin_ in naive.split([(0, 0, 0, 5, 7)], n, m)]


def winner(values, row):
    _, top, left, bottom, right = row
    part = values[top:bottom, left:right]
    i, j = np.unravel_index(part.argmax(), part.shape)
    return int(top + i), int(left + j)


@pytest.mark.parametrize("number", range(11))
def test_one_bin(number):
    figure = plot.one_bin(VALUES, LEVELS, number)
    axes, told, strip = figure.axes
    _, top, left, bottom, right = TABLE[number]
    assert np.round(rectangles(axes, "bin")).tolist() == [[left, top, right, bottom]]
    row, column = winner(VALUES, TABLE[number])
    assert np.round(rectangles(axes, "winner")).tolist() == [[column, row, column + 1, row + 1]]
    lines = words(told)
    assert lines[0] == f"bin {number} of 0 … 10"
    assert lines[2].startswith("rows: ") and f"⌋ = {top} to " in lines[2] and lines[2].endswith(f"⌉ = {bottom}")
    assert lines[3].startswith("columns: ") and f"⌋ = {left} to " in lines[3] and lines[3].endswith(f"⌉ = {right}")
    assert lines[5].endswith(f"won by row {row}, column {column}")
    so_far = [f"{VALUES[winner(VALUES, bin_)]:.3g}" for bin_ in TABLE[: number + 1]]
    assert words(strip) == [*so_far[:6], "3 × 2", *so_far[6:10], "2 × 2", *so_far[10:], "1 × 1"]
    assert len(rectangles(strip, "entry")) == 11
    red = [patch.get_facecolor() for patch in strip.patches]
    assert [k for k, face in enumerate(red) if red.count(face) == 1 and k <= number][-1] == number
    assert f"its maximum {so_far[-1]} is at row {row}, column {column}" in figure.alt


def test_one_bin_of_one_cell():
    told = words(plot.one_bin(np.full((1, 1), -0.5), ((2, 2),), 3).axes[1])
    assert told[4] == "1 row × 1 column = 1 cell" and told[5] == "maximum −0.5, won by row 0, column 0"


def test_one_bin_says_what_it_expects():
    with pytest.raises(ValueError, match=r"expected the number of one of 11 bins, 0 to 10, got 11"):
        plot.one_bin(VALUES, LEVELS, 11)
    with pytest.raises(ValueError, match=r"expected a map \(H, W\) of at least one cell, got shape \(5, 7, 1\)"):
        plot.one_bin(VALUES[..., None], LEVELS, 0)


@pytest.mark.parametrize("sent", [0, 6, 10, 11])
@pytest.mark.parametrize("values", [VALUES, 0 * VALUES], ids=["different", "equal"])
def test_gradients(values, sent):
    dy = np.arange(1.0, 12.0)
    held, won, received = plot.gradients(values, LEVELS, dy, sent).axes
    counts, wins, sums = np.zeros((5, 7)), np.zeros((5, 7)), np.zeros((5, 7))
    for bin_, gradient in zip(TABLE[:sent], dy, strict=False):
        _, top, left, bottom, right = bin_
        counts[top:bottom, left:right] += 1
        wins[winner(values, bin_)] += 1
        sums[winner(values, bin_)] += gradient
    for axes, expected in ((held, counts), (won, wins), (received, sums)):
        shown = np.zeros((5, 7))
        for text in axes.texts:
            x, y = text.get_position()
            shown[int(y), int(x)] = float(text.get_text())
        assert shown.tolist() == expected.tolist() and len(axes.texts) == np.count_nonzero(expected)
        outline = [[TABLE[sent - 1][k] for k in (2, 1, 4, 3)]] if sent else []
        assert np.round(rectangles(axes, "bin")).tolist() == outline
    assert received.get_title().endswith(f"sum {sums.sum():.3g}")
    assert held.get_title().endswith(f"bin {sent - 1} sends {sent}" if sent else "no bin yet")


def test_gradients_are_ones_if_not_given_and_one_for_each_bin():
    figure = plot.gradients(VALUES, LEVELS)
    assert figure.axes[2].get_title().endswith("sum 11") and not len(rectangles(figure.axes[0], "bin"))
    with pytest.raises(ValueError, match=r"a gradient for each of 11 bins, got shape \(3,\)"):
        plot.gradients(VALUES, LEVELS, [1, 2, 3])


WIDE = np.random.default_rng(0).normal(size=(12, 30))
FIGURES = {
    "one bin": lambda: plot.one_bin(VALUES, LEVELS, 3),
    "one bin of many": lambda: plot.one_bin(WIDE, (6, 3, 2, 1), 40),
    "one bin, tall": lambda: plot.one_bin(WIDE.T, (3, 2, 1), 5),
    "one bin, one cell": lambda: plot.one_bin([[-0.123456]], (2,), 3),
    "gradients": lambda: plot.gradients(VALUES, LEVELS, np.arange(11.0)),
    "gradients of a wide map": lambda: plot.gradients(WIDE, (6, 3, 2, 1)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    must_be_readable(FIGURES[name]())

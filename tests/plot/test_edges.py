"""Figures of one axis: bars lie over the cells of their bins, and what is written beside them is true."""

import naive
import pytest
from drawn import intervals, must_be_readable, words
from matplotlib.colors import to_rgba

from minispp import plot
from minispp.plot import style

PAIRS = [(10, 3), (13, 6), (4, 6), (1, 6), (29, 7)]


def spans(lists):
    return [[cells[0], cells[-1] + 1] for cells in lists]


@pytest.mark.parametrize(("size", "bins"), PAIRS)
def test_edges(size, bins):
    axes = plot.edges(size, bins).axes[0]
    cells = naive.bin_cells(size, bins)
    assert intervals(axes, "bin") == spans(cells)
    for k, (held, start, stop) in enumerate(zip(cells, words(axes, "start"), words(axes, "end"), strict=True)):
        assert start == f"⌊{k * size}/{bins}⌋ = {held[0]}"
        assert stop == f"⌈{(k + 1) * size}/{bins}⌉ = {held[-1] + 1}"
    exact = [line.get_xdata() for line in axes.lines if line.get_gid() == "exact"]
    assert [list(share) for share in exact] == [[k * size / bins, (k + 1) * size / bins] for k in range(bins)]
    if size < 25:
        assert words(axes, "held by") == [str(sum(cell in held for held in cells)) for cell in range(size)]


def test_numbers_of_many_cells_are_thinned():
    assert words(plot.edges(29, 7).axes[0], "cell") == ["0", "5", "10", "15", "20", "25"]


@pytest.mark.parametrize(("size", "bins"), [(13, 6), (10, 6), (17, 6), (3, 6)])
def test_both_rules_beside_each_other(size, bins):
    ours, sliding = plot.compared(size, bins).axes
    assert intervals(ours, "bin") == spans(naive.bin_cells(size, bins))
    made = naive.slide_cells(size, -(-size // bins), size // bins) if size >= bins else []
    assert intervals(sliding, "bin") + intervals(sliding, "extra") == spans(made)
    assert len(intervals(sliding, "extra")) == max(0, len(made) - bins)
    seen = {cell for held in made[:bins] for cell in held}
    red = [text.get_text() for text in sliding.texts if text.get_gid() == "cell" and text.get_color() == style.RED]
    assert red == [str(cell) for cell in range(size) if cell not in seen]
    assert not [text for text in ours.texts if text.get_color() == style.RED]


def test_the_table_of_both_rules():
    sizes, bins = range(1, 15), range(2, 6)
    axes = plot.rules(sizes, bins).axes[0]
    squares = [(a, n) for n in bins for a in sizes]
    assert words(axes) == [str(a % n) for a, n in squares]
    for (a, n), patch in zip(squares, axes.patches, strict=True):
        assert patch.get_xy() == (a - 1, n - 2)
        same = a >= n and naive.slide_cells(a, -(-a // n), a // n) == naive.bin_cells(a, n)
        kind = "the same cells" if same else "other cells" if a >= n else "no sliding rule: fewer cells than bins"
        assert patch.get_gid() == kind
    faces = {patch.get_gid(): patch.get_facecolor() for patch in axes.patches}
    assert len(set(faces.values())) == 3
    keys = zip(axes.get_legend().get_texts(), axes.get_legend().get_patches(), strict=True)
    assert {text.get_text(): patch.get_facecolor() for text, patch in keys} == faces


def test_nested_levels():
    axes = plot.nested(13, (6, 4, 3, 2)).axes[0]
    for n in (6, 4, 3, 2):
        assert intervals(axes, f"level {n}") == spans(naive.bin_cells(13, n))
    told = words(axes, "source")
    assert told[0] == "6 bins: from the map" and told[1] == "4 bins: from the map"
    assert told[2:] == ["3 bins: each from 2 of the 6", "2 bins: each from 2 of the 4"]
    green = {patch.get_gid() for patch in axes.patches if patch.get_facecolor() == to_rgba(style.GREEN)}
    assert green == {"level 3", "level 2"}


def test_what_is_no_axis():
    with pytest.raises(ValueError, match="expected a positive integer size, got 0"):
        plot.edges(0, 3)
    with pytest.raises(ValueError, match="expected a positive integer bins, got 0"):
        plot.compared(3, 0)
    with pytest.raises(ValueError, match="nested: expected a positive integer size"):
        plot.nested(0, (2, 1))


FIGURES = {
    **{f"edges {pair}": lambda pair=pair: plot.edges(*pair) for pair in [*PAIRS, (40, 3)]},
    **{f"compared {pair}": lambda pair=pair: plot.compared(*pair) for pair in [(13, 6), (10, 6), (3, 6), (18, 6)]},
    "rules": lambda: plot.rules(range(1, 31), range(1, 9)),
    "nested": lambda: plot.nested(13, (6, 3, 2, 1)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    must_be_readable(FIGURES[name]())

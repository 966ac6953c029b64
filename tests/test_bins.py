"""The bins in words: exact texts, and pictures that agree with the oracle's cells."""

import subprocess
import sys

import naive
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minispp.bins import WIDTH, axis, bins_text, covered

SIZES, BINS = st.integers(1, 40), st.integers(1, 9)


def cells(edges):
    return [list(range(start, stop)) for start, stop in edges]


@given(SIZES, BINS)
@example(10, 6)  # the paper's own second size: three windows too many
@example(8, 3)  # as many windows as bins, but others
@example(23, 6)  # even all windows together miss a cell
def test_axis_against_the_oracle(size, bins):
    one = axis(size, bins)
    wanted = naive.bin_cells(size, bins)
    assert cells(one.edges) == wanted
    assert one.shared.tolist() == [c for c in range(size) if sum(c in held for held in wanted) > 1]
    if size < bins:
        assert one.windows is None and not one.agree and one.missed.tolist() == list(range(size))
        return
    windows = naive.slide_cells(size, -(-size // bins), size // bins)
    assert cells(one.windows) == windows
    assert one.missed.tolist() == [c for c in range(size) if not any(c in held for held in windows[:bins])]
    assert one.agree == (windows == wanted) == (size % bins in (0, 1))


def test_covered_counts_empty_and_overlapping_intervals():
    assert covered(5, [[0, 3], [1, 3], [2, 5]]).tolist() == [1, 2, 3, 1, 1]
    assert covered(3, []).tolist() == [0, 0, 0]
    assert covered(0, [[0, 2]]).tolist() == []


def text(*lines):
    return "\n".join(lines)


def test_other_rows_same_columns():
    assert bins_text(8, 4, [(3, 2), 1]) == text(
        "A map of 8 x 4 cells, pyramid 3x2, 1x1: 7 bins.",
        "",
        "level 3x2: 6 bins, pooled from the map",
        "the sliding rule pools other windows; its 3x2 leave out 4 of 32 cells",
        "",
        "  rows: 8 cells, 3 bins        sliding: kernel 3, stride 2",
        "            0 1 2 3 4 5 6 7              0 1 2 3 4 5 6 7",
        "  0  0:3    # # # . . . . .    0  0:3    # # # . . . . .",
        "  1  2:6    . . # # # # . .    1  2:5    . . # # # . . .",
        "  2  5:8    . . . . . # # #    2  4:7    . . . . # # # .",
        "     shared     2     2           missed               x",
        "",
        "  columns: 4 cells, 2 bins    sliding: kernel 2, stride 2",
        "            0 1 2 3                     0 1 2 3",
        "  0  0:2    # # . .           0  0:2    # # . .",
        "  1  2:4    . . # #           1  2:4    . . # #",
        "",
        "level 1x1: 1 bin, pooled from level 3x2",
        "the sliding rule pools the same windows",
        "",
        "  rows: 8 cells, 1 bin         sliding: kernel 8, stride 8",
        "            0 1 2 3 4 5 6 7              0 1 2 3 4 5 6 7",
        "  0  0:8    # # # # # # # #    0  0:8    # # # # # # # #",
        "",
        "  columns: 4 cells, 1 bin    sliding: kernel 4, stride 4",
        "            0 1 2 3                    0 1 2 3",
        "  0  0:4    # # # #          0  0:4    # # # #",
    )


def test_square_map_with_windows_too_many():
    assert bins_text(5, 5, [3]) == text(
        "A map of 5 x 5 cells, pyramid 3x3: 9 bins.",
        "",
        "level 3x3: 9 bins, pooled from the map",
        "the sliding rule makes 4x4 = 16 windows, 7 too many; its first 3x3 leave out 9 of 25 cells",
        "",
        "  rows and columns: 5 cells, 3 bins    sliding: kernel 2, stride 1, 1 too many (+)",
        "            0 1 2 3 4                            0 1 2 3 4",
        "  0  0:2    # # . . .                  0  0:2    # # . . .",
        "  1  1:4    . # # # .                  1  1:3    . # # . .",
        "  2  3:5    . . . # #                  2  2:4    . . # # .",
        "     shared   2   2                    3  3:5    . . . + +",
        "                                          missed         x",
    )


def test_map_smaller_than_the_pyramid():
    assert bins_text(1, 2, [3]) == text(
        "A map of 1 x 2 cells, pyramid 3x3: 9 bins.",
        "",
        "level 3x3: 9 bins, pooled from the map",
        "the sliding rule does not exist: 1 row for 3 bins would be a stride of 0",
        "",
        "  rows: 1 cell, 3 bins    sliding: none",
        "            0",
        "  0  0:1    #",
        "  1  0:1    #",
        "  2  0:1    #",
        "     shared 3",
        "",
        "  columns: 2 cells, 3 bins    sliding: none",
        "            0 1",
        "  0  0:1    # .",
        "  1  0:2    # #",
        "  2  1:2    . #",
        "     shared 2 2",
    )


def test_each_level_names_its_source():
    heads = [line for line in bins_text(13, 13, (6, 3, 2, 1)).splitlines() if line.startswith("level")]
    assert [line.rpartition("pooled from ")[2] for line in heads] == ["the map", "level 6x6", "level 6x6", "level 2x2"]


def test_square_map_in_oblong_levels():
    lines = bins_text(6, 6, [(3, 2)]).splitlines()
    assert any(line.startswith("  rows: 6 cells, 3 bins") for line in lines)
    assert any(line.startswith("  columns: 6 cells, 2 bins") for line in lines)


def test_levels_that_do_not_nest_and_one_short_axis():
    lines = bins_text(12, 2, (4, 3)).splitlines()
    assert "level 4x4: 16 bins, pooled from the map" in lines
    assert "level 3x3: 9 bins, pooled from the map" in lines
    assert "the sliding rule does not exist: 2 columns for 4 bins would be a stride of 0" in lines
    # The tens stand above the digits.
    assert "                                1                                    1" in lines
    assert "            0 1 2 3 4 5 6 7 8 9 0 1              0 1 2 3 4 5 6 7 8 9 0 1" in lines


def picture(lines):
    """For each line that draws an interval: its label, and the cells that are marked."""
    drawn = []
    for line in lines:
        words = line.split()
        if len(words) > 2 and ":" in words[1] and set("".join(words[2:])) <= set("#+."):
            drawn.append((words[1], [c for c, mark in enumerate("".join(words[2:])) if mark in "#+"]))
    return drawn


@given(st.integers(1, 120), st.integers(1, 8))
@example(45, 2)
@example(46, 2)
def test_every_bin_is_drawn_where_it_is(size, bins):
    lines = bins_text(size, 130, [(bins, 1)]).splitlines()
    start, stop = (
        next(k for k, line in enumerate(lines) if line.startswith(f"  {name}:")) for name in ("rows", "columns")
    )
    rows = lines[start:stop]
    assert max(map(len, rows)) <= max(WIDTH, size + 16)
    beside = rows[0].find("sliding")  # -1 where the sliding windows come below
    left = [line[: beside if beside > 0 else None] for line in rows]
    wanted = naive.bin_cells(size, bins)
    assert picture(left)[:bins] == [(f"{held[0]}:{held[-1] + 1}", held) for held in wanted]
    assert len(picture(left)) == bins or beside < 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0, 3, [1]), "bins: expected a positive integer height, got 0"),
        ((3, 2.5, [1]), "bins: expected a positive integer width, got 2.5"),
        ((3, 4, []), "pyramid: expected levels"),
        ((3, 4, [0]), "pyramid: expected levels"),
    ],
)
def test_errors_say_what_came(arguments, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        bins_text(*arguments)


def test_the_text_needs_no_plotting():
    code = "import sys, minispp.bins as b; b.bins_text(7, 5, [3]); print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_axis_keeps_arrays_of_integers():
    assert all(np.issubdtype(part.dtype, np.integer) for part in (axis(9, 4).edges, axis(9, 4).windows))

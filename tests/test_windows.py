"""The geometry of bins, pyramids and sliding windows: pure integers, so tests compare for equality."""

import naive
import numpy as np
import properties
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp import windows

SIDES = range(1, 41)
LEVELS = range(1, 9)
# One window for every map of 1..40 x 1..40 cells; its number is its image.
EVERY_MAP = np.array([[0, 0, 0, a, b] for a in SIDES for b in SIDES], np.int32)


# ---------------------------------------------------------------------------------------------------
# Bins


def test_bins_are_the_cells_that_overlap():
    properties.bins_cover_the_axis(windows.bin_edges)


@pytest.mark.parametrize(("size", "bins"), properties.FLOAT_TRAPS)
def test_bins_where_floats_fail(size, bins):
    cells = naive.bin_cells(size, bins)
    assert windows.bin_edges(size, bins).tolist() == [[c[0], c[-1] + 1] for c in cells]


@pytest.mark.parametrize(
    ("size", "bins", "floats"),
    [
        (57, 7, lambda k, h, n: k * (np.float32(h) / np.float32(n))),
        (29, 7, lambda k, h, n: k * (h / n)),
        (25, 5, lambda k, h, n: np.float32(k) / np.float32(n) * np.float32(h)),
        (21, 7, lambda k, h, n: np.float32(k) / np.float32(n) * np.float32(h)),
    ],
)
def test_the_float_traps_are_traps(size, bins, floats):
    """The example is worth its place only while the float formula really differs."""
    k = range(bins)
    edges = [[int(np.floor(floats(i, size, bins))), int(np.ceil(floats(i + 1, size, bins)))] for i in k]
    assert edges != windows.bin_edges(size, bins).tolist()


def test_bins_of_a_size_beyond_float64():
    size, bins = 2**53 + 1, 7
    edges = windows.bin_edges(size, bins).tolist()
    assert edges == [[k * size // bins, -(-(k + 1) * size // bins)] for k in range(bins)]


@pytest.mark.parametrize("level", LEVELS)
def test_every_map_in_every_level(level):
    """All maps to 40x40 in levels 1 to 8: covered, in order, never empty, as the oracle cuts each axis."""
    bins = windows.split(EVERY_MAP, level, level).reshape(-1, level, level, 5)
    edges = {
        side: np.array([[c[0], c[-1] + 1] for c in naive.bin_cells(side, level)]) for side in SIDES
    }
    vertical = np.array([edges[a] for a in EVERY_MAP[:, 3]])
    horizontal = np.array([edges[b] for b in EVERY_MAP[:, 4]])
    assert (bins[..., 1] == vertical[:, :, None, 0]).all() and (bins[..., 3] == vertical[:, :, None, 1]).all()
    assert (bins[..., 2] == horizontal[:, None, :, 0]).all() and (bins[..., 4] == horizontal[:, None, :, 1]).all()
    assert (bins[..., 0] == 0).all()
    # The same from the other side, in words: first cell first, last cell last, no gap, at most one cell shared.
    for start, stop, size in ((1, 3, EVERY_MAP[:, 3]), (2, 4, EVERY_MAP[:, 4])):
        first, last = bins[:, 0, 0, start], bins[:, -1, -1, stop]
        line = bins[:, :, 0] if start == 1 else bins[:, 0]
        assert (first == 0).all() and (last == size).all()
        assert (line[..., start] < line[..., stop]).all()
        overlap = line[:, :-1, stop] - line[:, 1:, start]
        assert (overlap >= 0).all() and (overlap[size >= level] <= 1).all()


def test_windows_are_split():
    properties.windows_are_split(windows.split)


def test_split_takes_lists_and_no_windows():
    assert windows.split([], 3, 2).shape == (0, 5)
    assert windows.split([(7, 1, 2, 2, 3)], 2, 1).tolist() == [[7, 1, 2, 2, 3]] * 2
    assert windows.split([(7, 1, 2, 2, 3)], 2, 1).dtype == np.int32


@given(st.data())
def test_nested_levels_are_unions(data):
    """If n divides m, each level-n bin is exactly the union of its (m/n)^2 level-m bins."""
    rows, columns, by_rows, by_columns = (data.draw(st.integers(1, 4)) for _ in range(4))
    a, b, top, left = (data.draw(st.integers(low, 40)) for low in (1, 1, 0, 0))
    window = [[0, top, left, top + a, left + b]]
    coarse = windows.split(window, rows, columns)
    fine = windows.split(window, rows * by_rows, columns * by_columns)
    fine = fine.reshape(rows, by_rows, columns, by_columns, 5).swapaxes(1, 2).reshape(len(coarse), -1, 5)
    for whole, parts in zip(coarse, fine, strict=True):
        assert cells_of([whole]) == cells_of(parts)


def cells_of(table):
    return {(i, j) for _, top, left, bottom, right in table for i in range(top, bottom) for j in range(left, right)}


def test_nested_edges_for_all_sizes():
    """The same along one axis for every size to 400, through the outer edges alone."""
    for fine in range(2, 13):
        for coarse in (n for n in range(1, fine) if fine % n == 0):
            for size in range(1, 400):
                small = windows.bin_edges(size, fine).reshape(coarse, fine // coarse, 2)
                big = windows.bin_edges(size, coarse)
                assert (big[:, 0] == small[:, 0, 0]).all() and (big[:, 1] == small[:, -1, 1]).all()


# ---------------------------------------------------------------------------------------------------
# The sliding rule and sliding windows


def test_sliding_rule_agrees_where_the_remainder_is_0_or_1():
    for bins in range(1, 13):
        for size in range(bins, 400):
            rule, edges = windows.sliding_rule_edges(size, bins), windows.bin_edges(size, bins)
            agree = rule.shape == edges.shape and (rule == edges).all()
            assert agree == (size % bins in (0, 1)), (size, bins)


def test_sliding_rule_as_the_paper_prints_it():
    """a = 13: kernels and strides 5/4, 7/6, 13/13. At a = 10, n = 6: 9 windows, 3 cells missed by the first 6."""
    for bins, kernel, stride in ((3, 5, 4), (2, 7, 6), (1, 13, 13)):
        rule = windows.sliding_rule_edges(13, bins)
        assert rule.tolist() == [[i * stride, i * stride + kernel] for i in range(bins)]
    rule = windows.sliding_rule_edges(10, 6)
    assert len(rule) == 9 and 10 - max(rule[:6, 1]) == 3


def test_windows_slide():
    properties.windows_slide(windows.sliding_edges)


def test_sliding_windows_are_never_empty():
    for size, kernel, stride, pad in ((3, 2, 2, 1), (5, 2, 4, 0), (2, 3, 3, 2), (1, 2, 5, 1)):
        edges = windows.sliding_edges(size, kernel, stride, pad, ceil_mode=True)
        assert (edges[:, 0] < edges[:, 1]).all() and edges.min() >= 0 and edges.max() <= size


@given(st.data())
def test_sliding_is_the_product_of_its_axes(data):
    n, height, width = (data.draw(st.integers(low, high)) for low, high in ((0, 3), (1, 9), (1, 8)))
    kernel, stride = data.draw(st.integers(1, min(height, width))), data.draw(st.integers(1, 5))
    pad, ceil_mode = data.draw(st.integers(0, kernel - 1)), data.draw(st.booleans())
    table, (rows, columns) = windows.sliding(n, height, width, kernel, stride, pad, ceil_mode)
    expected = [
        [image, ys[0], xs[0], ys[-1] + 1, xs[-1] + 1]
        for image in range(n)
        for ys in naive.slide_cells(height, kernel, stride, pad, ceil_mode)
        for xs in naive.slide_cells(width, kernel, stride, pad, ceil_mode)
    ]
    assert table.tolist() == expected and table.dtype == np.int32
    assert len(table) == n * rows * columns
    assert rows == windows.sliding_count(height, kernel, stride, pad, ceil_mode)
    assert columns == windows.sliding_count(width, kernel, stride, pad, ceil_mode)


def test_shared_tables_cannot_be_changed():
    """Two layers may hold the same table; the second size is not the first one's table."""
    levels = ((3, 2),)
    tables = windows.sliding(1, 6, 7, 3, 2)[0], windows.whole_map_pyramid(2, 5, 7, levels), windows.nesting(levels)
    for table in tables:
        with pytest.raises(ValueError, match="read-only"):
            table[0, 0] = 1
    for height, width in ((5, 7), (7, 5)):
        expected = naive.split([[0, 0, 0, height, width], [1, 0, 0, height, width]], 3, 2)
        assert windows.whole_map_pyramid(2, height, width, levels).tolist() == expected


# ---------------------------------------------------------------------------------------------------
# Pyramids


def test_pyramids_are_ordered():
    properties.pyramids_are_ordered(windows.pyramid)


def test_whole_maps():
    assert windows.whole_maps(3, 4, 6).tolist() == [[n, 0, 0, 4, 6] for n in range(3)]
    assert windows.whole_maps(0, 4, 6).shape == (0, 5)


def test_counts_of_the_papers_pyramids():
    assert windows.count_bins((6, 3, 2, 1)) == 50 and 50 * 256 == 12800  # ZF-5's vector
    assert windows.count_bins((4, 3, 2, 1)) == 30
    assert windows.count_bins(((2, 3), 1)) == 7
    assert len(windows.pyramid(windows.whole_maps(2, 13, 10), (6, 3, 2, 1))) == 100


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=6))
def test_finer_levels(levels):
    """Each level reads the coarsest other level it divides, and following the sources ends at the map."""
    sources = windows.finer_level(levels)
    assert len(sources) == len(levels)
    for position, ((rows, columns), source) in enumerate(zip(levels, sources, strict=True)):
        finer = [
            (r * c, i)
            for i, (r, c) in enumerate(levels)
            if r % rows == 0 and c % columns == 0 and ((r, c) != (rows, columns) or i < position)
        ]
        if source is None:
            assert not finer
        else:
            assert (levels[source][0] * levels[source][1], source) in finer
            assert levels[source][0] * levels[source][1] == min(finer)[0]
        steps = 0
        while source is not None:
            source, steps = sources[source], steps + 1
            assert steps < len(levels), f"{levels}: the sources {sources} go in a circle"


def test_finer_levels_of_the_papers_pyramids():
    assert windows.finer_level((6, 3, 2, 1)) == (None, 0, 0, 2)  # one pass over the map
    assert windows.finer_level((4, 3, 2, 1)) == (None, None, 0, 2)  # level 3 needs its own
    assert windows.finer_level((1, (1, 4), (2, 4))) == (1, 2, None)
    assert windows.finer_level((2, 2)) == (None, 0)


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=5).map(tuple))
def test_nesting_unites_the_right_bins_in_time(levels):
    """Done row by row, every bin is made once, from bins that are there already, and holds the cells it should."""
    table = windows.pyramid([[0, 2, 1, 9, 14]], levels)
    made = {}
    for number, first, rows, columns, pitch in windows.nesting(levels).tolist():
        assert number not in made
        parts = [made[first + i * pitch + j] for i in range(rows) for j in range(columns)]
        made[number] = set().union(*parts) if parts else cells_of([table[number]])
        assert made[number] == cells_of([table[number]])
    assert sorted(made) == list(range(len(table)))


@pytest.mark.parametrize(
    ("levels", "bins"),
    [((6, 3, 2, 1), 36), ((1, 2, 3, 6), 36), ((4, 3, 2, 1), 25), (((2, 6), 1, (1, 3)), 12), ((5, 4), 41)],
)
def test_how_many_bins_read_the_map(levels, bins):
    """A level that divides another is pooled from its bins, not from the map."""
    assert (windows.nesting(windows.as_levels(levels))[:, 2] == 0).sum() == bins


# ---------------------------------------------------------------------------------------------------
# What is refused


@pytest.mark.parametrize("levels", [(), (0,), (-1, 2), (2.0,), 3, ((1, 2, 3),), ((2, 0),), (True,), "63", None, [[]]])
def test_bad_levels(levels):
    with pytest.raises(ValueError, match="pyramid: expected levels such as"):
        windows.as_levels(levels)


def test_good_levels():
    assert windows.as_levels([6, (1, 4), [2, 3], np.int64(2)]) == ((6, 6), (1, 4), (2, 3), (2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: windows.bin_edges(0, 3), "bin_edges: expected a positive integer size, got 0"),
        (lambda: windows.bin_edges(3, 0), "bin_edges: expected a positive integer bins, got 0"),
        (lambda: windows.bin_edges(3.5, 1), "positive integer size, got 3.5"),
        (lambda: windows.split([[0, 0, 0, 2, 2]], 0, 1), "split: expected a positive integer rows, got 0"),
        (lambda: windows.sliding_edges(5, 3, 0), "positive integer stride, got 0"),
        (lambda: windows.sliding_edges(5, 3, 1, 3), r"expected 0 <= pad < kernel = 3, got pad = 3"),
        (lambda: windows.sliding_edges(5, 3, 1, -1), "got pad = -1"),
        (lambda: windows.sliding_edges(4, 5, 1), "a kernel of 5 does not fit into 4 cells with a padding of 0"),
        (lambda: windows.sliding_edges(2, 5, 3, ceil_mode=True), "a kernel of 5 does not fit into 2 cells"),
        (lambda: windows.sliding_rule_edges(5, 6), "5 cells are fewer than 6 bins, so its stride would be 0"),
    ],
)
def test_bad_sizes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "row",
    [
        [-1, 0, 0, 1, 1],  # no such image
        [2, 0, 0, 1, 1],
        [0, -1, 0, 1, 1],  # outside
        [0, 0, -1, 1, 1],
        [0, 0, 0, 5, 1],
        [0, 0, 0, 1, 7],
        [0, 2, 0, 2, 1],  # empty
        [0, 0, 3, 1, 3],
        [0, 3, 0, 1, 1],  # inverted
        [0, 0, 4, 1, 2],
    ],
)
def test_check_names_the_bad_row(row):
    good = [1, 3, 5, 4, 6]
    with pytest.raises(ValueError, match=r"row 1, \[") as error:
        windows.check(np.array([good, row, good]), (2, 4, 6, 3))
    assert str(row) in str(error.value) and "2 maps of 4x6 cells" in str(error.value)


@pytest.mark.parametrize("table", [np.zeros((3, 4), int), np.ones((2, 5)), np.zeros(5, int), np.ones((1, 1, 5), int)])
def test_check_wants_integer_rows(table):
    with pytest.raises(ValueError, match="expected integer rows"):
        windows.check(table, (2, 4, 6))


def test_check_returns_an_int32_table():
    every_second = np.array([[1, 0, 0, 4, 6], [9, 9, 9, 9, 9]] * 2)[::2]
    for good in ([[1, 0, 0, 4, 6]], np.array([[0, 3, 5, 4, 6]], np.uint8), every_second):
        table = windows.check(good, (2, 4, 6))
        assert table.dtype == np.int32 and table.flags.c_contiguous and table.tolist() == np.asarray(good).tolist()
    for none in ([], np.zeros((0, 5)), np.zeros((0, 5), np.int64)):
        assert windows.check(none, (2, 4, 6)).shape == (0, 5) and windows.check(none, (0, 4, 6)).dtype == np.int32
    huge = np.array([[0, 0, 0, 2**32 + 1, 1]])
    with pytest.raises(ValueError, match="leaves"):  # checked before it is narrowed to int32
        windows.check(huge, (1, 4, 6))

"""SPP against its specification: the pyramid table, and the maximum of every row of it."""

from types import SimpleNamespace

import draw
import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.check import check_layer
from minispp.layers import SPP
from minispp.windows import as_levels, count_bins, nesting

PAPER = (6, 3, 2, 1), (4, 3, 2, 1)
PYRAMIDS = (*PAPER, (1,), (1, 2, 3, 6), (2, 2), ((2, 3), (1, 4), 4), (5, 7), ((4, 6), (2, 3), 1), ((2, 6), (1, 3), 2))


def specification(x, windows, levels):
    """Vectors (R, M*C), and the winning cell of each entry, without any nesting."""
    y, winners = naive.window_max(x, naive.pyramid(windows, as_levels(levels)))
    return y.reshape(len(windows), count_bins(levels) * x.shape[3]), winners


def whole(x):
    return [[image, 0, 0, *x.shape[1:3]] for image in range(len(x))]


def agrees(ops, x, levels, windows=None, seed=0):
    """Forward and backward equal the specification, winner by winner; gradients are integers, so sums are exact."""
    spp = SPP(levels).to(ops)
    expected, winners = specification(x, whole(x) if windows is None else np.asarray(windows).tolist(), levels)
    y = spp.forward(x) if windows is None else spp.forward(x, windows)
    assert y.shape == expected.shape and y.dtype == x.dtype
    assert np.array_equal(y, expected, equal_nan=True)
    dy = np.random.default_rng(seed).integers(-9, 10, y.shape).astype(x.dtype)
    dx = naive.window_max_backward(dy.reshape(winners.shape), winners, x.shape)
    assert np.array_equal(spp.backward(dy), dx)


@given(
    seed=draw.seeds,
    shape=st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(1, 8), st.integers(1, 3)),
    levels=st.sampled_from(PYRAMIDS),
    values=st.sampled_from(draw.VALUES),
    dtype=st.sampled_from(draw.DTYPES),
    layout=st.sampled_from(draw.LAYOUTS),
)
def test_whole_maps(ops, seed, shape, levels, values, dtype, layout):
    """Maps smaller than the pyramid, ties, negative maps, -inf and NaN; nested levels equal un-nested ones."""
    x = draw.fill(np.random.default_rng(seed), shape, dtype, values)
    agrees(ops, draw.lay_out(x, layout), levels, seed=seed)


@given(
    seed=draw.seeds,
    shape=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 8), st.integers(1, 2)),
    count=st.integers(0, 4),
    levels=st.sampled_from(PYRAMIDS),
    values=st.sampled_from(draw.VALUES),
    dtype=st.sampled_from(draw.DTYPES),
)
def test_windows(ops, seed, shape, count, levels, values, dtype):
    """Any number of windows for an image, in no order, overlapping, repeated."""
    rng = np.random.default_rng(seed)
    x, windows = draw.fill(rng, shape, dtype, values), draw.random_windows(rng, count, *shape[:3])
    agrees(ops, x, levels, np.concatenate([windows, windows[:1]]), seed=seed)


@pytest.mark.parametrize("levels", PYRAMIDS)
def test_maps_of_the_paper_with_many_ties(ops, levels):
    """Three values only: nearly every bin is a tie, and every coarse bin is one between winners of finer bins."""
    rng = np.random.default_rng(5)
    for height, width in ((13, 13), (10, 10), (18, 18), (7, 12), (2, 3)):
        agrees(ops, rng.integers(0, 3, (2, height, width, 5)).astype(np.float32), levels)


def test_the_vector_is_bins_major(ops):
    """y[r, bin*C + c]: levels in the order they are given, bins row-major, channels innermost."""
    x = np.arange(4 * 6 * 3.0).reshape(1, 4, 6, 3)
    y = SPP((1, (2, 3))).to(ops).forward(x).reshape(7, 3)
    corners = [(3, 5), (1, 1), (1, 3), (1, 5), (3, 1), (3, 3), (3, 5)]  # the last cell of each bin
    assert y.tolist() == [x[0, i, j].tolist() for i, j in corners]


def test_a_published_answer(ops):
    """Apache MXNet's documentation of region pooling: columns 0..4 and rows 0..4 of an 8x6 map, in 2x2 bins."""
    x = np.arange(48.0).reshape(1, 8, 6, 1)
    assert SPP((2,)).to(ops).forward(x, [[0, 0, 0, 5, 5]]).tolist() == [[14, 16, 26, 28]]


def test_any_size_gives_one_length(ops):
    """One layer, one size after another: nothing of the first is kept."""
    spp, rng = SPP((6, 3, 2, 1)).to(ops), np.random.default_rng(6)
    for shape in ((1, 13, 13, 4), (3, 10, 10, 4), (2, 1, 1, 4), (2, 1, 17, 4), (1, 3, 2, 4), (2, 13, 13, 4)):
        x = rng.normal(size=shape)
        expected, winners = specification(x, whole(x), (6, 3, 2, 1))
        y = spp.forward(x)
        assert y.shape == (shape[0], 200) == spp.output_shape(shape) and np.array_equal(y, expected)
        assert np.array_equal(spp.backward(y), naive.window_max_backward(y.reshape(winners.shape), winners, shape))
    assert (spp.bins, SPP((4, 3, 2, 1)).bins) == (50, 30)


def test_a_window_is_the_map_cut_out(ops):
    x = np.random.default_rng(7).normal(size=(3, 9, 11, 2))
    windows = [[2, 1, 3, 8, 10], [0, 0, 0, 9, 11], [2, 8, 10, 9, 11], [1, 4, 0, 5, 11]]
    spp = SPP((3, 2, 1)).to(ops)
    pooled = spp.forward(x, windows)
    for vector, (image, top, left, bottom, right) in zip(pooled, windows, strict=True):
        assert np.array_equal(vector, spp.forward(x[image : image + 1, top:bottom, left:right])[0])


@pytest.mark.parametrize("shape", [(2, 7, 6, 3), (2, 2, 3, 2), (3, 1, 1, 1)])
@pytest.mark.parametrize("levels", [(6, 3, 2, 1), ((2, 3), 2)])
def test_backward_is_the_derivative_of_forward(ops, shape, levels):
    x = np.random.default_rng(8).normal(size=shape)
    check_layer(SPP(levels).to(ops), x).raise_if_failed()
    windows = np.array([[shape[0] - 1, 0, 0, *shape[1:3]], [0, 0, 0, 1, shape[2]], [0, 0, 0, 1, 1]], np.int32)
    check_layer(SPP(levels).to(ops), x, windows).raise_if_failed()


@pytest.mark.parametrize("values", ["normal", "ties"])
def test_adjoint(ops, values):
    rng = np.random.default_rng(9)
    x = draw.fill(rng, (2, 9, 8, 3), float, values)
    spp = SPP((6, 3, 2, 1)).to(ops)
    y = spp.forward(x, draw.random_windows(rng, 30, 2, 9, 8))
    dy = rng.normal(size=y.shape)
    naive.assert_close((spp.backward(dy) * x).sum(), (dy * y).sum(), y.size, abs(dy * y).sum())


def test_levels_are_pooled_from_each_other_in_one_call(ops):
    """The backend is told which bins are unions of others."""
    given = []

    def spy(x, windows, nesting=None, need_winners=True):
        given.append((windows.shape, nesting.tolist()))
        return ops.window_max(x, windows, nesting, need_winners)

    spp = SPP((6, 3, 2, 1))
    spp.ops = SimpleNamespace(**{**vars(ops), "window_max": spy})
    for windows in (None, [[0, 1, 2, 7, 9], [1, 0, 0, 12, 12]]):
        given.clear()
        spp.forward(np.zeros((2, 12, 12, 1)), windows)
        assert given == [((2, 50, 5), nesting(spp.levels).tolist())]


def test_no_windows_no_vectors(ops):
    spp = SPP((2, 1)).to(ops)
    for windows in ([], np.zeros((0, 5), np.int32)):
        assert spp.forward(np.ones((2, 3, 4, 5)), windows).shape == (0, 25)
        dx = spp.backward(np.zeros((0, 25)))
        assert dx.shape == (2, 3, 4, 5) and not dx.any()
    assert spp.forward(np.ones((0, 3, 4, 5))).shape == (0, 25)
    assert spp.backward(np.zeros((0, 25))).shape == (0, 3, 4, 5)


@pytest.mark.parametrize("levels", [(), (0,), (2, -1), (1.5,), 3, ((2, 3, 4),), "6", None, (True,)])
def test_levels_that_make_no_pyramid(levels):
    with pytest.raises(ValueError, match="^SPP: .*expected levels such as"):
        SPP(levels)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ([[0, 0, 0, 3, 4], [2, 0, 0, 1, 1]], "row 1, .*leaves the 2 maps of 3x4 cells"),
        ([[0, 0, 0, 4, 4]], "row 0"),
        ([[0, 0, 0, 3, 5]], "row 0"),
        ([[0, -1, 0, 3, 4]], "row 0"),
        ([[0, 1, 0, 1, 4]], "row 0, .* is empty"),
        ([[0, 0, 3, 3, 2]], "row 0, .* is empty"),
        ([[0, 0, 0, 3]], "integer rows"),
        ([0, 0, 0, 3, 4], "integer rows"),
        ([[0.0, 0.0, 0.0, 3.0, 4.0]], "integer rows"),
    ],
)
def test_windows_that_make_no_sense(ops, windows, message):
    spp = SPP((2, 1)).to(ops)
    spp.rename("spp5")
    with pytest.raises(ValueError, match=f"^spp5: .*windows: .*{message}"):
        spp.forward(np.zeros((2, 3, 4, 1)), windows)


def test_maps_without_cells(ops):
    spp = SPP((2, 1)).to(ops)
    for shape in ((1, 0, 4, 2), (1, 3, 0, 2)):
        with pytest.raises(ValueError, match="^SPP: expected maps of at least one cell"):
            spp.forward(np.zeros(shape))

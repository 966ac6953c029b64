"""window_max and its backward: values, winners, ties, NaN, -inf, overlaps, nesting."""

import draw
import naive
import numpy as np
import properties
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.windows import as_levels, count_bins, nesting, pyramid, sliding, split, whole_maps


def test_all_known_bugs_at_once(ops):
    properties.windows_keep_their_maximum(ops.window_max)
    properties.gradients_reach_the_winners(
        lambda x, windows, dy: ops.window_max_backward(dy, ops.window_max(x, windows)[1], x.shape)
    )


@given(case=draw.pooled_maps())
def test_forward(ops, case):
    x, windows = case
    y, winners = ops.window_max(x, windows)
    expected, cells = naive.window_max(x, windows)
    assert y.dtype == x.dtype and winners.dtype == np.int32
    assert y.shape == expected.shape and np.array_equal(y, expected, equal_nan=True)
    assert winners.shape == cells.shape and np.array_equal(winners, cells)


@given(case=draw.pooled_maps(), seed=draw.seeds, layout=st.sampled_from(draw.LAYOUTS))
def test_backward(ops, case, seed, layout):
    """Integer gradients, so that sums in any order are the same numbers."""
    x, windows = case
    _, winners = naive.window_max(x, windows)
    dy = np.random.default_rng(seed).integers(-9, 10, winners.shape).astype(x.dtype)
    dx = ops.window_max_backward(draw.lay_out(dy, layout), winners, x.shape)
    assert dx.dtype == dy.dtype and dx.shape == x.shape
    assert np.array_equal(dx, naive.window_max_backward(dy, winners, x.shape))


@given(case=draw.pooled_maps(dtypes=(np.float64,), values=("normal", "ties", "negative")), seed=draw.seeds)
def test_adjoint(ops, case, seed):
    """With the winners fixed, pooling is linear: <dy, y> = <dx, x>."""
    x, windows = case
    y, winners = ops.window_max(x, windows)
    dy = np.random.default_rng(seed).normal(size=y.shape)
    dx = ops.window_max_backward(dy, winners, x.shape)
    naive.assert_close((dx * x).sum(), (dy * y).sum(), y.size, abs(dy * y).sum())


def test_the_released_example(ops):
    """Region pooling of 0..47 as an 8x6 map, rows and columns 0 to 4 inclusive, in 2x2 bins."""
    x = np.arange(48.0).reshape(1, 8, 6, 1)
    y, winners = ops.window_max(x, split([[0, 0, 0, 5, 5]], 2, 2))
    assert y.reshape(2, 2).tolist() == [[14, 16], [26, 28]]
    assert winners.reshape(2, 2).tolist() == [[14, 16], [26, 28]]


@pytest.mark.parametrize("value", [0.0, -1.0, -np.inf, np.nan, -1e30])
def test_equal_cells_have_one_winner_the_first(ops, value):
    """Also where every cell is -inf or NaN: there is a winner, it is real, and it alone is paid."""
    x = np.full((2, 3, 4, 2), value)
    windows = np.array([[1, 1, 1, 3, 4], [0, 0, 2, 2, 3]], np.int32)
    y, winners = ops.window_max(x, windows)
    assert np.array_equal(y, np.full((2, 2), value), equal_nan=True)
    assert winners.tolist() == [[12 + 4 + 1] * 2, [2] * 2]
    dx = ops.window_max_backward(np.ones((2, 2)), winners, x.shape)
    assert dx.sum() == 4 and dx[1, 1, 1].tolist() == [1, 1] and dx[0, 0, 2].tolist() == [1, 1]


@pytest.mark.parametrize("where", range(6))
@pytest.mark.parametrize("rest", [1.0, -np.inf, np.inf])
def test_nan_in_nan_out(ops, where, rest):
    x = np.full((1, 2, 3, 1), rest)
    x.flat[where] = np.nan
    y, winners = ops.window_max(x, whole_maps(1, 2, 3))
    assert np.isnan(y).all() and winners.tolist() == [[where]]


def test_signed_zeros_are_equal(ops):
    y, winners = ops.window_max(np.array([-0.0, 0.0]).reshape(1, 1, 2, 1), whole_maps(1, 1, 2))
    assert y.tolist() == [[0.0]] and winners.tolist() == [[0]]


def test_overlapping_windows_add_up(ops):
    """One cell wins every sliding window that it lies in, and two identical windows pay it twice."""
    x = np.zeros((1, 5, 6, 1))
    x[0, 2, 3] = 1
    table, _ = sliding(1, 5, 6, kernel=3, stride=1)
    _, winners = ops.window_max(x, table)
    dx = ops.window_max_backward(np.ones((len(table), 1)), winners, x.shape)
    assert dx[0, 2, 3, 0] == 9 and dx.sum() == len(table)
    twice = np.array([[0, 1, 1, 4, 4]] * 2, np.int32)
    _, winners = ops.window_max(x, twice)
    assert ops.window_max_backward(np.array([[2.0], [5.0]]), winners, x.shape)[0, 2, 3, 0] == 7


@pytest.mark.parametrize("shape", [(0, 3, 4, 2), (2, 3, 4, 2), (0, 0, 0, 2)])
def test_no_windows(ops, shape):
    y, winners = ops.window_max(np.zeros(shape, np.float32), np.zeros((0, 5), np.int32))
    assert y.shape == winners.shape == (0, 2) and y.dtype == np.float32
    dx = ops.window_max_backward(y, winners, shape)
    assert dx.shape == shape and not dx.any()


# ---------------------------------------------------------------------------------------------------
# Groups of windows, and coarse levels pooled from finer ones

LEVELS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4).map(tuple)


@given(case=draw.pooled_maps(), levels=LEVELS, seed=draw.seeds)
def test_groups(ops, case, levels, seed):
    """(R, M, 5) is (R*M, 5) in another shape: forward, and backward too, where a group is of one image."""
    x, windows = case
    table = pyramid(windows, levels).reshape(len(windows), count_bins(levels), 5)
    y, winners = ops.window_max(x, table)
    expected, cells = naive.window_max(x, table.reshape(-1, 5))
    assert y.shape == winners.shape == (*table.shape[:2], x.shape[3])
    assert np.array_equal(y.reshape(expected.shape), expected, equal_nan=True)
    assert np.array_equal(winners.reshape(cells.shape), cells)
    dy = np.random.default_rng(seed).integers(-9, 10, y.shape).astype(x.dtype)
    dx = ops.window_max_backward(dy, winners, x.shape)
    assert np.array_equal(dx, naive.window_max_backward(dy.reshape(cells.shape), cells, x.shape))


@given(
    seed=draw.seeds,
    size=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 10), st.sampled_from((1, 3, 17))),
    levels=st.one_of(LEVELS, st.permutations([6, 3, 2, 1]).map(as_levels)),
    count=st.integers(0, 4),
    values=st.sampled_from(draw.VALUES),
    dtype=st.sampled_from(draw.DTYPES),
    layout=st.sampled_from(draw.LAYOUTS),
)
def test_nested_pooling_is_direct_pooling(ops, seed, size, levels, count, values, dtype, layout):
    """Same values, same winners, ties and NaN included, also on windows and maps smaller than the pyramid."""
    rng = np.random.default_rng(seed)
    x = draw.fill(rng, size, dtype, values)
    table = pyramid(draw.random_windows(rng, count, *size[:3]), levels).reshape(count, count_bins(levels), 5)
    nested = ops.window_max(draw.lay_out(x, layout), table, nesting(levels))
    direct = naive.window_max(x, table.reshape(-1, 5))
    assert np.array_equal(nested[0].reshape(direct[0].shape), direct[0], equal_nan=True)
    assert np.array_equal(nested[1].reshape(direct[1].shape), direct[1]) and nested[1].dtype == np.int32
    for how in (None, nesting(levels)):
        y, winners = ops.window_max(draw.lay_out(x, layout), table, how, need_winners=False)
        assert winners is None
        assert np.array_equal(y.reshape(direct[0].shape), direct[0], equal_nan=True)


def test_a_level_that_divides_another_is_pooled_from_its_bins(cpu):
    """Shown by a table that is wrong: its coarse bin is one cell, but the fine bins that it unites cover the map."""
    x = np.arange(10.0).reshape(1, 2, 5, 1)
    table = pyramid(whole_maps(1, 2, 5), (1, (2, 5))).reshape(1, 11, 5).copy()
    table[0, 0] = 0, 0, 0, 1, 1
    for need_winners in (True, False):
        assert cpu.window_max(x, table, None, need_winners)[0][0, 0] == 0
        assert cpu.window_max(x, table, nesting(((1, 1), (2, 5))), need_winners)[0][0, 0] == 9


@pytest.mark.parametrize("value", [5.0, np.inf, np.nan])
def test_a_tie_between_bins_goes_to_the_smaller_cell(ops, value):
    """In row-major order of the bins the first is bin (0, 0), but its winner lies below the winner of (0, 1)."""
    x = np.zeros((1, 2, 4, 1))
    x[0, 1, 0] = x[0, 0, 3] = value
    levels = (1, 2), (1, 1)
    y, winners = ops.window_max(x, pyramid(whole_maps(1, 2, 4), levels).reshape(1, 3, 5), nesting(levels))
    assert np.array_equal(y.ravel(), [value] * 3, equal_nan=True) and winners.ravel().tolist() == [4, 3, 3]

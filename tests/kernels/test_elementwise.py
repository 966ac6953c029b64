"""ReLU, local response normalisation and the small change: add, join, asarray, to_numpy."""

import draw
import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.kernels import reference

shapes = st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple)


# ---------------------------------------------------------------------------------------------------
# ReLU


@given(data=st.data(), shape=shapes, dtype=st.sampled_from(draw.DTYPES))
def test_relu(ops, data, shape, dtype):
    x = data.draw(draw.arrays(shape, dtype, data.draw(st.sampled_from(draw.VALUES))))
    y = ops.relu(x)
    assert y.dtype == dtype and y.shape == shape
    for at in np.ndindex(shape):
        assert np.isnan(y[at]) if np.isnan(x[at]) else y[at] == max(x[at], 0)
    dy = data.draw(draw.arrays(shape, dtype))
    dx = ops.relu_backward(dy, y)
    assert dx.dtype == dtype and dx.shape == shape
    for at in np.ndindex(shape):
        assert dx[at] == (dy[at] if y[at] > 0 else 0)


def test_relu_at_the_kink_and_beyond(ops):
    x = np.array([[-np.inf, -1.0, -0.0, 0.0, 1e-300, np.inf, np.nan]])
    y = ops.relu(x)
    assert np.array_equal(y, [[0, 0, 0, 0, 1e-300, np.inf, np.nan]], equal_nan=True)
    assert ops.relu_backward(np.full_like(x, 3.0), y).tolist() == [[0, 0, 0, 0, 3, 3, 0]]


def test_relu_leaves_its_input_alone(ops):
    x = np.array([-1.0, 2.0])
    ops.relu_backward(x, ops.relu(x))
    assert x.tolist() == [-1, 2]


# ---------------------------------------------------------------------------------------------------
# Local response normalisation


def members(size, across):
    return size if across else size * size


@given(case=draw.normalisations())
def test_lrn(ops, case):
    x, size, alpha, beta, bias, across = case
    y = ops.lrn(x, size, alpha, beta, bias, across)
    right, _ = naive.lrn(x, size, alpha, beta, bias, across)
    assert y.dtype == x.dtype
    # The sum adds positive numbers, so its relative error is that of its terms; the power adds a few roundings.
    naive.assert_close(y, right, members(size, across) + 9, abs(right))


@given(case=draw.normalisations(), seed=draw.seeds, layout=st.sampled_from(draw.LAYOUTS))
def test_lrn_backward(ops, case, seed, layout):
    x, size, alpha, beta, bias, across = case
    dy = draw.lay_out(np.random.default_rng(seed).normal(size=x.shape).astype(x.dtype), layout)
    _, scale = naive.lrn(x, size, alpha, beta, bias, across)
    dx = ops.lrn_backward(dy, x, size, alpha, beta, bias, across)
    assert dx.dtype == x.dtype
    # Two terms that may cancel; neither is larger than this.
    gain = abs(dy).max(initial=0) * scale.min(initial=9) ** -beta
    reach = 2 * alpha * beta * (x**2).max(initial=0) / scale.min(initial=9)
    terms = members(size, across) + 9
    naive.assert_close(dx, naive.lrn_backward(dy, x, size, alpha, beta, bias, across), terms, gain * (1 + reach))


@pytest.mark.parametrize("across", [False, True])
def test_lrn_backward_is_the_slope_of_lrn(ops, across):
    """Central differences at every index, in float64."""
    rng = np.random.default_rng(3)
    x, dy = rng.normal(size=(1, 3, 2, 4)), rng.normal(size=(1, 3, 2, 4))
    size, alpha, beta, bias = 3, 0.7, 0.75, 1.2
    slope = naive.numeric_gradient(lambda x: (dy * ops.lrn(x, size, alpha, beta, bias, across)).sum(), x)
    assert abs(ops.lrn_backward(dy, x, size, alpha, beta, bias, across) - slope).max() < 1e-9


@pytest.mark.parametrize("across", [False, True])
def test_lrn_counts_the_zeros_outside(ops, across):
    """A single cell of a single channel: its own square is divided by all m, also at size 5 on a map of one cell."""
    y = ops.lrn(np.full((1, 1, 1, 1), 3.0), 5, 2.0, 0.5, 1.0, across)
    expected = 1 + 2 * 9 / (5 if across else 25)
    assert y.item() == pytest.approx(3 * expected**-0.5, rel=1e-15)


def test_lrn_neighbourhoods(ops):
    """Within a channel the neighbours are cells; across channels they are channels of the same cell."""
    x = np.full((2, 5, 6, 7), 1e-6)
    x[1, 2, 3, 4] = 1
    for across, where in ((False, np.s_[1, 1:4, 2:5, 4]), (True, np.s_[1, 2, 3, 3:6])):
        seen = np.zeros(x.shape, bool)
        seen[where] = True
        assert np.array_equal(ops.lrn(x, 3, 1.0, 0.75, 1.0, across) / x < 0.99, seen)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_lrn_spreads_what_is_not_finite_to_its_neighbours_alone(ops, across, value):
    """NaN makes NaN of all that it is a neighbour of. Infinite energy silences neighbours, and is NaN itself."""
    x = np.ones((1, 5, 4, 6))
    x[0, 2, 1, 3] = value
    with np.errstate(invalid="ignore"):
        y = ops.lrn(x, 3, 1.0, 0.75, 1.0, across)
        dx, right = (a.lrn_backward(np.ones_like(x), x, 3, 1.0, 0.75, 1.0, across) for a in (ops, reference))
    near = np.zeros(x.shape, bool)
    near[np.s_[0, 2, 1, 2:5] if across else np.s_[0, 1:4, 0:3, 3]] = True
    assert np.isfinite(y[~near]).all() and np.isnan(y[0, 2, 1, 3])
    assert np.isnan(y[near]).all() if np.isnan(value) else (np.isnan(y[near]).sum() == 1 and np.nansum(y[near]) == 0)
    np.testing.assert_allclose(dx, right, rtol=1e-12)


# ---------------------------------------------------------------------------------------------------
# add, asarray, to_numpy


@given(data=st.data(), shape=shapes, dtype=st.sampled_from(draw.DTYPES))
def test_add(ops, data, shape, dtype):
    into, a = (data.draw(draw.arrays(shape, dtype)) for _ in range(2))
    into = np.ascontiguousarray(into)
    expected, before = into + a, a.copy()
    assert ops.add(into, a) is None
    assert np.array_equal(into, expected) and np.array_equal(a, before)


@pytest.mark.parametrize("layout", draw.LAYOUTS)
def test_asarray_is_contiguous(ops, layout):
    a = np.arange(24.0).reshape(2, 3, 4)
    ours = ops.asarray(draw.lay_out(a, layout))
    assert np.array_equal(ops.to_numpy(ours), a) and ours.flags.c_contiguous and ours.dtype == a.dtype
    ours = ops.asarray(draw.lay_out(a, layout), np.float32)
    assert ops.to_numpy(ours).dtype == np.float32 and np.array_equal(ops.to_numpy(ours), a)

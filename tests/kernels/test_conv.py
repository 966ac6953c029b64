"""conv2d and its backward: seven loops as the oracle, then the adjoint identity, exact to rounding."""

import draw
import naive
import numpy as np
import properties
import pytest
from hypothesis import given
from hypothesis import strategies as st


def test_integers_leave_nothing_to_forgive(ops):
    properties.filters_correlate(ops.conv2d)
    properties.filters_send_back(ops.conv2d_backward)


@given(case=draw.convolutions())
def test_forward(ops, case):
    x, w, b, stride, pad = case
    y = ops.conv2d(x, w, b, stride, pad)
    assert y.dtype == x.dtype
    magnitude = naive.conv2d(abs(x), abs(w), abs(b), stride, pad)
    naive.assert_close(y, naive.conv2d(x, w, b, stride, pad), w[..., 0].size + 1, magnitude)


@given(case=draw.convolutions(), seed=draw.seeds, layout=st.sampled_from(draw.LAYOUTS))
def test_backward(ops, case, seed, layout):
    x, w, _, stride, pad = case
    dy = np.random.default_rng(seed).normal(size=naive.conv_shape(x, w, stride, pad)).astype(x.dtype)
    dy = draw.lay_out(dy, layout)
    gradients = ops.conv2d_backward(dy, x, w, stride, pad)
    expected = naive.conv2d_backward(dy, x, w, stride, pad)
    magnitudes = naive.conv2d_backward(abs(dy), abs(x), abs(w), stride, pad)
    terms = max(w[..., 0, :].size, dy[..., 0].size)  # products in an entry of dx, and of dw
    for ours, right, magnitude in zip(gradients, expected, magnitudes, strict=True):
        assert ours.dtype == x.dtype
        naive.assert_close(ours, right, terms, magnitude)


@given(case=draw.convolutions(dtypes=(np.float64,)), seed=draw.seeds)
def test_adjoint(ops, case, seed):
    """<dy, conv(x)> = <dx, x> = <dw, w> without a bias, and <dy, b> = <db, b>: no step size to choose."""
    x, w, b, stride, pad = case
    y = ops.conv2d(x, w, 0 * b, stride, pad)
    dy = np.random.default_rng(seed).normal(size=y.shape)
    dx, dw, db = ops.conv2d_backward(dy, x, w, stride, pad)
    product, magnitude = (dy * y).sum(), (abs(dy) * naive.conv2d(abs(x), abs(w), 0 * b, stride, pad)).sum()
    terms = y.size * w[..., 0].size
    naive.assert_close((dx * x).sum(), product, terms, magnitude)
    naive.assert_close((dw * w).sum(), product, terms, magnitude)
    naive.assert_close((db * b).sum(), (dy * b).sum(), y.size, (abs(dy) * abs(b)).sum())


def test_first_layer_needs_no_dx(ops):
    rng = np.random.default_rng(1)
    x, w, dy = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(3, 2, 3, 4)), rng.normal(size=(2, 5, 7, 4))
    with_dx, without = ops.conv2d_backward(dy, x, w, 1, 1), ops.conv2d_backward(dy, x, w, 1, 1, need_dx=False)
    assert without[0] is None
    assert np.array_equal(with_dx[1], without[1]) and np.array_equal(with_dx[2], without[2])


def test_inputs_are_left_alone(ops):
    rng = np.random.default_rng(2)
    arrays = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(3, 3, 3, 4)), rng.normal(size=4)
    copies = [a.copy() for a in arrays]
    y = ops.conv2d(*arrays, 2, 1)
    dy = y.copy()
    ops.conv2d_backward(y, arrays[0], arrays[1], 2, 1)
    assert np.array_equal(y, dy)
    assert all(np.array_equal(a, copy) for a, copy in zip(arrays, copies, strict=True))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_inf_reach_exactly_the_outputs_that_see_them(ops, bad):
    """Padding and other images stay clean: 0 * NaN would be NaN."""
    x, w = np.ones((2, 5, 6, 2)), np.ones((3, 3, 2, 3))
    x[1, 2, 3, 0] = bad
    with np.errstate(invalid="ignore"):
        y = ops.conv2d(x, w, np.zeros(3), 1, 1)
    dirty = np.zeros(y.shape, bool)
    dirty[1, 1:4, 2:5] = True
    assert np.array_equal(~np.isfinite(y), dirty)

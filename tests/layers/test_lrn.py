"""LRN against its formula, one value at a time."""

import draw
import naive
import numpy as np
import pytest
from hypothesis import given

from minispp.layers import LRN


@given(case=draw.normalisations(), seed=draw.seeds)
def test_forward_and_backward(ops, case, seed):
    x, *settings = case
    layer = LRN(*settings).to(ops)
    tolerance = 1e-4 if x.dtype == np.float32 else 1e-11
    y = layer.forward(x)
    np.testing.assert_allclose(y, naive.lrn(x, *settings)[0], rtol=tolerance, atol=tolerance)
    dy = np.random.default_rng(seed).normal(size=x.shape).astype(x.dtype)
    dx = layer.backward(dy)
    np.testing.assert_allclose(dx, naive.lrn_backward(dy, x, *settings), rtol=tolerance, atol=tolerance)


def test_neighbourhoods(ops):
    """One bright value dims exactly its neighbours, itself included; beyond the edge there is nothing."""
    x = np.full((1, 4, 5, 6), 1e-6)
    x[0, 1, 0, 2] = 1
    within = LRN(3, 9.0, 1.0).to(ops).forward(x) / x  # scale = 1 + x^2 around
    dimmed = {(0, i, j, 2) for i in (0, 1, 2) for j in (0, 1)}
    assert {tuple(at) for at in np.argwhere(within < 0.9).tolist()} == dimmed
    assert within[0, 0, 1, 2] == pytest.approx(0.5)
    across = LRN(3, 3.0, 1.0, across=True).to(ops).forward(x) / x
    assert {tuple(at) for at in np.argwhere(across < 0.9).tolist()} == {(0, 1, 0, c) for c in (1, 2, 3)}


def test_zeros_and_no_alpha(ops):
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5))
    np.testing.assert_allclose(LRN(3, 0.0, 0.5, bias=4.0).to(ops).forward(x), x / 2, rtol=1e-14)
    layer = LRN(5, 1.0, 0.75, across=True).to(ops)
    assert not layer.forward(np.zeros((1, 2, 2, 3))).any()
    assert np.array_equal(layer.backward(np.ones((1, 2, 2, 3))), np.ones((1, 2, 2, 3)))


@pytest.mark.parametrize("settings", [{"size": 0}, {"size": 4}, {"size": 3.0}, {"alpha": -1.0}, {"bias": 0.0}])
def test_arguments_that_make_no_layer(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"^LRN: expected .*{name}"):
        LRN(**{"size": 3, "alpha": 1e-4, "beta": 0.75, **settings})

"""Linear against sums written out."""

import draw
import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.layers import Linear


@given(
    seed=draw.seeds,
    size=st.tuples(st.integers(0, 4), st.integers(1, 7), st.integers(1, 5)),
    dtype=st.sampled_from(draw.DTYPES),
    layout=st.sampled_from(draw.LAYOUTS),
)
def test_forward_and_backward(ops, seed, size, dtype, layout):
    """Integers, so that sums are the same in any order."""
    (n, inputs, outputs), rng = size, np.random.default_rng(seed)
    layer = Linear(inputs, outputs, dtype=dtype).to(ops)
    for param in layer.params():
        param.value = rng.integers(-5, 6, param.value.shape).astype(dtype)
    x, dy = (draw.lay_out(rng.integers(-5, 6, (n, k)).astype(dtype), layout) for k in (inputs, outputs))
    w, nothing = layer.weight.value, np.zeros
    assert np.array_equal(layer.forward(x), naive.linear(x, w, layer.bias.value))
    assert np.array_equal(layer.backward(dy), naive.linear(dy, w.T, nothing(inputs)))
    assert np.array_equal(layer.weight.grad, naive.linear(x.T, dy, nothing(outputs)))
    assert layer.bias.grad.tolist() == [sum(column) for column in dy.T.tolist()]


def test_adjoint(ops):
    """Without its bias: <dy, y> = <dx, x> = <dw, w>."""
    rng = np.random.default_rng(4)
    layer = Linear(90, 7, rng=rng, dtype=np.float64).to(ops)
    x, dy = rng.normal(size=(5, 90)), rng.normal(size=(5, 7))
    y = layer.forward(x)
    dx, expected = layer.backward(dy), (dy * y).sum()
    assert (dx * x).sum() == pytest.approx(expected, rel=1e-12)
    assert (layer.weight.grad * layer.weight.value).sum() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("settings", [{"in_features": 0}, {"out_features": -2}, {"out_features": 2.0}])
def test_arguments_that_make_no_layer(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"^Linear: expected a positive integer {name}, got "):
        Linear(**{"in_features": 2, "out_features": 3, **settings})


def test_vectors_of_another_length(ops):
    layer = Linear(4, 2).to(ops)
    layer.rename("fc6")
    with pytest.raises(ValueError, match=r"^fc6: expected float32 vectors \(N, 4\), got float32 .*\(3, 5\)"):
        layer.forward(np.zeros((3, 5), np.float32))

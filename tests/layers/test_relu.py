"""ReLU: values, the kink, and numbers that are not finite."""

import draw
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minispp.layers import ReLU


@given(
    seed=draw.seeds,
    shape=st.sampled_from([(), (5,), (3, 4), (2, 3, 4, 5), (1, 1, 1, 1), (0, 3), (2, 0, 3, 1)]),
    dtype=st.sampled_from(draw.DTYPES),
    layout=st.sampled_from(draw.LAYOUTS),
    values=st.sampled_from(("normal", "ties", "negative")),
)
def test_forward_and_backward(ops, seed, shape, dtype, layout, values):
    rng = np.random.default_rng(seed)
    x, dy = draw.fill(rng, shape, dtype, values), rng.normal(size=shape).astype(dtype)
    layer = ReLU().to(ops)
    y = layer.forward(draw.lay_out(x, layout) if shape else x)
    assert y.shape == shape and y.dtype == dtype
    assert np.ravel(y).tolist() == [max(value, 0.0) for value in x.ravel().tolist()]
    dx = layer.backward(draw.lay_out(dy, layout) if shape else dy)
    expected = [d if value > 0 else 0.0 for value, d in zip(x.ravel().tolist(), dy.ravel().tolist(), strict=True)]
    assert np.ravel(dx).tolist() == expected and dx.dtype == dtype


def test_not_finite(ops):
    """A NaN is seen, not hidden; -inf becomes 0; the slope at 0, of either sign, is 0."""
    layer = ReLU().to(ops)
    y = layer.forward(np.array([np.nan, -np.inf, np.inf, 0.0, -0.0, -1e-300, 1e-300]))
    assert np.isnan(y[0]) and y[1:].tolist() == [0.0, np.inf, 0.0, 0.0, 0.0, 1e-300]
    dx = layer.backward(np.full(7, 3.0))
    assert dx[1:].tolist() == [0.0, 3.0, 0.0, 0.0, 0.0, 3.0]


def test_adjoint(ops):
    """relu(x) = relu'(x) x, so <dy, y> = <dx, x>, term by term."""
    rng = np.random.default_rng(3)
    x, dy = rng.normal(size=(2, 2, 4, 3, 5))
    layer = ReLU().to(ops)
    y = layer.forward(x)
    assert np.array_equal(dy * y, layer.backward(dy) * x) and (y > 0).any() and (y == 0).any()

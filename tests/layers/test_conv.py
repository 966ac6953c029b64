"""Conv2D against seven loops."""

import draw
import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.layers import Conv2D


@st.composite
def cases(pick):
    """A layer with weights and biases drawn as integers, an x and a dy: no sum is ever rounded."""
    kernel, stride = pick(st.integers(1, 4)), pick(st.integers(1, 5))
    channels, filters, pad = pick(st.integers(1, 3)), pick(st.integers(1, 4)), pick(st.integers(0, kernel - 1))
    smallest = max(1, kernel - 2 * pad)
    height, width = (pick(st.integers(smallest, smallest + 5)) for _ in range(2))
    rng, dtype = np.random.default_rng(pick(draw.seeds)), pick(st.sampled_from(draw.DTYPES))
    layer = Conv2D(channels, filters, kernel, stride, pad, dtype=dtype)
    for param in layer.params():
        param.value = rng.integers(-3, 4, param.value.shape).astype(dtype)
    shape = pick(st.integers(0, 3)), height, width, channels
    dy = rng.integers(-3, 4, layer.output_shape(shape))
    layout = pick(st.sampled_from(draw.LAYOUTS))
    return layer, *(draw.lay_out(a.astype(dtype), layout) for a in (rng.integers(-3, 4, shape), dy))


@given(case=cases())
def test_forward_and_backward(ops, case):
    layer, x, dy = case
    layer.to(ops)
    w, b, geometry = layer.weight.value, layer.bias.value, (layer.stride, layer.pad)
    assert layer.output_shape(x.shape) == naive.conv_shape(x, w, *geometry)
    assert np.array_equal(layer.forward(x), naive.conv2d(x, w, b, *geometry))
    dx, dw, db = naive.conv2d_backward(dy, x, w, *geometry)
    assert np.array_equal(layer.backward(dy), dx)
    assert np.array_equal(layer.weight.grad, dw) and np.array_equal(layer.bias.grad, db)


@pytest.mark.parametrize(("kernel", "stride", "pad"), [(3, 2, 1), (5, 1, 2), (2, 3, 0)])
def test_adjoint(ops, kernel, stride, pad):
    """Without its bias a convolution is linear in x and in w: <dy, y> = <dx, x> = <dw, w>."""
    rng = np.random.default_rng(kernel)
    layer = Conv2D(4, 6, kernel, stride, pad, rng=rng, dtype=np.float64).to(ops)
    x = rng.normal(size=(3, 11, 8, 4))
    y = layer.forward(x)
    dy = rng.normal(size=y.shape)
    dx = layer.backward(dy)
    terms, magnitude = y.size * layer.weight.value[..., 0].size, abs(dy).sum() * abs(y).max()
    naive.assert_close((dx * x).sum(), (dy * y).sum(), terms, magnitude)
    naive.assert_close((layer.weight.grad * layer.weight.value).sum(), (dy * y).sum(), terms, magnitude)
    assert abs((dy * y).sum()) > 0.1


def test_first_layer_needs_no_dx(ops):
    layer, x = Conv2D(2, 3, 3).to(ops), np.random.default_rng(0).normal(size=(2, 6, 5, 2)).astype(np.float32)
    dy = np.ones_like(layer.forward(x))
    assert layer.needs_dx and layer.backward(dy).shape == x.shape
    both = [param.grad for param in layer.params()]
    layer.weight.grad = layer.bias.grad = None
    layer.needs_dx = False
    layer.forward(x)
    assert layer.backward(dy) is None
    assert all(np.array_equal(param.grad, grad) for param, grad in zip(layer.params(), both, strict=True))


def test_map_of_one_cell(ops):
    layer = Conv2D(1, 1, 3, pad=1, dtype=np.float64).to(ops)
    layer.weight.value[...] = np.arange(9.0).reshape(3, 3, 1, 1)
    layer.bias.value[...] = 0.5
    assert layer.forward(np.full((1, 1, 1, 1), 2.0)).tolist() == [[[[8.5]]]]  # the middle tap is 4
    assert layer.backward(np.ones((1, 1, 1, 1))).tolist() == [[[[4.0]]]]
    assert layer.weight.grad.ravel().tolist() == [0, 0, 0, 0, 2, 0, 0, 0, 0]


def test_nan_spreads_over_its_filter_only(ops):
    x = np.ones((1, 5, 6, 1), np.float32)
    x[0, 0, 0, 0] = np.nan
    y = Conv2D(1, 2, 2).to(ops).forward(x)
    assert np.isnan(y[0, 0, 0]).all() and np.isfinite(y.reshape(-1, 2)[1:]).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"in_channels": 0},
        {"out_channels": -1},
        {"kernel": 0},
        {"kernel": 2.0},
        {"stride": 0},
        {"stride": True},
        {"pad": -1},
        {"pad": 3},
        {"pad": 0.5},
    ],
)
def test_arguments_that_make_no_layer(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"^Conv2D: expected .*{name}"):
        Conv2D(**{"in_channels": 2, "out_channels": 3, "kernel": 3, **settings})


def test_input_that_does_not_fit(ops):
    layer = Conv2D(3, 4, 5).to(ops)
    layer.rename("conv2")
    with pytest.raises(ValueError, match=r"^conv2: expected float32 maps \(N, H, W, 3\), got float32 .*\(1, 9, 9, 4\)"):
        layer.forward(np.ones((1, 9, 9, 4), np.float32))
    for height, width in ((4, 9), (9, 4), (0, 9)):
        with pytest.raises(ValueError, match=f"^conv2: .* the input has {height}x{width} cells"):
            layer.forward(np.ones((1, height, width, 3), np.float32))
    assert layer.saved is None

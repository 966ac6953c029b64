"""What holds for every layer: its backward is the derivative of its forward, on every backend, in any memory layout."""

import draw
import numpy as np
import pytest

from minispp.check import check_layer
from minispp.kernels import reference
from minispp.layers import LRN, SPP, Conv2D, Dropout, Layer, Linear, MaxPool, Param, ReLU
from minispp.layers.layer import draw_weights

MAPS, ROWS = (2, 7, 6, 3), (4, 5)
# How it is made (from a dtype), and the shape of its input.
LAYERS = {
    "Conv2D": (lambda dtype: Conv2D(3, 5, 3, stride=2, pad=1, dtype=dtype), MAPS),
    "Conv2D, no pad": (lambda dtype: Conv2D(3, 2, 4, stride=1, dtype=dtype), MAPS),
    "Conv2D, large stride": (lambda dtype: Conv2D(3, 4, 1, stride=3, dtype=dtype), MAPS),
    "ReLU": (lambda dtype: ReLU(), MAPS),
    "ReLU of rows": (lambda dtype: ReLU(), ROWS),
    "MaxPool": (lambda dtype: MaxPool(3, 2), MAPS),
    "MaxPool, floor": (lambda dtype: MaxPool(3, 2, pad=1, ceil_mode=False), MAPS),
    "LRN": (lambda dtype: LRN(3, 0.9, 0.75), MAPS),
    "LRN across": (lambda dtype: LRN(5, 0.9, 0.75, 2.0, True), (2, 3, 4, 7)),
    "SPP": (lambda dtype: SPP((3, (2, 1), 1)), MAPS),
    "SPP, nested": (lambda dtype: SPP((6, 3, 2, 1)), (2, 5, 7, 3)),
    "Linear": (lambda dtype: Linear(5, 3, dtype=dtype), ROWS),
    "Dropout": (lambda dtype: Dropout(0.4, seed=5), ROWS),
    "Dropout, training": (lambda dtype: training(Dropout(0.4, seed=5)), MAPS),
}
WITH_PARAMS = [name for name in LAYERS if name.startswith(("Conv2D", "Linear"))]


def training(layer):
    layer.training = True
    return layer


def made(name, ops, dtype=np.float64):
    """The layer with weights and biases that are not zero, and an x and a dy for it."""
    make, shape = LAYERS[name]
    layer = make(dtype).to(ops)
    rng = np.random.default_rng(len(name))
    for param in layer.params():
        param.value[...] = rng.normal(size=param.value.shape)
    x = rng.normal(size=shape).astype(dtype)
    return layer, x, rng.normal(size=layer.output_shape(shape)).astype(dtype)


def run(layer, x, dy):
    """One forward and backward, dropout's mask as in the first call: y, dx and the gradients of the parameters."""
    layer.calls = 0
    for param in layer.params():
        param.grad = None
    return [layer.forward(x), layer.backward(dy), *(param.grad for param in layer.params())]


@pytest.mark.parametrize("name", LAYERS)
def test_backward_is_the_derivative_of_forward(ops, name):
    layer, x, _ = made(name, ops)
    report = check_layer(layer, x, before=lambda: setattr(layer, "calls", 0), linear=None)
    assert not report.raise_if_failed().kinks
    assert set(report.tally) == {"x", *(param.name for param in layer.params())}


@pytest.mark.parametrize("layout", draw.LAYOUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_memory_layout_does_not_matter(ops, name, layout):
    """Views of x and of dy give what their copies give, and neither is written to."""
    layer, x, dy = made(name, ops, np.float32)
    expected = [a.copy() for a in run(layer, x, dy)]
    strided = draw.lay_out(x, layout), draw.lay_out(dy, layout)
    for ours, right in zip(run(layer, *strided), expected, strict=True):
        np.testing.assert_allclose(ours, right, rtol=1e-5, atol=1e-5)  # BLAS may sum a strided array in another order
    assert np.array_equal(strided[0], x) and np.array_equal(strided[1], dy)


@pytest.mark.parametrize("dtype", draw.DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_float_type_is_kept_and_shapes_are_as_announced(ops, name, dtype):
    layer, x, dy = made(name, ops, dtype)
    y, dx, *grads = run(layer, x, dy)
    assert y.shape == layer.output_shape(x.shape) and dx.shape == x.shape
    assert [grad.shape for grad in grads] == [param.value.shape for param in layer.params()]
    assert {a.dtype for a in (y, dx, *grads)} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", LAYERS)
def test_empty_batch(ops, name):
    layer, x, dy = made(name, ops)
    y, dx, *grads = run(layer, x[:0], dy[:0])
    assert y.shape == dy[:0].shape and dx.shape == x[:0].shape
    assert [grad.shape for grad in grads] == [param.value.shape for param in layer.params()]
    assert not any(grad.any() for grad in grads)


@pytest.mark.parametrize("name", WITH_PARAMS)
def test_gradients_add_up_over_the_groups_of_a_batch(ops, name):
    layer, x, dy = made(name, ops)
    _, dx, *whole = run(layer, x, dy)
    whole = [grad.copy() for grad in whole]
    run(layer, x[:1], dy[:1])
    layer.forward(x[1:])
    rest = layer.backward(dy[1:])
    np.testing.assert_allclose(rest, dx[1:], atol=1e-12)
    for param, expected in zip(layer.params(), whole, strict=True):
        np.testing.assert_allclose(param.grad, expected, atol=1e-11)
        assert abs(expected).max() > 0.1


@pytest.mark.parametrize("name", LAYERS)
def test_a_second_backward_sees_the_second_forward(ops, name):
    """Nothing of an earlier size or picture is kept."""
    layer, x, dy = made(name, ops)
    expected = [a.copy() for a in run(layer, x, dy)]
    other = x[:1, :5] if x.ndim == 4 else x[:1]
    y = layer.forward(other)
    layer.backward(np.ones_like(y))
    for ours, right in zip(run(layer, x, dy), expected, strict=True):
        assert np.array_equal(ours, right)


@pytest.mark.parametrize("name", LAYERS)
def test_backward_before_forward(ops, name):
    layer, _, dy = made(name, ops)
    layer.rename("this9")
    with pytest.raises(ValueError, match="^this9: backward needs a forward before it$"):
        layer.backward(dy)


@pytest.mark.parametrize("name", LAYERS)
def test_gradient_of_a_wrong_shape(ops, name):
    layer, x, dy = made(name, ops)
    layer.rename("this9")
    layer.forward(x)
    for wrong in (dy[:1], dy[..., :1], dy[None], dy.ravel(), None):
        with pytest.raises(ValueError, match=r"^this9: expected a gradient of shape \(\d.*, got "):
            layer.backward(wrong)


@pytest.mark.parametrize("name", LAYERS)
def test_input_of_a_wrong_kind(ops, name):
    layer, x, _ = made(name, ops)
    layer.rename("this9")
    wrong = [np.ones(x.shape, int), np.ones(x.shape, np.uint8), np.ones(x.shape, bool), x.tolist(), None]
    if not isinstance(layer, (ReLU, Dropout)):  # these take any shape
        wrong += [x[0], x[None], x.ravel()]
    if layer.params():
        wrong += [x[..., :2], np.concatenate([x, x], axis=-1)]
    for bad in wrong:
        with pytest.raises(ValueError, match="^this9: expected .*float.*, got "):
            layer.forward(bad)


@pytest.mark.parametrize("name", WITH_PARAMS)
def test_the_message_names_both_float_types(ops, name):
    """A reader's first x is np.random.rand(...), which is float64; a compiler's error would be no help."""
    layer, x, _ = made(name, ops, np.float32)
    layer.rename("this9")
    with pytest.raises(ValueError, match="^this9: expected float32 .*, got float64 array"):
        layer.forward(x.astype(np.float64))


@pytest.mark.parametrize("name", LAYERS)
def test_moving(cpu, name):
    """To another backend and float type and back: the same numbers; what belonged to the old place is dropped."""
    layer, x, dy = made(name, reference, np.float32)
    expected = run(layer, x, dy)
    assert layer.to(cpu, np.float64) is layer and layer.ops is cpu
    assert all(param.value.dtype == np.float64 and param.grad is None for param in layer.params())
    with pytest.raises(ValueError, match="needs a forward"):
        layer.backward(dy)
    layer.calls = 0
    np.testing.assert_allclose(layer.forward(x.astype(np.float64)), expected[0], rtol=1e-5, atol=1e-5)
    assert layer.to(reference) is layer and all(param.value.dtype == np.float64 for param in layer.params())


@pytest.mark.parametrize("name", LAYERS)
def test_repr_is_how_it_is_made(name):
    layer = LAYERS[name][0](np.float32)
    again = eval(repr(layer))
    assert type(again) is type(layer) and layer.settings == again.settings
    assert all(getattr(again, key) == getattr(layer, key) for key in layer.settings)


def test_names():
    layer = Conv2D(1, 2, 3)
    assert layer.name == "Conv2D" and [param.name for param in layer.params()] == ["weight", "bias"]
    layer.rename("conv4")
    layer.rename("conv5")
    assert [param.name for param in layer.params()] == ["conv5.weight", "conv5.bias"]
    assert [param.decays for param in layer.params()] == [True, False]
    assert repr(layer.weight) == "Param(conv5.weight, 3x3x1x2)"


def test_gradients_are_added_in_place_and_begin_as_none(ops):
    param = Param("w", np.zeros(3))
    assert param.grad is None and param.decays
    param.add_grad(np.array([1.0, 2.0, 3.0]), ops)
    param.add_grad(np.array([10.0, 20.0, 30.0]), ops)
    assert param.grad.tolist() == [11, 22, 33]


def test_a_layer_of_ones_own():
    class Half(Layer):
        def forward(self, x):
            return x / 2

    with pytest.raises(NotImplementedError, match="Half has no backward"):
        Half().backward(np.ones(3))
    with pytest.raises(NotImplementedError, match="Layer has no forward"):
        Layer().forward(np.ones(3))
    assert Half().params() == [] and Half().output_shape((3, 4)) == (3, 4) and Half().ops is reference


def test_initial_weights():
    """He's deviation unless one is given; one seed makes one net, in every float type."""
    weights = draw_weights((40, 50, 7), 200, None, np.random.default_rng(1), np.float32)
    assert weights.dtype == np.float32 and weights.std() == pytest.approx(0.1, rel=0.03)
    assert abs(weights.mean()) < 0.01
    double = draw_weights((40, 50, 7), 200, None, np.random.default_rng(1), np.float64)
    assert double.dtype == np.float64 and np.array_equal(double, weights)
    assert not np.array_equal(weights, draw_weights((40, 50, 7), 200, None, np.random.default_rng(2), np.float32))
    given = draw_weights((40, 50, 7), 200, 0.01, np.random.default_rng(1), np.float32)
    np.testing.assert_allclose(given, weights / 10, rtol=1e-5)
    for layer, fan_in in ((Conv2D(6, 300, 5), 150), (Linear(150, 300), 150)):
        assert layer.weight.value.std() == pytest.approx((2 / fan_in) ** 0.5, rel=0.02)
        assert layer.bias.value.shape == (300,) and not layer.bias.value.any()
        assert layer.weight.value.dtype == layer.bias.value.dtype == np.float32

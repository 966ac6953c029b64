"""What graders of layers share: hints for what any layer can get wrong."""

import numpy as np
import pytest

from minispp.exercises import layers
from minispp.exercises.grading import Wrong
from minispp.layers import Linear, ReLU

X = np.random.default_rng(5).standard_normal((3, 4))


def linear(**methods):
    """A right layer, or one with other methods."""
    return type("Answer", (Linear,), methods)(4, 2, dtype=np.float64)


def overwrites(self, dy):
    dx = Linear.backward(self, dy)
    self.weight.grad = self.saved.T @ dy
    return dx


def in_float32(self, x):
    return Linear.forward(self, x).astype(np.float32)


def counting(self, x):
    self.calls = getattr(self, "calls", 0) + 1
    return Linear.forward(self, x) + self.calls


def by_memory(self, x):
    return Linear.forward(self, x) if x.flags.c_contiguous else 0 * Linear.forward(self, x)


def forgets_the_bias(self, dy):
    dx = Linear.backward(self, dy)
    self.bias.grad = None
    return dx


@pytest.mark.parametrize(
    ("methods", "cause"),
    [
        ({"backward": overwrites}, "add up over several calls"),
        ({"forward": in_float32}, "float64 in, float64 out"),
        ({"forward": counting}, "the same output for the same input"),
        ({"forward": by_memory}, "lies in memory"),
        ({"backward": forgets_the_bias}, "an `add_grad` for each parameter"),
        ({"backward": lambda self, dy: 1.001 * Linear.backward(self, dy)}, "not the derivative of forward"),
        ({"forward": lambda self, x: x[99]}, "could not run the layer: IndexError"),
    ],
)
def test_the_checker_is_put_into_words(methods, cause):
    layers.require_derivative(linear(), X)
    with pytest.raises(Wrong, match=cause):
        layers.require_derivative(linear(**methods), X)


def test_methods_are_called_by_the_name_of_the_layer():
    assert layers.run(ReLU(), "forward", X).tolist() == np.maximum(X, 0).tolist()
    with pytest.raises(Wrong, match=r"Answer\.backward\(<3x4 float64>\) raised ValueError"):
        layers.run(linear(), "backward", X)


def test_a_gradient_must_be_there():
    layer = linear()
    with pytest.raises(Wrong, match="left no gradient in `weight`"):
        layers.require_gradient(layer, "weight", X)
    with pytest.raises(Wrong, match="left no gradient in `gain`"):
        layers.require_gradient(layer, "gain", X)
    layer.weight.grad = np.ones((4, 2))
    assert layers.require_gradient(layer, "weight", X).sum() == 8


def test_what_is_no_layer():
    with pytest.raises(Wrong, match="<lambda> has no forward"):
        layers.make(lambda: layers.make)

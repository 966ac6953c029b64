"""The fully connected layer, which is what ties an ordinary network to one image size."""

import numpy as np

from minispp.layers.layer import Layer, Param, draw_weights
from minispp.windows import require_positive


class Linear(Layer):
    """Every output is a weighted sum of every input.

    Forward: ``y = x w + b``. Backward: ``dx = dy w^T``, ``dw = x^T dy``, ``db = sum over the batch of dy``.

    Parameters
    ----------
    in_features, out_features : int
        I and O.
    sigma : float, optional
        Standard deviation of the initial weights; He's ``sqrt(2 / I)`` if not given. Biases are 0.
    rng : numpy.random.Generator, optional
    dtype : float type

    Notes
    -----
    Shapes: x (N, I), w (I, O), b (O,) -> y (N, O). Saved: x.

    Examples
    --------
    >>> layer = Linear(3, 2, dtype=np.float64)
    >>> layer.weight.value = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> layer.forward(np.array([[1.0, 2.0, 3.0]])).tolist()
    [[4.0, 5.0]]
    >>> layer.backward(np.array([[10.0, 1.0]])).tolist()
    [[10.0, 1.0, 11.0]]
    """

    settings = ("in_features", "out_features")

    def __init__(self, in_features, out_features, *, sigma=None, rng=None, dtype=np.float32):
        super().__init__()
        require_positive("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        weight = draw_weights((in_features, out_features), in_features, sigma, rng, dtype)
        self.weight = Param("weight", weight)
        self.bias = Param("bias", np.zeros(out_features, dtype), decays=False)

    def params(self):
        """Weight (I, O) and bias (O,)."""
        return [self.weight, self.bias]

    def output_shape(self, shape):
        """(N, O)."""
        return shape[0], self.out_features

    def forward(self, x):
        """Vectors x (N, I) -> y (N, O)."""
        good = getattr(x, "ndim", 0) == 2 and x.shape[1] == self.in_features and self.has_type(x)
        self.expect(good, f"{self.float_type()} vectors (N, {self.in_features})", x)
        y = self.ops.linear(x, self.weight.value, self.bias.value)
        self.saved = x
        return y

    def backward(self, dy):
        """Gradients dy (N, O) -> dx (N, I)."""
        x = self.unpack()
        self.expect_like(dy, self.output_shape(x.shape))
        dx, dw, db = self.ops.linear_backward(dy, x, self.weight.value)
        self.weight.add_grad(dw, self.ops)
        self.bias.add_grad(db, self.ops)
        return dx

"""The rectifier."""

from minispp.layers.layer import Layer, is_float


class ReLU(Layer):
    """Set negative values to zero.

    Forward: ``y = max(x, 0)``. Backward: ``dx = dy where y > 0, else 0``; at the kink, where the derivative is
    not defined, it is taken as 0. NaN stays NaN, so that a broken value is seen and not hidden.

    Notes
    -----
    Shapes: any x -> y of the same shape. Saved: y, which the next layer holds anyway.

    Examples
    --------
    >>> import numpy as np
    >>> layer = ReLU()
    >>> layer.forward(np.array([-1.0, 0.0, 2.0])).tolist(), layer.backward(np.array([5.0, 5.0, 5.0])).tolist()
    ([0.0, 0.0, 2.0], [0.0, 0.0, 5.0])
    """

    def forward(self, x):
        """``max(x, 0)``."""
        self.expect(hasattr(x, "dtype") and is_float(x), "a float array", x)
        y = self.ops.relu(x)
        self.saved = y
        return y

    def backward(self, dy):
        """``dy where y > 0, else 0``."""
        y = self.unpack()
        self.expect_like(dy, y.shape)
        return self.ops.relu_backward(dy, y)

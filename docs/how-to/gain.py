"""A gain and an offset for each channel: the layer of the how-to."""

import numpy as np

from minispp.layers import Layer, Param
from minispp.windows import require_positive


class Gain(Layer):
    """Multiply each channel by a learned number, and add another.

    Forward: ``y[n,h,k,c] = x[n,h,k,c] * g[c] + b[c]``. Backward::

        dx[n,h,k,c] = dy[n,h,k,c] * g[c]
        dg[c]       = sum over n,h,k of  x[n,h,k,c] * dy[n,h,k,c]
        db[c]       = sum over n,h,k of  dy[n,h,k,c]

    Notes
    -----
    Shapes: x (N, H, W, C) -> y (N, H, W, C). Saved: x.

    Examples
    --------
    >>> layer = Gain(2, dtype=np.float64)
    >>> layer.gain.value[:] = 3, 5
    >>> layer.forward(np.ones((1, 1, 1, 2))).tolist()
    [[[[3.0, 5.0]]]]
    """

    settings = ("channels",)

    def __init__(self, channels, *, dtype=np.float32):
        super().__init__()
        require_positive("Gain", channels=channels)
        self.channels = channels
        self.gain = Param("gain", np.ones(channels, dtype))
        self.bias = Param("bias", np.zeros(channels, dtype), decays=False)

    def params(self):
        """Gain (C,) and bias (C,)."""
        return [self.gain, self.bias]

    def forward(self, x):
        """Maps x (N, H, W, C) -> y of the same shape."""
        self.expect_maps(x, self.channels)
        y = x * self.gain.value + self.bias.value
        self.saved = x
        return y

    def backward(self, dy):
        """Gradients dy (N, H, W, C) -> dx of the same shape."""
        x = self.unpack()
        self.expect_like(dy, x.shape)
        self.gain.add_grad((x * dy).sum(axis=(0, 1, 2)), self.ops)
        self.bias.add_grad(dy.sum(axis=(0, 1, 2)), self.ops)
        return dy * self.gain.value

"""Convolution."""

import numpy as np

from minispp.fields import Slide
from minispp.layers.layer import Layer, Param, draw_weights, require_pad
from minispp.windows import require_positive, sliding_count


class Conv2D(Layer):
    """Correlate maps with D learned filters.

    Forward, with taps (u, v), stride s and padding p (zeros outside)::

        y[n,i,j,d] = b[d] + sum over u,v,c of  x[n, i*s + u - p, j*s + v - p, c] * w[u,v,c,d]

    Backward: every product above is one term, so each factor receives dy times the other factor::

        dw[u,v,c,d]  = sum over n,i,j of  x[n, i*s + u - p, j*s + v - p, c] * dy[n,i,j,d]
        dx[n,h,k,c]  = sum over d and all (u, i), (v, j) with i*s + u - p = h, j*s + v - p = k
                       of  dy[n,i,j,d] * w[u,v,c,d]
        db[d]        = sum over n,i,j of  dy[n,i,j,d]

    Parameters
    ----------
    in_channels, out_channels : int
        C and D.
    kernel : int
        Side of the square filters.
    stride, pad : int
    sigma : float, optional
        Standard deviation of the initial weights; He's ``sqrt(2 / (kernel^2 C))`` if not given. Biases are 0.
    rng : numpy.random.Generator, optional
    dtype : float type

    Notes
    -----
    Shapes: x (N, H, W, C) -> y (N, H', W', D) with ``H' = (H + 2p - kernel) // s + 1``; w (kernel, kernel, C, D).
    Set ``needs_dx`` to False on the first layer of a net: nobody reads the gradient of a picture.

    Examples
    --------
    >>> layer = Conv2D(in_channels=3, out_channels=8, kernel=3, stride=2, pad=1)
    >>> y = layer.forward(np.zeros((2, 9, 12, 3), np.float32))
    >>> y.shape, layer.backward(y).shape, layer.weight.grad.shape
    ((2, 5, 6, 8), (2, 9, 12, 3), (3, 3, 3, 8))
    """

    settings = ("in_channels", "out_channels", "kernel", "stride", "pad")

    def __init__(
        self, in_channels, out_channels, kernel, stride=1, pad=0, *, sigma=None, rng=None, dtype=np.float32
    ):
        super().__init__()
        sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel": kernel, "stride": stride}
        require_positive("Conv2D", **sizes)
        require_pad("Conv2D", pad, kernel)
        self.slide = Slide(kernel, stride, pad)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel, self.stride, self.pad = kernel, stride, pad
        shape = (kernel, kernel, in_channels, out_channels)
        self.weight = Param("weight", draw_weights(shape, kernel * kernel * in_channels, sigma, rng, dtype))
        self.bias = Param("bias", np.zeros(out_channels, dtype), decays=False)
        self.needs_dx = True

    def params(self):
        """Weight (kernel, kernel, C, D) and bias (D,)."""
        return [self.weight, self.bias]

    def output_shape(self, shape):
        """(N, H', W', D)."""
        n, height, width, _ = shape
        try:
            rows, columns = (sliding_count(size, *self.slide) for size in (height, width))
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}; the input has {height}x{width} cells") from None
        return n, rows, columns, self.out_channels

    def forward(self, x):
        """Maps x (N, H, W, C) -> y (N, H', W', D)."""
        self.expect_maps(x, self.in_channels)
        self.output_shape(x.shape)
        y = self.ops.conv2d(x, self.weight.value, self.bias.value, self.stride, self.pad)
        self.saved = x
        return y

    def backward(self, dy):
        """Gradients dy (N, H', W', D) -> dx (N, H, W, C), or None without `needs_dx`."""
        x = self.unpack()
        self.expect_like(dy, self.output_shape(x.shape))
        weight, geometry = self.weight.value, (self.stride, self.pad)
        dx, dw, db = self.ops.conv2d_backward(dy, x, weight, *geometry, need_dx=self.needs_dx)
        self.weight.add_grad(dw, self.ops)
        self.bias.add_grad(db, self.ops)
        return dx

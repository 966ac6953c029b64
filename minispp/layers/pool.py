"""Sliding max pooling."""

from minispp.fields import Slide
from minispp.layers.layer import Layer, require_pad
from minispp.windows import require_positive, sliding, sliding_count


class MaxPool(Layer):
    """The largest value under a window that slides over the map, channel by channel.

    Forward: ``y[n,i,j,c] = max of x[n,h,k,c] over the cells (h, k) under window (i, j)``.
    Backward: ``dx[n,h,k,c] = sum of dy[n,i,j,c] over the windows that (h, k) won``; of equal cells the first in
    row-major order wins, and a cell that wins in several windows receives the gradient of each.

    With `ceil_mode` a last window that is cut off by the edge is kept. The published map sizes of ZF-5
    (110, 55, 26, 13 at 224 pixels) need it. Padding only moves the windows: what lies outside the map is never a
    value, so it cannot win over negative features.

    Parameters
    ----------
    kernel, stride : int
    pad : int
        Less than `kernel`.
    ceil_mode : bool

    Notes
    -----
    Shapes: x (N, H, W, C) -> y (N, H', W', C) with ``H' = (H + 2*pad - kernel) / stride + 1``, rounded up or down.
    Saved: the winners, not x.

    Examples
    --------
    >>> import numpy as np
    >>> layer = MaxPool(kernel=2, stride=2)
    >>> layer.forward(np.arange(15.0).reshape(1, 3, 5, 1))[0, :, :, 0]
    array([[ 6.,  8.,  9.],
           [11., 13., 14.]])
    """

    settings = ("kernel", "stride", "pad", "ceil_mode")

    def __init__(self, kernel, stride, pad=0, ceil_mode=True):
        super().__init__()
        require_positive("MaxPool", kernel=kernel, stride=stride)
        require_pad("MaxPool", pad, kernel)
        self.kernel, self.stride, self.pad, self.ceil_mode = kernel, stride, pad, ceil_mode
        self.slide = Slide(kernel, stride, pad, ceil_mode)

    def output_shape(self, shape):
        """(N, H', W', C)."""
        n, height, width, channels = shape
        try:
            return n, sliding_count(height, *self.slide), sliding_count(width, *self.slide), channels
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}; the input has {height}x{width} cells") from None

    def forward(self, x):
        """Maps x (N, H, W, C) -> y (N, H', W', C)."""
        self.expect_maps(x)
        shape = self.output_shape(x.shape)
        windows, _ = sliding(*x.shape[:3], *self.slide)
        y, winners = self.ops.window_max(x, windows, need_winners=self.saving)
        self.saved = winners, x.shape
        return y.reshape(shape)

    def backward(self, dy):
        """Gradients dy (N, H', W', C) -> dx (N, H, W, C)."""
        winners, shape = self.unpack()
        self.expect_like(dy, self.output_shape(shape))
        n, rows, columns, channels = dy.shape
        by_image = n, rows * columns, channels
        return self.ops.window_max_backward(dy.reshape(by_image), winners.reshape(by_image), shape)

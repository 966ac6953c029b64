"""Local response normalisation."""

from minispp.layers.layer import Layer
from minispp.windows import require_positive


class LRN(Layer):
    """Divide each value by a power of the energy around it.

    Forward, with the neighbourhood of each value holding m values::

        scale = bias + alpha / m * (sum of x^2 over the neighbourhood)
        y     = x * scale^-beta

    Backward: x acts through itself, and through the scale of every value whose neighbourhood it is in. Those
    are the values in its own neighbourhood, so the sum is the same one::

        dx = dy * scale^-beta  -  2 * alpha * beta / m * x * (sum of dy * y / scale over the neighbourhood)

    ``across=True`` is Krizhevsky's: `size` channels of the same cell, m = size. He writes the sum without
    1/m, so his alpha = 1e-4 at size 5 is 5e-4 here. ``across=False`` is what ZF-5 was released with: a
    ``size x size`` square of cells of the same channel, m = size^2. Beyond the edge lie zeros, which count in m.

    Parameters
    ----------
    size : int
        Odd.
    alpha, beta, bias : float
    across : bool

    Notes
    -----
    Shapes: x (N, H, W, C) -> y (N, H, W, C). Saved: x, which the layer before holds anyway; the scale follows
    from it, and working it out again costs less than keeping two more maps.

    Examples
    --------
    >>> import numpy as np
    >>> layer = LRN(size=3, alpha=3.0, beta=0.5, bias=1.0, across=True)
    >>> layer.forward(np.array([2.0, 2.0, 0.0]).reshape(1, 1, 1, 3)).round(4).ravel()
    array([0.6667, 0.6667, 0.    ])
    """

    settings = ("size", "alpha", "beta", "bias", "across")

    def __init__(self, size, alpha, beta, bias=1.0, across=False):
        super().__init__()
        require_positive("LRN", size=size)
        if size % 2 == 0:
            raise ValueError(f"LRN: expected an odd size, so that it has a middle, got {size}")
        if alpha < 0 or bias <= 0:
            raise ValueError(f"LRN: expected alpha >= 0 and bias > 0, got alpha={alpha}, bias={bias}")
        self.size, self.alpha, self.beta, self.bias, self.across = size, alpha, beta, bias, across

    def forward(self, x):
        """Maps x (N, H, W, C) -> y of the same shape."""
        self.expect_maps(x)
        y = self.ops.lrn(x, self.size, self.alpha, self.beta, self.bias, self.across)
        self.saved = x
        return y

    def backward(self, dy):
        """Gradients dy (N, H, W, C) -> dx of the same shape."""
        x = self.unpack()
        self.expect_like(dy, x.shape)
        return self.ops.lrn_backward(dy, x, self.size, self.alpha, self.beta, self.bias, self.across)

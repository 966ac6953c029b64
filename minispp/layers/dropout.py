"""Dropout."""

import numpy as np

from minispp.layers.layer import Layer, is_float


class Dropout(Layer):
    """In training, zero each value with probability `rate` and divide the others by ``1 - rate``.

    Forward: ``y = x * keep / (1 - rate)``. Backward: ``dx = dy * keep / (1 - rate)`` with the same `keep`.
    Rescaling in training leaves nothing to do at test time, when the layer passes x through.

    `keep` is a hash of (seed, number of the call, index). It is computed again in backward instead of
    stored, is the same on every backend, and two numbers are all that a resumed run needs to go on with the very
    masks that it would have drawn.

    Parameters
    ----------
    rate : float
        In [0, 1).
    seed : int
        In [0, 2^31).

    Notes
    -----
    Shapes: any x -> y of the same shape. Saved: the seed of this call.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dropout(0.5, seed=7)
    >>> layer.forward(np.ones(6)).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    >>> layer.training = True
    >>> y = layer.forward(np.ones(6))
    >>> sorted(set(y.tolist())), layer.backward(np.ones(6)).tolist() == y.tolist()
    ([0.0, 2.0], True)
    """

    settings = ("rate", "seed")

    def __init__(self, rate, seed=0):
        super().__init__()
        if not isinstance(rate, (int, float)) or not 0 <= rate < 1:
            raise ValueError(f"Dropout: expected a rate in [0, 1), got {rate!r}")
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**31:
            raise ValueError(f"Dropout: expected a seed in [0, 2^31), got {seed!r}")
        self.rate, self.seed = rate, seed
        self.calls = 0

    def forward(self, x):
        """In training a new mask for each call, else x."""
        self.expect(hasattr(x, "dtype") and is_float(x), "a float array", x)
        call_seed = None
        if self.training and self.rate > 0:
            call_seed = (self.seed << 32) + self.calls
            self.calls += 1
        self.saved = call_seed, x.shape
        return x if call_seed is None else self.ops.dropout(x, self.rate, call_seed)

    def backward(self, dy):
        """The mask of the last forward."""
        call_seed, shape = self.unpack()
        self.expect_like(dy, shape)
        return dy if call_seed is None else self.ops.dropout(dy, self.rate, call_seed)

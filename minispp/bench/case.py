"""What a case is: a layer or a net, the work it does, its inputs, and who else does the same."""

from dataclasses import dataclass

import numpy as np

from minispp import layers, zoo

OURS, RENEWED, OUR_FORWARD = "ours", "ours, new weights", "ours, forward"
TORCH_FIRST, TORCH_LAST, ONNX = "torch, channels first", "torch, channels last", "ONNX Runtime"
TORCH = (TORCH_FIRST, TORCH_LAST)
# What a side needs besides minispp and Numba.
NEEDS = {TORCH_FIRST: "torch", TORCH_LAST: "torch", ONNX: "onnxruntime"}


@dataclass(frozen=True)
class Case:
    """One piece of work that several sides do.

    Attributes
    ----------
    name : str
    group : str
        Cases of a group share a target and a geometric mean; see `TARGETS`.
    work : str
        ``"forward"``; ``"backward"``, of a forward before the clock runs; ``"both"``; or ``"step"``: forward, loss,
        backward and optimiser of a net.
    build : (str, dict)
        Class of the layer, or function of `zoo`, and its arguments.
    shape : tuple of int
        Of the input.
    peers : tuple of str
        Other sides that do the work.
    counted : tuple of str
        The peers that the ratio is about: the fastest of them. All if empty.
    beside : tuple of str
        Sides that are shown and not counted.
    needs_dx : bool
        False for the first layer of a net: nobody reads the gradient of a picture.
    windows : int
        So many windows of the first map in place of the whole maps.
    exact : bool
        The results are maxima: they must be equal, not close.
    proof : str
        What our result is compared with before the clock runs: ``"float64"``, the reference in float64, or
        ``"peer"``, the first peer, where the reference would be too slow.
    clip : float, optional
        The largest norm of the gradient, of a step.
    winners : bool
        Forward alone also makes what backward would need, as in training; else it predicts, and saves nothing.
    """

    name: str
    group: str
    work: str
    build: tuple
    shape: tuple
    peers: tuple = TORCH
    counted: tuple = ()
    beside: tuple = ()
    needs_dx: bool = True
    windows: int = 0
    exact: bool = False
    proof: str = "float64"
    clip: float | None = None
    winners: bool = False

    @property
    def sides(self):
        """All sides, ours first."""
        return (OURS, *self.beside, *self.peers)

    @property
    def saves(self):
        """Whether forward keeps what backward needs."""
        return self.work != "forward" or self.winners

    @property
    def is_net(self):
        """Whether the work is a step of a net, not a layer."""
        return self.work == "step"

    def subject(self, dtype=np.float32):
        """A new layer or net, with the same weights each time.

        Examples
        --------
        >>> Case("", "", "forward", ("ReLU", {}), (1, 2)).subject()
        ReLU()
        """
        name, settings = self.build
        if self.is_net:
            return getattr(zoo, name)(**settings, dtype=dtype)
        drawn = {"rng": np.random.default_rng(0), "dtype": dtype} if name in ("Conv2D", "Linear") else {}
        return getattr(layers, name)(**settings, **drawn)

    def output_shape(self):
        """Of y, for a layer."""
        shape = self.subject().output_shape(self.shape)
        return (self.windows, shape[1]) if self.windows else tuple(shape)

    def inputs(self, seed):
        """The arrays that every side works on: x; dy or labels; windows. Of one seed always the same.

        Examples
        --------
        >>> case = Case("", "", "both", ("MaxPool", {"kernel": 3, "stride": 2}), (1, 5, 5, 2))
        >>> {name: (a.shape, a.dtype.name) for name, a in case.inputs(0).items()}
        {'x': ((1, 5, 5, 2), 'float32'), 'dy': ((1, 2, 2, 2), 'float32')}
        """
        rng = np.random.default_rng(seed)
        arrays = {"x": rng.standard_normal(self.shape, np.float32)}
        if self.is_net:
            arrays["labels"] = rng.integers(0, self.build[1]["classes"], self.shape[0])
        elif self.work != "forward":
            arrays["dy"] = rng.standard_normal(self.output_shape(), np.float32)
        if self.windows:
            arrays["windows"] = random_windows(self.windows, *self.shape[1:3], rng)
        return arrays


def random_windows(count, height, width, rng):
    """Rows (0, top, left, bottom, right): both pairs of edges are two different random lines, so no window is empty.

    Examples
    --------
    >>> windows = random_windows(100, 4, 6, np.random.default_rng(0))
    >>> bool((windows[:, 1:3] < windows[:, 3:]).all()), windows.min(axis=0).tolist(), windows.max(axis=0).tolist()
    (True, [0, 0, 0, 1, 1], [0, 3, 5, 4, 6])
    """

    def edges(size):
        first = rng.integers(0, size + 1, count)
        second = (first + rng.integers(1, size + 1, count)) % (size + 1)
        return np.minimum(first, second), np.maximum(first, second)

    (top, bottom), (left, right) = edges(height), edges(width)
    return np.stack([np.zeros_like(top), top, left, bottom, right], axis=1).astype(np.int32)


# ---------------------------------------------------------------------------------------------------
# Aims


@dataclass(frozen=True)
class Target:
    """What a group should reach: the geometric mean of its ratios, its lowest ratio, microseconds of a call."""

    mean: float | None = None
    lowest: float | None = None
    microseconds: float | None = None


TARGETS = {
    "convolution forward": Target(mean=1.3, lowest=0.9),
    "convolution backward": Target(mean=1.1, lowest=0.8),
    "normalisation": Target(),
    "pyramid forward": Target(lowest=8.0),
    "pyramid forward and backward": Target(lowest=4.0),
    "max pooling": Target(lowest=1.5),
    "windows": Target(lowest=45.0),
    "windows, backward beside forward": Target(lowest=0.5),
    "training step": Target(lowest=1.15),
    "training step, small": Target(lowest=1.0),
    "one layer call on one cell": Target(microseconds=60.0),
}

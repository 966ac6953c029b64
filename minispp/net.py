"""A network in three parts: a trunk of convolutions, a pooling that ends in vectors, a head that reads them.

The parts can be run one by one, because the paper's gains lie between them: `Net.features` is done once for an
image, and `Net.pool` and `Net.classify` as often as there are windows to look at.
"""

from contextlib import contextmanager

import numpy as np

from minispp.fields import field, map_size
from minispp.kernels import reference
from minispp.layers import Conv2D, Linear

WEIGHTED = {"Conv2D": "conv", "Linear": "fc"}
FOLLOWING = {"ReLU": "relu", "LRN": "norm", "MaxPool": "pool", "Dropout": "drop"}


class Net:
    """trunk -> pool -> head.

    Parameters
    ----------
    trunk : list of Layer
        From pictures (N, H, W, 3) to feature maps (N, h, w, C).
    pool : SPP
        From maps to vectors (R, M*C).
    head : list of Layer
        From vectors to scores (R, classes).
    input_size : int, optional
        The only side of picture that this net was made for: the twins without SPP, which refuse any other.
    classes : list of str, optional
        What the scores stand for.
    mean, std : three floats, optional
        Of the pictures' channels, on the scale 0..255; `prepare` removes them. One number a channel, and not an
        image, so it serves pictures of any size. Training sets them from its data where they are None.

    trained_at : (int, float), optional
        Side of the views it was trained on and their margin (see `minispp.data.View`), which is how to test it.
        Training sets it.

    Notes
    -----
    Layers are named as in the literature: the weighted ones are counted through (conv1 .. conv5, fc6, ...), and
    what follows one takes its number (relu1, pool1).

    Examples
    --------
    >>> from minispp import zoo
    >>> net = zoo.small(classes=4)
    >>> net.forward(np.zeros((2, 96, 96, 3), np.float32)).shape
    (2, 4)
    >>> net.forward(np.zeros((1, 50, 81, 3), np.float32)).shape
    (1, 4)
    """

    def __init__(
        self, trunk, pool, head, *, input_size=None, classes=None, mean=None, std=None, trained_at=None
    ):
        self.trunk, self.pool_layer, self.head = list(trunk), pool, list(head)
        self.input_size = input_size
        self.classes = None if classes is None else [str(name) for name in classes]
        self.mean, self.std = _three_floats("mean", mean), _three_floats("std", std)
        self.trained_at = None if trained_at is None else (int(trained_at[0]), float(trained_at[1]))
        if (mean is None) != (std is None):
            raise ValueError(f"net: expected mean and std, or neither, got mean={mean}, std={std}")
        self.layers = [*self.trunk, self.pool_layer, *self.head]
        self._name_layers()
        if self.classes is not None and len(self.classes) != self.outputs:
            raise ValueError(f"net: {len(self.classes)} class names for {self.outputs} outputs")

    # -- running ---------------------------------------------------------------------------------------

    def prepare(self, pictures):
        """Pictures (N, H, W, 3), 0..255 -> the net's float type with the channel means and deviations removed."""
        pictures = np.asarray(pictures)
        if pictures.ndim != 4 or pictures.shape[3] != 3:
            raise ValueError(f"net: expected pictures (N, H, W, 3), 0..255, got an array of shape {pictures.shape}")
        n, height, width, channels = pictures.shape
        x = pictures.astype(self.dtype, order="C")
        if self.mean is not None:
            rows = x.reshape(n, height, width * channels)  # NumPy is slow on loops of length 3
            rows -= np.tile(np.asarray(self.mean, self.dtype), width)
            rows /= np.tile(np.asarray(self.std, self.dtype), width)
        return x

    def features(self, x):
        """Prepared pictures (N, H, W, 3) -> feature maps (N, h, w, C). The costly part: once for an image."""
        if self.input_size is not None and tuple(x.shape[1:3]) != (self.input_size, self.input_size):
            raise ValueError(
                f"net: without spatial pyramid pooling it takes pictures of {self.input_size}x{self.input_size} "
                f"pixels only, got {x.shape[1]}x{x.shape[2]}"
            )
        x = self.ops.asarray(x, self.dtype)
        for layer in self.trunk:
            x = layer.forward(x)
        return x

    def pool(self, maps, windows=None):
        """Feature maps, and windows (R, 5) of them -> one vector a window; one a map without windows."""
        return self.pool_layer.forward(maps, windows)

    def classify(self, vectors):
        """Vectors (R, M*C) -> scores (R, classes)."""
        for layer in self.head:
            vectors = layer.forward(vectors)
        return vectors

    def forward(self, x):
        """Prepared pictures (N, H, W, 3) -> scores (N, classes)."""
        return self.classify(self.pool(self.features(x)))

    def backward(self, dz, need_dx=False):
        """Gradient of the scores (N, classes) -> gradients of all parameters, and of the pictures if asked for."""
        first = self.trunk[0] if self.trunk else None
        if isinstance(first, Conv2D):
            first.needs_dx = need_dx
        for layer in reversed(self.layers):
            dz = layer.backward(dz)
        return dz

    # -- state -----------------------------------------------------------------------------------------

    def params(self):
        """All parameters, from the picture to the scores."""
        return [param for layer in self.layers for param in layer.params()]

    def to(self, ops, dtype=None):
        """Move to a backend, such as `kernels.cpu`, and to another float type if one is given. Returns the net."""
        for layer in self.layers:
            layer.to(ops, dtype)
        return self

    @property
    def ops(self):
        """The backend that the layers run on."""
        return self.layers[0].ops if self.layers else reference

    @property
    def dtype(self):
        """The float type of the parameters."""
        params = self.params()
        return np.dtype(params[0].value.dtype) if params else np.dtype(np.float32)

    @property
    def training(self):
        """Whether dropout is on. Set it for all layers at once."""
        return any(layer.training for layer in self.layers)

    @training.setter
    def training(self, on):
        for layer in self.layers:
            layer.training = on

    @contextmanager
    def testing(self):
        """A context for predicting: dropout is off and nothing is saved for backward. After it, all is as before."""
        before = [(layer.training, layer.saving) for layer in self.layers]
        for layer in self.layers:
            layer.training = layer.saving = False
        try:
            yield self
        finally:
            for layer, (training, saving) in zip(self.layers, before, strict=True):
                layer.training, layer.saving = training, saving

    def save(self, path):
        """Write architecture and weights to one safetensors file, all or nothing; see `minispp.weights`."""
        from minispp import weights  # it builds nets, so it imports this module

        weights.save(self, path)

    @staticmethod
    def load(path):
        """The net in a file that `save` wrote, on the reference backend."""
        from minispp import weights

        return weights.load(path)

    # -- geometry --------------------------------------------------------------------------------------

    @property
    def slides(self):
        """How the layers of the trunk move: kernel, stride, padding and rounding of each."""
        return [layer.slide for layer in self.trunk if layer.slide is not None]

    @property
    def field(self):
        """Stride, receptive field and first centre of a cell of the feature map, in pixels."""
        return field(self.slides)

    def map_size(self, size):
        """Cells along an axis of the feature map of a picture with `size` pixels."""
        return map_size(size, self.slides)

    @property
    def outputs(self):
        """Length of the scores."""
        widths = [layer.out_features for layer in self.head if isinstance(layer, Linear)]
        return widths[-1] if widths else None

    def __repr__(self):
        return self.summary(self.input_size or 224)

    def summary(self, size, width=None):
        """Layer, output shape and parameters, for a picture of ``size x width`` pixels (square if not given).

        Examples
        --------
        >>> from minispp import zoo
        >>> print(zoo.small(classes=4).summary(96).splitlines()[-1])
        total 1.37 M parameters
        """
        shape, rows, total = (1, size, width or size, 3), [], 0
        for layer in self.layers:
            shape = layer.output_shape(shape)
            count = sum(param.value.size for param in layer.params())
            total += count
            row = f"{layer.name:8} {layer!r:72} {'x'.join(map(str, shape[1:])):>12}"
            rows.append(f"{row} {count:>12,}" if count else row)
        return "\n".join([*rows, f"total {total / 1e6:.2f} M parameters"])

    def _name_layers(self):
        number, taken = 0, set()
        for layer in self.layers:
            kind = type(layer).__name__
            if kind in WEIGHTED:
                number += 1
                name = f"{WEIGHTED[kind]}{number}"
            elif layer is self.pool_layer:
                name = "spp"
            else:
                name = f"{FOLLOWING.get(kind, kind.lower())}{number}"
            while name in taken:
                name += "b"
            taken.add(name)
            layer.rename(name)


def _three_floats(name, values):
    """`values` as a tuple of three floats, or None."""
    if values is None:
        return None
    if np.shape(values) != (3,):
        raise ValueError(f"net: expected three numbers as its {name}, one for each channel, got {values!r}")
    return tuple(map(float, values))

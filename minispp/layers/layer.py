"""What every layer is: ``forward(x) -> y`` and ``backward(dy) -> dx``, with its parameters beside it.

There is no tape. `forward` ends by keeping in ``saved`` the least that `backward` needs, and `backward` begins by
unpacking it. Gradients of parameters add up in `Param.grad` until an optimiser's step clears them, so a mini-batch
may come in several groups, one after the other.
"""

import numpy as np

from minispp.kernels import reference


class Param:
    """A learned array, and the gradient of the loss with respect to it.

    Attributes
    ----------
    name : str
        Such as ``"conv1.weight"``.
    value : array
    grad : array of the same shape, or None
        None means that nothing was added since the last step.
    decays : bool
        Whether weight decay pulls on it: on weights, not on biases.
    """

    def __init__(self, name, value, decays=True):
        self.name, self.value, self.decays = name, value, decays
        self.grad = None

    def add_grad(self, grad, ops):
        """Add one contribution to the gradient."""
        if self.grad is None:
            self.grad = grad
        else:
            ops.add(self.grad, grad)

    def __repr__(self):
        return f"Param({self.name}, {'x'.join(map(str, self.value.shape))})"


class Layer:
    """Base of all layers.

    Attributes
    ----------
    ops : module
        The backend that runs the loops; `minispp.kernels.reference` until `to` says otherwise.
    name : str
        How messages call this layer: the name of its class until a net gives it a better one.
    training : bool
        Only `Dropout` looks at it.
    saving : bool
        Whether `forward` keeps what `backward` needs; `Net.testing` turns it off, and memory with it.
    saved : object
        What `forward` kept for `backward`; None where nothing was, or is, to be saved.
    slide : Slide or None
        How the layer moves over its input, if it moves.
    settings : tuple of str
        Constructor arguments, which are also attributes: they describe the layer in `repr` and in files.
    """

    settings: tuple[str, ...] = ()
    slide = None

    def __init__(self):
        self.ops = reference
        self.name = type(self).__name__
        self.training = False
        self.saving = True
        self.saved = None

    @property
    def saved(self):
        """See above; setting it has no effect where `saving` is off."""
        return self._saved

    @saved.setter
    def saved(self, value):
        self._saved = value if self.saving else None

    def forward(self, x):
        """Return y, and keep in `saved` what `backward` needs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, dy):
        """Return dx, and add the gradients of the parameters to theirs."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def params(self):
        """The parameters, in a fixed order."""
        return []

    def output_shape(self, shape):
        """The shape of y for an x of this shape."""
        return shape

    def to(self, ops, dtype=None):
        """Move to another backend, and to another float type if one is given. Gradients are dropped."""
        for param in self.params():
            param.value = ops.asarray(self.ops.to_numpy(param.value), dtype)
            param.grad = None
        self.ops, self.saved = ops, None
        return self

    def rename(self, name):
        """Take a name, and name the parameters after it."""
        self.name = name
        for param in self.params():
            param.name = f"{name}.{param.name.rpartition('.')[2]}"

    def unpack(self):
        """What the last `forward` saved."""
        if self.saved is None:
            hint = "" if self.saving else "; while a net is testing, forward saves nothing"
            raise ValueError(f"{self.name}: backward needs a forward before it{hint}")
        return self.saved

    def expect(self, condition, expected, x):
        """Raise a ValueError that names this layer, unless `condition` holds."""
        if not condition:
            kind = f"{x.dtype} array of shape {tuple(x.shape)}" if hasattr(x, "shape") else repr(x)
            raise ValueError(f"{self.name}: expected {expected}, got {kind}")

    def expect_maps(self, x, channels=None):
        """Check that x holds feature maps, channels last, in the float type of the parameters."""
        wanted = "C" if channels is None else channels
        good = getattr(x, "ndim", 0) == 4 and (channels is None or x.shape[3] == channels)
        self.expect(good and self.has_type(x), f"{self.float_type()} maps (N, H, W, {wanted})", x)

    def float_type(self):
        """The float type of the parameters; "float" if there are none."""
        params = self.params()
        return params[0].value.dtype if params else "float"

    def has_type(self, x):
        """Whether x holds floating-point numbers of the type that the parameters have."""
        return is_float(x) and self.float_type() in ("float", x.dtype)

    def expect_like(self, dy, shape):
        """Check that a gradient has the shape of the output it belongs to."""
        self.expect(tuple(getattr(dy, "shape", ())) == tuple(shape), f"a gradient of shape {tuple(shape)}", dy)

    def __repr__(self):
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.settings)
        return f"{type(self).__name__}({values})"


def is_float(x):
    """Whether x holds floating-point numbers."""
    return np.issubdtype(x.dtype, np.floating)


def require_pad(where, pad, kernel):
    """Raise a ValueError unless ``0 <= pad < kernel``: a window must not lie wholly outside."""
    if not isinstance(pad, (int, np.integer)) or not 0 <= pad < kernel:
        raise ValueError(f"{where}: expected an integer 0 <= pad < kernel = {kernel}, got pad = {pad!r}")


def draw_weights(shape, fan_in, sigma, rng, dtype):
    """Normal weights: standard deviation `sigma`, or He's ``sqrt(2 / fan_in)`` if it is None.

    He's choice keeps the variance of the activations through a layer followed by ReLU (He et al. 2015); the
    nets of the paper were drawn with sigma = 0.01. Drawn in float32 for any `dtype`: one seed, one net.
    """
    if sigma == 0:
        return np.zeros(shape, dtype)
    rng = np.random.default_rng(0) if rng is None else rng
    sigma = np.sqrt(2 / fan_in) if sigma is None else sigma
    return (rng.standard_normal(shape, np.float32) * np.float32(sigma)).astype(dtype)

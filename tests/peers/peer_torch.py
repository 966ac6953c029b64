"""The same nets in PyTorch, and how far two arrays are apart.

PyTorch knows nothing of `minispp`: other loops, other libraries, other derivatives (its autograd's), and a layout
of its own, (N, C, H, W). What agrees with it to rounding is not a mistake that two of our own files share.

One thread: PyTorch's pool and Numba's, taking turns, would fight over the cores.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the peer, PyTorch, is not installed: pip install minispp[peers]")
import torch.nn.functional as F  # noqa: E402, N812  the name that PyTorch's own documentation gives it

from minispp import weights  # noqa: E402

torch.set_num_threads(1)

CLOSE = {"float64": 1e-10, "float32": 1e-5}  # the largest relative error that counts as the same


def relative_error(ours, theirs):
    """``max |ours - theirs| / max |theirs|``: relative to the largest entry, for entries near 0 come from cancelling.

    >>> round(relative_error(np.array([1.0, 0.1, 4.0]), np.array([1.0, 0.0, 4.0])), 6)
    0.025
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"shapes {ours.shape} and {theirs.shape}"
    assert np.isfinite(theirs).all(), "the peer's values are not finite: nothing can be compared with them"
    if not theirs.size:
        return 0.0
    size, gap = abs(theirs).max(), abs(ours.astype(np.float64) - theirs).max()
    return float(gap / size) if size else float(gap)


def assert_agree(ours, theirs, what, tolerance=None):
    """Within `tolerance`, by default that of the float type, which must be the same on both sides."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype, f"{what}: {ours.dtype} and {theirs.dtype}"
    tolerance = CLOSE[ours.dtype.name] if tolerance is None else tolerance
    error = relative_error(ours, theirs)
    assert error <= tolerance, f"{what}: relative error {error:.2e}, allowed {tolerance:.0e}"


# ---------------------------------------------------------------------------------------------------
# There and back


def tensor(a, learned=True):
    """A copy of an array as a tensor: maps become (N, C, H, W)."""
    a = np.asarray(a)
    a = np.array(a.transpose(0, 3, 1, 2) if a.ndim == 4 else a, order="C")
    return torch.from_numpy(a).requires_grad_(learned)


def array(t):
    """A tensor as an array: maps become (N, H, W, C)."""
    a = t.detach().numpy()
    return a.transpose(0, 2, 3, 1) if a.ndim == 4 else a


# ---------------------------------------------------------------------------------------------------
# Layers


def max_pool(layer, x, weight=None, bias=None):
    return F.max_pool2d(x, layer.kernel, layer.stride, layer.pad, ceil_mode=layer.ceil_mode)


def lrn(layer, x, weight=None, bias=None):
    """Across channels PyTorch has it, and divides alpha by the size as we do; within one, from an average pooling."""
    if layer.across:
        return F.local_response_norm(x, layer.size, layer.alpha, layer.beta, layer.bias)
    energy = F.avg_pool2d(x * x, layer.size, stride=1, padding=layer.size // 2, count_include_pad=True)
    return x * (layer.bias + layer.alpha * energy) ** -layer.beta


def spp(layer, x, weight=None, bias=None):
    """One adaptive pooling a level. The vector is ordered by level, then channel, then bin."""
    return torch.cat([F.adaptive_max_pool2d(x, level).flatten(1) for level in layer.levels], dim=1)


LAYERS = {
    "Conv2D": lambda layer, x, weight, bias: F.conv2d(x, weight, bias, layer.stride, layer.pad),
    "ReLU": lambda layer, x, weight=None, bias=None: F.relu(x),
    "MaxPool": max_pool,
    "LRN": lrn,
    "SPP": spp,
    "Linear": lambda layer, x, weight, bias: F.linear(x, weight, bias),
    "Dropout": lambda layer, x, weight=None, bias=None: x,  # as outside training
}


def spp_vectors(t, levels, channels):
    """Vectors ordered by (level, channel, bin) as ours, ordered by (bin, channel).

    >>> spp_vectors(torch.arange(6.0)[None], [(1, 2), (1, 1)], channels=2).tolist()
    [[0.0, 2.0, 1.0, 3.0, 4.0, 5.0]]
    """
    parts = torch.split(t, [channels * rows * columns for rows, columns in levels], dim=1)
    return torch.cat([part.unflatten(1, (channels, -1)).transpose(1, 2).flatten(1) for part in parts], dim=1)


# ---------------------------------------------------------------------------------------------------
# Nets


class Peer:
    """A net's twin: the same layers with copies of the net's weights.

    Attributes
    ----------
    params : dict of str to tensor
        By the names of the net's own parameters, in its order.
    """

    def __init__(self, net):
        self.layers = net.layers
        arrays = weights.to_channels_first(net)
        self.params = {name: torch.from_numpy(a).requires_grad_() for name, a in arrays.items()}

    def forward(self, x):
        """A tensor (N, 3, H, W) -> scores (N, classes)."""
        for layer in self.layers:
            own = [self.params[param.name] for param in layer.params()]
            x = LAYERS[type(layer).__name__](layer, x, *own)
        return x

    def arrays(self):
        """The weights as `minispp.weights.from_channels_first` takes them."""
        return {name: t.detach().numpy() for name, t in self.params.items()}

    def sgd(self, net, rate, momentum, decay):
        """PyTorch's optimiser, which decays weights and leaves biases alone."""
        decays = {param.name: param.decays for param in net.params()}
        groups = [
            {"params": [t for name, t in self.params.items() if decays[name]], "weight_decay": decay},
            {"params": [t for name, t in self.params.items() if not decays[name]], "weight_decay": 0.0},
        ]
        return torch.optim.SGD(groups, lr=rate, momentum=momentum)


def gradients(net):
    """The gradients of a net in the layout in which `minispp.weights.to_channels_first` gives its weights."""
    params = net.params()
    values = [param.value for param in params]
    try:
        for param in params:
            param.value = param.grad
        return weights.to_channels_first(net)
    finally:
        for param, value in zip(params, values, strict=True):
            param.value = value


def with_biases(net, scale, seed=1):
    """Nets are born with biases of 0, which would hide that a bias is lost."""
    rng = np.random.default_rng(seed)
    for param in net.params():
        if not param.decays:
            param.value = net.ops.asarray(scale * rng.standard_normal(param.value.shape), net.dtype)
    return net

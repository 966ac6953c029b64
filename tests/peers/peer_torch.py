"""The same nets in PyTorch, and how far two arrays are apart.

PyTorch knows nothing of `minispp`: other loops, other libraries, other derivatives (its autograd's), and a layout
of its own, (N, C, H, W). What agrees with it to rounding is not a mistake that two of our own files share.

One thread: PyTorch's pool and Numba's, taking turns, would fight over the cores.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the peer, PyTorch, is not installed: pip install minispp[peers]")

from minispp import weights  # noqa: E402
from minispp.bench import twin  # noqa: E402
from minispp.bench.measure import relative_error as distance  # noqa: E402

torch.set_num_threads(1)
F, LAYERS, Peer = twin.F, twin.LAYERS, twin.Twin
tensor, array, spp_vectors = twin.tensor, twin.array, twin.spp_vectors

CLOSE = {"float64": 1e-10, "float32": 1e-5}  # the largest relative error that counts as the same


def relative_error(ours, theirs):
    """``max |ours - theirs| / max |theirs|``: relative to the largest entry, for entries near 0 come from cancelling.

    >>> round(relative_error(np.array([1.0, 0.1, 4.0]), np.array([1.0, 0.0, 4.0])), 6)
    0.025
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"shapes {ours.shape} and {theirs.shape}"
    assert np.isfinite(theirs).all(), "the peer's values are not finite: nothing can be compared with them"
    return distance(ours, theirs)


def assert_agree(ours, theirs, what, tolerance=None):
    """Within `tolerance`, by default that of the float type, which must be the same on both sides."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype, f"{what}: {ours.dtype} and {theirs.dtype}"
    tolerance = CLOSE[ours.dtype.name] if tolerance is None else tolerance
    error = relative_error(ours, theirs)
    assert error <= tolerance, f"{what}: relative error {error:.2e}, allowed {tolerance:.0e}"


# ---------------------------------------------------------------------------------------------------
# Nets


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

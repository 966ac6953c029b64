"""To the device and back, and nothing else crosses: every copy between the two memories is made in this file."""

import weakref
from functools import cache
from math import prod

import numpy as np
from numba import cuda

from minispp.kernels.gpu.compiler import SIMULATED, THREADS, blocks_for, kernel
from minispp.kernels.gpu.memory import empty


def asarray(a, dtype=None):
    """`a` on the device, C-contiguous, converted to `dtype` if one is given.

    What has ``__cuda_array_interface__``, such as an array of CuPy or a tensor of PyTorch, is on a device already: it
    is taken as it is, without a copy, unless its type or order has to change. The result has that
    interface too, so ``torch.as_tensor(a)`` and ``cupy.asarray(a)`` see the same memory. All kernels here run in the
    default stream; who writes or reads in another one waits for it.
    """
    if _is_there(a):
        return _converted(on_device(a), dtype)
    ready()
    host = np.ascontiguousarray(a, dtype=dtype)
    device = empty(host.shape, host.dtype)
    if host.size:
        device.copy_to_device(host)
    return device


def to_numpy(a):
    """An array of this backend as a NumPy array: a copy, after all that was launched before it is done."""
    return on_device(a).copy_to_host() if _is_there(a) else np.asarray(a)


def on_device(a):
    """`a` as an array that kernels take, without a copy if it is C-contiguous.

    Raises
    ------
    ValueError
        For an array of the host: it would be copied there and back at every call, and nobody would know.
    """
    if not _is_there(a):
        raise ValueError(
            f"kernels.gpu: expected an array on the device, got {type(a).__name__}: kernels.gpu.asarray moves it there"
        )
    ready()
    if not getattr(a, "__cuda_ndarray__", False):
        a = cuda.as_cuda_array(a)
    return a if a.is_c_contiguous() else _contiguous(a)


def flat(a):
    """`a` on the device as a line of values, in the order of C."""
    a = on_device(a)
    return a.reshape(a.size) if a.size else empty((0,), a.dtype)


def flat_in_place(a):
    """The memory of `a` itself as a line of values, to be written to."""
    device = on_device(a)
    if a is not device and not _same_memory(a, device):
        strides = a.__cuda_array_interface__["strides"]
        raise ValueError(f"in-place kernels need a C-contiguous array, got strides {strides} for shape {device.shape}")
    return device.reshape(device.size) if device.size else device


# Tables that are shared and therefore read-only, such as those `minispp.windows` remembers, go to the device once.
_tables = {}


def table(host, dtype=np.int32):
    """A table of the host on the device; one that is already there is taken as it is.

    A read-only one is kept there, as long as it lives: a training run sees few shapes, and so few tables.
    """
    if _is_there(host):
        return on_device(host)
    owner = host
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if owner.flags.writeable:
        return asarray(host, dtype)
    key = id(owner), host.ctypes.data, host.shape, host.strides
    if key not in _tables:
        _tables[key] = asarray(host, dtype)
        weakref.finalize(owner, _tables.pop, key, None)
    return _tables[key]


@cache
def ready():
    """Look, once, whether there is a device and a driver that can run what is compiled here.

    Raises
    ------
    RuntimeError
        In one line, if not.
    """
    if SIMULATED:
        return
    try:
        probe = cuda.device_array(1, np.float32)
        _fill[1, 1](probe, np.float32(1))
        if probe.copy_to_host()[0] != 1:
            raise RuntimeError("a first kernel ran, and did nothing")
    except Exception as error:  # of the driver, the linker, the compiler, or of a library that is not there
        reason = " ".join(str(error).split())[:200]
        old = "PTX" in reason or "INSUFFICIENT_DRIVER" in reason
        hint = "; the driver is older than the CUDA packages: try minispp[cuda12], or a new driver" if old else ""
        raise RuntimeError(f"kernels.gpu: no CUDA device that can be used here: {reason}{hint}") from None


def _is_there(a):
    """Whether it is on a device: an array of numba-cuda or of its simulator, or one with the interface."""
    return getattr(a, "__cuda_ndarray__", False) or hasattr(a, "__cuda_array_interface__")


def _same_memory(a, device):
    return not hasattr(a, "__cuda_array_interface__") or (
        a.__cuda_array_interface__["data"][0] == device.__cuda_array_interface__["data"][0]
    )


def _converted(a, dtype):
    if dtype is None or a.dtype == np.dtype(dtype):
        return a
    result = empty(a.shape, dtype)
    if a.size:
        _convert[blocks_for(a.size), THREADS](a.reshape(a.size), result.reshape(a.size))
    return result


def _contiguous(a):
    """A copy in the order of C; the axes are told to the kernel as four, of which the first may have length 1."""
    if a.ndim > 4 or any(stride < 0 for stride in a.strides):
        raise ValueError(f"kernels.gpu: expected up to 4 axes in rising order, got strides {a.strides} for {a.shape}")
    result = empty(a.shape, a.dtype)
    if a.size:
        lengths = (*(1,) * (4 - a.ndim), *a.shape)
        _gather[blocks_for(a.size), THREADS](_Strided(a, lengths).on_device(), result.reshape(prod(lengths)))
    return result


class _Strided:
    """Memory of another array, seen with four axes."""

    def __init__(self, a, lengths):
        strides = (*(0,) * (4 - a.ndim), *a.strides)
        self.__cuda_array_interface__ = {**a.__cuda_array_interface__, "shape": lengths, "strides": strides}
        self.owner = a

    def on_device(self):
        return cuda.as_cuda_array(self)


@kernel
def _fill(a, value):
    """One thread writes one value.

    Moves 4 bytes a value. Budget: 16 registers, 0 bytes shared.
    """
    k = cuda.grid(1)
    if k < a.size:
        a[k] = value


@kernel
def _convert(a, result):
    """Each thread converts one value, then the one a grid further on.

    Moves what it reads and what it writes, once. Budget: 32 registers, 0 bytes shared.
    """
    k = cuda.grid(1)
    while k < a.size:
        result[k] = a[k]
        k += cuda.gridsize(1)


@kernel
def _gather(a, result):
    """Each thread finds the place of one value among four axes, then of the one a grid further on.

    Moves 8 bytes a value in pieces as small as the strides make them. Budget: 40 registers, 0 bytes shared.
    """
    _, height, width, channels = a.shape
    k = cuda.grid(1)
    while k < result.size:
        cell, c = divmod(k, channels)
        row, j = divmod(cell, width)
        n, i = divmod(row, height)
        result[k] = a[n, i, j, c]
        k += cuda.gridsize(1)

"""The GPU backend without a GPU: launches are noted, and what was compiled for them may run on the CPU.

`emulated` puts NumPy arrays in the place of device arrays, and itself in the place of numba-cuda's launches. With
`Recorder` a launch leaves only its kernel and types, which is what a compiler wants to know. With `Runner` it runs the
PTX that the kernel compiles to, by ``ptxrun``, which watches every access: outside of arrays, of shared memory that
nobody has written, or that another thread has written since the last barrier.
"""

import ctypes
import importlib.util
import struct
import warnings
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
from numba import cuda, from_dtype, types

PTXRUN = Path(__file__).parents[2] / "shared" / "tools" / "ptxrun.py"


class DeviceArray(np.ndarray):
    """What looks like an array of the device."""

    __cuda_ndarray__ = True

    @property
    def __cuda_array_interface__(self):
        """The address, for whoever asks."""
        strides = None if self.flags.c_contiguous else self.strides
        shape, typestr = self.shape, self.dtype.str
        return {"version": 3, "shape": shape, "typestr": typestr, "data": (self.ctypes.data, False), "strides": strides}

    @property
    def nbytes(self):
        """From the first value to the last: what ptxrun lets a kernel touch."""
        reach = sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))
        return self.itemsize + reach if self.size else 0

    def is_c_contiguous(self):
        """As numba-cuda's arrays."""
        return self.flags.c_contiguous

    def copy_to_host(self):
        """As numba-cuda's arrays."""
        return np.array(self)

    def copy_to_device(self, a):
        """As numba-cuda's arrays."""
        self[...] = a


def device_array(shape, dtype=np.float64):
    """Full of what nobody wrote: NaN, or -1."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.full(size, 0xFF, np.uint8).view(dtype).reshape(shape).view(DeviceArray)


def as_cuda_array(owner):
    """A view of somebody's memory, which keeps them alive."""
    described = owner.__cuda_array_interface__
    dtype, shape = np.dtype(described["typestr"]), tuple(described["shape"])
    strides = described["strides"] or np.empty(shape, [("", dtype)]).strides
    extent = dtype.itemsize + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) if np.prod(shape) else 0
    memory = (ctypes.c_uint8 * extent).from_address(described["data"][0])
    memory.owner = owner
    return np.ndarray(shape, dtype, memory, strides=strides).view(DeviceArray)


def type_of(argument):
    """The Numba type of a launch's argument."""
    if isinstance(argument, tuple):
        return types.UniTuple(types.int64, len(argument))
    if isinstance(argument, np.ndarray):
        assert isinstance(argument, DeviceArray), "an array of the host was given to a kernel"
        return types.Array(from_dtype(argument.dtype), argument.ndim, "C" if argument.flags.c_contiguous else "A")
    return types.int64 if isinstance(argument, int) else from_dtype(argument.dtype)


class Recorder:
    """Notes what is launched: ``launches[kernel, signature]`` is how often."""

    def __init__(self):
        self.launches = {}

    def launch(self, kernel, grid, block, arguments):
        """Count it."""
        assert np.prod(grid) > 0 and np.prod(block) <= 1024, f"{kernel.__name__}: grid {grid}, block {block}"
        assert np.prod(np.atleast_1d(grid)[1:]) <= 65535**2 and max((*np.atleast_1d(grid)[1:], 1)) <= 65535
        key = kernel, types.void(*map(type_of, arguments))
        self.launches[key] = self.launches.get(key, 0) + 1


class Runner(Recorder):
    """Runs what is launched. Raises RuntimeError at a forbidden access: what, at which address, by which thread."""

    def __init__(self, seed=1):
        super().__init__()
        spec = importlib.util.spec_from_file_location("ptxrun", PTXRUN)
        self.ptxrun = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.ptxrun)
        self.ptxrun.Ptx = with_more_instructions(self.ptxrun.Ptx)
        self.built, self.seed = {}, seed

    def launch(self, kernel, grid, block, arguments):
        """Compile it, unless that was done, and run it on the very memory of the arrays."""
        super().launch(kernel, grid, block, arguments)
        key = kernel, types.void(*map(type_of, arguments))
        if key not in self.built:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)  # ptxrun leaves a file open
                self.built[key] = self.ptxrun.CpuKernel(kernel.py_func, key[1], **options_of(kernel))
        flat = [b for a in arguments for b in (a if isinstance(a, tuple) else (a,))]
        try:
            self.built[key](grid, block, *map(_bits, flat), seed=self.seed, strict=False)
        except RuntimeError as error:
            raise RuntimeError(f"{kernel.__name__}{[getattr(a, 'shape', a) for a in flat]}: {error}") from None


def with_more_instructions(ptx):
    """Instructions that ptxrun does not know."""

    class Ptx(ptx):
        def ins(self, op, a):
            if op.startswith("bfi."):
                kind = op.partition(".")[2]
                value, base, at, length = (self.val(x, "u64") for x in a[1:])
                mask = f"(({length} >= 64 ? ~0ull : (1ull << {length}) - 1) << {at})"
                return self.put(a[0], kind, f"({base} & ~{mask}) | (({value} << {at}) & {mask})")
            if op.startswith(("setp.num.", "setp.nan.")):
                x, y = (self.val(v, op[-3:]) for v in a[1:3])
                ordered = f"(({x}) == ({x}) && ({y}) == ({y}))"
                return self.put(a[0], "pred", ordered if ".num." in op else f"!{ordered}")
            return super().ins(op, a)

    return Ptx


def _bits(a):
    """A number as ptxrun takes it: eight bytes, unless it is a float32."""
    if isinstance(a, np.float64):
        return struct.unpack("<q", struct.pack("<d", a))[0]
    return int(np.int64(a.view(np.int64))) if isinstance(a, np.uint64) else a


def options_of(kernel):
    """What a kernel wants of the compiler besides its types."""
    bounds = kernel.targetoptions.get("launch_bounds")
    return {} if bounds is None else {"launch_bounds": bounds}


@contextmanager
def emulated(launcher):
    """A context in which the GPU backend works on NumPy arrays, and `launcher` gets the launches."""
    from numba.cuda.dispatcher import CUDADispatcher

    from minispp.kernels.gpu import arrays

    def configure(kernel, configuration):
        return lambda *arguments: launcher.launch(kernel, *configuration[:2], arguments)

    device = SimpleNamespace(compute_capability=(9, 0))  # functions that kernels call ask for one
    with (
        mock.patch("numba.cuda.dispatcher.get_current_device", lambda: device),
        mock.patch.object(CUDADispatcher, "__getitem__", configure),
        mock.patch.object(cuda, "device_array", device_array),
        mock.patch.object(cuda, "as_cuda_array", as_cuda_array),
        mock.patch.object(arrays, "ready", lambda: None),
        mock.patch.dict(arrays._tables, clear=True),
    ):
        yield launcher

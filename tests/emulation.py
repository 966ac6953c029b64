"""The GPU backend without a GPU: launches are noted, and what was compiled for them may run on the CPU.

`emulated` puts the host's memory in the place of the device's, below numba-cuda's own arrays: what these refuse on a
device, such as an attribute or a change of shape, they refuse here too. It takes the place of numba-cuda's launches.
With `Recorder` a launch leaves only its kernel and types, which is what a compiler wants to know. With `Runner` it runs
the PTX that the kernel compiles to, by ``ptxrun``, which watches every access: outside of arrays, of shared memory that
nobody has written, or that another thread has written since the last barrier.
"""

import ctypes
import importlib.util
import struct
import warnings
from contextlib import contextmanager, nullcontext
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
from numba import types
from numba.cuda.cudadrv.devicearray import DeviceNDArray
from numba.cuda.cudadrv.driver import MemoryPointer, binding
from numba.cuda.typing.typeof import Purpose, typeof

# What compiles and assembles for devices, and why it cannot be done; "" where all is there.
COMPILERS = ("nvidia-nvvm", "nvidia-cuda-nvrtc", "nvidia-cuda-nvcc")
MISSING = [name for name in COMPILERS if not any(metadata.distributions(name=name))]
NO_COMPILER = f"compiling for devices needs {', '.join(MISSING)}: make compiler" if MISSING else ""
PTXRUN = Path(__file__).parents[2] / "shared" / "tools" / "ptxrun.py"


class Memory:
    """Numba-cuda's context, and what it asks of the driver, in the host's memory: full of what nobody wrote.

    `copies` gets what crosses between the two memories: ("in" or "out", bytes).
    """

    def __init__(self, copies, target):
        self.copies, self.device = copies, SimpleNamespace(compute_capability=target)

    def memalloc(self, size):
        """NaN, or -1, in whatever type."""
        memory = np.full(size, 0xFF, np.uint8)
        return MemoryPointer(self, binding.CUdeviceptr(memory.ctypes.data), size, owner=memory)

    def cuMemcpyDtoD(self, into, source, size):
        """From address to address; so are the other two."""
        ctypes.memmove(into, source, size)

    def cuMemcpyHtoD(self, into, source, size):
        """To the device."""
        self.copies.append(("in", size))
        ctypes.memmove(into, source, size)

    def cuMemcpyDtoH(self, into, source, size):
        """From it."""
        self.copies.append(("out", size))
        ctypes.memmove(into, source, size)


class Watched(np.ndarray):
    """An array as ptxrun takes it."""

    @classmethod
    def at(cls, a):
        """Memory of an array of the device."""
        address = a.__cuda_array_interface__["data"][0]
        memory = (ctypes.c_uint8 * a.alloc_size).from_address(address) if a.size else None
        return np.ndarray(a.shape, a.dtype, memory, strides=a.strides if a.size else None).view(cls)

    @property
    def nbytes(self):
        """From the first value to the last: what ptxrun lets a kernel touch."""
        reach = sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))
        return self.itemsize + reach if self.size else 0


class Foreign:
    """An array of another library: all that is known of it is its interface."""

    def __init__(self, a):
        self.a, self.__cuda_array_interface__ = a, a.__array_interface__


def type_of(argument):
    """The Numba type of a launch's argument, as numba-cuda finds it."""
    assert not isinstance(argument, np.ndarray), "an array of the host was given to a kernel"
    return typeof(argument, Purpose.argument)


class Recorder:
    """Notes what is launched, ``launches[kernel, signature]`` is how often, and what is copied."""

    def __init__(self):
        self.launches, self.copies = {}, []

    def launch(self, kernel, grid, block, arguments):
        """Count it."""
        assert np.prod(grid) > 0 and np.prod(block) <= 1024, f"{kernel.__name__}: grid {grid}, block {block}"
        assert grid[0] < 2**31 and max(grid[1:]) <= 65535 and block[2] <= 64, f"{kernel.__name__}: grid {grid}"
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
        flat = [Watched.at(a) if isinstance(a, DeviceNDArray) else a for a in flat]
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
def emulated(launcher, target=(9, 0)):
    """A context in which the GPU backend works in the host's memory, and `launcher` gets the launches.

    `target` is the compute capability of the device that there seems to be.
    """
    from numba.cuda.dispatcher import CUDADispatcher

    from minispp.kernels.gpu import arrays, elementwise, vectors

    def call(kernel, arguments, configuration):
        launcher.launch(kernel, configuration.griddim, configuration.blockdim, arguments)

    def totals(a):
        """Where nothing is computed, all sums are zero; they leave the device as ever."""
        return [found if isinstance(launcher, Runner) else 0.0 for found in added(a)]

    added, memory = elementwise.totals, Memory(launcher.copies, target)
    runtime = SimpleNamespace(ensure_context=nullcontext, get_or_create_context=lambda _: memory)
    with (
        mock.patch("numba.cuda.cudadrv.devices._runtime", runtime),
        mock.patch("numba.cuda.cudadrv.driver.driver", memory),
        mock.patch.object(CUDADispatcher, "call", call),
        mock.patch.object(arrays, "ready", lambda: None),
        mock.patch.object(elementwise, "totals", totals),
        mock.patch.object(vectors, "totals", totals),
        mock.patch.dict(arrays._tables, clear=True),
    ):
        yield launcher

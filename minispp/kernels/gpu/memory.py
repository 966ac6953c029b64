"""Arrays on the device, in memory that earlier ones have left.

Asking the driver for memory, and giving it back, waits for everything that runs. So arrays are loans: see
`kernels.blocks`. Kernels run in the order of their launches, so whatever still reads a block does so before its next
owner writes. Where the device is full, all blocks that wait are given back and the driver is asked once more.
"""

from contextlib import contextmanager
from math import prod

import numpy as np
from numba import cuda

from minispp.kernels.blocks import Blocks
from minispp.kernels.gpu.compiler import SIMULATED

GRAIN = 512  # bytes; sizes are multiples of it


def empty(shape, dtype):
    """An array of any values on the device, C-contiguous; the shape is a tuple.

    Raises
    ------
    MemoryError
        If the device has no room: what was asked for, and what there is. No array has changed; but a backward that
        ends here has given some parameters their gradients, and not others: set ``grad = None`` before the next.
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    if size == 0 or SIMULATED:
        a = _or_say(lambda: _array(shape, dtype), shape, dtype)
    else:
        with _blocks.lock:
            block = _or_say(lambda: _blocks.lend(-(-size // GRAIN) * GRAIN), shape, dtype)
        a = cuda.as_cuda_array(_Loan(block, _blocks.waiting, shape, dtype))
    if size and _poison:
        a.copy_to_device(np.full(size, 0xFF, np.uint8).view(dtype).reshape(shape))
    return a


@contextmanager
def poisoned():
    """A context in which new arrays are full of NaN, or of -1: who reads what nobody wrote is found out."""
    _poison.append(True)
    try:
        yield
    finally:
        _poison.pop()


def release():
    """Give the blocks that wait back to the driver."""
    with _blocks.lock:
        _blocks.shrink(0)


def _array(shape, dtype):
    """From the driver itself."""
    return cuda.device_array(shape, dtype)


def _or_say(allocate, shape, dtype):
    """What `allocate` returns; if the device is full, once more without the blocks that wait, and then one clear line.

    Numba's error has no class of its own here: it names the driver's, in words.
    """
    for last in (False, True):
        try:
            return allocate()
        except Exception as error:
            if "OUT_OF_MEMORY" not in str(error) and not isinstance(error, MemoryError):
                raise
            if not last:
                _blocks.shrink(0)
    free, total = cuda.current_context().get_memory_info()
    raise MemoryError(
        f"kernels.gpu: the device has no room for {prod(shape) * dtype.itemsize / 2**20:,.0f} MiB, a {dtype} array of "
        f"shape {tuple(shape)}: {free / 2**20:,.0f} of {total / 2**20:,.0f} MiB are free; try a smaller batch"
    )


class _Loan:
    """What Numba sees as the owner of an array's memory. All views hold it, so it dies after the last of them."""

    def __init__(self, block, home, shape, dtype):
        self.block, self.home = block, home
        pointer = block.__cuda_array_interface__["data"][0]
        self.__cuda_array_interface__ = {
            "version": 3, "shape": tuple(shape), "typestr": dtype.str, "data": (pointer, False), "strides": None
        }  # fmt: skip

    def __del__(self):
        self.home.append(self.block)


_blocks = Blocks(lambda size: _array((size,), np.dtype(np.uint8)))
_poison = []

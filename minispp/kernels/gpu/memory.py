"""Arrays on the device, in memory that earlier ones have left.

A training step makes the same large arrays again and again, and asking the driver for memory waits for everything
that runs. So, as in `kernels.cpu`, a large array is a *loan*: when it and every view of it have died, its block waits
here for the next array of about that size. Kernels run in the order of their launches, so whatever still reads a block
does so before its next owner writes.

Blocks that wait, together with those on loan, never take more than those on loan have taken at once. Where the
device is full, all that wait are given back and the driver is asked once more.
"""

from contextlib import contextmanager
from math import prod
from threading import Lock

import numpy as np
from numba import cuda

from minispp.kernels.gpu.compiler import SIMULATED

GRAIN = 512  # bytes; sizes are multiples of it


def empty(shape, dtype):
    """An array of any values on the device, C-contiguous; the shape is a tuple.

    Raises
    ------
    MemoryError
        If the device has no room: what was asked for, and what there is. Nothing else has changed.
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


class _Blocks:
    """The blocks that wait, those that have waited longest first, and the sums that bound them.

    Methods are called by who holds the lock. A loan may end at any moment, also in the middle of a method; it only
    appends to `waiting`, which shifts nothing.
    """

    def __init__(self):
        self.lock = Lock()
        self.waiting = []
        self.total = 0  # bytes of all blocks, waiting or on loan
        self.most_on_loan = 0

    def lend(self, size):
        """The smallest block that holds `size` bytes, but not twice as many; a new one if none waits."""
        fitting = [
            (block.size, -position) for position, block in enumerate(self.waiting) if size <= block.size <= 2 * size
        ]
        if fitting:
            block = self.waiting.pop(-min(fitting)[1])
        else:
            block = _array((size,), np.dtype(np.uint8))
            self.total += size
        on_loan = self.total - sum(block.size for block in self.waiting)
        self.most_on_loan = max(self.most_on_loan, on_loan)
        self.shrink(self.most_on_loan)
        return block

    def shrink(self, limit):
        """Let go of those that have waited longest, until no more than `limit` bytes are held or none wait."""
        while self.waiting and self.total > limit:
            self.total -= self.waiting.pop(0).size


_blocks = _Blocks()
_poison = []

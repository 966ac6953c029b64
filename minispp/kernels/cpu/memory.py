"""Large arrays in memory that earlier ones have left.

Asking the system for each costs more than filling it: the pages of fresh memory are found and cleared one by one as
they are first touched. On the machine of `benchmarks/README.md` writing the ReLU of a 75 MB map takes 5 ms into memory
that is there, and 11 ms into fresh memory. So large arrays are loans: see `kernels.blocks`.
"""

from math import prod

import numpy as np

from minispp.kernels.blocks import Blocks

SMALLEST = 1 << 18  # bytes: below this `malloc` itself reuses what was freed
ALIGNMENT = 64  # bytes of a cache line, and of the longest vector register


def empty(shape, dtype):
    """An array of any values, like `numpy.empty`; the shape is a tuple.

    Examples
    --------
    >>> release()  # or memory of still earlier arrays might serve
    >>> a = empty((1000, 1000), np.float32)
    >>> where = a.ctypes.data
    >>> row = a[5]
    >>> del a
    >>> empty((1000, 1000), np.float32).ctypes.data == where  # no: a view is still alive
    False
    >>> del row
    >>> empty((1000, 1000), np.float32).ctypes.data == where
    True
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    # Waiting for the lock would hang in a process that was forked while another thread held it.
    if size < SMALLEST or not _blocks.lock.acquire(blocking=False):
        return np.empty(shape, dtype)
    try:
        block = _blocks.lend(size + ALIGNMENT)
    finally:
        _blocks.lock.release()
    return np.asarray(_Loan(block, _blocks.waiting, shape, dtype))


def empty_like(a):
    """An array of any values with the shape and type of `a`, C-contiguous."""
    return empty(a.shape, a.dtype)


def release():
    """Give the blocks that wait back to the system."""
    with _blocks.lock:
        _blocks.shrink(0)


class _Loan:
    """What NumPy sees as the owner of an array's memory. All views hold it, so it dies after the last of them."""

    def __init__(self, block, home, shape, dtype):
        self.block, self.home = block, home
        start = -block.ctypes.data % ALIGNMENT
        address = block.ctypes.data + start
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": dtype.str, "data": (address, False)}

    def __del__(self):
        self.home.append(self.block)


_blocks = Blocks(lambda size: np.empty(size, np.uint8))

"""Large arrays in memory that earlier ones have left.

A training step makes the same large arrays again and again. Asking the system for each costs more than filling it:
the pages of fresh memory are found and cleared one by one as they are first touched. On the machine of
`benchmarks/README.md` writing the ReLU of a 75 MB map takes 5 ms into memory that is there, and 11 ms into fresh
memory. So a large array is a *loan*: when it and every view of it have died, its block waits here for the next array
of about that size.

What is kept is bounded without a setting: blocks that wait, together with those on loan, never take more than those on
loan have taken at once. So the peak of a program is that of its arrays, whatever their sizes; beyond it, the
block that has waited longest goes back to the system.
"""

from math import prod
from threading import Lock

import numpy as np

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
        block = _blocks.lend(size)
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


class _Blocks:
    """The blocks that wait, those that have waited longest first, and the sums that bound them.

    Methods are called by who holds the lock. A loan may end at any moment, also in the middle of a method when
    the garbage collector runs; it only appends to `waiting`, which shifts nothing.
    """

    def __init__(self):
        self.lock = Lock()
        self.waiting = []
        self.total = 0  # bytes of all blocks, waiting or on loan
        self.most_on_loan = 0

    def lend(self, size):
        """The smallest block that holds `size` bytes, but not twice as many; a new one if none waits."""
        fitting = [
            (block.size, -position)
            for position, block in enumerate(self.waiting)
            if size + ALIGNMENT <= block.size <= 2 * size
        ]
        if fitting:
            block = self.waiting.pop(-min(fitting)[1])  # of equals the last to come, which may still be in cache
        else:
            block = np.empty(size + ALIGNMENT, np.uint8)
            self.total += block.size
        on_loan = self.total - sum(block.size for block in self.waiting)
        self.most_on_loan = max(self.most_on_loan, on_loan)
        self.shrink(self.most_on_loan)
        return block

    def shrink(self, limit):
        """Let go of those that have waited longest, until no more than `limit` bytes are held or none wait."""
        while self.waiting and self.total > limit:
            self.total -= self.waiting.pop(0).size


_blocks = _Blocks()

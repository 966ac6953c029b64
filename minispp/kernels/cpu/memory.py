"""Large outputs in memory that earlier outputs have left.

The system hands out large blocks as pages that it clears when they are first touched. For the 205 MB of values and
winners of 2,000 windows that takes 30 ms of a core, and pooling them 48. So the last blocks that nobody holds any
more are kept for the next output of their size. A training run and a detector ask for the same few sizes again and
again.

Blocks start at a cache line. NumPy's start 16 bytes after one, so that every second 32-byte vector lies across two
lines; pooling 2,000 windows takes a quarter longer there.
"""

import weakref
from collections import deque

import numpy as np

LARGE = 1 << 22  # bytes; smaller blocks are kept by the C library itself
LINE = 64  # bytes of a cache line
KEPT = 4  # blocks at most

_free = deque(maxlen=KEPT)  # the oldest drops out; its steps are atomic, so threads need no lock


def empty(shape, dtype):
    """``np.empty``, in a block of memory that was used before if there is one.

    The block is free again when the array and all its views are gone.

    Examples
    --------
    >>> a = empty((1024, 1024), np.float32)
    >>> where, view = a.ctypes.data, a[0]
    >>> del a
    >>> b = empty((512, 2048), np.int32)
    >>> b.ctypes.data == where
    False
    >>> del view
    >>> c = empty((512, 2048), np.int32)
    >>> c.ctypes.data == where
    True
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    block = _take(size)
    lease = block.view()
    weakref.finalize(lease, _free.append, block).atexit = False
    return np.ndarray(shape, dtype, buffer=lease)


class _Lease(np.ndarray):
    """A block, or a view of it that lives as long as something in the block does.

    A type of its own, because a view of a view refers to the first array of its own type: plain arrays end at a lease.
    """


def _take(size):
    for _ in range(len(_free)):
        try:
            block = _free.popleft()
        except IndexError:  # another thread was faster
            break
        if block.nbytes == size:
            return block
        _free.append(block)
    block = np.empty(size + LINE, np.uint8)
    start = -block.ctypes.data % LINE
    return block[start : start + size].view(_Lease)

"""Memory that is used again: room for intermediate values, and values that were computed from weights."""

import threading
import weakref

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import parallel

ROOM = 64 << 20  # bytes: no kernel asks for more at once, whatever its input
BLOCK = 1 << 14  # values compared at once

_room = threading.local()


def share(dtype, *shapes):
    """Uninitialised arrays of these shapes in one piece of memory, which the next call in this thread takes back.

    Fresh memory of tens of megabytes costs as much as the work done in it: the system hands it out page by
    page, filled with zeros.

    Examples
    --------
    >>> a, b = share(np.float32, (2, 3), (5,))
    >>> a.shape, b.shape, b.dtype
    ((2, 3), (5,), dtype('float32'))
    """
    sizes = [-(-int(np.prod(shape)) * np.dtype(dtype).itemsize // 64) * 64 for shape in shapes]
    held = getattr(_room, "held", None)
    if held is None or len(held) < sum(sizes):
        held = _room.held = np.empty(sum(sizes), np.uint8)
    arrays, start = [], 0
    for shape, size in zip(shapes, sizes, strict=True):
        count = int(np.prod(shape))
        arrays.append(held[start : start + size].view(dtype)[:count].reshape(shape))
        start += size
    return arrays


class Kept:
    """Values computed from weights, kept as long as these live, and computed again when one of them has changed.

    Weights are plain arrays, which anyone may write to, so the only safe sign of a change is a changed
    value: the weights are kept too, and compared. ``compute(old)`` makes the value; it is given the one that is out of
    date, or None, and may write into it.

    Examples
    --------
    >>> kept, weights = Kept(), np.array([1.0, 2.0])
    >>> kept.get(weights, lambda old: print("computed", old) or float(weights.sum()))
    computed None
    3.0
    >>> kept.get(weights, lambda old: print("computed", old) or float(weights.sum()))
    3.0
    >>> weights[0] = 5
    >>> kept.get(weights, lambda old: print("computed", old) or float(weights.sum()))
    computed 3.0
    7.0
    """

    def __init__(self):
        self._entries = {}
        self._lock = threading.Lock()

    def get(self, weights, compute):
        """The value for these weights; `compute` makes it where it is missing or out of date."""
        key = id(weights)
        with self._lock:
            owner, copy, value = self._entries.get(key, (None, None, None))
            if owner is None or owner() is not weights:
                owner, copy, value = weakref.ref(weights, lambda _: self._entries.pop(key, None)), None, None
            if copy is None or not _same(copy.reshape(-1), weights.reshape(-1)):
                value, copy = compute(value), weights.copy()
                self._entries[key] = owner, copy, value
            return value


def _same(a, b):
    """Whether two arrays hold the same values; NaN is never the same, so it is computed again."""
    blocks = -(-len(a) // BLOCK)
    # Training changes every weight, so the first block mostly settles it.
    return not _different(a[:BLOCK], b[:BLOCK], 1) and not _different(a, b, blocks)


@parallel
def _different(a, b, blocks):
    """How many of the blocks hold a value that is not the same."""
    count = 0
    for block in prange(blocks):
        start = np.int64(block) * BLOCK
        different = 0
        for k in range(start, min(len(a), start + BLOCK)):
            different += a[k] != b[k]
        count += different
    return count

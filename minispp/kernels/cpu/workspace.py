"""Memory that is used again: room for intermediate values, and values that were computed from weights."""

import threading
import weakref

import numpy as np
from numba import njit

ROOM = 64 << 20  # bytes: no kernel asks for more at once, whatever its input
BLOCK = 1 << 12  # values compared at once

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
    value: the weights are kept too, and compared. The comparison ends at the first difference.

    Examples
    --------
    >>> kept, weights = Kept(), np.array([1.0, 2.0])
    >>> kept.get(weights, lambda: print("computed") or float(weights.sum()))
    computed
    3.0
    >>> kept.get(weights, lambda: print("computed") or float(weights.sum()))
    3.0
    >>> weights[0] = 5
    >>> kept.get(weights, lambda: print("computed") or float(weights.sum()))
    computed
    7.0
    """

    def __init__(self):
        self._entries = {}

    def get(self, weights, compute):
        """The value for these weights; `compute` makes it where it is missing or out of date."""
        key = id(weights)
        entry = self._entries.get(key)
        if entry is not None and entry[0]() is weights and _same(entry[1].reshape(-1), weights.reshape(-1)):
            return entry[2]
        value = compute()
        forget = weakref.ref(weights, lambda _: self._entries.pop(key, None))
        self._entries[key] = forget, weights.copy(), value
        return value


@njit(cache=True)
def _same(a, b):
    """Whether two arrays hold the same values, block by block; NaN is never the same, so it is computed again."""
    for start in range(0, len(a), BLOCK):
        different = 0
        for k in range(start, min(len(a), start + BLOCK)):
            different += a[k] != b[k]
        if different:
            return False
    return True

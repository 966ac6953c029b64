"""Values that are computed from weights and kept with them."""

import threading
import weakref

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import parallel

FEW = 64  # values compared first
BLOCK = 1 << 14  # values compared at once


class Kept:
    """Values computed from weights, kept as long as these live, and computed again when one of them has changed.

    Weights are plain arrays, which anyone may write to, so the only safe sign of a change is a changed
    value: the weights are kept too, and compared. ``compute(old)`` makes the value; it is given the one that is out of
    date, or None, and may write into it. `kind` says which of several values of the same weights is meant.

    Examples
    --------
    >>> kept, weights = Kept(), np.array([1.0, 2.0])
    >>> kept.get(weights, "sum", lambda old: print("computed", old) or float(weights.sum()))
    computed None
    3.0
    >>> kept.get(weights, "sum", lambda old: print("computed", old) or float(weights.sum()))
    3.0
    >>> weights[0] = 5
    >>> kept.get(weights, "sum", lambda old: print("computed", old) or float(weights.sum()))
    computed 3.0
    7.0
    """

    def __init__(self):
        self._entries = {}
        self._lock = threading.Lock()

    def get(self, weights, kind, compute):
        """The value of this kind for these weights; `compute` makes it where it is missing or out of date."""
        key = id(weights), kind
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
    # Training changes every weight, so the first few mostly settle it.
    return np.array_equal(a[:FEW], b[:FEW]) and not _different(a, b, -(-len(a) // BLOCK))


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

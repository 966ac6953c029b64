"""How fast one thread reads and writes memory, over how much of it is in turn: caches, seen from outside."""

from time import perf_counter

import numpy as np
from tqdm import tqdm

from minispp.kernels.cpu.compiler import compiled

SIZES = tuple(2**k for k in range(13, 28))  # bytes: 8 KB to 128 MB
MOVED = 1 << 28  # bytes, of one measurement
ROUNDS = 3


def working_sets(sizes=SIZES, moved=MOVED, rounds=ROUNDS):
    """Bytes read and written a second, over the size of what is read and written again and again.

    Half of the working set is read, and written with 1 added to the other half. A set that fits in a cache stays
    there from one pass to the next.

    Parameters
    ----------
    sizes : sequence of int
        Bytes of the working sets.
    moved : int
        Bytes to read and write in one measurement, in as many passes as that takes.
    rounds : int
        Measurements of each, of which the best counts.

    Returns
    -------
    dict of int to float
        Size -> bytes a second.

    Examples
    --------
    >>> list(working_sets((8192, 65536), moved=1 << 16, rounds=1))
    [8192, 65536]
    """
    found = {}
    for size in tqdm(sizes, desc="working sets", delay=2, leave=False):
        a = np.zeros((2, max(1, size // 8)), np.float32)
        passes, taken = max(1, moved // a.nbytes), []
        _add_one(a[0], a[1], 1)  # compiles, and touches the pages
        for _ in range(rounds):
            started = perf_counter()
            _add_one(a[0], a[1], passes)
            taken.append(perf_counter() - started)
        found[size] = passes * a.nbytes / min(taken)
    return found


@compiled
def _add_one(a, out, passes):
    """`a` is written a little as well: a compiler that sees equal passes makes one of them."""
    one = a.dtype.type(1)
    for number in range(passes):
        a[number % len(a)] += one
        for k in range(len(a)):
            out[k] = a[k] + one

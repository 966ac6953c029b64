"""How fast memory is read and written: over how much of it is in turn, which shows the caches; and when it is new."""

from time import perf_counter

import numpy as np
from tqdm import tqdm

from minispp.kernels import cpu
from minispp.kernels.cpu import memory
from minispp.kernels.cpu.compiler import compiled

SIZES = tuple(2**k for k in range(13, 28))  # bytes: 8 KB to 128 MB
MOVED = 1 << 25  # bytes, of one measurement: short, so that some are not disturbed
ROUNDS = 15


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


def new_and_left_over(x, rounds=6):
    """Bytes a second of a ReLU into new memory, and into memory that an earlier array has left.

    Parameters
    ----------
    x : float32 array
        Of some megabytes: smaller ones are left to `malloc`.
    rounds : int
        Calls of each, in turn, of which the best counts.

    Examples
    --------
    >>> list(new_and_left_over(np.ones((2, 300, 300, 1), np.float32), rounds=1))
    ['ReLU into new memory', 'ReLU into memory left over']
    """
    cpu.relu(x)
    taken = {"ReLU into new memory": [], "ReLU into memory left over": []}
    for _ in range(rounds):
        memory.release()
        for seconds in taken.values():
            started = perf_counter()
            cpu.relu(x)
            seconds.append(perf_counter() - started)
    return {name: 2 * x.nbytes / min(seconds) for name, seconds in taken.items()}


@compiled
def _add_one(a, out, passes):
    """`a` is written a little as well: a compiler that sees equal passes makes one of them."""
    one = a.dtype.type(1)
    for number in range(passes):
        a[number % len(a)] += one
        for k in range(len(a)):
            out[k] = a[k] + one

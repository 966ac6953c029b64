"""What the order of additions does to the bits: of one sum, and of a convolution on more and fewer threads."""

from contextlib import contextmanager
from hashlib import sha256
from math import fsum

import numba
import numpy as np

from minispp.kernels import cpu

SHUFFLES, MOST_THREADS, PARTS = 200, 40, 16


def digests(x, w, b, stride, pad, threads):
    """What `kernels.cpu` makes on so many threads, as short words: equal words mean equal bits.

    Returns
    -------
    dict of str to str
        Of y, and of the gradients dx, dw and db for dy = y.

    Examples
    --------
    >>> x, w = np.ones((1, 4, 4, 2), np.float32), np.ones((3, 3, 2, 2), np.float32)
    >>> digests(x, w, np.zeros(2, np.float32), 1, 1, threads=1).keys()
    dict_keys(['y', 'dx', 'dw', 'db'])
    """
    with numba_threads(threads):
        y = cpu.conv2d(x, w, b, stride, pad)
        found = {"y": y, **dict(zip(("dx", "dw", "db"), cpu.conv2d_backward(y, x, w, stride, pad), strict=True))}
    return {name: sha256(np.ascontiguousarray(a)).hexdigest()[:8] for name, a in found.items()}


@contextmanager
def numba_threads(count):
    """A context in which Numba's loops run on so many threads."""
    before = numba.get_num_threads()
    numba.set_num_threads(count)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def sum_errors(values, seed=0):
    """How far float32 sums of the same values are from the exact one, for three ways to order the additions.

    Parameters
    ----------
    values : float32 array (N,)
    seed : int
        Of the random orders.

    Returns
    -------
    dict of str to float array
        In units of the last place of the exact sum.

    Examples
    --------
    >>> {name: len(found) for name, found in sum_errors(np.ones(100, np.float32)).items()}
    {'one by one, in any order': 200, 'as many parts as threads, 1 to 40': 40, 'always 16 parts': 40}
    """
    rng, threads = np.random.default_rng(seed), range(1, MOST_THREADS + 1)
    found = {
        "one by one, in any order": [_one_by_one(rng.permutation(values)) for _ in range(SHUFFLES)],
        f"as many parts as threads, 1 to {MOST_THREADS}": [_in_parts(values, count) for count in threads],
        f"always {PARTS} parts": [_in_parts(values, PARTS) for _ in threads],
    }
    exact = fsum(values.tolist())
    unit = np.spacing(np.float32(exact))
    return {name: (np.array(sums, np.float64) - exact) / unit for name, sums in found.items()}


def _one_by_one(values):
    return np.cumsum(values, dtype=np.float32)[-1]  # NumPy's own sum adds in pairs


def _in_parts(values, count):
    return _one_by_one([_one_by_one(part) for part in np.array_split(values, count)])

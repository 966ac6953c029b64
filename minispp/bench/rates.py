"""How fast this machine multiplies matrices and copies memory, with the threads of this process. Needs Numba.

Matrix products run as `kernels.cpu` runs them: tiles in one parallel loop, one BLAS thread each.
"""

from time import perf_counter

import numpy as np
from numba import njit, prange
from tqdm import tqdm

from minispp.kernels.cpu.blas import one_thread

REPEATS = 15
TILES, TILE, INNER, COLUMNS = 64, 256, 1152, 384  # a 3x3 convolution of 128 channels to 384
LINES, LINE = 512, 2**16  # 128 MB of float32


def measure(progress=False):
    """The best of some repeats.

    Parameters
    ----------
    progress : bool
        Show a bar: where the functions have to be compiled first, it takes several seconds.

    Returns
    -------
    dict
        ``"products"``: float32 operations a second (a multiplication and an addition are two); ``"bytes"``: bytes
        read and written a second by a copy.
    """
    bar = tqdm(total=2 * (1 + REPEATS), desc="rates of this machine", leave=False, disable=not progress)
    rng = np.random.default_rng(0)
    a = rng.standard_normal((TILES, TILE, INNER), np.float32)
    b = rng.standard_normal((INNER, COLUMNS), np.float32)
    with one_thread():
        seconds = _best(bar, _multiply, a, b, np.empty((TILES, TILE, COLUMNS), np.float32))
    lines = rng.standard_normal((LINES, LINE), np.float32)
    copied = _best(bar, _copy, lines, np.empty_like(lines))
    bar.close()
    return {"products": 2 * TILES * TILE * INNER * COLUMNS / seconds, "bytes": 2 * lines.nbytes / copied}


def _best(bar, work, *arrays):
    work(*arrays)  # compiles
    bar.update()
    seconds = []
    for _ in range(REPEATS):
        started = perf_counter()
        work(*arrays)
        seconds.append(perf_counter() - started)
        bar.update()
    return min(seconds)


@njit(parallel=True, cache=True)
def _multiply(a, b, out):
    for k in prange(len(a)):
        np.dot(a[k], b, out[k])


@njit(parallel=True, cache=True)
def _copy(a, out):
    for k in prange(len(a)):
        out[k] = a[k]

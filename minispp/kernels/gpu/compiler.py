"""Numba's CUDA compiler as all kernels use it: when a kernel is first launched, for the types of that launch.

A signature in a decorator would compile at import, and so need a driver there; there are none.
"""

from functools import partial

import numba_cuda  # noqa: F401 - without it, numba.cuda is an older compiler that Numba no longer maintains
from numba import config, cuda

# The last sum of a tree is one block, and means to be. Numba would warn of every launch of fewer than 128.
config.CUDA_LOW_OCCUPANCY_WARNINGS = 0

SIMULATED = bool(config.ENABLE_CUDASIM)  # read when numba was imported, from NUMBA_ENABLE_CUDASIM
# Bytes. Vectors of four float32 are read at once only from where the compiler knows that they begin at a multiple of
# 16. The simulator knows of no alignment, and refuses any.
ALIGNED = None if SIMULATED else 16
THREADS = 256  # of a block, where nothing else asks for a number
BLOCKS = 1 << 16  # at most, of a kernel whose threads take several values in turn


def kernel(function=None, **options):
    """The function as a kernel, compiled when it is launched; options as for ``numba.cuda.jit``.

    Nothing is left to be optimised when it is linked (``lto``): there is nothing to link it with, and so what runs
    is what the tests have compiled, with as many registers. The simulator runs Python, so it has no use for compiler's
    options, and refuses them.

    Examples
    --------
    >>> @kernel
    ... def _double(x):
    ...     k = cuda.grid(1)
    ...     if k < x.size:
    ...         x[k] *= 2
    """
    if function is None:
        return partial(kernel, **options)
    return cuda.jit(function, **({} if SIMULATED else {"lto": False, **options}))


def inlined(function):
    """The function for kernels to call, compiled into each of them: arrays of registers cannot be handed over."""
    return cuda.jit(device=True, **({} if SIMULATED else {"forceinline": True}))(function)


def blocks_for(count, threads=None):
    """So many blocks that each of `count` values has a thread, or, beyond `BLOCKS` of them, threads that take turns.

    Rounded up, not ``count / threads + 1``, which launches a block too many where it divides. Zero for nothing to do,
    which cannot be launched: launchers look before.

    Examples
    --------
    >>> blocks_for(2 * THREADS), blocks_for(2 * THREADS + 1), blocks_for(0)
    (2, 3, 0)
    """
    threads = THREADS if threads is None else threads
    return min(-(-count // threads), BLOCKS)

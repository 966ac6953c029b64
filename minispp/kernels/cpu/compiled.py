"""Numba's compiler as all kernels use it: on the first call, for the types of that call, and kept on disk if possible.

`kernel` compiles a function whose ``prange`` loops run in parallel, `helper` one that kernels call.

Where no folder can be written, or the disk is full, or a file of the cache is damaged, the cost is time only: the
function is compiled for this process.
"""

from contextlib import suppress

from numba import njit
from numba.core.caching import FunctionCache


def kernel(function):
    """The function, compiled when it is called, with its ``prange`` loops in parallel."""
    return _compiled(function, parallel=True)


def helper(function):
    """The function, compiled when it is called.

    Examples
    --------
    >>> @helper
    ... def twice(x):
    ...     return 2 * x
    >>> twice(21)
    42
    """
    return _compiled(function)


def _compiled(function, **options):
    dispatcher = njit(**options)(function)
    with suppress(RuntimeError, OSError):  # no source file, or no folder to write to: nothing is kept
        dispatcher._cache = _Cache(function)  # what njit(cache=True) does with a FunctionCache
    return dispatcher


class _Cache(FunctionCache):
    """Machine code on disk, whose loss is never an error."""

    def load_overload(self, sig, target_context):
        """The code, or None if it is not there, cannot be read, or is for other types.

        For other types: two processes that compile for float32 and float64 at once may choose the same file.
        """
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # unpickling a damaged file may raise anything
            return None
        return found if found is not None and found.signature.args == tuple(sig) else None

    def save_overload(self, sig, data):
        """Keep the code, in a new index if the old one is damaged."""
        try:
            super().save_overload(sig, data)
        except Exception:
            with suppress(OSError):
                self.flush()
                super().save_overload(sig, data)

"""Numba's compiler as all kernels use it: on the first call, for the types of that call, and kept on disk if possible.

`kernel` compiles a function whose ``prange`` loops run in parallel, `helper` one that kernels call.

Where no folder can be written, or the disk is full, or a file of the cache is damaged, the cost is time only: the
function is compiled for this process.
"""

from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib import resources

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile


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


@cache
def _sources():
    """A hash of all the files of this package."""
    files = [file for file in resources.files(__package__).iterdir() if file.name.endswith(".py")]
    return sha256(b"".join(file.read_bytes() for file in sorted(files, key=lambda file: file.name))).hexdigest()


class _Cache(FunctionCache):
    """Machine code on disk, whose loss is never an error.

    It is stale when any file of this package has changed. Numba looks only at the file of the function itself, and
    would miss a new version of a helper that the function calls from another.
    """

    def __init__(self, function):
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp(), _sources()
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, stamp)

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

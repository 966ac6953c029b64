"""Numba's compiler as all kernels use it: on the first call, for the types of that call, and kept on disk if possible.

`parallel` is for functions with ``prange`` loops, `compiled` for those without, which such loops call.

Where no folder can be written, or the disk is full, or a file of the cache is damaged, the cost is time only: the
function is compiled for this process.
"""

from contextlib import suppress
from functools import cache, partial
from hashlib import sha256
from importlib import resources

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

from minispp.kernels.cpu.compile_progress import announce

announce()


def parallel(function=None, **options):
    """The function, compiled when it is called, with its ``prange`` loops in parallel; options as for `compiled`."""
    return compiled(function, parallel=True, **options)


def compiled(function=None, **options):
    """The function, compiled when it is called.

    Division is that of IEEE 754, as in NumPy: with Python's, a loop would have to test every divisor for zero, and
    could not become vector instructions.

    Parameters
    ----------
    function : function
    **options
        For ``numba.njit``. A kernel that needs ``fastmath`` names the one liberty that it takes.

    Examples
    --------
    >>> @compiled
    ... def twice(x):
    ...     return 2 * x
    >>> twice(21)
    42
    """
    if function is None:
        return partial(compiled, **options)
    return _with_cache(njit(error_model="numpy", **options)(function))


def _with_cache(dispatcher):
    """What ``njit(cache=True)`` does, with our cache, and without an error where there is no place for it."""
    if hasattr(dispatcher, "_cache"):  # not where NUMBA_DISABLE_JIT left the function as it was
        with suppress(RuntimeError, OSError):  # no folder can be written
            dispatcher._cache = _Cache(dispatcher.py_func)
    return dispatcher


@cache
def _sources(package):
    """A hash of all the files of this package, of `package`, and of the packages in them."""
    folders, files = [resources.files(__package__), resources.files(package)], []
    for folder in folders:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
        folders += [entry for entry in entries if entry.is_dir()]
        files += [entry for entry in entries if entry.name.endswith(".py")]
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


class _Cache(FunctionCache):
    """Machine code on disk, whose loss is never an error.

    It is stale when any file of this package, or of the function's own, has changed. Numba looks only at the file of
    the function itself, and would miss a new version of a helper that the function calls from another.
    """

    def __init__(self, function):
        super().__init__(function)
        package, ours = function.__module__.rpartition(".")[0], __package__.partition(".")[0]
        stamp = self._impl.locator.get_source_stamp(), _sources(package if package.startswith(ours) else __package__)
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

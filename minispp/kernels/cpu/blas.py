"""One BLAS thread around our own matrix products, and the caller's number of threads restored after them.

Numba's ``np.dot`` calls the BLAS that SciPy is linked with, and that library alone is limited. NumPy's wheels bring
another, with threads of its own: no kernel calls it, and other threads of the caller may be in the middle of using it.

The number of threads belongs to the process, not to a thread. So the first call that comes in saves and limits it,
and the last that goes out restores it, in whatever order the calls of several threads end. threadpoolctl's own
contexts restore in the order in which they end, which may leave the limit behind, and change nothing in a thread while
another holds a limit; so it only finds the library here.
"""

import ctypes
import os
from functools import cache
from threading import Lock, get_ident

import scipy.linalg.cython_blas
from threadpoolctl import ThreadpoolController

SMALL = 1_000_000  # multiplications of a product for which OpenBLAS does not first copy the operands

# To get and to set the number of threads. NumPy's wheels use other names (they end in 64_).
NAMES = (
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),  # SciPy's wheels
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
    ("bli_thread_get_num_threads", "bli_thread_set_num_threads"),
)


def one_thread():
    """A context in which each product of ours uses the thread it is called from, also when an error leaves it.

    It may be entered again, and by several threads at once. A fork inside it leaves to the child what the thread
    that forked had entered.

    Examples
    --------
    >>> get, _ = blas_threads()
    >>> before = get()
    >>> with one_thread():
    ...     get()
    1
    >>> get() == before
    True
    """
    return _LIMIT


@cache
def blas_threads():
    """How to get and to set the number of threads of the BLAS in SciPy: two C functions; finding them takes 1 ms."""
    linked = ctypes.PyDLL(scipy.linalg.cython_blas.__file__)  # knows its libraries by name, except on Windows
    for library in (linked, *(found.dynlib for found in ThreadpoolController().lib_controllers)):
        for get, set_to in NAMES:
            if hasattr(library, get) and hasattr(library, set_to):
                return getattr(library, get), getattr(library, set_to)
    return (lambda: 1), (lambda count: None)  # Apple's Accelerate, for one, has no such number


class _Limit:
    """The limit and who is inside it."""

    def __init__(self):
        self._lock, self._inside, self._before = Lock(), [], None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._in_child)

    def __enter__(self):
        get, set_to = blas_threads()
        with self._lock:
            if not self._inside:
                self._before = get()  # before the limit: a fork between the two finds what to restore
                set_to(1)
            self._inside.append(get_ident())

    def __exit__(self, *error):
        with self._lock:
            self._inside.remove(get_ident())
            self._restore_if_last()

    def _restore_if_last(self):
        if not self._inside and self._before is not None:
            blas_threads()[1](self._before)
            self._before = None

    def _in_child(self):
        """Only the thread that forked lives on; the others, even halfway in or out, will never go out."""
        self._lock = Lock()
        self._inside = [thread for thread in self._inside if thread == get_ident()]
        self._restore_if_last()


_LIMIT = _Limit()

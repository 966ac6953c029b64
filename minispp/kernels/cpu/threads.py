"""What Numba's threads cannot do is refused with the reason, or put in turn, before it ends the process.

Numba runs parallel loops on one of three layers, the first it can load of

=========  ============================  ==============================================
layer      calls from several threads    a child that was forked after the first loop
=========  ============================  ==============================================
tbb        at once                       works
omp        at once                       with GNU OpenMP, on Linux: Numba ends the
                                         child, or a child of the child hangs
workqueue  Numba aborts                  works
=========  ============================  ==============================================

`guarded` makes of the third row "one after the other", and of the fork an error that can be read.
"""

import os
import sys
from functools import wraps
from threading import RLock

import numba

FORKED = (
    "kernels.cpu cannot run in this process: it was forked from one in which Numba had started its threads. They are"
    " GNU OpenMP's, which do not survive a fork. Start worker processes with multiprocessing's 'spawn' or 'forkserver'"
    " or with joblib's 'loky'; or fork before the first kernel is called; or set NUMBA_THREADING_LAYER=workqueue"
    " (or tbb, where it is installed) before Numba is imported"
)

_turn = RLock()
_forked = False  # and the threads did not survive it
_free = False  # calls need no care: neither turns nor a refusal


def guarded(kernel):
    """The kernel, which raises RuntimeError in a fork that cannot run it, and takes turns where threads must.

    Examples
    --------
    >>> guarded(abs)(-3)
    3
    """

    @wraps(kernel)
    def call(*args, **kwargs):
        return kernel(*args, **kwargs) if _free else _with_care(kernel, args, kwargs)

    return call


def _with_care(kernel, args, kwargs):
    global _free
    if _forked:
        raise RuntimeError(FORKED)
    numba.get_num_threads()  # loads the layer, if that has not happened yet
    if numba.threading_layer() == "workqueue":
        with _turn:
            return kernel(*args, **kwargs)
    _free = True
    return kernel(*args, **kwargs)


def _layer():
    """The name of the layer, or None as long as there is none."""
    try:
        return numba.threading_layer()
    except ValueError:
        return None


def _in_child():
    global _forked, _free, _turn
    _turn = RLock()  # whoever had it is not here
    _forked = _layer() == "omp" and sys.platform.startswith("linux")
    _free = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)

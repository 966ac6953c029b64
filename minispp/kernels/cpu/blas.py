"""One BLAS thread around our own matrix products, and the caller's number of threads restored after them."""

from functools import cache

import scipy.linalg.cython_blas  # noqa: F401  Numba's np.dot calls this BLAS: load it, so that it can be limited
from threadpoolctl import ThreadpoolController


def one_thread():
    """A context in which each BLAS call uses the thread it is called from, also when an error leaves it.

    Examples
    --------
    >>> with one_thread():
    ...     threads = {pool["num_threads"] for pool in _controller().info() if pool["user_api"] == "blas"}
    >>> threads
    {1}
    """
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller():
    """Looking the libraries up takes milliseconds, so it happens once."""
    return ThreadpoolController()

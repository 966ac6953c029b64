"""The transforms as matrices of fractions: read off the very functions that the kernels call, for exact checks."""

from fractions import Fraction

import numpy as np

from minispp.kernels.cpu.winograd.points import SIDE, at_points, filter_matrix, read_off

# What the float constants of `filter_matrix` are meant to be: its entries are fractions with small denominators.
LARGEST = 1000


def transforms(taps=3):
    """B^T, G and A^T of F(m x m, r x r), ``m = 7 - r``, in fractions.

    Parameters
    ----------
    taps : int
        r, from 2 to 5.

    Returns
    -------
    bt : object array (6, 6)
        A tile at the six points.
    g : object array (6, r)
        The taps at the six points.
    at : object array (m, 6)
        The outputs from the values at the points.

    Examples
    --------
    F(4, 3) makes four outputs of six values, in exact integers:

    >>> bt, g, at = transforms(3)
    >>> d, taps = np.array([3, 1, 4, 1, 5, 9]), np.array([2, 7, 1])
    >>> print(*(at @ ((g @ taps) * (bt @ d))), "=", *np.correlate(d, taps))
    17 31 20 46 = 17 31 20 46
    """
    if not 2 <= taps <= 5:
        raise ValueError(f"transforms: expected 2 to 5 taps, got {taps}")
    outputs, one = SIDE + 1 - taps, np.identity(SIDE, int).astype(object) * Fraction(1)
    half = Fraction(1, 2)
    bt = np.array([_function(at_points)(*column, half, 3 * half, 2) for column in one], object).T
    at = np.array([_function(read_off)(*column[:5], 2, 4, 8, 16)[:outputs] for column in one], object).T
    at[-1, -1] += 1  # infinity, which `read_off` leaves to its caller
    g = [[Fraction(value).limit_denominator(LARGEST) for value in row] for row in filter_matrix(taps, np.float64)]
    return bt, np.array(g, object), at


def _function(kernel):
    """What was compiled; the function itself where Numba is told not to compile."""
    return getattr(kernel, "py_func", kernel)

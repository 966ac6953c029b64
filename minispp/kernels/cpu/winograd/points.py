"""Polynomials at six points: 0, 1, -1, 2, -1/2 and infinity; one dimension of Winograd's transforms.

Six values d, read as coefficients, meet six points p; the matrices of the package's docstring are these functions::

    B^T d   `at_points`    row p: the product of (z - q) over the other finite points q, z being a shift of d by one
    B v     `from_points`  its transpose
    A^T v   `read_off`     output i: the sum over the points of v_p p^i
    A y     `values`       its transpose: the polynomial with coefficients y at each point
    G       `filter_matrix`

At infinity a polynomial has its highest coefficient, which A^T and A pass on: outputs and coefficients beyond the five
finite points are left to the caller.
"""

import numpy as np

from minispp.kernels.cpu.compiler import compiled

SIDE = 6  # points along an axis, and cells of a tile
POINTS = SIDE * SIDE


def filter_matrix(taps, dtype):
    """G, (6, taps): the powers of each point, divided by the product of its distances from the other points.

    >>> filter_matrix(3, np.float64)[3] * 15
    array([1., 2., 4.])
    """
    g = np.zeros((SIDE, taps), dtype)
    for row, point, distances in ((0, 0.0, 1.0), (1, 1.0, -3.0), (2, -1.0, 3.0), (3, 2.0, 15.0), (4, -0.5, -0.9375)):
        g[row] = [point**t / distances for t in range(taps)]
    g[5, taps - 1] = 1
    return g


@compiled
def zeros(count, like):
    """``np.zeros`` in the type of an array. Within a parallel kernel itself, it would become a parallel loop."""
    return np.zeros(count, like.dtype)


@compiled
def constants(like):
    """1/2, 3/2 and 2 in the float type of an array, so that float32 stays float32."""
    numbers = np.empty(3, like.dtype)
    numbers[0], numbers[1], numbers[2] = 0.5, 1.5, 2.0
    return numbers[0], numbers[1], numbers[2]


@compiled
def powers(like):
    """2, 4, 8 and 16 in the float type of an array."""
    numbers = np.empty(4, like.dtype)
    numbers[0], numbers[1], numbers[2], numbers[3] = 2.0, 4.0, 8.0, 16.0
    return numbers[0], numbers[1], numbers[2], numbers[3]


@compiled
def at_points(d0, d1, d2, d3, d4, d5, half, three_halves, two):
    """B^T d. (z - 2)(z + 1/2) = z^2 - 3/2 z - 1 is common to four rows, (z - 1)(z + 1) = z^2 - 1 to the other two."""
    g0 = d2 - three_halves * d1 - d0
    g1 = d3 - three_halves * d2 - d1
    g2 = d4 - three_halves * d3 - d2
    g3 = d5 - three_halves * d4 - d3
    h1 = d3 - d1
    h2 = d4 - d2
    return g2 - g0, g2 + g1, g2 - g1, h2 + half * h1, h2 - two * h1, g3 - g1


@compiled
def from_points(v0, v1, v2, v3, v4, v5, half, three_halves, two):
    """B v: each line of `at_points`, backwards."""
    g0 = -v0
    g1 = v1 - v2 - v5
    g2 = v0 + v1 + v2
    g3 = v5
    h1 = half * v3 - two * v4
    h2 = v3 + v4
    return (
        -g0,
        -three_halves * g0 - g1 - h1,
        g0 - three_halves * g1 - g2 - h2,
        g1 - three_halves * g2 - g3 + h1,
        g2 - three_halves * g3 + h2,
        g3,
    )


@compiled
def read_off(v0, v1, v2, v3, v4, two, four, eight, sixteen):
    """A^T v, five rows of it, without infinity."""
    even, odd = v1 + v2, v1 - v2
    return (
        v0 + even + v3 + v4,
        odd + two * v3 - v4 / two,
        even + four * v3 + v4 / four,
        odd + eight * v3 - v4 / eight,
        even + sixteen * v3 + v4 / sixteen,
    )


@compiled
def values(y0, y1, y2, y3, y4, half, two):
    """A y, five coefficients at the five finite points, by Horner's rule."""
    even, odd = y0 + y2 + y4, y1 + y3
    at_two = y0 + two * (y1 + two * (y2 + two * (y3 + two * y4)))
    at_minus_half = y0 - half * (y1 - half * (y2 - half * (y3 - half * y4)))
    return y0, even + odd, even - odd, at_two, at_minus_half

"""Winograd's convolution: fewer products, for a few more sums.

A correlation of m + r - 1 values with r taps gives m outputs and costs m*r products. Read values and taps as the
coefficients of polynomials, and the outputs are coefficients of a product of two polynomials. Such a product is known
once it is known at m + r - 1 points, and at a point it is *one* multiplication. In two dimensions::

    Y = A^T [ (G g G^T) * (B^T d B) ] A          d: a tile of 6 x 6 cells, g: r x r taps, Y: m x m outputs

B^T evaluates the tile at six points along each axis, G the taps, and A^T reads the outputs off (`points`). All filters
see the same tile and all tiles the same taps, so ``*``, summed over the channels, is 36 matrix products, one for each
pair of points. For 3 x 3 taps, 36 products make 16 outputs that would take 144.

The points are 0, 1, -1, 2, -1/2 and infinity. The usual choice of -2 beside 2 makes the error three times larger. The
same six serve every r from 2 to 5 with m = 7 - r, so B, the evaluation of tiles, is the same for all.

A stride s > 1 becomes 1 in cells of s x s pixels: a cell is one point of a coarser map with s*s*C channels, and k taps
are ceil(k / s) cells, the rest being zeros. No array is rearranged for that: the pixels of one row in a cell
lie side by side.

The three factors enter linearly, so each has the transpose of its transform for its gradient::

    E = A dY A^T        dg = G^T [ sum over tiles of E * (B^T d B) ] G        dd = B [ E * (G g G^T) ] B^T

and tiles overlap, so their gradients dd add up.

Sources: Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016); Winograd, "Arithmetic complexity of
computations" (1980).
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from minispp.kernels.cpu.compiler import parallel
from minispp.kernels.cpu.kept import Kept
from minispp.kernels.cpu.memory import empty
from minispp.kernels.cpu.winograd import filters, tiles
from minispp.kernels.cpu.winograd.points import POINTS, SIDE

CHUNK = 40 << 20  # bytes at most: the tiles whose values at the points are held at once
GRADIENT = 20 << 20  # bytes at most: the filters whose gradients at the points are held at once


class Tiling(NamedTuple):
    """How tiles cover one convolution, in integers.

    Output tile (i, j) of an image starts at output ``(m*i, m*j)`` and reads 6 x 6 cells of ``side x side`` pixels from
    pixel ``(side*m*i - pad, side*m*j - pad)`` on.
    """

    m: int  # outputs of a tile along an axis
    side: int  # of a cell, in pixels: the stride
    pad: int
    rows: int  # tiles down an image
    columns: int  # tiles across an image


def tiling(outputs, kernel, stride, pad):
    """The tiles for ``outputs = (H', W')`` of a convolution; None if six points cannot serve.

    Examples
    --------
    >>> tiling((13, 13), kernel=3, stride=1, pad=1)
    Tiling(m=4, side=1, pad=1, rows=4, columns=4)
    >>> tiling((110, 110), kernel=7, stride=2, pad=1)
    Tiling(m=3, side=2, pad=1, rows=37, columns=37)
    >>> tiling((32, 32), kernel=1, stride=1, pad=0) is None
    True
    """
    taps = -(-kernel // stride)
    if not 2 <= taps <= 5:
        return None
    m = SIDE + 1 - taps
    return Tiling(m, stride, pad, -(-outputs[0] // m), -(-outputs[1] // m))


_filters = Kept(), Kept()  # at the points: one row a filter, for forward; one row a channel, for backward


def convolve(x, w, b, y, grid):
    """Write ``y = x * w + b``, chunk of tiles by chunk of tiles."""
    u = _filters[0].get(w, lambda old: filters.evaluate(w, grid.side, True, old))
    outer, inner = u.shape[1:]
    for first, count in _chunks(x, grid, inner + outer):
        v, products = empty((POINTS, count, inner), x.dtype), empty((POINTS, count, outer), x.dtype)
        tiles.evaluate_inputs(x, *grid, first, v)
        _multiply(v, u, products)
        tiles.read_outputs(products, b, *grid, first, y)
        del v, products  # the next chunk takes their memory


def input_gradient(dy, w, dx, grid):
    """Add ``dx``: the outputs' gradients at the points, times the filters there, and back to cells."""
    u = _filters[1].get(w, lambda old: filters.evaluate(w, grid.side, False, old))
    inner, outer = u.shape[1:]
    phases = -(-SIDE // grid.m)  # rows of tiles so far apart do not overlap
    for first, count in _chunks(dx, grid, inner + outer, grid.columns):
        e, dv = empty((POINTS, count, outer), dy.dtype), empty((POINTS, count, inner), dy.dtype)
        tiles.evaluate_outputs(dy, *grid, first, e)
        _multiply(e, u, dv)
        for phase in range(phases):
            tiles.add_inputs(dv, *grid, first, phase, phases, dx)
        del e, dv


def weight_gradient(dy, x, shape, grid):
    """``dw``: tiles and outputs' gradients multiplied at the points, summed over all tiles, and back to taps.

    Some filters at a time, so that their gradients at the points have room beside a chunk.
    """
    _, _, c, d = shape
    inner = grid.side * grid.side * c
    dw = empty(shape, x.dtype)
    parts = max(1, -(-POINTS * inner * d * x.itemsize // GRADIENT))
    for part in range(parts):
        left, right = part * d // parts, (part + 1) * d // parts
        some = np.ascontiguousarray(dy[..., left:right])
        outer = right - left
        du = empty((POINTS, inner, outer), x.dtype)
        for first, count in _chunks(x, grid, inner + outer):
            v, e = empty((POINTS, count, inner), x.dtype), empty((POINTS, count, outer), x.dtype)
            tiles.evaluate_inputs(x, *grid, first, v)
            tiles.evaluate_outputs(some, *grid, first, e)
            (_add_products if first else _multiply_transposed)(v, e, du)
            del v, e
        filters.gradient(du, grid.side, dw[..., left:right])
    return dw


def _chunks(x, grid, channels, multiple=1):
    """(first, number) of runs of tiles, `multiple` of them at a time, that hold so many channels at the points.

    All are of about one length, so that each finds its room in the memory that the one before has left.
    """
    units = len(x) * grid.rows * grid.columns // multiple
    parts = max(1, -(-units * multiple * POINTS * channels * x.itemsize // CHUNK))
    for part in range(parts):
        first, last = part * units // parts * multiple, (part + 1) * units // parts * multiple
        if last > first:
            yield first, last - first


# ---------------------------------------------------------------------------------------------------
# Products at the points, where all the time should go


@parallel
def _multiply(values, rows, products):
    """Rows by rows: what both operands are summed over lies side by side, which BLAS packs fastest."""
    for p in prange(POINTS):
        np.dot(values[p], rows[p].T, products[p])


@parallel
def _multiply_transposed(v, e, du):
    for p in prange(POINTS):
        np.dot(v[p].T, e[p], du[p])


@parallel
def _add_products(v, e, du):
    for p in prange(POINTS):
        product = np.empty(du.shape[1:], du.dtype)
        np.dot(v[p].T, e[p], product)
        total = du[p]
        for k in range(len(product)):
            for d in range(product.shape[1]):
                total[k, d] += product[k, d]

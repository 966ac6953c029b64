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

from minispp.kernels.cpu.blas import SMALL
from minispp.kernels.cpu.compiler import compiled, parallel
from minispp.kernels.cpu.kept import Kept
from minispp.kernels.cpu.memory import empty
from minispp.kernels.cpu.winograd import filters, tiles
from minispp.kernels.cpu.winograd.points import POINTS, SIDE

FEW = 32  # tiles that a product must have at least
CHUNK = 40 << 20  # bytes at most: the tiles whose values at the points are held at once
GRADIENT = 22 << 20  # bytes at most: the filters whose gradients at the points are held at once


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


_kept = Kept()


def _filters(w, side, by_filter):
    """Filters at the points, (36, channels of a cell, D) or by filter (36, D, channels of a cell)."""
    return _kept.get(w, (side, by_filter), lambda old: filters.evaluate(w, side, by_filter, old))


def _sizes(w_shape, side):
    """Channels of a cell, filters, and how many tiles a product takes that BLAS does without packing, or 0."""
    inner, outer = side * side * w_shape[2], w_shape[3]
    block = SMALL // (inner * outer)
    return inner, outer, block if block >= FEW else 0


def convolve(x, w, b, y, grid):
    """Write ``y = x * w + b``, chunk of tiles by chunk of tiles."""
    inner, outer, block = _sizes(w.shape, grid.side)
    u = _filters(w, grid.side, by_filter=not block)
    for first, count in _chunks(x, grid, inner + outer):
        v, products = empty((POINTS, count, inner), x.dtype), empty((POINTS, count, outer), x.dtype)
        tiles.evaluate_inputs(x, *grid, first, v)
        _multiply(v, u, block, products)
        tiles.read_outputs(products, b, *grid, first, y)
        del v, products  # the next chunk takes their memory


def gradients(dy, x, w, dx, grid):
    """``dw``, and, unless dx is None, add what reaches the inputs to dx.

    At the points, tiles and outputs' gradients are multiplied and summed over all tiles, then come back to taps.
    Only so many filters at a time that their gradients have room beside a chunk.
    """
    inner, d, block = _sizes(w.shape, grid.side)
    dw = empty(w.shape, x.dtype)
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
            _multiply_tiles(v, e, block or count, first > 0, du)
            if dx is not None and parts == 1:
                _send_back(e, w, v, grid, first, dx)  # what v held is not needed any more
            del v, e
        filters.gradient(du, grid.side, dw[..., left:right])
    if dx is not None and parts > 1:
        for first, count in _chunks(x, grid, inner + d):
            dv, e = empty((POINTS, count, inner), x.dtype), empty((POINTS, count, d), x.dtype)
            tiles.evaluate_outputs(dy, *grid, first, e)
            _send_back(e, w, dv, grid, first, dx)
            del dv, e
    return dw


def _send_back(e, w, dv, grid, first, dx):
    """The outputs' gradients at the points, times the filters there, and back to the cells of dx."""
    _, _, block = _sizes(w.shape, grid.side)
    _multiply(e, _filters(w, grid.side, by_filter=block > 0), block, dv)
    phases = -(-SIDE // grid.m)  # rows of tiles so far apart do not overlap
    for phase in range(phases):
        tiles.add_inputs(dv, *grid, first, phase, phases, dx)


def _chunks(x, grid, channels):
    """(first, number) of runs of tiles that hold so many channels at the points.

    All are of about one length, so that each finds its room in the memory that the one before has left.
    """
    count = len(x) * grid.rows * grid.columns
    parts = max(1, -(-count * POINTS * channels * x.itemsize // CHUNK))
    for part in range(parts):
        first, last = part * count // parts, (part + 1) * count // parts
        yield first, last - first


# ---------------------------------------------------------------------------------------------------
# Products at the points, where all the time should go. BLAS does small ones where the operands are; of large ones it
# first copies parts into an order of its own, fastest where what is summed over lies side by side.


def _multiply(values, filters, block, products):
    """``values @ filters`` in blocks of tiles; without blocks, ``values @ filters^T``."""
    if block:
        _multiply_blocks(values, filters, block, products)
    else:
        _multiply_rows(values, filters, products)


@parallel
def _multiply_blocks(values, filters, block, products):
    count = values.shape[1]
    blocks = (count + block - 1) // block
    for task in prange(POINTS * blocks):
        p, part = divmod(np.int64(task), blocks)
        start, stop = part * count // blocks, (part + 1) * count // blocks
        np.dot(values[p, start:stop], filters[p], products[p, start:stop])


@parallel
def _multiply_rows(values, filters, products):
    for p in prange(POINTS):
        np.dot(values[p], filters[p].T, products[p])


@parallel
def _multiply_tiles(v, e, block, add, du):
    """``du = V^T E``, or that much more: a sum over all tiles, block by block.

    A chunk is summed before it is added to those before it: in one long sum of float32, each term would meet a total
    much larger than itself, and 140,000 outputs of 5x5 filters would lose another digit.
    """
    count = v.shape[1]
    blocks = (count + block - 1) // block
    for p in prange(POINTS):
        product, chunk = np.empty(du.shape[1:], du.dtype), np.empty(du.shape[1:], du.dtype)
        total = chunk if add else du[p]
        for part in range(blocks):
            start, stop = part * count // blocks, (part + 1) * count // blocks
            if part == 0:
                np.dot(v[p, start:stop].T, e[p, start:stop], total)
            else:
                np.dot(v[p, start:stop].T, e[p, start:stop], product)
                _add(product, total)
        if add:
            _add(chunk, du[p])


@compiled
def _add(a, into):
    for k in range(a.shape[0]):
        for c in range(a.shape[1]):
            into[k, c] += a[k, c]

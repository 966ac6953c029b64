"""Winograd's convolution: fewer products, for a few more sums.

A correlation of m + r - 1 values with r taps gives m outputs and costs m*r products. Read values and taps as the
coefficients of polynomials, and the outputs are coefficients of a product of two polynomials. Such a product is known
once it is known at m + r - 1 points, and at a point it is *one* multiplication. In two dimensions::

    Y = A^T [ (G g G^T) * (B^T d B) ] A          d: a tile of 6 x 6 cells, g: r x r taps, Y: m x m outputs

B^T evaluates the tile at six points along each axis, G the taps, and A^T reads the outputs off. All filters see the
same tile and all tiles the same taps, so ``*``, summed over the channels, is 36 matrix products, one for each pair of
points. For 3 x 3 taps, 36 products make 16 outputs that would take 144.

The points are 0, 1, -1, 2, -1/2 and infinity. The usual choice of 1/2 or -2 with 2 makes the error three times
larger. The same six serve every r from 2 to 5 with m = 7 - r, so B, the evaluation of tiles, is the same for all.

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
from numba import njit, prange

from minispp.kernels.cpu.workspace import Kept, share

SIDE = 6  # points along an axis, and cells of a tile
POINTS = SIDE * SIDE
LARGEST = 5  # outputs of a tile along an axis
CHUNK = 40 << 20  # bytes: the tiles whose values at the points are held at once
BLOCK = 16  # values: a cache line of float32
GRADIENT = 20 << 20  # bytes: the filters whose gradients at the points are held at once


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
    count: int  # tiles in all images


def tiling(shape, outputs, kernel, stride, pad):
    """The tiles of a convolution of maps of this shape with ``outputs = (H', W')``; None if six points cannot serve.

    Examples
    --------
    >>> tiling((8, 13, 13, 256), (13, 13), kernel=3, stride=1, pad=1)
    Tiling(m=4, side=1, pad=1, rows=4, columns=4, count=128)
    >>> tiling((8, 224, 224, 3), (110, 110), kernel=7, stride=2, pad=1)
    Tiling(m=3, side=2, pad=1, rows=37, columns=37, count=10952)
    >>> tiling((1, 32, 32, 3), (32, 32), kernel=1, stride=1, pad=0) is None
    True
    """
    taps = -(-kernel // stride)
    if not 2 <= taps <= 5:
        return None
    m = SIDE + 1 - taps
    rows, columns = -(-outputs[0] // m), -(-outputs[1] // m)
    return Tiling(m, stride, pad, rows, columns, shape[0] * rows * columns)


_filters = Kept(), Kept()  # at the points: one row a filter, for forward; one row a channel, for backward


def convolve(x, w, b, y, tiles):
    """Write ``y = x * w + b``, chunk of tiles by chunk of tiles."""
    u = _filters[0].get(w, lambda old: _evaluate_filters(w, tiles, True, old))
    outer, inner = u.shape[1:]
    for first, count in _chunks(tiles.count, (inner + outer) * x.itemsize):
        v, products = share(x.dtype, (POINTS, count, inner), (POINTS, count, outer))
        _evaluate_tiles(x, *tiles[:5], first, v)
        _multiply(v, u, products)
        _read_outputs(products, b, *tiles[:5], first, y)


def input_gradient(dy, w, dx, tiles):
    """Add ``dx``: the outputs' gradients at the points, times the filters there, and back to cells."""
    u = _filters[1].get(w, lambda old: _evaluate_filters(w, tiles, False, old))
    inner, outer = u.shape[1:]
    phases = -(-SIDE // tiles.m)  # rows of tiles so far apart do not overlap
    for first, count in _chunks(tiles.count, (inner + outer) * dy.itemsize, tiles.columns):
        e, dv = share(dy.dtype, (POINTS, count, outer), (POINTS, count, inner))
        _evaluate_outputs(dy, tiles.m, tiles.rows, tiles.columns, first, e)
        _multiply(e, u, dv)
        for phase in range(phases):
            _add_tiles(dv, *tiles[:5], first, phase, phases, dx)


def weight_gradient(dy, x, shape, tiles):
    """``dw``: tiles and outputs' gradients multiplied at the points, summed over all tiles, and back to taps.

    Some filters at a time, so that their gradients at the points have room beside a chunk.
    """
    kernel, _, c, d = shape
    inner = tiles.side * tiles.side * c
    g = _filter_matrix(kernel, tiles.side, x.dtype)
    dw = np.empty(shape, x.dtype)
    parts = max(1, -(-POINTS * inner * d * x.itemsize // GRADIENT))
    for part in range(parts):
        left, right = part * d // parts, (part + 1) * d // parts
        outer = right - left
        some = np.ascontiguousarray(dy[..., left:right])
        for first, count in _chunks(tiles.count, (inner + outer) * x.itemsize):
            du, v, e = share(x.dtype, (POINTS, inner, outer), (POINTS, count, inner), (POINTS, count, outer))
            _evaluate_tiles(x, *tiles[:5], first, v)
            _evaluate_outputs(some, tiles.m, tiles.rows, tiles.columns, first, e)
            (_add_products if first else _multiply_transposed)(v, e, du)
        _read_filters(du, g, tiles.side, dw[..., left:right])
    return dw


def _chunks(count, size, multiple=1):
    """(first, number) of runs of tiles, `multiple` of them at a time, `size` bytes for a tile at a point.

    The first is the longest, so that later ones find their room in the same memory.
    """
    units = count // multiple
    parts = max(1, -(-units * multiple * POINTS * size // CHUNK))
    for part in range(parts):
        first, last = -(-part * units // parts) * multiple, -(-(part + 1) * units // parts) * multiple
        if last > first:
            yield first, last - first


# ---------------------------------------------------------------------------------------------------
# Evaluation at the six points, and back


def _filter_matrix(kernel, side, dtype):
    """G, (6, r): the taps at each point, divided by the product of its distances from the other points.

    >>> _filter_matrix(3, 1, np.float64)[3] * 15
    array([1., 2., 4.])
    """
    taps = -(-kernel // side)
    g = np.zeros((SIDE, taps), dtype)
    for row, point, distances in ((0, 0.0, 1.0), (1, 1.0, -3.0), (2, -1.0, 3.0), (3, 2.0, 15.0), (4, -0.5, -0.9375)):
        g[row] = [point**t / distances for t in range(taps)]
    g[5, taps - 1] = 1
    return g


@njit(cache=True)
def _constants(like):
    """1/2, 3/2 and 2 in the float type of an array, so that float32 stays float32."""
    constants = np.array([0.5, 1.5, 2.0]).astype(like.dtype)
    return constants[0], constants[1], constants[2]


@njit(cache=True)
def _powers(like):
    """2, 4, 8 and 16 in the float type of an array."""
    powers = np.array([2.0, 4.0, 8.0, 16.0]).astype(like.dtype)
    return powers[0], powers[1], powers[2], powers[3]


@njit(cache=True, fastmath={"contract"})
def _at_points(d0, d1, d2, d3, d4, d5, half, three_halves, two):
    """B^T d. Point p's row is the product of (z - q) over the other points q, as a polynomial in the shift z.

    (z - 2)(z + 1/2) = z^2 - 3/2 z - 1 is common to four rows, (z - 1)(z + 1) = z^2 - 1 to the other two.
    """
    g0 = d2 - three_halves * d1 - d0
    g1 = d3 - three_halves * d2 - d1
    g2 = d4 - three_halves * d3 - d2
    g3 = d5 - three_halves * d4 - d3
    h1 = d3 - d1
    h2 = d4 - d2
    return g2 - g0, g2 + g1, g2 - g1, h2 + half * h1, h2 - two * h1, g3 - g1


@njit(cache=True, fastmath={"contract"})
def _from_points(v0, v1, v2, v3, v4, v5, half, three_halves, two):
    """B v: each line of `_at_points`, backwards."""
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


@njit(cache=True, fastmath={"contract"})
def _read_off(m0, m1, m2, m3, m4, two, four, eight, sixteen):
    """A^T M, but for infinity: output i is the sum over the points of ``value * point^i``."""
    even, odd = m1 + m2, m1 - m2
    return (
        m0 + even + m3 + m4,
        odd + two * m3 - m4 / two,
        even + four * m3 + m4 / four,
        odd + eight * m3 - m4 / eight,
        even + sixteen * m3 + m4 / sixteen,
    )


@njit(cache=True, fastmath={"contract"})
def _values(y0, y1, y2, y3, y4, half, two):
    """A y, but for infinity: the polynomial with coefficients y at 0, 1, -1, 2 and -1/2, by Horner's rule."""
    even, odd = y0 + y2 + y4, y1 + y3
    at_two = y0 + two * (y1 + two * (y2 + two * (y3 + two * y4)))
    at_minus_half = y0 - half * (y1 - half * (y2 - half * (y3 - half * y4)))
    return y0, even + odd, even - odd, at_two, at_minus_half


@njit(cache=True, fastmath={"contract"})
def _combine(weights, r0, r1, r2, r3, r4, r5, out):
    """``out = sum of weights[k] * r_k``, over contiguous channels."""
    w0, w1, w2, w3, w4, w5 = weights[0], weights[1], weights[2], weights[3], weights[4], weights[5]
    for c in range(len(out)):
        out[c] = w0 * r0[c] + w1 * r1[c] + w2 * r2[c] + w3 * r3[c] + w4 * r4[c] + w5 * r5[c]


# ---------------------------------------------------------------------------------------------------
# Tiles


@njit(cache=True)
def _clip(start, length, limit):
    """The part ``before .. after`` of `length` places from `start` on that lies within ``0 .. limit``."""
    before = min(max(0, -start), length)
    return before, max(before, min(length, limit - start))


@njit(cache=True)
def _read_row(x, image, row, left, into):
    """Pixels of one row from column `left` on, side by side; zeros outside the map."""
    _, height, width, c = x.shape
    before, after = _clip(left, len(into) // c, width)
    if row < 0 or row >= height:
        before = after = 0
    for k in range(before * c):
        into[k] = 0
    if after > before:
        line = x[image, row].reshape(-1)
        shift = left * c
        for k in range(before * c, after * c):
            into[k] = line[shift + k]
    for k in range(after * c, len(into)):
        into[k] = 0


@njit(parallel=True, cache=True, fastmath={"contract"})
def _evaluate_tiles(x, m, side, pad, rows, columns, first, v):
    """``V = B^T d B`` of tiles `first` and on, each at its place in (points, tiles, channels of a cell)."""
    run = side * x.shape[3]
    half, three_halves, two = _constants(x)
    for t in prange(v.shape[1]):
        image, tile = divmod(first + np.int64(t), rows * columns)
        i, j = divmod(tile, columns)
        d, mid = np.empty((SIDE, SIDE * run), x.dtype), np.empty((SIDE, SIDE * run), x.dtype)
        for phase in range(side):
            for k in range(SIDE):
                _read_row(x, image, side * (m * i + k) - pad + phase, side * m * j - pad, d[k])
            d0, d1, d2, d3, d4, d5 = d[0], d[1], d[2], d[3], d[4], d[5]
            m0, m1, m2, m3, m4, m5 = mid[0], mid[1], mid[2], mid[3], mid[4], mid[5]
            for k in range(SIDE * run):
                m0[k], m1[k], m2[k], m3[k], m4[k], m5[k] = _at_points(
                    d0[k], d1[k], d2[k], d3[k], d4[k], d5[k], half, three_halves, two
                )
            start, stop = phase * run, (phase + 1) * run
            for p in range(SIDE):
                q = SIDE * p
                d0, d1, d2 = mid[p, :run], mid[p, run : 2 * run], mid[p, 2 * run : 3 * run]
                d3, d4, d5 = mid[p, 3 * run : 4 * run], mid[p, 4 * run : 5 * run], mid[p, 5 * run :]
                v0, v1, v2 = v[q, t, start:stop], v[q + 1, t, start:stop], v[q + 2, t, start:stop]
                v3, v4, v5 = v[q + 3, t, start:stop], v[q + 4, t, start:stop], v[q + 5, t, start:stop]
                for k in range(run):
                    v0[k], v1[k], v2[k], v3[k], v4[k], v5[k] = _at_points(
                        d0[k], d1[k], d2[k], d3[k], d4[k], d5[k], half, three_halves, two
                    )


@njit(parallel=True, cache=True, fastmath={"contract"})
def _add_tiles(dv, m, side, pad, rows, columns, first, phase, phases, dx):
    """``dx += B dV B^T`` for every `phases`-th row of tiles, from row `phase` on: these do not overlap.

    Tiles of one row do, so a row is one task, and its tiles are added from left to right.
    """
    _, height, width, c = dx.shape
    run = side * c
    half, three_halves, two = _constants(dx)
    first_row, last_row = first // columns, (first + dv.shape[1]) // columns
    start_row = first_row + (phase - first_row) % phases
    for task in prange((last_row - start_row + phases - 1) // phases):
        row = start_row + np.int64(task) * phases
        image, i = divmod(row, rows)
        d, mid = np.empty((SIDE, SIDE * run), dx.dtype), np.empty((SIDE, SIDE * run), dx.dtype)
        for j in range(columns):
            t = row * columns + j - first
            left = side * m * j - pad
            before, after = _clip(left, SIDE * side, width)
            for sub in range(side):
                start, stop = sub * run, (sub + 1) * run
                for p in range(SIDE):
                    q = SIDE * p
                    m0, m1, m2 = mid[p, :run], mid[p, run : 2 * run], mid[p, 2 * run : 3 * run]
                    m3, m4, m5 = mid[p, 3 * run : 4 * run], mid[p, 4 * run : 5 * run], mid[p, 5 * run :]
                    v0, v1, v2 = dv[q, t, start:stop], dv[q + 1, t, start:stop], dv[q + 2, t, start:stop]
                    v3, v4, v5 = dv[q + 3, t, start:stop], dv[q + 4, t, start:stop], dv[q + 5, t, start:stop]
                    for k in range(run):
                        m0[k], m1[k], m2[k], m3[k], m4[k], m5[k] = _from_points(
                            v0[k], v1[k], v2[k], v3[k], v4[k], v5[k], half, three_halves, two
                        )
                d0, d1, d2, d3, d4, d5 = d[0], d[1], d[2], d[3], d[4], d[5]
                m0, m1, m2, m3, m4, m5 = mid[0], mid[1], mid[2], mid[3], mid[4], mid[5]
                for k in range(SIDE * run):
                    d0[k], d1[k], d2[k], d3[k], d4[k], d5[k] = _from_points(
                        m0[k], m1[k], m2[k], m3[k], m4[k], m5[k], half, three_halves, two
                    )
                for k in range(SIDE):
                    h = side * (m * i + k) - pad + sub
                    if 0 <= h < height and after > before:
                        line, values = dx[image, h].reshape(-1), d[k]
                        for z in range(before * c, after * c):
                            line[left * c + z] += values[z]


# ---------------------------------------------------------------------------------------------------
# Products at the points, where all the time should go


@njit(parallel=True, cache=True)
def _multiply(values, filters, products):
    """Rows by rows: what both operands are summed over lies side by side, which BLAS packs fastest."""
    for p in prange(POINTS):
        np.dot(values[p], filters[p].T, products[p])


@njit(parallel=True, cache=True)
def _multiply_transposed(v, e, du):
    for p in prange(POINTS):
        np.dot(v[p].T, e[p], du[p])


@njit(parallel=True, cache=True)
def _add_products(v, e, du):
    for p in prange(POINTS):
        product = np.empty(du.shape[1:], du.dtype)
        np.dot(v[p].T, e[p], product)
        total = du[p]
        for k in range(len(product)):
            for d in range(product.shape[1]):
                total[k, d] += product[k, d]


# ---------------------------------------------------------------------------------------------------
# Outputs


@njit(parallel=True, cache=True, fastmath={"contract"})
def _read_outputs(products, b, m, side, pad, rows, columns, first, y):
    """``y = A^T M A + b`` of the tiles `first` and on; what lies beyond the edge of y is dropped."""
    _, height, width, d = y.shape
    powers = _powers(y)
    for t in prange(products.shape[1]):
        image, tile = divmod(first + np.int64(t), rows * columns)
        i, j = divmod(tile, columns)
        mid, out = np.empty((LARGEST, SIDE, d), y.dtype), np.empty((LARGEST, d), y.dtype)
        o0, o1, o2, o3, o4 = out[0], out[1], out[2], out[3], out[4]
        for p in range(SIDE):
            m0, m1, m2 = products[p, t], products[p + 6, t], products[p + 12, t]
            m3, m4, m5 = products[p + 18, t], products[p + 24, t], products[p + 30, t]
            r0, r1, r2, r3, r4 = mid[0, p], mid[1, p], mid[2, p], mid[3, p], mid[4, p]
            for q in range(d):
                r0[q], r1[q], r2[q], r3[q], r4[q] = _read_off(m0[q], m1[q], m2[q], m3[q], m4[q], *powers)
            last = mid[m - 1, p]
            for q in range(d):
                last[q] += m5[q]
        for k in range(min(m, height - m * i)):
            m0, m1, m2, m3, m4, m5 = mid[k, 0], mid[k, 1], mid[k, 2], mid[k, 3], mid[k, 4], mid[k, 5]
            for q in range(d):
                o0[q], o1[q], o2[q], o3[q], o4[q] = _read_off(m0[q], m1[q], m2[q], m3[q], m4[q], *powers)
            last = out[m - 1]
            for q in range(d):
                last[q] += m5[q]
            for z in range(min(m, width - m * j)):
                cell, values = y[image, m * i + k, m * j + z], out[z]
                for q in range(d):
                    cell[q] = values[q] + b[q]


@njit(parallel=True, cache=True, fastmath={"contract"})
def _evaluate_outputs(dy, m, rows, columns, first, e):
    """``E = A dY A^T`` of the tiles `first` and on; beyond the edge, dY is 0."""
    d = dy.shape[3]
    half, _, two = _constants(dy)
    nothing = np.zeros(d, dy.dtype)
    for t in prange(e.shape[1]):
        image, tile = divmod(first + np.int64(t), rows * columns)
        i, j = divmod(tile, columns)
        part, mid = np.zeros((LARGEST, m * d), dy.dtype), np.empty((SIDE, m * d), dy.dtype)
        for k in range(m):
            _read_row(dy, image, m * i + k, m * j, part[k])
        y0, y1, y2, y3, y4 = part[0], part[1], part[2], part[3], part[4]
        last = part[m - 1]
        m0, m1, m2, m3, m4, m5 = mid[0], mid[1], mid[2], mid[3], mid[4], mid[5]
        for q in range(m * d):
            m0[q], m1[q], m2[q], m3[q], m4[q] = _values(y0[q], y1[q], y2[q], y3[q], y4[q], half, two)
            m5[q] = last[q]
        for p in range(SIDE):
            line = mid[p]
            y0, y1 = line[:d], line[d : 2 * d]
            y2 = line[2 * d : 3 * d] if m > 2 else nothing
            y3 = line[3 * d : 4 * d] if m > 3 else nothing
            y4 = line[4 * d :] if m > 4 else nothing
            last = line[(m - 1) * d :]
            q = SIDE * p
            e0, e1, e2, e3, e4, e5 = e[q, t], e[q + 1, t], e[q + 2, t], e[q + 3, t], e[q + 4, t], e[q + 5, t]
            for z in range(d):
                e0[z], e1[z], e2[z], e3[z], e4[z] = _values(y0[z], y1[z], y2[z], y3[z], y4[z], half, two)
                e5[z] = last[z]


# ---------------------------------------------------------------------------------------------------
# Filters


def _evaluate_filters(w, tiles, by_filter, u=None):
    """``U = G g G^T``: (points, D, channels of a cell) by filter, or (points, channels of a cell, D)."""
    kernel, _, c, d = w.shape
    cells = tiles.side * tiles.side
    if by_filter:
        taps, steps, shape = np.empty((kernel, kernel, d, c), w.dtype), (cells * c, c), (POINTS, d, cells * c)
        _transpose(w.reshape(-1, c, d), taps.reshape(-1, d, c))
    else:
        taps, steps, shape = w, (d, c * d), (POINTS, cells * c, d)
    u = np.empty(shape, w.dtype) if u is None else u
    _write_filters(taps, _filter_matrix(kernel, tiles.side, w.dtype), tiles.side, *steps, u.reshape(POINTS, -1))
    return u


@njit(parallel=True, cache=True)
def _transpose(a, b):
    """Each matrix ``b[k] = a[k]^T``, in squares whose lines stay in cache."""
    _, rows, columns = a.shape
    blocks = (columns + BLOCK - 1) // BLOCK
    for task in prange(len(a) * blocks):
        k, block = divmod(np.int64(task), blocks)
        left, right = block * BLOCK, min(columns, (block + 1) * BLOCK)
        for top in range(0, rows, BLOCK):
            for j in range(left, right):
                for i in range(top, min(rows, top + BLOCK)):
                    b[k, j, i] = a[k, i, j]


@njit(parallel=True, cache=True, fastmath={"contract"})
def _write_filters(taps, g, side, row_step, cell_step, u):
    """Row r of the taps, in the place ``(down, across)`` of a cell, goes to one run of values at each point."""
    kernel, _, rows, length = taps.shape
    for task in prange(side * side * rows):
        sub, r = divmod(np.int64(task), rows)
        down, across = divmod(sub, side)
        mid = np.zeros((SIDE, g.shape[1], length), taps.dtype)
        for s in range(g.shape[1]):
            for t in range(g.shape[1]):
                i, j = side * s + down, side * t + across
                if i < kernel and j < kernel:
                    for p in range(SIDE):
                        weight, tap, out = g[p, s], taps[i, j, r], mid[p, t]
                        for q in range(length):
                            out[q] += weight * tap[q]
        start = r * row_step + sub * cell_step
        for p in range(SIDE):
            for q in range(SIDE):
                out = u[SIDE * p + q, start : start + length]
                for z in range(length):
                    out[z] = g[q, 0] * mid[p, 0, z]
                for t in range(1, g.shape[1]):
                    weight, part = g[q, t], mid[p, t]
                    for z in range(length):
                        out[z] += weight * part[z]


@njit(parallel=True, cache=True, fastmath={"contract"})
def _read_filters(du, g, side, dw):
    """``dw = G^T dU G``; taps beyond the kernel are dropped."""
    kernel, _, c, d = dw.shape
    taps = g.shape[1]
    for row in prange(du.shape[1]):
        sub, channel = divmod(np.int64(row), c)
        down, across = divmod(sub, side)
        mid = np.empty((SIDE, d), dw.dtype)
        for s in range(taps):
            weights = g[:, s]
            for q in range(SIDE):
                _combine(
                    weights,
                    *(du[q, row], du[q + 6, row], du[q + 12, row]),
                    *(du[q + 18, row], du[q + 24, row], du[q + 30, row]),
                    mid[q],
                )
            for t in range(taps):
                i, j = side * s + down, side * t + across
                if i < kernel and j < kernel:
                    _combine(g[:, t], mid[0], mid[1], mid[2], mid[3], mid[4], mid[5], dw[i, j, channel])

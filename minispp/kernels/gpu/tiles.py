"""Tiles of a matrix product: their shapes, the rule that chooses one, and what a thread does with two slices.

A block of threads makes a tile of the result. It goes through the inner dimension in slices: a slice of either matrix
is brought to shared memory, where every value is used by a whole row or column of threads, while the next one is
already on its way to registers. Each thread keeps a small tile of sums in registers, so that every value it reads from
shared memory is used 4 or 8 times.

Where there are too few tiles to fill a device, the inner dimension is cut into *parts*, whose sums are added
afterwards, in their order. How many depends on the shapes alone (`parts_for`), so the result has the same bits every
time, on every device.
"""

from functools import cache
from typing import NamedTuple

from numba import cuda, float32, uint64

from minispp.kernels.gpu.compiler import THREADS, blocks_for, inlined, kernel
from minispp.kernels.gpu.memory import empty


class Tile(NamedTuple):
    """A shape of tile, and the budget that the compiler must keep.

    Attributes
    ----------
    rows, columns : int
        Of the tile.
    slice : int
        Values of the inner dimension that are in shared memory at once.
    high, wide : int
        Rows and columns of a thread's own tile.
    at_once : int
        Neighbouring values that a thread reads from shared memory in one instruction.
    registers, blocks : int
        Of a thread, at most, so that so many blocks fit on a multiprocessor.
    """

    rows: int
    columns: int
    slice: int
    high: int
    wide: int
    at_once: int = 4
    registers: int = 255
    blocks: int = 2

    @property
    def threads(self):
        """Along the columns and along the rows."""
        return self.columns // self.wide, self.rows // self.high

    @property
    def count(self):
        """Threads of a block."""
        return self.threads[0] * self.threads[1]

    @property
    def margin(self):
        """Values more in each line of the left slice: threads that write one below the other then meet other banks."""
        return self.at_once

    @property
    def shared(self):
        """Bytes of shared memory: two slices of either matrix."""
        return 4 * 2 * self.slice * (self.rows + self.margin + self.columns)


TILES = (
    Tile(128, 128, 8, 8, 8, registers=128),
    Tile(128, 96, 12, 8, 8, registers=152),
    Tile(128, 64, 8, 8, 4, registers=104),
    Tile(64, 64, 16, 4, 4, registers=80, blocks=3),
    Tile(32, 128, 8, 4, 4, registers=80, blocks=3),
)
FULL = 264  # blocks that fill a device: two on each of 132 multiprocessors
PART = 128  # values of the inner dimension, at least, that a part is worth


def tile_for(rows, columns, by_rows=False):
    """The tile for a result of this shape: the one rule.

    A tile costs what it computes, with what lies beyond the edge, and what it reads: a value from shared memory counts
    as two products, and each product needs ``1 / high + 1 / wide`` of them. The cheapest tile is taken, the first
    of equals. With `by_rows`, only those whose threads make up whole rows, each of which then brings values of one row.

    Examples
    --------
    >>> [tile_for(*shape)[:2] for shape in ((10816, 384), (774400, 96), (64, 4096), (16, 4096))]
    [(128, 128), (128, 96), (64, 64), (32, 128)]
    >>> tile_for(774400, 96, by_rows=True)[:2]
    (128, 128)
    """

    def cost(tile):
        covered = -(-rows // tile.rows) * tile.rows * -(-columns // tile.columns) * tile.columns
        return covered * (1 + 2 / tile.high + 2 / tile.wide)

    return min((tile for tile in TILES if not by_rows or tile.count % tile.rows == 0), key=cost)


def parts_for(tile, rows, columns, inner):
    """Into how many parts the inner dimension is cut: as many as fill a device, none shorter than `PART`.

    Examples
    --------
    >>> parts_for(TILES[0], 10816, 384, 2304), parts_for(TILES[3], 64, 4096, 12800)
    (2, 5)
    """
    tiles = -(-rows // tile.rows) * -(-columns // tile.columns)
    return max(1, min(-(-FULL // tiles), inner // PART, 65535))


@cache
def multiplier(tile):
    """``sums += left right`` for the slices that begin at `a_at` and `b_at`, as a function for kernels of this tile."""
    high, wide, at_once = tile.high, tile.wide, tile.at_once
    a_line, b_line = tile.rows + tile.margin, tile.columns
    a_step, b_step = at_once * tile.threads[1], at_once * tile.threads[0]
    depth = tile.slice

    @inlined
    def multiply_add(a_slice, a_at, b_slice, b_at, sums):
        # The rows of a thread are not neighbours, but runs of `at_once`, so that a warp reads neighbouring runs.
        a = cuda.local.array(high, float32)
        b = cuda.local.array(wide, float32)
        for first in range(0, depth, 2):  # two a pass: half the arithmetic of the loop itself
            for k in range(first, first + 2):
                for run in range(high // at_once):
                    for i in range(at_once):
                        a[run * at_once + i] = a_slice[uint64(a_at + k * a_line + run * a_step + i)]
                for run in range(wide // at_once):
                    for j in range(at_once):
                        b[run * at_once + j] = b_slice[uint64(b_at + k * b_line + run * b_step + j)]
                for i in range(high):
                    for j in range(wide):
                        sums[i, j] += a[i] * b[j]

    return multiply_add


def with_parts(result, parts, launch, bias):
    """`result`, by ``launch(target, bias)`` into it, or into `parts` arrays like it that are then added in order."""
    if parts == 1:
        launch(result, bias)
        return result
    partial = empty((parts * result.size,), result.dtype)
    launch(partial, empty((0,), result.dtype))
    add_parts[blocks_for(result.size), THREADS](partial, bias, result.reshape(result.size))
    return result


@kernel
def add_parts(partial, b, y):
    """Each thread adds the parts of one value, from the first to the last, then of the one a grid further on.

    Moves 4 bytes a value for each part and 4 for the sum. Budget: 40 registers, 0 bytes shared.
    """
    parts = partial.size // y.size
    k = cuda.grid(1)
    while k < y.size:
        total = b[k % b.size] if b.size else float32(0)
        for part in range(parts):
            total += partial[part * y.size + k]
        y[k] = total
        k += cuda.gridsize(1)

"""Maxima over windows, and the way back to the cells that won. Both are bound by memory.

The threads of a warp take neighbouring channels, so each reads and writes its own, and together they move whole lines
of memory.

The way back is an ordered sum without atomics. A thread owns a channel of a *band* of cells, keeps its sums in shared
memory, where nobody else touches them, and goes through the table in order. It need not look at all of the table:
beforehand, the lowest and highest winner of each chunk of windows is found, and of each chunk of chunks. Nothing is
known here of where windows lie, and nothing need be. If there are too few bands to fill a device, the table is cut
into parts, whose sums are added in order (`tiles.with_parts`); how many depends on shapes alone.
"""

from functools import lru_cache

import numpy as np
from numba import cuda, int32

from minispp.kernels.gpu.arrays import on_device, table
from minispp.kernels.gpu.compiler import THREADS, blocks_for, kernel
from minispp.kernels.gpu.memory import empty
from minispp.kernels.gpu.tiles import with_parts

LANES = 32  # channels of a block: a warp reads a line of memory
BINS = 8  # windows that a block pools at once
AHEAD = 4  # cells that a thread asks for before it looks at the first
GROUP = 32  # windows of a block where they are not nested
CELLS = 192  # of a band, at most: 24 KB of sums
CHUNK = 16  # windows whose winners' range is known
CHUNKS = 64  # chunks whose common range is known
WALKERS = 1056  # blocks of the way back that fill a device: eight on each of 132 multiprocessors


def window_max(x, windows, nesting=None, need_winners=True):
    """A block for each group of windows and `LANES` channels: those of the map first, then those made of others."""
    x = on_device(x)
    *_, height, width, channels = x.shape
    shape = (*windows.shape[:-1], channels)
    y, winners = empty(shape, x.dtype), empty(shape if need_winners else (0,), np.int32)
    if y.size:
        count = y.size // channels
        nesting = _by_itself(GROUP) if nesting is None else nesting
        plan = table(nesting), table(_stages(nesting.tobytes()))
        grid = -(-count // len(nesting)), -(-channels // LANES)
        arrays = x.reshape(x.size // channels, channels), table(windows).reshape(count, 5), *plan
        kept = winners.reshape(winners.size // channels, channels)
        _window_max[grid, (LANES, BINS)](*arrays, (height, width), y.reshape(count, channels), kept)
    return y, winners if need_winners else None


@lru_cache
def _by_itself(count):
    """A nesting of windows that are all pooled from the map."""
    plan = np.zeros((count, 5), np.int32)
    plan[:, 0] = np.arange(count)
    plan.flags.writeable = False
    return plan


@lru_cache
def _stages(nesting):
    """Where the rows of a nesting, as bytes, can be done at once: those from `stages[k]` to before `stages[k + 1]`.

    Examples
    --------
    >>> from minispp.windows import as_levels, nesting
    >>> _stages(nesting(as_levels((6, 3, 2, 1))).tobytes()).tolist()
    [0, 36, 49, 50]
    """
    rows = np.frombuffer(nesting, np.int32).reshape(-1, 5)
    depth = np.zeros(len(rows), int)
    for bin_, first, tall, _, _ in rows:
        if tall:
            depth[bin_] = depth[first] + 1  # the bins it is made of are of one level
    in_order = depth[rows[:, 0]]
    stages = np.concatenate([[0], np.flatnonzero(np.diff(in_order)) + 1, [len(rows)]]).astype(np.int32)
    stages.flags.writeable = False
    return stages


@kernel
def _window_max(cells, windows, nesting, stages, size, y, winners):
    """A block pools one group of windows for LANES channels; a thread, every BINS-th window for one of them.

    Windows that are unions of others are pooled from their maxima, after a barrier: what the block wrote to y is still
    in cache. Moves each cell of the map at least once, more often where windows overlap and cache does not
    serve, and 8 bytes a maximum with its winner; compares once a cell. Budget: 64 registers, 0 bytes shared.

    cells : (N*H*W, C); windows : (R*M, 5); nesting : (M, 5), see `minispp.windows.nesting`; size : H, W
    winners : (R*M, C), or empty
    """
    ahead = cuda.local.array(AHEAD, cells.dtype)
    height, width = size
    count, channels = y.shape
    members, keep = nesting.shape[0], winners.shape[0] > 0
    c, start = cuda.blockIdx.y * LANES + cuda.threadIdx.x, cuda.blockIdx.x * members
    for stage in range(stages.size - 1):
        for step in range(stages[stage] + cuda.threadIdx.y, stages[stage + 1], BINS):
            r = start + nesting[step, 0]
            if r < count and c < channels:
                rows, columns, pitch = nesting[step, 2], nesting[step, 3], nesting[step, 4]
                if rows == 0:
                    top, left = windows[r, 1], windows[r, 2]
                    first = (windows[r, 0] * height + top) * width + left
                    best, won = cells[first, c], first
                    for i in range(windows[r, 3] - top):
                        start_of_row = first + i * width
                        last = start_of_row + windows[r, 4] - left - 1
                        for cell in range(start_of_row, last + 1, AHEAD):
                            for k in range(AHEAD):  # on their way together; the last one again, where there are fewer
                                ahead[k] = cells[min(cell + k, last), c]
                            for k in range(AHEAD):
                                # Not "value > best": a NaN must win too, and, once it has won, must stay.
                                better = not (ahead[k] <= best) and best == best
                                best, won = (ahead[k] if better else best), (min(cell + k, last) if better else won)
                else:
                    first = start + nesting[step, 1]
                    best, won = y[first, c], (int(winners[first, c]) if keep else first)
                    for i in range(rows):
                        for k in range(first + i * pitch, first + i * pitch + columns):
                            # The two are put into the order of their cells; then the rule is that of two cells.
                            value, cell = y[k, c], (int(winners[k, c]) if keep else k)
                            earlier, later = (value if cell < won else best), (best if cell < won else value)
                            better = not (later <= earlier) and earlier == earlier
                            best, won = (later if better else earlier), (max(cell, won) if better else min(cell, won))
                y[r, c] = best
                if keep:
                    winners[r, c] = won
        cuda.syncthreads()


def window_max_backward(dy, winners, shape):
    """A block for each band of cells, `LANES` channels and part of the table."""
    dy, winners = on_device(dy), on_device(winners)
    n, height, width, channels = shape
    dx = empty(shape, dy.dtype)
    if not dx.size:
        return dx
    count = dy.size // channels
    dy, winners = dy.reshape(count, channels), winners.reshape(count, channels)
    chunks = _ranges(winners, winners, CHUNK)
    chunks_of_chunks = _ranges(*chunks, CHUNKS)
    bands = -(-height * width // CELLS)
    blocks = n * bands, -(-channels // LANES)
    parts = max(1, min(-(-WALKERS // (blocks[0] * blocks[1])), len(chunks_of_chunks[0])))
    geometry = height * width, bands, -(-height * width // bands)

    def launch(target, _):
        rows = target.reshape(target.size // channels, channels)
        _walk_back[(*blocks, target.size // dx.size), LANES](dy, winners, *chunks, *chunks_of_chunks, geometry, rows)

    return with_parts(dx, parts, launch, empty((0,), dx.dtype))


def _ranges(low, high, length):
    """The lowest and the highest of each column in runs of `length` rows."""
    count, channels = low.shape
    shape = -(-count // length), channels
    lowest, highest = empty(shape, np.int32), empty(shape, np.int32)
    if lowest.size:
        _find_ranges[blocks_for(lowest.size), THREADS](low, high, length, lowest, highest)
    return lowest, highest


@kernel
def _find_ranges(low, high, length, lowest, highest):
    """Each thread finds the range of one channel in one run of rows, then of the one a grid further on.

    Moves 4 or 8 bytes a value. Budget: 48 registers, 0 bytes shared.
    """
    count, channels = low.shape
    k = cuda.grid(1)
    while k < lowest.size:
        run, c = divmod(k, channels)
        bottom, top = low[run * length, c], high[run * length, c]
        for r in range(run * length + 1, min((run + 1) * length, count)):
            bottom, top = min(bottom, low[r, c]), max(top, high[r, c])
        lowest[run, c], highest[run, c] = bottom, top
        k += cuda.gridsize(1)


@kernel
def _walk_back(dy, winners, low, high, lowest, highest, geometry, dx):
    """A block owns a band of cells, for LANES channels and one part of the table; a thread owns one of the channels.

    Shared memory holds the sums of the band. No thread touches what another one owns, so there is no barrier, and each
    cell adds its windows in the order of the table. Moves 8 bytes a window of every chunk that reaches the band, and
    4 bytes a cell; adds once a window. Budget: 72 registers, 24576 bytes shared.

    low, high : of chunks of CHUNK windows; lowest, highest : of CHUNKS chunks; geometry : cells of a map, its
    bands, cells of a band
    """
    sums = cuda.shared.array((CELLS, LANES), dy.dtype)
    cell = cuda.local.array(CHUNK, int32)
    gradient = cuda.local.array(CHUNK, dy.dtype)
    size, bands, length = geometry
    count, channels = dy.shape
    lane = cuda.threadIdx.x
    c = cuda.blockIdx.y * LANES + lane
    if c >= channels:
        return
    image, band = divmod(cuda.blockIdx.x, bands)
    first = image * size + band * length
    last = min(first + length, (image + 1) * size)
    part, parts = cuda.blockIdx.z, cuda.gridDim.z
    for k in range(last - first):
        sums[k, lane] = 0
    chunks, several = low.shape[0], lowest.shape[0]
    for run in range(part * several // parts, (part + 1) * several // parts):
        if lowest[run, c] < last and highest[run, c] >= first:
            for chunk in range(run * CHUNKS, min((run + 1) * CHUNKS, chunks)):
                if low[chunk, c] < last and high[chunk, c] >= first:
                    for k in range(CHUNK):  # all of them at once on their way; what lies beyond the last is no cell
                        r = chunk * CHUNK + k
                        cell[k] = winners[min(r, count - 1), c] if r < count else int32(-1)
                        gradient[k] = dy[min(r, count - 1), c]
                    for k in range(CHUNK):
                        if first <= cell[k] < last:
                            sums[cell[k] - first, lane] += gradient[k]
    whole = dx.shape[0] // parts
    for k in range(last - first):
        dx[part * whole + first + k, c] = sums[k, lane]

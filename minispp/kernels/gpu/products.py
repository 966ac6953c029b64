"""The two products that convolutions, their gradients and fully connected layers come down to.

A convolution is a matrix product whose left matrix is never made. Its rows are the N*H'*W' windows, its columns the
kh*kw*C values of a window, which are read from the map when they are needed. Channels are last, so the kw*C
values of a window that come from one row of the map lie side by side. Hence a map is here a stack of *lines* of W*C
values, and a window is kh pieces of `depth` = kw*C values, each valid where it lies on its line: padding costs a
comparison and no memory, whatever C is.
"""

from functools import cache

from numba import cuda, float32, int32, int64, uint32, uint64

from minispp.kernels.gpu.compiler import ALIGNED, kernel
from minispp.kernels.gpu.tiles import multiplier


@cache
def correlate(tile):
    """The kernel of a correlation for one shape of tile: forward, and, with turned filters, dx."""
    rows, columns, depth_of_slice, high, wide, at_once = tile[:6]
    across, down = tile.threads
    count = tile.count
    a_line = rows + tile.margin
    a_size, b_size = depth_of_slice * a_line, depth_of_slice * columns
    a_shared, b_shared = 2 * a_size, 2 * b_size
    a_each, b_each = rows * depth_of_slice // count, columns * depth_of_slice // count
    a_step, b_step = count // depth_of_slice, count // columns
    multiply_add = multiplier(tile)

    @kernel(launch_bounds=(count, tile.blocks))
    def _correlate(x, w, b, y, maps, filters, outputs, walk, place):
        """A block makes a tile of windows x filters; a thread, high x wide of its sums.

        Block (i, j, part) makes rows ``i * rows ..``, columns ``j * columns ..``, of one part of the inner dimension.
        Shared memory holds two slices of windows and of filters, of which one is multiplied while the other is
        filled, and where the window of each row begins, 20 bytes a row. A value of the inner dimension is
        ``4 * (rows + columns)`` bytes, mostly from cache, for ``2 * rows * columns`` operations; in all there are
        ``2 * N*H'*W' * kh*kw*C * D`` of these, and y is written once for each part. Budget: that of `Tile`.

        x : lines of the maps; w : (kh, depth, D) as a line; b : (D,), or empty for none or where parts are added later
        y : one output map, or one for each part
        maps : lines of a map, values of a line; filters : kh, depth, D
        outputs : windows in all, rows and columns of windows in a map
        walk : lines and values from a window to the next; line and value where the first one begins
        place : lines and columns of an output map; steps from a window's output to the next; line, column of the first
        """
        lines, length = maps
        taps, depth, d_count = filters
        windows, window_rows, window_columns = outputs
        line_step, value_step, top, left = walk
        y_lines, y_columns, y_step, y_top, y_left = place
        a_slice = cuda.shared.array(a_shared, float32, ALIGNED)
        b_slice = cuda.shared.array(b_shared, float32, ALIGNED)
        image_of = cuda.shared.array(rows, int32)
        line_of = cuda.shared.array(rows, int32)
        value_of = cuda.shared.array(rows, int32)
        y_from = cuda.shared.array(rows, int64)
        sums = cuda.local.array((high, wide), float32)
        next_a = cuda.local.array(a_each, float32)
        next_b = cuda.local.array(b_each, float32)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        thread = ty * across + tx
        first_window, first_d = cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        # Which values of a slice this thread brings: of the windows, one column; of the filters, one column too.
        a_k, a_row = thread % depth_of_slice, thread // depth_of_slice
        b_k, b_column = thread // columns, thread % columns
        for row in range(thread, rows, count):
            # A row beyond the last window reads what that one reads, and is not written.
            n, ij = divmod(min(first_window + row, windows - 1), window_rows * window_columns)
            i, j = divmod(ij, window_columns)
            image_of[row], line_of[row], value_of[row] = n * lines, i * line_step + top, j * value_step + left
            y_from[row] = ((n * y_lines + i * y_step + y_top) * y_columns + j * y_step + y_left) * d_count
        cuda.syncthreads()
        part, parts = cuda.blockIdx.z, cuda.gridDim.z
        for i in range(high):
            for j in range(wide):
                sums[i, j] = float32(0)

        slices_of_a_tap = max(1, (depth + depth_of_slice - 1) // depth_of_slice)  # there may be no filters
        slices = taps * slices_of_a_tap
        start, stop = int32(part * slices // parts), int32((part + 1) * slices // parts)
        tap, at = divmod(start, slices_of_a_tap)
        at *= depth_of_slice
        u, t = int32(tap), int32(at)
        b_at = (tap * depth + at + b_k) * d_count + min(first_d + b_column, d_count - 1)
        half = int32(0)
        for step in range(start, int32(stop + 1)):
            if step < stop:  # the next slice, on its way to registers
                for r in range(a_each):
                    row = a_row + r * a_step
                    line, value = int32(line_of[row] + u), int32(value_of[row] + t + a_k)
                    inside = (
                        uint32(line) < uint32(lines)
                        and uint32(value) < uint32(length)
                        and int32(t + a_k) < int32(depth)
                    )
                    next_a[r] = x[uint64(int64(int32(image_of[row] + line)) * length + value)] if inside else float32(0)
                for r in range(b_each):
                    inside = int32(t + b_k + r * b_step) < int32(depth)
                    next_b[r] = w[uint64(b_at + r * b_step * d_count)] if inside else float32(0)
            if step > start:  # meanwhile, the last one
                now = 1 - half
                multiply_add(a_slice, now * a_size + at_once * ty, b_slice, now * b_size + at_once * tx, sums)
            if step < stop:
                for r in range(a_each):
                    a_slice[uint64(half * a_size + a_k * a_line + a_row + r * a_step)] = next_a[r]
                for r in range(b_each):
                    b_slice[uint64(half * b_size + (b_k + r * b_step) * columns + b_column)] = next_b[r]
                half = int32(1 - half)
                t = int32(t + depth_of_slice)
                b_at += depth_of_slice * d_count
                if t >= int32(depth):
                    b_at -= (t - depth) * d_count
                    u, t = int32(u + 1), int32(0)
            cuda.syncthreads()

        whole = y.size // parts
        for i in range(high):
            row = i // at_once * at_once * down + at_once * ty + i % at_once
            if first_window + row < windows:
                y_at = part * whole + y_from[row]
                for j in range(wide):
                    d = first_d + j // at_once * at_once * across + at_once * tx + j % at_once
                    if d < d_count:
                        y[uint64(y_at + d)] = sums[i, j] + b[d] if b.size else sums[i, j]

    return _correlate


@cache
def weigh(tile):
    """The kernel of the filters' gradient for one shape of tile."""
    rows, columns, depth_of_slice, high, wide, at_once = tile[:6]
    across, down = tile.threads
    count = tile.count
    a_line = rows + tile.margin
    a_size, b_size = depth_of_slice * a_line, depth_of_slice * columns
    a_shared, b_shared = 2 * a_size, 2 * b_size
    a_each, b_each = rows * depth_of_slice // count, columns * depth_of_slice // count
    a_step, b_step = count // rows, count // columns
    multiply_add = multiplier(tile)

    @kernel(launch_bounds=(count, tile.blocks))
    def _weigh(x, dy, dw, maps, filters, outputs, walk):
        """A block makes a tile of taps x filters; a thread, high x wide of its sums over windows.

        Block (i, j, part) makes rows ``i * rows ..`` (a row is one of the kh*kw*C values of a window), columns
        ``j * columns ..``, over one part of the windows. Shared memory holds two slices of windows and of dy: one is
        multiplied, the other filled. Bytes and operations as for `correlate`: ``2 * N*H'*W' * kh*kw*C * D`` operations;
        dw is written once for each part. Budget: that of `Tile`.

        x : lines of the maps; dy : (windows, D) as a line; dw : (kh, depth, D) as a line, one for each part
        maps, filters, outputs, walk : as for `correlate`
        """
        lines, length = maps
        taps, depth, d_count = filters
        windows, window_rows, window_columns = outputs
        line_step, value_step, top, left = walk
        a_slice = cuda.shared.array(a_shared, float32, ALIGNED)
        b_slice = cuda.shared.array(b_shared, float32, ALIGNED)
        sums = cuda.local.array((high, wide), float32)
        next_a = cuda.local.array(a_each, float32)
        next_b = cuda.local.array(b_each, float32)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        thread = ty * across + tx
        first_tap, first_d = cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        a_k, a_row = thread // rows, thread % rows
        b_k, b_column = thread // columns, thread % columns
        # This thread brings one tap of several windows. A tap beyond the last is the last, and is not written.
        u, t = divmod(min(first_tap + a_row, taps * depth - 1), depth)
        top, left = int32(top + u), int32(left + t)
        slices, part, parts = (windows + depth_of_slice - 1) // depth_of_slice, cuda.blockIdx.z, cuda.gridDim.z
        start, stop = part * slices // parts, (part + 1) * slices // parts
        n, ij = divmod(start * depth_of_slice + a_k, window_rows * window_columns)
        i, j = divmod(ij, window_columns)
        n, i, j = int32(n), int32(i), int32(j)
        b_at = (start * depth_of_slice + b_k) * d_count + min(first_d + b_column, d_count - 1)
        for row in range(high):
            for column in range(wide):
                sums[row, column] = float32(0)

        half = 0
        for step in range(start, stop + 1):
            if step < stop:
                left_over = int32(windows - step * depth_of_slice)
                for r in range(a_each):
                    line, value = int32(i * line_step + top), int32(j * value_step + left)
                    inside = (
                        uint32(line) < uint32(lines)
                        and uint32(value) < uint32(length)
                        and int32(a_k + r * a_step) < left_over
                    )
                    next_a[r] = x[uint64((int64(n) * lines + line) * length + value)] if inside else float32(0)
                    j = int32(j + a_step)  # to the thread's next window, and after the last to the next slice's first
                    while j >= int32(window_columns):
                        i, j = int32(i + 1), int32(j - window_columns)
                    while i >= int32(window_rows):
                        n, i = int32(n + 1), int32(i - window_rows)
                for r in range(b_each):
                    inside = int32(b_k + r * b_step) < left_over
                    next_b[r] = dy[uint64(b_at + r * b_step * d_count)] if inside else float32(0)
            if step > start:
                now = 1 - half
                multiply_add(a_slice, now * a_size + at_once * ty, b_slice, now * b_size + at_once * tx, sums)
            if step < stop:
                for r in range(a_each):
                    a_slice[uint64(half * a_size + (a_k + r * a_step) * a_line + a_row)] = next_a[r]
                for r in range(b_each):
                    b_slice[uint64(half * b_size + (b_k + r * b_step) * columns + b_column)] = next_b[r]
                half = 1 - half
                b_at += depth_of_slice * d_count
            cuda.syncthreads()

        for row in range(high):
            tap = first_tap + row // at_once * at_once * down + at_once * ty + row % at_once
            if tap < taps * depth:
                dw_at = (part * taps * depth + tap) * d_count
                for column in range(wide):
                    d = first_d + column // at_once * at_once * across + at_once * tx + column % at_once
                    if d < d_count:
                        dw[uint64(dw_at + d)] = sums[row, column]

    return _weigh

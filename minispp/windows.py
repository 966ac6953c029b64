"""Where to look: bins, pyramids and sliding windows, in integers.

A *window* is an int32 row ``(image, top, left, bottom, right)``. It is half-open, so it holds the rows
``top .. bottom - 1`` and the columns ``left .. right - 1`` of picture number ``image``. The same row
describes a rectangle of cells in a feature map and a rectangle of pixels in a picture; `minispp.fields`
leads from one to the other.

Max pooling, spatial pyramid pooling and the pooling of 2,000 proposals are three *tables* of such rows
for one kernel. All geometry is decided here, once, on the host, and never in floating point: ``k*(h/n)``
already picks a wrong edge in float32 at h=57, n=7, and in float64 at h=29, n=7. Integers cannot.
"""

from functools import lru_cache

import numpy as np

# ---------------------------------------------------------------------------------------------------
# One axis: bins and sliding windows


def bin_edges(size, bins):
    """The cells of each of `bins` bins that cover `size` cells: floor on the left, ceil on the right.

    Bin ``k`` holds the cells ``floor(k * size / bins) .. ceil((k + 1) * size / bins) - 1``. Neighbours
    share a cell where `bins` does not divide `size`; no cell is missed; no bin is empty, even when there
    are more bins than cells. (Paper, appendix A.)

    Parameters
    ----------
    size : int
        Number of cells along the axis, at least 1.
    bins : int
        Number of bins, at least 1.

    Returns
    -------
    array (bins, 2) of int64
        Start (included) and stop (excluded) of each bin.

    Examples
    --------
    >>> bin_edges(10, 3).tolist()
    [[0, 4], [3, 7], [6, 10]]
    >>> bin_edges(2, 3).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    require_positive("bin_edges", size=size, bins=bins)
    k = np.arange(bins)
    return np.stack([k * size // bins, ((k + 1) * size + bins - 1) // bins], axis=1)


def sliding_edges(size, kernel, stride, pad=0, ceil_mode=False):
    """The cells under each position of a window of `kernel` cells that moves by `stride` cells.

    Position ``i`` covers ``i*stride - pad .. i*stride - pad + kernel - 1``, clipped to the map. There are
    ``(size + 2*pad - kernel) / stride + 1`` positions, rounded down, or up with `ceil_mode`; a position
    that would start beyond the last cell is dropped.

    Padding is never a value: a clipped window is only smaller, so zeros cannot win over negative features.

    Returns
    -------
    array (count, 2) of int64
        Start (included) and stop (excluded) of each position.

    Examples
    --------
    ZF-5's maps need ceil mode; floor mode would lose the last column:

    >>> sliding_edges(6, 3, 2, ceil_mode=True).tolist()
    [[0, 3], [2, 5], [4, 6]]
    >>> sliding_edges(6, 3, 2).tolist()
    [[0, 3], [2, 5]]
    """
    count = sliding_count(size, kernel, stride, pad, ceil_mode)
    start = np.arange(count) * stride - pad
    return np.stack([np.maximum(start, 0), np.minimum(start + kernel, size)], axis=1)


def sliding_count(size, kernel, stride, pad=0, ceil_mode=False):
    """How many positions a sliding window has along an axis: the size of the output map.

    Examples
    --------
    >>> sliding_count(110, 3, 2), sliding_count(110, 3, 2, ceil_mode=True)
    (54, 55)
    """
    require_positive("sliding window", size=size, kernel=kernel, stride=stride)
    if not 0 <= pad < kernel:
        raise ValueError(f"sliding window: expected 0 <= pad < kernel = {kernel}, got pad = {pad}")
    room = size + 2 * pad - kernel
    if room < 0 and not (ceil_mode and room > -stride):
        raise ValueError(
            f"sliding window: a kernel of {kernel} does not fit into {size} cells with a padding of {pad}"
        )
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    # In ceil mode the last position may lie wholly in the padding, where there is nothing to pool.
    return count - 1 if (count - 1) * stride - pad >= size else count


def sliding_rule_edges(size, bins):
    """What the paper's single-size recipe pools: kernel ``ceil(size/bins)``, stride ``floor(size/bins)``.

    It agrees with `bin_edges` if and only if ``size % bins`` is 0 or 1. On the paper's own second size,
    10 cells in 6 bins, it makes 9 positions, and the first 6 of them miss 3 cells (paper, section 2.3).

    Examples
    --------
    >>> sliding_rule_edges(13, 6).tolist() == bin_edges(13, 6).tolist()
    True
    >>> len(sliding_rule_edges(10, 6))
    9
    """
    require_positive("sliding rule", size=size, bins=bins)
    if size < bins:
        raise ValueError(f"sliding rule: {size} cells are fewer than {bins} bins, so its stride would be 0")
    return sliding_edges(size, -(-size // bins), size // bins)


# ---------------------------------------------------------------------------------------------------
# Pyramids


def as_levels(levels):
    """The levels of a pyramid as ``((rows, columns), ...)``; an int `n` stands for ``(n, n)``.

    Examples
    --------
    >>> as_levels([6, 3, (1, 4)])
    ((6, 6), (3, 3), (1, 4))
    """
    try:
        pairs = tuple(tuple(n) if isinstance(n, (tuple, list)) else (n, n) for n in levels)
        valid = pairs and all(len(pair) == 2 and all(_is_positive(side) for side in pair) for pair in pairs)
    except TypeError:
        valid = False
    if not valid:
        raise ValueError(
            f"pyramid: expected levels such as (6, 3, 2, 1) or ((2, 3), 1), positive integers, got {levels!r}"
        )
    return tuple((int(rows), int(columns)) for rows, columns in pairs)


def count_bins(levels):
    """M, the number of bins of a pyramid.

    Examples
    --------
    >>> count_bins((6, 3, 2, 1)), count_bins((4, 3, 2, 1))
    (50, 30)
    """
    return sum(rows * columns for rows, columns in as_levels(levels))


def finer_level(levels):
    """For each level, which other level it can be pooled from: the one with the fewest bins that it divides.

    If n divides m, a level-n bin is exactly the union of (m/n)^2 level-m bins, so its maximum is the
    maximum of theirs and the map need not be read again. ``None`` marks the levels that read the map.

    Returns
    -------
    tuple of (int or None), one for each level
        Positions in `levels`. Following them always ends at a ``None``.

    Examples
    --------
    >>> finer_level((6, 3, 2, 1))
    (None, 0, 0, 2)
    >>> finer_level((4, 3, 2, 1))
    (None, None, 0, 2)
    """
    levels = as_levels(levels)

    def divides(coarse, fine):
        return fine[0] % coarse[0] == 0 and fine[1] % coarse[1] == 0 and fine != coarse

    sources = []
    for position, level in enumerate(levels):
        finer = [i for i, other in enumerate(levels) if divides(level, other)]
        # A level listed twice is pooled once; the repetition is a level that divides the first one.
        finer += [i for i in range(position) if levels[i] == level]
        sources.append(min(finer, key=lambda i: levels[i][0] * levels[i][1]) if finer else None)
    return tuple(sources)


def whole_maps(n, height, width):
    """One window for each of `n` maps, covering it.

    Examples
    --------
    >>> whole_maps(2, 5, 7).tolist()
    [[0, 0, 0, 5, 7], [1, 0, 0, 5, 7]]
    """
    table = np.zeros((n, 5), np.int32)
    table[:, 0] = np.arange(n)
    table[:, 3:] = height, width
    return table


def split(windows, rows, columns):
    """Cut each window into ``rows x columns`` bins by the floor/ceil rule, row-major.

    Parameters
    ----------
    windows : int array (R, 5)
    rows, columns : int

    Returns
    -------
    int32 array (R * rows * columns, 5)

    Examples
    --------
    >>> split([[0, 2, 0, 5, 4]], 2, 1).tolist()
    [[0, 2, 0, 4, 4], [0, 3, 0, 5, 4]]
    """
    windows = np.asarray(windows).reshape(-1, 5).astype(np.int64)
    require_positive("split", rows=rows, columns=columns)
    table = np.empty((len(windows), rows * columns, 5), np.int32)
    _split_into(table, windows, rows, columns)
    return table.reshape(-1, 5)


def _split_into(table, windows, rows, columns):
    """Write the bins of each window into table (R, rows * columns, 5)."""
    image, top, left, bottom, right = windows.T[:, :, None]
    height, width = bottom - top, right - left
    i, j = np.arange(rows), np.arange(columns)
    table = table.reshape(len(windows), rows, columns, 5)  # a view: an axis is split, and none is joined
    table[..., 0] = image[..., None]
    table[..., 1] = (top + i * height // rows)[:, :, None]
    table[..., 2] = (left + j * width // columns)[:, None, :]
    table[..., 3] = (top + ((i + 1) * height + rows - 1) // rows)[:, :, None]
    table[..., 4] = (left + ((j + 1) * width + columns - 1) // columns)[:, None, :]


def pyramid(windows, levels):
    """Every bin of every level of every window: by window, then by level as given, then row-major.

    This is the specification of spatial pyramid pooling: pool this table, and each window's rows, laid
    end to end, are its vector.

    Examples
    --------
    >>> pyramid([[0, 0, 0, 3, 5]], (1, (1, 2))).tolist()
    [[0, 0, 0, 3, 5], [0, 0, 0, 3, 3], [0, 0, 2, 3, 5]]
    """
    windows = np.asarray(windows).reshape(-1, 5).astype(np.int64)
    table = np.empty((len(windows), count_bins(levels), 5), np.int32)
    first = 0
    for rows, columns in as_levels(levels):
        _split_into(table[:, first : first + rows * columns], windows, rows, columns)
        first += rows * columns
    return table.reshape(-1, 5)


@lru_cache(maxsize=64)
def nesting(levels):
    """How to pool the bins of one window, each level from the finer one that `finer_level` names.

    One row ``(bin, first, rows, columns, pitch)`` for each of the M bins of a pyramid, in an order in which it can be
    done. Bins are numbered as in `pyramid`. A bin is the union of the ``rows x columns`` bins ``first + i*pitch + j``;
    if it is to be pooled from the map itself, the other four numbers are 0.

    Parameters
    ----------
    levels : tuple
        As made by `as_levels`.

    Returns
    -------
    read-only int32 array (M, 5)

    Examples
    --------
    >>> nesting(((1, 1), (1, 2))).tolist()
    [[1, 0, 0, 0, 0], [2, 0, 0, 0, 0], [0, 1, 1, 2, 2]]
    """
    finer = finer_level(levels)
    start = np.cumsum([0, *(rows * columns for rows, columns in levels)])

    def depth(position):
        return 0 if finer[position] is None else 1 + depth(finer[position])

    table = []
    for position in sorted(range(len(levels)), key=depth):
        rows, columns = levels[position]
        tall = wide = pitch = 0
        if finer[position] is not None:
            fine_rows, pitch = levels[finer[position]]
            tall, wide = fine_rows // rows, pitch // columns
        for i, j in np.ndindex(rows, columns):
            first = 0 if finer[position] is None else start[finer[position]] + i * tall * pitch + j * wide
            table.append((start[position] + i * columns + j, first, tall, wide, pitch))
    return _frozen(np.array(table, np.int32))


# The table of a whole batch depends on shapes alone, and a training run sees few shapes.
@lru_cache(maxsize=64)
def whole_map_pyramid(n, height, width, levels):
    """``pyramid(whole_maps(n, height, width), levels)``, remembered and therefore read-only."""
    return _frozen(pyramid(whole_maps(n, height, width), levels))


@lru_cache(maxsize=64)
def sliding(n, height, width, kernel, stride, pad=0, ceil_mode=False):
    """The windows of a sliding max pooling over `n` maps, and the size of the map they make.

    Returns
    -------
    table : read-only int32 array (n * rows * columns, 5)
    size : (rows, columns)

    Examples
    --------
    >>> table, size = sliding(1, 4, 5, kernel=3, stride=2, ceil_mode=True)
    >>> size, table.tolist()[-1]
    ((2, 2), [0, 2, 2, 4, 5])
    """
    vertical = sliding_edges(height, kernel, stride, pad, ceil_mode)
    horizontal = sliding_edges(width, kernel, stride, pad, ceil_mode)
    rows, columns = len(vertical), len(horizontal)
    table = np.empty((n, rows, columns, 5), np.int32)
    table[..., 0] = np.arange(n)[:, None, None]
    table[..., 1::2] = vertical[:, None, :]
    table[..., 2::2] = horizontal[None, :, :]
    return _frozen(table.reshape(-1, 5)), (rows, columns)


def check(windows, shape):
    """Return `windows` as an int32 table, or say which row is not a window of maps of this shape.

    Parameters
    ----------
    windows : int array (R, 5)
    shape : (N, H, W) or (N, H, W, C)

    Raises
    ------
    ValueError
        If the array is not (R, 5) integers, or a window is empty, inverted, or outside the maps.

    Examples
    --------
    >>> check([[0, 1, 1, 2, 9]], (1, 4, 4))
    Traceback (most recent call last):
    ...
    ValueError: windows: row 0, [0, 1, 1, 2, 9], is empty or leaves the 1 maps of 4x4 cells
    """
    table = np.asarray(windows)
    if table.size == 0:
        table = table.reshape(-1, 5).astype(np.int32)
    if table.ndim != 2 or table.shape[1] != 5 or not np.issubdtype(table.dtype, np.integer):
        raise ValueError(
            "windows: expected integer rows (image, top, left, bottom, right), "
            f"got {table.dtype} {table.shape}"
        )
    n, height, width = shape[:3]
    image, top, left, bottom, right = table.T.astype(np.int64)
    good = (image >= 0) & (image < n) & (top >= 0) & (top < bottom) & (bottom <= height)
    good &= (left >= 0) & (left < right) & (right <= width)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"windows: row {row}, {table[row].tolist()}, is empty or leaves "
            f"the {n} maps of {height}x{width} cells"
        )
    return np.ascontiguousarray(table, dtype=np.int32)


# ---------------------------------------------------------------------------------------------------


def _is_positive(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1


def require_positive(where, **values):
    """Raise a ValueError that names the first of `values` that is not an integer of at least 1."""
    for name, value in values.items():
        if not _is_positive(value):
            raise ValueError(f"{where}: expected a positive integer {name}, got {value!r}")


def _frozen(table):
    """The table, read-only, and so is the memory that it is a view of: who keeps a copy may trust it."""
    memory = table
    while memory is not None:
        memory.flags.writeable = False
        memory = memory.base
    return table

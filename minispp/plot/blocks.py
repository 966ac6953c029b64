"""Figures of a GPU at work: blocks over a map, lines and banks of memory, counts of reads, tiles that march."""

import numpy as np
from matplotlib.patches import Rectangle

from minispp.plot import style
from minispp.plot.style import BLUE, GRID, INK, MUTED, ORANGE, RED, SKY, SMALL, WIDTH, count, times

FACES = ("#CFE3F2", "#FBE3C3", "#CDEBE1", "#F0DCE9")  # of blocks, in turn
MOST_LINES = 34  # of memory in one panel


def launch(height, width, threads):
    """Which thread takes which cell of a map: the cells as one line, cut into blocks, the last of which goes beyond.

    In each cell stands the number of its thread in the block; colours tell the blocks apart.

    Parameters
    ----------
    height, width : int
        Of the map, in cells.
    threads : int
        Of a block.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> launch(3, 5, 4).alt
    '15 cells in 3 rows of 5, 4 threads a block: 4 blocks, 1 thread without a cell.'
    """
    if min(height, width, threads) < 1:
        raise ValueError(f"launch: expected sizes of 1 or more, got {height} x {width} cells and {threads} threads")
    blocks = -(-height * width // threads)
    total = blocks * threads
    rows = -(-total // width)
    unit = min(0.5, (WIDTH - 0.2) / width)
    figure, (axes,) = style.row_of_panels([(unit * width, unit * (rows + 0.25))], lines=1)
    for k, block in zip(range(total), np.repeat(np.arange(blocks), threads), strict=True):
        row, column = divmod(k, width)
        beyond = k >= height * width
        look = {"facecolor": "none", "edgecolor": RED, "hatch": "////", "linewidth": 0} if beyond else {
            "facecolor": FACES[block % len(FACES)], "edgecolor": "white", "linewidth": 1,
        }  # fmt: skip
        top = row + 0.25 * (row >= height)
        name = "beyond" if beyond else "cell"
        axes.add_patch(Rectangle((column, top), 1, 1, gid=name, **look))
        plate = {"facecolor": "white", "edgecolor": "none", "pad": 1} if beyond else None
        middle = {"ha": "center", "va": "center", "fontsize": SMALL}
        axes.text(column + 0.5, top + 0.5, k % threads, color=RED if beyond else INK, bbox=plate, **middle)
    axes.add_patch(Rectangle((0, 0), width, height, facecolor="none", edgecolor=MUTED, linewidth=1.2))
    axes.set(xlim=(-0.05, width + 0.05), ylim=(rows + 0.25, -0.05))
    style.bare(axes)
    idle = count(total - height * width, "thread")
    style.title(axes, f"{count(blocks, 'block')} of {count(threads, 'thread')}, {idle} without a cell")
    figure.alt = (
        f"{height * width} cells in {height} rows of {width}, {count(threads, 'thread')} a block: "
        f"{count(blocks, 'block')}, {idle} without a cell."
    )
    return figure


def lines_touched(panels, line=32):
    """Which lines of memory the threads of a warp touch when each reads one value at the same time.

    A line is what memory moves at once: of 128 bytes, 32 values of float32.

    Parameters
    ----------
    panels : dict of str to sequence of int
        Place of each thread's value, counted in values.
    line : int
        Values in a line.

    Examples
    --------
    >>> lines_touched({"neighbours": range(32), "every other": range(0, 64, 2)}).alt
    'Values read by 32 threads at once, in lines of 32 values: neighbours 1 line; every other 2 lines.'
    """
    figure, said = _memory(panels, line, "line {}", lambda lines, _: count(lines, "line"), RED)
    threads = len(next(iter(panels.values())))
    figure.alt = f"Values read by {threads} threads at once, in lines of {line} values: {said}."
    return figure


def banks(panels, number=32):
    """Which banks of shared memory the threads of a warp meet in; each bank serves one place at a time.

    Parameters
    ----------
    panels : dict of str to sequence of int
        Place of each thread's value, counted in values.
    number : int
        Of banks; neighbouring values are in neighbouring banks.

    Examples
    --------
    >>> banks({"a row": range(32), "a column of 32": range(0, 1024, 32)}).alt
    'Values read by 32 threads at once from 32 banks: a row 1 turn; a column of 32 32 turns.'
    """
    figure, said = _memory(panels, number, "row {}", lambda _, turns: count(turns, "turn"), RED, by_column=True)
    threads = len(next(iter(panels.values())))
    figure.alt = f"Values read by {threads} threads at once from {number} banks: {said}."
    return figure


def _memory(panels, columns, name, words, alarm, by_column=False):
    """Memory as rows of so many values; those that are touched are filled. The figure, and what it says."""
    panel = (WIDTH - 0.3 - style.GAP * len(panels)) / len(panels) - 0.45
    unit = panel / columns
    touched = {head: np.unique(np.asarray(places, int)) for head, places in panels.items()}
    drawn = {head: np.unique(places // columns)[:MOST_LINES] for head, places in touched.items()}
    height = unit * max(2, *(len(rows) for rows in drawn.values()))
    figure, axes_ = style.row_of_panels([(panel + 0.45, height)] * len(panels))
    said = []
    for axes, (head, places) in zip(axes_, touched.items(), strict=True):
        rows = drawn[head]
        turns = np.bincount(places % columns, minlength=columns).max(initial=0)
        for k, row in enumerate(rows):
            for column in range(columns):
                hit = row * columns + column in places
                face = (alarm if by_column and turns > 1 else BLUE) if hit else "white"
                gid = "touched" if hit else "other"
                axes.add_patch(Rectangle((column, k), 1, 1, facecolor=face, edgecolor=GRID, linewidth=0.4, gid=gid))
        axes.set(xlim=(-0.45 / unit, columns), ylim=(height / unit, 0))
        style.bare(axes)
        for k in sorted({0, len(rows) - 1}):
            if k == 0 or k > 0.2 / unit:  # room for two words
                axes.text(-0.4, k + 0.5, name.format(rows[k]), fontsize=SMALL, color=MUTED, ha="right", va="center")
        cost = words(len(np.unique(places // columns)), turns)
        style.title(axes, head, cost)
        said.append(f"{head} {cost}")
    return figure, "; ".join(said)


def counts(panels, label):
    """Maps of whole numbers, written into their cells: the darker, the more.

    Parameters
    ----------
    panels : dict of str to int array (H, W)
    label : str
        What is counted.

    Examples
    --------
    >>> import numpy as np
    >>> counts({"naive": np.full((2, 3), 9), "shared": np.ones((2, 3), int)}, "reads").alt
    'reads of each cell: naive, 54 in all, from 9 to 9 a cell; shared, 6 in all, from 1 to 1 a cell.'
    """
    arrays = {name: np.asarray(values) for name, values in panels.items()}
    widest = max(array.shape[1] for array in arrays.values())
    unit = min(0.4, (WIDTH - 0.1 - style.GAP * len(arrays)) / len(arrays) / widest)
    sizes = [(unit * array.shape[1], unit * array.shape[0]) for array in arrays.values()]
    figure, panels_ = style.row_of_panels(sizes)
    top = max(array.max() for array in arrays.values())
    said = []
    for axes, (name, array) in zip(panels_, arrays.items(), strict=True):
        axes.pcolormesh(array, cmap="Blues", vmin=0, vmax=2.2 * top, edgecolors="white", linewidth=0.6)
        for (i, j), value in np.ndenumerate(array):
            axes.text(j + 0.5, i + 0.5, value, fontsize=SMALL, color=INK, ha="center", va="center")
        axes.set(xlim=(0, array.shape[1]), ylim=(array.shape[0], 0))
        style.bare(axes)
        style.title(axes, name, f"{array.sum():,} {label} in all")
        said.append(f"{name}, {array.sum():,} in all, from {array.min()} to {array.max()} a cell")
    figure.alt = f"{label} of each cell: {'; '.join(said)}."
    return figure


def march(rows, columns, inner, tile, depth, step):
    """One step of a block on its way through the inner dimension of a matrix product.

    The block makes one tile of the result. At each step it has a slice of either matrix in shared memory; the next one
    is on its way.

    Parameters
    ----------
    rows, columns, inner : int
        Of the product of a (rows, inner) and an (inner, columns) matrix.
    tile : (int, int)
        Rows and columns of a tile.
    depth : int
        Values of the inner dimension in a slice.
    step : int
        Which slice is being multiplied.

    Raises
    ------
    ValueError
        If there is no such slice, or a tile is larger than the result.

    Examples
    --------
    >>> march(24, 16, 20, tile=(8, 8), depth=4, step=2).alt
    'Slice 3 of 5: rows 8 to 15 of the left and columns 8 to 15 of the right matrix, inner values 8 to 11.'
    """
    slices = -(-inner // depth)
    if not 0 <= step < slices or tile[0] > rows or tile[1] > columns:
        raise ValueError(f"march: expected a step below {slices} and a tile within the result, got {step} and {tile}")
    (tall, wide), gap = tile, 4
    top, left = (rows // tall // 2) * tall, (columns // wide // 2) * wide
    unit = min((WIDTH - 0.4) / (inner + columns + gap), 5 / (inner + rows + gap))
    figure, (axes,) = style.row_of_panels([(unit * (inner + columns + gap), unit * (inner + rows + gap))], lines=1)
    right, below = inner + gap, inner + gap  # where the result begins
    places = {
        "left": (below, 0, rows, inner),
        "right": (0, right, inner, columns),
        "result": (below, right, rows, columns),
    }
    for head, (y, x, high, long) in places.items():
        _box(axes, y, x, high, long, head, facecolor="white", edgecolor=MUTED, linewidth=1)
    for k in range(slices):
        first, length = k * depth, min(depth, inner - k * depth)
        name, face = ("done", "#E3E8EE") if k < step else ("now", BLUE) if k == step else ("next", SKY)
        if k > step + 1:
            name, face = "to come", "none"
        look = {"facecolor": face, "edgecolor": GRID if k > step + 1 else "white", "linewidth": 0.8}
        _box(axes, below + top, first, tall, length, name, **look)
        _box(axes, first, right + left, length, wide, name, **look)
    _box(
        axes,
        below + top,
        right + left,
        tall,
        wide,
        "tile",
        facecolor=ORANGE,
        edgecolor="none",
        alpha=0.25 + 0.7 * (step + 1) / slices,
    )
    words = {"fontsize": SMALL, "color": INK, "ha": "center", "va": "center"}
    axes.text(inner / 2, below - 1.3, f"windows, {times((rows, inner))}", **words)
    axes.text(right + columns / 2, -1.3, f"filters, {times((inner, columns))}", **words)
    axes.text(right + columns / 2, below - 1.3, f"outputs, {times((rows, columns))}", **words)
    key = (
        ("now", BLUE, "in shared memory"),
        ("next", SKY, "on its way"),
        ("done", "#E3E8EE", "done"),
    )
    for k, (_, face, text) in enumerate(key):
        _box(axes, 0.4 + 2.6 * k, 0, 1.6, 1.8, "key", facecolor=face, edgecolor="none")
        axes.text(2.5, 1.2 + 2.6 * k, text, fontsize=SMALL, color=INK, va="center")
    axes.set(xlim=(-0.2, inner + columns + gap + 0.2), ylim=(inner + rows + gap + 0.2, -2.6))
    style.bare(axes)
    style.title(axes, f"slice {step + 1} of {slices}")
    first, last = step * depth, min(inner, (step + 1) * depth) - 1
    figure.alt = (
        f"Slice {step + 1} of {slices}: rows {top} to {top + tall - 1} of the left and columns {left} to "
        f"{left + wide - 1} of the right matrix, inner values {first} to {last}."
    )
    return figure


def _box(axes, top, left, height, width, name, **look):
    axes.add_patch(Rectangle((left, top), width, height, gid=name, **look))

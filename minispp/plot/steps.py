"""Figures of one map under a pyramid: a bin at a time, and the gradient that comes back to the cells."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from minispp.kernels import reference
from minispp.plot import style
from minispp.plot.outlines import rectangles, show_map
from minispp.plot.style import BLUE, GREEN, GRID, INK, MUTED, RED, SMALL, WIDTH, count, times
from minispp.windows import as_levels, count_bins, pyramid, whole_maps

CHARACTER = 0.075  # inches of a letter
FADES = {  # from nothing to much
    name: LinearSegmentedColormap.from_list(name, ["white", colour])
    for name, colour in (("held", BLUE), ("won", RED), ("received", GREEN))
}


def one_bin(values, levels, number):
    """One bin of a pyramid on a map: its cells, the arithmetic of its edges, the winner, and the vector so far.

    Parameters
    ----------
    values : array (H, W)
        A map of one channel.
    levels : sequence of int or (rows, columns)
    number : int
        Of the bin, in the order of the vector.

    Raises
    ------
    ValueError
        If the map is no (H, W) of at least one cell, or there is no such bin.

    Examples
    --------
    >>> figure = one_bin(np.arange(12).reshape(3, 4), (2, 1), 1)
    >>> [text.get_text() for text in figure.axes[1].texts][2:4]
    ['rows: ⌊0·3/2⌋ = 0 to ⌈1·3/2⌉ = 2', 'columns: ⌊1·4/2⌋ = 2 to ⌈2·4/2⌉ = 4']
    """
    values, levels = _map(values, "one_bin"), as_levels(levels)
    height, width = values.shape
    total = count_bins(levels)
    if not 0 <= number < total:
        raise ValueError(f"one_bin: expected the number of one of {total} bins, 0 to {total - 1}, got {number}")
    level, i, j = _place(levels, number)
    table, y, winners = _pooled(values, levels)
    _, top, left, bottom, right = (int(edge) for edge in table[number])
    row, column = divmod(int(winners[number]), width)

    high = min(3.9, max(2.2, 4.2 * height / width))
    figure = style.Figure(figsize=(WIDTH, high + 1.25), dpi=110, facecolor="white")
    tall = figure.get_size_inches()[1]
    axes = figure.add_axes((0.035, 0.95 / tall, 0.47, high / tall))
    words = figure.add_axes((0.535, 0.95 / tall, 0.455, high / tall))
    strip = figure.add_axes((0.035, 0.3 / tall, 0.955, 0.4 / tall))
    written = _fits(values, min(0.47 * WIDTH / width, high / height))
    _map_of_numbers(axes, values, (row, column), written)
    rectangles(axes, [[0, top, left, bottom, right]], "bin", 0.06, facecolor=(BLUE, 0.2), edgecolor=BLUE, linewidth=2)
    _winner(axes, row, column, _said(values[row, column]) if written else "")
    shape = f"{count(bottom - top, 'row')} × {count(right - left, 'column')}"
    _tell(words, [
        (f"bin {number} of 0 … {total - 1}", INK, True),
        (f"level {times(level)}, row {i}, column {j}", MUTED, False),
        (f"rows: {_edge(i, height, level[0])}", INK, False),
        (f"columns: {_edge(j, width, level[1])}", INK, False),
        (f"{shape} = {count((bottom - top) * (right - left), 'cell')}", BLUE, False),
        (f"maximum {_said(y[number])}, won by row {row}, column {column}", RED, True),
    ])  # fmt: skip
    _strip(strip, y, levels, number)
    figure.alt = (
        f"A map of {times((height, width))} cells; bin {number} of 0 to {total - 1}, level {times(level)}, holds "
        f"rows {top} to {bottom - 1} and columns {left} to {right - 1}; its maximum {_said(y[number])} is at "
        f"row {row}, column {column}."
    )
    return figure


def gradients(values, levels, dy=None, sent=None):
    r"""What comes back to each cell: how many bins hold it, how many it wins, and the sum of their gradients.

    Parameters
    ----------
    values : array (H, W)
        A map of one channel.
    levels : sequence of int or (rows, columns)
    dy : array (M,), optional
        The gradient of each bin; 1 for all if not given.
    sent : int, optional
        Show the state after this many bins, and the last of them in outline; all bins if not given.

    Raises
    ------
    ValueError
        If `values` are not a map, or `dy` is not one number for each bin.

    Examples
    --------
    >>> figure = gradients(np.arange(12).reshape(3, 4), (2, 1), [1, 2, 3, 4, 5])
    >>> [axes.get_title() for axes in figure.axes][1:]
    ['how many bins each wins\n4 of 12 cells win', 'gradient that each receives\nsum 15']
    """
    values, levels = _map(values, "gradients"), as_levels(levels)
    height, width = values.shape
    table, _, winners = _pooled(values, levels)
    dy = np.ones(len(table)) if dy is None else np.asarray(dy, float)
    if dy.shape != (len(table),):
        raise ValueError(f"gradients: expected a gradient for each of {len(table)} bins, got shape {dy.shape}")
    last, sent = (sent, len(table)) if sent is None else (sent - 1, sent)
    dx = reference.window_max_backward(dy[:sent, None], winners[:sent, None], (1, height, width, 1))[0, :, :, 0]
    won = np.bincount(winners[:sent], minlength=height * width).reshape(height, width)
    held = np.zeros((height, width), int)
    for _, top, left, bottom, right in table[:sent]:
        held[top:bottom, left:right] += 1
    panel = (WIDTH - 0.1 - 2 * style.GAP) / 3
    size = panel, min(panel * height / width, 4)
    figure, panels = style.row_of_panels([size] * 3)
    for axes, shown, name in zip(panels, (held, won, dx), ("held", "won", "received"), strict=True):
        _coloured(axes, shown, name, min(size[0] / width, size[1] / height))
        if last is not None and last >= 0:
            rectangles(axes, table[[last]], "bin", 0.06, facecolor="none", edgecolor=BLUE, linewidth=2)
    now = count(len(table), "bin") if last is None else "no bin yet"
    if last is not None and last >= 0:
        now = f"bin {last} sends {_said(dy[last])}"
    style.title(panels[0], "how many bins hold each cell", now)
    style.title(panels[1], "how many bins each wins", f"{(won > 0).sum()} of {count(won.size, 'cell')} win")
    style.title(panels[2], "gradient that each receives", f"sum {_said(dx.sum())}")
    best = np.unravel_index(won.argmax(), won.shape)
    figure.alt = (
        f"Three maps of {times((height, width))} cells after {sent} of {count(len(table), 'bin')}: how many bins hold "
        f"each cell, how many it wins, and the gradient it receives. {(won > 0).sum()} cells win; row {best[0]}, "
        f"column {best[1]} wins {won.max()} and receives {_said(dx[best])}. The gradients add up to {_said(dx.sum())}."
    )
    return figure


# ---------------------------------------------------------------------------------------------------


def _map(values, where):
    values = np.asarray(values)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"{where}: expected a map (H, W) of at least one cell, got shape {values.shape}")
    return values


def _pooled(values, levels):
    """The table of windows, and each one's maximum and winning cell."""
    height, width = values.shape
    table = pyramid(whole_maps(1, height, width), levels)
    y, winners = reference.window_max(np.ascontiguousarray(values)[None, :, :, None], table)
    return table, y[:, 0], winners[:, 0]


def _place(levels, number):
    """The level that bin `number` of the vector belongs to, and its row and column there."""
    for rows, columns in levels:
        if number < rows * columns:
            return (rows, columns), *divmod(number, columns)
        number -= rows * columns
    raise AssertionError


def _edge(k, size, bins):
    start, stop = k * size // bins, ((k + 1) * size + bins - 1) // bins
    return f"⌊{k}·{size}/{bins}⌋ = {start} to ⌈{k + 1}·{size}/{bins}⌉ = {stop}"


def _said(value):
    return (f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}").replace("-", "−")


def _fits(values, inches):
    """Whether each of these numbers finds room in a square of this side."""
    return inches >= max(0.16, 0.04 + CHARACTER * max(len(_said(value)) for value in np.ravel(values)))


def _map_of_numbers(axes, values, winner, written):
    """A map in shades of grey, its values if they are to be written, but for the winner's, and rows and columns."""
    show_map(axes, values)
    axes.collections[0].set_alpha(0.45)
    height, width = values.shape
    step = 1 if max(height, width) <= 20 else 5
    axes.set_xticks(np.arange(0, width, step) + 0.5, range(0, width, step))
    axes.set_yticks(np.arange(0, height, step) + 0.5, range(0, height, step))
    axes.tick_params(labelsize=SMALL, labelcolor=MUTED, length=0, pad=2, bottom=False, labelbottom=False, labeltop=True)
    if written:
        _write(axes, values, [cell for cell in np.ndindex(values.shape) if cell != winner])


def _write(axes, values, cells):
    for row, column in cells:
        look = {"fontsize": SMALL, "color": INK, "ha": "center", "va": "center"}
        axes.text(column + 0.5, row + 0.5, _said(values[row, column]), **look)


def _winner(axes, row, column, word):
    rectangles(axes, [[0, row, column, row + 1, column + 1]], "winner", 0.04, facecolor=RED, edgecolor="white")
    if word:
        axes.text(column + 0.5, row + 0.5, word, fontsize=SMALL, color="white", weight="bold", ha="center", va="center")


def _tell(axes, lines):
    """Lines of words, one below the other."""
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
    for k, (line, colour, bold) in enumerate(lines):
        weight = "bold" if bold else "normal"
        axes.text(0, 0.94 - 0.15 * k, line, fontsize=10, color=colour, weight=weight, va="top")


def _strip(axes, y, levels, number):
    """The vector: a square for each bin, filled as far as we are."""
    gap, left, first = 0.4, 0.0, 0
    written = _fits(y, 0.955 * WIDTH / (len(y) + gap * (len(levels) - 1)))
    for level in levels:
        bins = level[0] * level[1]
        for k in range(first, first + bins):
            face = RED if k == number else "#C9DFEF" if k < number else "white"
            look = {"facecolor": face, "edgecolor": MUTED, "linewidth": 0.7}
            rectangles(axes, [[0, 0, left, 1, left + 1]], "entry", 0.05, **look)
            if k <= number and written:
                colour = "white" if k == number else INK
                axes.text(left + 0.5, 0.5, _said(y[k]), fontsize=SMALL, color=colour, ha="center", va="center")
            left += 1
        axes.text(left - bins / 2, 1.15, times(level), fontsize=SMALL, color=MUTED, ha="center", va="top")
        left, first = left + gap, first + bins
    axes.set(xlim=(0, left - gap), ylim=(1, 0), xticks=[], yticks=[])
    axes.set_axis_off()


def _coloured(axes, shown, name, inches):
    """Numbers that are not 0, on squares that are the darker the larger they are."""
    size = np.abs(shown)
    axes.pcolormesh(size, cmap=FADES[name], vmin=0, vmax=1.5 * (size.max() or 1), edgecolors=GRID, linewidth=0.4)
    axes.set(xlim=(0, shown.shape[1]), ylim=(shown.shape[0], 0))
    style.bare(axes)
    if _fits(shown, inches):
        _write(axes, shown, np.argwhere(shown))

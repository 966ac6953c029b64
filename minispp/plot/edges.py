"""Figures of one axis: the edges of its bins with their arithmetic, levels below each other, and two rules compared."""

import numpy as np
from matplotlib.patches import Patch, Rectangle

from minispp.bins import axis, covered
from minispp.plot import style
from minispp.plot.style import BLUE, GREEN, GRID, INK, MUTED, RED, SMALL, WIDTH, count
from minispp.windows import as_levels, bin_edges, finer_level, require_positive

LINE = 0.32  # inches of a line with one bin
FEW = 24  # cells whose numbers all find room
COLUMNS = 0.64, 0.775, 0.91  # where the words about a bin begin


def edges(size, bins):
    """The bins of one axis: exact cuts, the cells that they become, and the integer arithmetic of each edge.

    A thin line is the exact share of a bin, from ``k size / bins`` to ``(k + 1) size / bins``; the bar around it are
    the whole cells that the bin takes, rounded down at its start and up at its end. The last line counts the bins that
    hold each cell.

    Parameters
    ----------
    size, bins : int

    Examples
    --------
    >>> figure = edges(10, 3)
    >>> [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "end"]
    ['⌈10/3⌉ = 4', '⌈20/3⌉ = 7', '⌈30/3⌉ = 10']
    """
    table, held = bin_edges(size, bins), covered(size, bin_edges(size, bins))
    figure, axes = _ruled(size, bins + 2, f"{count(size, 'cell')} in {count(bins, 'bin')}")
    side = size / 0.6  # the words take the right part of the figure
    for x, word in zip(COLUMNS, ("start (included)", "stop (excluded)", "cells"), strict=True):
        axes.text(x * side, 0.5, word, fontsize=SMALL, color=MUTED, va="center")
    for k, (start, stop) in enumerate(table.tolist()):
        y = k + 1.5
        axes.add_patch(_bar(start, stop, y, gid="bin", facecolor="#C9DFEF", edgecolor=BLUE))
        axes.plot([k * size / bins, (k + 1) * size / bins], [y, y], color=INK, linewidth=1.6, gid="exact")
        axes.text(-0.012 * side, y, f"bin {k}", fontsize=SMALL, color=INK, ha="right", va="center")
        look = {"fontsize": SMALL, "color": INK, "va": "center"}
        axes.text(COLUMNS[0] * side, y, f"⌊{k * size}/{bins}⌋ = {start}", gid="start", **look)
        axes.text(COLUMNS[1] * side, y, f"⌈{(k + 1) * size}/{bins}⌉ = {stop}", gid="end", **look)
        axes.text(COLUMNS[2] * side, y, f"{start}" if stop == start + 1 else f"{start} … {stop - 1}", **look)
    _numbers(axes, held, bins + 1.5, "held by", lambda times: RED if times > 1 else MUTED)
    cells = "; ".join(f"bin {k}: {start} to {stop - 1}" for k, (start, stop) in enumerate(table.tolist()))
    shared = np.flatnonzero(held > 1).tolist()
    figure.alt = f"{count(size, 'cell')} in {count(bins, 'bin')}. Cells of {cells}. In more than one bin: {shared}."
    return figure


def compared(size, bins):
    """The bins of one axis, and beside them the windows of the sliding rule.

    The numbers of cells that the first windows leave out are red. Outlined windows are more than there are bins.

    Parameters
    ----------
    size, bins : int

    Examples
    --------
    >>> compared(10, 6).axes[1].get_title(loc="left")
    'sliding rule: kernel 2, stride 1, 9 windows'
    """
    one = axis(size, bins)
    made = 0 if one.windows is None else len(one.windows)
    lines = max(bins, made) + 2
    figure, grid = style.new_figure(1, 2, height=max(1.6, 0.21 * lines + 0.5))
    words = "none, its stride would be 0"
    if made:
        words = f"kernel {-(-size // bins)}, stride {size // bins}, {count(made, 'window')}"
    for axes, table, head in (
        (grid[0, 0], one.edges, f"floor and ceil: {count(bins, 'bin')}"),
        (grid[0, 1], [] if one.windows is None else one.windows, f"sliding rule: {words}"),
    ):
        axes.set(xlim=(-0.09 * size, size), ylim=(lines, 0), xticks=[], yticks=[])
        axes.set_axis_off()
        axes.set_title(head, fontsize=SMALL, color=INK, loc="left")
        _grid(axes, size, lines)
        for k, (start, stop) in enumerate(np.asarray(table).reshape(-1, 2).tolist()):
            look = {"facecolor": BLUE, "edgecolor": "white"} if k < bins else {"facecolor": "white", "edgecolor": MUTED}
            axes.add_patch(_bar(start, stop, k + 1.5, gid="bin" if k < bins else "extra", **look))
            axes.text(-0.015 * size, k + 1.5, str(k), fontsize=SMALL, color=MUTED, ha="right", va="center")
        lost = set() if table is one.edges else set(one.missed.tolist())
        _numbers(axes, np.arange(size), 0.5, "", lambda cell, lost=lost: RED if cell in lost else MUTED)
    same = "Both rules pool the same cells" if one.agree else f"The first {bins} windows miss {one.missed.tolist()}"
    figure.alt = f"{count(size, 'cell')} in {count(bins, 'bin')}; sliding rule: {words}. {same}."
    return figure


def rules(sizes, bins):
    """For each size and number of bins, the remainder ``size mod bins``, coloured by whether both rules agree.

    Whether they agree is found by comparing the cells of every bin with those of every window, not from the remainder.

    Parameters
    ----------
    sizes, bins : sequence of int
        Columns and rows of the table.

    Examples
    --------
    >>> figure = rules(range(1, 5), [2, 3])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '1', '0', '1', '2', '0', '1']
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['the same cells', 'other cells', 'no sliding rule: fewer cells than bins']
    """
    sizes, bins = list(sizes), list(bins)
    none = "no sliding rule: fewer cells than bins"
    kinds = ("the same cells", "#B9E3D3"), ("other cells", "#F6CDB4"), (none, "white")
    figure, grid = style.new_figure(1, 1, height=0.26 * len(bins) + 1.2)
    axes, agreeing = grid[0, 0], 0
    for i, n in enumerate(bins):
        for j, a in enumerate(sizes):
            one = axis(a, n)
            kind = 2 if one.windows is None else 0 if one.agree else 1
            agreeing += kind == 0
            word, face = kinds[kind]
            axes.add_patch(Rectangle((j, i), 1, 1, facecolor=face, edgecolor=GRID, linewidth=0.5, gid=word))
            colour = MUTED if kind == 2 else INK
            axes.text(j + 0.5, i + 0.5, str(a % n), fontsize=SMALL, color=colour, ha="center", va="center")
    axes.set(xlim=(0, len(sizes)), ylim=(len(bins), 0), xlabel="a, cells of the map", ylabel="n, bins")
    axes.set_xticks(np.arange(len(sizes)) + 0.5, sizes)
    axes.set_yticks(np.arange(len(bins)) + 0.5, bins)
    axes.tick_params(labelsize=SMALL, labelcolor=INK, length=0)
    axes.spines[:].set_visible(False)
    keys = [Patch(facecolor=colour, edgecolor=MUTED, linewidth=0.5, label=word) for word, colour in kinds]
    axes.legend(
        handles=keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=SMALL, frameon=False,
        borderaxespad=0.2, title="in each square: a mod n", title_fontsize=SMALL, alignment="left",
    )  # fmt: skip
    figure.alt = (
        f"A table of a mod n for maps of {sizes[0]} to {sizes[-1]} cells and {bins[0]} to {bins[-1]} bins; in "
        f"{agreeing} of {len(sizes) * len(bins)} squares floor/ceil and sliding rule pool the same cells."
    )
    return figure


def nested(size, levels):
    """The levels of a pyramid along one axis, one below the other: which bins are unions of finer ones.

    Blue bins are pooled from the map, green ones from the level that is named beside them; dotted lines lead
    their edges to it.

    Parameters
    ----------
    size : int
    levels : sequence of int

    Examples
    --------
    >>> [text.get_text() for text in nested(13, (6, 3)).axes[0].texts if text.get_gid() == "source"]
    ['6 bins: from the map', '3 bins: each from 2 of the 6']
    """
    require_positive("nested", size=size)
    pairs = as_levels(levels)
    finer, counts = finer_level(pairs), [n for n, _ in pairs]
    starts = np.cumsum([1, *(2.5 for _ in counts)])
    figure, axes = _ruled(size, starts[-1], f"{count(size, 'cell')}, levels {', '.join(map(str, counts))}", line=0.24)
    words = []
    for n, source, top in zip(counts, finer, starts, strict=False):
        colour = BLUE if source is None else GREEN
        for k, (start, stop) in enumerate(bin_edges(size, n).tolist()):
            y = top + 0.5 + k % 2
            axes.add_patch(_bar(start, stop, y, gid=f"level {n}", facecolor=colour, edgecolor="white"))
            if source is not None:
                upper = starts[source] + 1
                axes.vlines([start, stop], upper, y, color=GREEN, linewidth=0.9, linestyle=(0, (1, 2)), zorder=3)
        parts = "the map" if source is None else f"{counts[source] // n} of the {counts[source]}"
        words.append(f"{count(n, 'bin')}: {'' if source is None or n == 1 else 'each '}from {parts}")
        axes.text(size / 0.6 * 0.625, top + 1, words[-1], fontsize=SMALL, color=colour, va="center", gid="source")
    figure.alt = f"{count(size, 'cell')} in the bins of {len(counts)} levels, one below the other. {'; '.join(words)}."
    return figure


# ---------------------------------------------------------------------------------------------------


def _ruled(size, lines, head, line=LINE):
    """Axes for bars over numbered cells in their left part, and for words beside them."""
    figure = style.Figure(figsize=(WIDTH, line * lines + 0.4), dpi=110, facecolor="white")
    height = line * lines / (line * lines + 0.4)
    axes = figure.add_axes((0.01, 0.02, 0.98, height - 0.02))
    axes.set(xlim=(-0.085 * size / 0.6, 0.98 * size / 0.6), ylim=(lines, 0), xticks=[], yticks=[])
    axes.set_axis_off()
    axes.set_title(head, fontsize=SMALL, color=INK, loc="left")
    _grid(axes, size, lines)
    _numbers(axes, np.arange(size), 0.5, "cell", lambda _: MUTED)
    return figure, axes


def _grid(axes, size, lines):
    axes.vlines(range(size + 1), 0.9, lines - 0.1, color=GRID, linewidth=0.7, zorder=0)


def _numbers(axes, values, y, name, colour):
    """A number in each cell, if there is room, and what they are in front of them."""
    size = len(values)
    if name:
        axes.text(-0.02 * size, y, name, fontsize=SMALL, color=MUTED, ha="right", va="center")
    for cell in range(0, size, 1 if size <= FEW else 5):
        value = int(values[cell])
        look = {"fontsize": SMALL, "color": colour(value), "ha": "center", "va": "center"}
        axes.text(cell + 0.5, y, str(value), gid=name or "cell", **look)


def _bar(start, stop, y, **look):
    return Rectangle((start + 0.06, y - 0.36), stop - start - 0.12, 0.72, linewidth=1, **look)

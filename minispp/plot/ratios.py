"""A figure of how much faster one side is than another, case by case."""

import numpy as np
from matplotlib.ticker import FuncFormatter, NullLocator

from minispp.plot import style
from minispp.plot.style import BLUE, GREEN, GRID, INK, MUTED, NORMAL, RED, SMALL

ROW, HEAD, FOOT = 0.24, 0.52, 0.34  # inches: of a line, above a panel, below it
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
FINE = (0.4, 0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.3, 1.5, 1.7, 2.5, 3, 4)  # between them, where the range is narrow


def ratios(panels):
    """A panel for each group, a line for each case: a dot at its ratio, a bar over the ratios of its rounds.

    The scale is logarithmic, so that twice as fast and half as fast lie equally far from the line at 1. A dot that
    misses the aim of each line, or 1 where there is none, is red.

    Parameters
    ----------
    panels : dict of str to (dict, dict)
        Group -> its cases, name -> (ratio, ratios by round), and its aims: ``lowest``, that every line should
        reach, and ``mean``, for the geometric mean; either may be None.

    Examples
    --------
    >>> cases = {"2x2": (2.5, [2.0, 3.0, 2.5]), "3x3": (0.9, [0.9, 1.1, 0.8])}
    >>> figure = ratios({"pooling": (cases, {"lowest": 1.5, "mean": None})})
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['2x2', '3x3']
    """
    heights = [ROW * (len(cases) + 1) + HEAD + FOOT for cases, _ in panels.values()]
    figure = style.Figure(figsize=(10, sum(heights)), dpi=110, layout="constrained", facecolor="white")
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
    for axes, (group, (cases, aims)) in zip(grid[:, 0], panels.items(), strict=True):
        _lines(axes, cases, aims["lowest"] or 1)
        _scale(axes, [value for ratio, by_round in cases.values() for value in (ratio, *by_round)], aims)
        _heading(axes, group, [ratio for ratio, _ in cases.values()], aims)
    words = (f"{group}: {axes.texts[-1].get_text()}" for axes, group in zip(grid[:, 0], panels, strict=True))
    figure.alt = f"The peer's time over ours. {'. '.join(words)}."
    return figure


def _lines(axes, cases, aim):
    """Dots, bars, and the ratio as a number beside them."""
    style.quiet(axes)
    for place, (ratio, by_round) in enumerate(cases.values()):
        colour = BLUE if ratio >= aim else RED
        axes.plot([min(by_round), max(by_round)], [place, place], color=colour, linewidth=4, alpha=0.3)
        axes.plot([ratio], [place], "o", color=colour, markersize=5.5)
        beside = {"transform": axes.get_yaxis_transform(), "va": "center"}
        axes.text(1.01, place, f"{ratio:.2f}", fontsize=SMALL, color=INK, **beside)
    axes.set_yticks(range(len(cases)), list(cases))
    axes.set_ylim(len(cases) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _scale(axes, values, aims):
    """A logarithmic axis around the values, with the lines at 1 and at the aims."""
    shown = [*values, 1, *(aim for aim in aims.values() if aim)]
    low, high = min(shown) / 1.12, max(shown) * 1.12
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = TICKS if high / low > 8 else sorted(TICKS + FINE)
    axes.set_xticks([tick for tick in ticks if low <= tick <= high])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.axvline(1, color=MUTED, linewidth=1.2)
    for aim, dashes in (("lowest", "--"), ("mean", ":")):
        if aims[aim]:
            axes.axvline(aims[aim], color=GREEN, linewidth=1.4, linestyle=dashes)


def _heading(axes, group, found, aims):
    """What the group is, and below it what it reaches and should reach."""
    words = [f"each {aims['lowest']:g} (dashed)"] if aims["lowest"] else []
    words += [f"geometric mean {aims['mean']:g} (dotted)"] if aims["mean"] else []
    line = f"geometric mean {np.exp(np.mean(np.log(found))):.2f}, lowest {min(found):.2f}"
    line += f"; aim: {', '.join(words)}" if words else ""
    axes.set_title(f"{group}: the peer's time over ours", fontsize=NORMAL, color=INK, loc="left", pad=19)
    place = {"xycoords": "axes fraction", "xytext": (0, 6), "textcoords": "offset points"}
    axes.annotate(line, (0, 1), fontsize=SMALL, color=MUTED, **place)

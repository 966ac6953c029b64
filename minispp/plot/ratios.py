"""A figure of how much faster one side is than another, case by case."""

import numpy as np
from matplotlib.ticker import FuncFormatter, NullLocator

from minispp.plot import style
from minispp.plot.style import BLUE, GREEN, GRID, INK, MUTED, NORMAL, RED, SMALL

ROW, HEAD, FOOT = 0.24, 0.38, 0.34  # inches: of a line, above a panel, below it
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


def ratios(panels):
    """A panel for each group, a line for each case: a dot at the median of its ratios, a bar over their range.

    The scale is logarithmic, so that twice as fast and half as fast lie equally far from the line at 1. Dots left of
    it are red.

    Parameters
    ----------
    panels : dict of str to (dict, dict)
        Group -> its cases, each with a ratio a round, and its aims: ``lowest``, that every line should reach,
        and ``mean``, for the geometric mean; either may be None.

    Examples
    --------
    >>> figure = ratios({"pooling": ({"2x2": [2.0, 3.0, 2.5], "3x3": [0.9, 1.1, 0.8]}, {"lowest": 1.5, "mean": None})})
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['2x2', '3x3']
    """
    heights = [ROW * (len(cases) + 1) + HEAD + FOOT for cases, _ in panels.values()]
    figure = style.Figure(figsize=(10, sum(heights)), dpi=110, layout="constrained", facecolor="white")
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
    for axes, (group, (cases, aims)) in zip(grid[:, 0], panels.items(), strict=True):
        _panel(axes, group, cases, aims)
    return figure


def _panel(axes, group, cases, aims):
    names = list(cases)
    for place, name in enumerate(names):
        values = np.asarray(cases[name], float)
        middle = np.median(values)
        colour = BLUE if middle >= 1 else RED
        axes.plot([values.min(), values.max()], [place, place], color=colour, linewidth=4, alpha=0.3)
        axes.plot([middle], [place], "o", color=colour, markersize=5.5)
        axes.text(1.01, place, f"{middle:.2f}", transform=axes.get_yaxis_transform(), fontsize=SMALL, color=INK,
                  va="center")  # fmt: skip
    style.quiet(axes)
    axes.set_xscale("log")
    everything = np.concatenate([np.asarray(values, float) for values in cases.values()])
    wanted = [aim for aim in aims.values() if aim is not None]
    low, high = min([*everything, *wanted, 1]) / 1.12, max([*everything, *wanted, 1]) * 1.12
    axes.set_xlim(low, high)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_xticks(ticks)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.axvline(1, color=MUTED, linewidth=1.2)
    words = []
    for aim, dashes, text in (("lowest", (0, (4, 2)), "each"), ("mean", (0, (1, 1.5)), "geometric mean")):
        if aims.get(aim) is not None:
            axes.axvline(aims[aim], color=GREEN, linewidth=1.4, linestyle=dashes)
            words.append(f"{text} {aims[aim]:g} ({'dashed' if aim == 'lowest' else 'dotted'})")
    mean = np.exp(np.mean([np.log(np.median(values)) for values in cases.values()]))
    line = f"geometric mean {mean:.2f}" + (f"; aim: {', '.join(words)}" if words else "")
    axes.set_title(f"{group}: peer's time / ours", fontsize=NORMAL, color=INK, loc="left")
    axes.set_title(line, fontsize=SMALL, color=MUTED, loc="right")

"""Figures of what detections are worth: precision over recall, class by class, and its average by two rules."""

from itertools import islice

import numpy as np
from matplotlib.ticker import MultipleLocator

from minispp.plot import style
from minispp.plot.style import BLUE, GRID, INK, NORMAL, RED, SMALL

DASHES = ("-", "--", ":", "-.")  # for every six classes, when the colours come again


def precision_recall(curves):
    """Precision over recall of each class as a staircase, its best value from there on behind it, AP in the legend.

    The area under the thick line is the average precision of VOC's rule since 2010.

    Parameters
    ----------
    curves : dict of str to (precision, recall, average precision)
        Two arrays, after each detection in falling score, and a number, 0..1. A class without objects has NaN as its
        average precision; it is named in the legend, and has no curve.

    Examples
    --------
    >>> figure = precision_recall({"cat": ([1.0, 0.5, 0.67], [0.5, 0.5, 1.0], 0.83), "dog": ([], [], np.nan)})
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['cat: AP 83.0', 'dog: no objects']
    """
    figure, grid = style.new_figure(1, 1, height=4.2, width=6.4)
    axes = grid[0, 0]
    for k, (name, curve) in enumerate(curves.items()):
        colour = next(islice(style.colours(), k, None))
        _curve(axes, name, *curve, {"color": colour, "linestyle": DASHES[k // 6 % len(DASHES)]})
    style.quiet(axes)
    axes.set(xlim=(0, 101), ylim=(0, 101))
    axes.xaxis.set_major_locator(MultipleLocator(20))
    axes.yaxis.set_major_locator(MultipleLocator(20))
    axes.set_title("precision, %", fontsize=NORMAL, color=INK, loc="left")
    axes.set_xlabel("recall, %", fontsize=SMALL, color=INK)
    axes.grid(color=GRID, linewidth=0.7)
    if curves:
        axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    words = (line.get_label() for line in axes.lines if not line.get_label().startswith("_"))
    figure.alt = f"Precision over recall, in percent: {'; '.join(words) or 'no classes'}."
    return figure


def average_precisions(precision, recall):
    """Average precision of one class by both of VOC's rules: the area under the staircase, and the mean of 11 points.

    Parameters
    ----------
    precision, recall : arrays
        After each detection, in falling score; shares, 0..1.

    Examples
    --------
    >>> figure = average_precisions([1.0, 0.5, 2 / 3], [0.5, 0.5, 1.0])
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['the area: 83.3', 'the mean of 11 points: 84.8']
    """
    precision, recall = (np.asarray(values, float) for values in (precision, recall))
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    tenths = np.arange(11) / 10
    heights = best[np.searchsorted(recall, tenths - 1e-9)]
    area = (best[:-1] * np.diff(recall, prepend=0)).sum()
    steps = 100 * np.concatenate([[0], recall, recall[-1:]]), 100 * np.concatenate([best[:1], best[:-1], [0]])
    figure, grid = style.new_figure(1, 2, height=3.3)
    for axes, name in zip(grid[0], (f"the area: {100 * area:.1f}", ""), strict=True):
        axes.plot(100 * recall, 100 * precision, color=BLUE, linewidth=0.8, alpha=0.6)
        axes.step(*steps, where="pre", color=BLUE, linewidth=2)
        style.quiet(axes)
        axes.set(xlim=(-1.5, 101.5), ylim=(0, 103))
        axes.xaxis.set_major_locator(MultipleLocator(20))
        axes.yaxis.set_major_locator(MultipleLocator(20))
        axes.set_title(name, fontsize=NORMAL, color=INK, loc="left")
        axes.set_xlabel("recall, %", fontsize=SMALL, color=INK)
        axes.set_ylabel("precision, %", fontsize=SMALL, color=INK)
        axes.grid(color=GRID, linewidth=0.7)
    left, right = grid[0]
    left.fill_between(*steps, step="pre", color=BLUE, alpha=0.2, linewidth=0)
    right.vlines(100 * tenths, 0, 100 * heights, color=RED, linewidth=1)
    right.plot(100 * tenths, 100 * heights, "o", color=RED, markersize=6, clip_on=False)
    right.set_title(f"the mean of 11 points: {100 * heights.mean():.1f}", fontsize=NORMAL, color=INK, loc="left")
    words = (axes.get_title(loc="left") for axes in grid[0])
    figure.alt = f"Precision over recall as a staircase, and its average in percent twice: {'; '.join(words)}."
    return figure


def _curve(axes, name, precision, recall, average, look):
    """One class: what was measured as a thin line, and the staircase as a thick one."""
    if np.isnan(average):
        axes.plot([], [], linewidth=0, label=f"{name}: no objects")
        return
    precision, recall = 100 * np.asarray(precision, float), 100 * np.asarray(recall, float)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    axes.plot(recall, precision, **look | {"linestyle": "-"}, linewidth=0.8, alpha=0.45)
    # From no recall to the first, and at the highest down to 0; without detections, only the corner.
    steps = np.concatenate([[0], recall, recall[-1:]]), np.concatenate([best[:1], best, [0]])
    axes.step(*steps, where="pre", **look, linewidth=2, label=f"{name}: AP {100 * average:.1f}")

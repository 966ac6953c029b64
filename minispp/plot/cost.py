"""Figures of SPP-net beside R-CNN: pixels that are seen again and again, costs, features, and what speed costs."""

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from minispp.plot import style
from minispp.plot.outlines import grow, show
from minispp.plot.style import BLUE, GRID, INK, MUTED, NORMAL, SMALL, WIDTH, count, times

MARKERS = ("o", "s", "^", "D", "v", "P")


def coverage(picture, boxes):
    """A picture, and how many of the boxes hold each of its pixels.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    boxes : int array (R, 4)
        Rows (top, left, bottom, right), half-open, in the picture.

    Examples
    --------
    >>> coverage(np.zeros((4, 6, 3), np.uint8), [[0, 0, 4, 6], [1, 1, 3, 3]])
    A picture of 4 × 6 pixels, and how many of 2 boxes hold each pixel: from 1 to 2, 1.2 on average.
    """
    height, width = picture.shape[:2]
    held = np.zeros((height, width), int)
    for top, left, bottom, right in boxes:
        held[top:bottom, left:right] += 1
    inches = min((WIDTH - 1.2) / 2 / width, 4 / height)
    figure, (first, second) = style.row_of_panels([(inches * width, inches * height)] * 2)
    show(first, picture)
    style.title(first, f"{times((height, width))} pixels", count(len(boxes), "box"))
    image = second.imshow(held, cmap="Blues", vmin=0, extent=(0, width, height, 0), interpolation="nearest")
    style.bare(second)
    style.title(second, "boxes that hold each pixel", f"{held.min()} to {held.max()}, mean {held.mean():.1f}")
    grow(figure, beside=0.6)
    place, wide = second.get_position(original=True), figure.get_size_inches()[0]
    # Its lowest and highest number need room above and below.
    bar = figure.add_axes([place.x1 + 0.1 / wide, place.y0 + 0.05 * place.height, 0.15 / wide, 0.9 * place.height])
    figure.colorbar(image, cax=bar)
    bar.tick_params(labelsize=SMALL, labelcolor=INK, color=MUTED, length=2)
    bar.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    bar.spines[:].set_visible(False)
    figure.alt = (
        f"A picture of {times((height, width))} pixels, and how many of {count(len(boxes), 'box')} hold each pixel: "
        f"from {held.min()} to {held.max()}, {held.mean():.1f} on average."
    )
    return figure


def costs(counts, predicted, measured=None, label="multiply-adds"):
    """What n windows cost: a line for each prediction, dots for what was measured, a ring where the first line crosses.

    Parameters
    ----------
    counts : sequence of int
        n, rising, from 1.
    predicted : dict of str to sequence of float
        Costs, one for each count. The first rises; a ring and a number are where it passes each of the others.
    measured : dict of str to sequence of float, optional
        For the same counts; a name that was predicted has its colour.
    label : str
        Of the axis, with its unit.

    Examples
    --------
    >>> figure = costs([1, 10, 100], {"windows": [1, 10, 100], "picture": [20, 20, 20]}, label="seconds")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['20 windows']
    """
    measured = measured or {}
    figure, grid = style.new_figure(1, 1, height=4, width=WIDTH - 1)
    axes = grid[0, 0]
    names = dict.fromkeys([*predicted, *measured])
    looks = dict(zip(names, zip(style.colours(), MARKERS, strict=False), strict=False))
    for name, (colour, marker) in looks.items():
        dashes = "--" if measured else "-"
        if name in predicted:
            words = f"{name}, predicted" if measured else name
            axes.plot(counts, predicted[name], dashes, color=colour, linewidth=1.8, label=words)
        if name in measured:
            axes.plot(counts, measured[name], marker, color=colour, markersize=6, label=f"{name}, measured")
    first, *others = predicted
    rings = [ring for other in others if (ring := _crossing(counts, predicted[first], predicted[other]))]
    for n, value in rings:
        axes.plot([n], [value], "o", markersize=11, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.4)
        axes.annotate(
            count(round(n), "window"), (n, value), (9, -13), textcoords="offset points", fontsize=SMALL, color=INK,
        )  # fmt: skip
    style.quiet(axes)
    axes.set(xscale="log", yscale="log", xlim=(0.85 * counts[0], counts[-1] / 0.85))
    axes.grid(color=GRID, linewidth=0.7)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("n, windows of the picture", fontsize=SMALL, color=INK)
    axes.set_title(label, fontsize=NORMAL, color=INK, loc="left")
    axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    ends = (f"{name} {values[-1]:.3g}" for name, values in (measured or predicted).items())
    meet = "; ".join(f"{first} passes {other} at {n:.0f}" for other, (n, _) in zip(others, rings, strict=False))
    figure.alt = f"{label} over the number of windows; at {counts[-1]}: {', '.join(ends)}. {meet or 'No crossing'}."
    return figure


def _crossing(counts, rising, other):
    """Where a rising line passes another one, both straight between points of a doubly logarithmic scale; or None."""
    x, gap = np.log(counts), np.log(rising) - np.log(other)
    below = np.flatnonzero((gap[:-1] < 0) & (gap[1:] >= 0))
    if not len(below):
        return None
    k = below[0]
    share = gap[k] / (gap[k] - gap[k + 1])
    n, value = (np.exp(line[k] + share * (line[k + 1] - line[k])) for line in (x, np.log(rising)))
    return float(n), float(value)


def likeness(sides, cosines, label="cosine of the two vectors of a window"):
    """How alike two descriptions of each window are, over its size; and the median of each fifth of the windows.

    Parameters
    ----------
    sides : array (R,)
        Square root of each window's area, in pixels.
    cosines : array (R,)
    label : str
        Of the axis.

    Examples
    --------
    >>> figure = likeness(np.arange(1, 11), np.linspace(0.1, 1, 10))
    >>> figure.axes[0].lines[-1].get_ydata().round(2).tolist()
    [0.15, 0.35, 0.55, 0.75, 0.95]
    """
    sides, cosines = np.asarray(sides, float), np.asarray(cosines, float)
    figure, grid = style.new_figure(1, 1, height=3.4, width=7)
    axes = grid[0, 0]
    axes.plot(sides, cosines, "o", color=BLUE, markersize=3.5, alpha=0.35, markeredgewidth=0, label="a window")
    fifths = np.array_split(np.argsort(sides, kind="stable"), 5)
    middles = [(np.median(sides[rows]), np.median(cosines[rows])) for rows in fifths if len(rows)]
    axes.plot(*zip(*middles, strict=True), "D-", color=INK, markersize=6, linewidth=1.6, label="median of a fifth")
    style.quiet(axes)
    axes.set_ylim(min(0, cosines.min()), 1.02)
    axes.set_xlabel("square root of the window's area, pixels", fontsize=SMALL, color=INK)
    axes.set_title(label, fontsize=NORMAL, color=INK, loc="left")
    axes.grid(color=GRID, linewidth=0.7)
    axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc="lower right")
    words = ", ".join(f"{cosine:.2f} at {side:.0f} pixels" for side, cosine in middles)
    figure.alt = f"The {label} over its size, for {count(len(sides), 'window')}; medians: {words}."
    return figure


def trade(panels, label="features, ms a picture"):
    """Precision over time: a panel for each set of pictures, a mark for each way.

    Parameters
    ----------
    panels : dict of str to (dict of str to (float, float))
        Set -> way -> its time, and its mean average precision as a share, 0..1.
    label : str
        Of the time.

    Examples
    --------
    >>> figure = trade({"cards": {"SPP": (20, 0.83), "R-CNN": (450, 0.91)}, "cells": {"SPP": (38, 0.81)}})
    >>> figure.alt.split(". ")[1:]
    ['cards: SPP 83.0% at 20, R-CNN 91.0% at 450', 'cells: SPP 81.0% at 38.']
    """
    ways = dict.fromkeys(way for points in panels.values() for way in points)
    looks = dict(zip(ways, zip(style.colours(), MARKERS, strict=False), strict=False))
    figure, grid = style.new_figure(1, len(panels), height=3.6, width=WIDTH if len(panels) > 1 else 7)
    for axes, (name, points) in zip(grid[0], panels.items(), strict=True):
        for way, (seconds, precision) in points.items():
            colour, marker = looks[way]
            axes.plot([seconds], [100 * precision], marker, color=colour, markersize=9, label=way)
        style.quiet(axes)
        axes.set_xscale("log")
        spread = [seconds for seconds, _ in points.values()]
        axes.set_xlim(min(spread) / 1.6, max(spread) * 1.6)
        axes.margins(y=0.15)
        ticks = [t * 10.0**p for p in range(-3, 6) for t in (1, 2, 5)]
        axes.set_xticks([tick for tick in ticks if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_title(f"{name}: mean average precision, %", fontsize=NORMAL, color=INK, loc="left")
        axes.set_xlabel(label, fontsize=SMALL, color=INK)
        axes.grid(color=GRID, linewidth=0.7)
    handles = {way: line for axes in grid[0] for way, line in zip(*axes.get_legend_handles_labels()[::-1], strict=True)}
    figure.legend(
        [handles[way] for way in ways], list(ways), fontsize=SMALL, frameon=False, labelcolor=INK,
        loc="outside lower left", ncols=min(len(ways), 3),
    )  # fmt: skip
    words = []
    for name, points in panels.items():
        each = (f"{way} {100 * precision:.1f}% at {seconds:.3g}" for way, (seconds, precision) in points.items())
        words.append(f"{name}: {', '.join(each)}.")
    figure.alt = f"Mean average precision over {label}. {' '.join(words)}"
    return figure

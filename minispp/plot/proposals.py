"""Figures of proposals: regions of a picture as they are joined, and how many objects the boxes find."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import FuncFormatter, NullLocator

from minispp.plot import style
from minispp.plot.outlines import outline, show
from minispp.plot.style import GRID, INK, NORMAL, ORANGE, SMALL, WIDTH, count, times


def segments(picture, labels, boxes=()):
    """A picture with boxes on it, and beside it its regions, each in the mean of its colours.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    labels : int array (H, W)
        Which region each pixel is in; any numbers.
    boxes : array (K, 4)
        Such as those around the regions.

    Examples
    --------
    >>> picture = np.zeros((6, 9, 3), np.uint8)
    >>> figure = segments(picture, np.arange(9) // 3 + np.zeros((6, 1), int), [[0, 0, 6, 3]])
    >>> [axes.get_title() for axes in figure.axes]
    ['1 box', '3 regions']
    """
    height, width = picture.shape[:2]
    panel = (WIDTH - 0.4) / 2
    size = (panel, panel * height / width) if height <= width else (4.2 * width / height, 4.2)
    figure, (left, right) = style.row_of_panels([size, size], lines=1)
    show(left, picture)
    for box in boxes:
        outline(left, box, "box", ORANGE, width=1.1, halo=False)
    style.title(left, count(len(boxes), "box"))
    names, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.reshape(-1)
    pixels = np.bincount(numbers)
    flat = picture.reshape(-1, 3)
    means = np.stack([np.bincount(numbers, flat[:, c]) / pixels for c in range(3)], axis=1)
    show(right, np.rint(means[numbers]).astype(np.uint8).reshape(picture.shape))
    right.add_collection(LineCollection(_borders(labels), colors="white", linewidths=0.9, gid="border"))
    style.title(right, count(len(names), "region"))
    figure.alt = (
        f"A picture of {times((height, width))} pixels with {left.get_title()} on it; beside it the same picture as "
        f"{right.get_title()}, each in its mean colour."
    )
    return figure


def _borders(labels):
    """The edges between pixels of two regions, as lines ((x, y), (x, y))."""
    labels = np.asarray(labels)
    i, j = np.nonzero(labels[:, 1:] != labels[:, :-1])
    upright = np.stack([np.stack([j + 1, i], 1), np.stack([j + 1, i + 1], 1)], axis=1)
    i, j = np.nonzero(labels[1:] != labels[:-1])
    level = np.stack([np.stack([j, i + 1], 1), np.stack([j + 1, i + 1], 1)], axis=1)
    return np.concatenate([upright, level])


def recall(counts, curves):
    """The share of objects that one of the first n boxes overlaps enough, over n.

    Parameters
    ----------
    counts : sequence of int
        n, rising.
    curves : dict of str to sequence of float
        Shares, 0..1, one for each count.

    Examples
    --------
    >>> figure = recall([1, 10, 100], {"IoU .5": [0.1, 0.5, 1.0], "IoU .7": [0.0, 0.2, 0.75]})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['IoU .5: 100%', 'IoU .7: 75%']
    """
    figure, grid = style.new_figure(1, 1, height=3.4, width=7)
    axes = grid[0, 0]
    ends = _apart([100 * shares[-1] for shares in curves.values()], 7)
    looks = zip(style.colours(), ("o", "s", "^", "D", "v", "P"), ends, strict=False)
    for (name, shares), (colour, marker, end) in zip(curves.items(), looks, strict=False):
        values = 100 * np.asarray(shares, float)
        axes.plot(counts, values, marker, linestyle="-", color=colour, linewidth=1.8, markersize=4.5, label=name)
        axes.annotate(
            f"{name}: {values[-1]:.0f}%", (1, end), (8, 0), xycoords=axes.get_yaxis_transform(),
            textcoords="offset points", fontsize=SMALL, color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
    style.quiet(axes)
    axes.set_xscale("log")
    axes.set(xlim=(counts[0], counts[-1]), ylim=(0, 102))
    ticks = [tick for power in (1, 10, 100, 1000) for tick in (power, 2 * power, 5 * power)]
    axes.set_xticks([tick for tick in ticks if counts[0] <= tick <= counts[-1]])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_title("objects found by the first n boxes, %", fontsize=NORMAL, color=INK, loc="left")
    axes.set_xlabel("n, boxes of each picture", fontsize=SMALL, color=INK)
    axes.grid(color=GRID, linewidth=0.7)
    words = (f"{text.get_text()} of all {counts[-1]}" for text in axes.texts)
    figure.alt = f"Share of the objects found over the number of boxes; in the end {', '.join(words)}."
    return figure


def _apart(values, least):
    """The same places, moved down where the one above is nearer than `least`; in the order given."""
    order, places = np.argsort(values)[::-1], np.array(values, float)
    for above, below in zip(order, order[1:], strict=False):
        places[below] = min(places[below], places[above] - least)
    return places.tolist()

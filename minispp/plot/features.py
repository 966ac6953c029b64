"""Figures of what a net says about windows: channels of the map, a window's pooled vector, crops and their scores."""

import numpy as np

from minispp.plot import style
from minispp.plot.outlines import outline, show
from minispp.plot.style import GRID, INK, MUTED, NORMAL, RED, SMALL, WIDTH, count, times


def channels(picture, maps, number=5):
    """A picture, and the channels of its feature map whose values vary most, the strongest first.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    maps : float array (h, w, C)
    number : int
        How many channels.

    Examples
    --------
    >>> figure = channels(np.zeros((8, 8, 3), np.uint8), np.eye(4)[:, :, None] * [0, 1, 2], 2)
    >>> [axes.get_title().splitlines() for axes in figure.axes]
    [['8 × 8 pixels'], ['channel 2', '0 to 2'], ['channel 1', '0 to 1']]
    """
    rows, columns, _ = maps.shape
    chosen = np.argsort(-maps.std(axis=(0, 1)), kind="stable")[:number]
    panel = (WIDTH - 0.1 - style.GAP * len(chosen)) / (len(chosen) + 1)
    figure, (first, *others) = style.row_of_panels([(panel, panel * rows / columns)] * (len(chosen) + 1))
    show(first, picture)
    style.title(first, f"{times(picture.shape)} pixels")
    for axes, channel in zip(others, chosen, strict=True):
        one = maps[..., channel]
        axes.pcolormesh(one, cmap="Blues", rasterized=True)
        axes.set(xlim=(0, columns), ylim=(rows, 0))
        style.bare(axes)
        style.title(axes, f"channel {channel}", f"{one.min():.3g} to {one.max():.3g}")
    figure.alt = (
        f"A picture of {times(picture.shape)} pixels, and {count(len(chosen), 'channel')} of its feature map of "
        f"{times(maps.shape)} cells, dark where the value is large."
    )
    return figure


def pooled(picture, box, maps, window, vector, levels, channel=None):
    """A box on its picture, its cells on one channel of the map, and the maximum of each bin, level by level.

    All maps have one scale of blue, from the lowest to the highest value in the channel.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    box : (top, left, bottom, right)
        In its pixels.
    maps : float array (h, w, C)
    window : (top, left, bottom, right)
        In cells.
    vector : float array (M * C,)
        The features of the box, bin after bin, the C channels of a bin beside each other.
    levels : sequence of (int, int)
        The pyramid.
    channel : int, optional
        The one with the largest sum over the bins, if not given.

    Examples
    --------
    >>> figure = pooled(np.zeros((8, 8, 3), np.uint8), (0, 0, 8, 8), np.zeros((4, 4, 2)), (0, 0, 4, 4), np.zeros(10),
    ...                 [(2, 2), (1, 1)])
    >>> [axes.get_title().splitlines()[0] for axes in figure.axes]
    ['the box', 'channel 0', '2 × 2', '1 × 1']
    """
    rows, columns, _ = maps.shape
    bins = np.asarray(vector).reshape(-1, maps.shape[2])
    channel = int(bins.sum(axis=0).argmax()) if channel is None else channel
    one, values = maps[..., channel], bins[:, channel]
    wide = (WIDTH - 0.1 - style.GAP * (len(levels) + 1)) / (2 + 0.62 * len(levels))
    tall = wide * rows / columns
    side = min(0.62 * wide, tall)
    sizes = [(wide, tall)] * 2 + [(side, side * n / max(n, m)) for n, m in levels]
    figure, (first, second, *others) = style.row_of_panels(sizes)
    show(first, picture)
    outline(first, box, "box", RED)
    style.title(first, "the box", f"{times((box[2] - box[0], box[3] - box[1]))} pixels")
    look = {"cmap": "Blues", "vmin": one.min(), "vmax": one.max() or 1}
    second.pcolormesh(one, **look, rasterized=True)
    second.set(xlim=(0, columns), ylim=(rows, 0))
    style.bare(second)
    outline(second, window, "window", RED)
    style.title(second, f"channel {channel}", f"{times((window[2] - window[0], window[3] - window[1]))} cells")
    start = 0
    for axes, (n, m) in zip(others, levels, strict=True):
        level = values[start : start + n * m].reshape(n, m)
        axes.pcolormesh(level, **look, edgecolors=GRID, linewidth=0.6)
        axes.set(xlim=(0, m), ylim=(n, 0))
        style.bare(axes)
        last = start + n * m - 1
        style.title(axes, times((n, m)), f"bin {start + 1}" if last == start else f"bins {start + 1} to {last + 1}")
        start += n * m
    figure.alt = (
        f"A box on a picture; on channel {channel} of the map its window of {second.get_title().splitlines()[1]}; and "
        f"the maxima of its {start} bins, from {values.min():.3g} to {values.max():.3g}."
    )
    return figure


def gallery(windows, titles):
    """Windows cut out of their pictures, beside each other, all of one height, with words above each.

    Parameters
    ----------
    windows : sequence of (picture, box)
        A uint8 array (H, W, 3), and whole numbers (top, left, bottom, right).
    titles : sequence of str
        One or two short lines for each.

    Examples
    --------
    >>> picture = np.zeros((9, 9, 3), np.uint8)
    >>> gallery([(picture, (0, 0, 5, 9)), (picture, (2, 0, 9, 4))], ["0.1", "0.2"])
    2 windows, cut out: 5 × 9 pixels, 0.1; 7 × 4 pixels, 0.2.
    """
    crops = [picture[top:bottom, left:right] for picture, (top, left, bottom, right) in windows]
    lines = max((title.count("\n") + 1 for title in titles), default=1)
    # Each panel is at least as wide as a short word.
    wide = [max(crop.shape[1] / crop.shape[0], 0.6) for crop in crops]
    tall = min(1.35, (WIDTH - 0.1 - style.GAP * (len(crops) - 1)) / sum(wide))
    figure, panels = style.row_of_panels([(tall * each, tall) for each in wide], lines=lines)
    for axes, crop, words in zip(panels, crops, titles, strict=True):
        show(axes, crop)
        style.title(axes, words)
    words = (
        f"{times(crop.shape)} pixels, {title.replace(chr(10), ', ')}" for crop, title in zip(crops, titles, strict=True)
    )
    figure.alt = f"{count(len(crops), 'window')}, cut out: {'; '.join(words)}."
    return figure


def scores(groups, marks=(), label="score"):
    """How the scores of several kinds of windows are spread: a histogram for each kind, one below the other.

    Parameters
    ----------
    groups : dict of str to sequence of float
        Kind -> scores.
    marks : sequence of float
        Scores at which to draw a line, such as the margins -1 and 1.
    label : str
        Of the axis.

    Examples
    --------
    >>> figure = scores({"discs": [1.0, 2.0], "background": [-3.0, -2.0, -2.5]}, marks=(-1, 1))
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['discs: 2 windows', 'background: 3 windows']
    """
    figure, grid = style.new_figure(len(groups), 1, height=0.5 + 1.15 * len(groups), width=7)
    everything = np.concatenate([np.zeros(1), *(np.asarray(values, float) for values in groups.values())])
    edges = np.linspace(np.floor(everything.min()), np.ceil(everything.max() + 1e-9), 61)
    for axes, (name, values), colour in zip(grid[:, 0], groups.items(), style.colours(), strict=False):
        axes.hist(np.asarray(values, float), edges, color=colour)
        for mark in marks:
            axes.axvline(mark, color=MUTED, linewidth=1.2, linestyle="--")
        style.quiet(axes)
        axes.set_xlim(edges[0], edges[-1])
        axes.yaxis.get_major_locator().set_params(integer=True, nbins=3)
        axes.set_title(f"{name}: {count(len(values), 'window')}", fontsize=NORMAL, color=colour, loc="left")
        axes.set_ylabel("windows", fontsize=SMALL, color=INK)
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        axes.tick_params(labelbottom=axes is grid[-1, 0])
    grid[-1, 0].set_xlabel(label, fontsize=SMALL, color=INK)
    spread = (
        f"{name}, {len(values)} windows from {min(values):.2g} to {max(values):.2g}"
        for name, values in groups.items()
        if len(values)
    )
    figure.alt = f"Histograms of the {label}: {'; '.join(spread)}."
    return figure

"""Figures of where a net looks: bins of maps, winning cells, receptive fields, views and boxes on pictures.

Pixel (or cell) p is drawn over the interval p .. p + 1, so half-open boxes lie exactly on the edges they name.
"""

import numpy as np
from matplotlib.colors import ListedColormap

from minispp.bins import axis, covered
from minispp.fields import cells_to_box, receptive_box
from minispp.kernels import reference
from minispp.plot import style
from minispp.plot.outlines import outline, rectangles, show, show_map
from minispp.plot.style import BLUE, GRID, MUTED, RED, SMALL, WIDTH, count, times
from minispp.windows import as_levels, finer_level, require_positive, split, whole_maps

SHADES = ListedColormap(["#FFFFFF", "#EFF4F9", "#C9DFEF", "#9CC7E3", "#6DADD6"])  # cells in 0, 1, 2, .. windows
WINDOW = {"edgecolor": BLUE, "linewidth": 1.1}
EXTRA = {"edgecolor": MUTED, "linewidth": 0.9, "linestyle": (0, (2, 1.5))}


def bins(height, width, levels=(6, 3, 2, 1)):
    """The bins of each level on a map of ``height x width`` cells; below them the windows of the sliding rule.

    The darker a cell, the more bins hold it. The bars along the edges are the bins of each axis. Of the sliding rule,
    dashed windows are more than there are bins, and hatched cells are left out by the first ones (paper,
    section 2.3; `minispp.bins.bins_text` says it in words).

    Examples
    --------
    >>> figure = bins(10, 13, (6, 3))
    >>> [axes.get_title().splitlines()[0] for axes in figure.axes]
    ['6 × 6: 36 bins', '3 × 3: 9 bins', '54 windows, 18 too many', 'the same 9 windows']
    """
    require_positive("bins", height=height, width=width)
    levels = as_levels(levels)
    panel = (WIDTH - 0.4) / max(len(levels), 4)
    tall = max(panel * 0.94 * (height + 0.1 * max(height, width)) / (1.1 * width), 0.5) + 0.6
    figure, grid = style.new_figure(2, len(levels), height=2 * tall + 0.1, width=panel * len(levels) + 0.4)
    for column, (level, finer) in enumerate(zip(levels, finer_level(levels), strict=True)):
        vertical, horizontal = axis(height, level[0]), axis(width, level[1])
        source = "the map" if finer is None else times(levels[finer])
        _pyramid_level(grid[0, column], vertical, horizontal)
        style.title(grid[0, column], f"{times(level)}: {count(level[0] * level[1], 'bin')}", f"pooled from {source}")
        _sliding_level(grid[1, column], vertical, horizontal)
    for axes, name in zip(grid[:, 0], ("SPP bins", "sliding rule"), strict=True):
        axes.set_ylabel(name, fontsize=SMALL, color=MUTED, labelpad=6)
    figure.alt = _words(f"A map of {times((height, width))} cells cut by", figure.axes)
    return figure


def winners(picture, net, channel=None):
    """Where the values of an SPP vector come from: the map of one channel, and the cell that won each bin.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
        Taken at its own size.
    net : Net
        With spatial pyramid pooling.
    channel : int, optional
        Of the feature map; the one with the largest value if not given.

    Examples
    --------
    >>> from minispp import zoo
    >>> figure = winners(np.zeros((48, 64, 3), np.uint8), zoo.small(3, width=2, levels=(2, 1)))
    >>> [axes.get_title().splitlines()[0] for axes in figure.axes][1:]
    ['2 × 2: 4 bins', '1 × 1: 1 bin']
    """
    maps = net.ops.to_numpy(net.features(net.prepare(picture[None])))
    rows, columns = maps.shape[1:3]
    channel = int(maps.max(axis=(0, 1, 2)).argmax()) if channel is None else channel
    one = np.ascontiguousarray(maps[..., [channel]])
    levels = net.pool_layer.levels
    # Cells at the edge may reach beyond the picture: all panels show both.
    _, top, left, bottom, right = cells_to_box(whole_maps(1, rows, columns), net.field)[0]
    top, left = min(top, 0), min(left, 0)
    bottom, right = max(bottom, picture.shape[0]), max(right, picture.shape[1])
    panel = (WIDTH - 0.1 - style.GAP * len(levels)) / (len(levels) + 1)
    size = panel, panel * (bottom - top) / (right - left)
    figure, (first, *others) = style.row_of_panels([size] * (len(levels) + 1))
    edges = [net.field.centre + net.field.stride * (np.arange(cells + 1) - 0.5) for cells in (columns, rows)]
    first.pcolormesh(*edges, one[0, :, :, 0], cmap="Blues", rasterized=True)
    style.title(first, f"channel {channel} of the map", f"{times((rows, columns))} cells")
    for axes, level in zip(others, levels, strict=True):
        table = split(whole_maps(1, rows, columns), *level)
        _, won = reference.window_max(one, table)
        cells = np.stack(np.unravel_index(np.unique(won), (rows, columns)), axis=1)
        show(axes, picture, dim=True)
        lines = {"facecolor": "none", "edgecolor": ("white", 0.6), "linewidth": 0.8}
        rectangles(axes, cells_to_box(table, net.field), "bin", **lines)
        rectangles(axes, _own_boxes(cells, net.field), "winner", facecolor=RED, edgecolor="white", linewidth=0.7)
        style.title(axes, f"{times(level)}: {count(len(table), 'bin')}", f"{count(len(cells), 'cell')} won")
    for axes in figure.axes:
        style.bare(axes)
        axes.set(xlim=(left, right), ylim=(bottom, top))
    figure.alt = _words(f"A picture, and on it the cells that won the bins of {times((rows, columns))} cells:", others)
    return figure


def receptive_fields(picture, field, cells):
    """What cells of the feature map see: all of each one's receptive field, and in it its own square of one stride.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    field : Field
        Such as ``net.field``.
    cells : rows of (row, column)

    Examples
    --------
    >>> from minispp.fields import Field
    >>> figure = receptive_fields(np.zeros((224, 224, 3), np.uint8), Field(16, 139, 20), [(6, 6)])
    >>> figure.axes[0].get_title()
    'stride 16, receptive field 139 × 139 pixels'
    """
    cells = np.asarray(cells).reshape(-1, 2)
    seen, own = receptive_box(_cell_windows(cells), field), _own_boxes(cells, field)
    height, width = picture.shape[:2]
    top, left = np.minimum(seen[:, 1:3].min(axis=0, initial=0), 0)
    bottom, right = np.maximum(seen[:, 3:5].max(axis=0, initial=0), (height, width))
    figure, (axes,) = style.row_of_panels([(5.5, 5.5 * (bottom - top) / (right - left))], lines=1)
    show(axes, picture, dim=True)
    edge = 0.01 * (right - left)
    axes.set(xlim=(left - edge, right + edge), ylim=(bottom + edge, top - edge))
    for k, colour in zip(range(len(cells)), style.colours(), strict=False):
        rectangles(axes, seen[[k]], "seen", facecolor=(colour, 0.16), edgecolor=colour, linewidth=1.8)
        rectangles(axes, own[[k]], "own", facecolor=colour, edgecolor="white", linewidth=0.8)
        plate = {"facecolor": colour, "edgecolor": "none", "pad": 2}
        name = f"row {cells[k, 0]}, column {cells[k, 1]}"
        axes.annotate(
            name, seen[k, [2, 1]], (4, -4), textcoords="offset points", fontsize=SMALL, color="white",
            va="top", bbox=plate,
        )  # fmt: skip
    style.title(axes, f"stride {field.stride}, receptive field {times((field.size, field.size))} pixels")
    figure.alt = (
        f"A picture of {times((height, width))} pixels; {count(len(cells), 'cell')} of its feature map, each a square "
        f"of {field.stride} pixels in the middle of the {times((field.size, field.size))} pixels that it sees."
    )
    return figure


def views(pictures, boxes):
    """The views that are taken of one picture at several scales, all drawn with pixels of one size.

    Parameters
    ----------
    pictures : sequence of uint8 arrays (H, W, 3)
        The picture at each scale.
    boxes : sequence of int arrays (V, 5)
        The views at each scale, such as `minispp.predict.view_boxes` gives.

    Examples
    --------
    >>> figure = views([np.zeros((30, 40, 3), np.uint8)], [np.array([[0, 0, 0, 24, 24], [0, 6, 16, 30, 40]])])
    >>> figure
    One picture at several scales, with the outlines of its views: 30 × 40 pixels, 2 views.
    """
    heights, widths = zip(*(picture.shape[:2] for picture in pictures), strict=True)
    inches = min((WIDTH - style.GAP * len(widths)) / sum(widths), 4.0 / max(heights))  # of a pixel
    sizes = [(inches * width, inches * height) for width, height in zip(widths, heights, strict=True)]
    figure, panels = style.row_of_panels(sizes)
    for axes, picture, rows in zip(panels, pictures, boxes, strict=True):
        show(axes, picture, dim=True)
        for k, colour in zip(range(len(rows)), style.colours(), strict=False):
            # Edges that would lie on each other are moved inwards, by a different length for each view.
            inset = (1 + 2 * (k % 5)) / 180 / inches
            rectangles(axes, rows[[k]], "view", inset, facecolor="none", edgecolor=colour, linewidth=1.4)
        style.title(axes, f"{times(picture.shape)} pixels", count(len(rows), "view"))
    figure.alt = _words("One picture at several scales, with the outlines of its views:", panels)
    return figure


def boxes(picture, boxes, labels=None):
    """Boxes on a picture, with a word at each.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    boxes : int array (K, 4) or (K, 5)
        Rows ``(top, left, bottom, right)`` in pixels, half-open; a fifth number in front, the image, is ignored.
    labels : sequence of str, optional
        Equal labels have equal colours.

    Raises
    ------
    ValueError
        If there is not a label for each box.

    Examples
    --------
    >>> boxes(np.zeros((40, 60, 3), np.uint8), [[5, 10, 30, 50]], ["disc"])
    A picture of 40 × 60 pixels with 1 box: disc at (5, 10, 30, 50).
    """
    rows = np.asarray(boxes)
    rows = rows[:, -4:] if rows.size else rows.reshape(0, 4)
    names = [""] * len(rows) if labels is None else [str(label) for label in labels]
    if len(names) != len(rows):
        raise ValueError(f"boxes: expected a label for each of {len(rows)} boxes, got {len(names)}")
    colours = dict(zip(dict.fromkeys(names), style.colours(), strict=False))
    height, width = picture.shape[:2]
    figure, (axes,) = style.row_of_panels([(6, 6 * height / width)], lines=0)
    show(axes, picture)
    for row, name in zip(rows, names, strict=True):
        outline(axes, row, "box", colours[name], name)
    found = ", ".join(f"{name or 'box'} at {tuple(row.tolist())}" for row, name in zip(rows, names, strict=True))
    figure.alt = f"A picture of {times((height, width))} pixels with {count(len(rows), 'box')}: {found or 'none'}."
    return figure


# ---------------------------------------------------------------------------------------------------


def _words(head, panels):
    """What the titles of the panels say, in one line."""
    return f"{head} {'; '.join(axes.get_title().replace(chr(10), ', ') for axes in panels)}."


def _pyramid_level(axes, vertical, horizontal):
    """The floor/ceil bins of one level."""
    _shaded(axes, np.outer(covered(vertical.size, vertical.edges), covered(horizontal.size, horizontal.edges)))
    _windows(axes, vertical, horizontal, vertical.edges, horizontal.edges, "bin")


def _sliding_level(axes, vertical, horizontal):
    """The sliding rule's windows of one level: the first ones, those beyond the number of bins, and what is missed."""
    if vertical.windows is None or horizontal.windows is None:
        _shaded(axes, np.zeros((vertical.size, horizontal.size)))
        _windows(axes, vertical, horizontal, [], [], "window")
        style.title(axes, "no windows:", "the stride would be 0", RED)
        return
    first = np.outer(*(covered(one.size, one.windows[: one.bins]) for one in (vertical, horizontal)))
    _shaded(axes, first)
    _hatch_missed(axes, vertical, horizontal)
    _windows(axes, vertical, horizontal, vertical.windows, horizontal.windows, "window")
    made, wanted = len(vertical.windows) * len(horizontal.windows), vertical.bins * horizontal.bins
    if vertical.agree and horizontal.agree:
        strides = [one.size // one.bins for one in (vertical, horizontal)]
        style.title(axes, f"the same {count(made, 'window')}", f"with stride {times(strides)}")
    else:
        head = f"{made} windows, {made - wanted} too many" if made > wanted else f"{count(made, 'other window')}"
        style.title(axes, head, f"{(first == 0).sum()} of {first.size} cells left out", RED)


def _windows(axes, vertical, horizontal, rows, columns, kind):
    """The windows that rows x columns make, on the map; and those of each axis as bars along it, in lanes."""
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            extra = i >= vertical.bins or j >= horizontal.bins
            name, look = ("extra", EXTRA) if extra else (kind, WINDOW)
            rectangles(axes, [[0, top, left, bottom, right]], name, 0.16, facecolor="none", **look)
    room = 0.1 * max(horizontal.size, vertical.size)
    for one, edges, upright in ((vertical, rows, True), (horizontal, columns, False)):
        lanes = max(2, covered(one.size, edges).max(initial=0))  # bars in one lane never lie on each other
        for k, (start, stop) in enumerate(edges):
            near, far = (-room * (0.15 + 0.85 * (k % lanes + part) / lanes) for part in (0.3, 1))
            row = [0, start + 0.1, far, stop - 0.1, near] if upright else [0, far, start + 0.1, near, stop - 0.1]
            face = {"facecolor": BLUE} if k < one.bins else {"facecolor": "none", **EXTRA}
            rectangles(axes, [row], f"{'row' if upright else 'column'} bar", **face)
    axes.set(xlim=(-room * 1.1, horizontal.size + 0.05), ylim=(vertical.size + 0.05, -room * 1.1))


def _hatch_missed(axes, vertical, horizontal):
    """Hatch the cells that the first windows miss: the last rows, and the last columns beside them."""
    height, width = vertical.size, horizontal.size
    below, beside = height - len(vertical.missed), width - len(horizontal.missed)
    for row in ([0, below, 0, height, width], [0, 0, beside, below, width]):
        if row[1] < row[3] and row[2] < row[4]:
            rectangles(axes, [row], "missed", facecolor="none", edgecolor=RED, linewidth=0, hatch="////")


def _shaded(axes, counts):
    """A map, the darker a cell, the more windows hold it."""
    show_map(axes, counts, SHADES, GRID, vmin=0, vmax=SHADES.N - 1)


def _cell_windows(cells):
    """Cells (K, 2) as windows (K, 5) of one cell each."""
    return np.column_stack([np.zeros(len(cells), int), cells, cells + 1])


def _own_boxes(cells, field):
    """The square of one stride around the centre of each cell, in pixels."""
    return cells_to_box(_cell_windows(cells), field)

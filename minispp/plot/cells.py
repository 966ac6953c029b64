"""Figures of the way between pixels and cells: what a cell sees, layer by layer, and which cells describe a box."""

import numpy as np
from matplotlib.patches import Polygon, Rectangle

from minispp.fields import box_to_cells, cells_to_box, field, map_size
from minispp.plot import style
from minispp.plot.outlines import rectangles, show
from minispp.plot.style import BLUE, GREEN, GRID, INK, MUTED, RED, SMALL, WIDTH, times
from minispp.windows import require_positive

LEFT, ROW = 0.62, 0.52  # share of a figure that is drawn on, the rest is for words; inches of a layer
RULES = {"paper": BLUE, "released": GREEN}


def chain(slides, size, cell):
    """What one cell of the last map sees, layer by layer, along one axis.

    A dot is a pixel or a cell, drawn at the pixel that is its centre; filled dots are seen, hollow ones are padding.
    Beside each layer: how it moves, and the stride, receptive field and first centre that follow.

    Parameters
    ----------
    slides : dict of str to Slide
        The layers that slide, by name, in order.
    size : int
        Pixels.
    cell : int
        Of the last map.

    Raises
    ------
    ValueError
        If there is no layer, no such cell, or the pixels do not suffice for a layer.

    Examples
    --------
    >>> from minispp.fields import Slide
    >>> chain({"conv1": Slide(5, 2, 2), "pool1": Slide(2, 2)}, 16, 1).alt
    'Cell 1 of pool1 sees 2 cells of conv1, 7 pixels: 2 to 8. Stride 4, receptive field 7, first centre 1.'
    """
    require_positive("chain", size=size)
    names, steps = ["pixels", *slides], list(slides.values())
    counts = [map_size(size, steps[:k]) for k in range(len(names))]
    if not steps or not 0 <= cell < counts[-1]:
        raise ValueError(f"chain: expected layers, and one of the {counts[-1]} cells of the last map, got cell {cell}")
    fields = [field(steps[:k]) for k in range(len(names))]
    spans = [(cell, cell)]
    for kernel, stride, pad, _ in reversed(steps):
        first, last = spans[0]
        spans.insert(0, (first * stride - pad, last * stride - pad + kernel - 1))

    low, high = min(0, spans[0][0]) - 2, max(size, spans[0][1]) + 2
    figure, axes = _canvas(ROW * len(names) + 0.25, low, high, (len(names) - 0.45, -0.75))
    for y, (name, number, one, span) in enumerate(zip(names, counts, fields, spans, strict=True)):
        place = one.centre + one.stride * np.arange(min(0, span[0]), max(number, span[1] + 1))
        index = np.arange(min(0, span[0]), max(number, span[1] + 1))
        seen, real = (span[0] <= index) & (index <= span[1]), (0 <= index) & (index < number)
        dot = {"markersize": float(np.clip(250 * one.stride / (high - low), 1.6, 6)), "linestyle": "", "marker": "o"}
        colour = RED if y == len(steps) else BLUE
        axes.plot(place[real & ~seen], 0 * place[real & ~seen] + y, color=GRID, gid="unseen", **dot)
        axes.plot(place[real & seen], 0 * place[real & seen] + y, color=colour, gid="seen", **dot)
        look = {"markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 0.8}
        axes.plot(place[seen & ~real], 0 * place[seen & ~real] + y, gid="padding", **look, **dot)
        if y:
            corners = [(one.centre + one.stride * k, y) for k in span]
            corners += [(fields[y - 1].centre + fields[y - 1].stride * k, y - 1) for k in spans[y - 1][::-1]]
            axes.add_patch(Polygon(corners, facecolor=(BLUE, 0.1), edgecolor=(BLUE, 0.4), linewidth=0.8))
            kernel, stride, pad, _ = steps[y - 1]
            words = f"{name}: kernel {kernel}, stride {stride}" + (f", padding {pad}" if pad else "")
            told = f"stride {one.stride}, field {one.size}, first centre {one.centre:g}"
            _say(axes, y, [(words, INK), (told, BLUE)])
        else:
            _say(axes, y, [(f"{size} pixels", INK)])
    first, last = spans[0]
    middle = "".join(f"{b - a + 1} cells of {name}, " for name, (a, b) in list(zip(names, spans, strict=True))[-2:0:-1])
    figure.alt = (
        f"Cell {cell} of {names[-1]} sees {middle}{last - first + 1} pixels: {first} to {last}. "
        f"Stride {fields[-1].stride}, receptive field {fields[-1].size}, first centre {fields[-1].centre:g}."
    )
    return figure


def mapped(first, last, field, cells):
    """The cells that describe the pixels `first` to `last` of one axis, by the paper's rule and by the released code's.

    Dots are the centres of the cells; a filled one lies strictly inside the box. Beside each rule is its arithmetic.

    Parameters
    ----------
    first, last : int
        Both included.
    field : Field
    cells : int
        Of the map.

    Examples
    --------
    >>> from minispp.fields import Field
    >>> mapped(40, 99, Field(16, 139, 20), 8).alt
    'Pixels 40 to 99 on 8 cells with stride 16 and first centre 20: cells 2 to 4 by the paper, 2 to 5 as released.'
    """
    stride, centre = field.stride, field.centre
    places = centre + stride * np.arange(cells)
    low, high = min(first, places[0] - stride), max(last + 1, places[-1] + stride)
    figure, axes = _canvas(2.45, low, high, (3.75, -0.55))
    axes.add_patch(Rectangle((first, -0.28), last + 1 - first, 0.56, facecolor=(RED, 0.25), edgecolor=RED, gid="box"))
    _say(axes, 0, [(f"a box of {last + 1 - first} pixels:", RED), (f"{first} to {last}", RED)])
    axes.vlines(places + 0.5, -0.45, 3.7, color=GRID, linewidth=0.7, zorder=0)
    inside = (first < places) & (places < last)
    for k, (place, within) in enumerate(zip(places, inside, strict=True)):
        face = BLUE if within else "white"
        axes.plot(place + 0.5, 1, "o", color=BLUE, markerfacecolor=face, markersize=7, gid="centre")
        if cells <= 24:
            axes.text(place + 0.5, 1.48, str(k), fontsize=SMALL, color=MUTED, ha="center", va="center")
    _say(axes, 1, [(f"the centres: {centre:g} + {stride} k", INK), (f"{inside.sum()} strictly inside", BLUE)])
    told = []
    for y, (rule, colour) in zip((2.35, 3.25), RULES.items(), strict=True):
        window = box_to_cells([[0, 0, first, 1, last + 1]], field, 1, cells, rule)
        start, stop = int(window[0, 2]), int(window[0, 4])
        for k in range(start, stop):
            left = centre + stride * (k - 0.5) + 0.5
            look = {"facecolor": colour, "edgecolor": "white", "gid": rule}
            axes.add_patch(Rectangle((left, y - 0.26), stride, 0.52, **look))
        _say(axes, y, _arithmetic(first, last, field, rule, start, stop - 1, colour))
        told.append(f"{start} to {stop - 1}" if stop - start > 1 else f"{start} alone")
    figure.alt = (
        f"Pixels {first} to {last} on {cells} cells with stride {stride} and first centre {centre:g}: "
        f"cells {told[0]} by the paper, {told[1]} as released."
    )
    return figure


def cells_of_box(picture, box, field, height, width):
    """A box in a picture and the cells that describe it, by the paper's rule and by the released code's.

    Dots are the centres of all cells of the map; squares of one stride, around their centres, are the chosen ones.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    box : (top, left, bottom, right)
        In pixels, half-open.
    field : Field
    height, width : int
        Cells of the map.

    Examples
    --------
    >>> from minispp.fields import Field
    >>> picture = np.zeros((224, 224, 3), np.uint8)
    >>> figure = cells_of_box(picture, (36, 40, 150, 200), Field(16, 139, 20), 13, 13)
    >>> [axes.get_title().splitlines()[0] for axes in figure.axes]
    ['paper: 7 × 10 cells', 'released code: 8 × 10 cells']
    """
    top, left, bottom, right = box
    panel = (WIDTH - 0.1 - style.GAP) / 2
    tall = min(panel * picture.shape[0] / picture.shape[1], 3.6)
    size = max(tall * picture.shape[1] / picture.shape[0], 2.5), tall  # the titles need as much
    figure, panels = style.row_of_panels([size] * 2)
    rows, columns = (field.centre + 0.5 + field.stride * np.arange(count) for count in (height, width))
    told = []
    for axes, (rule, colour) in zip(panels, RULES.items(), strict=True):
        window = box_to_cells([[0, top, left, bottom, right]], field, height, width, rule)
        show(axes, picture, dim=True)
        rectangles(axes, cells_to_box(window, field), rule, facecolor=(colour, 0.3), edgecolor=colour, linewidth=1.4)
        rectangles(axes, [[0, top, left, bottom, right]], "box", facecolor="none", edgecolor=RED, linewidth=1.8)
        axes.plot(*(grid.ravel() for grid in np.meshgrid(columns, rows)), "o", color=INK, markersize=2.2, gid="centres")
        axes.set(xlim=(0, picture.shape[1]), ylim=(picture.shape[0], 0))
        _, y0, x0, y1, x1 = window[0].tolist()
        name = "paper" if rule == "paper" else "released code"
        where = f"rows {y0} … {y1 - 1}, columns {x0} … {x1 - 1}"
        style.title(axes, f"{name}: {times((y1 - y0, x1 - x0))} cells", where)
        told.append(f"{name}: rows {y0} to {y1 - 1}, columns {x0} to {x1 - 1}")
    figure.alt = (
        f"A box of {times((bottom - top, right - left))} pixels in a picture of {times(picture.shape)} pixels, and its "
        f"cells. {'; '.join(told)}."
    )
    return figure


# ---------------------------------------------------------------------------------------------------


def _canvas(tall, low, high, lines):
    """Axes whose left part is drawn on from `low` to `high`, and whose right part is for words."""
    figure = style.Figure(figsize=(WIDTH, tall), dpi=110, facecolor="white")
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.set(xlim=(low, low + (high - low) / LEFT), ylim=lines, xticks=[], yticks=[])
    axes.set_axis_off()
    return figure, axes


def _say(axes, y, lines):
    """One or two lines of words beside what is drawn at height y."""
    for (words, colour), shift in zip(lines, (0,) if len(lines) == 1 else (7, -7), strict=True):
        axes.annotate(
            words, (LEFT + 0.025, y), (0, shift), xycoords=("axes fraction", "data"), textcoords="offset points",
            fontsize=SMALL, color=colour, va="center",
        )  # fmt: skip


def _arithmetic(first, last, field, rule, start, stop, colour):
    """The formulas of a rule with their numbers, and what became of ends that crossed or left the map."""
    stride, twice = field.stride, int(2 * field.centre)
    above, below = 2 * first - twice, 2 * last - twice
    if rule == "paper":
        low, high = above // (2 * stride) + 1, -(-below // (2 * stride)) - 1
        shift = "⌋ + 1", "⌉ − 1"
    else:
        low, high = (16 * above + 29 * stride) // (32 * stride), -((29 * stride - 16 * below) // (32 * stride))
        shift = " + 29/32⌋", " − 29/32⌉"
    name = "paper" if rule == "paper" else "released"
    ends = [f"{field.centre:g})/{stride}{end}" for end in shift]
    words = [f"{name}: ⌊({first} − {ends[0]} = {low}", f"⌈({last} − {ends[1]} = {high}"]
    if low > high:
        words[1] += f"; crossed, so {start}"
    elif (low, high) != (start, stop):
        words[1] += f"; on the map {start} … {stop}"
    return [(word, colour) for word in words]

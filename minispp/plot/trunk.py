"""Figures of sizes: what is left of a picture layer by layer, and how a window slides along one axis."""

import numpy as np
from matplotlib.patches import Rectangle

from minispp.fields import map_size
from minispp.plot import style
from minispp.plot.style import BLUE, INK, MUTED, RED, SMALL, WIDTH, count
from minispp.windows import sliding_count, sliding_edges

ROW = 1.15  # inches: of a picture and its maps
DEEP = "#A64600"  # RED, dark enough for small letters


def map_sizes(slides, sizes):
    """Cells along a side after each layer of a trunk, for pictures of several sides; in red with floor-mode pooling.

    Parameters
    ----------
    slides : dict of str to Slide
        The layers that slide, by name, in order; such as ``{layer.name: layer.slide for layer in net.trunk if
        layer.slide}``.
    sizes : sequence of int
        Sides of pictures, in pixels.

    Examples
    --------
    >>> from minispp.fields import Slide
    >>> figure = map_sizes({"conv1": Slide(7, 2, 1), "pool1": Slide(3, 2, 0, True)}, [224])
    >>> figure.alt
    'Cells along a side. 224 pixels: 224, conv1 110, pool1 55; in floor mode pool1 54.'
    """
    steps, told = list(slides.values()), []
    trunks = steps, [step._replace(ceil_mode=False) for step in steps]
    names, largest = ["picture", *slides], max(sizes)
    size = WIDTH - 0.1, 0.4 + ROW * len(sizes)
    figure, (axes,) = style.row_of_panels([size], lines=1)
    for row, (side, colour) in enumerate(zip(sizes, style.colours(), strict=False)):
        ceil, floor = ([map_size(side, trunk[:k]) for k in range(len(names))] for trunk in trunks)
        words, lost = [], []
        for column, (name, cells, fewer) in enumerate(zip(names, ceil, floor, strict=True)):
            half, middle = 0.3 * np.sqrt(cells / largest), 0.4 + ROW * (row + 0.4)
            centre = (column + 0.5) * size[0] / len(names)
            look = {"facecolor": colour, "edgecolor": "none", "alpha": 0.55 if column else 1}
            axes.add_patch(Rectangle((centre - half, middle - half), 2 * half, 2 * half, gid="map", **look))
            place = {"fontsize": SMALL, "ha": "center", "va": "center"}
            axes.text(centre, middle + 0.43, str(cells), color=INK, **place)
            words.append(f"{name} {cells}" if column else str(cells))
            if fewer != cells:
                lost.append(f"{name} {fewer}")
                axes.text(centre, middle + 0.6, f"floor: {fewer}", color=DEEP, **place)
            if row == 0:
                axes.text(centre, 0.15, name, color=MUTED, **place)
        told.append(f"{side} pixels: {', '.join(words)}{f'; in floor mode {lost[0]}' if lost else ''}.")
    style.bare(axes)
    axes.set(xlim=(0, size[0]), ylim=(size[1], 0))
    style.title(axes, "pixels or cells along a side, layer by layer (the square's area: that number)")
    figure.alt = f"Cells along a side. {' '.join(told)}"
    return figure


def sliding(size, kernel, stride, pad=0):
    """The positions of a window on an axis of `size` cells: blue in floor mode, dashed those that ceil mode adds.

    Cells that no blue window sees are hatched. Padding is drawn as dotted cells.

    Examples
    --------
    >>> figure = sliding(6, 3, 2)
    >>> figure.alt
    '6 cells, kernel 3, stride 2, padding 0. Floor mode: 2 positions, cells 0 to 2, 2 to 4; cell 5 is not seen. \
Ceil mode: 3 positions, the last sees cells 4 to 5.'
    """
    edges = sliding_edges(size, kernel, stride, pad, ceil_mode=True)
    floor = sliding_count(size, kernel, stride, pad)
    seen = np.zeros(size, bool)
    for start, stop in edges[:floor]:
        seen[start:stop] = True
    cell = min(0.36, (WIDTH - 0.2) / (size + 2 * pad + stride + 1))
    lanes = -(-kernel // stride)
    across = max(size + pad, (len(edges) - 1) * stride - pad + kernel) + pad + 0.4
    figure, (axes,) = style.row_of_panels([(cell * across, cell * (1.35 + 0.62 * lanes))])
    for x in range(-pad, size + pad):
        inside = 0 <= x < size
        look = {"edgecolor": MUTED, "linestyle": "-" if inside else ":", "linewidth": 0.9}
        missed = inside and not seen[x]
        cover = {"facecolor": "none", "edgecolor": RED, "hatch": "////", "linewidth": 0}
        axes.add_patch(Rectangle((x, 0), 1, 1, facecolor="white", **look))
        if missed:
            axes.add_patch(Rectangle((x, 0), 1, 1, **cover, gid="missed"))
        if inside and not missed and cell > 0.2:
            axes.text(x + 0.5, 0.5, str(x), fontsize=SMALL, color=INK, ha="center", va="center")
    for k in range(len(edges)):
        start, lane = k * stride - pad, 1.25 + 0.62 * (k % lanes)
        look = {"facecolor": BLUE} if k < floor else {"facecolor": "white", "edgecolor": BLUE, "linestyle": "--"}
        name = "position" if k < floor else "added"
        axes.add_patch(Rectangle((start + 0.08, lane), kernel - 0.16, 0.42, linewidth=1.3, gid=name, **look))
    axes.set(xlim=(-pad - 0.2, across - pad - 0.2), ylim=(1.2 + 0.62 * lanes, -0.15))
    style.bare(axes)
    missed = np.flatnonzero(~seen)
    lost = f"cell{'s' * (missed.size > 1)} {_span(missed)} {'is' if missed.size == 1 else 'are'} not seen"
    head = f"{count(size, 'cell')}, kernel {kernel}, stride {stride}" + (f", padding {pad}" if pad else "")
    line = f"floor mode {floor} positions" + (f", ceil mode {len(edges)}" if len(edges) > floor else ", ceil mode too")
    style.title(axes, head, line)
    positions = ", ".join(f"{start} to {stop - 1}" for start, stop in edges[:floor])
    figure.alt = (
        f"{count(size, 'cell')}, kernel {kernel}, stride {stride}, padding {pad}. Floor mode: "
        f"{count(floor, 'position')}, cells {positions}; {lost if missed.size else 'all are seen'}. Ceil mode: "
        + (
            f"{count(len(edges), 'position')}, the last sees cells {edges[-1, 0]} to {edges[-1, 1] - 1}."
            if len(edges) > floor
            else "the same."
        )
    )
    return figure


def _span(cells):
    """Numbers that follow each other in few words."""
    if cells.size == 0:
        return ""
    whole = cells.size == cells[-1] - cells[0] + 1
    return str(cells[0]) if cells.size == 1 else f"{cells[0]} to {cells[-1]}" if whole else ", ".join(map(str, cells))

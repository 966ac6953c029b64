"""A figure of three ways to lay bins over a box: SPP-net's, RoI pooling's and RoIAlign's."""

import numpy as np

from minispp.fields import box_to_cells
from minispp.plot import style
from minispp.plot.outlines import rectangles, show_map
from minispp.plot.style import BLUE, RED, WIDTH, times
from minispp.windows import require_positive, split


def rois(values, box, field, bins):
    """The bins of one box on a map: of the cells inside (SPP-net), of rounded ends (RoI pooling), and not rounded.

    The orange box is where the box of the picture really lies, in cells: a pixel's left edge x lies at
    ``(x - 1/2 - c)/S + 1/2``, for cells drawn over k .. k + 1. RoI pooling takes the cells ``round(x/S)`` of the first
    and the last pixel, halves up, whatever the first centre c is. RoIAlign cuts the box itself and samples the map
    between cells, here once in the middle of each bin.

    Parameters
    ----------
    values : array (H, W)
        A map of one channel.
    box : (top, left, bottom, right)
        In pixels, half-open.
    field : Field
    bins : int
        Along each axis.

    Raises
    ------
    ValueError
        If `values` is no map (H, W), or `bins` or the box is not positive.

    Examples
    --------
    >>> from minispp.fields import Field
    >>> figure = rois(np.zeros((8, 8)), (20, 30, 90, 100), Field(16, 139, 20), 2)
    >>> [axes.get_title().splitlines()[1] for axes in figure.axes]
    ['4 × 4 cells inside', '6 × 5 cells, ends rounded', '4.38 × 4.38 cells, not rounded']
    """
    values = np.asarray(values)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"rois: expected a map (H, W) of at least one cell, got shape {values.shape}")
    require_positive("rois", bins=bins)
    height, width = values.shape
    window = box_to_cells([[0, *box]], field, height, width)
    stride, centre = field.stride, field.centre
    ends = np.array([box[:2], np.subtract(box[2:], 1)])  # first and last pixel of both axes
    first, last = np.clip((2 * ends + stride) // (2 * stride), 0, np.subtract(values.shape, 1))
    rounded = np.array([[0, *first, *(last + 1)]])
    top, left, bottom, right = ((edge - 0.5 - centre) / stride + 0.5 for edge in box)
    places = [start + (np.arange(bins) + 0.5) * (stop - start) / bins for start, stop in ((top, bottom), (left, right))]

    panel = (WIDTH - 0.1 - 2 * style.GAP) / 3
    figure, panels = style.row_of_panels([(panel, min(panel * height / width, 3.4))] * 3)
    look = {"facecolor": (BLUE, 0.14), "edgecolor": BLUE, "linewidth": 1.3}
    for axes, table, name in zip(panels[:2], (window, rounded), ("SPP-net", "RoI pooling"), strict=True):
        show_map(axes, values)
        axes.collections[0].set_alpha(0.5)
        rectangles(axes, split(table, bins, bins), "bin", 0.07, **look)
        sides = times((table[0, 3] - table[0, 1], table[0, 4] - table[0, 2]))
        style.title(axes, name, f"{sides} cells{' inside' if table is window else ', ends rounded'}")
    axes = panels[2]
    show_map(axes, values)
    axes.collections[0].set_alpha(0.5)
    cuts = [np.linspace(*ends, bins + 1) for ends in ((top, bottom), (left, right))]
    side = np.array([bottom - top, right - left]) / bins
    corners = [[0, *corner, *(corner + side)] for corner in _pairs(cuts, bins)]
    rectangles(axes, corners, "bin", **look)
    axes.plot(*_pairs(places, bins)[:, ::-1].T, "o", color=BLUE, markersize=4, gid="sample")
    style.title(axes, "RoIAlign", f"{times((f'{bottom - top:.3g}', f'{right - left:.3g}'))} cells, not rounded")
    for axes in panels:
        outline = {"facecolor": "none", "edgecolor": RED, "linewidth": 1.8}
        rectangles(axes, [[0, top, left, bottom, right]], "box", **outline)
        axes.set_xlim(min(0, left) - 0.1, max(width, right) + 0.1)
        axes.set_ylim(max(height, bottom) + 0.1, min(0, top) - 0.1)
    told = "; ".join(axes.get_title().replace("\n", ": ") for axes in panels)
    figure.alt = f"A box on a map of {times((height, width))} cells, cut into {times((bins, bins))} bins. {told}."
    return figure


def _pairs(places, bins):
    """All (y, x) of the first `bins` places along each axis, row-major."""
    return np.stack(np.meshgrid(places[0][:bins], places[1][:bins], indexing="ij"), axis=2).reshape(-1, 2)

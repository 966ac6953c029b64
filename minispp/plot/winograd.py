"""Figures of Winograd's method: its tiles on a map, and its matrices."""

import numpy as np
from matplotlib.patches import Rectangle

from minispp.plot import style
from minispp.plot.style import BLUE, GRID, INK, MUTED, NORMAL, RED, SKY, SMALL, WIDTH, times

LIGHT, WARM = "#D6E6F4", "#FBE0CF"  # of entries above and below 0


def matrices(named):
    """Matrices side by side, each entry as it is written, on a light ground that tells its sign.

    Parameters
    ----------
    named : dict of str to array (rows, columns)
        Of numbers or fractions.

    Examples
    --------
    >>> from fractions import Fraction
    >>> figure = matrices({"A": [[1, 0], [Fraction(-1, 2), 3]]})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '−1/2', '3']
    """
    arrays = {name: np.asarray(values, object) for name, values in named.items()}
    room = WIDTH - 0.1 - style.GAP * (len(arrays) - 1)
    cell = min(0.54, room / sum(array.shape[1] for array in arrays.values()))
    sizes = [(cell * array.shape[1], 0.34 * array.shape[0]) for array in arrays.values()]
    figure, panels = style.row_of_panels(sizes, lines=1)
    for axes, (name, array) in zip(panels, arrays.items(), strict=True):
        rows, columns = array.shape
        for i in range(rows):
            for j in range(columns):
                value = array[i, j]
                face = LIGHT if value > 0 else WARM if value < 0 else "white"
                axes.add_patch(Rectangle((j, i), 1, 1, facecolor=face, edgecolor=GRID, linewidth=0.6))
                axes.text(j + 0.5, i + 0.5, str(value).replace("-", "−"), ha="center", va="center", fontsize=SMALL,
                          color=INK if value else MUTED)  # fmt: skip
        axes.set(xticks=[], yticks=[], xlim=(0, columns), ylim=(rows, 0))
        axes.spines[:].set(color=MUTED, linewidth=0.8)
        axes.set_title(f"{name},  {times((rows, columns))}", fontsize=NORMAL, color=INK)
    rows = (f"{name}: {'; '.join(' '.join(map(str, row)) for row in array.tolist())}" for name, array in arrays.items())
    figure.alt = f"Matrices, row by row. {'. '.join(rows)}."
    return figure


def winograd_tile(outputs, taps, m, tile):
    """One tile of Winograd's method: the cells that it reads, those it shares with others, and the outputs it makes.

    Parameters
    ----------
    outputs : (int, int)
        Rows and columns of the output map, which is as large as the input: the padding is ``(taps - 1) / 2``.
    taps : int
        Of the filter along an axis; odd.
    m : int
        Outputs of a tile along an axis.
    tile : (int, int)
        Which one, down and across.

    Raises
    ------
    ValueError
        If `taps` is even, or there is no such tile.

    Examples
    --------
    >>> figure = winograd_tile((13, 13), taps=3, m=4, tile=(0, 3))
    >>> [axes.get_title().replace(chr(10), ": ") for axes in figure.axes]
    ['6 × 6 cells in: 36 products a channel', '4 × 1 of 4 × 4 outputs inside: 144 products by the formula']
    """
    height, width = outputs
    pad, side, (i, j) = taps // 2, m + taps - 1, tile
    if taps % 2 == 0 or not (0 <= i * m < height and 0 <= j * m < width):
        raise ValueError(f"winograd_tile: expected odd taps and a tile of the map, got {taps} taps and tile {tile}")
    top, left = i * m, j * m  # in cells of the padded map, and of the outputs
    reach = max(2 * pad, m * -(-height // m) + 2 * pad - height), max(2 * pad, m * -(-width // m) + 2 * pad - width)
    unit = 3.4 / max(height + reach[0], width + reach[1])
    sizes = [(unit * (width + reach[1]), unit * (height + reach[0]))] * 2
    figure, (source, target) = style.row_of_panels(sizes)
    for axes, shift, name in ((source, pad, "in"), (target, 0, "out")):
        for row in range(height):
            for column in range(width):
                _square(
                    axes, row + shift, column + shift, 1, 1, "cell", facecolor="none", edgecolor=GRID, linewidth=0.6
                )
        size = side if name == "in" else m
        _square(axes, top, left, size, size, "tile", facecolor=SKY, alpha=0.35, edgecolor="none")
        _square(axes, top, left, size, size, "edge", facecolor="none", edgecolor=BLUE, linewidth=2)
        axes.set(xlim=(-0.1, width + reach[1] + 0.1), ylim=(height + reach[0] + 0.1, -0.1))
        style.bare(axes)
    for row, column in ((i, j + 1), (i + 1, j)):  # what the neighbours read as well
        if row * m < height and column * m < width:
            tall, wide = (side, taps - 1) if row == i else (taps - 1, side)
            _square(source, row * m, column * m, tall, wide, "shared", facecolor="none", edgecolor=RED, hatch="///",
                    linewidth=0)  # fmt: skip
    inside = min(m, height - top), min(m, width - left)
    style.title(source, f"{times((side, side))} cells in", f"{side * side} products a channel")
    head = f"{times((m, m))} outputs" if inside == (m, m) else f"{times(inside)} of {times((m, m))} outputs inside"
    style.title(target, head, f"{(m * taps) ** 2} products by the formula")
    figure.alt = (
        f"Tile {i}, {j} of a map of {times((height, width))} cells: it reads {times((side, side))} cells from row "
        f"{top - pad}, column {left - pad} on, and makes {times(inside)} outputs from row {top}, column {left} on."
    )
    return figure


def _square(axes, top, left, height, width, name, **look):
    axes.add_patch(Rectangle((left, top), width, height, gid=name, **look))

"""A figure of small arrays: every number in its cell, and frames around the cells that are talked about."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from minispp.plot import style
from minispp.plot.style import GRID, INK, MUTED, SMALL, WIDTH, count, times

PALE = LinearSegmentedColormap.from_list("pale", ["#F4B183", "#FFFFFF", "#85BDE3"])  # numbers stay readable on it
FULL = LinearSegmentedColormap.from_list("full", ["#D55E00", "#FFFFFF", "#0072B2"])  # where there are none
LARGEST, CHARACTER = 0.42, 0.074  # inches: of a cell, of a letter
LEFT, HEAD, FOOT, GAP = 0.28, 0.48, 0.3, 0.34  # inches around and between panels
SPELLED = 40  # cells up to which the alternative text says every number


def grids(panels, marked=None, labels=None):
    """Two-dimensional arrays side by side, cell by cell: blue above zero, orange below, and NaN left empty.

    All cells have one size. Numbers are written where they fit, with at most two decimals.

    Parameters
    ----------
    panels : dict of str to array (H, W)
        What each array is.
    marked : dict of str to rows of (top, left, bottom, right), optional
        Half-open windows of cells to frame, in the colours of the house, by name of the panel.
    labels : dict of str to (str, str), optional
        What counts downwards and to the right, by name of the panel; "row" and "column" if not given.

    Raises
    ------
    ValueError
        If there is no panel, an array is not two-dimensional or empty, or a frame belongs to no panel or leaves it.

    Examples
    --------
    >>> figure = grids({"x": [[1, -2, 0]], "y": [[0.5]]}, marked={"x": [(0, 1, 1, 3)]})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '−2', '0']
    >>> figure.alt
    'x, 1 × 3: 1 −2 0, framed: rows 0 to 0, columns 1 to 2. y, 1 × 1: 0.5.'
    """
    arrays = {name: np.asarray(values, float) for name, values in panels.items()}
    marked, labels = dict(marked or {}), dict(labels or {})
    _require(arrays, marked)
    cell = _cell(list(arrays.values()))
    words = {name: [_number(value) for value in values.ravel()] for name, values in arrays.items()}
    # A panel is as wide as its cells or its words, whatever is more.
    wide = {name: max(a.shape[1] * cell, CHARACTER * (len(name) + 1), 0.75) for name, a in arrays.items()}
    tall = max(values.shape[0] for values in arrays.values()) * cell
    width = LEFT * len(arrays) + sum(wide.values()) + GAP * (len(arrays) - 1) + 0.05
    size = np.array([width, HEAD + tall + FOOT])
    figure = style.Figure(figsize=size, dpi=110, facecolor="white")
    left, told = LEFT, []
    for name, values in arrays.items():
        rows, columns = values.shape
        inset = (wide[name] - columns * cell) / 2
        box = left + inset, FOOT + tall - rows * cell, columns * cell, rows * cell
        axes = figure.add_axes(np.array(box) / np.tile(size, 2))
        fits = cell >= CHARACTER * max(map(len, words[name])) + 0.05
        _panel(axes, values, words[name] if fits else None, marked.get(name, ()), cell)
        style.title(axes, name, times(values.shape))
        down, right = labels.get(name, ("row", "column"))
        axes.set_ylabel(down, fontsize=SMALL, color=MUTED, labelpad=3)
        axes.set_xlabel(right, fontsize=SMALL, color=MUTED, labelpad=3)
        told.append(_told(name, values, words[name], marked.get(name, ())))
        left += wide[name] + GAP + LEFT
    figure.alt = " ".join(told)
    return figure


def _require(arrays, marked):
    """Raise a ValueError unless there are panels, each is a table, and frames lie in them."""
    if not arrays:
        raise ValueError("grids: expected at least one array, got none")
    for name, values in arrays.items():
        if values.ndim != 2 or not values.size:
            raise ValueError(f"grids: expected arrays (H, W), not empty, got {name!r} of shape {values.shape}")
    for name, windows in marked.items():
        if name not in arrays:
            raise ValueError(f"grids: expected frames on {list(arrays)}, got some on {name!r}")
        height, width = arrays[name].shape
        for top, left, bottom, right in windows:
            if not (0 <= top < bottom <= height and 0 <= left < right <= width):
                window = int(top), int(left), int(bottom), int(right)
                raise ValueError(f"grids: expected frames within {height} x {width} cells of {name!r}, got {window}")


def _cell(arrays):
    """Side of a cell in inches, such that all panels fit in the width of a figure."""
    room = WIDTH - len(arrays) * LEFT - (len(arrays) - 1) * GAP
    tallest = max(values.shape[0] for values in arrays)
    return min(LARGEST, room / sum(values.shape[1] for values in arrays), 4.2 / tallest)


def _number(value):
    """A number as it is written into its cell; nothing for NaN."""
    if np.isnan(value):
        return ""
    text = f"{value:.2f}".rstrip("0").rstrip(".") if np.isfinite(value) else ("∞" if value > 0 else "−∞")
    return "0" if text == "-0" else text.replace("-", "−")


def _panel(axes, values, words, windows, cell):
    height, width = values.shape
    largest = np.abs(values[np.isfinite(values)]).max(initial=0) or 1
    shown = np.ma.masked_invalid(values)
    look = {"edgecolors": GRID, "linewidth": 0.5} if words else {"rasterized": True}
    axes.pcolormesh(shown, cmap=PALE if words else FULL, vmin=-largest, vmax=largest, **look)
    axes.set(xlim=(0, width), ylim=(height, 0))
    style.bare(axes)
    for (i, j), word in zip(np.ndindex(height, width), words or (), strict=False):
        axes.text(j + 0.5, i + 0.5, word, fontsize=SMALL, color=INK, ha="center", va="center_baseline")
    rim = {"facecolor": "none", "edgecolor": GRID if words else MUTED, "linewidth": 0.8, "clip_on": False}
    axes.add_patch(Rectangle((0, 0), width, height, **rim))
    for k, (window, colour) in enumerate(zip(windows, style.colours(), strict=False)):
        # Frames that overlap are moved inwards, by different lengths, so that they do not lie on each other.
        inset = 0.035 * (k % 3) / cell if any(_meet(window, other) for other in windows[:k]) else 0
        top, left, bottom, right = window
        corner, sides = (left + inset, top + inset), (right - left - 2 * inset, bottom - top - 2 * inset)
        for name, look in (("halo", ("white", 4.2)), ("frame", (colour, 2.2))):
            if name == "frame" or not words:  # on deep colours
                box = Rectangle(corner, *sides, facecolor="none", edgecolor=look[0], linewidth=look[1], gid=name)
                box.set(clip_on=False, joinstyle="round")
                axes.add_patch(box)


def _meet(a, b):
    """Whether two windows have a cell in common."""
    return max(a[0], b[0]) < min(a[2], b[2]) and max(a[1], b[1]) < min(a[3], b[3])


def _told(name, values, words, windows):
    """What is on a panel, in words."""
    name = " ".join(name.split())
    if values.size <= SPELLED:
        rows = np.reshape([word or "empty" for word in words], values.shape)
        said = "; ".join(" ".join(row) for row in rows)
    else:
        finite = values[np.isfinite(values)]
        said = f"numbers from {_number(finite.min())} to {_number(finite.max())}" if finite.size else "empty"
    frames = [f"rows {top} to {bottom - 1}, columns {left} to {right - 1}" for top, left, bottom, right in windows]
    many = f", {count(len(frames), 'frame')}: " if len(frames) > 1 else ", framed: "
    return f"{name}, {times(values.shape)}: {said}{many + '; '.join(frames) if frames else ''}."

"""The bins of a map in words and characters, and beside them what the sliding rule would pool.

The pictures need nothing but a terminal; `minispp.plot.bins` draws the same with colours.
"""

from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from minispp.windows import as_levels, bin_edges, count_bins, finer_level, require_positive, sliding_rule_edges

WIDTH = 100  # columns of a terminal; what does not fit side by side is put one below the other


class Axis(NamedTuple):
    """One axis of one level: the floor/ceil bins, and the windows of the sliding rule.

    Attributes
    ----------
    size, bins : int
        Cells of the map along this axis, and bins of the level.
    edges : int array (bins, 2)
        Start (included) and stop (excluded) of each bin.
    windows : int array (count, 2) or None
        The same of the sliding rule's windows; None where it does not exist, because its stride would be 0.
    """

    size: int
    bins: int
    edges: np.ndarray
    windows: np.ndarray | None

    @property
    def shared(self):
        """The cells that lie in more than one bin."""
        return np.flatnonzero(covered(self.size, self.edges) > 1)

    @property
    def missed(self):
        """The cells that the first `bins` windows of the sliding rule leave out; all where it does not exist."""
        windows = self.edges[:0] if self.windows is None else self.windows[: self.bins]
        return np.flatnonzero(covered(self.size, windows) == 0)

    @property
    def agree(self):
        """Whether both rules pool the same cells: if and only if ``size % bins`` is 0 or 1, and size >= bins."""
        return self.windows is not None and np.array_equal(self.edges, self.windows)


def axis(size, bins):
    """The bins of one axis, and what the sliding rule makes of it.

    Examples
    --------
    >>> rows = axis(10, 6)
    >>> rows.shared.tolist(), len(rows.windows), rows.missed.tolist(), rows.agree
    ([1, 3, 6, 8], 9, [7, 8, 9], False)
    """
    return Axis(size, bins, bin_edges(size, bins), sliding_rule_edges(size, bins) if size >= bins else None)


def covered(size, edges):
    """How many of the intervals `edges` each of `size` cells lies in.

    Examples
    --------
    >>> covered(4, [[0, 2], [1, 3]]).tolist()
    [1, 2, 1, 0]
    """
    edges = np.asarray(edges).reshape(-1, 2)
    cells = np.arange(size)
    return ((edges[:, :1] <= cells) & (cells < edges[:, 1:])).sum(axis=0)


def bins_text(height, width, levels):
    """The bins of each level on a map of ``height x width`` cells, written and drawn.

    For each level: how many bins, and whether they are pooled from the map or from a finer level; then rows and
    columns, with the cells of each bin as a half-open interval, a picture of them, and beside it
    the windows of the paper's single-size recipe: how many there are, and which cells the first ones miss.

    Parameters
    ----------
    height, width : int
        Cells of the map.
    levels : sequence of int or (rows, columns)

    Raises
    ------
    ValueError
        If a size or a level is not a positive integer.

    Examples
    --------
    >>> print(bins_text(5, 5, [2]))
    A map of 5 x 5 cells, pyramid 2x2: 4 bins.
    <BLANKLINE>
    level 2x2: 4 bins, pooled from the map
    the sliding rule pools the same windows
    <BLANKLINE>
      rows and columns: 5 cells, 2 bins    sliding: kernel 3, stride 2
                0 1 2 3 4                            0 1 2 3 4
      0  0:3    # # # . .                  0  0:3    # # # . .
      1  2:5    . . # # #                  1  2:5    . . # # #
         shared     2
    """
    require_positive("bins", height=height, width=width)
    levels = as_levels(levels)
    names = ", ".join(_times(*level) for level in levels)
    parts = [f"A map of {height} x {width} cells, pyramid {names}: {_count(count_bins(levels), 'bin')}."]
    for (rows, columns), finer in zip(levels, finer_level(levels), strict=True):
        source = "the map" if finer is None else f"level {_times(*levels[finer])}"
        vertical, horizontal = axis(height, rows), axis(width, columns)
        head = [
            f"level {_times(rows, columns)}: {_count(rows * columns, 'bin')}, pooled from {source}",
            _sliding_sentence(vertical, horizontal),
        ]
        square = (height, rows) == (width, columns)
        axes = [("rows and columns", vertical)] if square else [("rows", vertical), ("columns", horizontal)]
        parts += ["\n".join(head), *(_axis_text(name, one) for name, one in axes)]
    return "\n\n".join(parts)


def _sliding_sentence(vertical, horizontal):
    """What the sliding rule makes of both axes of a level together."""
    for one, name in ((vertical, "row"), (horizontal, "column")):
        if one.windows is None:
            return (
                f"the sliding rule does not exist: {_count(one.size, name)} for {_count(one.bins, 'bin')} "
                "would be a stride of 0"
            )
    if vertical.agree and horizontal.agree:
        return "the sliding rule pools the same windows"
    counts = len(vertical.windows), len(horizontal.windows)
    bins = _times(vertical.bins, horizontal.bins)
    extra = counts[0] * counts[1] - vertical.bins * horizontal.bins
    made = f"makes {_times(*counts)} = {counts[0] * counts[1]} windows, {extra} too many"
    cells = vertical.size * horizontal.size
    left_out = cells - (vertical.size - len(vertical.missed)) * (horizontal.size - len(horizontal.missed))
    first = f"first {bins}" if extra else f"{bins}"
    return (
        f"the sliding rule {made if extra else 'pools other windows'}; "
        f"its {first} leave out {left_out} of {_count(cells, 'cell')}"
    )


def _axis_text(name, one):
    """One axis: bins on the left, sliding windows on the right, or below if there is no room."""
    left = [f"{name}: {_count(one.size, 'cell')}, {_count(one.bins, 'bin')}"]
    if one.windows is None:
        right = ["sliding: none"]
    else:
        kernel, stride = -(-one.size // one.bins), one.size // one.bins
        right = [f"sliding: kernel {kernel}, stride {stride}"]
        if len(one.windows) > one.bins:
            right[0] += f", {len(one.windows) - one.bins} too many (+)"
    for gap in (" ", ""):
        columns = [left + _staircase(one, one.edges, gap, shared=True)]
        columns += [right + ([] if one.windows is None else _staircase(one, one.windows, gap))]
        widths = [max(map(len, column)) for column in columns]
        if sum(widths) + 6 <= WIDTH:
            lines = zip_longest(*columns, fillvalue="")
            return "\n".join(f"  {a:{widths[0]}}    {b}".rstrip() for a, b in lines)
    return "\n".join(f"  {line}".rstrip() for line in [*columns[0], "", *columns[1]])


def _staircase(one, edges, gap, shared=False):
    """A ruler, a line for each interval, and a line of the cells that are shared or missed."""
    labels = [f"{start}:{stop}" for start, stop in edges]
    number, label = len(str(len(edges) - 1)), max(6, *map(len, labels))
    blank = " " * (number + 2 + label + 1)
    lines = [blank + gap.join(row) for row in _ruler(one.size)]
    for k, (start, stop) in enumerate(edges):
        mark = "#" if k < one.bins else "+"
        cells = gap.join(mark if start <= cell < stop else "." for cell in range(one.size))
        lines.append(f"{k:{number}}  {labels[k]:{label}} {cells}")
    word, found = ("shared", one.shared) if shared else ("missed", one.missed)
    if len(found):
        count = covered(one.size, edges)
        marks = gap.join((str(min(count[c], 9)) if shared else "x") if c in found else " " for c in range(one.size))
        lines.append(f"{'':{number}}  {word:{label}} {marks}")
    return lines


def _ruler(size):
    """The last digit of each cell's number, below the digit of the tens where it changes."""
    rows = ["".join(str(cell % 10) for cell in range(size))]
    if size > 10:
        rows.insert(0, "".join(str(cell // 10 % 10) if cell and cell % 10 == 0 else " " for cell in range(size)))
    return rows


def _times(rows, columns):
    return f"{rows}x{columns}"


def _count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"

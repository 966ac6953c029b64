"""A figure of functions of one number."""

import numpy as np

from minispp.plot import style
from minispp.plot.style import GRID, INK, NORMAL, SMALL, WIDTH

DASHES = ("-", "--", ":", "-.")  # lines that lie on each other are both seen


def lines(x, panels, label, logarithmic="", dots=False):
    """A panel for each group, a line for each function of it over the same x.

    Parameters
    ----------
    x : array (K,)
    panels : dict of str to dict of str to array (K,)
        What the vertical axis of a panel is, with its unit -> the name of each line -> its values. NaN is a gap.
    label : str
        What x is, with its unit.
    logarithmic : "", "x", "y" or "xy"
        Which axes are logarithmic.
    dots : bool
        Whether each value is marked.

    Raises
    ------
    ValueError
        If there is no panel, or a line has another length than x.

    Examples
    --------
    >>> figure = lines([0, 1, 2], {"y": {"square": [0, 1, 4], "cube": [0, 1, 8]}}, "x")
    >>> figure.alt
    'Lines over x from 0 to 2. y: square from 0 to 4, cube from 0 to 8.'
    """
    x = np.asarray(x, float)
    if not panels:
        raise ValueError("lines: expected at least one panel, got none")
    width = 6 if len(panels) == 1 else WIDTH
    figure, grid = style.new_figure(1, len(panels), height=3.3, width=width)
    told = []
    for axes, (title, group) in zip(grid[0], panels.items(), strict=True):
        for k, ((name, values), colour) in enumerate(zip(group.items(), style.colours(), strict=False)):
            values = np.asarray(values, float)
            if values.shape != x.shape:
                raise ValueError(f"lines: expected {x.size} values of {name!r}, as of x, got the shape {values.shape}")
            look = {"color": colour, "linewidth": 2, "linestyle": DASHES[k % len(DASHES)]}
            axes.plot(x, values, label=name, marker="o" if dots else "", markersize=4.5, **look)
        style.quiet(axes)
        if "x" in logarithmic:
            axes.set_xscale("log")
        if "y" in logarithmic:
            axes.set_yscale("log")
        axes.set_title(title, fontsize=NORMAL, color=INK, loc="left")
        axes.set_xlabel(label, fontsize=SMALL, color=INK)
        axes.grid(color=GRID, linewidth=0.7)
        axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc="best")
        ends = (f"{name} from {_end(values, 0)} to {_end(values, -1)}" for name, values in group.items())
        told.append(f"{title}: {', '.join(ends)}")
    figure.alt = f"Lines over {label} from {x[0]:.4g} to {x[-1]:.4g}. {'. '.join(told)}."
    return figure


def _end(values, at):
    """The first or the last number of a line that is one."""
    values = np.asarray(values, float)
    finite = values[np.isfinite(values)]
    return f"{finite[at]:.4g}" if finite.size else "nowhere"

"""How all figures look, and how they become files. Colours and sizes are set on each artist, never globally."""

from base64 import b64encode
from html import escape
from io import BytesIO
from itertools import cycle

import matplotlib
import matplotlib.figure
import numpy as np

# Okabe and Ito's colours, which colour-blind readers can tell apart, on white.
BLUE, RED, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
INK, MUTED, GRID = "#1F2933", "#66707C", "#D5DAE1"
SMALL, NORMAL = 9, 10.5  # points, in figures of up to WIDTH inches
WIDTH = 9
GAP = 0.16  # inches between panels


class Figure(matplotlib.figure.Figure):
    """A figure that shows itself in a notebook, without any setting, and says in words what is on it.

    Attributes
    ----------
    alt : str
        The alternative text: for readers who do not see the picture, what they would learn from it.
    """

    alt = ""

    def __repr__(self):
        return self.alt or super().__repr__()

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The picture, as IPython asks for it: drawn at one and a half times the size at which it is shown."""
        data = b64encode(png(self)).decode()
        width, height = (round(96 * inches) for inches in self.get_size_inches())
        style = "max-width: 100%; height: auto; background: white"
        html = f'<img src="data:image/png;base64,{data}" alt="{escape(self.alt)}" width="{width}" style="{style}">'
        metadata = {"image/png": {"alt": self.alt, "width": width, "height": height}}
        return {"text/plain": repr(self), "image/png": data, "text/html": html}, metadata


def colours():
    """The colours of categories, in a fixed order, without end."""
    return cycle((BLUE, RED, GREEN, PURPLE, ORANGE, SKY))


def new_figure(rows, columns, height, width=WIDTH):
    """A white figure and its (rows, columns) array of axes."""
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained", facecolor="white")
    return figure, figure.subplots(rows, columns, squeeze=False)


def row_of_panels(sizes, lines=2):
    """A white figure with panels of exactly these sizes (width, height) in inches, and room for titles above."""
    heading = 0.1 + 0.19 * lines
    size = np.array([sum(width for width, _ in sizes), max(height for _, height in sizes)], float)
    size += (0.1 + GAP * (len(sizes) - 1), 0.05 + heading)
    figure = Figure(figsize=size, dpi=110, facecolor="white")
    corners = 0.05 + np.cumsum([0, *(width + GAP for width, _ in sizes)])
    boxes = [(left, 0.05, *panel) / np.tile(size, 2) for left, panel in zip(corners, sizes, strict=False)]
    return figure, [figure.add_axes(box) for box in boxes]


def bare(axes):
    """No ticks, no numbers, no frame: for pictures and maps."""
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)


def quiet(axes):
    """Two thin spines and small numbers: for curves."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=MUTED, linewidth=0.8)
    axes.tick_params(which="both", labelsize=SMALL, color=MUTED, labelcolor=INK)
    axes.tick_params(length=3)
    axes.set_axisbelow(True)


def title(axes, head, line="", colour=INK):
    """A heading of one line, and a quieter one below it."""
    axes.set_title(f"{head}\n{line}" if line else head, fontsize=SMALL, color=colour, linespacing=1.4)


def times(pair):
    """The two sides of something, as in "6 × 3"."""
    return f"{pair[0]} × {pair[1]}"


def count(number, noun):
    """A number and a noun that agrees with it.

    Examples
    --------
    >>> count(1, "bin"), count(36, "bin"), count(2, "box")
    ('1 bin', '36 bins', '2 boxes')
    """
    return f"{number:,} {noun}{'' if number == 1 else 'es' if noun.endswith('x') else 's'}"


def svg(figure):
    """The figure as SVG bytes: of the same data the same bytes, letters as outlines, nothing to load."""
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "minispp"}):
        return _file(figure, "svg", metadata={"Date": None})


def png(figure, dpi=144):
    """The figure as PNG bytes."""
    return _file(figure, "png", dpi=dpi)


def _file(figure, kind, **options):
    buffer = BytesIO()
    figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()

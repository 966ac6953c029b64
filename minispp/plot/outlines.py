"""What figures on pictures share: a picture in its own pixels, outlines on it, and words beside them.

Pixel p is drawn over the interval p .. p + 1, so half-open boxes lie exactly on the edges they name.
"""

from matplotlib.patches import Rectangle

from minispp.plot import style
from minispp.plot.style import SMALL


def show(axes, picture, dim=False):
    """A picture; dim, so that what is drawn on it stands out.

    Examples
    --------
    >>> import numpy as np
    >>> figure, (axes,) = style.row_of_panels([(2, 1)])
    >>> show(axes, np.zeros((10, 20, 3), np.uint8))
    >>> axes.images[0].get_extent()
    [0, 20, 10, 0]
    """
    height, width = picture.shape[:2]
    axes.imshow(picture, extent=(0, width, height, 0), interpolation="nearest", alpha=0.45 if dim else 1)
    style.bare(axes)


def outline(axes, box, name, colour, word="", dashes="-", width=1.8, halo=True):
    """The outline of a box (top, left, bottom, right), to be found by its gid, and a word at its upper left corner.

    Near the upper edge of the picture the word goes inside.

    Examples
    --------
    >>> figure, (axes,) = style.row_of_panels([(2, 1)])
    >>> outline(axes, (1, 2, 3, 5), "kept", style.BLUE, "0.9")
    >>> [(patch.get_gid(), patch.get_xy()) for patch in axes.patches], axes.texts[0].get_text()
    ([('halo', (2.0, 1.0)), ('kept', (2.0, 1.0))], '0.9')
    """
    top, left, bottom, right = (float(edge) for edge in box)
    look = {"facecolor": "none", "linewidth": width}
    if halo:
        thick = look | {"linewidth": width + 1.8, "edgecolor": "white"}
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, gid="halo", **thick))
    corner, sides = (left, top), (right - left, bottom - top)
    axes.add_patch(Rectangle(corner, *sides, gid=name, edgecolor=colour, linestyle=dashes, **look))
    if word:
        low = top < 0.1 * abs(axes.get_ylim()[0])
        axes.annotate(
            word, corner, (2, -4 if low else 4), textcoords="offset points", fontsize=SMALL, color="white",
            va="top" if low else "bottom", bbox={"facecolor": colour, "edgecolor": "none", "pad": 2},
            annotation_clip=False,
        )  # fmt: skip


def legend(figure, axes, entries):
    """A line of words below the panels, each beside the stroke that it explains: name -> (colour, dashes).

    Examples
    --------
    >>> figure, (axes,) = style.row_of_panels([(4, 2)])
    >>> legend(figure, axes, {"before": (style.MUTED, "--"), "after": (style.BLUE, "-")})
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['before', 'after']
    """
    for name, (colour, dashes) in entries.items():
        axes.plot([], [], color=colour, linestyle=dashes, linewidth=1.8, label=name)
    place = {"loc": "upper left", "bbox_to_anchor": (0, 0), "ncols": len(entries), "borderaxespad": 0.3}
    axes.legend(fontsize=SMALL, frameon=False, labelcolor=style.INK, handlelength=1.6, columnspacing=1.4, **place)
    grow(figure, below=0.26)


def grow(figure, below=0.0, beside=0.0):
    """Make room below all panels, or beside them on the right, in inches, and leave their sizes as they are.

    Examples
    --------
    >>> figure, (axes,) = style.row_of_panels([(4, 2)])
    >>> grow(figure, beside=1)
    >>> place, (width, height) = axes.get_position(original=True), figure.get_size_inches()
    >>> f"{width:.4g}, {place.width * width:.4g} x {place.height * height:.4g}"
    '5.1, 4 x 2'
    """
    width, height = figure.get_size_inches()
    places = [axes.get_position(original=True) for axes in figure.axes]
    figure.set_size_inches(width + beside, height + below)
    for axes, place in zip(figure.axes, places, strict=True):
        left, wide = (width * share / (width + beside) for share in (place.x0, place.width))
        bottom, tall = (height * share / (height + below) for share in (place.y0, place.height))
        axes.set_position([left, bottom + below / (height + below), wide, tall])

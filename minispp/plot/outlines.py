"""What figures of places share: a picture in its own pixels, a map in its own cells, outlines on them, and words.

Pixel (or cell) p is drawn over the interval p .. p + 1, so half-open boxes lie exactly on the edges they name.
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
    axes.imshow(picture, extent=(0, width, height, 0), interpolation="nearest", alpha=0.55 if dim else 1)
    style.bare(axes)


def show_map(axes, values, cmap="Greys", edgecolors="white", **limits):
    """A map, a square for each cell, coloured by its value; `limits` are those of the colours, `vmin` and `vmax`.

    Examples
    --------
    >>> import numpy as np
    >>> figure, (axes,) = style.row_of_panels([(2, 1)])
    >>> show_map(axes, np.arange(6.0).reshape(2, 3))
    >>> [float(edge) for edge in (*axes.get_xlim(), *axes.get_ylim())]
    [0.0, 3.0, 2.0, 0.0]
    """
    axes.pcolormesh(values, cmap=cmap, edgecolors=edgecolors, linewidth=0.4, **limits)
    axes.set(xlim=(0, values.shape[1]), ylim=(values.shape[0], 0))
    style.bare(axes)


def rectangles(axes, rows, name, inset=0, **look):
    """A rectangle for each row (image, top, left, bottom, right), moved inwards by `inset`, to be found by its gid.

    Examples
    --------
    >>> figure, (axes,) = style.row_of_panels([(2, 1)])
    >>> rectangles(axes, [[0, 1, 2, 3, 5]], "bin", inset=0.5, facecolor="none")
    >>> [(patch.get_gid(), patch.get_bbox().extents.tolist()) for patch in axes.patches]
    [('bin', [2.5, 1.5, 4.5, 2.5])]
    """
    for _, top, left, bottom, right in rows:
        corner, sides = (left + inset, top + inset), (right - left - 2 * inset, bottom - top - 2 * inset)
        axes.add_patch(Rectangle(corner, *map(float, sides), gid=name, **look))


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
    row, corner = (0, top, left, bottom, right), (left, top)
    if halo:
        rectangles(axes, [row], "halo", facecolor="none", edgecolor="white", linewidth=width + 1.8)
    rectangles(axes, [row], name, facecolor="none", edgecolor=colour, linewidth=width, linestyle=dashes)
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

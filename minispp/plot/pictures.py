"""A figure of pictures side by side, with frames around the parts that are talked about."""

import numpy as np

from minispp.plot import style
from minispp.plot.outlines import outline
from minispp.plot.style import WIDTH, times

TALLEST, HEAD, CHARACTER = 3.0, 0.55, 0.074  # inches: of a picture, of its two lines, of a letter


def pictures(panels, marked=None, one_scale=True):
    """Pictures and maps side by side, each with its name and its size.

    Parameters
    ----------
    panels : dict of str to array
        Pictures (H, W, 3), uint8, or maps (H, W), which are drawn from white (the smallest value) to blue.
    marked : dict of str to rows of (top, left, bottom, right), optional
        Half-open boxes in pixels to frame, by name of the panel.
    one_scale : bool
        Whether all are drawn with pixels of one size; else all are equally high.

    Raises
    ------
    ValueError
        If there is no picture, one is not a picture or a map, or boxes are given for a picture that is not there.

    Examples
    --------
    >>> figure = pictures({"a": np.zeros((4, 6, 3), np.uint8), "its map": np.zeros((2, 3))})
    >>> figure.alt
    'Side by side: a, 4 × 6 pixels; its map, 2 × 3 cells.'
    """
    panels = {name: np.asarray(panel) for name, panel in panels.items()}
    marked = dict(marked or {})
    if not panels:
        raise ValueError("pictures: expected at least one picture, got none")
    for name, panel in panels.items():
        if not panel.size or not (panel.ndim == 2 or (panel.ndim == 3 and panel.shape[2] == 3)):
            raise ValueError(f"pictures: expected pictures (H, W, 3) or maps (H, W), got {name!r} {panel.shape}")
    for name in marked:
        if name not in panels:
            raise ValueError(f"pictures: expected boxes on {list(panels)}, got some on {name!r}")
    sizes = _sizes([panel.shape[:2] for panel in panels.values()], one_scale)
    words = [max(map(len, (name, f"{times(panel.shape)} pixels"))) for name, panel in panels.items()]
    slots = np.maximum(sizes[:, 0], CHARACTER * np.array(words))  # a panel is as wide as its picture or its words
    tall = sizes[:, 1].max()
    size = np.array([slots.sum() + style.GAP * len(slots), tall + HEAD])
    figure, left = style.Figure(figsize=size, dpi=110, facecolor="white"), style.GAP / 2
    axes = []
    for (width, height), slot in zip(sizes, slots, strict=True):
        box = left + (slot - width) / 2, 0.05 + tall - height, width, height
        axes.append(figure.add_axes(np.array(box) / np.tile(size, 2)))
        left += slot + style.GAP
    for (name, panel), place in zip(panels.items(), axes, strict=True):
        height, width = panel.shape[:2]
        look = {"extent": (0, width, height, 0), "interpolation": "nearest", "aspect": "auto"}
        place.imshow(panel, **look, **({"cmap": "Blues"} if panel.ndim == 2 else {}))
        place.set(xticks=[], yticks=[])
        place.spines[:].set(color=style.MUTED, linewidth=0.6)
        for box, colour in zip(marked.get(name, ()), style.colours(), strict=False):
            outline(place, box, "box", colour)
        style.title(place, name, f"{times((height, width))} {'cells' if panel.ndim == 2 else 'pixels'}")
    told = []
    for name, place in zip(panels, axes, strict=True):
        framed = ", ".join(str(tuple(int(edge) for edge in box)) for box in marked.get(name, ()))
        told.append(place.get_title().replace("\n", ", ") + (f", framed {framed}" if framed else ""))
    figure.alt = f"Side by side: {'; '.join(told)}."
    return figure


def _sizes(shapes, one_scale):
    """Width and height of each panel in inches."""
    heights, widths = np.array(shapes, float).T
    if not one_scale:
        widths, heights = widths / heights, np.ones(len(heights))
    room = WIDTH - style.GAP * len(widths)
    inches = min(room / widths.sum(), TALLEST / heights.max())
    return np.stack([widths, heights], axis=1) * inches

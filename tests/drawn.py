"""What is on a figure: rectangles by their gid, words by theirs, and whether all words can be read."""

from itertools import combinations

import numpy as np
from matplotlib.text import Text


def rectangles(axes, name):
    """(left, top, right, bottom) of the patches with this gid, in the axes' own units, as float array (K, 4)."""
    found = [patch.get_bbox() for patch in axes.patches if patch.get_gid() == name]
    return np.array([(box.x0, box.y0, box.x1, box.y1) for box in found]).reshape(-1, 4)


def intervals(axes, name):
    """The whole cells under the bars with this gid: (start, stop) of each."""
    left, _, right, _ = rectangles(axes, name).T
    return np.stack([np.floor(left), np.ceil(right)], axis=1).astype(int).tolist()


def words(axes, name=None):
    """The words on the axes that have this gid, or all."""
    return [text.get_text() for text in axes.texts if name is None or text.get_gid() == name]


def left_out(figure):
    """The words of ticks beyond the limits of their axis: Matplotlib keeps them, but does not draw them."""
    for axes in figure.axes:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            for tick in (*axis.majorTicks, *axis.minorTicks):
                if not min(limits) <= tick.get_loc() <= max(limits):
                    yield from (tick.label1, tick.label2)


def must_be_readable(figure):
    """Every word lies within the figure, is at least 9 points high, and touches no other; and there is an alt."""
    figure.draw_without_rendering()
    hidden = set(left_out(figure))
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    texts = [text for text in texts if text not in hidden]
    assert texts and len(figure.alt) > 20
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        assert text.get_fontsize() >= 9, text
        assert box.x0 >= -0.5 and box.x1 <= figure.bbox.x1 + 0.5, text
        assert box.y0 >= -0.5 and box.y1 <= figure.bbox.y1 + 0.5, text
    for (one, a), (other, b) in combinations(zip(texts, boxes, strict=True), 2):
        overlap = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(overlap) <= 1, f"{one} lies on {other}"

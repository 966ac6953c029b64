"""Detections drawn on their picture, pixel by pixel: what `minispp detect run` writes."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Okabe and Ito's colours, which people with any kind of colour vision tell apart; black and white edge them.
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")


def draw_boxes(picture, boxes, labels, classes, scores=None):
    """A picture with boxes, and the name of each box's class above it, with its score if there is one.

    Boxes of a low score are drawn first, so that those of a high one lie on top.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    boxes : array (R, 4)
        Rows (top, left, bottom, right), half-open.
    labels : int array (R,)
    classes : sequence of str
        What the labels mean.
    scores : float array (R,), optional

    Returns
    -------
    uint8 array (H, W, 3)
        A new one.

    Examples
    --------
    >>> picture = np.zeros((60, 80, 3), np.uint8)
    >>> drawn = draw_boxes(picture, [[10, 20, 50, 70]], [0], ["cat"], [0.9])
    >>> drawn.shape, bool(drawn.any()), bool(picture.any())
    ((60, 80, 3), True, False)
    """
    height, width = picture.shape[:2]
    image = Image.fromarray(np.ascontiguousarray(picture))
    pen = ImageDraw.Draw(image)
    size = max(11, min(height, width) // 32)
    line, font = max(2, size // 6), ImageFont.load_default(size)
    order = range(len(boxes)) if scores is None else np.argsort(scores, kind="stable")
    for row in order:
        top, left, bottom, right = (int(edge) for edge in np.rint(np.asarray(boxes[row], np.float64)))
        colour = COLOURS[labels[row] % len(COLOURS)]
        right, bottom = max(right, left + 1) - 1, max(bottom, top + 1) - 1
        pen.rectangle((left, top, right, bottom), outline=colour, width=line)
        text = classes[labels[row]] if scores is None else f"{classes[labels[row]]} {scores[row]:.2f}"
        _, _, across, down = pen.textbbox((0, 0), text, font=font)
        # Above the box where there is room, else inside its upper edge; never beyond the right border.
        x, y = max(0, min(left, width - across - 4)), top - down - 4 if top >= down + 4 else top
        pen.rectangle((x, y, x + across + 4, y + down + 4), fill=colour)
        pen.text((x + 2, y + 1), text, fill=_readable_on(colour), font=font)
    return np.asarray(image)


def _readable_on(colour):
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 120 else "white"

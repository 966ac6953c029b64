"""Figures of the last stages of detection: boxes that are moved, and boxes that are kept or suppressed."""

import numpy as np

from minispp.boxes import iou
from minispp.plot import style
from minispp.plot.outlines import legend, outline, show
from minispp.plot.style import BLUE, GREEN, MUTED, RED, count


def moved(picture, before, after, truth):
    """Boxes before and after box regression, and the objects.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    before, after : array (R, 4)
        Row i is moved to row i.
    truth : array (K, 4)

    Examples
    --------
    >>> picture = np.zeros((20, 30, 3), np.uint8)
    >>> moved(picture, [[1, 2, 11, 12]], [[2, 3, 12, 13]], [[2, 3, 12, 13]])
    1 box before and after it was moved, on a picture with 1 object: its IoU with the object was 0.68, and is 1.00.
    """
    before, after, truth = (np.asarray(rows, float).reshape(-1, 4) for rows in (before, after, truth))
    figure, axes = _picture(picture)
    for box in truth:
        outline(axes, box, "object", GREEN, width=2.6)
    for old, new in zip(before, after, strict=True):
        outline(axes, old, "before", RED, dashes=(0, (3, 2)), width=1.6)
        outline(axes, new, "after", BLUE, width=1.6)
    entries = {"object": (GREEN, "-"), "before": (RED, (0, (3, 2))), "after": (BLUE, "-")}
    legend(figure, axes, entries)
    old, new = (iou(rows, truth).max(axis=1, initial=0).mean() if len(rows) else 0.0 for rows in (before, after))
    noun = "its IoU with the object" if len(before) == 1 else "the mean IoU with the nearest object"
    figure.alt = (
        f"{count(len(before), 'box')} before and after "
        f"{'it was' if len(before) == 1 else 'they were'} moved, on a picture with {count(len(truth), 'object')}: "
        f"{noun} was {old:.2f}, and is {new:.2f}."
    )
    return figure


def suppression(picture, boxes, scores, kept, threshold=0.3):
    """Non-maximum suppression when some boxes have been kept: the kept ones, what they suppress, and what waits.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    boxes : array (R, 4)
    scores : array (R,)
    kept : int array
        Rows that have been kept so far, the best first.
    threshold : float
        A box that overlaps a kept one by more is suppressed.

    Examples
    --------
    >>> picture = np.zeros((20, 30, 3), np.uint8)
    >>> suppression(picture, [[0, 0, 9, 9], [0, 1, 9, 9], [5, 15, 9, 25]], [0.9, 0.8, 0.4], [0])
    3 boxes on a picture: 1 kept (0.90), 1 suppressed, 1 waiting.
    """
    boxes, scores = np.asarray(boxes, float).reshape(-1, 4), np.asarray(scores)
    kept = np.asarray(kept, np.int64)
    gone = (iou(boxes[kept], boxes) > threshold).any(axis=0)
    gone[kept] = False
    waits = ~gone
    waits[kept] = False
    figure, axes = _picture(picture)
    for row in np.flatnonzero(gone):
        outline(axes, boxes[row], "suppressed", RED, dashes=(0, (3, 2)), width=1.1, halo=False)
    for row in np.flatnonzero(waits):
        outline(axes, boxes[row], "waits", MUTED, width=1.3)
    for row in kept[::-1]:  # the best on top
        outline(axes, boxes[row], "kept", BLUE, f"{scores[row]:.2f}", width=2.4)
    legend(figure, axes, {"kept": (BLUE, "-"), "suppressed": (RED, (0, (3, 2))), "waits": (MUTED, "-")})
    best = f" ({', '.join(f'{scores[row]:.2f}' for row in kept)})" if len(kept) else ""
    states = f"{len(kept)} kept{best}, {gone.sum()} suppressed, {waits.sum()} waiting"
    figure.alt = f"{count(len(boxes), 'box')} on a picture: {states}."
    return figure


def _picture(picture):
    """A figure of one picture, dim, of up to 6 x 4.5 inches."""
    height, width = picture.shape[:2]
    inches = min(6 / width, 4.5 / height)
    figure, (axes,) = style.row_of_panels([(inches * width, inches * height)], lines=0)
    show(axes, picture, dim=True)
    return figure, axes

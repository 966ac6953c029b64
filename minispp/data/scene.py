"""A picture and what is in it: what a detection dataset gives."""

from typing import NamedTuple

import numpy as np


class Scene(NamedTuple):
    """A picture and its objects.

    A detection dataset is any object with `len(d)`, `d.classes` (list of names), `d.names` (a unique str for each
    picture) and ``d.scene(i) -> Scene``.

    Attributes
    ----------
    picture : ndarray of uint8, (H, W, 3)
        RGB.
    boxes : ndarray of int, (K, 4)
        Rows (top, left, bottom, right) in pixels, half-open, within the picture; see `minispp.boxes`.
    labels : ndarray of int, (K,)
        Positions in the dataset's classes.
    difficult : ndarray of bool, (K,)
        Objects that a detector may find or miss: they count neither way (Pascal VOC).
    """

    picture: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray

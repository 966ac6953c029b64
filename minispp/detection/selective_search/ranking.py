"""One list of boxes from many hierarchies: late joins first, not always, and no box twice."""

import numpy as np


def rank(hierarchies, seed=0):
    """All boxes of all hierarchies, best first, each once.

    The i-th last box of a hierarchy gets the value ``i * u``, u random in [0, 1), and the smallest value is best: what
    was joined late comes early, but not always, so that large boxes do not fill the first places (section 4.4).
    Of equal boxes the best stays.

    Parameters
    ----------
    hierarchies : list of int arrays (B, 4)
        In the order of their making, see `group`.
    seed : int

    Returns
    -------
    int32 array (R, 4)

    Examples
    --------
    >>> rank([[[0, 0, 1, 1], [0, 0, 2, 2]], [[0, 0, 2, 2]]]).tolist()
    [[0, 0, 2, 2], [0, 0, 1, 1]]
    """
    boxes = np.concatenate([np.asarray(h, np.int32) for h in hierarchies])
    position = np.concatenate([np.arange(len(h), 0, -1) for h in hierarchies])
    value = position * np.random.default_rng(seed).random(len(position))
    boxes = boxes[np.argsort(value, kind="stable")]
    return boxes[first_of_each(boxes)]


def first_of_each(boxes):
    """Indices of the boxes that are not the repetition of an earlier one."""
    order = np.lexsort(boxes.T)  # stable: of equal boxes the earliest comes first
    fresh = np.ones(len(boxes), bool)
    fresh[1:] = (boxes[order[1:]] != boxes[order[:-1]]).any(axis=1)
    return np.sort(order[fresh])

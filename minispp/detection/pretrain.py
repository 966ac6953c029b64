"""The first training of a trunk: to tell crops of the objects from one another, and from background.

The paper starts from a net trained on a million labelled pictures. Where there is none, the training boxes themselves
are a classification set: cut out, squeezed to one size, and given to the same `minispp.train.fit` as any pictures.
"""

from hashlib import sha256

import numpy as np

from minispp.boxes import iou
from minispp.data import resize

BACKGROUND = "background"


class Crops:
    """Windows of scenes as a classification dataset: the objects of each class, and background as the last class.

    Sample i is a pure function of (seed, i). Its class is drawn first, so that rare classes are seen as often as
    common ones; then one of the boxes of that class, whose edges are moved a little; then it is cut out and
    squeezed to ``side x side``. Background is a window that overlaps no object by more than `background_iou`.

    Parameters
    ----------
    scenes : detection dataset
        See `minispp.data.Scene`. Objects marked difficult are neither objects nor background here.
    proposals : sequence of int array (R, 4)
        For each scene, the windows that background is drawn from.
    count : int
        How many samples there are.
    side : int
        Of a sample, in pixels.
    background : float
        Share of background among the samples.
    background_iou : float
    jitter : float
        Most that an edge is moved, as a share of the box's height or width.
    seed : int

    Attributes
    ----------
    classes : list of str
        Those of the scenes, and "background".
    labels : int array (count,)
    fingerprint : str
        A hash of all that the samples are drawn from; see `minispp.train.fit`.

    Raises
    ------
    ValueError
        A class without a box, no background to draw from, or settings out of range.

    Examples
    --------
    >>> from minispp.data import Shapes
    >>> scenes = Shapes(8, seed=1, objects=3)
    >>> crops = Crops(scenes, [np.array([[0, 0, 9, 12]])] * 8, count=20, side=16)
    >>> view, label = crops[3]
    >>> view.shape, len(crops), crops.classes[-1]
    ((16, 16, 3), 20, 'background')
    """

    def __init__(self, scenes, proposals, count, side, background=0.3, background_iou=0.3, jitter=0.15, seed=0):
        if len(proposals) != len(scenes):
            raise ValueError(f"Crops: expected proposals for each of {len(scenes)} scenes, got {len(proposals)}")
        if count < 1 or side < 1 or not 0 < background < 1 or not 0 <= jitter < 0.5:
            raise ValueError(
                "Crops: expected count >= 1, side >= 1, background in (0, 1), jitter in [0, .5), "
                f"got {count}, {side}, {background} and {jitter}"
            )
        self.scenes, self.side, self.jitter, self.seed = scenes, side, jitter, seed
        self.classes = [*scenes.classes, BACKGROUND]
        self._boxes = self._boxes_of_each_class(proposals, background_iou)
        shares = np.full(len(self.classes), (1 - background) / len(scenes.classes))
        shares[-1] = background
        self.labels = np.random.default_rng([seed, 0]).choice(len(self.classes), count, p=shares)
        drawn_from = repr([side, jitter, seed]).encode() + b"".join(rows.tobytes() for rows in self._boxes)
        self.fingerprint = sha256(drawn_from + self.labels.tobytes()).hexdigest()

    def _boxes_of_each_class(self, proposals, background_iou):
        """For each class the rows (scene, top, left, bottom, right) that it is drawn from."""
        found = [[] for _ in self.classes]
        for index, windows in enumerate(proposals):
            scene = self.scenes.scene(index)
            for box, label in zip(scene.boxes[~scene.difficult], scene.labels[~scene.difficult], strict=True):
                found[label].append((index, *box))
            overlap = iou(windows, scene.boxes).max(axis=1, initial=0)
            found[-1] += [(index, *box) for box in windows[overlap < background_iou]]
        for name, rows in zip(self.classes, found, strict=True):
            if not rows:
                raise ValueError(f"Crops: there is not one box of {name!r} in {len(self.scenes)} scenes")
        return [np.array(rows, np.int64) for rows in found]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        index = range(len(self))[index]
        rng = np.random.default_rng([self.seed, 1, index])
        label = int(self.labels[index])
        rows = self._boxes[label]
        number, *box = rows[rng.integers(len(rows))].tolist()
        picture = self.scenes.scene(number).picture
        top, left, bottom, right = jittered(box, self.jitter, picture.shape[:2], rng)
        return resize(picture[top:bottom, left:right], self.side, self.side), label


def jittered(box, jitter, shape, rng):
    """A box with each edge moved by up to `jitter` of its height or width, within a picture of `shape`, never empty.

    Examples
    --------
    >>> jittered([10, 20, 30, 60], 0.1, (50, 61), np.random.default_rng(0))
    (11, 18, 28, 56)
    """
    top, left, bottom, right = box
    height, width = shape
    moves = jitter * rng.uniform(-1, 1, 4) * (bottom - top, right - left, bottom - top, right - left)
    top, left, bottom, right = (int(edge) for edge in np.rint(np.array(box) + moves))
    top, left = min(max(top, 0), height - 1), min(max(left, 0), width - 1)
    return top, left, max(min(bottom, height), top + 1), max(min(right, width), left + 1)

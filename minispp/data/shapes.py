"""Synthetic pictures: textured shapes of any scale on cluttered backgrounds, for classification and detection.

A class is a texture and a shape, "striped disc". Both must be seen: the clutter is made of the same shapes
and the same textures in other combinations. Colours, tilt, place, scale (over a factor of 3), light, picture
size and aspect ratio are drawn independently of the class, and at one scale every shape has the same area, so
colour or size alone tell next to nothing. Objects are partly hidden by clutter in front of them.
"""

import numpy as np

from minispp.data.dataset import CACHE_BYTES, Cache
from minispp.data.painter import SHAPES, TEXTURES, background, developed, paint
from minispp.data.scene import Scene

# Each shape with two textures and each texture with two shapes: either alone leaves two classes.
CLASSES = (
    "striped disc",
    "banded disc",
    "banded bar",
    "dotted bar",
    "dotted star",
    "chequered star",
    "chequered triangle",
    "striped triangle",
)
SIZES = (56, 160)  # range of the shorter side in pixels
LONGEST = 2.0  # most a side may exceed the other
SCALES = (0.28, 0.84)  # square root of an object's area over the shorter side of the picture


class Shapes:
    """A dataset of `count` pictures; picture i is a pure function of the settings and (seed, i).

    Made when asked for (about 3 ms) and kept, read-only, while they fit in `cache_bytes`. Classes are
    balanced: each appears once in every len(classes) pictures.

    Parameters
    ----------
    count : int
        Number of pictures.
    classes : sequence of str
        Names "texture shape" of `TEXTURES` and `SHAPES`.
    seed : int
        Sets of different seeds have no picture in common: one for training, another for the test.
    sizes : (int, int)
        Range of the shorter side in pixels; the longer side is up to twice as long.
    objects : int
        Most objects in a picture. 1: classification; more: each picture has 1 to `objects`, for detection.
    cache_bytes : int
        Most bytes of pictures to keep in memory.

    Attributes
    ----------
    classes : list of str
    labels : ndarray of int, (count,)
        Class of the main object, which is the first of the scene.
    names : list of str
        "shapes-SEED-INDEX" of each picture.

    Raises
    ------
    ValueError
        Negative count or seed, an unknown or repeated class, no combination left that is not a class, an empty
        range of sizes or one below 16 pixels, or no objects.

    Examples
    --------
    >>> d = Shapes(16, seed=3)
    >>> picture, label = d[5]
    >>> picture.dtype, picture.ndim, d.classes[label] in CLASSES, np.bincount(d.labels).tolist()
    (dtype('uint8'), 3, True, [2, 2, 2, 2, 2, 2, 2, 2])
    >>> scene = Shapes(1, objects=6).scene(0)
    >>> scene.boxes.shape == (len(scene.labels), 4)
    True
    """

    def __init__(self, count, classes=CLASSES, seed=0, sizes=SIZES, objects=1, cache_bytes=CACHE_BYTES):
        self.classes = list(classes)
        self._kinds = [_kind(name) for name in self.classes]
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"Shapes: expected different classes, at least one, got {self.classes}")
        if count < 0 or seed < 0 or objects < 1:
            raise ValueError(f"Shapes: expected count >= 0, seed >= 0, objects >= 1, got {count}, {seed}, {objects}")
        if len(sizes) != 2 or not 16 <= sizes[0] <= sizes[1]:
            raise ValueError(f"Shapes: expected sizes (least, most) of at least 16 pixels, got {sizes}")
        self.seed, self.sizes, self.objects = seed, tuple(sizes), objects
        self.labels = self._balanced_labels(count)
        self.names = [f"shapes-{seed}-{index:05d}" for index in range(count)]
        self._clutter = [(t, s) for t in TEXTURES for s in SHAPES if (t, s) not in self._kinds]
        if not self._clutter:
            raise ValueError("Shapes: every texture on every shape is a class, expected some left for the clutter")
        self._cache = Cache(cache_bytes)
        self._found = {}  # boxes and labels of the pictures made so far: small, all kept

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        scene = self.scene(index)
        return scene.picture, int(scene.labels[0])

    def scene(self, index):
        """Picture `index` and its objects as a `Scene`, the main object first; none is difficult.

        Boxes are tight around the object within the picture, the parts that something hides included.
        """
        index = range(len(self))[index]
        picture = self._cache.get(index, lambda: self._draw(index))
        boxes, labels = self._found[index]
        return Scene(picture, boxes.copy(), labels.copy(), np.zeros(len(labels), bool))

    def _balanced_labels(self, count):
        n = len(self.classes)
        rounds = (np.random.default_rng([self.seed, r, 1]).permutation(n) for r in range(-(-count // n)))
        return np.concatenate([np.empty(0, np.int64), *rounds])[:count]

    def _draw(self, index):
        rng = np.random.default_rng([self.seed, index])
        shorter = int(rng.integers(self.sizes[0], self.sizes[1], endpoint=True))
        longer = round(shorter * LONGEST ** rng.triangular(0, 0, 1))
        height, width = (shorter, longer) if rng.random() < 0.5 else (longer, shorter)
        canvas = background(height, width, rng)
        for _ in range(rng.integers(1, 5)):
            centre = rng.random(2) * (height, width)
            self._paint_clutter(canvas, centre, shorter * rng.uniform(0.06, 0.2), rng)

        labels = [self.labels[index], *rng.integers(len(self.classes), size=rng.integers(self.objects))]
        placed, boxes, kept = [], [], []
        for label in labels:
            texture, shape = self._kinds[label]
            size = shorter * SCALES[0] * (SCALES[1] / SCALES[0]) ** rng.random()
            if len(labels) > 1:
                size *= 0.6
            spot = _free_spot(height, width, size, placed, rng)
            if spot is None:
                continue
            placed.append((spot, size))
            boxes.append(paint(canvas, shape, texture, spot, size, rng))
            kept.append(label)
        for spot, size in placed:
            if rng.random() < 0.5:  # something in front, over the rim of the object
                turn = rng.uniform(0, 2 * np.pi)
                rim = spot + 0.5 * size * np.array([np.sin(turn), np.cos(turn)])
                self._paint_clutter(canvas, rim, size * rng.uniform(0.2, 0.4), rng)
        self._found[index] = np.array(boxes).reshape(-1, 4), np.array(kept)
        return developed(canvas, rng)

    def _paint_clutter(self, canvas, centre, size, rng):
        texture, shape = self._clutter[rng.integers(len(self._clutter))]
        paint(canvas, shape, texture, centre, size, rng)


def _kind(name):
    texture, _, shape = name.partition(" ")
    if texture not in TEXTURES or shape not in SHAPES:
        raise ValueError(
            f'Shapes: expected classes "texture shape" of {list(TEXTURES)} and {list(SHAPES)}, got {name!r}'
        )
    return texture, shape


def _free_spot(height, width, size, placed, rng, tries=12):
    """Centre (row, column) at least 0.4 size inside the picture and clear of the placed ones, or None."""
    for _ in range(tries):
        # The first one, the main object, comes nearer to the middle than to the rim, as in photographs.
        share = rng.random(2) if placed else rng.random((2, 2)).mean(axis=0)
        spot = 0.4 * size + share * (np.array([height, width]) - 0.8 * size)
        if all(np.hypot(*(spot - other)) > 0.65 * (size + other_size) for other, other_size in placed):
            return spot
    return None

"""Synthetic pictures: textured shapes of any scale on cluttered backgrounds, for classification and detection.

A class is a texture and a shape, "striped star". Both must be seen: the clutter is made of the same shapes
and the same textures in other combinations. Colours, rotation, place, scale (over a factor of 3), light,
picture size and aspect ratio are drawn independently of the class, and at one scale every shape has the same
area; so colour or size alone tell nothing. Objects are partly hidden by clutter in front of them.
"""

import numpy as np
from PIL import Image

from minispp.data.dataset import CACHE_BYTES, Cache

CLASSES = tuple(f"{texture} {shape}" for shape in ("disc", "oval", "triangle", "star")
                for texture in ("striped", "dotted"))  # fmt: skip
SIZES = (48, 160)  # range of the shorter side in pixels
LONGEST = 2.0  # most a side may exceed the other
SCALES = (0.27, 0.81)  # square root of an object's area over the shorter side of the picture
TILT = 0.35  # largest rotation, in radians
OUTLINE = 0.06  # width of an object's dark rim over the square root of its area


class Shapes:
    """A dataset of `count` pictures; picture i is a pure function of the settings and (seed, i).

    Made when asked for (about 2 ms) and kept, read-only, while they fit in `cache_bytes`. Classes are
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

    Raises
    ------
    ValueError
        Negative count or seed, an unknown or repeated class, an empty range of sizes, or no objects.

    Examples
    --------
    >>> d = Shapes(16, seed=3)
    >>> picture, label = d[5]
    >>> picture.dtype, picture.ndim, d.classes[label] in CLASSES, np.bincount(d.labels).tolist()
    (dtype('uint8'), 3, True, [2, 2, 2, 2, 2, 2, 2, 2])
    >>> picture, boxes, labels = Shapes(1, objects=6).scene(0)
    >>> boxes.shape == (len(labels), 4)
    True
    """

    def __init__(self, count, classes=CLASSES, seed=0, sizes=SIZES, objects=1, cache_bytes=CACHE_BYTES):
        self.classes = list(classes)
        self._kinds = [_kind(name) for name in self.classes]
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"Shapes: expected different classes, at least one, got {self.classes}")
        if count < 0 or seed < 0 or objects < 1:
            raise ValueError(
                f"Shapes: expected count >= 0, seed >= 0, objects >= 1, got {count}, {seed}, {objects}"
            )
        if len(sizes) != 2 or not 16 <= sizes[0] <= sizes[1]:
            raise ValueError(f"Shapes: expected sizes (least, most) of at least 16 pixels, got {sizes}")
        self.seed, self.sizes, self.objects = seed, tuple(sizes), objects
        self.labels = self._balanced_labels(count)
        self._clutter = [(t, s) for t in TEXTURES for s in SHAPES if (t, s) not in self._kinds]
        self._cache = Cache(cache_bytes)
        self._found = {}  # boxes and labels of the pictures in the cache

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        picture, _, labels = self.scene(index)
        return picture, int(labels[0])

    def scene(self, index):
        """Picture (H, W, 3) uint8, boxes (K, 4) int, labels (K,) int of picture `index`; the main object first.

        Boxes are (top, left, bottom, right) in pixels, half-open, tight around the object within the picture,
        the parts that something hides included.
        """
        index = range(len(self))[index]
        picture = self._cache.get(index, lambda: self._draw(index))
        boxes, labels = self._found[index]
        return picture, boxes.copy(), labels.copy()

    def _balanced_labels(self, count):
        n = len(self.classes)
        rounds = (np.random.default_rng([self.seed, r, 1]).permutation(n) for r in range(-(-count // n)))
        return np.concatenate([np.empty(0, np.int64), *rounds])[:count]

    def _draw(self, index):
        rng = np.random.default_rng([self.seed, index])
        shorter = rng.integers(self.sizes[0], self.sizes[1], endpoint=True)
        longer = round(shorter * LONGEST ** rng.triangular(0, 0, 1))
        height, width = (shorter, longer) if rng.random() < 0.5 else (longer, shorter)
        canvas = _background(height, width, rng)
        for _ in range(rng.integers(2, 6)):
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
            boxes.append(_paint(canvas, shape, texture, spot, size, rng))
            kept.append(label)
        for spot, size in placed:
            if rng.random() < 0.6:  # something in front, over the rim of the object
                turn = rng.uniform(0, 2 * np.pi)
                rim = spot + 0.5 * size * np.array([np.sin(turn), np.cos(turn)])
                self._paint_clutter(canvas, rim, size * rng.uniform(0.2, 0.4), rng)
        self._found[index] = np.array(boxes).reshape(-1, 4), np.array(kept)
        return _developed(canvas, rng)

    def _paint_clutter(self, canvas, centre, size, rng):
        texture, shape = self._clutter[rng.integers(len(self._clutter))]
        _paint(canvas, shape, texture, centre, size, rng)


# Shapes: signed functions of centred coordinates, negative inside and about a distance near the rim,
# with the area inside and the largest distance of a point inside.


def _disc(u, v):
    return np.hypot(u, v) - 1


def _oval(u, v):
    return (np.hypot(u, 2 * v) - 1) / 1.5


def _square(u, v):
    return np.maximum(abs(u), abs(v)) - 1


def _bar(u, v):
    return np.maximum(abs(u) - 1, abs(v) - 0.4)


def _cross(u, v):
    u, v = abs(u), abs(v)
    return np.minimum(np.maximum(u - 1, v - 0.35), np.maximum(u - 0.35, v - 1))


def _ring(u, v):
    return abs(np.hypot(u, v) - 0.72) - 0.28


def _triangle(u, v):
    return np.maximum(0.75**0.5 * abs(u) - 0.5 * v, v) - 1


def _star(u, v, inner=0.45):
    fifth = 2 * np.pi / 5
    angle = abs((np.arctan2(v, u) + fifth / 2) % fifth - fifth / 2)  # from the nearest of five tips
    radius = np.hypot(u, v)
    across, along = inner * np.sin(fifth / 2), inner * np.cos(fifth / 2) - 1  # the edge, tip to notch
    return (across * (radius * np.cos(angle) - 1) - along * radius * np.sin(angle)) / np.hypot(across, along)


SHAPES = {
    "disc": (_disc, np.pi, 1.0),
    "oval": (_oval, np.pi / 2, 1.0),
    "square": (_square, 4.0, 2**0.5),
    "bar": (_bar, 1.6, 1.08),
    "cross": (_cross, 2.31, 1.06),
    "ring": (_ring, np.pi * (1 - 0.44**2), 1.0),
    "triangle": (_triangle, 27**0.5, 2.0),
    "star": (_star, 5 * 0.45 * np.sin(np.pi / 5), 1.0),
}

# Textures: functions of coordinates in periods; the ink is where they are positive.


def _plain(u, v):
    return np.zeros_like(u)


def _striped(u, v):
    return np.sin(2 * np.pi * u)


def _dotted(u, v):
    return np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v) - 0.6


def _chequered(u, v):
    return np.sin(2 * np.pi * u) * np.sin(2 * np.pi * v)


TEXTURES = {"plain": _plain, "striped": _striped, "dotted": _dotted, "chequered": _chequered}


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


def _paint(canvas, shape, texture, centre, size, rng):
    """Paint one shape of area size^2 around `centre`, at any angle, in any two colours; return its box."""
    height, width, _ = canvas.shape
    signed, area, extent = SHAPES[shape]
    unit = size / area**0.5  # pixels per unit of the shape's own coordinates
    reach = extent * unit + 1
    top, left = np.maximum(np.floor(centre - reach), 0).astype(int)
    bottom, right = np.minimum(np.ceil(centre + reach), (height, width)).astype(int)
    v, u = np.ogrid[top:bottom, left:right]
    v, u = (v + 0.5 - centre[0]).astype(np.float32), (u + 0.5 - centre[1]).astype(np.float32)

    angle, slant = rng.uniform(-TILT, TILT, 2)
    inside = 0.5 - unit * signed(*_turned(u / unit, v / unit, angle))
    cover = np.clip(inside, 0, 1)
    inner = np.clip(inside - max(OUTLINE * size, 1.0), 0, 1)  # what the outline leaves
    period = max(size * rng.uniform(0.24, 0.36), 3.0)
    ink = TEXTURES[texture](*_turned(u / period, v / period, slant))
    ink = np.clip(0.5 + ink * (period / 6), 0, 1)  # about one pixel from paper to ink

    paper, colour = _two_colours(rng)
    light = 1 + 0.12 / size * (u * np.float32(np.cos(slant)) + v * np.float32(np.sin(slant)))
    paint = (paper + ink[:, :, None] * (colour - paper)) * (light * inner)[:, :, None]
    part = canvas[top:bottom, left:right]
    part += cover[:, :, None] * (paint - part)

    rows, columns = (cover >= 0.5).any(axis=1).nonzero()[0], (cover >= 0.5).any(axis=0).nonzero()[0]
    if not len(rows):
        return None
    return top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1


def _turned(u, v, angle):
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cos * u + sin * v, cos * v - sin * u


def _colour(hue, saturation, value):
    """Hue, saturation and value in 0..1 -> RGB (3,) float32 in 0..255."""
    wheel = np.clip(abs((6 * hue + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return (255 * value * (1 - saturation * (1 - wheel))).astype(np.float32)


def _two_colours(rng):
    """Two colours of any hues, one at least 0.35 of the range lighter than the other, in any order."""
    dark = rng.uniform(0.15, 0.6)
    light = rng.uniform(dark + 0.35, 1)
    colours = [_colour(rng.random(), rng.uniform(0.1, 0.8), value) for value in (dark, light)]
    return colours[::-1]


def _background(height, width, rng):
    """Clouds of three colours, ripples and grain: (height, width, 3) float32."""
    grid = rng.integers(2, 8, size=2)
    palette = np.stack([_colour(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.2, 0.9)) for _ in range(3)])
    clouds = rng.dirichlet([0.6] * 3, size=grid) @ palette
    canvas = _stretched(clouds, height, width)
    grain = rng.integers(0, 256, size=(height // 3 + 1, width // 3 + 1, 1)).repeat(3, axis=2)
    canvas += (_stretched(grain, height, width) - 128) * np.float32(rng.uniform(0.05, 0.2))
    v, u = np.ogrid[0:height, 0:width]
    period = rng.uniform(4, 20)
    ripples = np.sin(2 * np.pi / period * _turned(u.astype(np.float32), v.astype(np.float32), rng.uniform(0, 7))[0])
    canvas += np.float32(rng.uniform(0, 10)) * ripples[:, :, None]
    return canvas


def _stretched(grid, height, width):
    image = Image.fromarray(grid.astype(np.uint8))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)).astype(np.float32)


def _developed(canvas, rng):
    """The painted canvas under slanted light, with noise, as bytes."""
    height, width, _ = canvas.shape
    v, u = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    down, across = rng.uniform(-0.2, 0.2, 2)
    canvas *= (rng.uniform(0.75, 1.1) + down * v + across * u).astype(np.float32)[:, :, None]
    canvas += rng.uniform(2, 8) * rng.standard_normal(canvas.shape, dtype=np.float32)
    return np.clip(canvas, 0, 255).astype(np.uint8)

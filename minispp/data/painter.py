"""How a synthetic picture is painted: outlines, textures, colours, background, light and noise.

Everything is drawn from the generator it is given, on a float32 canvas (H, W, 3) in 0..255 units.
"""

import math

import numpy as np
from PIL import Image

TILT = 0.25  # largest rotation of shapes and textures, in radians
OUTLINE = 0.06  # width of the dark rim over the square root of the area

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
    across, along = inner * math.sin(fifth / 2), inner * math.cos(fifth / 2) - 1  # the edge, tip to notch
    return (across * (radius * np.cos(angle) - 1) - along * radius * np.sin(angle)) / math.hypot(across, along)


SHAPES = {
    "disc": (_disc, np.pi, 1.0),
    "oval": (_oval, np.pi / 2, 1.0),
    "square": (_square, 4.0, 2**0.5),
    "bar": (_bar, 1.6, 1.08),
    "cross": (_cross, 2.31, 1.06),
    "ring": (_ring, np.pi * (1 - 0.44**2), 1.0),
    "triangle": (_triangle, 27**0.5, 2.0),
    "star": (_star, 5 * 0.45 * math.sin(np.pi / 5), 1.0),
}

# Textures: functions of coordinates in periods; the ink is where they are positive.
# Stripes stand and bands lie, up to the tilt.


def _plain(u, v):
    return np.zeros_like(u)


def _striped(u, v):
    return np.sin(2 * np.pi * u)


def _banded(u, v):
    return np.sin(2 * np.pi * v)


def _dotted(u, v):
    return np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v) - 0.6


def _chequered(u, v):
    return np.sin(2 * np.pi * u) * np.sin(2 * np.pi * v)


TEXTURES = {"plain": _plain, "striped": _striped, "banded": _banded, "dotted": _dotted, "chequered": _chequered}


def paint(canvas, shape, texture, centre, size, rng):
    """Paint one shape of area size^2 around `centre`, tilted, in two colours; return its box, if any shows."""
    height, width, _ = canvas.shape
    signed, area, extent = SHAPES[shape]
    unit = size / area**0.5  # pixels per unit of the shape's own coordinates
    reach = extent * unit + 1
    top, left = np.maximum(np.floor(centre - reach), 0).astype(int)
    bottom, right = np.minimum(np.ceil(centre + reach), (height, width)).astype(int)
    if top >= bottom or left >= right:
        return None
    v, u = np.ogrid[top:bottom, left:right]
    v, u = (v + 0.5 - centre[0]).astype(np.float32), (u + 0.5 - centre[1]).astype(np.float32)

    angle, slant = rng.uniform(-TILT, TILT), rng.uniform(-TILT, TILT)
    inside = 0.5 - unit * signed(*_turned(u / unit, v / unit, angle))
    cover = np.clip(inside, 0, 1)
    inner = np.clip(inside - max(OUTLINE * size, 1.0), 0, 1)  # what the outline leaves
    period = max(size * rng.uniform(0.24, 0.36), 3.0)
    ink = TEXTURES[texture](*_turned(u / period, v / period, slant))
    ink = np.clip(0.5 + ink * (period / 6), 0, 1)  # about one pixel from paper to ink

    paper, dark = _two_colours(rng)
    light = 1 + 0.12 / size * (u * math.cos(slant) + v * math.sin(slant))
    fresh = (paper + ink[:, :, None] * (dark - paper)) * (light * inner)[:, :, None]
    part = canvas[top:bottom, left:right]
    part += cover[:, :, None] * (fresh - part)

    seen = cover >= 0.5
    rows, columns = seen.any(axis=1).nonzero()[0], seen.any(axis=0).nonzero()[0]
    if not len(rows):
        return None
    return top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1


def _turned(u, v, angle):
    cos, sin = math.cos(angle), math.sin(angle)  # Python floats leave float32 arrays float32
    return cos * u + sin * v, cos * v - sin * u


def _colour(hue, saturation, value):
    """Hue, saturation and value in 0..1 -> RGB (3,) float32 in 0..255."""
    wheel = np.clip(abs((6 * hue + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return (255 * value * (1 - saturation * (1 - wheel))).astype(np.float32)


def _two_colours(rng):
    """Paper and ink of any two hues; the ink is darker by at least 0.35 of the range.

    Dark ink inside a dark outline, as in print: with either order, a small net spends its epochs on the sign.
    """
    dark = rng.uniform(0.15, 0.6)
    light = rng.uniform(dark + 0.35, 1)
    return [_colour(rng.random(), rng.uniform(0.1, 0.8), value) for value in (light, dark)]


def background(height, width, rng):
    """Clouds of three colours, ripples and grain: (height, width, 3) float32."""
    grid = rng.integers(2, 8, size=2)
    palette = np.stack([_colour(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.2, 0.9)) for _ in range(3)])
    clouds = rng.dirichlet([0.6] * 3, size=grid) @ palette
    canvas = _stretched(clouds, height, width)
    grain = rng.integers(0, 256, size=(height // 3 + 1, width // 3 + 1, 1)).repeat(3, axis=2)
    canvas += (_stretched(grain, height, width) - 128) * rng.uniform(0.05, 0.2)
    v, u = np.ogrid[0:height, 0:width]
    period = rng.uniform(4, 20)
    across, _ = _turned(u.astype(np.float32), v.astype(np.float32), rng.uniform(0, np.pi))
    ripples = rng.uniform(0, 10) * np.sin(across * (2 * np.pi / period))
    canvas += ripples[:, :, None]
    return canvas


def _stretched(grid, height, width):
    image = Image.fromarray(grid.astype(np.uint8))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)).astype(np.float32)


def developed(canvas, rng):
    """The painted canvas under slanted light, with noise, as bytes."""
    height, width, _ = canvas.shape
    v, u = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    down, across = rng.uniform(-0.2, 0.2, 2)
    canvas *= (rng.uniform(0.75, 1.1) + down * v + across * u).astype(np.float32)[:, :, None]
    canvas += rng.uniform(2, 8) * rng.standard_normal(canvas.shape, dtype=np.float32)
    return np.clip(canvas, 0, 255).astype(np.uint8)

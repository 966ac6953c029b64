"""A picture in other colour spaces, each channel in 0..255, because what looks alike depends on the space.

HSV and Lab keep brightness apart from colour, rgI divides it out, H is nothing but the hue: what shadows and
highlights split in one space stays whole in another (Uijlings et al. 2013, section 4.1).
"""

import numpy as np

from minispp.kernels.cpu.compiler import compiled

SPACES = ("rgb", "hsv", "lab", "rgi", "h", "i")


def to_colour(picture, space):
    """The picture in a colour space, as integers 0..255.

    ====  ========  ======================================================================
    name  channels  values
    ====  ========  ======================================================================
    rgb   3         as they are
    hsv   3         hue in 1/256 turns, ``S = 255 (max - min) / max``, ``V = max``
    lab   3         ``2.55 L``, ``a + 128``, ``b + 128``: CIE 1976 under D65, from sRGB
    rgi   3         ``255 R / (R + G + B)``, ``255 G / (R + G + B)``, ``I``
    h     1         the hue alone
    i     1         ``I = (R + G + B) / 3``
    ====  ========  ======================================================================

    Values are rounded down, those of Lab to the nearest. Grey has hue 0; black has saturation 0 and shares of 85.

    Parameters
    ----------
    picture : uint8 array (H, W, 3), RGB
    space : str

    Returns
    -------
    uint8 array (H, W, channels)

    Raises
    ------
    ValueError
        An unknown space.

    Examples
    --------
    >>> red_and_grey = np.array([[[255, 0, 0], [128, 128, 128]]], np.uint8)
    >>> to_colour(red_and_grey, "hsv").tolist(), to_colour(red_and_grey, "lab").tolist()
    ([[[0, 255, 255], [0, 0, 128]]], [[[136, 208, 195], [137, 128, 128]]])
    """
    if space not in SPACES:
        raise ValueError(f"to_colour: expected a space of {SPACES}, got {space!r}")
    picture = np.ascontiguousarray(picture)
    if space == "rgb":
        return picture
    colours = np.empty((*picture.shape[:2], 1 if space in ("h", "i") else 3), np.uint8)
    if space in ("hsv", "h"):
        _hsv(picture, colours)
    elif space == "lab":
        _lab(picture, *_lab_tables(), colours)
    else:
        _rgi(picture, colours)
    return colours


@compiled(nogil=True)
def _hsv(picture, colours):
    """Hue, saturation, value; or the hue alone, if there is one channel.

    The hue is 0 at red, 1/3 at green, 2/3 at blue, and moves between them as the middle of the three values does.
    """
    height, width, channels = colours.shape
    for i in range(height):
        for j in range(width):
            r, g, b = np.int32(picture[i, j, 0]), np.int32(picture[i, j, 1]), np.int32(picture[i, j, 2])
            most, spread = max(r, g, b), max(r, g, b) - min(r, g, b)
            hue = np.int32(0)
            if spread > 0:
                if most == r:
                    sixths = g - b  # over spread: -1..1 around red
                elif most == g:
                    sixths = 2 * spread + b - r
                else:
                    sixths = 4 * spread + r - g
                hue = 256 * sixths // (6 * spread) & 255  # -1 is 255: hues are a circle
            colours[i, j, 0] = hue
            if channels == 3:
                colours[i, j, 1] = 255 * spread // max(most, 1)
                colours[i, j, 2] = most


@compiled(nogil=True)
def _rgi(picture, colours):
    """Shares of red and green, intensity; or the intensity alone, if there is one channel."""
    height, width, channels = colours.shape
    for i in range(height):
        for j in range(width):
            r, g, b = np.int32(picture[i, j, 0]), np.int32(picture[i, j, 1]), np.int32(picture[i, j, 2])
            total = r + g + b
            colours[i, j, channels - 1] = total // 3
            if channels == 3:
                colours[i, j, 0] = 255 * r // total if total else 85
                colours[i, j, 1] = 255 * g // total if total else 85


def _lab_tables(steps=1 << 14):
    """Value in sRGB -> its parts of X, Y and Z, which go to ``steps - 1`` for white; and the function f of those.

    ``f(t) = t^(1/3)``, or ``(t / (6/29)^2 + 4/29 * 3) / 3`` below ``(6/29)^3``, where the root would be too steep.
    """
    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    to_xyz /= to_xyz.sum(axis=1, keepdims=True)  # white is (1, 1, 1)
    parts = linear[:, None, None] * to_xyz.T * (steps - 1)
    t = np.arange(steps) / (steps - 1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return parts.astype(np.float32), f.astype(np.float32)


@compiled(nogil=True)
def _lab(picture, parts, f, colours):
    """``L = 116 f(Y) - 16``, ``a = 500 (f(X) - f(Y))``, ``b = 200 (f(Y) - f(Z))``."""
    height, width, _ = colours.shape
    half = np.float32(0.5)
    for i in range(height):
        for j in range(width):
            r, g, b = picture[i, j, 0], picture[i, j, 1], picture[i, j, 2]
            x = f[np.int32(parts[r, 0, 0] + parts[g, 1, 0] + parts[b, 2, 0] + half)]
            y = f[np.int32(parts[r, 0, 1] + parts[g, 1, 1] + parts[b, 2, 1] + half)]
            z = f[np.int32(parts[r, 0, 2] + parts[g, 1, 2] + parts[b, 2, 2] + half)]
            lightness = np.float32(2.55 * 116) * y - np.float32(2.55 * 16)
            colours[i, j, 0] = np.int32(lightness + half)
            colours[i, j, 1] = np.int32(np.float32(500) * (x - y) + np.float32(128.5))
            colours[i, j, 2] = np.int32(np.float32(200) * (y - z) + np.float32(128.5))

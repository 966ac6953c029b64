"""Views of a picture: a square region, resized to the size asked, flipped, its colours changed a little.

The size asked changes only the resize, never the region. In the paper (sec. 3) the 180 x 180 input is the
resized 224 x 224 region, so both sizes show the same content at two resolutions; a smaller crop would show
less of the object instead. Geometry is in whole pixels; a region is (top, left, bottom, right), half-open.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

MARGIN = 256 / 224  # the paper: shorter side 256, region 224
MOST_PIXELS = 64 * 2**20  # a thin picture must not grow without bound when its shorter side is set
POSITIONS = ("random", "corners")


@dataclass(frozen=True)
class View:
    """One random view:  out = clip(gain * channel_gain_c * resize(region))  of size x size pixels.

    The region is a square of side  min(H, W) / margin  (rounded, at least 1). Every call draws the same seven
    numbers from `rng` whatever the settings and the size, so one seed gives one region at every size.

    Parameters
    ----------
    margin : float
        Shorter side of the picture over the side of the region, at least 1. The paper's is 256/224.
    positions : {"random", "corners"}
        "random": any position with equal chance. "corners": the centre or a corner (paper sec. 3).
    flip : bool
        Mirror left to right, every second time.
    gain, channel_gain : float
        Brightness is multiplied by a number in 1 +- gain, each channel by another in 1 +- channel_gain.

    Raises
    ------
    ValueError
        A margin below 1, a gain outside [0, 1) or an unknown name of positions.

    Examples
    --------
    >>> picture = np.zeros((40, 60, 3), np.uint8)
    >>> View(margin=1.15)(picture, 32, np.random.default_rng(0)).shape
    (32, 32, 3)
    """

    margin: float = MARGIN
    positions: str = "random"
    flip: bool = True
    gain: float = 0.2
    channel_gain: float = 0.1

    def __post_init__(self):
        _region_side(1, 1, self.margin)
        if self.positions not in POSITIONS:
            raise ValueError(f"View: positions must be one of {POSITIONS}, got {self.positions!r}")
        for name in ("gain", "channel_gain"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"View: {name} must be in [0, 1), got {getattr(self, name)}")

    def __call__(self, picture, size, rng):
        """View of `picture` (H, W, 3) uint8 -> (size, size, 3) uint8, drawn from the Generator `rng`."""
        draws = rng.random(7)
        out = _resized_region(picture, self.region(*picture.shape[:2], *draws[:2]), size)
        if self.flip and draws[2] < 0.5:
            out = out[:, ::-1]
        return relit(out, draws[3:], self.gain, self.channel_gain)

    def region(self, height, width, vertical, horizontal):
        """Region (top, left, bottom, right) that two numbers in [0, 1) choose in a height x width picture.

        Examples
        --------
        >>> View(margin=2).region(40, 60, 0.0, 0.999)
        (0, 40, 20, 60)
        """
        if self.positions == "corners":
            chosen = five_regions(height, width, self.margin)[min(int(vertical * 5), 4)]
            return tuple(chosen.tolist())
        side = _region_side(height, width, self.margin)
        # u * n may round up to n itself for u just below 1
        top = min(int(vertical * (height - side + 1)), height - side)
        left = min(int(horizontal * (width - side + 1)), width - side)
        return top, left, top + side, left + side


def relit(picture, draws, gain=0.2, channel_gain=0.1):
    """The picture under other light: out = clip(g * g_c * picture), rounded; a gain for all, and one for each channel.

    Parameters
    ----------
    picture : ndarray of uint8, (H, W, 3)
    draws : array (4,)
        Numbers in [0, 1) that choose ``g`` in 1 +- gain and the three ``g_c`` in 1 +- channel_gain.
    gain, channel_gain : float
        In [0, 1).

    Examples
    --------
    >>> relit(np.full((1, 1, 3), 100, np.uint8), [0.75, 0.5, 0.5, 0.0]).tolist()
    [[[110, 110, 99]]]
    """
    if gain or channel_gain:
        draws = np.asarray(draws)
        gains = (1 + gain * (2 * draws[0] - 1)) * (1 + channel_gain * (2 * draws[1:] - 1))
        picture = picture * gains.astype(np.float32)
        np.rint(picture, out=picture)
        np.minimum(picture, 255, out=picture)  # gains are positive: nothing falls below 0
    return np.ascontiguousarray(picture, dtype=np.uint8)


def five_regions(height, width, margin=MARGIN):
    """The centre and the four corners: squares of side min(height, width) / margin.

    Parameters
    ----------
    height, width : int
        Size of the picture in pixels.
    margin : float
        Shorter side over the side of the region, at least 1.

    Returns
    -------
    ndarray of int, (5, 4)
        Rows (top, left, bottom, right), half-open: centre, top left, top right, bottom left, bottom right.

    Raises
    ------
    ValueError
        A side or the margin below 1.

    Notes
    -----
    Paper sec. 3: crops come from the centre or the corners of the whole image.

    Examples
    --------
    >>> five_regions(4, 6, margin=2).tolist()
    [[1, 2, 3, 4], [0, 0, 2, 2], [0, 4, 2, 6], [2, 0, 4, 2], [2, 4, 4, 6]]
    """
    side = _region_side(height, width, margin)
    bottom, right = height - side, width - side
    starts = [(bottom // 2, right // 2), (0, 0), (0, right), (bottom, 0), (bottom, right)]
    return np.array([(top, left, top + side, left + side) for top, left in starts])


def centre_view(picture, size, margin=MARGIN):
    """The centre region of side min(H, W) / margin, resized to (size, size, 3); nothing is drawn.

    Parameters
    ----------
    picture : ndarray of uint8, (H, W, 3)
    size : int
        Side of the result in pixels.
    margin : float
        Shorter side of the picture over the side of the region, at least 1.

    Raises
    ------
    ValueError
        Not a picture, or a size or margin below 1.

    Examples
    --------
    >>> centre_view(np.full((40, 60, 3), 7, np.uint8), 2)[0, 0].tolist()
    [7, 7, 7]
    """
    return _resized_region(picture, five_regions(*picture.shape[:2], margin)[0], size)


def resize(picture, height, width):
    """Picture (H, W, 3) -> (height, width, 3), bilinear, averaging over all pixels where it shrinks.

    Parameters
    ----------
    picture : ndarray of uint8, (H, W, 3)
    height, width : int
        Size of the result in pixels, at least 1.

    Raises
    ------
    ValueError
        Not a uint8 array (H, W, 3), an empty one, or a size below 1.

    Examples
    --------
    >>> resize(np.array([[[0, 10, 20], [2, 20, 40]]], np.uint8), 1, 1).tolist()
    [[[1, 15, 30]]]
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise ValueError(
            f"resize: expected a uint8 picture (H, W, 3) with H, W >= 1, got {picture.dtype} {picture.shape}"
        )
    if height < 1 or width < 1:
        raise ValueError(f"resize: expected a height and width of at least 1, got {height} x {width}")
    image = Image.fromarray(np.ascontiguousarray(picture))
    # Pillow widens its filter by the scale when it shrinks: no aliasing, unlike a plain 2 x 2 interpolation
    return np.array(image.resize((int(width), int(height)), Image.Resampling.BILINEAR))


def resize_min_side(picture, side):
    """Picture resized so that its shorter side is `side`, aspect ratio kept to the nearest pixel.

    Its size is that of `size_at`.

    Parameters
    ----------
    picture : ndarray of uint8, (H, W, 3)
    side : int
        Shorter side of the result in pixels, at least 1.

    Raises
    ------
    ValueError
        Not a picture, a side below 1, or a picture so thin that the result would pass 64 M pixels.

    Examples
    --------
    >>> resize_min_side(np.zeros((30, 45, 3), np.uint8), 10).shape
    (10, 15, 3)
    """
    height, width = size_at(*picture.shape[:2], side)
    if height * width > MOST_PIXELS:
        raise ValueError(
            f"resize_min_side: a picture of {picture.shape[0]} x {picture.shape[1]} with shorter side {side} "
            f"would have {height} x {width} pixels, more than {MOST_PIXELS}"
        )
    return resize(picture, height, width)


def size_at(height, width, side):
    """Height and width of a picture whose shorter side was resized to `side`.

    The longer side becomes  round(longer * side / shorter), halves up, in integers.

    Examples
    --------
    >>> size_at(30, 44, 10)
    (10, 15)
    """
    shorter = max(min(height, width), 1)
    return tuple((2 * length * side + shorter) // (2 * shorter) for length in (height, width))


def _region_side(height, width, margin):
    """Side of the square region: min(height, width) / margin, rounded, at least 1."""
    if height < 1 or width < 1:
        raise ValueError(f"region: expected a picture of at least 1 x 1 pixel, got {height} x {width}")
    if not margin >= 1:  # a NaN fails too
        raise ValueError(f"region: margin must be at least 1 (the region lies in the picture), got {margin}")
    return max(1, int(min(height, width) / margin + 0.5))


def _resized_region(picture, region, size):
    # Cut before the resize: Pillow's own box= reads the neighbours of the box, which are not in the region.
    top, left, bottom, right = region
    return resize(picture[top:bottom, left:right], size, size)

"""What is known of a region: its size, its box, its neighbours, and how often each colour and texture occurs in it.

All of it is counted in integers, so what is known of two regions joined is exactly what would be counted in them.
"""

import math
from typing import NamedTuple

import numpy as np

from minispp.detection.selective_search.segmentation import correlate, planes
from minispp.kernels.cpu.compiler import compiled

COLOUR_BINS = 25  # a channel
TEXTURE_BINS = 10  # a channel and direction
STEEPEST = 255 / math.sqrt(2 * math.pi)  # what the derivative of a Gaussian of sigma 1 finds at an edge from 0 to 255


class Regions(NamedTuple):
    """n regions of an image of C channels.

    size : int32 (n,), in pixels
    boxes : int32 (n, 4), (top, left, bottom, right), half-open
    colour : int32 (n, C * 25), how many pixels lie in each bin of each channel
    texture : int32 (n, C * 8 * 10), the same for each channel and direction
    pairs : int32 (P, 2), the regions that touch, at a corner at least; lower number first, each pair once
    """

    size: np.ndarray
    boxes: np.ndarray
    colour: np.ndarray
    texture: np.ndarray
    pairs: np.ndarray


def describe(labels, image, bins=None):
    """The regions of a segmentation.

    Parameters
    ----------
    labels : int32 array (H, W)
        From `segment`.
    image : uint8 array (H, W, C)
        In the colour space that is to tell how alike regions are.
    bins : uint8 array (H, W, C * 5), optional
        ``pixel_bins(image)``, if it is there already.

    Returns
    -------
    Regions

    Examples
    --------
    >>> image = np.array([[[0], [9], [255]]], np.uint8)
    >>> regions = describe(np.array([[0, 0, 1]], np.int32), image)
    >>> regions.size.tolist(), regions.boxes.tolist(), regions.pairs.tolist()
    ([2, 1], [[0, 0, 1, 2], [0, 2, 1, 3]], [[0, 1]])
    >>> regions.colour[:, [0, 24]].tolist()
    [[2, 0], [0, 1]]
    """
    labels = np.ascontiguousarray(labels)
    count = int(labels.max()) + 1
    if bins is None:
        bins = pixel_bins(image)
    size, boxes = _sizes_and_boxes(labels, count)
    colour, signed = _count(labels, bins, count)
    return Regions(size, boxes, colour, _unfold(signed, size), _touching(labels, count))


def pixel_bins(image):
    """The bins that each pixel falls into: uint8 (H, W, C * 5), for each channel one of colour and four of texture.

    Colour: ``floor(25 v / 256)``. Texture: with the derivatives ``gx, gy`` of the channel under a Gaussian of sigma 1,
    for the directions ``t`` of 0, 45, 90 and 135 degrees

        r = gx cos t + gy sin t,     9 + sign(r) min(9, floor(10 |r| / STEEPEST)).

    A negative r is a positive one in the opposite direction, so four signed numbers hold all eight directions.
    """
    channels = planes(image)
    x = np.arange(-3, 4)
    gauss = np.exp(-0.5 * x**2)
    gauss /= gauss.sum()
    slope = gauss * x  # correlated with a ramp of slope 1 it gives 1
    slope /= (slope * x).sum()
    gauss, slope = gauss.astype(np.float32), slope.astype(np.float32)
    return _bins(np.ascontiguousarray(image), correlate(channels, gauss, slope), correlate(channels, slope, gauss))


@compiled(nogil=True)
def _bins(image, gx, gy):
    height, width, channels = image.shape
    bins = np.empty((height, width, channels * 5), np.uint8)
    factor, diagonal = np.float32(TEXTURE_BINS / STEEPEST), np.float32(math.sqrt(0.5))
    for i in range(height):
        for j in range(width):
            for c in range(channels):
                x, y = gx[c, i, j] * factor, gy[c, i, j] * factor
                bins[i, j, 5 * c] = np.int32(image[i, j, c]) * COLOUR_BINS >> 8
                bins[i, j, 5 * c + 1] = _signed_bin(x)
                bins[i, j, 5 * c + 2] = _signed_bin((x + y) * diagonal)
                bins[i, j, 5 * c + 3] = _signed_bin(y)
                bins[i, j, 5 * c + 4] = _signed_bin((y - x) * diagonal)
    return bins


@compiled(nogil=True)
def _signed_bin(response):
    most = TEXTURE_BINS - 1
    return most + min(max(np.int32(response), -most), most)


@compiled(nogil=True)
def _sizes_and_boxes(labels, count):
    height, width = labels.shape
    size, boxes = np.zeros(count, np.int32), np.empty((count, 4), np.int32)
    boxes[:, 0], boxes[:, 1], boxes[:, 2:] = height, width, 0
    for i in range(height):
        for j in range(width):
            region = labels[i, j]
            size[region] += 1
            box = boxes[region]
            box[0], box[1] = min(box[0], i), min(box[1], j)
            box[2], box[3] = max(box[2], i + 1), max(box[3], j + 1)
    return size, boxes


@compiled(nogil=True)
def _count(labels, bins, count):
    """Colours (count, C * 25), and textures by signed bin, (count, C * 4, 19)."""
    height, width, channels = bins.shape[0], bins.shape[1], bins.shape[2] // 5
    colour = np.zeros((count, channels * COLOUR_BINS), np.int32)
    texture = np.zeros((count, channels * 4, 2 * TEXTURE_BINS - 1), np.int32)
    for i in range(height):
        for j in range(width):
            region = labels[i, j]
            for c in range(channels):
                colour[region, c * COLOUR_BINS + bins[i, j, 5 * c]] += 1
                for direction in range(4):
                    texture[region, 4 * c + direction, bins[i, j, 5 * c + 1 + direction]] += 1
    return colour, texture


def _unfold(signed, size):
    """Signed bins of four directions (n, C * 4, 19) -> bins of eight, (n, C * 8 * 10).

    A pixel with a negative response has a response of 0 in the direction itself, and so counts in its first bin.
    """
    n, directions, _ = signed.shape
    texture = np.empty((n, directions // 4, 2, 4, TEXTURE_BINS), np.int32)
    signed = signed.reshape(n, -1, 4, 2 * TEXTURE_BINS - 1)
    texture[:, :, 0, :, 1:] = signed[..., TEXTURE_BINS:]
    texture[:, :, 1, :, 1:] = signed[..., TEXTURE_BINS - 2 :: -1]
    texture[..., 0] = size[:, None, None, None] - texture[..., 1:].sum(axis=-1)
    return texture.reshape(n, -1)


def _touching(labels, count):
    """Pairs of regions with pixels that are among each other's eight neighbours."""
    return _distinct(*_borders(labels), count)


@compiled(nogil=True)
def _borders(labels):
    """The two labels, lower first, of every two neighbours that differ; a pair met twice in a row is written once."""
    height, width = labels.shape
    low, high = np.empty(4 * labels.size, np.int32), np.empty(4 * labels.size, np.int32)
    found = 0
    for i in range(height):
        for direction in range(4):
            below, aside = (0 if direction == 0 else 1), (1, -1, 0, 1)[direction]
            if i + below == height:
                continue
            before = found
            for j in range(max(0, -aside), min(width, width - aside)):
                a, b = labels[i, j], labels[i + below, j + aside]
                if a != b:
                    a, b = min(a, b), max(a, b)
                    if found == before or low[found - 1] != a or high[found - 1] != b:
                        low[found], high[found] = a, b
                        found += 1
    return low[:found].copy(), high[:found].copy()


@compiled(nogil=True)
def _distinct(low, high, count):
    """Each pair once, by rising lower number: gathered by it, then marked."""
    starts = np.zeros(count + 2, np.int64)
    for a in low:
        starts[a + 2] += 1
    starts = np.cumsum(starts)
    gathered = np.empty(len(low), np.int32)
    for k in range(len(low)):
        gathered[starts[low[k] + 1]] = high[k]
        starts[low[k] + 1] += 1
    pairs, found = np.empty((len(low), 2), np.int32), 0
    met = np.full(count, -1, np.int32)  # the last region that each was found beside
    for a in range(count):
        for k in range(starts[a], starts[a + 1]):
            b = gathered[k]
            if met[b] != a:
                met[b] = a
                pairs[found, 0], pairs[found, 1] = a, b
                found += 1
    return pairs[:found].copy()

"""What is counted in regions, against loops over their pixels."""

import draw
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minispp.detection.selective_search import describe, pixel_bins

STEEPEST = 255 / np.sqrt(2 * np.pi)


def naive_responses(image):
    """Derivatives along 0, 45, 90 and 135 degrees, (4, H, W, C), from the definition."""
    height, width, channels = image.shape
    gauss = {d: np.exp(-d * d / 2) for d in range(-3, 4)}
    slope = {d: d * gauss[d] for d in gauss}
    gauss_sum, slope_sum = sum(gauss.values()), sum(d * slope[d] for d in slope)
    gx, gy = np.zeros(image.shape), np.zeros(image.shape)
    for i, j, c in np.ndindex(height, width, channels):
        for di in gauss:
            for dj in gauss:
                pixel = float(image[min(max(i + di, 0), height - 1), min(max(j + dj, 0), width - 1), c])
                gx[i, j, c] += gauss[di] / gauss_sum * slope[dj] / slope_sum * pixel
                gy[i, j, c] += slope[di] / slope_sum * gauss[dj] / gauss_sum * pixel
    return np.array([gx * np.cos(t) + gy * np.sin(t) for t in np.pi / 4 * np.arange(4)])


@st.composite
def labelled(draw_, largest=8):
    """An image and labels 0..n-1, all in use, without order or shape: nothing of that is assumed."""
    height, width, channels = (draw_(st.integers(1, most)) for most in (largest, largest + 1, 3))
    rng = np.random.default_rng(draw_(draw.seeds))
    image = rng.integers(0, draw_(st.sampled_from((3, 256))), (height, width, channels)).astype(np.uint8)
    labels = rng.integers(0, draw_(st.integers(1, 6)), (height, width))
    labels = np.unique(labels, return_inverse=True)[1].reshape(height, width).astype(np.int32)
    return draw.lay_out(labels, draw_(st.sampled_from(draw.LAYOUTS))), image


def naive_histograms(mask, bins):
    """Colours (C, 25) and textures (C, 8, 10) of the pixels in a mask."""
    channels = bins.shape[2] // 5
    colour, texture = np.zeros((channels, 25), int), np.zeros((channels, 8, 10), int)
    for pixel in bins[mask].astype(int):
        for c in range(channels):
            own = pixel[5 * c : 5 * c + 5]
            colour[c, own[0]] += 1
            for direction in range(8):  # the second four are the first four, turned round
                response = own[1 + direction % 4] - 9
                texture[c, direction, max(response if direction < 4 else -response, 0)] += 1
    return colour, texture


@given(draw.seeds, st.integers(1, 7), st.integers(1, 8), st.integers(1, 3), st.booleans())
def test_bins(seed, height, width, channels, extreme):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, channels)).astype(np.uint8)
    if extreme:
        image = np.where(image > 127, 255, 0).astype(np.uint8)
    bins = pixel_bins(image).astype(int).reshape(height, width, channels, 5)
    np.testing.assert_array_equal(bins[..., 0], image.astype(int) * 25 // 256)
    for direction, response in enumerate(naive_responses(image)):
        tenths = 10 * np.abs(response) / STEEPEST
        expected = 9 + np.sign(response).astype(int) * np.minimum(tenths.astype(int), 9)
        clear = np.abs(tenths - np.rint(tenths)) > 1e-4  # elsewhere rounding may decide
        np.testing.assert_array_equal(bins[..., 1 + direction][clear], expected[clear])


def test_the_steepest_edge():
    """From black to white down the middle: the last bin along it, the first across, and diagonals between."""
    image = np.zeros((9, 20, 1), np.uint8)
    image[:, 10:] = 255
    edge = pixel_bins(image)[4, 9:11].astype(int)
    assert (edge[:, 1] > 17).all() and (edge[:, 3] == 9).all()
    assert (edge[:, 2] == edge[0, 2]).all() and (edge[:, 2] + edge[:, 4] == 18).all() and 9 < edge[0, 2] < edge[0, 1]


@given(labelled())
def test_regions(case):
    labels, image = case
    bins = pixel_bins(image)
    regions = describe(labels, image)
    neighbours = set()
    height, width = labels.shape
    for i, j in np.ndindex(labels.shape):
        for k in range(max(i - 1, 0), min(i + 2, height)):
            for m in range(max(j - 1, 0), min(j + 2, width)):
                if labels[i, j] < labels[k, m]:
                    neighbours.add((int(labels[i, j]), int(labels[k, m])))
    assert len(regions.size) == len(regions.boxes) == labels.max() + 1
    for region in range(labels.max() + 1):
        rows, columns = np.nonzero(labels == region)
        assert regions.size[region] == len(rows)
        assert regions.boxes[region].tolist() == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        colour, texture = naive_histograms(labels == region, bins)
        np.testing.assert_array_equal(regions.colour[region], colour.reshape(-1))
        np.testing.assert_array_equal(regions.texture[region], texture.reshape(-1))
    assert len(regions.pairs) == len(neighbours) and {tuple(pair) for pair in regions.pairs.tolist()} == neighbours


@given(labelled())
def test_joined_is_recounted(case):
    """The sum of two histograms is the histogram of both regions: nothing is lost to rounding."""
    labels, image = case
    apart, together = describe(labels, image), describe(np.maximum(labels - 1, 0), image)
    first = min(2, len(apart.size))  # the first two, or the only one
    for name in ("size", "colour", "texture"):
        counts = getattr(apart, name)
        np.testing.assert_array_equal(getattr(together, name)[0], counts[:first].sum(axis=0))
        np.testing.assert_array_equal(getattr(together, name)[1:], counts[first:])

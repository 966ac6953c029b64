"""Graph-based segmentation against the definition: components as sets, weights compared as fractions."""

from fractions import Fraction

import draw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.detection.selective_search import components, segment, smooth, sorted_edges

AFTER = ((0, 1), (1, -1), (1, 0), (1, 1))  # the neighbours that come after a pixel


def naive_smooth(image, sigma):
    """Each pixel the mean of all within reach, weighted by a Gaussian of rows times one of columns."""
    height, width, channels = image.shape
    reach = int(np.ceil(3 * sigma))
    offsets = range(-reach, reach + 1)
    gauss = {d: np.exp(-(d * d) / (2 * sigma * sigma)) if sigma else 1.0 for d in offsets}
    total = sum(gauss.values())
    out = np.zeros((channels, height, width))
    for c, i, j in np.ndindex(out.shape):
        for di in offsets:
            for dj in offsets:
                pixel = image[min(max(i + di, 0), height - 1), min(max(j + dj, 0), width - 1), c]
                out[c, i, j] += gauss[di] * gauss[dj] / total**2 * pixel
    return out


def naive_edges(planes):
    """(weight, pixel, direction, other pixel) of all edges, in order."""
    _, height, width = planes.shape
    edges = []
    for direction, (di, dj) in enumerate(AFTER):
        for i, j in np.ndindex(height, width):
            if i + di < height and 0 <= j + dj < width:
                square = np.float32(0)
                for here, there in zip(planes[:, i, j], planes[:, i + di, j + dj], strict=True):
                    square += (here - there) * (here - there)
                edges.append((int(128 * float(np.sqrt(square))), (i, j), direction, (i + di, j + dj)))
    return sorted(edges)


def naive_segment(planes, scale, min_size):
    """Felzenszwalb and Huttenlocher's algorithm: every pixel knows the set that it is in."""
    _, height, width = planes.shape
    of = {pixel: frozenset([pixel]) for pixel in np.ndindex(height, width)}
    inner = dict.fromkeys(of.values(), Fraction(0))  # Int(C), in grey levels

    def join(a, b, weight):
        union = a | b
        inner[union] = weight
        of.update(dict.fromkeys(union, union))

    edges = [(Fraction(weight, 128), p, q) for weight, p, _, q in naive_edges(planes)]
    for weight, p, q in edges:
        a, b = of[p], of[q]
        if a != b and all(weight <= inner[c] + Fraction(scale) / len(c) for c in (a, b)):
            join(a, b, weight)
    for weight, p, q in edges:
        if of[p] != of[q] and min(len(of[p]), len(of[q])) < min_size:
            join(of[p], of[q], weight)
    numbers = {}
    return np.array([[numbers.setdefault(of[i, j], len(numbers)) for j in range(width)] for i in range(height)])


@st.composite
def images(draw_, largest=9):
    """Noise, steps, or few values so that many edges weigh the same; in any layout."""
    height, width, channels = (draw_(st.integers(1, most)) for most in (largest, largest + 1, 3))
    rng = np.random.default_rng(draw_(draw.seeds))
    image = rng.integers(0, draw_(st.sampled_from((2, 9, 256))), (height, width, channels))
    if draw_(st.booleans()):
        image[:, width // 2 :] = 255 - image[:, width // 2 :]
    return draw.lay_out(image.astype(np.uint8), draw_(st.sampled_from(draw.LAYOUTS)))


@given(images(6), st.sampled_from((0, 0.5, 0.8, 1.3)))
def test_smooth(image, sigma):
    found = smooth(image, sigma)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, naive_smooth(image, sigma), rtol=1e-5, atol=1e-4)


@given(images(), st.sampled_from((0, 0.8)))
def test_edges(image, sigma):
    """All of them, each once, by weight, then by pixel, then by direction."""
    expected = naive_edges(smooth(image, sigma))
    edges, weights = sorted_edges(image, sigma)
    assert edges.tolist() == [4 * (i * image.shape[1] + j) + direction for _, (i, j), direction, _ in expected]
    assert weights.tolist() == [weight for weight, *_ in expected]


@given(
    images(), st.sampled_from((0, 0.8)), st.sampled_from((0, 1, 30.3, 150, 2000)), st.sampled_from((0, 1, 2, 5, 1000))
)
def test_segmentation(image, sigma, scale, min_size):
    found = segment(image, scale, sigma, min_size)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, naive_segment(smooth(image, sigma), scale, min_size))


def test_edges_serve_all_scales():
    """They come out of `components` as they went in."""
    image = np.random.default_rng(3).integers(0, 256, (11, 13, 3)).astype(np.uint8)
    edges = sorted_edges(image)
    counts = []
    for scale in (5, 50, 500):
        labels = components(*edges, image.shape[:2], scale, 2)
        np.testing.assert_array_equal(labels, segment(image, scale, 0.8, 2))
        counts.append(labels.max())
    assert counts[0] > counts[1] > counts[2]


def test_the_heaviest_edge():
    """Black beside white is the longest distance that there is, and has a weight of its own."""
    image = np.array([[[0] * 3, [255] * 3, [255, 255, 254]]], np.uint8)
    edges, weights = sorted_edges(image, sigma=0)
    assert edges.tolist() == [4, 0] and weights.tolist() == [128, int(128 * 255 * 3**0.5)]


def test_a_pattern_within_a_region():
    """The authors' figure 2 in small: a step of 30 is a border, and noise of 40 beside it is one region."""
    image = np.zeros((20, 30, 1), np.uint8)
    image[:, 10:] = 30
    image[:, 20:] = 100 + 40 * (np.add.outer(np.arange(20), np.arange(10)) % 2)[..., None]
    labels = segment(image, scale=5000, sigma=0, min_size=1)
    np.testing.assert_array_equal(labels, np.tile(np.arange(30) // 10, (20, 1)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (70, 1), (2, 3)])
def test_flat_is_one_region(shape):
    assert not segment(np.full((*shape, 3), 77, np.uint8), scale=0).any()


@pytest.mark.parametrize("shape", [(3, 3), (3, 3, 4), (0, 3, 3), (3, 3, 0)])
def test_what_is_not_an_image(shape):
    with pytest.raises(ValueError, match=r"expected a uint8 image \(H, W, C\)"):
        segment(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="got float64"):
        segment(np.zeros((3, 3, 3)))


@pytest.mark.parametrize("wrong", [{"scale": -1}, {"sigma": -0.1}, {"scale": np.nan}, {"sigma": np.nan}])
def test_wrong_settings(wrong):
    with pytest.raises(ValueError, match=f"expected .*{next(iter(wrong))}.* got {next(iter(wrong.values()))}"):
        segment(np.zeros((3, 3, 3), np.uint8), **wrong)

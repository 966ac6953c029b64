"""Colour spaces against the standard library's, and against CIE's formulas in float64."""

import colorsys

import draw
import numpy as np
import pytest
from hypothesis import given

from minispp.detection.selective_search import SPACES, to_colour

CORNERS = np.stack(np.meshgrid(*[[0, 1, 10, 127, 128, 254, 255]] * 3, indexing="ij"), axis=-1).reshape(7, 49, 3)


def pictures(seed):
    """Random colours, and all the corners of the cube and greys."""
    rng = np.random.default_rng(seed)
    return np.concatenate([CORNERS, rng.integers(0, 256, (5, 49, 3))]).astype(np.uint8)


@given(draw.seeds)
def test_hsv(seed):
    picture = pictures(seed)
    found = to_colour(picture, "hsv")
    for pixel, (h, s, v) in zip(picture.reshape(-1, 3).tolist(), found.reshape(-1, 3).tolist(), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(x / 255 for x in pixel))
        assert v == max(pixel) == round(255 * value)
        assert s == int(255 * saturation + 1e-9)
        assert h == int(256 * hue + 1e-9) % 256
    np.testing.assert_array_equal(to_colour(picture, "h"), found[..., :1])


def naive_lab(pixel):
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in (v / 255 for v in pixel)]
    xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    fx, fy, fz = (
        t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29
        for t in xyz @ linear / np.array([0.95047, 1.0, 1.08883])
    )
    return 2.55 * (116 * fy - 16), 500 * (fx - fy) + 128, 200 * (fy - fz) + 128


@given(draw.seeds)
def test_lab(seed):
    picture = pictures(seed)
    found = to_colour(picture, "lab").astype(int)
    exact = np.array([naive_lab(pixel) for pixel in picture.reshape(-1, 3).tolist()]).reshape(found.shape)
    assert np.abs(found - exact).max() < 0.75  # half for rounding, the rest for the table near black


def test_lab_of_greys():
    greys = to_colour(np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2), "lab")[0]
    assert (greys[:, 1:] == 128).all() and greys[0, 0] == 0 and greys[-1, 0] == 255
    assert (np.diff(greys[:, 0].astype(int)) >= 0).all()


@given(draw.seeds)
def test_shares_and_intensity(seed):
    picture = pictures(seed)
    found = to_colour(picture, "rgi")
    for pixel, values in zip(picture.reshape(-1, 3).tolist(), found.reshape(-1, 3).tolist(), strict=True):
        total = sum(pixel)
        assert values == [
            255 * pixel[0] // total if total else 85,
            255 * pixel[1] // total if total else 85,
            total // 3,
        ]
    np.testing.assert_array_equal(to_colour(picture, "i"), found[..., 2:])


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("layout", draw.LAYOUTS)
def test_layouts(space, layout):
    picture = pictures(1)
    found = to_colour(draw.lay_out(picture, layout), space)
    np.testing.assert_array_equal(found, to_colour(picture, space))
    assert found.dtype == np.uint8 and found.shape[:2] == picture.shape[:2]


def test_unknown_space():
    with pytest.raises(ValueError, match="expected a space of .*hsv.*, got 'yuv'"):
        to_colour(np.zeros((1, 1, 3), np.uint8), "yuv")

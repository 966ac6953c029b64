import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minispp.data.augment import View, centre_view, five_regions, resize, resize_min_side

PLAIN = {"flip": False, "gain": 0, "channel_gain": 0}
sides = st.integers(1, 60)


def smooth(height, width):
    """Values that tell the place: rows in the first channel, columns in the second."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, :, 0] = np.linspace(0, 250, height).round()[:, None]
    picture[:, :, 1] = np.linspace(0, 250, width).round()
    picture[:, :, 2] = 99
    return picture


class TestRegions:
    def test_the_papers_five(self):
        # shorter side 256, longer 341: squares of 224
        assert five_regions(256, 341).tolist() == [
            [16, 58, 240, 282], [0, 0, 224, 224], [0, 117, 224, 341], [32, 0, 256, 224], [32, 117, 256, 341],
        ]  # fmt: skip

    @settings(deadline=None)
    @given(sides, sides, st.floats(1, 4), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
    @example(1, 1, 4.0, 0.0, np.nextafter(1, 0))
    @example(49, 60, 1.15, np.nextafter(1, 0), np.nextafter(1, 0))
    def test_square_inside_of_the_right_side(self, height, width, margin, a, b):
        side = max(1, np.floor(min(height, width) / margin + 0.5))
        chosen = [View(margin, positions).region(height, width, a, b) for positions in ("random", "corners")]
        for top, left, bottom, right in [*chosen, *five_regions(height, width, margin)]:
            assert bottom - top == right - left == side
            assert 0 <= top
            assert 0 <= left
            assert bottom <= height
            assert right <= width

    def test_random_positions_reach_every_place_equally(self):
        rng = np.random.default_rng(0)
        view = View(margin=2)
        starts = np.array([view.region(6, 8, *rng.random(2))[:2] for _ in range(4000)])
        # side 3: tops 0..3, lefts 0..5, each with equal chance
        for axis, places in ((0, 4), (1, 6)):
            counts = np.bincount(starts[:, axis], minlength=places)
            assert len(counts) == places
            np.testing.assert_allclose(counts / 4000, 1 / places, atol=0.03)

    def test_corner_positions_are_the_five_equally(self):
        rng = np.random.default_rng(0)
        view = View(margin=2, positions="corners")
        drawn = [view.region(6, 8, *rng.random(2)) for _ in range(4000)]
        five = [tuple(row) for row in five_regions(6, 8, 2).tolist()]
        assert set(drawn) == set(five)
        np.testing.assert_allclose([drawn.count(row) / 4000 for row in five], 0.2, atol=0.03)

    @pytest.mark.parametrize("bad", [(0, 5, 1.1), (5, 0, 1.1), (5, 5, 0.99), (5, 5, np.nan)])
    def test_errors(self, bad):
        with pytest.raises(ValueError, match="region"):
            five_regions(*bad)


class TestView:
    def test_smaller_size_is_the_same_region_resized_not_a_smaller_crop(self):
        picture = smooth(256, 341)
        for positions in ("random", "corners"):
            view = View(positions=positions, **PLAIN)
            for seed in range(5):
                large, small = (view(picture, size, np.random.default_rng(seed)) for size in (224, 180))
                # both show the same span of rows and columns; a 180 crop would lose a fifth of it
                for channel in (0, 1):
                    np.testing.assert_allclose(
                        [small[..., channel].min(), small[..., channel].max()],
                        [large[..., channel].min(), large[..., channel].max()],
                        atol=2,
                    )
                np.testing.assert_allclose(small.astype(int), resize(large, 180, 180), atol=2)

    def test_size_of_the_region_unresized_is_the_region_itself(self):
        picture = np.random.default_rng(1).integers(0, 256, (256, 300, 3), np.uint8)
        view = View(**PLAIN)
        top, left, bottom, right = view.region(256, 300, *np.random.default_rng(3).random(2))
        np.testing.assert_array_equal(view(picture, 224, np.random.default_rng(3)), picture[top:bottom, left:right])

    def test_nothing_outside_the_region_is_seen(self):
        inside = np.full((40, 60, 3), 120, np.uint8)
        top, left, bottom, right = five_regions(40, 60, 1.15)[0]
        outside = np.full((40, 60, 3), 255, np.uint8)
        outside[top:bottom, left:right] = inside[top:bottom, left:right]
        for size in (16, 35, 70):
            assert (centre_view(outside, size, 1.15) == 120).all()

    def test_same_generator_same_bits_and_the_same_use_of_it(self):
        picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
        for view in (View(), View(positions="corners"), View(**PLAIN)):
            first, second = np.random.default_rng(4), np.random.default_rng(4)
            np.testing.assert_array_equal(view(picture, 32, first), view(picture, 32, second))
            view(picture, 48, first), View()(picture, 24, second)
            assert first.random() == second.random()

    def test_flip_half_of_the_time(self):
        picture = smooth(20, 20)
        view = View(margin=1, flip=True, gain=0, channel_gain=0)
        rng = np.random.default_rng(0)
        flipped = 0
        for _ in range(400):
            out = view(picture, 20, rng)
            mirrored = out[0, 0, 1] > out[0, -1, 1]
            np.testing.assert_array_equal(out, picture[:, ::-1] if mirrored else picture)
            flipped += mirrored
        assert 160 < flipped < 240

    def test_gains(self):
        picture = np.full((10, 12, 3), 100, np.uint8)
        rng = np.random.default_rng(0)
        view = View(flip=False, gain=0.2, channel_gain=0)
        outs = np.array([view(picture, 4, rng)[0, 0] for _ in range(500)]).astype(int)
        assert (outs == outs[:, :1]).all()  # one gain for all channels
        assert outs.min() in range(80, 83)
        assert outs.max() in range(118, 121)
        view = View(flip=False, gain=0, channel_gain=0.1)
        outs = np.array([view(picture, 4, rng)[0, 0] for _ in range(500)]).astype(int)
        assert outs.min() in range(90, 92)
        assert outs.max() in range(109, 111)
        assert abs(np.corrcoef(outs.T)[0, 1]) < 0.15  # each channel its own
        assert abs(outs.mean() - 100) < 1

    def test_gains_clip_and_do_not_wrap(self):
        picture = np.full((10, 12, 3), 250, np.uint8)
        rng = np.random.default_rng(0)
        outs = np.array([View(gain=0.5)(picture, 3, rng) for _ in range(100)])
        assert outs.max() == 255
        assert outs.min() >= 250 * 0.5 * 0.9 - 1

    def test_result_is_contiguous_bytes(self):
        for view in (View(), View(**PLAIN), View(gain=0, channel_gain=0)):
            for seed in range(4):
                out = view(smooth(30, 50), 17, np.random.default_rng(seed))
                assert out.dtype == np.uint8
                assert out.shape == (17, 17, 3)
                assert out.flags.c_contiguous
                assert out.flags.writeable

    def test_read_only_and_strided_pictures(self):
        picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
        strided = np.asfortranarray(picture)
        picture.flags.writeable = False
        a, b = (View()(p, 20, np.random.default_rng(0)) for p in (picture, strided))
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(resize(picture[:, ::-2], 7, 9), resize(picture[:, ::-2].copy(), 7, 9))

    def test_one_pixel(self):
        assert (
            View(**PLAIN)(np.full((1, 9, 3), 5, np.uint8), 6, np.random.default_rng(0)).tolist() == [[[5] * 3] * 6] * 6
        )

    @pytest.mark.parametrize(
        "bad", [{"margin": 0.5}, {"positions": "corner"}, {"gain": 1}, {"gain": -0.1}, {"channel_gain": np.nan}]
    )
    def test_errors(self, bad):
        with pytest.raises(ValueError, match=next(iter(bad))):
            View(**bad)

    def test_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            View().margin = 2


class TestResize:
    def test_bilinear_values(self):
        # halves of two rows: 0 and 100 at the pixel centres, a quarter and three quarters between them
        picture = np.array([[[0] * 3], [[100] * 3]], np.uint8)
        assert resize(picture, 4, 1)[:, 0, 0].tolist() == [0, 25, 75, 100]

    def test_height_and_width_are_not_swapped(self):
        out = resize(smooth(20, 30), 12, 7)
        assert out.shape == (12, 7, 3)
        assert (np.diff(out[:, :, 0].astype(int), axis=0) > 0).all()
        assert (np.diff(out[:, :, 1].astype(int), axis=1) > 0).all()

    def test_shrinking_averages(self):
        # columns 0 and 255 by turns: plain interpolation would pick some of them, the average is 127.5
        picture = np.zeros((16, 64, 3), np.uint8)
        picture[:, ::2] = 255
        assert abs(resize(picture, 4, 8).astype(int) - 127).max() <= 6

    def test_own_size_is_a_copy(self):
        picture = smooth(6, 9)
        out = resize(picture, 6, 9)
        np.testing.assert_array_equal(out, picture)
        assert not np.shares_memory(out, picture)

    @pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0, 3), (5, 5), (5, 5, 4), (2, 5, 5, 3)])
    def test_not_a_picture(self, shape):
        with pytest.raises(ValueError, match=r"expected a uint8 picture \(H, W, 3\)"):
            resize(np.zeros(shape, np.uint8), 4, 4)

    def test_other_types_and_sizes(self):
        with pytest.raises(ValueError, match="float64"):
            resize(np.zeros((5, 5, 3)), 4, 4)
        for size in ((0, 4), (4, -1)):
            with pytest.raises(ValueError, match="at least 1"):
                resize(np.zeros((5, 5, 3), np.uint8), *size)


class TestResizeMinSide:
    @settings(deadline=None)
    @given(sides, sides, st.integers(1, 50))
    @example(3, 5, 3)
    @example(60, 1, 7)
    def test_aspect_to_the_nearest_pixel(self, height, width, side):
        out = resize_min_side(np.zeros((height, width, 3), np.uint8), side)
        assert min(out.shape[:2]) == side
        scale = side / min(height, width)
        assert abs(out.shape[0] - height * scale) <= 0.5 + 1e-9
        assert abs(out.shape[1] - width * scale) <= 0.5 + 1e-9

    def test_halves_round_up(self):
        assert resize_min_side(np.zeros((2, 3, 3), np.uint8), 1).shape == (1, 2, 3)
        assert resize_min_side(np.zeros((5, 2, 3), np.uint8), 1).shape == (3, 1, 3)

    def test_a_thread_of_pixels_does_not_grow_without_bound(self):
        with pytest.raises(ValueError, match="1 x 9000"):
            resize_min_side(np.zeros((1, 9000, 3), np.uint8), 224)

    def test_errors(self):
        for picture, side in ((np.zeros((5, 6, 3), np.uint8), 0), (np.zeros((0, 6, 3), np.uint8), 4)):
            with pytest.raises(ValueError, match="resize"):
                resize_min_side(picture, side)

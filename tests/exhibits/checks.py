"""Room 11: tests that cannot fail, each with a bug that it lets through.

They were found beside the bugs of the other rooms, and are the reason why those lived so long.
"""

import box_properties
import naive
import numpy as np
import properties

from exhibits import convolution, geometry, overlaps, pooling
from minispp.kernels import reference

CHECKS = []


def lets_through(broken, holds):
    """Hang a check: it accepts `broken`, which the property `holds` rejects."""

    def hang(check):
        CHECKS.append((check, broken, holds))
        return check

    return hang


@lets_through(pooling.maximum_from_zero, properties.windows_keep_their_maximum)
def the_comparison_is_dropped(window_max):
    """A helper compares, and forgets to say what it found."""
    x = -pooling.POSITIVE
    np.array_equal(window_max(x, pooling.WINDOWS)[0], naive.window_max(x, pooling.WINDOWS)[0])


@lets_through(pooling.maximum_from_zero, properties.windows_keep_their_maximum)
def compared_with_itself(window_max):
    """``assert A == A``."""
    y, _ = window_max(-pooling.POSITIVE, pooling.WINDOWS)
    assert np.array_equal(y, y)


@lets_through(lambda x, levels: 0 * pooling.whole_map_spp(x, levels), properties.vectors_have_one_length)
def shapes_where_values_were_meant(spp):
    """Every size gives the same length. Of zeros, here."""
    for height, width in ((13, 13), (10, 13), (7, 3)):
        assert spp(np.ones((2, height, width, 3)), (3, 2, 1)).shape == (2, 14 * 3)


@lets_through(geometry.kernel_from_the_height, properties.windows_are_split)
def square_maps_only(split):
    for size in range(1, 20):
        assert split([[0, 0, 0, size, size]], 3, 3).tolist() == naive.split([[0, 0, 0, size, size]], 3, 3)


@lets_through(pooling.images_taken_for_windows, properties.windows_keep_their_maximum)
def as_many_windows_as_images(window_max):
    table = pooling.IN_ORDER
    assert np.array_equal(window_max(pooling.POSITIVE, table)[0], naive.window_max(pooling.POSITIVE, table)[0])


@lets_through(geometry.float32_bin_width, properties.bins_cover_the_axis)
def an_oracle_with_the_same_rounding(bin_edges):
    """The expected edges are computed by the formula under test, so they are wrong together."""
    for size in range(1, 100):
        width = np.float32(size) / np.float32(7)
        k = np.arange(7, dtype=np.float32)
        assert np.array_equal(bin_edges(size, 7), np.stack([np.floor(k * width), np.ceil((k + 1) * width)], axis=1))


def one_part_in_a_thousand(dy, x, w, stride, pad):
    """A gradient that is almost right."""
    dx, dw, db = reference.conv2d_backward(dy, x, w, stride, pad)
    return dx, 1.001 * dw, db


@lets_through(one_part_in_a_thousand, properties.filters_send_back)
def one_index_at_one_percent(conv2d_backward):
    """Central differences at a single index, with a tolerance of 1e-2."""
    x, w = convolution.MAPS / 9, convolution.FILTERS / 9
    dy = np.ones((2, 6, 6, 5))
    step = np.zeros_like(w)
    step[1, 2, 0, 3] = 1e-5
    up, down = (reference.conv2d(x, w + s, 0 * convolution.BIAS, 1, 1).sum() for s in (step, -step))
    analytic = conv2d_backward(dy, x, w, 1, 1)[1][1, 2, 0, 3]
    assert abs(analytic - (up - down) / 2e-5) < 1e-2 * max(1, abs(analytic))


@lets_through(convolution.filters_turned, properties.filters_correlate)
def a_gradient_check_of_a_wrong_forward(conv2d):
    """The slope of the wrong function, found to be the slope of that function: the forward needs its own oracle."""
    x, w, b = convolution.MAPS, convolution.FILTERS, convolution.BIAS
    y = conv2d(x, w, b, 1, 1)
    db = np.ones_like(y).sum(axis=(0, 1, 2))
    slope = naive.numeric_gradient(lambda b: conv2d(x, w, b, 1, 1).sum(), b)
    assert np.allclose(db, slope, rtol=1e-6)


@lets_through(overlaps.one_pixel_off, box_properties.mirrored_boxes_hold_the_same)
def mirrored_twice(flip):
    """There and back again: an error that undoes itself."""
    rows = np.array([[0, 2, 5, 7], [1, 0, 9, 10]])
    assert np.array_equal(flip(flip(rows, 10), 10), rows)


@lets_through(overlaps.one_added_to_half_open_boxes, box_properties.whole_boxes_share_pixels)
def an_oracle_with_the_same_one_added(iou):
    """The IoU of a shifted box, expected by the formula under test."""
    side, shift = 9, 3
    expected = (side - shift + 1) * (side + 1) / (2 * (side + 1) ** 2 - (side - shift + 1) * (side + 1))
    assert np.isclose(iou([[0, 0, side, side]], [[0, shift, side, side + shift]])[0, 0], expected)

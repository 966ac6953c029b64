"""Rooms 11 to 14: the scale of a window, its place in the resized picture, the mirror, and its features."""

import describing
import numpy as np
import tiny

from exhibits.room import Room
from minispp.boxes import area
from minispp.data.augment import resize
from minispp.detection import describe as ours
from minispp.fields import box_to_cells

# ---------------------------------------------------------------------------------------------------
# Room 11: the scale at which a window is nearest to the size that the net knows

scales = Room(describing.boxes_take_the_nearest_scale, ours.scale_of)

CLEAR = [[0, 0, 80, 80], [0, 0, 490, 600], [20, 30, 120, 190]], (500, 667, 3), (480, 688, 1200)
SMALL = [[0, 0, 30, 30], [1, 2, 40, 31]], (50, 60, 3), (30, 97)


def _nearest(boxes, shape, scales, far=abs, side=224, areas=area, shorter=min):
    """The scale whose area is the nearest, in floating point; an exhibit may replace each part."""
    factor = (np.array(scales) / shorter(shape[:2])) ** 2
    return far(areas(boxes)[:, None] * factor - side**2).argmin(axis=1)


@scales.looks_right_on(*CLEAR)
def sides_compared_instead_of_areas(boxes, shape, scales):
    """The released code's measure with the paper's 224: another scale wherever two are nearly as good."""
    factor = np.array(scales) / min(shape[:2])
    return abs(np.sqrt(area(boxes))[:, None] * factor - 224).argmin(axis=1)


@scales.looks_right_on(*CLEAR)
def the_larger_scale_on_a_tie(boxes, shape, scales):
    """Searched from the end."""
    return len(scales) - 1 - _nearest(boxes, shape, scales[::-1])


@scales.looks_right_on([[0, 0, 80, 80]], (500, 500, 3), (480, 688, 1200))
def longer_side_taken_for_the_scale(boxes, shape, scales):
    """Hidden on square pictures."""
    return _nearest(boxes, shape, scales, shorter=max)


@scales.looks_right_on([[0, 0, 80, 80]], (500, 667, 3), (480, 688, 1200))
def height_taken_for_the_scale(boxes, shape, scales):
    """Hidden on pictures that are wider than high."""
    return _nearest(boxes, shape, scales, shorter=lambda sides: sides[0])


@scales.looks_right_on(*SMALL)
def areas_wrap_in_32_bits(boxes, shape, scales):
    """``A s^2`` passes 2^31 for an ordinary window: 40,000 pixels at scale 480."""
    areas, scales = area(boxes).astype(np.int32), np.array(scales, np.int32)
    target = np.int64(224**2 * min(shape[:2]) ** 2).astype(np.int32)
    return abs(areas[:, None] * scales**2 - target).argmin(axis=1)


@scales.looks_right_on(*CLEAR)
def areas_in_single_precision(boxes, shape, scales):
    """24 bits: a window a hair from a tie goes the other way."""
    areas, scales = area(boxes).astype(np.float32), np.array(scales, np.float32)
    target = np.float32(224 * min(shape[:2])) ** 2
    return abs(areas[:, None] * scales**2 - target).argmin(axis=1)


@scales.looks_right_on([[0, 0, 80, 80]], (500, 667, 3), (480, 688, 1200))
def scale_by_the_height_of_the_box(boxes, shape, scales):
    """Hidden on square boxes."""
    return _nearest(boxes, shape, scales, areas=lambda boxes: np.asarray(boxes)[:, 2] ** 2 * 1.0)


@scales.looks_right_on([[0, 0, 500, 500]], (500, 667, 3), (480, 688, 1200))
def never_larger_than_the_net_knows(boxes, shape, scales):
    """The largest scale at which the window still fits: one too small where the next would be nearer."""
    fits = _nearest(boxes, shape, scales, far=lambda miss: np.where(miss <= 0, -miss, np.inf))
    return np.where(area(boxes) * min(scales) ** 2 > 224**2 * min(shape[:2]) ** 2, 0, fits)


# ---------------------------------------------------------------------------------------------------
# Room 12: a box in the resized picture

places = Room(describing.boxes_follow_the_picture, ours.resized_boxes)

WHOLE = [[0, 0, 50, 60], [10, 20, 30, 40]], (50, 60, 3), (100, 120)
HALF = [[0, 0, 50, 60], [10, 20, 30, 40]], (50, 60, 3), (25, 30)


def _scaled(boxes, shape, size, start=np.floor, stop=np.ceil, axes=(0, 1)):
    """Both ends times a ratio, in floating point; an exhibit may replace each part."""
    ratio = np.array([size[axis] / shape[axis] for axis in axes])
    boxes = np.asarray(boxes).astype(np.int64)
    return np.concatenate([start(boxes[:, :2] * ratio), stop(boxes[:, 2:] * ratio)], axis=1).astype(np.int64)


@places.looks_right_on(*WHOLE)
def one_ratio_for_both_axes(boxes, shape, size):
    """The longer side of a resized picture is rounded, so its ratio is another."""
    shorter = int(np.argmin(shape[:2]))
    return _scaled(boxes, shape, size, axes=(shorter, shorter))


@places.looks_right_on([[10, 10, 30, 30]], (50, 50, 3), (100, 100))
def ratios_of_the_other_axes(boxes, shape, size):
    """Height for width: hidden on square pictures."""
    return _scaled(boxes, shape, size, axes=(1, 0))


@places.looks_right_on([[0, 0, 1, 1]], (1, 1, 3), (1, 1))
def ratio_from_the_batch_axis(boxes, shape, size):
    """The shape of the batch (1, h, w) read as if it were that of the picture."""
    return _scaled(boxes, shape, (1, *size))


@places.looks_right_on(*WHOLE)
def floor_on_both_sides(boxes, shape, size):
    """The last pixel is lost, and with it boxes that have only one."""
    return _scaled(boxes, shape, size, stop=np.floor)


@places.looks_right_on(*HALF)
def rounded_until_nothing_is_left(boxes, shape, size):
    """Both ends to the nearest pixel: a small box becomes empty."""
    return _scaled(boxes, shape, size, start=np.rint, stop=np.rint)


@places.looks_right_on(*HALF)
def last_pixel_scaled(boxes, shape, size):
    """The last pixel inside goes to one pixel; where the picture grows it should go to several."""
    boxes = np.asarray(boxes).astype(np.int64) - [0, 0, 1, 1]
    return _scaled(boxes, shape, size, stop=np.floor) + [0, 0, 1, 1]


@places.looks_right_on(*WHOLE)
def products_wrap_in_the_type_of_the_boxes(boxes, shape, size):
    """Boxes of 8 bits times the size of the picture."""
    boxes = np.asarray(boxes)
    if boxes.dtype != np.uint8:
        return ours.resized_boxes(boxes, shape, size)
    to_side, from_side = np.array(size, np.uint8), np.array(shape[:2])
    return np.concatenate([boxes[:, :2] * to_side // from_side, -(-(boxes[:, 2:] * to_side) // from_side)], axis=1)


# ---------------------------------------------------------------------------------------------------
# Room 13: the mirror

mirrors = Room(describing.mirrors_are_true, ours.mirrored)

PICTURE = np.arange(5 * 8 * 3, dtype=np.uint8).reshape(5, 8, 3)
MIDDLE = np.array([[0, 2, 5, 6], [1, 3, 4, 5]])  # boxes that are their own mirror images


def _flipped(boxes, left, right):
    flipped = np.asarray(boxes).astype(np.int64)
    flipped[:, 1], flipped[:, 3] = left(flipped[:, [1, 3]].T.copy()), right(np.asarray(boxes)[:, [1, 3]].T)
    return flipped


@mirrors.looks_right_on(PICTURE, MIDDLE[:0])
def left_and_right_not_exchanged(picture, boxes):
    """Each end mirrored and left where it was: all boxes are inverted."""
    width = picture.shape[1]
    return picture[:, ::-1], _flipped(boxes, lambda x: width - x[0], lambda x: width - x[1])


@mirrors.looks_right_on(PICTURE, MIDDLE[:0])
def mirrored_as_if_inclusive(picture, boxes):
    """``W - 1 - x``, for half-open boxes."""
    width = picture.shape[1] - 1
    return picture[:, ::-1], _flipped(boxes, lambda x: width - x[1], lambda x: width - x[0])


@mirrors.looks_right_on(PICTURE, MIDDLE)
def boxes_left_behind(picture, boxes):
    """Only the picture is mirrored: hidden on boxes in the middle."""
    return picture[:, ::-1], boxes


@mirrors.looks_right_on(PICTURE[:, :5], MIDDLE[:, [0, 0, 2, 2]])
def mirrored_by_the_height(picture, boxes):
    """Hidden on square pictures."""
    height = picture.shape[0]
    return picture[:, ::-1], _flipped(boxes, lambda x: height - x[1], lambda x: height - x[0])


@mirrors.looks_right_on(PICTURE, MIDDLE)
def written_over_what_was_given(picture, boxes):
    """The next mirror of the same boxes takes them back."""
    boxes[:, [1, 3]] = picture.shape[1] - boxes[:, [3, 1]]
    return picture[:, ::-1], boxes


@mirrors.looks_right_on(np.ones((3, 4, 3), np.uint8), np.array([[0, 1, 2, 3]]))
def upside_down(picture, boxes):
    """The other axis of the picture: hidden where all pixels are alike."""
    return picture[::-1], ours.mirrored(picture, boxes)[1]


# ---------------------------------------------------------------------------------------------------
# Room 14: the features of windows

features = Room(describing.windows_are_described, ours.describe)

NET = tiny.net(levels=(2, 1), dtype=np.float64)
NOISE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
FITTING = np.array([[0, 0, 40, 40], [4, 8, 36, 40]])


def _describe(net, picture, boxes, scales, area_side=224, order=None, cells=None, at=None):
    """Our steps, each of which an exhibit may replace."""
    index, windows = ours.windows_of(net, picture.shape, boxes, scales, area_side=area_side)
    maps = ours.FeatureMaps(net, picture, scales)
    vectors = {}
    for k in np.unique(index):
        cut, rows = maps.at(at(k) if at else k), np.flatnonzero(index == k)
        table = windows[rows] if cells is None else cells(k, rows, cut, windows[rows])
        vectors.update(zip(rows.tolist(), net.pool(cut, table), strict=True))
    return np.array([vectors[row] for row in (sorted(vectors) if order is None else order(vectors))])


class random_flip_left_on:  # noqa: N801 named like the functions beside it
    """A mirror for training that is not switched off: it shows in every second call."""

    calls = 0
    __name__ = "random_flip_left_on"

    def __call__(self, net, picture, boxes, scales, area_side=224):
        self.calls += 1
        return ours.describe(net, picture, boxes, scales, area_side=area_side, flip=self.calls % 2 == 0)


features.looks_right_on(NET, NOISE, FITTING, (40,))(random_flip_left_on())


@features.looks_right_on(NET, NOISE, FITTING, (40,))
def grouped_by_scale(net, picture, boxes, scales, area_side=224):
    """Windows in the order in which they were pooled: hidden with one scale."""
    return _describe(net, picture, boxes, scales, area_side, order=list)


@features.looks_right_on(NET, NOISE, FITTING, (40,))
def all_from_the_first_map(net, picture, boxes, scales, area_side=224):
    """Cells of one scale, read from the map of another."""

    def clamped(k, rows, maps, windows):
        limit = np.array([0, *maps.shape[1:3]] * 2)[[0, 1, 2, 4, 5]]
        windows = np.minimum(windows, limit)
        windows[:, 1:3] = np.minimum(windows[:, 1:3], windows[:, 3:] - 1)
        return windows

    return _describe(net, picture, boxes, scales, area_side, at=lambda k: 0, cells=clamped)


@features.looks_right_on(NET, NOISE, [[4, 8, 5, 9]], (40,))
def last_cell_left_out(net, picture, boxes, scales, area_side=224):
    """Windows end a cell early: hidden where they have only one, and that is forced."""

    def shorter(k, rows, maps, windows):
        return np.concatenate([windows[:, :3], np.maximum(windows[:, 1:3] + 1, windows[:, 3:] - 1)], axis=1)

    return _describe(net, picture, boxes, scales, area_side, cells=shorter)


@features.looks_right_on(NET, NOISE, FITTING, (40,))
def boxes_not_resized(net, picture, boxes, scales, area_side=224):
    """Pixels of the picture taken for pixels of the resized one: hidden where the scale is its own."""

    def unscaled(k, rows, maps, windows):
        pixels = np.concatenate([np.zeros((len(rows), 1), np.int64), np.asarray(boxes)[rows]], axis=1)
        return box_to_cells(pixels, net.field, *maps.shape[1:3])

    return _describe(net, picture, boxes, scales, area_side, cells=unscaled)


@features.looks_right_on(NET, NOISE, FITTING, (40,))
def resized_for_each_axis_alone(net, picture, boxes, scales, area_side=224):
    """The picture squeezed to a square of the scale: hidden on square pictures."""
    rows = []
    for box in np.asarray(boxes):
        scale = scales[int(ours.scale_of([box], picture.shape, scales, area_side=area_side)[0])]
        maps = net.features(net.prepare(resize(picture, scale, scale)[None]))
        pixels = ours.resized_boxes([box], picture.shape, (scale, scale))
        table = box_to_cells(np.insert(pixels, 0, 0, axis=1), net.field, *maps.shape[1:3])
        rows.append(net.pool(maps, table)[0])
    return np.array(rows)


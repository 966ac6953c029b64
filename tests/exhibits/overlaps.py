"""Rooms 12 to 16, and 19: how boxes overlap, stay, become targets, are mirrored and read; and a flip left on."""

import box_properties
import numpy as np

from exhibits.room import Room
from minispp import boxes
from minispp.data import View, centre_view

APART = [[0, 0, 4, 4], [10, 10, 14, 15], [0, 20, 9, 29]]
SCORES = [0.9, 0.8, 0.7]

# Room 12: boxes overlap

overlap = Room(box_properties.boxes_overlap, boxes.iou)
counted = Room(box_properties.whole_boxes_share_pixels, boxes.iou)


def _iou(a, b, one=0, floor=0, measure=boxes.area):
    """By the textbook, NaN included: what a box has no area for is divided by zero."""
    a, b = np.asarray(a), np.asarray(b)
    top, left, bottom, right = a.T[:, :, None]
    height = np.minimum(bottom, b[:, 2]) - np.maximum(top, b[:, 0]) + one
    width = np.minimum(right, b[:, 3]) - np.maximum(left, b[:, 1]) + one
    height, width = (side if floor is None else np.maximum(side, floor) for side in (height, width))
    with np.errstate(all="ignore"):
        return height * width / (measure(a)[:, None] + measure(b) - height * width)


@counted.looks_right_on(APART, APART)
def one_added_to_half_open_boxes(a, b):
    """The inclusive formula on half-open numbers: hidden while boxes are the same or far apart."""
    with_one = boxes.area(np.asarray(a) + [0, 0, 1, 1]), boxes.area(np.asarray(b) + [0, 0, 1, 1])
    top, left, bottom, right = np.asarray(a).T[:, :, None]
    bottom, right = np.minimum(bottom, np.asarray(b)[:, 2]), np.minimum(right, np.asarray(b)[:, 3])
    top, left = np.maximum(top, np.asarray(b)[:, 0]), np.maximum(left, np.asarray(b)[:, 1])
    common = np.maximum(bottom - top + 1, 0) * np.maximum(right - left + 1, 0)
    return common / (with_one[0][:, None] + with_one[1] - common)


@counted.looks_right_on(APART, APART)
def divided_by_no_area(a, b):
    """0 / 0 for two boxes without area: NaN, which is neither above a threshold nor below it."""
    return _iou(a, b)


@overlap.looks_right_on([[0, 0, 4, 4]], [[0, 0, 4, 4], [2, 2, 6, 6]])
def far_apart_in_both_directions(a, b):
    """Two negative sides make a positive area."""
    return _iou(a, b, floor=None)


@overlap.looks_right_on(APART, APART)
def a_little_added_below_the_line(a, b):
    """1e-9 against the division by zero: no IoU is exact, so a threshold of 1/2 is missed by a half."""
    return _iou(a, b, measure=lambda rows: boxes.area(rows) + 1e-9).round(6)


@overlap.looks_right_on(APART, APART)
def unsigned_sides_wrap(a, b):
    """16 bits without a sign: sides of boxes that do not touch are 65,000 pixels long."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind != "u" or b.dtype.kind != "u":
        return boxes.iou(a, b)
    a, b = a.astype(np.uint16), b.astype(np.uint16)
    sides = [np.minimum(a[:, None, k], b[:, k]) - np.maximum(a[:, None, k - 2], b[:, k - 2]) for k in (2, 3)]
    common = np.maximum(sides[0], 0).astype(float) * np.maximum(sides[1], 0)
    union = boxes.area(a)[:, None] + boxes.area(b) - common
    return np.divide(common, union, out=np.zeros(common.shape), where=union != 0)


# Room 13: the best boxes stay

suppression = Room(box_properties.the_best_boxes_stay, boxes.nms)
NESTED = [[0, 0, 10, 10], [0, 0, 10, 9], [30, 30, 40, 40]]


def _nms(rows, scores, threshold, order=boxes.by_score, stays=np.less_equal, overlap=boxes.iou):
    rows, left, kept = np.asarray(rows), order(np.asarray(scores)), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[stays(overlap(rows[[best]], rows[left])[0], threshold)]
    return np.array(kept, np.int64)


@suppression.looks_right_on(NESTED, SCORES, 0.3)
def input_taken_for_sorted(rows, scores, threshold):
    """The first is taken for the best."""
    return _nms(rows, scores, threshold, order=lambda scores: np.arange(len(scores)))


@suppression.looks_right_on(NESTED, SCORES, 0.3)
def ties_in_reverse(rows, scores, threshold):
    """``argsort()[::-1]``: of equal scores, the last box wins."""
    return _nms(rows, scores, threshold, order=lambda scores: np.argsort(scores, kind="stable")[::-1])


@suppression.looks_right_on(NESTED, SCORES, 0.3)
def ties_by_chance(rows, scores, threshold):
    """A sort that is not stable."""
    return _nms(rows, scores, threshold, order=lambda s: np.lexsort((np.arange(len(s)) * 7 % 5, -s.astype(float))))


@suppression.looks_right_on(NESTED, np.array([9, 8, 7], np.float32), 0.3)
def unsigned_scores_negated(rows, scores, threshold):
    """``argsort(-scores)`` of numbers without a sign: -0 is the smallest, so 0 comes first."""
    return _nms(rows, scores, threshold, order=lambda scores: np.argsort(-scores, kind="stable"))


@suppression.looks_right_on(NESTED, SCORES, 0.3)
def equal_to_the_threshold_goes(rows, scores, threshold):
    """``<`` for ``<=``."""
    return _nms(rows, scores, threshold, stays=np.less)


@suppression.looks_right_on(NESTED, SCORES, 0.3)
def without_area_without_a_place(rows, scores, threshold):
    """NaN is not ``<= threshold``: of two boxes without area, only one is left."""
    return _nms(rows, scores, threshold, overlap=_iou)


@suppression.looks_right_on(NESTED, SCORES, 0.3)
def suppressed_by_the_suppressed(rows, scores, threshold):
    """Whatever a better box overlaps goes, though that one has itself gone: hidden where there are no chains."""
    order = boxes.by_score(scores)
    near = np.triu(boxes.iou(np.asarray(rows)[order], np.asarray(rows)[order]) > threshold, 1)
    return order[~near.any(axis=0)]


# Room 14: boxes become targets

targets = Room(box_properties.targets_are_encoded, boxes.encode)
MOVED = [[0, 0, 10, 20], [3, 4, 9, 9]], [[5, 0, 15, 40], [2, 4, 8, 10]]


def _encode(rows, targets, axis=0):
    """The formula, without a look at what it is given."""
    rows, targets = np.asarray(rows, float), np.asarray(targets, float)
    size, target_size = rows[:, 2:] - rows[:, :2], targets[:, 2:] - targets[:, :2]
    shift = targets[:, :2] + targets[:, 2:] - rows[:, :2] - rows[:, 2:]
    by = size if axis == 0 else size[:, ::-1]
    with np.errstate(all="ignore"):
        return np.hstack([shift / 2 / by, np.log(target_size / size)])


@targets.looks_right_on(*MOVED)
def logarithm_of_nothing(rows, targets):
    """A target without a side gives -inf, an inverted one NaN; the loss is NaN some steps later."""
    return _encode(rows, targets)


@targets.looks_right_on(*MOVED)
def logarithm_of_hardly_anything(rows, targets):
    """Sides raised to 1e-6 before the logarithm: no NaN, and a target of -15 that the regressor learns."""
    rows, targets = np.array(rows, float), np.array(targets, float)
    for boxes_ in (rows, targets):
        boxes_[:, 2:] = np.maximum(boxes_[:, 2:], boxes_[:, :2] + 1e-6)
    return _encode(rows, targets)


@targets.looks_right_on([[0, 0, 10, 10]], [[1, 2, 11, 12]])
def divided_by_the_other_side(rows, targets):
    """dy over the width: hidden on squares."""
    found = boxes.encode(rows, targets)
    return np.hstack([_encode(rows, targets, axis=1)[:, :2], found[:, 2:]])


@targets.looks_right_on([[0, 0, 10, 20]], [[0, 0, 10, 20]])
def one_pixel_added_to_half_open_sides(rows, targets):
    """``right - left + 1`` once more: hidden where nothing is to be moved."""
    boxes.encode(rows, targets)
    return _encode(*(np.asarray(boxes_, float) + [0, 0, 1, 1] for boxes_ in (rows, targets)))


# Room 15: boxes are mirrored

mirror = Room(box_properties.mirrored_boxes_hold_the_same, boxes.flip)


@mirror.looks_right_on(np.zeros((0, 4), int), 10)
def one_pixel_off(rows, width):
    """``width - 1 - x`` mirrors a pixel; an edge is mirrored by ``width - x``. Twice, it is right again."""
    return boxes.flip(rows, width - 1)


@mirror.looks_right_on([[2, 3, 4, 7]], 10)
def the_left_edge_overwritten_first(rows, width):
    """The right edge from a left one that is already the new one: hidden in the middle of the picture."""
    rows = boxes.as_boxes(rows)
    rows[:, 1] = width - rows[:, 3]
    rows[:, 3] = width - rows[:, 1]
    return rows


@mirror.looks_right_on([[2, 3, 4, 8]], 10)
def a_right_edge_beyond_the_picture(rows, width):
    """In 16 bits without a sign, 7 - 9 is 65534."""
    rows = np.asarray(rows)
    if rows.dtype != np.uint16:
        return boxes.flip(rows, width)
    flipped = rows.copy()
    flipped[:, 1], flipped[:, 3] = np.uint16(width) - rows[:, 3], np.uint16(width) - rows[:, 1]
    return flipped


# Room 16: VOC's numbers become boxes

numbers = Room(box_properties.voc_numbers_become_boxes, boxes.from_voc)


@numbers.looks_right_on([[3, 4, 9, 8]])
def zero_less_one(rows):
    """In 16 bits without a sign, 0 - 1 is 65535."""
    rows = np.asarray(rows)
    if rows.dtype.kind == "i":
        return boxes.from_voc(rows)
    return rows[:, [1, 0, 3, 2]] - np.array([1, 1, 0, 0], rows.dtype)


@numbers.looks_right_on(np.zeros((0, 4), int))
def last_pixel_dropped(rows):
    """1 taken from all four: the last row and the last column are lost."""
    return boxes.as_boxes(rows)[:, [1, 0, 3, 2]] - 1


@numbers.looks_right_on(np.zeros((0, 4), int))
def first_pixel_dropped(rows):
    """Only the order is changed: the first row and the first column are lost."""
    return boxes.as_boxes(rows)[:, [1, 0, 3, 2]]


@numbers.looks_right_on([[3, 3, 9, 9]])
def x_before_y(rows):
    """Rows and columns swapped: hidden on the diagonal."""
    return boxes.as_boxes(rows) - [1, 1, 0, 0]


# Room 19: pictures are seen as they are

seen = Room(box_properties.pictures_are_seen_as_they_are, lambda picture, size: centre_view(picture, size, margin=1.0))


@seen.looks_right_on(np.full((9, 9, 3), 7, np.uint8), 5)
def flip_left_on_at_test(picture, size):
    """The view of the training, with its mirror image every second time: hidden on what has no left and right."""
    view = View(margin=1.0, gain=0, channel_gain=0)
    return view(picture, size, np.random.default_rng(len(picture)))

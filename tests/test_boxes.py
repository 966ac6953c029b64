"""Boxes, against loops over fractions: overlap, suppression, regression targets, pictures' edges, VOC's numbers."""

import re
import warnings

import box_properties
import draw
import naive_boxes
import numpy as np
import pytest

from minispp import boxes

FINITE = [boxes.area, boxes.flip, boxes.from_voc, boxes.to_voc, boxes.iou, boxes.nms, boxes.encode, boxes.decode]
ALL = [boxes.clip, *FINITE]
SECOND = {  # what else each takes, for boxes (R, 4)
    "flip": lambda rows: (5,),
    "clip": lambda rows: (5, 6),
    "iou": lambda rows: (rows,),
    "nms": lambda rows: (np.zeros(len(rows)),),
    "encode": lambda rows: (rows,),
    "decode": lambda rows: (rows,),
}


def call(function, rows):
    return function(rows, *SECOND.get(function.__name__, lambda rows: ())(rows))


# -- overlap ---------------------------------------------------------------------------------------


def test_iou():
    box_properties.boxes_overlap(boxes.iou)
    box_properties.whole_boxes_share_pixels(boxes.iou)


def test_iou_is_vocs_with_one_added_and_everyone_elses_without():
    """The numbers of a file, inclusive: (right - left + 1) * (bottom - top + 1); or corners on an axis."""
    rng = np.random.default_rng(0)
    first = rng.integers(1, 30, (40, 2))
    rows = np.hstack([first, first + rng.integers(0, 30, (40, 2))])
    xmin, ymin, xmax, ymax = rows.T
    for ours, one in ((boxes.from_voc(rows), 1), (rows[:, [1, 0, 3, 2]].astype(float), 0)):
        width, height = (
            np.maximum(np.minimum(high[:, None], high) - np.maximum(low[:, None], low) + one, 0)
            for low, high in ((xmin, xmax), (ymin, ymax))
        )
        areas = (xmax - xmin + one) * (ymax - ymin + one)
        union = areas[:, None] + areas - width * height
        expected = np.divide(width * height, union, out=np.zeros(union.shape), where=union > 0)
        assert np.array_equal(boxes.iou(ours, ours), expected)


def test_area_counts_pixels():
    for rng, count in box_properties.draws(300, 8):
        rows = box_properties.draw_boxes(rng, count)
        areas = boxes.area(rows)
        assert areas.dtype == (np.float64 if rows.dtype.kind == "f" else np.int64)
        assert areas.tolist() == [h * w for h, w in map(naive_boxes.sides, rows.tolist())]


def test_the_largest_boxes_do_not_overflow():
    far = [[-(2**30), -(2**30), 2**30, 2**30]]
    for dtype in (np.int64, np.int32, np.float64):
        assert boxes.area(np.array(far, dtype)).tolist() == [2**62]
        assert boxes.iou(np.array(far, dtype), [[0, 0, 2**30, 2**30]]).tolist() == [[0.25]]
    with pytest.raises(ValueError, match=re.escape("within +-2**30")):
        boxes.area([[0, 0, 5, 2**30 + 1]])


def test_float_boxes_smaller_than_anything():
    tiny = 1e-200 * np.array([[0, 0, 1, 1], [0, 0, 2, 2]])  # their areas are 0 in float64
    assert boxes.iou(tiny, tiny).tolist() == [[0, 0], [0, 0]]


# -- suppression -----------------------------------------------------------------------------------


def test_nms():
    box_properties.the_best_boxes_stay(boxes.nms)


@pytest.mark.parametrize("count", [boxes.AT_ONCE - 1, boxes.AT_ONCE, boxes.AT_ONCE + 1, 3 * boxes.AT_ONCE + 5])
@pytest.mark.parametrize("spread", [20, 200])
def test_nms_of_more_boxes_than_are_taken_at_once(count, spread):
    rng = np.random.default_rng(count)
    corner = rng.integers(0, spread, (count, 2))
    rows = np.hstack([corner, corner + rng.integers(1, 15, (count, 2))])
    scores = rng.integers(0, count // 3, count)
    assert boxes.nms(rows, scores).tolist() == naive_boxes.nms(rows.tolist(), scores.tolist(), 0.3)


def test_nms_takes_infinite_scores_and_leaves_its_arguments():
    rows, scores = np.array([[0, 0, 9, 9], [0, 0, 9, 8]]), np.array([-np.inf, np.inf])
    before = rows.copy(), scores.copy()
    assert boxes.nms(rows, scores).tolist() == [1]
    assert np.array_equal(rows, before[0]) and np.array_equal(scores, before[1])


@pytest.mark.parametrize(
    ("scores", "threshold", "message"),
    [
        ([1], 0.3, "a score, not NaN, for each of 2 boxes, got (1,)"),
        ([1, np.nan], 0.3, "not NaN"),
        ([[1, 2]], 0.3, "got (1, 2)"),
        ([1, 2], -0.1, "threshold between 0 and 1, got -0.1"),
        ([1, 2], np.nan, "got nan"),
    ],
)
def test_nms_refuses(scores, threshold, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        boxes.nms([[0, 0, 1, 1], [0, 0, 2, 2]], scores, threshold)


# -- regression ------------------------------------------------------------------------------------


def test_encode():
    box_properties.targets_are_encoded(boxes.encode)


def test_decode():
    for rng, count in box_properties.draws(1000, 9):
        rows, deltas = box_properties.draw_boxes(rng, count, sound=True), rng.normal(0, 1.5, (count, 4))
        moved = boxes.decode(rows, draw.lay_out(deltas, "every second"))
        expected = [naive_boxes.decode(*pair) for pair in zip(rows.tolist(), deltas.tolist(), strict=True)]
        assert moved.dtype == np.float64
        assert np.allclose(moved, np.reshape(expected, (-1, 4)), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("smallest", [1, 1e-3, 1e-8])
def test_decode_undoes_encode(smallest):
    """To the rounding of the coordinates, for sides from 1e-8 to 1e8 pixels, whichever is the larger."""
    rng = np.random.default_rng(1)
    a, b = (
        np.hstack([corner, corner + smallest * 10 ** rng.uniform(0, 8, (2000, 2))])
        for corner in rng.uniform(-100, 100, (2, 2000, 2))
    )
    for rows, targets in ((a, b), (b, a)):
        back = boxes.decode(rows, boxes.encode(rows, targets))
        size = abs(np.hstack([rows, targets])).max(axis=1, keepdims=True)
        assert (abs(back - targets) <= 2e-14 * size).all()
        assert np.isfinite(boxes.encode(rows, back)[:, :2]).all()


def test_decode_cannot_overflow():
    for delta in (1e6, -1e6, 2.0**62):
        for column in range(4):
            deltas = np.zeros((1, 4))
            deltas[0, column] = delta
            with warnings.catch_warnings(), np.errstate(all="raise"):
                warnings.simplefilter("error")
                moved = boxes.decode([[0, 0, 10, 20]], deltas)
            assert np.isfinite(moved).all()
            sides = moved[0, 2:] - moved[0, :2]
            assert (sides >= 0).all() and (sides[1 - column % 2] > 0 or column < 2)


@pytest.mark.parametrize("delta", [np.nan, np.inf, 1e30])
def test_decode_refuses_deltas_that_are_no_numbers(delta):
    with pytest.raises(ValueError, match="decode: expected deltas within .* got row 1"):
        boxes.decode([[0, 0, 1, 1]] * 2, [[0, 0, 0, 0], [0, 0, delta, 0]])


def test_pairs_are_required():
    with pytest.raises(ValueError, match="encode: expected targets for each of 1 boxes, got 2"):
        boxes.encode([[0, 0, 1, 1]], [[0, 0, 1, 1]] * 2)
    with pytest.raises(ValueError, match="decode: expected deltas for each of 2 boxes, got 0"):
        boxes.decode([[0, 0, 1, 1]] * 2, [])
    with pytest.raises(ValueError, match="decode: boxes: expected top < bottom and left < right, got row 0"):
        boxes.decode([[0, 5, 1, 5]], [[0, 0, 0, 0]])


# -- pictures --------------------------------------------------------------------------------------


def test_clip():
    for rng, count in box_properties.draws(600, 10):
        rows = box_properties.draw_boxes(rng, count)
        height, width = rng.integers(0, 12, 2).tolist()
        clipped = boxes.clip(rows, height, width)
        assert clipped.dtype == (np.float64 if rows.dtype.kind == "f" else np.int64)
        assert clipped.tolist() == [naive_boxes.clip(box, height, width) for box in rows.tolist()]


def test_clip_keeps_the_pixels_inside():
    for rng, count in box_properties.draws(200, 11):
        rows = box_properties.draw_boxes(rng, count, np.int32)
        inside = naive_boxes.pixels([0, 0, 7, 10])
        for box, clipped in zip(rows.tolist(), boxes.clip(rows, 7, 10).tolist(), strict=True):
            assert naive_boxes.pixels(clipped) == naive_boxes.pixels(box) & inside


def test_clip_takes_any_size():
    assert boxes.clip([[-np.inf, -1e300, np.inf, 3.5]], 5, 6).tolist() == [[0, 0, 5, 3.5]]
    assert boxes.clip(np.array([[0, 0, 2**64 - 1, 3]], np.uint64), 5, 6).tolist() == [[0, 0, 5, 3]]
    with pytest.raises(ValueError, match="clip: expected numbers, got row 1"):
        boxes.clip([[0, 0, 1, 1], [0, 0, np.nan, 3]], 5, 6)
    with pytest.raises(ValueError, match="at least 0, got -1 x 6"):
        boxes.clip([[0, 0, 1, 1]], -1, 6)


def test_flip():
    box_properties.mirrored_boxes_hold_the_same(boxes.flip)
    rows = np.array([[1.5, 0.25, 3, 4]])
    assert boxes.flip(rows, 10).tolist() == [[1.5, 6, 3, 9.75]]
    assert boxes.flip(boxes.flip(rows, 10), 10).tolist() == rows.tolist() == [[1.5, 0.25, 3, 4]]


def test_voc():
    box_properties.voc_numbers_become_boxes(boxes.from_voc)
    for rng, count in box_properties.draws(300, 12):
        rows = box_properties.draw_boxes(rng, count)
        assert np.array_equal(boxes.from_voc(boxes.to_voc(rows)), rows)
        assert np.array_equal(boxes.to_voc(boxes.from_voc(rows)), rows)


# -- all of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.__name__)
@pytest.mark.parametrize("none", [[], np.zeros((0, 4)), np.zeros((0, 4), np.uint8)], ids=["list", "float", "uint8"])
def test_no_boxes(function, none):
    shape = {"area": (0,), "iou": (0, 0), "nms": (0,)}.get(function.__name__, (0, 4))
    assert call(function, none).shape == shape


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.__name__)
def test_arguments_are_not_changed(function):
    for dtype in (np.int64, np.float64):
        rows = np.array([[0, 1, 4, 3], [2, 2, 9, 9]], dtype)
        before = rows.copy()
        result = call(function, rows)
        assert np.array_equal(rows, before) and not np.shares_memory(result, rows)


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.__name__)
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0, 0, 5]], "expected rows of four numbers (R, 4), got int64 (1, 3)"),
        ([0, 0, 5, 5], "got int64 (4,)"),
        ([["0", "0", "5", "5"]], "expected rows of four numbers"),
        ([[0, 0, 5j, 5]], "complex128"),
        ([[0, 0, 5, 5], [0, np.nan, 5, 5]], "row 1"),
    ],
)
def test_refused(function, rows, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(function, rows)


@pytest.mark.parametrize("function", FINITE, ids=lambda function: function.__name__)
@pytest.mark.parametrize("far", [np.array([[0, 0, 5, 2**64 - 1]], np.uint64), [[0, -np.inf, 5, 5]], [[0, 0, 5, 1e300]]])
def test_far_coordinates_are_refused(function, far):
    with pytest.raises(ValueError, match=r"expected coordinates within \+-2\*\*30, got row 0"):
        call(function, far)


def test_by_score():
    for dtype in (np.uint8, np.int64, np.float32):
        assert boxes.by_score(np.array([3, 7, 7, 0, 3], dtype)).tolist() == [1, 2, 0, 4, 3]
    assert boxes.by_score([]).tolist() == []

"""What must be true of any implementation of boxes and of detection's measures; see properties.py."""

from itertools import product

import draw
import naive_boxes
import numpy as np

TYPES = (np.int64, np.int32, np.int16, np.uint8, np.uint16, np.uint32, np.uint64, np.float32, np.float64)
THRESHOLDS = (0.0, 0.25, 0.3, 1 / 3, 0.5, 2 / 3, 0.7, 1.0)  # IoUs of small boxes meet many of them exactly


def draw_boxes(rng, count, dtype=None, sound=False):
    """Small boxes of any type and layout: identical ones, without area, inverted; or none of these if `sound`."""
    dtype = np.dtype(TYPES[rng.integers(len(TYPES))] if dtype is None else dtype)
    low = 0 if dtype.kind == "u" else -6
    rows = rng.integers(low, 9, (count, 4))
    rows[:, 2:] = rows[:, :2] + rng.integers(1, 7, (count, 2))
    if not sound and count:
        spoilt = rng.random((count, 2)) < 0.08
        rows[:, 2:] -= np.where(spoilt, rng.integers(0, 9, (count, 2)), 0)
        if low == 0:
            np.maximum(rows, 0, out=rows)
        same = rng.random(count) < 0.25
        rows[same] = rows[rng.integers(count, size=same.sum())]
    if dtype.kind == "f":
        rows = rows / rng.choice((1, 2, 4))  # exact, so that ties stay ties
    return draw.lay_out(rows.astype(dtype), draw.LAYOUTS[rng.integers(len(draw.LAYOUTS))])


def draw_scores(rng, count):
    """Few different values, so that many are equal; signed or not."""
    dtype = (np.float64, np.float32, np.uint8, np.int64)[rng.integers(4)]
    scores = rng.integers(0, 6, count) - (0 if dtype == np.uint8 else 3)
    scores = scores / 4 if np.dtype(dtype).kind == "f" else scores
    return draw.lay_out(scores.astype(dtype), draw.LAYOUTS[rng.integers(len(draw.LAYOUTS))])


def draws(count, seed):
    """`count` generators, and how many boxes each is to draw: none and one come often."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        yield rng, int(rng.integers(2) if number % 5 == 0 else rng.integers(2, 12))


def boxes_overlap(iou, cases=1500):
    """``iou(a, b)``: the float64 nearest to the true ratio; 0 where a box has no area."""
    for rng, count in draws(cases, 1):
        a, b = draw_boxes(rng, count), draw_boxes(rng, int(rng.integers(0, 6)))
        table = iou(a, b)
        expected = [[float(naive_boxes.iou(one, other)) for other in b.tolist()] for one in a.tolist()]
        assert table.shape == (len(a), len(b)) and table.dtype == np.float64
        assert table.tolist() == expected, f"{a.tolist()} and {b.tolist()}"


def whole_boxes_share_pixels(iou):
    """IoU once more, by counting pixels."""
    for rng, count in draws(200, 2):
        boxes = draw_boxes(rng, count, np.int64)
        sets = [naive_boxes.pixels(box) for box in boxes.tolist()]
        expected = [[len(a & b) / len(a | b) if a | b else 0.0 for b in sets] for a in sets]
        assert np.asarray(iou(boxes, boxes)).tolist() == expected, boxes.tolist()


def the_best_boxes_stay(nms, cases=3000):
    """``nms(boxes, scores, threshold)``: the greedy definition, for boxes in any order, with ties and copies."""
    for rng, count in draws(cases, 3):
        boxes, scores = draw_boxes(rng, count), draw_scores(rng, count)
        threshold = THRESHOLDS[rng.integers(len(THRESHOLDS))]
        kept = nms(boxes, scores, threshold)
        expected = naive_boxes.nms(boxes.tolist(), scores.tolist(), threshold)
        assert kept.dtype == np.int64
        assert kept.tolist() == expected, f"{boxes.tolist()}, scores {scores.tolist()}, threshold {threshold}"


def targets_are_encoded(encode, cases=1000):
    """``encode(boxes, targets)``: values by the formula; what has no logarithm is refused."""
    for rng, count in draws(cases, 4):
        boxes, targets = draw_boxes(rng, count, sound=True), draw_boxes(rng, count, sound=True)
        deltas = encode(boxes, targets)
        assert deltas.shape == (count, 4) and deltas.dtype == np.float64
        expected = [naive_boxes.encode(*pair) for pair in zip(boxes.tolist(), targets.tolist(), strict=True)]
        assert np.allclose(deltas, np.reshape(expected, (-1, 4)), rtol=1e-14, atol=1e-15), boxes.tolist()
    box = [2, 3, 9, 8]
    for without in ([2, 3, 2, 8], [2, 3, 9, 3], [9, 3, 2, 8], [2, 8, 9, 3]):
        for boxes, targets in (([box, without], [box, box]), ([box, box], [box, without])):
            for dtype in (np.float64, np.uint16):
                try:
                    deltas = encode(np.array(boxes, dtype), np.array(targets, dtype))
                except ValueError as error:
                    assert "row 1" in str(error), error
                else:
                    raise AssertionError(f"{without} was encoded: {deltas}")


def mirrored_boxes_hold_the_same(flip):
    """``flip(boxes, width)``: the mirrored picture shows in them what was in the boxes, mirrored."""
    for rng, count in draws(400, 5):
        height, width = int(rng.integers(1, 15)), int(rng.integers(1, 15))
        picture = rng.integers(0, 256, (height, width))
        corner = rng.integers(0, (height, width), (count, 2))
        boxes = np.hstack([corner, rng.integers(corner, (height, width)) + 1]).astype(TYPES[rng.integers(7)])
        flipped = flip(boxes, width)
        assert flipped.shape == (count, 4)
        for (top, left, bottom, right), mirror in zip(boxes.tolist(), flipped.tolist(), strict=True):
            inside = picture[top:bottom, left:right][:, ::-1]
            assert min(mirror) >= 0, mirror
            assert np.array_equal(picture[:, ::-1][mirror[0] : mirror[2], mirror[1] : mirror[3]], inside), mirror
    beyond = np.array([[1, 2, 4, 9]], np.uint16)  # VOC's own list of boxes has some that leave the picture
    assert flip(beyond, 7).tolist() == [[1, -2, 4, 5]]


def voc_numbers_become_boxes(from_voc):
    """``from_voc(rows)``: the pixels that 1-based inclusive numbers name, 0 of careless tools becoming -1."""
    for dtype, low in product(TYPES[:7], (0, 1)):
        rng = np.random.default_rng(low)
        first = rng.integers(low, 30, (20, 2))
        rows = np.hstack([first, first + rng.integers(0, 9, (20, 2))]).astype(dtype)
        for (xmin, ymin, xmax, ymax), box in zip(rows.tolist(), from_voc(rows).tolist(), strict=True):
            named = {(y - 1, x - 1) for y in range(ymin, ymax + 1) for x in range(xmin, xmax + 1)}
            assert naive_boxes.pixels(box) == named, (dtype, box)


def detections_are_judged(match, cases=2500):
    """``match(boxes, scores, truth, difficult, threshold, inclusive)``: ties, duplicates, difficult objects."""
    for rng, count in draws(cases, 6):
        truth = draw_boxes(rng, int(rng.integers(0, 5)), np.int64)
        boxes, scores = draw_boxes(rng, count, np.int64), draw_scores(rng, count)
        if len(truth) and count:
            near = rng.integers(count, size=3)  # many that find the same object
            boxes = boxes.copy()
            boxes[near] = truth[rng.integers(len(truth), size=3)] + rng.integers(0, 2, (3, 4))
        difficult, threshold = rng.random(len(truth)) < 0.4, THRESHOLDS[rng.integers(1, len(THRESHOLDS))]
        inclusive = bool(rng.integers(2))
        found = match(boxes, scores, truth, difficult, threshold, inclusive)
        lists = (a.tolist() for a in (boxes, scores, truth, difficult))
        expected = naive_boxes.match(*lists, threshold, inclusive)
        assert tuple(flags.tolist() for flags in found) == expected, f"{boxes.tolist()} of {truth.tolist()}"


def precision_is_averaged(average_precision, cases=2000):
    """``average_precision(scores, correct, positives, rule)``: from the definition in fractions, to rounding."""
    for rng, _ in draws(cases, 7):
        count, positives = int(rng.integers(0, 30)), int(rng.integers(1, 25))
        scores, correct = draw_scores(rng, count), rng.random(count) < rng.random()
        correct[np.flatnonzero(correct)[positives:]] = False
        for rule in ("area", "11-point"):
            found = average_precision(scores, correct, positives, rule)
            expected = naive_boxes.average_precision(scores.tolist(), correct.tolist(), positives, rule)
            assert abs(found - expected) < 1e-12, (rule, scores.tolist(), correct.tolist(), positives, found, expected)


def pictures_are_seen_as_they_are(view):
    """``view(picture, size)`` at test: what brightens to the right does so in the view, every time."""
    for number in range(40):
        side = 8 + number
        picture = np.repeat(np.linspace(0, 200, side)[None, :, None], side, axis=0).repeat(3, axis=2).astype(np.uint8)
        rows = np.asarray(view(picture, 7)).astype(int)
        assert (np.diff(rows[:, :, 0], axis=1) > 0).all(), f"the view of picture {number} is mirrored"

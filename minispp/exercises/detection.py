"""Exercises of notebook 8: detection, stage by stage."""

import numpy as np

from minispp.boxes import by_score, iou, nms
from minispp.detection.matching import match
from minispp.detection.precision import average_precision as by_rule
from minispp.exercises.grading import Wrong, call, exercise, require_equal

NOTHING = np.zeros((0, 4), np.int64)

# ---------------------------------------------------------------------------------------------------

APART = np.array([[0, 0, 10, 10], [20, 20, 30, 30], [40, 0, 50, 9]])
CHAIN = np.array([[0, 0, 10, 10], [0, 4, 10, 14], [0, 8, 10, 18]])  # IoU .43, .43, and of the ends .11
HALF = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [20, 0, 30, 10]])  # IoU exactly .5
WITHIN = np.array([[0, 0, 40, 40], [0, 0, 20, 20]])  # IoU .25, and the smaller one is covered
THIRD = np.array([[0, 0, 2, 2], [0, 1, 2, 3], [6, 6, 8, 8]])  # IoU 1/3; with "+ 1" it would be .5
SAME = np.array([[0, 0, 9, 9], [0, 1, 9, 10], [0, 0, 9, 9], [20, 20, 29, 31]])
BETWEEN = np.array([[0, 0, 10, 10], [0, 8, 10, 18], [0, 3, 10, 13]])  # the last overlaps the first more
ALIKE = np.array([[20, 20, 30, 30], [0, 0, 10, 10], [0, 1, 10, 11]])  # IoU .82
# The order matters: the first case that fails should tell one mistake from the others.
SUPPRESSIONS = [
    (APART, np.array([0.9, 0.8, 0.7]), 0.3),
    (ALIKE, np.array([0.9, 0.8, 0.7]), 0.3),
    (CHAIN, np.array([0.9, 0.8, 0.7]), 0.35),
    (ALIKE, np.array([0.5, 0.1, 0.9]), 0.3),
    (WITHIN, np.array([0.9, 0.8]), 0.3),
    (THIRD, np.array([0.9, 0.8, 0.7]), 0.4),
    (HALF, np.array([0.9, 0.8, 0.7]), 0.5),
    (SAME, np.full(4, 0.5), 0.3),
    (BETWEEN, np.array([0.8, 0.9, 0.1]), 0.2),
    (NOTHING, np.zeros(0), 0.3),
]


NEGATIVE = "Where both sides of an intersection come out negative, their product is positive: no side is below 0."


@exercise
def suppressed_by(answer):
    """For each box the row of the box that suppressed it, and for a box that is kept its own row: int array (R,).

    Boxes are taken in falling score, of equal scores the lower row first. A box is kept unless its IoU with a box kept
    before is above the threshold; then the best of those suppressed it.
    """
    cases = SUPPRESSIONS + [_some_boxes(np.random.default_rng(seed)) for seed in range(20)]
    for boxes, scores, threshold in cases:
        what = f"suppressed_by({boxes.tolist()}, {_rounded(scores)}, {threshold:g})"
        got = np.asarray(call(answer, boxes, scores, threshold))
        if got.shape == scores.shape and (got == -1).any():
            raise Wrong(f"{what} is {got.tolist()}. A box that is kept has its own row, not -1.")
        if boxes is APART and got.shape == (3,) and got.tolist() != [0, 1, 2]:
            raise Wrong(f"{what} is {got.tolist()}, but these boxes have no pixel in common. {NEGATIVE}")
        require_equal(what, got, _owners(boxes, scores, threshold), _wrong_owners(boxes, scores, threshold))
    return f"Tried on {len(cases)} sets of boxes: unsorted, with ties, with an IoU at the threshold, and with no boxes."


def _owners(boxes, scores, threshold):
    kept = nms(boxes, scores, threshold)
    near = iou(boxes, boxes[kept]) > threshold
    owners = kept[near.argmax(axis=1)] if len(kept) else kept
    owners[kept] = kept
    return owners


def _wrong_owners(boxes, scores, threshold):
    """What typical mistakes give, each with a hint."""
    if not len(boxes):
        return []
    rows, order = np.arange(len(boxes)), by_score(scores)
    kept, owners = nms(boxes, scores, threshold), _owners(boxes, scores, threshold)
    above = (iou(boxes, boxes) > threshold) | np.eye(len(boxes), dtype=bool)
    from_below = rows[::-1][_owners(boxes[::-1], scores[::-1], threshold)[::-1]]
    nearest = np.where(owners == rows, rows, kept[iou(boxes, boxes[kept]).argmax(axis=1)])
    return [
        (
            _owners(boxes, scores, threshold / (1 - threshold)),  # common / (sum of areas) > t
            "The union is the sum of both areas less the intersection, which is in both.",
        ),
        (rows, "Every box was kept; those that overlap a better one by more than the threshold are not."),
        *(
            [(np.zeros_like(rows), "Divide the common area by the area of both boxes together, not of one of them.")]
            if boxes is WITHIN
            else []
        ),
        (nearest, "Of several kept boxes that overlap it, the one of the highest score counts, not the nearest."),
        (_owners(boxes, -rows, threshold), "The boxes were taken in the order given; sort them by score."),
        (_owners(boxes, -scores, threshold), "The worst box came first; the order is that of falling scores."),
        (
            _owners(boxes, scores, np.nextafter(threshold, 0)),
            "An IoU of exactly the threshold does not suppress: compare with > and not with >=.",
        ),
        (
            _owners(boxes + [0, 0, 1, 1], scores, threshold),
            "It looks like a + 1 in the sides. Boxes are half-open: a height is bottom - top.",
        ),
        (from_below, "Of equal scores the lower row comes first. A sort that is turned around turns the ties, too."),
        (
            order[above[:, order].argmax(axis=1)],
            "A box that is suppressed suppresses nothing any more: compare only with boxes that were kept.",
        ),
        (
            _owners(boxes[order], scores[order], threshold),
            "These are places in the sorted list; give the rows of the boxes as they came, unsorted.",
        ),
    ]


def _some_boxes(rng):
    count = int(rng.integers(1, 12))
    corner, sides = rng.integers(0, 20, (count, 2)), rng.integers(3, 16, (count, 2))
    scores = rng.integers(0, 6, count) / 5 if rng.random() < 0.5 else rng.permutation(count) / count
    return np.hstack([corner, corner + sides]), scores, float(rng.choice([0.2, 0.3, 0.5]))


# ---------------------------------------------------------------------------------------------------

OBJECTS = np.array([[0, 0, 10, 10], [0, 20, 10, 30], [30, 0, 50, 20]])
NEAR = OBJECTS + [0, 0, 0, 1]  # IoU .91, .91 and .95
TWINS = np.array([[0, 0, 10, 10], [0, 2, 10, 12]])  # two objects of IoU .67
EASY = np.zeros(3, bool)
MATCHES = [
    (NEAR, np.array([0.9, 0.8, 0.7]), OBJECTS, EASY),
    (np.concatenate([NEAR, OBJECTS]), np.linspace(0.9, 0.4, 6), OBJECTS, EASY),
    (np.concatenate([NEAR, OBJECTS]), np.linspace(0.4, 0.9, 6), OBJECTS, EASY),
    (np.array([[0, 0, 10, 5], [0, 20, 10, 24]]), np.array([0.9, 0.8]), OBJECTS, EASY),  # IoU .5 and .4
    (np.array([[0, 0, 2, 2]]), np.array([0.9]), np.array([[0, 1, 2, 3]]), EASY[:1]),  # IoU 1/3, with "+ 1" .5
    (NEAR, np.array([0.9, 0.8, 0.7]), OBJECTS, np.array([False, True, False])),
    (np.concatenate([NEAR, OBJECTS]), np.linspace(0.9, 0.4, 6), OBJECTS, np.array([True, False, True])),
    (np.array([[0, 0, 10, 10], [0, 0, 10, 10]]), np.array([0.9, 0.8]), TWINS, EASY[:2]),
    (TWINS[::-1], np.array([0.9, 0.8]), TWINS, EASY[:2]),  # each is one of them, and overlaps the other by .67
    (np.concatenate([OBJECTS, NEAR]), np.full(6, 0.5), OBJECTS, EASY),
    (NEAR, np.array([0.9, 0.8, 0.7]), NOTHING, EASY[:0]),
    (NOTHING, np.zeros(0), OBJECTS, EASY),
]


@exercise
def verdicts(answer):
    """What each detection of a class in one picture counts: 1 correct, -1 wrong, 0 not at all; int array (R,).

    By the rules of Pascal VOC: detections are taken in falling score, of equal scores the lower row first, and each is
    compared with the object that it overlaps most. It is wrong if that IoU is below .5. Else it does not count if the
    object is difficult. Else it is correct, if no detection before it had the object, and wrong if one had.
    """
    cases = MATCHES + [_some_detections(np.random.default_rng(seed)) for seed in range(20)]
    for boxes, scores, truth, difficult in cases:
        what = (
            f"verdicts(boxes {boxes.tolist()}, scores {_rounded(scores)}, truth {truth.tolist()}, "
            f"difficult {difficult.tolist()})"
        )
        got, want = call(answer, boxes, scores, truth, difficult), _counts(match(boxes, scores, truth, difficult))
        require_equal(what, got, want, _wrong_verdicts(boxes, scores, truth, difficult))
    return f"Tried on {len(cases)} pictures: duplicates, difficult objects, an IoU of .5, no objects, no detections."


def _counts(matched):
    correct, ignored = matched
    return np.where(ignored, 0, np.where(correct, 1, -1))


def _wrong_verdicts(boxes, scores, truth, difficult):
    """What typical mistakes give, each with a hint."""
    if not len(truth) or not len(boxes):
        return []
    right, near = _counts(match(boxes, scores, truth, difficult)), iou(boxes, truth).max(axis=1) >= 0.5
    without = match(boxes, scores, truth[~difficult])
    backwards = _counts(match(boxes[::-1], scores[::-1], truth, difficult))[::-1]
    twice = "An object can be found once: a second detection of it is wrong, however well it fits."
    return [
        (
            _second_choices(boxes, scores, truth, difficult),
            "A detection belongs to the object that it overlaps most, and gets no other when that one is taken.",
        ),
        (
            _first_choices(boxes, scores, truth, difficult),
            "A detection belongs to the object that it overlaps most, not to the first that it overlaps enough.",
        ),
        (np.where(near & (right != 0), 1, right), twice),
        (_counts(match(boxes, scores, truth)), "A detection of a difficult object counts neither way, so 0."),
        (_counts(without), "Who leaves out difficult objects from the start counts what finds them as wrong; it is 0."),
        (
            _counts(match(boxes, -np.arange(len(boxes)), truth, difficult)),
            "Of two detections of an object the one with the higher score is correct: go in falling score.",
        ),
        (
            _counts(match(boxes, -scores, truth, difficult)),
            "The worst detection came first, and took the object: go in falling score.",
        ),
        (backwards, "Of equal scores the lower row comes first. A sort that is turned around turns the ties, too."),
        (
            _counts(match(boxes, scores, truth, difficult, np.nextafter(0.5, 1))),
            "An IoU of exactly .5 is enough: compare with >= and not with >.",
        ),
        (
            _counts(match(boxes, scores, truth, difficult, inclusive=True)),
            "It looks like a + 1 in the sides. Boxes are half-open: a height is bottom - top.",
        ),
        (np.where(near & (right < 0), 0, right), f"{twice} It is -1, not 0."),
    ]


def _second_choices(boxes, scores, truth, difficult):
    """What comes out if a detection may take the best object that is still free."""
    right, overlaps = _counts(match(boxes, scores, truth, difficult)), iou(boxes, truth)
    free = ~difficult
    for row in by_score(scores):
        if right[row]:
            overlap = np.where(free, overlaps[row], 0)
            right[row] = 1 if overlap.max() >= 0.5 else -1
            free[overlap.argmax()] &= overlap.max() < 0.5
    return right


def _first_choices(boxes, scores, truth, difficult):
    """What comes out if a detection belongs to the first object that it overlaps enough."""
    enough, had, said = iou(boxes, truth) >= 0.5, difficult.copy(), np.full(len(boxes), -1)
    for row in by_score(scores):
        if enough[row].any():
            k = enough[row].argmax()
            said[row] = 0 if difficult[k] else -1 if had[k] else 1
            had[k] = True
    return said


def _some_detections(rng):
    count = int(rng.integers(1, 5))
    corner, sides = rng.integers(0, 40, (count, 2)), rng.integers(8, 25, (count, 2))
    truth = np.hstack([corner, corner + sides])
    boxes = np.repeat(truth, 3, axis=0) + rng.integers(-3, 4, (3 * count, 4))
    scores = rng.integers(0, 5, len(boxes)) / 4 if rng.random() < 0.5 else rng.permutation(len(boxes)) / len(boxes)
    return boxes, scores, truth, rng.random(count) < 0.3


# ---------------------------------------------------------------------------------------------------

HITS = [
    ([1, 0, 1, 1], 3),
    ([1, 0, 1, 1, 0], 4),
    ([0, 0, 1, 0, 1, 1], 4),
    ([1, 1, 0, 1, 0, 0, 1], 10),  # recalls of .1, .2, .3 and .4: no tenth may be missed by rounding
    ([1, 1, 1], 3),
    ([0, 0, 0], 5),
    ([], 2),
    ([0, 0], 0),
]


@exercise
def average_precision(answer):
    """Mean of the best precision at a recall of r or more, over r = 0/points, 1/points, .., points/points.

    `hits` says of each detection, in falling score, whether it is correct; `positives` is the number of objects. Where
    no recall reaches r, the precision is 0. VOC's rule of 2007 is points=10, COCO's points=100. NaN without objects.
    """
    rng = np.random.default_rng(0)
    cases = [(np.array(hits, bool), positives) for hits, positives in HITS]
    cases += [(rng.random(n) < 0.6, n + int(rng.integers(0, 9))) for n in rng.integers(1, 60, 12)]
    tried = [(hits, positives, points) for hits, positives in cases for points in (10, 100, 4)]
    for hits, positives, points in tried:
        what = f"average_precision({hits.astype(int).tolist()}, {positives}, {points})"
        got = call(answer, hits, positives, points)
        want = _mean_of_points(hits, positives, points)
        require_equal(what, got, want, _wrong_averages(hits, positives, points), atol=1e-12)
    return f"Tried on {len(tried)} lists of hits: 5, 11 and 101 points, no hits, no detections, no objects."


def _mean_of_points(hits, positives, points, best_from_there=True, strict=False, levels=None, over=None):
    """The right mean; or, with the other arguments, the mistaken ones."""
    if not positives:
        return np.nan
    levels = np.arange(points + 1) / points if levels is None else levels
    found = np.cumsum(hits)
    precision, recall = found / np.arange(1, len(hits) + 1), found / positives
    reached = recall[:, None] > levels if strict else recall[:, None] >= levels  # exact: equal quotients are equal
    if best_from_there:
        values = np.where(reached, precision[:, None], 0).max(axis=0, initial=0)
    else:
        values = np.append(precision, 0)[np.where(reached.any(axis=0), reached.argmax(axis=0), len(hits))]
    return values.sum() / (len(levels) if over is None else over(reached.any(axis=0)))


def _wrong_averages(hits, positives, points):
    """What typical mistakes give, each with a hint."""
    if not positives or not hits.any():
        unlike = "Without a hit the average is 0; without objects there is nothing to average, and it is NaN."
        return [(np.asarray(value), unlike) for value in (0.0, 1.0, np.nan)]
    drifting = np.cumsum(np.full(points + 1, 1 / points)) - 1 / points
    return [
        (
            _mean_of_points(hits, positives, points, best_from_there=False),
            "At each r the best precision counts, at this recall or a higher one, not the first.",
        ),
        (by_rule(-np.arange(len(hits)), hits, positives), "This is the area under the curve, not the mean of points."),
        (
            _mean_of_points(hits, positives, points, over=np.sum),
            "Points that no recall reaches have a precision of 0; they belong to the mean.",
        ),
        (
            _mean_of_points(hits, positives, points, over=lambda _: points),
            "From 0/points to points/points there are points + 1 numbers.",
        ),
        (
            _mean_of_points(hits, positives, points, levels=np.arange(points) / points),
            "The last point, a recall of 1, is missing.",
        ),
        (
            _mean_of_points(hits, positives, points, levels=np.arange(1, points + 1) / points),
            "The first point, a recall of 0, is missing.",
        ),
        (
            _mean_of_points(hits, positives, points, strict=True),
            "A recall of exactly r reaches r: compare with >= and not with >.",
        ),
        (
            _mean_of_points(hits, int(hits.sum()), points),
            "The recall is the share of all objects, also of those that no detection found.",
        ),
        *(
            (
                _mean_of_points(hits, positives, points, levels=levels),
                "A recall was missed by rounding: .1 + .1 + .1 is above 3/10. Compare whole numbers, or quotients.",
            )
            for levels in (np.linspace(0, 1, points + 1), np.arange(points + 1) * (1 / points), drifting)
        ),
    ]


def _rounded(scores):
    return np.round(scores, 2).tolist()

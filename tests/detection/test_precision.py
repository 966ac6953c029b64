"""Average precision: worked by hand, against fractions, and against published figures."""

import json
import math
import re
from pathlib import Path

import box_properties
import naive_boxes
import numpy as np
import pytest

from minispp.detection.precision import average_precision, evaluate, precision_recall

ORACLE = Path(__file__).parents[3] / "shared" / "data" / "oracle_odm"
TOM, TIM, ROW = [0, 0, 10, 10], [0, 20, 10, 30], [0, 40, 10, 50]

# Two pictures, by hand. Cats: Tom and Tim in the first, one difficult in the second. Dogs: one, in the second.
TRUTHS = [([TOM, TIM], [0, 0], [False, False]), ([ROW, TOM], [0, 1], [True, False])]
DETECTIONS = [
    ([TOM, [0, 0, 10, 9], TIM, [0, 80, 10, 90]], [0.9, 0.8, 0.7, 0.95], [0, 0, 0, 1]),
    ([ROW, [50, 50, 60, 60], TOM], [0.99, 0.85, 0.5], [0, 0, 1]),
]


def test_by_hand():
    """Cats in falling score: difficult (ignored), correct, far away, duplicate, correct."""
    result = evaluate(DETECTIONS, TRUTHS, ["cat", "dog", "cow"])
    cat, dog, cow = result.scores.values()
    assert cat.precision.tolist() == [1, 1 / 2, 1 / 3, 2 / 4] and cat.recall.tolist() == [0.5, 0.5, 0.5, 1]
    assert (cat.positives, cat.difficult, cat.detections, cat.correct, cat.ignored) == (2, 1, 5, 2, 1)
    assert math.isclose(cat.area, 0.5 * 1 + 0.5 * 0.5) and math.isclose(cat.eleven, (6 * 1 + 5 * 0.5) / 11)
    assert dog.area == dog.eleven == 0.5 and (dog.positives, dog.correct) == (1, 1)
    assert math.isnan(cow.area) and math.isnan(cow.eleven) and cow.precision.shape == (0,)
    assert math.isclose(result.mean(), (0.75 + 0.5) / 2)  # the cows left out
    assert math.isclose(result.mean("11-point"), (8.5 / 11 + 0.5) / 2)


def test_result_as_text_and_json():
    result = evaluate(DETECTIONS, TRUTHS, ["cat", "dog", "a cow with a long name"])
    assert str(result).splitlines() == [
        "AP at IoU 0.5             area  11-point  objects  found",
        "cat                       75.0      77.3        2      2",
        "dog                       50.0      50.0        1      1",
        "a cow with a long name     nan       nan        0      0",
        "mean                      62.5      63.6",
    ]
    again = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert again == result.summary()
    assert again["classes"]["a cow with a long name"]["area"] is None
    assert again["classes"]["cat"] == {
        "area": 0.75, "11-point": pytest.approx(8.5 / 11), "positives": 2, "difficult": 1, "detections": 5,
        "correct": 2, "ignored": 1,
    }  # fmt: skip
    assert again["mean"]["area"] == 0.625


def test_average_precision():
    box_properties.precision_is_averaged(average_precision)


def test_a_recall_of_exactly_a_tenth():
    """3 of 10 found reach a recall of .3; in floating point 3 * .1 is more than that."""
    assert average_precision(np.ones(3), [True] * 3, 10, "11-point") == 4 / 11
    for positives in range(1, 60):
        flags = [True] * positives
        for found in range(positives + 1):
            expected = (10 * found // positives + 1 if found else 0) / 11
            assert average_precision(np.ones(found), flags[:found], positives, "11-point") == pytest.approx(expected)


def test_nothing_found_and_nothing_there():
    for rule in ("area", "11-point"):
        assert average_precision([], [], 3, rule) == 0
        assert math.isnan(average_precision([0.5], [False], 0, rule))
        assert math.isnan(average_precision([], [], 0, rule))
        assert average_precision([0.5], [True], 1, rule) == 1
    precision, recall = precision_recall([0.5], [False], 0)
    assert precision.tolist() == [0] and np.isnan(recall).all()
    empty = evaluate([], [], ["cat"])
    assert math.isnan(empty.mean()) and empty.summary()["mean"] == {"area": None, "11-point": None}


def test_equal_scores_keep_their_order_over_pictures():
    """All scores are equal: the first picture's detection is wrong, and comes first."""
    truths = [([TOM], [0], [False]), ([TOM], [0], [False])]
    found = [([TIM], [1], [0]), ([TOM], [1], [0])]
    assert evaluate(found, truths, ["cat"]).mean() == 0.25
    assert evaluate(found[::-1], truths, ["cat"]).mean() == 0.5


@pytest.mark.parametrize("inclusive", [False, True])
def test_against_loops(inclusive):
    """Pictures, classes, ties, duplicates and difficult objects, drawn; the whole evaluation in fractions."""
    for rng, _ in box_properties.draws(120, 21):
        truths, detections = [], []
        for _ in range(int(rng.integers(1, 4))):
            truth = box_properties.draw_boxes(rng, int(rng.integers(0, 5)), np.int64)
            boxes = box_properties.draw_boxes(rng, int(rng.integers(0, 9)), np.int64)
            if len(truth):
                boxes = np.vstack([boxes, truth + rng.integers(0, 2, truth.shape), truth[:1]])
            truths.append((truth, rng.integers(0, 2, len(truth)), rng.random(len(truth)) < 0.3))
            detections.append((boxes, rng.integers(0, 4, len(boxes)), rng.integers(0, 2, len(boxes))))
        result = evaluate(detections, truths, ["a", "b", "c"], 0.5, inclusive)
        for label, score in enumerate(result.scores.values()):
            scores, flags, positives = [], [], 0
            for (boxes, their, labels), (truth, kinds, difficult) in zip(detections, truths, strict=True):
                ours, objects = labels == label, kinds == label
                lists = (a.tolist() for a in (boxes[ours], their[ours], truth[objects], difficult[objects]))
                correct, ignored = naive_boxes.match(*lists, 0.5, inclusive)
                kept = [i for i, flag in enumerate(ignored) if not flag]
                scores += [their[ours].tolist()[i] for i in kept]
                flags += [correct[i] for i in kept]
                positives += int((objects & ~difficult).sum())
            assert (score.positives, score.correct, score.detections - score.ignored) == (
                positives, sum(flags), len(flags),
            )  # fmt: skip
            for rule, found in (("area", score.area), ("11-point", score.eleven)):
                expected = naive_boxes.average_precision(scores, flags, positives, rule)
                assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_refused():
    with pytest.raises(ValueError, match="detections for each of 2 pictures, got 1"):
        evaluate(DETECTIONS[:1], TRUTHS, ["cat", "dog"])
    for found, message in (
        (([TOM], [0.5], [2]), "picture 0: expected a label below 2 for each of 1 boxes, got [2]"),
        (([TOM], [0.5], [-1]), "got [-1]"),
        (([TOM], [0.5], [0.0]), "got [0.0]"),
        (([TOM], [np.nan], [0]), "picture 0: expected a score, not NaN"),
        (([TOM], [0.5, 0.6], [0]), "picture 0"),
        (([TOM[:3]], [0.5], [0]), "picture 0: boxes: expected rows"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            evaluate([found], TRUTHS[:1], ["cat", "dog"])
    with pytest.raises(ValueError, match="picture 1"):
        evaluate(DETECTIONS, [TRUTHS[0], ([TOM], [0], [False, True])], ["cat", "dog"])
    with pytest.raises(ValueError, match="expected a rule of"):
        average_precision([1], [True], 1, "mean")
    with pytest.raises(ValueError, match="at most 1 of them true, got .* with 2"):
        average_precision([1, 2], [True, True], 1)


# -- published figures -----------------------------------------------------------------------------


def read(path, number_of_words):
    """Rows (top, left, bottom, right) from lines that end in x, y, width, height, and the word before, if any."""
    lines = [line.split() for line in path.read_text().splitlines()]
    x, y, width, height = np.array([line[-4:] for line in lines], float).T
    return np.stack([y, x, y + height, x + width], axis=1), [line[1] for line in lines if len(line) == number_of_words]


@pytest.mark.skipif(not ORACLE.is_dir(), reason="../shared/data/oracle_odm is not there")
@pytest.mark.parametrize(
    ("threshold", "area", "eleven"),
    [(0.3, 0.2456866804, 0.2683982683), (0.5, 0.0222222222, 0.0303030303), (0.75, 0, 0)],
)
def test_published_figures(threshold, area, eleven):
    """Object-Detection-Metrics: corners x, y, x + width, y + height, the last pixel inside."""
    truths, detections = [], []
    for path in sorted((ORACLE / "groundtruths").iterdir()):
        truth, _ = read(path, 6)
        boxes, scores = read(ORACLE / "detections" / path.name, 6)
        truths.append((truth, np.zeros(len(truth), int), np.zeros(len(truth), bool)))
        detections.append((boxes, np.array(scores, float), np.zeros(len(boxes), int)))
    result = evaluate(detections, truths, ["person"], threshold, inclusive=True)
    person = result.scores["person"]
    assert (person.positives, person.detections) == (15, 24)
    assert abs(person.area - area) < 1e-9 and abs(person.eleven - eleven) < 1e-9
    assert abs(result.mean() - area) < 1e-9

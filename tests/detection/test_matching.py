"""Which detections are correct, and what proposals reach: against loops over fractions."""

import re

import box_properties
import naive_boxes
import numpy as np
import pytest

from minispp.detection.matching import match, proposal_recall

CAT = [[10, 10, 20, 20]]


def test_match():
    box_properties.detections_are_judged(match)


def test_a_second_detection_is_wrong_and_the_better_score_comes_first():
    found = [[10, 10, 20, 20], [10, 10, 20, 19], [0, 0, 5, 5]]
    assert match(found, [0.1, 0.2, 0.9], CAT)[0].tolist() == [False, True, False]
    assert match(found, [0.2, 0.2, 0.2], CAT)[0].tolist() == [True, False, False]


def test_a_detection_is_judged_by_its_best_object_only():
    """The best one is had already: VOC does not look for a second, though it would do."""
    truth = [[0, 0, 10, 10], [0, 0, 10, 14]]
    correct, _ = match([[0, 0, 10, 10], [0, 0, 10, 11]], [0.9, 0.8], truth)
    assert correct.tolist() == [True, False]


def test_difficult_objects_count_neither_way():
    """Detections of them are ignored, all of them; and the best object may be the difficult one."""
    truth, difficult = [[0, 0, 10, 10], [0, 0, 10, 12]], [True, False]
    correct, ignored = match([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 12]], [0.9, 0.8, 0.7], truth, difficult)
    assert correct.tolist() == [False, False, True] and ignored.tolist() == [True, True, False]


def test_the_threshold_is_reached_by_equality():
    half = [[10, 10, 20, 15]]
    assert match(half, [1], CAT, threshold=0.5)[0].tolist() == [True]
    assert match(half, [1], CAT, threshold=np.nextafter(0.5, 1))[0].tolist() == [False]


def test_inclusive_numbers():
    """Columns 10..14 of 10..19 are a half; as corners on an axis, 4 of 9."""
    assert match([[10, 10, 19, 14]], [1], [[10, 10, 19, 19]], inclusive=True)[0].tolist() == [True]
    assert match([[10, 10, 19, 14]], [1], [[10, 10, 19, 19]])[0].tolist() == [False]


def test_nothing_to_match():
    for boxes, truth in (([], CAT), (CAT, []), ([], [])):
        correct, ignored = match(boxes, np.ones(len(boxes)), truth)
        assert correct.shape == ignored.shape == (len(boxes),) and not correct.any() and not ignored.any()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scores": [1, 2]}, "a score, not NaN, for each of 1 detections, got (2,)"),
        ({"scores": [np.nan]}, "not NaN"),
        ({"difficult": [True, False]}, "a flag for each of 1 objects, got (2,)"),
        ({"threshold": 0}, "a threshold in (0, 1], got 0"),
        ({"threshold": np.nan}, "got nan"),
        ({"boxes": [[1, 2, 3]]}, "match: boxes: expected rows"),
        ({"truth": [[1, 2, 3, np.nan]]}, "match: truth: expected coordinates"),
    ],
)
def test_match_refuses(changed, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        match(**{"boxes": CAT, "scores": [1], "truth": CAT} | changed)


def test_recall_of_proposals():
    thresholds, counts = (0.3, 0.5, 2 / 3, 1.0), (0, 1, 2, 5, 100)
    for rng, _ in box_properties.draws(150, 20):
        pictures = int(rng.integers(1, 4))
        proposals, truths = (
            [box_properties.draw_boxes(rng, int(rng.integers(0, most)), np.int32) for _ in range(pictures)]
            for most in (9, 4)
        )
        table = proposal_recall(proposals, truths, thresholds, counts)
        objects = sum(map(len, truths))
        for i, threshold in enumerate(thresholds):
            for j, count in enumerate(counts):
                reached = sum(
                    any(float(naive_boxes.iou(box, near)) >= threshold for near in boxes[:count].tolist())
                    for boxes, truth in zip(proposals, truths, strict=True)
                    for box in truth.tolist()
                )
                assert table[i, j] == reached / objects if objects else np.isnan(table[i, j])


def test_recall_without_objects_or_pictures():
    assert np.isnan(proposal_recall([CAT], [[]])).all() and np.isnan(proposal_recall([], [])).all()
    assert proposal_recall([[]], [CAT]).tolist() == [[0.0]]


def test_recall_refuses():
    with pytest.raises(ValueError, match="proposals for each of 2 pictures"):
        proposal_recall([CAT], [CAT, CAT])
    with pytest.raises(ValueError, match=re.escape("got 1 and [-1]")):
        proposal_recall([CAT], [CAT], counts=[-1])

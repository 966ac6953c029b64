"""From scores to detections, against loops over all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_boxes import iou as naive_iou

from minispp.detection.decide import decide, join


def naive(boxes, scores, threshold, least, top):
    """Greedy, one class after the other, in plain Python: (score, class, row), the best first."""
    found = []
    for label in range(scores.shape[1]):
        order = sorted(range(len(scores)), key=lambda row: (-scores[row, label], row))
        kept = []
        for row in order:
            near = any(float(naive_iou(boxes[row][label], boxes[other][label])) > threshold for other in kept)
            if scores[row, label] >= least and not near:
                kept.append(row)
        found += [(scores[row, label], label, row) for row in kept]
    return sorted(found, key=lambda entry: (-entry[0], entry[1]))[:top]


@given(st.integers(0, 12), st.integers(1, 3), st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.integers(0, 2**31))
def test_decisions(count, classes, threshold, seed):
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 8, (count, classes, 2))
    boxes = np.concatenate([start, start + rng.integers(1, 8, (count, classes, 2))], axis=2)
    scores = rng.integers(0, 6, (count, classes)) / 4  # many ties
    least, top = 0.5, int(rng.integers(0, 9))
    found = decide(boxes, scores, threshold=threshold, least=least, top=top)
    expected = naive(boxes, scores, threshold, least, top)
    assert found.scores.tolist() == [score for score, _, _ in expected]
    assert found.labels.tolist() == [label for _, label, _ in expected]
    assert found.boxes.tolist() == [boxes[row, label].tolist() for _, label, row in expected]


def test_classes_share_boxes_where_they_have_none_of_their_own():
    boxes, scores = np.array([[0, 0, 4, 4], [0, 0, 4, 5]]), np.array([[0.5, 0.1], [0.4, 0.9]])
    alone = decide(np.stack([boxes, boxes], axis=1), scores)
    assert all((ours == theirs).all() for ours, theirs in zip(decide(boxes, scores), alone, strict=True))
    assert alone.scores.tolist() == [0.9, 0.5] and alone.labels.tolist() == [1, 0]


def test_joined_models_are_suppressed_together():
    box = np.array([[[0.0, 0, 10, 10]]])
    first, second = (box, np.array([[0.7]])), (box + 1, np.array([[0.9]]))
    found = decide(*join(first, second))
    assert found.scores.tolist() == [0.9] and found.boxes.tolist() == [[1, 1, 11, 11]]
    apart = decide(*join(first, (box + 20, np.array([[0.9]]))))
    assert apart.scores.tolist() == [0.9, 0.7]


def test_nothing():
    found = decide(np.zeros((0, 3, 4)), np.zeros((0, 3)))
    assert found.boxes.shape == (0, 4) and len(found.scores) == len(found.labels) == 0


@pytest.mark.parametrize(("boxes", "scores"), [((4, 4), (3, 2)), ((4, 3, 4), (4, 2)), ((4, 4), (4,))])
def test_shapes_that_do_not_fit(boxes, scores):
    with pytest.raises(ValueError, match="decide: expected"):
        decide(np.zeros(boxes), np.zeros(scores))

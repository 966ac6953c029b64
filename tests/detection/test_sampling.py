"""Which windows teach: labels from overlaps, and a quarter of positives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_boxes import iou as naive_iou

from minispp.detection.sampling import draw_windows, label_windows

BACKGROUND = 9


def some_boxes(rng, count):
    start = rng.integers(0, 12, (count, 2))
    return np.hstack([start, start + rng.integers(1, 9, (count, 2))])


@given(st.integers(0, 9), st.integers(0, 5), st.integers(0, 2**31))
def test_labels_are_those_of_the_definition(count, objects, seed):
    rng = np.random.default_rng(seed)
    truth, labels = some_boxes(rng, objects), rng.integers(0, BACKGROUND, objects)
    boxes = np.concatenate([some_boxes(rng, count), truth[:2]])
    found = label_windows(boxes, truth, labels, BACKGROUND)
    for box, label in zip(boxes, found, strict=True):
        overlaps = [naive_iou(box, other) for other in truth]
        most = float(max(overlaps, default=0))
        if most >= 0.5:
            assert label == labels[overlaps.index(max(overlaps))]
        else:
            assert label == (BACKGROUND if most >= 0.1 else -1)


def test_both_ends_of_the_ranges():
    truth = [[0, 0, 10, 10]]
    half, tenth, just_under = [0, 0, 10, 5], [0, 0, 10, 1], [0, 0, 7, 7]
    assert label_windows([half, tenth, just_under], truth, [3], BACKGROUND).tolist() == [3, BACKGROUND, BACKGROUND]
    assert label_windows([half], truth, [3], BACKGROUND, positive_iou=(0.51, 1)).tolist() == [-1]


@given(
    st.lists(st.sampled_from([-1, 0, 1, BACKGROUND]), max_size=40),
    st.integers(0, 20),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.integers(0, 2**31),
)
def test_drawn_windows(classes, count, share, seed):
    rows, drawn = draw_windows(np.array(classes, np.int64), BACKGROUND, count, np.random.default_rng(seed), share)
    classes = np.array(classes, np.int64)
    assert len(set(rows.tolist())) == len(rows) == len(drawn)
    positives, negatives, far = (int(n) for n in ((classes % BACKGROUND >= 0).sum(), 0, (classes < 0).sum()))
    positives = int(((classes >= 0) & (classes != BACKGROUND)).sum())
    negatives = int((classes == BACKGROUND).sum())
    wanted = min(round(share * count), positives)
    assert (drawn != BACKGROUND).sum() == wanted
    assert len(rows) == min(count, wanted + negatives + far), "fewer candidates than wanted are no reason to crash"
    assert (classes[rows] == -1).sum() == max(0, len(rows) - wanted - negatives), "far windows only fill up"
    kept = classes[rows] >= 0
    assert (drawn[kept] == classes[rows][kept]).all() and (drawn[~kept] == BACKGROUND).all()


def test_every_positive_has_its_turn():
    classes = np.array([0] * 5 + [BACKGROUND] * 50)
    seen = {row for seed in range(50) for row in draw_windows(classes, BACKGROUND, 8, np.random.default_rng(seed))[0]}
    assert seen == set(range(55))


def test_without_objects_all_is_background():
    assert label_windows([[0, 0, 4, 4]], np.zeros((0, 4)), [], BACKGROUND).tolist() == [-1]
    rows, drawn = draw_windows([-1, -1], BACKGROUND, 5, np.random.default_rng(0))
    assert sorted(rows.tolist()) == [0, 1] and drawn.tolist() == [BACKGROUND] * 2


@pytest.mark.parametrize("count", [0, 1])
def test_few(count):
    rows, drawn = draw_windows([2, BACKGROUND], BACKGROUND, count, np.random.default_rng(0))
    assert len(rows) == len(drawn) == count

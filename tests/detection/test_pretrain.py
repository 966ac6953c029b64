"""Crops of scenes as a classification set."""

import numpy as np
import pytest
import tiny
import tiny_scenes
from hypothesis import given
from hypothesis import strategies as st
from naive_boxes import iou as naive_iou

from minispp.detection.pretrain import Crops, jittered
from minispp.sizes import Single


def crops(count=60, **settings):
    scenes = tiny_scenes.Scenes()
    return Crops(scenes, tiny_scenes.proposals(scenes), count, 12, **settings)


def test_a_sample_depends_on_the_seed_and_its_number_only():
    first, again, other = crops(), crops(), crops(seed=1)
    order = np.random.default_rng(0).permutation(60)
    for index in order:
        view, label = first[index]
        assert view.shape == (12, 12, 3) and view.dtype == np.uint8 and label == first.labels[index]
    assert all((first[index][0] == again[index][0]).all() for index in range(60))
    assert any((first[index][0] != other[index][0]).any() for index in range(60))
    assert len(crops(count=7)) == 7


def test_a_checkpoint_of_other_crops_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    settings = {"epochs": 1, "sizes": Single(12), "checkpoint": path}
    tiny.fit(tiny.net(), crops(6), **settings)
    tiny.fit(tiny.net(), crops(6), **settings)
    other = tiny_scenes.Scenes(seed=4)
    for data in (Crops(other, tiny_scenes.proposals(other), 6, 12), crops(6, seed=1), crops(6, jitter=0.1)):
        with pytest.raises(ValueError, match="belongs to a run with data = "):
            tiny.fit(tiny.net(), data, **settings)


def test_shares_of_the_classes():
    labels = crops(count=6000, background=0.4).labels
    assert crops().classes == ["red", "green", "background"]
    np.testing.assert_allclose(np.bincount(labels) / 6000, [0.3, 0.3, 0.4], atol=0.03)


def test_crops_show_what_their_label_says():
    """An object's channel is 150 brighter than the others; without jitter a crop is the object and nothing else."""
    samples = crops(jitter=0.0)
    for view, label in (samples[index] for index in range(60)):
        red, green, blue = view.reshape(-1, 3).mean(axis=0)
        if label < 2:
            assert (red, green)[label] > blue + 100 > (green, red)[label] + 50


def test_background_overlaps_no_object_not_even_a_difficult_one():
    scenes = tiny_scenes.Scenes()
    samples = Crops(scenes, tiny_scenes.proposals(scenes), 10, 12, background_iou=0.2)
    rows = samples._boxes[-1]
    assert len(rows) > 20
    for number, *box in rows.tolist():
        assert max((naive_iou(box, other) for other in scenes.scene(number).boxes), default=0) < 0.2
    sure = sum(int((~scenes.scene(k).difficult).sum()) for k in range(len(scenes)))
    assert sum(map(len, samples._boxes[:2])) == sure


@given(
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
    st.floats(0, 0.49),
    st.integers(0, 2**31),
)
def test_jittered_boxes_stay_near_and_in_the_picture(shape, jitter, seed):
    rng = np.random.default_rng(seed)
    top, left = rng.integers(0, shape[0]), rng.integers(0, shape[1])
    box = top, left, rng.integers(top, shape[0]) + 1, rng.integers(left, shape[1]) + 1
    moved = jittered(box, jitter, shape, rng)
    assert 0 <= moved[0] < moved[2] <= shape[0] and 0 <= moved[1] < moved[3] <= shape[1]
    for axis in (0, 1):
        most = jitter * (box[axis + 2] - box[axis]) + 1  # half a pixel of rounding; one, where a box would be empty
        assert abs(moved[axis] - box[axis]) <= most and abs(moved[axis + 2] - box[axis + 2]) <= most


def test_every_edge_moves_both_ways_by_its_own_share():
    rng = np.random.default_rng(0)
    moved = np.array([jittered((100, 200, 140, 300), 0.2, (500, 500), rng) for _ in range(300)])
    moves = (moved - (100, 200, 140, 300)) / (40, 100, 40, 100)
    assert (moves.min(axis=0) < -0.17).all() and (moves.max(axis=0) > 0.17).all()
    assert (abs(moves) <= 0.2 + 0.5 / 40).all()
    assert abs(np.corrcoef(moves.T) - np.eye(4)).max() < 0.3, "each edge by itself"


def test_classes_without_boxes_and_settings_that_make_no_sense():
    scenes = tiny_scenes.Scenes()
    windows = tiny_scenes.proposals(scenes)
    with pytest.raises(ValueError, match="not one box of 'background' in 8 scenes"):
        Crops(scenes, [scenes.scene(k).boxes for k in range(8)], 10, 12)
    with pytest.raises(ValueError, match="proposals for each of 8 scenes, got 3"):
        Crops(scenes, windows[:3], 10, 12)
    scenes.classes = ["red", "green", "blue"]
    with pytest.raises(ValueError, match="not one box of 'blue'"):
        Crops(scenes, windows, 10, 12)
    for settings in ({"count": 0}, {"side": 0}, {"background": 1.0}, {"jitter": 0.5}):
        with pytest.raises(ValueError, match="expected count >= 1"):
            Crops(scenes, windows, **{"count": 10, "side": 12, **settings})

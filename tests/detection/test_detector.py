"""All stages together, on scenes that take a second; and the file that a detector is kept in."""

import json

import numpy as np
import pytest
import tiny
import tiny_scenes
from naive_boxes import iou as naive_iou

from minispp import kernels
from minispp.boxes import clip
from minispp.detection.decide import decide
from minispp.detection.detector import Detector
from minispp.detection.modes import RcnnMode, SppMode
from minispp.detection.precision import evaluate
from minispp.detection.regress import predict_all
from minispp.detection.training import DescribedScenes, fit_regressors, train_detector
from minispp.weights import read_tensors, write_tensors

SEARCH = {"mode": "single", "scale": 50.0, "min_size": 20}
SVM = {"C": 0.1, "bias": 1.0, "rounds": 1}
MODES = [SppMode((40, 56), area_side=20), RcnnMode(24)]


def made(mode, seed=0):
    scenes = tiny_scenes.Scenes(12)
    net = tiny.net(mean=(90, 80, 50), std=(60, 60, 40)).to(kernels.cpu)
    windows = tiny_scenes.proposals(scenes)
    return train_detector(net, mode, scenes, windows, SEARCH, svm=SVM, ridge=10.0, seed=seed, progress=False)


@pytest.fixture(scope="module", params=MODES, ids=["spp", "rcnn"])
def detector(request):
    return made(request.param)


def test_it_finds_objects_of_other_scenes(detector):
    """Red and green rectangles, which even random convolutions tell apart."""
    scenes = tiny_scenes.Scenes(8, seed=5)
    windows = tiny_scenes.proposals(scenes, seed=5)
    found = [detector.detect(scenes.scene(k).picture, windows[k]) for k in range(8)]
    result = evaluate(found, [scenes.scene(k)[1:] for k in range(8)], scenes.classes)
    assert result.mean() > 0.6
    shuffled = [found[(k + 1) % 8] for k in range(8)]
    assert evaluate(shuffled, [scenes.scene(k)[1:] for k in range(8)], scenes.classes).mean() < 0.3


def test_detect_is_its_stages_one_after_the_other(detector):
    scenes = tiny_scenes.Scenes(1, seed=7)
    picture, boxes = scenes.scene(0).picture, tiny_scenes.proposals(scenes, seed=7)[0]
    features = detector.mode.of(detector.net, picture)(boxes)
    moved = predict_all(detector.regressors, features, boxes)
    moved = clip(moved.reshape(-1, 4), *picture.shape[:2]).reshape(moved.shape)
    expected = decide(moved, detector.svms.score(features), threshold=0.4, least=-1, top=5)
    found = detector.detect(picture, boxes, threshold=0.4, least=-1, top=5)
    assert all((ours == theirs).all() for ours, theirs in zip(found, expected, strict=True))
    height, width = picture.shape[:2]
    assert len(found.boxes) and (found.boxes >= 0).all() and (found.boxes <= [height, width, height, width]).all()


def test_it_proposes_for_itself(detector):
    picture = tiny_scenes.Scenes(1, seed=7).scene(0).picture
    found, again = detector.detect(picture), detector.detect(picture, detector.propose(picture))
    assert len(found.scores) and all((ours == theirs).all() for ours, theirs in zip(found, again, strict=True))
    assert list(detector.stages.seconds)[:2] != [] and {"propose", "describe", "score", "refine", "decide"} <= set(
        detector.stages.seconds
    )


def test_no_windows_no_detections(detector):
    found = detector.detect(np.zeros((40, 50, 3), np.uint8), np.zeros((0, 4), np.int32))
    assert found.boxes.shape == (0, 4)


def test_the_same_seed_gives_the_same_detector():
    first, again = made(MODES[0]), made(MODES[0])
    assert (first.svms.weights == again.svms.weights).all()
    assert all((a.weights == b.weights).all() for a, b in zip(first.regressors, again.regressors, strict=True))


# ---------------------------------------------------------------------------------------------------
# What it is trained on


def test_described_scenes():
    scenes = tiny_scenes.Scenes(4)
    windows, net = tiny_scenes.proposals(scenes), tiny.net()
    described = DescribedScenes(net, MODES[0], scenes, windows)
    assert len(described) == 4
    for index in range(4):
        scene, each = scenes.scene(index), described[index]
        objects = scene.boxes[~scene.difficult]
        assert each.is_truth.tolist() == [True] * len(objects) + [False] * len(windows[index])
        assert each.boxes.tolist() == [*objects.tolist(), *windows[index].tolist()]
        assert (each.features == MODES[0].of(net, scene.picture)(each.boxes)).all()
        for box, row in zip(each.boxes, each.overlaps, strict=True):
            for label in (0, 1):
                overlaps = [
                    min(float(naive_iou(box, other)), 0.5 if hard else 1.0)
                    for other, kind, hard in zip(scene.boxes, scene.labels, scene.difficult, strict=True)
                    if kind == label
                ]
                assert row[label] == max(overlaps, default=0)


def test_features_are_made_once_while_they_fit(monkeypatch):
    scenes = tiny_scenes.Scenes(3)
    looked = []
    mode = RcnnMode(24)
    monkeypatch.setattr(RcnnMode, "of", lambda self, net, picture: lambda boxes: _count(looked, boxes))
    windows = tiny_scenes.proposals(scenes)
    for room, expected in ((10**9, 3), (0, 9)):
        looked.clear()
        described = DescribedScenes(tiny.net(), mode, scenes, windows, cache_bytes=room)
        for _ in range(3):
            for index in range(3):
                described[index]
        assert len(looked) == expected


def _count(looked, boxes):
    looked.append(len(boxes))
    return np.zeros((len(boxes), 25), np.float32)


def test_box_regression_learns_from_the_nearest_object():
    """Windows that are all 3 pixels too far left are moved right, whatever else is in the picture."""
    scenes = tiny_scenes.Scenes(10, seed=2)
    windows = [scenes.scene(k).boxes - [0, 3, 0, 3] for k in range(10)]
    windows = [np.maximum(boxes, 0) for boxes in windows]
    described = DescribedScenes(tiny.net(), MODES[0], scenes, windows)
    regressors = fit_regressors(described, box_iou=0.5, ridge=1e6, progress=False)
    for label in (0, 1):
        count = sum(int(((scenes.scene(k).labels == label) & ~scenes.scene(k).difficult).sum()) for k in range(10))
        assert count < regressors[label].samples <= 2 * count, "objects, and the windows beside them"
        assert regressors[label].intercepts[1] > 0.01 > abs(regressors[label].intercepts[0])


def test_the_ridge_is_meant_for_features_of_the_norm_that_the_svms_have(detector):
    """The regressors read features as they come; scaled by s, a ridge of 10 is one of 10 / s^2."""
    scenes = tiny_scenes.Scenes(12)
    described = DescribedScenes(detector.net, detector.mode, scenes, tiny_scenes.proposals(scenes))
    assert not 0.9 < detector.svms.scale < 1.1
    wanted = fit_regressors(described, ridge=10.0 / detector.svms.scale**2, progress=False)
    for ours, theirs in zip(detector.regressors, wanted, strict=True):
        assert (ours.weights == theirs.weights).all() and ours.weights.any()


# ---------------------------------------------------------------------------------------------------
# Files


def test_a_file_gives_the_same_detector(detector, tmp_path):
    path = tmp_path / "detector.safetensors"
    detector.save(path)
    again = Detector.load(path)
    assert again.classes == ["red", "green"] and again.mode == detector.mode and again.search == SEARCH
    again.net.to(kernels.cpu)
    picture = tiny_scenes.Scenes(1, seed=9).scene(0).picture
    for ours, theirs in zip(detector.detect(picture), again.detect(picture), strict=True):
        assert (ours == theirs).all()
    again.save(tmp_path / "again.safetensors")
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_files_that_are_not_detectors(detector, tmp_path):
    path = tmp_path / "detector.safetensors"
    detector.save(path)
    tensors, metadata = read_tensors(path)

    def refused(message, tensors=tensors, **changes):
        about = {**json.loads(metadata["detector"]), **changes}
        write_tensors(path, tensors, {**metadata, "detector": json.dumps(about)})
        with pytest.raises(ValueError, match=message) as error:
            Detector.load(path)
        assert str(path) in str(error.value)

    refused("cannot be read", mode="yolo")
    refused("cannot be read", settings={"sides": 3})
    refused("cannot be read", classes=["red"])
    refused("cannot be read", scale=None)
    refused("cannot be read", search=3)
    refused("cannot be read", {name: value for name, value in tensors.items() if name != "svm.weights"})
    refused("does not fit the net", {**tensors, "conv9.weight": np.zeros(3)})
    detector.net.save(path)
    with pytest.raises(ValueError, match="expected a file of format 'minispp detector 1', got 'minispp net 1'"):
        Detector.load(path)
    with pytest.raises(ValueError, match="there is no such file"):
        Detector.load(tmp_path / "missing.safetensors")

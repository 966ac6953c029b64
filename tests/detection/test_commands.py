"""``minispp detect`` as a user types it: what is printed, what is written, and the exit code."""

import json
from xml.sax.saxutils import escape

import numpy as np
import pytest
import tiny_scenes
from PIL import Image

from minispp.cli import main
from minispp.optim import SGD


def run(*words):
    """Exit code of one command."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in ("detect", *words)])
    return stopped.value.code


def write_folder(root, scenes):
    """Scenes in Pascal VOC's layout."""
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    names = [name.replace(" ", "_") for name in scenes.names]
    for index, name in enumerate(names):
        picture, boxes, labels, difficult = scenes.scene(index)
        Image.fromarray(picture).save(root / "JPEGImages" / f"{name}.png")
        objects = "".join(
            f"<object><name>{escape(scenes.classes[label])}</name><difficult>{int(hard)}</difficult><bndbox>"
            f"<xmin>{left + 1}</xmin><ymin>{top + 1}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
            for (top, left, bottom, right), label, hard in zip(boxes, labels, difficult, strict=True)
        )
        (root / "Annotations" / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>")
    (root / "ImageSets" / "Main" / "train.txt").write_text("\n".join(names[:10]))
    (root / "ImageSets" / "Main" / "test.txt").write_text("\n".join(names[10:]))
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("voc") / "scenes", tiny_scenes.Scenes(14))


@pytest.fixture(scope="module")
def model(folder):
    path = folder.parent / "detector.safetensors"
    words = ["--part", "train", "--scales", "48", "--epochs", 3, "--crops", 96, "--side", 24, "--proposals", 150]
    words += ["--search-side", 60, "--search-min-size", 20, "--store", folder.parent / "store"]
    assert run("train", folder, "--model", path, *words) == 0
    return path


def test_train_says_what_took_how_long(folder, tmp_path, capsys):
    words = ("--part", "train", "--mode", "rcnn", "--side", 24, "--search", "single", "--proposals", 20)
    assert run("train", folder, "--model", tmp_path / "rcnn.safetensors", *words, "--crops", 64) == 0
    printed = capsys.readouterr().out
    assert "10 pictures of 2 classes: green, red" in printed
    for stage in ("propose", "train trunk", "train SVMs", "train box regression", "in all"):
        assert stage in printed


def test_training_goes_on_where_it_stopped(folder, tmp_path):
    """The same model, whether the trunk's training ran through, or stopped after an epoch."""
    words = ["--part", "train", "--scales", "48", "--crops", 64, "--side", 24, "--search", "single", "--proposals", 20]
    kept, models = tmp_path / "run.safetensors", [tmp_path / f"{k}.safetensors" for k in range(2)]
    assert run("train", folder, "--model", models[0], *words, "--epochs", 2) == 0
    stopped = ValueError("stopped")
    step = SGD.step

    def stop_in_the_second_epoch(self, net, rate):
        if kept.exists():
            raise stopped
        return step(self, net, rate)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SGD, "step", stop_in_the_second_epoch)
        assert run("train", folder, "--model", models[1], *words, "--epochs", 2, "--checkpoint", kept) == 2
    assert kept.exists() and kept.with_suffix(".crops.safetensors").exists() and not models[1].exists()
    assert run("train", folder, "--model", models[1], *words, "--epochs", 2, "--checkpoint", kept) == 0
    assert models[0].read_bytes() == models[1].read_bytes()


def test_run_draws_and_writes(model, folder, tmp_path, capsys):
    pictures = sorted((folder / "JPEGImages").iterdir())[:2]
    assert run("run", model, *pictures, "--out", tmp_path / "new" / "found", "--least", -5, "--top", 3) == 0
    printed = capsys.readouterr()
    for path in pictures:
        found = json.loads((tmp_path / "new" / "found" / f"{path.stem}.json").read_text())
        with Image.open(path) as before, Image.open(tmp_path / "new" / "found" / f"{path.stem}.png") as after:
            assert before.size == after.size == (found["width"], found["height"])
            assert (np.asarray(before) != np.asarray(after)).any()
        assert 1 <= len(found["detections"]) <= 3
        first = found["detections"][0]
        assert first["class"] in ("red", "green") and set(first["box"]) == {"top", "left", "bottom", "right"}
        assert 0 <= first["box"]["top"] < first["box"]["bottom"] <= found["height"]
    assert "propose" in printed.out and "decide" in printed.out


def test_evaluate_prints_both_definitions(model, folder, tmp_path, capsys):
    numbers = tmp_path / "numbers.json"
    words = ("--part", "test", "--json", numbers, "--store", folder.parent / "store")
    assert run("evaluate", model, folder, *words) == 0
    printed = capsys.readouterr().out
    assert "11-point" in printed and "area" in printed and "describe" in printed
    content = json.loads(numbers.read_text())
    assert content["pictures"] == 4 and set(content["classes"]) == {"red", "green"}
    assert set(content["mean"]) == {"area", "11-point"} and content["seconds"]["describe"] > 0


def test_mistakes_are_one_line(model, folder, tmp_path, capsys):
    picture = next((folder / "JPEGImages").iterdir())
    content = picture.read_bytes()
    (tmp_path / "broken.png").write_bytes(picture.read_bytes()[:100])
    for words, message in (
        (("train", folder, "--model", tmp_path / "no" / "m.safetensors"), "there is no folder"),
        (("train", tmp_path, "--model", tmp_path / "m.safetensors"), "Annotations"),
        (("train", folder, "--part", "dev", "--model", tmp_path / "m.safetensors"), "dev"),
        (("run", picture, picture), "not a complete safetensors file"),
        (("run", model, tmp_path / "broken.png", "--out", tmp_path / "out"), "broken.png"),
        (("run", model, picture, picture.parent / "." / picture.name, tmp_path / picture.name), "the same name"),
        (("run", model, picture, "--out", picture.parent), "would be written over"),
        (("evaluate", model, folder, "--json", tmp_path / "no" / "x.json"), "there is no folder"),
    ):
        assert run(*words) == 2
        printed = capsys.readouterr().err.strip().splitlines()[-1]
        assert printed.startswith("minispp detect: ") and message in printed, printed
    assert picture.read_bytes() == content


def test_a_model_of_other_classes_is_refused(model, tmp_path, capsys):
    scenes = tiny_scenes.Scenes(6, seed=3)
    scenes.classes = ["red", "violet"]
    assert run("evaluate", model, write_folder(tmp_path / "other", scenes)) == 2
    assert "violet" in capsys.readouterr().err

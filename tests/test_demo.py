"""The demo on settings so small that it takes seconds: table, page, honesty of the split, the same numbers twice."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

from minispp import demo, predict, train
from minispp.demo import SHORT, Settings
from minispp.kernels import reference
from minispp.outcome import CENTRE, FULL, MULTI, ONE, SEVERAL, TWIN, WARPED, WAYS, table

TINY = Settings(
    seeds=2, epochs=2, size=24, sizes=(24, 16), scales=(24, 29), width=2, batch=5, train=11, validation=4, test=6,
    scenes=None,
)  # fmt: skip


def run(out, **options):
    return demo.run(out, **{"settings": TINY, "ops": reference, "progress": False, **options})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run, and where it wrote its page: into a folder that was not there."""
    out = tmp_path_factory.mktemp("demo") / "new" / "index.html"
    return run(out), out


@pytest.fixture
def folder(tmp_path):
    """Pictures of two classes, one with a name that is no HTML, 10 and 5 of them, and one broken file."""
    rng = np.random.default_rng(0)
    for name, count in (("<i>cats & dogs", 10), ("birds", 5)):
        (tmp_path / "my pictures" / name).mkdir(parents=True)
        for k in range(count):
            noise = rng.integers(0, 255, (20 + k, 31 - k, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "my pictures" / name / f"{k:02}.png")
    (tmp_path / "my pictures" / "birds" / "broken.png").write_bytes(b"not a picture")
    return tmp_path / "my pictures"


def test_every_model_is_tested_in_its_ways(finished):
    results, _ = finished
    assert set(results.answers) == {(model, way) for model, ways in WAYS.items() for way in ways}
    for probabilities in results.answers.values():
        assert probabilities.shape == (2, 6, 8) and np.allclose(probabilities.sum(axis=2), 1)
    assert {model: len(runs) for model, runs in results.histories.items()} == {TWIN: 2, ONE: 2, SEVERAL: 2}
    sizes = {model: [row["sizes"] for row in runs[1]] for model, runs in results.histories.items()}
    assert sizes == {TWIN: [[24], [24]], ONE: [[24], [24]], SEVERAL: [[24], [16]]}
    assert all("validation_error" in row for runs in results.histories.values() for run_ in runs for row in run_)


def test_answers_are_those_of_the_net_that_is_kept(finished):
    results, _ = finished
    net, test = results.net, results.parts[2]
    full = round(TINY.size * TINY.margin)
    ways = {
        CENTRE: lambda picture: predict.centre_crop(net, picture, 24, TINY.margin),
        FULL: lambda picture: predict.full_image(net, picture, full),
        MULTI: lambda picture: predict.multi_view(net, picture, 24, (24, 29)),
    }
    for way, how in ways.items():
        wanted = np.stack([how(test[i][0]).mean(axis=0) for i in range(len(test))])
        assert np.array_equal(results.answers[SEVERAL, way][0], wanted)
    assert net.classes == results.classes and not net.training


def test_table_and_page_are_there(finished, capsys):
    results, out = finished
    page = out.read_text()
    assert page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>")
    assert all(cell in page for row in table(results) for cell in row)
    assert [path.name for path in out.parent.iterdir()] == ["index.html"]


def test_the_same_numbers_again(finished, tmp_path, capsys):
    first, again = finished[0], run(tmp_path / "again.html")
    printed = capsys.readouterr().out
    assert all(np.array_equal(first.answers[key], again.answers[key]) for key in first.answers)
    assert not np.array_equal(first.answers[ONE, FULL][0], first.answers[ONE, FULL][1])  # the seed matters
    for row in table(again):
        assert all(cell in printed for cell in row)
    assert "standard error" in printed and "again.html" in printed


def test_parts_have_no_picture_in_common():
    parts = demo.synthetic(TINY)
    assert [len(part) for part in parts] == [11, 4, 6]
    seen = [part[i][0].tobytes() for part in parts for i in range(len(part))]
    assert len(set(seen)) == 21


def test_test_pictures_stay_untouched_while_training(monkeypatch, tmp_path):
    parts = tiny.Pictures(9, seed=1), tiny.Pictures(4, seed=2), tiny.Pictures(5, seed=3)
    monkeypatch.setattr(demo, "synthetic", lambda settings: parts)
    seen, fit = [], train.fit

    def watched(net, data, **options):
        before = len(parts[2].seen)
        seen.append(before)
        assert options["validation"].data is parts[1] and data.data is parts[0]
        history = fit(net, data, **options)
        assert len(parts[2].seen) == before
        return history

    monkeypatch.setattr(train, "fit", watched)
    run(tmp_path / "page.html", seeds=1)
    assert seen == [0, 2 * 5, 5 * 5]  # two ways of the twin, three of the next


def test_the_bar_ends_at_its_end(tmp_path, capsys):
    """Warnings are errors, and tqdm warns of a bar that goes beyond its total."""
    run(tmp_path / "page.html", progress=True, seeds=1)
    error = capsys.readouterr().err
    assert "SPP, several sizes, seed 1 of 1: 100%" in error and "left" in error


def test_what_a_picture_costs_grows_with_its_views():
    _, costs = demo._ways(Settings())
    assert costs[CENTRE] == costs[WARPED] < costs[FULL] < costs[MULTI]


# -- pictures from files ---------------------------------------------------------------------------


def test_a_folder_of_classes_is_cut(folder):
    parts, skipped = demo.from_folder(folder, Settings())
    assert skipped == 1 and [part.classes for part in parts] == 3 * [["<i>cats & dogs", "birds"]]
    # A fifth of each class for the test, a sixth of the rest for validation.
    assert [np.bincount(part.labels).tolist() for part in parts] == [[7, 3], [1, 1], [2, 1]]
    seen = [part[i][0].tobytes() for part in parts for i in range(len(part))]
    assert len(seen) == len(set(seen)) == 15
    again, _ = demo.from_folder(folder, Settings())
    assert all(np.array_equal(a.indexes, b.indexes) for a, b in zip(parts, again, strict=True))


def test_train_and_test_folders_stay_apart(folder, tmp_path):
    root = tmp_path / "both"
    (root / "test").mkdir(parents=True)
    (folder / "birds").rename(root / "test" / "birds")
    folder.rename(root / "train")
    (root / "train" / "birds").mkdir()
    for path in sorted((root / "test" / "birds").glob("0[01].png")):
        path.rename(root / "train" / "birds" / path.name)
    (train_, validation, test), skipped = demo.from_folder(root, Settings())
    assert skipped == 1 and np.bincount(test.labels, minlength=2).tolist() == [0, 3]
    assert len(train_) + len(validation) == 12
    held = {test[i][0].tobytes() for i in range(3)}
    assert not held & {part[i][0].tobytes() for part in (train_, validation) for i in range(len(part))}


def test_large_folders_are_thinned(folder):
    parts, _ = demo.from_folder(folder, Settings(train=6, validation=1, test=2))
    assert [len(part) for part in parts] == [6, 1, 2] and np.bincount(parts[0].labels).tolist() == [4, 2]
    whole, _ = demo.from_folder(folder, Settings())
    assert set(parts[0].indexes) < set(range(len(parts[0].dataset))) and len(set(parts[0].indexes)) == 6
    assert {part[i][0].tobytes() for part in parts for i in range(len(part))} < {
        part[i][0].tobytes() for part in whole for i in range(len(part))
    }


def test_demo_on_a_folder(folder, tmp_path):
    out = tmp_path / "page.html"
    results = run(out, data=folder, seeds=1, epochs=1)
    assert results.skipped == 1 and results.answers[ONE, FULL].shape == (1, 3, 2)
    assert shlex.split(results.command)[2:4] == ["--data", "my pictures"]
    page = out.read_text()
    assert "&lt;i&gt;cats &amp; dogs" in page and "<i>cats" not in page
    assert str(folder.parent) not in page  # only the name of the folder goes on the page
    assert "1 file could not be read" in page


def test_too_few_pictures(tmp_path):
    (tmp_path / "one").mkdir()
    Image.new("RGB", (30, 20)).save(tmp_path / "one" / "a.png")
    with pytest.raises(ValueError, match="too few pictures: none are left for the validation part"):
        demo.from_folder(tmp_path, Settings())


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"), [({"seeds": 0}, "1 seed and 1 epoch, got 0 and 2"), ({"epochs": 0}, "2 and 0")]
)
def test_no_seeds_no_demo(tmp_path, options, said):
    with pytest.raises(ValueError, match=said):
        run(tmp_path / "page.html", **options)


def test_what_is_wrong_is_said_before_the_work(tmp_path):
    with pytest.raises(ValueError, match="expected a file to write the page to, got the folder"):
        run(tmp_path)
    with pytest.raises(ValueError, match="no such folder"):
        run(tmp_path / "new" / "page.html", data=tmp_path / "no such folder")
    assert not list(tmp_path.iterdir())


def test_short_takes_a_small_part_of_the_work():
    def work(settings):
        return settings.seeds * (settings.epochs * settings.train + settings.test)

    assert work(SHORT) < work(Settings()) / 20


@pytest.mark.parametrize(
    ("data", "short", "given", "command"),
    [
        (None, False, {}, "minispp demo"),
        (None, True, {"seeds": 2}, "minispp demo --short --seeds 2"),
        (Path("some/my pictures"), False, {"epochs": 3}, "minispp demo --data 'my pictures' --epochs 3"),
    ],
)
def test_the_command_that_would_do_it_again(data, short, given, command):
    assert demo._command(data, short, given) == command


def test_compiling_runs_every_layer_both_ways(capsys):
    """With the layers of the net, on the backend: so nothing is left to compile when the bar begins."""
    called = set()

    class Ops:
        __name__ = "watched"

        def __getattr__(self, name):
            called.add(name)
            return getattr(reference, name)

    demo.compile_kernels(TINY, Ops(), progress=False)
    used = {"conv2d", "window_max", "relu", "linear", "softmax_loss"}
    assert used | {f"{name}_backward" for name in used} | {"sgd", "square_sum", "dropout"} <= called

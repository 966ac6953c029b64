"""The commands as a user types them: what is printed, what is written, and the exit code."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from minispp import Net
from minispp.cli import main


@pytest.fixture
def pictures(tmp_path):
    """Dark and light pictures of several sizes, six of each."""
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light <b>", 150)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for k in range(6):
            noise = rng.integers(low, low + 100, (40 + 3 * k, 60 - 2 * k, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "data" / name / f"{k}.png")
    return tmp_path / "data"


def run(*words):
    """Exit code of one command."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    return stopped.value.code


def width(path):
    """Pixels across a picture file."""
    with Image.open(path) as image:
        return image.size[0]


def train(pictures, out, *more):
    return run("train", pictures, "--out", out, "--epochs", 3, "--rate", 0.01, "--batch", 4, *more)


def test_train_then_classify(pictures, tmp_path, capsys):
    model, history, curves = (tmp_path / name for name in ("net.safetensors", "history.json", "curves.png"))
    more = ("--sizes", "32,24", "--validation", "0.34", "--history", history, "--plot", curves)
    assert train(pictures, model, "--epochs", 6, *more) == 0
    printed = capsys.readouterr().out
    assert "Alternating(sizes=(32, 24))" in printed and "8 pictures of 2 classes" in printed
    assert "conv1" in printed and "M parameters" in printed
    rows = json.loads(history.read_text())
    assert [row["sizes"] for row in rows] == 3 * [[32], [24]]
    assert all(0 <= row["validation_error"] <= 1 for row in rows)
    assert width(curves) > 100

    assert Net.load(model).trained_at == (32, 1.15)
    assert run("classify", model, pictures / "dark" / "0.png", pictures / "light <b>" / "5.png", "--json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert list(first["classes"]) == ["dark"] and list(second["classes"]) == ["light <b>"]
    assert run("classify", model, "--labelled", pictures, "--views", "multi") == 0
    assert "100.00% of 12 pictures" in capsys.readouterr().out


@pytest.mark.parametrize("views", ["centre", "ten", "warped", "full", "multi"])
def test_every_way_of_looking(pictures, tmp_path, capsys, views):
    model = tmp_path / "net.safetensors"
    train(pictures, model, "--sizes", "32")
    capsys.readouterr()
    assert run("classify", model, pictures / "dark" / "1.png", "--views", views, "--top", 2) == 0
    line = capsys.readouterr().out
    shares = [float(word.rstrip("%,\n")) for word in line.split() if word.rstrip(",\n").endswith("%")]
    assert len(shares) == 2 and sum(shares) == pytest.approx(100, abs=0.11)


def test_twin_takes_one_size(pictures, tmp_path, capsys):
    model = tmp_path / "twin.safetensors"
    assert train(pictures, model, "--no-spp", "--sizes", "48,32") == 2
    assert "takes one size" in capsys.readouterr().err and not model.exists()
    assert train(pictures, model, "--no-spp", "--sizes", "48") == 0
    assert Net.load(model).input_size == 48
    assert run("classify", model, pictures / "dark" / "1.png", "--views", "full") == 2
    assert "48x48" in capsys.readouterr().err


def test_resume_ends_in_the_same_bits(pictures, tmp_path):
    whole, parts, state = (tmp_path / name for name in ("whole", "parts", "state"))
    train(pictures, whole, "--sizes", "24")
    with pytest.raises(_Stop), pytest.MonkeyPatch.context() as patch:
        _stop_after(patch, epochs=2)
        main(["train", str(pictures), "--out", str(parts), "--epochs", "3", "--batch", "4", "--sizes", "24",
              "--checkpoint", str(state)])  # fmt: skip
    assert state.exists() and not parts.exists()
    train(pictures, parts, "--sizes", "24", "--checkpoint", state)
    assert whole.read_bytes() == parts.read_bytes()


class _Stop(Exception):
    pass


def _stop_after(patch, epochs):
    from minispp.checkpoint import Checkpoint

    keep = Checkpoint.keep

    def keep_then_stop(self, net, optimiser, progress):
        keep(self, net, optimiser, progress)
        if progress.epoch == epochs:
            raise _Stop

    patch.setattr(Checkpoint, "keep", keep_then_stop)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("classify", "no such model", "x.png"), "no such file"),
        (("train", "no such folder", "--out", "x"), "is not a folder"),
        (("train", "data", "--out", "no such folder/x"), "there is no folder"),
        (("check", "no_such_module:Layer"), "no_such_module"),
    ],
)
def test_mistakes_are_one_line(words, message, capsys):
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith(f"minispp {words[0]}: ") and "Traceback" not in error


@pytest.mark.parametrize("words", [("bins", "10y3"), ("bins", "0x3"), ("bins", "4", "--levels", "2,"), ("paint",)])
def test_words_that_mean_nothing(words, capsys):
    assert run(*words) == 2
    assert "error: argument" in capsys.readouterr().err


def test_bins(capsys, tmp_path):
    picture = tmp_path / "bins.png"
    assert run("bins", "10x13", "--levels", "6,3x2,1", "--plot", picture) == 0
    printed = capsys.readouterr().out
    assert "10" in printed and "13" in printed and width(picture) > 100


def test_check_passes_and_fails(tmp_path, capsys):
    source = tmp_path / "layers_of_mine.py"
    source.write_text(
        "class Double:\n"
        "    factor = 2.0\n"
        "    def forward(self, x):\n        return 2 * x\n"
        "    def backward(self, dy):\n        return self.factor * dy\n"
        "class Wrong(Double):\n    factor = 2.002\n"
    )
    assert run("check", f"{source}:Double", "--shape", "2,3") == 0
    assert run("check", f"{source}:Wrong", "--shape", "2,3") == 1
    assert "ERROR" in capsys.readouterr().out


def test_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "minispp", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("minispp 0.")

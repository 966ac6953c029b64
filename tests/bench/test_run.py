"""The command: processes, files, exit codes."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from PIL import Image

from minispp.bench import command, floors, report
from minispp.bench.case import OURS, RENEWED, TARGETS, TORCH_FIRST, Case
from minispp.bench.processes import Failed, Processes, environment
from minispp.cli import main

pytest.importorskip("numba", reason="kernels.cpu needs Numba")
CONV = ("Conv2D", {"in_channels": 3, "out_channels": 4, "kernel": 3, "pad": 1})
# Two sides of our own: what this tests is the same with others, which take seconds to start.
TINY = [Case("3x3", "convolution forward", "forward", CONV, (1, 8, 9, 3), peers=(RENEWED,))]


def test_run_prints_and_writes(tmp_path, capsys):
    results = command.run(rounds=2, threads=1, out=tmp_path, cases={"tiny": TINY}, progress=False)
    printed = capsys.readouterr().out
    assert "| 3x3 |" in printed and "GFLOP/s" in printed and "### Predicted and came" in printed
    written = json.loads((tmp_path / "tiny.json").read_text())
    assert written["threads"] == 1 and written["rounds"] == 2 and {"numpy", "numba"} <= written["versions"].keys()
    (row,) = written["rows"]
    assert {side: len(times) for side, times in row["times"].items()} == {OURS: 2, RENEWED: 2}
    assert row["errors"][OURS] < 1e-5 and 0 < row["floor"] < row["predicted"]
    assert written["summaries"]["convolution forward"]["mean"] == row["ratios"]["ratio"]
    assert results["tiny"]["rows"][0]["case"] == "3x3"
    with Image.open(tmp_path / "tiny.png") as image:
        assert image.size[0] > 500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.json", "tiny.png"]


def test_a_side_in_its_process():
    with Processes(threads=1) as sides:
        assert sides.ask(OURS, "prepare", TINY[0], 0) > 0
        with pytest.raises(Failed, match="ours: ValueError: .*expected an odd size"):
            sides.ask(OURS, "prepare", Case("", "", "forward", ("LRN", {"size": 2, "alpha": 1, "beta": 1}), (1,)), 0)
        assert sides.ask(OURS, "prepare", TINY[0], 0) > 0, "it lives on"
        process = sides.started[OURS][0]
        process.kill()
        process.wait()
        with pytest.raises(Failed, match="ours ended with code"):
            sides.ask(OURS, "about")
    assert process.poll() is not None and not sides.started


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "no such case"], "no case has 'no such case'"),
        (["--rounds", "0"], "at least 1 round"),
        (["--threads", "0"], "at least 1"),
        (["--out", "nowhere/at all"], "there is no folder"),
    ],
)
def test_wrong_options(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "benchmarks").mkdir()
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "--pool", *words])
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_exit_code_of_a_wrong_result(tmp_path, monkeypatch, capsys):
    """The tables and files are there all the same; no plot, for there is no ratio."""
    broken = Case("broken", "normalisation", "forward", ("LRN", {"size": 2, "alpha": 1, "beta": 1}), (1, 2, 2, 1), ())
    assert not command.failed({"p": {"rows": [{"times": {}}], "extras": {}}})
    assert command.failed({"p": {"rows": [], "extras": {"memory": {"failed": "why"}}}})
    monkeypatch.setitem(command.PARTS, "step", lambda: [broken])
    monkeypatch.setattr(command, "floor", lambda *given: (1.0, "bytes"))
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "--step", "--threads", "1", "--rounds", "1", "--out", str(tmp_path)])
    assert stopped.value.code == 1
    assert "failed: ours: ValueError: LRN" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["step.json"]


# ---------------------------------------------------------------------------------------------------
# Floors and reports


def test_floors_count_operations_and_bytes():
    rates = {"products": 1e9, "bytes": 1e15}
    settings = {"in_channels": 4, "out_channels": 8, "kernel": 3, "pad": 1}
    case = Case("", "", "forward", ("Conv2D", settings), (2, 10, 10, 4))
    direct = 2 * 2 * 100 * 8 * 9 * 4 / 1e9
    assert floors.floor(case, rates) == (pytest.approx(direct), "products")
    assert floors.floor(case, rates, "F(4x4, 3x3)")[0] == pytest.approx(direct / 4)
    backward = Case("", "", "backward", ("Conv2D", settings), (2, 10, 10, 4))
    assert floors.floor(backward, rates)[0] == pytest.approx(2 * direct)
    first = Case("", "", "backward", ("Conv2D", settings), (2, 10, 10, 4), needs_dx=False)
    assert floors.floor(first, rates)[0] == pytest.approx(direct)
    slow = {"products": 1e15, "bytes": 1e9}
    pool = Case("", "", "forward", ("SPP", {"levels": (2, 1)}), (1, 4, 4, 8), windows=100)
    assert floors.floor(pool, slow) == (pytest.approx(4 * (16 * 8 + 100 * 5 * 8) / 1e9), "bytes")
    pool = replace(pool, winners=True)
    assert floors.floor(pool, slow) == (pytest.approx(4 * (16 * 8 + 2 * 100 * 5 * 8) / 1e9), "bytes")


def test_a_step_needs_at_least_what_its_layers_need():
    rates = {"products": 1e9, "bytes": 1e15}
    case = Case("", "", "step", ("small", {"classes": 3, "width": 4}), (2, 32, 32, 3))
    first = 2 * (2 * 16 * 16 * 4) * (5 * 5 * 3) * 2  # forward, dw
    second = 2 * (2 * 8 * 8 * 8) * (3 * 3 * 4) * 3  # forward, dw, dx
    assert floors.floor(case, rates)[0] * 1e9 > first + second


def row(ratio, name="case"):
    times = {OURS: [1.0, 1.0], TORCH_FIRST: [ratio, ratio]}
    about = {"case": name, "sides": list(times), "counted": [TORCH_FIRST], "missing": [], "times": times}
    return about | {"errors": {OURS: 2e-5}, "error is against": "float64", "floor": 0.5, "decides": "bytes"}


def test_verdicts():
    assert report.summary("convolution forward", [row(1.3), row(1.3)])["met"]
    assert not report.summary("convolution forward", [row(0.8), row(4.0)])["met"], "one is below 0.9"
    assert not report.summary("convolution forward", [row(1.2), row(1.2)])["met"], "the mean is below 1.3"
    broken = {"case": "b", "sides": [OURS], "counted": [], "missing": [TORCH_FIRST], "failed": "why | not"}
    assert not report.summary("convolution forward", [row(1.3), broken])["met"], "what failed meets nothing"
    assert "met" not in report.summary("normalisation", [row(0.1)])
    assert not report.summary("one layer call on one cell", [row(2.0)])["met"], "a second is no microsecond"
    text = report.group_text("convolution forward", [row(1.25), broken])
    assert "**1.25**" in text and "50%" in text and "2e-05 > 1e-05" in text and "failed: why / not" in text
    assert "**missed**" in text and f"Not installed, so not measured: {TORCH_FIRST}" in text
    assert TARGETS["windows"].lowest == 45


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the test is about Linux's own count")
def test_peak_counts_what_was_touched():
    """And does not come from whoever started the process, who may have held more."""
    here = b"x" * 64 * 2**20
    code = "from minispp.bench.extras import peak_bytes; a = peak_bytes(); b = b'x' * 2**26; print(a, peak_bytes())"
    done = subprocess.run([sys.executable, "-c", code], env=environment(1), capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert len(here) * 0.9 < after - before < len(here) * 1.5

"""The timed part of ``bench --gpu`` without a GPU: launches are only noted, the clock is a fake, every line runs."""

import json
from functools import partial
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import simulated

pytest.importorskip("numba_cuda", reason="kernels.gpu needs numba-cuda, which is not installed")
if simulated.CHOSEN:
    pytest.skip("the simulator has no clock", allow_module_level=True)

from emulation import Recorder, emulated
from numba import cuda

from minispp.bench.gpu import command, report, sanitize, times


class Event:
    """Two milliseconds from any to any other."""

    def record(self):
        pass

    def synchronize(self):
        pass

    def elapsed_time(self, other):
        assert isinstance(other, Event)
        return 2.0


@pytest.fixture
def recorder(monkeypatch):
    device = SimpleNamespace(MULTIPROCESSOR_COUNT=3, name=b"a card", compute_capability=(9, 0))
    context = SimpleNamespace(get_memory_info=lambda: SimpleNamespace(free=2**30, total=2**31))
    monkeypatch.setattr(cuda, "event", Event)
    monkeypatch.setattr(cuda, "get_current_device", lambda: device)
    monkeypatch.setattr(cuda, "current_context", lambda: context)
    monkeypatch.setattr(times, "COPIED", 1 << 12)
    with emulated(Recorder()) as found, np.errstate(all="ignore"):
        yield found


def test_rates(recorder):
    """A copy reads and writes; a thread makes two operations a link of each chain."""
    found = times.rates(rounds=2)
    assert found["bytes"] == 2 * (1 << 12) / 2e-3
    assert found["operations"] == 2 * times.CHAINS * times.LINKS * (8 * 3 * 256) / 2e-3


def test_pooling(recorder):
    rows = times.pooling(1e9, 2, maps=(2, 13, 13, 5), picture=(1, 7, 9, 5), count=4)
    assert [row["case"].rpartition(", ")[2] for row in rows] == ["forward", "backward"] * 2
    assert rows[0]["bytes"] == 4 * (2 * 13 * 13 * 5 + 2 * 2 * 50 * 5)
    assert rows[0]["share"] == rows[0]["bytes"] / 2e-3 / 1e9


PEER = SimpleNamespace(
    versions=lambda: {"torch": "2"},
    convolution=lambda *_: dict.fromkeys(("forward", "dx", "dw")),
    distance=lambda ours, theirs: float(ours.size > 0),
    timed=lambda runs, seconds: {"torch, channels last": seconds(lambda: None), "torch, channels last, TF32": 1e-3},
    step=lambda case: None,
)


def test_convolution_and_step(recorder):
    rows = times.convolution(1, PEER, lambda row: None, nets=("zf5",), batch=1, side=96)
    assert len(rows) == 3 * 5 - 1 and rows[0]["case"].endswith("1x96x96 forward")
    assert rows[0]["operations"] == 2 * 46 * 46 * 96 * 7 * 7 * 3
    # A net whose losses are NaN, for nothing is computed: SGD would refuse its gradient.
    with mock.patch("minispp.optim.isfinite", lambda _: True):
        steps = times.step(1, PEER, "small", batch=1, side=48, classes=3)
    about = {"hardware": True, **command._about(False, None), "rounds": 1}
    text = report._beside_torch(rows, "convolution", 1e12) + report._beside_torch(steps, "step")
    assert "lowest ratio with TF32 off: 1.00 (aim: 0.6): met" in text and about["card"] == "a card"


def test_the_whole_command(recorder, monkeypatch, tmp_path, capsys):
    """As on a device, with less work. Nothing is computed: each check finds NaN, and the command says so, and fails."""
    less = {
        "pooling": {"maps": (2, 13, 13, 5), "picture": (1, 7, 9, 5), "count": 4},
        "convolution": {"nets": ("zf5",), "batch": 1, "side": 96},
        "step": {"net": "small", "batch": 1, "side": 48, "classes": 3},
    }
    for name, named in less.items():
        monkeypatch.setattr(times, name, partial(getattr(times, name), **named))
    monkeypatch.setattr(command, "_peer", lambda: PEER)
    monkeypatch.setattr("minispp.optim.isfinite", lambda _: True)
    monkeypatch.setattr(sanitize.shutil, "which", lambda _: None)
    result = command.run(tmp_path, rounds=1, scale="tiny")
    assert result["about"]["hardware"] and result["about"]["torch"] == "2" and result["bits"][0]["runs"] == 50
    assert "relu [(2, 3, 2, 5)]: nan" in report.failures(result)
    assert not {row["right"] for row in result["checks"] if row["function"] not in ("asarray", "to_numpy")} & {True}
    assert "WRONG conv2d" in capsys.readouterr().out
    page = (tmp_path / "gpu.md").read_text()
    assert "No hardware was seen" not in page and page.count("\n##") == 5
    assert len(json.loads((tmp_path / "gpu.json").read_text())["pooling"]) == 4


def test_the_checkers_that_are_not_there_are_said_to_be_missing(monkeypatch):
    monkeypatch.setattr(sanitize.shutil, "which", lambda _: None)
    assert set(sanitize.sanitize().values()) == {"not run: compute-sanitizer is not installed"}


@pytest.mark.parametrize(("code", "summary"), [(0, "ERROR SUMMARY: 0 errors"), (9, "ERROR SUMMARY: 3 errors")])
def test_what_the_checkers_say(monkeypatch, code, summary):
    done = SimpleNamespace(returncode=code, stdout=f"x\n========= {summary}\n", stderr="")
    monkeypatch.setattr(sanitize.shutil, "which", lambda _: "/bin/compute-sanitizer")
    monkeypatch.setattr(sanitize.subprocess, "run", lambda command, **_: done)
    assert sanitize.sanitize(("memcheck",)) == {"memcheck": f"exit {code}: {summary}"}

"""In the simulator: ``bench --gpu`` from start to end, on tiny sizes and without times."""

import json
import sys

import numpy as np
import pytest
import simulated

from minispp.bench.gpu import checks, report
from minispp.cli import main

if not simulated.CHOSEN:
    pytest.skip("runs in the simulator: see test_simulator.py", allow_module_level=True)


class Missing:
    """Nothing but NumPy, Numba and numba-cuda can be imported anew."""

    NAMES = ("scipy", "safetensors", "tqdm", "PIL", "matplotlib", "threadpoolctl", "defusedxml", "torch")

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.NAMES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_it_runs_and_says_that_no_hardware_was_seen(tmp_path, capsys, monkeypatch):
    simulated.gpu()
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    for name in [name for name in sys.modules if name.partition(".")[0] in Missing.NAMES]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--gpu", "--out", str(tmp_path)])
    assert ended.value.code == 0, capsys.readouterr().out
    result = json.loads((tmp_path / "gpu_simulated.json").read_text())
    assert len({row["function"] for row in result["checks"]}) == 18 and not report.failures(result)
    assert not list(tmp_path.glob("gpu.*")), "what is called gpu was seen on hardware"
    text = (tmp_path / "gpu_simulated.md").read_text()
    assert "No hardware was seen" in text and "wrong" not in text and "TFLOP" not in text


def test_a_wrong_kernel_is_found(monkeypatch):
    """One that leaves a value unwritten, one that is a little off, one that returns another shape."""
    gpu = simulated.gpu()
    right, x = gpu.relu, np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    assert checks.compared("relu", (x,), 0)["right"]
    from minispp.kernels.gpu.memory import empty

    for wrong in (lambda a: empty(a.shape, a.dtype), lambda a: gpu.dropout(right(a), 0.2, 1), lambda a: right(a)[:2]):
        monkeypatch.setattr(gpu, "relu", wrong)
        assert not checks.compared("relu", (x,), 0)["right"]
        assert not checks.compared("relu", (x,), 9)["right"]


def test_other_bits_are_found(monkeypatch):
    gpu, count = simulated.gpu(), [0]
    right = gpu.relu_backward

    def sometimes(dy, y):
        count[0] += 1
        return right(dy, dy if count[0] == 2 else y)

    monkeypatch.setattr(gpu, "relu_backward", sometimes)
    ones = np.ones((2, 3), np.float32)
    monkeypatch.setattr(checks, "calls", lambda _: [("relu_backward", (ones, -ones), 0)])
    assert [row["same"] for row in checks.same_bits("tiny", runs=3)] == [False]


def test_the_page_of_a_card():
    """With times, as they come from a device; a missed aim says so."""
    times = {"torch, channels first": 2e-3, "torch, channels last": 1e-3, "torch, channels first, TF32": 5e-4}
    result = {
        "about": {"hardware": True, "card": "a card", "rounds": 7},
        "checks": [{"function": "relu", "arguments": "[]", "error": 0.0, "allowed": 0.0, "right": True}],
        "bits": [{"function": "conv2d_backward", "arguments": "[]", "runs": 50, "same": True}],
        "sanitizer": {"memcheck": "exit 0: ERROR SUMMARY: 0 errors"},
        "rates": {"bytes": 4e12, "operations": 6e13},
        "pooling": [{"case": "maps", "seconds": 1e-3, "bytes": 3e9, "share": 0.75}],
        "convolution": [{"case": "zf5 conv1", "operations": 3e10, "ours": 2e-3, "error": 1e-6, **times}],
        "step": [{"case": "zf5", "ours": 2e-3, **times}],
    }
    text = report.page(result)
    assert "| maps | 1 ms | 3,000 | 75% |" in text and "lowest share of the copy: 0.75 (aim: 0.7): met" in text
    assert "| zf5 conv1 | 2 ms | 15.0 | 25% | 2 ms | 1 ms | 500 µs | 0.50 | 0.25 | 1e-06 |" in text
    assert "lowest ratio with TF32 off: 0.50 (aim: 0.6): **missed**" in text and "(aim: 0.5): met" in text

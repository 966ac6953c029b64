"""Every side does the same work: small cases of each kind, in this process."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from minispp.bench import extras, measure
from minispp.bench.case import NEEDS, ONNX, OUR_FORWARD, OURS, RENEWED, TORCH, Case
from minispp.bench.processes import Failed
from minispp.bench.worker import Worker

CONV = ("Conv2D", {"in_channels": 3, "out_channels": 5, "kernel": 3, "stride": 2, "pad": 1})
SPP = ("SPP", {"levels": (3, 2, 1)})
TINY = [
    Case("conv forward", "g", "forward", CONV, (2, 7, 9, 3), beside=(RENEWED,)),
    Case("conv backward", "g", "backward", CONV, (2, 7, 9, 3)),
    Case("first conv backward", "g", "backward", CONV, (2, 7, 9, 3), needs_dx=False),
    Case("linear", "g", "both", ("Linear", {"in_features": 4, "out_features": 3}), (2, 4)),
    Case("relu", "g", "both", ("ReLU", {}), (2, 3, 4, 2)),
    Case("dropout", "g", "both", ("Dropout", {"rate": 0.5}), (2, 30)),
    Case("lrn", "g", "backward", ("LRN", {"size": 3, "alpha": 0.5, "beta": 0.75}), (2, 5, 6, 4)),
    Case("max pooling", "g", "both", ("MaxPool", {"kernel": 3, "stride": 2}), (2, 8, 9, 4), exact=True),
    Case("pyramid", "g", "both", SPP, (3, 7, 9, 4), exact=True, proof="peer"),
    Case("windows", "g", "forward", SPP, (1, 12, 15, 4), windows=40, exact=True, peers=(ONNX,), proof="peer"),
    Case("windows backward", "g", "backward", SPP, (1, 12, 15, 4), windows=40, peers=(OUR_FORWARD,)),
    Case("step", "g", "step", ("small", {"classes": 3, "width": 4}), (2, 32, 32, 3), proof="peer", clip=5.0),
]


class InProcess:
    """Stands in for the processes, one worker a side; remembers what it was asked."""

    def __init__(self):
        self.workers, self.asked = {}, []

    def ask(self, side, name, *arguments):
        self.asked.append((side, name, *arguments))
        worker = self.workers.setdefault(side, Worker(side, 1))
        return getattr(worker, name)(*arguments)


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_sides_agree_and_are_timed_in_turn(case):
    for side in case.sides:
        if side in NEEDS and not find_spec(NEEDS[side]):
            pytest.skip(f"{NEEDS[side]}, of the peers, is not installed: pip install minispp[peers]")
    sides, ticks = InProcess(), []
    row = measure.measure(case, sides, 2, ticks.append)
    assert "failed" not in row, row
    assert set(row["times"]) == set(case.sides) and all(len(times) == 2 for times in row["times"].values())
    assert len(ticks) == 2 * len(case.sides)
    timed = [(side, seed) for side, name, *seed in sides.asked if name == "time"]
    first, second = timed[: len(case.sides)], timed[len(case.sides) :]
    assert [side for side, _ in second] == [side for side, _ in first[1:] + first[:1]], "the order turns"
    assert {tuple(seed) for _, seed in first} == {(1,)} and {tuple(seed) for _, seed in second} == {(2,)}
    assert measure.ratios(row)["ratio"] > 0 and measure.ratios(row)["peer"] in case.peers


class Planted:
    """Sides that answer as told."""

    def __init__(self, **answers):
        self.answers = answers

    def ask(self, side, name, *arguments):
        if name == "results":
            answer = self.answers[side.partition(",")[0]]
            if isinstance(answer, Exception):
                raise answer
            return answer
        return {"prepare": 0.1, "time": 0.2}.get(name)


@pytest.mark.parametrize(
    ("theirs", "exact", "words"),
    [
        ({"y": np.ones(3) + 1e-3}, False, "y of .* is 1.0e-03 away"),
        ({"y": np.ones(3) + 1e-7}, True, "y of .* away"),
        ({"y": np.array([1, np.nan, 1])}, False, "y of .* is nan away"),
        ({"y": np.ones(4)}, False, "shapes"),
        ({"z": np.ones(3)}, False, "only one of"),
        (Failed("torch: no memory"), False, "torch: no memory"),
    ],
)
def test_a_wrong_result_stops_the_case(monkeypatch, theirs, exact, words):
    monkeypatch.setattr(measure, "available", lambda sides: sides)
    case = replace(TINY[4], exact=exact, proof="peer")
    ours = {"y": np.ones(3)}
    row = measure.measure(case, Planted(ours=ours, torch=theirs), 1)
    assert "times" not in row
    with pytest.raises(ValueError, match=words):
        raise ValueError(row["failed"])
    right = measure.measure(case, Planted(ours=ours, torch=ours), 1)
    assert right["times"] == {side: [0.2] for side in (OURS, *TORCH)} and right["errors"][OURS] == 0


def test_without_peers_ours_is_measured_alone(monkeypatch):
    monkeypatch.setattr(measure, "available", lambda sides: tuple(side for side in sides if side not in NEEDS))
    row = measure.measure(TINY[8], InProcess(), 1)
    assert list(row["times"]) == [OURS] and row["missing"] == list(TORCH)
    assert "ratio" not in measure.ratios(row)


def test_new_weights_are_new_and_the_same():
    """What is kept with the weights is dropped, yet the result stays, to rounding."""
    pytest.importorskip("numba", reason="kernels.cpu needs Numba")
    worker = Worker(RENEWED, 1)
    worker.prepare(TINY[0], 0)
    before = worker.job.layer.weight.value.copy()
    worker.job.before()
    after = worker.job.layer.weight.value
    assert 0 < np.abs(after - before).max() < 1e-7 and worker.job.layer.weight.grad is None


def test_bits_and_path():
    pytest.importorskip("numba", reason="kernels.cpu needs Numba")
    worker = Worker(OURS, 1)
    assert len(worker.digests(TINY[10], 3)) == 1
    assert worker.path(TINY[4]) is None
    assert worker.path(TINY[0]) is None or isinstance(worker.path(TINY[0]), str)


def test_same_bits_in_processes_with_one_and_two_threads(monkeypatch):
    pytest.importorskip("numba", reason="kernels.cpu needs Numba")
    monkeypatch.setattr(extras, "RUNS", 2)
    found = extras.same_bits(TINY[10], 2)
    assert found == {"case": "windows backward", "runs": 2, "threads": [1, 2], "same": True}

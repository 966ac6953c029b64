"""Where kernels of the GPU run: chosen before Numba is imported, said in one line, and never a failure."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from minispp.kernels import reference, simulator

ROOT = Path(__file__).parents[2]
TRY = """if True:
    import warnings
    warnings.simplefilter("error")
    from minispp.kernels import reference, simulator
    print(simulator.choose())
    ops = simulator.backend()
    import numpy as np
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(size, np.float32) for size in ((2, 5, 6, 3), (3, 3, 3, 5), 5))
    y = ops.to_numpy(ops.conv2d(ops.asarray(x), ops.asarray(w), ops.asarray(b), 1, 1))
    table = np.array([[n, i, j, i + 3, j + 3] for n in (0, 1) for i in (0, 2) for j in (0, 1, 3)], np.int32)
    top, won = ops.window_max(ops.asarray(x), table)
    dx = ops.to_numpy(ops.window_max_backward(top, won, x.shape))
    want, best = reference.window_max(x, table)
    print(ops.__name__, np.abs(y - reference.conv2d(x, w, b, 1, 1)).max() < 1e-5)
    print(np.abs(dx - reference.window_max_backward(want, best, x.shape)).max() < 1e-6)
    print(simulator.backend() is ops)
"""


def run(**environment):
    kept = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    done = subprocess.run([sys.executable, "-c", TRY], env={**kept, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not find_spec("numba_cuda"), reason="the simulator is numba-cuda's, which is not installed")
@pytest.mark.parametrize("environment", [{}, {"NUMBA_ENABLE_CUDASIM": "1"}])
def test_kernels_run_where_they_can(environment):
    said, *rest = run(**environment)
    assert "simulator" in said or (not environment and said == "kernels run on the GPU")
    assert rest == ["minispp.kernels.gpu True", "True", "True"]


@pytest.mark.skipif(bool(find_spec("numba_cuda")), reason="numba-cuda is installed")
def test_without_numba_cuda_the_reference_stands_in():
    said, *rest = run()
    assert said.startswith("numba-cuda is not installed") and rest == ["minispp.kernels.reference True", "True", "True"]


def test_choosing(monkeypatch):
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(simulator, "installed", lambda: False)
    assert "not installed" in simulator.choose() and simulator.backend() is reference
    assert "NUMBA_ENABLE_CUDASIM" not in os.environ
    monkeypatch.setattr(simulator, "installed", lambda: True)
    monkeypatch.setattr(simulator, "devices", lambda: 2)
    assert simulator.choose() == "kernels run on the GPU" and "NUMBA_ENABLE_CUDASIM" not in os.environ
    monkeypatch.setattr(simulator, "devices", lambda: 0)
    monkeypatch.setitem(sys.modules, "numba", object())
    with pytest.raises(RuntimeError, match="Numba is imported already"):
        simulator.choose()
    monkeypatch.delitem(sys.modules, "numba")
    assert "simulator" in simulator.choose() and os.environ["NUMBA_ENABLE_CUDASIM"] == "1"
    assert "simulator" in simulator.choose(), "and it may be asked again"


def test_a_driver_that_is_broken_or_missing_is_no_device(monkeypatch):
    class Driver:
        def __init__(self, code):
            self.cuInit = lambda flags: code

        def cuDeviceGetCount(self, count):
            count._obj.value = 3
            return 0

    monkeypatch.setattr(simulator, "CDLL", lambda name: Driver(0))
    assert simulator.devices() == 3
    monkeypatch.setattr(simulator, "CDLL", lambda name: Driver(100))
    assert simulator.devices() == 0
    monkeypatch.setattr(simulator, "CDLL", lambda name: (_ for _ in ()).throw(OSError(name)))
    assert simulator.devices() == 0

"""The GPU backend in numba-cuda's simulator, in a process of its own: Numba must be told before it is imported.

That process runs the same test files that the other backends run, on tiny maps with tiny tiles (`simulated`), and what
only a device can do wrong: copies, full memory (test_step.py), the benchmark (test_bench.py).
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import simulated

HERE = Path(__file__).parent
FILES = (
    *(HERE.parent / f"test_{name}.py" for name in ("conv", "window_max", "elementwise", "vectors")),
    *(HERE / f"test_{name}.py" for name in ("step", "planted", "bench")),
)
AT_LEAST = 100  # tests that must have passed: a process that finds none has not failed, and has shown nothing


@pytest.mark.skipif(simulated.CHOSEN, reason="this is the process")
@pytest.mark.skipif(not find_spec("numba_cuda"), reason="kernels.gpu needs numba-cuda, which is not installed")
def test_the_whole_contract_in_the_simulator():
    root = HERE.parents[2]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=short", *FILES]
    place = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=place, capture_output=True, text=True, timeout=600)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert passed and int(passed[1]) >= AT_LEAST, done.stdout[-2000:]

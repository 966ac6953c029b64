"""Kernels called from threads, from forked and spawned processes and from joblib, on each of Numba's layers.

A process has one layer, and a fork after the first kernel is not the same as one before it. So each test is a
program of its own; what its workers do is in `work`.
"""

import inspect
import multiprocessing
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import minispp

pytest.importorskip("numba")

HERE = Path(__file__).parent
GNU = sys.platform.startswith("linux")  # there, Numba's omp layer is GNU OpenMP's
LAYERS = ["omp", "workqueue"]
REFUSED = "was forked"
forks = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")


def run(program, layer="default", **environment):
    """What a program prints on a layer, line by line."""
    path = os.pathsep.join(map(str, (Path(minispp.__file__).parents[1], HERE.parent, HERE)))
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": path, "NUMBA_THREADING_LAYER": layer, **environment},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if "No threading layer could be loaded" in done.stderr:
        pytest.skip(f"Numba has no layer {layer} here")
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("layer", LAYERS)
def test_threads_at_once(layer):
    """2 to 8 threads, a training step each, over and over; and joblib's threads."""
    program = """
        import os
        from concurrent.futures import ThreadPoolExecutor
        import joblib, numba, work
        for count in (2, 3, 8):
            with ThreadPoolExecutor(count) as pool:
                print(work.right(list(pool.map(work.step, [*range(8)] * 3)), [*range(8)] * 3))
        print(work.right(joblib.Parallel(4, backend="threading")(map(joblib.delayed(work.step), range(8))), range(8)))
        print(numba.threading_layer())
    """
    assert run(program, layer) == ["True"] * 4 + [layer]


@forks
@pytest.mark.parametrize("layer", LAYERS)
def test_fork_before_the_first_kernel(layer):
    """Also by joblib; afterwards the parent works too."""
    program = """
        import multiprocessing, joblib, work
        multiprocessing.set_start_method("fork")
        with multiprocessing.Pool(1) as pool:
            print(work.right(pool.map(work.step, range(3)), range(3)))
        print(work.right(joblib.Parallel(2, "multiprocessing")(map(joblib.delayed(work.step), range(4))), range(4)))
        print(work.outcome())
    """
    assert run(program, layer) == ["True", "True", "right"]


@forks
@pytest.mark.parametrize("layer", LAYERS)
def test_fork_after_the_first_kernel(layer):
    """Works on workqueue; with GNU OpenMP, child and grandchild say why not, and live on."""
    program = """
        import multiprocessing, joblib, work
        multiprocessing.set_start_method("fork")
        print(work.outcome())
        print(work.in_child())
        print(work.in_child(work.in_child))
        for parallel in (multiprocessing.Pool(1).map,
                         lambda f, seeds: joblib.Parallel(2, "multiprocessing")(map(joblib.delayed(f), seeds))):
            try:
                print(work.right(parallel(work.step, range(3)), range(3)))
            except RuntimeError as error:
                print(error)
        print(work.outcome())
    """
    before, *children, after = run(program, layer)
    assert before == after == "right"
    if layer == "omp" and GNU:
        for advice in (REFUSED, "GNU OpenMP", "spawn", "loky", "before the first kernel", "NUMBA_THREADING_LAYER"):
            assert all(advice in child for child in children)
    else:
        assert children == ["right", "right", "True", "True"]


@forks
def test_fork_while_other_threads_compute():
    """On workqueue the child takes its turn at once, whoever had it in the parent."""
    program = """
        import threading, work
        work.step(0)
        stop = []
        def busy():
            while not stop:
                work.step(1)
        threads = [threading.Thread(target=busy) for _ in range(3)]
        [thread.start() for thread in threads]
        print({work.in_child() for _ in range(10)})
        stop.append(1)
        [thread.join() for thread in threads]
        print(work.outcome())
    """
    assert run(program, "workqueue") == ["{'right'}", "right"]


@forks
def test_a_refused_child_still_has_numpy():
    program = """
        import numpy as np, work
        from minispp.kernels import cpu, reference
        work.step(0)
        print(work.in_child(lambda: str(cpu.to_numpy(cpu.asarray([1.0, 2.0])).tolist())))
        print(work.in_child(lambda: str(work.right([work.step(2, reference)], [2]))))
    """
    assert run(program, "omp") == ["[1.0, 2.0]", "True"]


def test_processes_that_start_afresh():
    """Spawned and joblib's loky, after kernels have run in the parent."""
    program = """
        import multiprocessing, joblib, work
        from joblib.externals.loky import get_reusable_executor
        work.step(0)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(work.right(pool.map(work.step, range(3)), range(3)))
        print(work.right(joblib.Parallel(2, "loky")(map(joblib.delayed(work.step), range(4))), range(4)))
        get_reusable_executor().shutdown()
    """
    assert run(program) == ["True", "True"]


def test_guards_keep_name_and_signature(cpu):
    from minispp.kernels.cpu import convolution

    assert cpu.conv2d is not convolution.conv2d
    assert cpu.conv2d.__doc__ == convolution.conv2d.__doc__ and cpu.conv2d.__name__ == "conv2d"
    assert inspect.signature(cpu.conv2d) == inspect.signature(convolution.conv2d)


@pytest.mark.parametrize("layer", LAYERS)
def test_same_bits_with_one_two_three_and_more_threads(layer):
    """Every kernel of the contract at the sizes of the twins' test, and a training run of a net."""
    program = """
        import hashlib, numba, numpy as np, test_twins, tiny
        from minispp.kernels import CONTRACT, cpu

        def digest(name, dtype):
            if name == "a net":
                net = tiny.net(dtype=dtype).to(cpu)
                tiny.fit(net)
                return tiny.bits(net)
            return [out.tobytes() for arguments, _ in test_twins.cases_of(name, dtype)
                                  for out in test_twins.outputs(cpu, name, arguments)]

        for name in (*CONTRACT, "a net"):
            for dtype in (np.float32, np.float64):
                found = []
                for threads in (1, 2, 3, 5):
                    numba.set_num_threads(threads)
                    found.append(digest(name, dtype))
                assert found[0], name
                if any(other != found[0] for other in found):
                    print(name, dtype.__name__)
        print(numba.config.NUMBA_NUM_THREADS)
    """
    assert run(program, layer, NUMBA_NUM_THREADS="5") == ["5"]

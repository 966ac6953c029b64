"""What importing costs, and what works without the optional parts."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import minispp

HEAVY = ("numba", "llvmlite", "matplotlib", "scipy", "torch", "pandas")


def python(code, *flags):
    """What a fresh interpreter prints; it sees the package and the tests' helpers."""
    path = os.pathsep.join(map(str, (Path(minispp.__file__).parents[1], Path(__file__).parent)))
    done = subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_import_is_quick():
    """Under 0.3 s, the best of five."""
    code = "from time import perf_counter as now; start = now(); import minispp; print(now() - start)"
    seconds = [float(python(code)[0]) for _ in range(5)]
    assert min(seconds) < 0.3, f"import minispp took {sorted(seconds)} s"


def test_import_loads_nothing_heavy():
    code = f"import sys, minispp; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    assert python(code, "-W", "error") == []


def test_working_on_the_reference_loads_no_compiler():
    """Nor does matplotlib come before something is plotted."""
    code = f"""
        import sys
        from minispp import Net, check, data, fields, kernels, layers, optim
        from minispp import predict, sizes, train, weights, windows, zoo
        assert kernels.reference.relu
        print(*sorted(set({HEAVY}) & set(sys.modules)))
    """
    assert python(code, "-W", "error") == []


def test_the_benchmark_loads_frameworks_in_its_processes_only():
    code = f"""
        import sys
        from minispp import bench, cli
        from minispp.bench import worker
        print(*sorted(set({(*HEAVY, "onnxruntime")}) & set(sys.modules)))
    """
    assert python(code, "-W", "error") == []


def test_public_names():
    for name in minispp.__all__:
        assert getattr(minispp, name) is not None
    assert minispp.Net.__module__ == "minispp.net" and minispp.zoo.small and minispp.kernels.reference.conv2d
    assert set(dir(minispp)) >= set(minispp.__all__)
    assert minispp.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="minispp.*nothing"):
        _ = minispp.nothing
    with pytest.raises(AttributeError, match="minispp.kernels.*gpus"):
        _ = minispp.kernels.gpus


WITHOUT_NUMBA = """
    import sys

    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("numba", "llvmlite"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Missing())
    import tiny
    from minispp import kernels, predict, train
    from minispp.optim import Step
    from minispp.sizes import Mixed

    net = tiny.net()
    before = tiny.bits(net)
    train.fit(net, tiny.Pictures(), sizes=Mixed((8, 11)), schedule=Step(0.01), epochs=1, progress=False)
    assert all(a != b for a, b in zip(before, tiny.bits(net), strict=True))
    assert predict.multi_view(net, tiny.Pictures().pictures[0], 8).shape[1] == 3
    try:
        kernels.cpu
    except ModuleNotFoundError as error:
        assert error.name in ("numba", "llvmlite") and "kernels.reference" in str(error), error
        print(error)
"""


def test_without_numba_the_reference_works():
    assert " ".join(python(WITHOUT_NUMBA)).startswith("kernels.cpu needs Numba (pip install numba)")


def test_an_error_inside_the_cpu_backend_is_not_blamed_on_numba():
    """Another missing module is what is missing."""
    code = """
        import sys

        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name == "threadpoolctl":
                    raise ModuleNotFoundError("No module named 'threadpoolctl'", name=name)

        sys.meta_path.insert(0, Missing())
        from minispp import kernels
        try:
            kernels.cpu
        except ModuleNotFoundError as error:
            print(error.name)
    """
    pytest.importorskip("numba")
    assert python(code) == ["threadpoolctl"]

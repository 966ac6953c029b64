"""What every test may use: the backends, and Hypothesis without surprises."""

import importlib.util

import pytest
import simulated
from hypothesis import settings

pytest.register_assert_rewrite("naive", "properties", "box_properties")

# No deadline: the first call of a compiled kernel takes seconds. The same examples in every run, so that a
# red test is red for everyone; `--hypothesis-profile explore` draws new ones, and many more.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("explore", deadline=None, max_examples=500, print_blob=True)
settings.register_profile("simulated", deadline=None, derandomize=True, max_examples=12)
settings.load_profile("simulated" if simulated.CHOSEN else "same")


def backend(name):
    if name == "cpu" and importlib.util.find_spec("numba") is None:
        pytest.skip("kernels.cpu needs Numba, which is not installed")
    return simulated.ops() if name == "gpu" else importlib.import_module(f"minispp.kernels.{name}")


@pytest.fixture(params=["gpu"] if simulated.CHOSEN else ["reference", "cpu"], scope="session")
def ops(request):
    """Each backend in turn: whatever takes `ops` must hold for all of them. In the simulator it is the GPU's."""
    return backend(request.param)


@pytest.fixture(scope="session")
def cpu():
    if simulated.CHOSEN:
        pytest.skip("this process simulates a GPU")
    return backend("cpu")


def pytest_configure(config):
    if simulated.CHOSEN:
        config.addinivalue_line("filterwarnings", simulated.WARNINGS)


def pytest_collection_modifyitems(items):
    for item in items:
        if simulated.CHOSEN and item.name.partition("[")[0] in simulated.TOO_LONG:
            item.add_marker(pytest.mark.skip(reason="takes minutes in the simulator"))


# How much of the run is compilation: reported apart, because an empty Numba cache is not a slow test.
compiling = None
if importlib.util.find_spec("numba") is not None:
    from numba.core import event

    compiling = event.TimingListener()
    event.register("numba:compile", compiling)


def pytest_terminal_summary(terminalreporter):
    if compiling is not None and compiling.done:
        terminalreporter.write_line(f"Numba compiled for {compiling.duration:.0f} s of it in this process")

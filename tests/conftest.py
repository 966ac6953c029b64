"""What every test may use: the backends, and Hypothesis without surprises."""

import importlib.util

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("naive", "properties", "box_properties")

# No deadline: the first call of a compiled kernel takes seconds. The same examples in every run, so that a
# red test is red for everyone; `--hypothesis-profile explore` draws new ones, and many more.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("explore", deadline=None, max_examples=500, print_blob=True)
settings.load_profile("same")


def backend(name):
    if name == "cpu" and importlib.util.find_spec("numba") is None:
        pytest.skip("kernels.cpu needs Numba, which is not installed")
    return importlib.import_module(f"minispp.kernels.{name}")


@pytest.fixture(params=["reference", "cpu"], scope="session")
def ops(request):
    """Each backend in turn: whatever takes `ops` must hold for all of them."""
    return backend(request.param)


@pytest.fixture(scope="session")
def cpu():
    return backend("cpu")


# How much of the run is compilation: reported apart, because an empty Numba cache is not a slow test.
compiling = None
if importlib.util.find_spec("numba") is not None:
    from numba.core import event

    compiling = event.TimingListener()
    event.register("numba:compile", compiling)


def pytest_terminal_summary(terminalreporter):
    if compiling is not None and compiling.done:
        terminalreporter.write_line(f"Numba compiled for {compiling.duration:.0f} s of it in this process")

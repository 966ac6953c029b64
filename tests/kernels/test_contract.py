"""The contract of a backend: the same names, the same signatures; and what importing one costs."""

import inspect
import subprocess
import sys

import pytest

from minispp import kernels
from minispp.kernels import reference


def public_functions(module):
    """What the module offers: its own functions, not what it imports from elsewhere."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and str(value.__module__).startswith(module.__name__)
    }


def test_backends_export_exactly_the_contract(ops):
    assert public_functions(ops) == set(kernels.CONTRACT)
    assert len(set(kernels.CONTRACT)) == len(kernels.CONTRACT)
    assert set(getattr(ops, "__all__", kernels.CONTRACT)) == set(kernels.CONTRACT)


@pytest.mark.parametrize("name", kernels.CONTRACT)
def test_signatures_are_equal(cpu, name):
    """Names, order and defaults of the arguments."""
    assert inspect.signature(getattr(cpu, name)) == inspect.signature(getattr(reference, name))


@pytest.mark.parametrize("name", kernels.CONTRACT)
def test_every_kernel_says_what_it_does(ops, name):
    assert getattr(ops, name).__doc__


def test_backends_are_attributes_of_the_package(cpu):
    assert kernels.cpu is cpu and kernels.reference is reference
    with pytest.raises(AttributeError, match="no attribute 'gpuu'"):
        kernels.gpuu  # noqa: B018


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_importing_the_package_loads_no_compiler():
    done = run("import sys, minispp.kernels; print('numba' in sys.modules, 'matplotlib' in sys.modules)")
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_without_numba_the_reference_works_and_cpu_says_what_is_missing():
    done = run(
        "import sys; sys.modules['numba'] = None\n"
        "from minispp import kernels\n"
        "print(kernels.reference.relu(kernels.reference.asarray([-1.0, 2.0])).tolist())\n"
        "try: kernels.cpu\n"
        "except ModuleNotFoundError as error: print(error.name, error)"
    )
    assert done.stdout.splitlines()[0] == "[0.0, 2.0]", done.stderr
    assert "numba kernels.cpu needs Numba (pip install numba)" in done.stdout

"""The GPU backend in numba-cuda's simulator: every thread of the device is a thread of Python, so all sizes are tiny.

For a process that was started with NUMBA_ENABLE_CUDASIM=1; see tests/kernels/gpu. Tiles, chunks and blocks are shrunk
(`minispp.kernels.simulator`), so that a few values have first, middle and last tiles.
"""

import functools
import inspect
import os
import types

import numpy as np

from minispp.kernels import simulator

CHOSEN = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
# Python's floats warn where the device's do not, and integers that are to wrap around warn too.
WARNINGS = "ignore:(overflow|invalid value|divide by zero|underflow) encountered:RuntimeWarning"
# What the simulator would take minutes for: tests of values by the hundred thousand.
TOO_LONG = ("test_dropout_keeps_the_expected_share", "test_square_sum_of_many_float32")
ON_HOST = {"windows", "nesting", "labels"}  # what the layers hand over as NumPy arrays
IN_PLACE = {"add": ("into",), "sgd": ("value", "velocity")}


if CHOSEN:
    simulator.steady()


def gpu():
    """The backend, with tiles and blocks of a few threads."""
    return simulator.backend()


def ops():
    """The backend as tests call the others, with NumPy arrays: these go to the device, and the results come back."""
    backend = gpu()
    adapted = {name: _adapted(backend, name) for name in backend.__all__ if name not in ("asarray", "to_numpy")}
    return types.SimpleNamespace(**adapted, asarray=backend.asarray, to_numpy=backend.to_numpy)


def _adapted(backend, name):
    function = getattr(backend, name)
    signature = inspect.signature(function)

    @functools.wraps(function)
    def adapted(*arguments, **named):
        given = signature.bind(*arguments, **named).arguments
        moved = {key: _moved(backend, key, value) for key, value in given.items()}
        bound = inspect.BoundArguments(signature, moved)
        result = function(*bound.args, **bound.kwargs)
        for key in IN_PLACE.get(name, ()):
            given[key][...] = backend.to_numpy(moved[key])
        return _back(backend, result)

    return adapted


def _moved(backend, name, value):
    if isinstance(value, tuple) and value and isinstance(value[0], np.ndarray):
        return tuple(backend.asarray(a) for a in value)
    return backend.asarray(value) if isinstance(value, np.ndarray) and name not in ON_HOST else value


def _back(backend, result):
    if isinstance(result, tuple):
        return tuple(_back(backend, a) for a in result)
    return backend.to_numpy(result) if hasattr(result, "shape") else result

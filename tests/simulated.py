"""The GPU backend in numba-cuda's simulator: every thread of the device is a thread of Python, so all sizes are tiny.

For a process that was started with NUMBA_ENABLE_CUDASIM=1; see tests/kernels/gpu. Tiles, chunks and blocks are module
constants, and are shrunk here, so that a few values have first, middle and last tiles.
"""

import functools
import inspect
import os
import sys
import threading
import types

import numpy as np

CHOSEN = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
# Python's floats warn where the device's do not, and integers that are to wrap around warn too.
WARNINGS = "ignore:(overflow|invalid value|divide by zero|underflow) encountered:RuntimeWarning"
# What the simulator would take minutes for: tests of values by the hundred thousand.
TOO_LONG = ("test_dropout_keeps_the_expected_share", "test_square_sum_of_many_float32")
ON_HOST = {"windows", "nesting", "labels"}  # what the layers hand over as NumPy arrays
IN_PLACE = {"add": ("into",), "sgd": ("value", "velocity")}


class OneEach(dict):
    """The simulator's shared arrays, by the line that asks for them: the first thread that asks makes one, alone.

    Left to itself, the simulator looks and makes in two steps. Two threads that look at once each make one, and
    then work in different memory.
    """

    def __init__(self):
        self.lock = threading.Lock()

    def get(self, line):
        self.lock.acquire()
        found = super().get(line)
        if found is not None:
            self.lock.release()
        return found

    def __setitem__(self, line, array):
        super().__setitem__(line, array)
        self.lock.release()


if CHOSEN:
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    make = FakeCUDAShared.__init__

    def made(self, size):
        make(self, size)
        self._allocations = OneEach()

    FakeCUDAShared.__init__ = made
    # The simulator's main thread asks the others again and again whether they are done, and they wait for it to let go.
    sys.setswitchinterval(1e-5)


@functools.cache
def gpu():
    """The backend, with tiles and blocks of a few threads."""
    from minispp.kernels import gpu
    from minispp.kernels.gpu import arrays, compiler, convolution, elementwise, normalisation, pooling, tiles, vectors

    assert compiler.SIMULATED
    # Unlike each other in every number; the second has threads that do not make up whole rows.
    tiles.TILES = (tiles.Tile(8, 4, 2, 2, 2, at_once=2), tiles.Tile(4, 6, 6, 2, 2, at_once=2))
    tiles.FULL, tiles.PART = 6, 4
    compiler.BLOCKS = 3
    for module in (arrays, compiler, convolution, elementwise, normalisation, pooling, tiles, vectors):
        if hasattr(module, "THREADS"):
            module.THREADS = 4
    elementwise.FOLD, elementwise.CHUNK, vectors.ROW, convolution.RUN = 4, 16, 4, 5
    pooling.LANES, pooling.BINS, pooling.GROUP, pooling.CELLS, pooling.AHEAD = 2, 3, 5, 7, 2
    pooling.CHUNK, pooling.CHUNKS, pooling.WALKERS = 3, 2, 9
    return gpu


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

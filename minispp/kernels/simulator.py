"""The GPU backend where there may be no GPU: in numba-cuda's simulator, every thread of a device is a thread of Python.

Numba reads NUMBA_ENABLE_CUDASIM when it is imported. So `choose` comes first, before anything that imports Numba; then
`backend` gives `minispp.kernels.gpu`, its tiles and blocks shrunk to a few threads where they are simulated.
"""

import os
import sys
from ctypes import CDLL, byref, c_int
from importlib import import_module
from importlib.util import find_spec
from threading import Lock

DRIVERS = ("libcuda.so.1", "libcuda.so", "nvcuda.dll")
# What `kernels.gpu` cuts its work by, for maps of a few cells; by module.
SMALL = {
    "tiles": {"FULL": 6, "PART": 4},
    "compiler": {"BLOCKS": 3},
    "elementwise": {"FOLD": 4, "CHUNK": 16},
    "vectors": {"ROW": 4},
    "convolution": {"RUN": 5},
    "pooling": {"LANES": 2, "BINS": 3, "GROUP": 5, "CELLS": 7, "AHEAD": 2, "CHUNK": 3, "CHUNKS": 2, "WALKERS": 9},
}
THREADS = 4


def choose():
    """Choose the simulator if there is no GPU, and say in one line what kernels will run on.

    Returns
    -------
    str

    Raises
    ------
    RuntimeError
        If the simulator is needed, and Numba has been imported without it.
    """
    if not installed():
        return "numba-cuda is not installed (pip install minispp[cuda13], or [cuda12]): NumPy stands in for the GPU"
    if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
        if devices():
            return "kernels run on the GPU"
        if "numba" in sys.modules:
            raise RuntimeError("simulator.choose: Numba is imported already; choose before, in a fresh process")
        os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    return "no GPU is used: kernels run in numba-cuda's simulator, on a few values"


def installed():
    """Whether numba-cuda is there."""
    return find_spec("numba_cuda") is not None


def devices():
    """How many GPUs the driver knows: 0 without one. Nothing of Numba's is needed to ask."""
    for name in DRIVERS:
        try:
            driver, count = CDLL(name), c_int()
            if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(byref(count)) == 0:
                return count.value
        except (OSError, AttributeError):
            continue
    return 0


def backend():
    """`minispp.kernels.gpu`, fit for where it runs; `minispp.kernels.reference` where numba-cuda is not installed."""
    if not installed():
        return import_module("minispp.kernels.reference")
    gpu = import_module("minispp.kernels.gpu")
    if import_module("minispp.kernels.gpu.compiler").SIMULATED:
        _shrink()
        _one_shared_array_each()
        # The simulator's main thread asks the others whether they are done, and they wait for it to let go.
        sys.setswitchinterval(1e-5)
    return gpu


def _shrink():
    tiles = import_module("minispp.kernels.gpu.tiles")
    # Unlike each other in every number; the second has threads that do not make up whole rows.
    tiles.TILES = (tiles.Tile(8, 4, 2, 2, 2, at_once=2), tiles.Tile(4, 6, 6, 2, 2, at_once=2))
    for name in ("arrays", "compiler", "convolution", "elementwise", "normalisation", "pooling", "tiles", "vectors"):
        module = import_module(f"minispp.kernels.gpu.{name}")
        for constant, value in {"THREADS": THREADS, **SMALL.get(name, {})}.items():
            if hasattr(module, constant):
                setattr(module, constant, value)


class _OneEach(dict):
    """The simulator's shared arrays, by the line that asks for them: the first thread that asks makes one, alone.

    Left to itself, the simulator looks and makes in two steps. Two threads that look at once each make one, and
    then work in different memory.
    """

    def __init__(self):
        self.lock = Lock()

    def get(self, line):
        self.lock.acquire()
        found = super().get(line)
        if found is not None:
            self.lock.release()
        return found

    def __setitem__(self, line, array):
        super().__setitem__(line, array)
        self.lock.release()


def _one_shared_array_each():
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    make = FakeCUDAShared.__init__
    if getattr(make, "one_each", False):
        return

    def made(self, size):
        make(self, size)
        self._allocations = _OneEach()

    made.one_each = True
    FakeCUDAShared.__init__ = made

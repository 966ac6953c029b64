"""How loops run: the contract of a backend, and the backends that keep it.

A backend is a module that exports the functions named in `CONTRACT`, with the signatures of
`minispp.kernels.reference`, which is their specification:

============  =====================================================================================
module        what it is
============  =====================================================================================
`reference`   NumPy, any float type; reads like the formulas; every other backend must equal it
`cpu`         Numba, parallel; float32 and float64; the same bits whatever the number of threads
`gpu`         numba.cuda, for NVIDIA GPUs; float32 to work, float64 to check; arrays live on the device
============  =====================================================================================

A layer holds a backend as ``layer.ops``; ``net.to(kernels.cpu)`` swaps it. There is no global device.
Arrays are channels last, (N, H, W, C). Kernels trust their arguments: layers have checked them.

Importing this package loads no compiler; ``kernels.cpu`` and ``kernels.gpu`` are imported when they
are first named, and the latter looks for a device when it is first used. Where there is none, `kernels.simulator`
runs it in numba-cuda's simulator, on a few values.
"""

import importlib

from minispp.kernels import reference

CONTRACT = (
    "asarray",
    "to_numpy",
    "add",
    "conv2d",
    "conv2d_backward",
    "window_max",
    "window_max_backward",
    "relu",
    "relu_backward",
    "lrn",
    "lrn_backward",
    "linear",
    "linear_backward",
    "dropout",
    "softmax_loss",
    "softmax_loss_backward",
    "square_sum",
    "sgd",
)

__all__ = ["CONTRACT", "cpu", "gpu", "reference"]

# What a backend needs besides NumPy: the modules whose absence is the reader's to mend, and how.
_NEEDS = {
    "cpu": (("numba", "llvmlite"), "Numba (pip install numba)"),
    "gpu": (("numba", "llvmlite", "numba_cuda", "cuda"), "numba-cuda (pip install minispp[cuda13], or [cuda12])"),
}


def __getattr__(name):
    if name not in _NEEDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    modules, needed = _NEEDS[name]
    try:
        return importlib.import_module(f"minispp.kernels.{name}")
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in modules:
            raise ModuleNotFoundError(
                f"kernels.{name} needs {needed}; kernels.reference needs only NumPy", name=error.name
            ) from None
        raise

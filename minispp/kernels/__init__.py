"""How loops run: the contract of a backend, and the backends that keep it.

A backend is a module that exports the functions named in `CONTRACT`, with the signatures of
`minispp.kernels.reference`, which is their specification:

============  =====================================================================================
module        what it is
============  =====================================================================================
`reference`   NumPy, any float type; reads like the formulas; every other backend must equal it
`cpu`         Numba, parallel; float32 and float64; the same bits whatever the number of threads
============  =====================================================================================

A layer holds a backend as ``layer.ops``; ``net.to(kernels.cpu)`` swaps it. There is no global device.
Arrays are channels last, (N, H, W, C). Kernels trust their arguments: layers have checked them.

Importing this package loads no compiler; ``kernels.cpu`` is imported when it is first named.
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

__all__ = ["CONTRACT", "cpu", "reference"]


def __getattr__(name):
    if name != "cpu":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return importlib.import_module("minispp.kernels.cpu")
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(
                "kernels.cpu needs Numba (pip install numba); kernels.reference needs only NumPy",
                name=error.name,
            ) from None
        raise

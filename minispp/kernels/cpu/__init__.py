"""The contract in Numba, for the CPU: parallel, float32 and float64, the same bits with any number of threads.

Two rules keep it deterministic. Work is cut by the shape of the problem, never by the number of threads;
and where partial results are added, their number and order are fixed. All parallelism is Numba's: matrix
products run on one BLAS thread each, inside the parallel loop (`blas.one_thread`), because two thread pools
that take turns fight over the cores.

Kernels compile when they are first called, and are cached on disk if there is a place (`compiler`). They may be
called from several threads at once, and from any process that loads them itself. A process that was forked after the
first call is another matter: where Numba's threads do not survive that, kernels raise RuntimeError (`threads`).

Each kernel is equal to its namesake in `minispp.kernels.reference`, where the formulas and shapes are documented;
here the docstrings tell how the loops run.
"""

import os

# Between two parallel loops, GNU OpenMP's threads spin for milliseconds by default. On a machine with anything else to
# do they then take the core from the thread they wait for: a training step of 75 ms took over a second. If they
# sleep at once, waking them costs: 76 ms for 42 ms on an idle machine. So they spin for some ten microseconds, which
# gave 42 ms idle and 95 ms with both cores busy. Read when Numba loads its threads; a user's own choice stands.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")

from minispp.kernels.cpu.convolution import conv2d, conv2d_backward
from minispp.kernels.cpu.elementwise import (
    add,
    asarray,
    dropout,
    relu,
    relu_backward,
    sgd,
    square_sum,
    to_numpy,
)
from minispp.kernels.cpu.normalisation import lrn, lrn_backward
from minispp.kernels.cpu.pooling import window_max, window_max_backward
from minispp.kernels.cpu.threads import guarded as _guarded
from minispp.kernels.cpu.vectors import linear, linear_backward, softmax_loss, softmax_loss_backward

__all__ = [
    "add",
    "asarray",
    "conv2d",
    "conv2d_backward",
    "dropout",
    "linear",
    "linear_backward",
    "lrn",
    "lrn_backward",
    "relu",
    "relu_backward",
    "sgd",
    "softmax_loss",
    "softmax_loss_backward",
    "square_sum",
    "to_numpy",
    "window_max",
    "window_max_backward",
]

for _name in set(__all__) - {"asarray", "to_numpy"}:  # those are NumPy's, and work everywhere
    globals()[_name] = _guarded(globals()[_name])

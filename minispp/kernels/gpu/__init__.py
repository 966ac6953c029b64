"""The contract in numba.cuda, for NVIDIA GPUs."""

from minispp.kernels.gpu.arrays import asarray, to_numpy
from minispp.kernels.gpu.convolution import conv2d, conv2d_backward
from minispp.kernels.gpu.elementwise import add, dropout, relu, relu_backward, sgd, square_sum
from minispp.kernels.gpu.normalisation import lrn, lrn_backward
from minispp.kernels.gpu.pooling import window_max, window_max_backward
from minispp.kernels.gpu.vectors import linear, linear_backward, softmax_loss, softmax_loss_backward

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

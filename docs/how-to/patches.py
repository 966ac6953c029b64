"""The reference, but for convolution, which is one matrix product: the backend of the how-to."""

import numpy as np

from minispp.kernels.reference import (
    add,
    asarray,
    conv2d_backward,
    dropout,
    linear,
    linear_backward,
    lrn,
    lrn_backward,
    relu,
    relu_backward,
    sgd,
    softmax_loss,
    softmax_loss_backward,
    square_sum,
    to_numpy,
    window_max,
    window_max_backward,
)

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


def conv2d(x, w, b, stride, pad):
    """As `minispp.kernels.reference.conv2d`: patches (N*H'*W', kh*kw*C) times filters (kh*kw*C, D)."""
    (kh, kw, c, d), n = w.shape, len(x)
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(1, 2))[:, ::stride, ::stride]
    rows, columns = views.shape[1:3]
    patches = views.transpose(0, 1, 2, 4, 5, 3).reshape(n * rows * columns, kh * kw * c)
    return (patches @ w.reshape(-1, d) + b).reshape(n, rows, columns, d)

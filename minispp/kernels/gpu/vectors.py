"""Fully connected layers, which are correlations of one row of cells with filters of one tap; and the loss."""

import math

import numpy as np
from numba import cuda, float32

from minispp.kernels.gpu import convolution
from minispp.kernels.gpu.arrays import asarray, flat, on_device
from minispp.kernels.gpu.compiler import THREADS, blocks_for, kernel
from minispp.kernels.gpu.elementwise import totals
from minispp.kernels.gpu.memory import empty
from minispp.kernels.gpu.trees import largest_of, sum_of

ROW = 128  # threads of a row of scores: a power of two


def linear(x, w, b):
    """``x w + b``: N vectors are the N cells of a map of one row."""
    x, w = on_device(x), on_device(w)
    (n, inputs), outputs = x.shape, w.shape[1]
    if not n:
        return empty((0, outputs), x.dtype)
    y = convolution.conv2d(x.reshape(1, 1, n, inputs), w.reshape(1, 1, inputs, outputs), b, 1, 0)
    return y.reshape(n, outputs)


def linear_backward(dy, x, w):
    """``dy w^T``, ``x^T dy`` and the sum of dy, as gradients of that correlation."""
    dy, x, w = on_device(dy), on_device(x), on_device(w)
    (n, inputs), outputs = x.shape, w.shape[1]
    if not n:
        dw, db = empty(w.shape, w.dtype), empty((outputs,), w.dtype)
        for a in (dw, db):
            _clear[blocks_for(a.size), THREADS](flat(a))
        return empty(x.shape, x.dtype), dw, db
    maps = dy.reshape(1, 1, n, outputs), x.reshape(1, 1, n, inputs)
    dx, dw, db = convolution.conv2d_backward(*maps, w.reshape(1, 1, inputs, outputs), 1, 0)
    return dx.reshape(n, inputs), dw.reshape(inputs, outputs), db


@kernel
def _clear(a):
    """Each thread sets one value to 0, then the one a grid further on.

    Moves 4 bytes a value. Budget: 24 registers, 0 bytes shared.
    """
    k = cuda.grid(1)
    while k < a.size:
        a[k] = float32(0)
        k += cuda.gridsize(1)


def softmax_loss(z, labels, count):
    """A block of threads for each row, with the largest score subtracted first; two numbers leave it at once."""
    z = on_device(z)
    p, found = empty(z.shape, z.dtype), empty((2, len(z)), z.dtype)
    if p.size:
        _softmax[len(z), ROW](z, asarray(labels, np.int64), p, found)
    loss, wrong = totals(found)
    return loss / count, int(wrong), p


@kernel
def _softmax(z, labels, p, found):
    """A block makes a row of probabilities, its loss, and 1 if its label has not won; a thread, every ROW-th of them.

    Shared memory holds one value a thread, in which the largest score, whether one is not below the label's, and the
    sum are found in a tree, one after the other. Moves 12 bytes a score, for one exponential. Budget: 48 registers, 512
    bytes shared.
    """
    held = cuda.shared.array(ROW, z.dtype)
    n, thread = cuda.blockIdx.x, cuda.threadIdx.x
    _, classes = z.shape
    label = labels[n]
    own, mine, wrong = z[n, label], z[n, 0], z.dtype.type(0)
    for k in range(thread, classes, ROW):
        mine = max(mine, z[n, k])
        if not (own > z[n, k] or (own == z[n, k] and label <= k)):
            wrong = z.dtype.type(1)
    held[thread] = mine
    largest = largest_of(held)
    cuda.syncthreads()  # all have read it
    held[thread] = wrong
    wrong = largest_of(held)
    cuda.syncthreads()
    mine = z.dtype.type(0)
    for k in range(thread, classes, ROW):
        e = math.exp(z[n, k] - largest)
        p[n, k] = e
        mine += e
    held[thread] = mine
    whole = sum_of(held)
    for k in range(thread, classes, ROW):
        p[n, k] /= whole
    if thread == 0:
        found[0, n] = math.log(whole) - (own - largest)
        found[1, n] = wrong


def softmax_loss_backward(p, labels, count):
    """``(p - one_hot(labels)) / count``."""
    p = on_device(p)
    dz = empty(p.shape, p.dtype)
    if p.size:
        _softmax_backward[blocks_for(p.size), THREADS](p, asarray(labels, np.int64), p.dtype.type(count), dz)
    return dz


@kernel
def _softmax_backward(p, labels, count, dz):
    """Each thread makes one gradient, then the one a grid further on.

    Moves 8 bytes a value. Budget: 40 registers, 0 bytes shared.
    """
    _, classes = p.shape
    at = cuda.grid(1)
    while at < p.size:
        n, k = divmod(at, classes)
        dz[n, k] = (p[n, k] - float32(1) if labels[n] == k else p[n, k]) / count
        at += cuda.gridsize(1)

"""The specification: every function of the contract in NumPy, written as its formula.

Any float type goes in, and the same type comes out. Shapes are named on the first line of each function;
``d`` before a name means "gradient of the loss with respect to". Nothing here is in a hurry.
"""

import numpy as np

# ---------------------------------------------------------------------------------------------------
# Arrays


def asarray(a, dtype=None):
    """`a` as an array of this backend, C-contiguous, converted to `dtype` if one is given."""
    return np.ascontiguousarray(a, dtype=dtype)


def to_numpy(a):
    """An array of this backend as a NumPy array."""
    return np.asarray(a)


def add(into, a):
    """``into += a``, in place."""
    into += a


# ---------------------------------------------------------------------------------------------------
# Convolution


def conv2d(x, w, b, stride, pad):
    """Correlate maps with filters: ``y[n,i,j,d] = b[d] + sum_uvc x[n, i*s+u-p, j*s+v-p, c] w[u,v,c,d]``.

    Parameters
    ----------
    x : (N, H, W, C)
    w : (kh, kw, C, D)
    b : (D,)
    stride, pad : int
        s and p; x counts as zero outside.

    Returns
    -------
    y : (N, H', W', D) with ``H' = (H + 2p - kh) // s + 1``

    Examples
    --------
    >>> x, w = np.arange(4.0).reshape(1, 1, 4, 1), np.array([-1.0, 1.0]).reshape(1, 2, 1, 1)
    >>> conv2d(x, w, np.zeros(1), 1, 0).ravel()
    array([1., 1., 1.])
    """
    n, (kh, kw, _, d) = len(x), w.shape
    x = _pad(x, pad)
    rows, columns = (x.shape[1] - kh) // stride + 1, (x.shape[2] - kw) // stride + 1
    y = np.empty((n, rows, columns, d), x.dtype)
    y[:] = b
    for u in range(kh):
        for v in range(kw):
            y += _under(x, u, v, rows, columns, stride) @ w[u, v]
    return y


def conv2d_backward(dy, x, w, stride, pad, need_dx=True):
    """Gradients of `conv2d`.

    ``dw[u,v,c,d] = sum_nij x[n, i*s+u-p, j*s+v-p, c] dy[n,i,j,d]``, ``db[d] = sum_nij dy[n,i,j,d]``, and each
    product of the forward pass sends ``dy[n,i,j,d] w[u,v,c,d]`` back to the x it came from.

    Returns
    -------
    dx : (N, H, W, C), or None without `need_dx` (a first layer has nobody to tell)
    dw : (kh, kw, C, D)
    db : (D,)
    """
    (_, height, width, _), (kh, kw, _, _) = x.shape, w.shape
    _, rows, columns, _ = dy.shape
    x = _pad(x, pad)
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for u in range(kh):
        for v in range(kw):
            dw[u, v] = np.tensordot(_under(x, u, v, rows, columns, stride), dy, axes=([0, 1, 2], [0, 1, 2]))
            if need_dx:
                under = _under(dx, u, v, rows, columns, stride)
                under += dy @ w[u, v].T
    db = dy.sum(axis=(0, 1, 2), dtype=dy.dtype)
    return (dx[:, pad : pad + height, pad : pad + width] if need_dx else None), dw, db


def _pad(x, pad):
    return np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def _under(x, u, v, rows, columns, stride):
    """The view of x under filter tap (u, v) at every output position."""
    return x[:, u : u + (rows - 1) * stride + 1 : stride, v : v + (columns - 1) * stride + 1 : stride]


# ---------------------------------------------------------------------------------------------------
# Pooling


def window_max(x, windows, nesting=None, need_winners=True):
    """The maximum of each channel in each window, and the cell that won.

    The running maximum starts at the window's first cell, never at a constant, so maps may be negative or
    -inf. Only a larger value replaces it, so of equal cells the first in row-major order wins. A NaN in a
    window is its maximum.

    Parameters
    ----------
    x : (N, H, W, C)
    windows : int32 (R, 5) or (R, M, 5)
        Rows ``(image, top, left, bottom, right)``, half-open, non-empty; or R groups of M such rows.
    nesting : int32 (M, 5), optional
        Which windows of every group are unions of others; see `minispp.windows.nesting`. A backend may use it to
        save work. It does not change the outcome, so here it is not looked at.
    need_winners : bool
        False where no backward will follow: writing the winners takes as long as writing the values.

    Returns
    -------
    y : (R, C) or (R, M, C)
    winners : int32, the same shape; None if not needed
        Flat indices into the N*H*W cells.

    Examples
    --------
    >>> x = -np.arange(6.0).reshape(1, 2, 3, 1)
    >>> y, winners = window_max(x, np.array([[0, 0, 1, 2, 3]]))
    >>> y.tolist(), winners.tolist()
    ([[-1.0]], [[1]])
    """
    n, height, width, channels = x.shape
    shape = (*np.shape(windows)[:-1], channels)
    image, top, left, bottom, right = np.reshape(windows, (-1, 5)).T
    y = x[image, top, left]  # each window's first cell
    winners = np.empty(y.shape, np.int32)
    winners[:] = ((image * height + top) * width + left)[:, None]
    # All windows advance together through their cells, row-major; those that have ended drop out.
    for u in range((bottom - top).max(initial=0)):
        for v in range((right - left).max(initial=0)):
            r = np.flatnonzero((top + u < bottom) & (left + v < right))
            value, best = x[image[r], top[r] + u, left[r] + v], y[r]
            cell = (image[r] * height + top[r] + u) * width + left[r] + v
            better = (value > best) | (np.isnan(value) & ~np.isnan(best))
            y[r], winners[r] = np.where(better, value, best), np.where(better, cell[:, None], winners[r])
    return y.reshape(shape), winners.reshape(shape) if need_winners else None


def window_max_backward(dy, winners, shape):
    """Send the gradient of each window to the cell that won it; where windows overlap, gradients add up.

    Parameters
    ----------
    dy : (R, C) or (R, M, C)
    winners : int32, the same shape
        From `window_max`. The M winners of a group lie in one image.
    shape : (N, H, W, C)

    Returns
    -------
    dx : (N, H, W, C)
    """
    n, height, width, channels = shape
    dx = np.zeros((n * height * width, channels), dy.dtype)
    np.add.at(dx, (winners, np.arange(channels)), dy)  # `dx[winners] += dy` would keep one of several
    return dx.reshape(shape)


# ---------------------------------------------------------------------------------------------------
# ReLU and local response normalisation


def relu(x):
    """``max(x, 0)``; NaN stays NaN."""
    return np.maximum(x, 0)


def relu_backward(dy, y):
    """``dy`` where the output was positive, else 0: the derivative at the kink is taken as 0."""
    return np.where(y > 0, dy, 0).astype(dy.dtype, copy=False)


def lrn(x, size, alpha, beta, bias, across):
    """Divide each value by a power of the energy around it: ``y = x * scale^-beta``.

    ``scale = bias + alpha / m * sum of x^2`` over a neighbourhood of m values centred on each: `size`
    channels of the same cell if `across`, else ``size * size`` cells of the same channel. Values beyond the
    edge are zeros and count in m.

    Parameters
    ----------
    x : (N, H, W, C)
    size : int
        Odd.
    alpha, beta, bias : float
    across : bool

    Returns
    -------
    y : (N, H, W, C)
    """
    return x * _scale(x, size, alpha, bias, across) ** -beta


def lrn_backward(dy, x, size, alpha, beta, bias, across):
    """Gradient of `lrn`: through x itself, and through the scale of every neighbour.

    ``dx = dy * scale^-beta - 2 * alpha * beta / m * x * sum of (dy * y / scale)`` over the same
    neighbourhood, which works because a value lies in its neighbour's neighbourhood as that one in its own.
    Scale and y follow from x, and working them out again costs less than keeping two more maps.
    """
    scale = _scale(x, size, alpha, bias, across)
    through_scale = _neighbourhood_sum(dy * x * scale ** (-beta - 1), size, across)
    return dy * scale**-beta - 2 * alpha * beta / _members(size, across) * x * through_scale


def _scale(x, size, alpha, bias, across):
    return bias + alpha / _members(size, across) * _neighbourhood_sum(x * x, size, across)


def _members(size, across):
    return size if across else size * size


def _neighbourhood_sum(a, size, across):
    for axis in (3,) if across else (1, 2):
        half, length = size // 2, a.shape[axis]
        padding = [(half, half) if i == axis else (0, 0) for i in range(4)]
        padded = np.pad(a, padding)
        a = sum(padded.take(range(shift, shift + length), axis) for shift in range(size))
    return a


# ---------------------------------------------------------------------------------------------------
# Vectors


def linear(x, w, b):
    """``y = x w + b`` for x (N, I), w (I, O), b (O,)."""
    return x @ w + b


def linear_backward(dy, x, w):
    """``dx = dy w^T``, ``dw = x^T dy``, ``db = sum over the batch of dy``."""
    return dy @ w.T, x.T @ dy, dy.sum(axis=0, dtype=dy.dtype)


def dropout(x, rate, seed):
    """Zero each value with probability `rate`, and divide the others by ``1 - rate``.

    Whether value number i stays depends on `seed` and i alone, through integers that are the same on every
    backend. So no mask is stored or moved, and the function is its own backward: call it with `dy`.

    Examples
    --------
    >>> dropout(np.ones(8), 0.5, seed=3)
    array([2., 2., 0., 0., 2., 2., 2., 2.])
    """
    index = np.arange(x.size, dtype=np.uint64).reshape(x.shape)
    bits = _mix(_mix(np.array([seed], np.uint64)) + index * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    keep = bits >= np.uint64(round(rate * 2**32))
    return np.where(keep, x / x.dtype.type(1 - rate), x.dtype.type(0))


def _mix(z):
    """Scramble 64-bit integers one to one, so that neighbours share nothing (the SplitMix64 finaliser)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def softmax_loss(z, labels, count):
    """Cross-entropy of a softmax: ``loss = -sum_n log p[n, label[n]] / count``, ``p = exp(z) / sum exp(z)``.

    Parameters
    ----------
    z : (N, K)
        Scores. The largest of each row is subtracted first, so exp cannot overflow.
    labels : int (N,)
    count : int
        What the mean is over: N, or the whole mini-batch when z is one of its groups.

    Returns
    -------
    loss : float
    wrong : int
        Of how many rows the label's score is not the largest, or not the first of the largest, or not a number.
    p : (N, K)
    """
    rows, classes = np.arange(len(z)), np.arange(z.shape[1])
    own, its = z[rows, labels][:, None], np.asarray(labels)[:, None]
    passes = (own > z) | ((own == z) & (its <= classes))
    shifted = z - z.max(axis=1, keepdims=True, initial=-np.inf)
    exp = np.exp(shifted)
    total = exp.sum(axis=1, keepdims=True)
    log_p = shifted - np.log(total)
    loss = float(-log_p[rows, labels].sum(dtype=np.float64) / count)
    return loss, int((~passes).any(axis=1).sum()), exp / total


def softmax_loss_backward(p, labels, count):
    """``dz = (p - one_hot(labels)) / count``."""
    dz = p.copy()
    dz[np.arange(len(p)), labels] -= 1
    return dz / p.dtype.type(count)


# ---------------------------------------------------------------------------------------------------
# Optimiser


def square_sum(*arrays):
    """The sum of the squares of all arrays as a float, accumulated in float64: what a gradient norm is made of."""
    return float(sum(np.square(a, dtype=np.float64).sum() for a in arrays))


def sgd(value, grad, velocity, rate, momentum, decay, scale):
    """One step of stochastic gradient descent with momentum and weight decay, in place.

    ``v <- momentum * v - rate * (scale * grad + decay * value)``, ``value <- value + v``
    (Krizhevsky's form, which the paper's code uses: a change of the rate does not touch the velocity).
    """
    velocity *= momentum
    velocity -= rate * (scale * grad + decay * value)
    value += velocity

"""Local response normalisation: sums of neighbours over contiguous channels, then one pass of arithmetic."""

import numpy as np
from numba import njit, prange


def lrn(x, size, alpha, beta, bias, across):
    """Sum the squares around each value, then divide."""
    x = np.ascontiguousarray(x)
    total = _neighbourhood_sum(x * x, size, across)
    y, scale = np.empty_like(x), np.empty_like(x)
    members = size if across else size * size
    kind = x.dtype.type
    _divide(x.ravel(), total.ravel(), kind(alpha / members), beta, kind(bias), y.reshape(-1), scale.reshape(-1))
    return y, scale


def lrn_backward(dy, x, y, scale, size, alpha, beta, across):
    """Through the value itself, and through the scale of every neighbour."""
    dy, x, y, scale = (np.ascontiguousarray(a) for a in (dy, x, y, scale))
    through_scale = _neighbourhood_sum(dy * y / scale, size, across)
    members = size if across else size * size
    dx = np.empty_like(x)
    factor = x.dtype.type(2 * alpha * beta / members)
    _both_ways(dy.ravel(), x.ravel(), scale.ravel(), through_scale.ravel(), factor, beta, dx.reshape(-1))
    return dx


@njit(cache=True)
def _inverse_power(scale, beta):
    """``scale ** -beta``; the exponent of every published net is 3/4, which two square roots do much faster."""
    if beta == 0.75:
        root = np.sqrt(scale)
        return 1 / (root * np.sqrt(root))
    return scale ** type_of(scale, -beta)


@njit(cache=True)
def type_of(like, value):
    """`value` in the float type of `like`, so that float32 stays float32."""
    return like * 0 + value


@njit(parallel=True, cache=True)
def _neighbourhood_sum(a, size, across):
    n, height, width, channels = a.shape
    half = size // 2
    total = np.zeros_like(a)
    for row in prange(n * height):
        image, i = divmod(np.int64(row), height)
        for j in range(width):
            if across:
                for shift in range(-half, half + 1):
                    for c in range(max(0, -shift), min(channels, channels - shift)):
                        total[image, i, j, c] += a[image, i, j, c + shift]
            else:
                for u in range(max(0, i - half), min(height, i + half + 1)):
                    for v in range(max(0, j - half), min(width, j + half + 1)):
                        for c in range(channels):
                            total[image, i, j, c] += a[image, u, v, c]
    return total


@njit(parallel=True, cache=True)
def _divide(x, total, alpha, beta, bias, y, scale):
    for k in prange(len(x)):
        scale[k] = bias + alpha * total[k]
        y[k] = x[k] * _inverse_power(scale[k], beta)


@njit(parallel=True, cache=True)
def _both_ways(dy, x, scale, through_scale, factor, beta, dx):
    for k in prange(len(x)):
        dx[k] = dy[k] * _inverse_power(scale[k], beta) - factor * x[k] * through_scale[k]

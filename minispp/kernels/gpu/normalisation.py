"""Local response normalisation, a value a thread.

Both kinds of neighbourhood are the same loop, as in `kernels.cpu`: a row of cells is a line of W*C values, in which
neighbours within a channel are C apart, and neighbours across channels 1 apart, among the C values of a cell. Only
the former have rows above and below. A value is read by its whole neighbourhood, mostly from cache.
"""

import math

from numba import cuda, float32

from minispp.kernels.gpu.arrays import on_device
from minispp.kernels.gpu.compiler import THREADS, inlined, kernel
from minispp.kernels.gpu.memory import empty


def lrn(x, size, alpha, beta, bias, across):
    """Sum the squares around each value, then divide."""
    x = on_device(x)
    y = empty(x.shape, x.dtype)
    if x.size:
        grid, lines, reach, numbers = _settings(x, size, alpha, beta, bias, across)
        _lrn[grid, THREADS](x.reshape(lines), reach, *numbers, y.reshape(lines))
    return y


def lrn_backward(dy, x, size, alpha, beta, bias, across):
    """First what each value sends through its scale, for every value; then the sum of that over neighbourhoods."""
    dy, x = on_device(dy), on_device(x)
    dx, sent = empty(x.shape, x.dtype), empty(x.shape, x.dtype)
    if x.size:
        grid, lines, reach, numbers = _settings(x, size, alpha, beta, bias, across)
        dy, x, sent = dy.reshape(lines), x.reshape(lines), sent.reshape(lines)
        _lrn_send[grid, THREADS](dy, x, reach, *numbers, sent)
        _lrn_receive[grid, THREADS](dy, x, sent, reach, *numbers, dx.reshape(lines))
    return dx


def _settings(x, size, alpha, beta, bias, across):
    """The grid: lines, and blocks along one; the shape as lines; where neighbours are; numbers in the type of x.

    Neighbours: rows above and below; values of a group, which no neighbour leaves; values to the next, and how many.
    """
    n, height, width, channels = x.shape
    length, members = width * channels, size if across else size * size
    reach = (0, channels, 1, size) if across else (size // 2, length, channels, size)
    numbers = (x.dtype.type(number) for number in (alpha / members, beta, bias))
    return (n * height, -(-length // THREADS)), (n, height, length), reach, tuple(numbers)


@inlined
def _sum_around(a, b, n, i, q, reach):
    """The sum of a * b over the neighbourhood of value q of line i."""
    rows, group, step, size = reach
    first = q - q % group
    total = a.dtype.type(0)
    for line in range(max(0, i - rows), min(a.shape[1], i + rows + 1)):
        for neighbour in range(-(size // 2), size // 2 + 1):
            at = q + neighbour * step
            if first <= at < first + group:
                total += a[n, line, at] * b[n, line, at]
    return total


@inlined
def _power(scale, beta):
    """``scale ** beta``; the exponent of every published net is 3/4: two square roots are faster."""
    if beta == float32(0.75):
        root = math.sqrt(scale)
        return root * math.sqrt(root)
    return scale**beta


@kernel
def _lrn(x, reach, alpha, beta, bias, y):
    """Normalises one value.

    Moves 8 bytes and reads the neighbourhood from cache, for two operations a neighbour. Budget: 56 registers, 0 bytes
    shared.
    """
    n, i = divmod(cuda.blockIdx.x, x.shape[1])
    q = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if q < x.shape[2]:
        y[n, i, q] = x[n, i, q] / _power(bias + alpha * _sum_around(x, x, n, i, q, reach), beta)


@kernel
def _lrn_send(dy, x, reach, alpha, beta, bias, sent):
    """``dy * scale^-(beta + 1)`` of one value: times x, it is what its neighbours' gradients add up.

    Moves 12 bytes and reads the neighbourhood from cache. Budget: 56 registers, 0 bytes shared.
    """
    n, i = divmod(cuda.blockIdx.x, x.shape[1])
    q = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if q < x.shape[2]:
        scale = bias + alpha * _sum_around(x, x, n, i, q, reach)
        sent[n, i, q] = dy[n, i, q] / _power(scale, beta) / scale


@kernel
def _lrn_receive(dy, x, sent, reach, alpha, beta, bias, dx):
    """The gradient of one value: through itself, and through the scales that it is part of.

    Moves 16 bytes and reads two neighbourhoods from cache. Budget: 64 registers, 0 bytes shared.
    """
    n, i = divmod(cuda.blockIdx.x, x.shape[1])
    q = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if q < x.shape[2]:
        power = _power(bias + alpha * _sum_around(x, x, n, i, q, reach), beta)
        received = _sum_around(x, sent, n, i, q, reach)
        dx[n, i, q] = dy[n, i, q] / power - float32(2) * alpha * beta * x[n, i, q] * received

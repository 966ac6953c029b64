"""One convolution, in eight steps, from loops in Python to Winograd's method: what notebook 10 climbs.

Each way takes ``(x, w, b, stride, pad)`` and makes the y of `minispp.kernels.reference.conv2d`, but for rounding. The
first are written here to be read; the last two are the methods of `minispp.kernels.cpu`.
"""

from time import perf_counter
from typing import NamedTuple

import numba
import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from minispp.bench.orders import numba_threads
from minispp.kernels import cpu, reference
from minispp.kernels.cpu import strips
from minispp.kernels.cpu.blas import one_thread
from minispp.kernels.cpu.compiler import compiled
from minispp.kernels.cpu.convolution import convolution_path

ROUNDS, ENOUGH = 7, 0.5  # runs of a way; seconds after which they are enough
CUT = 6, 8  # rows and columns of the map, channels and filters, that Python's loops get: all would take minutes


def python_loops(x, w, b, stride, pad):
    """The formula, a loop for each of its letters (`_sum_by_output`)."""
    return _padded(_sum_by_output, x, w, b, stride, pad)


def compiled_loops(x, w, b, stride, pad):
    """The same function, given to the compiler."""
    return _padded(_sum_compiled, x, w, b, stride, pad)


def turned_loops(x, w, b, stride, pad):
    """Filters innermost: neighbours in memory, so the loop becomes vector instructions, 8 or 16 products at once."""
    return _padded(_add_by_filter, x, w, b, stride, pad)


def tap_products(x, w, b, stride, pad):
    """NumPy: a matrix product for each cell of the kernel. The reference itself."""
    return reference.conv2d(x, w, b, stride, pad)


def im2col(x, w, b, stride, pad):
    """NumPy: all patches copied side by side, kh*kw times the size of the map, and one matrix product."""
    y, _, (kh, kw, c, d) = _outputs(x, w, stride, pad)
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    under = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(1, 2))[:, ::stride, ::stride]
    patches = np.ascontiguousarray(under.transpose(0, 1, 2, 4, 5, 3)).reshape(-1, kh * kw * c)
    np.matmul(patches, w.reshape(-1, d), out=y.reshape(-1, d))
    y += b
    return y


def strip_products(x, w, b, stride, pad):
    """`kernels.cpu`: patches of one strip of outputs at a time, which stay in cache, and its product."""
    y = _outputs(x, w, stride, pad)[0]
    with one_thread():
        strips.convolve(np.ascontiguousarray(x), np.ascontiguousarray(w), b, stride, pad, y)
    return y


def winograd(x, w, b, stride, pad):
    """`kernels.cpu`, where it chooses Winograd's method: 36 products in place of 144."""
    return cpu.conv2d(x, w, b, stride, pad)


class Step(NamedTuple):
    """One way, measured.

    Attributes
    ----------
    name : str
    seconds : float
        The best of some runs.
    operations : int
        Multiplications and additions of the formula; a method that does fewer is not told so.
    error : float
        ``max |y - exact| / max |exact|``, against the reference in float64.
    """

    name: str
    seconds: float
    operations: int
    error: float

    @property
    def rate(self):
        """Nominal operations a second."""
        return self.operations / self.seconds


def climb(x, w, b, stride=1, pad=1, rounds=ROUNDS):
    """Time all ways, on one thread, then the best on all; slow ones on a part of the same arrays.

    Parameters
    ----------
    x, w, b : float32 arrays
        As for `minispp.kernels.reference.conv2d`.
    stride, pad : int
    rounds : int
        Runs of each way, fewer where they take long.

    Returns
    -------
    list of Step

    Raises
    ------
    ValueError
        If `kernels.cpu` would not choose Winograd's method for these shapes.

    Examples
    --------
    >>> x, w = np.ones((1, 16, 16, 64), np.float32), np.ones((3, 3, 64, 64), np.float32)
    >>> steps = climb(x, w, np.zeros(64, np.float32), rounds=1)
    >>> len(steps), steps[-1].name.startswith("Winograd F(4x4, 3x3)"), steps[-1].error < 1e-5
    (8, True, True)
    """
    path = convolution_path(x.shape, w.shape, stride, pad)
    if "Winograd" not in path:
        raise ValueError(f"climb: expected shapes for Winograd's method, got {x.shape} and {w.shape}: {path}")
    side, channels = CUT
    small = x[:1, :side, :side, :channels], w[:, :, :channels, :channels], b[:channels]
    first, all_of_it, every = (x[:1], w, b), (x, w, b), numba.get_num_threads()
    ways = {
        "Python loops": (python_loops, small, 1),
        "the same loops, compiled": (compiled_loops, first, 1),
        "filters innermost": (turned_loops, first, 1),
        "a product for each tap": (tap_products, all_of_it, 1),
        "im2col, one product": (im2col, all_of_it, 1),
        "strips in cache": (strip_products, all_of_it, 1),
        f"strips, {_threads(every)}": (strip_products, all_of_it, every),
        f"{path}, {_threads(every)}": (winograd, all_of_it, every),
    }
    steps, exact = [], {}
    with tqdm(total=len(ways) * (1 + rounds), delay=2, leave=False) as bar:
        for name, (way, arrays, threads) in ways.items():
            bar.set_description(name)
            with threadpool_limits(1, "blas"), numba_threads(threads):
                if id(arrays) not in exact:
                    exact[id(arrays)] = reference.conv2d(*(a.astype(np.float64) for a in arrays), stride, pad)
                truth = exact[id(arrays)]
                error = np.abs(way(*arrays, stride, pad) - truth).max() / np.abs(truth).max()  # and compiles
                bar.update()
                taken = []
                while len(taken) < rounds and sum(taken) < ENOUGH:
                    taken.append(seconds(way, *arrays, stride, pad))
                    bar.update()
            bar.update(rounds - len(taken))
            steps.append(Step(name, min(taken), 2 * truth.size * arrays[1][..., 0].size, float(error)))
    return steps


def best(work, *arguments, rounds=5):
    """Seconds of the fastest of some calls, after one that compiles what it needs."""
    work(*arguments)
    return min(seconds(work, *arguments) for _ in range(rounds))


def seconds(work, *arguments):
    """How long one call takes."""
    started = perf_counter()
    work(*arguments)
    return perf_counter() - started


def _threads(count):
    return f"{count} thread{'s' * (count != 1)}"


def _outputs(x, w, stride, pad):
    """An empty y, its shape, and that of the filters."""
    (n, height, width, _), (kh, kw, _, d) = x.shape, w.shape
    shape = n, (height + 2 * pad - kh) // stride + 1, (width + 2 * pad - kw) // stride + 1, d
    return np.empty(shape, x.dtype), shape, w.shape


def _padded(loops, x, w, b, stride, pad):
    """What the loops make of a map with zeros around it."""
    y = _outputs(x, w, stride, pad)[0]
    loops(np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0))), w, b, stride, y)
    return y


def _sum_by_output(x, w, b, stride, y):
    """Every output is a sum of its own: for each image, place and filter, over the cells of the kernel and channels."""
    (n, rows, columns, d), (kh, kw, c, _) = y.shape, w.shape
    for image in range(n):
        for i in range(rows):
            for j in range(columns):
                for k in range(d):
                    total = b[k]
                    for u in range(kh):
                        for v in range(kw):
                            for m in range(c):
                                total += x[image, i * stride + u, j * stride + v, m] * w[u, v, m, k]
                    y[image, i, j, k] = total


_sum_compiled = compiled(_sum_by_output)


@compiled
def _add_by_filter(x, w, b, stride, y):
    (n, rows, columns, d), (kh, kw, c, _) = y.shape, w.shape
    for image in range(n):
        for i in range(rows):
            for j in range(columns):
                cell = y[image, i, j]
                for k in range(d):
                    cell[k] = b[k]
                for u in range(kh):
                    for v in range(kw):
                        for m in range(c):
                            value, filters = x[image, i * stride + u, j * stride + v, m], w[u, v, m]
                            for k in range(d):
                                cell[k] += value * filters[k]

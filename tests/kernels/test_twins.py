"""kernels.cpu against kernels.reference at sizes that fill its tiles and blocks, and against itself.

The oracles have shown on tiny maps what is right. Here the work is large enough to be cut, so that there are
first, middle and last pieces; and every kernel gives the same bits with one thread, with two, and ten times over.
"""

import inspect
from functools import cache

import draw
import naive
import numpy as np
import pytest

from minispp import kernels
from minispp.kernels import reference
from minispp.windows import as_levels, nesting, pyramid, sliding, whole_map_pyramid, whole_maps

SEED, RATE = 11, 0.3


def calls(dtype):
    """Each kernel's arguments, and how many products make an entry of its outputs: (name, arguments, terms)."""
    rng = np.random.default_rng(8)

    def normal(*shape):
        return rng.normal(size=shape).astype(dtype)

    # Output cells for more tiles (of 512) than there are partial sums (8); strides below and above the kernel; many
    # channels.
    for shape, kernel, stride, pad in (
        ((2, 47, 52, 2), (3, 3, 2, 3), 1, 1),
        ((3, 17, 23, 5), (2, 4, 5, 7), 1, 1),
        ((2, 31, 29, 3), (7, 5, 3, 9), 2, 3),
        ((2, 19, 26, 4), (2, 3, 4, 6), 4, 1),
        ((1, 6, 5, 130), (3, 2, 130, 17), 1, 1),
    ):
        x, w = normal(*shape), normal(*kernel)
        dy = normal(*naive.conv_shape(x, w, stride, pad))
        yield "conv2d", (x, w, normal(kernel[3]), stride, pad), w[..., 0].size
        yield "conv2d_backward", (dy, x, w, stride, pad), max(dy[..., 0].size, w[..., 0, :].size)

    # A cache line of channels and one more; overlapping windows, a pyramid, windows in no order, tied values.
    x = normal(3, 13, 11, 17)
    tied = rng.integers(-1, 2, (2, 9, 12, 33)).astype(dtype)
    for maps, table in (
        (x, sliding(3, 13, 11, 3, 2, 1, True)[0]),
        (x, pyramid(whole_maps(3, 13, 11), (6, 3, 2, 1))),
        (x, draw.random_windows(rng, 301, 3, 13, 11)),
        (tied, draw.random_windows(rng, 150, 2, 9, 12)),
    ):
        y, winners = reference.window_max(maps, table)
        yield "window_max", (maps, table), 0
        yield "window_max_backward", (normal(*y.shape), winners, maps.shape), len(table)
    # Groups, and levels pooled from finer ones: whole maps and many windows of few maps; channels in several blocks.
    levels = as_levels((6, 3, 2, 1))
    wide = rng.integers(-1, 2, (1, 9, 12, 259)).astype(dtype)
    for maps, windows in (
        (tied, whole_maps(2, 9, 12)),
        (x, draw.random_windows(rng, 101, 3, 13, 11)),
        (wide, whole_maps(1, 9, 12)),
        (wide, draw.random_windows(rng, 99, 1, 9, 12)),
    ):
        table = pyramid(windows, levels).reshape(len(windows), 50, 5)
        y, winners = reference.window_max(maps, table)
        yield "window_max", (maps, table, nesting(levels)), 0
        yield "window_max_backward", (normal(*y.shape), winners, maps.shape), len(table)

    x, dy = normal(2, 19, 13, 17), normal(2, 19, 13, 17)  # more rows than two strips (8), the last one not full
    for size, beta, across in ((3, 0.75, False), (5, 0.6, False), (3, 0.6, True), (5, 0.75, True)):
        yield "lrn", (x, size, 0.9, beta, 1.1, across), 40
        yield "lrn_backward", (dy, x, size, 0.9, beta, 1.1, across), 40

    # More than a block of weights, a last tile of columns (256) that is not full; as many vectors as are few (48) and
    # one more, more than two tiles of the batch (256) and a last one that is not full.
    for n, inputs, outputs in ((5, 333, 41), (48, 150, 260), (49, 150, 260), (601, 70, 9), (1, 2000, 3)):
        x, w = normal(n, inputs), normal(inputs, outputs)
        yield "linear", (x, w, normal(outputs)), inputs
        yield "linear_backward", (normal(n, outputs), x, w), max(n, outputs)
    z, labels = 5 * normal(37, 21), rng.integers(0, 21, 37)
    yield "softmax_loss", (z, labels, 40), 60
    yield "softmax_loss_backward", (reference.softmax_loss(z, labels, 40)[2], labels, 40), 2

    a, b, c = (normal(3, 5, 7, 401) for _ in range(3))  # more values than a partial sum (16,384)
    yield "relu", (a,), 0
    yield "relu_backward", (b, reference.relu(a)), 0
    yield "dropout", (a, RATE, SEED), 0
    yield "square_sum", (a,), a.size if dtype == np.float64 else 1  # always summed in float64
    yield "sgd", (a, b, c, 0.1, 0.9, 5e-4, 0.5), 6
    yield "add", (a, b), 0
    yield "asarray", (a.swapaxes(0, 1),), 0
    yield "to_numpy", (a,), 0


def outputs(ops, name, arguments):
    """What a kernel returns and what it wrote in place, as arrays; the arguments stay as they were."""
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    returned = getattr(ops, name)(*copies)
    returned = returned if isinstance(returned, tuple) else (returned,)
    return [np.asarray(a) for a in (*returned, *copies) if isinstance(a, (np.ndarray, float))]


@cache
def cases(dtype):
    return list(calls(dtype))


def cases_of(name, dtype):
    return [(arguments, terms) for other, arguments, terms in cases(dtype) if other == name]


@pytest.mark.parametrize("dtype", draw.DTYPES)
@pytest.mark.parametrize("name", kernels.CONTRACT)
def test_cpu_equals_reference(cpu, name, dtype):
    """Up to the rounding of the longest sum; equal where nothing is summed. All values are of the order of 1."""
    assert cases_of(name, dtype), "every kernel is called"
    for arguments, terms in cases_of(name, dtype):
        for ours, right in zip(outputs(cpu, name, arguments), outputs(reference, name, arguments), strict=True):
            assert ours.dtype == right.dtype and ours.shape == right.shape
            if not terms or ours.dtype.kind == "i":
                assert np.array_equal(ours, right), shapes(arguments)
            else:
                # Errors of n products of the order of 1 add up like a random walk: sqrt(n) of them, not n.
                allowed = 10 * np.finfo(dtype).eps * terms**0.5 * max(1, abs(right).max())
                assert abs(ours - right).max() <= allowed, shapes(arguments)


def shapes(arguments):
    return [getattr(a, "shape", a) for a in arguments]


@pytest.fixture
def threads(cpu):
    """Sets the number of threads, and restores it."""
    import numba

    before = numba.get_num_threads()
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one core: nothing runs in parallel here")
    yield numba.set_num_threads
    numba.set_num_threads(before)


@pytest.mark.parametrize("dtype", draw.DTYPES)
@pytest.mark.parametrize("name", kernels.CONTRACT)
def test_same_bits_with_any_number_of_threads_and_every_time(cpu, threads, name, dtype):
    for arguments, _ in cases_of(name, dtype):
        threads(1)
        alone = outputs(cpu, name, arguments)
        threads(2)
        for _ in range(50 if name.startswith("window_max") else 10):
            for a, b in zip(alone, outputs(cpu, name, arguments), strict=True):
                assert a.tobytes() == b.tobytes(), shapes(arguments)


@pytest.mark.parametrize("order", ["by image", "in no order"])
def test_a_race_would_show(cpu, threads, order):
    """Half a million windows with one winner in each of two images: whoever shares it among threads loses some."""
    n, cells, channels = 500_000, 6, 3
    image = np.arange(n) % 2
    winners = (cells * (np.sort(image) if order == "by image" else image) + 4)[:, None].repeat(channels, axis=1)
    dy = np.random.default_rng(9).integers(-9, 10, winners.shape).astype(np.float32)  # integers: sums are exact
    expected = np.zeros((2 * cells, channels))
    np.add.at(expected, (winners, np.arange(channels)), dy)
    for count in (1, 2, 2, 2, 2, 2):
        threads(count)
        dx = cpu.window_max_backward(dy, winners.astype(np.int32), (2, 2, 3, channels))
        assert np.array_equal(dx.reshape(-1, channels), expected)


def test_every_array_argument_may_be_read_only(cpu):
    """Shared tables are; only what a kernel changes in place must be writable."""
    x = np.arange(24, dtype=np.float32).reshape(1, 4, 3, 2)
    table = whole_map_pyramid(1, 4, 3, ((2, 2),))
    assert not table.flags.writeable
    assert np.array_equal(cpu.window_max(x, table)[0], reference.window_max(x, table)[0])


def test_arguments_have_one_meaning(cpu):
    """Called by keyword, the backends agree too."""
    x, w = np.ones((1, 4, 5, 2)), np.ones((3, 3, 2, 3))
    names = list(inspect.signature(reference.conv2d).parameters)
    arguments = dict(zip(names, (x, w, np.zeros(3), 2, 1), strict=True))
    assert np.array_equal(cpu.conv2d(**arguments), reference.conv2d(**arguments))

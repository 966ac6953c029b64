"""The device that watches: what it computes, and each mistake that it tells."""

import numpy as np
import pytest

from minispp.exercises import device, samples

cuda = None
RNG = np.random.default_rng(0)


def smoothed(x, w):
    rows, columns = x.shape[0] - 2, x.shape[1] - 2
    return sum(x[u : u + rows, v : v + columns] * w[u, v] for u in range(3) for v in range(3))


@pytest.mark.parametrize("shape", [(9, 9), (6, 11), (3, 3)])
def test_convolution_both_ways(shape):
    x, w = RNG.random(shape).astype(np.float32), RNG.random((3, 3))
    want, grid = smoothed(x, w), (-(-(shape[1] - 2) // 4), -(-(shape[0] - 2) // 4))
    reads = {}
    for kernel in (samples.smooth, samples.smooth_tiled):
        y = np.zeros(want.shape)
        trace = device.launch(kernel, grid, (4, 4), x, w, y)
        np.testing.assert_allclose(y, want, rtol=1e-6)
        assert trace.races() == []
        reads[kernel] = trace.counts("x", "read", x.size).sum()
    assert reads[samples.smooth] == 9 * want.size
    assert reads[samples.smooth_tiled] == sum(  # each block once the cells under it
        min(6, shape[0] - top) * min(6, shape[1] - left) for top in range(0, want.shape[0], 4)
        for left in range(0, want.shape[1], 4)
    )  # fmt: skip


def test_reversing():
    x, y = np.arange(8.0), np.zeros(8)
    assert device.launch(samples.reverse, 2, 4, x, y).races() == []
    assert y.tolist() == [3, 2, 1, 0, 7, 6, 5, 4]
    raced = {one.place for one, _ in device.launch(samples.reverse_in_place, 2, 4, x).races()}
    assert raced == set(range(8))


def test_the_way_back():
    dy, winners = np.arange(1.0, 8.0), np.array([0, 1, 1, 3, 3, 3, 2])
    want = np.bincount(winners, dy, minlength=5)
    for kernel, raced in ((samples.send_back, {1, 3}), (samples.gather_back, set())):
        dx = np.zeros(5)
        trace = device.launch(kernel, 2, 4, dy, winners, dx)
        assert dx.tolist() == want.tolist() and {one.place for one, _ in trace.races()} == raced


def test_warps_read_together():
    trace = device.launch(samples.reverse, 1, 8, np.arange(8.0), np.zeros(8))
    assert trace.warp_places("x", "read", warp=4) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    x, w, y = np.zeros((4, 4)), np.ones((3, 3)), np.zeros((2, 2))
    reads = device.launch(samples.smooth, 1, (2, 2), x, w, y).warp_places("x", "read", warp=4)
    assert len(reads) == 9 and reads[0] == [0, 1, 4, 5]


def test_grid_stride_and_three_axes():
    def count(y):
        k = cuda.grid(1)
        while k < y.size:
            y[k] += 1
            k += cuda.gridsize(1)

    y = np.zeros(23)
    assert device.launch(count, 2, 3, y).races() == [] and (y == 1).all()

    def place(y):
        i, j, k = cuda.grid(3)
        y[k, j, i] = cuda.threadIdx.z + 10 * cuda.blockIdx.z + 100 * cuda.gridsize(3)[0]

    y = np.zeros((4, 3, 2))
    device.launch(place, (1, 3, 2), (2, 1, 2), y)
    assert y[:, 0, 0].tolist() == [200, 201, 210, 211] and (y == y[:, :1, :1]).all()


def outside(x):
    x[cuda.grid(1)] = 1


def negative(x):
    x[cuda.grid(1) - 1] = 1


def unwritten(x):
    held = cuda.shared.array(4, np.float32)
    x[0] = held[cuda.threadIdx.x]


def half_wait(x):
    if cuda.threadIdx.x < 2:
        cuda.syncthreads()


def row(x):
    x[0, 0] = 1


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (outside, r"thread 1 of block 1 writes x\[4\], outside of its shape \(4,\)"),
        (negative, r"thread 0 of block 0 writes x\[-1\], outside"),
        (unwritten, r"thread 0 of block 0 reads shared array 1\[0\], which nobody has written yet"),
        (half_wait, "thread 2 of block 0 has ended, and thread 0 waits for it at a barrier"),
        (row, "x has 1 axes, and thread 0 of block 0 gives 2 indices"),
    ],
)
def test_faults(kernel, words):
    threads = 3
    with pytest.raises(device.Fault, match=words):
        device.launch(kernel, 2, threads, np.zeros(4))
    with pytest.raises(device.Fault, match="0 blocks of 3 threads"):
        device.launch(kernel, 0, threads, np.zeros(4))


def test_what_a_kernel_raises_comes_out():
    def broken(x):
        cuda.syncthreads()
        x[cuda.threadIdx.x] = 1 // cuda.threadIdx.x

    with pytest.raises(ZeroDivisionError):
        device.launch(broken, 1, 3, np.zeros(3))

"""Memory is used again, but never while anyone can see it."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

SHAPE = 2000, 1000


@pytest.fixture
def memory(cpu):
    from minispp.kernels.cpu import memory

    gc.collect()
    memory._free.clear()
    yield memory
    memory._free.clear()


def test_small_arrays_are_numpys(memory):
    assert memory.empty((3, 0), np.int32).shape == (3, 0)
    assert memory.empty((3, 5), np.float64).base is None
    assert not memory._free


def test_a_large_array_is_an_array(memory):
    a = memory.empty(SHAPE, np.float32)
    assert type(a) is np.ndarray and a.shape == SHAPE and a.dtype == np.float32
    assert a.flags.c_contiguous and a.flags.writeable and a.ctypes.data % 64 == 0


def test_memory_is_used_again(memory):
    a = memory.empty(SHAPE, np.float32)
    where = a.ctypes.data
    del a
    other = memory.empty((999, 2000), np.float64)
    again = memory.empty((500, 4000), np.int32)
    assert other.ctypes.data != where and again.ctypes.data == where


@pytest.mark.parametrize(
    "look",
    [
        lambda a: a[3],
        lambda a: a.reshape(-1)[7:],
        lambda a: a.T[5, ::2],
        lambda a: a.view(np.int32)[0],
        lambda a: memoryview(a),
        lambda a: np.frombuffer(a, np.uint8)[5:],
        lambda a: np.broadcast_to(a, (2, *SHAPE)),
        lambda a: a.reshape(-1)[1:].reshape(-1)[1:],
        lambda a: np.asarray(a, order="C"),
        lambda a: [a[0]],
    ],
)
def test_not_while_a_view_lives(memory, look):
    a = memory.empty(SHAPE, np.float32)
    view = look(a)
    del a
    gc.collect()
    assert not memory._free
    del view
    gc.collect()
    assert len(memory._free) == 1


def test_few_blocks_are_kept(memory):
    arrays = [memory.empty(SHAPE, np.float32) for _ in range(7)]
    assert len({a.ctypes.data for a in arrays}) == 7
    del arrays
    assert len(memory._free) == memory.KEPT


def test_threads_do_not_share_blocks(memory):
    """Each writes its number everywhere and finds nothing else."""
    start = threading.Barrier(4)

    def work(number):
        start.wait()
        for _ in range(50):
            a = memory.empty((1 << 20,), np.int32)
            a[:] = number
            if not (a == number).all():
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_pooled_values_outlive_the_next_call(cpu):
    """Two results at once, though each is larger than what is kept for the next one."""
    rng = np.random.default_rng(3)
    windows = np.tile(np.array([[0, 0, 0, 2, 2]], np.int32), (5000, 1))
    first, second = (rng.normal(size=(1, 2, 2, 256)).astype(np.float32) for _ in range(2))
    y, winners = cpu.window_max(first, windows)
    copies = y.copy(), winners.copy()
    cpu.window_max(second, windows)
    cpu.window_max(second, windows)
    assert np.array_equal(y, copies[0]) and np.array_equal(winners, copies[1])

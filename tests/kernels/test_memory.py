"""Memory that arrays leave to later ones: it is reused, never shared, and bounded."""

import gc
import threading

import numpy as np
import pytest

from minispp.kernels.blocks import Blocks

SIZE = 1 << 20


@pytest.fixture
def memory(cpu, monkeypatch):
    """The module with blocks of its own, so that arrays of other tests do not count."""
    from minispp.kernels.cpu import memory

    gc.collect()
    monkeypatch.setattr(memory, "_blocks", Blocks(memory._blocks.make))
    return memory


def held(memory):
    """Bytes of all blocks, and how many of them wait."""
    return memory._blocks.total, len(memory._blocks.waiting)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("shape", [(0,), (3, 5), (2, 300, 400), (SIZE, 1)])
def test_arrays_are_ordinary(memory, shape, dtype):
    a = memory.empty(shape, dtype)
    assert type(a) is np.ndarray and a.shape == shape and a.dtype == dtype
    assert a.flags.c_contiguous and a.flags.writeable and a.flags.aligned
    a[...] = 7
    assert (a == 7).all() and a.copy().sum() == 7 * a.size
    like = memory.empty_like(a.T)
    assert like.shape == a.T.shape and like.dtype == dtype and like.flags.c_contiguous


def test_large_arrays_begin_at_a_cache_line(memory):
    assert all(memory.empty((SIZE + n,), np.uint8).ctypes.data % 64 == 0 for n in range(5))


def test_no_two_living_arrays_share_memory(memory):
    """At random, arrays of a few sizes are made, viewed, and dropped; each keeps what was written into it."""
    rng, living = np.random.default_rng(0), []
    for number in range(300):
        a = memory.empty((int(rng.integers(1, 4)), SIZE // 4), np.float32)
        a[...] = number
        living.append((number, a.reshape(-1)[5:][::2] if number % 2 else a))
        del a
        while len(living) > 6:
            living.pop(int(rng.integers(len(living))))
        assert all((view == value).all() for value, view in living)
    assert held(memory)[1] > 0


def test_a_view_keeps_the_block(memory):
    a = memory.empty((SIZE,), np.uint8)
    address, view = a.ctypes.data, a[3:].reshape(-1, 1).T
    del a
    other = memory.empty((SIZE,), np.uint8)
    assert other.ctypes.data != address and held(memory) == (2 * (SIZE + 64), 0)
    del view
    assert held(memory)[1] == 1
    other = memory.empty((SIZE,), np.uint8)
    assert other.ctypes.data == address


def test_what_is_held_never_passes_what_lived_at_once(memory):
    """Sizes that never fit again: old blocks go back to the system."""
    for n in range(1, 40):
        a = memory.empty((n * SIZE,), np.uint8)
        del a
        assert held(memory)[0] <= n * SIZE + 64
    few = [memory.empty((SIZE,), np.uint8) for _ in range(5)]
    assert held(memory)[0] <= 39 * SIZE + 64
    del few
    memory.release()
    assert held(memory) == (0, 0)


def test_a_block_is_not_wasted_on_less_than_half_of_it(memory):
    big = memory.empty((8 * SIZE,), np.uint8)
    address = big.ctypes.data
    del big
    small = memory.empty((2 * SIZE,), np.uint8)
    assert small.ctypes.data != address


def test_a_thread_that_holds_the_lock_stops_nobody(memory):
    """So a forked process whose parent was in the middle of it goes on, with plain memory."""
    with memory._blocks.lock:
        a = memory.empty((SIZE,), np.uint8)
    assert a.flags.owndata and held(memory) == (0, 0)


def test_threads(memory):
    """Four threads at once: no array is given to two of them."""
    broken = []

    def work(number):
        for _ in range(200):
            a = memory.empty((SIZE // 4,), np.float32)
            a[::97] = number
            if not (a[::97] == number).all():
                broken.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken

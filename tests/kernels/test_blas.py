"""The limit of one BLAS thread: there while our products run, gone after them, whoever else comes and goes."""

import os
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress

import numpy as np
import pytest
from threadpoolctl import threadpool_info

TypingError = pytest.importorskip("numba.core.errors").TypingError

from minispp.kernels.cpu.blas import blas_threads, one_thread  # noqa: E402

THREADS = 3  # of BLAS before each test: neither our limit nor, on most machines, its default


@pytest.fixture(autouse=True)
def count():
    """Asks for the number of threads of SciPy's BLAS, which is `THREADS` now and must be so in the end."""
    get, set_to = blas_threads()
    before = get()
    set_to(THREADS)
    if get() != THREADS:
        pytest.skip("the BLAS in SciPy has no number of threads to set")
    yield get
    after = get()
    set_to(before)
    assert after == THREADS


def test_limited_inside_and_restored(count):
    with one_thread():
        assert count() == 1
        with one_thread():
            assert count() == 1
        assert count() == 1
    assert count() == THREADS


def test_restored_after_an_error(count):
    with pytest.raises(KeyError), one_thread(), one_thread():
        raise KeyError
    assert count() == THREADS


def test_restored_after_an_error_in_a_kernel(cpu, count):
    with pytest.raises(TypingError):
        cpu.linear(np.ones((2, 3)), np.array([["a"], ["b"], ["c"]]), np.ones(1))
    assert count() == THREADS


def test_only_the_library_that_numba_calls_is_limited(count):
    """It is SciPy's; NumPy's wheels have another."""

    def threads():
        return {found["filepath"]: found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}

    before = threads()
    with one_thread():
        changed = {path for path, number in threads().items() if number != before[path]}
    assert len(changed) == 1 and before[changed.pop()] == THREADS
    assert threads() == before


PRODUCTS = """
    import os
    from pathlib import Path
    import numpy as np
    from numba import njit
    from minispp.kernels.cpu.blas import blas_threads, one_thread

    def ticks_of_other_threads():
        found = {int(task.name): (task / "stat").read_text() for task in Path("/proc/self/task").iterdir()}
        del found[os.getpid()]
        return sum(int(time) for stat in found.values() for time in stat.rpartition(")")[2].split()[11:13])

    dot = njit(lambda a, b, out: np.dot(a, b, out))
    a = np.ones((1000, 1000))
    blas_threads()[1](2)
    with one_thread():
        dot(a, a, np.empty_like(a))
        before = ticks_of_other_threads()
        for _ in range(3):
            dot(a, a, np.empty_like(a))
        print(ticks_of_other_threads() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_products_of_numba_use_the_thread_they_are_called_from():
    """No other thread of the process does any work; a free product would give half of its own to one."""
    assert run(PRODUCTS) == ["0"]


def test_the_last_one_out_restores(count):
    """In the order in, in, out, out of two threads, each context alone would leave the other's limit behind."""
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    seen = []

    def first():
        with one_thread():
            first_is_in.set()
            second_is_in.wait(10)
        first_is_out.set()

    def second():
        first_is_in.wait(10)
        with one_thread():
            second_is_in.set()
            first_is_out.wait(10)
            seen.append(count())

    together(first, second)
    assert seen == [1] and count() == THREADS


def test_many_threads_come_and_go(count):
    wrong = []

    def come_and_go():
        for turn in range(500):
            with suppress(KeyError), one_thread():
                if count() != 1:
                    wrong.append(turn)
                if turn % 7 == 0:
                    raise KeyError

    together(*[come_and_go] * 8)
    assert not wrong and count() == THREADS


@pytest.mark.parametrize("name", ["conv2d", "conv2d_backward", "linear", "linear_backward"])
def test_kernels_with_products_are_limited(cpu, count, name):
    """Seen from another thread while they run."""
    rng = np.random.default_rng(2)
    x, dy, w = rng.normal(size=(1, 24, 24, 32)), rng.normal(size=(1, 24, 24, 40)), rng.normal(size=(3, 3, 32, 40))
    vectors = x.reshape(64, -1), rng.normal(size=(288, 40)), np.zeros(40)  # few vectors would need no BLAS
    arguments = {
        "conv2d": (x, w, np.zeros(40), 1, 1),
        "conv2d_backward": (dy, x, w, 1, 1),
        "linear": vectors,
        "linear_backward": (dy.reshape(-1, 40)[:64], *vectors[:2]),
    }[name]
    stop, seen = threading.Event(), set()

    def watch():
        while not stop.is_set() and len(seen) < 2:
            seen.add(count())

    def work():
        for _ in range(2000):
            getattr(cpu, name)(*arguments)
            if 1 in seen:
                break
        stop.set()

    together(watch, work)
    assert 1 in seen and count() == THREADS


def run(program):
    """What a program prints, line by line."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def together(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


FORKS = """
    import os, sys, threading
    from minispp.kernels.cpu.blas import blas_threads, one_thread

    get, set_to = blas_threads()
    set_to(3)

    def in_child(check):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if check() else 1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    def again():
        with one_thread():
            inside = get()
        return (inside, get()) == (1, 3)

    def inside_and_out(limit):
        inside = get()
        limit.__exit__()
        return (inside, get()) == (1, 3) and again()

    # The thread that forks is inside, and the child goes out on its own.
    limit = one_thread()
    with limit:
        print("itself", in_child(lambda: inside_and_out(limit)), get())
    print("after it", get())

    # Another thread is inside: the child has no such thread.
    entered, leave = threading.Event(), threading.Event()
    def other():
        with one_thread():
            entered.set()
            leave.wait(10)
    thread = threading.Thread(target=other)
    thread.start()
    entered.wait(10)
    print("another", in_child(lambda: get() == 3 and again()), get())
    # Both.
    with one_thread():
        print("both", in_child(lambda: inside_and_out(limit)), get())
    leave.set()
    thread.join()
    print("after all", in_child(again), get())

    # Threads that come and go all the time: a child is never born with a half-changed or locked limit.
    sys.setswitchinterval(1e-6)
    stop = []
    def busy():
        while not stop:
            with one_thread():
                pass
    threads = [threading.Thread(target=busy) for _ in range(3)]
    [thread.start() for thread in threads]
    print("busy", all([in_child(lambda: get() == 3 and again()) for _ in range(30)]))
    stop.append(1)
    [thread.join() for thread in threads]
    print("in the end", get())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forks_inside():
    assert run(FORKS) == [
        "itself True 1",
        "after it 3",
        "another True 1",
        "both True 1",
        "after all True 3",
        "busy True",
        "in the end 3",
    ]

"""A device of a few threads that watches every access: kernels run in Python, slowly, and each mistake is told.

A kernel is a function as one writes it for numba.cuda, in which ``cuda`` names the device. `launch` puts this one in
its place. Threads of a block run in turn, each as far as the next barrier, so what depends on chance elsewhere does not
here: an index outside of an array, shared memory that nobody has written, a barrier that not all threads reach, and
races, which are found whatever order the threads would have had.

Examples
--------
>>> import numpy as np
>>> def double(x, y):
...     k = cuda.grid(1)
...     if k < x.size:
...         y[k] = 2 * x[k]
>>> x, y = np.arange(5.0), np.zeros(5)
>>> trace = launch(double, 2, 3, x, y)
>>> y.tolist(), len(trace.accesses), trace.races()
([0.0, 2.0, 4.0, 6.0, 8.0], 10, [])
"""

import inspect
import math
import threading
from types import FunctionType, SimpleNamespace
from typing import NamedTuple

import numpy as np


class Fault(Exception):
    """What a device would not survive, or would not tell."""


class Access(NamedTuple):
    """One read or write.

    Attributes
    ----------
    block, thread : int
        Whose, both as flat numbers; x counts fastest.
    epoch : int
        How many barriers the thread had passed.
    number : int
        How many accesses of arrays outside the block it had made.
    array : str
    place : int
        Flat, in values.
    kind : str
        ``"read"`` or ``"write"``.
    shared : bool
        Memory of the block.
    """

    block: int
    thread: int
    epoch: int
    number: int
    array: str
    place: int
    kind: str
    shared: bool


class Trace:
    """What the threads of a launch have done.

    Attributes
    ----------
    accesses : list of Access
    """

    def __init__(self):
        self.accesses = []

    def counts(self, array, kind, size):
        """How often each place of an array was accessed: int array (size,)."""
        places = [one.place for one in self.accesses if one.array == array and one.kind == kind]
        return np.bincount(np.array(places, int), minlength=size)

    def races(self):
        """Accesses to one place, of which one writes, by threads between which there is no barrier.

        Returns
        -------
        list of (Access, Access)
            The first pair of each place. Between blocks there are no barriers at all.
        """
        seen, found = {}, {}
        for one in self.accesses:
            where = one.array, one.place, one.block if one.shared else None
            for other in seen.setdefault(where, []):
                apart = (one.block, one.thread) != (other.block, other.thread)
                together = one.block != other.block or one.epoch == other.epoch
                if apart and together and "write" in (one.kind, other.kind):
                    found.setdefault(where, (other, one))
            seen[where].append(one)
        return list(found.values())

    def warp_places(self, array, kind, warp=32):
        """The places that the threads of one warp access at once: a list of lists, in the order of threads."""
        together = {}
        for one in self.accesses:
            if one.array == array and one.kind == kind:
                together.setdefault((one.block, one.thread // warp, one.number), []).append(one.place)
        return list(together.values())


def launch(kernel, grid, block, *arguments):
    """Run a kernel to its end.

    Parameters
    ----------
    kernel : function
        Or what ``cuda.jit`` made of one.
    grid, block : int or tuple of int
        How many blocks, and threads of a block, along x, y and z.
    *arguments
        NumPy arrays, which the kernel reads and writes in place, and numbers.

    Returns
    -------
    Trace

    Raises
    ------
    Fault
        At the first forbidden access, or barrier that some threads never reach; it says whose.
    """
    function = getattr(kernel, "py_func", getattr(kernel, "fn", kernel))
    grid, block = _three(grid), _three(block)
    if math.prod(grid) < 1 or math.prod(block) < 1:
        raise Fault(f"a launch of {math.prod(grid)} blocks of {math.prod(block)} threads: there must be one at least")
    trace = Trace()
    for number in range(math.prod(grid)):
        run = _Block(number, grid, block, trace)
        names = list(inspect.signature(function).parameters)
        watched = [
            Watched(value, name, run) if isinstance(value, np.ndarray) else value
            for name, value in zip(names, arguments, strict=True)
        ]
        # The function's own globals, with this device under the name of the real one.
        inside = FunctionType(
            function.__code__,
            {**function.__globals__, "cuda": run},
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        run.run(inside, watched)
    return trace


class Watched:
    """An array as a kernel sees it."""

    def __init__(self, array, name, block, shared=False):
        self._array, self._name, self._block, self._shared = array, name, block, shared
        self._written = np.zeros(array.size, bool) if shared else None
        self.shape, self.size, self.ndim, self.dtype = array.shape, array.size, array.ndim, array.dtype

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        place = self._place(index, "read")
        if self._shared and not self._written[place]:
            raise Fault(f"{self._block.who()} reads {self._name}[{_words(index)}], which nobody has written yet")
        return self._array.reshape(-1)[place]

    def __setitem__(self, index, value):
        place = self._place(index, "write")
        if self._shared:
            self._written[place] = True
        self._array[np.unravel_index(place, self.shape)] = value

    def _place(self, index, kind):
        index = index if isinstance(index, tuple) else (index,)
        if len(index) != self.ndim:
            raise Fault(f"{self._name} has {self.ndim} axes, and {self._block.who()} gives {len(index)} indices")
        for k, size in zip(index, self.shape, strict=True):
            if not 0 <= k < size:
                raise Fault(
                    f"{self._block.who()} {kind}s {self._name}[{_words(index)}], outside of its shape {self.shape}"
                )
        place = int(np.ravel_multi_index([int(k) for k in index], self.shape))
        self._block.note(self._name, place, kind, self._shared)
        return place


class _Block:
    """A block that runs: what the kernel knows as ``cuda``."""

    def __init__(self, number, grid, block, trace):
        self.gridDim, self.blockDim = _axes(grid), _axes(block)
        self.blockIdx, self.threadIdx = _axes(_unflat(number, grid)), None
        self.shared = SimpleNamespace(array=self._shared_array)
        self.local = SimpleNamespace(array=lambda shape, dtype=np.float32: np.empty(shape, np.dtype(str(dtype))))
        self._number, self._count, self._block, self._trace = number, math.prod(block), block, trace
        self._arrays, self._asked, self._outside = [], [0] * self._count, [0] * self._count
        self._epoch, self._now, self._fault = 0, 0, None

    def run(self, function, arguments):
        """All threads, one at a time, from barrier to barrier."""
        self._go = [threading.Semaphore(0) for _ in range(self._count)]
        self._back, self._state = threading.Semaphore(0), ["ready"] * self._count
        threads = [threading.Thread(target=self._thread, args=(k, function, arguments)) for k in range(self._count)]
        for thread in threads:
            thread.start()
        while self._fault is None and "ready" in self._state:
            for k in range(self._count):
                if self._fault is None:
                    self._resume(k)
            if len(set(self._state)) > 1 and self._fault is None:
                ended, waits = self._state.index("ended"), self._state.index("waits")
                self._now = ended
                late = f"{self.who()} has ended, and thread {waits} waits for it at a barrier"
                self._fault = Fault(f"{late}: all threads of a block must reach each syncthreads()")
            self._state = ["ready" if state == "waits" else state for state in self._state]
            self._epoch += 1
        for k in range(self._count):  # after a fault, those that wait are sent home
            if threads[k].is_alive():
                self._go[k].release()
        for thread in threads:
            thread.join()
        if self._fault is not None:
            raise self._fault

    def _resume(self, k):
        self._now, self.threadIdx = k, _axes(_unflat(k, self._block))
        self._go[k].release()
        self._back.acquire()

    def _thread(self, k, function, arguments):
        self._go[k].acquire()
        try:
            if self._fault is None:
                function(*arguments)
        except _SentHome:
            pass
        except BaseException as error:  # it belongs to the thread that launched
            self._fault = error
        self._state[k] = "ended"
        self._back.release()

    def syncthreads(self):
        """Wait here until all threads of the block have come."""
        k = self._now
        self._state[k] = "waits"
        self._back.release()
        self._go[k].acquire()
        if self._fault is not None:
            raise _SentHome

    def grid(self, axes):
        """The thread's place among all threads of the launch: one number, or one for each of 2 or 3 axes."""
        places = tuple(
            getattr(self.blockIdx, a) * getattr(self.blockDim, a) + getattr(self.threadIdx, a) for a in "xyz"
        )
        return places[0] if axes == 1 else places[:axes]

    def gridsize(self, axes):
        """How many threads there are along each axis."""
        sizes = tuple(n * m for n, m in zip(vars(self.gridDim).values(), vars(self.blockDim).values(), strict=True))
        return sizes[0] if axes == 1 else sizes[:axes]

    def _shared_array(self, shape, dtype=np.float32, *_):
        number = self._asked[self._now]
        self._asked[self._now] += 1
        if number == len(self._arrays):
            array = np.zeros(shape, np.dtype(str(dtype) if not isinstance(dtype, type) else dtype))
            self._arrays.append(Watched(array, f"shared array {number + 1}", self, shared=True))
        return self._arrays[number]

    def who(self):
        """The thread that runs, in words."""
        return f"thread {self._now} of block {self._number}"

    def note(self, array, place, kind, shared):
        """Write an access down."""
        k = self._now
        one = Access(self._number, k, self._epoch, self._outside[k], array, place, kind, shared)
        self._outside[k] += not shared
        self._trace.accesses.append(one)


class _SentHome(BaseException):
    """A thread that waited at a barrier when another one made a mistake."""


def _three(sizes):
    sizes = tuple(sizes) if isinstance(sizes, (tuple, list)) else (sizes,)
    return (*sizes, 1, 1)[:3]


def _unflat(number, sizes):
    x, y, _ = sizes
    return number % x, number // x % y, number // (x * y)


def _axes(values):
    return SimpleNamespace(**dict(zip("xyz", values, strict=True)))


def _words(index):
    return ", ".join(map(str, index if isinstance(index, tuple) else (index,)))

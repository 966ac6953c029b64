"""Bugs for the GPU backend, planted in the text of its modules, and the work in which they show."""

import inspect
import sys
import types
from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import simulated

from minispp.kernels import gpu, reference
from minispp.kernels.gpu import convolution, elementwise, pooling, products, trees, vectors
from minispp.kernels.gpu.memory import poisoned
from minispp.windows import as_levels, nesting, pyramid, whole_maps

MAPS, FILTERS = ((1, 3, 5, 2), (3, 2, 2, 3)) if simulated.CHOSEN else ((3, 9, 7, 5), (3, 3, 5, 7))
POOLED = (2, 4, 3, 3) if simulated.CHOSEN else (2, 7, 6, 40)


def convolve(module):
    """Forward: x at the edges, windows that do not fill a tile."""
    rng = np.random.default_rng(1)
    x, w, b = (rng.normal(size=size).astype(np.float32) for size in (MAPS, FILTERS, FILTERS[3:]))
    y = module.conv2d(*map(gpu.asarray, (x, w, b)), 1, 1)
    return y, reference.conv2d(x, w, b, 1, 1)


def send_back(module):
    """The filters' gradient: windows that do not fill a slice."""
    rng = np.random.default_rng(1)
    x, w, dy = (rng.normal(size=size).astype(np.float32) for size in (MAPS, FILTERS, (*MAPS[:3], FILTERS[3])))
    _, dw, _ = module.conv2d_backward(*map(gpu.asarray, (dy, x, w)), 1, 1, False)
    return dw, reference.conv2d_backward(dy, x, w, 1, 1)[1]


def pool(module):
    """Two levels from the map, one from another."""
    x, levels = np.random.default_rng(2).normal(size=POOLED).astype(np.float32), as_levels((4, 3, 1))
    table = pyramid(whole_maps(*POOLED[:3]), levels).reshape(2, 26, 5)
    y, _ = module.window_max(gpu.asarray(x), table, nesting(levels))
    return y, reference.window_max(x, table)[0]


def unpool(module):
    """The way back of two levels."""
    x = np.random.default_rng(2).normal(size=POOLED).astype(np.float32)
    y, winners = reference.window_max(x, pyramid(whole_maps(*POOLED[:3]), (4, 1)))
    dx = module.window_max_backward(gpu.asarray(y), gpu.asarray(winners), POOLED)
    return dx, reference.window_max_backward(y, winners, POOLED)


def lose(module):
    """A few rows of scores."""
    z = np.random.default_rng(2).normal(size=(3, 9 if simulated.CHOSEN else 200)).astype(np.float32)
    _, _, p = module.softmax_loss(gpu.asarray(z), np.array([1, 0, 8]), 3)
    return p, reference.softmax_loss(z, np.array([1, 0, 8]), 3)[2]


def add_up(module):
    """More than one partial sum."""
    a = np.random.default_rng(2).normal(size=50 if simulated.CHOSEN else 5000).astype(np.float32)
    return np.array(module.square_sum(gpu.asarray(a))), np.array(reference.square_sum(a))


def rectify_nothing(module):
    """An array without values."""
    return module.relu(gpu.asarray(np.zeros((0, 3), np.float32))), np.zeros((0, 3), np.float32)


WORK = {
    convolve: convolution,
    send_back: convolution,
    pool: pooling,
    unpool: pooling,
    lose: vectors,
    add_up: elementwise,
    rectify_nothing: elementwise,
}


class Bug(NamedTuple):
    """A piece of a module's text, and what stands in its place; the work; what each way of testing is to see.

    The simulator's is empty where it sees nothing, or only by chance: `minispp.kernels.gpu` lists why.
    """

    module: types.ModuleType
    old: str
    new: str
    work: Callable
    emulated: str
    simulated: str = ""
    users: tuple = ()


LINE, VALUE = "uint32(line) < uint32(lines)", "uint32(value) < uint32(length)"
WITHIN = f"{LINE}\n{' ' * 24}and {VALUE}\n{' ' * 24}and int32(t + a_k) < int32(depth)"
LAST = f"u, t = int32(u + 1), int32(0)\n{' ' * 12}"
ADDED = f"held[thread] += held[thread + width]\n{' ' * 8}"
GRID = "-(-d // tile.columns), target.size // y.size"
EITHER = "out of bounds|values"
OF_PRODUCTS, OF_TREES = (convolution,), (elementwise,)
BARRIER = "cuda.syncthreads()"
BUGS = {
    "a barrier is missing between slices": Bug(
        products, LAST + BARRIER, LAST + "pass", convolve, "race|uninit", users=OF_PRODUCTS
    ),
    "a barrier is missing in a tree": Bug(trees, ADDED + BARRIER, ADDED + "pass", add_up, "race", users=OF_TREES),
    "a barrier is missing between levels": Bug(pooling, f"        {BARRIER}", "        pass", pool, "values"),
    "lines beyond the map are read": Bug(
        products, WITHIN, WITHIN.replace(LINE, "True"), convolve, "out of bounds", "out of bounds|values", OF_PRODUCTS
    ),
    "values beyond a line are read": Bug(
        products, WITHIN, WITHIN.replace(VALUE, "True"), convolve, EITHER, EITHER, OF_PRODUCTS
    ),
    "windows beyond the last are added": Bug(
        products, "and int32(a_k + r * a_step) < left_over", "", send_back, "out of bounds", EITHER, OF_PRODUCTS
    ),
    "windows beyond the last are read": Bug(
        products, "min(first_window + row, windows - 1)", "first_window + row", convolve, EITHER, EITHER, OF_PRODUCTS
    ),
    "the last row of tiles is not launched": Bug(
        convolution, f"-(-windows // tile.rows), {GRID}", f"windows // tile.rows, {GRID}", convolve, "values", "values"
    ),
    "one row more than there are": Bug(vectors, "[len(z), ROW]", "[len(z) + 1, ROW]", lose, EITHER, EITHER),
    "nothing is launched": Bug(
        elementwise, "if x.size:\n        _relu[", "if True:\n        _relu[", rectify_nothing, "grid"
    ),
    "sums do not begin at 0": Bug(pooling, "        sums[k, lane] = 0\n", "        pass\n", unpool, "uninitialised"),
    "threads share a channel": Bug(pooling, "- first, lane] +=", "- first, 0] +=", unpool, "race|uninit", "values"),
    "channels beyond the last are pooled": Bug(
        pooling, "if r < count and c < channels:", "if r < count:", pool, EITHER, EITHER
    ),
    "more threads than a block may have": Bug(pooling, "BINS = 8 ", "BINS = 64 ", pool, "block"),
}


@contextmanager
def planted(bug):
    """The module that works with the bug: made anew from a changed text, or on top of one that was."""
    made = []
    for target in (bug.module, *bug.users):
        source = inspect.getsource(target)
        if target is bug.module:
            assert source.count(bug.old) == 1, f"{bug.old!r} stands {source.count(bug.old)} times in {target.__name__}"
            source = source.replace(bug.old, bug.new)
        fresh = types.ModuleType(target.__name__)
        fresh.__file__, before = target.__file__, sys.modules[target.__name__]
        made.append((target.__name__, before))
        sys.modules[target.__name__] = fresh
        exec(compile(source, target.__file__, "exec"), fresh.__dict__)
        if simulated.CHOSEN:  # as tiny as it was
            fresh.__dict__.update({name: value for name, value in vars(target).items() if name.isupper()})
    try:
        yield sys.modules[made[-1][0]]
    finally:
        for name, before in made:
            sys.modules[name] = before


def seen(work, module):
    """What shows: the text of an error, "values" if they are wrong, or nothing."""
    try:
        with poisoned():
            found, right = work(module)
    except (RuntimeError, AssertionError, IndexError) as error:
        return str(error)
    except OverflowError as error:  # a negative index, made unsigned, is beyond what Python can index
        return f"out of bounds: {error}"
    return "" if np.allclose(gpu.to_numpy(found), right, rtol=1e-4, atol=1e-5) else "values"

"""The compiled kernels at their real sizes, run on the CPU instruction by instruction, every access watched.

This needs ``shared/tools/ptxrun.py`` beside the repository, gcc and the compiler packages. It sees what the simulator
cannot: missing barriers, accesses out of bounds, shared memory that nobody has written, launches that a device refuses.
"""

import importlib
import inspect
import shutil
import sys
import types
from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

import numpy as np
import pytest
import simulated

pytest.importorskip("numba_cuda", reason="kernels.gpu needs numba-cuda, which is not installed")
if simulated.CHOSEN:
    pytest.skip("the simulator has no compiler", allow_module_level=True)

import emulation
from emulation import Recorder, Runner, emulated

if not emulation.PTXRUN.exists() or not shutil.which("gcc"):
    pytest.skip(f"there is no {emulation.PTXRUN}, or no gcc", allow_module_level=True)
pytest.importorskip("nvidia", reason="compiling for devices needs nvidia-nvvm")

from minispp import kernels
from minispp.bench.gpu import checks
from minispp.kernels import reference
from minispp.kernels.gpu import compiler, convolution, elementwise, pooling, products, tiles, trees, vectors
from minispp.kernels.gpu.memory import poisoned
from minispp.windows import as_levels, nesting, pyramid, whole_maps


@pytest.fixture(scope="module")
def runner():
    """One for all tests: what it has compiled, it keeps."""
    return Runner()


def test_every_function_equals_the_reference(runner):
    """And no thread reads or writes what it must not. Every shape of tile takes part."""
    with emulated(runner):
        wrong = [row for row in checks.check("small") if not row["right"]]
    assert not wrong
    launched = {kernel for kernel, _ in runner.launches}
    assert all(products.correlate(tile) in launched for tile in tiles.TILES)


def test_the_same_bits_in_any_order_of_threads():
    """Each seed of the runner lets the threads of a block run in another order."""
    rng = np.random.default_rng(3)
    x, w, dy = (rng.normal(size=s).astype(np.float32) for s in ((2, 9, 8, 5), (3, 3, 5, 7), (2, 9, 8, 7)))
    table = pyramid(whole_maps(2, 9, 8), (3, 1)).reshape(2, 10, 5)
    seen = set()
    one = Runner()
    for one.seed in (1, 2, 3):
        with emulated(one):
            y, winners = kernels.gpu.window_max(kernels.gpu.asarray(x), table)
            found = *kernels.gpu.conv2d_backward(*map(kernels.gpu.asarray, (dy, x, w)), 1, 1), y
            found = *found, kernels.gpu.window_max_backward(y, winners, x.shape)
        seen.add(b"".join(np.asarray(a).tobytes() for a in found))
    assert len(seen) == 1


@pytest.mark.parametrize("count", [1, 255, 256, 257, 1000])
def test_a_grid_that_is_too_small_takes_turns(runner, count):
    """With one block allowed, each thread takes several values."""
    a = np.random.default_rng(count).normal(size=count).astype(np.float32)
    with mock.patch.object(compiler, "BLOCKS", 1), emulated(runner):
        y = kernels.gpu.relu(kernels.gpu.asarray(a))
    assert np.array_equal(y, reference.relu(a))


def test_other_layouts_are_gathered(runner):
    """A tensor that somebody has transposed has its strides; kernels want none."""
    a = np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype(np.float32)
    with emulated(runner):
        for view in (a.transpose(0, 2, 3, 1), a[::2, 1:, :, ::3], a[1].T, a[0, 0, 0, ::2]):
            device = view.view(emulation.DeviceArray)
            assert not view.flags.c_contiguous and device.__cuda_array_interface__["strides"]
            ours = kernels.gpu.asarray(device)
            assert ours.flags.c_contiguous and np.array_equal(ours, view)
        assert np.array_equal(kernels.gpu.asarray(kernels.gpu.asarray(a), np.float64), a)


# ---------------------------------------------------------------------------------------------------
# Planted bugs


@contextmanager
def planted(module, old, new, *users):
    """The module with a piece of its text replaced, and the modules that use it made anew on top of it."""
    made = []
    for target in (module, *users):
        source = inspect.getsource(target)
        if target is module:
            assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {module.__name__}"
            source = source.replace(old, new)
        fresh = types.ModuleType(target.__name__)
        fresh.__file__, before = target.__file__, sys.modules[target.__name__]
        made.append((target.__name__, before))
        sys.modules[target.__name__] = fresh
        exec(compile(source, target.__file__, "exec"), fresh.__dict__)
    try:
        yield sys.modules[made[-1][0]]
    finally:
        for name, before in made:
            sys.modules[name] = before
        importlib.invalidate_caches()


def convolve(module):
    rng = np.random.default_rng(1)
    x, w, b = (rng.normal(size=s).astype(np.float32) for s in ((3, 9, 7, 5), (3, 3, 5, 7), (7,)))
    y = module.conv2d(*map(kernels.gpu.asarray, (x, w, b)), 1, 1)
    return y, reference.conv2d(x, w, b, 1, 1)


def send_back(module):
    rng = np.random.default_rng(1)
    x, w, dy = (rng.normal(size=s).astype(np.float32) for s in ((2, 9, 7, 5), (3, 3, 5, 7), (2, 9, 7, 7)))
    _, dw, _ = module.conv2d_backward(*map(kernels.gpu.asarray, (dy, x, w)), 1, 1, False)
    return dw, reference.conv2d_backward(dy, x, w, 1, 1)[1]


def pool(module):
    x, levels = np.random.default_rng(2).normal(size=(2, 7, 6, 40)).astype(np.float32), as_levels((6, 3, 1))
    table = pyramid(whole_maps(2, 7, 6), levels).reshape(2, 46, 5)
    y, _ = module.window_max(kernels.gpu.asarray(x), table, nesting(levels))
    return y, reference.window_max(x, table)[0]


def unpool(module):
    x = np.random.default_rng(2).normal(size=(2, 7, 6, 40)).astype(np.float32)
    y, winners = reference.window_max(x, pyramid(whole_maps(2, 7, 6), (6, 1)))
    dx = module.window_max_backward(kernels.gpu.asarray(y), kernels.gpu.asarray(winners), x.shape)
    return dx, reference.window_max_backward(y, winners, x.shape)


def lose(module):
    z = np.random.default_rng(2).normal(size=(3, 200)).astype(np.float32)
    _, p = module.softmax_loss(kernels.gpu.asarray(z), np.array([1, 0, 199]), 3)
    return p, reference.softmax_loss(z, np.array([1, 0, 199]), 3)[1]


def add_up(module):
    a = np.random.default_rng(2).normal(size=5000).astype(np.float32)
    return np.array(module.square_sum(kernels.gpu.asarray(a))), np.array(reference.square_sum(a))


def rectify_nothing(module):
    return module.relu(kernels.gpu.asarray(np.zeros((0, 3), np.float32))), np.zeros((0, 3), np.float32)


class Bug(NamedTuple):
    """A piece of a module's text and what stands in its place; who uses the module; the work; what is to be seen."""

    module: types.ModuleType
    old: str
    new: str
    work: Callable
    sign: str
    users: tuple = ()


LINE, VALUE = "uint32(line) < uint32(lines)", "uint32(value) < uint32(length)"
WITHIN = f"{LINE}\n{' ' * 24}and {VALUE}\n{' ' * 24}and int32(t + a_k) < int32(depth)"
LAST = f"u, t = int32(u + 1), int32(0)\n{' ' * 12}"
ADDED = f"held[thread] += held[thread + width]\n{' ' * 8}"
GRID = "-(-d // tile.columns), target.size // y.size"
OF_PRODUCTS, OF_TREES = (convolution,), (elementwise,)
BARRIER = "cuda.syncthreads()"
BUGS = {
    "a barrier is missing between slices": Bug(
        products, LAST + BARRIER, LAST + "pass", convolve, "race|uninit", OF_PRODUCTS
    ),
    "a barrier is missing in a tree": Bug(trees, ADDED + BARRIER, ADDED + "pass", add_up, "race", OF_TREES),
    "a barrier is missing between levels": Bug(pooling, f"        {BARRIER}", "        pass", pool, "values"),
    "lines beyond the map are read": Bug(
        products, WITHIN, WITHIN.replace(LINE, "True"), convolve, "out of bounds", OF_PRODUCTS
    ),
    "values beyond a line are read": Bug(
        products, WITHIN, WITHIN.replace(VALUE, "True"), convolve, "values|out of bounds", OF_PRODUCTS
    ),
    "windows beyond the last are added": Bug(
        products, "and int32(a_k + r * a_step) < left_over", "", send_back, "out of bounds", OF_PRODUCTS
    ),
    "windows beyond the last are read": Bug(
        products, "min(first_window + row, windows - 1)", "first_window + row", convolve, "out of bounds", OF_PRODUCTS
    ),
    "the last row of tiles is not launched": Bug(
        convolution, f"-(-windows // tile.rows), {GRID}", f"windows // tile.rows, {GRID}", convolve, "values"
    ),
    "one row more than there are": Bug(vectors, "[len(z), ROW]", "[len(z) + 1, ROW]", lose, "out of bounds"),
    "nothing is launched": Bug(
        elementwise, "if x.size:\n        _relu[", "if True:\n        _relu[", rectify_nothing, "grid"
    ),
    "sums do not begin at 0": Bug(pooling, "        sums[k, lane] = 0\n", "        pass\n", unpool, "uninitialised"),
    "threads share a channel": Bug(pooling, "- first, lane] +=", "- first, 0] +=", unpool, "race|uninit"),
    "channels beyond the last are pooled": Bug(
        pooling, "if r < count and c < channels:", "if r < count:", pool, "out of bounds|values"
    ),
    "more threads than a block may have": Bug(pooling, "BINS = 8 ", "BINS = 64 ", pool, "block"),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_seen(name):
    bug = BUGS[name]
    with planted(bug.module, bug.old, bug.new, *bug.users) as wrong, emulated(Runner()):
        shown = seen(bug.work, wrong)
    assert any(sign in shown for sign in bug.sign.split("|")), shown or "nothing was seen"


@pytest.mark.parametrize("work", [convolve, send_back, pool, unpool, lose, add_up, rectify_nothing])
def test_without_one_nothing_is_seen(runner, work):
    users = {convolve: convolution, send_back: convolution, pool: pooling, unpool: pooling, lose: vectors}
    with emulated(runner):
        assert seen(work, users.get(work, elementwise)) == ""


def seen(work, module):
    """What shows: the text of an error, "values" if they are wrong, or nothing."""
    try:
        with poisoned():
            found, right = work(module)
    except (RuntimeError, AssertionError) as error:
        return str(error)
    return "" if np.allclose(found, right, rtol=1e-4, atol=1e-5) else "values"


def test_a_refused_launch_is_an_error():
    """As on a device, where the error is CUDA_ERROR_INVALID_VALUE."""
    with emulated(Recorder()), pytest.raises(AssertionError, match="_relu: grid"):
        elementwise._relu[0, 256](np.zeros(0, np.float32).view(emulation.DeviceArray))

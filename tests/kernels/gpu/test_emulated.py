"""The compiled kernels at their real sizes, run on the CPU instruction by instruction, every access watched.

This needs ``shared/tools/ptxrun.py`` beside the repository, gcc and the compiler packages. It sees what the simulator
cannot: missing barriers, accesses out of bounds, shared memory that nobody has written, launches that a device refuses.
"""

import shutil
from unittest import mock

import numpy as np
import pytest
import simulated
import tiny

pytest.importorskip("numba_cuda", reason="kernels.gpu needs numba-cuda, which is not installed")
if simulated.CHOSEN:
    pytest.skip("the simulator has no compiler", allow_module_level=True)

import emulation
from emulation import Foreign, Recorder, Runner, emulated
from gpu_bugs import BUGS, WORK, planted, seen

if emulation.NO_COMPILER:
    pytest.skip(emulation.NO_COMPILER, allow_module_level=True)
if not emulation.PTXRUN.exists() or not shutil.which("gcc"):
    pytest.skip("running what was compiled needs ../shared/tools/ptxrun.py and gcc", allow_module_level=True)

from minispp import kernels
from minispp.bench.gpu import checks
from minispp.kernels import reference
from minispp.kernels.gpu import compiler, elementwise, products, tiles
from minispp.windows import pyramid, whole_maps


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


@pytest.mark.parametrize(("stride", "pad"), [(1, 1), (2, 1), (4, 0)])
def test_the_naive_convolution_equals_the_reference(runner, stride, pad):
    """In float64, for which there are no tiles."""
    rng = np.random.default_rng(stride)
    x, w, b = (rng.normal(size=size) for size in ((2, 7, 9, 5), (3, 2, 5, 7), (7,)))
    right = reference.conv2d(x, w, b, stride, pad)
    dy = rng.normal(size=right.shape)
    with emulated(runner):
        y = kernels.gpu.conv2d(*map(kernels.gpu.asarray, (x, w, b)), stride, pad)
        found = *kernels.gpu.conv2d_backward(*map(kernels.gpu.asarray, (dy, x, w)), stride, pad), y
        found = [kernels.gpu.to_numpy(a) for a in found]
    for ours, truth in zip(found, (*reference.conv2d_backward(dy, x, w, stride, pad), right), strict=True):
        np.testing.assert_allclose(ours, truth, rtol=0, atol=1e-13 * abs(truth).max())


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
            seen.add(b"".join(kernels.gpu.to_numpy(a).tobytes() for a in found))
    assert len(seen) == 1


def test_training_steps_equal_the_reference(runner):
    """Layers, net and optimiser on numba-cuda's arrays, which have far fewer methods than NumPy's."""
    with emulated(runner):
        ours, right = tiny.Training(kernels.gpu), tiny.Training(reference)
        for seed in (1, 2):
            x = np.random.default_rng(seed).normal(size=(2, 19, 23, 3)).astype(np.float32)
            assert ours.step(x) == pytest.approx(right.step(x), rel=1e-5)
        for a, b in zip(ours.net.params(), right.net.params(), strict=True):
            gap = abs(kernels.gpu.to_numpy(a.value) - b.value).max()
            assert gap <= 1e-5 * abs(b.value).max(), a.name


@pytest.mark.parametrize("count", [1, 255, 256, 257, 1000])
def test_a_grid_that_is_too_small_takes_turns(runner, count):
    """With one block allowed, each thread takes several values."""
    a = np.random.default_rng(count).normal(size=count).astype(np.float32)
    with mock.patch.object(compiler, "BLOCKS", 1), emulated(runner):
        y = kernels.gpu.to_numpy(kernels.gpu.relu(kernels.gpu.asarray(a)))
    assert np.array_equal(y, reference.relu(a))


def test_other_layouts_are_gathered(runner):
    """A tensor that somebody has transposed has its strides; kernels want none."""
    a = np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype(np.float32)
    with emulated(runner):
        repeated = np.broadcast_to(a[0, 0, 0], (4, 6))
        for view in (a.transpose(0, 2, 3, 1), a[::2, 1:, :, ::3], a[1].T, a[0, 0, 0, ::2], repeated):
            assert not view.flags.c_contiguous
            ours = kernels.gpu.asarray(Foreign(view))
            assert ours.is_c_contiguous() and np.array_equal(kernels.gpu.to_numpy(ours), view)
        wide = kernels.gpu.asarray(kernels.gpu.asarray(a), np.float64)
        assert wide.dtype == np.float64 and np.array_equal(kernels.gpu.to_numpy(wide), a)


# ---------------------------------------------------------------------------------------------------
# Planted bugs


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_seen(name):
    bug = BUGS[name]
    with planted(bug) as wrong, emulated(Runner()):
        shown = seen(bug.work, wrong)
    assert any(sign in shown for sign in bug.emulated.split("|")), shown or "nothing was seen"


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_without_one_nothing_is_seen(runner, work):
    with emulated(runner):
        assert seen(work, WORK[work]) == ""


def test_a_refused_launch_is_an_error():
    """As on a device, where the error is CUDA_ERROR_INVALID_VALUE."""
    with emulated(Recorder()), pytest.raises(AssertionError, match="_relu: grid"):
        elementwise._relu[0, 256](kernels.gpu.asarray(np.zeros(0, np.float32)))

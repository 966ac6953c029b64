"""The GPU backend from outside, without a GPU: its names, what it says where it cannot run, whose memory it uses."""

import gc
import inspect
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import simulated
import tiny

pytest.importorskip("numba_cuda", reason="kernels.gpu needs numba-cuda, which is not installed")
if simulated.CHOSEN:
    pytest.skip("the simulator has another memory", allow_module_level=True)

from emulation import Foreign, Recorder, emulated
from numba import cuda

from minispp import kernels
from minispp.kernels import reference
from minispp.kernels.blocks import Blocks
from minispp.kernels.gpu import arrays, compiler, memory
from minispp.sizes import Single

gpu = kernels.gpu


@pytest.mark.parametrize("name", kernels.CONTRACT)
def test_the_contract(name):
    """Names, order and defaults of the arguments are those of the reference."""
    function = getattr(gpu, name)
    assert inspect.signature(function) == inspect.signature(getattr(reference, name))
    assert function.__doc__


def test_nothing_else_is_exported():
    own = {name for name, value in vars(gpu).items() if callable(value) and not name.startswith("_")}
    assert own == set(gpu.__all__) == set(kernels.CONTRACT)


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)


def test_importing_it_asks_for_no_driver():
    done = run(
        "from numba import cuda\n"
        "cuda.current_context = cuda.device_array = None\n"
        "from minispp.kernels import gpu\n"
        "print(gpu.relu.__name__)"
    )
    assert done.stdout.split() == ["relu"], done.stderr


def test_without_numba_cuda_it_says_what_is_missing():
    done = run(
        "import sys; sys.modules['numba_cuda'] = None\n"
        "from minispp import kernels\n"
        "try: kernels.gpu\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    assert done.stdout.startswith("kernels.gpu needs numba-cuda (pip install minispp[cuda13]"), done.stderr


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Error at driver init:\n\nCUDA driver library cannot be found.", "Error at driver init: CUDA driver library"),
        ("[222] CUDA_ERROR_UNSUPPORTED_PTX_VERSION", r"VERSION; the driver is older .*: try minispp\[cuda12\]"),
        ("[35] CUDA_ERROR_INSUFFICIENT_DRIVER", "the driver is older"),
    ],
)
def test_without_a_device_one_line_says_so(reason, said):
    arrays.ready.cache_clear()
    with mock.patch.object(cuda, "device_array", side_effect=OSError(reason)):
        for call in (lambda: gpu.asarray(np.ones(2)), lambda: gpu.conv2d_backward(*[Foreign(np.ones(2))] * 3, 1, 1)):
            with pytest.raises(RuntimeError, match=f"^kernels.gpu: no CUDA device .* here: .*{said}") as raised:
                call()
            assert "\n" not in str(raised.value)


def test_arrays_of_the_host_are_refused():
    """They would be copied there and back at every call, and nobody would know."""
    with emulated(Recorder()), pytest.raises(ValueError, match=r"on the device, got ndarray: kernels.gpu.asarray"):
        gpu.relu(np.ones(3, np.float32))


# ---------------------------------------------------------------------------------------------------
# Memory of others


def address(a):
    return a.__cuda_array_interface__["data"][0]


def test_memory_of_others_goes_in_and_comes_out_without_a_copy():
    theirs = Foreign(np.arange(6, dtype=np.float32).reshape(2, 3))
    recorder = Recorder()
    with emulated(recorder):
        ours = gpu.asarray(theirs)
        assert address(ours) == address(theirs) and ours.shape == (2, 3) and ours.dtype == np.float32
        assert address(gpu.asarray(ours)) == address(gpu.asarray(ours, np.float32)) == address(theirs)
        assert not recorder.launches
        theirs.a[1, 2] = 9
        assert gpu.to_numpy(theirs)[1, 2] == 9
        gpu.add(theirs, theirs)
        gpu.relu(theirs)
        assert gpu.asarray(theirs, np.float64).dtype == np.float64
    assert [kernel.__name__ for kernel, _ in recorder.launches] == ["_add", "_relu", "_convert"]


def test_their_memory_lives_as_long_as_ours_is_used():
    with emulated(Recorder()):
        theirs = Foreign(np.arange(6, dtype=np.float32))
        ours = gpu.asarray(theirs)[2:]
        del theirs
        gc.collect()
        assert gpu.to_numpy(ours).tolist() == [2, 3, 4, 5]


def test_what_is_written_in_place_must_be_there():
    """A copy in another order would be written, and thrown away."""
    said = r"need a C-contiguous array, got strides \(4, 8\) for shape \(2, 3\)"
    with emulated(Recorder()), pytest.raises(ValueError, match=said):
        gpu.add(Foreign(np.zeros((3, 2), np.float32).T), Foreign(np.zeros((2, 3), np.float32)))


def test_what_crosses_in_a_training_step():
    """Of all that numba-cuda asks the driver to copy: once tables and velocities are there, what every step must."""
    x, recorder = np.ones((2, 19, 23, 3), np.float32), Recorder()
    with emulated(recorder):
        training = tiny.Training(gpu)
        for _ in range(2):
            recorder.copies.clear()
            training.step(x)
    # The batch and its labels go in; the loss comes out with how many are wrong, and the norm of the gradient.
    assert recorder.copies == [("in", x.nbytes), ("in", 16), ("out", 16), ("out", 8)]


def test_what_leaves_the_device_when_a_net_is_fitted():
    """Each step two numbers, and one: what the history and its bar say is counted on the device."""
    with emulated(Recorder()) as recorder:
        history = tiny.fit(tiny.net().to(gpu), sizes=Single(8), epochs=2)
    assert len(history) == 2
    assert [copy for copy in recorder.copies if copy[0] == "out"] == [("out", 16), ("out", 8)] * 2 * 3


# ---------------------------------------------------------------------------------------------------
# Memory of ours


@pytest.fixture
def blocks():
    """A pool of its own."""
    with emulated(Recorder()), mock.patch.object(memory, "_blocks", Blocks(memory._blocks.make)) as own:
        yield own


def test_memory_that_arrays_have_left_is_used_again(blocks):
    a = memory.empty((100, 7), np.float32)
    where, part = address(a), a[3:]
    del a
    assert address(memory.empty((700,), np.float32)) != where, "a view is alive"
    del part
    gc.collect()
    b = memory.empty((50, 14), np.int32)
    assert address(b) == where and b.dtype == np.int32
    c = memory.empty((50, 14), np.int32)
    assert address(c) != where


def test_what_waits_is_bounded(blocks):
    """Together with what is on loan, never more than was on loan at once."""
    held = [memory.empty((1000 * k,), np.uint8) for k in (1, 2, 4)]
    most = blocks.total
    assert most == sum(-(-1000 * k // memory.GRAIN) * memory.GRAIN for k in (1, 2, 4))
    for size in (50, 9000, 300, 5000, 2500, 7777):
        held.clear()
        held.append(memory.empty((size,), np.uint8))
        assert blocks.total <= max(most, 9216)
    held.clear()
    memory.release()
    assert not blocks.total and not blocks.waiting


def test_a_full_device_is_asked_once_more_without_what_waits(blocks):
    """What waits is given back first; only then is it an error."""
    allocate = memory._array

    def small(shape, dtype):
        if blocks.total + shape[0] > 3200:
            raise RuntimeError("CUDA_ERROR_OUT_OF_MEMORY")
        return allocate(shape, dtype)

    context = mock.Mock(**{"return_value.get_memory_info.return_value": (2**20, 2**21)})
    with mock.patch.object(memory, "_array", small), mock.patch.object(cuda, "current_context", context):
        kept, left = memory.empty((512,), np.uint8), memory.empty((2048,), np.uint8)
        del left
        assert blocks.total == 2048 + 512
        assert memory.empty((2500,), np.uint8).shape == (2500,) and blocks.total == 512 + 2560
        said = r"^kernels.gpu: the device has no room for 1 MiB, a float32 array of shape \(512, 512\): 1 of 2 MiB"
        with pytest.raises(MemoryError, match=said):
            memory.empty((512, 512), np.float32)
        assert blocks.total == kept.size, "nothing waits any more"


def test_other_errors_of_the_driver_are_left_as_they_are(blocks):
    broken = mock.Mock(side_effect=RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS"))
    with mock.patch.object(memory, "_array", broken), pytest.raises(RuntimeError, match="ILLEGAL_ADDRESS"):
        memory.empty((100,), np.uint8)


def test_poisoned_arrays_hold_nan(blocks):
    with memory.poisoned():
        assert np.isnan(gpu.to_numpy(memory.empty((5, 3), np.float32))).all()
        assert (gpu.to_numpy(memory.empty((4,), np.int32)) == -1).all()
    assert not memory._poison


def test_as_many_blocks_as_are_needed():
    """Not one too many where it divides; none for nothing; turns beyond the limit."""
    threads = compiler.THREADS
    assert [compiler.blocks_for(n) for n in (0, 1, threads, threads + 1)] == [0, 1, 1, 2]
    assert compiler.blocks_for(threads * (compiler.BLOCKS + 5)) == compiler.BLOCKS

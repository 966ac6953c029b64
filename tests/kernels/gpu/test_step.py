"""In the simulator: a net on the device, what crosses the bus in a training step, and what a full device leaves."""

from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
import simulated
import tiny

from minispp import windows
from minispp.kernels import reference
from minispp.layers import SPP

if not simulated.CHOSEN:
    pytest.skip("runs in the simulator: see test_simulator.py", allow_module_level=True)

@pytest.fixture(scope="module")
def gpu():
    return simulated.gpu()


def pictures(side=7, seed=0):
    return np.random.default_rng(seed).normal(size=(2, side, side + 2, 3)).astype(np.float32)


@contextmanager
def transfers():
    """A list of what is copied while the context lasts: ("in" or "out", shape)."""
    from numba.cuda.simulator import kernel
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    seen, copied_in, copied_out = [], FakeCUDAArray.copy_to_device, FakeCUDAArray.copy_to_host
    element, attribute, moved = FakeCUDAArray.__getitem__, FakeCUDAArray.__getattr__, kernel.InOut.to_device

    def copy_to_device(self, a, stream=0):
        if not isinstance(a, FakeCUDAArray):
            seen.append(("in", tuple(a.shape)))
        return copied_in(self, a, stream)

    def copy_to_host(self, a=None, stream=0):
        seen.append(("out", tuple(self.shape)))
        return copied_out(self, a, stream)

    def getitem(self, index):
        found = element(self, index)
        if not isinstance(found, FakeCUDAArray) and kernel._get_kernel_context() is None:
            seen.append(("out", "an element"))
        return found

    def getattribute(self, name):
        if name in ("__array__", "__array_interface__", "__array_struct__"):
            seen.append(("out", "as a NumPy array"))
        return attribute(self, name)

    def to_device(self, *arguments, **named):
        seen.append(("in", "an array of the host, for a kernel"))
        return moved(self, *arguments, **named)

    with (
        mock.patch.object(FakeCUDAArray, "copy_to_device", copy_to_device),
        mock.patch.object(FakeCUDAArray, "copy_to_host", copy_to_host),
        mock.patch.object(FakeCUDAArray, "__getitem__", getitem),
        mock.patch.object(FakeCUDAArray, "__getattr__", getattribute),
        mock.patch.object(kernel.InOut, "to_device", to_device),
    ):
        yield seen


def test_steps_on_the_device_are_those_of_the_reference(gpu):
    """Losses, norms, parameters. The first step moves tables and velocities too; the second, what every one must."""
    ours, right = tiny.Training(gpu), tiny.Training(reference)
    for seed in (1, 2):
        with transfers() as seen:
            found = ours.step(pictures(seed=seed))
        assert found == pytest.approx(right.step(pictures(seed=seed)), rel=1e-5)
    # The batch and its labels go in; the loss comes out with how many are wrong, and the norm of the gradient.
    assert seen == [("in", (2, 7, 9, 3)), ("in", (2,)), ("out", (2,)), ("out", (1,))]
    for a, b in zip(ours.net.params(), right.net.params(), strict=True):
        np.testing.assert_allclose(gpu.to_numpy(a.value), b.value, rtol=0, atol=1e-5 * abs(b.value).max())


def test_other_copies_are_seen(gpu):
    """What the test above would miss, it could not forbid."""
    a = gpu.asarray(np.arange(6.0, dtype=np.float32))
    for copy in (lambda: a[2], lambda: np.asarray(a), lambda: gpu.to_numpy(a), lambda: gpu.asarray(np.ones(2))):
        with transfers() as seen:
            copy()
        assert seen
    from minispp.kernels.gpu.elementwise import _relu

    with transfers() as seen:
        _relu[1, 4](a, np.zeros(6, np.float32))
    assert seen == [("in", "an array of the host, for a kernel"), ("out", (6,))]


def test_windows_of_a_picture_go_in_as_their_table_alone(gpu):
    rng = np.random.default_rng(4)
    x, boxes = rng.normal(size=(1, 5, 6, 3)).astype(np.float32), [[0, 0, 1, 4, 6], [0, 2, 2, 5, 3]]
    layer, right = SPP((2, 1)).to(gpu), SPP((2, 1))
    maps = gpu.asarray(x)
    layer.forward(maps, boxes)
    with transfers() as seen:
        y = layer.forward(maps, boxes)
        dx = layer.backward(y)
    assert seen == [("in", (2, 5, 5))]
    assert np.array_equal(gpu.to_numpy(y), right.forward(x, boxes))
    np.testing.assert_allclose(gpu.to_numpy(dx), right.backward(right.forward(x, boxes)), rtol=1e-6)


def test_tables_are_kept_as_long_as_they_live(gpu):
    from minispp.kernels.gpu import arrays

    table = windows.whole_maps(2, 3, 4)
    assert arrays.table(table) is not arrays.table(table), "anyone may write to it"
    table.flags.writeable = False
    part = table.reshape(1, 2, 5)
    before = len(arrays._tables)
    assert arrays.table(part) is arrays.table(table.reshape(1, 2, 5))
    assert arrays.table(table).shape == (2, 5) and len(arrays._tables) == before + 2
    del table, part
    assert len(arrays._tables) == before


def test_a_full_device_says_what_was_asked_for_and_the_net_goes_on(gpu):
    """Parameters are what they were, and a smaller batch runs."""
    from minispp.kernels.gpu import memory

    ours = tiny.Training(gpu)
    allocate, left = memory._array, [0]

    def full(shape, dtype):
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")
        return allocate(shape, dtype)

    saved = [gpu.to_numpy(param.value).copy() for param in ours.net.params()]
    for count in (3, 17):  # in forward, and in backward
        left[0] = count
        with (
            mock.patch.object(memory, "_array", full),
            pytest.raises(MemoryError, match=r"^kernels.gpu: the device has no room for .* MiB, a float32 array of"),
        ):
            ours.step(pictures())
        for param, value in zip(ours.net.params(), saved, strict=True):
            assert np.array_equal(gpu.to_numpy(param.value), value)
            param.grad = None
    assert ours.net.forward(pictures()[:1]).shape == (1, 3)

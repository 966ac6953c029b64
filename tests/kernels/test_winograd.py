"""Winograd's method beside the reference: values, adjoints, error in float32, room, and the rule that chooses it."""

import weakref

import naive
import numba
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minispp import zoo
from minispp.kernels import cpu, reference
from minispp.kernels.cpu import memory, winograd
from minispp.kernels.cpu.convolution import convolution_path
from minispp.kernels.cpu.kept import Kept
from minispp.layers import Conv2D, SoftmaxLoss

seeds = st.integers(0, 2**32 - 1)


@st.composite
def cases(draw):
    """Shapes that six points serve: (x, w, stride, pad), every size another."""
    stride = draw(st.integers(1, 4))
    kernel = draw(st.integers(stride + 1, 5 * stride))
    pad = draw(st.integers(0, kernel - 1))
    smallest = max(1, kernel - 2 * pad)
    height, width = draw(st.integers(smallest, smallest + 19)), draw(st.integers(smallest, smallest + 19))
    n, c, d = draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    return (n, height, width, c), (kernel, kernel, c, d), stride, pad


def values(case, seed, dtype):
    """X, w, b and dy of a case, and its tiles."""
    shape, filters, stride, pad = case
    rng = np.random.default_rng(seed)
    outputs = tuple((size + 2 * pad - filters[0]) // stride + 1 for size in shape[1:3])
    shapes = shape, filters, filters[3:], (shape[0], *outputs, filters[3])
    tiles = winograd.tiling(outputs, filters[0], stride, pad)
    return *(rng.normal(size=shape).astype(dtype) for shape in shapes), tiles


def by_winograd(x, w, b, dy, tiles):
    """Y, dx and dw, whatever the rule would choose."""
    y, dx = np.empty_like(dy), np.zeros_like(x)
    winograd.convolve(x, w, b, y, tiles)
    return y, dx, winograd.gradients(dy, x, w, dx, tiles)


@example(case=((2, 13, 9, 5), (3, 3, 5, 7), 1, 1), seed=0)
@example(case=((2, 23, 17, 3), (11, 11, 3, 4), 4, 0), seed=0)
@given(case=cases(), seed=seeds)
def test_equals_the_reference(case, seed):
    """Evaluation mixes the values of a tile, so errors are measured against the largest value, not each one's."""
    for dtype in (np.float32, np.float64):
        x, w, b, dy, tiles = values(case, seed, dtype)
        y, dx, dw = by_winograd(x, w, b, dy, tiles)
        _, _, stride, pad = case
        expected = reference.conv2d(x, w, b, stride, pad), *reference.conv2d_backward(dy, x, w, stride, pad)[:2]
        magnitudes = (
            reference.conv2d(abs(x), abs(w), abs(b), stride, pad),
            *reference.conv2d_backward(abs(dy), abs(x), abs(w), stride, pad)[:2],
        )
        for ours, right, magnitude in zip((y, dx, dw), expected, magnitudes, strict=True):
            assert ours.dtype == dtype
            assert np.abs(ours - right).max(initial=0) <= 32 * np.finfo(dtype).eps * magnitude.max(initial=0)


@given(case=cases(), seed=seeds)
def test_adjoint(case, seed):
    """<dy, conv(x)> = <dx, x> = <dw, w> without a bias: each transform meets its own transpose."""
    x, w, b, dy, tiles = values(case, seed, np.float64)
    y, dx, dw = by_winograd(x, w, 0 * b, dy, tiles)
    magnitude = (abs(dy) * reference.conv2d(abs(x), abs(w), 0 * b, *case[2:])).sum()
    for product in ((dx * x).sum(), (dw * w).sum()):
        naive.assert_close(product, (dy * y).sum(), y.size * w[..., 0].size, magnitude)


@pytest.mark.parametrize("kernel, stride", [(3, 1), (5, 1), (4, 1), (2, 1), (5, 2), (7, 2), (11, 4)])
def test_float32_error_against_float64(kernel, stride):
    """At most 1e-5 of the largest value, on many channels and on values that ReLU has passed."""
    case = (3, 27, 31, 130), (kernel, kernel, 130, 120), stride, kernel // 2
    x, w, b, dy, tiles = values(case, 5, np.float32)
    x = np.maximum(x, 0)
    exact = [a.astype(np.float64) for a in (x, w, b, dy)]
    expected = reference.conv2d(*exact[:3], *case[2:]), *reference.conv2d_backward(exact[3], *exact[:2], *case[2:])[:2]
    for ours, right in zip(by_winograd(x, w, b, dy, tiles), expected, strict=True):
        assert np.abs(ours - right).max() <= 1e-5 * np.abs(right).max()


def test_same_bits_with_any_number_of_threads(monkeypatch):
    """Also where the tiles come in several chunks and the filters in several parts."""
    monkeypatch.setattr(winograd, "CHUNK", 200_000)
    monkeypatch.setattr(winograd, "GRADIENT", 40_000)
    x, w, b, dy, tiles = values(((3, 22, 19, 11), (3, 3, 11, 14), 1, 1), 3, np.float32)
    several = by_winograd(x, w, b, dy, tiles)
    most = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = by_winograd(x, w, b, dy, tiles)
    finally:
        numba.set_num_threads(most)
    assert all(np.array_equal(a, b) for a, b in zip(several, one, strict=True))
    expected = reference.conv2d(x, w, b, 1, 1), *reference.conv2d_backward(dy, x, w, 1, 1)[:2]
    for ours, right in zip(several, expected, strict=True):
        assert np.abs(ours - right).max() < 1e-5 * np.abs(right).max()


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
def test_tiles_that_are_added_at_once_do_not_overlap(monkeypatch, kernel):
    """A lost addition would be a matter of luck, so it is the distance of the rows that is tested; and all come."""
    calls, add = [], winograd.tiles.add_inputs

    def recording(dv, m, *rest):
        calls.append((m, *rest[-3:-1]))
        add(dv, m, *rest)

    monkeypatch.setattr(winograd.tiles, "add_inputs", recording)
    x, w, b, dy, tiles = values(((1, 9, 9, 2), (kernel, kernel, 2, 3), 1, 0), 0, np.float64)
    by_winograd(x, w, b, dy, tiles)
    phases = calls[0][2]
    assert [call[1] for call in calls] == list(range(phases))
    assert all(m * phases >= winograd.SIDE for m, _, phases in calls)


def test_gradients_of_a_whole_net():
    """Float32, every layer on its own path: within 1e-4 of the reference, in the largest value of each gradient."""
    x, paths, gradients = np.random.default_rng(0).standard_normal((2, 96, 84, 3), np.float32), [], []
    for ops in (reference, cpu):
        net, loss = zoo.small(classes=5).to(ops), SoftmaxLoss().to(ops)
        loss.forward(net.forward(x), np.array([3, 1]))
        net.backward(loss.backward())
        gradients.append([param.grad for param in net.params()])
    shape = x.shape
    for layer in net.trunk:
        if isinstance(layer, Conv2D):
            paths.append(convolution_path(shape, layer.weight.value.shape, layer.stride, layer.pad))
        shape = layer.output_shape(shape)
    assert paths == ["strips"] + 3 * ["Winograd F(4x4, 3x3)"]
    for right, ours in zip(*gradients, strict=True):
        assert np.abs(ours - right).max() <= 1e-4 * np.abs(right).max()


def test_changed_weights_are_noticed():
    """However they are written: the kept values at the points must never be those of older weights."""
    rng = np.random.default_rng(0)
    x, layer = rng.normal(size=(1, 12, 12, 40)).astype(np.float32), Conv2D(40, 40, 3, pad=1).to(cpu)
    assert convolution_path(x.shape, layer.weight.value.shape, 1, 1) == "Winograd F(4x4, 3x3)"
    before = layer.forward(x)
    layer.weight.value[2, 1, 39, 39] += 1
    after = layer.forward(x)
    assert np.allclose(after, reference.conv2d(x, layer.weight.value, layer.bias.value, 1, 1), atol=1e-4)
    assert not np.allclose(before[..., 39], after[..., 39], atol=1e-4)
    dy = rng.normal(size=after.shape).astype(np.float32)
    layer.weight.value *= 2
    twice = layer.backward(dy)
    expected = reference.conv2d_backward(dy, x, layer.weight.value, 1, 1)[0]
    assert np.allclose(twice, expected, atol=1e-5 * np.abs(expected).max())


def test_the_same_weights_at_another_stride():
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(1, 30, 30, 96)), rng.normal(size=(5, 5, 96, 96)), np.zeros(96)
    for stride in (1, 2, 1):
        assert convolution_path(x.shape, w.shape, stride, 2).startswith("Winograd")
        assert np.allclose(cpu.conv2d(x, w, b, stride, 2), reference.conv2d(x, w, b, stride, 2))


def test_kept_values_die_with_their_weights():
    kept, weights = Kept(), np.ones(3)
    kept.get(weights, "kind", lambda old: "value")
    assert len(kept._entries) == 1
    del weights
    assert not kept._entries


@pytest.mark.parametrize("shape, filters", [((2, 301, 400, 16), (3, 3, 16, 24)), ((9, 18, 18, 64), (3, 3, 64, 3072))])
def test_room_is_bounded(monkeypatch, shape, filters):
    """Under 64 MB of workspace, whatever the input: all that is held beside inputs, outputs and kept filters."""
    held, most = {}, [0]

    def recording(shape, dtype):
        a = memory.empty(shape, dtype)
        if len(shape) == 3:  # (points, ...): no output
            held[id(a)] = a.nbytes
            weakref.finalize(a, held.pop, id(a))
            most[0] = max(most[0], sum(held.values()))
        return a

    x, w, b, dy, tiles = values((shape, filters, 1, 1), 0, np.float32)
    by_winograd(x, w, b, dy, tiles)  # the filters at the points are kept now
    monkeypatch.setattr(winograd, "empty", recording)
    by_winograd(x, w, b, dy, tiles)
    assert 16 << 20 < most[0] <= 64 << 20
    count = shape[0] * tiles.rows * tiles.columns
    assert count * winograd.POINTS * (filters[2] + filters[3]) * 4 > 64 << 20  # it had to be cut


def test_nan_stays_in_the_tiles_that_see_it():
    x, w = np.ones((2, 12, 12, 2)), np.ones((3, 3, 2, 3))
    x[1, 5, 5, 0] = np.nan
    y = np.empty((2, 12, 12, 3))
    winograd.convolve(x, w, np.zeros(3), y, winograd.tiling((12, 12), 3, 1, 1))
    clean = np.ones((12, 12), bool)
    clean[4:8, 4:8] = False
    assert np.isnan(y[1, 4:7, 4:7]).all()
    assert np.isfinite(y[0]).all()
    assert np.isfinite(y[1][clean]).all()


def test_the_rule_can_be_asked():
    """Few channels, single cells, long or short filters go to strips; the paper's middle layers to Winograd."""
    paths = {}
    for make in (zoo.zf5, zoo.overfeat7, zoo.small):
        net = make(classes=3)
        shape = (8, 224, 224, 3)
        for layer in net.trunk:
            if isinstance(layer, Conv2D):
                how = convolution_path(shape, layer.weight.value.shape, layer.stride, layer.pad)
                paths[make.__name__, layer.name] = how
            shape = layer.output_shape(shape)
    by_strips = {key for key, how in paths.items() if how == "strips"}
    assert by_strips == {("zf5", "conv1"), ("overfeat7", "conv1"), ("small", "conv1")}
    assert convolution_path((8, 13, 13, 64), (1, 1, 64, 64), 1, 0) == "strips"
    assert convolution_path((8, 13, 13, 64), (7, 7, 64, 64), 1, 3) == "strips"
    assert convolution_path((8, 13, 13, 64), (3, 5, 64, 64), 1, 1) == "strips"

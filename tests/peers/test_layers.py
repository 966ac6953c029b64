"""Every layer against PyTorch's: output and gradients, in float64 and float32, on both backends."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from peers.peer_torch import LAYERS, F, array, assert_agree, spp_vectors, tensor, torch

from minispp.layers import LRN, SPP, Conv2D, Dropout, Linear, MaxPool, ReLU, SoftmaxLoss
from minispp.windows import sliding_count

pytestmark = pytest.mark.peers


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    return np.dtype(request.param)


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def distinct(*shape, seed=0, dtype=np.float64):
    """No two entries are equal, so that every maximum has one winner; half of them are negative."""
    count = int(np.prod(shape))
    return (np.random.default_rng([seed, *shape]).permutation(count) - count // 2).reshape(shape).astype(dtype) / 8


def run(layer, x, peer, to_peer=()):
    """Forward and backward on both sides with one dy, which differs from entry to entry.

    `peer` maps tensors to a tensor; `to_peer` are the arrays behind its further arguments, the parameters.
    Yields what is compared, ours, theirs.
    """
    y = layer.forward(x)
    inputs = [tensor(x), *(torch.from_numpy(np.ascontiguousarray(a)).requires_grad_() for a in to_peer)]
    out = peer(*inputs)
    yield "y", y, array(out)
    dy = normal(*y.shape, seed=5, dtype=x.dtype)
    dx = layer.backward(dy)
    out.backward(tensor(dy, learned=False))
    yield "dx", dx, array(inputs[0].grad)
    for param, t in zip(layer.params(), inputs[1:], strict=True):
        yield param.name, param.grad, t.grad.numpy()


def agree(layer, x, peer, to_peer=(), ours=lambda name, a: a):
    for name, mine, theirs in run(layer, x, peer, to_peer):
        assert_agree(ours(name, mine), theirs, f"{layer}: {name}")


@pytest.mark.parametrize(
    ("shape", "filters", "kernel", "stride", "pad"),
    [
        ((3, 9, 13, 5), 7, 3, 1, 0),
        ((2, 9, 14, 5), 7, 3, 1, 1),
        ((2, 15, 10, 3), 4, 5, 2, 2),  # the last row and column are never seen
        ((1, 23, 17, 3), 6, 7, 2, 1),  # ZF-5's first
        ((2, 11, 13, 4), 3, 2, 3, 0),  # a stride beyond the kernel: inputs that nobody sees
        ((2, 13, 16, 4), 3, 2, 5, 1),
        ((2, 7, 6, 3), 5, 3, 2, 2),  # windows with a single row in the map
        ((4, 6, 5, 8), 9, 1, 1, 0),
        ((1, 5, 4, 1), 1, 4, 4, 3),
        ((2, 4, 3, 2), 3, 4, 1, 2),  # a kernel larger than the map
        ((3, 31, 27, 16), 33, 3, 1, 1),  # more cells and channels than a block of either side
    ],
)
def test_conv(ops, dtype, shape, filters, kernel, stride, pad):
    layer = Conv2D(shape[3], filters, kernel, stride, pad, dtype=dtype, rng=np.random.default_rng(3)).to(ops)
    layer.bias.value = ops.asarray(normal(filters, seed=4), dtype)
    in_their_order = {"weight": (3, 2, 0, 1), "bias": (0,)}
    agree(
        layer,
        normal(*shape, dtype=dtype),
        lambda x, w, b: F.conv2d(x, w, b, stride, pad),
        [param.value.transpose(in_their_order[param.name]) for param in layer.params()],
        lambda name, a: a.transpose(in_their_order[name]) if name in in_their_order else a,
    )


def test_relu(ops, dtype):
    """At 0, where there is no derivative, both say 0."""
    x = normal(2, 5, 7, 3, dtype=dtype)
    x[x < -1] = 0
    agree(ReLU().to(ops), x, F.relu)


@st.composite
def poolings(draw):
    """A map and a sliding window that both sides accept: PyTorch wants a pad of at most half the kernel."""
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    pad = draw(st.integers(0, kernel // 2))
    sizes = [draw(st.integers(max(1, kernel - 2 * pad), 14)) for _ in "hw"]
    return (draw(st.integers(1, 3)), *sizes, draw(st.integers(1, 4))), kernel, stride, pad, draw(st.booleans())


@given(case=poolings(), seed=st.integers(0, 99))
@example(case=((2, 110, 55, 3), 3, 2, 0, True), seed=0)  # ZF-5: 55 and 27 cells
@example(case=((1, 4, 5, 2), 2, 3, 1, True), seed=0)  # a last window that would lie in the padding alone
@example(case=((1, 5, 3, 2), 4, 5, 2, True), seed=0)
@example(case=((1, 1, 1, 1), 2, 2, 1, True), seed=0)
@example(case=((2, 3, 2, 1), 5, 1, 2, False), seed=0)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_max_pool(ops, dtype, case, seed):
    shape, kernel, stride, pad, ceil_mode = case
    x = distinct(*shape, seed=seed, dtype=dtype)
    layer = MaxPool(kernel, stride, pad, ceil_mode).to(ops)
    for name, ours, theirs in run(layer, x, lambda t: LAYERS["MaxPool"](layer, t)):
        if name == "y":
            assert np.array_equal(ours, theirs), (case, "a maximum is one of its values, so nothing is rounded")
        assert_agree(ours, theirs, f"{layer} on {shape}: {name}")


@given(size=st.integers(1, 60), kernel=st.integers(1, 7), stride=st.integers(1, 8), ceil=st.booleans(), data=st.data())
def test_max_pool_sizes(size, kernel, stride, ceil, data):
    """How many windows there are, over far more sizes: no values, so no cost."""
    pad = data.draw(st.integers(0, kernel // 2))
    size = max(size, kernel - 2 * pad)
    with torch.device("meta"):
        out = F.max_pool2d(torch.empty(1, 1, size, size), kernel, stride, pad, ceil_mode=ceil)
    assert out.shape[2] == sliding_count(size, kernel, stride, pad, ceil)


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize(
    ("shape", "size", "alpha", "beta", "bias"),
    [
        ((2, 7, 5, 9), 5, 5e-4, 0.75, 2.0),  # Krizhevsky's
        ((2, 7, 5, 9), 3, 5e-5, 0.75, 1.0),  # ZF-5's
        ((2, 6, 9, 8), 5, 2.0, 0.75, 1.0),  # so strong that the neighbours matter most
        ((3, 5, 8, 6), 3, 1.7, 1.3, 0.5),
        ((1, 2, 3, 2), 5, 1.0, 0.5, 1.0),  # a neighbourhood larger than the map and than its channels
        ((2, 1, 1, 1), 3, 1.0, 0.75, 1.0),
        ((2, 3, 4, 5), 1, 1.0, 0.75, 1.5),
        ((1, 18, 21, 40), 3, 0.5, 0.75, 1.0),
    ],
)
def test_lrn(ops, dtype, across, shape, size, alpha, beta, bias):
    layer = LRN(size, alpha, beta, bias, across).to(ops)
    agree(layer, 3 * normal(*shape, dtype=dtype), lambda x: LAYERS["LRN"](layer, x))


PYRAMIDS = [(6, 3, 2, 1), (4, 3, 2, 1), ((2, 5), 3, (1, 4)), (1,), (1, 2, 6, 3), (2, 2)]


@pytest.mark.parametrize("levels", PYRAMIDS, ids=str)
@pytest.mark.parametrize("shape", [(2, 13, 13, 4), (3, 10, 7, 3), (1, 4, 19, 5), (2, 3, 1, 2), (2, 1, 1, 3)], ids=str)
def test_spp(ops, dtype, shape, levels):
    layer = SPP(levels).to(ops)
    x = distinct(*shape, dtype=dtype)
    agree(layer, x, lambda t: spp_vectors(LAYERS["SPP"](layer, t), layer.levels, shape[3]))


@pytest.mark.parametrize("levels", PYRAMIDS, ids=str)
def test_spp_of_windows(ops, dtype, levels):
    """Each window cut out of its map and pooled alone; autograd adds up where windows overlap."""
    layer, shape = SPP(levels).to(ops), (3, 11, 17, 4)
    # In no order of images, one twice, one a cell, one a map; more windows than images.
    windows = [[2, 1, 3, 9, 16], [0, 0, 0, 11, 17], [2, 4, 2, 11, 9], [0, 10, 16, 11, 17]]
    windows += [[2, 1, 3, 9, 16], [1, 3, 0, 8, 2]]

    def peer(x):
        cut = [x[n : n + 1, :, top:bottom, left:right] for n, top, left, bottom, right in windows]
        return torch.cat([spp_vectors(LAYERS["SPP"](layer, part), layer.levels, shape[3]) for part in cut])

    forward = layer.forward
    layer.forward = lambda x: forward(x, np.array(windows, np.int32))
    agree(layer, distinct(*shape, dtype=dtype), peer)


@pytest.mark.parametrize("shape", [(5, 13), (1, 300), (33, 1), (600, 70)], ids=str)  # beyond 512: cut by batch
def test_linear(ops, dtype, shape):
    layer = Linear(shape[1], 11, dtype=dtype, rng=np.random.default_rng(3)).to(ops)
    layer.bias.value = ops.asarray(normal(11, seed=4), dtype)
    parameters = [layer.weight.value.T, layer.bias.value]
    agree(layer, normal(*shape, dtype=dtype), F.linear, parameters, lambda name, a: a.T if name == "weight" else a)


def test_dropout_with_the_same_mask(ops, dtype):
    """Which values stay is ours alone, so PyTorch is given our mask: the rest is a product."""
    x, rate = normal(7, 501, dtype=dtype), 0.3
    mask_layer, layer = (Dropout(rate, seed=5).to(ops) for _ in range(2))
    mask_layer.training = layer.training = True
    mask = mask_layer.forward(np.ones_like(x))
    assert np.array_equal(np.unique(mask), np.array([0, 1 / (1 - rate)], dtype))
    assert abs((mask == 0).mean() - rate) < 0.03  # four standard deviations of 3,507 coins
    agree(layer, x, lambda t: t * torch.from_numpy(mask))


def test_dropout_outside_training(ops, dtype):
    agree(Dropout(0.3).to(ops), normal(7, 51, dtype=dtype), lambda t: F.dropout(t, 0.3, training=False))


@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize("count", [None, 19])
def test_softmax_loss(ops, dtype, scale, count):
    z = scale * normal(13, 7, dtype=dtype)
    labels = np.random.default_rng(2).integers(0, 7, 13)
    layer, t = SoftmaxLoss().to(ops), tensor(z)
    loss = F.cross_entropy(t, torch.from_numpy(labels), reduction="sum") / (count or 13)
    loss.backward()
    ours = layer.forward(z, labels, count=count)
    assert ours == pytest.approx(loss.item(), rel=1e-10 if dtype == np.float64 else 1e-5)
    assert_agree(layer.probabilities, F.softmax(t, dim=1).detach().numpy(), "probabilities")
    assert_agree(layer.backward(), t.grad.numpy(), "dz")

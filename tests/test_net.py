"""Net: its parts are the whole, its gradients are those of its layers, and it says what it is."""

import numpy as np
import pytest
import tiny

from minispp.check import check_layer
from minispp.kernels import reference
from minispp.layers import LRN, SPP, Conv2D, Dropout, Linear, MaxPool, ReLU, SoftmaxLoss
from minispp.net import Net

SIZES = ((24, 31), (17, 13), (9, 40), (4, 4), (1, 3))  # the last maps are smaller than the pyramid


def loss_gradient(net, x, labels, count=None):
    """One forward and backward; gradients are added to those that are there."""
    loss = SoftmaxLoss().to(net.ops)
    loss.forward(net.forward(x), labels, count)
    return net.backward(loss.backward())


# ---------------------------------------------------------------------------------------------------
# Running


def test_parts_make_the_whole(ops):
    net = tiny.net().to(ops)
    x = tiny.inputs(net, 2, 24, 31, 3)
    maps = net.features(x)
    assert maps.shape == (2, net.map_size(24), net.map_size(31), 5) == (2, 6, 8, 5)
    vectors = net.pool(maps)
    assert vectors.shape == (2, 25) and np.array_equal(vectors, SPP((2, 1)).forward(maps))
    assert np.array_equal(net.classify(vectors), net.forward(x))
    assert net.forward(x).shape == (2, net.outputs) == (2, 3)


def test_one_net_takes_every_size(ops):
    """The same layers, one size after the other, give what a fresh net gives: nothing of a size is kept."""
    net = tiny.net().to(ops)
    for size in SIZES + SIZES[::-1]:
        x = tiny.inputs(net, 2, *size, 3)
        assert np.array_equal(net.forward(x), tiny.net().to(ops).forward(x))
        assert net.features(x).shape[1:3] == tuple(map(net.map_size, size))


def test_batch_of_none(ops):
    net = tiny.net().to(ops)
    x = tiny.inputs(net, 0, 24, 31, 3)
    assert net.forward(x).shape == (0, 3)
    assert net.backward(np.zeros((0, 3), np.float32), need_dx=True).shape == x.shape
    assert not any(grad.any() for grad in tiny.gradients(net))


def test_a_window_is_its_slice_of_the_map(ops):
    """Many windows for each picture, from one convolution: as if the map had been cut out."""
    net = tiny.net().to(ops)
    maps = net.features(tiny.inputs(net, 2, 24, 31, 3))
    windows = [[1, 0, 2, 5, 7], [0, 0, 0, 6, 8], [1, 3, 3, 4, 4], [1, 5, 0, 6, 8]]
    scores = net.classify(net.pool(maps, windows))
    assert scores.shape == (4, 3)
    for row, (image, top, left, bottom, right) in zip(scores, windows, strict=True):
        cut = maps[image : image + 1, top:bottom, left:right]
        np.testing.assert_allclose(net.classify(net.pool(cut))[0], row, rtol=1e-5, atol=1e-6)


def test_pictures_are_prepared():
    net = tiny.net(mean=(10.0, 20.0, 30.0), std=(1.0, 2.0, 4.0))
    pictures = np.full((1, 2, 5, 3), 40, np.uint8)
    x = net.prepare(pictures)
    assert x.dtype == np.float32 and x.shape == pictures.shape
    assert np.unique(x.reshape(-1, 3), axis=0).tolist() == [[30.0, 10.0, 2.5]]
    assert (pictures == 40).all()
    double = net.to(reference, np.float64).prepare(pictures / 8)
    assert double.dtype == np.float64 and double[0, 0, 0].tolist() == [-5.0, -7.5, -6.25]
    assert tiny.net().prepare(pictures)[0, 0, 0].tolist() == [40, 40, 40]
    floats = np.ones((1, 2, 2, 3), net.dtype)
    assert net.prepare(floats).min() < 0 and (floats == 1).all(), "the reader's array is not written to"
    for bad in (pictures[0], pictures[..., :1], np.zeros((1, 3, 5, 5))):
        with pytest.raises(ValueError, match=r"^net: expected pictures \(N, H, W, 3\), .*got .*shape \(\d"):
            net.prepare(bad)


# ---------------------------------------------------------------------------------------------------
# Gradients


@pytest.mark.parametrize("shape", [(2, 9, 11, 3), (1, 6, 5, 3)])
def test_backward_is_the_derivative_of_forward(ops, shape):
    """The whole net at once, pictures and all parameters, in float64."""
    net = tiny.net(dtype=np.float64).to(ops)
    report = check_layer(net, tiny.inputs(net, *shape), directions=2).raise_if_failed()
    assert set(report.tally) == {"x", *(param.name for param in net.params())}


def test_with_dropout_too(ops):
    net = tiny.net(dtype=np.float64).to(ops)
    net.training = True
    dropout = net.head[2]
    check_layer(
        net, tiny.inputs(net, 3, 7, 9, 3), directions=2, before=lambda: setattr(dropout, "calls", 2)
    ).raise_if_failed()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cpu_equals_reference(cpu, dtype):
    one, other = tiny.net(dtype=dtype), tiny.net(dtype=dtype).to(cpu)
    one.training = other.training = True
    labels = np.array([2, 0, 1, 1])
    for size in SIZES:
        x = tiny.inputs(one, 4, *size, 3)
        loss_gradient(one, x, labels)
        loss_gradient(other, x, labels)
    for ours, expected in zip(tiny.gradients(other), tiny.gradients(one), strict=True):
        assert ours.dtype == dtype and abs(expected).max() > 1e-3
        tolerance = 1e-4 if dtype == np.float32 else 1e-11
        np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance * abs(expected).max())


def test_groups_of_a_batch_add_up(ops):
    """A mini-batch of mixed sizes is its groups, one after the other; of one size, cut anywhere, it is the batch."""
    net = tiny.net(dtype=np.float64).to(ops)
    groups = [(tiny.inputs(net, n, *size, 3), np.arange(n) % 3) for n, size in zip((2, 1, 4), SIZES, strict=False)]
    alone = []
    for x, labels in groups:
        loss_gradient(net, x, labels, count=7)
        alone.append(tiny.gradients(net))
    for x, labels in groups:
        loss_gradient(net, x, labels, count=7)
    for together, *parts in zip(tiny.gradients(net), *alone, strict=True):
        np.testing.assert_allclose(together, sum(parts), rtol=1e-12, atol=1e-14)

    x, labels = tiny.inputs(net, 7, 12, 10, 3), np.arange(7) % 3
    loss_gradient(net, x, labels)
    whole = tiny.gradients(net)
    for cut in (slice(0, 2), slice(2, 3), slice(3, 7)):
        loss_gradient(net, x[cut], labels[cut], count=7)
    for together, expected in zip(tiny.gradients(net), whole, strict=True):
        np.testing.assert_allclose(together, expected, rtol=1e-9, atol=1e-12)


def test_gradients_through_windows(ops):
    """Several windows of one map, overlapping: the scores of all reach the convolutions."""
    net = tiny.net(dtype=np.float64).to(ops)
    windows = np.array([[1, 0, 0, 3, 4], [0, 1, 1, 2, 2], [1, 0, 0, 3, 4]], np.int32)

    class Windowed:
        params = net.params

        def forward(self, x):
            return net.classify(net.pool(net.features(x), windows))

        def backward(self, dz):
            return net.backward(dz, need_dx=True)

    check_layer(Windowed(), tiny.inputs(net, 2, 9, 13, 3), directions=2).raise_if_failed()


def test_nobody_needs_the_gradient_of_a_picture(ops):
    net = tiny.net().to(ops)
    x = tiny.inputs(net, 2, 12, 9, 3)
    dz = np.ones_like(net.forward(x))
    assert net.backward(dz) is None
    without = tiny.gradients(net)
    for _ in range(2):  # asking once does not stick, nor does not asking
        net.forward(x)
        assert net.backward(dz, need_dx=True).shape == x.shape
        assert all(np.array_equal(a, b) for a, b in zip(tiny.gradients(net), without, strict=True))
        net.forward(x)
        assert net.backward(dz) is None
        tiny.gradients(net)


# ---------------------------------------------------------------------------------------------------
# State


def test_moving(cpu):
    net = tiny.net()
    x = tiny.inputs(net, 2, 12, 9, 3)
    expected = net.forward(x)
    loss_gradient(net, x, [0, 1])
    assert net.ops is reference and net.dtype == np.float32
    assert net.to(cpu, np.float64) is net and net.ops is cpu and net.dtype == np.float64
    assert all(layer.ops is cpu for layer in net.layers) and all(param.grad is None for param in net.params())
    scores = net.forward(x)  # single precision pictures are converted
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
    net.to(reference, np.float32)
    assert np.array_equal(net.forward(x), expected), "float64 holds every float32"


def test_training_is_a_switch_for_all_layers():
    net = tiny.net()
    assert not net.training
    net.training = True
    assert net.training and all(layer.training for layer in net.layers)
    with pytest.raises(KeyError), net.testing() as inside:
        assert inside is net and not net.training
        raise KeyError
    assert net.training
    net.training = False
    assert not any(layer.training for layer in net.layers)


def test_a_net_that_is_testing_saves_nothing():
    net = tiny.net()
    x = tiny.inputs(net, 2, 12, 9, 3)
    scores = net.forward(x)
    net.backward(scores)
    with net.testing():
        assert np.array_equal(net.forward(x), scores)
        assert all(layer.saved is None for layer in net.layers)
        with pytest.raises(ValueError, match="while a net is testing"):
            net.backward(scores)
    net.forward(x)
    net.backward(scores)


def test_dropout_is_on_in_training_only():
    net = tiny.net()
    x = tiny.inputs(net, 1, 12, 9, 3)
    assert np.array_equal(net.forward(x), net.forward(x))
    net.training = True
    assert not all(np.array_equal(net.forward(x), net.forward(x)) for _ in range(5))


def test_names_are_those_of_the_literature():
    net = tiny.net()
    names = "conv1 relu1 norm1 pool1 conv2 relu2 spp fc3 relu3 drop3 fc4"
    assert " ".join(layer.name for layer in net.layers) == names
    assert [param.name for param in net.params()][:2] == ["conv1.weight", "conv1.bias"]
    assert net.params()[-1].name == "fc4.bias" and len({param.name for param in net.params()}) == 8


def test_no_two_layers_share_a_name():
    class Mine(ReLU):
        pass

    trunk = [ReLU(), Conv2D(3, 2, 1), ReLU(), ReLU(), ReLU(), Mine()]
    net = Net(trunk, SPP((1,)), [Dropout(0.1), Linear(2, 1)])
    names = "relu0 conv1 relu1 relu1b relu1bb mine1 spp drop1 fc2"
    assert " ".join(layer.name for layer in net.layers) == names


def test_errors_name_the_layer():
    net = tiny.net()
    with pytest.raises(ValueError, match=r"^conv1: expected .*3\), got .*\(1, 9, 9, 4\)"):
        net.forward(np.zeros((1, 9, 9, 4), np.float32))
    with pytest.raises(ValueError, match=r"^fc3: .*25"):
        net.classify(np.zeros((1, 24), np.float32))
    with pytest.raises(ValueError, match=r"^spp: .*row 0"):
        net.pool(net.features(np.zeros((1, 9, 9, 3), np.float32)), [[0, 0, 0, 9, 9]])
    with pytest.raises(ValueError, match=r"^fc4: expected a gradient of shape \(1, 3\)"):
        net.forward(np.zeros((1, 9, 9, 3), np.float32))
        net.backward(np.zeros((1, 4), np.float32))
    small = Net([MaxPool(2, 2), Conv2D(3, 2, 3)], SPP((1,)), [Linear(2, 1)])
    with pytest.raises(ValueError, match=r"^conv1: .*3 does not fit.* 2x4 cells"):
        small.forward(np.zeros((1, 4, 8, 3), np.float32))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mean": (1.0, 2.0, 3.0)}, "mean and std, or neither"),
        ({"std": (1.0, 2.0, 3.0)}, "mean and std, or neither"),
        ({"mean": (1.0, 2.0), "std": (1.0, 2.0)}, "three numbers as its mean"),
        ({"mean": (1.0, 2.0, 3.0), "std": "abc"}, "three numbers as its std"),
        ({"classes": ["a", "b"]}, "2 class names for 3 outputs"),
    ],
)
def test_arguments_that_make_no_net(settings, message):
    with pytest.raises(ValueError, match=f"^net: .*{message}"):
        tiny.net(**settings)


def test_arguments_become_plain_values():
    """So that the net can be written to a file."""
    net = tiny.net(mean=np.arange(3, dtype=np.float32), std=[1, 2, 3], classes=np.array(["a", "b", "c"]))
    assert net.mean == (0.0, 1.0, 2.0) and {type(value) for value in (*net.mean, *net.std)} == {float}
    assert net.classes == ["a", "b", "c"] and {type(name) for name in net.classes} == {str}


# ---------------------------------------------------------------------------------------------------
# What it is


def test_summary_tells_the_shapes_and_sizes():
    net = tiny.net()
    lines = net.summary(24, 31).splitlines()
    assert len(lines) == len(net.layers) + 1
    x = tiny.inputs(net, 1, 24, 31, 3)
    for line, layer in zip(lines, net.layers, strict=False):
        x = layer.forward(x)
        assert line.startswith(layer.name) and repr(layer) in line
        rest = line.partition(repr(layer))[2].split()
        assert rest[0] == "x".join(map(str, x.shape[1:]))
        count = sum(param.value.size for param in layer.params())
        assert rest[1:] == ([f"{count:,}"] if count else [])
    assert lines[-1] == f"total {sum(param.value.size for param in net.params()) / 1e6:.2f} M parameters"
    assert repr(net) == net.summary(224)
    assert repr(tiny.net(input_size=32)) == tiny.net().summary(32)


def test_geometry():
    net = tiny.net()
    assert [tuple(slide) for slide in net.slides] == [(3, 2, 1, False), (2, 2, 0, True), (3, 1, 1, False)]
    assert net.field == (4, 13, 1) and [net.map_size(size) for size in (1, 5, 24, 31)] == [1, 2, 6, 8]
    with pytest.raises(ValueError, match="sliding layer 1"):
        Net([Conv2D(3, 1, 5)], SPP((1,)), []).map_size(4)


# ---------------------------------------------------------------------------------------------------
# The twin without SPP


def test_the_twin_takes_one_size():
    net = tiny.net(levels=(6,), input_size=24)
    assert net.forward(np.zeros((2, 24, 24, 3), np.float32)).shape == (2, 3)
    for height, width in ((24, 25), (23, 24), (48, 48)):
        with pytest.raises(ValueError, match=f"^net: .*24x24 pixels only, got {height}x{width}"):
            net.forward(np.zeros((2, height, width, 3), np.float32))


@pytest.mark.parametrize(("cells", "kernel", "stride"), [(13, 3, 2), (18, 3, 3), (12, 2, 2)])
def test_its_pooling_is_the_sliding_one(ops, cells, kernel, stride):
    """On the maps of the paper's nets 6x6 bins are ordinary max pooling, forward and backward."""
    rng = np.random.default_rng(cells)
    x = rng.integers(-4, 5, (2, cells, cells, 3)).astype(np.float32)
    bins, pool = SPP((6,)).to(ops), MaxPool(kernel, stride, ceil_mode=False).to(ops)
    y = bins.forward(x)
    assert np.array_equal(y.reshape(2, 6, 6, 3), pool.forward(x))
    dy = rng.integers(-9, 10, y.shape).astype(np.float32)
    assert np.array_equal(bins.backward(dy), pool.backward(dy.reshape(2, 6, 6, 3)))


def test_lrn_is_part_of_the_tiny_net():
    """What the gradient checks above are worth: every kind of layer is in it."""
    kinds = {type(layer) for layer in tiny.net().layers}
    assert kinds == {Conv2D, ReLU, LRN, MaxPool, SPP, Linear, Dropout}

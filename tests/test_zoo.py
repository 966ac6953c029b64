"""The paper's nets have the paper's shapes. Nothing large is run: shapes are announced by the layers."""

import numpy as np
import pytest

from minispp import zoo
from minispp.layers import LRN, SPP, Conv2D, Dropout, Linear, MaxPool, ReLU, conv, linear

PAPER = {"zf5": zoo.zf5, "convnet5": zoo.convnet5, "overfeat5": zoo.overfeat5, "overfeat7": zoo.overfeat7}


@pytest.fixture
def drawn(monkeypatch):
    """Weights are not drawn, which would take seconds, but the deviation of each is written down."""
    sigmas = []

    def zeros(shape, fan_in, sigma, rng, dtype):
        sigmas.append(sigma)
        return np.zeros(shape, dtype)  # of pages that nobody touches

    monkeypatch.setattr(conv, "draw_weights", zeros)
    monkeypatch.setattr(linear, "draw_weights", zeros)
    return sigmas


def maps(net, size):
    """Cells along a side after each layer that moves over its input."""
    shape, sides = (1, size, size, 3), []
    for layer in net.trunk:
        shape = layer.output_shape(shape)
        if layer.slide is not None:
            sides.append(shape[1])
    assert shape[1] == shape[2] == net.map_size(size)
    return sides


@pytest.mark.parametrize(
    ("name", "size", "sides"),
    [
        ("zf5", 224, [110, 55, 26, 13, 13, 13, 13]),
        ("zf5", 180, [88, 44, 20, 10, 10, 10, 10]),
        ("convnet5", 224, [54, 54, 27, 27, 13, 13, 13]),
        ("convnet5", 180, [43, 43, 21, 21, 10, 10, 10]),
        ("overfeat5", 224, [109, 37, 35, 18, 18, 18, 18]),
        ("overfeat7", 224, [109, 37, 35, 18, 18, 18, 18, 18, 18]),
    ],
)
def test_maps(drawn, name, size, sides):
    assert maps(PAPER[name](), size) == sides


@pytest.mark.parametrize(
    ("name", "field", "channels"),
    [
        ("zf5", (16, 139, 20), [96, 256, 384, 384, 256]),
        ("convnet5", (16, None, None), [96, 256, 384, 384, 256]),
        ("overfeat5", (12, 113, 14), [96, 256, 512, 512, 512]),
        ("overfeat7", (12, 161, 14), [96, 256, 512, 512, 512, 512, 512]),
    ],
)
def test_layers(drawn, name, field, channels):
    net = PAPER[name]()
    convolutions = [layer for layer in net.trunk if isinstance(layer, Conv2D)]
    assert [layer.out_channels for layer in convolutions] == channels
    assert [layer.in_channels for layer in convolutions] == [3, *channels[:-1]]
    assert all(type(net.trunk[net.trunk.index(layer) + 1]) is ReLU for layer in convolutions)
    assert all(actual == given for actual, given in zip(net.field, field, strict=True) if given is not None)
    assert set(drawn) == {0.01} and len(drawn) == len(channels) + 3


def test_zf5_as_released(drawn):
    net = zoo.zf5()
    norm = {"size": 3, "alpha": 5e-5, "beta": 0.75, "bias": 1.0, "across": False}
    norms = [layer for layer in net.layers if isinstance(layer, LRN)]
    assert [{key: getattr(layer, key) for key in norm} for layer in norms] == [norm, norm]
    kernels = [tuple(layer.slide) for layer in net.trunk if layer.slide is not None]
    pool, three = (3, 2, 0, True), (3, 1, 1, False)
    assert kernels == [(7, 2, 1, False), pool, (5, 2, 0, False), pool, three, three, three]
    assert " ".join(layer.name for layer in net.layers[:8]) == "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2"
    assert [net.map_size(size) for size in (688, 1200)] == [42, 74]


def test_convnet5_normalises_across_channels(drawn):
    norms = [layer for layer in zoo.convnet5().layers if isinstance(layer, LRN)]
    assert len(norms) == 2 and all(layer.across and layer.size == 5 for layer in norms)
    assert all((layer.alpha / layer.size, layer.beta) == (1e-4, 0.75) for layer in norms)  # Krizhevsky's, without 1/m


@pytest.mark.parametrize("name", PAPER)
def test_heads(drawn, name):
    """50 bins, 4096 - 4096 - classes with half dropped out; 30 bins; and the twin's 6x6."""
    for settings, bins in (({}, 50), ({"levels": (4, 3, 2, 1)}, 30), ({"spp": False}, 36)):
        net = PAPER[name](**settings)
        channels = net.trunk[-2].out_channels
        vector = net.pool_layer.output_shape((1, 13, 10, channels))
        assert net.pool_layer.bins == bins and vector == (1, bins * channels)
        assert [type(layer) for layer in net.head] == [Linear, ReLU, Dropout] * 2 + [Linear]
        fully = [layer for layer in net.head if isinstance(layer, Linear)]
        assert [layer.in_features for layer in fully] == [bins * channels, 4096, 4096]
        assert [layer.out_features for layer in fully] == [4096, 4096, 1000] and net.outputs == 1000
        assert [layer.rate for layer in net.head if isinstance(layer, Dropout)] == [0.5, 0.5]
        assert net.input_size == (224 if settings == {"spp": False} else None)
        first = len([layer for layer in net.trunk if isinstance(layer, Conv2D)]) + 1
        names = [f"{kind}{n}" for n in (first, first + 1, first + 2) for kind in ("fc", "relu", "drop")]
        assert [layer.name for layer in net.head] == names[:7]
    assert PAPER[name]().pool_layer.levels == ((6, 6), (3, 3), (2, 2), (1, 1))


def test_pooled_vector_of_the_paper(drawn):
    """ZF-5: 50 bins of 256 channels are 12,800 values, at 224 pixels and at 180."""
    net = zoo.zf5()
    for size in (224, 180):
        shape = (1, size, size, 3)
        for layer in [*net.trunk, net.pool_layer]:
            shape = layer.output_shape(shape)
        assert shape == (1, 12_800)
    assert net.summary(224).splitlines()[-1] == net.summary(180).splitlines()[-1]


def test_parameters_are_counted(drawn):
    """By hand: kernel^2 * in * out + out for every convolution, in * out + out for every fully connected layer."""
    trunk = 49 * 3 * 96 + 96 + 25 * 96 * 256 + 256 + 9 * (256 * 384 + 384 * 384 + 384 * 256) + 384 + 384 + 256
    head = (12_800 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    assert sum(param.value.size for param in zoo.zf5().params()) == trunk + head
    assert zoo.zf5().summary(224).splitlines()[-1] == f"total {(trunk + head) / 1e6:.2f} M parameters"


@pytest.mark.parametrize("name", PAPER)
def test_initial_weights_are_the_papers_unless_told_otherwise(drawn, name):
    PAPER[name](sigma=None)
    assert drawn[:-1] == [None] * (len(drawn) - 1) and drawn[-1] == 0.01  # scores begin small in any case


@pytest.mark.parametrize("classes", [2, np.int64(2), ["cat", "dog"], ("cat", "dog"), np.array(["cat", "dog"])])
def test_classes(classes):
    net = zoo.small(classes, levels=(2, 1), width=2)
    assert net.outputs == 2 and type(net.head[-1].out_features) is int
    assert net.classes == (None if np.ndim(classes) == 0 else ["cat", "dog"])


def test_small():
    net = zoo.small(5)
    assert net.field == (8, 51, 3) and [net.map_size(size) for size in (96, 48, 180)] == [12, 6, 23]
    trunk = (25 * 3 + 1) * 24 + (9 * 24 + 1) * 48 + (9 * 48 + 1) * 96 + (9 * 96 + 1) * 96
    assert sum(param.value.size for param in net.params()) == trunk + (50 * 96 + 1) * 256 + 257 * 5
    assert [layer.out_channels for layer in net.trunk if isinstance(layer, Conv2D)] == [24, 48, 96, 96]
    assert net.forward(np.zeros((1, 20, 33, 3), np.float32)).shape == (1, 5)
    for layer in net.layers:
        if isinstance(layer, (Conv2D, Linear)) and layer is not net.head[-1]:
            assert layer.weight.value.std() == pytest.approx((2 / layer.weight.value[..., 0].size) ** 0.5, rel=0.05)
    assert net.head[-1].weight.value.std() == pytest.approx(0.01, rel=0.1)


def test_twin_of_small():
    """The same trunk, drawn from the same seed; 6x6 bins, which are 2x2 windows at 96 pixels; one size."""
    net, twin = zoo.small(5), zoo.small(5, spp=False)
    for one, other in zip(net.trunk, twin.trunk, strict=True):
        assert repr(one) == repr(other)
        assert all(np.array_equal(a.value, b.value) for a, b in zip(one.params(), other.params(), strict=True))
    assert twin.pool_layer.levels == ((6, 6),) and twin.input_size == 96 and twin.map_size(96) == 12
    assert zoo.small(5, spp=False, input_size=48).input_size == 48
    with pytest.raises(ValueError, match="96x96 pixels only"):
        twin.forward(np.zeros((1, 80, 80, 3), np.float32))


def test_seeds():
    """One seed one net, in either float type; another seed another net, and other dropout masks."""
    one, again, other = (zoo.small(3, levels=(1,), seed=seed) for seed in (4, 4, 5))
    assert all(np.array_equal(a.value, b.value) for a, b in zip(one.params(), again.params(), strict=True))
    weights = [[p.value for p in net.params() if p.decays] for net in (one, other)]
    assert not any(np.array_equal(a, b) for a, b in zip(*weights, strict=True))
    double = zoo.small(3, levels=(1,), seed=4, dtype=np.float64)
    assert double.dtype == np.float64
    assert all(np.array_equal(a.value, b.value) for a, b in zip(one.params(), double.params(), strict=True))
    assert one.head[2].seed == again.head[2].seed != other.head[2].seed


def test_layers_of_one_net_drop_out_differently(drawn):
    first, second = (layer for layer in zoo.zf5(seed=3).head if isinstance(layer, Dropout))
    assert first.seed != second.seed


def test_no_net_shares_its_parts():
    one, other = zoo.small(3, levels=(1,)), zoo.small(3, levels=(1,))
    one.params()[0].value[...] = 0
    assert other.params()[0].value.any() and not set(map(id, one.layers)) & set(map(id, other.layers))
    assert isinstance(one.pool_layer, SPP) and any(isinstance(layer, MaxPool) for layer in one.trunk)

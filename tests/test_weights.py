"""Nets in files: the same bits come back; a write is all or nothing. `test_weights_refused` has the wrong files."""

import os
import stat

import numpy as np
import pytest
import tiny

from minispp import weights
from minispp.kernels import reference
from minispp.layers import SPP, Conv2D, Linear, ReLU
from minispp.net import Net

SETTINGS = {"mean": (0.1, 100 / 3, 255.0), "std": (1e-3, 2 / 7, 64.0), "classes": tiny.CLASSES}


@pytest.fixture
def file(tmp_path):
    """Where a net has been saved."""
    path = tmp_path / "net.safetensors"
    tiny.net(**SETTINGS).save(path)
    return path


# ---------------------------------------------------------------------------------------------------
# Round trips


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("settings", [{}, SETTINGS, {"input_size": 24, "trained_at": (24, 8 / 7)}])
def test_the_same_bits_come_back(tmp_path, ops, dtype, settings):
    net = tiny.net(dtype=dtype, levels=(3, (2, 1)), rate=0.3, **settings).to(ops)
    net.params()[0].value[0, 0, 0, :3] = np.nan, -np.inf, -0.0
    net.save(tmp_path / "net")
    again = Net.load(tmp_path / "net")
    assert tiny.bits(again) == tiny.bits(net) and again.dtype == dtype and again.ops is reference
    assert [repr(layer) for layer in again.layers] == [repr(layer) for layer in net.layers]
    assert [param.name for param in again.params()] == [param.name for param in net.params()]
    assert [param.decays for param in again.params()] == [param.decays for param in net.params()]
    for name in ("mean", "std", "classes", "input_size", "trained_at"):
        assert getattr(again, name) == getattr(net, name), name
    assert not again.training and repr(again) == repr(net)


def test_it_is_the_same_function(file):
    net, again = tiny.net(**SETTINGS), weights.load(file)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 17, 22, 3), dtype=np.uint8)
    assert np.array_equal(net.forward(net.prepare(pictures)), again.forward(again.prepare(pictures)))


def test_a_net_lives_without_its_file(file):
    net = weights.load(file)
    before = tiny.bits(net)
    file.write_bytes(b"")
    assert tiny.bits(net) == before
    for param in net.params():
        param.value += 1  # and can be trained


def test_weights_for_a_net_that_exists(file, ops):
    net = tiny.net(seed=5, dtype=np.float64).to(ops)
    net.params()[0].grad = np.ones_like(net.params()[0].value)
    weights.load_into(net, file)
    assert net.ops is ops and net.dtype == np.float64, "float32 weights, in the net's own type"
    for param, expected in zip(net.params(), tiny.net().params(), strict=True):
        assert np.array_equal(param.value, expected.value) and param.grad is None
    assert net.mean is None


def test_a_file_of_the_zoo(tmp_path):
    from minispp import zoo

    net = zoo.small(np.int64(3), levels=(2, 1), width=3, spp=False)
    net.save(tmp_path / "net")
    assert tiny.bits(Net.load(tmp_path / "net")) == tiny.bits(net) and Net.load(tmp_path / "net").input_size == 96


def test_equal_nets_make_equal_files(file):
    """So that a file can be compared, or found by its hash."""
    whole = file.read_bytes()
    for _ in range(20):
        weights.load(file).save(file)
        assert file.read_bytes() == whole
    tiny.net(seed=2, **SETTINGS).save(file)
    assert file.read_bytes() != whole


def test_layers_of_ones_own_are_not_saved(tmp_path):
    class Mine(ReLU):
        pass

    net = Net([Conv2D(3, 2, 3), Mine()], SPP((1,)), [Linear(2, 2)])
    with pytest.raises(ValueError, match="^mine1: a Mine cannot be rebuilt from a file"):
        net.save(tmp_path / "net")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------------
# All or nothing


class Full(Exception):
    """The disk is, say."""


@pytest.mark.parametrize("error", [Full, KeyboardInterrupt])
@pytest.mark.parametrize("call", ["fsync", "replace", "chmod", "fdopen"])
def test_a_write_that_fails_leaves_the_old_file(file, monkeypatch, call, error):
    old = file.read_bytes()

    def fail(*arguments, **more):
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(os, call, fail)
        with pytest.raises(error):
            tiny.net(seed=8).save(file)
    assert file.read_bytes() == old and list(file.parent.iterdir()) == [file]
    tiny.net(seed=8).save(file)
    assert tiny.bits(weights.load(file)) == tiny.bits(tiny.net(seed=8))


def test_a_file_is_complete_on_disk_before_it_takes_its_place(file, monkeypatch):
    """Otherwise a power cut could leave the new name with half the content."""
    events, (fsync, replace) = [], (os.fsync, os.replace)

    def spy_fsync(handle):
        events.append(("fsync", os.fstat(handle).st_size))
        fsync(handle)

    def spy_replace(source, target):
        events.append(("replace", os.stat(source).st_size))
        assert os.path.dirname(source) == os.path.dirname(target), "a rename across disks is a copy"
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    tiny.net().save(file)
    size = file.stat().st_size
    assert events[:2] == [("fsync", size), ("replace", size)]


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_is_what_the_user_wants(tmp_path, mask, mode):
    """Not the private one of a temporary file."""
    before = os.umask(mask)
    try:
        tiny.net().save(tmp_path / "net")
        assert os.umask(mask) == mask, "the mask is left as it was"
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "net").stat().st_mode) == mode


def test_no_folder(tmp_path):
    with pytest.raises(ValueError, match="there is no folder .*no"):
        tiny.net().save(tmp_path / "no" / "net")


# ---------------------------------------------------------------------------------------------------
# Channels first


@pytest.mark.parametrize("levels", [(3, 2, 1), ((2, 3), 1), (1,)])
def test_channels_first_and_back(ops, levels):
    net = tiny.net(levels=levels).to(ops)
    arrays = weights.to_channels_first(net)
    bins = net.pool_layer.bins
    assert {name: array.shape for name, array in arrays.items()} == {
        "conv1.weight": (4, 3, 3, 3),
        "conv1.bias": (4,),
        "conv2.weight": (5, 4, 3, 3),
        "conv2.bias": (5,),
        "fc3.weight": (6, 5 * bins),
        "fc3.bias": (6,),
        "fc4.weight": (3, 6),
        "fc4.bias": (3,),
    }
    assert all(array.flags.c_contiguous for array in arrays.values())
    other = tiny.net(seed=8, levels=levels).to(ops)
    weights.from_channels_first(other, arrays)
    assert tiny.bits(other) == tiny.bits(net)


def test_arrays_are_copies():
    """What is read stays the reader's, and what is given stays the giver's, also where no axis is turned."""
    net, other = tiny.net(levels=(1,)), tiny.net(seed=8, levels=(1,))
    arrays = weights.to_channels_first(net)
    before = {name: array.copy() for name, array in arrays.items()}
    weights.from_channels_first(other, arrays)
    tensors = {param.name: param.value for param in tiny.net(seed=4, levels=(1,)).params()}
    kept = {name: tensor.copy() for name, tensor in tensors.items()}
    third = tiny.net(seed=9, levels=(1,))
    weights.assign(third, tensors, "here")
    for param in (*net.params(), *other.params(), *third.params()):
        param.value += 1
    assert all(np.array_equal(arrays[name], array) for name, array in before.items())
    assert all(np.array_equal(tensors[name], tensor) for name, tensor in kept.items())


def test_what_channels_first_means():
    """A filter tap and an fc input, found by hand: there the vector is ordered by level, channel, bin."""
    net = tiny.net(levels=(2, (1, 3)), dtype=np.float64)
    arrays = weights.to_channels_first(net)
    conv, fc = net.trunk[0].weight.value, net.head[0].weight.value
    assert arrays["conv1.weight"][3, 2, 0, 1] == conv[0, 1, 2, 3]
    maps = net.features(tiny.inputs(net, 2, 24, 31, 3))
    ours = net.pool(maps).reshape(2, 7, 5)
    levels = ours[:, :4], ours[:, 4:]
    theirs = np.concatenate([level.transpose(0, 2, 1).reshape(2, -1) for level in levels], axis=1)
    np.testing.assert_allclose(theirs @ arrays["fc3.weight"].T, ours.reshape(2, 35) @ fc, rtol=1e-12)
    assert np.array_equal(arrays["fc4.weight"], net.head[3].weight.value.T)


def test_channels_first_arrays_that_do_not_fit():
    net = tiny.net()
    before, arrays = tiny.bits(net), weights.to_channels_first(tiny.net(seed=8))
    for name, value, message in (
        ("fc4.bias", None, "from_channels_first: fc4.bias is missing"),
        ("fc3.weight", np.zeros((6, 24)), "fc3.weight has shape"),
        ("conv2.weight", np.zeros((5, 3, 3, 4)), r"conv2.weight has shape \(3, 4, 3, 5\)"),
        ("conv1.weight", np.zeros(5), "conv1.weight has shape"),
    ):
        wrong = {key: value if key == name else array for key, array in arrays.items()}
        if value is None:
            del wrong[name]
        with pytest.raises(ValueError, match=message):
            weights.from_channels_first(net, wrong)
        assert tiny.bits(net) == before

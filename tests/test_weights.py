"""Nets in files: the same bits come back; whatever is wrong with a file is said, and nothing is changed."""

import json
import os
import stat
import struct

import numpy as np
import pytest
import tiny
from safetensors.numpy import save_file

from minispp import weights
from minispp.kernels import reference
from minispp.layers import SPP, Conv2D, Linear, ReLU
from minispp.net import Net

SETTINGS = {"mean": (0.1, 100 / 3, 255.0), "std": (1e-3, 2 / 7, 64.0), "classes": tiny.CLASSES}


def content(tensors, metadata):
    """A safetensors file as bytes, from (type, shape, bytes) and a dict of texts: whatever we like, right or wrong."""
    header, data = {"__metadata__": {"minispp": metadata if isinstance(metadata, str) else json.dumps(metadata)}}, b""
    for name, (kind, shape, value) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(value)]}
        data += value
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def described(net, **changes):
    """The file of a net, with changes to its description."""
    tensors = {param.name: ("F32", list(param.value.shape), param.value.tobytes()) for param in net.params()}
    plan = {**json.loads(json.dumps(weights.describe(net))), **changes}
    return content(tensors, {"format": weights.NET_FORMAT, "net": json.dumps(plan)})


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
# Files that are no net, or not that one


def refuses(path, *messages):
    """Neither `load` nor `load_into` takes the file; both name it; and the net stays as it was."""
    net = tiny.net(seed=9, **SETTINGS)
    net.params()[1].grad = np.ones(4, np.float32)
    before, mean = tiny.bits(net), net.mean
    for read in (weights.load, lambda path: weights.load_into(net, path)):
        with pytest.raises(ValueError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: "), caught.value
        assert any(message in str(caught.value) for message in messages), caught.value
    assert tiny.bits(net) == before and net.mean == mean and net.params()[1].grad.tolist() == [1] * 4


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, 0.3, 0.5, 0.9, -100, -1])
def test_truncated(file, length):
    whole = file.read_bytes()
    file.write_bytes(whole[: int(length * len(whole)) if isinstance(length, float) else length])
    refuses(file, "not a complete safetensors file")


@pytest.mark.parametrize("extra", [b"\0", b"more"])
def test_too_long(file, extra):
    file.write_bytes(file.read_bytes() + extra)
    refuses(file, "not a complete safetensors file")


@pytest.mark.parametrize(
    "whole", [b"\x80\x04\x95" + 99 * b"x", b"PK\x03\x04" + 99 * b"\0", b"\xff" * 99, struct.pack("<Q", 2**60)]
)
def test_other_kinds_of_file(tmp_path, whole):
    path = tmp_path / "net"
    path.write_bytes(whole)
    refuses(path, "not a complete safetensors file")


def test_no_file_and_a_folder(tmp_path):
    refuses(tmp_path / "nothing", "there is no such file")
    refuses(tmp_path, "not a complete safetensors file")


def test_safetensors_of_another_program(tmp_path):
    path = tmp_path / "net"
    save_file({"weight": np.zeros((2, 3), np.float32)}, path)
    refuses(path, "expected a file of format 'minispp net 1', got None", "does not fit the net: missing ['conv1.bias'")
    save_file({}, path, {"format": "pt"})
    refuses(path, "got 'pt'", "does not fit the net")
    for text in ("{", "[" * 100_000):
        path.write_bytes(content({}, text))
        refuses(path, "not a complete safetensors file")
    for text in ("3", "[]", "null", "{}", '"format"'):
        path.write_bytes(content({}, text))
        refuses(path, "expected a file of format 'minispp net 1', got None", "does not fit the net")


@pytest.mark.parametrize(("kind", "size"), [("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1)])
def test_types_that_numpy_lacks(tmp_path, kind, size):
    path = tmp_path / "net"
    path.write_bytes(content({"conv1.weight": (kind, [1], b"x" * size)}, {"format": weights.NET_FORMAT}))
    refuses(path, "not a complete safetensors file")


def test_weights_that_do_not_fit(tmp_path):
    """One tensor missing, one too many, one of another shape: all is refused, whatever fits."""
    net, path = tiny.net(), tmp_path / "net"
    tensors = {param.name: param.value for param in net.params()}
    metadata = {"format": weights.NET_FORMAT, "net": json.dumps(weights.describe(net))}
    for broken, message in (
        ({k: v for k, v in tensors.items() if k != "fc4.bias"}, "missing ['fc4.bias'], not in the net nothing"),
        ({**tensors, "fc9.bias": np.zeros(1)}, "missing nothing, not in the net ['fc9.bias']"),
        ({**tensors, "fc4.weight": tensors["fc4.weight"].T}, "fc4.weight has shape (3, 6), the net expects (6, 3)"),
        ({**tensors, "fc4.bias": np.zeros((3, 1))}, "fc4.bias has shape (3, 1), the net expects (3,)"),
    ):
        weights.write_tensors(path, broken, metadata)
        refuses(path, message)


DENSE = {"kind": "Linear", "in_features": 25, "out_features": 6}


@pytest.mark.parametrize(
    "changes",
    [
        {"trunk": [{"kind": "os.system"}]},
        {"trunk": [{"kind": "Layer"}]},
        {"trunk": [{"settings": 1}]},
        {"trunk": [{"kind": "ReLU", "command": "rm"}]},
        {"trunk": [{"kind": "ReLU", "sigma": 1}]},
        {"trunk": {"kind": "ReLU"}},
        {"trunk": "ReLU"},
        {"trunk": None},
        {"pool": {"kind": "SPP", "levels": [[0, 1]]}},
        {"pool": {"kind": "SPP", "levels": []}},
        {"pool": []},
        {"head": [{**DENSE, "in_features": -25}]},
        {"head": [{**DENSE, "in_features": "25"}]},
        {"head": [{**DENSE, "in_features": 10**6, "out_features": 10**6}]},
        {"head": [{**DENSE, "in_features": 10**15, "out_features": 10**15}]},
        {"head": [{"kind": "Dropout", "rate": 2.0, "seed": 0}]},
        {"head": [{"kind": "Dropout", "rate": "all", "seed": 0}]},
        {"dtype": "int8"},
        {"dtype": "object"},
        {"dtype": "f4,f4"},
        {"dtype": "no type"},
        {"dtype": None},
        {"classes": ["one"]},
        {"mean": [1.0, 2.0, 3.0]},
        {"mean": [1.0], "std": [1.0]},
        {"mean": "abc", "std": "abc"},
        {"trained_at": 5},
    ],
    ids=repr,
)
def test_descriptions_that_lie(tmp_path, changes):
    path = tmp_path / "net"
    path.write_bytes(described(tiny.net(), **changes))
    with pytest.raises(ValueError, match="its description of the net cannot be read|does not fit|has shape") as caught:
        weights.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{}", "{", "[" * 100_000, '{"trunk": []}'])
def test_descriptions_that_are_none(tmp_path, text):
    path = tmp_path / "net"
    path.write_bytes(content({}, {"format": weights.NET_FORMAT, "net": text}))
    with pytest.raises(ValueError, match="net: its description of the net cannot be read"):
        weights.load(path)
    path.write_bytes(content({}, {"format": weights.NET_FORMAT}))
    with pytest.raises(ValueError, match="net: its description of the net cannot be read"):
        weights.load(path)


def test_another_architecture_under_the_same_weights(tmp_path):
    """A description may be changed as long as the weights fit it: then that net is loaded."""
    path = tmp_path / "net"
    pool = {"kind": "SPP", "levels": [[1, 5]]}
    path.write_bytes(described(tiny.net(), pool=pool))
    assert weights.load(path).pool_layer.levels == ((1, 5),)
    path.write_bytes(described(tiny.net(), pool={"kind": "SPP", "levels": [[1, 4]]}, classes=tiny.CLASSES))
    net = weights.load(path)  # the vector has another length: said when it is used
    with pytest.raises(ValueError, match="fc3: .*25"):
        net.forward(np.zeros((1, 9, 9, 3), np.float32))


def test_flipped_bits(file):
    """A flipped bit in the header gives a message or a net, and never anything else."""
    whole = bytearray(file.read_bytes())
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    rng, refused = np.random.default_rng(2), 0
    for position in rng.permutation(header)[:250].tolist() + list(range(8)):
        bit = 1 << int(rng.integers(8))
        whole[position] ^= bit
        file.write_bytes(whole)
        try:
            assert isinstance(weights.load(file), Net)
        except ValueError as error:
            refused += 1
            assert str(file) in str(error)
        whole[position] ^= bit
    assert refused > 150
    file.write_bytes(whole)
    assert tiny.bits(weights.load(file)) == tiny.bits(tiny.net())


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

"""Files that are no net, or not that one: what is wrong is said, and nothing is changed."""

import json
import struct

import numpy as np
import pytest
import tiny
from safetensors.numpy import save_file

from minispp import weights
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


@pytest.mark.parametrize("kind", ["SoftmaxLoss", "Layer", "Param", "np", "conv", "__builtins__", "os.system", 3, None])
def test_only_layers_are_built(tmp_path, kind):
    """A file is data: what it names is looked up in a short list, and nowhere else."""
    path = tmp_path / "net"
    path.write_bytes(described(tiny.net(), head=[{"kind": kind}]))
    with pytest.raises(ValueError, match="net: its description of the net cannot be read"):
        weights.load(path)


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

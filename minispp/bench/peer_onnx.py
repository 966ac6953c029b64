"""ONNX Runtime's side: MaxRoiPool, one operation a level. Needs ONNX Runtime.

A region of MaxRoiPool is (image, left, top, right, bottom) with both ends inside, so our half-open window (top, left,
bottom, right) is (left, top, right - 1, bottom - 1). With scale 1 nothing is rounded; a region of h rows then has
h / n rows a bin, from ``floor(i*h/n)`` to ``ceil((i+1)*h/n)``: the bins of `minispp.windows`.
"""

import struct

import numpy as np
import onnxruntime


def job(case, side, threads):
    """Whoever does this case."""
    return RegionsJob(case, threads)


class RegionsJob:
    """Windows of one map, pooled; the methods are those of `minispp.bench.ours.LayerJob`."""

    def __init__(self, case, threads):
        self.case, self.levels = case, case.subject().levels
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        model = max_roi_pool(case.shape, self.levels)
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def draw(self, seed):
        """New values and windows, in ONNX's order."""
        arrays = self.case.inputs(seed)
        image, top, left, bottom, right = arrays["windows"].T
        regions = np.stack([image, left, top, right - 1, bottom - 1], axis=1).astype(np.float32)
        self.feeds = {"x": np.ascontiguousarray(arrays["x"].transpose(0, 3, 1, 2)), "regions": regions}

    def before(self):
        """Nothing."""

    def run(self):
        """One array (R, C, n, n) a level, which are left apart: joining them would cost extra."""
        return self.session.run(None, self.feeds)

    def results(self):
        """As our vectors, ordered by (bin, channel)."""
        levels = [y.reshape(*y.shape[:2], -1).transpose(0, 2, 1) for y in self.run()]
        return {"y": np.concatenate(levels, axis=1).reshape(len(levels[0]), -1)}


# ---------------------------------------------------------------------------------------------------
# The model as bytes. A message of Protocol Buffers is a list of fields, each a key (number and wire type) and a value;
# the numbers are those of onnx.proto.


def max_roi_pool(shape, levels):
    """An ONNX model: x (N, C, H, W), regions (R, 5) -> for each level (R, C, rows, columns)."""
    n, height, width, channels = shape
    nodes, outputs = b"", b""
    for k, level in enumerate(levels):
        # AttributeProto: name 1, ints 8, type 20 (7: ints). NodeProto: input 1, output 2, op_type 4, attribute 5.
        pooled = _text(1, "pooled_shape") + b"".join(_number(8, side) for side in level) + _number(20, 7)
        node = _text(1, "x") + _text(1, "regions") + _text(2, f"y{k}") + _text(4, "MaxRoiPool") + _message(5, pooled)
        nodes += _message(1, node)
        outputs += _message(12, _value(f"y{k}", ("R", channels, *level)))
    inputs = _message(11, _value("x", (n, channels, height, width))) + _message(11, _value("regions", ("R", 5)))
    graph = nodes + _text(2, "pyramid") + inputs + outputs
    operators = _text(1, "") + _number(2, 16)
    return _number(1, 8) + _message(7, graph) + _message(8, operators)  # ir_version, graph, opset_import


def _value(name, shape):
    """ValueInfoProto of a float32 tensor; a side is a number, or a name if it is not fixed."""
    sides = (_text(2, side) if isinstance(side, str) else _number(1, side) for side in shape)
    dimensions = b"".join(_message(1, side) for side in sides)
    return _text(1, name) + _message(2, _message(1, _number(1, 1) + _message(2, dimensions)))


def _number(field, value):
    return _varint(field << 3) + _varint(value)


def _text(field, value):
    return _message(field, value.encode())


def _message(field, value):
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value):
    """Seven bits a byte, the lowest first; the eighth says that more follow.

    >>> list(_varint(300))
    [172, 2]
    """
    low, rest = value & 127, value >> 7
    return struct.pack("B", low | 128) + _varint(rest) if rest else struct.pack("B", low)

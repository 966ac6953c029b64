"""Ours and its peers on the same work: ``minispp bench``.

A *case* is one piece of work (`case`, `cases`). A *side* does it: ours, PyTorch in each of its two memory layouts, ONNX
Runtime (`ours`, `peer_torch`, `peer_onnx`), each in a process of its own (`worker`, `processes`), because two
thread pools in one process fight over the cores. The sides take turns with fresh inputs, and must agree first
(`measure`). Beside each time stands the least time the machine allows (`rates`, `floors`), what was predicted from
it, and what came (`report`). `command` is all of this, from start to end.

Importing this package loads no framework and no compiler; the processes do.
"""

from minispp.bench.command import run

__all__ = ["run"]

"""The cost model against a count by hand, and against what the layers really produce."""

import numpy as np
import pytest
import tiny

from minispp import zoo
from minispp.detection import cost
from minispp.layers import Conv2D


def test_by_hand():
    """zf5 at 224: maps of 110, 26 and 13 cells (paper.md, section 2)."""
    first, second = 110**2 * 96 * 49 * 3, 26**2 * 256 * 25 * 96
    third, fourth, fifth = (13**2 * 9 * a * b for a, b in ((256, 384), (384, 384), (384, 256)))
    assert cost.multiply_adds(zoo.zf5(2), 224, 224) == first + second + third + fourth + fifth


@pytest.mark.parametrize("size", [(40, 40), (33, 57)])
def test_each_output_times_its_weights(size):
    net = tiny.net()
    x, total = np.zeros((1, *size, 3), net.dtype), 0
    for layer in net.trunk:
        x = layer.forward(x)
        if isinstance(layer, Conv2D):
            weights = next(param for param in layer.params() if param.value.ndim > 1)
            total += x.size * weights.value.size // x.shape[-1]
    assert cost.multiply_adds(net, *size) == total > 0


def test_windows_and_scales_add_up():
    net = tiny.net()
    one = cost.multiply_adds(net, 30, 30)
    assert cost.of_windows(net, 7, 30) == (7 * 900, 7 * one) and cost.of_windows(net, 0, 30) == (0, 0)
    scales = [cost.of_picture(net, (50, 75, 3), scale) for scale in (30, 45)]
    assert scales[0].pixels == 30 * 45 and scales[1].pixels == 45 * 68, "67.5 is rounded up"
    assert cost.of_picture(net, (50, 75), (30, 45)) == tuple(map(sum, zip(*scales, strict=True)))

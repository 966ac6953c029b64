"""What is measured: taken from the nets, named once, drawn from seeds."""

import pytest

from minispp import zoo
from minispp.bench.case import TARGETS, Case
from minispp.bench.cases import PARTS, layer_cases
from minispp.layers import Conv2D

CASES = [case for part in PARTS.values() for case in part()]


def test_names_are_unique_within_a_group():
    names = [(case.group, case.name) for case in CASES]
    assert len(names) == len(set(names)) and {case.group for case in CASES} == TARGETS.keys()


def test_every_convolution_of_both_nets_is_there_forward_and_backward():
    """Identical ones once, under all their names."""
    cases = [case for case in layer_cases([(8, 224, 224, 3)]) if case.build[0] == "Conv2D"]
    for net in ("zf5", "overfeat7"):
        for layer in getattr(zoo, net)(classes=1, levels=(1,)).trunk:
            if isinstance(layer, Conv2D):
                works = [
                    case.work
                    for case in cases
                    if case.name.startswith(net) and layer.name in case.name.partition(":")[0]
                ]
                assert works == ["forward", "backward"], (net, layer.name)
    assert sum("conv4 conv5 conv6 conv7" in case.name for case in cases) == 2
    assert [case.shape for case in cases if case.name.startswith("zf5 conv3")] == [(8, 13, 13, 256)] * 2


@pytest.mark.parametrize("case", [case for case in CASES if not case.is_net], ids=lambda case: case.name)
def test_a_case_runs_forward_in_shapes(case):
    """Without computing: the layer takes the shape."""
    assert all(side > 0 for side in case.output_shape())
    if case.build[0] == "Conv2D":
        assert case.needs_dx or case.work == "backward" and case.shape[3] == 3
        assert not case.needs_dx or case.work == "forward" or case.shape[3] != 3
        assert ("dw and db only" in case.name) == (case.work == "backward" and not case.needs_dx)


def test_inputs_depend_on_the_seed_alone():
    case = Case("", "", "backward", ("SPP", {"levels": (2, 1)}), (1, 6, 7, 3), windows=9)
    first, again, other = case.inputs(1), case.inputs(1), case.inputs(2)
    assert first.keys() == {"x", "dy", "windows"} and first["dy"].shape == (9, 15)
    for name in first:
        assert first[name].tobytes() == again[name].tobytes() != other[name].tobytes()


def test_weights_are_the_same_each_time():
    case = Case("", "", "forward", ("Conv2D", {"in_channels": 2, "out_channels": 3, "kernel": 3}), (1, 6, 7, 2))
    assert (case.subject().weight.value == case.subject().weight.value).all()

"""From boxes to features: the scale, the pixels, the cells, the maximum; each against loops of its own."""

from functools import partial

import describing
import draw
import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from minispp.data.augment import resize_min_side, size_at
from minispp.detection import describe as module
from minispp.detection.describe import FeatureMaps, describe, mirrored, resized_boxes, scale_of, windows_of


def picture_of(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def net_of(ops, **settings):
    return tiny.net(levels=(3, 2, 1), mean=(120, 110, 100), std=(60, 50, 70), **settings).to(ops)


# ---------------------------------------------------------------------------------------------------
# Scales


@pytest.mark.parametrize(("rule", "side"), [("area", 224), ("released", 208), ("area", 96), ("released", 32)])
def test_boxes_take_the_nearest_scale(rule, side):
    describing.boxes_take_the_nearest_scale(partial(scale_of, rule=rule, area_side=side), rule, side)


@pytest.mark.parametrize(("rule", "side"), [("area", 224), ("released", 208)])
def test_the_rules_have_sides_of_their_own(rule, side):
    describing.boxes_take_the_nearest_scale(partial(scale_of, rule=rule), rule, side)


def test_the_default_is_the_papers_rule():
    describing.boxes_take_the_nearest_scale(scale_of)


@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.lists(st.integers(1, 2000), min_size=1, max_size=5, unique=True).map(sorted),
    st.integers(1, 500),
    st.sampled_from(["area", "released"]),
)
def test_any_box_of_any_picture(shape, sides, scales, side, rule):
    box = [0, 0, min(shape[0], sides[0]), min(shape[1], sides[1])]
    expected = describing.nearest_scale(box, shape, scales, rule, side)
    assert scale_of([box], shape, scales, rule=rule, area_side=side).tolist() == [expected]


def test_sides_of_2_to_the_15_are_exact():
    """Products come near 2^63 and do not pass it."""
    most = 2**15 - 1
    for rule in ("area", "released"):
        for scales in ((most - 1, most), (1, most), (1, 2)):
            for box in ([0, 0, most, most], [0, 0, 1, 1], [5, 7, 6, most]):
                expected = describing.nearest_scale(box, (most, most), scales, rule, most)
                assert scale_of([box], (most, most), scales, rule=rule, area_side=most).tolist() == [expected]


def test_one_scale_leaves_no_choice():
    assert scale_of([[0, 0, 1, 1], [0, 0, 30, 40]], (30, 40), 688).tolist() == [0, 0]
    assert scale_of([], (30, 40), (480, 688)).tolist() == []


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ((), "rising order, each once, got \\(\\)"),
        ((480, 480), "rising order"),
        ((688, 480), "rising order"),
        ((0, 5), "expected a positive integer scale, got 0"),
        (4.5, "expected a positive integer scale, got 4.5"),
        ((480.0,), "expected a positive integer scale, got 480.0"),
    ],
)
def test_bad_scales(scales, message):
    with pytest.raises(ValueError, match=message):
        scale_of([[0, 0, 1, 1]], (30, 40), scales)


def test_bad_rule_and_side():
    with pytest.raises(ValueError, match="expected the rule 'area' or 'released', got 'paper'"):
        scale_of([[0, 0, 1, 1]], (30, 40), 48, rule="paper")
    with pytest.raises(ValueError, match="expected a positive integer area_side, got 0"):
        scale_of([[0, 0, 1, 1]], (30, 40), 48, area_side=0)


# ---------------------------------------------------------------------------------------------------
# Pixels and cells


def test_boxes_follow_the_picture():
    describing.boxes_follow_the_picture(resized_boxes)


@given(draw.seeds, st.tuples(*[st.integers(1, 60)] * 4))
def test_the_pixels_a_box_touches(seed, sides):
    (height, width, *size), rng = sides, np.random.default_rng(seed)
    boxes = describing.some_boxes(rng, 3, height, width)
    for box, (top, left, bottom, right) in zip(boxes, resized_boxes(boxes, (height, width), size), strict=True):
        assert describing.pixels_touched(box[0], box[2], height, size[0]) == (top, bottom)
        assert describing.pixels_touched(box[1], box[3], width, size[1]) == (left, right)
        assert 0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]


def test_a_picture_of_its_own_size_moves_nothing():
    boxes = describing.some_boxes(np.random.default_rng(1), 50, 31, 47)
    assert np.array_equal(resized_boxes(boxes, (31, 47), (31, 47)), boxes)


def test_size_at_is_the_size_of_the_resized_picture():
    for height, width in ((30, 44), (44, 30), (7, 7), (1, 9), (61, 53)):
        for side in (1, 10, 33):
            assert size_at(height, width, side) == resize_min_side(picture_of(height, width), side).shape[:2]


@pytest.mark.parametrize("cell_rule", ["paper", "released"])
@pytest.mark.parametrize("shape", [(37, 52), (60, 41), (24, 24)])
def test_windows_are_the_cells_of_the_chosen_map(cell_rule, shape):
    net, scales = net_of(tiny.net().ops), (24, 33, 50)
    boxes = describing.some_boxes(np.random.default_rng(2), 40, *shape)
    index, windows = windows_of(net, shape, boxes, scales, area_side=20, cell_rule=cell_rule)
    assert windows.dtype == np.int32 and set(index.tolist()) == {0, 1, 2}
    for box, k, window in zip(boxes.tolist(), index.tolist(), windows.tolist(), strict=True):
        assert k == describing.nearest_scale(box, shape, scales, "area", 20)
        resized = resize_min_side(picture_of(*shape), scales[k])
        maps = net.features(net.prepare(resized[None]))
        expected = describing.cells_of_box(box, shape, resized.shape, net, maps, cell_rule)
        assert window == [0, *expected]


def test_the_scale_rule_is_handed_on():
    boxes = describing.some_boxes(np.random.default_rng(3), 200, 50, 70)
    net, scales = tiny.net(), (24, 33, 50)
    for rule in ("area", "released"):
        index, _ = windows_of(net, (50, 70), boxes, scales, scale_rule=rule, area_side=18)
        assert np.array_equal(index, scale_of(boxes, (50, 70), scales, rule=rule, area_side=18))
    assert not np.array_equal(index, scale_of(boxes, (50, 70), scales, rule="area", area_side=18))


# ---------------------------------------------------------------------------------------------------
# Features


def test_windows_are_described(ops):
    describing.windows_are_described(describe, ops)


@pytest.mark.parametrize("rules", [("area", "paper"), ("area", "released"), ("released", "released")])
def test_both_rules_of_both_kinds(ops, rules):
    picture, net = picture_of(45, 58), net_of(ops)
    boxes = describing.some_boxes(np.random.default_rng(4), 20, 45, 58)
    settings = {"scale_rule": rules[0], "cell_rule": rules[1], "area_side": 20}
    found = describe(net, picture, boxes, (26, 40), **settings)
    expected = describing.described(net, picture, boxes.tolist(), (26, 40), rules[0], 20, rules[1])
    assert found.dtype == np.float32 and np.array_equal(found, expected)


def test_the_whole_picture_is_the_whole_map(ops):
    """Pooling with and without windows. (The rule leaves out a cell whose centre is the last pixel or beyond.)"""
    net = net_of(ops)
    for height, width in ((40, 60), (64, 56), (33, 33)):
        picture = picture_of(height, width)
        expected = net.pool(net.features(net.prepare(resize_min_side(picture, 48)[None])))
        assert np.array_equal(describe(net, picture, [[0, 0, height, width]], 48), expected)


def test_one_scale_is_a_list_of_one(ops):
    net, picture = net_of(ops), picture_of(30, 41)
    boxes = describing.some_boxes(np.random.default_rng(5), 9, 30, 41)
    assert np.array_equal(describe(net, picture, boxes, 35), describe(net, picture, boxes, [35]))
    rows = scale_of(boxes, picture.shape, (24, 50), area_side=25) == 1
    assert 0 < rows.sum() < len(boxes)
    both = describe(net, picture, boxes, (24, 50), area_side=25)
    assert np.array_equal(both[rows], describe(net, picture, boxes[rows], 50))
    assert np.array_equal(both[~rows], describe(net, picture, boxes[~rows], 24))


def test_features_come_in_the_order_of_the_boxes(ops):
    net, picture = net_of(ops), picture_of(38, 29)
    boxes = describing.some_boxes(np.random.default_rng(6), 30, 38, 29)
    features = describe(net, picture, boxes, (20, 31, 44), area_side=20)
    order = np.random.default_rng(7).permutation(len(boxes))
    assert np.array_equal(describe(net, picture, boxes[order], (20, 31, 44), area_side=20), features[order])


def test_flip_describes_the_mirror_image(ops):
    net, picture = net_of(ops), picture_of(38, 57)
    boxes = describing.some_boxes(np.random.default_rng(8), 15, 38, 57)
    by_hand = [[top, 57 - right, bottom, 57 - left] for top, left, bottom, right in boxes.tolist()]
    mirror = np.ascontiguousarray(picture[:, ::-1])
    expected = describing.described(net, mirror, by_hand, (24, 40), side=20)
    flipped = describe(net, picture, boxes, (24, 40), area_side=20, flip=True)
    assert np.array_equal(flipped, expected)
    assert not np.array_equal(flipped, describe(net, picture, boxes, (24, 40), area_side=20))


def test_mirrors_are_true():
    describing.mirrors_are_true(mirrored)


@pytest.mark.parametrize("boxes", [[], np.zeros((0, 4)), np.zeros((0, 4), np.int32)])
@pytest.mark.parametrize("scales", [24, (24, 40)])
def test_no_boxes(ops, monkeypatch, boxes, scales):
    """Nothing is convolved to describe nothing."""
    net = net_of(ops)
    monkeypatch.setattr(net, "features", None)
    features = describe(net, picture_of(30, 40), boxes, scales, flip=True)
    assert features.shape == (0, 14 * 5) and features.dtype == np.float32


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[0, 0, 9, 9], [3, 4, 3, 9]], r"row 1, \[3, 4, 3, 9\], is empty or leaves the picture of 30x40 pixels"),
        ([[0, 9, 9, 8]], r"row 0, \[0, 9, 9, 8\], is empty"),
        ([[0, 5, 9, 5]], "row 0"),
        ([[0, 0, 31, 9]], "row 0"),
        ([[0, 0, 30, 40], [0, 0, 30, 40], [0, 0, 9, 41]], "row 2"),
        ([[-1, 0, 9, 9]], "row 0"),
        ([[0, -1, 9, 9]], "row 0"),
        ([[0, 0, 9.5, 9]], r"expected whole pixels .* got float64 \(1, 4\)"),
        ([[0, 0, 0, 9, 9]], r"\(1, 5\)"),
        ([0, 0, 9, 9], r"\(4,\)"),
    ],
)
def test_bad_boxes(boxes, message):
    for call in (describe, lambda *arguments: describe(*arguments, flip=True)):
        with pytest.raises(ValueError, match=message):
            call(tiny.net(), picture_of(30, 40), boxes, 24)
    with pytest.raises(ValueError, match=message):
        resized_boxes(boxes, (30, 40), (24, 32))


def test_boxes_of_one_pixel(ops):
    """Each has a cell, so all its bins are that cell: at scales that shrink and that grow, in all corners."""
    net, picture = net_of(ops), picture_of(30, 40)
    boxes = [[0, 0, 1, 1], [29, 39, 30, 40], [0, 39, 1, 40], [29, 0, 30, 1], [15, 20, 16, 21]]
    for scale in (12, 30, 70):
        features = describe(net, picture, boxes, scale)
        assert np.array_equal(features, describing.described(net, picture, boxes, (scale,)))
        bins = features.reshape(5, 14, 5)
        assert (bins == bins[:, :1]).all()
        maps = net.features(net.prepare(resize_min_side(picture, scale)[None]))
        assert np.array_equal(bins[0, 0], maps[0, 0, 0])


# ---------------------------------------------------------------------------------------------------
# One convolution


def test_maps_are_made_once_and_only_when_asked_for(monkeypatch):
    net, convolved = net_of(tiny.net().ops), []
    features = net.features
    monkeypatch.setattr(net, "features", lambda x: convolved.append(x.shape) or features(x))
    maps = FeatureMaps(net, picture_of(30, 40), (20, 31, 60))
    assert convolved == []
    maps.pool([[0, 0, 25, 25]], area_side=20)
    assert convolved == [(1, 20, 27, 3)]
    maps.pool([[0, 0, 25, 25], [0, 0, 10, 10], [3, 3, 29, 28]], area_side=20)
    assert convolved == [(1, 20, 27, 3), (1, 60, 80, 3)]
    maps.pool([], area_side=20)
    assert len(convolved) == 2 and maps.at(0) is maps.at(0)


def test_several_sets_of_windows_share_the_maps(ops):
    net, picture = net_of(ops), picture_of(30, 40)
    truth, proposals = [[3, 4, 20, 30]], describing.some_boxes(np.random.default_rng(9), 9, 30, 40)
    maps = FeatureMaps(net, picture, (24, 40))
    for boxes in (truth, proposals, truth):
        assert np.array_equal(maps.pool(boxes, area_side=20), describe(net, picture, boxes, (24, 40), area_side=20))


def test_describing_is_predicting():
    """Nothing is saved, and the net is as it was."""
    net = net_of(tiny.net().ops)
    net.training = True
    for look in (
        lambda: describe(net, picture_of(30, 40), [[0, 0, 20, 20]], 24),
        lambda: FeatureMaps(net, picture_of(30, 40), 24).at(0),
    ):
        look()
        assert all(layer.training and layer.saving and layer.saved is None for layer in net.layers)


def test_pictures_in_any_layout(ops):
    net, picture = net_of(ops), picture_of(30, 40)
    boxes = describing.some_boxes(np.random.default_rng(10), 5, 30, 40)
    expected = describe(net, picture, boxes, (24, 40), area_side=20)
    for layout in draw.LAYOUTS:
        if layout != "every second":
            assert np.array_equal(
                describe(net, draw.lay_out(picture, layout), draw.lay_out(boxes, layout), (24, 40), area_side=20),
                expected,
            )


def test_the_papers_settings():
    assert module.PAPER_SCALES == (480, 576, 688, 864, 1200) and module.ONE_SCALE == (688,)
    assert module.RULES == {"area": 224, "released": 13 * 16}

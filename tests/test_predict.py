"""Prediction: which views are taken, and that a view on a map is the view as a crop."""

import numpy as np
import pytest
import tiny

from minispp import predict
from minispp.data import centre_view, five_regions, resize, resize_min_side
from minispp.layers import LRN, SPP, Conv2D, Linear, MaxPool, ReLU
from minispp.net import Net

PAPER = (224, 256, 300, 360, 448, 560)


def picture(height, width, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def softmax(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def coarse(stride):
    """A net that is cheap on large pictures: its cells see 3x3 pixels, and none of them is padding."""
    rng = np.random.default_rng(stride)
    trunk = [Conv2D(3, 4, 3, stride=stride, rng=rng), ReLU(), LRN(3, 0.1, 0.75, across=True)]
    trunk += [Conv2D(4, 6, 1, rng=rng), ReLU()]
    return Net(trunk, SPP((3, 2, 1)), [Linear(84, 5, rng=rng)], mean=(120, 120, 120), std=(60, 60, 60))


# ---------------------------------------------------------------------------------------------------
# One view


def test_centre_crop(ops):
    net, photo = tiny.net(mean=(99, 98, 97), std=(50, 51, 52)).to(ops), picture(30, 41)
    expected = softmax(net.forward(net.prepare(centre_view(photo, 17, 1.3)[None])))
    result = predict.centre_crop(net, photo, 17, margin=1.3)
    assert result.shape == (1, 3)
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    assert not np.allclose(result, predict.centre_crop(net, photo, 17), rtol=1e-3)


def test_full_image_keeps_its_aspect_ratio(monkeypatch):
    net, seen = tiny.net(), []
    monkeypatch.setattr(net, "prepare", lambda pictures: seen.append(pictures) or np.zeros(pictures.shape, np.float32))
    predict.full_image(net, picture(30, 45), 20)
    predict.full_image(net, picture(45, 30), 20)
    predict.full_image(net, picture(20, 20), 20)
    assert [views.shape for views in seen] == [(1, 20, 30, 3), (1, 30, 20, 3), (1, 20, 20, 3)]
    assert np.array_equal(seen[0][0], resize_min_side(picture(30, 45), 20))
    assert np.array_equal(seen[2][0], picture(20, 20))


def test_warped_takes_the_whole_picture(ops):
    net, photo = tiny.net(levels=(6,), input_size=24).to(ops), picture(30, 41)
    expected = softmax(net.forward(net.prepare(resize(photo, 24, 24)[None])))
    np.testing.assert_allclose(predict.warped(net, photo, 24), expected, rtol=1e-5)


def test_ten_crops():
    """Centre and corners, then their mirror images."""
    net, photo = tiny.net(), picture(30, 41)
    views = [resize(photo[top:bottom, left:right], 17, 17) for top, left, bottom, right in five_regions(30, 41, 1.2)]
    views = np.stack(views + [view[:, ::-1] for view in views])
    result = predict.ten_crops(net, photo, 17, margin=1.2)
    assert result.shape == (10, 3)
    np.testing.assert_allclose(result, softmax(net.forward(net.prepare(views))), rtol=1e-5)


def test_probabilities(ops):
    net, pictures = tiny.net().to(ops), np.stack([picture(9, 13, seed) for seed in range(4)])
    p = predict.probabilities(net, pictures)
    assert p.shape == (4, 3) and (p > 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(p, softmax(net.forward(net.prepare(pictures))), rtol=1e-5)


def test_softmax_of_large_scores():
    p = predict.softmax(np.array([[1e4, 0.0, 1e4], [-1e4, -1e4, -2e4]]))
    assert p.tolist() == [[0.5, 0, 0.5], [0.5, 0.5, 0]]
    assert predict.softmax(np.array([0.0, np.log(3)])) == pytest.approx([0.25, 0.75])


# ---------------------------------------------------------------------------------------------------
# Where the views lie


def test_view_boxes_at_the_centre_corners_and_sides():
    boxes = predict.view_boxes(50, 61, 20)
    assert boxes.tolist() == [[0, top, left, top + 20, left + 20] for top in (0, 15, 30) for left in (0, 20, 41)]


@pytest.mark.parametrize(("size", "views"), [((20, 31), 3), ((31, 20), 3), ((20, 20), 1), ((21, 31), 6), ((22, 23), 9)])
def test_each_place_is_taken_once(size, views):
    height, width = size
    boxes = predict.view_boxes(height, width, 20)
    assert len(boxes) == views == len(np.unique(boxes, axis=0))
    assert (boxes[:, 1:3] >= 0).all() and (boxes[:, 3] <= height).all() and (boxes[:, 4] <= width).all()
    assert (boxes[:, 3:] - boxes[:, 1:3] == 20).all()
    assert boxes[:, 3].max() == height and boxes[:, 4].max() == width


def test_a_picture_smaller_than_a_view():
    for height, width in ((19, 30), (30, 19)):
        with pytest.raises(ValueError, match=f"a view of 20 pixels does not fit into a picture of {height}x{width}"):
            predict.view_boxes(height, width, 20)


def test_mirrored():
    pictures = np.stack([picture(4, 5, seed) for seed in range(2)])
    both = predict.with_mirrored(pictures)
    assert both.shape == (4, 4, 5, 3) and np.array_equal(both[:2], pictures)
    assert np.array_equal(both[2][:, 0], pictures[0][:, 4]) and np.array_equal(both[3][:, 1], pictures[1][:, 3])


# ---------------------------------------------------------------------------------------------------
# Many views


class Counting:
    """A net that answers each view with its number, and counts convolutions and views."""

    def __init__(self, net):
        self.net, self.convolved, self.pooled = net, [], []

    def __getattr__(self, name):
        return getattr(self.net, name)

    def prepare(self, pictures):
        return np.zeros(pictures.shape, np.float32)

    def features(self, x):
        self.convolved.append(x.shape)
        return np.zeros((len(x), *map(self.net.map_size, x.shape[1:3]), 6), np.float32)

    def pool(self, maps, windows=None):
        self.pooled.append(np.asarray(windows))
        return np.zeros((len(windows), 84), np.float32)


def test_the_papers_98_views():
    """5*18 + 6 at six scales, from one convolution each; and the full image at 256, with its mirror image."""
    net = Counting(coarse(16))
    assert predict.multi_view(net, picture(300, 401), size=224).shape == (98, 5)
    assert [shape[:2] for shape in net.convolved] == [(2, scale) for scale in PAPER]
    assert [shape[2] for shape in net.convolved] == [round(401 * scale / 300) for scale in PAPER]
    assert [len(windows) for windows in net.pooled] == [6, 20, 18, 18, 18, 18]
    for windows in net.pooled:
        assert (windows[:, 0] == np.repeat([0, 1], len(windows) // 2)).all() or len(windows) == 20
    height, width = (net.map_size(side) for side in net.convolved[1][1:3])
    assert net.pooled[1][-2:].tolist() == [[0, 0, 0, height, width], [1, 0, 0, height, width]]
    net = Counting(coarse(16))
    assert predict.multi_view(net, picture(300, 401), size=224, full=False).shape == (96, 5)
    assert [len(windows) for windows in net.pooled] == [6, 18, 18, 18, 18, 18]


def test_scales_are_in_proportion_to_the_view():
    net = Counting(coarse(2))
    predict.multi_view(net, picture(60, 90), size=56)
    assert [shape[1] for shape in net.convolved] == [56, 64, 75, 90, 112, 140]
    net = Counting(coarse(2))
    predict.multi_view(net, picture(60, 90), size=56, scales=[70, 60, 70], full=False)
    assert [shape[1] for shape in net.convolved] == [60, 70]
    net = Counting(coarse(2))
    assert predict.multi_view(net, picture(60, 90), size=56, scales=[70]).shape == (20, 5)
    assert [shape[1] for shape in net.convolved] == [64, 70], "the full image has a scale of its own"


def test_multi_view_at_one_scale_by_hand(ops):
    """Windows of the map of the picture, then the same places of the map of its mirror image, then the full maps."""
    net = tiny.net(mean=(99, 98, 97), std=(50, 51, 52)).to(ops)
    photo = resize_min_side(picture(40, 70), 32)
    scores = []
    for view in (photo, photo[:, ::-1]):
        maps = net.features(net.prepare(view[None]))
        for top in (0, 2, 4):
            for left in (0, 14, 28):  # centres lie at 1 + 4k: those strictly inside, by the paper's rule
                rows, columns = ([k for k in range(15) if start < 1 + 4 * k < start + 27] for start in (top, left))
                cut = maps[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                scores.append(net.classify(net.pool(cut))[0])
    expected = softmax(np.array(scores))
    result = predict.multi_view(net, picture(40, 70), size=28, scales=[32], full=False)
    np.testing.assert_allclose(result, expected, rtol=1e-4)
    both = predict.multi_view(net, picture(40, 70), size=28, scales=[32], full=True)
    np.testing.assert_allclose(both[:18], expected, rtol=1e-4)
    whole = net.forward(net.prepare(np.stack([photo, photo[:, ::-1]])))
    np.testing.assert_allclose(both[18:], softmax(whole), rtol=1e-4)


def mirrored_order(views):
    """Rows of multi_crop in the order of multi_view: the right place of a mirrored picture shows the left view."""
    rows, columns = views // 3, 3
    places = np.arange(views).reshape(rows, columns)
    return np.concatenate([places.ravel(), views + places[:, ::-1].ravel()])


@pytest.mark.parametrize(
    ("stride", "size", "scales"), [(1, 12, (12, 14, 17)), (2, 13, (13, 17, 21)), (4, 15, (15, 23))]
)
def test_views_on_maps_are_views_as_crops(ops, stride, size, scales):
    """Where views lie on the stride of the trunk, and no cell sees padding or beyond its view, they are the same."""
    net, rows = coarse(stride).to(ops), []
    side = 40 // (4 * stride) * 4 * stride + size  # whole strides beyond the view, and half of them too
    for scale in scales:
        photo = picture(scale, side, seed=scale)  # resized by 1: no rounding of the sides
        on_maps = predict.multi_view(net, photo, size, scales=[scale], full=False)
        as_crops = predict.multi_crop(net, photo, size, scales=[scale], full=False)
        order = mirrored_order(len(on_maps) // 2)
        np.testing.assert_allclose(on_maps, as_crops[order], rtol=1e-4)
        rows.append(len(on_maps))
        assert np.ptp(as_crops, axis=0).max() > 0.01, "the views differ, so a wrong one would show"
    assert rows[0] == 6 and rows[-1] == 18


def test_crops_are_cut_from_the_resized_picture():
    net, photo = tiny.net(), picture(40, 70)
    resized = resize_min_side(photo, 32)
    crops = [resized[top : top + 28, left : left + 28] for top in (0, 2, 4) for left in (0, 14, 28)]
    crops = np.stack(crops + [crop[:, ::-1] for crop in crops])
    expected = softmax(net.forward(net.prepare(crops)))
    result = predict.multi_crop(net, photo, 28, scales=[32])
    assert result.shape == (20, 3)
    np.testing.assert_allclose(result[:18], expected, rtol=1e-4)
    full = resize_min_side(photo, 32)  # 28 * 256/224
    whole = net.forward(net.prepare(np.stack([full, full[:, ::-1]])))
    np.testing.assert_allclose(result[18:], softmax(whole), rtol=1e-4)


def test_multi_crop_takes_as_many_views():
    net = coarse(4)
    assert predict.multi_crop(net, picture(30, 41), size=28).shape == (98, 5)
    assert predict.multi_crop(net, picture(30, 41), size=28, full=False).shape == (96, 5)


@pytest.mark.parametrize("many", [predict.multi_view, predict.multi_crop])
def test_scales_below_the_view(many):
    for scales in ([27, 40], []):
        with pytest.raises(ValueError, match="scales of at least the view's 28 pixels, got"):
            many(coarse(4), picture(30, 41), 28, scales=scales)


def test_a_twin_cannot_look_around():
    """Without SPP there is one size of picture: crops only."""
    twin, photo = tiny.net(levels=(6,), input_size=24), picture(30, 41)
    for look in (
        lambda: predict.full_image(twin, photo, 24),
        lambda: predict.multi_view(twin, photo, 24),
        lambda: predict.centre_crop(twin, photo, 25),
        lambda: predict.multi_crop(twin, photo, 24, full=True),
    ):
        with pytest.raises(ValueError, match="24x24 pixels only"):
            look()
    assert predict.multi_crop(twin, photo, 24, scales=[30], full=False).shape == (18, 3)
    assert predict.ten_crops(twin, photo, 24).shape == (10, 3)


# ---------------------------------------------------------------------------------------------------
# Evaluating


def test_top_k_of_the_mean_over_the_views():
    """The mean decides, not the first view, nor the surest; of equal classes the first one."""
    answers = [
        [[0.9, 0.05, 0.05], [0.0, 0.6, 0.4], [0.0, 0.65, 0.35]],  # mean: class 1, then 0, then 2
        [[0.2, 0.2, 0.6]],  # class 2, then 0
        [[0.4, 0.4, 0.2]],  # a tie: class 0, then 1
    ]
    data = tiny.Pictures(3)

    def answer(net, photo):
        return np.array(answers[next(i for i, other in enumerate(data.pictures) if other is photo)])

    for labels, top1, top2 in (([1, 2, 0], 3, 3), ([0, 0, 1], 0, 3), ([2, 1, 2], 0, 0), ([1, 0, 1], 1, 3)):
        data.labels = np.array(labels)
        assert predict.evaluate(tiny.net(), data, answer, progress=False) == top1 / 3
        assert predict.evaluate(tiny.net(), data, answer, top=2, progress=False) == top2 / 3
        assert predict.evaluate(tiny.net(), data, answer, top=3, progress=False) == 1
    data.labels = np.array([1, 0, 1])
    assert predict.answers(tiny.net(), data, answer, progress=False).tolist() == [True, False, False]
    assert predict.answers(tiny.net(), data, answer, top=2, progress=False).tolist() == [True] * 3


def test_evaluation_leaves_the_net_as_it_was():
    net = tiny.net()
    for training in (True, False):
        net.training = training
        before = tiny.bits(net), net.head[2].calls

        def look(net, photo):
            assert not net.training, "dropout is off"
            return predict.full_image(net, photo, 12)

        def broken(net, photo):
            raise OSError("a broken picture")

        predict.evaluate(net, tiny.Pictures(3), look, progress=False)
        assert net.training is training and (tiny.bits(net), net.head[2].calls) == before
        with pytest.raises(OSError, match="a broken picture"):
            predict.evaluate(net, tiny.Pictures(3), broken, progress=False)
        assert net.training is training


def test_nothing_to_evaluate():
    with pytest.raises(ValueError, match="evaluate: expected at least one picture"):
        predict.evaluate(tiny.net(), [], predict.full_image)


def test_nets_with_padding_are_close_too():
    """What the paper relies on: with padding, and off the stride, views on maps are nearly views as crops."""
    rng = np.random.default_rng(0)
    trunk = [Conv2D(3, 6, 5, stride=2, pad=2, rng=rng), ReLU(), MaxPool(2, 2), Conv2D(6, 8, 3, pad=1, rng=rng), ReLU()]
    net = Net(trunk, SPP((2, 1)), [Linear(40, 4, rng=rng)], mean=(127, 127, 127), std=(64, 64, 64))
    photo = resize(picture(6, 9), 80, 120)  # smooth, as photographs are
    on_maps = predict.multi_view(net, photo, 48, full=False).mean(axis=0)
    as_crops = predict.multi_crop(net, photo, 48, full=False).mean(axis=0)
    np.testing.assert_allclose(on_maps, as_crops, atol=0.1)

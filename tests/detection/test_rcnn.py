"""R-CNN's way: windows warped as in fractions, convolved one by one in batches of any size."""

import describing
import draw
import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from minispp import zoo

numba = pytest.importorskip("numba", reason="warping is compiled")

from minispp.detection import rcnn  # noqa: E402
from minispp.detection.describe import describe  # noqa: E402
from minispp.detection.rcnn import warp  # noqa: E402


def picture_of(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@given(draw.seeds, st.tuples(st.integers(1, 12), st.integers(1, 12)), st.integers(1, 9), st.data())
def test_warping_is_bilinear(seed, shape, side, data):
    """Every value, in exact fractions: windows of all sizes, grown and shrunk, with a context or without."""
    context = data.draw(st.integers(0, (side - 1) // 2))
    picture = picture_of(*shape, seed)
    boxes = describing.some_boxes(np.random.default_rng(seed), 2, *shape)
    found = warp(picture, boxes, side, context=context, fill=(7, 0, 255))
    assert found.dtype == np.uint8 and found.shape == (len(boxes), side, side, 3)
    for box, window in zip(boxes.tolist(), found, strict=True):
        assert np.array_equal(window, describing.warped(picture, box, side, context, (7, 0, 255))), box


def test_halves_are_rounded_up():
    picture = np.zeros((1, 2, 3), np.uint8)
    picture[0, 1] = 1, 3, 255
    assert warp(picture, [[0, 0, 1, 2]], 1).tolist() == [[[[1, 2, 128]]]]


def test_a_window_of_the_size_asked_is_cut_out():
    picture = picture_of(40, 50)
    for top, left in ((0, 0), (13, 7), (19, 29)):
        cut = picture[top : top + 21, left : left + 21]
        assert np.array_equal(warp(picture, [[top, left, top + 21, left + 21]], 21)[0], cut)
    # with a context, so is what lies around it
    assert np.array_equal(warp(picture, [[10, 12, 25, 27]], 21, context=3)[0], picture[7:28, 9:30])


def test_nothing_outside_the_window_is_seen():
    picture = picture_of(30, 30)
    boxes = [[5, 6, 20, 17], [29, 0, 30, 30]]
    around = picture.copy()
    around[:5], around[20:29], around[5:20, :6], around[5:20, 17:] = 0, 0, 0, 255
    assert np.array_equal(warp(around, boxes, 37), warp(picture, boxes, 37))


def test_the_context_leaves_the_picture():
    """A white picture on black: a frame is black exactly as far as the context reaches beyond the picture."""
    white = np.full((20, 30, 3), 255, np.uint8)
    (corner, whole, inside) = warp(white, [[0, 0, 10, 10], [0, 0, 20, 30], [5, 5, 15, 25]], 14, context=2)
    assert (corner[:2] == 0).all() and (corner[:, :2] == 0).all() and (corner[2:, 2:] == 255).all()
    assert (whole[2:12, 2:12] == 255).all() and whole.astype(int).sum() == 3 * 255 * 100
    assert (inside == 255).all()


def test_warping_of_large_windows():
    """Over many rows and columns, at R-CNN's side: ends, middle and context."""
    picture = picture_of(300, 401)
    boxes = [[0, 0, 300, 401], [17, 200, 290, 231], [140, 3, 141, 390]]
    found = warp(picture, boxes, 227, context=16, fill=(9, 8, 7))
    rows = np.array([0, 1, 15, 16, 17, 100, 113, 209, 210, 211, 225, 226])
    for box, window in zip(boxes, found, strict=True):
        assert np.array_equal(window[rows[:, None], rows], sampled(picture, box, rows))


def sampled(picture, box, rows):
    """Some pixels of a window at side 227 with context 16: the formula in integers, over 390 along an axis."""
    (top, bottom, down, above), (left, right, across, beside) = (
        taps(rows, box[axis], box[axis + 2], picture.shape[axis]) for axis in (0, 1)
    )
    down, across, picture = down[:, None, None], across[None, :, None], picture.astype(int)
    upper, lower = (
        (390 - across) * picture[row[:, None], left] + across * picture[row[:, None], right] for row in (top, bottom)
    )
    out = (2 * ((390 - down) * upper + down * lower) + 390**2) // (2 * 390**2)
    out[above[:, None] | beside] = 9, 8, 7
    return out


def taps(rows, start, stop, size):
    """Two pixels for each output row, the weight of the second, and whether it lies outside the picture."""
    more = -(-16 * (stop - start) // 195)
    low, high = max(0, start - more), min(size, stop + more) - 1
    place = 390 * start + (2 * (rows - 16) + 1) * (stop - start)
    before, weight = np.divmod(place - 195, 390)
    outside = (place < 0) | (place >= 390 * size)
    return np.clip(before, low, high), np.clip(before + 1, low, high), weight, outside


def test_warping_of_any_layout():
    picture, boxes = picture_of(12, 17), describing.some_boxes(np.random.default_rng(1), 4, 12, 17)
    expected = warp(picture, boxes, 9)
    for layout in draw.LAYOUTS:
        if layout != "every second":
            assert np.array_equal(warp(draw.lay_out(picture, layout), draw.lay_out(boxes, layout), 9), expected)
    for dtype in (np.uint8, np.int64, np.uint64):
        assert np.array_equal(warp(picture, boxes.astype(dtype), 9), expected)
    read_only = draw.lay_out(picture, "read-only")
    assert np.array_equal(warp(read_only, boxes, 9), expected)


def test_the_same_bits_with_any_number_of_threads(cpu):
    picture, boxes = picture_of(50, 60), describing.some_boxes(np.random.default_rng(2), 30, 50, 60)
    expected, before = warp(picture, boxes, 31), numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        assert np.array_equal(warp(picture, boxes, 31), expected)
    finally:
        numba.set_num_threads(before)


# ---------------------------------------------------------------------------------------------------
# Features


def net_of(ops, **settings):
    return tiny.net(levels=(3, 2, 1), mean=(120.4, 110, 99.6), std=(60, 50, 70), **settings).to(ops)


@pytest.mark.parametrize("flip", [False, True])
def test_every_window_by_itself(ops, flip):
    net, picture = net_of(ops), picture_of(30, 41)
    boxes = describing.some_boxes(np.random.default_rng(3), 8, 30, 41)
    found = rcnn.describe(net, picture, boxes, 17, context=2, batch=5, flip=flip)
    assert found.shape == (14, 14 * 5) and found.dtype == np.float32
    if flip:
        mirror = [[top, 41 - right, bottom, 41 - left] for top, left, bottom, right in boxes.tolist()]
        picture, boxes = picture[:, ::-1], np.array(mirror)
    windows = np.stack([describing.warped(picture, box, 17, 2, (120, 110, 100)) for box in boxes.tolist()])
    for start in range(0, 14, 5):
        part = slice(start, start + 5)
        assert np.array_equal(found[part], net.pool(net.features(net.prepare(windows[part]))))


def test_batches_of_any_size(ops):
    """To rounding: how a matrix product adds up may depend on its size."""
    net, picture = net_of(ops), picture_of(30, 41)
    boxes = describing.some_boxes(np.random.default_rng(4), 7, 30, 41)
    expected = rcnn.describe(net, picture, boxes, 19, batch=13)
    for batch in (1, 2, 5, 12, 40):
        found = rcnn.describe(net, picture, boxes, 19, batch=batch)
        assert abs(found - expected).max() <= 1e-5 * abs(expected).max()


def test_batches_of_any_size_give_the_same_bits_for_a_net_of_the_zoo(cpu):
    net, picture = zoo.small(3).to(cpu), picture_of(80, 90)
    boxes = describing.some_boxes(np.random.default_rng(5), 5, 80, 90)
    for side in (48, 50):
        expected = rcnn.describe(net, picture, boxes, side, batch=11)
        for batch in (1, 2, 4):
            assert np.array_equal(rcnn.describe(net, picture, boxes, side, batch=batch), expected)


def test_a_net_without_means_and_one_for_a_single_size(ops):
    picture = picture_of(30, 41)
    net = tiny.net(levels=(2,), input_size=17).to(ops)
    (found,) = rcnn.describe(net, picture, [[0, 0, 30, 41]], 17, context=3)
    window = describing.warped(picture, [0, 0, 30, 41], 17, 3)
    assert np.array_equal(found, net.pool(net.features(net.prepare(window[None])))[0])
    with pytest.raises(ValueError, match="17x17 pixels only"):
        rcnn.describe(net, picture, [[0, 0, 30, 41]], 18)


def test_a_window_of_the_size_asked_is_the_picture_itself(ops):
    """Where both ways do the same, they agree: the whole of a square picture at its own size."""
    net, picture, whole = net_of(ops), picture_of(32, 32), [[0, 0, 32, 32]]
    assert np.array_equal(rcnn.describe(net, picture, whole, 32), describe(net, picture, whole, 32))


def test_no_boxes(ops):
    for boxes in ([], np.zeros((0, 4))):
        assert warp(picture_of(5, 6), boxes, 4).shape == (0, 4, 4, 3)
        features = rcnn.describe(net_of(ops), picture_of(30, 40), boxes, 17)
        assert features.shape == (0, 70) and features.dtype == np.float32


def test_describing_is_predicting(ops):
    net = net_of(ops)
    net.training = True
    rcnn.describe(net, picture_of(30, 40), [[0, 0, 20, 20]], 17)
    assert all(layer.training and layer.saving and layer.saved is None for layer in net.layers)


@pytest.mark.parametrize(
    ("boxes", "settings", "message"),
    [
        ([[0, 0, 9, 9], [4, 4, 4, 5]], {}, r"row 1, \[4, 4, 4, 5\], is empty or leaves the picture of 12x10 pixels"),
        ([[0, 0, 9, 11]], {}, "row 0"),
        ([[0, 0, 9, 9]], {"side": 0}, "expected a positive integer side, got 0"),
        ([[0, 0, 9, 9]], {"context": 4}, "less than half of 8, got 4"),
        ([[0, 0, 9, 9]], {"context": -1}, "context of 0 or more"),
    ],
)
def test_bad_windows(boxes, settings, message):
    settings = {"side": 8, **settings}
    with pytest.raises(ValueError, match=message):
        warp(picture_of(12, 10), boxes, **settings)
    with pytest.raises(ValueError):
        rcnn.describe(tiny.net(), picture_of(12, 10), boxes, **settings)


def test_bad_pictures_and_batches():
    for picture in (np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3)), np.zeros((4, 5, 4), np.uint8)):
        with pytest.raises(ValueError, match="expected a uint8 picture"):
            warp(picture, [[0, 0, 1, 1]], 3)
    with pytest.raises(ValueError, match="expected a positive integer batch, got 0"):
        rcnn.describe(tiny.net(), picture_of(12, 10), [[0, 0, 9, 9]], 8, batch=0)

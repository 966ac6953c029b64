"""Windows of feature maps in ONNX Runtime, and warped windows in PyTorch and OpenCV.

`MaxRoiPool` takes regions with both ends inside, and cuts them by floor and ceil too, but in floating point: the
edges ``k * (h / n)`` of h rows in n bins. With float32 those are wrong for some sizes, first at h = 57, n = 7; for
the paper's levels, 6, 3, 2 and 1, they are right up to far beyond any map.
"""

import describing
import draw
import numpy as np
import pytest
import tiny
from hypothesis import example, given
from hypothesis import strategies as st

from minispp.detection.describe import FeatureMaps, windows_of
from minispp.layers import SPP

pytestmark = pytest.mark.peers

PAPER = (6, 3, 2, 1)


def max_roi_pool(x, windows, levels, scale=1):
    """Vectors (R, M*C) from x (N, H, W, C) and half-open windows, a level after the other, by ONNX Runtime."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="the peer, ONNX Runtime, is not installed")
    from minispp.bench import peer_onnx

    model = peer_onnx.max_roi_pool(x.shape, SPP(levels).levels)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    image, top, left, bottom, right = np.asarray(windows).reshape(-1, 5).T
    regions = np.stack([image, left, top, right - 1, bottom - 1], axis=1).astype(np.float32)
    pooled = session.run(None, {"x": np.ascontiguousarray(x.transpose(0, 3, 1, 2)), "regions": regions})
    bins = [y.reshape(*y.shape[:2], -1).transpose(0, 2, 1) for y in pooled]
    return np.concatenate(bins, axis=1).reshape(len(regions), -1)


@given(
    seed=draw.seeds,
    shape=st.tuples(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24), st.integers(1, 5)),
    count=st.integers(1, 12),
    levels=st.sampled_from([PAPER, (4, 3, 2, 1), (1,), ((2, 3), (5, 1))]),
    values=st.sampled_from(["normal", "ties", "negative", "huge"]),
)
@example(seed=0, shape=(1, 42, 56, 3), count=40, levels=PAPER, values="negative")  # ZF-5 at shorter side 688
@example(seed=1, shape=(1, 1, 9, 2), count=5, levels=PAPER, values="normal")
def test_windows_are_pooled_alike(ops, seed, shape, count, levels, values):
    """More windows than maps, in no order, smaller than the pyramid too; no value is above zero in some of the maps."""
    rng = np.random.default_rng(seed)
    x, windows = draw.fill(rng, shape, np.float32, values), draw.random_windows(rng, count, *shape[:3])
    ours = SPP(levels).to(ops).forward(x, windows)
    assert np.array_equal(ours, max_roi_pool(x, windows, levels)), windows.tolist()


def test_every_size_of_window_to_the_largest_map(ops):
    """1 to 75 cells, as ZF-5 makes them of 1200 pixels: rows and columns, all four levels."""
    sizes = np.arange(1, 76)
    x = np.random.default_rng(2).normal(size=(1, 75, 75, 2)).astype(np.float32)
    zero, one = 0 * sizes, 0 * sizes + 1
    tall = np.stack([zero, 75 - sizes, 30 * one, 75 * one, 31 * one], axis=1)
    wide = np.stack([zero, 30 * one, zero, 31 * one, sizes], axis=1)
    both = np.stack([zero, zero, 75 - sizes[::-1], sizes, 75 * one], axis=1)
    windows = np.concatenate([tall, wide, both])
    assert np.array_equal(SPP(PAPER).to(ops).forward(x, windows), max_roi_pool(x, windows, PAPER))


def test_the_windows_of_boxes(ops):
    """From boxes in pixels to features, with ONNX Runtime's pooling in place of ours."""
    net = tiny.net(levels=PAPER).to(ops)
    picture = np.random.default_rng(3).integers(0, 256, (61, 90, 3), np.uint8)
    boxes, scales = describing.some_boxes(np.random.default_rng(4), 60, 61, 90), (40, 64, 97)
    maps = FeatureMaps(net, picture, scales)
    index, windows = windows_of(net, picture.shape, boxes, scales, area_side=40)
    features = maps.pool(boxes, area_side=40)
    for k in range(3):
        rows = index == k
        assert rows.any()
        assert np.array_equal(features[rows], max_roi_pool(net.ops.to_numpy(maps.at(k)), windows[rows], PAPER))


# ---------------------------------------------------------------------------------------------------
# Warped windows


def windows_to_warp():
    rng = np.random.default_rng(5)
    picture = rng.integers(0, 256, (90, 120, 3), np.uint8)
    return picture, describing.some_boxes(rng, 25, 90, 120)


@pytest.mark.parametrize("side", [7, 40, 227])
def test_warping_is_that_of_pytorch(side):
    """In float64 its values are those that ours are rounded from."""
    torch = pytest.importorskip("torch", reason="the peer, PyTorch, is not installed")
    rcnn = pytest.importorskip("minispp.detection.rcnn", reason="warping is compiled by Numba, which is not installed")
    picture, boxes = windows_to_warp()
    for box, window in zip(boxes, rcnn.warp(picture, boxes, side), strict=True):
        cut = torch.from_numpy(picture[box[0] : box[2], box[1] : box[3]].transpose(2, 0, 1)[None].astype(np.float64))
        theirs = torch.nn.functional.interpolate(cut, (side, side), mode="bilinear", align_corners=False)
        assert abs(theirs[0].numpy().transpose(1, 2, 0) - window).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("side", [7, 40, 227])
def test_warping_is_that_of_opencv(side):
    """Its weights have 11 bits, so a value may be rounded to the next; one in eight is, in some windows."""
    cv2 = pytest.importorskip("cv2", reason="the peer, OpenCV, is not installed")
    rcnn = pytest.importorskip("minispp.detection.rcnn", reason="warping is compiled by Numba, which is not installed")
    picture, boxes = windows_to_warp()
    for box, window in zip(boxes, rcnn.warp(picture, boxes, side), strict=True):
        cut = np.ascontiguousarray(picture[box[0] : box[2], box[1] : box[3]])
        theirs = cv2.resize(cut, (side, side), interpolation=cv2.INTER_LINEAR)
        assert abs(theirs.astype(int) - window).max() <= 1

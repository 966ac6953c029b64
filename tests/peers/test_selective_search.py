"""OpenCV's selective search on drawn scenes: it must not find more objects than ours in as many boxes.

The two differ in much (its colours, its textures, a third scale, boxes of small regions first), so that boxes cannot
be compared one by one. Objects found can: both lists are cut to the same length for each picture.
"""

import numpy as np
import pytest

from minispp.data import Shapes
from minispp.detection.matching import proposal_recall
from minispp.detection.selective_search import selective_search, to_colour

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
if not hasattr(cv2, "ximgproc"):
    pytest.skip("OpenCV is installed without its contributed modules", allow_module_level=True)

pytestmark = pytest.mark.peers


def their_boxes(picture):
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(picture[:, :, ::-1]))
    search.switchToSelectiveSearchFast(150, 150, 0.8)
    left, top, width, height = search.process().T
    return np.stack([top, left, top + height, left + width], axis=1)


def test_recall():
    data = Shapes(12, seed=9, objects=6, sizes=(150, 300))
    scenes = [data.scene(index) for index in range(len(data))]
    ours, theirs = ([search(scene.picture) for scene in scenes] for search in (selective_search, their_boxes))
    lengths = [min(len(a), len(b)) for a, b in zip(ours, theirs, strict=True)]
    recalls = []
    for side in (ours, theirs):
        cut = [boxes[:length] for boxes, length in zip(side, lengths, strict=True)]
        recalls.append(proposal_recall(cut, [scene.boxes for scene in scenes], (0.5, 0.7), (50, 100, 200, 10**6)))
    assert min(lengths) > 100 and recalls[1].min() > 0.5  # it is a comparison
    assert (recalls[0] >= recalls[1]).all()
    assert (recalls[0][:, -1] > 0.98).all()


@pytest.mark.parametrize(
    ("space", "code", "tolerance"),
    [("hsv", cv2.COLOR_RGB2HSV_FULL, 1), ("lab", cv2.COLOR_RGB2Lab, 1), ("rgb", None, 0)],
)
def test_colours(space, code, tolerance):
    """Theirs are rounded, ours cut off, but for Lab; hues are a circle, and mean nothing where there is no colour."""
    picture = np.random.default_rng(0).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    ours = to_colour(picture, space).astype(int)
    theirs = (picture if code is None else cv2.cvtColor(picture, code)).astype(int)
    apart = np.abs(ours - theirs)
    if space == "hsv":
        apart[..., 0] = np.minimum(apart[..., 0], 256 - apart[..., 0])
    assert apart.max() <= tolerance

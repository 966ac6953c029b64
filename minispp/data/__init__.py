"""Pictures with labels: synthetic shapes, folders of files, and the views of them that training takes.

A dataset is any object with `len(d)`, `d[i] -> (picture, label)`, `d.classes` (list of names) and
`d.labels` (int array), where a picture is a uint8 array (H, W, 3), RGB, 0..255, of any size. A dataset for
detection has `d.scene(i) -> Scene` and `d.names` instead; `Shapes` is both.
"""

from minispp.data.augment import View, centre_view, five_regions, resize, resize_min_side
from minispp.data.dataset import Subset, mean_and_std, split
from minispp.data.folder import Folder, read_picture
from minispp.data.scene import Scene
from minispp.data.shapes import Shapes
from minispp.data.voc import Voc

__all__ = [
    "Folder",
    "Scene",
    "Shapes",
    "Subset",
    "View",
    "Voc",
    "centre_view",
    "five_regions",
    "mean_and_std",
    "read_picture",
    "resize",
    "resize_min_side",
    "split",
]

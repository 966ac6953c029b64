"""The two ways to describe the windows of a picture: SPP-net's, and R-CNN's, which it is compared with.

A mode is a small immutable object. ``mode.of(net, picture)`` is a function from boxes (R, 4) to features (R, M*C);
what the windows of a picture can share, it does once. Whatever reads features works with either.
"""

from dataclasses import dataclass
from functools import partial

from minispp.detection import rcnn
from minispp.detection.describe import FeatureMaps, as_scales


@dataclass(frozen=True)
class SppMode:
    """One convolution of the picture at each scale, and all windows pooled from the maps; see `describe`.

    Examples
    --------
    >>> import numpy as np
    >>> from minispp import zoo
    >>> windows = SppMode(scales=(48,)).of(zoo.small(3), np.zeros((60, 90, 3), np.uint8))
    >>> windows([[0, 0, 60, 90]]).shape, windows([[0, 0, 9, 9], [10, 20, 40, 50]]).shape
    ((1, 4800), (2, 4800))
    """

    scales: tuple
    area_side: int | None = None
    scale_rule: str = "area"
    cell_rule: str = "paper"

    def __post_init__(self):
        object.__setattr__(self, "scales", as_scales(self.scales))

    def of(self, net, picture):
        """A function from boxes to features; the maps of the picture live as long as it."""
        rules = {"scale_rule": self.scale_rule, "area_side": self.area_side, "cell_rule": self.cell_rule}
        return partial(FeatureMaps(net, picture, self.scales).pool, **rules)


@dataclass(frozen=True)
class RcnnMode:
    """Each window warped to ``side x side`` pixels and convolved by itself; see `rcnn`.

    Examples
    --------
    >>> import numpy as np
    >>> from minispp import zoo
    >>> RcnnMode(side=48).of(zoo.small(3), np.zeros((60, 90, 3), np.uint8))([[0, 0, 60, 90]]).shape
    (1, 4800)
    """

    side: int
    context: int = 0

    def of(self, net, picture):
        """A function from boxes to features, which convolves them all, each time."""
        return partial(rcnn.describe, net, picture, side=self.side, context=self.context)


MODES = {"spp": SppMode, "rcnn": RcnnMode}

"""Features of many windows of a picture from one convolution of it: what SPP-net is for.

A picture is convolved once at each of a few scales. Each window takes the scale at which it is nearest to the size
that the net was trained on, its pixels become cells of that scale's map, and all windows of a map are pooled at once.
Every decision, which scale, which pixels, which cells, is made in integers.

A scale is the shorter side of the resized picture. A box is a row ``(top, left, bottom, right)`` in pixels of the
picture, half-open. (Paper, section 4 and appendix A.)
"""

import numpy as np

from minispp.boxes import area, as_boxes
from minispp.boxes import flip as flip_boxes
from minispp.data.augment import resize_min_side, size_at
from minispp.fields import box_to_cells
from minispp.windows import require_positive

ONE_SCALE = (688,)
PAPER_SCALES = (480, 576, 688, 864, 1200)
RULES = {"area": 224, "released": 208}  # the side of a window that fits best

# ---------------------------------------------------------------------------------------------------
# Where to look


def scale_of(boxes, shape, scales, *, rule="area", area_side=None):
    """The scale at which each box comes nearest to the size that the net knows; of two as near, the smaller.

    With A the area of the box, m the shorter side of the picture, T the `area_side`, and s a scale:

    ============  =========================  ==================================================
    rule          the s with the smallest    so s is passed over for the next one, s', if
    ============  =========================  ==================================================
    ``area``      ``|A s^2/m^2 - T^2|``      ``A (s^2 + s'^2) < 2 T^2 m^2``
    ``released``  ``|s - T m/sqrt(A)|``      ``A (s + s')^2 < 4 T^2 m^2``
    ============  =========================  ==================================================

    The first is the paper's, with T = 224; the second is the released code's, with T = 208. Both are decided as in
    the last column, in 64-bit integers: exact while no side, scale or `area_side` passes 2^15 pixels.

    Parameters
    ----------
    boxes : int array (R, 4)
    shape : (H, W) or (H, W, 3)
        Of the picture.
    scales : int, or rising sequence of int
    rule : "area" or "released"
    area_side : int, optional
        T in pixels: 224 for ``area``, 208 for ``released`` if not given.

    Returns
    -------
    int64 array (R,)
        Positions in `scales`.

    Examples
    --------
    At scale 1200 the small box has about 224 x 224 pixels, and at 480 the large one:

    >>> scale_of([[0, 0, 93, 93], [0, 0, 233, 233]], (500, 667), PAPER_SCALES).tolist()
    [4, 0]
    """
    if rule not in RULES:
        raise ValueError(f"scale_of: expected the rule {' or '.join(map(repr, RULES))}, got {rule!r}")
    side = RULES[rule] if area_side is None else area_side
    require_positive("scale_of", area_side=side)
    areas, scales = area(check_boxes(boxes, shape))[:, None], np.array(as_scales(scales))
    target = (int(side) * min(shape[:2])) ** 2
    low, high = scales[:-1], scales[1:]
    if rule == "area":
        passed_over = areas * (low**2 + high**2) < 2 * target
    else:
        passed_over = areas * (low + high) ** 2 < 4 * target
    return passed_over.sum(axis=1)


def resized_boxes(boxes, shape, size):
    """The pixels of the resized picture that each box touches: floor on the left, ceil on the right, as for bins.

    ``top -> floor(top * h / H)``, ``bottom -> ceil(bottom * h / H)``, and the columns likewise with ``w / W``, which is
    another ratio: the longer side of a resized picture is rounded. So no box becomes empty or leaves the
    picture, the whole picture stays whole, and what is mirrored stays mirrored.

    Parameters
    ----------
    boxes : int array (R, 4)
    shape : (H, W) or (H, W, 3)
        Of the picture.
    size : (h, w)
        Of the resized picture.

    Returns
    -------
    int64 array (R, 4)

    Examples
    --------
    >>> resized_boxes([[0, 0, 30, 44], [9, 10, 11, 12]], (30, 44), (10, 15)).tolist()
    [[0, 0, 10, 15], [3, 3, 4, 5]]
    """
    boxes = check_boxes(boxes, shape)
    from_side, to_side = np.array(shape[:2]), np.array(size)
    start, stop = boxes[:, :2] * to_side // from_side, -(-boxes[:, 2:] * to_side // from_side)
    return np.concatenate([start, stop], axis=1)


def windows_of(net, shape, boxes, scales, *, scale_rule="area", area_side=None, cell_rule="paper"):
    """Where each box is looked at: the scale, and the cells of that scale's map. Nothing is convolved.

    Parameters
    ----------
    net : Net
    shape : (H, W) or (H, W, 3)
        Of the picture.
    boxes : int array (R, 4)
    scales : int, or rising sequence of int
    scale_rule, area_side
        See `scale_of`.
    cell_rule : "paper" or "released"
        See `minispp.fields.box_to_cells`.

    Returns
    -------
    index : int64 array (R,)
        Positions in `scales`.
    windows : int32 array (R, 5)
        Rows (0, top, left, bottom, right) in cells.

    Examples
    --------
    >>> from minispp import zoo
    >>> index, windows = windows_of(zoo.small(3), (60, 90), [[10, 20, 50, 70]], (120, 240), area_side=96)
    >>> index.tolist(), windows.tolist()
    ([0], [[0, 3, 5, 12, 17]])
    """
    scales = as_scales(scales)
    boxes = check_boxes(boxes, shape)
    index = scale_of(boxes, shape, scales, rule=scale_rule, area_side=area_side)
    windows = np.zeros((len(boxes), 5), np.int32)
    for k, scale in enumerate(scales):
        chosen = np.flatnonzero(index == k)
        if len(chosen):
            size = size_at(*shape[:2], scale)
            pixels = np.zeros((len(chosen), 5), np.int64)
            pixels[:, 1:] = resized_boxes(boxes[chosen], shape, size)
            windows[chosen] = box_to_cells(pixels, net.field, *map(net.map_size, size), cell_rule)
    return index, windows


# ---------------------------------------------------------------------------------------------------
# What is there


class FeatureMaps:
    """The feature maps of one picture, made when a window first asks for their scale, and kept.

    So several sets of windows, such as ground truth and proposals, share one convolution.

    Parameters
    ----------
    net : Net
        Its weights must not change while the maps are in use.
    picture : uint8 array (H, W, 3)
    scales : int, or rising sequence of int

    Examples
    --------
    >>> from minispp import zoo
    >>> maps = FeatureMaps(zoo.small(3), np.zeros((60, 90, 3), np.uint8), (48, 96))
    >>> maps.at(0).shape, maps.at(1).shape
    ((1, 6, 9, 96), (1, 12, 18, 96))
    >>> maps.pool([[0, 0, 60, 90], [10, 20, 11, 21]]).shape
    (2, 4800)
    """

    def __init__(self, net, picture, scales):
        self.net, self.picture, self.scales = net, picture, as_scales(scales)
        self._maps = {}

    def at(self, position):
        """The map (1, h, w, C) of the scale at this position in `scales`."""
        if position not in self._maps:
            with self.net.testing():
                resized = resize_min_side(self.picture, self.scales[position])
                self._maps[position] = self.net.features(self.net.prepare(resized[None]))
        return self._maps[position]

    def pool(self, boxes, *, scale_rule="area", area_side=None, cell_rule="paper"):
        """Boxes (R, 4) -> features (R, M*C), a row for each box in the order given; see `describe`."""
        rules = {"scale_rule": scale_rule, "area_side": area_side, "cell_rule": cell_rule}
        index, windows = windows_of(self.net, self.picture.shape, boxes, self.scales, **rules)
        taken = np.unique(index)
        with self.net.testing():
            if len(taken) == 1:
                return self.net.ops.to_numpy(self.net.pool(self.at(taken[0]), windows))
            largest = size_at(*self.picture.shape[:2], self.scales[-1])
            features = np.empty((len(windows), vector_length(self.net, *largest)), self.net.dtype)
            for k in taken:
                rows = np.flatnonzero(index == k)
                features[rows] = self.net.ops.to_numpy(self.net.pool(self.at(k), windows[rows]))
        return features


def describe(net, picture, boxes, scales, *, scale_rule="area", area_side=None, cell_rule="paper", flip=False):
    """The pooled features of each box, from one convolution of the picture at each scale that a box takes.

    Describing is predicting: dropout is off, and nothing is saved for backward.

    Parameters
    ----------
    net : Net
        With spatial pyramid pooling: M bins of C channels.
    picture : uint8 array (H, W, 3)
    boxes : int array (R, 4)
    scales : int, or rising sequence of int
        Shorter sides of the resized picture, such as `ONE_SCALE` or `PAPER_SCALES`.
    scale_rule, area_side
        See `scale_of`.
    cell_rule : "paper" or "released"
        See `minispp.fields.box_to_cells`.
    flip : bool
        Describe the mirror image instead, and in it the mirrored boxes; see `mirrored`.

    Returns
    -------
    array (R, M*C)
        In the order of the boxes, in the net's float type.

    Raises
    ------
    ValueError
        Boxes that are not integers (R, 4), are empty or inverted, or leave the picture: which row.

    Examples
    --------
    >>> from minispp import zoo
    >>> picture = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    >>> describe(zoo.small(3), picture, [[5, 8, 40, 60], [0, 0, 60, 90]], (48, 96), area_side=64).shape
    (2, 4800)
    """
    if flip:
        picture, boxes = mirrored(picture, boxes)
    maps = FeatureMaps(net, picture, scales)
    return maps.pool(boxes, scale_rule=scale_rule, area_side=area_side, cell_rule=cell_rule)


def mirrored(picture, boxes):
    """The picture and its boxes with left and right exchanged: ``left, right -> W - right, W - left``.

    Examples
    --------
    >>> picture, boxes = mirrored(np.arange(6, dtype=np.uint8).reshape(1, 2, 3), [[0, 0, 1, 1]])
    >>> picture.tolist(), boxes.tolist()
    ([[[3, 4, 5], [0, 1, 2]]], [[0, 1, 1, 2]])
    """
    boxes = flip_boxes(check_boxes(boxes, picture.shape), picture.shape[1])
    return np.ascontiguousarray(picture[:, ::-1]), boxes


# ---------------------------------------------------------------------------------------------------


def vector_length(net, height, width):
    """M*C, the length of a pooled vector, which any size of picture tells.

    Examples
    --------
    >>> from minispp import zoo
    >>> vector_length(zoo.small(3), 48, 72)
    4800
    """
    shape = 1, height, width, 3
    for layer in [*net.trunk, net.pool_layer]:
        shape = layer.output_shape(shape)
    return shape[1]


def as_scales(scales):
    """Scales as a rising tuple of int; an int stands for one scale.

    Examples
    --------
    >>> as_scales(688), as_scales([480, 688])
    ((688,), (480, 688))
    """
    scales = tuple(scales) if np.ndim(scales) else (scales,)
    for scale in scales:
        require_positive("scales", scale=scale)
    if not scales or any(low >= high for low, high in zip(scales, scales[1:], strict=False)):
        raise ValueError(f"scales: expected shorter sides in rising order, each once, got {scales}")
    return tuple(map(int, scales))


def check_boxes(boxes, shape):
    """Return `boxes` as an int64 array (R, 4), or say which row is not a box in a picture of this shape.

    A box that leaves the picture is refused and not clipped: that is how coordinates in another order, or of another
    size of the picture, are noticed.

    Examples
    --------
    >>> check_boxes([[0, 0, 5, 9], [2, 3, 2, 4]], (5, 9))
    Traceback (most recent call last):
    ...
    ValueError: boxes: row 1, [2, 3, 2, 4], is empty or leaves the picture of 5x9 pixels
    """
    rows, (height, width) = as_boxes(boxes), shape[:2]
    if rows.dtype.kind != "i" and len(rows):
        raise ValueError(f"boxes: expected whole pixels (top, left, bottom, right), got {rows.dtype} {rows.shape}")
    rows = rows.astype(np.int64)
    top, left, bottom, right = rows.T
    good = (top >= 0) & (top < bottom) & (bottom <= height) & (left >= 0) & (left < right) & (right <= width)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"boxes: row {row}, {rows[row].tolist()}, is empty or leaves the picture of {height}x{width} pixels"
        )
    return rows

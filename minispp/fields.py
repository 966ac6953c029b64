"""The field of a trunk: what a cell of its feature map sees, and the way from pixels to cells and back.

Everything follows from three numbers of each layer, its kernel, stride and padding. Boxes in a picture and
windows in a map are the same rows ``(image, top, left, bottom, right)``, half-open (see `minispp.windows`);
here is where pixels become cells. Integers throughout.
"""

from typing import NamedTuple

import numpy as np

from minispp.windows import require_positive, sliding_count


class Slide(NamedTuple):
    """How one layer moves over its input. A layer that keeps each cell in place has none."""

    kernel: int
    stride: int
    pad: int = 0
    ceil_mode: bool = False


class Field(NamedTuple):
    """What one cell of a feature map sees.

    Attributes
    ----------
    stride : int
        Pixels from one cell to the next.
    size : int
        Side of the receptive field, in pixels.
    centre : int or float
        Pixel (0-based) at the centre of the first cell's receptive field; ends in .5 if that lies between
        two pixels, which is exact in floating point too.
    """

    stride: int
    size: int
    centre: int | float


def field(slides):
    """Stride, receptive field and first centre of a trunk, from its layers.

    With ``k, s, p`` of each layer in turn, and starting from (1, 1, 0):
    ``centre += stride * ((k - 1)/2 - p)``, ``size += stride * (k - 1)``, ``stride *= s``.

    Examples
    --------
    Zeiler and Fergus' five layers:

    >>> field([Slide(7, 2, 1), Slide(3, 2), Slide(5, 2), Slide(3, 2)] + 3 * [Slide(3, 1, 1)])
    Field(stride=16, size=139, centre=20)
    """
    stride, size, twice_centre = 1, 1, 0
    for kernel, step, pad, _ in slides:
        twice_centre += stride * (kernel - 1 - 2 * pad)
        size += stride * (kernel - 1)
        stride *= step
    return Field(stride, size, twice_centre / 2 if twice_centre % 2 else twice_centre // 2)


def map_size(size, slides):
    """Cells along an axis of the feature map that a trunk makes of `size` pixels.

    Raises
    ------
    ValueError
        If the picture is too small for a layer: which layer, and how many cells were left.

    Examples
    --------
    >>> zf5 = [Slide(7, 2, 1), Slide(3, 2, 0, True), Slide(5, 2), Slide(3, 2, 0, True)] + 3 * [Slide(3, 1, 1)]
    >>> [map_size(size, zf5) for size in (224, 180, 688, 1200)]
    [13, 10, 42, 74]
    """
    for position, (kernel, stride, pad, ceil_mode) in enumerate(slides):
        try:
            size = sliding_count(size, kernel, stride, pad, ceil_mode)
        except ValueError as error:
            raise ValueError(f"sliding layer {position + 1} of the trunk: {error}") from None
    return size


def box_to_cells(boxes, field, height, width, rule="paper"):
    """The cells that describe each image box: pixels in, cells out.

    For one axis, with S the stride, c the first centre, and x0, x1 the first and last pixel of the box:

    ============  ==============================  ===============================
    rule          first cell                      last cell
    ============  ==============================  ===============================
    ``paper``     floor((x0 - c) / S) + 1         ceil((x1 - c) / S) - 1
    ``released``  floor((x0 - c) / S + 29/32)     ceil((x1 - c) / S - 29/32)
    ============  ==============================  ===============================

    The paper keeps the cells whose centre lies strictly inside the box (appendix A; the offset c serves
    trunks whose padding is not floor(p/2) everywhere). The released code is 1.5 pixels of ZF-5 more generous:
    its 6.5/16 + 1/2 is 29/32 of a stride, which is how it is carried to other strides here.
    Either rule can invert a small box; as in the released code both ends then become their mean. Last,
    cells are clamped to the map, so a window is never empty and never outside.

    Parameters
    ----------
    boxes : int array (R, 5)
        Rows ``(image, top, left, bottom, right)`` in pixels of the picture that went through the trunk,
        half-open. Boxes may lie partly or wholly outside the picture.
    field : Field
    height, width : int
        Cells of the feature map.
    rule : "paper" or "released"

    Returns
    -------
    int32 array (R, 5)
        Windows, in cells.

    Examples
    --------
    >>> box_to_cells([[0, 0, 0, 224, 100]], Field(16, 139, 20), 13, 13).tolist()
    [[0, 0, 0, 13, 5]]
    """
    boxes = np.asarray(boxes)
    if boxes.size == 0:
        return np.zeros((0, 5), np.int32)
    if boxes.ndim != 2 or boxes.shape[1] != 5 or not np.issubdtype(boxes.dtype, np.integer):
        raise ValueError(
            "box_to_cells: expected integer rows (image, top, left, bottom, right) in pixels, "
            f"got {boxes.dtype} {boxes.shape}"
        )
    if rule not in ("paper", "released"):
        raise ValueError(f'box_to_cells: expected the rule "paper" or "released", got {rule!r}')
    require_positive("box_to_cells", height=height, width=width)
    boxes = boxes.astype(np.int64)
    if (boxes[:, 1] >= boxes[:, 3]).any() or (boxes[:, 2] >= boxes[:, 4]).any():
        row = int(np.argmax((boxes[:, 1] >= boxes[:, 3]) | (boxes[:, 2] >= boxes[:, 4])))
        raise ValueError(
            f"box_to_cells: expected top < bottom and left < right, got box {row}: {boxes[row].tolist()}"
        )
    cells = np.empty(boxes.shape, np.int32)
    cells[:, 0] = boxes[:, 0]
    for axis, count in ((1, height), (2, width)):
        first, last = _cells_of_interval(boxes[:, axis], boxes[:, axis + 2] - 1, field, rule)
        middle = (first + last) // 2
        inverted = first > last
        first, last = np.where(inverted, middle, first), np.where(inverted, middle, last)
        cells[:, axis] = np.clip(first, 0, count - 1)
        cells[:, axis + 2] = np.clip(last, 0, count - 1) + 1
    return cells


def _cells_of_interval(first_pixel, last_pixel, field, rule):
    stride, twice_centre = field.stride, int(2 * field.centre)  # halves become integers
    above, below = 2 * first_pixel - twice_centre, 2 * last_pixel - twice_centre
    if rule == "paper":
        return above // (2 * stride) + 1, -(-below // (2 * stride)) - 1
    unit = 32 * stride  # (x - c)/S + 29/32 = (16 * 2(x - c) + 29 S) / 32 S
    return (16 * above + 29 * stride) // unit, -((29 * stride - 16 * below) // unit)


def cells_to_box(windows, field):
    """An image box that the paper's rule maps back to exactly these cells: cells in, pixels out.

    It reaches about half a stride beyond the outermost centres: from ``c + S*left - ceil(S/2)`` to the pixel
    ``c + S*(right - 1) + ceil(S/2)``, so the boxes of neighbouring cells tile the picture up to a pixel.
    It is not clipped to the picture.

    Examples
    --------
    >>> zf5 = Field(16, 139, 20)
    >>> cells_to_box([[0, 2, 0, 3, 5]], zf5).tolist()
    [[0, 44, 12, 61, 93]]
    >>> box_to_cells(cells_to_box([[0, 2, 0, 3, 5]], zf5), zf5, 13, 13).tolist()
    [[0, 2, 0, 3, 5]]
    """
    windows = np.asarray(windows).reshape(-1, 5)
    stride, twice_centre = field.stride, int(2 * field.centre)
    boxes = windows.astype(np.int32)
    boxes[:, 1:3] = (twice_centre + 1) // 2 + stride * (boxes[:, 1:3] - 1) + stride // 2
    boxes[:, 3:5] = twice_centre // 2 + stride * (boxes[:, 3:5] - 1) + (stride + 1) // 2 + 1
    return boxes


def receptive_box(windows, field):
    """All pixels that the cells of each window can see: cells in, pixels out, not clipped to the picture.

    Examples
    --------
    The first cell of ZF-5 sees 139 pixels around pixel 20:

    >>> receptive_box([[0, 0, 0, 1, 1]], Field(16, 139, 20)).tolist()
    [[0, -49, -49, 90, 90]]
    """
    boxes = np.asarray(windows).reshape(-1, 5).astype(np.int32)
    start = (int(2 * field.centre) - (field.size - 1)) // 2
    boxes[:, 1:3] = start + field.stride * boxes[:, 1:3]
    boxes[:, 3:5] = start + field.stride * (boxes[:, 3:5] - 1) + field.size
    return boxes

"""What features of n windows cost: a convolution of each warped window, or one of the picture at each scale.

In pixels, as the paper counts (section 4.3), n windows of ``side^2`` pixels stand against the ``r s^2`` of a picture of
aspect ratio r and shorter side s, for each scale. Multiply-adds of the convolutions count what is really computed, and
so also that layers without full padding make fewer cells of a small picture, for each of its pixels.
"""

from typing import NamedTuple

from minispp.data.augment import size_at
from minispp.detection.describe import as_scales
from minispp.layers import Conv2D


class Cost(NamedTuple):
    """Pixels that are convolved, and multiply-adds of all convolutions."""

    pixels: int
    multiply_adds: int


def multiply_adds(net, height, width):
    """Multiply-adds of all convolutions of one picture: of each ``h' w' k^2 C_in C_out``, of an output h' x w' x C_out.

    Parameters
    ----------
    net : Net
    height, width : int
        Of the picture that enters it.

    Returns
    -------
    int

    Examples
    --------
    >>> from minispp import zoo
    >>> multiply_adds(zoo.zf5(10), 224, 224)
    1109410944
    """
    shape, total = (1, height, width, 3), 0
    for layer in net.trunk:
        shape = layer.output_shape(shape)
        if isinstance(layer, Conv2D):
            _, rows, columns, channels = shape
            total += rows * columns * channels * layer.kernel**2 * layer.in_channels
    return total


def of_windows(net, count, side):
    """R-CNN: `count` windows, each warped to ``side x side`` pixels and convolved.

    Examples
    --------
    >>> from minispp import zoo
    >>> of_windows(zoo.zf5(10), 2000, 227).pixels
    103058000
    """
    return Cost(count * side**2, count * multiply_adds(net, side, side))


def of_picture(net, shape, scales):
    """SPP-net: a picture of this shape, convolved once at each scale, whatever the number of windows.

    Parameters
    ----------
    net : Net
    shape : (H, W) or (H, W, 3)
        Of the picture.
    scales : int, or rising sequence of int
        Shorter sides of the resized picture.

    Examples
    --------
    >>> from minispp import zoo
    >>> one, windows = of_picture(zoo.zf5(10), (500, 667), 688), of_windows(zoo.zf5(10), 2000, 227)
    >>> round(windows.pixels / one.pixels), round(windows.multiply_adds / one.multiply_adds)
    (163, 146)
    """
    sizes = [size_at(*shape[:2], scale) for scale in as_scales(scales)]
    return Cost(sum(height * width for height, width in sizes), sum(multiply_adds(net, *size) for size in sizes))

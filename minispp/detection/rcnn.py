"""The way it was done before: each window is cut out, warped to one size, and convolved by itself.

This is R-CNN's description of a picture (Girshick et al. 2014), with the trunk, weights and pyramid of the net that
`minispp.detection.describe` uses, so that whatever reads features reads those of both, and the two can be compared.
"""

import numpy as np
from tqdm import tqdm

from minispp.detection.bilinear import warp_windows
from minispp.detection.describe import check_boxes, mirrored, vector_length
from minispp.windows import require_positive

BATCH = 16  # windows convolved at once: see benchmarks/README.md


def warp(picture, boxes, side, *, context=0, fill=(0, 0, 0)):
    """Each box cut out and warped, whatever its shape, to ``side x side`` pixels.

    The box itself becomes n x n pixels, ``n = side - 2 context``; what lies around it, a margin of `context` pixels
    on each side. R-CNN took 16 of 227. Output row i samples the picture at row ::

        y = top - 1/2 + (i - context + 1/2) * (bottom - top) / n

    and columns likewise: pixels are squares, and their centres are sampled. Between four pixels the value is
    bilinear, without averaging over more where a window shrinks, as in R-CNN; rounded to nearest, halves up, all in
    exact arithmetic. Pixels beyond what was cut out, the box with its context, are taken to be like those at its
    edge; outside the picture there is only `fill`.

    Parameters
    ----------
    picture : uint8 array (H, W, 3)
    boxes : int array (R, 4)
        In the picture; only the context may leave it.
    side : int
    context : int
        Pixels of the result, less than half of `side`.
    fill : three int
        The colour outside the picture: the mean, if zero is to be what the net sees there.

    Returns
    -------
    uint8 array (R, side, side, 3)

    Examples
    --------
    >>> picture = np.repeat(np.array([[0, 100, 200]], np.uint8), 3).reshape(1, 3, 3)
    >>> warp(picture, [[0, 0, 1, 3], [0, 1, 1, 3]], 4)[:, 0, :, 0].tolist()
    [[0, 63, 138, 200], [100, 125, 175, 200]]
    >>> warp(picture, [[0, 1, 1, 2]], 3, context=1, fill=(9, 9, 9))[0, :, :, 0].tolist()
    [[9, 9, 9], [0, 100, 200], [9, 9, 9]]
    """
    picture = np.require(picture, requirements="CW")  # the loops are compiled once, for arrays like this
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"warp: expected a uint8 picture (H, W, 3), got {picture.dtype} {picture.shape}")
    require_positive("warp", side=side)
    if not 0 <= 2 * context < side:
        raise ValueError(f"warp: expected a context of 0 or more pixels, less than half of {side}, got {context}")
    boxes = check_boxes(boxes, picture.shape)
    out = np.empty((len(boxes), side, side, 3), np.uint8)
    warp_windows(picture, boxes, int(context), np.array(fill, np.uint8), out)
    return out


def describe(net, picture, boxes, side, *, context=0, batch=BATCH, flip=False, progress=False):
    """The pooled features of each box, each from a convolution of its own.

    Parameters
    ----------
    net : Net
        With spatial pyramid pooling, or the twin without it, made for `side`.
    picture : uint8 array (H, W, 3)
    boxes : int array (R, 4)
    side : int
        Pixels to warp each box to; R-CNN's is 227.
    context : int
        See `warp`; outside the picture the net sees its mean.
    batch : int
        Windows convolved at once: a matter of time, and, at most, of rounding.
    flip : bool
        Describe the mirror image instead, and in it the mirrored boxes.
    progress : bool

    Returns
    -------
    array (R, M*C)
        In the order of the boxes, in the net's float type.

    Examples
    --------
    >>> from minispp import zoo
    >>> picture = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    >>> describe(zoo.small(3), picture, [[5, 8, 40, 60], [0, 0, 60, 90]], 48).shape
    (2, 4800)
    """
    require_positive("rcnn.describe", batch=batch)
    if flip:
        picture, boxes = mirrored(picture, boxes)
    boxes = check_boxes(boxes, picture.shape)
    fill = (0, 0, 0) if net.mean is None else np.rint(net.mean)
    features = np.empty((len(boxes), vector_length(net, side, side)), net.dtype)
    starts = range(0, len(boxes), batch)
    with net.testing():
        for start in tqdm(starts, desc="warped windows", unit="batch", delay=2, disable=not progress):
            part = slice(start, start + batch)
            maps = net.features(net.prepare(warp(picture, boxes[part], side, context=context, fill=fill)))
            features[part] = net.ops.to_numpy(net.pool(maps))
    return features

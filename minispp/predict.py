"""Classifying a picture: one view, the whole picture, or many views.

Every function returns the probabilities of each view it took, (views, classes): their mean over the views is the
prediction. A net with spatial pyramid pooling takes its views on feature maps, so one convolution of a picture
serves them all; `multi_crop` takes the same views as crops, the way it was done before, to compare.
"""

import numpy as np
from tqdm import tqdm

from minispp.data import centre_view, five_regions, resize, resize_min_side
from minispp.data.augment import MARGIN
from minispp.fields import box_to_cells
from minispp.windows import whole_maps

# The paper's six scales (shorter side) for views of 224 pixels, section 3.1.5.
PAPER_SCALES = (224, 256, 300, 360, 448, 560)


def centre_crop(net, picture, size, margin=MARGIN):
    """The centre square, its side the picture's shorter side divided by `margin`, seen at ``size x size``.

    Parameters
    ----------
    net : Net
    picture : uint8 array (H, W, 3)
    size : int
        Pixels.

    Returns
    -------
    array (1, classes)
        Probabilities.

    Examples
    --------
    >>> from minispp import zoo
    >>> picture = np.zeros((60, 90, 3), np.uint8)
    >>> centre_crop(zoo.small(5), picture, 64).shape
    (1, 5)
    """
    return probabilities(net, centre_view(picture, size, margin)[None])


def warped(net, picture, size):
    """The whole picture squeezed to ``size x size``: all that a net without SPP can do with it. (1, classes)."""
    return probabilities(net, resize(picture, size, size)[None])


def ten_crops(net, picture, size, margin=MARGIN):
    """Centre and four corners, each also mirrored: Krizhevsky's ten views. (10, classes)."""
    regions = five_regions(*picture.shape[:2], margin)
    views = [resize(picture[top:bottom, left:right], size, size) for top, left, bottom, right in regions]
    return probabilities(net, with_mirrored(np.stack(views)))


def full_image(net, picture, min_side):
    """The whole picture with its aspect ratio, its shorter side resized to `min_side` pixels. (1, classes).

    Examples
    --------
    >>> from minispp import zoo
    >>> full_image(zoo.small(5), np.zeros((60, 90, 3), np.uint8), 64).shape
    (1, 5)
    """
    return probabilities(net, resize_min_side(picture, min_side)[None])


def multi_view(net, picture, size, scales=None, full=True):
    """Views of ``size x size`` pixels at several scales, pooled as windows of one feature map a scale.

    At each scale the picture is resized, it and its mirror image are convolved once, and the views at the centre, the
    four corners and the middles of the four sides become windows of their maps (paper, section 3.1.5 and
    appendix A). At the scale whose shorter side is the view itself only three places differ; the paper's six
    scales make 5*18 + 6 = 96 views.

    Parameters
    ----------
    net : Net
        With spatial pyramid pooling.
    picture : uint8 array (H, W, 3)
    size : int
        Side of a view in pixels; what the net was trained at.
    scales : sequence of int, optional
        Shorter sides of the resized picture. The paper's, in proportion to `size`, if not given.
    full : bool
        Add the whole picture and its mirror image, at shorter side ``size * 256/224``.

    Returns
    -------
    array (views, classes)

    Examples
    --------
    >>> from minispp import zoo
    >>> multi_view(zoo.small(5), np.zeros((60, 90, 3), np.uint8), size=48).shape
    (98, 5)
    """
    scales, full_scale = _scales(size, scales), _full_scale(size)
    rows = []
    for scale in sorted({*scales, full_scale}) if full else scales:
        resized = resize_min_side(picture, scale)
        maps = net.features(net.prepare(with_mirrored(resized[None])))
        windows = []
        if scale in scales:
            boxes = view_boxes(*resized.shape[:2], size)
            both = np.concatenate([boxes, boxes + np.array([1, 0, 0, 0, 0])])
            windows.append(box_to_cells(both, net.field, *maps.shape[1:3]))
        if full and scale == full_scale:
            windows.append(whole_maps(*maps.shape[:3]))
        rows.append(softmax(net.ops.to_numpy(net.classify(net.pool(maps, np.concatenate(windows))))))
    return np.concatenate(rows)


def multi_crop(net, picture, size, scales=None, full=True):
    """The views of `multi_view`, each cut from the resized picture and convolved by itself. (views, classes).

    The second half of a scale's rows mirrors its first half view by view; in `multi_view` it takes the same places
    of the mirrored picture. The views are the same, and so is their mean, in another order.

    Examples
    --------
    >>> from minispp import zoo
    >>> multi_crop(zoo.small(5), np.zeros((60, 90, 3), np.uint8), size=48, scales=[60], full=False).shape
    (18, 5)
    """
    scales, full_scale = _scales(size, scales), _full_scale(size)
    rows = []
    for scale in sorted({*scales, full_scale}) if full else scales:
        resized = resize_min_side(picture, scale)
        if scale in scales:
            boxes = view_boxes(*resized.shape[:2], size)
            crops = np.stack([resized[top:bottom, left:right] for _, top, left, bottom, right in boxes])
            rows.append(probabilities(net, with_mirrored(crops)))
        if full and scale == full_scale:
            rows.append(probabilities(net, with_mirrored(resized[None])))
    return np.concatenate(rows)


def view_boxes(height, width, size):
    """Squares of `size` pixels at the centre, the corners and the middles of the sides, each place once.

    Returns
    -------
    int array (V, 5)
        Rows ``(0, top, left, bottom, right)``; V is 9, or 3 if one side of the picture is `size`, or 1 if both are.

    Examples
    --------
    >>> view_boxes(48, 60, 48).tolist()
    [[0, 0, 0, 48, 48], [0, 0, 6, 48, 54], [0, 0, 12, 48, 60]]
    """
    if height < size or width < size:
        raise ValueError(f"view_boxes: a view of {size} pixels does not fit into a picture of {height}x{width}")
    tops, lefts = (sorted({0, (side - size) // 2, side - size}) for side in (height, width))
    return np.array([(0, top, left, top + size, left + size) for top in tops for left in lefts])


def with_mirrored(pictures):
    """Pictures (N, H, W, 3), followed by their mirror images: (2N, H, W, 3)."""
    return np.concatenate([pictures, pictures[:, :, ::-1]])


def probabilities(net, pictures):
    """Pictures (N, H, W, 3), 0..255 -> softmax of the net's scores, (N, classes)."""
    return softmax(net.ops.to_numpy(net.forward(net.prepare(pictures))))


def softmax(scores):
    """``exp(z) / sum of exp(z)`` along the last axis."""
    exp = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


def evaluate(net, data, predict, top=1, progress=True):
    """The share of pictures whose label is among the `top` most probable classes.

    Parameters
    ----------
    net : Net
    data : dataset
    predict : function
        ``predict(net, picture) -> (views, classes)``, such as ``lambda net, picture: full_image(net, picture, 256)``.
    top : int
    progress : bool

    Examples
    --------
    >>> from minispp import zoo
    >>> data = [(np.zeros((40, 50, 3), np.uint8), 0)]
    >>> evaluate(zoo.small(3), data, lambda net, picture: full_image(net, picture, 48), top=3)
    1.0
    """
    if len(data) == 0:
        raise ValueError("evaluate: expected at least one picture")
    return float(answers(net, data, predict, top, progress).mean())


def answers(net, data, predict, top=1, progress=True):
    """Whether each picture's label is among the `top` most probable classes: a bool array (pictures,).

    Parameters as for `evaluate`. `minispp.compare.difference` compares two ways of predicting by their answers.

    Examples
    --------
    >>> from minispp import zoo
    >>> data = [(np.zeros((40, 50, 3), np.uint8), 0)]
    >>> answers(zoo.small(3), data, lambda net, picture: full_image(net, picture, 48), top=3).tolist()
    [True]
    """
    right = np.zeros(len(data), bool)
    with net.testing():
        for index in tqdm(range(len(data)), desc="evaluating", unit="picture", delay=2, disable=not progress):
            picture, label = data[index]
            mean = predict(net, picture).mean(axis=0)
            right[index] = label in np.argsort(-mean, kind="stable")[:top]
    return right


def _scales(size, scales):
    if scales is None:
        return [round(scale * size / PAPER_SCALES[0]) for scale in PAPER_SCALES]
    scales = sorted(set(scales))
    if not scales or scales[0] < size:
        raise ValueError(f"multi-view: expected scales of at least the view's {size} pixels, got {scales}")
    return scales


def _full_scale(size):
    return round(size * MARGIN)

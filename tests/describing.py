"""What must be true of any description of windows, ours or a broken one, with its oracles: see properties.py."""

from decimal import Decimal, localcontext
from fractions import Fraction

import naive
import numpy as np
import tiny

from minispp.data.augment import resize_min_side
from minispp.kernels import reference

PAPER_SCALES = (480, 576, 688, 864, 1200)

# ---------------------------------------------------------------------------------------------------
# Oracles


def nearest_scale(box, shape, scales, rule, side):
    """Every scale tried; the first of those that are as near. The area is a fraction, a root has 60 digits."""
    top, left, bottom, right = box
    area, shorter = (bottom - top) * (right - left), min(shape[:2])
    with localcontext(prec=60):
        if rule == "area":
            far = [abs(Fraction(area * scale**2, shorter**2) - side**2) for scale in scales]
        else:
            far = [abs(scale - Decimal(side * shorter) / Decimal(area).sqrt()) for scale in scales]
        return far.index(min(far))


def pixels_touched(start, stop, size, resized):
    """First and last + 1 of the resized pixels that overlap an interval of pixels.

    Resized pixel p reaches from ``p * size / resized`` to ``(p + 1) * size / resized``; nothing is divided.
    """
    touched = [p for p in range(resized) if p * size < stop * resized and (p + 1) * size > start * resized]
    return touched[0], touched[-1] + 1


def cells_of_box(box, shape, size, net, maps, rule="paper"):
    """(top, left, bottom, right) in cells of a box in pixels of the picture, which was resized to `size`."""
    stride, _, centre = net.field
    slack = Fraction(3, 32) * stride if rule == "released" else 0
    ends = []
    for axis in (0, 1):
        start, stop = pixels_touched(box[axis], box[axis + 2], shape[axis], size[axis])
        ends.append(
            naive.cells_of_interval(start, stop - 1, stride, Fraction(centre), maps.shape[axis + 1], slack)
        )
    (top, bottom), (left, right) = ends
    return top, left, bottom, right


def described(net, picture, boxes, scales, rule="area", side=224, cell_rule="paper"):
    """Features (R, M*C) in plain loops: a box, its scale, its cells, its bins, the largest of each channel."""
    rows = []
    for box in boxes:
        resized = resize_min_side(picture, scales[nearest_scale(box, picture.shape, scales, rule, side)])
        maps = net.features(net.prepare(resized[None]))
        top, left, bottom, right = cells_of_box(box, picture.shape, resized.shape, net, maps, cell_rule)
        cut = maps[0, top:bottom, left:right]
        vector = []
        for level in net.pool_layer.levels:
            for ys in naive.bin_cells(bottom - top, level[0]):
                for xs in naive.bin_cells(right - left, level[1]):
                    vector.append(cut[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1].max(axis=(0, 1)))
        rows.append(np.concatenate(vector))
    return np.array(rows)


def warped(picture, box, side, context=0, fill=(0, 0, 0)):
    """One window (side, side, 3), pixel by pixel, in fractions."""
    n = side - 2 * context
    out = np.zeros((side, side, 3), np.uint8)
    for row, column in np.ndindex(side, side):
        weights = []
        for axis, at in enumerate((row, column)):
            start, stop, size = box[axis], box[axis + 2], picture.shape[axis]
            around = Fraction(context * (stop - start), n)
            low, high = max(0, (start - around).__floor__()), min(size, (stop + around).__ceil__()) - 1
            position = start + (at - context + Fraction(1, 2)) * Fraction(stop - start, n)  # of a point, not a pixel
            if not 0 <= position < size:
                weights.append({})
                continue
            before = (position - Fraction(1, 2)).__floor__()
            after = position - Fraction(1, 2) - before
            taps = {}
            for pixel, weight in ((before, 1 - after), (before + 1, after)):
                pixel = min(max(pixel, low), high)
                taps[pixel] = taps.get(pixel, 0) + weight
            weights.append(taps)
        rows, columns = weights
        for c in range(3):
            value = sum(u * v * int(picture[i, j, c]) for i, u in rows.items() for j, v in columns.items())
            out[row, column, c] = (value + Fraction(1, 2)).__floor__() if rows and columns else fill[c]
    return out


# ---------------------------------------------------------------------------------------------------
# Properties


def some_boxes(rng, count, height, width):
    """Boxes in the picture, of all sizes and shapes: the whole, one pixel in each corner, a row, a column, any."""
    boxes = [
        [0, 0, height, width],
        [0, 0, 1, 1],
        [height - 1, width - 1, height, width],
        [0, width - 1, 1, width],
        [0, width // 2, height, width // 2 + 1],
        [height // 3, 0, height // 3 + 1, width],
    ]
    top, left = rng.integers(0, height, count), rng.integers(0, width, count)
    bottom, right = rng.integers(top, height) + 1, rng.integers(left, width) + 1
    return np.concatenate([boxes, np.stack([top, left, bottom, right], axis=1)]).astype(np.int32)


def boxes_take_the_nearest_scale(scale_of, rule="area", side=224):
    """``scale_of(boxes, shape, scales)``: thousands of boxes of pictures of all shapes, and exact ties."""
    rng = np.random.default_rng(11)
    shapes = (500, 667, 3), (667, 500), (300, 1000, 3), (375, 375), (1500, 1200), (61, 53)
    for shape in shapes:
        for scales in (PAPER_SCALES, (688,), (30, 97), (100, 101, 103)):
            boxes = some_boxes(rng, 120, *shape[:2])
            expected = [nearest_scale(box, shape, scales, rule, side) for box in boxes.tolist()]
            found = np.asarray(scale_of(boxes, shape, scales)).tolist()
            assert found == expected, f"picture {shape}, scales {scales}"
    for box, shape, scales in exact_ties(rule, side):
        found = np.asarray(scale_of(np.array([box]), shape, scales)).tolist()
        assert found == [0], f"a tie of {scales} for {box} in {shape}: {found}"
        top, left, bottom, right = box
        if top and left and right - left > 1:  # one pixel less, (k - 1)(k + 1) for k^2: larger by a hair is nearer
            found = np.asarray(scale_of(np.array([[top - 1, left, bottom, right - 1]]), shape, scales)).tolist()
            assert found == [1], f"nearly a tie of {scales} for {box} in {shape}: {found}"


def exact_ties(rule, side):
    """Squares of which two scales are exactly as near: (box, shape, scales); `side` is a multiple of 8.

    By area ``A (s^2 + s'^2) = 2 T^2 m^2``: u and 7u make 50 u^2, 7u and 17u make 338 u^2 = 2 (13 u)^2. By side
    ``sqrt(A) (s + s') = 2 T m``.
    """
    for k in (1, 2, 7, 60, 1500):
        if rule == "area":
            yield [k, k, 5 * k, 5 * k], (5 * k, 6 * k), (side // 4, 7 * side // 4)
            yield [k, 0, 9 * k, 8 * k], (15 * k, 13 * k), (7 * side // 8, 17 * side // 8)
        else:
            yield [k, k, 2 * k, 2 * k], (2 * k, 3 * k), (side, 3 * side)
            yield [k, 0, 3 * k, 2 * k], (4 * k, 3 * k), (side, 2 * side)


def boxes_follow_the_picture(resized_boxes):
    """``resized_boxes(boxes, shape, size)``: the pixels each box touches; also unsigned boxes, of 8 and of 16 bits."""
    rng = np.random.default_rng(12)
    for shape, size in (
        ((50, 67, 3), (69, 92)),
        ((67, 50), (32, 24)),
        ((13, 40, 3), (13, 40)),
        ((9, 31), (4, 14)),
        ((30, 44), (200, 293)),
        ((200, 150), (7, 5)),
        ((1, 3), (5, 15)),
        ((4, 6), (1, 2)),
    ):
        boxes = some_boxes(rng, 80, *shape[:2])
        for table in (boxes, boxes.astype(np.uint16), boxes.astype(np.uint8)):
            found = np.asarray(resized_boxes(table, shape, size)).tolist()
            for box, resized in zip(boxes.tolist(), found, strict=True):
                rows, columns = (
                    pixels_touched(box[axis], box[axis + 2], shape[axis], size[axis]) for axis in (0, 1)
                )
                assert resized == [rows[0], columns[0], rows[1], columns[1]], f"{box} of {shape} at {size}"


def windows_are_described(describe, ops=reference):
    """``describe(net, picture, boxes, scales, area_side=T)``: the loops; the same in every call, in the boxes' order.

    The trunk has a stride of 4. Pictures are not square, boxes of all sizes come in no order, scales are several.
    """
    rng = np.random.default_rng(13)
    net = tiny.net(levels=(3, 2, 1), mean=(120, 110, 100), std=(60, 50, 70), dtype=np.float64).to(ops)
    for height, width in ((37, 52), (60, 41), (33, 33)):
        picture = rng.integers(0, 256, (height, width, 3), np.uint8)
        boxes = rng.permutation(some_boxes(rng, 12, height, width))
        for scales in ((29, 40, 61), (40,)):
            expected = described(net, picture, boxes.tolist(), scales, side=25)
            for _ in range(3):
                found = describe(net, picture, boxes, scales, area_side=25)
                assert found.shape == expected.shape and np.array_equal(found, expected), f"{picture.shape}, {scales}"


def mirrors_are_true(mirrored):
    """``mirrored(picture, boxes) -> picture, boxes``: a box holds the same pixels, in reverse."""
    rng = np.random.default_rng(14)
    for height, width in ((7, 11), (11, 7), (5, 5), (1, 4), (3, 1)):
        picture = rng.integers(0, 256, (height, width, 3), np.uint8)
        boxes = some_boxes(rng, 20, height, width)
        for table in (boxes, boxes.astype(np.uint8)):
            before = picture.copy(), table.copy()
            mirror, found = mirrored(picture, table)
            assert np.array_equal(picture, before[0]) and np.array_equal(table, before[1]), "the arguments changed"
            for box, (top, left, bottom, right) in zip(boxes.tolist(), np.asarray(found).tolist(), strict=True):
                inside = picture[box[0] : box[2], box[1] : box[3]]
                assert np.array_equal(mirror[top:bottom, left:right], inside[:, ::-1]), f"{box} of {picture.shape}"

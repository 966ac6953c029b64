"""Exercises of notebook 9: against R-CNN."""

import math
from fractions import Fraction

import numpy as np

from minispp.data.augment import size_at
from minispp.detection.describe import PAPER_SCALES, scale_of
from minispp.exercises.grading import Wrong, call, exercise
from minispp.windows import sliding_count


def _require_number(what, got, want, typical):
    """Compare whole numbers; if another came, tell the mistake that gives it."""
    if np.shape(got) != () or isinstance(got, str):
        raise Wrong(f"{what} should be one number, and is {got!r}.")
    if got == want:
        return
    for mistaken, hint in typical:
        if got == mistaken:
            raise Wrong(f"{what} is {got}, and should be {want}. {hint}")
    raise Wrong(f"{what} is {got}, and should be {want}.")


# ---------------------------------------------------------------------------------------------------

CONV, POOL = "conv", "pool"
# Each makes a difference that the ones before do not: no rounding, padding, stride, several layers, pooling.
TRUNKS = [
    (((CONV, 1, 1, 0, 5),), 7, 9, 3),
    (((CONV, 3, 1, 0, 4),), 7, 9, 2),
    (((CONV, 3, 1, 1, 4),), 7, 9, 2),
    (((CONV, 5, 2, 2, 4),), 20, 31, 3),
    (((CONV, 3, 1, 1, 4), (CONV, 3, 1, 1, 6)), 12, 10, 3),
    (((CONV, 3, 1, 1, 4), (POOL, 2, 2, 0, 0), (CONV, 3, 1, 0, 6)), 12, 20, 3),
    (((CONV, 3, 1, 1, 4), (POOL, 3, 2, 0, 0), (CONV, 3, 1, 1, 6)), 12, 14, 3),
]
ZF5 = ((CONV, 7, 2, 1, 96), (POOL, 3, 2, 0, 0), (CONV, 5, 2, 0, 256), (POOL, 3, 2, 0, 0))
ZF5 += ((CONV, 3, 1, 1, 384), (CONV, 3, 1, 1, 384), (CONV, 3, 1, 1, 256))
TRUNKS.append((ZF5, 227, 340, 3))


@exercise
def multiply_adds(answer):
    """Multiply-adds of all convolutions of a trunk: an int.

    `layers` is a tuple of rows ("conv", kernel, stride, pad, filters) or ("pool", kernel, stride, pad, 0), one after
    the other, on a picture of height x width x channels. The number of outputs along an axis is
    (size + 2 pad - kernel) / stride + 1, rounded down for a convolution, and up for a pooling, which costs nothing.
    """
    for layers, height, width, channels in TRUNKS:
        shown = ", ".join(f"{kind} {kernel}/{stride} pad {pad}" for kind, kernel, stride, pad, _ in layers)
        what = f"multiply_adds([{shown}], {height}, {width}, {channels})"
        case = layers, height, width, channels
        _require_number(what, call(answer, *case), _count(*case), _wrong_counts(*case))
    return f"Tried on {len(TRUNKS)} trunks, ZF-5 on a picture of 227 x 340 pixels among them."


def _count(layers, height, width, channels, times=1, power=2, deep=True, before=False, pads=True, ceil=True, pool=True):
    """The right count; or, with the other arguments, the mistaken ones."""
    total, first = 0, channels
    for kind, kernel, stride, pad, filters in layers:
        if kind == POOL and not pool:
            continue
        size = height, width
        up = ceil == "all" or (kind == POOL and ceil)
        height, width = (sliding_count(each, kernel, stride, pad if pads else 0, up) for each in size)
        if kind == CONV:
            rows, columns = size if before else (height, width)
            total += times * rows * columns * kernel**power * (channels if deep else 1) * filters
            channels = filters if deep != "first" else first
    return total


def _wrong_counts(*case):
    """What typical mistakes give, each with a hint."""
    return [
        (_count(*case, times=2), "A multiplication with its addition counts once, not as two operations."),
        (_count(*case, deep=False), "Each output sums over all channels of the input: C_in is a factor."),
        (_count(*case, power=1), "A kernel has k rows and k columns: k^2 products for each channel."),
        (_count(*case, pads=False), "The padding is missing: an axis has size + 2 pad cells to move over."),
        (_count(*case, before=True), "Count the outputs of a layer, not its inputs: the stride makes them fewer."),
        (_count(*case, deep="first"), "The channels that enter a layer are the filters of the convolution before it."),
        (_count(*case, pool=False), "A pooling costs nothing, but the layers behind it see a smaller map."),
        (_count(*case, ceil="all"), "The outputs of a convolution are rounded down, only those of a pooling up."),
        (_count(*case, ceil=False), "The outputs of a pooling are rounded up, as in Caffe; here a cell was lost."),
    ]


# ---------------------------------------------------------------------------------------------------

SHAPES = [
    (227, (688, 688), (688,)),
    (10, (100, 100), (20,)),  # exactly 4 windows have as many pixels
    (227, (500, 667), (688,)),
    (227, (640, 480), (688,)),
    (48, (134, 166), (80, 112, 160, 224, 320)),
    (224, (375, 500), PAPER_SCALES),
    (2, (30, 44), (10,)),  # 44 / 3 is rounded to 15
    (500, (60, 90), (24,)),  # one window is dearer
]


@exercise
def break_even(answer):
    """The smallest number of windows for which SPP-net convolves fewer pixels than R-CNN: an int.

    R-CNN convolves ``side * side`` pixels for each window; SPP-net the picture of `shape` (height, width) at each of
    the `scales`, resized so that its shorter side is the scale; the longer one is rounded to the nearest integer.
    """
    for side, shape, scales in SHAPES:
        what = f"break_even({side}, {shape}, {scales})"
        got, want = call(answer, side, shape, scales), _windows(side, shape, scales)
        _require_number(what, got, want, _wrong_windows(side, shape, scales))
    return f"Tried on {len(SHAPES)} pictures: tall, wide, one scale and several, and a tie."


def _windows(side, shape, scales):
    return sum(height * width for height, width in (size_at(*shape, scale) for scale in scales)) // side**2 + 1


def _wrong_windows(side, shape, scales):
    """What typical mistakes give, each with a hint."""
    height, width = shape
    pixels = sum(h * w for h, w in (size_at(*shape, scale) for scale in scales))
    squares = sum(scale**2 for scale in scales)
    tall = sum(round(scale * width / height) * scale for scale in scales)
    floors = sum(scale * int(scale * max(shape) / min(shape)) for scale in scales)
    ratio = Fraction(max(shape), min(shape))
    unrounded, ceilings = (int(sum(scale * each(scale * ratio) for scale in scales)) for each in (Fraction, math.ceil))
    whole = "The longer side is rounded to a whole number of pixels before it is multiplied"
    more = "SPP-net is to convolve fewer pixels than R-CNN: with as many it has not won yet."
    return [
        (unrounded // side**2 + 1, f"{whole}."),
        (-(-pixels // side**2), more),
        (pixels // side**2, f"{more} At this number R-CNN still convolves no more."),
        (squares // side**2 + 1, "A picture of shorter side s has more than s^2 pixels: the aspect ratio is missing."),
        (-(-squares // side**2), "A picture of shorter side s has more than s^2 pixels: the aspect ratio is missing."),
        (height * width // side**2 + 1, "The picture is convolved at the scales, not at its own size."),
        (tall // side**2 + 1, "The scale is the shorter side, which is the width of a tall picture."),
        *((_windows(side, shape, [one]), "All scales are convolved: add them up.") for one in (scales[0], scales[-1])),
        (ceilings // side**2 + 1, "The longer side is rounded to the nearest integer, not up."),
        (floors // side**2 + 1, "The longer side is rounded to the nearest integer, not down."),
        (pixels // side + 1, "A window of this side has side * side pixels."),
    ]


# ---------------------------------------------------------------------------------------------------

WINDOWS = [
    ((0, 0, 224, 224), (500, 500), (100, 250, 500, 1000), 224),
    ((0, 0, 100, 100), (300, 600), (100, 300, 600, 1200), 100),
    ((0, 0, 100, 100), (600, 300), (100, 300, 600, 1200), 100),
    ((10, 30, 60, 230), (300, 600), (100, 300, 600, 1200), 100),
    ((100, 100, 200, 200), (500, 500), (100, 250, 500, 1000), 100),
    ((0, 0, 100, 100), (100, 150), (30, 65), 50),  # sides of 30 and 65, areas of 900 and 4,225
    ((0, 0, 100, 100), (100, 150), (10, 70), 50),  # areas of 100 and 4,900, as near to 2,500
    ((0, 0, 10, 10), (100, 150), (440, 500), 50),  # exactly 2,500 at 500
    ((0, 0, 93, 93), (500, 667), PAPER_SCALES, 224),
    ((5, 5, 6, 6), (480, 640), PAPER_SCALES, 224),
    ((0, 0, 480, 640), (480, 640), PAPER_SCALES, 224),
]


@exercise
def choose_scale(answer):
    """The scale at which a box is nearest to the size that the net was trained on: an int, one of `scales`.

    The picture of `shape` (height, width) is resized so that its shorter side is s. Of the rising `scales` s, choose
    the one at which the area of the `box` (top, left, bottom, right) is closest to ``side * side``; of two as near, the
    smaller (paper, section 4.1).
    """
    rng = np.random.default_rng(0)
    cases = WINDOWS + [_some_window(rng) for _ in range(40)]
    for box, shape, scales, side in cases:
        what = f"choose_scale({box}, {shape}, {scales}, {side})"
        want = scales[scale_of([box], shape, scales, area_side=side)[0]]
        _require_number(what, call(answer, box, shape, scales, side), want, _wrong_scales(box, shape, scales, side))
    return f"Tried on {len(cases)} windows: tall and wide pictures, tiny and whole windows, and a tie."


def _some_window(rng):
    shape = tuple(rng.integers(100, 700, 2).tolist())
    top, left = (int(rng.integers(0, size - 40)) for size in shape)
    bottom, right = (int(rng.integers(start + 20, size + 1)) for start, size in zip((top, left), shape, strict=True))
    return (top, left, bottom, right), shape, PAPER_SCALES, 224


def _wrong_scales(box, shape, scales, side):
    """What typical mistakes give, each with a hint."""
    top, left, bottom, right = box
    area, shorter, longer = (bottom - top) * (right - left), min(shape), max(shape)

    def nearest(distance, rising=scales):
        return min(rising, key=distance)

    def off(area, target, ratio):
        return abs(area * ratio - target)

    index = scale_of([box], shape, scales, area_side=side)[0]
    plus = (bottom - top + 1) * (right - left + 1)
    tied = nearest(lambda s: off(area, side**2, Fraction(s, shorter) ** 2), scales[::-1])
    # What only a later window tells from the right answer stands first.
    return [
        (tied, "Of two scales that are equally near, take the smaller."),
        (
            nearest(lambda s: off(plus, side**2, Fraction(s, shorter) ** 2)),
            "It looks like a + 1 in the sides. Boxes are half-open: a height is bottom - top.",
        ),
        (
            max((s for s in scales if area * s * s <= (side * shorter) ** 2), default=scales[0]),
            "This is the largest scale at which the area stays within side * side; a larger one may be closer to it.",
        ),
        (
            nearest(lambda s: off(bottom * right, side**2, Fraction(s, shorter) ** 2)),
            "The area is (bottom - top) * (right - left): not every box begins in the corner of the picture.",
        ),
        (
            nearest(lambda s: abs(s * area**0.5 / shorter - side)),
            "The paper compares areas by their difference; sides, ratios, or scales as in the released code can have "
            "another nearest.",
        ),
        (
            nearest(lambda s: off(max(bottom - top, right - left) ** 2, side**2, Fraction(s, shorter) ** 2)),
            "The area is height times width, whatever the shape of the box.",
        ),
        (
            nearest(lambda s: off(min(bottom - top, right - left) ** 2, side**2, Fraction(s, shorter) ** 2)),
            "The area is height times width, whatever the shape of the box.",
        ),
        (
            nearest(lambda s: off(area, side**2, Fraction(s, shape[0]) ** 2)),
            "The shorter side is not always the height.",
        ),
        (
            nearest(lambda s: off(area, side**2, Fraction(s, longer) ** 2)),
            "The scale is the shorter side of the resized picture; here the longer one was divided by.",
        ),
        (nearest(lambda s: off(area, side, Fraction(s, shorter) ** 2)), "The area should be near to side * side."),
        (nearest(lambda s: abs(s - side)), "It is the box that should come near to the side, not the picture."),
        (
            nearest(lambda s: off(area, side**2, Fraction(s, shorter))),
            "An area grows with the square of the ratio s / shorter side.",
        ),
        (index, "Give the scale itself, not its place in the list."),
    ]

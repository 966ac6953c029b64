"""Exercises of notebook 7: boxes and cells."""

from math import ceil

import numpy as np

from minispp.exercises.explain import judge
from minispp.exercises.grading import Wrong, call, exercise, require_numbers

ZF5 = [(7, 2, 1), (3, 2, 0), (5, 2, 0), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1)]
CHAINS = [[(3, 1, 1)], [(5, 2, 2)], [(3, 2, 0), (5, 1, 2)], [(2, 2, 0), (4, 3, 1), (3, 1, 0)], [(1, 1, 0)], ZF5]

# ---------------------------------------------------------------------------------------------------


@exercise
def seen_pixels(answer):
    """The first and the last pixel, both included, that a cell sees through layers (kernel, stride, padding)."""
    tried = []
    for layers in CHAINS:
        for cell in (0, 1, 7):
            got = call(answer, list(layers), cell)
            try:
                first, last = (int(pixel) for pixel in got)
            except (TypeError, ValueError):
                raise Wrong(f"seen_pixels({layers}, {cell}) is {got!r}, and should be a pair (first, last).") from None
            tried.append(((layers, cell), (first, last), _walk(layers, cell)))
    judge("seen_pixels", tried, PIXEL_MISTAKES, "Carry first and last through each layer.")
    return f"Tried on {len(tried)} cells of {len(CHAINS)} trunks, the five layers of ZF-5 among them."


def _walk(layers, cell, shift=-1, less=1, cut=None):
    """The span of a cell, from the last layer to the first. The others are mistakes: of padding, length and end."""
    first = last = cell
    for kernel, stride, pad in layers[::-1]:
        first, last = first * stride + shift * pad, last * stride + shift * pad + kernel - less
        if cut == "last":
            last = first + kernel - 1
        if cut == "pad":
            first, last = first + pad - pad * stride, last + pad - pad * stride
    return (max(0, first) if cut == "zero" else first), last


PIXEL_MISTAKES = [
    (lambda layers, cell: (_walk(layers, cell)[0], _walk(layers, cell)[1] + 1), "The last pixel is included."),
    (
        lambda layers, cell: _walk(layers, cell, cut="zero"),
        "Do not stop at pixel 0: what is seen may begin in the padding.",
    ),
    (
        lambda layers, cell: (max(0, _walk(layers, cell)[0]), _walk(layers, cell)[1] - min(0, _walk(layers, cell)[0])),
        "What lies in the padding is not moved into the picture: the first pixel may be negative.",
    ),
    (
        lambda layers, cell: _walk(layers[::-1], cell),
        "The layers are walked from the first to the last. Start at the cell, in the last one.",
    ),
    (
        lambda layers, cell: _walk(layers, cell, shift=0),
        "The padding is missing: window i begins at i * stride - padding.",
    ),
    (
        lambda layers, cell: _walk(layers, cell, shift=1),
        "The padding moves a window to the left, so it is subtracted.",
    ),
    (
        lambda layers, cell: _walk(layers, cell, less=0),
        "A window of k cells that begins at cell a ends at a + k - 1.",
    ),
    (
        lambda layers, cell: _walk(layers, cell, cut="pad"),
        "The padding counts cells of the layer's input: multiply by the stride first, and then subtract it.",
    ),
    (
        lambda layers, cell: _walk(layers, cell, cut="last"),
        "The kernels of the later layers are missing: last is carried through every layer, as first is.",
    ),
]


# ---------------------------------------------------------------------------------------------------


@exercise
def cells_inside(answer):
    """All cells whose centre, `centre` + k `stride`, lies strictly between the pixels `first` and `last`: a list."""
    tried = []
    for stride, centre in ((16, 20), (8, 3), (12, 14), (4, 1.5), (1, 0)):
        for first in range(-2 * stride - 3, 3 * stride, 1 + stride // 5):
            for side in (1, 2, stride - 1, stride, stride + 1, stride + 2, 3 * stride + 2):
                given = first, first + max(1, side) - 1, stride, centre
                got = require_numbers(f"cells_inside{given}", call(answer, *given))
                if got.ndim != 1:
                    raise Wrong(f"cells_inside{given} is {got.tolist()}, and should be a list of cells, perhaps empty.")
                tried.append((given, [int(k) for k in got], _between(*given)))
    judge("cells_inside", tried, CELL_MISTAKES, "Only centres strictly between first and last count, and all of them.")
    return f"Tried on {len(tried)} boxes of five trunks: small ones, outside the picture, and with an edge on a centre."


def _between(first, last, stride, centre, slack=0):
    """The cells with first < centre + k stride < last; with a slack of 1/2, on the edges too."""
    reach = range(int(first - centre) // stride - 1, int(last - centre) // stride + 2)
    return [k for k in reach if first - slack < centre + k * stride < last + slack]


CELL_MISTAKES = [
    (
        lambda first, last, stride, centre: _between(first, last, stride, centre, 0.5),
        "A centre on the first or the last pixel is not inside.",
    ),
    (
        lambda first, last, stride, centre: _between(first, last - 1, stride, centre),
        "The last pixel is included in the box: it is not one beyond it.",
    ),
    (
        lambda first, last, stride, centre: _between(first, last + 1, stride, centre),
        "The last pixel is included in the box: it is not one beyond it.",
    ),
    (
        lambda first, last, stride, centre: _between(first, last, stride, 0),
        "Where is the first centre? Cell 0 lies at pixel `centre`, not at pixel 0.",
    ),
    (
        lambda *given: [k for k in _between(*given) if k >= 0],
        "Cells may be negative here, as if the map had no end: do not stop at 0.",
    ),
    (lambda *given: _between(*given)[:-1], "The last cell is missing: a range stops before its end."),
    (
        lambda first, last, stride, centre: list(
            range(int((first - centre) / stride) + 1, ceil((last - centre) / stride))
        ),
        "int() rounds towards 0, so it goes up for negative numbers. Use //, which goes down.",
    ),
    (
        lambda first, last, stride, centre: list(
            range(round((first - centre) / stride), round((last - centre) / stride) + 1)
        ),
        "Rounded to the nearest cell, a centre may be outside: round inwards, the start up, the end down.",
    ),
    (
        lambda first, last, stride, centre: _between(first, last, stride, int(centre)),
        "A centre may end in .5; int(centre) loses it.",
    ),
    (
        lambda first, last, stride, centre: _between(first, last, stride, centre) or [(first - int(centre)) // stride],
        "No centre lies in this box: the list is empty.",
    ),
]


# ---------------------------------------------------------------------------------------------------


@exercise
def sure_side(answer):
    """The smallest side of a box, in pixels, that holds at least `cells` centres strictly inside wherever it lies."""
    cases = [(cells, stride) for stride in (16, 8, 1, 12) for cells in (1, 2, 6)]
    for cells, stride in cases:
        call_ = f"sure_side({cells}, {stride})"
        got = require_numbers(call_, call(answer, cells, stride))
        if got.ndim or not float(got).is_integer():
            raise Wrong(f"{call_} is {got.tolist()}, and should be a whole number of pixels.")
        side = int(got)
        if side < 1:
            raise Wrong(f"{call_} is {side}, and a box has at least one pixel.")
        held = [len(_between(first, first + side - 1, stride, 0)) for first in range(stride)]
        if min(held) < cells:
            first = int(np.argmin(held))
            lucky = " Elsewhere a box of that side does; it has to wherever it lies." if max(held) >= cells else ""
            raise Wrong(
                f"{call_} is {side}, too small. With centres at 0, {stride}, {2 * stride}, ... the pixels {first} "
                f"to {first + side - 1} have only {held[first]} strictly inside: the first and the last pixel are not."
                f"{lucky}"
            )
        if min(len(_between(first, first + side - 2, stride, 0)) for first in range(stride)) >= cells:
            raise Wrong(f"{call_} is {side}, larger than needed: {side - 1} pixels hold as many wherever they lie.")
    return f"Tried on {len(cases)} pairs of a number of cells and a stride, each with a box at every place."

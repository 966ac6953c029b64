"""Exercises of notebook 1: why fixed sizes."""

import numpy as np

from minispp.exercises.grading import Wrong, call, exercise
from minispp.fields import field, map_size
from minispp.windows import sliding_count, sliding_edges

# size, kernel, stride, pad: with a rest and without, and rests that lie in the padding
AXES = [(26, 3, 2, 0), (25, 3, 2, 0), (10, 4, 3, 1), (10, 3, 2, 1), (9, 3, 2, 1), (11, 5, 5, 1), (7, 5, 5, 2)]
AXES += [(17, 5, 4, 1), (18, 5, 4, 1), (3, 3, 1, 0), (1, 1, 1, 0), (8, 4, 4, 3), (29, 7, 6, 0), (110, 3, 2, 0)]

# kernel, stride, pad, ceil_mode of each layer, and how many cells the map should have
POOLED = (3, 2, 0, True)
TRUNKS = [([(3, 1, 0, False)], 1), ([(7, 2, 1, False)], 4), ([POOLED], 1), ([POOLED], 5), ([(3, 2, 0, False)], 5)]
TRUNKS += [([(7, 2, 1, False), POOLED, (5, 2, 0, False), POOLED] + 3 * [(3, 1, 1, False)], n) for n in (1, 2, 6, 13)]
TRUNKS += [([(5, 2, 2, False), (2, 2, 0, True), (3, 1, 1, False), (2, 2, 0, True)], n) for n in (1, 6, 12)]
TRUNKS += [([(3, 1, 2, False)], 1), ([(2, 2, 1, True)], 2), ([], 4), ([(11, 4, 0, False), (5, 1, 2, False), POOLED], 3)]


@exercise
def unseen_cells(answer):
    """How many cells at the end of an axis no window of `kernel` cells and this stride sees in floor mode.

    There are `size` cells and `pad` cells of padding on each side; ``stride <= kernel``.
    """
    got = [_integer(call(answer, *axis), f"unseen_cells{axis}") for axis in AXES]
    right = [_unseen(*axis) for axis in AXES]
    if got == right:
        return f"Tried on {len(AXES)} axes, with padding and without."
    for mistaken, hint in UNSEEN_MISTAKES:
        if got == [mistaken(*axis) for axis in AXES]:
            raise Wrong(f"unseen_cells: {hint}")
    at = next(k for k, pair in enumerate(zip(got, right, strict=True)) if pair[0] != pair[1])
    said = f"unseen_cells{AXES[at]} is {got[at]}, and should be {right[at]}"
    if got[at] < 0:
        raise Wrong(f"{said}. Fewer than no cells cannot be unseen: then the last window reaches into the padding.")
    size, kernel, stride, pad = AXES[at]
    stop = size - right[at]
    raise Wrong(f"{said}. There the last window ends after {stop} of the {size} cells; draw it with plot.sliding.")


@exercise
def smallest_picture(answer):
    """The smallest side from which a trunk makes at least `cells` cells.

    `slides` is a list of ``(kernel, stride, pad, ceil_mode)``, from the picture upwards.
    """
    got = []
    for slides, cells in TRUNKS:
        given = list(slides)
        got.append(_integer(call(answer, given, cells), _shown(slides, cells)))
        if given != slides:
            raise Wrong(f"{_shown(slides, cells)} changed its list of slides. Work on a copy.")
    right = [_smallest(slides, cells) for slides, cells in TRUNKS]
    if got == right:
        return f"Tried on {len(TRUNKS)} trunks, ZF-5 among them: it starts at {_smallest(*TRUNKS[5])} pixels."
    for mistaken, hint in SMALLEST_MISTAKES:
        if got == [mistaken(slides, cells) for slides, cells in TRUNKS]:
            raise Wrong(f"smallest_picture: {hint}")
    at = next(k for k, pair in enumerate(zip(got, right, strict=True)) if pair[0] != pair[1])
    raise Wrong(f"{_shown(*TRUNKS[at])} is {got[at]}, but {_what_is_wrong(*TRUNKS[at], got[at], right[at])}")


# ---------------------------------------------------------------------------------------------------
# Unseen cells: what is right, and what people write


def _unseen(size, kernel, stride, pad):
    return size - int(sliding_edges(size, kernel, stride, pad)[-1, 1])


def _rest(size, kernel, stride, pad):
    return (size + 2 * pad - kernel) % stride


UNSEEN_MISTAKES = [
    (_rest, "this is the whole rest, padding included. The padding lies behind the last cell, and losing it loses "
     "no cell."),
    (lambda size, kernel, stride, pad: _rest(size, kernel, stride, pad) - pad,
     "it can become negative: then the last window reaches into the padding, and no cell is unseen."),
    (lambda size, kernel, stride, pad: (size - kernel) % stride if size >= kernel else 0,
     "where is the padding? With it the first window starts earlier, and the others too."),
    (lambda size, kernel, stride, pad: max(0, (size + pad - kernel) % stride - pad),
     "there is padding on both sides, before the first cell and behind the last one."),
    (lambda size, kernel, stride, pad: max(0, size % stride - pad),
     "the kernel is missing: the first window takes up `kernel` cells, each later one `stride` more."),
    (lambda size, kernel, stride, pad: sliding_count(size, kernel, stride, pad),
     "this is the number of positions. Asked for is the number of cells behind the last one."),
    (lambda size, kernel, stride, pad: 0,
     "no cell is unseen in ceil mode. Asked for is floor mode, where a window that hangs over is dropped."),
    (lambda size, kernel, stride, pad: -_rest(size, kernel, stride, pad) % stride,
     "this is how far one more window would hang over. Asked for are the cells that it would still have caught."),
    (lambda size, kernel, stride, pad: max(0, _rest(size, kernel, stride, pad) - 2 * pad),
     "the padding before the first cell was given away as well. Only the one behind the last cell can be lost."),
]  # fmt: skip


# ---------------------------------------------------------------------------------------------------
# The smallest picture


def _smallest(slides, cells, start=1):
    side = start
    while _cells(side, slides) < cells:
        side += 1
    return side


def _cells(side, slides):
    """Cells of the map; 0 where there is none."""
    try:
        return map_size(side, slides)
    except ValueError:
        return 0


def _changed(slides, **values):
    """The slides with other paddings or another rounding."""
    change = {"pad": 2, "ceil_mode": 3}
    changed = [list(slide) for slide in slides]
    for slide in changed:
        for name, value in values.items():
            slide[change[name]] = value
    return changed


SMALLEST_MISTAKES = [
    (lambda slides, cells: _smallest(_changed(slides, ceil_mode=False), cells),
     "right for floor mode only. In ceil mode a last window that hangs over counts, so a smaller picture will do."),
    (lambda slides, cells: _smallest(_changed(slides, ceil_mode=True), cells),
     "every layer is taken to round up. Look at `ceil_mode` of each: convolutions round down."),
    (lambda slides, cells: _smallest(_changed(slides, pad=0), cells),
     "where is the padding? It counts as cells on both sides of every layer's input."),
    (lambda slides, cells: _smallest(slides[::-1], cells),
     "the layers are taken in the wrong order. The first one meets the picture, the last one makes the map."),
    (lambda slides, cells: field(slides).size + field(slides).stride * (cells - 1),
     "this is the receptive field of the map's cells. Padding and ceil mode make a map long before that."),
    (lambda slides, cells: _smallest(slides, cells) - 1, "one too small. The last side that fails is not the answer."),
    (lambda slides, cells: _smallest(slides, cells) + 1, "one too large. Is one step taken too many?"),
    (lambda slides, cells: _smallest(slides, cells + 1), "enough for more than `cells` cells: at least, not above."),
    (lambda slides, cells: _smallest(slides, 1), "`cells` is not looked at: this is the side for a single cell."),
    (lambda slides, cells: cells * int(np.prod([slide[1] for slide in slides], dtype=int)),
     "this is the number of cells times the strides. Kernels, paddings and rounding change what the edges need."),
]  # fmt: skip


def _what_is_wrong(slides, cells, got, right):
    if got < 1:
        return "a picture has at least one pixel."
    made = _cells(got, slides)
    if made >= cells:
        return f"{right} pixels are enough: they make {_cells(right, slides)}."
    dropped = any(pad and ceil_mode for _, _, pad, ceil_mode in slides)
    beyond = " In ceil mode, a window that would start beyond the last cell is dropped." if dropped else ""
    return f"{got} pixels make {made or 'no map at all'}{f' of {cells} cells' if made else ''}.{beyond}"


def _shown(slides, cells):
    return f"smallest_picture({[tuple(slide) for slide in slides]}, {cells})"


def _integer(value, call_):
    """The answer as an int."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
        raise Wrong(f"{call_} gave {value!r}, and should give a whole number.")
    if value != int(value):
        raise Wrong(f"{call_} gave {value:g}: cells are whole. Use //, which rounds down, and no /.")
    return int(value)

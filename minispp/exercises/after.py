"""Exercises of notebook 12: what came after."""

from math import ceil, floor

import numpy as np

from minispp.exercises.explain import judge
from minispp.exercises.grading import Wrong, call, exercise, require_numbers
from minispp.windows import bin_edges


@exercise
def roi_bins(answer):
    """The cells (start, stop) of each of RoI pooling's bins along one axis, for the pixels `first` to `last`.

    The window's first and last cell are ``floor(x / stride + 1/2)`` of the pixels; its bins, floor and ceil within it.
    """
    cases = [(40, 99, 16, 3), (0, 223, 16, 7), (24, 88, 16, 2), (7, 9, 16, 7), (8, 40, 16, 3), (13, 13, 4, 2)]
    cases += [(0, 448, 16, 7)]  # 29 cells in 7 bins, where floats fail first
    cases += [(first, first + side, 8, 3) for first in range(17) for side in (0, 5, 30)]
    tried = []
    for given in cases:
        got = call(answer, *given)
        try:
            found = [(int(start), int(stop)) for start, stop in got]
        except (TypeError, ValueError):
            raise Wrong(f"roi_bins{given} should be a list of pairs (start, stop), and is {got!r}.") from None
        if len(found) != given[3]:
            raise Wrong(f"roi_bins{given} gave {len(found)} bins, and should give {given[3]}, also for small windows.")
        tried.append((given, found, _roi(*given)))
    judge("roi_bins", tried, ROI_MISTAKES)
    return f"Tried on {len(cases)} boxes, with ends on halves and windows smaller than the bins among them."


def _half_up(pixel, stride):
    return (2 * pixel + stride) // (2 * stride)


def _window(start, stop, bins):
    """The bins of the cells start .. stop - 1."""
    return [(start + int(a), start + int(b)) for a, b in bin_edges(max(1, stop - start), bins)]


def _roi(first, last, stride, bins):
    return _window(*_apart(first, last, stride), bins)


def _apart(first, last, stride):
    """Where the window of a box starts and stops."""
    return _half_up(first, stride), _half_up(last, stride) + 1


def _of_float_width(start, stop, bins):
    width = (stop - start) / bins
    return [(start + floor(k * width), start + ceil((k + 1) * width)) for k in range(bins)]


def _edges_within(first, last, stride, bins, edge):
    """Bins within the window whose edges are not floor and ceil."""
    start, stop = _apart(first, last, stride)
    cuts = [start + edge(k * (stop - start), bins) for k in range(bins + 1)]
    return list(zip(cuts, cuts[1:], strict=False))


ROI_MISTAKES = [
    (
        lambda first, last, stride, bins: _window(round(first / stride), round(last / stride) + 1, bins),
        "round() takes a half to the even number: round(0.5) is 0. Halves go up here: floor(x / stride + 1/2).",
    ),
    (
        lambda first, last, stride, bins: _window(_half_up(first, stride), _half_up(last, stride), bins),
        "The last cell belongs to the window: it has last - first + 1 cells.",
    ),
    (
        lambda *given: [(start, stop - 1) for start, stop in _roi(*given)],
        "The stop is excluded: it is beyond the last cell.",
    ),
    (
        lambda first, last, stride, bins: _window(0, _half_up(last, stride) + 1 - _half_up(first, stride), bins),
        "The bins begin at the window: add its start.",
    ),
    (
        lambda first, last, stride, bins: _window(first // stride, last // stride + 1, bins),
        "The ends are rounded down, not to the nearest cell.",
    ),
    (
        lambda first, last, stride, bins: _window(first // stride, -(-last // stride) + 1, bins),
        "The ends are rounded to the nearest cell, not outwards.",
    ),
    (
        lambda first, last, stride, bins: _of_float_width(*_apart(first, last, stride), bins),
        "That is a float: a bin's width is rounded before it is multiplied. Multiply first, and divide with //.",
    ),
    (
        lambda *given: _edges_within(*given, lambda a, n: round(a / n)),
        "The bins within the window are floor and ceil: none is empty.",
    ),
    (
        lambda *given: _edges_within(*given, lambda a, n: a // n),
        "The end of a bin is rounded up: a cell that is cut belongs to both bins.",
    ),
]


# ---------------------------------------------------------------------------------------------------


@exercise
def bilinear(answer):
    """The value of a map (H, W) at (y, x), between the centres of its cells; beyond them as at the edge."""
    rng, tried = np.random.default_rng(3), []
    for shape in ((2, 3), (5, 4), (1, 6), (1, 1)):
        values = np.round(rng.uniform(-9, 9, shape), 1)
        height, width = shape
        places = [(0.25, 0), (0, 0.25), (0, 0), (height - 1, width - 1), (-0.75, -2), (height + 0.5, width - 0.6)]
        places += [(float(y), float(x)) for y, x in rng.uniform(-1, np.add(shape, 1), (20, 2)).round(2)]
        for y, x in places:
            call_ = f"bilinear of a {height} x {width} map at ({y}, {x})"
            got = require_numbers(call_, call(answer, values, y, x))
            if got.size != 1:
                raise Wrong(f"{call_} should be one number, and has the shape {got.shape}.")
            tried.append(((values, y, x), float(got.ravel()[0]), _at(values, y, x)))
    judge("bilinear", tried, BILINEAR_MISTAKES, tolerance=1e-9)
    return f"Tried at {len(tried)} places of four maps, one row and one cell among them, and beyond their edges."


def _at(values, y, x):
    """Weights are hats: 1 at a centre, 0 at its neighbours."""
    return float(_hat(y, values.shape[0]) @ values @ _hat(x, values.shape[1]))


def _hat(place, size, clamp=True):
    place = min(max(place, 0), size - 1) if clamp else place
    return np.maximum(0, 1 - np.abs(place - np.arange(size)))


def _clamped(values, y, x):
    return tuple(min(max(place, 0), size - 1) for place, size in zip((y, x), values.shape, strict=True))


def _mirrored(place):
    """The place whose weights are those of `place` exchanged."""
    return 2 * floor(place) + 1 - place if place % 1 else place


def _neighbours(values, y, x):
    row, column = (floor(place) for place in _clamped(values, y, x))
    return values[row : row + 2, column : column + 2]


BILINEAR_MISTAKES = [
    (
        lambda values, y, x: values[tuple(floor(place + 0.5) for place in _clamped(values, y, x))],
        "That is the nearest cell; between cells all four neighbours have a weight.",
    ),
    (
        lambda values, y, x: _neighbours(values, y, x)[0, 0],
        "That is the cell before it; between cells all four neighbours have a weight.",
    ),
    (lambda values, y, x: _at(values, x, y), "Row and column are exchanged: y counts rows, the first axis."),
    (
        lambda values, y, x: _at(values, *map(_mirrored, _clamped(values, y, x))),
        "The weights are exchanged: the nearer cell weighs more.",
    ),
    (
        lambda values, y, x: float(_hat(y, values.shape[0], False) @ values @ _hat(x, values.shape[1], False)),
        "Beyond the centres the map goes on as at its edge: clamp y and x first, or it fades to 0.",
    ),
    (
        lambda values, y, x: _at(values, y - 0.5, x - 0.5),
        "Centres of cells lie on whole numbers here, so nothing is shifted by a half.",
    ),
    (
        lambda values, y, x: _neighbours(values, y, x).mean(),
        "That is the mean of the neighbours; each weighs the more the nearer it is.",
    ),
]


# ---------------------------------------------------------------------------------------------------


@exercise
def chain(answer):
    """The kernels of pools of stride 1, one after the other, that give maxima over windows of rising odd `kernels`."""
    cases = [[5, 9, 13], [3], [3, 7, 15], [1, 3, 3, 9], [5, 7, 9, 31]]
    for kernels in cases:
        call_ = f"chain({kernels})"
        got = require_numbers(call_, call(answer, list(kernels)))
        if got.shape != (len(kernels),):
            raise Wrong(f"{call_} is {got.tolist()}, and should be a list of {len(kernels)} kernels.")
        steps = [float(step) for step in got]
        if not all(step.is_integer() and step >= 1 for step in steps):
            raise Wrong(f"{call_} is {got.tolist()}, and should be whole numbers of at least 1: cells of a window.")
        seen = 1
        for k, (step, kernel) in enumerate(zip(map(int, steps), kernels, strict=True)):
            before, seen = seen, seen + step - 1
            if seen != kernel:
                said = f"{call_} is {[int(step) for step in steps]}. After pool {k} a cell sees {seen} cells"
                raise Wrong(f"{said}, and should see {kernel}. {_cause_of_chain(steps, kernels, before, step)}")
    return f"Tried on {len(cases)} rows of windows, the 5, 9 and 13 of SPPF among them."


def _cause_of_chain(steps, kernels, before, step):
    if steps == kernels:
        return "These kernels are for pools of the map itself; here each pool is given what the one before it made."
    if steps == np.diff(kernels, prepend=0).tolist():
        return "Two windows of a and b cells in a row see a + b - 1 cells, not a + b: they share the cell between them."
    if len(set(steps)) == 1 and len(steps) > 1:
        return "The same kernel each time is right only where the windows grow by the same number of cells."
    return f"Before it a cell saw {before}, and a window of {step} adds {step - 1}."

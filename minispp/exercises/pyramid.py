"""Exercises of notebook 4: the pyramid, bin by bin."""

import numpy as np

from minispp.exercises.grading import Wrong, call, exercise, require_equal
from minispp.kernels import reference
from minispp.windows import bin_edges as right_edges
from minispp.windows import pyramid, whole_maps

SIZES = [(10, 3), (13, 6), (10, 6), (7, 7), (3, 6), (2, 6), (1, 4), (29, 7), (57, 7), (2**20 + 1, 3)]


@exercise
def bin_edges(answer):
    """Start (included) and stop (excluded) of each of `bins` bins over `size` cells, as a list of pairs.

    Bin k reaches from floor(k size / bins) to ceil((k + 1) size / bins) (paper, appendix A), in integers.
    """
    for size, bins in SIZES:
        got, call_ = call(answer, size, bins), f"bin_edges({size}, {bins})"
        found, want = _pairs(got, bins, call_), right_edges(size, bins)
        wrong = np.argwhere(found != want)
        if not len(wrong):
            continue
        k, part = wrong[0].tolist()
        said = f"{call_}: bin {k} is {_pair(found[k])}, and should {('start', 'end')[part]} at {want[k, part]}."
        raise Wrong(f"{said} {_cause_of_edges(found, size, bins) or _cause_of_edge(found, want, k, part)}".rstrip())
    size, bins = 2**60 + 3, 3  # where a float has no digits left
    want = [(k * size // bins, -(-(k + 1) * size // bins)) for k in range(bins)]
    if [tuple(map(int, pair)) for pair in call(answer, size, bins)] != want:
        raise Wrong(f"bin_edges({size}, {bins}) should be {want}: divide integers with //, not floats.")
    return f"Tried on {len(SIZES) + 1} pairs of a size and a number of bins, maps smaller than the pyramid among them."


def _pairs(got, bins, call_):
    try:
        found = np.asarray(got, float)
    except (TypeError, ValueError):
        raise Wrong(f"{call_} should be a list of pairs (start, stop) of numbers.") from None
    if found.ndim and len(found) != bins:
        raise Wrong(f"{call_} gave {len(found)} bins, and should give {bins}, whatever the size of the map.")
    if found.shape != (bins, 2):
        raise Wrong(f"{call_} should be a list of pairs (start, stop), and has the shape {found.shape}.")
    return found


def _pair(row):
    return tuple(int(value) if float(value).is_integer() else float(value) for value in row)


def _cause_of_edges(found, size, bins):
    """The typical mistake that gives all these edges, or nothing."""
    k, kernel, stride = np.arange(bins), -(-size // bins), size // bins
    want, fraction = right_edges(size, bins), size / bins
    rounded = np.round(np.arange(bins + 1) * size / bins)
    mistakes = (
        (want - [0, 1], "The stop is excluded: it is the first cell after the bin, not its last one."),
        (want + 1, "Cells are counted from 0 here, not from 1."),
        (
            np.stack([rounded[:-1], rounded[1:]], 1),
            "These edges are rounded to the nearest cell. Then a cell that an edge cuts is lost to one side, and on a "
            "map smaller than the pyramid bins are empty.",
        ),
        (
            np.stack([k * stride, k * stride + kernel], 1),
            "This is the sliding rule, with one stride and one width for all bins. It is right only where size mod "
            "bins is 0 or 1.",
        ),
        (
            np.stack([np.floor(k * fraction), np.ceil((k + 1) * fraction)], 1),
            "That is a float: size / bins is rounded before it is multiplied. Multiply first, and divide integers "
            "with //.",
        ),
        (
            np.stack([k * kernel, (k + 1) * kernel], 1),
            "All bins have the width ceil(size / bins) here, so the last ones leave the map.",
        ),
    )
    return next((hint for mistake, hint in mistakes if np.array_equal(found, mistake)), "")


def _cause_of_edge(found, want, k, part):
    """What to say about one edge that is wrong."""
    if not np.isfinite(found[k]).all() or not (found[k] % 1 == 0).all():
        return "A bin is made of whole cells, so its edges are integers."
    if part == 0:
        return "The start is floor(k size / bins)."
    if found[k, 1] == want[k, 1] - 1:
        return "The end is rounded up, not down: a cell that is cut by the end of a bin belongs to it."
    return "The end is ceil((k + 1) size / bins)."


# ---------------------------------------------------------------------------------------------------


@exercise
def bins_of_cell(answer):
    """The numbers of all bins that hold cell number `cell`, of `size` cells in `bins` bins: a list in rising order."""
    tried = 0
    for size, bins in SIZES[:-1]:
        table = right_edges(size, bins)
        for cell in range(size):
            want = np.flatnonzero((table[:, 0] <= cell) & (cell < table[:, 1])).tolist()
            got, tried = call(answer, cell, size, bins), tried + 1
            call_ = f"bins_of_cell({cell}, {size}, {bins})"
            if np.ndim(got) == 0:
                raise Wrong(f"{call_} is {got}, and should be a list, also where one bin holds the cell.")
            got = list(got)
            if got != want:
                raise Wrong(f"{call_} is {got}, and should be {want}. {_cause_of_bins(got, want, cell, size, bins)}")
    cell, size, bins = 2**61, 2**62 + 3, 2**20  # where a float has no digits left
    want = list(range(cell * bins // size, ((cell + 1) * bins - 1) // size + 1))
    if list(call(answer, cell, size, bins)) != want:
        raise Wrong(f"bins_of_cell({cell}, {size}, {bins}) should be {want}: divide integers with //, not floats.")
    return f"Tried on {tried + 1} cells, also of maps that are smaller than the number of bins."


def _cause_of_bins(got, want, cell, size, bins):
    missing, extra = set(want) - set(got), set(got) - set(want)
    if not missing and not extra:
        return "The bins are right; each should be there once, in rising order."
    if got == [k + 1 for k in want]:
        return "Bins are counted from 0."
    if size != bins and got == list(range(cell * size // bins, ((cell + 1) * size + bins - 1) // bins)):
        return "Size and bins are exchanged: these are the cells of a bin, and not the bins of a cell."
    if missing and not extra:
        if len(want) > 2 and len(got) == 2:
            return "On a map smaller than the pyramid a cell can lie in more than two bins."
        if len(got) == 1:
            return "An edge cuts this cell, so it lies in more than one bin: the neighbours share it."
        return "There are bins missing: find the first and the last one, and give all between them."
    if extra and not missing:
        if max(got) >= bins:
            return f"There are only the bins 0 to {bins - 1}."
        return "A bin that stops where the cell begins, or starts where it ends, does not hold it: stop is excluded."
    return "Start from start_k <= cell < stop_k, and solve each half for k."


# ---------------------------------------------------------------------------------------------------


@exercise
def pool_backward(answer):
    """The gradient dx (H, W) of a max pooling of x (H, W) over windows (top, left, bottom, right), from dy (R,).

    The gradient of each window goes to the cell that won it, of equal values the first in row-major order, and adds up.
    """
    cases = _pool_cases()
    for words, x, table in cases:
        dy = np.round(np.random.default_rng(len(table)).uniform(1, 9, len(table)), 2)
        if x.size <= 6:
            words = f"pool_backward({dy.tolist()}, {x.tolist()}, {table.tolist()})"
        got = call(answer, dy, x, table)
        rows = np.insert(table, 0, 0, axis=1)
        _, winners = reference.window_max(x[None, :, :, None], rows)
        want = reference.window_max_backward(dy[:, None], winners, (1, *x.shape, 1))[0, :, :, 0]
        require_equal(words, got, want, _pool_mistakes(dy, x, table, winners[:, 0]))
    return f"Tried on {len(cases)} maps: overlapping windows, levels of a pyramid, equal values, negative values only."


def _pool_cases():
    rng = np.random.default_rng(7)
    pyramids = (((5, 8), (3, 2, 1)), ((2, 3), (4, 1)))
    tables = [(shape, pyramid(whole_maps(1, *shape), levels)[:, 1:]) for shape, levels in pyramids]
    corner = rng.integers(0, (7, 4), (20, 2))
    tables.append(((7, 4), np.hstack([corner, rng.integers(corner, (7, 4)) + 1]).astype(np.int32)))  # anywhere
    one = np.array([[1.0, 3.0, 2.0]]), np.array([[0, 0, 1, 2], [0, 1, 1, 3]], np.int32)
    cases = [("", *one), ("", np.array([[5.0, 5.0, 1.0]]), one[1][:1])]
    for shape, table in tables:
        size = shape[0] * shape[1]
        kinds = {
            "different values": rng.permutation(size) + 1.0,
            "negative values": -rng.permutation(size) - 1.0,
            "equal values": rng.integers(0, 3, size).astype(float),
        }
        for kind, values in kinds.items():
            words = f"pool_backward on a map of {shape[0]} x {shape[1]} cells, {kind}, {len(table)} windows"
            cases.append((words, values.reshape(shape), table))
    return cases


def _pool_mistakes(dy, x, table, winners):
    """The gradients that typical mistakes give, and their hints."""
    width = x.shape[1]
    kept, everyone, shared, last, within, elsewhere, width_of_map = (np.zeros_like(x) for _ in range(7))
    kept.flat[winners] = dy
    for g, (top, left, bottom, right), winner in zip(dy, table, winners, strict=True):
        part = x[top:bottom, left:right]
        equal = part == part.max()
        everyone[top:bottom, left:right] += g * equal
        shared[top:bottom, left:right] += g * equal / equal.sum()
        row, column = np.argwhere(equal)[-1]
        last[top + row, left + column] += g
        row, column = divmod(int(winner), width)
        within[row - top, column - left] += g
        elsewhere[tuple(np.argwhere(x == part.max())[0])] += g
        width_of_map.flat[min(top * width + left + part.argmax(), x.size - 1)] += g
    return [
        (
            kept,
            "A cell that won several windows keeps one of their gradients here. They add up; and dx[winners] += dy "
            "does not add them, because NumPy reads, adds and writes each cell once.",
        ),
        (
            everyone,
            "Every cell that equals the maximum receives the whole gradient here, so it counts twice. A window has one "
            "winner: of equal values the first in row-major order.",
        ),
        (shared, "Equal values share the gradient here. A window has one winner: the first in row-major order."),
        (
            last,
            "Of equal values the last one wins here, and the first in row-major order should: only a larger value "
            "replaces a maximum.",
        ),
        (
            within,
            "The winner is counted within its window here. Add the window's top and left to find its cell in the map.",
        ),
        (
            elsewhere,
            "The maximum is looked for in the whole map here, where an equal value may come before the window. Look "
            "within the window only.",
        ),
        (
            width_of_map,
            "The place within the window is carried back as if the window were as wide as the map: a row of it has "
            "right - left cells.",
        ),
        (
            np.zeros_like(x),
            "Nothing arrived at all. If a running maximum starts at 0 and not at the window's first cell, negative "
            "values never win.",
        ),
    ]

"""Exercises of notebook 6: whole images, and many views on one feature map."""

import numpy as np

from minispp.exercises.grading import Wrong, call, exercise, require_array, require_equal

MAPS = [(9, 14, 6), (13, 8, 5), (6, 11, 6), (12, 7, 7), (5, 5, 5), (8, 9, 7)]  # height, width, side of a view
SHAPES = [(9, 5, 1), (9, 5, 2), (7, 4, 3), (1, 6, 2), (8, 3, 3)]  # pictures, classes, k


@exercise
def view_windows(answer):
    """The views of a map and of its mirror image, as windows in cells: (2V, 5) integers.

    First the V places on map 0: the rows top, middle, bottom, and in each left, middle, right, every place once; the
    middle is rounded down. Then, in the same order, the windows of map 1 that show the mirror images of those views.
    """
    for height, width, side in MAPS:
        what = f"view_windows({height}, {width}, {side})"
        got = call(answer, height, width, side)
        want = _view_windows(height, width, side)
        hint = "A window is a row (map, top, left, bottom, right)."
        try:
            found = np.asarray(got)
        except ValueError:
            raise Wrong(f"{what} has rows of different lengths. {hint}") from None
        if found.ndim != 2 or found.shape[1] != 5:
            raise Wrong(f"{what} has the shape {found.shape}, and should have {want.shape}. {hint}")
        if len(found) != len(want):
            raise Wrong(f"{what} gave {len(found)} windows, and should give {len(want)}. {_why(len(found), len(want))}")
        if found.dtype.kind not in "iu":
            raise Wrong(f"{what} is of type {found.dtype}. Cells are counted in integers: divide with //.")
        _require_windows(found, want, what, height, width, side)
    return f"Tried on {len(MAPS)} maps, wide and tall ones, and some that are as small as the view."


@exercise
def mean_probabilities(answer):
    """Scores (views, classes) of one picture -> probabilities (classes,): the mean over the views of their softmax."""
    rng = np.random.default_rng(8)
    cases = [4 * rng.normal(size=shape) for shape in ((6, 4), (18, 5), (1, 3), (3, 7))]
    cases += [np.array([[1000.0, 0.0, -1000.0], [3.0, 2.0, 1.0]])]
    cases += [np.array([[1000.0, 0.0, 990.0], [3.0, 2.0, 1.0]]), np.array([[-2000.0, -2001.0], [0.5, 0.0]])]
    for scores in cases:
        what, classes = f"mean_probabilities of {scores.shape[0]} views", scores.shape[1]
        p = _softmax(scores)
        want = p.mean(axis=0)
        votes = np.bincount(scores.argmax(axis=1), minlength=classes) / len(scores)
        typical = [
            (_softmax(scores.mean(axis=0)), "The scores were averaged. Take the softmax of each view first: a view "
             "with large scores would outvote the others, whose scores mean the same on another scale."),
            (scores.mean(axis=0), "Those are mean scores. Probabilities need a softmax, view by view."),
            (p.sum(axis=0), "Those are sums: divide by the number of views."),
            (p.max(axis=0), "That is the largest over the views, and does not add up to 1."),
            (votes, "Those are votes. The mean keeps how sure each view is."),
            (_softmax(scores.T).T.mean(axis=0), "The softmax ran over the views. It belongs to the classes of one "
             "view, whose probabilities add up to 1."),
            (_product(p), "The probabilities were multiplied. One view that is sure and wrong would decide alone."),
        ]  # fmt: skip
        got = require_array(what, got=call(answer, scores), want=want)
        if not np.isfinite(np.asarray(got, float)).all():
            raise Wrong(
                f"{what} with scores up to {np.abs(scores).max():.0f} is not finite: exp overflows, or all vanish. "
                "Subtract the largest score of each view first; the softmax does not change."
            )
        require_equal(what, got, want, typical)
    return f"Tried on {len(cases)} pictures, among them scores of a thousand, and a single view."


@exercise
def top_error(answer):
    """The share of pictures whose label is not among the k classes of the highest scores; of equals the first counts.

    Scores (N, K), labels (N,), k -> a number in 0..1.
    """
    rng = np.random.default_rng(6)
    cases = [(rng.normal(size=(n, classes)), rng.integers(classes, size=n), k) for n, classes, k in SHAPES]
    cases += [(np.zeros((9, 5)), np.array([0, 1, 0, 2, 1, 0, 4, 1, 0]), 2)]  # all equal, as before any training
    cases += [(rng.integers(3, size=(12, 4)) / 2.0, np.arange(12) % 4, 2)]
    cases.append((rng.normal(size=(4, 3)), np.array([0, 1, 2, 1]), 5))  # more than there are classes
    cases.append((rng.integers(4, size=(300, 100)) / 2.0, np.arange(300) % 100, 12))  # ties in any order, if not stable
    for scores, labels, k in cases:
        what, got = f"top_error of {scores.shape} scores with k={k}", call(answer, scores, labels, k)
        rank = _rank(scores, labels)
        want, own = (rank >= k).mean(), scores[np.arange(len(labels)), labels][:, None]
        typical = [
            ((rank < k).mean(), "That is the share that is right. The error is what is missing to 1."),
            ((rank >= k).sum(), "That is how many are wrong. Divide by the number of pictures."),
            (100 * want, "That is in per cent. Return a share between 0 and 1."),
            (np.mean(_rank(-scores, labels) >= k), "Those are the k lowest scores, not the highest."),
            ((rank > k).mean(), "Those are k + 1 classes."),
            ((rank != k - 1).mean(), "The label may be any of the k classes, not only the last of them."),
            ((rank >= 1).mean(), "k plays no part: that is the error of the first class alone."),
            (((scores > own).sum(axis=1) >= k).mean(), f"{TIES} Here they all count as if they came first."),
            (((scores >= own).sum(axis=1) > k).mean(), f"{TIES} Here they all count as if they came last."),
            ((_rank(scores[:, ::-1], scores.shape[1] - 1 - labels) >= k).mean(),
             f"{TIES} Sorting upwards and reading from the end puts the last of them first."),
        ]  # fmt: skip
        if scores.shape[1] == 100 and np.ndim(got) == 0:  # right until here, so it is the order of ties
            typical = [(got, f"{TIES} argsort leaves them in any order, unless it is asked for kind='stable'.")]
        require_equal(what, got, want, typical)
    return f"Tried on {len(cases)} sets of scores, with ties, and with more than there are classes."


# ---------------------------------------------------------------------------------------------------

TIES = "Scores that are equal: of them the class with the lower number comes first."


def _view_windows(height, width, side):
    """The answer, one window after the other."""
    tops, lefts = (sorted({0, (size - side) // 2, size - side}) for size in (height, width))
    places = [(top, left) for top in tops for left in lefts]
    rows = [(0, top, left, top + side, left + side) for top, left in places]
    return np.array(rows + [(1, top, width - right, bottom, width - left) for _, top, left, bottom, right in rows])


def _why(found, wanted):
    if 2 * found == wanted:
        return "The mirror image has its windows too, on map 1."
    if found == 18:
        return "Where a side of the map is a side of the view, places coincide: take each once."
    return "Three places along each axis, each once, on both maps."


def _require_windows(found, want, what, height, width, side):
    """Compare row by row; name what is typical."""
    count = len(want) // 2
    if {tuple(row) for row in found.tolist()} == {tuple(row) for row in want.tolist()} and (found != want).any():
        if np.array_equal(found[:count], want[:count]):
            raise Wrong(
                f"{what}: the windows of map 1 are the right ones in another order. Row k + {count} is to show the "
                "mirror image of row k: what lies left in one lies right in the other."
            )
        raise Wrong(f"{what}: the right windows in another order. By map, then from top to bottom, then left to right.")
    k = next((k for k in range(2 * count) if (found[k] != want[k]).any()), None)
    if k is None:
        return
    image, top, left, bottom, right = want[k].tolist()
    said = f"{what}: row {k} is {tuple(found[k].tolist())}, and should be {tuple(want[k].tolist())}."
    got = found[k].tolist()
    if got[0] != image:
        raise Wrong(f"{said} The first number is the map: 0, or 1 for the mirror image.")
    if got[1:] == [top, left, bottom - 1, right - 1]:
        raise Wrong(f"{said} Windows are half-open: bottom and right are the first cells outside.")
    if got[1:] == [left, top, right, bottom]:
        raise Wrong(f"{said} The axes are swapped: top comes first, then left.")
    if got[1:] == [top, left, side, side]:
        raise Wrong(f"{said} The last two numbers are not sizes: they are where the window ends.")
    if k >= count and got[1] == height - want[k - count][3] != top:
        raise Wrong(f"{said} A mirror exchanges left and right; the rows stay as they are.")
    if k >= count and got[2] == want[k - count][2]:
        raise Wrong(f"{said} The same place as on map 0 shows another part of the scene in the mirror image.")
    if k >= count and abs(got[2] - left) == 1 and got[1] == top:
        raise Wrong(f"{said} One cell off: the cells left .. right - 1 become width - right .. width - left - 1.")
    if abs(got[1] - top) + abs(got[2] - left) in (1, 2) and got[3] - got[1] == side:
        raise Wrong(f"{said} Half of an odd rest is rounded down.")
    raise Wrong(said)


def _softmax(scores):
    exp = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


def _product(p):
    """What views say together if their probabilities are multiplied."""
    product = p.prod(axis=0)
    return product / product.sum() if product.sum() else np.full(p.shape[1], np.nan)


def _rank(scores, labels):
    """How many classes come before the label: those of higher score, and of equals those of a lower number."""
    own = scores[np.arange(len(labels)), labels][:, None]
    first = (scores == own) & (np.arange(scores.shape[1]) < labels[:, None])
    return ((scores > own) | first).sum(axis=1)

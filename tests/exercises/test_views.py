"""Graders of notebook 6: right answers pass, and each typical mistake is named."""

import numpy as np
import pytest

from minispp.exercises import views

# -- right answers -----------------------------------------------------------------------------------


def view_windows(height, width, side):
    table = []
    for top in sorted({0, (height - side) // 2, height - side}):
        for left in sorted({0, (width - side) // 2, width - side}):
            table.append((0, top, left, top + side, left + side))
    for _, top, left, bottom, right in tuple(table):
        table.append((1, top, width - right, bottom, width - left))
    return table


def view_windows_by_arrays(height, width, side):
    tops, lefts = (np.unique([0, (size - side) // 2, size - side]) for size in (height, width))
    grid = np.stack(np.meshgrid(tops, lefts, indexing="ij"), axis=-1).reshape(-1, 2)
    first = np.column_stack([np.zeros(len(grid), int), grid, grid + side])
    second = first.copy()
    second[:, 0] = 1
    second[:, [2, 4]] = width - first[:, [4, 2]]
    return np.concatenate([first, second])


def softmax(scores, axis=-1):
    exp = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return exp / exp.sum(axis=axis, keepdims=True)


def mean_probabilities(scores):
    return softmax(scores).mean(axis=0)


def mean_probabilities_by_logarithms(scores):
    shifted = scores - scores.max(axis=1)[:, None]
    logarithms = shifted - np.log(np.exp(shifted).sum(axis=1))[:, None]
    return sum(np.exp(row) for row in logarithms) / len(scores)


def top_error(scores, labels, k):
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return 1 - (first == labels[:, None]).any(axis=1).mean()


def top_error_by_ranks(scores, labels, k):
    wrong = 0
    for row, label in zip(scores, labels, strict=True):
        before = sum(z > row[label] or (z == row[label] and j < label) for j, z in enumerate(row))
        wrong += before >= k
    return wrong / len(labels)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        ("view_windows", view_windows),
        ("view_windows", view_windows_by_arrays),
        ("mean_probabilities", mean_probabilities),
        ("mean_probabilities", mean_probabilities_by_logarithms),
        ("top_error", top_error),
        ("top_error", top_error_by_ranks),
    ],
)
def test_right_answers(exercise, answer):
    verdict = getattr(views, exercise).grade(answer)
    assert verdict.right and verdict.text.startswith("Tried on"), verdict


# -- typical mistakes --------------------------------------------------------------------------------


def mended(change):
    """The right windows, changed."""

    def answer(height, width, side):
        table = view_windows_by_arrays(height, width, side)
        return change(table, width)

    return answer


def columns(order, count=None):
    """The columns of the windows of map 1, or of all of them, in another order."""

    def change(table, width):
        part = slice(0 if count is None else len(table) // 2, None)
        table[part] = table[part][:, order]
        return table

    return mended(change)


def same_places(table, width):
    table[len(table) // 2 :, 1:] = table[: len(table) // 2, 1:]
    return table


def one_off(table, width):
    table[len(table) // 2 :, [2, 4]] -= 1
    return table


def inclusive(table, width):
    return table - [0, 0, 0, 1, 1]


def sizes(table, width):
    table[:, 3:] -= table[:, 1:3]
    return table


def no_image(table, width):
    table[:, 0] = 0
    return table


def places(middle, unique=True):
    """The windows with the middle at another cell, or with every place nine times."""

    def answer(height, width, side):
        ends = ([0, middle(size - side), size - side] for size in (height, width))
        tops, lefts = (sorted(set(three)) if unique else three for three in ends)
        rows = [(0, top, left, top + side, left + side) for top in tops for left in lefts]
        return rows + [(1, top, width - right, bottom, width - left) for _, top, left, bottom, right in rows]

    return answer


def upside_down(height, width, side):
    first = view_windows_by_arrays(height, width, side)[: len(view_windows(height, width, side)) // 2]
    second = first + [1, 0, 0, 0, 0]
    second[:, [1, 3]] = height - first[:, [3, 1]]
    return np.concatenate([first, second])


WINDOWS = {
    "upside down": (upside_down, "rows stay as they are"),
    "not mirrored": (mended(same_places), "another part of the scene|another order"),
    "mirrored, one off": (mended(one_off), "One cell off"),
    "inclusive": (mended(inclusive), "half-open"),
    "sizes": (mended(sizes), "not sizes"),
    "axes": (columns([0, 2, 1, 4, 3]), "axes are swapped"),
    "no second map": (mended(lambda table, width: table[: len(table) // 2]), "mirror image has its windows too"),
    "map 0 twice": (mended(no_image), "The first number is the map"),
    "no map": (mended(lambda table, width: table[:, 1:]), "A window is a row"),
    "rows of two kinds": (lambda *size: [*view_windows(*size)[:-1], (1, 0, 0)], "different lengths"),
    "floats": (places(lambda rest: rest / 2), "integers"),
    "middle rounded up": (places(lambda rest: (rest + 1) // 2), "rounded down"),
    "places twice": (places(lambda rest: rest // 2, unique=False), "take each once"),
    "right to left": (mended(lambda table, width: table[::-1]), "another order"),
    "nothing": (lambda height, width, side: None, "returned None"),
    "raises": (lambda height, width: 0, "raised TypeError"),
}


def in_place(scores):
    scores -= scores.max(axis=1, keepdims=True)
    return softmax(scores).mean(axis=0)


def softmax_of_shifted(scores):
    exp = np.exp(scores)
    return (exp / exp.sum(axis=1, keepdims=True)).mean(axis=0)


def unprotected(scores):
    exp = np.exp(scores)
    return (exp / exp.sum(axis=1, keepdims=True)).mean(axis=0)


def product(scores):
    together = softmax(scores).prod(axis=0)
    return together / together.sum()


MEANS = {
    "mean subtracted": (
        lambda scores: softmax_of_shifted(scores - scores.mean(axis=1, keepdims=True)),
        "Subtract the largest",
    ),
    "scores averaged": (lambda scores: softmax(scores.mean(axis=0)), "outvote"),
    "no softmax": (lambda scores: scores.mean(axis=0), "mean scores"),
    "a sum": (lambda scores: softmax(scores).sum(axis=0), "divide by the number of views"),
    "the largest": (lambda scores: softmax(scores).max(axis=0), "largest over the views"),
    "votes": (lambda z: np.eye(z.shape[1])[z.argmax(axis=1)].mean(axis=0), "votes"),
    "wrong axis": (lambda scores: softmax(scores, axis=0).mean(axis=0), "ran over the views"),
    "mean over the classes": (lambda scores: softmax(scores).mean(axis=1), "shape"),
    "a product": (product, "multiplied"),
    "overflow": (unprotected, "Subtract the largest"),
    "changes its input": (in_place, "changed its input"),
    "nothing": (lambda scores: None, "returned None"),
    "raises": (lambda scores: scores[0, 0, 0], "raised IndexError"),
}


def top_by_sorting(scores, labels, k, order=None, columns=slice(None)):
    order = np.argsort(-scores, axis=1, kind="stable") if order is None else order
    return 1 - (order[:, :k][:, columns] == labels[:, None]).any(axis=1).mean()


def compared(compare):
    """Rank by a comparison alone, which knows no order of equals."""

    def answer(scores, labels, k):
        own = scores[np.arange(len(labels)), labels][:, None]
        return compare(scores, own, k)

    return answer


def in_place(scores, labels, k):
    order = np.argsort(-scores, axis=1, kind="stable")
    scores.sort(axis=1)
    return top_by_sorting(scores, labels, k, order)


TOP = {
    "accuracy": (lambda scores, labels, k: 1 - top_error(scores, labels, k), "share that is right"),
    "a count": (lambda scores, labels, k: top_error(scores, labels, k) * len(labels), "number of pictures"),
    "per cent": (lambda scores, labels, k: 100 * top_error(scores, labels, k), "between 0 and 1"),
    "any order of ties": (
        lambda scores, labels, k: top_by_sorting(
            scores, labels, k, np.lexsort((np.arange(scores.shape[1]) * 37 % 101 * np.ones_like(scores), -scores))
        )
        if scores.shape[1] > 16  # below, NumPy's default sort happens to be stable
        else top_error(scores, labels, k),
        "kind='stable'",
    ),
    "lowest": (lambda scores, labels, k: top_error(-scores, labels, k), "lowest"),
    "one more": (lambda scores, labels, k: top_error(scores, labels, k + 1), r"k \+ 1 classes"),
    "the last only": (
        lambda scores, labels, k: top_by_sorting(scores, labels, k, columns=slice(k - 1, k)),
        "any of the k",
    ),
    "top 1": (lambda scores, labels, k: top_error(scores, labels, 1), "k plays no part"),
    "ties are right": (compared(lambda z, own, k: ((z > own).sum(axis=1) >= k).mean()), "came first"),
    "ties are wrong": (compared(lambda z, own, k: ((z >= own).sum(axis=1) > k).mean()), "came last"),
    "from the end": (
        lambda z, y, k: top_by_sorting(z, y, k, np.argsort(z, axis=1, kind="stable")[:, ::-1]),
        "from the end",
    ),
    "changes its input": (in_place, "changed its input"),
    "nothing": (lambda scores, labels, k: None, "returned None"),
    "raises": (lambda scores, labels, k: scores[labels, k, 0], "raised IndexError"),
    "each picture": (lambda scores, labels, k: np.ones(len(labels)), "shape"),
}
MISTAKES = [
    pytest.param(exercise, answer, hint, id=f"{exercise}: {name}")
    for exercise, mistakes in (("view_windows", WINDOWS), ("mean_probabilities", MEANS), ("top_error", TOP))
    for name, (answer, hint) in mistakes.items()
]


@pytest.mark.parametrize(("exercise", "answer", "hint"), MISTAKES)
def test_mistakes_are_named(exercise, answer, hint):
    verdict = getattr(views, exercise).grade(answer)
    assert not verdict.right and verdict.written
    with pytest.raises(ValueError, match=hint):
        raise ValueError(verdict.text)
    assert getattr(views, exercise).grade(answer) == verdict, "the same answer, the same words"


def stub(*arguments):
    raise NotImplementedError


@pytest.mark.parametrize("exercise", ["view_windows", "mean_probabilities", "top_error"])
def test_stubs_are_not_written_yet(exercise):
    verdict = getattr(views, exercise).grade(stub)
    assert not verdict.right and not verdict.written and verdict.heading == "not written yet."


def test_windows_of_the_mirror_image_show_the_same_part():
    """Map 1 is map 0 mirrored: pooled, row k of the one is row k of the other."""
    maps = np.random.default_rng(0).random((1, 9, 14, 3))
    maps = np.concatenate([maps, maps[:, :, ::-1]])
    pooled = [
        maps[n, top:bottom, left:right].max(axis=(0, 1)) for n, top, left, bottom, right in view_windows(9, 14, 6)
    ]
    assert len(pooled) == 18 and np.array_equal(pooled[:9], pooled[9:])

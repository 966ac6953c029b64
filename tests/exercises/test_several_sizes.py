"""Graders of notebook 5: right answers pass, and each typical mistake is named."""

import numpy as np
import pytest

from minispp.exercises import several_sizes

# -- right answers -----------------------------------------------------------------------------------


class Growing:
    def __init__(self, low, high, epochs):
        self.low, self.largest, self.epochs = low, high, epochs

    def side(self, epoch):
        if self.epochs == 1:
            return self.largest
        return self.low + (self.largest - self.low) * min(epoch, self.epochs - 1) // (self.epochs - 1)

    def draw(self, epoch, count, rng):
        return np.full(count, self.side(epoch))


class ByTable:
    """The same, from a table, with a property, and as lists."""

    def __init__(self, low, high, epochs):
        self.sides = [low + k * (high - low) // max(epochs - 1, 1) for k in range(epochs)]
        self.sides[-1] = high

    @property
    def largest(self):
        return self.sides[-1]

    def draw(self, epoch, count, rng):
        return [self.sides[min(epoch, len(self.sides) - 1)]] * count


def score_gradients(probabilities, labels):
    total = sum(map(len, labels))
    return [(p - np.eye(p.shape[1])[y]) / total for p, y in zip(probabilities, labels, strict=True)]


def score_gradients_by_loops(probabilities, labels):
    found = []
    for p, y in zip(probabilities, labels, strict=True):
        dz = p.copy()
        for row, label in enumerate(y):
            dz[row, label] -= 1
        found.append(dz / sum(len(group) for group in labels))
    return tuple(found)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        ("growing", Growing),
        ("growing", ByTable),
        ("score_gradients", score_gradients),
        ("score_gradients", score_gradients_by_loops),
    ],
)
def test_right_answers(exercise, answer):
    verdict = getattr(several_sizes, exercise).grade(answer)
    assert verdict.right and verdict.text.startswith("Tried on"), verdict


# -- typical mistakes --------------------------------------------------------------------------------


def plan(side=None, **methods):
    """`Growing` with another side for each epoch, or with other methods."""
    return type("Growing", (Growing,), {**({} if side is None else {"side": side}), **methods})


class Counting(Growing):
    """Counts its own calls instead of looking at the epoch."""

    calls = -1

    def draw(self, epoch, count, rng):
        self.calls += 1
        return np.full(count, self.side(self.calls))


class NoLargest:
    def __init__(self, low, high, epochs):
        pass

    def draw(self, epoch, count, rng):
        return np.full(count, 48)


def over_epochs(self, epoch):
    return self.low + (self.largest - self.low) * min(epoch, self.epochs) // self.epochs


def beyond(self, epoch):
    return self.low + (self.largest - self.low) * epoch // max(self.epochs - 1, 1) if self.epochs > 1 else self.largest


def rounded(self, epoch):
    steps = max(self.epochs - 1, 1)
    return self.low + round((self.largest - self.low) * min(epoch, steps) / steps) if self.epochs > 1 else self.largest


def without_single(self, epoch):
    return self.low + (self.largest - self.low) * min(epoch, self.epochs - 1) // (self.epochs - 1)


def quotient_first(self, epoch):
    share = min(1.0, epoch / (self.epochs - 1)) if self.epochs > 1 else 1.0
    return int(self.low + (self.largest - self.low) * share)


def falling(self, epoch):
    return self.low + self.largest - Growing.side(self, epoch)


def within(self, epoch, count, rng):
    return np.linspace(self.low, self.side(epoch), count).astype(int)


GROWING = {
    "over epochs": (plan(over_epochs), "4 steps, not 5"),
    "beyond the end": (plan(beyond), "stays at `high`"),
    "rounded to nearest": (plan(rounded), "rounded down"),
    "one epoch": (plan(without_single), "With a single epoch"),
    "one epoch at low": (
        plan(lambda self, epoch: Growing.side(self, epoch) if self.epochs > 1 else self.low),
        "With a single epoch",
    ),
    "quotient first": (plan(quotient_first), "multiply first"),
    "falling": (plan(falling), "should grow"),
    "counts from 1": (plan(lambda self, epoch: Growing.side(self, epoch + 1)), "epochs count from 0"),
    "one number": (plan(draw=lambda self, epoch, count, rng: self.side(epoch)), "single number"),
    "always three": (plan(draw=lambda self, epoch, count, rng: np.full(3, self.side(epoch))), r"shape \(3,\)"),
    "floats": (plan(draw=lambda self, epoch, count, rng: np.full(count, float(self.side(epoch)))), "whole pixels"),
    "within an epoch": (plan(draw=within), "should hold one"),
    "drawn at random": (
        plan(draw=lambda self, epoch, count, rng: rng.integers(self.low, self.largest + 1, count)),
        "should hold one",
    ),
    "counts its calls": (Counting, "makes a new plan"),
    "no largest": (NoLargest, "no `largest`"),
    "largest is a method": (plan(largest=lambda self: 48, __init__=lambda *arguments: None), "@property"),
    "largest is the low one": (plan(largest=32, __init__=lambda *arguments: None), "tested at the largest"),
    "nothing returned": (plan(draw=lambda self, epoch, count, rng: None), "returned None"),
    "raises": (plan(draw=lambda self, epoch, count: 48), "raised TypeError"),
}


def without_copy(probabilities, labels):
    for p, y in zip(probabilities, labels, strict=True):
        p[np.arange(len(y)), y] -= 1
        p /= sum(map(len, labels))
    return probabilities


def scaled(factor):
    """The gap p - 1, times a factor that depends on the groups."""

    def answer(probabilities, labels):
        rows = zip(probabilities, labels, strict=True)
        return [(p - np.eye(p.shape[1])[y]) * factor(labels, p) for p, y in rows]

    return answer


def total(labels):
    return sum(map(len, labels))


GRADIENTS = {
    "own size": (scaled(lambda labels, p: 1 / max(len(p), 1)), "counts for more"),
    "mean of means": (scaled(lambda labels, p: 1 / max(len(p), 1) / len(labels)), "mean of the means"),
    "a sum": (scaled(lambda labels, p: 1), "Nothing was divided"),
    "groups": (scaled(lambda labels, p: 1 / len(labels)), "not by the number of groups"),
    "classes too": (scaled(lambda labels, p: 1 / total(labels) / p.shape[1]), "not also over classes"),
    "sign": (scaled(lambda labels, p: -1 / total(labels)), "sign"),
    "no label": (
        lambda probabilities, labels: [p / total(labels) for p in probabilities],
        "reduced by 1",
    ),
    "columns of labels": (
        lambda probabilities, labels: [
            (p - np.isin(np.arange(p.shape[1]), y)) / sum(map(len, labels))
            for p, y in zip(probabilities, labels, strict=True)
        ],
        "its own label",
    ),
    "of the probabilities": (
        lambda probabilities, labels: [
            -np.eye(p.shape[1])[y] / p / sum(map(len, labels)) for p, y in zip(probabilities, labels, strict=True)
        ],
        "respect to p, not to the scores",
    ),
    "one array": (lambda probabilities, labels: np.concatenate(score_gradients(probabilities, labels)), "a list"),
    "changes its input": (without_copy, "changed the probabilities"),
    "nothing": (lambda probabilities, labels: None, "returned None"),
    "raises": (lambda probabilities, labels: probabilities - labels, "raised TypeError"),
}


MISTAKES = [
    pytest.param(exercise, answer, hint, id=f"{exercise}: {name}")
    for exercise, mistakes in (("growing", GROWING), ("score_gradients", GRADIENTS))
    for name, (answer, hint) in mistakes.items()
]


@pytest.mark.parametrize(("exercise", "answer", "hint"), MISTAKES)
def test_mistakes_are_named(exercise, answer, hint):
    verdict = getattr(several_sizes, exercise).grade(answer)
    assert not verdict.right and verdict.written
    with pytest.raises(ValueError, match=hint):
        raise ValueError(verdict.text)
    assert getattr(several_sizes, exercise).grade(answer) == verdict, "the same answer, the same words"


def stub(*arguments):
    raise NotImplementedError


class Stub:
    def __init__(self, low, high, epochs):
        raise NotImplementedError


class HalfStub(Growing):
    def draw(self, epoch, count, rng):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [("growing", Stub), ("growing", HalfStub), ("score_gradients", stub)],
)
def test_stubs_are_not_written_yet(exercise, answer):
    verdict = getattr(several_sizes, exercise).grade(answer)
    assert not verdict.right and not verdict.written and verdict.heading == "not written yet."


def test_a_plan_of_ones_own_trains_a_net():
    """The exercise asks for what training needs, and no more."""
    import tiny

    from minispp import train
    from minispp.optim import Step

    data = tiny.Pictures(4)
    history = train.fit(tiny.net(), data, sizes=Growing(10, 14, 3), schedule=Step(0.01), epochs=3, progress=False)
    assert history.column("sizes") == [[10], [12], [14]]

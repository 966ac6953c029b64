"""The exercises of notebook 8: right answers pass, typical wrong ones get a hint that names the cause."""

import numpy as np
import pytest

from minispp.exercises import detection

# -- right answers -----------------------------------------------------------------------------------


def overlap(a, b, plus=0, clamp=True, union=True):
    height = min(a[2], b[2]) - max(a[0], b[0]) + plus
    width = min(a[3], b[3]) - max(a[1], b[1]) + plus
    common = max(height, 0) * max(width, 0) if clamp else height * width
    areas = [(box[2] - box[0] + plus) * (box[3] - box[1] + plus) for box in (a, b)]
    if union is min:
        return common / min(areas)
    return common / (sum(areas) - common) if union else common / sum(areas)


def suppress(
    boxes, scores, threshold, order=None, above=lambda x, t: x > t, all_better=False, sorted_rows=False, **how
):
    order = sorted(range(len(boxes)), key=lambda i: (-scores[i], i)) if order is None else order(scores)
    by, seen = np.arange(len(boxes)), []
    for i in order:
        near = [k for k in seen if above(overlap(boxes[i], boxes[k], **how), threshold)]
        if near:
            by[i] = near[0]
        if not near or all_better:
            seen.append(i)
    return np.array([list(order).index(k) for k in by[order]]) if sorted_rows else by


def suppress_by_rounds(boxes, scores, threshold):
    """The same, otherwise: the best that is left takes all that overlap it."""
    by, left = {}, set(range(len(boxes)))
    while left:
        best = max(left, key=lambda i: (scores[i], -i))
        taken = {best} | {i for i in left if overlap(boxes[i], boxes[best]) > threshold}
        by |= dict.fromkeys(taken, best)
        left -= taken
    return [by[i] for i in range(len(boxes))]


def nearest_owner(boxes, scores, threshold):
    by = suppress(boxes, scores, threshold)
    kept = [i for i in range(len(boxes)) if by[i] == i]
    return [i if by[i] == i else max(kept, key=lambda k: overlap(boxes[i], boxes[k])) for i in range(len(boxes))]


def kept_as_minus_one(boxes, scores, threshold):
    by = suppress(boxes, scores, threshold)
    return np.where(by == np.arange(len(boxes)), -1, by)


def judge(
    boxes,
    scores,
    truth,
    difficult,
    order=None,
    enough=lambda x: x >= 0.5,
    twice=False,
    duplicate=-1,
    ignore=True,
    drop=False,
    second=False,
    first=False,
    **how,
):
    if drop:
        truth, difficult = truth[~difficult], difficult[~difficult]
    order = sorted(range(len(boxes)), key=lambda i: (-scores[i], i)) if order is None else order(scores)
    said, had = np.full(len(boxes), -1), set()
    for i in order:
        free = [k for k in range(len(truth)) if not (second and k in had)]
        overlaps = {k: overlap(boxes[i], truth[k], **how) for k in free}
        if first:
            overlaps = {k: 1 for k in free if enough(overlaps[k])}
        best = max(overlaps, key=lambda k: (overlaps[k], -k), default=None)
        if best is None or not enough(overlaps[best]):
            continue
        if difficult[best] and ignore:
            said[i] = 0
        elif best not in had or twice:
            said[i] = 1
            had.add(best)
        else:
            said[i] = duplicate
    return said


def judge_by_object(boxes, scores, truth, difficult):
    """The same, object by object."""
    said = [-1] * len(boxes)
    if not len(truth):
        return said
    table = [[overlap(box, one) for one in truth] for box in boxes]
    own = [int(np.argmax(row)) for row in table]
    for k in range(len(truth)):
        mine = [i for i in range(len(boxes)) if own[i] == k and table[i][k] >= 0.5]
        for i in mine:
            said[i] = 0 if difficult[k] else -1
        if mine and not difficult[k]:
            said[max(mine, key=lambda i: (scores[i], -i))] = 1
    return np.array(said)


def average(hits, positives, points):
    if positives == 0:
        return float("nan")
    found = np.cumsum(hits)
    total = 0.0
    for k in range(points + 1):
        total += max((c / (i + 1) for i, c in enumerate(found) if c * points >= positives * k), default=0)
    return total / (points + 1)


def average_backwards(hits, positives, points):
    """The same, with the envelope first."""
    if positives == 0:
        return np.nan
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    first = np.searchsorted(np.cumsum(hits) / positives, np.arange(points + 1) / points)
    return best[first].mean()


def wrong_average(hits, positives, points, envelope=True, levels=None, strict=False, mean=np.mean, total=False):
    if positives == 0:
        return np.nan
    found = np.cumsum(hits)
    positives = found[-1] if total and len(hits) and found[-1] else positives
    precision, recall = found / np.arange(1, len(hits) + 1), found / positives
    values = []
    for level in np.arange(points + 1) / points if levels is None else levels(points):
        reached = precision[recall > level if strict else recall >= level]
        if len(reached):
            values.append(reached.max() if envelope else reached[0])
        else:
            values.append(np.nan)
    return mean(values)


def area(hits, positives, points):
    if positives == 0:
        return np.nan
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return (np.maximum.accumulate(precision[::-1])[::-1] * hits).sum() / positives


def no_hits_is_one(hits, positives, points):
    return 1.0 if positives and not any(hits) else average(hits, positives, points)


def zeroed(values):
    return np.nan_to_num(values).mean()


def averaged(values):
    return np.nanmean(values) if np.isfinite(values).any() else 0.0


RIGHT = {
    "suppressed_by": [suppress, suppress_by_rounds],
    "verdicts": [judge, judge_by_object],
    "average_precision": [average, average_backwards],
}
FALLING = {"order": lambda scores: np.argsort(scores, kind="stable")[::-1]}  # ties turned around
RISING = {"order": lambda scores: np.argsort(scores, kind="stable")}
GIVEN = {"order": lambda scores: np.arange(len(scores))}
WRONG = {
    "suppressed_by": [
        (suppress, {"plus": 1}, "half-open"),
        (suppress, {"above": lambda x, t: x >= t}, "> and not with >="),
        (suppress, {"all_better": True}, "suppresses nothing any more"),
        (suppress, FALLING, "ties"),
        (suppress, RISING, "falling scores"),
        (suppress, GIVEN, "order given"),
        (suppress, {"sorted_rows": True}, "unsorted"),
        (suppress, {"clamp": False}, "product is positive"),
        (suppress, {"union": False}, "less the intersection"),
        (suppress, {"union": min}, "both boxes together"),
        (kept_as_minus_one, {}, "its own row, not -1"),
        (nearest_owner, {}, "not the nearest"),
        (lambda boxes, scores, threshold: np.arange(len(boxes)), {}, "Every box was kept"),
    ],
    "verdicts": [
        (judge, {"twice": True}, "found once"),
        (judge, {"duplicate": 0}, "It is -1"),
        (judge, {"ignore": False}, "counts neither way"),
        (judge, {"drop": True}, "leaves out difficult objects"),
        (judge, {"second": True}, "when that one is taken"),
        (judge, {"first": True}, "not to the first"),
        (judge, {"enough": lambda x: x > 0.5}, ">= and not with >"),
        (judge, {"plus": 1}, "half-open"),
        (judge, FALLING, "ties"),
        (judge, RISING, "falling score"),
        (judge, GIVEN, "falling score"),
    ],
    "average_precision": [
        (wrong_average, {"envelope": False, "mean": zeroed}, "best precision"),
        (wrong_average, {"mean": averaged}, "belong to the mean"),
        (wrong_average, {"strict": True, "mean": zeroed}, "compare with >="),
        (wrong_average, {"levels": lambda n: np.linspace(0, 1, n + 1), "mean": zeroed}, "rounding"),
        (wrong_average, {"levels": lambda n: np.arange(n) / n, "mean": zeroed}, "a recall of 1, is missing"),
        (wrong_average, {"levels": lambda n: np.arange(1, n + 1) / n, "mean": zeroed}, "a recall of 0, is missing"),
        (wrong_average, {"total": True, "mean": zeroed}, "no detection found"),
        (wrong_average, {"mean": lambda v: np.nansum(v) / (len(v) - 1)}, "points + 1 numbers"),
        (area, {}, "area under the curve"),
        (no_hits_is_one, {}, "Without a hit"),
    ],
}
BROKEN = [
    (lambda *_: None, "returned None"),
    (lambda *_: 1 / 0, "raised ZeroDivisionError"),
    (lambda first, *_: first.sort(axis=0) or first, "changed its input"),
    (lambda *_: np.zeros((2, 3)), "shape"),
]
EXERCISES = {name: getattr(detection, name) for name in RIGHT}


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name, rows in RIGHT.items() for answer in rows])
def test_right_answers_pass(name, answer):
    verdict = EXERCISES[name].grade(answer)
    assert verdict.right, verdict.text
    assert verdict.text.startswith("Tried on")


@pytest.mark.parametrize(
    ("name", "answer", "how", "word"), [(name, *row) for name, rows in WRONG.items() for row in rows]
)
def test_wrong_answers_get_a_hint(name, answer, how, word):
    verdict = EXERCISES[name].grade(lambda *arguments: answer(*arguments, **how))
    assert not verdict.right and verdict.written
    assert word in verdict.text


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(("answer", "word"), BROKEN)
def test_broken_answers_get_a_hint(name, answer, word):
    verdict = EXERCISES[name].grade(answer)
    assert not verdict.right and word in verdict.text


@pytest.mark.parametrize("name", RIGHT)
def test_a_stub_is_not_written_yet(name):
    def stub(*arguments):
        raise NotImplementedError

    verdict = EXERCISES[name].grade(stub)
    assert not verdict.written and verdict.heading == "not written yet."


@pytest.mark.parametrize("name", RIGHT)
def test_grading_is_deterministic(name):
    """The same cases each time, whatever the global random numbers are."""
    seen = [[], []]
    for calls in seen:
        np.random.seed(len(calls))  # noqa: NPY002 - a grader must not use these
        EXERCISES[name].grade(lambda *given, calls=calls: calls.append(repr(given)) or RIGHT[name][0](*given))
    assert seen[0] == seen[1] and len(seen[0]) > 15

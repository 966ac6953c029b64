"""The exercises of notebook 9: right answers pass, typical wrong ones get a hint that names the cause."""

import math

import numpy as np
import pytest

from minispp.exercises import cost


def count(layers, height, width, channels, times=1, power=2, **mistakes):
    total, first = 0, channels
    for kind, kernel, stride, pad, filters in layers:
        if kind == "pool" and "no pooling" in mistakes.get("what", ""):
            continue
        pad = 0 if "no padding" in mistakes.get("what", "") else pad
        up = kind == "pool" and "floor" not in mistakes.get("what", "") or mistakes.get("what") == "ceil"
        before = height, width
        height, width = ((size + 2 * pad - kernel) / stride + 1 for size in before)
        height, width = (math.ceil(size) if up else math.floor(size) for size in (height, width))
        if kind == "conv":
            rows, columns = before if mistakes.get("what") == "inputs" else (height, width)
            depth = {"no channels": 1, "first channels": first}.get(mistakes.get("what"), channels)
            total += times * rows * columns * depth * filters * kernel**power
            channels = filters
    return total


def count_backwards(layers, height, width, channels):
    """The same, by recursion."""
    if not layers:
        return 0
    (kind, kernel, stride, pad, filters), *others = layers
    up = stride - 1 if kind == "pool" else 0
    height, width = ((size + 2 * pad - kernel + up) // stride + 1 for size in (height, width))
    here = height * width * kernel * kernel * channels * filters if kind == "conv" else 0
    return here + count_backwards(others, height, width, filters if kind == "conv" else channels)


def half_up(numerator, denominator):
    return (2 * numerator + denominator) // (2 * denominator)


def pixels(shape, scales, rounded=half_up):
    return sum(scale * rounded(scale * max(shape), min(shape)) for scale in scales)


def unrounded(shape, scales):
    return sum(scale * scale * max(shape) // min(shape) for scale in scales)


def windows(side, shape, scales):
    n = 1
    while n * side**2 <= pixels(shape, scales):
        n += 1
    return n


def windows_at_once(side, shape, scales):
    return pixels(shape, scales) // (side * side) + 1


def scale_for(box, shape, scales, side, power=2, target=2, of=min, plus=0, reverse=False, tall=False):
    height, width = box[2] - box[0] + plus, box[3] - box[1] + plus
    size = (min if tall is min else max)(height, width) ** 2 if tall else height * width
    best = None
    for s in scales[::-1] if reverse else scales:
        away = abs(size * s**power - side**target * of(shape) ** power)
        if best is None or away < best[0]:
            best = away, s
    return best[1]


def scale_by_pairs(box, shape, scales, side):
    """The same: go on to the next scale while it is nearer."""
    area, target = (box[2] - box[0]) * (box[3] - box[1]), 2 * (side * min(shape)) ** 2
    return scales[sum(area * (s * s + t * t) < target for s, t in zip(scales, scales[1:], strict=False))]


def by_sides(box, shape, scales, side):
    root = math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    return min(scales, key=lambda s: abs(s * root / min(shape) - side))


def largest_within(box, shape, scales, side):
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max((s for s in scales if area * s * s <= (side * min(shape)) ** 2), default=scales[0])


def position(box, shape, scales, side):
    return scales.index(scale_for(box, shape, scales, side))


RIGHT = {
    "multiply_adds": [count, count_backwards],
    "break_even": [windows, windows_at_once],
    "choose_scale": [scale_for, scale_by_pairs],
}
WRONG = {
    "multiply_adds": [
        (count, {"times": 2}, "counts once"),
        (count, {"power": 1}, "k^2"),
        (count, {"power": 0}, "should be"),
        (count, {"what": "no channels"}, "C_in"),
        (count, {"what": "first channels"}, "filters of the convolution before"),
        (count, {"what": "inputs"}, "not its inputs"),
        (count, {"what": "no padding"}, "padding is missing"),
        (count, {"what": "no pooling"}, "smaller map"),
        (count, {"what": "floor"}, "rounded up"),
        (count, {"what": "ceil"}, "convolution are rounded down"),
    ],
    "break_even": [
        (lambda side, shape, scales: -(-pixels(shape, scales) // side**2), {}, "not won yet"),
        (lambda side, shape, scales: pixels(shape, scales) // side**2, {}, "not won yet"),
        (lambda side, shape, scales: sum(s * s for s in scales) // side**2 + 1, {}, "aspect ratio"),
        (lambda side, shape, scales: shape[0] * shape[1] // side**2 + 1, {}, "own size"),
        (lambda side, shape, scales: windows(side, shape, scales[-1:]), {}, "add them up"),
        (lambda side, shape, scales: windows(side, shape, scales[:1]), {}, "add them up"),
        (
            lambda side, shape, scales: sum(s * half_up(s * shape[1], shape[0]) for s in scales) // side**2 + 1,
            {},
            "width of a tall picture",
        ),
        (lambda side, shape, scales: pixels(shape, scales, lambda a, b: a // b) // side**2 + 1, {}, "not down"),
        (lambda side, shape, scales: pixels(shape, scales, lambda a, b: -(-a // b)) // side**2 + 1, {}, "not up"),
        (lambda side, shape, scales: unrounded(shape, scales) // side**2 + 1, {}, "before it is multiplied"),
        (lambda side, shape, scales: pixels(shape, scales) // side + 1, {}, "side * side"),
    ],
    "choose_scale": [
        (scale_for, {"reverse": True}, "take the smaller"),
        (scale_for, {"power": 1}, "square of the ratio"),
        (scale_for, {"of": max}, "shorter side of the resized picture"),
        (scale_for, {"of": lambda shape: shape[0]}, "not always the height"),
        (scale_for, {"target": 1}, "near to side * side"),
        (scale_for, {"plus": 1}, "half-open"),
        (scale_for, {"tall": True}, "height times width"),
        (scale_for, {"tall": min}, "height times width"),
        (by_sides, {}, "compares areas by"),
        (position, {}, "not its place"),
        (largest_within, {}, "may be closer"),
        (lambda box, *how: scale_for((0, 0, *box[2:]), *how), {}, "begins in the corner"),
        (lambda box, shape, scales, side: min(scales, key=lambda s: abs(s - side)), {}, "It is the box"),
    ],
}
BROKEN = [
    (lambda *_: None, "returned None"),
    (lambda *_: 1 / 0, "raised ZeroDivisionError"),
    (lambda *_: np.zeros(2), "one number"),
    (lambda *_: "12", "one number"),
    (lambda *_: -1, "should be"),
]
EXERCISES = {name: getattr(cost, name) for name in RIGHT}


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
    assert seen[0] == seen[1] and len(seen[0]) > 5

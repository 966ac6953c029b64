"""The graders of notebook 10: right answers pass, typical wrong ones fail with a hint that names the cause."""

import numpy as np
import pytest

from minispp.exercises import speed


def least(n, height, width, channels, filters, kernel, stride, pad, peak, bandwidth, change=lambda **parts: parts):
    """The right answer; `change` bends its parts into wrong ones."""
    rows, columns = (height + 2 * pad - kernel) // stride + 1, (width + 2 * pad - kernel) // stride + 1
    outputs, patch = n * rows * columns * filters, kernel * kernel * channels
    parts = {
        "products": outputs * patch, "each": 2, "x": n * height * width * channels, "w": patch * filters,
        "b": filters, "y": outputs, "size": 4, "of": max,
    }  # fmt: skip
    patches = n * rows * columns * patch
    parts |= change(**parts, patches=patches, kernel=kernel, filters=filters, same=n * height * width * filters)
    values = parts["x"] + parts["w"] + parts["b"] + parts["y"]
    return parts["of"]([parts["each"] * parts["products"] / peak, parts["size"] * values / bandwidth])


def bent(change):
    return lambda *layer: least(*layer, change=lambda **parts: change(parts))


def other_least(n, height, width, channels, filters, kernel, stride, pad, peak, bandwidth):
    """Another right one: by counting positions."""
    places = [len(range(0, size + 2 * pad - kernel + 1, stride)) for size in (height, width)]
    y = np.empty((n, *places, filters))
    operations = y.size * (2 * kernel**2 * channels)
    moved = 4 * n * height * width * channels + 4 * filters * (kernel**2 * channels + 1) + 4 * y.size
    return np.float64(max(moved / bandwidth, operations / peak))


def least_of_another_size(n, height, width, channels, filters, kernel, stride, pad, *rates, up=False, pads=True):
    rest = stride - 1 if up else 0
    y = n * filters
    for size in (height, width):
        y *= (size + 2 * pad * pads - kernel + rest) // stride + 1
    layer = n, height, width, channels, filters, kernel, stride, pad
    return least(*layer, *rates, change=lambda **p: {"products": p["products"] // p["y"] * y, "y": y})


WRONG_LEAST = {
    "additions": bent(lambda p: {"each": 1}),
    "bandwidth is in bytes": bent(lambda p: {"size": 1}),
    "not 8": bent(lambda p: {"size": 8}),
    "max, not min": bent(lambda p: {"of": min}),
    "not the sum": bent(lambda p: {"of": sum}),
    "im2col": bent(lambda p: {"x": p["patches"]}),
    "weights have to be read": bent(lambda p: {"w": 0, "b": 0}),
    "biases": bent(lambda p: {"b": 0}),
    "outputs have to be written": bent(lambda p: {"y": 0}),
    "// stride": bent(lambda p: {"products": p["products"] // p["y"] * p["same"], "y": p["same"]}),
    "sums over all channels": bent(lambda p: {"products": p["y"] * p["kernel"] ** 2}),
    "kernel * kernel": bent(lambda p: {"products": p["products"] // p["kernel"]}),
    "seconds: one number": lambda *layer: (least(*layer), "products"),
    "rounded down, with //": lambda *layer: least_of_another_size(*layer, up=True),
    "over size + 2 pad cells": lambda *layer: least_of_another_size(*layer, pads=False),
    "n is there twice": lambda n, *layer: least(n, *layer, change=lambda **p: {"products": p["products"] * n}),
    "read once": lambda n, *layer: least(n, *layer, change=lambda **p: {"w": p["w"] * n}),
    "Zeros of the padding": lambda n, h, w, c, f, k, s, pad, *rates: least(
        n, h, w, c, f, k, s, pad, *rates, change=lambda **p: {"x": n * (h + 2 * pad) * (w + 2 * pad) * c}
    ),
    "larger of operations": lambda *layer: 3 * least(*layer),
}


def products(d, g):
    half = (g[0] + g[2]) / 2
    m1, m2 = (d[0] - d[2]) * g[0], (d[1] + d[2]) * (half + g[1] / 2)
    m3, m4 = (d[2] - d[1]) * (half - g[1] / 2), (d[1] - d[3]) * g[2]
    return m1, m2, m3, m4


def f23(d, g):
    m1, m2, m3, m4 = products(d, g)
    return m1 + m2 + m3, m2 - m3 - m4


def f23_matrices(d, g):
    """With NumPy, halves as floats, and all signs in the matrices turned round."""
    bt = np.array([[1, 0, -1, 0], [0, -1, -1, 0], [0, 1, -1, 0], [0, 1, 0, -1]])
    gm = np.array([[1, 0, 0], [-0.5, -0.5, -0.5], [-0.5, 0.5, -0.5], [0, 0, 1]])
    at = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
    return at @ ((bt @ np.array(d, object)) * (gm @ np.array(g, object)))


def formula(d, g):
    return d[0] * g[0] + d[1] * g[1] + d[2] * g[2], d[1] * g[0] + d[2] * g[1] + d[3] * g[2]


def not_halved(d, g):
    m1, m2, m3, m4 = products(d, g)
    return m1 + 2 * m2 + 2 * m3, 2 * m2 - 2 * m3 - m4


def squared(d, g):
    y = formula(d, g)
    return y[0] + d[0] * d[1] - d[1] * d[0], y[1]


WRONG_F23 = {
    "formula itself": formula,
    "turned round": lambda d, g: f23(d, g[::-1]),
    "counts half": not_halved,
    "sign of the last": lambda d, g: (f23(d, g)[0], f23(d, g)[1] + 2 * products(d, g)[3]),
    "changed places": lambda d, g: f23(d, g)[::-1],
    "first output is right": lambda d, g: (f23(d, g)[0], products(d, g)[1]),
    "second output is right": lambda d, g: (products(d, g)[1], f23(d, g)[1]),
    "as they are passed": lambda d, g: f23([each.value for each in d], [each.value for each in g]),
    "as a pair": lambda d, g: f23(d, g)[0],
    "tile times tap": squared,
    "no need to divide": lambda d, g: f23(d, [g[0] / g[1], g[1], g[2]]),
    "term by term": lambda d, g: (d[0], g[0]),
}


def add(values):
    total = np.float32(0)
    for value in values:
        total += value
    return total


def in_parts(values, workers, parts=16):
    edges = [k * len(values) // parts for k in range(parts + 1)]
    results = workers.run(lambda k: add(values[edges[k] : edges[k + 1]]), range(parts))
    return add([result for _, result in sorted(results)])


def by_index(values, workers):
    """Runs of a fixed length, their sums put in their places."""
    runs = [values[k : k + 100] for k in range(0, len(values), 100)] if len(values) > 2000 else list(values)
    sums = np.zeros(len(runs), np.float32)
    for k, total in workers.run(lambda k: np.sum(runs[k], dtype=np.float32), range(len(runs))):
        sums[k] = total
    return np.float32(sums.sum())


def no_tail(values, workers):
    length = len(values) // 16
    results = dict(workers.run(lambda k: add(values[k * length : (k + 1) * length]), range(16)))
    return add([results[k] for k in range(16)])


def twice(values, workers):
    return in_parts(np.concatenate([values, values[-1:]]), workers)


def running_total(values, workers):
    """All parts add to one total, whoever comes first."""
    edges, total = [k * len(values) // 16 for k in range(17)], np.zeros(1, np.float32)

    def work(k):
        for value in values[edges[k] : edges[k + 1]]:
            total[0] += value

    workers.run(work, range(16))
    return total[0]


def in_float64_as_they_come(values, workers):
    edges = [k * len(values) // 16 for k in range(17)]
    results = workers.run(lambda k: values[edges[k] : edges[k + 1]].sum(dtype=np.float64), range(16))
    total = 0.0
    for _, result in results:
        total += result
    return np.float32(total)


WRONG_SUMS = {
    "add them in the order of their parts": lambda v, w: add([s for _, s in w.run(lambda k: add(v[k::16]), range(16))]),
    "has other bits in another run": running_total,
    "<160 values>, workers) has other bits in another run": in_float64_as_they_come,
    "parts at least": lambda v, w: in_parts(v, w, w.count),
    "must not depend on `workers.count`": lambda v, w: in_parts(v, w, max(16, w.count)),
    "values are lost": no_tail,
    "exactly one part": twice,
    "gave 1 workers 0 tasks": lambda v, w: add(v),
    "returned float64": lambda v, w: np.float64(in_parts(v, w)),
    "returned float,": lambda v, w: float(in_parts(v, w)),
    "raised ZeroDivisionError": lambda v, w: in_parts(v, w) if 16 // len(v) < 99 else None,
}

ANSWERS = {
    "least_seconds": ((least, other_least), WRONG_LEAST),
    "winograd_two": ((f23, f23_matrices), WRONG_F23),
    "ordered_sum": ((in_parts, by_index), WRONG_SUMS),
}
CASES = [(name, hint) for name, (_, wrong) in ANSWERS.items() for hint in wrong]


@pytest.mark.parametrize("name", ANSWERS)
def test_right_answers_pass(name):
    for answer in ANSWERS[name][0]:
        verdict = getattr(speed, name).grade(answer)
        assert verdict.right, verdict


@pytest.mark.parametrize(("name", "hint"), CASES)
def test_wrong_answers_are_told_why(name, hint):
    exercise, answer = getattr(speed, name), ANSWERS[name][1][hint]
    verdict = exercise.grade(answer)
    assert not verdict.right and verdict.written and hint in verdict.text, verdict
    assert exercise.grade(answer) == verdict


def stub(*arguments):
    raise NotImplementedError


def nothing(*arguments):
    pass


def raises(*arguments):
    return arguments[99]


@pytest.mark.parametrize("name", ANSWERS)
def test_stubs_and_what_breaks(name):
    exercise = getattr(speed, name)
    assert not exercise.grade(stub).written
    assert "return" in exercise.grade(nothing).text
    assert "raised IndexError" in exercise.grade(raises).text
    assert exercise.__doc__ and exercise.__doc__.splitlines()[0].endswith(".")


def test_an_answer_must_not_change_what_it_is_given():
    def changes(values, workers):
        values.sort()
        return in_parts(values, workers)

    assert "changed its input" in speed.ordered_sum.grade(changes).text

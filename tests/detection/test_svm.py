"""Linear SVMs against projected gradients, and against what holds at an optimum."""

import numpy as np
import pytest
from detection import naive_svm
from draw import DTYPES, LAYOUTS, lay_out, seeds
from hypothesis import given
from hypothesis import strategies as st

from minispp.detection import coordinate_descent
from minispp.detection.svm import LOSSES, fit_svm, objective, scores, square_norms

EXACT = {"tolerance": 1e-9, "max_passes": 200_000}


@st.composite
def problems(draw, sizes=(2, 14), widths=(1, 5)):
    """Samples of both classes, some of them twice, some without features; and the parameters of an SVM."""
    count, width = draw(st.integers(*sizes)), draw(st.integers(*widths))
    rng = np.random.default_rng(draw(seeds))
    labels = rng.random(count) < draw(st.sampled_from([0.1, 0.5]))
    labels[0], labels[-1] = True, False
    features = rng.normal(size=(count, width)) + 0.5 * labels[:, None]
    features[rng.random(count) < 0.1] = 0
    features[rng.integers(count)] = features[rng.integers(count)]  # perhaps with the other label
    features = lay_out(features.astype(draw(st.sampled_from(DTYPES))), draw(st.sampled_from(LAYOUTS)))
    settings = {
        "C": draw(st.sampled_from([0.01, 0.3, 2.0])),
        "positive_weight": draw(st.sampled_from([1.0, 2.5])),
        "bias": draw(st.sampled_from([0.0, 1.0, 3.0])),
        "loss": draw(st.sampled_from(LOSSES)),
    }
    return features, labels, settings


def in_loops(labels, C, positive_weight, bias, loss):
    """Labels and costs as `naive_svm` takes them."""
    return [1 if y else -1 for y in labels], [C * positive_weight if y else C for y in labels], bias, loss


@given(problems())
def test_it_finds_the_optimum(problem):
    features, labels, settings = problem
    svm = fit_svm(features, labels, **settings, **EXACT)
    signs, costs, bias, loss = in_loops(labels, **settings)
    weights, last, bound = naive_svm.solve(features, signs, costs, bias, loss)
    theirs = naive_svm.primal(features, signs, costs, bias, loss, weights, last)
    assert theirs - bound < 1e-7 * theirs  # or there is nothing to compare with
    ours = naive_svm.primal(features, signs, costs, bias, loss, svm.weights, svm.intercept / bias if bias else 0)
    assert bound * (1 - 1e-12) <= ours <= theirs * (1 + 1e-9)
    # P bends upwards by at least 1 in every direction: its minimum is one point.
    np.testing.assert_allclose(svm.weights, weights, atol=1e-3)
    assert bias or svm.intercept == 0


@given(problems(), st.data())
def test_the_objective(problem, data):
    features, labels, settings = problem
    rng = np.random.default_rng(data.draw(seeds))
    weights, intercept = rng.normal(size=features.shape[1]), rng.normal() if settings["bias"] else 0.0
    value = objective(features, labels, weights, intercept, **settings)
    last = intercept / settings["bias"] if settings["bias"] else 0.0
    signs, costs, bias, loss = in_loops(labels, **settings)
    assert value == pytest.approx(naive_svm.primal(features, signs, costs, bias, loss, weights, last), rel=1e-12)


@given(problems())
def test_what_holds_at_an_optimum(problem):
    """Karush, Kuhn and Tucker: an alpha is free only on the margin. And the gap is what it is called."""
    features, labels, settings = problem
    svm = fit_svm(features, labels, **settings, **EXACT)
    signs, costs, bias, loss = in_loops(labels, **settings)
    weights, last, dual = np.zeros(features.shape[1]), 0.0, 0.0
    for x, y, alpha, cost in zip(features, signs, svm.alphas, costs, strict=True):
        margin = y * (x @ svm.weights + svm.intercept)
        slack = alpha / (2 * cost) if loss == "squared hinge" else 0.0
        if alpha == 0:
            assert margin >= 1 - 1e-8
        elif loss == "hinge" and alpha == cost:
            assert margin <= 1 + 1e-8
        else:
            assert margin + slack == pytest.approx(1, abs=1e-8)
        assert 0 <= alpha and (loss == "squared hinge" or alpha <= cost)
        weights, last = weights + alpha * y * x, last + alpha * y * bias
        dual += alpha - alpha * slack / 2
    np.testing.assert_allclose(svm.weights, weights, rtol=1e-12, atol=1e-14)
    assert svm.intercept == pytest.approx(last * bias, abs=1e-13)
    dual -= (weights @ weights + last * last) / 2
    value = objective(features, labels, svm.weights, svm.intercept, **settings)
    assert svm.objective == pytest.approx(value, rel=1e-14)
    assert svm.gap == pytest.approx(svm.objective - dual, abs=1e-13)
    assert -1e-13 <= svm.gap <= 1e-6 * svm.objective


@given(problems(), st.integers(2, 4))
def test_a_weight_is_so_many_equal_samples(problem, times):
    features, labels, settings = problem
    repeats = np.where(labels, times, 1)
    settings["positive_weight"] = 1.0
    many = fit_svm(np.repeat(features, repeats, axis=0), np.repeat(labels, repeats), **settings, **EXACT)
    settings["positive_weight"] = float(times)
    one = fit_svm(features, labels, **settings, **EXACT)
    assert one.objective == pytest.approx(many.objective, rel=1e-9)
    np.testing.assert_allclose(one.weights, many.weights, atol=1e-4)


@given(problems(), seeds)
def test_rows_are_samples_without_a_copy(problem, seed):
    features, labels, settings = problem
    order = np.random.default_rng(seed).permutation(len(labels))
    spread = np.full((2 * len(labels) + 1, features.shape[1]), np.nan, features.dtype)
    spread[1::2] = features[order]  # what no row names is never looked at
    rows = 1 + 2 * np.argsort(order)
    ours, plain = fit_svm(spread, labels, rows=rows, **settings), fit_svm(features, labels, **settings)
    assert all(np.array_equal(a, b) for a, b in zip(ours, plain, strict=True))
    value = objective(spread, labels, ours.weights, ours.intercept, rows=rows, **settings)
    assert value == pytest.approx(ours.objective, rel=1e-14)


@given(problems(sizes=(6, 14)), st.data())
def test_a_warm_start_reaches_the_same(problem, data):
    features, labels, settings = problem
    cold = fit_svm(features, labels, **settings, **EXACT)
    start = np.random.default_rng(data.draw(seeds)).exponential(size=len(labels))
    before = start.copy()
    warm = fit_svm(features, labels, alphas=start, **settings, **EXACT)
    assert np.array_equal(start, before)
    assert warm.objective == pytest.approx(cold.objective, rel=1e-9)
    again = fit_svm(features, labels, alphas=cold.alphas, **settings, tolerance=1e-8)
    assert again.passes <= 2 and again.objective == pytest.approx(cold.objective, rel=1e-9)


def test_a_start_beyond_the_bounds():
    """Of two alphas of 1/2, which are best where they are allowed, and no gradient moves."""
    start = {"alphas": [0.5, 0.5], "bias": 0.0}
    assert fit_svm([[1.0], [-1.0]], [1, -1], C=0.5, **start).alphas.tolist() == [0.5, 0.5]
    assert fit_svm([[1.0], [-1.0]], [1, -1], C=0.25, **start).alphas.tolist() == [0.25, 0.25]


def blobs(count, width, dtype=np.float32, seed=5, positives=0.1):
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < positives
    features = np.maximum(rng.normal(size=(count, width)) + 0.3 * labels[:, None], 0)
    return (features * 20 / np.linalg.norm(features, axis=1).mean()).astype(dtype), labels


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("width", [63, 64, 65, 200])  # less than the partial sums, as many, and more
def test_wide_features(width, loss):
    """Wider than the partial sums, and enough samples for shrinking: the gap is a proof by itself."""
    features, labels = blobs(500, width)
    svm = fit_svm(features, labels, C=0.01, positive_weight=2.0, bias=5.0, loss=loss, tolerance=1e-6, max_passes=10_000)
    value = objective(features, labels, svm.weights, svm.intercept, 0.01, 2.0, 5.0, loss)
    margins = features.astype(np.float64) @ svm.weights + svm.intercept
    short = np.maximum(0, 1 - np.where(labels, margins, -margins)) ** (1 if loss == "hinge" else 2)
    norm = svm.weights @ svm.weights + (svm.intercept / 5) ** 2
    assert value == pytest.approx(norm / 2 + np.sum(np.where(labels, 0.02, 0.01) * short), rel=1e-12)
    assert value == pytest.approx(svm.objective, rel=1e-14) and abs(svm.gap) <= 1e-6 * svm.objective
    np.testing.assert_allclose(svm.scores(features), margins, rtol=1e-11, atol=1e-11)


def test_the_tolerance_bounds_the_gap():
    features, labels = blobs(400, 30)
    fits = [fit_svm(features, labels, C=0.01, tolerance=tolerance, max_passes=9999) for tolerance in (1, 1e-2, 1e-4)]
    assert fits[0].passes < fits[1].passes < fits[2].passes
    assert fits[0].gap > fits[1].gap > fits[2].gap >= 0
    short = fit_svm(features, labels, C=0.01, tolerance=1e-12, max_passes=3)
    assert short.passes == 3 and short.gap > fits[2].gap


def test_a_seed_is_an_order_and_bits():
    features, labels = blobs(300, 40)
    one, same, other = (fit_svm(features, labels, C=0.01, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one.weights, other.weights)
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-2)


def test_the_shuffle_is_a_fair_permutation():
    """All 6 orders of 3, about equally often; chi-squared above 20.5 would be one in a thousand."""
    counts, state = {}, np.uint64(7)
    for _ in range(6000):
        order = np.arange(3)
        state = np.uint64(coordinate_descent._shuffle(order, state))  # the call gives a Python int
        counts[tuple(order.tolist())] = counts.get(tuple(order.tolist()), 0) + 1
    assert len(counts) == 6 and sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 20.5


def test_one_sample_of_each_class():
    """By hand: w = 1 separates -1 and 1 with margins of 1; alpha is 1/2 each."""
    svm = fit_svm([[1.0], [-1.0]], [1, -1], C=5.0, bias=0.0, tolerance=1e-12)
    assert svm.weights.tolist() == [1.0] and svm.objective == 0.5 and svm.alphas.sum() == 1.0
    assert fit_svm([[1.0], [-1.0]], [1, -1], C=0.25, bias=0.0).weights.tolist() == [0.5]  # both at the bound


@pytest.mark.parametrize("loss", LOSSES)
def test_no_features_at_all(loss):
    """Only the bias is left, or not even that: all samples cost the same whatever is done."""
    svm = fit_svm(np.zeros((3, 2)), [1, -1, -1], C=0.5, bias=0.0, loss=loss)
    assert svm.weights.tolist() == [0, 0] and svm.objective == 1.5
    assert svm.gap == pytest.approx(0, abs=1e-12)
    assert fit_svm(np.zeros((3, 0)), [1, -1, -1], C=0.5, bias=1.0, loss=loss, **EXACT).intercept < 0


def test_scores():
    rng = np.random.default_rng(3)
    features, weights, intercepts = rng.normal(size=(70, 131)), rng.normal(size=(131, 3)), rng.normal(size=3)
    out = scores(features, weights, intercepts)
    np.testing.assert_allclose(out, features @ weights + intercepts, rtol=1e-12, atol=1e-12)
    # A row alone, in another place, in another layout: the same bits.
    assert np.array_equal(scores(features[5:6], weights, intercepts), out[5:6])
    assert np.array_equal(scores(features, weights, intercepts, rows=[9, 2, 9]), out[[9, 2, 9]])
    assert np.array_equal(scores(lay_out(features, "transposed"), weights[:, 1:], intercepts[1:]), out[:, 1:])
    assert scores(np.zeros((0, 131)), weights, intercepts).shape == (0, 3)
    assert scores(features, weights[:, :0], []).shape == (70, 0)
    np.testing.assert_allclose(square_norms(features), (features**2).sum(axis=1), rtol=1e-13)


GOOD = [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((GOOD, [1, 1, 1]), "expected samples of both classes, got no negative one among 3"),
        ((GOOD, [False] * 3), "got no positive one among 3"),
        ((np.zeros((0, 1)), []), "got no positive one among 0"),
        ((GOOD, [1, -1]), r"a label for each of 3 samples, got labels \(2,\)"),
        ((GOOD, [1, -1, 0]), r"1 and -1, got \[-1, 0, 1\]"),
        (([[1.0], [np.nan], [2.0]], [1, -1, 1]), "features of sample 1 are not finite"),
        (([[1.0], [2.0], [np.inf]], [1, -1, 1]), "features of sample 2 are not finite"),
        (([1.0, 2.0], [1, -1]), r"expected features \(R, D\), got shape \(2,\)"),
    ],
)
def test_bad_samples(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_svm(*arguments)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"C": 0}, "expected C > 0"),
        ({"C": np.inf}, "expected C > 0"),
        ({"positive_weight": -1}, "expected C > 0, positive_weight > 0"),
        ({"bias": -1}, "bias >= 0"),
        ({"bias": np.nan}, "bias >= 0"),
        ({"loss": "logistic"}, 'expected the loss "hinge" or "squared hinge", got \'logistic\''),
        ({"tolerance": 0}, "expected tolerance > 0"),
        ({"max_passes": 0}, "max_passes >= 1"),
        ({"alphas": [0, 0]}, "expected 3 alphas"),
        ({"alphas": [0, 0, -1]}, "expected 3 alphas of at least 0"),
        ({"alphas": [0, 0, np.nan]}, "expected 3 alphas of at least 0"),
        ({"rows": [0, 1, 3]}, "expected rows from 0 to 2, got 0 .. 3"),
        ({"rows": [-1, 0, 1]}, "got -1 .. 1"),
        ({"rows": [0.0, 1.0, 2.0]}, "expected rows .n,. of integers"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        fit_svm(GOOD, [1, -1, 1], **settings)


def test_bad_shapes_elsewhere():
    with pytest.raises(ValueError, match=r"expected weights \(1,\), got \(2,\)"):
        objective(GOOD, [1, -1, 1], [1.0, 2.0], 0.0)
    with pytest.raises(ValueError, match="an intercept of 0 where the bias is 0"):
        objective(GOOD, [1, -1, 1], [1.0], 0.5, bias=0.0)
    with pytest.raises(ValueError, match="weights .D, K. and intercepts"):
        scores(GOOD, [[1.0], [2.0]], [0.0])

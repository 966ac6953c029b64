"""Box regression against normal equations in plain loops, before and after there are more windows than features."""

import numpy as np
import pytest
from draw import DTYPES, LAYOUTS, lay_out, seeds
from hypothesis import given
from hypothesis import strategies as st

from minispp.boxes import decode, encode
from minispp.detection.regress import BoxRegressor, BoxSamples, predict_all


def naive(features, deltas, ridge):
    """Weights and intercepts from the normal equations of one target after the other, the targets as they are."""
    x, y = np.array(features, np.float64), np.array(deltas)
    mean, middle = sum(x) / len(x), sum(y) / len(y)
    products = ridge * np.eye(x.shape[1])
    for row in x:
        products += np.outer(row - mean, row - mean)
    weights = np.zeros((x.shape[1], 4))
    for t in range(4):
        sums = np.zeros(x.shape[1])
        for row, delta in zip(x, y[:, t], strict=True):
            sums += (row - mean) * (delta - middle[t])
        weights[:, t] = np.linalg.solve(products, sums)
    return weights, middle - mean @ weights


def draw_boxes(rng, count):
    corner = rng.integers(0, 90, (count, 2))
    return np.hstack([corner, corner + rng.integers(1, 40, (count, 2))])


@st.composite
def samples(draw, fewest=1):
    count, width, rng = draw(st.integers(fewest, 12)), draw(st.integers(1, 9)), np.random.default_rng(draw(seeds))
    features = rng.normal(size=(count, width)) + 1
    features = lay_out(features.astype(draw(st.sampled_from(DTYPES))), draw(st.sampled_from(LAYOUTS)))
    boxes = draw_boxes(rng, count)
    return features, boxes, boxes + rng.uniform(-0.4, 0.4, (count, 4))


@given(samples(), st.sampled_from([0.01, 1.0, 100.0]), st.data())
def test_it_solves_the_normal_equations(drawn, ridge, data):
    """However the windows come: at once, or in pieces, of which some are empty."""
    features, boxes, targets = drawn
    cuts = sorted(data.draw(st.lists(st.integers(0, len(boxes)), max_size=3)))
    pieces = BoxSamples(features.shape[1])
    for first, last in zip([0, *cuts], [*cuts, len(boxes)], strict=True):
        pieces.add(features[first:last], boxes[first:last], targets[first:last])
    weights, intercepts = naive(features, encode(boxes, targets), ridge)
    for regressor in (pieces.solve(ridge), BoxRegressor.fit(features, boxes, targets, ridge)):
        np.testing.assert_allclose(regressor.weights, weights, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(regressor.intercepts, intercepts, rtol=1e-7, atol=1e-9)
        assert regressor.samples == len(boxes)
        moved = regressor.predict(features, boxes)
        expected = decode(boxes, features.astype(np.float64) @ weights + intercepts)
        np.testing.assert_allclose(moved, expected, rtol=1e-6, atol=1e-6)
        assert moved.dtype == np.float64


@given(samples(fewest=2), st.sampled_from([0.01, 1.0]))
def test_the_error(drawn, ridge):
    """What is left, in units of the targets' spread in the directions in which they vary apart from one another."""
    features, boxes, targets = drawn
    deltas = encode(boxes, targets)
    regressor = BoxRegressor.fit(features, boxes, targets, ridge)
    left = deltas - features.astype(np.float64) @ regressor.weights - regressor.intercepts
    variances, directions = np.linalg.eigh(np.cov(deltas.T, bias=True))
    whitened = left @ directions / np.sqrt(np.maximum(variances, 0) + 1e-3)
    assert regressor.error == pytest.approx((whitened**2).mean(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("count", "width"), [(6, 20), (200, 20)])
def test_perfect_recovery(count, width):
    """Targets that are a linear function of the features, and hardly any ridge: the function itself."""
    rng = np.random.default_rng(1)
    features, boxes = rng.normal(size=(count, width)), draw_boxes(rng, count)
    truth = rng.normal(size=(width, 4)) * 0.05
    deltas = features @ truth + [0.1, -0.2, 0.05, 0]
    targets = decode(boxes, deltas)
    regressor = BoxRegressor.fit(features, boxes, targets, ridge=1e-7)
    np.testing.assert_allclose(regressor.predict(features, boxes), targets, atol=1e-5)
    assert regressor.error < 1e-9
    if count > width:
        np.testing.assert_allclose(regressor.weights, truth, atol=1e-6)
    useless = BoxRegressor.fit(0 * features, boxes, targets)
    np.testing.assert_allclose(useless.intercepts, deltas.mean(axis=0), atol=1e-12)
    assert (useless.weights == 0).all() and 0.5 < useless.error <= 1


def test_more_windows_after_solving():
    """Solving changes nothing that later windows need, on either side of D."""
    rng = np.random.default_rng(2)
    features, boxes = rng.normal(size=(40, 7)), draw_boxes(rng, 40)
    targets = boxes + rng.uniform(-0.4, 0.4, (40, 4))
    pieces = BoxSamples(7)
    for first in range(0, 40, 4):
        pieces.add(features[first : first + 4], boxes[first : first + 4], targets[first : first + 4])
        regressor = pieces.solve(0.5)
        again = pieces.solve(0.5)
        weights, _ = naive(features[: first + 4], encode(boxes, targets)[: first + 4], 0.5)
        np.testing.assert_allclose(regressor.weights, weights, rtol=1e-8, atol=1e-10)
        assert np.array_equal(again.weights, regressor.weights)


def test_what_is_added_is_copied():
    rng = np.random.default_rng(3)
    features, boxes = rng.normal(size=(3, 5)), draw_boxes(rng, 3)
    samples = BoxSamples(5)
    samples.add(features, boxes, boxes + 0.25)
    expected = samples.solve(1.0).weights
    features[:] = np.nan
    assert np.array_equal(samples.solve(1.0).weights, expected)


def test_large_means():
    """The sums are centred after the fact; features far from 0 must not cost the digits that matter."""
    rng = np.random.default_rng(4)
    features, boxes = (rng.normal(size=(500, 6)) + 30).astype(np.float32), draw_boxes(rng, 500)
    targets = boxes + rng.uniform(-0.4, 0.4, (500, 4))
    weights, intercepts = naive(features, encode(boxes, targets), 1.0)
    regressor = BoxRegressor.fit(features, boxes, targets, 1.0)
    np.testing.assert_allclose(regressor.weights, weights, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(regressor.intercepts, intercepts, rtol=1e-7, atol=1e-7)


def test_the_ridge_of_scaled_features():
    rng = np.random.default_rng(5)
    features, boxes = rng.normal(size=(30, 4)), draw_boxes(rng, 30)
    targets = boxes + rng.uniform(-0.4, 0.4, (30, 4))
    plain = BoxRegressor.fit(features, boxes, targets, 2.0 / 9)
    scaled = BoxRegressor.fit(3 * features, boxes, targets, 2.0)
    np.testing.assert_allclose(scaled.predict(3 * features, boxes), plain.predict(features, boxes), rtol=1e-10)


def test_no_window_one_window_and_too_few():
    boxes, targets, features = [[10, 10, 20, 30]], [[12, 10, 22, 30]], [[1.0, -2.0]]
    still = BoxSamples(2).solve()
    assert still.predict(features, boxes).tolist() == boxes and still.samples == 0
    assert still.predict(np.zeros((0, 2)), np.zeros((0, 4))).shape == (0, 4)
    one = BoxRegressor.fit(features, boxes, targets)
    np.testing.assert_allclose(one.predict([[9.0, 9.0]], boxes), targets)  # all boxes alike
    assert one.error == 0
    samples = BoxSamples(2)
    samples.add(features, boxes, targets)
    assert samples.solve(fewest=2).predict(features, boxes).tolist() == boxes
    assert samples.solve(fewest=1).predict(features, boxes).tolist() != boxes


def test_tiny_boxes():
    """Of one pixel, and a thousandth of one: what is learned is relative to their size."""
    boxes = np.array([[5, 5, 6, 6], [8, 9, 9, 10], [3, 3, 4, 4.0]])
    regressor = BoxRegressor.fit([[1.0], [2.0], [3.0]], boxes, boxes + [0, 0, 1, 0], ridge=1e-6)
    np.testing.assert_allclose(regressor.predict([[2.0]], [[0, 0, 0.001, 0.001]]), [[0, 0, 0.002, 0.001]], atol=1e-9)


def test_all_classes_at_once():
    rng = np.random.default_rng(6)
    features, boxes = rng.normal(size=(9, 70)), draw_boxes(rng, 9)
    regressors = [BoxRegressor(rng.normal(size=(70, 4)) * 0.01, rng.normal(size=4) * 0.1) for _ in range(3)]
    moved = predict_all(regressors, features, boxes)
    assert moved.shape == (9, 3, 4)
    for k, regressor in enumerate(regressors):
        expected = decode(boxes, features @ regressor.weights + regressor.intercepts)
        np.testing.assert_allclose(moved[:, k], expected, rtol=1e-10)
        assert np.array_equal(moved[:, k], regressor.predict(features, boxes))
    assert predict_all(regressors, features[:0], boxes[:0]).shape == (0, 3, 4)


def test_bad_samples():
    box, samples = [[0, 0, 5, 5]], BoxSamples(2)
    with pytest.raises(ValueError, match=r"expected features \(1, 2\), got \(1, 3\)"):
        samples.add([[1.0, 2.0, 3.0]], box, box)
    with pytest.raises(ValueError, match="features of window 1 are not finite"):
        samples.add([[1.0, 2.0], [0.0, np.nan]], box * 2, box * 2)
    with pytest.raises(ValueError, match="encode: targets: expected top < bottom"):
        samples.add([[1.0, 2.0]], box, [[5, 5, 5, 9]])
    assert samples.count == 0
    for ridge in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match="expected ridge > 0"):
            samples.solve(ridge)
    with pytest.raises(ValueError, match="positive integer width"):
        BoxSamples(0)
    samples.add(np.full((2, 2), 1e9) * [[1], [2]], box * 2, box * 2)
    with pytest.raises(ValueError, match="a ridge of 1e-12 is too small"):
        samples.solve(1e-12)

"""The detectors' solvers against scikit-learn's: liblinear for SVMs, and its ridge regression."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the peer, scikit-learn, is not installed: pip install minispp[peers]")

from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from minispp.boxes import encode
from minispp.detection.regress import BoxRegressor
from minispp.detection.svm import LOSSES, fit_svm, objective

pytestmark = pytest.mark.peers


def draw(count, width, positives, seed=0):
    """Features as after a ReLU, of mean norm 20, float32; the positives differ in a few directions."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) < max(2, positives * count)
    directions, mix = rng.normal(size=(20, width)), rng.normal(size=(count, 20))
    mix[labels, :4] += 1.2
    features = np.maximum(mix @ directions / 4 + rng.normal(size=(count, width)), 0)
    return (features * 20 / np.linalg.norm(features, axis=1).mean()).astype(np.float32), labels


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("count", "width", "positives", "C", "weight", "bias"),
    [(60, 7, 0.3, 0.1, 1.0, 1.0), (500, 80, 0.05, 0.003, 2.0, 10.0), (900, 700, 0.02, 0.001, 3.0, 5.0)],
)
def test_the_objective_of_liblinear(count, width, positives, C, weight, bias, loss):
    """Same problem, same tolerance: the objectives agree to 1e-4, and so do the scores on the whole."""
    features, labels = draw(count, width, positives)
    settings = {"C": C, "positive_weight": weight, "bias": bias, "loss": loss}
    ours = fit_svm(features, labels, **settings, tolerance=1e-4, max_passes=20_000)
    peer = LinearSVC(
        C=C, class_weight={True: weight}, intercept_scaling=bias, loss=loss.replace(" ", "_"), dual=True, tol=1e-4,
        max_iter=20_000, random_state=0,
    ).fit(features, labels)
    theirs = objective(features, labels, peer.coef_[0], peer.intercept_[0], **settings)
    assert ours.objective == pytest.approx(theirs, rel=1e-4)
    apart = ours.scores(features) - peer.decision_function(features)
    assert abs(apart).max() < 0.02 * np.ptp(ours.scores(features))


@pytest.mark.parametrize(("count", "width"), [(40, 120), (300, 25)])
def test_ridge(count, width):
    rng = np.random.default_rng(1)
    features, corner = rng.normal(size=(count, width)).astype(np.float32), rng.integers(0, 90, (count, 2))
    boxes = np.hstack([corner, corner + rng.integers(4, 40, (count, 2))])
    targets = boxes + rng.uniform(-1, 1, (count, 4))
    ours = BoxRegressor.fit(features, boxes, targets, ridge=7.0)
    peer = Ridge(alpha=7.0, solver="cholesky").fit(features.astype(np.float64), encode(boxes, targets))
    np.testing.assert_allclose(ours.weights, peer.coef_.T, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(ours.intercepts, peer.intercept_, rtol=1e-8)

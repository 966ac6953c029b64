"""Hard negatives: what is drawn, mined, dropped and forgotten, and that it ends where all negatives at once end."""

import numpy as np
import pytest
from detection.naive_hard_negatives import Drawn, everything
from draw import seeds
from hypothesis import given
from hypothesis import strategies as st

from minispp.boxes import iou
from minispp.detection.hard_negatives import (
    Described,
    Detectors,
    fit_detectors,
    positives_and_negatives,
    without_duplicates,
)
from minispp.detection.svm import fit_svm, objective

CLASSES = ["ace", "jack", "queen"]
QUIET = {"progress": False}


def test_it_ends_where_all_negatives_end():
    """With nothing dropped as a duplicate, the objective on all windows is that of training on all of them."""
    pictures = Drawn(12, seed=4)
    settings = {"C": 0.01, "positive_weight": 2.0, "bias": 5.0, "loss": "hinge"}
    detectors = fit_detectors(
        pictures, CLASSES, **settings, duplicate_iou=1.0, first_negatives=3, rounds=4, tolerance=1e-6, **QUIET
    )
    norms = [np.linalg.norm(picture.features, axis=1) for picture in map(pictures.__getitem__, range(12))]
    assert detectors.scale == pytest.approx(20 / np.concatenate(norms).mean(), rel=1e-6)
    for k in range(3):
        features, labels = everything(pictures, k)
        features = np.float32(detectors.scale) * features
        best = fit_svm(features, labels, **settings, tolerance=1e-6)
        ours = objective(features, labels, detectors.weights[:, k], detectors.intercepts[k], **settings)
        assert ours <= best.objective * 1.001
        first = fit_detectors(pictures, CLASSES, **settings, first_negatives=3, rounds=0, **QUIET)
        worse = objective(features, labels, first.weights[:, k], first.intercepts[k], **settings)
        assert worse > best.objective * 1.05  # or there was nothing to mine
        assert detectors.history[-1].negatives[k] < 0.7 * (~labels).sum()  # and it did not simply keep everything


def test_scores_are_of_features_as_they_come():
    pictures = Drawn(4, seed=1)
    detectors = fit_detectors(pictures, CLASSES, rounds=1, **QUIET)
    features = pictures[0].features
    expected = detectors.scale * features.astype(np.float64) @ detectors.weights + detectors.intercepts
    np.testing.assert_allclose(detectors.score(features), expected, rtol=1e-10, atol=1e-12)
    larger = fit_detectors(Drawn(4, seed=1, unit=8.0), CLASSES, rounds=1, **QUIET)  # a power of two: the same bits
    assert np.array_equal(larger.score(8 * features), detectors.score(features))
    other = fit_detectors(pictures, CLASSES, rounds=0, norm=7.0, **QUIET)
    assert other.scale == pytest.approx(detectors.scale * 7 / 20)


def test_the_history_adds_up():
    pictures = Drawn(6, seed=2)
    detectors = fit_detectors(pictures, CLASSES, C=0.01, first_negatives=4, rounds=2, **QUIET)
    assert len(detectors.history) == 3 and pictures.asked == 3 * list(range(6))
    negatives = 0
    for entry in detectors.history:
        negatives = negatives + entry.found - entry.evicted
        assert entry.negatives.tolist() == negatives.tolist()
        assert (entry.gap >= -1e-12).all() and (entry.gap < 1e-2 * entry.objective).all() and entry.seconds > 0
    totals = [sum(len(positives_and_negatives(pictures[i], k)[0]) for i in range(6)) for k in range(3)]
    assert entry.positives.tolist() == totals
    assert (detectors.history[0].found <= 4 * 6).all() and (detectors.history[1].found > 0).all()


def trained_on(monkeypatch, *arguments, **settings):
    """What each fit was given: a list of (features, positive) for each call, in order."""
    calls = []

    def spy(features, labels, *rest, rows, **others):
        calls.append((features[rows].copy(), labels.copy()))
        return fit_svm(features, labels, *rest, rows=rows, **others)

    monkeypatch.setattr("minispp.detection.hard_negatives.fit_svm", spy)
    return fit_detectors(*arguments, **settings, **QUIET), calls


def test_positives_are_kept_and_negatives_are_real(monkeypatch):
    """Whatever slots are filled again: all that a class trains on are windows of the kind it says."""
    pictures = Drawn(8, seed=3)
    detectors, calls = trained_on(
        monkeypatch, pictures, CLASSES, C=0.01, positive_iou=0.7, first_negatives=4, refit_after=7, evict=-1.0
    )
    assert len(calls) > 9 and (detectors.history[1].evicted > 0).all()
    for k in range(3):
        features, labels = everything(pictures, k, positive_iou=0.7)
        of_kind = [{row.tobytes() for row in np.float32(detectors.scale) * features[labels == kind]} for kind in (0, 1)]
        # The first three calls are the classes' in order; later ones are told apart by their positives.
        for samples, positive in calls:
            if {row.tobytes() for row in samples[positive]} == of_kind[1]:
                kept = [row.tobytes() for row in samples[~positive]]
                assert len(set(kept)) == len(kept) and set(kept) <= of_kind[0]
                break
        else:
            pytest.fail(f"class {k} never had all its positives")
    kinds = [{row.tobytes() for row in np.float32(detectors.scale) * everything(pictures, k, 0.7)[0]} for k in range(3)]
    assert all({row.tobytes() for row in samples} <= set.union(*kinds) for samples, _ in calls)


def test_no_two_negatives_overlap_too_much(monkeypatch):
    """Each picture's negatives, found again by their features."""
    pictures = Drawn(5, seed=6)
    detectors, calls = trained_on(monkeypatch, pictures, CLASSES, C=0.01, duplicate_iou=0.4, hard=-1.5, evict=-9.0)
    where = {}
    for number in range(5):
        for row, features in enumerate(np.float32(detectors.scale) * pictures[number].features):
            where[features.tobytes()] = number, pictures[number].boxes[row]
    for samples, positive in calls[-3:]:
        by_picture = {}
        for features in samples[~positive]:
            number, box = where[features.tobytes()]
            by_picture.setdefault(number, []).append(box)
        assert max(map(len, by_picture.values())) > 5
        for boxes in by_picture.values():
            assert np.triu(iou(boxes, boxes), 1).max() <= 0.4
    closer = fit_detectors(pictures, CLASSES, C=0.01, duplicate_iou=0.9, hard=-1.5, evict=-9.0, **QUIET)
    assert (closer.history[-1].negatives > detectors.history[-1].negatives).all()


def test_only_hard_ones_are_found_and_easy_ones_forgotten(monkeypatch):
    """Without duplicates dropped, the second fit has every negative that the first put above -1, and some to -1.2."""
    pictures = Drawn(6, seed=8)
    settings = {"C": 0.01, "duplicate_iou": 1.0, "first_negatives": 6}
    first = fit_detectors(pictures, CLASSES, **settings, rounds=0, **QUIET)
    mined, calls = trained_on(monkeypatch, pictures, CLASSES, **settings, rounds=1)
    assert len(calls) == 6
    for k in range(3):
        features, labels = everything(pictures, k)
        score = first.score(features)[~labels, k]
        known = dict(zip([row.tobytes() for row in np.float32(first.scale) * features[~labels]], score, strict=True))
        samples, positive = calls[3 + k]
        trained = {row.tobytes() for row in samples[~positive]}
        assert {row for row, value in known.items() if value > -1} <= trained
        assert -1.2 <= min(known[row] for row in trained) < -1
        drawn = {row.tobytes() for row in calls[k][0][~calls[k][1]]}
        assert all(known[row] > -1 for row in trained - drawn) and len(trained - drawn) == mined.history[1].found[k]
        assert min(known[row] for row in drawn) < -1.2 and first.history[0].evicted[k] > 0


def test_nothing_and_everything():
    pictures = Drawn(6, seed=8)
    settings = {"duplicate_iou": 1.0, "first_negatives": 3}
    none = fit_detectors(pictures, CLASSES, **settings, rounds=1, hard=1e9, evict=-1e9, **QUIET)
    assert none.history[1].found.sum() == none.history[1].evicted.sum() == none.history[0].evicted.sum() == 0
    gone = fit_detectors(pictures, CLASSES, **settings, rounds=0, evict=1e9, **QUIET)
    assert gone.history[0].negatives.sum() == 0
    again = fit_detectors(pictures, CLASSES, **settings, rounds=1, hard=-1e9, evict=-1e9, **QUIET)
    total = [int((~everything(pictures, k)[1]).sum()) for k in range(3)]
    assert again.history[1].negatives.tolist() == total  # each of them, once


@pytest.mark.parametrize("most", [1, 17, 40])
def test_memory_is_bounded(monkeypatch, most):
    pictures = Drawn(7, seed=9)
    windows = len(pictures[0].boxes)
    settings = {"hard": -9.0, "evict": -9.0, "duplicate_iou": 1.0, "most_negatives": most, "refit_after": 5}
    detectors, calls = trained_on(monkeypatch, pictures, CLASSES, C=0.01, **settings)
    assert all((~positive).sum() <= max(most, 7) + 5 + windows for _, positive in calls)
    assert all((entry.negatives <= most).all() for entry in detectors.history)
    assert (detectors.history[1].evicted > 0).all()


def test_a_seed_is_bits(monkeypatch):
    """It decides what is drawn at first, and the order of the samples in every fit."""
    pictures = Drawn(5, seed=11)
    drawn, seeds_of_fits = [], []

    def spy(features, labels, *, rows, seed, **others):
        drawn.append(features[rows].tobytes())
        seeds_of_fits.append(seed)
        return fit_svm(features, labels, rows=rows, seed=seed, **others)

    monkeypatch.setattr("minispp.detection.hard_negatives.fit_svm", spy)
    settings = {"first_negatives": 4, "rounds": 0, **QUIET}
    one, same, other = (fit_detectors(pictures, CLASSES, seed=seed, **settings) for seed in (1, 1, 2))
    assert np.array_equal(one.weights, same.weights) and np.array_equal(one.intercepts, same.intercepts)
    assert drawn[:3] == drawn[3:6] and not set(drawn[:3]) & set(drawn[6:])
    assert seeds_of_fits == [1] * 6 + [2] * 3 and other.scale == one.scale


def test_pictures_without_windows():
    pictures = Drawn(5, seed=12)
    with_gaps = [pictures[0], pictures.nothing(), pictures[1], pictures.nothing()]
    plain = fit_detectors([pictures[0], pictures[1]], CLASSES, duplicate_iou=1.0, first_negatives=10**6, **QUIET)
    gaps = fit_detectors(with_gaps, CLASSES, duplicate_iou=1.0, first_negatives=10**6, **QUIET)
    assert gaps.scale == plain.scale and gaps.history[0].found.tolist() == plain.history[0].found.tolist()
    np.testing.assert_allclose(gaps.weights, plain.weights, atol=1e-2)


@given(st.integers(0, 12), st.integers(0, 4), st.sampled_from([0.0, 0.3, 0.7, 1.0]), seeds)
def test_without_duplicates(count, kept, threshold, seed):
    """Against the definition, one after the other."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 6, (count, 2))
    boxes, score = np.hstack([corner, corner + rng.integers(0, 6, (count, 2))]), rng.integers(0, 4, count)
    rows = np.flatnonzero(rng.random(count) < 0.7)
    kept = rng.permutation(count)[:kept]
    expected, against = [], list(kept)
    for row in sorted(rows.tolist(), key=lambda row: (-score[row], row)):
        if row not in kept and all(iou(boxes[[row]], boxes[[other]])[0, 0] <= threshold for other in against):
            expected.append(row)
            against.append(row)
    assert without_duplicates(boxes, rows, score, kept, threshold).tolist() == expected


def test_who_is_positive_and_who_is_negative():
    overlaps = np.array([[1, 0.4], [0.75, 1], [0.7, 0.3], [0.69, 0.31], [0.3, 0], [0, 0], [0.9, 0.1], [1, 0]])
    truth = np.array([True, True, False, False, False, True, True, False])
    picture = Described(np.zeros((8, 1)), overlaps, np.zeros((8, 4)), truth)

    def kinds(k, **settings):
        return [rows.tolist() for rows in positives_and_negatives(picture, k, **settings)]

    # Window 5 has no area and 6 is difficult; window 1 is another class's truth, whatever it overlaps.
    assert kinds(0) == [[0], [4]]
    assert kinds(0, positive_iou=0.7) == [[0, 2, 7], [4]]
    assert kinds(1, positive_iou=0.4) == [[1], [2, 4, 7]]
    assert kinds(1, negative_iou=0.4) == [[1], [0, 2, 3, 4, 7]]
    nothing = Described(np.zeros((0, 1)), np.zeros((0, 2)), np.zeros((0, 4)), np.zeros(0, bool))
    assert [len(rows) for rows in positives_and_negatives(nothing, 1)] == [0, 0]


def test_a_class_without_examples_is_named():
    drawn = Drawn(3, seed=13)
    pictures = [drawn[number] for number in range(3)]
    blind = [picture._replace(overlaps=picture.overlaps * [1, 0, 1]) for picture in pictures]
    with pytest.raises(ValueError, match="class 'jack' has no positives in 3 pictures"):
        fit_detectors(blind, CLASSES, **QUIET)
    full = [picture._replace(overlaps=np.maximum(picture.overlaps, [0.5, 0, 0])) for picture in pictures]
    with pytest.raises(ValueError, match="class 'ace' has no negatives in 3 pictures"):
        fit_detectors(full, CLASSES, **QUIET)
    with pytest.raises(ValueError, match="class 'ace' has no positives in 0 pictures"):
        fit_detectors([], CLASSES, **QUIET)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p._replace(features=p.features[:, 1:]), r"picture 1: expected features \(30, 24\), got \(30, 23\)"),
        (lambda p: p._replace(overlaps=p.overlaps[:, 1:]), r"picture 1: expected overlaps \(30, 3\), got \(30, 2\)"),
        (lambda p: p._replace(is_truth=p.is_truth[1:]), r"expected is_truth \(30,\)"),
        (lambda p: p._replace(features=p.features * np.nan), "features of picture 1 are not finite"),
    ],
)
def test_bad_pictures(change, message):
    pictures = Drawn(2, seed=14)
    with pytest.raises(ValueError, match=message):
        fit_detectors([pictures[0], change(pictures[1])], CLASSES, **QUIET)


@pytest.mark.parametrize("name", ["first_negatives", "refit_after", "most_negatives"])
def test_bad_settings(name):
    with pytest.raises(ValueError, match=f"expected {name} of at least 1, got 0"):
        fit_detectors(Drawn(2, seed=1), CLASSES, **{name: 0}, **QUIET)
    with pytest.raises(ValueError, match="expected rounds of at least 0"):
        fit_detectors(Drawn(2, seed=1), CLASSES, rounds=-1, **QUIET)


def test_detectors_without_classes():
    assert Detectors(np.zeros((5, 0)), np.zeros(0), 1.0).score(np.zeros((3, 5))).shape == (3, 0)

"""The outcome of the demo as numbers, table and words, from answers that are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from minispp import outcome
from minispp.outcome import CENTRE, FULL, MULTI, ONE, SEVERAL, TWIN, WARPED, WAYS, Results

LABELS = np.array([0, 1, 2, 1, 0, 1, 2, 0, 1, 2])


def answers(*right):
    """Probabilities with which, for each seed, the first so many pictures of the ten are classified rightly."""
    guesses = np.stack([np.where(np.arange(10) < count, LABELS, (LABELS + 1) % 3) for count in right])
    return np.eye(3)[guesses] * 0.6 + 0.1


@pytest.fixture
def results():
    test = _Part()
    found = Results(SimpleNamespace(seeds=2), (test, test, test), "minispp demo")
    counts = {
        (TWIN, CENTRE): (4, 6), (TWIN, WARPED): (3, 3), (ONE, CENTRE): (6, 8), (ONE, FULL): (7, 7),
        (ONE, MULTI): (9, 9), (SEVERAL, CENTRE): (5, 7), (SEVERAL, FULL): (7, 7), (SEVERAL, MULTI): (10, 10),
    }  # fmt: skip
    found.answers = {key: answers(*right) for key, right in counts.items()}
    return found


class _Part:
    classes, labels = ["a", "b", "c"], LABELS

    def __len__(self):
        return len(LABELS)


def test_the_twin_is_only_tested_in_its_ways():
    assert WAYS[TWIN] == (CENTRE, WARPED) and FULL not in WAYS[TWIN] and MULTI not in WAYS[TWIN]


def test_accuracies(results):
    shares = results.accuracies()
    assert shares[TWIN][CENTRE].tolist() == [0.4, 0.6] and shares[SEVERAL][MULTI].tolist() == [1, 1]
    assert list(shares) == [TWIN, ONE, SEVERAL] and results.right(ONE, CENTRE)[1].tolist() == 8 * [True] + 2 * [False]


def test_table(results):
    assert outcome.table(results) == [
        ["", "centre crop", "warped whole", "full image", "multi-view"],
        ["no SPP", "50.0 ± 14.1", "30.0 ± 0.0", "–", "–"],
        ["SPP, one size", "70.0 ± 14.1", "–", "70.0 ± 0.0", "90.0 ± 0.0"],
        ["SPP, several sizes", "60.0 ± 14.1", "–", "70.0 ± 0.0", "100.0 ± 0.0"],
    ]


def test_words_follow_the_numbers(results):
    lines = outcome.verdicts(results)
    assert len(lines) == len(outcome.PAIRS)
    assert lines[0].startswith("Centre crop: “SPP, one size” is 20.0 points above “no SPP” (")
    assert lines[1].startswith("“SPP, one size” with full image is 40.0 points above “no SPP” with warped whole (")
    assert lines[3].startswith("Centre crop: “SPP, several sizes” is 10.0 points below “SPP, one size” (")
    assert lines[4].startswith("Full image: “SPP, several sizes” and “SPP, one size” are equal (standard error 0.0)")
    assert lines[6].startswith("“SPP, several sizes”: full image is 10.0 points above centre crop (")
    assert lines[7].startswith("“SPP, several sizes”: multi-view is 30.0 points above full image (")


def test_the_same_words_for_the_opposite_numbers(results):
    """Nothing is said because it was hoped for."""
    keys = (ONE, CENTRE), (TWIN, CENTRE)
    results.answers[keys[0]], results.answers[keys[1]] = (results.answers[key] for key in keys[::-1])
    assert outcome.verdicts(results)[0].startswith("Centre crop: “SPP, one size” is 20.0 points below “no SPP” (")


def test_text_is_aligned_and_fits(results):
    lines = outcome.text(results).splitlines()
    assert max(map(len, lines)) <= 100
    start = next(k for k, line in enumerate(lines) if line.startswith("no SPP"))
    head, *rows = lines[start - 1 : start + 3]
    for word in ("centre crop", "warped whole", "full image", "multi-view"):
        end = head.index(word) + len(word)
        assert all(len(row) == end or row[end] == " " for row in rows) and all(row[end - 1] != " " for row in rows)
    assert sum(line.startswith("- ") for line in lines) == len(outcome.PAIRS)


def test_caption(results):
    said = "Accuracy on 10 test pictures of 3 classes, in %; mean ± standard deviation over 2 seeds. "
    assert outcome.caption(results) == said + "Always naming the commonest class: 40.0."
    results.settings.seeds = 1
    assert "one seed" in outcome.caption(results)

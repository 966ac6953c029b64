"""Differences between accuracies: the numbers against a loop, the words against the numbers."""

import math

import numpy as np
import pytest

from minispp.compare import Difference, difference, mean_and_spread, sentence

RNG = np.random.default_rng(0)


def naive_error(first, second):
    seeds, pictures = first.shape
    gap = [[100 * (int(first[s, p]) - int(second[s, p])) for p in range(pictures)] for s in range(seeds)]
    over_seeds = [sum(gap[s][p] for s in range(seeds)) / seeds for p in range(pictures)]
    over_pictures = [sum(row) / pictures for row in gap]
    variance = 0.0
    for values in (over_seeds, over_pictures):
        if len(values) > 1:
            mean = sum(values) / len(values)
            variance += sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values)
    return sum(over_pictures) / seeds, math.sqrt(variance), over_pictures


@pytest.mark.parametrize(("seeds", "pictures"), [(3, 50), (1, 17), (2, 1), (1, 1)])
def test_against_a_loop(seeds, pictures):
    first, second = RNG.random((2, seeds, pictures)) < [[[0.8]], [[0.5]]]
    points, error, by_seed = naive_error(first, second)
    found = difference(first, second)
    assert (found.points, found.error) == (round(points, 1), round(error, 1))
    assert found.seeds == seeds and found.agree == sum(np.sign(gap) == np.sign(points) for gap in by_seed)


def test_pairing_matters():
    """The same two accuracies: certain if one net is right wherever the other is, open if they err apart."""
    base = np.zeros((2, 100), bool)
    base[:, :60] = True
    better = base.copy()
    better[:, 60:70] = True
    shuffled = np.roll(better, 35, axis=1)
    assert better.mean() == shuffled.mean()
    assert difference(better, base).clear and not difference(shuffled, base).clear


def test_order_of_the_two():
    first, second = RNG.random((2, 3, 40)) < 0.6
    one, other = difference(first, second), difference(second, first)
    assert one.points == -other.points != 0 and one.error == other.error and one.agree == other.agree


def test_seeds_that_disagree_are_counted():
    first, second = np.zeros((3, 10), bool), np.zeros((3, 10), bool)
    first[:2, :5], second[2, :3] = True, True
    assert difference(first, second).agree == 2


@pytest.mark.parametrize(("one", "other"), [((2, 3), (2, 4)), ((3,), (3,)), ((2, 0), (2, 0)), ((0, 2), (0, 2))])
def test_shapes_that_do_not_pair(one, other):
    with pytest.raises(ValueError, match="difference: expected two arrays"):
        difference(np.ones(one, bool), np.ones(other, bool))


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (Difference(4.1, 2.0, 3, 3), "A is 4.1 points above B (standard error 2.0; in 3 of 3 seeds): more than chance"),
        (Difference(4.0, 2.0, 3, 3), "A is 4.0 points above B (standard error 2.0; in 3 of 3 seeds): chance may"),
        (Difference(-1.0, 0.2, 2, 3), "A is 1.0 point below B (standard error 0.2; in 2 of 3 seeds): more than chance"),
        (Difference(-2.5, 1.5, 1, 1), "A is 2.5 points below B (standard error 1.5; one seed): chance may"),
        (Difference(0.0, 1.5, 0, 2), "A and B are equal (standard error 1.5)."),
    ],
)
def test_words(found, wanted):
    assert sentence("A", "B", found).startswith(wanted)


def test_mean_and_spread():
    assert mean_and_spread([1.0, 2.0, 6.0]) == "3.0 ± 2.6"
    assert mean_and_spread([7.25]) == "7.2"

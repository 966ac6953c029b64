"""The four plans: which side each sample is seen at."""

import numpy as np
import pytest

from minispp.sizes import Alternating, Mixed, Random, Single

PLANS = (Single(96), Alternating((96, 64, 80)), Random(61, 64), Mixed((96, 64, 80)))


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("plan", PLANS)
def test_every_sample_has_a_side(plan):
    for epoch in range(4):
        for count in (0, 1, 7):
            sides = plan.draw(epoch, count, rng(epoch))
            assert sides.shape == (count,) and np.issubdtype(sides.dtype, np.integer)
            assert np.array_equal(sides, plan.draw(epoch, count, rng(epoch))), "the same draws, the same sides"
            assert (sides <= plan.largest).all()


def test_single():
    assert [Single(96).draw(epoch, 3, rng()).tolist() for epoch in (0, 5)] == [[96, 96, 96]] * 2
    assert Single(96).largest == 96


def test_alternating_gives_each_size_a_full_epoch():
    plan = Alternating([96, 64, 80])
    assert [plan.draw(epoch, 2, rng()).tolist() for epoch in range(5)] == [[s, s] for s in (96, 64, 80, 96, 64)]
    assert plan.largest == 96 and Alternating((180, 224)).largest == 224


def test_random_draws_one_side_an_epoch_uniformly():
    """Both ends of the range can be drawn, and nothing beyond; each as often as the others."""
    plan = Random(61, 64)
    sides = [plan.draw(epoch, 5, rng(epoch)) for epoch in range(800)]
    assert all(len(set(side.tolist())) == 1 for side in sides)
    values, counts = np.unique([side[0] for side in sides], return_counts=True)
    assert values.tolist() == [61, 62, 63, 64]
    assert abs(counts - 200).max() < 4 * (800 * 0.25 * 0.75) ** 0.5
    assert plan.largest == 64 and Random(70, 70).draw(0, 2, rng()).tolist() == [70, 70]


def test_mixed_draws_a_side_for_each_sample():
    plan = Mixed((96, 64, 80))
    sides = plan.draw(0, 1200, rng())
    values, counts = np.unique(sides, return_counts=True)
    assert values.tolist() == [64, 80, 96] and abs(counts - 400).max() < 4 * (1200 * 2 / 9) ** 0.5
    assert plan.largest == 96
    neighbours = (sides[1:] == sides[:-1]).mean()
    assert 0.2 < neighbours < 0.45, "sides are drawn one by one, so that one batch holds several"


def test_the_text_of_a_plan_is_how_it_is_made():
    """A checkpoint compares these texts."""
    for plan in PLANS:
        assert eval(str(plan)) == plan
        with pytest.raises(AttributeError):
            plan.sizes = 1
    assert Alternating([1, 2]) == Alternating((1, 2)) and Mixed([1, 2]).sizes == (1, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Single(0), "Single: expected a positive integer size, got 0"),
        (lambda: Single(9.0), "Single: .*got 9.0"),
        (lambda: Alternating(()), "Alternating: expected at least one size"),
        (lambda: Alternating((8, -1)), "Alternating: .*got -1"),
        (lambda: Mixed([]), "Mixed: expected at least one size"),
        (lambda: Mixed((8, 0)), "Mixed: .*got 0"),
        (lambda: Random(0, 5), "Random: .*low, got 0"),
        (lambda: Random(5, 4), "Random: expected low <= high, got 5 and 4"),
        (lambda: Random(5, 6.5), "Random: .*high, got 6.5"),
    ],
)
def test_plans_that_make_no_sense(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()

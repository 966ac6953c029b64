"""Kinks and ties are told from errors, and hide none."""

import numpy as np
import pytest
from planted import MAP, Pool, PoolTiesTwice, ReLU, ReLUAtZero, ReLULeaks, chain

from minispp.check import check_layer
from minispp.check.gradients import _tied
from minispp.layers import LRN, SPP, Conv2D, Linear


def test_relu_at_zero_is_a_kink_named_with_its_index():
    report = check_layer(ReLU(), np.array([[0.3, 0.0], [-0.2, 0.0]]))
    assert report.ok
    assert [(kink.kind, kink.where, kink.index) for kink in report.kinks] == [
        ("kink", "x", (0, 1)),
        ("kink", "x", (1, 1)),
    ]
    assert "kink, not an error" in str(report)


def test_away_from_kinks_none_is_reported():
    assert check_layer(ReLU(), MAP).kinks == []
    assert check_layer(Pool(), MAP).kinks == []


def test_a_kink_does_not_hide_a_wrong_slope():
    class Flat:
        """At 0 a valid subgradient, elsewhere wrong."""

        def forward(self, x):
            return np.maximum(x, 0.0)

        def backward(self, dy):
            return 0.25 * dy

    report = check_layer(Flat(), np.zeros(3))
    assert len(report.kinks) == 3
    assert not report.ok
    assert "at a generic point nearby" in str(report.errors[0])


def test_a_wrong_branch_at_zero_itself_is_an_error():
    (finding,) = check_layer(ReLUAtZero(), np.array([0.3, 0.0, -0.7])).errors
    assert finding.index == (1,)
    assert "would do" in finding.text


@pytest.mark.parametrize(("at_zero", "fits"), [(0, True), (0.5, True), (1, True), (-0.1, False), (1.1, False)])
def test_at_a_kink_any_slope_between_both_sides_will_do_and_none_beyond(at_zero, fits):
    class Slope:
        """A ReLU whose derivative at 0 is a matter of taste."""

        def forward(self, x):
            self.x = x
            return np.maximum(x, 0.0)

        def backward(self, dy):
            return dy * np.where(self.x == 0, at_zero, self.x > 0)

    x = np.array([[0.0, 1.5, -2.0, 0.7]])
    assert check_layer(Slope(), x).ok == check_layer(Slope(), x, every_index=True).ok == fits


def test_a_kink_very_near_is_stepped_around():
    x = np.array([1e-5, -1e-5, 3e-6, 2.0])
    report = check_layer(ReLU(), x, every_index=True)
    assert report.ok
    assert report.kinks == []
    assert not check_layer(ReLULeaks(), x).ok


@pytest.mark.parametrize("value", [0.0, -0.7])
def test_kinks_inside_a_net_are_no_errors(value):
    """At a constant picture every ReLU and every maximum inside may sit on a kink, where branches cancel."""
    net = chain(Conv2D(2, 4, 3), ReLU(), LRN(3, 0.1, 0.75), SPP((2, 1)), Linear(20, 3))
    x = np.full((1, 6, 5, 2), value)
    report = check_layer(net, x)
    assert report.ok, report
    assert report.kinks


def test_ties_counted_twice_inside_a_net_at_a_constant_picture():
    net = chain(Conv2D(2, 4, 3), ReLU(), PoolTiesTwice())
    assert not check_layer(net, np.full((1, 6, 5, 2), -0.7)).ok


def test_a_dead_layer_is_noted_because_nothing_was_proved():
    report = check_layer(ReLU(), -1 - MAP**2)
    assert report.ok
    assert "does not depend on x" in str(report)
    assert "does not depend" not in str(check_layer(ReLU(), MAP))


def test_a_shift_alone_shows_a_tie_counted_twice():
    """All zeros: every entry is tied, and the directions that hold 0 still have nothing to move."""
    assert check_layer(PoolTiesTwice(), np.zeros((1, 4, 3, 2)), ties=False).errors[0].kind == "ties"


def test_the_copy_with_ties_has_four_values_of_x_and_no_zero():
    x = np.round(MAP, 1)
    tied = _tied(x)
    assert tied.shape == x.shape
    assert 2 <= np.unique(tied).size <= 4
    assert np.isin(tied, x).all()
    assert (tied != 0).all()
    assert (_tied(np.array([0.0, 0.0, 0.1])) == 0.1).all()

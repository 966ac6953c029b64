"""The options of check_layer, and its answers over drawn inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import (
    MAP,
    RNG,
    ROWS,
    Dense,
    Normalise,
    Pool,
    PoolTiesTwice,
    ReLU,
    SquaredError,
)

from minispp.check import check_layer
from minispp.layers import LRN, SPP, Conv2D, Dropout, Linear, SoftmaxLoss
from minispp.layers import ReLU as OurReLU
from minispp.net import Net


class Weighed:
    """y = a x^3 with a last weight so small that no random direction sees it."""

    def __init__(self, factor):
        self.factor = np.array([1.0, 1.0, factor])

    def forward(self, x):
        self.saved = x
        return np.array([1.0, 1.0, 1e-9]) * x**3

    def backward(self, dy):
        return np.array([1.0, 1.0, 1e-9]) * self.factor * 3 * self.saved**2 * dy


def test_every_index_sees_what_directions_cannot():
    x = np.array([1.0, -2.0, 0.7])
    assert check_layer(Weighed(2.0), x).ok
    assert [finding.index for finding in check_layer(Weighed(2.0), x, every_index=True).errors] == [(2,)]
    report = check_layer(Weighed(1.0), x, every_index=True)
    assert report.ok
    assert report.tally["x"].indices == 3


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_steps_follow_the_size_of_the_input(size):
    class Inverse:
        def forward(self, x):
            self.saved = x
            return 1 / x

        def backward(self, dy):
            return -dy / self.saved**2

    report = check_layer(Inverse(), size * np.array([1.0, 2.0, -1.5, 0.7]), every_index=True)
    assert report.ok, report
    assert not report.kinks


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.floats(1e-6, 1e3), st.integers(0, 1000), st.data())
@settings(deadline=None, max_examples=10)
def test_any_single_wrong_entry_is_named(n, rows, columns, factor, seed, data):
    at = data.draw(st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1)))

    class Wrong(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.w.grad[at] += factor * dy[0, at[1]]
            return dx

    x = np.random.default_rng(seed).standard_normal((n, rows))
    assert check_layer(Dense(rows, columns), x, seed=seed).ok
    report = check_layer(Wrong(rows, columns), x, seed=seed)
    assert {(finding.where, finding.index) for finding in report.errors} == {("w", at)}


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 6), st.integers(1, 3))
@settings(deadline=None, max_examples=10)
def test_maps_full_of_ties_pass_and_twice_counted_ones_fail(seed, height, width, spread):
    x = np.random.default_rng(seed).integers(-spread, spread + 1, (2, height, width, 2)).astype(float)
    assert check_layer(Pool(), x, seed=seed).ok
    x[:] = x.max()
    report = check_layer(PoolTiesTwice(), x, seed=seed)
    assert report.ok == (height * width == 1)
    assert {finding.kind for finding in report.errors} <= {"ties"}


def test_linear_may_be_demanded():
    assert check_layer(Dense(), ROWS, linear=True).ok
    assert check_layer(Normalise(), ROWS, linear=True).errors[0].kind == "not linear"
    report = check_layer(Dense(), ROWS, linear=False)
    assert report.ok
    assert report.tally["x"].linear == 0


def test_relu_and_pooling_are_linear_along_x_itself():
    """Euler: f(ax) = a f(x) for a > 0, so <dy, f(x)> = <dx, x> exactly, ties and kinks or not."""
    for layer in (ReLU(), Pool()):
        assert check_layer(layer, MAP, ties=False).tally["x"].linear == 1


def test_a_loss_has_no_dy_and_forward_may_take_more():
    target = RNG.standard_normal(ROWS.shape)
    assert check_layer(SquaredError(), ROWS, target, every_index=True).ok
    labels = np.array([2, 0, 2])
    assert check_layer(SoftmaxLoss(), ROWS, labels, every_index=True).ok
    windows = np.array([[0, 1, 0, 7, 5], [1, 2, 2, 3, 3], [0, 1, 0, 7, 5]], np.int32)
    assert check_layer(SPP((2, 1)), MAP, windows).ok


def test_dropout_is_checked_with_its_mask_held():
    layer = Dropout(0.4, seed=3)
    layer.training = True
    assert check_layer(layer, MAP).errors[0].kind == "random"
    assert check_layer(layer, MAP, before=lambda: setattr(layer, "calls", 0), linear=True).ok


def test_a_whole_net_with_need_dx():
    trunk = [Conv2D(3, 4, 3, stride=2), OurReLU(), LRN(3, 0.1, 0.75), Conv2D(4, 5, 3, pad=1), OurReLU()]
    net = Net(trunk, SPP((2, 1)), [Linear(25, 3)])
    bits = [param.value.tobytes() for param in net.params()]  # float32
    report = check_layer(net, RNG.standard_normal((2, 12, 9, 3)))
    assert report.ok, report
    assert list(report.tally) == ["x", *(param.name for param in net.params())]
    assert [param.value.tobytes() for param in net.params()] == bits


def test_an_input_outside_the_domain_nearby_is_a_note():
    class Log:
        def forward(self, x):
            self.saved = x
            if (x <= 0).any():
                raise ValueError("log needs positive numbers")
            return np.log(x)

        def backward(self, dy):
            return dy / self.saved

    x = np.array([1.0, 1.0, 0.05, 2.0])
    report = check_layer(Log(), x)
    assert report.ok
    assert "log needs positive numbers" in str(report)

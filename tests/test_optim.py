"""SGD against its formula, one number at a time; schedules at and around their boundaries."""

from types import SimpleNamespace

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.layers import Param
from minispp.optim import SGD, Cosine, Plateau, Step

SHAPES = {"conv1.weight": (3, 2, 4), "conv1.bias": (4,), "fc2.weight": (5, 3)}


def made(ops, dtype=np.float64):
    """Something with parameters, as an optimiser sees it."""
    rng = np.random.default_rng(6)
    params = [
        Param(name, rng.normal(size=shape).astype(dtype), decays="bias" not in name) for name, shape in SHAPES.items()
    ]
    return SimpleNamespace(params=lambda: params, ops=ops)


def give_gradients(net, seed, size=1.0):
    rng = np.random.default_rng(seed)
    grads = {}
    for param in net.params():
        param.grad = (size * rng.normal(size=param.value.shape)).astype(param.value.dtype)
        grads[param.name] = param.grad.copy()
    return grads


@pytest.mark.parametrize(
    ("momentum", "decay", "clip"), [(0.0, 0.0, None), (0.9, 0.0, None), (0.9, 0.05, None), (0.5, 0.01, 0.7)]
)
def test_steps(ops, momentum, decay, clip):
    """Five steps at changing rates: every number follows the formula, the norm is of all gradients together."""
    net, sgd = made(ops), SGD(momentum, decay, clip)
    values = {param.name: param.value.copy() for param in net.params()}
    velocities = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    for step, rate in enumerate((0.1, 0.1, 0.01, 0.0, 0.3)):
        grads = give_gradients(net, step)
        norm = sum((grad**2).sum() for grad in grads.values()) ** 0.5
        scale = 1 if clip is None else clip / norm
        assert sgd.step(net, rate) == pytest.approx(norm, rel=1e-12)
        for name, grad in grads.items():
            pull = 0 if "bias" in name else decay
            settings = (rate, momentum, pull, scale)
            values[name], velocities[name] = naive.sgd(values[name], grad, velocities[name], *settings)
        for param in net.params():
            np.testing.assert_allclose(param.value, values[param.name], rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(sgd.velocity(param, ops), velocities[param.name], rtol=1e-12, atol=1e-14)
            assert param.grad is None


def test_clipping_only_shortens(ops):
    """A gradient that is short enough passes as it is; a longer one keeps its direction."""
    for size, clipped in ((1e-3, False), (100.0, True)):
        net, sgd = made(ops), SGD(momentum=0.0, clip=1.0)
        before = {param.name: param.value.copy() for param in net.params()}
        grads = give_gradients(net, 1, size)
        norm = sgd.step(net, rate=1.0)
        assert (norm > 1) == clipped
        moved = {param.name: before[param.name] - param.value for param in net.params()}
        for name, grad in grads.items():
            np.testing.assert_allclose(moved[name], grad / norm if clipped else grad, rtol=1e-8, atol=1e-12)
        length = sum((move**2).sum() for move in moved.values()) ** 0.5
        assert length == pytest.approx(min(norm, 1.0))


def test_no_gradient_no_move(ops):
    """A parameter that took no part is left alone, decay and momentum included; zeros are gradients."""
    net, sgd = made(ops), SGD(0.9, 0.1, clip=1.0)
    give_gradients(net, 1)
    sgd.step(net, 0.1)
    before = [param.value.copy() for param in net.params()]
    assert sgd.step(net, 0.1) == 0
    assert all(np.array_equal(param.value, value) for param, value in zip(net.params(), before, strict=True))
    for param in net.params():
        param.grad = np.zeros_like(param.value)
    assert sgd.step(net, 0.1) == 0
    assert not np.array_equal(net.params()[0].value, before[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_named_and_changes_nothing(ops, bad):
    net, sgd = made(ops, np.float32), SGD(0.9, 0.1, clip=1.0)
    give_gradients(net, 0)
    sgd.step(net, 0.1)
    grads = give_gradients(net, 1)
    net.params()[2].grad[1, 2] = bad
    values = [param.value.tobytes() for param in net.params()]
    velocities = [sgd.velocity(param, ops).tobytes() for param in net.params()]
    with np.errstate(invalid="ignore"), pytest.raises(FloatingPointError, match="gradient of fc2.weight is not finite"):
        sgd.step(net, 0.1)
    assert values == [param.value.tobytes() for param in net.params()]
    assert velocities == [sgd.velocity(param, ops).tobytes() for param in net.params()]
    assert np.array_equal(net.params()[0].grad, grads["conv1.weight"])


def test_float32_gradients_that_would_overflow_when_squared(ops):
    """The norm is taken in float64, so a large but finite gradient is clipped, not refused."""
    net, sgd = made(ops, np.float32), SGD(momentum=0.0, clip=1.0)
    give_gradients(net, 1, size=1e30)
    before = [param.value.copy() for param in net.params()]
    assert 1e30 < sgd.step(net, 1.0) < 1e32
    moved = sum(((param.value - old) ** 2).sum() for param, old in zip(net.params(), before, strict=True)) ** 0.5
    assert moved == pytest.approx(1, rel=1e-4)


def test_velocities_belong_to_their_parameters(ops):
    net, sgd = made(ops, np.float32), SGD()
    for param in net.params():
        velocity = sgd.velocity(param, ops)
        assert velocity.shape == param.value.shape and velocity.dtype == np.float32 and not velocity.any()
        assert sgd.velocity(param, ops) is velocity
    assert set(sgd.velocities) == set(SHAPES)


def test_settings_of_sgd():
    assert repr(SGD(0.5, 0.1, 2.0)) == "SGD(momentum=0.5, decay=0.1, clip=2.0)"
    assert (SGD().momentum, SGD().decay, SGD().clip) == (0.9, 0.0, None)
    bad = [{"momentum": 1.0}, {"momentum": -0.1}, {"decay": -1e-9}, {"clip": 0}, {"clip": -1.0}, {"clip": float("nan")}]
    for settings in bad:
        (name,) = settings
        with pytest.raises(ValueError, match=f"^SGD: expected .*{name}={settings[name]}"):
            SGD(**settings)


# ---------------------------------------------------------------------------------------------------
# Schedules


def test_step_at_its_boundaries():
    schedule = Step(0.1, at=(2, 5), factor=0.5)
    times = (0, 1.999, 2, 2.001, 4.999, 5, 100)
    assert [schedule.rate(epoch, []) for epoch in times] == [0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025]
    assert Step(0.1).rate(50, []) == 0.1
    assert Step(0.3, (1,)).rate(1, []) == pytest.approx(0.03)


def test_plateau_drops_when_nothing_improves():
    """The paper divides by 10 twice, when the error stalls."""
    schedule = Plateau(1.0, patience=2, factor=0.1, times=2)
    errors = [0.9, 0.5, 0.5, 0.6, 0.4, 0.4, 0.41, 0.42, 0.43, 0.44, 0.45]
    rates = [schedule.rate(count, errors[:count]) for count in range(len(errors) + 1)]
    #         before, .9, .5, .5, .6 -> drop, .4 better, .4, .41 -> drop, and never again
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.01])


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_plateau_drops_so_many_times(times):
    schedule = Plateau(8.0, patience=3, factor=0.5, times=times)
    assert schedule.rate(99, [1.0] * 99) == 8.0 * 0.5**times
    assert schedule.rate(4, [1.0] * 4) == (4.0 if times else 8.0)
    assert schedule.rate(3, [1.0] * 3) == 8.0


def test_plateau_counts_afresh_after_a_better_error():
    schedule = Plateau(1.0, patience=2)
    assert schedule.rate(9, [0.9, 0.9, 0.8, 0.8, 0.7, 0.7, 0.6, 0.6, 0.5]) == 1.0
    assert schedule.rate(0, []) == 1.0


def test_cosine():
    schedule = Cosine(0.4, epochs=12, warmup=2)
    times = (0, 0.5, 1, 2, 7, 12, 13)
    expected = [0, 0.1, 0.2, 0.4, 0.2, 0, 0]
    assert [schedule.rate(epoch, []) for epoch in times] == pytest.approx(expected, abs=1e-15)
    assert schedule.rate(4.5, []) == pytest.approx(0.4 * (1 + 0.5**0.5) / 2)
    assert Cosine(0.4, 10).rate(0, []) == 0.4


@given(start=st.floats(1e-4, 1), epochs=st.floats(0.5, 50), share=st.floats(0, 0.9))
def test_cosine_rises_then_falls(start, epochs, share):
    schedule = Cosine(start, epochs, share * epochs)
    rates = np.array([schedule.rate(epoch, []) for epoch in np.linspace(0, epochs, 101)])
    assert (rates >= 0).all() and (rates <= start).all()
    warm = np.linspace(0, epochs, 101) <= share * epochs
    assert (np.diff(rates[warm]) >= 0).all() and (np.diff(rates[~warm]) <= 0).all()
    assert schedule.rate(share * epochs, []) == start and schedule.rate(epochs, []) == pytest.approx(0, abs=1e-12)


@given(boundaries=st.lists(st.integers(1, 40), max_size=4), patience=st.integers(1, 5))
def test_rates_never_rise_again(boundaries, patience):
    errors = np.random.default_rng(patience).random(60).tolist()
    for schedule in (Step(1.0, tuple(boundaries)), Plateau(1.0, patience)):
        rates = [schedule.rate(epoch, errors[:epoch]) for epoch in range(60)]
        assert (np.diff(rates) <= 0).all() and rates[0] == 1.0


@pytest.mark.parametrize("settings", [(5, 5), (5, 6), (5, -1)])
def test_cosine_needs_time_after_its_warmup(settings):
    with pytest.raises(ValueError, match=f"^Cosine: expected 0 <= warmup < epochs, got {settings[1]} and 5"):
        Cosine(0.1, *settings)


@pytest.mark.parametrize("schedule", [Step(0.1, (3,)), Plateau(0.1), Cosine(0.1, 5)])
def test_schedules_have_no_state(schedule):
    """A resumed run continues them from the history alone; their text tells whether two are the same."""
    assert eval(str(schedule)) == schedule
    with pytest.raises(AttributeError):
        schedule.start = 1

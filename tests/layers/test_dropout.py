"""Dropout: a mask that is a number, so that backward, another backend and a resumed run draw the same one."""

import naive
import numpy as np
import pytest

from minispp.kernels import reference
from minispp.layers import Dropout


def training(*settings):
    layer = Dropout(*settings)
    layer.training = True
    return layer


def test_at_test_time_it_passes_x_through(ops):
    layer, x = Dropout(0.9).to(ops), np.arange(6.0)
    assert np.array_equal(layer.forward(x), x) and np.array_equal(layer.backward(x), x)
    assert layer.calls == 0, "and counts no call, so that evaluation does not change the masks of a run"


def test_forward_and_backward(ops):
    rng = np.random.default_rng(0)
    layer = training(0.3, 7).to(ops)
    for call in range(3):
        x, dy = rng.normal(size=(2, 4, 5, 6))
        np.testing.assert_allclose(layer.forward(x), naive.dropout(x, 0.3, 7 * 2**32 + call), rtol=1e-14)
        np.testing.assert_allclose(layer.backward(dy), naive.dropout(dy, 0.3, 7 * 2**32 + call), rtol=1e-14)
    assert layer.calls == 3


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
def test_the_mean_is_kept(ops, rate):
    """Of 40,000 ones: `rate` of them are zeroed, and the others make up for it."""
    y = training(rate, 1).to(ops).forward(np.ones((200, 200)))
    deviation = (rate / (1 - rate) / y.size) ** 0.5
    assert abs(y.mean() - 1) < 4 * deviation
    assert set(np.unique(y)) == {0.0, 1 / (1 - rate)}


def test_every_call_and_every_seed_has_its_own_mask(ops):
    x = np.ones((8, 50))
    masks = []
    for seed in range(4):
        layer = training(0.5, seed).to(ops)
        masks += [layer.forward(x) > 0 for _ in range(4)]
    for i, mask in enumerate(masks):
        for other in masks[:i]:
            assert 0.4 < (mask == other).mean() < 0.6, "as many agree as by chance"
    rows = np.concatenate(masks)
    assert abs(rows.mean(axis=0) - 0.5).max() < 4 * (0.25 / len(rows)) ** 0.5


def test_no_rate_no_mask(ops):
    layer, x = training(0).to(ops), np.arange(6.0)
    assert np.array_equal(layer.forward(x), x) and np.array_equal(layer.backward(x), x)


def test_zero_times_inf_is_zero(ops):
    """What is dropped is gone, whatever it was."""
    y = training(0.5, 3).to(ops).forward(np.full(64, np.inf))
    assert not np.isnan(y).any() and (y == 0).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_backends_draw_the_same_mask(cpu, dtype):
    x = np.random.default_rng(2).normal(size=(3, 7, 11, 13)).astype(dtype)
    one, other = training(0.4, 2**31 - 1).to(reference), training(0.4, 2**31 - 1).to(cpu)
    for _ in range(3):
        assert np.array_equal(one.forward(x), other.forward(x)) and np.array_equal(one.backward(x), other.backward(x))


def test_a_larger_batch_begins_with_the_same_mask(ops):
    """The mask depends on the index alone."""
    assert np.array_equal(training(0.5).to(ops).forward(np.ones((2, 9))), training(0.5).forward(np.ones((5, 9)))[:2])


@pytest.mark.parametrize("settings", [(1.0,), (-0.1,), (float("nan"),), (0.5, -1), (0.5, 2**31), (0.5, 1.5)])
def test_arguments_that_make_no_layer(settings):
    with pytest.raises(ValueError, match=rf"^Dropout: expected .* got {settings[-1]}"):
        Dropout(*settings)

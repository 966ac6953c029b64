"""Fully connected layers, dropout, the loss, and the step of the optimiser."""

import math

import draw
import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

# ---------------------------------------------------------------------------------------------------
# Fully connected


@st.composite
def linears(draw_, dtypes=draw.DTYPES):
    n, inputs, outputs = (draw_(st.integers(low, high)) for low, high in ((0, 4), (1, 9), (1, 5)))
    dtype = draw_(st.sampled_from(dtypes))
    return tuple(draw_(draw.arrays(shape, dtype)) for shape in ((n, inputs), (inputs, outputs), (outputs,)))


@given(case=linears())
def test_linear(ops, case):
    x, w, b = case
    y = ops.linear(x, w, b)
    assert y.dtype == x.dtype
    naive.assert_close(y, naive.linear(x, w, b), len(w) + 1, naive.linear(abs(x), abs(w), abs(b)))


@given(case=linears(), seed=draw.seeds, layout=st.sampled_from(draw.LAYOUTS))
def test_linear_backward(ops, case, seed, layout):
    """Both gradients are products of the same kind, so the same oracle serves: dy times w^T, x^T times dy."""
    x, w, b = case
    dy = draw.lay_out(np.random.default_rng(seed).normal(size=(len(x), len(b))).astype(x.dtype), layout)
    dx, dw, db = ops.linear_backward(dy, x, w)
    assert dx.dtype == dw.dtype == db.dtype == x.dtype
    for ours, left, right in ((dx, dy, w.T), (dw, x.T, dy), (db[None], np.ones((1, len(x))), dy)):
        none = np.zeros(right.shape[1])
        magnitude = naive.linear(abs(left), abs(right), none)
        naive.assert_close(ours, naive.linear(left, right, none), len(right), magnitude)


@given(case=linears(dtypes=(np.float64,)), seed=draw.seeds)
def test_linear_adjoint(ops, case, seed):
    x, w, b = case
    y = ops.linear(x, w, 0 * b)
    dy = np.random.default_rng(seed).normal(size=y.shape)
    dx, dw, db = ops.linear_backward(dy, x, w)
    product, magnitude = (dy * y).sum(), (abs(dy) * (abs(x) @ abs(w))).sum()
    naive.assert_close((dx * x).sum(), product, x.size * len(b), magnitude)
    naive.assert_close((dw * w).sum(), product, x.size * len(b), magnitude)
    naive.assert_close((db * b).sum(), (dy * b).sum(), y.size, (abs(dy) * abs(b)).sum())


# ---------------------------------------------------------------------------------------------------
# Dropout


@given(
    data=st.data(),
    shape=st.lists(st.integers(0, 6), min_size=1, max_size=3).map(tuple),
    rate=st.sampled_from((0.0, 0.1, 0.5, 0.75, 0.999)),
    seed=st.sampled_from((0, 1, 7, 2**31, 2**63 - 1)),
    dtype=st.sampled_from(draw.DTYPES),
)
def test_dropout(ops, data, shape, rate, seed, dtype):
    """The mask is the definition in plain integers, whatever the layout; what is kept is divided by 1 - rate."""
    x = data.draw(draw.arrays(shape, dtype))
    y = ops.dropout(x, rate, seed)
    assert y.dtype == dtype
    right = naive.dropout(x, rate, seed)
    assert np.array_equal(y == 0, right == 0)
    naive.assert_close(y, right, 1, abs(right))


def test_dropout_keeps_the_expected_share(ops):
    """200,000 coins: the share and the mean are within 5 standard deviations, neighbours and seeds unrelated."""
    n, rate = 200_000, 0.3
    x = np.ones(n)
    kept = ops.dropout(x, rate, 1) > 0
    sigma = math.sqrt(rate * (1 - rate) / n)
    assert abs(kept.mean() - (1 - rate)) < 5 * sigma
    assert abs(ops.dropout(x, rate, 1).mean() - 1) < 5 * sigma / (1 - rate)
    assert abs((kept[1:] & kept[:-1]).mean() - (1 - rate) ** 2) < 5 * sigma
    assert abs((kept & (ops.dropout(x, rate, 2) > 0)).mean() - (1 - rate) ** 2) < 5 * sigma


def test_dropout_is_its_own_backward(ops):
    """<dy, drop(x)> = <drop(dy), x>: the same mask and the same factor."""
    rng = np.random.default_rng(4)
    x, dy = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 3, 5))
    forward, back = (dy * ops.dropout(x, 0.4, 9)).sum(), (ops.dropout(dy, 0.4, 9) * x).sum()
    naive.assert_close(forward, back, x.size, abs(dy * x).sum() / 0.6)
    assert np.array_equal(ops.dropout(x, 0.4, 9), ops.dropout(x, 0.4, 9))
    assert not np.array_equal(ops.dropout(x, 0.4, 9), ops.dropout(x, 0.4, 10))


def test_dropout_drops_nan_too(ops):
    """A dropped value is 0, not 0 times it."""
    x = np.full(64, np.nan)
    assert ((ops.dropout(x, 0.5, 3) == 0) == (ops.dropout(np.ones(64), 0.5, 3) == 0)).all()


# ---------------------------------------------------------------------------------------------------
# The loss


@given(
    data=st.data(),
    shape=st.tuples(st.integers(0, 5), st.integers(1, 6)),
    spread=st.sampled_from((1, 30, 1000)),
    dtype=st.sampled_from(draw.DTYPES),
    extra=st.integers(0, 3),
)
def test_softmax_loss(ops, data, shape, spread, dtype, extra):
    """Against 50 digits, with scores that overflow a naive exp, and with a count beyond the rows that are here."""
    z = data.draw(draw.arrays(shape, dtype)) * dtype(spread)
    labels = np.random.default_rng(shape[0]).integers(0, shape[1], shape[0])
    count = max(1, shape[0] + extra)
    loss, wrong, p = ops.softmax_loss(z, labels, count)
    right, right_wrong, right_p = naive.softmax_loss(z, labels, count)
    assert isinstance(loss, float) and isinstance(wrong, int) and p.dtype == dtype
    assert wrong == right_wrong
    # exp turns an absolute error in z into a relative one of p, so p is worth eps * |z|.
    worth = 2 * abs(z).max(initial=0) + 1
    naive.assert_close(p, right_p, shape[1] + 4, worth * right_p + np.finfo(dtype).tiny)
    naive.assert_close(loss, right, shape[1] + 4, worth * max(1, shape[0]) / count, dtype)


def test_softmax_does_not_overflow(ops):
    for big in (1e4, -1e4):
        z = np.full((1, 3), big, np.float32)
        loss, _, p = ops.softmax_loss(z, np.array([1]), 1)
        assert loss == pytest.approx(math.log(3), rel=1e-6) and p == pytest.approx(1 / 3, rel=1e-6)
    loss, _, p = ops.softmax_loss(np.array([[0.0, 1000.0]]), np.array([0]), 1)
    assert loss == 1000 and p.tolist() == [[0, 1]]


def test_softmax_ignores_a_shift(ops):
    z = np.random.default_rng(0).normal(size=(3, 4))
    labels = np.array([3, 0, 1])
    assert ops.softmax_loss(z + 100, labels, 3)[0] == pytest.approx(ops.softmax_loss(z, labels, 3)[0], rel=1e-12)


def test_a_nan_score_makes_a_nan_loss(ops):
    """It must not vanish in a maximum: training stops on it by name."""
    z = np.array([[0.0, 1.0, 2.0], [0.0, np.nan, 1.0]])
    loss, wrong, p = ops.softmax_loss(z, np.array([2, 0]), 2)
    assert wrong == 1
    assert math.isnan(loss) and np.isnan(p[1]).all() and not np.isnan(p[0]).any()


def test_of_equal_scores_the_first_has_won(ops):
    """As argmax has it; a label whose score is not a number has not won, nor one beside such a score."""
    nan = np.nan
    z = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 2, 1], [nan, 0, 0], [nan, 0, 0], [3, nan, 0]], float)
    for row, label, wrong in ((0, 0, 0), (1, 1, 1), (2, 1, 0), (2, 2, 1), (3, 1, 0), (4, 0, 1), (5, 1, 1), (6, 0, 1)):
        assert ops.softmax_loss(z[[row]], np.array([label]), 1)[1] == wrong, (row, label)


def test_groups_of_a_mini_batch_add_up(ops):
    """A mini-batch of mixed sizes is its same-size groups, one after the other, each divided by the whole count."""
    rng = np.random.default_rng(6)
    z, labels = rng.normal(size=(7, 4)), rng.integers(0, 4, 7)
    whole, wrong, p = ops.softmax_loss(z, labels, 7)
    loss, dz = 0, []
    for group in (slice(0, 2), slice(2, 7)):
        part, part_wrong, p_group = ops.softmax_loss(z[group], labels[group], 7)
        loss, wrong = loss + part, wrong - part_wrong
        dz.append(ops.softmax_loss_backward(p_group, labels[group], 7))
    assert loss == pytest.approx(whole, rel=1e-14) and wrong == 0
    assert np.allclose(np.concatenate(dz), ops.softmax_loss_backward(p, labels, 7), rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", draw.DTYPES)
def test_softmax_loss_backward(ops, dtype):
    """Central differences at every index; and, without differences, (p - one hot) / count."""
    rng = np.random.default_rng(7)
    z, labels, count = rng.normal(size=(3, 5)), np.array([4, 0, 4]), 5
    _, _, p = ops.softmax_loss(z.astype(dtype), labels, count)
    before = p.copy()
    dz = ops.softmax_loss_backward(p, labels, count)
    assert dz.dtype == dtype and np.array_equal(p, before)
    slope = naive.numeric_gradient(lambda z: ops.softmax_loss(z, labels, count)[0], z)
    assert abs(dz - slope).max() < (1e-9 if dtype == np.float64 else 1e-6)
    one_hot = np.eye(5)[labels]
    naive.assert_close(dz, (p.astype(float) - one_hot) / count, 2, (p + one_hot) / count)
    assert ops.softmax_loss_backward(p[:0], labels[:0], 1).shape == (0, 5)


# ---------------------------------------------------------------------------------------------------
# The optimiser


@given(
    data=st.data(),
    shape=st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple),
    dtype=st.sampled_from(draw.DTYPES),
)
def test_square_sum(ops, data, shape, dtype):
    a = data.draw(draw.arrays(shape, dtype))
    squares = math.fsum(float(v) ** 2 for v in a.ravel())
    total = ops.square_sum(a)
    assert isinstance(total, float)
    naive.assert_close(total, squares, a.size, squares, np.float64)


def test_square_sum_of_many_float32(ops):
    """Accumulated in float64: a float32 total would stop growing, or be off in the sixth digit."""
    a = np.full(300_001, 0.1, np.float32)
    assert ops.square_sum(a) == pytest.approx(300_001 * float(np.float32(0.1)) ** 2, rel=1e-12)
    assert math.isnan(ops.square_sum(np.array([1, np.nan], np.float32)))
    assert ops.square_sum(np.array([1e30], np.float32)) == pytest.approx(1e60, rel=1e-6)  # inf in float32


@given(data=st.data(), dtype=st.sampled_from(draw.DTYPES))
def test_sgd(ops, data, dtype):
    value, grad, velocity = (data.draw(draw.arrays((2, 3, 4), dtype)) for _ in range(3))
    value, velocity = np.ascontiguousarray(value), np.ascontiguousarray(velocity)
    rate, momentum, decay, scale = 0.1, 0.9, 5e-4, 0.25
    right = naive.sgd(*(a.astype(float) for a in (value, grad, velocity)), rate, momentum, decay, scale)
    magnitude = naive.sgd(*(abs(a).astype(float) for a in (value, grad, velocity)), -rate, momentum, decay, scale)
    before = grad.copy()
    assert ops.sgd(value, grad, velocity, rate, momentum, decay, scale) is None
    naive.assert_close(value, right[0], 6, magnitude[0])
    naive.assert_close(velocity, right[1], 6, magnitude[1])
    assert np.array_equal(grad, before)


def test_sgd_keeps_its_velocity_when_the_rate_changes(ops):
    """Krizhevsky's form: the rate is inside the velocity, so after a drop the old steps still count in full."""
    value, velocity = np.zeros(1), np.zeros(1)
    ops.sgd(value, np.ones(1), velocity, 1.0, 0.5, 0.0, 1.0)
    ops.sgd(value, np.zeros(1), velocity, 0.001, 0.5, 0.0, 1.0)
    assert velocity.tolist() == [-0.5] and value.tolist() == [-1.5]

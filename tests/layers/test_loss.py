"""SoftmaxLoss against fifty digits."""

import draw
import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.check import check_layer
from minispp.layers import SoftmaxLoss


@st.composite
def cases(pick):
    n, classes = pick(st.integers(1, 5)), pick(st.integers(1, 6))
    rng, dtype = np.random.default_rng(pick(draw.seeds)), pick(st.sampled_from(draw.DTYPES))
    z = pick(st.sampled_from((1, 30, 1e4))) * rng.normal(size=(n, classes))
    count = pick(st.sampled_from((None, n, n + 7)))
    return draw.lay_out(z.astype(dtype), pick(st.sampled_from(draw.LAYOUTS))), rng.integers(0, classes, n), count


@given(case=cases())
def test_forward_and_backward(ops, case):
    """Also with scores of ten thousand, where exp overflows and the probability of a label is 0."""
    z, labels, count = case
    layer = SoftmaxLoss().to(ops)
    expected, wrong, p = naive.softmax_loss(z, labels.tolist(), count or len(z))
    eps = float(np.finfo(z.dtype).eps)
    assert layer.forward(z, labels, count) == pytest.approx(expected, rel=20 * eps, abs=20 * eps)
    np.testing.assert_allclose(layer.probabilities, p, rtol=100 * eps, atol=20 * eps)
    assert layer.wrong == wrong
    one_hot = np.eye(z.shape[1])[labels]
    dz = layer.backward()
    assert dz.dtype == z.dtype
    np.testing.assert_allclose(dz, (p - one_hot) / (count or len(z)), rtol=100 * eps, atol=20 * eps)


def test_backward_is_the_derivative_of_forward(ops):
    z = np.random.default_rng(1).normal(size=(4, 5))
    for count in (None, 11):
        check_layer(SoftmaxLoss().to(ops), z, np.array([3, 0, 4, 3]), count, every_index=True).raise_if_failed()


def test_scores_of_ten_thousand(ops):
    layer = SoftmaxLoss().to(ops)
    z = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]], np.float32)
    assert layer.forward(z, [0, 2]) == pytest.approx(np.log(3) / 2)
    assert layer.forward(z[:1], [2]) == 2e4
    assert layer.backward().tolist() == [[1, 0, -1]]


@given(seed=draw.seeds, cut=st.integers(0, 7))
def test_groups_make_the_batch(ops, seed, cut):
    """The losses of the groups of a mini-batch, each divided by the size of the whole, add up to its mean."""
    rng, layer = np.random.default_rng(seed), SoftmaxLoss().to(ops)
    z, labels = rng.normal(size=(7, 4)), rng.integers(0, 4, 7)
    loss, dz = layer.forward(z, labels), layer.backward()
    parts = [(layer.forward(z[part], labels[part], 7), layer.backward()) for part in (slice(0, cut), slice(cut, 7))]
    assert sum(part for part, _ in parts) == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(np.concatenate([gradient for _, gradient in parts]), dz, rtol=1e-13)


def test_one_class_is_never_a_surprise(ops):
    layer = SoftmaxLoss().to(ops)
    assert layer.forward(np.array([[3.0], [-5.0]]), [0, 0]) == 0
    assert not layer.backward().any() and layer.probabilities.tolist() == [[1], [1]]


def test_equal_scores(ops):
    layer = SoftmaxLoss().to(ops)
    assert layer.forward(np.full((3, 8), 5.0), [0, 7, 3]) == pytest.approx(np.log(8))
    np.testing.assert_allclose(layer.probabilities, 1 / 8)


def test_gradient_of_a_row_is_balanced(ops):
    """Probabilities sum to 1, so the scores of a row are pushed as much as they are pulled."""
    layer = SoftmaxLoss().to(ops)
    layer.forward(np.random.default_rng(2).normal(size=(6, 9)), np.arange(6))
    assert abs(layer.backward().sum(axis=1)).max() < 1e-15


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_finite_make_a_loss_that_is_not(ops, bad):
    """Training stops on it, so it must not be hidden."""
    z = np.ones((3, 4))
    z[1, 2] = bad
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(SoftmaxLoss().to(ops).forward(z, [0, 0, 0]))


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_labels_of_any_integer_type(ops, kind):
    layer, z = SoftmaxLoss().to(ops), np.arange(6.0).reshape(2, 3)
    assert layer.forward(z, np.array([2, 0], kind)) == layer.forward(z, [2, 0])
    assert layer.backward()[0, 2] < 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3], "labels in 0 .. 2, got 0 .. 3"),
        ([-1, 0], "labels in 0 .. 2, got -1 .. 0"),
        ([0], "2 integer labels"),
        ([0, 1, 2], "2 integer labels"),
        ([[0], [1]], "2 integer labels"),
        ([0.0, 1.0], "2 integer labels"),
        ([True, False], "2 integer labels"),
    ],
)
def test_labels_that_make_no_sense(ops, labels, message):
    layer = SoftmaxLoss().to(ops)
    layer.name = "loss7"
    with pytest.raises(ValueError, match=f"^loss7: expected {message}"):
        layer.forward(np.zeros((2, 3)), labels)


def test_scores_that_make_no_sense(ops):
    layer = SoftmaxLoss().to(ops)
    for scores in (np.zeros((2, 3), int), np.zeros(3), np.zeros((1, 2, 3)), [[0.0]]):
        with pytest.raises(ValueError, match=r"^SoftmaxLoss: expected float scores \(N, K\), got "):
            layer.forward(scores, [0, 0])
    with pytest.raises(ValueError, match="^SoftmaxLoss: expected a batch of at least one sample"):
        layer.forward(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(ValueError, match="^SoftmaxLoss: backward needs a forward"):
        layer.backward()
    with pytest.raises(ValueError, match="^SoftmaxLoss: backward needs a forward"):
        _ = layer.probabilities

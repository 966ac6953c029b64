"""Planted errors must be caught and named; the right versions must pass."""

from types import SimpleNamespace

import numpy as np
import pytest
from planted import (
    MAP,
    RNG,
    ROWS,
    SMALL,
    SQUARE,
    Dense,
    DenseBiasMean,
    DenseFactor,
    DenseForgetsBias,
    DenseOneEntry,
    DenseOverwrites,
    DenseTinyFactor,
    DenseTransposed,
    DenseZeroBias,
    IdentitySwapsAxes,
    Normalise,
    NormaliseFactor,
    NormaliseForgetsScale,
    Pool,
    PoolDropsBin,
    PoolLastWins,
    PoolOverwrites,
    PoolSwapsAxes,
    PoolTiesTwice,
    ReLU,
    ReLUAtZero,
    ReLULeaks,
    Subsample,
    SubsampleWrongStride,
    chain,
)

from minispp.check import check_layer
from minispp.kernels import reference
from minispp.layers import LRN, SPP, Conv2D, Linear, MaxPool
from minispp.layers import ReLU as OurReLU


def name_of(value):
    """The test id of a layer; of anything else what pytest makes of it."""
    return type(value).__name__ if hasattr(value, "forward") else None


RIGHT = [
    (Dense(), ROWS),
    (Dense(4, 3), ROWS),
    (Dense(4, 3), np.ones((3, 4))),
    (Dense(4, 3), np.zeros((0, 4))),
    (Pool(), MAP),
    (Pool(), MAP[:1, :1, :1, :1]),
    (Pool(), np.zeros((1, 4, 4, 2))),
    (Pool(), np.round(MAP)),
    (PoolLastWins(), np.round(MAP)),
    (ReLU(), MAP),
    (Subsample(), MAP),
    (Normalise(), MAP),
    (Normalise(), 1e-4 * MAP),
    (Normalise(), 1e4 * MAP),
    (chain(Dense(4, 3), ReLU(), Dense(3, 2), Normalise()), ROWS),
    (chain(ReLU(), Pool()), MAP),
    (chain(Pool(), Normalise()), np.ones((1, 4, 3, 2))),
]


@pytest.mark.parametrize("layer, x", RIGHT, ids=name_of)
@pytest.mark.parametrize("every_index", [False, True])
def test_right_layers_pass(layer, x, every_index):
    report = check_layer(layer, x, every_index=every_index)
    assert report.ok, report
    assert not report.notes or x.size == 0, report
    assert report.raise_if_failed() is report


# layer, x, and what must be named: kind, array, an index that must be (or must not be) among the findings
PLANTED = [
    (DenseFactor(), ROWS, "adjoint", "x"),
    (DenseTinyFactor(), ROWS, "adjoint", "x"),
    (DenseTransposed(), RNG.standard_normal((3, 4)), "adjoint", "w"),
    (DenseForgetsBias(), ROWS, "missing", "b"),
    (DenseZeroBias(), ROWS, "adjoint", "b"),
    (DenseOverwrites(), ROWS, "accumulate", "w"),
    (DenseOneEntry(), ROWS, "adjoint", "w"),
    (DenseBiasMean(), ROWS, "adjoint", "b"),
    (PoolDropsBin(), MAP, "gradient", "x"),
    (PoolOverwrites(), MAP, "gradient", "x"),
    (PoolTiesTwice(), MAP, "ties", "x"),
    (PoolTiesTwice(), np.ones((1, 4, 3, 2)), "ties", "x"),
    (PoolTiesTwice(), np.zeros((1, 4, 3, 2)), "ties", "x"),
    (PoolTiesTwice(), np.round(MAP), "ties", "x"),
    (chain(ReLU(), PoolTiesTwice()), MAP, "ties", "x"),
    (PoolSwapsAxes(), SQUARE, "gradient", "x"),
    (ReLULeaks(), MAP, "gradient", "x"),
    (ReLUAtZero(), np.array([0.3, 0.0, -0.7]), "gradient", "x"),
    (SubsampleWrongStride(), MAP, "adjoint", "x"),
    (NormaliseFactor(), MAP, "gradient", "x"),
    (NormaliseForgetsScale(), MAP, "gradient", "x"),
    (IdentitySwapsAxes(), SQUARE, "adjoint", "x"),
    (chain(Dense(4, 3), ReLU(), Dense(3, 2), NormaliseFactor()), ROWS, "gradient", "x"),
]


@pytest.mark.parametrize("layer, x, kind, where", PLANTED, ids=name_of)
def test_planted_errors_are_caught_and_named(layer, x, kind, where):
    report = check_layer(layer, x)
    assert not report.ok
    print(report)
    assert report.errors[0].kind == kind, report
    assert report.errors[0].where == where, report
    with pytest.raises(ValueError, match=f"{kind}.*{where}"):
        report.raise_if_failed()


def backend_with(**changes):
    """The reference backend with some functions changed."""
    return SimpleNamespace(**{**vars(reference), **changes})


def conv_without_flip(dy, x, w, stride, pad, need_dx=True):
    """A classic: dx from the kernel turned by 180 degrees."""
    return reference.conv2d_backward(dy, x, w[::-1, ::-1], stride, pad, need_dx)


def conv_swapped(dy, x, w, stride, pad, need_dx=True):
    dx, dw, db = reference.conv2d_backward(dy, x, w, stride, pad, need_dx)
    return dx, np.ascontiguousarray(dw.swapaxes(0, 1)), db


def pool_drops_window(dy, winners, shape):
    return reference.window_max_backward(dy[1:], winners[1:], shape)


def lrn_forgets_neighbours(dy, x, size, alpha, beta, bias, across):
    return reference.lrn(x, size, alpha, beta, bias, across) / x * dy


def linear_scales(dy, x, w):
    dx, dw, db = reference.linear_backward(dy, x, w)
    return dx, dw * 1.001, db


def relu_always(dy, y):
    return dy.copy()


@pytest.mark.parametrize(
    "layer, x, change, where",
    [
        (Conv2D(2, 3, 3, stride=2, pad=1), SMALL, {"conv2d_backward": conv_without_flip}, "x"),
        (Conv2D(2, 3, 3, pad=1), SMALL, {"conv2d_backward": conv_swapped}, "weight"),
        (MaxPool(3, 2), SMALL, {"window_max_backward": pool_drops_window}, "x"),
        (SPP((3, 2, 1)), SMALL, {"window_max_backward": pool_drops_window}, "x"),
        (LRN(3, 0.5, 0.75), SMALL, {"lrn_backward": lrn_forgets_neighbours}, "x"),
        (Linear(4, 3), ROWS, {"linear_backward": linear_scales}, "weight"),
        (OurReLU(), SMALL, {"relu_backward": relu_always}, "x"),
    ],
    ids=name_of,
)
def test_our_layers_pass_and_fail_with_a_planted_backend(layer, x, change, where):
    layer.to(reference, np.float64)
    assert check_layer(layer, x).ok
    layer.ops = backend_with(**change)
    report = check_layer(layer, x)
    assert {finding.where for finding in report.errors} == {where}, report
    assert all(finding.index is not None for finding in report.errors)


def test_index_analytic_numeric_and_relative_error_of_one_wrong_entry():
    report = check_layer(DenseOneEntry(), ROWS)
    (finding,) = report.errors
    assert finding.index == (2, 1)
    assert finding.analytic == pytest.approx(finding.numeric * (1 - 1e-4), rel=1e-9)
    assert finding.relative == pytest.approx(1e-4, rel=1e-6)
    assert "w[2, 1]" in str(report)
    assert "(1 of 16 entries wrong)" in str(report)


def test_numbers_are_slopes_for_a_move_by_one_in_small_and_in_large_arrays():
    class Wrong:
        def forward(self, x):
            return 3.0 * x

        def backward(self, dy):
            return np.where(dy == dy.ravel()[7], 4.0, 3.0) * dy

    for size in (20, 400):
        (finding,) = check_layer(Wrong(), 100 * np.random.default_rng(size).standard_normal(size), ties=False).errors
        assert finding.index == (7,)
        assert finding.analytic / finding.numeric == pytest.approx(4 / 3)
        assert 1.5 <= abs(finding.numeric) <= 4.5  # 3 times a dy of size 0.5 to 1.5


def test_the_worst_entries_come_first():
    errors = check_layer(NormaliseForgetsScale(), SMALL).errors
    sizes = [abs(finding.analytic - finding.numeric) for finding in errors]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == 5


@pytest.mark.parametrize(
    "layer, x, hint",
    [
        (DenseFactor(), ROWS, "1.001 times"),
        (DenseTransposed(), ROWS, "right if axes 0 and 1 are swapped"),
        (PoolSwapsAxes(), SQUARE, "right if axes 1 and 2 are swapped"),
        (DenseZeroBias(), ROWS, "gives 0 everywhere"),
        (DenseForgetsBias(), ROWS, "left grad None"),
        (PoolTiesTwice(), MAP, "counted more than once"),
        (DenseOverwrites(), ROWS, "overwrites grad"),
    ],
)
def test_the_report_says_what_the_error_looks_like(layer, x, hint):
    assert hint in str(check_layer(layer, x))


def test_every_dropped_winner_is_named_and_nothing_else():
    report = check_layer(PoolDropsBin(), MAP)
    right, dropped = Pool(), PoolDropsBin()
    dy = np.ones((2, 5, 3))
    right.forward(MAP), dropped.forward(MAP)
    wrong = {tuple(map(int, i)) for i in np.argwhere(right.backward(dy) != dropped.backward(dy))}
    assert {finding.index for finding in report.errors} <= wrong
    assert f"({len(wrong)} of 252 entries wrong)" in str(report)


def test_a_tie_counted_twice_names_two_tied_cells_of_one_bin():
    x = np.zeros((1, 3, 4, 2))
    x[0, 1, 2, 1] = x[0, 2, 0, 1] = 5.0
    (finding,) = check_layer(PoolTiesTwice(), x, ties=False).errors
    assert finding.kind == "ties"
    first, second = finding.together
    assert x[first] == x[second]
    assert first[3] == second[3]


def test_one_wrong_entry_of_a_large_array_is_found():
    class Wrong(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.w.grad[61, 17] += 0.01 * dy[0, 17]
            return dx

    report = check_layer(Wrong(80, 40), RNG.standard_normal((5, 80)), directions=1)
    assert {(finding.where, finding.index) for finding in report.errors} == {("w", (61, 17))}
    assert report.forwards < 500

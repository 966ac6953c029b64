"""The checker is checked with planted errors: each must be caught and named; the right versions must pass."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minispp import zoo
from minispp.check import check_layer, check_spec, make_layer
from minispp.check.slopes import measure, smallest_failing
from minispp.kernels import reference
from minispp.layers import LRN, SPP, Conv2D, Dropout, Linear, MaxPool, SoftmaxLoss
from minispp.layers import ReLU as OurReLU

RNG = np.random.default_rng(7)
MAP = RNG.standard_normal((2, 7, 6, 3))
SQUARE = RNG.standard_normal((2, 5, 5, 3))
ROWS = RNG.standard_normal((3, 4))


class Weights:
    def __init__(self, name, value):
        self.name, self.value, self.grad = name, value, None

    def add(self, grad):
        self.grad = grad if self.grad is None else self.grad + grad


class Dense:
    """y = x w + b."""

    def __init__(self, rows=4, columns=4):
        rng = np.random.default_rng(3)
        self.w = Weights("w", rng.standard_normal((rows, columns)))
        self.b = Weights("b", rng.standard_normal(columns))

    def params(self):
        return [self.w, self.b]

    def forward(self, x):
        self.saved = x
        return x @ self.w.value + self.b.value

    def backward(self, dy):
        self.w.add(self.saved.T @ dy)
        self.b.add(dy.sum(axis=0))
        return dy @ self.w.value.T


class DenseFactor(Dense):
    def backward(self, dy):
        return 1.001 * super().backward(dy)


class DenseTinyFactor(Dense):
    def backward(self, dy):
        return (1 + 1e-8) * super().backward(dy)


class DenseTransposed(Dense):
    def backward(self, dy):
        self.w.add(dy.T @ self.saved)
        self.b.add(dy.sum(axis=0))
        return dy @ self.w.value.T


class DenseForgetsBias(Dense):
    def backward(self, dy):
        self.w.add(self.saved.T @ dy)
        return dy @ self.w.value.T


class DenseZeroBias(Dense):
    def backward(self, dy):
        dx = super().backward(dy)
        self.b.grad = np.zeros_like(self.b.value)
        return dx


class DenseOverwrites(Dense):
    def backward(self, dy):
        self.w.grad = self.saved.T @ dy
        self.b.add(dy.sum(axis=0))
        return dy @ self.w.value.T


class DenseOneEntry(Dense):
    def backward(self, dy):
        dx = super().backward(dy)
        self.w.grad[2, 1] -= 1e-4 * (self.saved.T @ dy)[2, 1]
        return dx


class DenseBiasMean(Dense):
    def backward(self, dy):
        self.w.add(self.saved.T @ dy)
        self.b.add(dy.mean(axis=0))
        return dy @ self.w.value.T


class Pool:
    """Max over a pyramid of bins, per channel: y (N, bins, C). The first cell in row-major order wins."""

    levels = (2, 1)

    def bins(self, height, width):
        for n in self.levels:
            for i in range(n):
                for j in range(n):
                    top, bottom = i * height // n, -(-(i + 1) * height // n)
                    yield slice(top, bottom), slice(j * width // n, -(-(j + 1) * width // n))

    def forward(self, x):
        self.saved = x
        bins = [x[:, rows, columns].max(axis=(1, 2)) for rows, columns in self.bins(*x.shape[1:3])]
        return np.stack(bins, axis=1)

    def share(self, cells):
        """(N, cells, C) -> what part of dy each cell gets."""
        share = np.zeros(cells.shape)
        np.put_along_axis(share, cells.argmax(axis=1)[:, None], 1.0, axis=1)
        return share

    def backward(self, dy):
        x = self.saved
        dx = np.zeros(x.shape)
        for k, (rows, columns) in enumerate(self.bins(*x.shape[1:3])):
            cells = x[:, rows, columns]
            n, height, width, channels = cells.shape
            share = self.share(cells.reshape(n, height * width, channels)).reshape(cells.shape)
            self.give(dx, rows, columns, k, dy[:, k, None, None] * share)
        return dx

    def give(self, dx, rows, columns, k, part):
        dx[:, rows, columns] += part


class PoolDropsBin(Pool):
    def give(self, dx, rows, columns, k, part):
        if k != 2:
            dx[:, rows, columns] += part


class PoolOverwrites(Pool):
    def give(self, dx, rows, columns, k, part):
        dx[:, rows, columns] = part


class PoolTiesTwice(Pool):
    def share(self, cells):
        return (cells == cells.max(axis=1, keepdims=True)).astype(float)


class PoolLastWins(Pool):
    def share(self, cells):
        return super().share(cells[:, ::-1])[:, ::-1]


class PoolSwapsAxes(Pool):
    def backward(self, dy):
        return super().backward(dy).swapaxes(1, 2)


class ReLU:
    negative = 0.0

    def forward(self, x):
        self.saved = x > 0
        return np.where(self.saved, x, 0.0)

    def backward(self, dy):
        return np.where(self.saved, dy, self.negative * dy)


class ReLULeaks(ReLU):
    negative = 0.01


class ReLUAtZero(ReLU):
    """2 at exactly 0: no subgradient of max(x, 0)."""

    def forward(self, x):
        self.zero = x == 0
        return super().forward(x)

    def backward(self, dy):
        return np.where(self.zero, 2 * dy, super().backward(dy))


class Subsample:
    """y = x[::2] along rows."""

    def forward(self, x):
        self.saved = x.shape
        return x[:, ::2].copy()

    def backward(self, dy):
        dx = np.zeros(self.saved)
        dx[:, self.where()] = dy
        return dx

    def where(self):
        return slice(0, None, 2)


class SubsampleWrongStride(Subsample):
    def where(self):
        return slice(0, -(-self.saved[1] // 2))


class Normalise:
    """y = x / sqrt(1 + mean(x^2)) over the last axis: smooth, not linear."""

    def forward(self, x):
        scale = 1 + np.mean(x**2, axis=-1, keepdims=True)
        self.saved = x, scale
        return x * scale**-0.5

    def backward(self, dy):
        x, scale = self.saved
        return dy * scale**-0.5 - x * scale**-1.5 * np.mean(dy * x, axis=-1, keepdims=True)


class NormaliseFactor(Normalise):
    def backward(self, dy):
        return 1.001 * super().backward(dy)


class NormaliseForgetsScale(Normalise):
    def backward(self, dy):
        return dy * self.saved[1] ** -0.5


class SquaredError:
    """A loss: forward(x, target) -> float, backward() -> dx."""

    def forward(self, x, target):
        self.saved = x - target
        return float(np.sum(self.saved**2))

    def backward(self):
        return 2 * self.saved


def chain(*layers):
    class Chain:
        def params(self):
            return [p for layer in layers if hasattr(layer, "params") for p in layer.params()]

        def forward(self, x):
            for layer in layers:
                x = layer.forward(x)
            return x

        def backward(self, dy):
            for layer in reversed(layers):
                dy = layer.backward(dy)
            return dy

    return Chain()


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


@pytest.mark.parametrize("layer, x", RIGHT, ids=lambda a: getattr(type(a), "__name__", None))
@pytest.mark.parametrize("every_index", [False, True])
def test_right_layers_pass(layer, x, every_index):
    report = check_layer(layer, x, every_index=every_index)
    assert report.ok, report
    assert not report.notes, report
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
    (chain(Dense(4, 3), ReLU(), Dense(3, 2), NormaliseFactor()), ROWS, "gradient", "x"),
]


@pytest.mark.parametrize("layer, x, kind, where", PLANTED, ids=lambda a: getattr(type(a), "__name__", None))
def test_planted_errors_are_caught_and_named(layer, x, kind, where):
    report = check_layer(layer, x)
    assert not report.ok
    print(report)
    assert report.errors[0].kind == kind, report
    assert report.errors[0].where == where, report
    with pytest.raises(ValueError, match=f"{kind}.*{where}"):
        report.raise_if_failed()


def planted(**changes):
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


def lrn_forgets_neighbours(dy, x, y, scale, size, alpha, beta, across):
    return dy * scale**-beta


def linear_scales(dy, x, w):
    dx, dw, db = reference.linear_backward(dy, x, w)
    return dx, dw * 1.001, db


def relu_always(dy, y):
    return dy.copy()


@pytest.mark.parametrize(
    "layer, x, change, where",
    [
        (Conv2D(3, 4, 3, stride=2, pad=1), MAP, {"conv2d_backward": conv_without_flip}, "x"),
        (Conv2D(3, 4, 3, pad=1), MAP, {"conv2d_backward": conv_swapped}, "weight"),
        (MaxPool(3, 2), MAP, {"window_max_backward": pool_drops_window}, "x"),
        (SPP((3, 2, 1)), MAP, {"window_max_backward": pool_drops_window}, "x"),
        (LRN(3, 0.5, 0.75), MAP, {"lrn_backward": lrn_forgets_neighbours}, "x"),
        (Linear(4, 3), ROWS, {"linear_backward": linear_scales}, "weight"),
        (OurReLU(), MAP, {"relu_backward": relu_always}, "x"),
    ],
    ids=str,
)
def test_our_layers_pass_and_fail_with_a_planted_backend(layer, x, change, where):
    layer.to(reference, np.float64)
    assert check_layer(layer, x).ok
    layer.ops = planted(**change)
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
            self.w.grad[61, 17] *= 1.01
            return dx

    report = check_layer(Wrong(80, 40), RNG.standard_normal((5, 80)))
    assert [(finding.where, finding.index) for finding in report.errors] == [("w", (61, 17))]
    assert report.forwards < 500


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.floats(1e-6, 1e3), st.integers(0, 1000), st.data())
@settings(deadline=None, max_examples=25)
def test_any_single_wrong_entry_is_named(n, rows, columns, factor, seed, data):
    at = data.draw(st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1)))

    class Wrong(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.w.grad[at] *= 1 + factor
            return dx

    x = np.random.default_rng(seed).standard_normal((n, rows))
    assert check_layer(Dense(rows, columns), x, seed=seed).ok
    report = check_layer(Wrong(rows, columns), x, seed=seed)
    assert [(finding.where, finding.index) for finding in report.errors] == [("w", at)]


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 6), st.integers(1, 3))
@settings(deadline=None, max_examples=25)
def test_maps_full_of_ties_pass_and_twice_counted_ones_fail(seed, height, width, spread):
    x = np.random.default_rng(seed).integers(-spread, spread + 1, (2, height, width, 2)).astype(float)
    assert check_layer(Pool(), x, seed=seed).ok
    x[:] = x.max()
    report = check_layer(PoolTiesTwice(), x, seed=seed)
    assert report.ok == (height * width == 1)
    assert {finding.kind for finding in report.errors} <= {"ties"}


# Kinks and ties are no errors


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
            return 0.5 * dy

    report = check_layer(Flat(), np.zeros(3))
    assert len(report.kinks) == 3
    assert not report.ok
    assert "at a generic point nearby" in str(report.errors[0])


def test_a_wrong_branch_at_zero_itself_is_an_error():
    (finding,) = check_layer(ReLUAtZero(), np.array([0.3, 0.0, -0.7])).errors
    assert finding.index == (1,)
    assert "would do" in finding.text


def test_a_kink_very_near_is_stepped_around():
    x = np.array([1e-5, -1e-5, 3e-6, 2.0])
    report = check_layer(ReLU(), x, every_index=True)
    assert report.ok
    assert report.kinks == []
    assert not check_layer(ReLULeaks(), x).ok


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_kinks_inside_a_net_are_no_errors(value):
    """At a constant picture every ReLU and every maximum inside may sit on a kink, where branches cancel."""
    net = chain(Conv2D(3, 4, 3), ReLU(), LRN(3, 0.1, 0.75), SPP((2, 1)), Linear(20, 3))
    x = np.full((2, 6, 5, 3), value)
    report = check_layer(net, x)
    assert report.ok, report
    assert report.kinks


def test_ties_counted_twice_inside_a_net_at_a_constant_picture():
    net = chain(Conv2D(3, 4, 3), ReLU(), PoolTiesTwice())
    assert not check_layer(net, np.full((2, 6, 5, 3), 0.7)).ok


# The contract


class Broken(Dense):
    """Dense with one thing done wrong, by name."""

    def __init__(self, how):
        super().__init__()
        self.how, self.calls = how, 0

    def __repr__(self):
        return f"Broken({self.how})"

    def forward(self, x):
        self.calls += 1
        if self.how == "writes x":
            x *= 2
        y = super().forward(x)
        if self.how == "random":
            y = y + self.calls
        if self.how == "nan":
            y[1, 2] = np.nan
        if self.how == "float32":
            y = y.astype(np.float32)
        if self.how == "nothing":
            return None
        if self.how == "layout" and not x.flags.c_contiguous:
            y = y + 1
        if self.how == "crashes":
            x.shape = (-1,)
        return y

    def backward(self, dy):
        dx = super().backward(dy)
        if self.how == "writes dy":
            dy[:] = 0
        if self.how == "dx shape":
            return dx.T
        if self.how == "w shape":
            self.w.grad = self.w.grad[:2]
        if self.how == "dx float32":
            return dx.astype(np.float32)
        if self.how == "dx nan":
            dx[2, 1] = np.inf
        if self.how == "no dx":
            return None
        if self.how == "dx adds up":
            self.total = getattr(self, "total", 0) + dx
            return self.total
        return dx


@pytest.mark.parametrize(
    "how, kind, where, index",
    [
        ("writes x", "modified", "x", None),
        ("writes dy", "modified", "dy", None),
        ("random", "random", "forward", None),
        ("nan", "non-finite", "forward", (1, 2)),
        ("float32", "dtype", "forward", None),
        ("nothing", "missing", "forward", None),
        ("layout", "layout", "forward", None),
        ("crashes", "layout", "forward", None),
        ("dx shape", "shape", "x", None),
        ("w shape", "shape", "w", None),
        ("dx float32", "dtype", "x", None),
        ("dx nan", "non-finite", "x", (2, 1)),
        ("no dx", "missing", "x", None),
        ("dx adds up", "accumulate", "x", None),
    ],
)
def test_broken_contracts_are_named(how, kind, where, index):
    report = check_layer(Broken(how), ROWS)
    assert (kind, where, index) in [(f.kind, f.where, f.index) for f in report.errors], report
    assert f"Broken({how})" in str(report)


def test_values_and_gradients_are_put_back_bit_for_bit():
    layer = Dense()
    layer.b.value = layer.b.value.astype(np.float32)
    layer.w.grad = np.full((4, 4), 7.0)
    before = [(p.value, p.value.copy(), p.grad) for p in layer.params()]
    check_layer(layer, ROWS, every_index=True)
    for param, (value, bits, grad) in zip(layer.params(), before, strict=True):
        assert param.value is value
        assert param.value.dtype == bits.dtype
        assert param.value.tobytes() == bits.tobytes()
        assert param.grad is grad
    assert (layer.w.grad == 7.0).all()


def test_values_are_put_back_when_forward_raises():
    class Raises(Dense):
        calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls > 40:
                raise RuntimeError("enough")
            return super().forward(x)

    layer = Raises()
    bits = layer.w.value.tobytes(), layer.b.value.tobytes()
    with pytest.raises(RuntimeError, match="enough"):
        check_layer(layer, ROWS)
    assert (layer.w.value.tobytes(), layer.b.value.tobytes()) == bits
    assert layer.w.grad is None


def test_x_is_left_alone_and_may_be_non_contiguous_or_float32():
    x = np.asfortranarray(MAP)[:, ::2, ::-1].astype(np.float32).swapaxes(1, 2)
    bits = x.tobytes()
    assert check_layer(Pool(), x).ok
    assert not check_layer(PoolDropsBin(), x).ok
    assert x.tobytes() == bits


def test_a_layer_that_keeps_its_own_gradient_arrays():
    class Own(Dense):
        def __init__(self):
            super().__init__()
            self.dw, self.db = np.zeros((4, 4)), np.zeros(4)
            self.w.grad, self.b.grad = self.dw, self.db

        def backward(self, dy):
            self.dw += self.saved.T @ dy
            self.db += dy.sum(axis=0)
            return dy @ self.w.value.T

    assert check_layer(Own(), ROWS).ok


def test_a_params_list_made_anew_in_float32_is_refused():
    class Fresh(Dense):
        def params(self):
            return [Weights("w", self.w.value)]

    layer = Fresh()
    layer.w.value = layer.w.value.astype(np.float32)
    with pytest.raises(ValueError, match="w could not be made float64.*same object"):
        check_layer(layer, ROWS)


@pytest.mark.parametrize(
    "layer, x, match",
    [
        (object(), ROWS, "without forward"),
        (Dense(), np.array([1.0, np.nan]), r"nan at \[1\]"),
        (Dense(), np.array(["a"]), "real numbers"),
        (Dense(), ROWS.astype(complex), "real numbers"),
    ],
)
def test_what_cannot_be_checked_is_refused(layer, x, match):
    with pytest.raises(ValueError, match=match):
        check_layer(layer, x)


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
    net = zoo.small(classes=3, dtype=np.float64)
    report = check_layer(net, RNG.standard_normal((1, 20, 17, 3)), directions=1, ties=False)
    assert report.ok, report
    assert len(report.tally) == 1 + len(net.params())


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


# The parts


def test_smooth_slopes_are_measured_to_nine_digits():
    x, v = np.array([0.3, -1.2, 0.8]), np.array([1.0, 0.5, -2.0])
    dy = np.array([1.0, -2.0, 0.5])
    exact = dy * np.cos(x) * v
    slope = measure(lambda t: np.sin(x + t * v), np.sin(x), dy, exact, step=1e-3, tolerance=1e-9)
    assert slope.verdict == "ok"
    assert slope.numeric == pytest.approx(exact.sum(), rel=1e-9)
    assert not slope.linear
    assert measure(
        lambda t: np.sin(x + t * v), np.sin(x), dy, exact * (1 + 1e-7), step=1e-3, tolerance=1e-9
    ).verdict == ("error")


def test_a_line_is_linear_only_if_it_is_straight():
    x, v, dy = np.array([1.0]), np.array([1.0]), np.array([1.0])
    assert measure(lambda t: 3 * (x + t * v) + 1, 3 * x + 1, dy, 3 * v, step=1e-3, tolerance=1e-6).linear
    assert not measure(lambda t: np.abs(x + 2 * t), x, dy, 2 * v, step=1e-3, tolerance=1e-6).linear
    bent = measure(lambda t: x + t + 1e-6 * t**2, x, dy, v, step=1e-3, tolerance=1e-6)
    assert not bent.linear
    assert bent.verdict == "ok"


@given(st.integers(1, 300), st.data())
@settings(deadline=None, max_examples=50)
def test_the_smallest_failing_set_is_found(n, data):
    wanted = data.draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=3))
    found = smallest_failing(np.arange(n), lambda part: wanted <= set(part.tolist()), budget=10**6)
    assert set(found.tolist()) == wanted


# From the command line


SOURCE = """
import numpy as np

class Double:
    def __init__(self, factor=2.0, wrong=False):
        self.factor, self.wrong = factor, wrong
    def forward(self, x):
        return self.factor * x
    def backward(self, dy):
        return dy if self.wrong else self.factor * dy

class Inner:
    Layer = Double

class Needs:
    def __init__(self, size):
        raise RuntimeError("not today")
    forward = backward = None

class Rows:
    class w:
        name, value, grad = "w", np.ones((5, 2)), None
    def params(self):
        return [self.w]
    def forward(self, x):
        self.saved = x
        return x @ self.w.value
    def backward(self, dy):
        self.w.grad = self.saved.T @ dy + (0 if self.w.grad is None else self.w.grad)
        return dy @ self.w.value.T

def build(factor):
    return Double(factor)

made = Double(3.0)
number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mine_for_check.py").write_text(SOURCE)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "layers.py").write_text("import beside\nLayer = beside.Layer\n")
    (tmp_path / "sub" / "beside.py").write_text("from mine_for_check import Double as Layer\n")
    (tmp_path / "bad_for_check.py").write_text("def f(:\n")
    (tmp_path / "needy_for_check.py").write_text("import nowhere_at_all\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("mine_for_check", "beside", "bad_for_check", "needy_for_check"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "spec",
    [
        "mine_for_check:Double",
        "mine_for_check:Double(3.5)",
        "mine_for_check:Double(factor=-2)",
        "mine_for_check:Inner.Layer()",
        "mine_for_check:build(4)",
        "mine_for_check:made",
        "mine_for_check:Rows",
        "mine_for_check.py:Double",
        "minispp.layers:Conv2D(3, 4, 3, pad=1)",
        "minispp.layers:SPP((3, (2, 1)))",
        "minispp.layers:Linear(5, 2)",
        "minispp.layers:ReLU",
    ],
)
def test_right_layers_named_on_the_command_line(folder, capsys, spec):
    path = list(sys.path)
    assert check_spec(spec) == 0
    assert "backward is the derivative of forward" in capsys.readouterr().out
    assert sys.path == path


def test_a_wrong_layer_on_the_command_line_gives_1_and_the_index(folder, capsys):
    assert check_spec("mine_for_check:Double(wrong=True)", "2,3", every_index=True) == 1
    out = capsys.readouterr().out
    assert "ERROR [adjoint] x[" in out
    assert "(2, 3)" in out
    assert "0.5 times" in out


def test_a_file_by_its_path_with_a_module_beside_it(folder):
    sys.path.insert(0, str(folder))
    try:
        assert check_spec(str(folder / "sub" / "layers.py") + ":Layer(2)", (3, 2)) == 0
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize(
    "spec, match",
    [
        ("nothing", "expected .module:Layer."),
        ("a:", "expected .module:Layer."),
        (":Layer", "expected .module:Layer."),
        ("mine_for_check:Double(__import__('os'))", "literal arguments only"),
        ("mine_for_check:Double(2)(3)", "literal arguments only"),
        ("mine_for_check:Double(**{})", "literal arguments only"),
        ("mine_for_check:Double(", "literal arguments only"),
        ("mine_for_check:Doubel", "did you mean Double"),
        ("mine_for_check:number", "has no forward"),
        ("mine_for_check:made(3)", "takes no arguments"),
        ("mine_for_check:Needs", "could not be made: TypeError.*in brackets"),
        ("mine_for_check:Needs(3)", "not today"),
        ("no_such_module_here:Layer", "no module no_such_module_here"),
        ("no_such.py:Layer", "no file no_such.py"),
        ("bad_for_check:f", "could not be imported: SyntaxError"),
        ("needy_for_check:f", "nowhere_at_all"),
    ],
)
def test_what_is_wrong_with_the_text_is_said(folder, spec, match):
    with pytest.raises(ValueError, match=match):
        make_layer(spec)


def test_an_input_that_does_not_fit_is_a_value_error(folder):
    with pytest.raises(ValueError, match=r"\(2, 3\) raised ValueError.*--shape"):
        check_spec("minispp.layers:Conv2D(3, 4, 3)", "2,3")
    with pytest.raises(ValueError, match="shape such as"):
        check_spec("minispp.layers:ReLU", "2x3")
    with pytest.raises(ValueError, match="not below 0"):
        check_spec("minispp.layers:ReLU", "2,-3")

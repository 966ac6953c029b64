"""Broken contracts are named, and the layer is put back as it was."""

import numpy as np
import pytest
from planted import MAP, ROWS, Dense, Pool, PoolDropsBin, Weights

from minispp.check import check_layer


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
        if self.how == "crashes" and not x.flags.c_contiguous:
            raise TypeError("I take contiguous arrays only")
        return y

    def backward(self, dy):
        dx = super().backward(dy)
        if self.how == "writes dy":
            dy[:] = 0
        if self.how == "layout of dy" and not dy.flags.c_contiguous:
            return dx + 1
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
        ("layout of dy", "layout", "x", None),
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

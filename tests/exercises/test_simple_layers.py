"""Graders of notebook 3: right answers pass, and what people get wrong is named."""

import answers
import naive
import numpy as np
import pytest

from minispp.exercises import simple_layers
from minispp.layers import Layer


def changed(layer, **methods):
    """The layer with other methods."""
    return type(layer.__name__, (layer,), methods)


def not_yet(self, *_):
    raise NotImplementedError


# -- leaky ReLU ------------------------------------------------------------------------------------


class LeakyReLU(Layer):
    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def forward(self, x):
        self.saved = x > 0
        return np.where(self.saved, x, self.slope * x)

    def backward(self, dy):
        return np.where(self.unpack(), dy, self.slope * dy)


class LeakyByMaximum(LeakyReLU):
    def forward(self, x):
        self.saved = x
        return np.maximum(x, self.slope * x)

    def backward(self, dy):
        return dy * (self.slope + (1 - self.slope) * (self.unpack() > 0))


def leaky(rule):
    """Another forward."""

    def forward(self, x):
        self.saved = x > 0
        return rule(x, self.slope)

    return changed(LeakyReLU, forward=forward)


def leaking(rule):
    """Another backward, of x, dy and the slope."""

    def backward(self, dy):
        return rule(self.unpack(), dy, self.slope)

    return changed(LeakyByMaximum, backward=backward)


def in_place(self, x):
    self.saved = x > 0
    x[x < 0] *= self.slope
    return x


def dy_in_place(self, dy):
    dy[self.unpack() <= 0] *= self.slope
    return dy


LEAKY_WRONG = {
    "ReLU": (leaky(lambda x, slope: np.maximum(x, 0)), "that is ReLU"),
    "wrong side": (leaky(lambda x, slope: np.where(x > 0, slope * x, x)), "wrong side"),
    "everywhere": (leaky(lambda x, slope: slope * x), "All values are multiplied"),
    "sign": (leaky(lambda x, slope: np.where(x > 0, x, slope * abs(x))), "sign of negative"),
    "a constant": (leaky(lambda x, slope: np.where(x > 0, x, slope)), "slope itself"),
    "ReLU backward": (leaking(lambda x, dy, slope: np.where(x > 0, dy, 0)), "that is ReLU's"),
    "dy as it is": (leaking(lambda x, dy, slope: dy.copy()), "dy passes as it is"),
    "where dy is": (leaking(lambda x, dy, slope: np.where(dy > 0, dy, slope * dy)), "not where dy is"),
    "an x too many": (leaking(lambda x, dy, slope: np.where(x > 0, 1, slope) * x * dy), "an x too many"),
    "wrong side back": (leaking(lambda x, dy, slope: np.where(x > 0, slope, 1) * dy), "wrong side"),
    "the kink": (leaking(lambda x, dy, slope: np.where(x >= 0, dy, slope * dy)), "at x = 0, the kink"),
    "x in place": (changed(LeakyReLU, forward=in_place), "changed its input"),
    "dy in place": (changed(LeakyByMaximum, backward=dy_in_place), "changed its input"),
    "no forward": (changed(LeakyReLU, forward=lambda self, x: None), "LeakyReLU.forward(<3x4 float64>) returned None"),
    "float32": (leaky(lambda x, slope: np.where(x > 0, x, slope * x).astype(np.float32)), "digits of float32 only"),
    "raises": (changed(LeakyReLU, backward=lambda self, dy: dy @ dy), "raised ValueError"),
}


@pytest.mark.parametrize("answer", [LeakyReLU, LeakyByMaximum])
def test_leaky_relu(answer):
    answers.accepts(simple_layers.leaky_relu, answer)


@pytest.mark.parametrize("name", LEAKY_WRONG)
def test_leaky_relu_wrong(name):
    answers.refuses(simple_layers.leaky_relu, *LEAKY_WRONG[name])


# -- average pooling -------------------------------------------------------------------------------


class AveragePool(Layer):
    def __init__(self, kernel, stride):
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def axes(self, shape):
        return (naive.slide_cells(size, self.kernel, self.stride, 0, True) for size in shape[1:3])

    def divisor(self, ys, xs):
        return len(ys) * len(xs)

    def forward(self, x):
        rows, columns = map(list, self.axes(x.shape))
        y = np.zeros((len(x), len(rows), len(columns), x.shape[3]))
        for i, ys in enumerate(rows):
            for j, xs in enumerate(columns):
                y[:, i, j] = self.pooled(x[:, ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1], ys, xs)
        self.saved = x
        return y

    def pooled(self, part, ys, xs):
        return part.sum(axis=(1, 2)) / self.divisor(ys, xs)

    def backward(self, dy):
        dx = np.zeros_like(self.unpack())
        rows, columns = map(list, self.axes(dx.shape))
        for i, ys in enumerate(rows):
            for j, xs in enumerate(columns):
                part = dx[:, ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
                self.give(part, dy[:, i, j], ys, xs)
        return dx

    def give(self, part, dy, ys, xs):
        part += (dy / (len(ys) * len(xs)))[:, None, None]


class AverageByProduct(AveragePool):
    """Two small matrices, one for each axis."""

    def matrices(self, shape):
        for size, axis in zip(shape[1:3], self.axes(shape), strict=True):
            matrix = np.zeros((len(axis), size))
            for row, cells in zip(matrix, axis, strict=True):
                row[list(cells)] = 1 / len(cells)
            yield matrix

    def forward(self, x):
        self.saved = x.shape
        return np.einsum("ih,jw,nhwc->nijc", *self.matrices(x.shape), x)

    def backward(self, dy):
        return np.einsum("ih,jw,nijc->nhwc", *self.matrices(self.unpack()), dy)


def in_floor_mode(self, shape):
    return (naive.slide_cells(size, self.kernel, self.stride, 0, False) for size in shape[1:3])


def by_the_height(self, shape):
    rows = list(naive.slide_cells(shape[1], self.kernel, self.stride, 0, True))
    return rows, [[min(cell, shape[2] - 1) for cell in cells] for cells in rows]


def overwrites(self, part, dy, ys, xs):
    part[:] = (dy / (len(ys) * len(xs)))[:, None, None]


def all_of_it(self, part, dy, ys, xs):
    part += dy[:, None, None]


def by_the_kernel(self, part, dy, ys, xs):
    part += (dy / self.kernel**2)[:, None, None]


def to_the_largest(self, dy):
    x = self.unpack()
    rows, columns = map(list, self.axes(x.shape))
    table = [(n, ys[0], xs[0], ys[-1] + 1, xs[-1] + 1) for n in range(len(x)) for ys in rows for xs in columns]
    _, winners = naive.window_max(x, table)
    return naive.window_max_backward(dy.reshape(winners.shape), winners, x.shape)


def over_the_batch(self, dy):
    return AveragePool.backward(self, dy) / len(dy)


POOL_WRONG = {
    "divides by the kernel": (changed(AveragePool, divisor=lambda self, ys, xs: self.kernel**2), "fewer cells"),
    "a sum": (changed(AveragePool, divisor=lambda self, ys, xs: 1), "This is the sum"),
    "a maximum": (changed(AveragePool, pooled=lambda self, part, ys, xs: part.max(axis=(1, 2))), "This is the maximum"),
    "floor mode": (changed(AveragePool, axes=in_floor_mode), "floor mode"),
    "square": (changed(AveragePool, axes=by_the_height), "their own sizes"),
    "overwritten": (changed(AveragePool, give=overwrites), "windows overlap"),
    "not divided": (changed(AveragePool, give=all_of_it), "gets that share"),
    "divided by the kernel": (changed(AveragePool, give=by_the_kernel), "as forward did"),
    "to the largest": (changed(AveragePool, backward=to_the_largest), "max pooling"),
    "mean over the batch": (changed(AveragePool, backward=over_the_batch), "size of the batch"),
    "no dx": (changed(AveragePool, backward=lambda self, dy: None), "returned None"),
    "channels averaged": (
        changed(AveragePool, pooled=lambda self, part, ys, xs: part.mean(axis=(1, 2, 3))[:, None]),
        "and should be",
    ),
    "a strange shape": (changed(AveragePool, forward=lambda self, x: x[:, 0]), "has the shape (2, 6, 3)"),
    "raises": (changed(AveragePool, forward=lambda self, x: x[9]), "raised IndexError"),
}


@pytest.mark.parametrize("answer", [AveragePool, AverageByProduct])
def test_average_pool(answer):
    answers.accepts(simple_layers.average_pool, answer)


@pytest.mark.parametrize("name", POOL_WRONG)
def test_average_pool_wrong(name):
    answers.refuses(simple_layers.average_pool, *POOL_WRONG[name])


# -- smoothed loss ---------------------------------------------------------------------------------


class SmoothLoss(Layer):
    def __init__(self, smoothing):
        super().__init__()
        self.smoothing = smoothing

    def target(self, labels, classes):
        q = np.full((len(labels), classes), self.smoothing / classes)
        q[np.arange(len(labels)), labels] += 1 - self.smoothing
        return q

    def log_p(self, z):
        shifted = z - z.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def forward(self, z, labels):
        log_p, q = self.log_p(z), self.target(labels, z.shape[1])
        self.saved = np.exp(log_p), q
        return -(q * log_p).sum() / len(z)

    def backward(self):
        p, q = self.unpack()
        return (p - q) / len(p)


class SmoothBySums(SmoothLoss):
    """As a mixture of the loss and the mean of all log p."""

    def forward(self, z, labels):
        log_p = z - np.logaddexp.reduce(z, axis=1)[:, None]
        self.saved = np.exp(log_p), self.target(labels, z.shape[1])
        hit = log_p[np.arange(len(z)), labels]
        return float(np.mean(-(1 - self.smoothing) * hit - self.smoothing * log_p.mean(axis=1)))


def one_hot(self, labels, classes):
    return np.eye(classes)[labels]


def among_the_others(self, labels, classes):
    q = np.full((len(labels), classes), self.smoothing / (classes - 1))
    q[np.arange(len(labels)), labels] = 1 - self.smoothing
    return q


def right_class_only(self, labels, classes):
    return (1 - self.smoothing) * np.eye(classes)[labels]


def undivided(self, labels, classes):
    return (1 - self.smoothing) * np.eye(classes)[labels] + self.smoothing


def without_shift(self, z):
    e = np.exp(z)
    return np.log(e / e.sum(axis=1, keepdims=True))


def log_of_p(self, z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.log(e / e.sum(axis=1, keepdims=True))


def a_little_added(self, z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.log(e / e.sum(axis=1, keepdims=True) + 1e-12)


def without_its_share(self, labels, classes):
    q = np.full((len(labels), classes), self.smoothing / classes)
    q[np.arange(len(labels)), labels] = 1 - self.smoothing
    return q


def over_the_wrong_axis(self, z):
    return z - np.logaddexp.reduce(z, axis=0)


def shift_of_the_batch(self, z):
    shifted = z - z.max()
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def scaled(factor):
    return lambda self, z, labels: factor(z) * SmoothLoss.forward(self, z, labels)


def backwards(rule):
    return changed(SmoothLoss, backward=lambda self: rule(*self.unpack()))


def one_hot_back(self, z, labels):
    loss = SmoothLoss.forward(self, z, labels)
    self.saved = self.saved[0], np.eye(z.shape[1])[labels]
    return loss


LOSS_WRONG = {
    "no smoothing": (changed(SmoothLoss, target=one_hot), "without smoothing"),
    "shared by the others": (changed(SmoothLoss, target=among_the_others), "all K classes"),
    "right class only": (changed(SmoothLoss, target=right_class_only), "other classes are missing"),
    "undivided": (changed(SmoothLoss, target=undivided), "Divide it by K"),
    "overflow": (changed(SmoothLoss, log_p=without_shift), "exp(1000) is infinite"),
    "a little added": (changed(SmoothLoss, log_p=a_little_added), "added to p before the logarithm"),
    "right class short": (changed(SmoothLoss, target=without_its_share), "add its share of the smoothing"),
    "mean over classes": (changed(SmoothLoss, forward=scaled(lambda z: 1 / z.shape[1])), "over the classes as well"),
    "log of p": (changed(SmoothLoss, log_p=log_of_p), "log 0 is infinite"),
    "one shift for all": (changed(SmoothLoss, log_p=shift_of_the_batch), "of its own to subtract"),
    "wrong axis": (changed(SmoothLoss, log_p=over_the_wrong_axis), "and should be"),
    "a sum": (changed(SmoothLoss, forward=scaled(len)), "sum over the batch"),
    "sign": (changed(SmoothLoss, forward=scaled(lambda z: -1)), "sign is wrong"),
    "bits": (changed(SmoothLoss, forward=scaled(lambda z: 1 / np.log(2))), "np.log"),
    "one-hot backward": (changed(SmoothLoss, forward=one_hot_back), "no longer one-hot"),
    "not divided": (backwards(lambda p, q: p - q), "Divide by the size of the batch"),
    "sign backward": (backwards(lambda p, q: (q - p) / len(p)), "it is p - q"),
    "p only": (backwards(lambda p, q: p / len(p)), "and should be"),
    "no gradient": (backwards(lambda p, q: None), "SmoothLoss.backward() returned None"),
    "a vector": (changed(SmoothLoss, forward=lambda self, z, labels: z.sum(axis=1)), "has the shape (1,)"),
}


@pytest.mark.parametrize("answer", [SmoothLoss, SmoothBySums])
def test_smooth_loss(answer):
    answers.accepts(simple_layers.smooth_loss, answer)


@pytest.mark.parametrize("name", LOSS_WRONG)
def test_smooth_loss_wrong(name):
    answers.refuses(simple_layers.smooth_loss, *LOSS_WRONG[name])


# -- stubs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exercise", "layer"),
    [
        (simple_layers.leaky_relu, LeakyReLU),
        (simple_layers.average_pool, AveragePool),
        (simple_layers.smooth_loss, SmoothLoss),
    ],
)
def test_stubs(exercise, layer):
    answers.not_written(exercise)
    for stub in (changed(layer, forward=not_yet, backward=not_yet), changed(layer, backward=not_yet)):
        assert not exercise.grade(stub).written

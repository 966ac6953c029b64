"""Small layers for the tests of the checker: right ones, and wrong ones with an error planted in each."""

import numpy as np

RNG = np.random.default_rng(7)
MAP = RNG.standard_normal((2, 7, 6, 3))
SQUARE = RNG.standard_normal((2, 5, 5, 3))
ROWS = RNG.standard_normal((3, 4))
SMALL = RNG.standard_normal((2, 4, 3, 2))


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


class IdentitySwapsAxes:
    """Only a dy that is not the same everywhere shows it."""

    def forward(self, x):
        return x.copy()

    def backward(self, dy):
        return dy.swapaxes(1, 2)


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

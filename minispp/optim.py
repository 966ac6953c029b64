"""Stochastic gradient descent, and how its rate changes with time.

A schedule is a small immutable object: ``rate(epoch, errors)`` is the rate at a point of time, counted in epochs
and fractions of them, given the error of each epoch that has ended. It has no state, so a resumed run
continues it from the history alone.
"""

from dataclasses import dataclass
from math import cos, isfinite, pi, sqrt

import numpy as np


class SGD:
    """Momentum, weight decay and clipping of the gradient's norm.

    For each parameter w with gradient g, and ``scale = min(1, clip / norm of all gradients)``::

        v <- momentum * v - rate * (scale * g + decay * w)
        w <- w + v

    Weight decay acts on weights and not on biases. After the step all gradients are cleared.

    Parameters
    ----------
    momentum, decay : float
    clip : float, optional
        The largest norm, over all parameters together, that passes unchanged.

    Examples
    --------
    >>> from minispp.layers import Linear
    >>> layer = Linear(1, 1, sigma=0.0, dtype=np.float64)
    >>> sgd = SGD(momentum=0.5)
    >>> for _ in range(2):
    ...     layer.weight.grad, layer.bias.grad = np.ones((1, 1)), np.zeros(1)
    ...     norm = sgd.step(layer, rate=0.1)
    >>> layer.weight.value.round(6).tolist()  # -0.1, then another -0.15
    [[-0.25]]
    """

    def __init__(self, momentum=0.9, decay=0.0, clip=None):
        if not 0 <= momentum < 1 or decay < 0 or (clip is not None and not clip > 0):
            raise ValueError(
                "SGD: expected 0 <= momentum < 1, decay >= 0 and clip > 0 (or None), "
                f"got momentum={momentum}, decay={decay}, clip={clip}"
            )
        self.momentum, self.decay, self.clip = momentum, decay, clip
        self.velocities = {}

    def step(self, net, rate):
        """Move the parameters of a net, or of a layer, and clear their gradients. Returns the gradient's norm.

        Raises
        ------
        FloatingPointError
            If the norm is NaN or infinite, naming the parameter; nothing has been changed then.
        """
        params = [param for param in net.params() if param.grad is not None]
        norm = sqrt(net.ops.square_sum(*(param.grad for param in params)))  # one number, so a device is asked once
        if not isfinite(norm):
            broken = (param.name for param in params if not isfinite(net.ops.square_sum(param.grad)))
            broken = next(broken, "their sum")
            raise FloatingPointError(f"the gradient of {broken} is not finite")
        scale = min(1.0, self.clip / norm) if self.clip is not None and norm > 0 else 1.0
        for param in params:
            decay = self.decay if param.decays else 0.0
            net.ops.sgd(param.value, param.grad, self.velocity(param, net.ops), rate, self.momentum, decay, scale)
            param.grad = None
        return norm

    def velocity(self, param, ops):
        """The velocity of a parameter, zero at first."""
        if param.name not in self.velocities:
            zeros = np.zeros(param.value.shape, param.value.dtype)
            self.velocities[param.name] = ops.asarray(zeros)
        return self.velocities[param.name]

    def __repr__(self):
        return f"SGD(momentum={self.momentum}, decay={self.decay}, clip={self.clip})"


@dataclass(frozen=True)
class Step:
    """Multiply the rate by `factor` at each of the given epochs.

    Examples
    --------
    >>> schedule = Step(0.01, at=(30, 60))
    >>> [round(schedule.rate(epoch, []), 6) for epoch in (0, 29.9, 30, 60)]
    [0.01, 0.01, 0.001, 0.0001]
    """

    start: float
    at: tuple = ()
    factor: float = 0.1

    def rate(self, epoch, errors):
        """The rate at a point of time."""
        return self.start * self.factor ** sum(epoch >= boundary for boundary in self.at)


@dataclass(frozen=True)
class Plateau:
    """Multiply the rate by `factor` when the error has not improved for `patience` epochs; the paper does so twice.

    Examples
    --------
    >>> schedule = Plateau(0.01, patience=2)
    >>> [round(schedule.rate(len(errors), errors), 6) for errors in ([.9, .5], [.9, .5, .5], [.9, .5, .5, .6])]
    [0.01, 0.01, 0.001]
    """

    start: float
    patience: int = 5
    factor: float = 0.1
    times: int = 2

    def rate(self, epoch, errors):
        """The rate at a point of time, given the error of each epoch that has ended."""
        best, waited, drops = float("inf"), 0, 0
        for error in errors:
            best, waited = (error, 0) if error < best else (best, waited + 1)
            if waited == self.patience and drops < self.times:
                drops, waited = drops + 1, 0
        return self.start * self.factor**drops


@dataclass(frozen=True)
class Cosine:
    """Rise in a straight line for `warmup` epochs, then fall along half a cosine to 0 at `epochs`.

    Examples
    --------
    >>> schedule = Cosine(0.01, epochs=11, warmup=1)
    >>> [round(schedule.rate(epoch, []), 6) for epoch in (0.5, 1, 6, 11)]
    [0.005, 0.01, 0.005, 0.0]
    """

    start: float
    epochs: float
    warmup: float = 0.0

    def __post_init__(self):
        if not 0 <= self.warmup < self.epochs:
            raise ValueError(f"Cosine: expected 0 <= warmup < epochs, got {self.warmup} and {self.epochs}")

    def rate(self, epoch, errors):
        """The rate at a point of time."""
        if epoch < self.warmup:
            return self.start * epoch / self.warmup
        done = min(1.0, (epoch - self.warmup) / (self.epochs - self.warmup))
        return self.start * (1 + cos(pi * done)) / 2

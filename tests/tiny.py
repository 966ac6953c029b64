"""A net and pictures so small that a whole training run takes milliseconds. Every dimension is different."""

import numpy as np

from minispp import train
from minispp.layers import LRN, SPP, Conv2D, Dropout, Linear, MaxPool, ReLU, SoftmaxLoss
from minispp.net import Net
from minispp.optim import SGD, Step
from minispp.sizes import Mixed

CLASSES = ["red", "green", "blue"]


def net(seed=1, levels=(2, 1), rate=0.5, dtype=np.float32, lrn=True, **settings):
    """Stride 4, all kinds of layers, 474 parameters; biases are not zero, as after training."""
    rng = np.random.default_rng(seed)
    draw = {"rng": rng, "dtype": dtype}
    trunk = [Conv2D(3, 4, 3, stride=2, pad=1, **draw), ReLU(), LRN(3, 0.1, 0.75), MaxPool(2, 2)]
    trunk = [layer for layer in trunk if lrn or not isinstance(layer, LRN)]
    pool = SPP(levels)
    trunk += [Conv2D(4, 5, 3, pad=1, **draw), ReLU()]
    head = [Linear(5 * pool.bins, 6, **draw), ReLU(), Dropout(rate, seed=7), Linear(6, 3, **draw)]
    made = Net(trunk, pool, head, **settings)
    for param in made.params():
        if not param.decays:
            param.value = rng.normal(0.2, 0.1, param.value.shape).astype(dtype)
    return made


class Pictures:
    """Noise in which one channel, the label's, is brighter: pictures of all sizes, and a list of those looked at."""

    def __init__(self, count=7, seed=0, low=11, high=19):
        rng = np.random.default_rng(seed)
        self.classes, self.labels = CLASSES, np.arange(count) % 3
        self.pictures = []
        for label in self.labels:
            picture = rng.integers(0, 160, (*rng.integers(low, high, 2, endpoint=True), 3), dtype=np.uint8)
            picture[..., label] += 90
            self.pictures.append(picture)
        self.seen = []

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        self.seen.append(index)
        return self.pictures[index], int(self.labels[index])


class Training:
    """A tiny net and what else a step of training needs."""

    def __init__(self, ops):
        self.net, self.loss = net().to(ops), SoftmaxLoss().to(ops)
        self.net.training, self.optimiser = True, SGD(0.9, 5e-4, clip=1.0)

    def step(self, x):
        """Two pictures; the loss, and the norm of the gradient."""
        loss = self.loss.forward(self.net.forward(x), np.array([2, 0]))
        self.net.backward(self.loss.backward())
        return loss, self.optimiser.step(self.net, 0.05)


def inputs(net, *shape, seed=3):
    """Something like prepared pictures, in the net's float type."""
    return np.random.default_rng(seed).normal(size=shape).astype(net.dtype)


def bits(net):
    """All parameters of a net, as bytes."""
    return [net.ops.to_numpy(param.value).tobytes() for param in net.params()]


def gradients(net):
    """Copies of all gradients of a net, which are then cleared."""
    grads = [net.ops.to_numpy(param.grad).copy() for param in net.params()]
    for param in net.params():
        param.grad = None
    return grads


def fit(net, data=None, **settings):
    """A short run: 7 pictures in batches of 3, so that the last one is short."""
    common = {"sizes": Mixed((8, 11)), "schedule": Step(0.02), "epochs": 3, "batch": 3, "progress": False}
    return train.fit(net, Pictures() if data is None else data, **{**common, **settings})


def told(history):
    """A history without the clock."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]

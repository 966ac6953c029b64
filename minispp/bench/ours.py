"""Our side of a case, on any backend: on `kernels.cpu` it is timed, on the reference in float64 it is the truth."""

from functools import partial

import numpy as np

from minispp.bench.case import OUR_FORWARD, RENEWED
from minispp.layers import SoftmaxLoss
from minispp.optim import SGD

RATE, MOMENTUM, DECAY = 1e-3, 0.9, 5e-4  # of a training step; a low rate, for the labels are random


def job(case, side, ops, dtype=np.float32):
    """Whoever does this case."""
    if case.is_net:
        return StepJob(case, ops, dtype)
    kinds = {RENEWED: RenewedJob, OUR_FORWARD: ForwardJob}
    return kinds.get(side, LayerJob)(case, ops, dtype)


class LayerJob:
    """A layer forward, backward or both.

    ``draw(seed)`` makes new inputs, ``before()`` prepares one run, ``run()`` is what the clock sees, and
    ``results()`` are the arrays that all sides must agree on.
    """

    def __init__(self, case, ops, dtype):
        self.case, self.ops, self.dtype = case, ops, dtype
        self.layer = case.subject(dtype).to(ops)
        self.layer.training = True
        self.layer.saving = case.saves
        self.layer.needs_dx = case.needs_dx

    def draw(self, seed):
        """New inputs, and for backward the forward that it belongs to."""
        arrays = self.case.inputs(seed)
        self.x = self.ops.asarray(arrays["x"], self.dtype)
        self.dy = self.ops.asarray(arrays["dy"], self.dtype) if "dy" in arrays else None
        forward = self.layer.forward
        self.forward = partial(forward, windows=arrays["windows"]) if "windows" in arrays else forward
        if self.case.work == "backward":
            self.forward(self.x)

    def before(self):
        """No gradient is there to add to, as after a step."""
        for param in self.layer.params():
            param.grad = None

    def run(self):
        """The work."""
        if self.case.work != "backward":
            self.forward(self.x)
        if self.case.work != "forward":
            self.layer.backward(self.dy)

    def results(self):
        """Y, or the gradients; without dropout, whose masks differ."""
        self.layer.training = False
        self.before()
        y = self.forward(self.x)
        found = {"y": y} if self.case.work != "backward" else {}
        if self.case.work != "forward":
            dx = self.layer.backward(self.dy)
            found |= {"dx": dx} if self.case.needs_dx else {}
            found |= {f"d{param.name}": param.grad for param in self.layer.params()}
        self.layer.training = True
        return {name: np.array(self.ops.to_numpy(a)) for name, a in found.items()}


class ForwardJob(LayerJob):
    """The forward of a case that is about backward."""

    def run(self):
        """The work."""
        self.forward(self.x)


class RenewedJob(LayerJob):
    """Every run sees weights that an optimiser has just changed, as in training."""

    def before(self):
        """A step so small that the weights stay what they are, to rounding."""
        for param in self.layer.params():
            param.grad = self.ops.asarray(np.ones(param.value.shape), self.dtype)
        SGD(momentum=0.0).step(self.layer, rate=1e-8)


class StepJob:
    """A training step of a net."""

    def __init__(self, case, ops, dtype):
        self.case, self.ops, self.dtype = case, ops, dtype
        self.net, self.loss = case.subject(dtype).to(ops), SoftmaxLoss().to(ops)
        self.net.training = True
        self.optimiser = SGD(MOMENTUM, DECAY, case.clip)

    def draw(self, seed):
        """New pictures and labels."""
        arrays = self.case.inputs(seed)
        self.x, self.labels = self.ops.asarray(arrays["x"], self.dtype), arrays["labels"]

    def before(self):
        """Nothing: a step ends with no gradients."""

    def run(self):
        """Forward, loss, backward, optimiser; the loss."""
        loss = self.loss.forward(self.net.forward(self.x), self.labels)
        self.net.backward(self.loss.backward())
        self.optimiser.step(self.net, RATE)
        return loss

    def results(self):
        """Of a new net without dropout: the loss, and the gradient that has come all the way to the first layer."""
        net = self.case.subject(self.dtype).to(self.ops)  # the masks of runs before this one differ from side to side
        loss = self.loss.forward(net.forward(self.x), self.labels)
        net.backward(self.loss.backward())
        return {"loss": np.array(loss), "gradient": np.array(self.ops.to_numpy(net.params()[0].grad))}

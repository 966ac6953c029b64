"""What a worker thread or process of the tests does: a piece of work that calls nearly every kernel."""

import os
import signal

import numpy as np
import tiny

from minispp import kernels
from minispp.layers import SoftmaxLoss
from minispp.optim import SGD


def step(seed, ops=None):
    """Parameters and input gradient of a tiny net after a training step on noise, in float64, as one vector."""
    net = tiny.net(seed=seed, dtype=np.float64, rate=0.3).to(ops or kernels.cpu)
    net.training = True
    loss = SoftmaxLoss().to(net.ops)
    x = np.random.default_rng(seed).normal(size=(3, 21, 18 + seed, 3))
    loss.forward(net.forward(x), np.arange(3))
    dx = net.backward(loss.backward(), need_dx=True)
    SGD(momentum=0.9, decay=5e-4, clip=1.0).step(net, 0.05)
    return np.concatenate([np.ravel(a) for a in (dx, *(param.value for param in net.params()))])


def right(found, seeds):
    """Whether these are the vectors of `step` by the reference."""
    expected = [step(seed, kernels.reference) for seed in seeds]
    return len(found) == len(expected) and all(
        a.shape == b.shape and abs(a - b).max() < 1e-9 for a, b in zip(found, expected, strict=True)
    )


def outcome():
    """What became of a step: "right", "wrong" or the text of its error."""
    try:
        return "right" if right([step(4)], [4]) else "wrong"
    except RuntimeError as error:
        return str(error)


def in_child(work=outcome):
    """What a function returns in a forked child; if the child dies, or hangs for 30 s, how it ended."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        os.write(write, work().encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return text if status == 0 else f"the child ended with {status}"

"""Training beside PyTorch: the optimiser alone, 50 steps of `small`, and a run of `train.fit` replayed.

Dropout is off: its masks are our own. Rates are constant: when a rate changes, PyTorch's velocity, which leaves
the rate out, changes its meaning with it, and ours, which is Krizhevsky's, does not.
"""

import numpy as np
import pytest
from peers.peer_torch import F, Peer, assert_agree, relative_error, tensor, torch, with_biases

from minispp import train, weights, zoo
from minispp.data import View
from minispp.layers import Dropout, Linear, SoftmaxLoss
from minispp.optim import SGD, Step
from minispp.sizes import Mixed

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("clip", [None, 0.5, 2.0], ids=["no clipping", "clipped", "below the limit"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sgd(ops, dtype, clip):
    """Momentum, decay of weights alone, and `clip_grad_norm_`, whose 1e-6 in the denominator large norms drown."""
    rng, rate, momentum, decay = np.random.default_rng(1), 1e-5, 0.9, 0.3
    layer = Linear(37, 11, dtype=dtype, rng=rng).to(ops)
    layer.bias.value = ops.asarray(rng.standard_normal(11), dtype)
    ours = SGD(momentum, decay, None)
    weight, bias = (torch.from_numpy(p.value.copy()).requires_grad_() for p in layer.params())
    groups = [{"params": [weight], "weight_decay": decay}, {"params": [bias], "weight_decay": 0.0}]
    theirs = torch.optim.SGD(groups, lr=rate, momentum=momentum)
    start = layer.weight.value.copy()
    for _ in range(10):
        for param, t in zip(layer.params(), (weight, bias), strict=True):
            param.grad = ops.asarray(1e5 * rng.standard_normal(param.value.shape), dtype)
            t.grad = torch.from_numpy(param.grad.copy())
        expected = torch.linalg.vector_norm(torch.cat([weight.grad.flatten(), bias.grad])).item()
        if clip is not None:
            ours.clip = clip * expected
            torch.nn.utils.clip_grad_norm_([weight, bias], clip * expected)
        assert ours.step(layer, rate) == pytest.approx(expected, rel=1e-10 if dtype == "float64" else 1e-5)
        theirs.step()
        assert_agree(layer.weight.value, weight.detach().numpy(), "weight")
        assert_agree(layer.bias.value, bias.detach().numpy(), "bias")
    assert relative_error(layer.weight.value, start) > 1, "nothing has moved"


def textures(count, size, rng, dtype):
    """Pictures that can be told apart: each label is a direction of stripes, with noise over them."""
    labels = rng.integers(0, 4, count)
    rows, columns = np.mgrid[: size[0], : size[1]]
    stripes = np.stack([rows, columns, rows + columns, rows - columns])[labels]
    pictures = np.sin(stripes / 2)[..., None] + 0.7 * rng.standard_normal((count, *size, 3))
    return pictures.astype(dtype), labels


# dtype: relative error allowed at every step, batch, width of the net, rate, clip
FIFTY = {"float64": (1e-10, 6, 8, 2e-3, None), "float32": (1e-3, 16, 24, 5e-4, 5.0)}


@pytest.mark.parametrize(
    ("ops", "dtype"), [("reference", "float64"), ("cpu", "float64"), ("cpu", "float32")], indirect=["ops"]
)
def test_fifty_steps_give_the_same_losses(ops, dtype):
    """`small` with its pyramid, three sizes in turn, one of them not square; momentum and decay.

    Training amplifies rounding, and not smoothly: where two cells of a bin differ by 1e-6 of their value, float32 may
    choose either, and the gradient jumps to the other cell. A large batch and a small rate keep such jumps small: by
    perturbing the weights by 2e-7 we found the curves 1e-5 apart. At the recipe's rate of 0.01 PyTorch's own
    curve leaves itself under that perturbation within 50 steps. In float64 no such tie occurs.
    """
    allowed, batch, width, rate, clip = FIFTY[dtype]
    net = with_biases(zoo.small(classes=4, width=width, dtype=dtype), 0.05).to(ops)
    peer, loss, optimiser = Peer(net), SoftmaxLoss().to(ops), SGD(momentum=0.9, decay=5e-4, clip=clip)
    their_optimiser = peer.sgd(rate, momentum=0.9, decay=5e-4)
    rng, curves = np.random.default_rng(3), ([], [])
    for step in range(50):
        x, labels = textures(batch, ((48, 48), (40, 40), (32, 56))[step % 3], rng, dtype)
        curves[0].append(loss.forward(net.forward(x), labels))
        net.backward(loss.backward())
        optimiser.step(net, rate)
        their_optimiser.zero_grad()
        their_loss = F.cross_entropy(peer.forward(tensor(x, learned=False)), torch.from_numpy(labels))
        their_loss.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(peer.params.values(), clip)
        their_optimiser.step()
        curves[1].append(their_loss.item())
    ours, theirs = map(np.array, curves)
    errors = abs(ours - theirs) / theirs
    assert errors.max() <= allowed, f"relative error {errors.max():.1e} at step {errors.argmax() + 1}"
    assert theirs[-10:].mean() < 0.7 * theirs[:10].mean(), "it has learned little, so many curves would do"


class RecordingLoss(SoftmaxLoss):
    """Keeps what each group of a batch was asked."""

    groups = []

    def forward(self, z, labels, count=None):
        self.groups.append((np.asarray(labels).copy(), count))
        return super().forward(z, labels, count)


def test_fit_replayed(cpu, monkeypatch):
    """A run of `train.fit`, batch by batch in PyTorch: mixed sizes, a short last batch, the history's losses."""
    rng = np.random.default_rng(5)
    pictures = [
        (rng.integers(0, 256, (*rng.integers(30, 60, 2), 3), dtype=np.uint8), int(label))
        for label in rng.integers(0, 3, 11)
    ]
    net = with_biases(zoo.small(classes=3, width=6, dtype=np.float64), 0.05).to(cpu)
    for layer in net.layers:
        if isinstance(layer, Dropout):
            layer.rate = 0.0
    peer, seen, forward = Peer(net), [], net.forward
    monkeypatch.setattr(net, "forward", lambda x: (seen.append(x.copy()), forward(x))[1])
    monkeypatch.setattr(train, "SoftmaxLoss", RecordingLoss)
    monkeypatch.setattr(RecordingLoss, "groups", [])
    rate, epochs = 0.01, 3
    history = train.fit(
        net,
        pictures,
        sizes=Mixed((24, 32, 40)),
        schedule=Step(rate),
        epochs=epochs,
        batch=4,
        optimiser=SGD(momentum=0.9, decay=5e-4),
        view=View(margin=1.15),
        progress=False,
    )
    optimiser = peer.sgd(rate, momentum=0.9, decay=5e-4)
    losses, scores, targets = [], [], []
    for x, (labels, count) in zip(seen, RecordingLoss.groups, strict=True):
        scores.append(peer.forward(tensor(x, learned=False)))
        targets.append(torch.from_numpy(labels))
        if sum(map(len, targets)) == count:  # the batch is complete
            loss = F.cross_entropy(torch.cat(scores), torch.cat(targets))
            losses += [loss.item()] * count
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            scores, targets = [], []
    assert len(seen) > len(losses) // 4 and len(losses) == epochs * len(pictures), "no batch had two sizes"
    assert history.column("loss") == pytest.approx(np.reshape(losses, (epochs, -1)).mean(axis=1), rel=1e-9)
    for name, value in weights.to_channels_first(net).items():
        assert_agree(value, peer.params[name].detach().numpy(), name)

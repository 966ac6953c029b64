"""Whole nets against their twins in PyTorch: scores, and for `small` the gradient of every parameter."""

import gc

import numpy as np
import pytest
from peers.peer_torch import F, Peer, array, assert_agree, gradients, relative_error, tensor, torch, with_biases

from minispp import weights, zoo
from minispp.layers import SoftmaxLoss

pytestmark = pytest.mark.peers

NETS = {
    "paper's pyramid": ({"levels": (6, 3, 2, 1)}, (45, 62)),
    "levels of their own": ({"levels": (4, 3, 2, 1)}, (62, 45)),
    "rows and columns": ({"levels": ((2, 5), 1, (4, 3))}, (33, 70)),
    "map smaller than the pyramid": ({"levels": (6, 3, 2, 1)}, (17, 30)),
    "no SPP": ({"spp": False, "input_size": 48}, (48, 48)),
}


def small(name, ops, dtype):
    settings, size = NETS[name]
    net = with_biases(zoo.small(classes=5, width=8, dtype=dtype, **settings), 0.1).to(ops)
    # With this seed no ReLU and no two cells of a bin are within 5e-6 of their map's largest value from changing sides,
    # ten times float32's rounding: a change of sides would move a whole gradient, and prove nothing.
    x = np.random.default_rng(8).standard_normal((3, *size, 3)).astype(dtype)
    return net, x, np.array([4, 0, 2])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NETS)
def test_small(ops, name, dtype):
    """Scores, loss, and the gradient of each parameter and of the picture."""
    net, x, labels = small(name, ops, dtype)
    peer, t, loss = Peer(net), tensor(x), SoftmaxLoss().to(ops)
    scores, theirs = net.forward(x), peer.forward(t)
    assert_agree(scores, theirs.detach().numpy(), "scores")
    their_loss = F.cross_entropy(theirs, torch.from_numpy(labels))
    assert loss.forward(scores, labels) == pytest.approx(their_loss.item(), rel=1e-10 if dtype == "float64" else 1e-5)
    their_loss.backward()
    dx = net.backward(loss.backward(), need_dx=True)
    for name, gradient in gradients(net).items():
        assert_agree(gradient, peer.params[name].grad.numpy(), name)
    assert_agree(dx, array(t.grad), "picture")


def test_mixed_sizes_add_up(ops):
    """A batch in two groups, each divided by the size of the whole: PyTorch's mean over all of it."""
    net = with_biases(zoo.small(classes=4, width=6, dtype=np.float64), 0.1).to(ops)
    peer, loss = Peer(net), SoftmaxLoss().to(ops)
    rng, total, all_theirs = np.random.default_rng(1), 0.0, []
    labels = np.array([3, 0, 1, 1, 2])
    for size, part in (((30, 41), slice(0, 2)), ((52, 23), slice(2, 5))):
        x = rng.standard_normal((len(labels[part]), *size, 3))
        total += loss.forward(net.forward(x), labels[part], count=5)
        net.backward(loss.backward())
        all_theirs.append(peer.forward(tensor(x, learned=False)))
    their_loss = F.cross_entropy(torch.cat(all_theirs), torch.from_numpy(labels))
    their_loss.backward()
    assert total == pytest.approx(their_loss.item(), rel=1e-12)
    for name, gradient in gradients(net).items():
        assert_agree(gradient, peer.params[name].grad.numpy(), name)


def test_weights_there_and_back(cpu):
    """PyTorch's weights in our net give PyTorch's scores: the reordering of the pyramid is right in both directions."""
    net, x, _ = small("rows and columns", cpu, "float64")
    peer = Peer(net)
    rng = np.random.default_rng(11)
    with torch.no_grad():
        for t in peer.params.values():
            t += torch.from_numpy(0.02 * rng.standard_normal(t.shape))
    expected = peer.forward(tensor(x)).detach().numpy()
    assert relative_error(net.forward(x), expected) > 1e-3, "the weights have not moved, so nothing would be shown"
    weights.from_channels_first(net, peer.arrays())
    with torch.no_grad():
        for t in peer.params.values():
            t.zero_()  # what PyTorch does with its weights afterwards is not ours
    assert_agree(net.forward(x), expected, "scores")


# Written once more from the paper, not from the layers of `minispp.zoo`: only weights are shared.


def conv(x, p, number, stride=1, pad=0):
    return F.relu(F.conv2d(x, p[f"conv{number}.weight"], p[f"conv{number}.bias"], stride, pad))


def pool(x, kernel, stride):
    return F.max_pool2d(x, kernel, stride, ceil_mode=True)


def norm(x):
    """Within a channel, over 3x3 cells, alpha 5e-5, beta 0.75."""
    return x / (1 + 5e-5 * F.avg_pool2d(x * x, 3, stride=1, padding=1)) ** 0.75


def zf5(x, p):
    x = pool(norm(conv(x, p, 1, stride=2, pad=1)), 3, 2)
    x = pool(norm(conv(x, p, 2, stride=2)), 3, 2)
    for number in (3, 4, 5):
        x = conv(x, p, number, pad=1)
    return x


def overfeat7(x, p):
    x = pool(conv(x, p, 1, stride=2), 3, 3)
    x = pool(conv(x, p, 2, pad=1), 2, 2)
    for number in (3, 4, 5, 6, 7):
        x = conv(x, p, number, pad=1)
    return x


def small_trunk(x, p):
    x = pool(conv(x, p, 1, stride=2, pad=2), 2, 2)
    x = pool(conv(x, p, 2, pad=1), 2, 2)
    return conv(conv(x, p, 3, pad=1), p, 4, pad=1)


def scores_of(x, p, hidden):
    """The paper's pyramid; fully connected layers, with ReLU after each but the last."""
    x = torch.cat([F.adaptive_max_pool2d(x, n).flatten(1) for n in (6, 3, 2, 1)], dim=1)
    for number in hidden:
        x = F.relu(F.linear(x, p[f"fc{number}.weight"], p[f"fc{number}.bias"]))
    last = hidden[-1] + 1
    return F.linear(x, p[f"fc{last}.weight"], p[f"fc{last}.bias"])


PUBLISHED = {"small": (small_trunk, [5]), "zf5": (zf5, [6, 7]), "overfeat7": (overfeat7, [8, 9])}


@pytest.fixture(scope="module", params=PUBLISHED)
def published(request, cpu):
    """Tens of millions of weights, so built once and thrown away before the next."""
    net = with_biases(getattr(zoo, request.param)(classes=7), 0.01).to(cpu)
    yield net, Peer(net).params, *PUBLISHED[request.param]
    gc.collect()


@pytest.mark.parametrize("size", [(224, 224), (180, 180), (300, 200)], ids=str)
def test_published_nets(published, size):
    """Height by width: 300x200 is not square on purpose. Pictures as in the paper, 0..255 less their mean.

    The maps after the trunk are compared too: they lie before the large sums, which even errors out.
    """
    net, params, trunk, hidden = published
    x = np.random.default_rng(sum(size)).integers(0, 256, (1, *size, 3)).astype(np.float32) - 128
    x *= np.linspace(0.4, 1, size[1], dtype=np.float32)[:, None]  # so that left and right differ
    x[:, : size[0] // 3] *= 0.5  # and top and bottom
    with torch.no_grad():
        maps = trunk(tensor(x, learned=False), params)
        scores = scores_of(maps, params, hidden)
    ours = net.features(x)
    assert ours.shape[1:3] == tuple(net.map_size(side) for side in size)
    assert_agree(ours, array(maps), "maps")
    assert_agree(net.classify(net.pool(ours)), scores.numpy(), "scores")

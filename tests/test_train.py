"""Training: what a step is, what is measured, and what stops a run. `test_resume` goes on from here."""

import naive
import numpy as np
import pytest
import tiny
from tiny import fit, told

from minispp import train, weights
from minispp.data import View, centre_view, mean_and_std, resize
from minispp.layers import SoftmaxLoss
from minispp.optim import SGD, Cosine, Plateau, Step
from minispp.sizes import Alternating, Mixed, Random, Single

PLANS = (Single(11), Alternating((11, 8)), Random(8, 12), Mixed((8, 11)))


class Whole:
    """The whole picture, squeezed: nothing is drawn. It writes down what it saw."""

    margin = 1.0

    def __init__(self):
        self.seen = []

    def __call__(self, picture, size, rng):
        self.seen.append((picture.shape, size))
        return resize(picture, size, size)

    def __repr__(self):
        return "Whole()"


# ---------------------------------------------------------------------------------------------------
# Learning


@pytest.mark.parametrize("sizes", PLANS, ids=str)
def test_it_learns(ops, sizes):
    """Eight pictures are learned by heart, whatever the plan, with dropout on."""
    net, data = tiny.net(levels=(3, 1), rate=0.1, classes=tiny.CLASSES).to(ops), tiny.Pictures(8)
    history = fit(net, data, sizes=sizes, epochs=40, batch=4, schedule=Cosine(0.06, 40, 3), view=Whole())
    assert history[0]["loss"] > 0.7 and history[-1]["loss"] < 0.1
    assert train.accuracy(net, data, size=11, margin=1.0) == 1.0
    assert not net.training and all(param.grad is None for param in net.params())


def by_hand(net, batches, rates, sgd):
    """Each step from the samples one by one: the mean of their gradients, clipped, into the formula of SGD."""
    velocities = {param.name: np.zeros(param.value.shape) for param in net.params()}
    losses, loss = [], SoftmaxLoss()
    for batch, rate in zip(batches, rates, strict=True):
        grads = {name: np.zeros(velocity.shape) for name, velocity in velocities.items()}
        for view, label in batch:
            losses.append(loss.forward(net.forward(net.prepare(view[None])), [label]))
            net.backward(loss.backward())
            for param, grad in zip(net.params(), tiny.gradients(net), strict=True):
                grads[param.name] += grad / len(batch)
        norm = sum((grad**2).sum() for grad in grads.values()) ** 0.5
        for param in net.params():
            decay = sgd.decay if param.decays else 0
            scale = min(1, sgd.clip / norm)
            settings = (rate, sgd.momentum, decay, scale)
            param.value, velocities[param.name] = naive.sgd(
                param.value, grads[param.name], velocities[param.name], *settings
            )
    return losses


@pytest.mark.parametrize("sizes", [Single(11), Mixed((8, 11))], ids=str)
def test_a_run_by_hand(ops, sizes):
    """Mixed groups, the short last batch, momentum, decay, clipping and fractions of epochs, in float64."""
    data, view, order = tiny.Pictures(), Whole(), []
    mean, std = mean_and_std(data)
    data.seen.clear()
    net = tiny.net(rate=0.0, dtype=np.float64).to(ops)
    sgd, schedule = SGD(momentum=0.8, decay=0.01, clip=0.5), Cosine(0.05, 2, warmup=1)
    history = fit(net, data, sizes=sizes, epochs=2, schedule=schedule, optimiser=sgd, view=view)
    assert net.mean == tuple(mean) and net.std == tuple(std)

    for index, (_, size) in zip(data.seen[7:], view.seen, strict=True):  # the first seven were for the mean
        order.append((resize(data.pictures[index], size, size), data.labels[index]))
    batches = [order[start:stop] for start, stop in ((0, 3), (3, 6), (6, 7), (7, 10), (10, 13), (13, 14))]
    if isinstance(sizes, Mixed):
        assert any(len({view.shape for view, _ in batch}) == 2 for batch in batches)
    rates = [schedule.rate(epoch + step / 3, []) for epoch in range(2) for step in range(3)]
    expected = tiny.net(rate=0.0, dtype=np.float64, mean=mean, std=std)
    losses = by_hand(expected, batches, rates, sgd)
    for param, other in zip(net.params(), expected.params(), strict=True):
        np.testing.assert_allclose(param.value, other.value, rtol=1e-9, atol=1e-11)
    assert history.column("loss") == pytest.approx([np.mean(losses[:7]), np.mean(losses[7:])], rel=1e-10)
    assert history.column("rate") == pytest.approx([rates[2], rates[5]])


def test_every_epoch_visits_every_picture_once_in_another_order():
    """And every seed in other ones."""
    orders = []
    for seed in (0, 1):
        net, data = tiny.net(mean=(0, 0, 0), std=(1, 1, 1)), tiny.Pictures()  # else the mean is taken first
        fit(net, data, epochs=4, seed=seed, sizes=Single(9))
        assert len(data.seen) == 28
        orders += [tuple(data.seen[start : start + 7]) for start in range(0, 28, 7)]
    assert all(sorted(order) == list(range(7)) for order in orders) and len(set(orders)) == 8


def test_means_over_an_epoch_are_over_its_samples(ops):
    """At rate 0 nothing changes, so the loss and the error of an epoch are known: not a mean of means."""
    net, data = tiny.net(rate=0.0).to(ops), tiny.Pictures(7)
    history = fit(net, data, sizes=Single(11), schedule=Step(0.0), epochs=1, view=Whole())
    loss, views = SoftmaxLoss(), np.stack([resize(picture, 11, 11) for picture in data.pictures])
    scores = net.forward(net.prepare(views))
    assert history[0]["loss"] == pytest.approx(loss.forward(scores, data.labels), rel=1e-5)
    assert history[0]["error"] == (scores.argmax(axis=1) != data.labels).mean()
    each = [loss.forward(scores[i : i + 1], data.labels[i : i + 1]) for i in range(7)]
    assert max(each) - min(each) > 0.1, "so that another weighting would show"


def test_the_rest_of_a_history():
    history = fit(tiny.net(), sizes=Alternating((11, 8)), epochs=3, schedule=Step(0.1, at=(2,)))
    assert history.column("epoch") == [1, 2, 3] and history.column("sizes") == [[11], [8], [11]]
    assert history.column("rate") == pytest.approx([0.1, 0.1, 0.01])
    assert all(0 < seconds < 60 for seconds in history.column("seconds"))
    assert fit(tiny.net(), sizes=Mixed((8, 11)), epochs=1)[0]["sizes"] == [8, 11]


def test_a_smaller_size_is_the_same_region_resized():
    """Not a smaller crop (paper, section 2.3): the draws do not depend on the size."""

    class Spy(View):
        def __call__(self, picture, size, rng):
            out = super().__call__(picture, size, rng)
            views.append(out)
            return out

        def region(self, height, width, *draws):
            region = super().region(height, width, *draws)
            regions.append((height, width, *region))
            return region

    seen = []
    for size in (12, 9):
        regions, views = [], []
        fit(tiny.net(), sizes=Single(size), epochs=2, view=Spy(flip=False, gain=0, channel_gain=0))
        assert all(view.shape == (size, size, 3) for view in views)
        seen.append(regions)
    assert seen[0] == seen[1] and len(set(seen[0])) > 7
    assert all(bottom - top == right - left < min(height, width) for height, width, top, left, bottom, right in seen[0])


def test_the_mean_of_the_data_is_taken_once():
    data = tiny.Pictures()
    mean, std = mean_and_std(data)
    net = tiny.net()
    fit(net, data, epochs=1)
    assert net.mean == tuple(mean) and net.std == tuple(std) and type(net.mean[0]) is float
    net = tiny.net(mean=(1, 2, 3), std=(4, 5, 6))
    fit(net, data, epochs=1)
    assert net.mean == (1, 2, 3) and net.std == (4, 5, 6)


def test_it_remembers_how_to_be_tested(tmp_path):
    net = tiny.net()
    fit(net, sizes=Alternating((8, 11)), epochs=1, view=View(margin=1.25))
    assert net.trained_at == (11, 1.25)
    net.save(tmp_path / "net")
    assert weights.load(tmp_path / "net").trained_at == (11, 1.25)


# ---------------------------------------------------------------------------------------------------
# Validation


def test_accuracy_is_that_of_the_centre_view(ops):
    net, data = tiny.net(seed=6, mean=(99, 99, 99), std=(50, 50, 50)).to(ops), tiny.Pictures(7)
    right = 0
    for picture, label in zip(data.pictures, data.labels, strict=True):
        right += int(net.forward(net.prepare(centre_view(picture, 11, 1.2)[None])).argmax() == label)
    assert 0 < right < 7, "or nothing is tested"
    for batch in (1, 3, 7, 100):
        assert train.accuracy(net, data, 11, 1.2, batch) == right / 7


def test_validation_never_trains():
    """The same bits with it and without it, dropout's masks included; its error is that of the net as it was then."""
    validation = tiny.Pictures(5, seed=9)
    with_it, without = tiny.net(), tiny.net()
    history = fit(with_it, validation=validation, epochs=2)
    plain = fit(without, epochs=2)
    assert tiny.bits(with_it) == tiny.bits(without)
    assert [{k: v for k, v in row.items() if k != "validation_error"} for row in told(history)] == told(plain)
    assert history[-1]["validation_error"] == 1 - train.accuracy(with_it, validation, 11)
    assert len(validation.seen) == 3 * 5
    assert "validation_error" not in plain[0]


def test_the_largest_size_and_the_margin_of_the_view_are_validated(monkeypatch):
    asked = []
    monkeypatch.setattr(train, "accuracy", lambda net, data, *settings: asked.append(settings) or 0.25)
    history = fit(tiny.net(), sizes=Alternating((8, 12)), validation=tiny.Pictures(2), view=View(margin=1.5), epochs=2)
    assert asked == [(12, 1.5, 3)] * 2 and history.errors() == [0.75, 0.75]


@pytest.mark.parametrize(
    ("errors", "rates"),
    [([0.5, 0.4, 0.3, 0.2, 0.1], [0.1] * 5), ([0.5, 0.6, 0.5, 0.4, 0.4], [0.1, 0.1, 0.1, 0.01, 0.01])],
)
def test_plateau_watches_the_validation_error(monkeypatch, errors, rates):
    """Both runs see the same training errors, until the rate drops."""
    to_come = iter(errors)
    monkeypatch.setattr(train, "accuracy", lambda *settings: 1 - next(to_come))
    history = fit(tiny.net(), validation=tiny.Pictures(2), schedule=Plateau(0.1, patience=2), epochs=5)
    assert history.column("rate") == pytest.approx(rates) and history.errors() == pytest.approx(errors)


def test_evaluation_leaves_the_net_as_it_was():
    class Broken(tiny.Pictures):
        def __getitem__(self, index):
            raise OSError("a broken picture")

    net = tiny.net()
    for training in (True, False):
        net.training = training
        before = tiny.bits(net), net.head[2].calls
        train.accuracy(net, tiny.Pictures(3), 9)
        assert net.training is training and (tiny.bits(net), net.head[2].calls) == before
        with pytest.raises(OSError, match="a broken picture"):
            train.accuracy(net, Broken(3), 9)
        assert net.training is training


# ---------------------------------------------------------------------------------------------------
# What is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": []}, "expected pictures, batch >= 1 and epochs >= 1, got 0, 3 and 3"),
        ({"batch": 0}, "got 7, 0 and 3"),
        ({"epochs": 0}, "got 7, 3 and 0"),
        ({"validation": []}, "validation set has no pictures"),
    ],
)
def test_arguments_that_make_no_run(changes, message):
    with pytest.raises(ValueError, match=f"^fit: .*{message}"):
        fit(tiny.net(), **changes)


def test_labels_beyond_the_classes():
    data = tiny.Pictures(4)
    data.labels = np.array([0, 1, 2, 3])
    with pytest.raises(ValueError, match="labels in 0 .. 2, got 0 .. 3"):
        fit(tiny.net(), data, batch=4, sizes=Single(9))


# ---------------------------------------------------------------------------------------------------
# NaN


def stops(net, *, match, **settings):
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=match):
        fit(net, **settings)
    assert not net.training


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["conv1.bias", "conv2.weight", "fc3.weight", "fc4.bias"])
def test_a_weight_that_is_not_finite_is_named(ops, name, bad):
    net = tiny.net(rate=0.0).to(ops)
    next(param for param in net.params() if param.name == name).value[..., 0] = bad
    stops(net, match=f"^step 1 of epoch 1: .*{name} is not finite")


def test_pictures_that_are_not_finite_are_blamed(ops):
    """At the step at which they come."""

    class Poisoned(View):
        def __call__(self, picture, size, rng):
            view = super().__call__(picture, size, rng).astype(np.float32)
            calls.append(size)
            return np.full_like(view, np.nan) if len(calls) == 12 else view  # the fifth of the second epoch

    calls = []
    net = tiny.net().to(ops)
    stops(net, view=Poisoned(), match="^step 2 of epoch 2: the loss is nan; the prepared pictures are not")


def test_an_output_that_overflows_is_named():
    net = tiny.net(rate=0.0, lrn=False)
    for param in net.params()[:3:2]:
        param.value[...] = 1e30
    stops(net, match="^step 1 of epoch 1: the loss is nan; the output of conv2 is not finite")


def test_a_gradient_that_is_not_finite_is_named():
    """The loss is fine, and what flows back overflows."""
    net = tiny.net(rate=0.0, lrn=False)
    backward = net.head[0].backward
    net.head[0].backward = lambda dy: backward(dy) * np.float32(np.inf)
    stops(net, match="^step 1 of epoch 1: the gradient of conv1.weight is not finite")


def test_a_run_that_stops_leaves_its_last_checkpoint(tmp_path):
    path = tmp_path / "run"
    fit(tiny.net(), epochs=1, checkpoint=path)
    whole, net = path.read_bytes(), tiny.net()
    net.head[0].backward = lambda dy: np.full((len(dy), 25), np.nan, np.float32)
    stops(net, match="^step 1 of epoch 2: ", epochs=2, checkpoint=path)
    assert path.read_bytes() == whole


# ---------------------------------------------------------------------------------------------------
# Progress


def test_progress_is_shown_unless_it_is_not_wanted(capsys):
    fit(tiny.net(), progress=True, epochs=2)
    shown = capsys.readouterr().err
    assert "epoch 2/2, loss " in shown and "error " in shown and "6/6" in shown
    fit(tiny.net(), progress=False, epochs=2)
    assert capsys.readouterr().err == ""


def test_progress_of_a_resumed_run_begins_where_it_was(tmp_path, capsys):
    fit(tiny.net(), epochs=2, checkpoint=tmp_path / "run")
    fit(tiny.net(), epochs=3, checkpoint=tmp_path / "run", progress=True)
    shown = capsys.readouterr().err
    assert "6/9" in shown and "9/9" in shown and "0/9" not in shown

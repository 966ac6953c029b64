"""Training: what a step is, and that a run is the same run whoever interrupts it."""

import json
import os
import subprocess
import sys
import textwrap

import naive
import numpy as np
import pytest
import tiny

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


def fit(net, data=None, **settings):
    """A short run: 7 pictures in batches of 3, so that the last one is short."""
    common = {"sizes": Mixed((8, 11)), "schedule": Step(0.02), "epochs": 3, "batch": 3, "progress": False}
    return train.fit(net, tiny.Pictures() if data is None else data, **{**common, **settings})


def told(history):
    """A history without the clock."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


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
    data = tiny.Pictures()
    net = tiny.net(mean=(0, 0, 0), std=(1, 1, 1))  # else the mean is taken first
    fit(net, data, epochs=4)
    epochs = [data.seen[start : start + 7] for start in range(0, 28, 7)]
    assert len(data.seen) == 28 and all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 4


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


def test_plateau_watches_the_validation_error(monkeypatch):
    errors = iter([0.5, 0.4, 0.4, 0.4, 0.4])
    monkeypatch.setattr(train, "accuracy", lambda *settings: 1 - next(errors))
    schedule = Plateau(0.1, patience=2)
    history = fit(tiny.net(), validation=tiny.Pictures(2), schedule=schedule, epochs=5)
    assert history.column("rate") == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.01])


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
# The same bits


@pytest.mark.parametrize("sizes", PLANS, ids=str)
def test_one_seed_one_run(ops, sizes):
    nets = [tiny.net().to(ops) for _ in range(3)]
    histories = [told(fit(net, sizes=sizes, seed=seed)) for net, seed in zip(nets, (4, 4, 5), strict=True)]
    assert tiny.bits(nets[0]) == tiny.bits(nets[1]) != tiny.bits(nets[2])
    assert histories[0] == histories[1] != histories[2]


def test_threads_do_not_show(cpu):
    numba = pytest.importorskip("numba")
    before, runs = numba.get_num_threads(), []
    try:
        for threads in {1, min(2, numba.config.NUMBA_NUM_THREADS)}:
            numba.set_num_threads(threads)
            net = tiny.net().to(cpu)
            runs.append((told(fit(net)), tiny.bits(net)))
    finally:
        numba.set_num_threads(before)
    if len(runs) < 2:
        pytest.skip("one core: nothing runs in parallel here")
    assert runs[0] == runs[1]


class Stopping(tiny.Pictures):
    """Ctrl-C while a picture is being read: after so many of them."""

    reads = 10**9

    def __getitem__(self, index):
        self.reads -= 1
        if self.reads < 0:
            raise KeyboardInterrupt
        return super().__getitem__(index)


@pytest.mark.parametrize("steps", [1, 2, None])
@pytest.mark.parametrize("sizes", PLANS, ids=str)
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, ops, sizes, steps):
    """Stopped again and again, often within an epoch, and gone on each time with a net that knows nothing."""
    schedule, validation = Plateau(0.05, patience=1), tiny.Pictures(4, seed=5)
    whole, path = tiny.net().to(ops), tmp_path / "run"
    settings = {"sizes": sizes, "schedule": schedule, "validation": validation, "epochs": 4}
    expected = fit(whole, **settings)
    for attempt in range(100):
        net, data = tiny.net(seed=50 + attempt if attempt else 1).to(ops), Stopping()
        data.reads = 7 + {1: 4, 2: 8, None: 10}[steps]  # those for the mean, and then a little further than a write
        try:
            history = fit(net, data, checkpoint=path, checkpoint_steps=steps, **settings)
            break
        except KeyboardInterrupt:
            assert not net.training
    assert 2 <= attempt < 99, "it was stopped, and it came to its end"
    assert tiny.bits(net) == tiny.bits(whole) and told(history) == told(expected)
    assert net.mean == whole.mean and net.head[2].calls == whole.head[2].calls
    again = fit(tiny.net(seed=3).to(ops), checkpoint=path, checkpoint_steps=steps, **settings)
    assert told(again) == told(expected), "a run that has ended is only read"


def test_a_longer_run_goes_on_from_a_shorter_one(tmp_path):
    """`epochs` is how far to go, and not what kind of run it is."""
    whole, net = tiny.net(), tiny.net()
    fit(whole, epochs=5)
    fit(net, epochs=2, checkpoint=tmp_path / "run")
    history = fit(tiny.net(seed=3), epochs=5, checkpoint=tmp_path / "run")
    assert history.column("epoch") == [1, 2, 3, 4, 5]
    resumed = tiny.net(seed=4)
    fit(resumed, epochs=5, checkpoint=tmp_path / "run")
    assert tiny.bits(resumed) == tiny.bits(whole)


def test_a_net_forgets_an_interrupted_run(tmp_path):
    """Gradients that were left behind take no part in the next one."""
    net = tiny.net()
    for param in net.params():
        param.grad = np.ones_like(param.value)
    fit(net)
    fresh = tiny.net()
    fit(fresh)
    assert tiny.bits(net) == tiny.bits(fresh)


KILLED = """
    import os, signal, sys, time
    from pathlib import Path
    import threading
    import numpy as np
    import tiny
    from tqdm import tqdm
    from minispp import train
    from minispp.optim import Step
    from minispp.sizes import Mixed

    tqdm.set_lock(threading.RLock())  # its own is shared with forks, and whoever dies with it blocks them for ever
    folder, rng = Path(sys.argv[1]), np.random.default_rng(3)

    def run(checkpoint, result):
        net = tiny.net()
        history = train.fit(net, tiny.Pictures(), sizes=Mixed((8, 11)), schedule=Step(0.02), epochs=8, batch=3,
                            checkpoint=checkpoint, checkpoint_steps=1, progress=False)
        for row in history:
            del row["seconds"]
        net.save(result)
        history.save(f"{result}.json")

    def die_at(call):  # the so many-th call, from now on, of what a write is made of
        count = 0
        def counted(function):
            def called(*arguments, **more):
                nonlocal count
                count += 1
                if count == call:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **more)
            return called
        for name in ("fdopen", "fsync", "chmod", "replace"):
            setattr(os, name, counted(getattr(os, name)))

    run(None, folder / "whole")
    by_call = by_clock = 0
    for attempt in range(200):
        child = os.fork()
        if not child:
            if attempt < 11:
                die_at(attempt + 1)  # four calls are a write: in the first one, in the second, in the third
            run(folder / "run", folder / "killed")
            os._exit(0)
        if attempt >= 11:
            time.sleep(rng.uniform(0, 0.01 * 1.1 ** (attempt - 11)))  # longer each time: it comes to an end
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            break
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
        by_call, by_clock = by_call + (attempt < 11), by_clock + (attempt >= 11)
    print(by_call, by_clock)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to kill many processes in little time")
def test_a_run_that_is_killed_at_any_moment(tmp_path):
    """SIGKILL at every call of a write in turn, then at random moments, until a run gets to its end."""
    path = os.pathsep.join([os.path.dirname(__file__), os.path.dirname(os.path.dirname(train.__file__))])
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path, **threads},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    by_call, by_clock = map(int, done.stdout.split())
    assert by_call == 11 and by_clock > 0, "it was killed often enough to mean something"
    assert (tmp_path / "killed").read_bytes() == (tmp_path / "whole").read_bytes()
    assert (tmp_path / "killed.json").read_text() == (tmp_path / "whole.json").read_text()
    assert len(json.loads((tmp_path / "whole.json").read_text())) == 8


# ---------------------------------------------------------------------------------------------------
# What is refused


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("sizes", {"sizes": Mixed((8, 12))}),
        ("sizes", {"sizes": Single(11)}),
        ("schedule", {"schedule": Step(0.03)}),
        ("optimiser", {"optimiser": SGD(0.5)}),
        ("view", {"view": View(flip=False)}),
        ("batch", {"batch": 2}),
        ("seed", {"seed": 1}),
        ("pictures", {"data": tiny.Pictures(8)}),
        ("validation pictures", {"validation": tiny.Pictures(2)}),
        ("type", {"net": tiny.net(dtype=np.float64)}),
        ("layers", {"net": tiny.net(rate=0.25)}),
        ("layers", {"net": tiny.net(lrn=False)}),
        ("layers", {"net": tiny.net(levels=((1, 4), 1))}),
    ],
)
def test_a_checkpoint_of_another_run(tmp_path, name, changes):
    path = tmp_path / "run"
    fit(tiny.net(), epochs=1, checkpoint=path)
    settings = {"net": tiny.net(seed=2), "data": tiny.Pictures(), **changes}
    net = settings["net"]
    before, whole = tiny.bits(net), path.read_bytes()
    with pytest.raises(ValueError, match=f"run: belongs to a run with {name} = .*this one has .*move the file away"):
        fit(epochs=2, checkpoint=path, **settings)
    assert tiny.bits(net) == before and path.read_bytes() == whole


def test_another_backend_is_another_run(tmp_path, cpu):
    """Sums in another order are other bits."""
    fit(tiny.net(), epochs=1, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match="with backend = minispp.kernels.reference, this one has minispp.kernels.cpu"):
        fit(tiny.net().to(cpu), epochs=2, checkpoint=tmp_path / "run")


def test_a_truncated_checkpoint(tmp_path):
    path = tmp_path / "run"
    fit(tiny.net(), epochs=1, checkpoint=path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="run: not a complete safetensors file"):
        fit(tiny.net(), epochs=2, checkpoint=path)


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

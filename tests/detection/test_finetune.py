"""Fine-tuning: through the windows into the trunk, or of the head alone."""

import numpy as np
import pytest
import tiny
import tiny_scenes

from minispp import kernels
from minispp.detection.finetune import _add_gradients, fine_tune, fine_tune_head
from minispp.optim import SGD, Cosine, Step


def tuned(net, scenes=None, **settings):
    scenes = scenes or tiny_scenes.Scenes()
    common = {"scales": (40, 56), "schedule": Step(0.02), "epochs": 2, "windows": 12, "progress": False}
    return fine_tune(net, scenes, tiny_scenes.proposals(scenes), **{**common, **settings})


@pytest.mark.parametrize("ops", [kernels.reference, kernels.cpu], ids=["reference", "cpu"])
def test_gradients_through_the_windows(ops):
    """Against differences, in float64: two pictures of different sizes, windows that overlap, one shared loss."""
    rng = np.random.default_rng(4)
    net = tiny.net(dtype=np.float64, rate=0.0, mean=(90, 80, 70), std=(40, 50, 60)).to(ops)
    net.training = True
    views = []
    for height, width, count in ((23, 31, 5), (28, 19, 3)):
        start = rng.integers(0, 9, (count, 2))
        boxes = np.hstack([start, start + rng.integers(6, 10, (count, 2))])
        views.append((rng.integers(0, 256, (height, width, 3), np.uint8), boxes, rng.integers(0, 3, count)))

    def loss():
        return sum(_add_gradients(net, *view, 8, "paper")[0] for view in views)

    loss()
    analytic = tiny.gradients(net)
    for param, grad in zip(net.params(), analytic, strict=True):
        direction = rng.normal(size=grad.shape)
        value, step = net.ops.to_numpy(param.value).copy(), 1e-6
        sides = []
        for sign in (1, -1):
            param.value = net.ops.asarray(value + sign * step * direction)
            sides.append(loss())
        param.value = net.ops.asarray(value)
        slope = (sides[0] - sides[1]) / (2 * step)
        assert slope == pytest.approx(float((grad * direction).sum()), rel=1e-5, abs=1e-9), param.name


def test_it_learns_and_tells_the_classes_apart():
    net = tiny.net(rate=0.0).to(kernels.cpu)
    history = tuned(net, epochs=20, schedule=Cosine(0.2, 20))
    assert [row["epoch"] for row in history] == list(range(1, 21))
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    assert history[-1]["error"] < 0.25, "a quarter is positive: calling all background would be wrong that often"
    assert not net.training


def test_the_same_seed_gives_the_same_bits():
    made = []
    for seed in (3, 3, 4):
        net = tiny.net().to(kernels.cpu)
        tuned(net, seed=seed)
        made.append(tiny.bits(net))
    assert made[0] == made[1] != made[2]


def test_a_run_that_was_stopped_ends_in_the_same_bits(tmp_path):
    whole, stopped = tiny.net().to(kernels.cpu), tiny.net().to(kernels.cpu)
    history = tuned(whole, epochs=3)
    path = tmp_path / "run.safetensors"
    tuned(stopped, epochs=2, checkpoint=path)
    again = tiny.net(seed=9).to(kernels.cpu)
    assert tiny.told(tuned(again, epochs=3, checkpoint=path)) == tiny.told(history)
    assert tiny.bits(again) == tiny.bits(whole) != tiny.bits(stopped)
    with pytest.raises(ValueError, match="belongs to a run with windows = 12, this one has 13"):
        tuned(again, epochs=3, windows=13, checkpoint=path)
    scenes = tiny_scenes.Scenes(seed=1)
    with pytest.raises(ValueError, match="belongs to a run with objects and proposals"):
        tuned(again, scenes, epochs=3, checkpoint=path)
    scenes = tiny_scenes.Scenes()
    scenes.scenes[0].labels[:] = 1 - scenes.scenes[0].labels
    with pytest.raises(ValueError, match="belongs to a run with objects and proposals"):
        tuned(again, scenes, epochs=3, checkpoint=path)


def test_the_gradient_is_a_mean_over_all_windows_of_a_step():
    """Four pictures in one step, or one after the other without a step between: the same gradients."""
    whole, parts = tiny.net(rate=0.0, dtype=np.float64), tiny.net(rate=0.0, dtype=np.float64)
    scenes = tiny_scenes.Scenes(count=4)

    class Kept(SGD):
        def step(self, net, rate):
            self.grads = tiny.gradients(net)

    one, each = Kept(), []
    tuned(whole, scenes, epochs=1, pictures=4, optimiser=one)

    class Sum(SGD):
        def step(self, net, rate):
            each.append(tiny.gradients(net))

    tuned(parts, scenes, epochs=1, pictures=1, optimiser=Sum())
    # All four pictures gave 12 windows, so the mean of the means is the mean.
    for together, *alone in zip(one.grads, *each, strict=True):
        np.testing.assert_allclose(together, sum(alone) / 4, rtol=1e-9, atol=1e-14)


def test_a_step_that_is_not_finite_says_which():
    net = tiny.net()
    net.params()[0].value[:] = np.inf
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="step 1 of epoch 1: the gradient of"):
        tuned(net)


def test_nets_and_proposals_that_do_not_fit():
    scenes = tiny_scenes.Scenes()
    with pytest.raises(ValueError, match="proposals for each of 8 scenes, got 7"):
        fine_tune(tiny.net(), scenes, tiny_scenes.proposals(scenes)[:7], scales=(40,), schedule=Step(0.1), epochs=1)
    scenes.classes = ["red", "green", "blue"]
    with pytest.raises(ValueError, match="3 classes and background, got 3 outputs"):
        tuned(tiny.net(), scenes)


def test_the_head_alone():
    rng = np.random.default_rng(0)
    net = tiny.net(rate=0.0).to(kernels.cpu)
    labels = np.array([0] * 6 + [1] * 9 + [2] * 100 + [-1] * 20)
    vectors = rng.normal(size=(len(labels), 25)).astype(np.float32)
    for label in (0, 1, 2):
        vectors[labels == label, label] += 4
    before = tiny.bits(net)
    history = fine_tune_head(net, vectors, labels, schedule=Step(0.1), epochs=30, batch=16)
    assert history[-1]["error"] < 0.1 < history[0]["error"]
    trunk = len([param for layer in net.trunk for param in layer.params()])
    assert tiny.bits(net)[:trunk] == before[:trunk], "the trunk stays as it is"
    assert tiny.bits(net)[trunk:] != before[trunk:]


def test_the_head_needs_positives_and_background():
    with pytest.raises(ValueError, match="0 positive and 4 background"):
        fine_tune_head(tiny.net(), np.zeros((4, 25), np.float32), [2] * 4, schedule=Step(0.1), epochs=1)
    with pytest.raises(ValueError, match="a label for each of 4 vectors"):
        fine_tune_head(tiny.net(), np.zeros((4, 25), np.float32), [0, 2], schedule=Step(0.1), epochs=1)

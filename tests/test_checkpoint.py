"""Checkpoints: all of a run's state comes back, or nothing is changed."""

import json

import numpy as np
import pytest
import tiny

from minispp import weights
from minispp.checkpoint import FORMAT, Checkpoint, Progress
from minispp.history import History
from minispp.optim import SGD

SETTINGS = {"batch": "3", "seed": "0"}


def state_of(net, optimiser):
    velocities = [optimiser.velocity(param, net.ops).tobytes() for param in net.params()]
    return tiny.bits(net), velocities, net.head[2].calls, net.mean, net.std


def ran(seed=1, **settings):
    """A net and an optimiser in the middle of things."""
    net, optimiser = tiny.net(seed=seed, mean=(1, 2, 3), std=(4, 5, 6 + seed / 3), **settings), SGD()
    for param in net.params():
        param.grad = np.full_like(param.value, seed / 7)
    optimiser.step(net, 0.1)
    net.head[2].calls = 10 + seed
    return net, optimiser


@pytest.fixture
def kept(tmp_path):
    """A checkpoint, with the net, optimiser and progress that it holds."""
    net, optimiser = ran()
    progress = Progress(epoch=2, step=1, samples=3, loss_sum=1 / 3, wrong=2, seconds=0.7, rate=0.1)
    progress.history.append({"epoch": 1, "error": 0.1, "loss": 2 / 3})
    checkpoint = Checkpoint(tmp_path / "run", SETTINGS)
    checkpoint.keep(net, optimiser, progress)
    return checkpoint, net, optimiser, progress


def test_round_trip(kept):
    checkpoint, net, optimiser, progress = kept
    other, its_optimiser = ran(seed=2)
    for param in other.params():
        param.grad = np.ones_like(param.value)
    resumed = checkpoint.resume(other, its_optimiser)
    assert resumed == progress and type(resumed.history) is History and resumed.history == progress.history
    assert state_of(other, its_optimiser) == state_of(net, optimiser)
    assert all(param.grad is None for param in other.params())


def test_on_every_backend(kept, ops):
    checkpoint, net, optimiser, _ = kept
    other = tiny.net(seed=2).to(ops)
    its_optimiser = SGD()
    checkpoint.resume(other, its_optimiser)
    assert state_of(other, its_optimiser) == state_of(net, optimiser) and other.ops is ops


def test_no_file_no_resumption(tmp_path):
    net, optimiser = ran()
    before = state_of(net, optimiser)
    assert Checkpoint(tmp_path / "run", SETTINGS).resume(net, optimiser) is None
    nowhere = Checkpoint(None, SETTINGS)
    nowhere.keep(net, optimiser, Progress())
    assert nowhere.resume(net, optimiser) is None
    assert state_of(net, optimiser) == before and not list(tmp_path.iterdir())


def test_no_folder(tmp_path):
    """Said before the first epoch, not after it."""
    with pytest.raises(ValueError, match="there is no folder .*no"):
        Checkpoint(tmp_path / "no" / "run", SETTINGS)


def test_half_files_of_a_killed_run_are_removed(kept):
    checkpoint, *_ = kept
    folder = checkpoint.path.parent
    (folder / ".run.abcd1234.part").write_bytes(b"half")
    names = (".running.abcd1234.part", ".other.abcd1234.part", "run.part", ".run.2.abcd1234.part")
    others = [folder / name for name in names]  # the last one is being written by a run whose checkpoint is "run.2"
    for other in others:
        other.write_bytes(b"not ours")
    checkpoint.resume(*ran(2))
    assert sorted(folder.iterdir()) == sorted([checkpoint.path, *others])


def refuses(checkpoint, message, seed=2, **settings):
    """A ValueError that names the file; net, optimiser, dropout and means stay as they were."""
    net, optimiser = ran(seed, **settings)
    before = state_of(net, optimiser)
    with pytest.raises(ValueError, match=message) as caught:
        checkpoint.resume(net, optimiser)
    assert str(checkpoint.path) in str(caught.value)
    assert state_of(net, optimiser) == before


@pytest.mark.parametrize("name", SETTINGS)
def test_other_settings(kept, name):
    path = kept[0].path
    other = Checkpoint(path, {**SETTINGS, name: "other"})
    refuses(other, f"belongs to a run with {name} = {SETTINGS[name]}, this one has other; move the file away")
    refuses(Checkpoint(path, {**SETTINGS, "more": "1"}), "with more = None, this one has 1")


@pytest.mark.parametrize("length", [0, 5, 8, 50, 0.5, 0.99, -1])
def test_truncated(kept, length):
    path = kept[0].path
    whole = path.read_bytes()
    path.write_bytes(whole[: int(length * len(whole)) if isinstance(length, float) else length])
    refuses(kept[0], "not a complete safetensors file")


def test_another_net(kept):
    refuses(kept[0], "fc3.weight", levels=(3, 1))


def test_a_file_of_weights(kept):
    tiny.net().save(kept[0].path)
    refuses(kept[0], f"expected a file of format '{FORMAT}', got 'minispp net 1'")


def rewritten(checkpoint, tensors=None, **changes):
    """The same file with other tensors, or with changes to its state: None takes an entry away."""
    old, metadata = weights.read_tensors(checkpoint.path)
    state = {**json.loads(metadata["state"]), **changes}
    state = {name: value for name, value in state.items() if value is not None}
    metadata = {"format": FORMAT, "state": json.dumps(state)}
    weights.write_tensors(checkpoint.path, old if tensors is None else tensors(old), metadata)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": None},
        {"progress": None},
        {"dropout_calls": None},
        {"dropout_calls": {}},
        {"dropout_calls": {"drop3": "many"}},
        {"progress": {"epoch": 1}},
        {"progress": {"speed": 1, "history": []}},
        {"progress": 3},
        {"mean": None, "std": None},
        {"settings": []},
    ],
    ids=repr,
)
def test_incomplete_state(kept, changes):
    rewritten(kept[0], **changes)
    refuses(kept[0], "not a complete checkpoint|belongs to a run")


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", "{", "null"])
def test_state_that_is_none(kept, text):
    weights.write_tensors(kept[0].path, {}, {"format": FORMAT, "state": text})
    refuses(kept[0], "not a complete checkpoint")
    weights.write_tensors(kept[0].path, {}, {"format": FORMAT})
    refuses(kept[0], "not a complete checkpoint")


@pytest.mark.parametrize("part", ["value", "velocity"])
def test_incomplete_tensors(kept, part):
    """The last one, so that everything else has been read when it is missed."""
    name = f"{part}/fc4.bias"
    rewritten(kept[0], lambda tensors: {key: value for key, value in tensors.items() if key != name})
    refuses(kept[0], "fc4.bias")


@pytest.mark.parametrize("part", ["value", "velocity"])
def test_tensors_of_another_shape(kept, part):
    name = f"{part}/fc4.bias"
    rewritten(kept[0], lambda tensors: {**tensors, name: np.zeros((4,), np.float32)})
    refuses(kept[0], "fc4.bias")


def test_progress_weighs_steps_by_their_samples():
    now = Progress()
    assert (now.loss, now.error) == (0, 0)
    now.add(3, 1.0, 2, 0.5)
    now.add(1, 5.0, 1, 0.25)
    assert (now.step, now.samples, now.loss, now.error, now.seconds) == (2, 4, 2.0, 0.75, 0.75)
    now.rate = 0.01
    now.end_epoch({"sizes": [9], "validation_error": 0.5})
    row = {"epoch": 1, "rate": 0.01, "loss": 2.0, "error": 0.75, "seconds": 0.75, "sizes": [9], "validation_error": 0.5}
    assert now.history == [row]
    assert (now.epoch, now.step, now.samples, now.loss_sum, now.wrong, now.seconds) == (1, 0, 0, 0.0, 0, 0.0)
    now.add(1, 0.0, 0, 0.0)
    now.end_epoch({})
    assert now.history[1]["epoch"] == 2 and now.history[1]["error"] == 0

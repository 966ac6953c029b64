"""Resuming: a run is the same run, bit for bit, whoever interrupts it."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tiny
from tiny import fit, told

from minispp import train
from minispp.data import View
from minispp.optim import SGD, Plateau, Step
from minispp.sizes import Alternating, Mixed, Random, Single

PLANS = (Single(11), Alternating((11, 8)), Random(8, 12), Mixed((8, 11)))


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


def test_an_optimiser_forgets_an_earlier_run():
    """One optimiser for the runs of several seeds: its velocities belong to the net before."""
    sgd, net, fresh = SGD(), tiny.net(), tiny.net()
    fit(tiny.net(seed=9), optimiser=sgd)
    fit(net, optimiser=sgd)
    fit(fresh, optimiser=SGD())
    assert tiny.bits(net) == tiny.bits(fresh)


KILLED = """
    import os, signal, sys, threading, time
    from pathlib import Path
    import numpy as np
    import tiny
    from tqdm import tqdm
    from minispp import train
    from minispp.optim import Step
    from minispp.sizes import Mixed

    tqdm.set_lock(threading.RLock())  # its own is shared with forks, and whoever dies with it blocks them for ever
    folder, rng = Path(sys.argv[1]), np.random.default_rng(3)

    class Telling(tiny.Pictures):
        tell = None

        def __getitem__(self, index):
            if self.tell is not None:
                os.write(self.tell, b".")
            return super().__getitem__(index)

    def run(checkpoint, result, tell=None):
        net, data = tiny.net(), Telling()
        data.tell = tell
        history = train.fit(net, data, sizes=Mixed((8, 11)), schedule=Step(0.02), epochs=8, batch=3,
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
    for attempt in range(100):
        hear, tell = os.pipe()
        child = os.fork()
        if not child:
            if attempt < 11:
                die_at(attempt + 1)  # four calls are a write: in the first one, in the second, in the third
            run(folder / "run", folder / "killed", tell)
            os._exit(0)
        os.close(tell)
        if attempt >= 11:  # 7 pictures for the mean, then some steps of 3, then a moment
            heard = 7 + rng.integers(1, 12)
            while heard > 0 and os.read(hear, 1):
                heard -= 1
            time.sleep(rng.uniform(0, 0.004))
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        os.close(hear)
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
    assert by_call == 11 and by_clock >= 2, "it was killed often enough to mean something"
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

"""Seconds per epoch of the caltech20 recipe, ours and PyTorch's, in the same run.

Both train the net `small` with its pyramid on the pictures in FOLDER/train: the same pictures, views, batches,
first weights, dropout rate and optimiser (see classification.py). A side is a process of its own, because two thread
pools in one process would fight over the cores; the sides take turns, and their order turns with every round.
PyTorch runs in both of its memory layouts, with its fused optimiser; the faster layout counts. The sides must
agree on the loss of the first batch, or nothing is written.

What is timed, per step, and scaled to an epoch:

pipeline    decoded pictures -> views (region, resize, flip, colours): minispp.data on every side, one thread
compute     views -> normalised batch, forward, loss, backward, clipping, step

Not timed: reading the files (decoded pictures are kept in memory, as from the second epoch on), and the first
steps, which compile or choose kernels; these are reported as warm-up.

    python benchmarks/epoch_vs_torch.py FOLDER --rounds 5            # a whole epoch a round and side
    python benchmarks/epoch_vs_torch.py FOLDER --rounds 2 --steps 5  # a glance

Run it on a machine that does nothing else: PyTorch's threads spin while they wait and ours sleep, so with other work
beside them PyTorch loses far more. The load before the run and before each measurement is in the JSON file.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

BATCH, RATE, MOMENTUM, DECAY, CLIP = 16, 0.01, 0.9, 5e-4, 5.0
MARGIN, DROPOUT, SEED = 1.15, 0.5, 0
SIDES = ("ours", "torch, channels first", "torch, channels last")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

# ---------------------------------------------------------------------------------------------------
# One side, in its own process. Each makes a step: uint8 views (N, S, S, 3), labels -> the loss.


def our_side(net):
    from minispp import kernels
    from minispp.layers import SoftmaxLoss
    from minispp.optim import SGD

    net.to(kernels.cpu)
    loss_layer, optimiser = SoftmaxLoss().to(net.ops), SGD(MOMENTUM, DECAY, CLIP)

    def first_loss(views, labels):
        net.training = False
        loss = loss_layer.forward(net.forward(net.prepare(views)), labels)
        net.training = True
        return loss

    def step(views, labels):
        loss = loss_layer.forward(net.forward(net.prepare(views)), labels)
        net.backward(loss_layer.backward())
        optimiser.step(net, RATE)
        return loss

    return first_loss, step


def their_side(net, layout, threads):
    import torch
    from torch import nn

    from minispp.bench.twin import Twin

    torch.set_num_threads(threads)
    layout = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}[layout]
    twin = Twin(net, layout)
    twin.training = True
    optimiser = twin.sgd(RATE, MOMENTUM, DECAY, fused=True)
    mean, std = (torch.tensor(a, dtype=torch.float32).reshape(1, 3, 1, 1) for a in (net.mean, net.std))
    everything = list(twin.params.values())

    def loss_of(views, labels):
        x = torch.from_numpy(views).permute(0, 3, 1, 2).to(torch.float32, memory_format=layout)
        return nn.functional.cross_entropy(twin.forward((x - mean) / std), torch.from_numpy(labels))

    def first_loss(views, labels):
        twin.training = False
        with torch.no_grad():
            loss = loss_of(views, labels).item()
        twin.training = True
        return loss

    def step(views, labels):
        optimiser.zero_grad()
        loss = loss_of(views, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(everything, CLIP)
        optimiser.step()
        return loss.item()

    return first_loss, step


def work(options):
    """Run one side and print its measurements as JSON."""
    from minispp import zoo
    from minispp.data import Folder, View, mean_and_std

    data = Folder(options.data / "train", cache_bytes=2**32)
    net = zoo.small(data.classes, seed=SEED)
    net.mean, net.std = (tuple(map(float, values)) for values in mean_and_std(data, limit=100))
    if options.side == "ours":
        first_loss, step = our_side(net)
    else:
        first_loss, step = their_side(net, options.side.partition(", ")[2], options.threads)
    view, order = View(margin=MARGIN), np.random.default_rng(SEED).permutation(len(data))
    an_epoch = -(-len(data) // BATCH)

    def batch(number):
        """Batch `number` of the epoch, counted on after its end; the last one of an epoch is shorter."""
        part = order[number % an_epoch * BATCH :][:BATCH]
        side = options.sizes[number % len(options.sizes)]
        pairs = [(index, *data[int(index)]) for index in part]
        views = [view(picture, side, np.random.default_rng([SEED, index])) for index, picture, _ in pairs]
        return np.stack(views), np.array([label for _, _, label in pairs])

    agreed = first_loss(*batch(0))
    started = perf_counter()
    for number in range(options.warmup * len(options.sizes)):
        step(*batch(number))
    warmup = perf_counter() - started
    steps = options.steps or an_epoch * len(options.sizes)
    for number in range(steps):  # read the files
        for index in order[number % an_epoch * BATCH :][:BATCH]:
            data[int(index)]
    load, times, losses = os.getloadavg()[0], [], []
    for number in range(steps):
        started = perf_counter()
        views, labels = batch(number)
        ready = perf_counter()
        losses.append(step(views, labels))
        times.append((ready - started, perf_counter() - ready))
    pipeline, compute = np.sum(times, axis=0) * an_epoch / steps
    result = {
        "seconds": pipeline + compute,
        "pipeline": pipeline,
        "compute": compute,
        "median step": float(np.median(times, axis=0)[1]),
        "warm-up": warmup,
        "first loss": agreed,
        "last loss": float(np.mean(losses[-10:])),
        "load": load,
        "steps": steps,
        "steps an epoch": an_epoch,
    }
    print(json.dumps(result))


# ---------------------------------------------------------------------------------------------------
# All sides


def measure(options):
    """Every side in every round, each in its own process: a list of rows."""
    from tqdm import tqdm

    rows = []
    environment = {**os.environ, **dict.fromkeys(THREADS, str(options.threads))}
    shared = ["--threads", str(options.threads), "--steps", str(options.steps), "--warmup", str(options.warmup)]
    shared += ["--sizes", *map(str, options.sizes)]
    bar = tqdm(total=options.rounds * len(SIDES), unit="side")
    for number in range(options.rounds):
        turn = number % len(SIDES)
        for side in (*SIDES[turn:], *SIDES[:turn]):
            bar.set_postfix_str(f"round {number + 1}: {side}")
            command = [sys.executable, __file__, str(options.data), "--side", side, *shared]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{side} failed:\n{done.stderr}")
            rows.append({"round": number, "side": side, **json.loads(done.stdout.splitlines()[-1])})
            bar.update()
    bar.close()
    losses = [row["first loss"] for row in rows]
    if max(losses) - min(losses) > 1e-4 * min(losses):
        sys.exit(f"the sides do not compute the same thing: their first losses are {losses}")
    return rows


def summary(rows):
    """Medians, spread and ratio, as Markdown; and the ratio."""

    def column(side, name):
        return np.array([row[name] for row in rows if row["side"] == side])

    medians = {side: np.median(column(side, "seconds")) for side in SIDES}
    best = min(SIDES[1:], key=medians.get)
    lines = ["| side | seconds an epoch | lowest .. highest | pipeline | compute | warm-up |", "|---" * 6 + "|"]
    for side in SIDES:
        seconds = column(side, "seconds")
        parts = " | ".join(f"{np.median(column(side, name)):.2f}" for name in ("pipeline", "compute", "warm-up"))
        lines.append(f"| {side} | {medians[side]:.2f} | {seconds.min():.2f} .. {seconds.max():.2f} | {parts} |")
    ratio = medians["ours"] / medians[best]
    by_round = column("ours", "seconds") / column(best, "seconds")
    compute = np.median(column("ours", "compute")) / np.median(column(best, "compute"))
    lines += [
        "",
        f"ours / {best}: {ratio:.2f} (by round {by_round.min():.2f} .. {by_round.max():.2f}); "
        f"without the pipeline, which both share: {compute:.2f}. Above 1 we are slower.",
    ]
    return "\n".join(lines), {"best": best, "ratio": ratio, "compute ratio": compute}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with the folder train")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=0, help="steps a round and side, scaled to an epoch; 0: all")
    parser.add_argument("--warmup", type=int, default=5, help="steps at each size before the clock runs")
    parser.add_argument("--sizes", type=int, nargs="+", default=[96], help="sides of the views, in turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)  # what the processes are started with
    options = parser.parse_args()
    if options.side:
        work(options)
        return
    from importlib.metadata import version

    from minispp.weights import write_atomically

    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"the machine is busy (load {load:.1f}): spinning threads will suffer most, and ratios mislead")
    rows = measure(options)
    text, ratios = summary(rows)
    about = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "torch")},
        "threads": options.threads,
        "sizes": options.sizes,
        "batch": BATCH,
        "load before": load,
    }
    write_atomically(options.out, (json.dumps({**about, **ratios, "rows": rows}, indent=1) + "\n").encode())
    print(text, f"written to {options.out}", sep="\n\n")


if __name__ == "__main__":
    main()

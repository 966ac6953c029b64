"""The main job: train a net without SPP, one with SPP on one size, one with SPP on several, and see what each can do;
then find objects in scenes, as SPP-net and as R-CNN.

All three have the same trunk, head, epochs, batches and seeds. Nothing is chosen by looking at the test pictures:
each net sees them once, after its training. Results go to the terminal as a table, and to one HTML page.
"""

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from tqdm import tqdm

from minispp import kernels, predict, train, zoo
from minispp.data import Folder, Subset, View, mean_and_std, split
from minispp.data.shapes import Shapes
from minispp.detection import demonstration as detection
from minispp.layers import SoftmaxLoss
from minispp.optim import SGD, Cosine
from minispp.outcome import CENTRE, FULL, MULTI, SEVERAL, TWIN, WARPED, WAYS, Results, text
from minispp.sizes import Alternating, Single

# What a picture costs, for the estimate of the time left: a view that goes forward is 10, and a training step 30.
FORWARD, STEP = 10, 30


@dataclass(frozen=True)
class Settings:
    """What a run of the demo depends on, besides the pictures.

    Attributes
    ----------
    seeds : int
        Each model is trained this many times: with the seeds 0, 1, ...
    size : int
        Side of a training view in pixels, and of the views at the test.
    sizes : tuple of int
        Sides that the third model alternates between, an epoch each.
    scales : tuple of int
        Shorter sides of the resized picture of the multi-view test.
    width : int
        Of `zoo.small`.
    train, validation, test : int
        Most pictures of each part; a folder may have fewer.
    scenes : minispp.detection.demonstration.Settings, optional
        Of the detection part, which there is on synthetic pictures only. None leaves it out.
    """

    seeds: int = 3
    epochs: int = 9
    size: int = 56
    sizes: tuple = (56, 48)
    scales: tuple = (56, 64, 75)
    width: int = 16
    batch: int = 16
    rate: float = 0.01
    margin: float = 256 / 224
    train: int = 600
    validation: int = 120
    test: int = 200
    scenes: detection.Settings | None = field(default_factory=detection.Settings)


SHORT = Settings(seeds=2, epochs=2, train=128, validation=32, test=40, scenes=detection.SHORT)


def run(out="demo.html", data=None, *, seeds=None, short=False, epochs=None, settings=None, ops=None, progress=True):
    """Train, test, print and write the page.

    Parameters
    ----------
    out : path
        The HTML page.
    data : path, optional
        A folder with a folder of pictures for each class, or with two such folders, train and test. Synthetic
        pictures (`minispp.data.shapes`) if not given.
    seeds, epochs : int, optional
        In place of those of the settings.
    short : bool
        Few pictures and epochs: to see that everything works, not what it can do.
    settings : Settings, optional
    ops : module, optional
        The backend of the classification part; `kernels.cpu` if not given.
    progress : bool
        Show a bar with the time left.

    Returns
    -------
    Results

    Raises
    ------
    ValueError
        If there are too few pictures, no seeds or epochs, or `out` is a folder.
    """
    from minispp import page  # draws, and so loads matplotlib

    given = {name: value for name, value in (("seeds", seeds), ("epochs", epochs)) if value is not None}
    settings = replace(settings or (SHORT if short else Settings()), **given)
    if settings.seeds < 1 or settings.epochs < 1:
        raise ValueError(f"demo: expected at least 1 seed and 1 epoch, got {settings.seeds} and {settings.epochs}")
    out, started = Path(out), perf_counter()
    if out.is_dir():
        raise ValueError(f"demo: expected a file to write the page to, got the folder {str(out)!r}")
    parts, skipped = (synthetic(settings), 0) if data is None else from_folder(data, settings)
    out.parent.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    results = Results(settings, parts, _command(data, short, given), skipped)
    ops = ops or kernels.cpu
    compile_kernels(settings, ops, progress)
    results.seconds["compiling and reading"] = perf_counter() - started
    _train_and_test(results, ops, progress)
    print(text(results))
    if data is None and settings.scenes is not None:
        print("Detection: one convolution a picture, or one a window")
        results.scenes = detection.run(settings.scenes, progress)
        results.seconds["detection"] = results.scenes.seconds
        print(detection.text(results.scenes))
    drawing = perf_counter()
    page.write(out, results)
    results.seconds["drawing"] = perf_counter() - drawing
    print(f"{perf_counter() - started:.0f} seconds in all; the page is {out}")
    return results


def _command(data, short, given):
    """The command that would do this again; of a folder only its name, since pages are passed on."""
    words = ["minispp", "demo", *(["--data", Path(data).resolve().name] if data is not None else [])]
    words += ["--short"] if short else []
    return shlex.join([*words, *(word for name, value in given.items() for word in (f"--{name}", str(value)))])


# ---------------------------------------------------------------------------------------------------
# Stages


def synthetic(settings):
    """Training, validation and test pictures of `minispp.data.shapes`: three seeds, so no picture in common.

    Everything that `Settings` fixes was chosen on pictures of the seeds 0 and 1; those of seed 3 are for the test.
    """
    return tuple(
        Shapes(count, seed=seed) for count, seed in ((settings.train, 0), (settings.validation, 1), (settings.test, 3))
    )


def from_folder(root, settings):
    """Training, validation and test pictures of a folder, and how many files could not be read.

    With the folders train and test in it, test stays apart; otherwise a fifth of each class is cut off for it. The
    validation part is always cut from the rest.
    """
    root = Path(root)
    if (root / "train").is_dir() and (root / "test").is_dir():
        whole = Folder(root / "train", skip_broken=True)
        test = Folder(root / "test", skip_broken=True, classes=whole.classes)
        skipped = len(whole.skipped) + len(test.skipped)
    else:
        folder = Folder(root, skip_broken=True)
        whole, test = split(folder, 0.2)
        skipped = len(folder.skipped)
    rest, validation = split(whole, 1 / 6)
    parts = [_at_most(settings.train, rest), _at_most(settings.validation, validation), _at_most(settings.test, test)]
    for name, part in zip(("training", "validation", "test"), parts, strict=True):
        if not len(part):
            raise ValueError(f"demo: {str(root)!r} has too few pictures: none are left for the {name} part")
    return tuple(parts), skipped


def _at_most(count, data):
    """The dataset, or `count` pictures of it with each class in proportion."""
    if len(data) <= count:
        return data
    labels, rng = np.asarray(data.labels), np.random.default_rng(0)
    share = np.empty(len(labels))  # of its class that comes before a picture
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        share[members] = (np.arange(len(members)) + 0.5) / len(members)
    return Subset(data, np.sort(np.argsort(share, kind="stable")[:count]))


def compile_kernels(settings, ops, progress):
    """Run each layer once forward and backward: with an empty cache, Numba takes about half a minute for it."""
    net = zoo.small(2, width=settings.width, seed=0).to(ops)
    net.training = True
    net.trunk[0].needs_dx = False  # as in training
    x = net.prepare(np.zeros((2, settings.size, settings.size, 3), np.uint8))
    with tqdm(total=2 * len(net.layers) + 1, desc="compiling (the first time only)", delay=1, disable=not progress,
              bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}") as bar:  # fmt: skip
        for layer in net.layers:
            x = layer.forward(x)
            bar.update()
        loss = SoftmaxLoss().to(ops)
        loss.forward(x, np.zeros(2, int))
        dy = loss.backward()
        for layer in reversed(net.layers):
            dy = layer.backward(dy)
            bar.update()
        SGD(momentum=0.9, decay=5e-4, clip=5.0).step(net, 0.0)
        bar.update()


def _train_and_test(results, ops, progress):
    """Every model with every seed: trained, then shown the test pictures. Fills in the results."""
    settings, (data, validation, test) = results.settings, results.parts
    mean, std = (tuple(map(float, values)) for values in mean_and_std(data))
    ways, costs = _ways(settings)
    seen = settings.epochs * (STEP * len(data) + FORWARD * len(validation))
    total = settings.seeds * sum(seen + len(test) * sum(costs[way] for way in used) for used in WAYS.values())
    spent = {"training": 0.0, "testing": 0.0}
    answers = {(model, way): [] for model, used in WAYS.items() for way in used}
    shape = "{desc}{percentage:3.0f}%|{bar}| {elapsed} elapsed, {remaining} left"
    # The rate of the bar is the mean since its start: training and testing take turns, so it would swing otherwise.
    with tqdm(total=total, smoothing=0, bar_format=shape, disable=not progress) as bar:
        for seed in range(settings.seeds):
            for model in WAYS:
                started = perf_counter()
                bar.set_description(f"{model}, seed {seed + 1} of {settings.seeds}")
                net = _new_net(model, results, seed).to(ops)
                net.mean, net.std = mean, std
                history = train.fit(
                    net,
                    _Ticking(data, lambda: bar.update(STEP)),
                    sizes=Alternating(settings.sizes) if model == SEVERAL else Single(settings.size),
                    schedule=Cosine(settings.rate, settings.epochs, warmup=min(1, settings.epochs / 2)),
                    epochs=settings.epochs,
                    batch=settings.batch,
                    optimiser=SGD(momentum=0.9, decay=5e-4, clip=5.0),
                    view=View(margin=settings.margin),
                    seed=seed,
                    validation=_Ticking(validation, lambda: bar.update(FORWARD)),
                    progress=False,
                )
                results.histories.setdefault(model, []).append(history)
                trained = perf_counter()
                for way in WAYS[model]:
                    pictures = _Ticking(test, lambda cost=costs[way]: bar.update(cost))
                    views = (ways[way](net, pictures[i][0]) for i in range(len(test)))
                    answers[model, way].append(np.stack([probabilities.mean(axis=0) for probabilities in views]))
                spent["training"] += trained - started
                spent["testing"] += perf_counter() - trained
                if model == SEVERAL and seed == 0:
                    results.net = net
    results.answers = {key: np.stack(seeds) for key, seeds in answers.items()}
    results.seconds |= spent


def _new_net(model, results, seed):
    width, size = results.settings.width, results.settings.size
    return zoo.small(results.classes, spp=model != TWIN, seed=seed, width=width, input_size=size)


def _ways(settings):
    """How to classify a picture in each way, and about what it costs."""
    size, margin = settings.size, settings.margin
    full = round(size * margin)
    ways = {
        CENTRE: lambda net, picture: predict.centre_crop(net, picture, size, margin),
        WARPED: lambda net, picture: predict.warped(net, picture, size),
        FULL: lambda net, picture: predict.full_image(net, picture, full),
        MULTI: lambda net, picture: predict.multi_view(net, picture, size, settings.scales),
    }
    area = {side: 1.35 * (side / size) ** 2 for side in (*settings.scales, full)}  # of a usual picture, in views
    costs = {CENTRE: 1, WARPED: 1, FULL: area[full], MULTI: 2 * sum(area.values())}
    return ways, {way: round(FORWARD * cost) for way, cost in costs.items()}


class _Ticking:
    """A dataset that tells how it gets on."""

    def __init__(self, data, tick):
        self.data, self.tick, self.classes, self.labels = data, tick, data.classes, data.labels

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        found = self.data[index]
        self.tick()
        return found

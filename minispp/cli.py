"""The command line: ``minispp demo | train | classify | detect | bins | check | bench``.

Each command is a function of its arguments that returns an exit code. What the user can mend (a wrong option, a broken
file) is one line on standard error and exit code 2; everything else keeps its traceback.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from minispp import __version__

NETS = ("small", "zf5", "convnet5", "overfeat5", "overfeat7")


def main(arguments=None):
    """Run one command and leave with its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code = options.command(options)
    except (ValueError, FloatingPointError, ModuleNotFoundError) as error:
        print(f"minispp {options.name}: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print(f"\nminispp {options.name}: stopped", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        sys.stdout = None
        code = 0
    sys.exit(code)


# ---------------------------------------------------------------------------------------------------
# Commands


def demo(options):
    """Train the twin, SPP on one size and SPP on several; write a page."""
    from minispp import demo as demonstration

    demonstration.run(options.out, data=options.data, seeds=options.seeds, epochs=options.epochs, short=options.short)
    return 0


def train(options):
    """Train a net on a folder of class folders, and write it to a file."""
    from minispp import zoo
    from minispp.data import Folder, View, split
    from minispp.optim import SGD, Cosine
    from minispp.sizes import Single
    from minispp.train import fit

    for path in (options.out, options.checkpoint, options.history, options.plot):
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"there is no folder {path.parent} to write {path.name} to")
    data = Folder(options.folder, skip_broken=options.skip_broken)
    for path, reason in data.skipped:
        print(f"left out {path}: {reason}")
    pictures, validation = split(data, options.validation, options.seed) if options.validation else (data, None)
    plan = _plan(options.sizes, options.plan)
    if options.no_spp and not isinstance(plan, Single):
        raise ValueError(f"a net without spatial pyramid pooling takes one size of picture, got {plan}")
    settings = {"spp": not options.no_spp, "levels": options.levels, "seed": options.seed}
    if options.net == "small":
        settings["input_size"] = plan.largest
    net = getattr(zoo, options.net)(data.classes, **settings).to(_fastest_backend())
    print(net.summary(plan.largest))
    print(f"{len(pictures)} pictures of {len(data.classes)} classes; sizes: {plan}")
    history = fit(
        net,
        pictures,
        sizes=plan,
        schedule=Cosine(options.rate, options.epochs, warmup=min(1, options.epochs / 2)),
        epochs=options.epochs,
        batch=options.batch,
        optimiser=SGD(options.momentum, options.decay, options.clip),
        view=View(margin=options.margin),
        seed=options.seed,
        validation=validation,
        checkpoint=options.checkpoint,
        checkpoint_steps=options.checkpoint_steps,
    )
    net.save(options.out)
    if options.history:
        history.save(options.history)
    if options.plot:
        from minispp import plot

        plot.curves({options.net: history}).savefig(options.plot)
    last = history[-1]
    valid = f", validation error {last['validation_error']:.1%}" if "validation_error" in last else ""
    print(f"{options.out}: {len(history)} epochs, loss {last['loss']:.3f}, training error {last['error']:.1%}{valid}")
    return 0


def classify(options):
    """Say what pictures show; or measure a model on a folder of class folders."""
    from minispp import Net
    from minispp.data import Folder, read_picture
    from minispp.predict import evaluate

    net = Net.load(options.model).to(_fastest_backend())
    predict = _way(net, options)
    if options.labelled:
        data = Folder(options.labelled, classes=net.classes, skip_broken=options.skip_broken)
        share = evaluate(net, data, predict, options.top)
        skipped = f", {len(data.skipped)} broken files left out" if data.skipped else ""
        print(f"{share:.2%} of {len(data)} pictures have their class among the first {options.top}{skipped}")
    names = net.classes or [str(k) for k in range(net.outputs)]
    results = []
    for path in options.pictures:
        mean = predict(net, read_picture(path)).mean(axis=0)
        best = np.argsort(-mean, kind="stable")[: options.top]
        results.append({"picture": str(path), "classes": {names[k]: round(float(mean[k]), 6) for k in best}})
        if not options.json:
            print(f"{path}: " + ", ".join(f"{names[k]} {mean[k]:.1%}" for k in best))
    if options.json:
        print(json.dumps(results, indent=1))
    return 0


def bins(options):
    """Print, and draw, the bins of a map, beside what the sliding rule would do."""
    from minispp.bins import bins_text

    height, width = options.map
    print(bins_text(height, width, options.levels))
    if options.plot:
        from minispp import plot

        plot.bins(height, width, options.levels).savefig(options.plot)
        print(f"drawn to {options.plot}")
    return 0


def check(options):
    """Check the gradients of a layer, ours or the reader's own."""
    from minispp.check import check_spec

    return check_spec(options.layer, options.shape, every_index=options.every_index, seed=options.seed)


def bench(options):
    """Time ours and its peers on the same work, side by side; write a table, a JSON file and a plot."""
    if options.gpu:
        from minispp.bench.gpu.command import run
        from minispp.bench.gpu.report import failures

        return int(bool(failures(run(options.out, options.rounds))))
    from minispp.bench.command import failed, run

    parts = [part for part in ("layers", "pool", "step", "small") if getattr(options, part)]
    results = run(parts, rounds=options.rounds, threads=options.threads, out=options.out, only=options.only)
    return int(failed(results))


# ---------------------------------------------------------------------------------------------------
# From words to objects


def _plan(sizes, plan):
    from minispp import sizes as plans

    if plan is None:
        plan = "single" if len(sizes) == 1 else "alternating"
    if plan == "single":
        if len(sizes) != 1:
            raise ValueError(f"the plan single takes one size, got {sizes}")
        return plans.Single(sizes[0])
    if plan == "random":
        return plans.Random(min(sizes), max(sizes))
    return {"alternating": plans.Alternating, "mixed": plans.Mixed}[plan](sizes)


def _way(net, options):
    """The function that classifies a picture in the way that was asked for."""
    from minispp import predict

    size, margin = options.size, predict.MARGIN
    if net.trained_at is not None:
        size, margin = size or net.trained_at[0], net.trained_at[1]
    size = size or net.input_size
    if size is None:
        raise ValueError(f"{options.model} does not say at which size it was trained: give --size")
    full = round(size * margin)
    ways = {
        "centre": lambda net, picture: predict.centre_crop(net, picture, size, margin),
        "ten": lambda net, picture: predict.ten_crops(net, picture, size, margin),
        "warped": lambda net, picture: predict.warped(net, picture, size),
        "full": lambda net, picture: predict.full_image(net, picture, full),
        "multi": lambda net, picture: predict.multi_view(net, picture, size),
    }
    return ways[options.views or ("full" if net.input_size is None else "centre")]


def _fastest_backend():
    from minispp import kernels

    try:
        return kernels.cpu
    except ModuleNotFoundError as error:
        print(f"minispp: {error}; this will be slow", file=sys.stderr)
        return kernels.reference


def _sides(text):
    """``10x13`` -> (10, 13); ``7`` -> (7, 7)."""
    sides = _positive(text.lower().split("x"))
    if sides is None or len(sides) > 2:
        raise argparse.ArgumentTypeError(f"expected ROWSxCOLUMNS such as 10x13, got {text!r}")
    return sides if len(sides) == 2 else sides * 2


def _levels(text):
    """``6,3,2x4,1`` -> ((6, 6), (3, 3), (2, 4), (1, 1))."""
    return tuple(_sides(level) for level in text.split(","))


def _integers(text):
    """``72,96,120`` -> (72, 96, 120)."""
    values = _positive(text.split(","))
    if values is None:
        raise argparse.ArgumentTypeError(f"expected positive integers such as 72,96,120, got {text!r}")
    return values


def _positive(words):
    """The words as integers of at least 1, or None if one of them is not."""
    return tuple(map(int, words)) if all(word.isdecimal() and int(word) for word in words) else None


def _parser():
    from minispp.detection.commands import add_commands as add_detect_commands

    parser = argparse.ArgumentParser(
        prog="minispp", description="SPP-net from scratch: train, classify, and look into the bins."
    )
    parser.add_argument("--version", action="version", version=f"minispp {__version__}")
    commands = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")

    def command(function):
        text = function.__doc__
        added = commands.add_parser(function.__name__, help=text, description=text)
        added.set_defaults(command=function)
        return added

    add = command(demo).add_argument
    add("--data", type=Path, help="your own pictures: a folder of class folders, or of train and test")
    add("--out", type=Path, default=Path("demo/index.html"), help="the page to write (%(default)s)")
    add("--seeds", type=int, help="how often each model is trained")
    add("--epochs", type=int, help="how long each training is")
    add("--short", action="store_true", help="a smaller run, to see that it works")

    add = command(train).add_argument
    add("folder", type=Path, help="one folder for each class")
    add("--out", type=Path, required=True, help="the model to write, .safetensors")
    add("--net", choices=NETS, default="small")
    add("--no-spp", action="store_true", help="the twin with a fixed 6x6 pooling")
    add("--levels", type=_levels, default=(6, 3, 2, 1), help="the pyramid (6,3,2,1)")
    add("--sizes", type=_integers, default=(96,), help="sides in pixels, such as 72,96,120 (96)")
    add("--plan", choices=("single", "alternating", "random", "mixed"), help="how several sizes take turns")
    add("--epochs", type=int, default=36, help="(%(default)s)")
    add("--batch", type=int, default=16, help="(%(default)s)")
    add("--rate", type=float, default=0.01, help="learning rate after one epoch of warm-up (%(default)s)")
    add("--momentum", type=float, default=0.9, help="(%(default)s)")
    add("--decay", type=float, default=5e-4, help="weight decay (%(default)s)")
    add("--clip", type=float, default=5.0, help="largest norm of the gradient (%(default)s)")
    add("--margin", type=float, default=1.15, help="shorter side over side of a training view (%(default)s)")
    add("--validation", type=float, help="share of the pictures to measure on instead of training with")
    add("--seed", type=int, default=0)
    add("--checkpoint", type=Path, help="keep the state here, and resume from it")
    add("--checkpoint-steps", type=int, help="keep it every so many steps, not only after each epoch")
    add("--history", type=Path, help="write what happened in each epoch as JSON")
    add("--plot", type=Path, help="draw the training curves")
    add("--skip-broken", action="store_true", help="leave broken pictures out and count them")

    add = command(classify).add_argument
    add("model", type=Path)
    add("pictures", type=Path, nargs="*")
    add("--labelled", type=Path, metavar="FOLDER", help="measure on a folder of class folders")
    add("--views", choices=("centre", "ten", "warped", "full", "multi"), help="where to look (full, or centre)")
    add("--size", type=int, help="side of a view in pixels (what it was trained at)")
    add("--top", type=int, default=1, help="how many classes to name (%(default)s)")
    add("--json", action="store_true")
    add("--skip-broken", action="store_true", help="leave broken pictures of --labelled out and count them")

    text = "Train a detector, find objects in pictures, or measure a detector"
    add_detect_commands(commands.add_parser("detect", help=text, description=text), _integers)

    add = command(bins).add_argument
    add("map", type=_sides, help="ROWSxCOLUMNS of the feature map, such as 10x13")
    add("--levels", type=_levels, default=(6, 3, 2, 1), help="the pyramid (6,3,2,1)")
    add("--plot", type=Path, metavar="FILE", help="also draw them, as .png, .svg or .pdf")

    add = command(check).add_argument
    add("layer", help="module:Layer, file.py:Layer, or module:Layer(3, 4, kernel=3)")
    add("--shape", type=_integers, default=(2, 7, 6, 3), help="of the input (2,7,6,3)")
    add("--every-index", action="store_true", help="not only along random directions")
    add("--seed", type=int, default=0)

    add = command(bench).add_argument
    add("--layers", action="store_true", help="convolutions of zf5 and overfeat7, normalisation; memory")
    add("--pool", action="store_true", help="the pyramid on maps and on windows, max pooling")
    add("--step", action="store_true", help="training steps of zf5")
    add("--small", action="store_true", help="training steps of the small net, single calls, compile cost")
    add("--gpu", action="store_true", help="kernels.gpu: checks, and times beside PyTorch's cuDNN; writes gpu.md")
    add("--rounds", type=int, default=7, help="timings of each side of a case, in turn (%(default)s)")
    add("--threads", type=int, help="of each side (2, or as many as there are cores if that is less)")
    add("--out", type=Path, default=Path("benchmarks"), help="folder for a .json and a .png each (%(default)s)")
    add("--only", default="", metavar="TEXT", help="only cases whose name contains this")
    return parser

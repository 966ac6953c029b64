"""Classification: the twin without SPP, SPP on one size, SPP on several sizes.

The same trunk, head, epochs, batches and seeds for all three. All choices (widths, rate, epochs, sizes, scales) were
made on a part cut from the train folder; then each model trains on the whole train folder and sees the test folder
once. Results are added to the JSON file model by model, so that a run can be stopped and continued.

    python benchmarks/classification.py FOLDER --seeds 5              # FOLDER/train and FOLDER/test
    python benchmarks/classification.py shapes --seeds 5 --size 64    # the synthetic pictures
    python benchmarks/classification.py FOLDER --validate --seeds 1   # a fifth of the train folder instead of test
    python benchmarks/classification.py FOLDER --table                # only print what the JSON file holds
"""

import argparse
import json
from pathlib import Path
from time import perf_counter

import numpy as np

from minispp import kernels, predict, train, zoo
from minispp.data import Folder, View, split
from minispp.data.shapes import Shapes
from minispp.optim import SGD, Cosine
from minispp.sizes import Alternating, Mixed, Single
from minispp.weights import write_atomically

MARGIN = 1.15
MODELS = ("no SPP", "SPP, one size", "SPP, several sizes", "SPP, wide sizes")
SCALES = (1, 256 / 224, 300 / 224)  # of multi-view: the first three of the paper's six, chosen on validation
RESCALED = (0.5, 0.71, 1.0, 1.41, 2.0)


def plan(name, size):
    """The sizes a model trains on: one; three that take turns; or three further apart, mixed in every batch."""
    if name == "SPP, several sizes":
        return Alternating((round(0.75 * size), size, round(1.25 * size)))
    if name == "SPP, wide sizes":
        return Mixed((round(0.625 * size), size, round(1.5625 * size)))
    return Single(size)


def run(name, seed, data, test, size, epochs, keep):
    """Train one model and measure it on `test` in every way that suits it; keep its weights in the folder `keep`."""
    net = zoo.small(data.classes, spp=name != "no SPP", seed=seed, input_size=size).to(kernels.cpu)
    started = perf_counter()
    history = train.fit(
        net,
        data,
        sizes=plan(name, size),
        schedule=Cosine(0.01, epochs, warmup=1),
        optimiser=SGD(momentum=0.9, decay=5e-4, clip=5),
        epochs=epochs,
        batch=16,
        view=View(margin=MARGIN),
        seed=seed,
    )
    trained = perf_counter() - started
    if keep:
        net.save(keep / f"{name}, {epochs} epochs, seed {seed}.safetensors")
    full = round(size * MARGIN)
    ways = {
        "centre": lambda net, picture: predict.centre_crop(net, picture, size, MARGIN),
        "ten crops": lambda net, picture: predict.ten_crops(net, picture, size, MARGIN),
    }
    if name == "no SPP":
        ways["warped"] = lambda net, picture: predict.warped(net, picture, size)
    else:
        scales = [round(size * scale) for scale in SCALES]
        ways["multi-view"] = lambda net, picture: predict.multi_view(net, picture, size, scales)
        for factor in RESCALED:
            side = round(full * factor)
            ways[f"full x{factor:g}"] = lambda net, picture, side=side: predict.full_image(net, picture, side)
    accuracy = {way: predict.evaluate(net, test, how) for way, how in ways.items()}
    return {
        "model": name,
        "seed": seed,
        "epochs": epochs,
        "loss": history[-1]["loss"],
        "train seconds": round(trained, 1),
        "seconds an epoch": round(float(np.median(history.column("seconds"))), 2),
        "test seconds": round(perf_counter() - started - trained, 1),
        "accuracy": {way: round(100 * share, 2) for way, share in accuracy.items()},
    }


def table(results):
    """Mean and spread over seeds, in percent, as Markdown."""
    ways = ["centre", "ten crops", "warped", *(f"full x{f:g}" for f in RESCALED), "multi-view"]
    lines = ["| model | epochs | seeds | " + " | ".join(ways) + " |", "|---" * (len(ways) + 3) + "|"]
    groups = {}
    for result in results:
        groups.setdefault((result["model"], result["epochs"]), []).append(result["accuracy"])
    for (name, epochs), rows in groups.items():
        cells = []
        for way in ways:
            values = [row[way] for row in rows if way in row]
            spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.1f}{spread}" if values else "")
        lines.append(f"| {name} | {epochs} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def paired(results, second, first="SPP, one size"):
    """The second model minus the first, seed by seed: mean difference, its standard error, seeds in favour."""
    by = {(r["model"], r["epochs"], r["seed"]): r["accuracy"] for r in results}
    lines = [f"{second} minus {first}, paired by seed:", "", "| epochs | test | difference | seeds in favour |"]
    lines.append("|---|---|---|---|")
    for epochs in sorted({epochs for _, epochs, _ in by}):
        seeds = [s for m, e, s in by if m == first and e == epochs and (second, epochs, s) in by]
        for way in by[first, epochs, seeds[0]] if seeds else ():
            gap = np.array([by[second, epochs, s][way] - by[first, epochs, s][way] for s in seeds])
            error = f" ± {gap.std(ddof=1) / len(gap) ** 0.5:.1f}" if len(gap) > 1 else ""
            lines.append(f"| {epochs} | {way} | {gap.mean():+.1f}{error} | {(gap > 0).sum()} of {len(gap)} |")
    return "\n".join(lines)


def datasets(options):
    """What to train on and what to measure on."""
    if options.data == "shapes":
        data, test = Shapes(options.pictures, seed=10), Shapes(options.pictures, seed=11)
    else:
        data = Folder(Path(options.data) / "train")
        test = Folder(Path(options.data) / "test", classes=data.classes)
    return split(data, 0.2, seed=0) if options.validate else (data, test)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="a folder with the folders train and test, or the word shapes")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS[:3])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=36)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=1000, help="synthetic pictures to train on, and to test on")
    parser.add_argument("--validate", action="store_true", help="cut a fifth from train and measure there, not on test")
    parser.add_argument("--out", type=Path, help="benchmarks/NAME OF THE DATA.json")
    parser.add_argument("--keep", type=Path, help="folder to write the trained nets to")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    out = options.out or Path(__file__).with_name(f"{Path(options.data).name}.json")
    results = json.loads(out.read_text()) if out.exists() else []
    if not options.table:
        data, test = datasets(options)
        done = {(r["model"], r["epochs"], r["seed"]) for r in results}
        for seed in range(options.seeds):
            for name in options.models:
                if (name, options.epochs, seed) not in done:
                    result = run(name, seed, data, test, options.size, options.epochs, options.keep)
                    results.append(result)
                    write_atomically(out, json.dumps(results, indent=1).encode())
                    print(json.dumps(result), flush=True)
    print(table(results), *(paired(results, name) for name in MODELS[2:]), sep="\n\n")


if __name__ == "__main__":
    main()

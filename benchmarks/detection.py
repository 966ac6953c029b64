"""Detection on real pictures: from scratch on the train part, choices on validation, the test part once.

For each seed the whole pipeline runs: proposals, a trunk trained through its windows, SVMs with hard negatives, box
regression, and then the test part. `--compare` puts SPP-net and R-CNN on one trunk, trained on crops, or on crops and
then through windows: the same weights, proposals, SVM and box regression. Results are added to the JSON file one by
one, so that a run can be stopped and continued.

    python benchmarks/detection.py bccd FOLDER --seeds 3              # FOLDER in Pascal VOC's layout
    python benchmarks/detection.py bccd FOLDER --compare crops        # or windows
    python benchmarks/detection.py bccd FOLDER --validate --seeds 1   # validation instead of test
    python benchmarks/detection.py bccd --table                       # only print what the JSON file holds
"""

import argparse
import json
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

from minispp.data import Voc
from minispp.detection.comparison import compare_modes, try_out
from minispp.detection.modes import RcnnMode, SppMode
from minispp.detection.recipe import Recipe, propose_all, train, train_trunk, train_trunk_on_crops
from minispp.weights import write_atomically

PIPELINE = "SPP-net, trunk trained through windows"
TRUNKS = {"crops": train_trunk_on_crops, "windows": train_trunk}
SPP, SPP_SCALES, RCNN = "SPP-net, one scale", "SPP-net, five scales", "R-CNN"


class Scenes:
    """Some scenes of a dataset."""

    def __init__(self, data, indexes):
        self.data, self.indexes, self.classes = data, list(indexes), data.classes
        self.names = [data.names[index] for index in self.indexes]

    def __len__(self):
        return len(self.indexes)

    def scene(self, index):
        return self.data.scene(self.indexes[index])


def bccd():
    """Blood cells, 640x480: 205 pictures to train on."""
    search = {"mode": "varied", "scale": 15.0, "sigma": 0.65, "min_size": 70, "longest": 320, "limit": 2000}
    return Recipe(search=search, mode=SppMode(480), train_scales=(432, 480, 534), epochs=14, crops=16_000)


def playing_cards():
    """Cards on a table, mostly 378x504: 296 pictures to train on."""
    search = {"mode": "fast", "scale": 150.0, "min_size": 50, "longest": 320, "limit": 1500}
    settings = {"train_scales": (336, 378, 424), "epochs": 20, "crops": 32_000, "crop_side": 96}
    return Recipe(search=search, mode=SppMode(378), **settings)


def parts(name, folder, validate):
    """Scenes to train on and to measure on. The cards have no validation part: every fourth of train serves."""
    data = Voc(folder, "train")
    if not validate:
        return data, Voc(folder, "test", classes=data.classes)
    if name == "bccd":
        return data, Voc(folder, "val", classes=data.classes)
    every = range(len(data))
    return Scenes(data, [i for i in every if i % 4]), Scenes(data, [i for i in every if i % 4 == 0])


def row(model, seed, result, count, **more):
    """One line of the JSON file."""
    scores = result.scores.items()
    classes = {name: [round(100 * score.area, 2), round(100 * score.eleven, 2)] for name, score in scores}
    means = [round(100 * result.mean(rule), 2) for rule in ("area", "11-point")]
    return {"model": model, "seed": seed, "pictures": count, "mean": means, "classes": classes, **more}


def seconds(stages):
    return {name: round(value, 1) for name, value in stages.seconds.items()}


def run(data, test, recipe, seed, folder):
    """The whole pipeline with one seed."""
    detector = train(data, recipe, seed=seed, folder=folder)
    training, started = seconds(detector.stages), perf_counter()
    detector.stages.seconds.clear()
    with detector.stages("propose"):
        proposals = propose_all(test, recipe.search, folder)
    _, result = try_out(detector, test, proposals)
    times = {"training": training, "testing": seconds(detector.stages), "test": round(perf_counter() - started, 1)}
    return [row(PIPELINE, seed, result, len(test), **times)]


def compare(data, test, recipe, seed, folder, way):
    """SPP-net and R-CNN on one trunk."""
    scale, side = recipe.mode.scales[0], recipe.crop_side
    scales = tuple(round(scale * factor) for factor in (0.5, 0.71, 1, 1.41, 2))
    modes = {SPP: SppMode(scale), SPP_SCALES: SppMode(scales, area_side=side), RCNN: RcnnMode(side)}
    if way == "windows":
        modes.pop(SPP_SCALES)  # its trunk has seen one scale, and some a little beside it
    outcomes, recall = compare_modes(data, test, recipe, modes, trunk=TRUNKS[way], seed=seed, folder=folder)
    return [
        row(f"{name}, {way}", seed, o.result, len(test), recall=recall)
        | {"training": seconds(o.training), "testing": seconds(o.testing)}
        for name, o in outcomes.items()
    ]


def spread(values):
    """Mean and standard deviation as text."""
    more = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{more}"


def tables(results):
    """Average precision by class, and seconds by stage, as Markdown."""
    groups = {}
    for result in results:
        groups.setdefault(result["model"], []).append(result)
    names = list(results[0]["classes"])
    lines = [f"| | seeds | {' | '.join(names)} | mAP, area | mAP, 11-point |", "|---" * (len(names) + 4) + "|"]
    for model, rows in groups.items():
        each = [spread([r["classes"][name][0] for r in rows]) for name in names]
        means = [spread([r["mean"][rule] for r in rows]) for rule in (0, 1)]
        lines.append(f"| {model} | {len(rows)} | {' | '.join([*each, *means])} |")
    for part in ("training", "testing"):
        stages = list(dict.fromkeys(stage for result in results for stage in result[part]))
        lines += ["", f"| seconds, {part} | {' | '.join(stages)} |", "|---" * (len(stages) + 1) + "|"]
        for model, rows in groups.items():
            cells = [[r[part][stage] for r in rows if stage in r[part]] for stage in stages]
            lines.append(f"| {model} | {' | '.join(f'{np.median(c):.1f}' if c else '' for c in cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("bccd", "playing_cards"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--compare", choices=TRUNKS, help="SPP-net and R-CNN on one trunk, trained so")
    parser.add_argument("--validate", action="store_true", help="measure on validation, not on test")
    parser.add_argument("--store", type=Path, help="folder where proposals are kept")
    parser.add_argument("--out", type=Path, help="benchmarks/detection_NAME.json, or detection_NAME_rcnn.json")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    out = options.out or Path(__file__).with_name(f"detection_{options.name}{'_rcnn' if options.compare else ''}.json")
    results = json.loads(out.read_text()) if out.exists() else []
    if not options.table:
        recipe = {"bccd": bccd, "playing_cards": playing_cards}[options.name]()
        data, test = parts(options.name, options.folder, options.validate)
        work, first = partial(run, data, test, recipe), PIPELINE
        if options.compare:
            work, first = partial(compare, data, test, recipe, way=options.compare), f"{SPP}, {options.compare}"
        for seed in range(options.seeds):
            if not any(r["model"] == first and r["seed"] == seed for r in results):
                results += work(seed=seed, folder=options.store)
                write_atomically(out, json.dumps(results, indent=1).encode())
                print(json.dumps(results[-1]), flush=True)
    print(tables(results))


if __name__ == "__main__":
    main()

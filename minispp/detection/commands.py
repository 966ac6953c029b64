"""``minispp detect train | run | evaluate``: the detection pipeline from a shell, each stage with its time."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np


def train(options):
    """Train a detector on a folder in Pascal VOC's layout."""
    from minispp.data import Voc
    from minispp.detection import recipe as recipes
    from minispp.detection.modes import RcnnMode, SppMode

    for path in (options.model, options.checkpoint):
        _require_folder_of(path)
    scenes = Voc(options.folder, options.part, skip_broken=options.skip_broken)
    _say_what_was_left_out(scenes)
    rcnn = options.mode == "rcnn"
    search = {
        "mode": options.search,
        "scale": options.search_scale,
        "sigma": options.search_sigma,
        "min_size": options.search_min_size,
        "longest": options.search_side,
        "limit": options.proposals,
    }
    recipe = recipes.Recipe(
        search=search,
        mode=RcnnMode(options.side) if rcnn else SppMode(options.scales, area_side=options.area_side),
        train_scales=options.scales,
        epochs=options.epochs,
        rate=options.rate,
        crops=options.crops,
        crop_side=options.side,
    )
    print(f"{len(scenes)} pictures of {len(scenes.classes)} classes: {', '.join(scenes.classes)}")
    trunk = recipes.train_trunk_on_crops if rcnn else recipes.train_trunk
    kept = {"folder": options.store, "checkpoint": options.checkpoint}
    detector = recipes.train(scenes, recipe, seed=options.seed, trunk=trunk, **kept)
    detector.save(options.model)
    print(f"{options.model}: {detector.stages}")
    return 0


def run(options):
    """Find objects in pictures: boxes drawn on each, and a JSON file beside it."""
    from PIL import Image
    from tqdm import tqdm

    from minispp.data import read_picture
    from minispp.detection.draw import draw_boxes
    from minispp.weights import write_atomically

    detector = _load(options.model)
    options.out.mkdir(parents=True, exist_ok=True)
    places = {path: options.out / f"{path.stem}.png" for path in options.pictures}
    if len(set(places.values())) < len(places):
        raise ValueError(f"two pictures have the same name, and would be the same file in {options.out}")
    for path, place in places.items():
        if place.resolve() == path.resolve():
            raise ValueError(f"{path} would be written over: choose another folder with --out")
    for path, place in tqdm(places.items(), desc="detecting", unit="picture", delay=2):
        picture = read_picture(path)
        found = detector.detect(picture, least=options.least, top=options.top)
        drawn, file = draw_boxes(picture, found.boxes, found.labels, detector.classes, found.scores), BytesIO()
        Image.fromarray(drawn).save(file, "PNG")
        write_atomically(place, file.getvalue())
        rows = [
            {
                "class": detector.classes[label],
                "score": round(float(score), 4),
                "box": dict(zip(("top", "left", "bottom", "right"), np.round(box, 2).tolist(), strict=True)),
            }
            for box, score, label in zip(*found, strict=True)
        ]
        content = {"picture": str(path), "height": picture.shape[0], "width": picture.shape[1], "detections": rows}
        write_atomically(place.with_suffix(".json"), json.dumps(content, indent=1).encode())
        tqdm.write(f"{path}: {len(rows)} objects, drawn on {place}")
    print(detector.stages)
    return 0


def evaluate(options):
    """Measure a detector on a folder in Pascal VOC's layout: average precision of each class."""
    from minispp.data import Voc
    from minispp.detection.comparison import try_out
    from minispp.detection.recipe import propose_all
    from minispp.weights import write_atomically

    _require_folder_of(options.json)
    detector = _load(options.model)
    scenes = Voc(options.folder, options.part, classes=detector.classes, skip_broken=options.skip_broken)
    _say_what_was_left_out(scenes)
    with detector.stages("propose"):
        proposals = propose_all(scenes, detector.search, options.store)
    _, result = try_out(detector, scenes, proposals, options.iou)
    print(result)
    print(f"{len(scenes)} pictures: {detector.stages}")
    if options.json is not None:
        content = {**result.summary(), "pictures": len(scenes), "seconds": detector.stages.seconds}
        write_atomically(options.json, json.dumps(content, indent=1).encode())
    return 0


def add_commands(parser, integers):
    """Give the parser of ``minispp detect`` its three commands. `integers` reads lists such as 480,600."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def command(function):
        text = function.__doc__
        added = commands.add_parser(function.__name__, help=text, description=text)
        added.set_defaults(command=function)
        return added

    def common(add):
        add("--part", help="of ImageSets/Main, such as train (all annotations)")
        add("--store", type=Path, metavar="FOLDER", help="keep proposals here, and take them from there")
        add("--skip-broken", action="store_true", help="leave broken files out and say which")

    add = command(train).add_argument
    add("folder", type=Path, help="with Annotations, JPEGImages and ImageSets")
    add("--model", type=Path, required=True, help="the detector to write, .safetensors")
    add("--mode", choices=("spp", "rcnn"), default="spp", help="a convolution a picture, or a window (%(default)s)")
    add("--scales", type=integers, default=(480,), help="shorter sides of the picture (480)")
    add("--area-side", type=int, help="side of the window that fits a scale best (224)")
    add("--side", type=int, default=64, help="of a crop, and of a warped window (%(default)s)")
    add("--epochs", type=int, default=10, help="of its second training, through windows (%(default)s)")
    add("--crops", type=int, default=16_000, help="for the first training of the trunk (%(default)s)")
    add("--rate", type=float, default=0.02, help="learning rate of the trunk (%(default)s)")
    add("--search", choices=("single", "fast", "varied", "quality"), default="varied", help="(%(default)s)")
    add("--search-scale", type=float, default=50.0, help="of the segmentation: small for small objects (%(default)s)")
    add("--search-sigma", type=float, default=0.8, help="blur before it, in pixels (%(default)s)")
    add("--search-min-size", type=int, default=50, help="pixels of the smallest segments (%(default)s)")
    add("--search-side", type=int, default=320, help="longer side of the picture that is searched (%(default)s)")
    add("--proposals", type=int, default=2000, help="most windows of a picture (%(default)s)")
    add("--seed", type=int, default=0)
    add("--checkpoint", type=Path, help="keep the state of the trunk's training here, and resume from it")
    common(add)

    add = command(run).add_argument
    add("model", type=Path)
    add("pictures", type=Path, nargs="+")
    add("--out", type=Path, default=Path("detections"), help="folder to write to (%(default)s)")
    add("--least", type=float, default=0.0, help="lowest score to report (%(default)s)")
    add("--top", type=int, default=100, help="most objects of a picture (%(default)s)")

    add = command(evaluate).add_argument
    add("model", type=Path)
    add("folder", type=Path)
    add("--iou", type=float, default=0.5, help="overlap that counts as found (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the numbers there too")
    common(add)


def _load(path):
    from minispp import kernels
    from minispp.detection.detector import Detector

    detector = Detector.load(path)
    detector.net.to(kernels.cpu)
    return detector


def _require_folder_of(path):
    if path is not None and not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent} to write {path.name} to")


def _say_what_was_left_out(scenes):
    for path, reason in scenes.skipped:
        print(f"left out of {path}: {reason}")

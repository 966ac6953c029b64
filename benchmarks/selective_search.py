"""Selective search, ours and OpenCV's: objects found at equal numbers of boxes, seconds, growth with the picture.

Recall is measured on the training parts of two folders in Pascal VOC's layout, FOLDER/bccd and FOLDER/playing_cards,
with pictures resized to the same longest side for both. For each picture both lists are cut to the length of the
shorter one, and then to the first 100, 500 and 1000. Seconds are measured on the same pictures in the same process,
the sides in turn, each with the threads that it takes by itself. Growth is measured on one picture in many sizes.

    python benchmarks/selective_search.py FOLDER                # all pictures
    python benchmarks/selective_search.py FOLDER --pictures 20  # a glance
"""

import argparse
import json
import os
import platform
import resource
from pathlib import Path
from time import perf_counter

import numpy as np

SETS = {"bccd": (50, 150), "playing_cards": (150,)}  # and OpenCV's base scales
# Ours: what is said of it in the table, the mode, the scale, the least size of a region.
OURS = {
    "bccd": (("fast", 50, 100), ("fast", 150, 100), ("varied", 25, 100), ("varied", 12, 60)),
    "playing_cards": (("fast", 150, 100), ("varied", 100, 100)),
}
LONGEST, COUNTS, THRESHOLDS = 320, (100, 500, 1000, 10**6), (0.5, 0.7)
MEGAPIXELS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
SLOW = 0.5  # OpenCV is not asked for larger pictures than this


def our_side(picture, mode="fast", scale=150, min_size=100):
    from minispp.detection.selective_search import selective_search

    return selective_search(picture, mode, scale, min_size=min_size)


def their_side(picture, scale=150):
    import cv2

    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(picture[:, :, ::-1]))
    search.switchToSelectiveSearchFast(scale, scale)
    left, top, width, height = search.process().T
    return np.stack([top, left, top + height, left + width], axis=1)


def read(folder, name, most):
    """Pictures and boxes of the training part, resized; boxes as floats, because they are not cut to pixels."""
    from tqdm import tqdm

    from minispp.data import Voc, resize

    scenes = Voc(folder / name, part="train")
    pictures, truths = [], []
    spread = np.unique(np.linspace(0, len(scenes) - 1, min(len(scenes), most)).astype(int))  # neighbours are alike
    for index in tqdm(spread.tolist(), desc=name, unit="picture"):
        scene = scenes.scene(index)
        height, width = scene.picture.shape[:2]
        size = [round(side * LONGEST / max(height, width)) for side in (height, width)]
        pictures.append(resize(scene.picture, *size))
        truths.append(scene.boxes * np.tile(np.array(size) / (height, width), 2))
    return pictures, truths


def in_turn(pictures, sides, title):
    """Boxes and seconds of every side on every picture; the order turns with each picture."""
    from tqdm import tqdm

    for search in sides.values():
        search(pictures[0])  # compiles, or loads what was compiled
    boxes, seconds = {name: [] for name in sides}, {name: [] for name in sides}
    for number, picture in enumerate(tqdm(pictures, desc=title, unit="picture")):
        names = list(sides)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = perf_counter()
            found = sides[name](picture)
            seconds[name].append(perf_counter() - started)
            boxes[name].append(found)
    return boxes, {name: float(np.median(times)) for name, times in seconds.items()}


def compare(folder, name, most):
    """One row for each of our settings, beside each of OpenCV's: recall at equal numbers of boxes, seconds."""
    from minispp.detection.matching import proposal_recall

    pictures, truths = read(folder, name, most)
    sides = {f"OpenCV {scale}": lambda p, scale=scale: their_side(p, scale) for scale in SETS[name]}
    for mode, scale, size in OURS[name]:
        sides[f"{mode} {scale}/{size}"] = lambda p, s=(mode, scale, size): our_side(p, *s)
    boxes, seconds = in_turn(pictures, sides, name)
    rows = []
    for theirs in [side for side in sides if side.startswith("OpenCV")]:
        for ours in [side for side in sides if not side.startswith("OpenCV")]:
            lengths = [min(map(len, pair)) for pair in zip(boxes[ours], boxes[theirs], strict=True)]
            row = {"set": name, "pictures": len(pictures), "ours": ours, "theirs": theirs, "boxes": np.mean(lengths)}
            for who, side in (("ours", ours), ("theirs", theirs)):
                cut = [found[:length] for found, length in zip(boxes[side], lengths, strict=True)]
                row[f"recall of {who}"] = proposal_recall(cut, truths, THRESHOLDS, COUNTS).tolist()
                everything = proposal_recall(boxes[side], truths, THRESHOLDS, COUNTS[-1:])
                row[f"all of {who}"] = [float(np.mean([len(b) for b in boxes[side]])), *everything[:, 0].tolist()]
                row[f"seconds of {who}"] = seconds[side]
            row["times as fast"] = seconds[theirs] / seconds[ours]
            rows.append(row)
    return rows


def growth(folder, rounds=3):
    """Seconds at many sizes of one photograph: the largest of the first ten cards."""
    from minispp.data import Voc, resize

    scenes = Voc(folder / "playing_cards", part="train")
    picture = max((scenes.scene(index).picture for index in range(10)), key=lambda picture: picture.size)
    height, width = picture.shape[:2]
    rows = []
    for size in MEGAPIXELS:
        factor = (size * 1e6 / (height * width)) ** 0.5
        resized = resize(picture, round(height * factor), round(width * factor))
        row = {"megapixels": resized.shape[0] * resized.shape[1] / 1e6}
        sides = {"ours": our_side} if size > SLOW else {"ours": our_side, "theirs": their_side}
        _, seconds = in_turn([resized] * rounds, sides, f"{size} megapixels")
        rows.append({**row, **seconds, "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})
    return rows


def slope(rows, name):
    """Of log seconds over log pixels: 1 is linear."""
    known = [(row["megapixels"], row[name]) for row in rows if name in row]
    return float(np.polyfit(*np.log(np.array(known)).T, 1)[0])


def table(*columns):
    """The head of a Markdown table."""
    return ["", "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]


def line(*cells):
    return "| " + " | ".join(cells) + " |"


def summary(rows, sizes):
    lines = ["Recall at IoU .5 / .7, ours and then OpenCV's, at equal numbers of boxes; the scale is behind each name:"]
    counts = [f"first {count}" for count in COUNTS[:-1]] + ["all"]
    lines += table("training part", "ours (scale/least)", "OpenCV", "boxes", *counts, "times as fast")
    everything = {}
    for row in rows:
        ours, theirs = np.array(row["recall of ours"]), np.array(row["recall of theirs"])
        pairs = [f"{a[0]:.3f} / {a[1]:.3f}, {b[0]:.3f} / {b[1]:.3f}" for a, b in zip(ours.T, theirs.T, strict=True)]
        name = f"{row['set']}, {row['pictures']}"
        lines.append(
            line(name, row["ours"], row["theirs"], f"{row['boxes']:.0f}", *pairs, f"{row['times as fast']:.1f}")
        )
        for who in ("ours", "theirs"):
            count, half, most = row[f"all of {who}"]
            milliseconds = 1e3 * row[f"seconds of {who}"]
            everything[name, row[who]] = f"{count:.0f}", f"{half:.3f}", f"{most:.3f}", f"{milliseconds:.0f}"
    lines += table("training part", "search, all its boxes", "boxes", "recall at .5", "at .7", "ms a picture")
    lines += [line(*names, *cells) for names, cells in everything.items()]
    lines += table("megapixels", "ours, s", "OpenCV, s", "peak MB of the process")
    for row in sizes:
        theirs = f"{row['theirs']:.2f}" if "theirs" in row else ""
        lines.append(line(f"{row['megapixels']:.2f}", f"{row['ours']:.3f}", theirs, f"{row['peak MB']:.0f}"))
    slopes = ", ".join(f"{name} {slope(sizes, name):.2f}" for name in ("ours", "theirs"))
    return "\n".join([*lines, "", f"Slope of log seconds over log pixels: {slopes}"])


def main():
    from importlib.metadata import version

    import cv2

    from minispp.weights import write_atomically

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with the folders bccd and playing_cards")
    parser.add_argument("--pictures", type=int, default=10**6, help="of each training part at most")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    load = os.getloadavg()[0]
    sizes = growth(options.data)  # first, for the peak of memory
    rows = [row for name in SETS for row in compare(options.data, name, options.pictures)]
    about = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "opencv-contrib-python-headless")},
        "threads of OpenCV": cv2.getNumThreads(),
        "load before": load,
        "longest side": LONGEST,
        "slope": {name: slope(sizes, name) for name in ("ours", "theirs")},
    }
    write_atomically(options.out, (json.dumps({**about, "recall": rows, "growth": sizes}, indent=1) + "\n").encode())
    print(summary(rows, sizes), f"written to {options.out}", sep="\n\n")


if __name__ == "__main__":
    main()

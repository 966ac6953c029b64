"""The page of the demo: one HTML file that needs nothing else, no network and no script, in light and dark."""

import os
import platform
from importlib import metadata

import numpy as np

from minispp import markup, outcome, page_detection, plot
from minispp.data import resize_min_side
from minispp.outcome import CENTRE, FULL, MULTI, ONE, SEVERAL, TWIN
from minispp.predict import view_boxes
from minispp.weights import write_atomically

TITLE = "Spatial pyramid pooling at work"
LEAD = (
    "A convolution takes a picture of any size; the fully connected layers behind it take vectors of one length. "
    "Spatial pyramid pooling stands between them: it cuts the feature map, whatever its size, into a fixed pyramid of "
    "bins and keeps the largest value of each. So one set of weights can be trained on pictures of several sizes, can "
    "classify whole pictures of any shape, and can look at many parts of a picture after a single convolution."
)
MOST_CLASSES = 12  # of which a picture is shown
MOST_ROWS = 24  # of the table of classes
SHOWN = 6  # pictures classified rightly, and as many wrongly


def write(path, results):
    """Write the page of a run, all or nothing."""
    write_atomically(path, html(results).encode())


def html(results):
    """The page of a run of the demo (`minispp.outcome.Results`) as text."""
    sections = {
        "The pictures": _pictures(results),
        "What came out": _outcome(results),
        "Training": _training(results),
        "Right and wrong": _right_and_wrong(results),
        "The bins": _bins(),
        "Where the values come from": _winners(results),
        "Many views from one convolution": _views(results),
        "What a cell sees": _fields(results),
        **({} if results.scenes is None else page_detection.sections(results.scenes)),
        "How it was made": _making(results),
    }
    return markup.page(TITLE, markup.header(TITLE, LEAD), *(markup.section(*item) for item in sections.items()))


# ---------------------------------------------------------------------------------------------------
# Sections


def _pictures(results):
    data = results.parts[0]
    firsts = [np.flatnonzero(data.labels == label)[0] for label in np.unique(data.labels)[:MOST_CLASSES]]
    shown = [data[int(index)] for index in firsts]
    entries = [(picture, results.classes[label], outcome.times(picture.shape)) for picture, label in shown]
    yield markup.gallery(entries, markup.LARGEST / max(max(picture.shape) for picture, _ in shown))
    some = f" of the first {len(shown)} classes" if len(shown) < len(results.classes) else " of each class"
    train, validation, test = map(len, results.parts)
    files = "file" if results.skipped == 1 else "files"
    lost = f" {results.skipped} {files} could not be read and left out." if results.skipped else ""
    yield markup.paragraph(
        f"A training picture{some}, all at one scale, with height × width in pixels. In all {train} pictures for "
        f"training, {validation} for validation and {test} for the test, in {len(results.classes)} classes.{lost}",
        "note",
    )


def _outcome(results):
    rows = outcome.table(results)
    best = set()
    for number, shares in enumerate(results.accuracies().values(), start=1):
        means = {way: values.mean() for way, values in shares.items()}
        best |= {(number, rows[0].index(way)) for way, mean in means.items() if mean == max(means.values())}
    yield markup.table(f"{outcome.caption(results)} Each model’s best way in bold.", rows, best)
    yield markup.listing(outcome.verdicts(results))
    yield _figure(
        plot.comparison(results.accuracies()),
        "Accuracy of each model in each way of testing",
        "The same numbers: a dot for each seed, a stroke at their mean. The net without SPP takes one size of picture: "
        "the centre square, or all of the picture warped to a square.",
    )


def _training(results):
    size, sizes = results.settings.size, results.settings.sizes
    spread = ", and its range over the seeds" if results.settings.seeds > 1 else ""
    others = f"; the net of several sizes ({_list(sizes)} in turn) at {max(sizes)}" if max(sizes) != size else ""
    yield _figure(
        plot.curves(results.histories),
        "Training and validation error of the three models by epoch",
        f"Error in each epoch{spread}. Training error is measured on random regions, with dropout, while the weights "
        f"still change; validation error on the centre, seen at {size} pixels{others}.",
    )


def _right_and_wrong(results):
    test, answers = results.parts[2], results.answers[SEVERAL, FULL][0]
    right, labels = results.right(SEVERAL, FULL), np.asarray(results.parts[2].labels)
    chosen = {"right": np.flatnonzero(right[0])[:SHOWN], "wrong": np.flatnonzero(~right[0])[:SHOWN]}
    largest = max(max(test[int(index)][0].shape) for indexes in chosen.values() for index in indexes)
    for kind, indexes in chosen.items():
        entries = []
        for index in map(int, indexes):
            picture, label = test[index]
            guess = answers[index].argmax()
            truth = "" if kind == "right" else f"is {results.classes[label]}"
            entries.append((picture, f"{results.classes[guess]}, {answers[index, guess]:.0%}", truth))
        yield markup.gallery(entries, markup.LARGEST / largest, kind)
    yield markup.paragraph(
        f"“{SEVERAL}”, full image, seed 0: the first {len(chosen['right'])} test pictures that it classified rightly "
        f"(solid frame) and the first {len(chosen['wrong'])} wrongly (dashed), with its probability.",
        "note",
    )
    shares = {label: 100 * right[:, labels == label].mean() for label in np.unique(labels)}
    hardest = sorted(shares, key=shares.get)[:MOST_ROWS]
    rows = [["", "accuracy", "pictures", ""]]
    rows += [[results.classes[k], f"{shares[k]:.0f}", f"{(labels == k).sum()}", shares[k]] for k in hardest]
    which = "all classes" if len(shares) <= MOST_ROWS else f"{MOST_ROWS} of {len(shares)} classes"
    yield markup.table(f"“{SEVERAL}”, full image: accuracy in %, mean over the seeds; {which}, hardest first.", rows)


def _bins():
    yield markup.paragraph(
        "A bin reaches from the rounded-down to the rounded-up share of the map, so no cell is missed and no bin is "
        "empty; where the size does not divide, neighbours share cells. The paper also has a recipe for one fixed "
        "size, a sliding window with its kernel rounded up and its stride rounded down. The two agree only where "
        "the size, divided by the number of bins, leaves a rest of 0 or 1."
    )
    yield _figure(
        plot.bins(10, 13),
        "Bins of a map of 10 by 13 cells on four levels, and below them the windows of the sliding rule",
        "A map of 10 × 13 cells. Above, the bins: the darker a cell, the more bins hold it; the bars are the bins of "
        "each axis. Below, what the sliding rule pools. At 10 rows in 6 bins it fails: it makes windows for which the "
        "vector has no room (dashed), and the first ones leave cells out (hatched).",
    )


def _winners(results):
    yield _figure(
        plot.winners(_full(results), results.net),
        "Winning cells of one channel, level by level",
        "One channel of the last convolution, and the cells whose values reach the vector; lines are the edges of "
        "bins. Each winner of a coarse level also wins the finer level that it is pooled from. In training, the "
        "gradient flows back through these cells alone.",
    )


def _views(results):
    settings = results.settings
    pictures = [resize_min_side(_example(results), scale) for scale in sorted(settings.scales)]
    boxes = [view_boxes(*picture.shape[:2], settings.size) for picture in pictures]
    yield _figure(
        plot.views(pictures, boxes),
        "Views of one picture at several scales",
        f"The multi-view test of a picture: squares of {settings.size} pixels at {len(pictures)} scales. With their "
        f"mirror images and twice the whole picture these are {2 * sum(map(len, boxes)) + 2} views. The net convolves "
        "only the resized pictures and their mirror images; each view is then a window of their maps.",
    )


def _fields(results):
    picture, net = _full(results), results.net
    rows, columns = (net.map_size(side) for side in picture.shape[:2])
    yield _figure(
        plot.receptive_fields(picture, net.field, [(0, 0), (rows // 2, columns // 2), (rows - 1, columns - 1)]),
        "Receptive fields of three cells",
        f"From these {outcome.times(picture.shape)} pixels the last convolution makes {rows} × {columns} cells. Each "
        f"sees the pixels of its frame; the square is one stride of {net.field.stride} pixels around its centre.",
        "narrow",
    )


def _making(results):
    settings, size = results.settings, sum(param.value.size for param in results.net.params())
    packages = ", ".join(f"{name} {_version(name)}" for name in ("minispp", "numpy", "numba"))
    rows = {
        "Net": f"zoo.small of width {settings.width}, {size:,} parameters with SPP; the net without it pools a fixed "
        "grid of 6 × 6 bins in its place",
        "Sizes": f"“{TWIN}” and “{ONE}”: {settings.size} pixels. “{SEVERAL}”: {_list(settings.sizes)}, an epoch each",
        "Training": f"{settings.epochs} epochs in batches of {settings.batch}; rate {settings.rate:g}, an epoch of "
        "warm-up, then along a cosine to 0; momentum 0.9, decay 0.0005, gradient norm at most 5; random square "
        "regions, mirrored every second time, brightness ± 20 %, channels ± 10 %",
        "Test": f"{CENTRE}: the shorter side divided by {settings.margin:.3f}, seen at {settings.size} pixels. "
        f"{FULL}: shorter side {round(settings.size * settings.margin)}. {MULTI}: shorter sides "
        f"{_list(sorted(settings.scales))}",
        "Seeds": f"{_list(range(settings.seeds))}, for weights, order, regions and dropout; the pictures stay the same",
        "Seconds": ", ".join(f"{name} {value:.0f}" for name, value in results.seconds.items()),
        "Machine": f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}, {packages}",
    }
    yield markup.code(results.command)
    yield markup.table("", list(rows.items()), kind="facts")
    yield markup.paragraph(
        "The same command gives the same numbers again. The nets saw the test pictures once, when all training was "
        "over, and nothing was chosen by them.",
        "note",
    )


# ---------------------------------------------------------------------------------------------------


def _figure(figure, alt, caption, kind=""):
    return markup.figure(plot.svg(figure), alt, caption, kind)


def _example(results):
    """A test picture to look into: of those classified rightly, the surest that is oblong but not a strip."""
    test, answers = results.parts[2], results.answers[SEVERAL, FULL][0]
    order = np.argsort(-answers.max(axis=1) - results.right(SEVERAL, FULL)[0], kind="stable")
    for index in map(int, order):
        height, width = test[index][0].shape[:2]
        if 1.2 <= width / height <= 1.6:
            return test[index][0]
    return test[int(order[0])][0]


def _full(results):
    """The example as the full-image test sees it."""
    return resize_min_side(_example(results), round(results.settings.size * results.settings.margin))


def _list(values):
    return ", ".join(str(value) for value in values)


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"

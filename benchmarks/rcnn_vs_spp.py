"""Features of 2,000 windows: R-CNN convolves each warped window, SPP-net the picture once.

The setting of the paper's section 4: ZF-5, windows warped to 227 x 227 pixels against one picture of shorter side
688, and against five scales. Weights and windows are drawn (seconds do not depend on them); the same net, backend
and threads serve both sides, in one process, in turns. Three figures each, in seconds a picture:

conv        the convolutions alone: prepared pixels -> feature maps
maps        picture -> feature maps: resizing or warping, the mean, the convolutions
features    picture -> pooled features of all windows: the whole of `describe`

Each ratio stands beside two predictions: pixels, the paper's cost model n * 227^2 against sum of s^2 * aspect, and
multiply-adds of the convolutions, counted from the shapes of all layers.

    python benchmarks/rcnn_vs_spp.py --out benchmarks/rcnn_vs_spp.json   # about two minutes
    python benchmarks/rcnn_vs_spp.py --batches 4 8 16 32 64 128          # which batch is the fastest for R-CNN
    python benchmarks/rcnn_vs_spp.py --net small --side 96 --scales 240 480 --windows 300 --rounds 1   # a glance
"""

import argparse
import json
import os
import platform
from pathlib import Path
from time import perf_counter

import numpy as np

from minispp import kernels, zoo
from minispp.data.augment import resize_min_side
from minispp.detection import rcnn
from minispp.detection.cost import multiply_adds
from minispp.detection.describe import PAPER_SCALES, FeatureMaps
from minispp.layers import Conv2D
from minispp.weights import write_atomically

CONTEXT = 16  # of 227 pixels, as in R-CNN
SHORT = 5  # runs of one scale, and 3 of several, for each one of R-CNN: they are that much shorter

# ---------------------------------------------------------------------------------------------------
# What is described


def proposals(rng, count, height, width):
    """Windows as proposals are: sides from 20 pixels to the whole, small ones as often as large, aspect 1/3 to 3."""
    scale = np.exp(rng.uniform(np.log(20), np.log(min(height, width)), count))
    aspect = np.exp(rng.uniform(-np.log(3) / 2, np.log(3) / 2, count))
    tall = np.clip(np.rint(scale * aspect), 1, height).astype(int)
    wide = np.clip(np.rint(scale / aspect), 1, width).astype(int)
    top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    return np.stack([top, left, top + tall, left + wide], axis=1)


def build(name):
    """A net with drawn weights that keep the size of their input, so that no values vanish."""
    net = zoo.zf5(20, sigma=None) if name == "zf5" else zoo.small(20)
    net.mean, net.std = (120.0, 115.0, 105.0), (58.0, 57.0, 58.0)
    return net.to(kernels.cpu)


# ---------------------------------------------------------------------------------------------------
# What it costs


class Clock:
    """Seconds spent in some methods of a net, while it lasts."""

    def __init__(self, net, *names):
        self.net, self.names, self.seconds = net, names, dict.fromkeys(names, 0.0)

    def __enter__(self):
        for name in self.names:
            setattr(self.net, name, self._timed(name, getattr(self.net, name)))
        return self

    def __exit__(self, *_):
        for name in self.names:
            delattr(self.net, name)  # what the class has shows again

    def _timed(self, name, method):
        def timed(*arguments):
            started = perf_counter()
            result = method(*arguments)
            self.seconds[name] += perf_counter() - started
            return result

        return timed


def time_rcnn(net, picture, boxes, side, batch):
    """Seconds of one description by warped windows."""
    context = CONTEXT * side // 227
    with Clock(net, "features", "pool") as clock:
        started = perf_counter()
        rcnn.describe(net, picture, boxes, side, context=context, batch=batch, progress=True)
        total = perf_counter() - started
    return {"conv": clock.seconds["features"], "maps": total - clock.seconds["pool"], "features": total}


def time_spp(net, picture, boxes, scales):
    """Seconds of one description by windows of maps."""
    with Clock(net, "features") as clock:
        started = perf_counter()
        maps = FeatureMaps(net, picture, scales)
        for position in range(len(scales)):
            maps.at(position)
        convolved = perf_counter()
        maps.pool(boxes)
        done = perf_counter()
    return {"conv": clock.seconds["features"], "maps": convolved - started, "features": done - started}


def profile(net, x, runs=7):
    """Milliseconds of each layer as part of the whole trunk, medians, and 10^9 operations a second of convolutions."""
    times = []
    with net.testing():
        for _ in range(runs):
            maps, row = x, []
            for layer in net.trunk:
                started = perf_counter()
                maps = layer.forward(maps)
                row.append(perf_counter() - started)
            times.append(row)
    shape, rows = x.shape, []
    for layer, seconds in zip(net.trunk, np.median(times, axis=0).tolist(), strict=True):
        shape = layer.output_shape(shape)
        row = {"layer": layer.name, "output": "x".join(map(str, shape)), "ms": 1000 * seconds}
        if isinstance(layer, Conv2D):
            row["GFLOP/s"] = 2e-9 * int(np.prod(shape)) * layer.kernel**2 * layer.in_channels / seconds
        rows.append(row)
    return rows


# ---------------------------------------------------------------------------------------------------


def sweep(net, picture, boxes, options):
    """Seconds of R-CNN for all windows at several batch sizes, from some of them; two rounds, the better."""
    some = boxes[: max(options.batches)]
    for batch in options.batches:
        time_rcnn(net, picture, some[:batch], options.side, batch)  # compiles, and finds its memory
    seconds = {batch: [] for batch in options.batches}
    for _ in range(options.rounds):
        for batch in options.batches:
            seconds[batch].append(time_rcnn(net, picture, some, options.side, batch)["features"])
    lines = ["| windows a batch | seconds |", "|---|---|"]
    for batch, values in seconds.items():
        lines.append(f"| {batch} | {np.median(values) * len(boxes) / len(some):.2f} |")
    return "\n".join(lines)


def measure(net, picture, boxes, options):
    """Rounds of R-CNN and, before and after it, SPP: lists of the three figures for each side."""
    one = (options.one,)
    sides = {"R-CNN": [], "SPP, one scale": [], f"SPP, {len(options.scales)} scales": []}
    time_rcnn(net, picture, boxes[: 2 * options.batch], options.side, options.batch)
    for scales in (one, options.scales):
        time_spp(net, picture, boxes, scales)
    for _ in range(options.rounds):
        for scales, name, runs in ((one, "SPP, one scale", SHORT), (options.scales, list(sides)[2], 3)):
            sides[name] += [time_spp(net, picture, boxes, scales) for _ in range(runs)]
        sides["R-CNN"].append(time_rcnn(net, picture, boxes, options.side, options.batch))
    return sides


def median(runs):
    return {figure: float(np.median([run[figure] for run in runs])) for figure in runs[0]}


def predictions(net, picture, options):
    """R-CNN over SPP for each list of scales: by pixels and by multiply-adds."""
    rows, aspect = {}, max(picture.shape[:2]) / min(picture.shape[:2])
    windows = options.windows * multiply_adds(net, options.side, options.side)
    for name, scales in (("SPP, one scale", (options.one,)), (f"SPP, {len(options.scales)} scales", options.scales)):
        pixels = options.windows * options.side**2 / sum(scale**2 * aspect for scale in scales)
        pictures = [resize_min_side(picture, scale).shape[:2] for scale in scales]
        rows[name] = {"pixels": pixels, "multiply-adds": windows / sum(multiply_adds(net, *size) for size in pictures)}
    return rows


def report(result):
    """Two tables and the profile, as Markdown."""
    seconds, lines = result["seconds"], ["| seconds a picture | conv | maps | features |", "|---|---|---|---|"]
    for name, row in seconds.items():
        lines.append(f"| {name} | {row['conv']:.3f} | {row['maps']:.3f} | {row['features']:.3f} |")
    lines += ["", "| R-CNN over | conv | maps | features | predicted: pixels | predicted: multiply-adds |"]
    lines.append("|---" * 6 + "|")
    for name, expected in result["predicted"].items():
        ratios = [seconds["R-CNN"][figure] / seconds[name][figure] for figure in ("conv", "maps", "features")]
        ratios += [expected["pixels"], expected["multiply-adds"]]
        lines.append(f"| {name} | " + " | ".join(f"{ratio:.1f}" for ratio in ratios) + " |")
    share_ms = f"ms for {result['setting']['side']}^2 pixels"
    lines += ["", f"| layer | windows | ms | GFLOP/s | {share_ms} | picture | ms | GFLOP/s | {share_ms} |"]
    lines.append("|---" * 9 + "|")
    batch, share = result["profile"]["batch"], result["profile"]["windows in the picture"]
    for window, whole in zip(result["profile"]["R-CNN"], result["profile"]["SPP"], strict=True):
        cells = [window["layer"]]
        for row, count in ((window, batch), (whole, share)):
            rate = f"{row['GFLOP/s']:.0f}" if "GFLOP/s" in row else ""
            cells += [row["output"], f"{row['ms']:.2f}", rate, f"{row['ms'] / count:.3f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=("zf5", "small"), default="zf5")
    parser.add_argument("--windows", type=int, default=2000)
    parser.add_argument("--height", type=int, default=500)
    parser.add_argument("--width", type=int, default=667)
    parser.add_argument("--side", type=int, default=227, help="of a warped window")
    parser.add_argument("--one", type=int, default=688, help="the one scale")
    parser.add_argument("--scales", type=int, nargs="+", default=PAPER_SCALES, help="the several scales")
    parser.add_argument("--batch", type=int, default=rcnn.BATCH, help="warped windows convolved at once")
    parser.add_argument("--batches", type=int, nargs="+", help="only compare these batch sizes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file to write, such as benchmarks/rcnn_vs_spp.json")
    options = parser.parse_args()
    options.scales = tuple(options.scales)
    rng, net = np.random.default_rng(0), build(options.net)
    picture = rng.integers(0, 256, (options.height, options.width, 3), np.uint8)
    boxes = proposals(rng, options.windows, options.height, options.width)
    if options.batches:
        print(sweep(net, picture, boxes, options))
        return
    load = os.getloadavg()[0]
    sides = measure(net, picture, boxes, options)
    resized = resize_min_side(picture, options.one)
    warped = rcnn.warp(picture, boxes[: options.batch], options.side)
    result = {
        "setting": {key: value for key, value in vars(options).items() if key not in ("out", "batches")},
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "load before": load},
        "seconds": {name: median(runs) for name, runs in sides.items()},
        "runs": sides,
        "predicted": predictions(net, picture, options),
        "profile": {
            "batch": len(warped),
            "windows in the picture": resized.size / warped[0].size,
            "R-CNN": profile(net, net.prepare(warped)),
            "SPP": profile(net, net.prepare(resized[None])),
        },
    }
    if options.out:
        write_atomically(options.out, json.dumps(result, indent=1).encode())
    print(report(result))


if __name__ == "__main__":
    main()

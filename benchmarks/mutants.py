"""How many single-point bugs do the tests catch?

Each mutant is one small change to one file: a sign, an index, a bound, an axis, an accumulation, a tie, padding, a
mode. The script copies the project, puts the bugs in one at a time, runs the tests until one fails, and prints
which bugs were caught. A change whose text is no longer found is an error: the list must follow the code.

    python benchmarks/mutants.py            # all; a quarter of an hour on two cores
    python benchmarks/mutants.py fields     # those whose file contains the word
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
WINDOWS, FIELDS = "minispp/windows.py", "minispp/fields.py"
DETECTION = "minispp/detection/"
REFERENCE, CPU, LAYERS = "minispp/kernels/reference.py", "minispp/kernels/cpu/", "minispp/layers/"

# (file, the bug in words, text, what it becomes)
MUTANTS = [
    (WINDOWS, "bins end at floor", "k * size // bins, ((k + 1) * size + bins - 1) // bins", "k * size // bins, ((k + 1) * size) // bins"),
    (WINDOWS, "bins start at ceil", "[k * size // bins, (", "[(k * size + bins - 1) // bins, ("),
    (WINDOWS, "sliding window one short", "np.minimum(start + kernel, size)", "np.minimum(start + kernel - 1, size)"),
    (WINDOWS, "negative start not clipped", "np.maximum(start, 0)", "start"),
    (WINDOWS, "padding counted once", "room = size + 2 * pad - kernel", "room = size + pad - kernel"),
    (WINDOWS, "window wholly in the padding kept", "(count - 1) * stride - pad >= size", "(count - 1) * stride - pad > size"),
    (WINDOWS, "ceil mode ignored", "(stride - 1 if ceil_mode else 0)", "0"),
    (WINDOWS, "bins of a window start at the map's edge", "(top + i * height // rows)", "(i * height // rows)"),
    (WINDOWS, "axes swapped", "(left + j * width // columns)", "(left + j * height // columns)"),
    (WINDOWS, "rounding by the other axis", "((j + 1) * width + columns - 1)", "((j + 1) * width + rows - 1)"),
    (WINDOWS, "nesting looks at rows only", "fine[0] % coarse[0] == 0 and fine[1] % coarse[1] == 0", "fine[0] % coarse[0] == 0"),
    (WINDOWS, "every window in image 0", "    table[..., 0] = np.arange(n)[:, None, None]\n", "    table[..., 0] = 0\n"),
    (WINDOWS, "height and width swapped", "table[:, 3:] = height, width", "table[:, 3:] = width, height"),
    (WINDOWS, "a window may leave by one", "(bottom <= height)", "(bottom <= height + 1)"),
    (FIELDS, "half the padding", "(kernel - 1 - 2 * pad)", "(kernel - 1 - pad)"),
    (FIELDS, "field too large", "size += stride * (kernel - 1)", "size += stride * kernel"),
    (FIELDS, "stride of this layer, not of those before", "size += stride * (kernel - 1)", "size += step * (kernel - 1)"),
    (FIELDS, "first cell one too early", "above // (2 * stride) + 1,", "above // (2 * stride),"),
    (FIELDS, "released rule off by 1/32", "16 * above + 29 * stride", "16 * above + 28 * stride"),
    (FIELDS, "inverted boxes collapse to one end", "middle = (first + last) // 2", "middle = first"),
    (FIELDS, "last cell outside", "np.clip(last, 0, count - 1) + 1", "np.clip(last, 0, count) + 1"),
    (FIELDS, "box end taken as its last pixel", "boxes[:, axis + 2] - 1, field", "boxes[:, axis + 2], field"),
    (REFERENCE, "columns counted with the filter's rows", "(x.shape[2] - kw) // stride + 1", "(x.shape[2] - kh) // stride + 1"),
    (REFERENCE, "no bias", "    y[:] = b\n", "    y[:] = 0\n"),
    (REFERENCE, "filter turned in dx", "under += dy @ w[u, v].T", "under += dy @ w[-1 - u, v].T"),
    (REFERENCE, "mean for sum in db", "db = dy.sum(axis=(0, 1, 2)", "db = dy.mean(axis=(0, 1, 2)"),
    (REFERENCE, "taps (u, u)", "stride, v : v +", "stride, u : u +"),
    (REFERENCE, "dx cut off at the wrong place", "dx[:, pad : pad + height, pad : pad + width]", "dx[:, :height, :width]"),
    (REFERENCE, "last of equals wins", "(value > best) |", "(value >= best) |"),
    (REFERENCE, "NaN loses", "(value > best) | (np.isnan(value) & ~np.isnan(best))", "(value > best)"),
    (REFERENCE, "one of several gradients kept", "np.add.at(dx, (winners, np.arange(channels)), dy)", "dx[winners, np.arange(channels)] += dy"),
    (REFERENCE, "gradient at the kink", "np.where(y > 0, dy, 0)", "np.where(y >= 0, dy, 0)"),
    (REFERENCE, "factor 2 lost", "return dy * scale**-beta - 2 * alpha", "return dy * scale**-beta - alpha"),
    (REFERENCE, "sign in LRN", "return dy * scale**-beta - 2", "return dy * scale**-beta + 2"),
    (REFERENCE, "members of a square", "size if across else size * size", "size"),
    (REFERENCE, "largest score not subtracted", "shifted = z - z.max(axis=1, keepdims=True, initial=-np.inf)", "shifted = z - 0"),
    (REFERENCE, "count forgotten", "return dz / p.dtype.type(count)", "return dz"),
    (REFERENCE, "weight decay pushes", "velocity -= rate * (scale * grad + decay", "velocity -= rate * (scale * grad - decay"),
    (REFERENCE, "dropout not rescaled", "x / x.dtype.type(1 - rate)", "x"),
    (CPU + "strips.py", "stride ignored in a patch", "np.uint64(j * stride * c)", "np.uint64(j * c)"),
    (CPU + "strips.py", "phase one output early", "a - (len(taps) - 1), taps", "a - len(taps), taps"),
    (CPU + "strips.py", "taps not reversed", "np.arange(phase, kernel, stride)[::-1]", "np.arange(phase, kernel, stride)"),
    (CPU + "strips.py", "a part of dw lost", "for part in range(1, len(sums))", "for part in range(2, len(sums))"),
    (CPU + "strips.py", "bias of the wrong filter", "outputs[k, m] += b[m]", "outputs[k, m] += b[0]"),
    (CPU + "convolution.py", "a part of db lost", "for part in range(1, PARTS)", "for part in range(2, PARTS)"),
    (CPU + "kept.py", "old filters kept", "if copy is None or not _same(copy.reshape(-1), weights.reshape(-1))", "if copy is None"),
    (CPU + "winograd/points.py", "sign at -1/2", "odd + eight * v3 - v4 / eight", "odd + eight * v3 + v4 / eight"),
    (CPU + "winograd/points.py", "transpose with a sign", "h1 = half * v3 - two * v4", "h1 = half * v3 + two * v4"),
    (CPU + "winograd/points.py", "Horner's rule one power short", "y2 + two * (y3 + two * y4)", "y2 + two * (y3 + y4)"),
    (CPU + "winograd/tiles.py", "infinity forgotten", "out[last + k] += mid[a + 5 * LANES + k]", "out[last + k] += 0"),
    (CPU + "winograd/tiles.py", "zeros outside forgotten", "line[start + k] if 0 <= start + k < len(line) else 0", "line[min(max(start + k, 0), len(line) - 1)]"),
    (CPU + "winograd/filters.py", "taps of another place in the cell", "i, j = side * s + down, side * t + across\n                if i < kernel and j < kernel:\n                    for p", "i, j = side * s + across, side * t + down\n                if i < kernel and j < kernel:\n                    for p"),
    (CPU + "winograd/__init__.py", "chunks not added up", "block or count, first > 0, du", "block or count, False, du"),
    (CPU + "pooling.py", "NaN loses", "better = (not (value <= best)) & (best == best)\n    return", "better = value > best\n    return"),
    (CPU + "pooling.py", "NaN loses without winners", "return value if (not (value <= best)) & (best == best) else best", "return value if value > best else best"),
    (CPU + "pooling.py", "last of equal winners", "before = cell < won", "before = cell > won"),
    (CPU + "pooling.py", "gradient set, not added", "dx[np.uint64(winners[r, c]), c] += dy[r, c]", "dx[np.uint64(winners[r, c]), c] = dy[r, c]"),
    (CPU + "pooling.py", "tables taken to be in order", "if in_order else", "if True else"),
    (CPU + "normalisation.py", "neighbourhood one short", "above, below = max(0, i - rows), min(height, i + rows + 1)\n        _sum", "above, below = max(0, i - rows), min(height, i + rows)\n        _sum"),
    (CPU + "vectors.py", "block of weights dropped", "for k in range(len(partial))", "for k in range(1, len(partial))"),
    (CPU + "vectors.py", "last rows of a product dropped", "for last in range(i, k):", "for last in range(i + 1, k):"),
    (CPU + "vectors.py", "loss without the label's score", "np.log(total) - (own - largest)", "np.log(total)"),
    (CPU + "vectors.py", "of equal scores any may win", "own == z[n, k] and labels[n] <= k", "own == z[n, k]"),
    (CPU + "elementwise.py", "NaN hidden by ReLU", "zero if x[k] <= zero else x[k]", "x[k] if x[k] > zero else zero"),
    (CPU + "elementwise.py", "momentum on the gradient", "momentum * velocity[k] - rate", "velocity[k] - momentum * rate"),
    (LAYERS + "layer.py", "second gradient replaces the first", "            ops.add(self.grad, grad)\n", "            self.grad = grad\n"),
    (LAYERS + "spp.py", "levels nested as in another pyramid", "nesting(self.levels)", "nesting(self.levels[::-1])"),
    (LAYERS + "spp.py", "nesting of another pyramid", "nesting(self.levels), need", "nesting(self.levels[::-1]), need"),
    (LAYERS + "pool.py", "windows laid over the map upside down", "ops.window_max(x, windows, need", "ops.window_max(x[:, ::-1], windows, need"),
    (LAYERS + "conv.py", "dw forgotten", "        self.weight.add_grad(dw, self.ops)\n", ""),
    (LAYERS + "loss.py", "groups weighted alike", "count = len(z) if count is None else count", "count = len(z)"),
    (LAYERS + "dropout.py", "the same mask every time", "            self.calls += 1\n", ""),
    (LAYERS + "lrn.py", "bias of LRN ignored", "self.beta, self.bias, self.across)\n        self.saved", "self.beta, 1.0, self.across)\n        self.saved"),
    ("minispp/train.py", "groups not weighted by the batch", "count=len(samples))", "count=len(labels))"),
    ("minispp/checkpoint.py", "short batch counts as a whole one", "self.loss_sum += loss * samples", "self.loss_sum += loss"),
    ("minispp/optim.py", "clipping the wrong way", "min(1.0, self.clip / norm)", "max(1.0, self.clip / norm)"),
    ("minispp/net.py", "deviation not divided out", "            rows /= np.tile(np.asarray(self.std, self.dtype), width)\n", ""),
    ("minispp/predict.py", "corner views one pixel in", "{0, (side - size) // 2, side - size}", "{0, (side - size) // 2, side - size - 1}"),
    (DETECTION + "sampling.py", "a window at the lower end is no positive", "positive = (positive_iou[0] <= most)", "positive = (positive_iou[0] < most)"),
    (DETECTION + "sampling.py", "the object of the first window for all", "overlaps[positive].argmax(axis=1)", "overlaps[positive].argmax(axis=1)[:1]"),
    (DETECTION + "sampling.py", "far windows drawn before near ones", "(classes == background, classes < 0)", "(classes < 0, classes == background)"),
    (DETECTION + "sampling.py", "more positives than asked for", "[: round(positive_share * count)]", "[:count]"),
    (DETECTION + "finetune.py", "each picture a mean of its own", "_add_gradients(net, *view, count, cell_rule)", "_add_gradients(net, *view, len(view[2]), cell_rule)"),
    (DETECTION + "finetune.py", "difficult objects teach", "objects, labels = scene.boxes[~scene.difficult], scene.labels[~scene.difficult]", "objects, labels = scene.boxes, scene.labels"),
    (DETECTION + "finetune.py", "the picture mirrored, its boxes not", "resized, boxes = mirrored(resized, boxes)", "resized = mirrored(resized, boxes)[0]"),
    (DETECTION + "finetune.py", "the state is not kept", "            keeper.keep(net, optimiser, now)\n", ""),
    (DETECTION + "pretrain.py", "crops without jitter", "moves = jitter *", "moves = 0 * jitter *"),
    (DETECTION + "pretrain.py", "background on difficult objects", "iou(windows, scene.boxes).max", "iou(windows, scene.boxes[~scene.difficult]).max"),
    (DETECTION + "decide.py", "suppressed by the boxes of another class", "nms(boxes[rows, label], scores[rows, label], threshold)", "nms(boxes[rows, 0], scores[rows, label], threshold)"),
    (DETECTION + "decide.py", "scores at the limit dropped", "scores[:, label] >= least", "scores[:, label] > least"),
    (DETECTION + "decide.py", "the worst reported", "by_score(found[:, 2])[:top]", "by_score(found[:, 2])[::-1][:top]"),
    (DETECTION + "store.py", "settings not in the name", "json.dumps([*made_by, settings]", "json.dumps([*made_by]"),
    (DETECTION + "store.py", "shape not in the name", "{picture.dtype} {picture.shape}", "{picture.dtype}"),
    (DETECTION + "store.py", "damage not noticed", ' and metadata.get("sum") == _sum(boxes)', ""),
    (DETECTION + "detector.py", "boxes not clipped", "moved = clip(moved.reshape(-1, 4), *picture.shape[:2]).reshape(moved.shape)", "pass"),
    (DETECTION + "training.py", "difficult objects are positives", "np.minimum(with_objects[:, scene.difficult], DIFFICULT)", "with_objects[:, scene.difficult]"),
    (DETECTION + "training.py", "regression to the first object", "scene.boxes[objects[nearest[rows]]]", "scene.boxes[objects[:1].repeat(len(rows))]"),
    (DETECTION + "training.py", "ridge not for scaled features", "ridge / svms.scale**2", "ridge"),
    (DETECTION + "describe.py", "ratio of the rows for both axes", "from_side, to_side = np.array(shape[:2]), np.array(size)", "from_side, to_side = np.array([shape[0]] * 2), np.array([size[0]] * 2)"),
    (DETECTION + "precision.py", "precision not made monotone", "best = np.maximum.accumulate(precision[::-1])[::-1]", "best = precision"),
]  # fmt: skip


def copy_project(folder):
    """The project without what it can make again."""
    ignore = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".numba_cache", ".hypothesis", "demo", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=ignore)


def first_tests(file):
    """The tests that mirror a file, which usually catch its bugs; the whole suite follows if they do not."""
    if file in (WINDOWS, FIELDS):
        return ["tests/test_windows.py", "tests/test_fields.py"]
    if "kernels" in file:
        return ["tests/kernels"]
    if "detection" in file:
        return ["tests/detection"]
    if "layers" in file:
        return ["tests/layers"]
    return [f"tests/test_{Path(file).stem}.py"]


def fails(project, tests):
    """Run tests until one fails. Returns the name of that test, or None."""
    environment = {**os.environ, "PYTHONPATH": str(project), "NUMBA_CACHE_DIR": str(project / ".numba_cache")}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
    command += ["--ignore=tests/peers", *tests]  # what needs another framework must not be needed here
    # Hypothesis must not remember failures of another mutant.
    shutil.rmtree(project / ".hypothesis", ignore_errors=True)
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=1800)
    if done.returncode == 0:
        return None
    named = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return named[0].partition(" - ")[0] if named else f"exit code {done.returncode}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="?", default="", help="mutants whose file contains this")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant[0]]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        copy_project(project)
        for file, words, old, new in chosen:
            count = (project / file).read_text().count(old)
            if count != 1 or old == new:
                sys.exit(f"{file}: {words}: its text stands there {count} times, expected once")
        broken = fails(project, [])
        if broken:
            sys.exit(f"the suite fails without any mutant: {broken}")
        for file, words, old, new in tqdm(chosen, unit="mutant"):
            path, started = project / file, perf_counter()
            text = path.read_text()
            path.write_text(text.replace(old, new))
            caught = fails(project, first_tests(file)) or fails(project, [])
            path.write_text(text)
            seconds = round(perf_counter() - started, 1)
            results.append({"file": file, "bug": words, "caught by": caught, "seconds": seconds})
            tqdm.write(f"{'caught  ' if caught else 'SURVIVED'} {file}: {words} [{caught or '-'}]")
    caught = sum(result["caught by"] is not None for result in results)
    print(f"{caught} of {len(results)} caught ({caught / len(results):.1%})")
    if not options.only:
        options.out.write_text(json.dumps(results, indent=1) + "\n")
    sys.exit(caught < 0.95 * len(results))


if __name__ == "__main__":
    main()

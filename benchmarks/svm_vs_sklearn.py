"""Seconds to fit one linear SVM, ours and scikit-learn's LinearSVC (liblinear), in the same run.

Both minimise the same objective: class weight, and the intercept as a constant feature that is kept small too. Both
stop by the projected gradients of the dual, at the same tolerance. Before anything is timed, the tolerance is chosen
for each problem: the largest of TOLERANCES at which the objective of *both* is within 1e-4 of the best one known, from
a fit to a tolerance of 1e-7. The sides take turns, with a new seed a round, and their order turns with every round;
small problems have five times the rounds.

The features are drawn: as of windows after a ReLU, of mean norm 20, float32; a few positives which differ from the rest
in five of sixty directions. Timed is the whole call, from float32 features to weights. LinearSVC copies them to float64
and into its sparse format; that is part of it. `fit` of liblinear alone, on float64 features, is timed as well.

    python benchmarks/svm_vs_sklearn.py --rounds 7
"""

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.svm import LinearSVC
from tqdm import tqdm

from minispp.detection.svm import fit_svm, objective
from minispp.weights import write_atomically

GOAL = 1e-4  # relative error of the objective
PASSES = 100_000  # at most, for both
TOLERANCES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
SMALL = 5_000_000  # features in all: a fit takes milliseconds, and five times the rounds
SIDES = ("ours", "LinearSVC", "LinearSVC, float64 given")

# samples, features, part of positives, C, weight of a positive, bias, loss
PROBLEMS = (
    (200, 30, 0.1, 0.1, 1.0, 1.0, "hinge"),  # a large C for so few samples: hundreds of passes
    (300, 50, 0.1, 0.003, 2.0, 5.0, "hinge"),
    (2_000, 500, 0.05, 0.001, 2.0, 5.0, "hinge"),
    (5_000, 3_200, 0.05, 0.0003, 1.0, 5.0, "hinge"),
    (5_000, 3_200, 0.02, 0.001, 2.0, 5.0, "hinge"),
    (5_000, 3_200, 0.02, 0.001, 2.0, 5.0, "squared hinge"),
    (20_000, 3_200, 0.01, 0.0003, 1.0, 5.0, "hinge"),
    (20_000, 3_200, 0.05, 0.001, 2.0, 5.0, "hinge"),
)


def draw(count, width, positives, seed=0):
    """Features (count, width) float32 and labels, bool."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(count, bool)
    labels[rng.permutation(count)[: int(positives * count)]] = True
    directions = rng.standard_normal((60, width), np.float32) / np.sqrt(np.float32(60))
    mix = rng.standard_normal((count, 60), np.float32)
    mix[labels, :5] += 1.5
    features = mix @ directions
    features += rng.standard_normal((count, width), np.float32)
    np.maximum(features, 0, out=features)
    features *= 20 / np.linalg.norm(features, axis=1).mean()
    return features, labels


def fit(side, features, labels, settings, tolerance, seed):
    """Seconds, weights and intercept of one fit."""
    if side == "ours":
        started = perf_counter()
        svm = fit_svm(features, labels, **settings, tolerance=tolerance, max_passes=PASSES, seed=seed)
        return perf_counter() - started, svm.weights, svm.intercept
    peer = LinearSVC(
        C=settings["C"],
        class_weight={True: settings["positive_weight"]},
        intercept_scaling=settings["bias"],
        loss=settings["loss"].replace(" ", "_"),
        dual=True,
        tol=tolerance,
        max_iter=PASSES,
        random_state=seed,
    )
    started = perf_counter()
    peer.fit(features, labels)
    return perf_counter() - started, peer.coef_[0], peer.intercept_[0]


def tolerance_for(features, labels, settings):
    """The best objective known, and the largest tolerance at which both sides come within GOAL of it."""
    best = fit_svm(features, labels, **settings, tolerance=1e-7, max_passes=PASSES).objective
    for tolerance in TOLERANCES:
        fits = [fit(side, features, labels, settings, tolerance, seed) for side in SIDES[:2] for seed in (0, 1)]
        errors = [objective(features, labels, *solution, **settings) / best - 1 for _, *solution in fits]
        if max(errors) <= GOAL:
            return best, tolerance
    raise SystemExit(f"no tolerance brings both sides within {GOAL} of the best objective: {errors}")


def measure(rounds):
    """A row for each problem, round and side."""
    rows = []
    for problem, (count, width, positives, C, weight, bias, loss) in enumerate(tqdm(PROBLEMS, unit="problem")):
        features, labels = draw(count, width, positives)
        settings = {"C": C, "positive_weight": weight, "bias": bias, "loss": loss}
        best, tolerance = tolerance_for(features, labels, settings)
        wide = features.astype(np.float64)
        for number in range(rounds * (5 if count * width < SMALL else 1)):
            turn = number % len(SIDES)
            for side in (*SIDES[turn:], *SIDES[:turn]):
                x = wide if side == SIDES[2] else features
                seconds, *solution = fit(side, x, labels, settings, tolerance, number)
                error = objective(features, labels, *solution, **settings) / best - 1
                row = {"problem": problem, "round": number, "side": side, "seconds": seconds, "error": error}
                rows.append({**row, "tolerance": tolerance, "best objective": best})
    return rows


def summary(rows):
    """Medians, largest errors and ratios, as Markdown; and the ratios."""
    lines = [
        "| samples x features | positives | C, weight, loss | tolerance | ours, s | LinearSVC, s | given float64, s "
        "| ratio (by round) | largest error, ours / LinearSVC |",
        "|---" * 9 + "|",
    ]
    ratios = []
    for problem, (count, width, positives, C, weight, _, loss) in enumerate(PROBLEMS):
        own = {side: [row for row in rows if row["problem"] == problem and row["side"] == side] for side in SIDES}
        seconds = {side: np.array([row["seconds"] for row in own[side]]) for side in SIDES}
        medians = {side: float(np.median(values)) for side, values in seconds.items()}
        by_round = seconds["LinearSVC"] / seconds["ours"]
        errors = [max(row["error"] for row in own[side]) for side in SIDES[:2]]
        ratios.append(medians["LinearSVC"] / medians["ours"])
        lines.append(
            f"| {count:,} x {width:,} | {positives:.0%} | {C:g}, {weight:g}, {loss} | {own['ours'][0]['tolerance']:g} "
            + "".join(f"| {medians[side]:.4f} " for side in SIDES)
            + f"| {ratios[-1]:.1f} ({by_round.min():.1f} .. {by_round.max():.1f}) "
            f"| {errors[0]:.0e} / {errors[1]:.0e} |"
        )
    lines += [
        "",
        "Ratio: seconds of LinearSVC over ours, medians of one run; above 1 we are faster. Error: of the objective, "
        f"relative to the best known; {GOAL:g} was allowed when the tolerance was chosen.",
    ]
    return "\n".join(lines), ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    load = os.getloadavg()[0]
    fit_svm(*draw(20, 3, 0.5))  # compiles
    rows = measure(options.rounds)
    text, ratios = summary(rows)
    about = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "scikit-learn")},
        "load before": load,
        "ratios": ratios,
    }
    write_atomically(options.out, (json.dumps({**about, "rows": rows}, indent=1) + "\n").encode())
    options.out.with_suffix(".md").write_text(text + "\n")
    print(text, f"written to {options.out}", sep="\n\n")


if __name__ == "__main__":
    main()

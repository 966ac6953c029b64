"""``minispp bench`` from start to end: floors, cases, tables, files."""

import json
import os
import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from minispp.bench import extras, report
from minispp.bench.case import OURS
from minispp.bench.cases import PARTS
from minispp.bench.floors import SHARES, floor
from minispp.bench.measure import measure, ratios
from minispp.bench.processes import Failed, Processes, available

BUSY = 0.5  # load above which a note is printed


def run(parts=(), *, rounds=7, threads=None, out="benchmarks", only="", cases=None, progress=True):
    """Measure parts of the benchmark, print their tables, and write a JSON file and a plot for each.

    Parameters
    ----------
    parts : sequence of str
        Of ``layers``, ``pool``, ``step``, ``small``; all if empty.
    rounds : int
        Timings of every side of every case, in turn.
    threads : int, optional
        Of each side; 2, or 1 on a machine with one core.
    out : path
        Folder for the files.
    only : str
        Only cases, and further questions, whose name contains this.
    cases : dict of str to list of Case, optional
        In place of the parts' own.
    progress : bool
        Show a bar with the time left.

    Returns
    -------
    dict of str to dict
        What was written, by part.

    Raises
    ------
    ValueError
        If nothing is left to measure, a number makes no sense, or `out` is no folder.
    """
    threads = min(2, os.cpu_count() or 1) if threads is None else threads
    out = Path(out)
    if rounds < 1 or threads < 1:
        raise ValueError(f"expected at least 1 round and 1 thread, got {rounds} and {threads}")
    if not out.is_dir():
        raise ValueError(f"there is no folder {out} to write the results to")
    if not find_spec("numba"):
        raise ModuleNotFoundError("bench needs Numba (pip install numba)", name="numba")
    chosen = {part: PARTS[part]() for part in (parts or PARTS)} if cases is None else cases
    chosen = {part: [case for case in listed if only in case.name] for part, listed in chosen.items()}
    asked = {part: {name: ask for name, ask in _extras(part, threads).items() if only in name} for part in chosen}
    chosen = {part: listed for part, listed in chosen.items() if listed or asked[part]}
    if not chosen:
        raise ValueError(f"no case has {only!r} in its name")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if load is not None and load > BUSY:
        print(f"The machine is busy (load {load:.1f}): what waits while it spins suffers most, and ratios mislead.\n")
    with Processes(threads) as processes, _bar(chosen, asked, rounds, progress) as bar:
        rates = processes.ask(OURS, "rates")
        about = {**_about(processes, chosen), "threads": threads, "rounds": rounds, "load before": load, "rates": rates}
        results = {}
        for part, listed in chosen.items():
            rows = [_row(case, processes, rounds, rates, bar) for case in listed]
            results[part] = {"part": part, **about, "extras": _answers(asked[part], bar), "rows": rows}
    print(_rates_text(rates, threads))
    for part, result in results.items():
        print(_text(result))
        _write(out / part, result)
    return results


def failed(results):
    """Whether a case was wrong or could not be run."""
    rows = (row for result in results.values() for row in (*result["rows"], *result["extras"].values()))
    return any("failed" in row for row in rows)


# ---------------------------------------------------------------------------------------------------
# Stages


def _extras(part, threads):
    """Further questions of a part: name -> a function that answers."""
    if part == "layers":
        return {"memory": lambda: extras.memory(threads)}
    if part == "small":
        return {"start": lambda: extras.start(threads)}
    if part == "pool":
        case = PARTS["pool"]()[-1]
        return {"same bits": lambda: extras.same_bits(case, threads)}
    return {}


def _answers(questions, bar):
    found = {}
    for name, ask in questions.items():
        bar.set_postfix_str(name)
        try:
            found[name] = ask()
        except Failed as error:
            found[name] = {"failed": str(error)}
        bar.update()
    return found


def _row(case, processes, rounds, rates, bar):
    """A measured case with its floor and what was predicted."""

    def tick(text):
        bar.set_postfix_str(text)
        bar.update()

    bar.set_postfix_str(f"{case.name}: comparing")
    row = measure(case, processes, rounds, tick)
    least, decides = floor(case, rates, row.get("path"))
    longest = report.TARGETS[case.group].microseconds  # of a call on one cell, where no floor says anything
    predicted = least / SHARES[decides] if longest is None else 1e-6 * longest
    row |= {"floor": least, "decides": decides, "predicted": predicted}
    if "times" in row:
        row["ratios"] = ratios(row)
    else:
        bar.total -= rounds * len(row["sides"])
        bar.write(row["failed"])
    return row


def _bar(chosen, asked, rounds, progress):
    from tqdm import tqdm

    timings = sum(rounds * len(available(case.sides)) for listed in chosen.values() for case in listed)
    total = timings + sum(len(asked[part]) for part in chosen)
    shape = "{percentage:3.0f}%|{bar:20}| {elapsed} elapsed, {remaining} left{postfix}"
    return tqdm(total=total, bar_format=shape, disable=not progress, dynamic_ncols=True)


def _about(processes, chosen):
    """Machine and versions."""
    sides = available(dict.fromkeys(side for listed in chosen.values() for case in listed for side in case.sides))
    versions = {name: version(name) for name in ("numpy", "scipy")}
    for side in sides:
        versions |= processes.ask(side, "about")
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": versions,
    }


# ---------------------------------------------------------------------------------------------------
# What is printed and written


def _rates_text(rates, threads):
    return (
        f"Floors from {rates['products'] / 1e9:.0f} GFLOP/s of matrix products and {rates['bytes'] / 1e9:.1f} GB/s of "
        f"copying, {threads} threads. Ratio: the peer's time over ours; above 1 we are faster."
    )


def _text(result):
    """Everything about a part, as Markdown."""
    parts, rows = [f"\n## {result['part']}"], result["rows"]
    for group in dict.fromkeys(row["group"] for row in rows):
        parts.append(report.group_text(group, [row for row in rows if row["group"] == group]))
    if rows:
        rule = " and ".join(f"{share:.0%} of what {name} allow" for name, share in SHARES.items())
        rule += "; for single calls, the aim itself"
        parts.append(f"### Predicted and came\n\nPredicted: {rule}.\n\n{report.predictions_text(rows)}")
        warmups = {}
        for row in rows:
            for side, spent in row.get("warm-up", {}).items():
                warmups[side] = warmups.get(side, 0) + spent
        spent = ", ".join(f"{side} {report.seconds(value)}" for side, value in warmups.items())
        parts.append(f"First runs, which compile or choose kernels, not in any time above: {spent}.")
    if result["extras"]:
        parts.append(report.extras_text(result["extras"]))
    return "\n\n".join(parts)


def _write(stem, result):
    """The JSON file and, where there are ratios, the plot; each all or nothing."""
    from minispp.weights import write_atomically

    groups = {}
    for row in result["rows"]:
        groups.setdefault(row["group"], []).append(row)
    summaries = {group: report.summary(group, rows) for group, rows in groups.items()}
    content = json.dumps({**result, "summaries": summaries}, indent=1) + "\n"
    write_atomically(stem.with_suffix(".json"), content.encode())
    print(f"\nwritten to {stem.with_suffix('.json')}", end="")
    panels = {}
    for group, rows in groups.items():
        compared = [row for row in rows if "ratio" in row.get("ratios", {})]
        lines = {row["case"]: (row["ratios"]["ratio"], row["ratios"]["by round"]) for row in compared}
        if lines:
            aim = report.TARGETS[group]
            panels[group] = lines, {"mean": aim.mean, "lowest": aim.lowest}
    if panels:
        from minispp import plot

        write_atomically(stem.with_suffix(".png"), plot.png(plot.ratios(panels)))
        print(f" and {stem.with_suffix('.png')}", end="")
    print()

"""From rows to tables: what was measured, what was predicted, and whether the aims are met."""

from minispp.bench.case import OURS, RENEWED, TARGETS
from minispp.bench.measure import geometric_mean, ratios

ACCURATE = 1e-5  # the aim for the error against float64


def seconds(value):
    """A time with three digits, in the unit that suits it.

    Examples
    --------
    >>> seconds(1.2345), seconds(0.0123), seconds(4.5e-6)
    ('1.23 s', '12.3 ms', '4.5 µs')
    """
    for unit, size in (("s", 1), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def table(head, lines):
    """A Markdown table.

    Examples
    --------
    >>> print(table(["a", "b"], [[1, None]]))
    | a | b |
    |---|---|
    | 1 |  |
    """
    rows = ["| " + " | ".join("" if cell is None else str(cell) for cell in line) + " |" for line in (head, *lines)]
    return "\n".join([rows[0], "|---" * len(head) + "|", *rows[1:]])


def summary(group, rows):
    """What a group reaches: geometric mean and lowest ratio, longest call; ``met`` says whether that is its aim.

    Examples
    --------
    >>> rows = [{"times": {"ours": [1.0], "a": [a]}, "counted": ["a"]} for a in (1.0, 4.0)]
    >>> summary("convolution forward", rows)
    {'mean': 2.0, 'lowest': 1.0, 'met': True}
    """
    aim, timed = TARGETS[group], [ratios(row) for row in rows if "times" in row]
    compared = [found["ratio"] for found in timed if "ratio" in found]
    result, met = {}, []
    if compared:
        result |= {"mean": geometric_mean(compared), "lowest": min(compared)}
        met += [result[name] >= wanted for name in ("mean", "lowest") if (wanted := getattr(aim, name)) is not None]
    if aim.microseconds is not None and timed:
        result["microseconds"] = 1e6 * max(found["medians"][OURS] for found in timed)
        met.append(result["microseconds"] <= aim.microseconds)
    if met:
        result["met"] = all(met) and len(timed) == len(rows)
    return result


def group_text(group, rows):
    """The table of a group and the line below it."""
    sides = list(dict.fromkeys(side for row in rows for side in row["sides"]))
    peers = [side for side in sides if side not in (OURS, RENEWED)]
    renewed = [RENEWED] if RENEWED in sides else []
    ways = any(row.get("path") for row in rows)
    head = ["case", "ours", "lowest .. highest", *renewed, *peers, "ratio", "by round", "floor", "share", "error"]
    head += ["way"] if ways else []
    lines = []
    for row in rows:
        if "times" not in row:
            lines.append([row["case"], "failed: " + row["failed"].replace("|", "/"), *[None] * (len(head) - 2)])
            continue
        found, own = ratios(row), row["times"][OURS]
        medians = found["medians"]
        line = [row["case"], seconds(medians[OURS]), f"{seconds(min(own))} .. {seconds(max(own))}"]
        line += [seconds(medians[side]) if side in medians else None for side in (*renewed, *peers)]
        if "ratio" in found:
            by_round = found["by round"]
            line += [f"**{found['ratio']:.2f}**", f"{min(by_round):.2f} .. {max(by_round):.2f}"]
        else:
            line += [None, None]
        line += [f"{seconds(row['floor'])} ({row['decides']})", f"{row['floor'] / medians[OURS]:.0%}"]
        line.append(_error(row))
        lines.append(line + ([row["path"]] if ways else []))
    return f"### {group.capitalize()}\n\n{table(head, lines)}\n\n{_summary_text(group, rows)}"


def _error(row):
    """Of ours against float64 where that was computed; else "equal" where it had to be, or the distance of a peer."""
    errors = row.get("errors", {})
    if row["error is against"] == "float64":
        return f"{errors[OURS]:.0e}" + ("" if errors[OURS] <= ACCURATE else f" > {ACCURATE:.0e}")
    return f"{errors[OURS]:.0e} (peer)" if OURS in errors else "not compared"


def _summary_text(group, rows):
    result, aim = summary(group, rows), TARGETS[group]
    parts = []
    for name, words in (("mean", "geometric mean"), ("lowest", "lowest"), ("microseconds", "longest, µs")):
        if name in result:
            wanted = getattr(aim, name)
            wish = "" if wanted is None else f" (aim: {'at most' if name == 'microseconds' else 'at least'} {wanted:g})"
            parts.append(f"{words} {result[name]:.3g}{wish}")
    verdict = {True: ": met.", False: ": **missed**.", None: "."}[result.get("met")]
    missing = sorted({side for row in rows for side in row["missing"]})
    absent = f" Not installed, so not measured: {', '.join(missing)} (pip install minispp[peers])." if missing else ""
    return (", ".join(parts) + verdict if parts else "No ratio was measured.") + absent


def predictions_text(rows):
    """What was predicted from the floor, and what came."""
    lines = []
    for row in rows:
        if "times" in row:
            came = ratios(row)["medians"][OURS]
            floor = f"{seconds(row['floor'])} ({row['decides']})"
            predicted = row["predicted"]
            lines.append([row["case"], floor, seconds(predicted), seconds(came), f"{came / predicted:.2f}"])
    return table(["case", "floor", "predicted", "came", "came / predicted"], lines)


def extras_text(extras):
    """Memory, compile cost and bits as a list."""
    lines = []
    for name, found in extras.items():
        if "failed" in found:
            lines.append(f"{name}: failed: {found['failed']}")
        elif name == "memory":
            lines.append(
                f"memory of zf5 forward at 1200x1600: peak {found['peak'] / 2**20:.0f} MB, activations and weights "
                f"{found['sum'] / 2**20:.0f} MB, ratio {found['ratio']:.2f} (aim: at most {found['at most']})"
            )
        elif name == "start":
            for cache, words in (("cold", "an empty"), ("warm", "a full")):
                spent = found[cache]
                lines.append(
                    f"the demo's kernels with {words} cache: {spent['kernels']:.2f} s (aim: at most "
                    f"{found['at most'][cache]}), after {spent['imports']:.2f} s of imports"
                )
        else:
            threads = " and ".join(map(str, found["threads"]))
            answer = "yes" if found["same"] else "**no**"
            lines.append(f"{found['case']}: same bits in {found['runs']} runs each with {threads} threads: {answer}")
    return "\n".join(f"- {line}" for line in lines)

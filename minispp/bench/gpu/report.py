"""From rows to the page ``gpu.md``."""

from minispp.bench.gpu.times import AIMS
from minispp.bench.report import seconds, table


def page(result):
    """Everything, as Markdown."""
    about, parts = result["about"], ["# kernels.gpu on a device"]
    parts.append("\n".join(f"- {name}: {value}" for name, value in about.items()))
    parts.append("Made by `python3 -m minispp bench --gpu`; the figures are in the JSON file beside this page.")
    if not about["hardware"]:
        parts.append("**No hardware was seen: this ran in the simulator, at tiny sizes, and took no times.**")
    parts.append("## Checks\n\n" + _checks(result))
    if "rates" in result:
        rates = result["rates"]
        parts.append(
            f"## Times\n\nIn the same run the card copied {rates['bytes'] / 1e9:,.0f} GB/s, read and written, and made "
            f"{rates['operations'] / 1e12:.1f} TFLOP/s in float32. Medians of {about['rounds']} runs."
        )
        parts.append("### Pooling\n\n" + _pooling(result["pooling"]))
        parts.append("### Convolution\n\n" + _beside_torch(result["convolution"], "convolution", rates["operations"]))
        parts.append("### Training step\n\n" + _beside_torch(result["step"], "step"))
    return "\n\n".join(parts) + "\n"


def failures(result):
    """What is wrong, a line each: checks and bits; that an aim is missed is no failure."""
    wrong = [(row, f"{row['error']:.1e}") for row in result["checks"] if not row["right"]]
    wrong += [(row, "other bits") for row in result["bits"] if not row["same"]]
    return [f"{row['function']} {row['arguments']}: {what}" for row, what in wrong]


def _checks(result):
    rows, worst = result["checks"], {}
    for row in rows:
        share = row["error"] / row["allowed"] if row["allowed"] else row["error"]
        worst.setdefault(row["function"], []).append((share, row))
    lines = []
    for function, found in worst.items():
        row = max(found, key=lambda pair: pair[0])[1]
        right = "all right" if all(row["right"] for _, row in found) else "**wrong**"
        lines.append([function, len(found), f"{row['error']:.1e}", f"{row['allowed']:.1e}", right])
    text = table(["function", "calls", "largest error", "allowed", ""], lines)
    same = sum(row["same"] for row in result["bits"])
    runs = result["bits"][0]["runs"] if result["bits"] else 0
    text += f"\n\nBackward, same bits in {runs} runs: {same} of {len(result['bits'])} calls."
    return text + "".join(f"\n\n- {tool}: {said}" for tool, said in result["sanitizer"].items())


def _pooling(rows):
    lines = [
        [row["case"], seconds(row["seconds"]), f"{row['bytes'] / row['seconds'] / 1e9:,.0f}", f"{row['share']:.0%}"]
        for row in rows
    ]
    text, lowest = table(["case", "ours", "GB/s", "of the copy"], lines), min(row["share"] for row in rows)
    return text + _verdict(lowest, "pooling", "lowest share of the copy")


def _beside_torch(rows, kind, peak=None):
    sides = list(dict.fromkeys(name for row in rows for name in row if name.startswith("torch")))
    head = ["case", "ours", *(["TFLOP/s", "of the peak"] if peak else []), *sides, "ratio, TF32 off", "ratio, TF32 on"]
    head += ["distance"] if peak else []
    lines, lowest = [], []
    for row in rows:
        line = [row["case"], seconds(row["ours"])]
        if peak:
            rate = row["operations"] / row["ours"]
            line += [f"{rate / 1e12:.1f}", f"{rate / peak:.0%}"]
        line += [seconds(row[side]) if side in row else None for side in sides]
        for on in (False, True):
            theirs = [row[side] for side in sides if side in row and side.endswith("TF32") == on]
            line.append(f"{min(theirs) / row['ours']:.2f}" if theirs else None)
            lowest += [min(theirs) / row["ours"]] if theirs and not on else []
        lines.append(line + ([f"{row['error']:.0e}" if "error" in row else None] if peak else []))
    text = table(head, lines) + "\n\nRatio: the fastest of PyTorch's times over ours; above 1 we are faster."
    return text + (_verdict(min(lowest), kind, "lowest ratio with TF32 off") if lowest else " PyTorch is not here.")


def _verdict(value, kind, words):
    return f"\n\n{words}: {value:.2f} (aim: {AIMS[kind]}): {'met' if value >= AIMS[kind] else '**missed**'}."

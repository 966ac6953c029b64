"""Results and benchmark tables, made from the JSON files in `benchmarks/` by the code that printed them there.

`docs/results.md` and `docs/benchmarks.md` are written by hand, but for their numbers: ``{{name}}`` stands for one of
the tables or figures below.
"""

import ast
import importlib.util
import json
import re
from functools import cache
from statistics import median
from textwrap import indent

from docs_build import ROOT, SiteError
from minispp.bench import report

FOLDER = ROOT / "benchmarks"


def results():
    """Accuracies, precisions and the cost of a picture: name -> Markdown."""
    classification, detection, cost = (_script(name) for name in ("classification", "detection", "rcnn_vs_spp"))
    search, setting = _read("selective_search"), _read("rcnn_vs_spp")
    values = {"paper setting": cost.report(setting), "paper ratios": _ratios(setting)}
    for name in ("caltech20", "shapes"):
        runs = _read(name)
        models = {run["model"] for run in runs}
        paired = [classification.paired(runs, model) for model in classification.MODELS[2:] if model in models]
        values |= {name: classification.table(runs), f"{name} paired": "\n\n".join(paired)}
    for name in ("bccd", "playing_cards", "bccd_rcnn", "playing_cards_rcnn"):
        values[name] = detection.tables(_read(f"detection_{name}"))
    values["selective search"] = _script("selective_search").summary(search["recall"], search["growth"])
    return values


def benchmarks():
    """Times beside those of others and beside the floor, and planted bugs: name -> Markdown."""
    values = {}
    for name in ("layers", "pool", "step", "small"):
        part = _read(name)
        values |= {name: _part(part), f"{name} extras": report.extras_text(part["extras"])}
    values["machine"] = _machine(_read("layers"))
    values["epoch"] = _script("epoch_vs_torch").summary(_read("epoch_vs_torch")["rows"])[0]
    values["svm"] = _svm(_read("svm_vs_sklearn"))
    values["mutants"], values["mutants caught"] = _mutants(_read("mutants"))
    return values


PAGES = {"results.md": results, "benchmarks.md": benchmarks}


def filled(markdown, values):
    """The text with each ``{{name}}`` replaced by its value, indented as far.

    Raises
    ------
    SiteError
        If a value has no place.

    Examples
    --------
    >>> filled("so {{a}}, {{a}}", {"a": "1"})
    'so 1, 1'
    >>> filled("so {{a}}", {"b": "1"})
    Traceback (most recent call last):
    ...
    docs_build.SiteError: no place for {{b}}
    """
    for name, value in values.items():
        place = re.compile(rf"^(?P<indent> *)\{{\{{{re.escape(name)}\}}\}}|\{{\{{{re.escape(name)}\}}\}}", re.MULTILINE)
        if not place.search(markdown):
            raise SiteError(f"no place for {{{{{name}}}}}")
        markdown = place.sub(lambda found, value=value: indent(value, found["indent"] or ""), markdown)
    return markdown


# ---------------------------------------------------------------------------------------------------


def _read(name):
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        raise SiteError(f"benchmarks/{path.name} is not there; benchmarks/README.md says how it is made")
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def _script(name):
    """A script of `benchmarks/`, for the functions that make its tables."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _ratios(result):
    """In words: by how much the convolutions of SPP-net are quicker than those of R-CNN."""
    seconds = result["seconds"]
    ratios = {name: seconds["R-CNN"]["conv"] / row["conv"] for name, row in seconds.items() if name != "R-CNN"}
    return " and ".join(f"**{ratio:.0f}** times ({name})" for name, ratio in ratios.items())


def _machine(part):
    versions = ", ".join(f"{name} {version}" for name, version in part["versions"].items())
    return f"{part['machine']}, {part['system']}, Python {part['python']}, {versions}, {part['threads']} threads"


def _part(found):
    groups = {}
    for row in found["rows"]:
        groups.setdefault(row["group"], []).append(row)
    tables = [report.group_text(group, rows) for group, rows in groups.items()]
    predictions = indent(report.predictions_text(found["rows"]), "    ")
    return "\n\n".join([*tables, '??? note "What was predicted from the floor, and what came"', predictions])


def _svm(found):
    """Medians by problem and side. The script that measured them needs scikit-learn, so its problems are only read."""
    source = ast.parse((FOLDER / "svm_vs_sklearn.py").read_text(encoding="utf-8"))
    assigned = {node.targets[0].id: node.value for node in source.body if isinstance(node, ast.Assign)}
    lines = []
    for number, problem in enumerate(ast.literal_eval(assigned["PROBLEMS"])):
        count, width, positives, C, weight, _, loss = problem
        own = [row for row in found["rows"] if row["problem"] == number]
        seconds = {row["side"]: [r["seconds"] for r in own if r["side"] == row["side"]] for row in own}
        cells = [f"{median(seconds[side]):.4f}" for side in ("ours", "LinearSVC")]
        about = [f"{count:,} x {width:,}", f"{positives:.0%}", f"{C:g}, {weight:g}, {loss}"]
        lines.append([*about, *cells, f"{found['ratios'][number]:.1f}"])
    head = ["samples x features", "positives", "C, weight, loss", "ours, s", "LinearSVC, s", "ratio"]
    return report.table(head, lines)


def _mutants(found):
    files = {}
    for row in found:
        files.setdefault(row["file"], []).append(bool(row["caught by"]))
    text = report.table(["file", "planted", "caught"], [[f"`{f}`", len(c), sum(c)] for f, c in files.items()])
    return text, f"{sum(map(sum, files.values()))} of {len(found)}"

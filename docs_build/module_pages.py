"""A page for each module: what it says, how its formulas come about, its source and its test side by side."""

from os.path import relpath
from pathlib import Path

from docs_build import ROOT
from docs_build.sources import PACKAGE, file_of, first_sentence, inside, is_package, modules, public_names, tests_of

DERIVATIONS = Path("docs", "derivations")
FENCE = "~" * 10  # longer than any in a source

GROUPS = {
    "Geometry": ["windows", "fields", "boxes", "bins"],
    "Layers": ["layers"],
    "Kernels": ["kernels"],
    "Nets": ["net", "zoo", "weights", "checkpoint"],
    "Training and prediction": ["optim", "sizes", "train", "history", "predict", "compare", "data"],
    "Detection": ["detection"],
    "Checking and exercises": ["check", "exercises"],
    "Showing": ["plot", "demo", "outcome", "page", "page_detection", "markup"],
    "Commands and benchmarks": ["cli", "bench"],
}


def page_of(module):
    """Where the page of a module lies, relative to the site.

    Examples
    --------
    >>> page_of("minispp.layers.conv"), page_of("minispp.layers"), page_of("minispp")
    ('modules/layers/conv.md', 'modules/layers/index.md', 'modules/minispp.md')
    """
    if module == PACKAGE:
        return f"modules/{PACKAGE}.md"
    path = "/".join(module.split(".")[1:])
    return f"modules/{path}/index.md" if is_package(module) else f"modules/{path}.md"


def _short(module):
    return module[len(PACKAGE) + 1 :]


def derivation_of(module):
    """The derivation of a module, relative to the repository, or None."""
    path = DERIVATIONS / f"{_short(module)}.md"
    return path if (ROOT / path).is_file() else None


def module_page(module):
    """The page of a module as Markdown."""
    name, path = _short(module) or PACKAGE, file_of(module)
    title = name.rpartition(".")[2]
    tests, derivation = tests_of(module), derivation_of(module)
    jumps = ["[Reference](#reference)"]
    jumps += ["[Derivation](#derivation)"] if derivation else []
    jumps += ["[Modules inside](#modules-inside)"] if is_package(module) and module != PACKAGE else []
    jumps += ["[Source and test](#source-and-test)"]
    parts = [
        f'---\ntitle: "{title}"\nhide: [toc]\n---\n',
        f'# `{module}` {{ id="{module}" }}\n',
        f"{' · '.join(jumps)}\n{{ .jumps }}\n",
        _members(module),
        f"## Reference {{ #reference }}\n\n::: {module}\n",
    ]
    if derivation:
        parts.append(f'## Derivation {{ #derivation }}\n\n--8<-- "{derivation.as_posix()}"\n')
    if is_package(module) and module != PACKAGE:
        parts.append(f"## Modules inside {{ #modules-inside }}\n\n{module_table(inside(module), page_of(module))}\n")
    parts.append(_source_and_test(path, tests))
    return "\n".join(parts)


def _members(module):
    """A line of links to what is described further down, where there are several."""
    names = public_names(module)
    links = [f"[`{name}`](#{module}.{name})" for name in names]
    return f"{' '.join(links)}\n{{ .members }}\n" if len(names) > 1 else ""


def _source_and_test(path, tests):
    """Two columns where there is room; one below the other where there is not."""
    lines = ["## Source and test { #source-and-test data-search-exclude }", "", '<div class="pair" markdown>']
    for paths in ([path], tests):
        lines += ['<div class="half" markdown>', ""]
        for shown in paths:
            lines += [*_code(shown), ""]
        lines.append("</div>")
    return "\n".join([*lines, "</div>", ""])


def _code(path):
    text = f'--8<-- "{path.as_posix()}"'
    return [f'{FENCE} {{ .python title="{path.as_posix()}" }}', text, FENCE]


def module_table(names, page):
    """Modules, each with its first sentence, linked from a page."""
    rows = ["| module | what it is |", "|---|---|"]
    for name in names:
        sentence = first_sentence(name).replace("|", "\\|").replace("*", "\\*").replace("<", "\\<")
        rows.append(f"| [`{_short(name)}`]({relpath(page_of(name), Path(page).parent)}) | {sentence} |")
    return "\n".join(rows)


def overview():
    """All modules in groups, in an order in which they can be read."""
    parts = ["---\ntitle: Modules\nhide: [toc]\n---\n\n# Modules\n"]
    parts.append(
        f"The package itself is [`{PACKAGE}`]({PACKAGE}.md). Each module has a page with its functions and formulas, "
        "a derivation where there is something to derive, its source, and its test beside it.\n"
    )
    for title, names in groups().items():
        inner = [below for name in names if is_package(name) for below in inside(name)]
        parts.append(f"## {title}\n\n{module_table([*names, *inner], 'modules/index.md')}\n")
    return "\n".join(parts)


def groups():
    """Title -> modules directly within the package; those that no group names come last."""
    named = {title: [f"{PACKAGE}.{name}" for name in names] for title, names in GROUPS.items()}
    others = sorted(set(inside(PACKAGE)) - {name for names in named.values() for name in names})
    return {**named, "More": others} if others else named


def navigation():
    """The part of the navigation that holds the modules, as mkdocs wants it."""
    parts = [{title: [_entry(name) for name in names]} for title, names in groups().items()]
    return ["modules/index.md", _entry(PACKAGE), *parts]


def _entry(module):
    name = _short(module).rpartition(".")[2] or PACKAGE
    if module != PACKAGE and is_package(module):
        return {name: [page_of(module), *(_entry(inner) for inner in inside(module))]}
    return {name: page_of(module)}


def pages():
    """Path in the site -> Markdown, for all modules."""
    return {"modules/index.md": overview(), **{page_of(name): module_page(name) for name in modules()}}

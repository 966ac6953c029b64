"""What the notebooks are made of: they import and show, and define nothing but what the reader is asked to write."""

import ast
import importlib
import json
import pkgutil
import re
from pathlib import Path

import pytest

import minispp.exercises
from minispp.exercises.grading import Exercise

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ASKED = {
    module.name: {
        name: value
        for name, value in vars(importlib.import_module(f"minispp.exercises.{module.name}")).items()
        if isinstance(value, Exercise)
    }
    for module in pkgutil.iter_modules(minispp.exercises.__path__)
}
MODULES = [name for name, exercises in ASKED.items() if exercises]  # the others are what graders share
notebooks = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def sources(path, kind):
    return ["".join(cell["source"]) for cell in read(path)["cells"] if cell["cell_type"] == kind]


def trees(path):
    return [ast.parse(source) for source in sources(path, "code")]


def is_stub(definition):
    """A docstring, and then nothing but the error that says that nothing is there. Of a class all but what it holds."""
    head, *body = definition.body
    said = isinstance(head, ast.Expr) and isinstance(head.value, ast.Constant) and isinstance(head.value.value, str)
    if isinstance(definition, ast.ClassDef):
        given, methods = {"__init__", "params"}, [part for part in body if isinstance(part, ast.FunctionDef)]
        stubs = {method.name for method in methods if is_stub(method)}
        return said and stubs - given and {method.name for method in methods} - stubs <= given
    body = body if said else [head, *body]
    return [ast.unparse(line) for line in body] == ["raise NotImplementedError"]


def test_they_are_numbered_from_one():
    assert [path.name[:3] for path in PATHS] == [f"{k:02}_" for k in range(1, len(PATHS) + 1)] and len(PATHS) == 12
    titles = [sources(path, "markdown")[0].splitlines()[0] for path in PATHS]
    assert [re.match(r"# (\d+)\. \w", title)[1] for title in titles] == [str(k) for k in range(1, len(PATHS) + 1)]


@notebooks
def test_format(path):
    """As it is read and compared: no outputs, no counts, no names of the machine that it was written on."""
    notebook = read(path)
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["name"]) == (4, "python3")
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info"}
    cells = notebook["cells"]
    assert 15 <= len(cells) <= 25, f"{len(cells)} cells"
    assert cells[0]["cell_type"] == cells[-1]["cell_type"] == "markdown"
    for cell in cells:
        assert "".join(cell["source"]).strip() and cell["id"]
        if cell["cell_type"] == "code":
            assert not cell["outputs"] and cell["execution_count"] is None
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert not re.search(r"/(work|home|root|tmp)/", path.read_text(encoding="utf-8"))


@notebooks
def test_defines_nothing_but_stubs(path):
    found = [
        node
        for tree in trees(path)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    methods = {id(method) for node in found if isinstance(node, ast.ClassDef) for method in node.body}
    outer = [node for node in found if id(node) not in methods]
    assert len(outer) >= 2, "a notebook ends with exercises"
    assert [node.name for node in outer if not is_stub(node)] == []


@notebooks
def test_figures_come_from_plot_alone(path):
    for tree in trees(path):
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & {"matplotlib", "seaborn", "plotly", "ipywidgets"}


def test_each_exercise_is_asked_once():
    """In one notebook, which grades exercises of one module; a module of exercises belongs to one notebook."""
    asked = {}
    for path in PATHS:
        nodes = [node for tree in trees(path) for node in ast.walk(tree)]
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "minispp.exercises"]
        modules = {name.asname or name.name: name.name for node in imports for name in node.names}
        for node in nodes:
            if isinstance(node, ast.Attribute) and node.attr == "grade":
                module, _, exercise = ast.unparse(node.value).partition(".")
                asked.setdefault(f"{modules[module]}.{exercise}", []).append(path.name)
    assert set(asked) == {f"{name}.{exercise}" for name in MODULES for exercise in ASKED[name]}
    assert [key for key, paths in asked.items() if len(paths) != 1] == []
    homes = {key.partition(".")[0]: set() for key in asked}
    for key, paths in asked.items():
        homes[key.partition(".")[0]].update(paths)
    assert len(homes) == 12 and all(len(paths) == 1 for paths in homes.values()), homes


@pytest.mark.parametrize("name", MODULES)
def test_each_exercise_says_what_to_write(name):
    assert all(len(exercise.__doc__.strip()) > 40 for exercise in ASKED[name].values())
    assert (ROOT / "tests" / "exercises" / f"test_{name}.py").exists()

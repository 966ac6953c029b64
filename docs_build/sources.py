"""Which modules there are, what they say in one sentence, and which tests prove them."""

import ast
from functools import cache
from pathlib import Path

from docs_build import ROOT, SiteError

PACKAGE = "minispp"

# Tests that do not lie at the mirrored place: of modules that are proved together, or through what uses them.
TESTED_BY = {
    "minispp": ["test_package.py"],
    "minispp.bench": ["bench/test_run.py"],
    "minispp.bench.caches": ["bench/test_steps.py"],
    "minispp.bench.case": ["bench/test_cases.py", "bench/test_sides.py"],
    "minispp.bench.command": ["bench/test_run.py"],
    "minispp.bench.extras": ["bench/test_sides.py", "bench/test_run.py"],
    "minispp.bench.floors": ["bench/test_run.py"],
    "minispp.bench.gpu": ["kernels/gpu/test_bench.py"],
    "minispp.bench.gpu.calls": ["kernels/gpu/test_times.py"],
    "minispp.bench.gpu.checks": ["kernels/gpu/test_bench.py", "kernels/gpu/test_emulated.py"],
    "minispp.bench.gpu.command": ["kernels/gpu/test_times.py"],
    "minispp.bench.gpu.peer": ["kernels/gpu/test_times.py"],
    "minispp.bench.gpu.report": ["kernels/gpu/test_bench.py"],
    "minispp.bench.gpu.sanitize": ["kernels/gpu/test_times.py"],
    "minispp.bench.gpu.times": ["kernels/gpu/test_times.py"],
    "minispp.bench.measure": ["bench/test_sides.py"],
    "minispp.bench.orders": ["bench/test_steps.py"],
    "minispp.bench.ours": ["bench/test_sides.py"],
    "minispp.bench.peer_onnx": ["peers/test_windows.py"],
    "minispp.bench.peer_torch": ["peers/test_layers.py"],
    "minispp.bench.processes": ["bench/test_sides.py"],
    "minispp.bench.rates": ["bench/test_run.py"],
    "minispp.bench.report": ["bench/test_run.py"],
    "minispp.bench.twin": ["peers/test_nets.py", "peers/test_training.py"],
    "minispp.bench.worker": ["bench/test_sides.py"],
    "minispp.check": ["check/test_planted.py"],
    "minispp.check.point": ["check/test_gradients.py", "check/test_kinks.py"],
    "minispp.check.report": ["check/test_planted.py"],
    "minispp.check.subject": ["check/test_contract.py"],
    "minispp.data": ["data/test_dataset.py"],
    "minispp.data.annotation": ["data/test_voc.py"],
    "minispp.data.layout": ["data/test_voc.py"],
    "minispp.data.painter": ["data/test_shapes.py"],
    "minispp.data.scene": ["data/test_shapes.py"],
    "minispp.detection": ["detection/test_detector.py"],
    "minispp.detection.bilinear": ["detection/test_rcnn.py"],
    "minispp.detection.coordinate_descent": ["detection/test_svm.py"],
    "minispp.detection.demonstration": ["detection/test_comparison.py"],
    "minispp.detection.modes": ["detection/test_comparison.py"],
    "minispp.detection.recipe": ["detection/test_comparison.py"],
    "minispp.detection.selective_search.ranking": ["detection/test_selective_search.py"],
    "minispp.detection.selective_search.search": ["detection/test_selective_search.py"],
    "minispp.detection.stages": ["detection/test_detector.py"],
    "minispp.detection.training": ["detection/test_detector.py"],
    "minispp.exercises": ["exercises/test_grading.py"],
    "minispp.exercises.explain": ["exercises/test_mapping.py", "exercises/test_after.py"],
    "minispp.exercises.samples": ["exercises/test_device.py"],
    "minispp.kernels": ["kernels/test_contract.py"],
    "minispp.kernels.blocks": ["kernels/test_twins.py"],
    "minispp.kernels.cpu": ["kernels/test_twins.py"],
    "minispp.kernels.cpu.compile_progress": ["kernels/test_compiler.py"],
    "minispp.kernels.cpu.convolution": ["kernels/test_conv.py", "kernels/test_winograd.py"],
    "minispp.kernels.cpu.kept": ["kernels/test_winograd.py"],
    "minispp.kernels.cpu.normalisation": ["kernels/test_elementwise.py", "kernels/test_twins.py"],
    "minispp.kernels.cpu.pooling": ["kernels/test_window_max.py"],
    "minispp.kernels.cpu.strips": ["kernels/test_conv.py"],
    "minispp.kernels.cpu.winograd.exact": ["bench/test_steps.py"],
    "minispp.kernels.cpu.winograd.filters": ["kernels/test_winograd.py"],
    "minispp.kernels.cpu.winograd.points": ["kernels/test_winograd.py"],
    "minispp.kernels.cpu.winograd.tiles": ["kernels/test_winograd.py"],
    "minispp.kernels.gpu": ["kernels/gpu/test_backend.py"],
    "minispp.kernels.gpu.arrays": ["kernels/gpu/test_backend.py"],
    "minispp.kernels.gpu.compiler": ["kernels/gpu/test_compiled.py"],
    "minispp.kernels.gpu.convolution": ["kernels/gpu/test_simulator.py", "kernels/gpu/test_compiled.py"],
    "minispp.kernels.gpu.elementwise": ["kernels/gpu/test_simulator.py", "kernels/gpu/test_compiled.py"],
    "minispp.kernels.gpu.memory": ["kernels/gpu/test_backend.py"],
    "minispp.kernels.gpu.normalisation": ["kernels/gpu/test_simulator.py", "kernels/gpu/test_compiled.py"],
    "minispp.kernels.gpu.pooling": ["kernels/gpu/test_simulator.py", "kernels/gpu/test_compiled.py"],
    "minispp.kernels.gpu.products": ["kernels/gpu/test_emulated.py", "kernels/gpu/test_compiled.py"],
    "minispp.kernels.gpu.tiles": ["kernels/gpu/test_emulated.py", "kernels/gpu/test_compiled.py"],
    "minispp.kernels.gpu.trees": ["kernels/gpu/test_simulator.py"],
    "minispp.kernels.gpu.vectors": ["kernels/gpu/test_simulator.py", "kernels/gpu/test_compiled.py"],
    "minispp.kernels.reference": ["kernels/test_conv.py", "kernels/test_window_max.py", "kernels/test_elementwise.py"],
    "minispp.kernels.simulator": ["kernels/test_simulator_choice.py"],
    "minispp.layers": ["layers/test_layer.py"],
    "minispp.page_detection": ["detection/test_comparison.py"],
    "minispp.plot": ["test_plot.py"],
    "minispp.plot.cost": ["plot/test_against.py"],
    "minispp.plot.detections": ["plot/test_stages.py"],
    "minispp.plot.differences": ["plot/test_training.py"],
    "minispp.plot.features": ["plot/test_stages.py"],
    "minispp.plot.frames": ["test_plot.py"],
    "minispp.plot.geometry": ["test_plot.py"],
    "minispp.plot.grids": ["plot/test_arrays.py"],
    "minispp.plot.lines": ["plot/test_arrays.py"],
    "minispp.plot.outlines": ["plot/test_stages.py"],
    "minispp.plot.pictures": ["plot/test_arrays.py"],
    "minispp.plot.precision": ["test_plot.py"],
    "minispp.plot.proposals": ["plot/test_stages.py"],
    "minispp.plot.ratios": ["test_plot.py"],
    "minispp.plot.results": ["test_plot.py"],
    "minispp.plot.style": ["test_plot.py"],
    "minispp.plot.trunk": ["plot/test_arrays.py"],
    "minispp.plot.votes": ["plot/test_training.py"],
    "minispp.plot.winograd": ["plot/test_speed.py"],
}


@cache
def modules():
    """Dotted names of all modules in reading order: a package before what is in it. ``__main__`` only starts `cli`."""
    files = [path for path in (ROOT / PACKAGE).rglob("*.py") if path.name != "__main__.py"]
    return tuple(sorted(_dotted(path) for path in files))


def _dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def file_of(module):
    """The path of a module, relative to the repository."""
    path = Path(*module.split("."))
    return path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py")


def is_package(module):
    """Whether a module holds others."""
    return file_of(module).name == "__init__.py"


def inside(package):
    """The modules directly within a package."""
    return [name for name in modules() if name.rpartition(".")[0] == package]


def tests_of(module):
    """The paths of the tests of a module, relative to the repository: the mirrored place, unless named above.

    Raises
    ------
    SiteError
        If there is none, or one named above is not there.

    Examples
    --------
    >>> [path.as_posix() for path in tests_of("minispp.layers.conv")]
    ['tests/layers/test_conv.py']
    """
    names = TESTED_BY.get(module) or [_mirrored(module.split(".")[1:])]
    paths = [Path("tests", name) for name in names]
    missing = [path.as_posix() for path in paths if not (ROOT / path).is_file()]
    if not missing:
        return paths
    raise SiteError(f"{module}: no test at {missing[0]}; put it there, or name its tests in docs_build/sources.py")


def _mirrored(parts):
    """The tests of ``parts`` in the mirrored folder, or in one above it."""
    places = [Path(*parts[:end], f"test_{parts[-1]}.py") for end in range(len(parts) - 1, -1, -1)]
    return next((place for place in places if (ROOT / "tests" / place).is_file()), places[0]).as_posix()


@cache
def tree(path):
    """The syntax tree of a file of this repository."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def first_sentence(module):
    """What a module is, in the first sentence of its docstring.

    Raises
    ------
    SiteError
        If it has none.
    """
    text = ast.get_docstring(tree(file_of(module)))
    if not text:
        raise SiteError(f"{module}: it has no docstring")
    return " ".join(text.split("\n\n")[0].split())


def defines(path, names):
    """Whether a file defines this chain of names, such as ``("SPP", "forward")``.

    Examples
    --------
    >>> defines("minispp/layers/spp.py", ["SPP", "forward"]), defines("minispp/layers/spp.py", ["SPP", "fly"])
    (True, False)
    """
    return _definition(path, names) is not None


def is_documented(path, names):
    """Whether that is a function or a class with a docstring, which then has a place on the page of its module."""
    node = _definition(path, names)
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None


def public_names(module):
    """The functions and classes of a module that its page shows, in their order."""
    path = file_of(module)
    names = [name for node in tree(path).body for name in _names(node) if not name.startswith("_")]
    return [name for name in names if is_documented(path, [name])]


def _definition(path, names):
    node = tree(path)
    for name in names:
        node = next((inner for inner in getattr(node, "body", ()) if name in _names(inner)), None)
        if node is None:
            return None
    return node


def _names(node):
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []

"""A layer named on the command line: ``module:Layer``, ``path/to/file.py:Layer(3, 4, kernel=3)``."""

import ast
import difflib
import importlib
import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from minispp.check.gradients import check_layer

MAP = (2, 7, 6, 3)  # the input drawn by default: all dimensions different


def make_layer(spec):
    """The layer that a text names, imported and made.

    Parameters
    ----------
    spec : str
        ``module:Layer`` or ``path/to/file.py:Layer``, with arguments in brackets if it needs any. The module
        is looked for in the current directory first. Arguments are literals (numbers, strings, tuples, lists,
        dicts, True, None); the text is never evaluated. `Layer` may be a class, a function that makes a
        layer, or a layer.

    Returns
    -------
    object
        With forward and backward.

    Raises
    ------
    ValueError
        If the text is not understood, the module cannot be imported, or the layer cannot be made; it says
        which.

    Examples
    --------
    >>> make_layer("collections:Counter")
    Traceback (most recent call last):
    ...
    ValueError: expected collections:Counter to have forward(x) and backward(dy), but Counter has no forward
    """
    source, dotted, args, kwargs = _parse(spec)
    made = _import(source)
    for name in dotted:
        if not hasattr(made, name):
            near = difflib.get_close_matches(name, dir(made), n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"{source} has no {name}{hint}")
        made = getattr(made, name)
    called = spec.rstrip().endswith(")")
    if callable(made) and (called or isinstance(made, type) or not hasattr(made, "forward")):
        try:
            made = made(*args, **kwargs)
        except Exception as error:  # whatever the reader's constructor raises, the text on the line is what to mend
            example = f'give its arguments in brackets, as in "{source}:{".".join(dotted)}(3, 4, kernel=3)"'
            raise ValueError(f"{spec} could not be made: {type(error).__name__}: {error}; {example}") from error
    elif called:
        raise ValueError(f"{spec}: {'.'.join(dotted)} is a {type(made).__name__} and takes no arguments")
    for method in ("forward", "backward"):
        if not callable(getattr(made, method, None)):
            raise ValueError(
                f"expected {spec} to have forward(x) and backward(dy), but {type(made).__name__} has no {method}"
            )
    return made


def check_spec(spec, shape=None, *, every_index=False, directions=3, tolerance=1e-6, seed=0):
    """Make the layer that `spec` names, draw an input, check it, print the report.

    Parameters
    ----------
    spec : str
        See ``make_layer``.
    shape : str, sequence of int or None
        Of x, as in "2,7,6,3". None guesses from the first parameter: (.., C) maps for weights (kh, kw, C, D),
        rows for weights (in, out), else a (2, 7, 6, 3) map.
    every_index, directions, tolerance, seed
        See ``check_layer``; `seed` also draws x from a normal distribution.

    Returns
    -------
    int
        The exit code: 0 if there is no error, else 1.

    Raises
    ------
    ValueError
        If the layer cannot be made, or does not take the input.
    """
    layer = make_layer(spec)
    shape = _guess_shape(layer) if shape is None else _read_shape(shape)
    x = np.random.default_rng(seed).standard_normal(shape)
    settings = {"every_index": every_index, "directions": directions, "tolerance": tolerance, "seed": seed}
    try:
        report = check_layer(layer, x, **settings)
    except Exception as error:  # a reader's layer may raise anything; say with which input
        text = f"{spec} with an x of shape {shape} raised {type(error).__name__}: {error}"
        raise ValueError(f"{text}; another shape is given as --shape 2,7,6,3") from error
    print(report)
    return 0 if report.ok else 1


def _parse(spec):
    """'a.b:C(1, k=2)' -> 'a.b', ['C'], [1], {'k': 2}."""
    source, colon, text = spec.partition("(")[0].rpartition(":")
    text += spec[len(source) + len(colon) + len(text) :]
    form = 'expected "module:Layer" or "path/to/file.py:Layer(3, 4, kernel=3)"'
    if not colon or not source.strip() or not text.strip():
        raise ValueError(f"{form}, got {spec!r}")
    try:
        node = ast.parse(text.strip(), mode="eval").body
        args, kwargs = [], {}
        if isinstance(node, ast.Call):
            args = [ast.literal_eval(a) for a in node.args]
            kwargs = {k.arg: ast.literal_eval(k.value) for k in node.keywords if k.arg is not None}
            if len(kwargs) < len(node.keywords):
                raise ValueError("** is not a literal")
            node = node.func
        dotted = []
        while isinstance(node, ast.Attribute):
            dotted, node = [node.attr, *dotted], node.value
        if not isinstance(node, ast.Name):
            raise ValueError("no name")
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"{form} with literal arguments only, got {spec!r}") from None
    return source.strip(), [node.id, *dotted], args, kwargs


@contextmanager
def _search_first(folder):
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))


def _import(source):
    path = Path(source)
    is_file = path.suffix == ".py"
    if is_file and not path.is_file():
        raise ValueError(f"there is no file {source}; the current directory is {Path.cwd()}")
    try:
        with _search_first(path.resolve().parent if is_file else Path.cwd()):
            importlib.invalidate_caches()
            if not is_file:
                return importlib.import_module(source)
            found = importlib.util.spec_from_file_location(path.stem, path.resolve())
            module = importlib.util.module_from_spec(found)
            found.loader.exec_module(module)
            return module
    except ModuleNotFoundError as error:
        if not is_file and error.name and (source == error.name or source.startswith(error.name + ".")):
            raise ValueError(
                f"there is no module {source}: looked in {Path.cwd()} and among the installed packages"
            ) from error
        raise ValueError(f"{source} could not be imported: {error}") from error
    except Exception as error:  # the reader's module runs here, and may raise anything
        raise ValueError(f"{source} could not be imported: {type(error).__name__}: {error}") from error


def _guess_shape(layer):
    params = list(layer.params()) if callable(getattr(layer, "params", None)) else []
    first = np.shape(params[0].value) if params and hasattr(params[0], "value") else ()
    if len(first) == 4:
        return (*MAP[:3], first[2])
    return (MAP[0], first[0]) if len(first) == 2 else MAP


def _read_shape(shape):
    try:
        numbers = tuple(int(n) for n in (shape.split(",") if isinstance(shape, str) else shape))
    except (TypeError, ValueError):
        raise ValueError(f"expected a shape such as 2,7,6,3, got {shape!r}") from None
    if any(n < 0 for n in numbers):
        raise ValueError(f"expected a shape of sizes not below 0, got {shape!r}")
    return numbers

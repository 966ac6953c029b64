"""Layers named on the command line."""

import sys

import pytest

from minispp.check import check_spec, make_layer

SOURCE = """
import numpy as np

class Double:
    def __init__(self, factor=2.0, wrong=False):
        self.factor, self.wrong = factor, wrong
    def forward(self, x):
        return self.factor * x
    def backward(self, dy):
        return dy if self.wrong else self.factor * dy

class Inner:
    Layer = Double

class Needs:
    def __init__(self, size):
        raise RuntimeError("not today")
    forward = backward = None

class Rows:
    class w:
        name, value, grad = "w", np.ones((5, 2)), None
    def params(self):
        return [self.w]
    def forward(self, x):
        self.saved = x
        return x @ self.w.value
    def backward(self, dy):
        self.w.grad = self.saved.T @ dy + (0 if self.w.grad is None else self.w.grad)
        return dy @ self.w.value.T

def build(factor):
    return Double(factor)

made = Double(3.0)
number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mine_for_check.py").write_text(SOURCE)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "layers.py").write_text("import beside\nLayer = beside.Layer\n")
    (tmp_path / "sub" / "beside.py").write_text("from mine_for_check import Double as Layer\n")
    (tmp_path / "bad_for_check.py").write_text("def f(:\n")
    (tmp_path / "needy_for_check.py").write_text("import nowhere_at_all\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("mine_for_check", "beside", "bad_for_check", "needy_for_check"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "spec",
    [
        "mine_for_check:Double",
        "mine_for_check:Double(3.5)",
        "mine_for_check:Double(factor=-2)",
        "mine_for_check:Inner.Layer()",
        "mine_for_check:build(4)",
        "mine_for_check:made",
        "mine_for_check:Rows",
        "mine_for_check.py:Double",
        "minispp.layers:Conv2D(5, 4, 3, pad=1)",
        "minispp.layers:SPP((3, (2, 1)))",
        "minispp.layers:Linear(5, 2)",
        "minispp.layers:ReLU",
    ],
)
def test_right_layers_named_on_the_command_line(folder, capsys, spec):
    path = list(sys.path)
    assert check_spec(spec) == 0
    assert "backward is the derivative of forward" in capsys.readouterr().out
    assert sys.path == path


def test_a_wrong_layer_on_the_command_line_gives_1_and_the_index(folder, capsys):
    assert check_spec("mine_for_check:Double(wrong=True)", "2,3", every_index=True) == 1
    out = capsys.readouterr().out
    assert "ERROR [adjoint] x[" in out
    assert "(2, 3)" in out
    assert "0.5 times" in out


def test_a_file_by_its_path_with_a_module_beside_it(folder):
    sys.path.insert(0, str(folder))
    try:
        assert check_spec(str(folder / "sub" / "layers.py") + ":Layer(2)", (3, 2)) == 0
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize(
    "spec, match",
    [
        ("nothing", "expected .module:Layer."),
        ("a:", "expected .module:Layer."),
        (":Layer", "expected .module:Layer."),
        ("mine_for_check:Double(__import__('os'))", "literal arguments only"),
        ("mine_for_check:Double(2)(3)", "literal arguments only"),
        ("mine_for_check:Double(**{})", "literal arguments only"),
        ("mine_for_check:Double(", "literal arguments only"),
        ("mine_for_check:Doubel", "did you mean Double"),
        ("mine_for_check:number", "has no forward"),
        ("mine_for_check:made(3)", "takes no arguments"),
        ("mine_for_check:Needs", "could not be made: TypeError.*in brackets"),
        ("mine_for_check:Needs(3)", "not today"),
        ("no_such_module_here:Layer", "no module no_such_module_here"),
        ("no_such.py:Layer", "no file no_such.py"),
        ("bad_for_check:f", "could not be imported: SyntaxError"),
        ("needy_for_check:f", "nowhere_at_all"),
    ],
)
def test_what_is_wrong_with_the_text_is_said(folder, spec, match):
    with pytest.raises(ValueError, match=match):
        make_layer(spec)


def test_an_input_that_does_not_fit_is_a_value_error(folder):
    with pytest.raises(ValueError, match=r"\(2, 3\) raised ValueError.*--shape"):
        check_spec("minispp.layers:Conv2D(3, 4, 3)", "2,3")
    with pytest.raises(ValueError, match="shape such as"):
        check_spec("minispp.layers:ReLU", "2x3")
    with pytest.raises(ValueError, match="not below 0"):
        check_spec("minispp.layers:ReLU", "2,-3")

"""Docstrings of the house as Markdown."""

import textwrap

import pytest

pytest.importorskip("griffe", reason="needs mkdocstrings, of the extra docs")

import griffe

from docs_build.docstrings import HouseStyle, as_markdown


def test_what_markdown_would_misread_is_escaped():
    assert as_markdown("y (R, M*C), x*y and <dy, y>") == r"y (R, M\*C), x\*y and \<dy, y>"
    assert as_markdown("``a * b`` and `c*d` < e") == r"``a * b`` and `c*d` \< e"


def test_emphasis_stays():
    assert as_markdown("a *window* of (R, M*C), *two words*, 2 * 3 * 4") == (
        r"a *window* of (R, M\*C), *two words*, 2 \* 3 \* 4"
    )


def test_examples_are_left_alone():
    text = "Examples\n--------\n>>> 2 * 3 < 7\nTrue\n\nAnd a*b."
    assert as_markdown(text) == text.replace("a*b", r"a\*b")


def test_literal_blocks_lose_their_colon_and_nothing_else():
    assert as_markdown("Forward::\n\n    y = a*b\n      < c\n\nthen ::\n\n    z*\n\nd*e") == (
        "Forward:\n\n    y = a*b\n      < c\n\nthen\n\n    z*\n\nd\\*e"
    )


def test_tables():
    text = """
        ====  =========
        rule  what
        ====  =========
        a     b | c
        d     e * f
        ====  =========

        after
    """
    table = ["", "| rule | what |", "| --- | --- |", r"| a | b \| c |", r"| d | e \* f |", "", "", "after"]
    assert as_markdown(textwrap.dedent(text).strip()).split("\n") == table


SOURCE = '''
"""See `f`, `other.g`, `box` and `pkg.other`."""

def f(box):
    """Takes `box`; see `Thing.run` and `_hidden`."""

def box():
    """A function that has the name of an argument."""

class Thing:
    """A thing."""

    def run(self):
        """Runs `f`."""

def _hidden():
    """Not on the site."""
'''


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "pkg"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""P."""\nfrom pkg.one import f\n__all__ = ["f"]\n')
    (folder / "one.py").write_text("from pkg import other\n" + SOURCE)
    (folder / "other.py").write_text('"""Other."""\ndef g():\n    """G."""\n')
    return griffe.load("pkg", search_paths=[tmp_path], extensions=griffe.load_extensions(HouseStyle))


def test_names_become_links(package):
    one = package["one"]
    assert one["f"].docstring.value == "Takes `box`; see [`Thing.run`][pkg.one.Thing.run] and `_hidden`."
    assert one["Thing.run"].docstring.value == "Runs [`f`][pkg.one.f]."


def test_what_is_imported_is_shown_where_it_is_defined(package):
    assert "f" not in package.members and "f" in package["one"].members

"""The examples on the pages that are written by hand, as they run with the tests."""

import contextlib
import doctest
import io
import re
import shlex

from docs_build import ROOT

BLOCK = re.compile(r"^```(?P<kind>pycon|console)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


def pages():
    """The Markdown files that hold examples, in `docs`, by their path there."""
    found = {path.relative_to(ROOT / "docs").as_posix(): path for path in sorted((ROOT / "docs").rglob("*.md"))}
    return {name: path for name, path in found.items() if BLOCK.search(path.read_text(encoding="utf-8"))}


def doctest_of(path):
    """All sessions of a page as one doctest: names live from block to block, and lines are those of the page.

    Every line outside of them becomes empty, which also ends the last output of each block.
    """
    text = path.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        if block["kind"] == "pycon":
            first = text.count("\n", 0, block.start("code"))
            inner = block["code"].splitlines()
            lines[first : first + len(inner)] = inner
    return doctest.DocTestParser().get_doctest("\n".join(lines), {}, path.name, str(path), 0)


def commands_of(path):
    """The commands on a page, ``$ minispp ...``, each with what it is said to print."""
    found = []
    for block in BLOCK.finditer(path.read_text(encoding="utf-8")):
        if block["kind"] == "console":
            for part in re.split(r"^\$ ", block["code"], flags=re.MULTILINE)[1:]:
                command, _, printed = part.partition("\n")
                found.append((command, printed))
    return found


def run_command(command):
    """What a command of `minispp` prints, run in this process.

    Raises
    ------
    ValueError
        If it is the command of another program.
    """
    from minispp.cli import main

    program, *arguments = shlex.split(command)
    if program != "minispp":
        raise ValueError(f"expected a command of minispp, got {program!r}")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main(arguments)
    return printed.getvalue()

"""Every example on the pages runs, and prints what the page says."""

import doctest
import importlib.util
import textwrap

import pytest

from docs_build import ROOT, examples

FLAGS = doctest.ELLIPSIS
PAGES = examples.pages()


def failures(found):
    """Run a doctest from the root of the repository; what failed, in words."""
    said = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(found, out=said.append)
    return "".join(said)


def test_there_are_examples():
    assert {"index.md", "first-minutes.md", "how-to/layer.md", "how-to/backend.md", "how-to/sizes.md"} <= set(PAGES)
    assert {"derivations/windows.md", "derivations/kernels.cpu.winograd.md"} <= set(PAGES)


@pytest.fixture
def at_the_root(monkeypatch):
    """Pages name files from the root of the repository, and may add to the path for modules."""
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(ROOT)


@pytest.mark.parametrize("name", PAGES)
def test_sessions(name, at_the_root):
    found = examples.doctest_of(PAGES[name])
    assert failures(found) == ""


COMMANDS = [(name, *command) for name, path in PAGES.items() for command in examples.commands_of(path)]


@pytest.mark.parametrize(("name", "command", "wanted"), COMMANDS, ids=[f"{n}: {c}" for n, c, _ in COMMANDS])
def test_commands(name, command, wanted, at_the_root):
    printed = examples.run_command(command)
    checker = doctest.OutputChecker()
    wanted = wanted.replace("...\n", "...") if wanted.endswith("...\n") else wanted
    assert checker.check_output(wanted, printed, FLAGS), f"{name}: {command} prints\n{printed}"


def test_the_layer_is_checked_at_the_end():
    assert [command for name, command, _ in COMMANDS if name == "how-to/layer.md"][-1].startswith("minispp check ")


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "how-to").glob("*.py")), ids=lambda path: path.name)
def test_modules_of_the_how_tos(path, at_the_root):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for found in doctest.DocTestFinder().find(module):
        assert failures(found) == ""


def page(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(textwrap.dedent(text))
    return path


def test_names_live_from_block_to_block(tmp_path):
    path = page(
        tmp_path,
        """
        ```pycon
        >>> a = 1
        ```
        text with a line
        ```pycon
        >>> a + 1
        2
        ```
        """,
    )
    found = examples.doctest_of(path)
    assert failures(found) == "" and [example.lineno for example in found.examples] == [2, 6]


def test_a_wrong_example_is_seen(tmp_path):
    path = page(tmp_path, "```pycon\n>>> 1 + 1\n3\n```\n")
    said = failures(examples.doctest_of(path))
    assert "line 2" in said and "Expected:\n    3" in said


def test_commands_and_what_they_print(tmp_path):
    path = page(tmp_path, "```console\n$ minispp bins 3x3\na\nb\n$ minispp check x\n```\n")
    assert examples.commands_of(path) == [("minispp bins 3x3", "a\nb\n"), ("minispp check x", "")]
    with pytest.raises(ValueError, match="expected a command of minispp, got 'rm'"):
        examples.run_command("rm -r x")

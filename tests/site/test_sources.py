"""Modules, tests, derivations, notebooks and the ledger mirror one another."""

import re
from pathlib import Path

import pytest

from docs_build import ROOT, SiteError, ledger, module_pages, sources

PAPER = ROOT.parent / "shared" / "paper.md"


def test_every_file_is_a_module():
    files = {path.relative_to(ROOT) for path in (ROOT / "minispp").rglob("*.py")}
    assert {sources.file_of(name) for name in sources.modules()} == {f for f in files if f.name != "__main__.py"}


def test_every_module_has_a_page_of_its_own():
    pages = module_pages.pages()
    assert set(pages) == {"modules/index.md", *map(module_pages.page_of, sources.modules())}
    assert len(pages) == len(sources.modules()) + 1
    for name in sources.modules():
        page = pages[module_pages.page_of(name)]
        assert f"\n::: {name}\n" in page and f'--8<-- "{sources.file_of(name).as_posix()}"' in page
        for test in sources.tests_of(name):
            assert f'--8<-- "{test.as_posix()}"' in page


def test_every_page_of_a_module_is_in_the_navigation():
    def leaves(entries):
        for entry in entries:
            if isinstance(entry, str):
                yield entry
            else:
                for inner in entry.values():
                    yield from leaves([inner] if isinstance(inner, str) else inner)

    found = list(leaves(module_pages.navigation()))
    assert sorted(found) == sorted(module_pages.pages())


def test_groups_name_modules_once():
    named = [f"minispp.{name}" for names in module_pages.GROUPS.values() for name in names]
    assert len(set(named)) == len(named)
    assert set(named) <= set(sources.inside("minispp"))
    assert "More" not in module_pages.groups(), "a new module: name it in a group of docs_build/module_pages.py"


def test_every_module_is_tested():
    for name in sources.modules():
        for path in sources.tests_of(name):
            assert (ROOT / path).is_file()


def test_exceptions_are_modules_and_needed():
    assert set(sources.TESTED_BY) <= set(sources.modules())


def test_a_module_without_a_test_is_named(monkeypatch):
    monkeypatch.setitem(sources.TESTED_BY, "minispp.net", ["test_nothing.py"])
    with pytest.raises(SiteError, match=r"minispp.net: no test at tests/test_nothing.py"):
        sources.tests_of("minispp.net")


WANTED = """windows fields boxes optim layers.layer layers.conv layers.pool layers.spp layers.relu layers.lrn
    layers.linear layers.dropout layers.loss kernels.cpu.winograd check.gradients check.slopes
    detection.svm detection.regress detection.precision detection.describe"""


def test_derivations_belong_to_modules():
    found = {path.stem for path in (ROOT / module_pages.DERIVATIONS).glob("*.md")}
    assert set(WANTED.split()) <= found
    for name in found:
        assert f"minispp.{name}" in sources.modules(), f"docs/derivations/{name}.md belongs to no module"
        assert "## Derivation" in module_pages.module_page(f"minispp.{name}")


def test_first_sentences():
    assert sources.first_sentence("minispp.layers.conv") == "Convolution."
    for name in sources.modules():
        assert sources.first_sentence(name)


# ---------------------------------------------------------------------------------------------------
# The ledger


def test_statements_name_code_and_tests_that_exist():
    assert len(ledger.statements()) > 40


def test_the_ledger_covers_the_paper():
    if not PAPER.is_file():
        pytest.skip("../shared/paper.md is not there")
    facts, section, count = set(), None, 0
    for line in PAPER.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## (\d+)\.", line):
            section, count = heading[1], 0
        elif section and re.match(r"- |\d+\. ", line):
            count += 1
            facts.add(f"{section}.{count}")
    assert len(facts) == 36
    assert {statement.source for statement in ledger.statements()} == facts


def test_without_the_paper_all_sections_are_there():
    found = [statement.source for statement in ledger.statements()]
    assert {source.split(".")[0] for source in found} == set(map(str, ledger.SECTIONS))
    assert [source for source in found if source.startswith("5.")] == [f"5.{k}" for k in range(1, 12)]
    key = [tuple(map(int, source.split("."))) for source in found]
    assert key == sorted(key)


ROW = {
    "source": '"1.1"',
    "says": '"x"',
    "code": '["minispp.layers.spp.SPP.forward"]',
    "proof": '["tests/layers/test_spp.py::test_windows"]',
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code": '["minispp.layers.spp.SPQ"]'}, "names minispp.layers.spp.SPQ, which is not there"),
        ({"code": '["minispp.nothing"]'}, "names minispp.nothing, which is not there"),
        ({"code": '["minispp.layers.spp.SPP.fly"]'}, "SPP.fly, which is not there"),
        ({"code": "[]"}, "lacks words, code or a proof"),
        ({"proof": "[]"}, "lacks words, code or a proof"),
        ({"says": '""'}, "lacks words, code or a proof"),
        ({"proof": '["tests/layers/test_spp.py::test_nothing"]'}, "the test tests/layers/test_spp.py::test_nothing"),
        ({"proof": '["tests/layers/test_spp.py"]'}, "the test tests/layers/test_spp.py, which"),
        ({"proof": '["tests/nothing.py::test_windows"]'}, "the test tests/nothing.py::test_windows, which"),
        ({"source": '"5.1"'}, "disagreements, and only these, take a side"),
        ({"side": '"ours"'}, "disagreements, and only these, take a side"),
    ],
)
def test_a_wrong_statement_is_refused(change, message, tmp_path, monkeypatch):
    def written(row):
        path = tmp_path / "ledger.toml"
        path.write_text("[[statement]]\n" + "\n".join(f"{key} = {value}" for key, value in row.items()))
        monkeypatch.setattr(ledger, "FILE", path)
        return ledger.statements()

    assert len(written(ROW)) == 1
    with pytest.raises(SiteError, match=re.escape(message)):
        written({**ROW, **change})


def test_classes_of_tests_are_followed():
    assert sources.defines(Path("tests/data/test_augment.py"), ["TestView", "test_gains"])
    assert not sources.defines(Path("tests/data/test_augment.py"), ["test_gains"])

"""What makes the build fail: this repository's mkdocs.yml, on small sites with one thing wrong."""

import pytest

pytest.importorskip("mkdocs", reason="needs mkdocs, of the extra docs")

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from docs_build import ROOT


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Build a site of these pages, with the checks of our mkdocs.yml and without what is made from code."""
    monkeypatch.chdir(ROOT)  # where snippets are looked for
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")

    def make(**pages):
        docs = tmp_path / "docs"
        docs.mkdir()
        for name, text in pages.items():
            (docs / f"{name}.md").write_text(text)
        nav = [f"{name}.md" for name in pages if name != "lost"]
        own = {"nav": nav, "plugins": [], "hooks": [], "theme": "mkdocs", "extra_css": [], "exclude_docs": None}
        config = load_config(str(ROOT / "mkdocs.yml"), docs_dir=str(docs), site_dir=str(tmp_path / "site"), **own)
        build(config)
        return (tmp_path / "site" / "index.html").read_text()

    return make


def test_what_is_right_is_built(built):
    text = built(index="# A\n\n[b](b.md#there)\n\n$x$\n", b="# B\n\n## There\n")
    assert 'class="arithmatex"' in text and 'href="b/#there"' in text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[b](nowhere.md)", "nowhere.md"),
        ("[b](b.md#nowhere)", "nowhere"),
        ("![b](nowhere.png)", "nowhere.png"),
        ("[b](/b/)", "absolute"),
        ("[b](b/nothing)", "unrecognized"),
        ("[b](#nowhere)", "nowhere"),
    ],
)
def test_links(text, word, built, caplog):
    with pytest.raises(Abort, match="strict"):
        built(index=f"# A\n\n{text}\n", b="# B\n")
    assert word in caplog.text


def test_a_page_that_nothing_leads_to(built, caplog):
    with pytest.raises(Abort, match="strict"):
        built(index="# A\n", lost="# L\n")
    assert "lost.md" in caplog.text


def test_a_snippet_of_a_file_that_is_not_there(built):
    with pytest.raises(Exception, match="minispp/nothing.py"):
        built(index='# A\n\n~~~\n--8<-- "minispp/nothing.py"\n~~~\n')


def test_a_snippet_of_a_file_that_is_there(built):
    assert "python -m minispp" in built(index='# A\n\n~~~\n--8<-- "minispp/__main__.py"\n~~~\n')

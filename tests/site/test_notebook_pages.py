"""Executed notebooks as pages: figures as files with their words, HTML as it was, and no figure twice."""

import base64
import json

import pytest

pytest.importorskip("nbconvert", reason="needs nbconvert, of the extra docs")

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from docs_build import SiteError, notebook_pages
from minispp import plot


def shown(thing):
    """The output of a cell that shows a thing."""
    if hasattr(thing, "_repr_mimebundle_"):
        data, metadata = thing._repr_mimebundle_()
        return new_output("display_data", data, metadata=metadata)
    return new_output("display_data", {"text/html": thing._repr_html_(), "text/plain": repr(thing)})


@pytest.fixture
def page(tmp_path):
    figure = plot.bins(3, 4, (2, 1))
    cells = [
        new_markdown_cell("# 1. Why fixed sizes?\n\nSee [the next](02_next.ipynb#part), $x_i$."),
        new_code_cell("a = 1 < 2\nfigure", outputs=[shown(figure)]),
        new_code_cell("frames", outputs=[shown(plot.Frames({"one": figure, "two": plot.bins(4, 4, (2,))}))]),
        new_code_cell(
            "print(1)",
            outputs=[
                new_output("stream", text="one *two* <three>\n\n    four\n"),
                new_output("execute_result", {"text/plain": "array([[1, 2]])"}, execution_count=1),
            ],
        ),
    ]
    path = tmp_path / "01_why_fixed_sizes.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"language_info": {"name": "python"}}), path)
    return notebook_pages.Page(path), figure


def test_a_figure_is_a_file_and_says_what_is_on_it(page):
    page, figure = page
    html = next(html for html in page.html.values() if "<script>" not in html)
    assert html.count("<img") == html.count('<img class="figure"') == 1 and "base64" not in html
    assert f'alt="{figure.alt[:20]}' in html
    (source,) = [part.split('"')[1] for part in html.split("src=")[1:]]
    assert page.files[f"notebooks/{source}"].startswith(b"\x89PNG")


def test_frames_keep_their_slider_and_their_pictures_become_files(page):
    page, _ = page
    html = next(html for html in page.html.values() if "<script>" in html)
    assert html.count("<img") == 2 and 'type="range"' in html and "base64" not in html
    assert len(page.files) == 3


def test_each_output_has_its_place_once(page):
    page, _ = page
    assert all(page.markdown.count(placeholder) == 1 for placeholder in page.html)
    rendered = page.with_html(page.markdown)
    assert rendered.count("<img") == 3 and "data-output" not in rendered


def test_text_is_verbatim_and_links_lead_to_pages(page):
    page, _ = page
    assert "~~~~~~~~~~ python\na = 1 < 2\nfigure\n~~~~~~~~~~" in page.markdown
    assert "one *two* <three>\n\n    four\n~~~~~~~~~~" in page.markdown
    assert "array([[1, 2]])" in page.markdown and "[the next](02_next.md#part)" in page.markdown


def test_a_figure_without_words_stops_the_build(tmp_path):
    png = base64.b64encode(b"\x89PNG").decode()
    cells = [new_code_cell("x", outputs=[new_output("display_data", {"image/png": png})])]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    with pytest.raises(SiteError, match="a.ipynb: cell 0: a figure without alternative text"):
        notebook_pages.Page(tmp_path / "a.ipynb")


def test_a_notebook_that_was_not_executed_says_which_command_does_it(tmp_path, monkeypatch):
    monkeypatch.setattr(notebook_pages, "EXECUTED", tmp_path)
    with pytest.raises(SiteError, match=r"build/notebooks/07_x.ipynb is not there: make notebooks$"):
        notebook_pages.executed(tmp_path / "07_x.ipynb")


def test_notebooks_and_pages_mirror_one_another():
    paths = notebook_pages.notebooks()
    names = [path.name[:2] for path in paths]
    assert len(set(names)) == len(names), "two notebooks have one number"
    entries = notebook_pages.navigation()
    assert entries[0] == "notebooks/index.md"
    assert [page for entry in entries[1:] for page in entry.values()] == [notebook_pages.page_of(p) for p in paths]
    overview = notebook_pages.overview()
    assert all(f"({path.stem}.md)" in overview for path in paths)
    assert "(04_pyramid_bin_by_bin.md) | what each bin sees, and how a gradient finds its way back |" in overview


def test_a_notebook_that_readme_does_not_name(tmp_path, monkeypatch):
    nbformat.write(new_notebook(cells=[new_markdown_cell("# 13. New\n")]), tmp_path / "13_new.ipynb")
    monkeypatch.setattr(notebook_pages, "SOURCES", tmp_path)
    with pytest.raises(SiteError, match=r"README.md: no row for notebooks/13_new.ipynb"):
        notebook_pages.overview()


def test_titles(tmp_path):
    path = tmp_path / "03_x.ipynb"
    path.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    with pytest.raises(SiteError, match="notebooks/03_x.ipynb: it has no heading"):
        notebook_pages.title_of(path)
    nbformat.write(new_notebook(cells=[new_markdown_cell("# 3. Kinks and ties\n")]), path)
    assert notebook_pages.title_of(path) == "3. Kinks and ties"

"""What mkdocs calls while it builds the site."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # however mkdocs was started

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

from docs_build import SiteError, figures, ledger, mathml, module_pages, notebook_pages, results
from docs_build.sources import modules

_notebooks = {}
_modules = {module_pages.page_of(name): name for name in modules()}


def on_config(config):
    """The parts of the navigation that follow from the repository."""
    parts = {"Modules": module_pages.navigation(), "Notebooks": _stopping(notebook_pages.navigation)}
    config.nav = [{title: parts.get(title, inner)} for entry in config.nav for title, inner in entry.items()]
    return config


def on_files(files, config):
    """The pages and pictures that are made, not written."""
    made = {**_stopping(module_pages.pages), "notebooks/index.md": _stopping(notebook_pages.overview)}
    for path in notebook_pages.notebooks():
        page = _notebooks[notebook_pages.page_of(path)] = _stopping(
            lambda path=path: notebook_pages.Page(notebook_pages.executed(path))
        )
        made |= {notebook_pages.page_of(path): page.markdown, **page.files}
    for path, content in (made | figures.files()).items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown, page, **_):
    """Tables and figures in their places."""
    path = page.file.src_uri
    if path in results.PAGES:
        return _stopping(lambda: results.filled(markdown, results.PAGES[path]()), path)
    if path in figures.WHERE:
        return _stopping(lambda: results.filled(markdown, figures.places(path)), path)
    if path == "ledger.md":
        return _stopping(lambda: results.filled(markdown, {"ledger": ledger.as_markdown()}), path)
    return markdown


def on_page_content(html, page, config, **_):
    """Formulas as MathML; what notebooks showed as HTML. Names of modules lead to their pages."""
    path = page.file.src_uri
    if path in _modules:
        config.plugins["autorefs"].register_anchor(page, _modules[path], title=page.title, primary=True)
    html = _stopping(lambda: mathml.with_mathml(html, path))
    if path in results.PAGES:
        return f'<div class="numbers">{html}</div>'
    return _notebooks[path].with_html(html) if path in _notebooks else html


def _stopping(make, where=""):
    """What `make` returns; what it refuses stops the build with one line."""
    try:
        return make()
    except SiteError as error:
        raise PluginError(f"{where}: {error}" if where else str(error)) from None

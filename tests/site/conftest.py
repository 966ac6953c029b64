"""One browser for the tests of the site; skipped, with the reason, where there is none."""

import importlib.util
import shutil
from pathlib import Path

import pytest

LABORATORY = Path(__file__).parents[2] / "docs" / "laboratory"


@pytest.fixture(scope="package")
def browser():
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs playwright, which is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"needs a browser: none of {', '.join(names)} is on the path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        opened = player.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def scripts(browser):
    """An empty page with the laboratory's arithmetic and nothing to show it on."""
    page = browser.new_page()
    for name in ("geometry", "picture", "pooling", "arithmetic", "address"):
        page.add_script_tag(path=LABORATORY / f"{name}.js")
    yield page
    page.close()


@pytest.fixture(scope="package")
def contexts(browser):
    """A context for each set of options, made once: ``contexts(width=..., ...)``."""
    made = {}

    def context(**options):
        key = tuple(sorted(options.items()))
        if key not in made:
            made[key] = browser.new_context(**options)
        return made[key]

    yield context
    for one in made.values():
        one.close()


@pytest.fixture
def laboratory(contexts):
    """Open the laboratory from its file: ``laboratory(hash, width=..., ...)``.

    After the test: no error in the console, and no request but for files.
    """
    pages, troubles = [], []

    def open_page(hash="", width=1280, height=900, **options):
        page = contexts(**options).new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("request", lambda request: _is_local(request.url) or troubles.append(f"request: {request.url}"))
        page.goto(f"{(LABORATORY / 'index.html').as_uri()}{hash}")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not troubles


def _is_local(url):
    return url.startswith(("file:", "data:"))

"""The site as it was built: every page is reached, nothing is missing or from elsewhere, all can be read."""

import functools
import json
import threading
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

from docs_build import ROOT, module_pages, sources

SITE = ROOT / "build" / "site"
pytestmark = pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="build/site is not there: make site")

OUTSIDE = set()  # addresses of other sites that pages may link to: none
APART = {"404.html"}  # shown by a server, led to by nobody
SCRIPTED = {("laboratory/index.html", "move")}  # anchors that a script makes
KINDS = [
    "index.html",
    "first-minutes.html",
    "ledger.html",
    "results.html",
    "benchmarks.html",
    "how-to/layer.html",
    "modules/index.html",
    "modules/layers/spp.html",
    "modules/check/index.html",
    "notebooks/index.html",
    "laboratory.html",
]
VERBATIM = ("script", "style", "pre", "code")
CONTRASTS = (Path(__file__).parent / "text_contrasts.js").read_text()


class Reader(HTMLParser):
    """Links, anchors, images, what is loaded, and the prose (text outside of code), of one page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.loaded, self.images = [], set(), [], []
        self.prose, self._verbatim = [], 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self._verbatim += tag in VERBATIM
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag == "img":
            self.images.append((found.get("src"), found.get("alt")))
        for name in {"script": ["src"], "link": ["href"], "img": ["src"], "iframe": ["src"]}.get(tag, ()):
            if found.get(name):
                self.loaded.append(found[name])

    def handle_endtag(self, tag):
        self._verbatim -= tag in VERBATIM

    def handle_data(self, data):
        if not self._verbatim:
            self.prose.append(data)


@pytest.fixture(scope="module")
def pages():
    """Path in the site -> what is on it."""
    return {path.relative_to(SITE).as_posix(): Reader(path) for path in sorted(SITE.rglob("*.html"))}


def target(page, link):
    """The file and the anchor that a link of a page leads to; None for another site."""
    if urlsplit(link).scheme or link.startswith("//"):
        return None
    address, anchor = urldefrag(urljoin("/" + page, link))
    path = unquote(urlsplit(address).path).lstrip("/")
    return (path + "index.html" if path.endswith("/") or not path else path), unquote(anchor)


def test_every_page_is_reached_from_the_first(pages):
    seen, waiting = set(), ["index.html"]
    while waiting:
        page = waiting.pop()
        if page not in seen:
            seen.add(page)
            waiting += [leads[0] for link in pages[page].links if (leads := target(page, link)) and leads[0] in pages]
    assert set(pages) - seen == APART


def test_every_link_leads_somewhere(pages):
    wrong = []
    for page, found in pages.items():
        for link in found.links + found.loaded:
            leads = target(page, link)
            if leads is None:
                continue
            path, anchor = leads
            known = path not in pages or anchor in {"", "__top"} | pages[path].anchors or leads in SCRIPTED
            if not (known and (SITE / path).is_file()):
                wrong.append((page, link))
    assert not wrong, wrong[:10]


def test_nothing_is_from_elsewhere(pages):
    wrong = {(page, link) for page, found in pages.items() for link in found.loaded if target(page, link) is None}
    assert {pair for pair in wrong if not pair[1].startswith("data:")} == set()
    outside = {link for found in pages.values() for link in found.links if target("index.html", link) is None}
    assert outside <= OUTSIDE
    styles = "".join(path.read_text(encoding="utf-8") for path in SITE.rglob("*.css"))
    assert "url(http" not in styles and "@import" not in styles and "@font-face" not in styles


def test_pictures_say_what_is_on_them(pages):
    images = [(page, *image) for page, found in pages.items() for image in found.images]
    assert not [image for image in images if not (image[2] or "").strip()]
    notebooks = [page for page in pages if page.startswith("notebooks/") and page != "notebooks/index.html"]
    for page in notebooks:
        assert pages[page].images, f"{page} shows no figure"


def test_every_module_has_its_page(pages):
    for name in sources.modules():
        page = module_pages.page_of(name).replace(".md", ".html")
        assert name in pages[page].anchors and "source-and-test" in pages[page].anchors


def test_no_formula_is_left_over(pages):
    """Neither what marks one for the converter, nor a dollar that was not seen as the beginning of one."""
    for name, page in pages.items():
        text = (SITE / name).read_text(encoding="utf-8")
        assert 'class="arithmatex"' not in text and "data-output" not in text, name
        assert "$" not in "".join(page.prose), name


def test_the_index_of_the_search_has_no_sources():
    found = json.loads((SITE / "search" / "search_index.json").read_text())["docs"]
    text = "".join(entry["text"] for entry in found)
    assert "pyramid" in text and "import pytest" not in text
    assert len(text) < 1_500_000


# ---------------------------------------------------------------------------------------------------
# In a browser


class Quiet(SimpleHTTPRequestHandler):
    """A server that does not write down who asked for what."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def reader(browser):
    """Open a page as a reader does; afterwards: no error in the console, and no request but to where it came from."""
    contexts, troubles = [], []

    def open_page(origin, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and troubles.append((page.url, message.text)))
        page.on("pageerror", lambda error: troubles.append((page.url, str(error))))
        page.on("request", lambda request: _allowed(request.url, origin) or troubles.append((page.url, request.url)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles


def _allowed(url, origin):
    return url.startswith((origin, "data:", "blob:", "about:"))


def test_all_pages_on_a_narrow_screen(reader, pages):
    """Opened from files: no error, no request but for files, and no page that is wider than the screen."""
    page = reader("file:", viewport={"width": 375, "height": 800})
    wide = []
    for path in set(pages) - APART:  # a server shows these at any address, so they name files by absolute ones
        page.goto((SITE / path).as_uri())
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 375:
            wide.append((path, width))
    assert not wide


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(scheme, reader, address, pages):
    page = reader(address, viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    notebook = [path for path in pages if path.startswith("notebooks/") and path != "notebooks/index.html"][:1]
    for path in KINDS + notebook:
        page.goto(address + path)
        page.wait_for_selector(f"[data-md-color-scheme={'slate' if scheme == 'dark' else 'default'}]")
        found = page.evaluate(CONTRASTS)
        assert len(found) > 15, path
        assert not [(path, *each) for each in found if each[0] < 4.5]


def test_the_measure_of_contrast_can_fail(reader, address):
    page = reader(address)
    page.goto(address)
    page.add_style_tag(content=".md-typeset p { color: #999 } .md-typeset h1 { opacity: 0.5 }")
    poor = [text for ratio, text, _ in page.evaluate(CONTRASTS) if ratio < 4.5]
    assert "Pictures of any size" in poor and any(text.startswith("A convolution takes") for text in poor)


def test_search(reader, address):
    page = reader(address, viewport={"width": 1280, "height": 900})
    page.goto(address)
    _search(page)


def test_search_from_a_file(reader):
    page = reader("file:", viewport={"width": 1280, "height": 900})
    page.goto((SITE / "modules" / "layers" / "spp.html").as_uri())
    _search(page)


def _search(page):
    page.click(".md-search__input")
    page.keyboard.type("whitening")
    page.wait_for_selector(".md-search-result__link", timeout=20_000)
    titles = page.locator(".md-search-result__item").all_inner_texts()
    assert any("Why whitening cancels" in title for title in titles), titles


def test_the_scheme_can_be_switched(reader, address):
    page = reader(address, viewport={"width": 1280, "height": 900}, color_scheme="light")
    page.goto(address)
    assert page.locator("body").get_attribute("data-md-color-scheme") == "default"
    page.click("label[title=Dark]")
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"


def test_source_and_test_stand_side_by_side(reader, address):
    page = reader(address, viewport={"width": 1280, "height": 900})
    page.goto(address + "modules/layers/conv.html#source-and-test")
    measure = "() => [...document.querySelectorAll('.half')].map(half => half.getBoundingClientRect().toJSON())"
    source, test = page.evaluate(measure)
    assert abs(source["top"] - test["top"]) < 2 and source["right"] <= test["left"]
    page.set_viewport_size({"width": 375, "height": 800})
    source, test = page.evaluate(measure)
    assert test["top"] >= source["bottom"] and source["left"] == test["left"]

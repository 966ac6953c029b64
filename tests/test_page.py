"""The page of the demo: complete, self-contained, escaped, in light and dark, and written all or nothing."""

import base64
import re
from html import escape
from html.parser import HTMLParser
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
import tiny
from PIL import Image

from minispp import outcome, page, plot
from minispp.data import resize_min_side
from minispp.demo import Settings
from minispp.history import History
from minispp.outcome import FULL, ONE, SEVERAL, TWIN, WAYS, Results
from minispp.predict import view_boxes

NAMES = ["<script>alert('cat')</script>", 'dogs & "wolves"', "über"]
EMPTY = {"meta", "img", "br"}


@pytest.fixture(scope="module")
def results():
    """A run that never was: a net of random weights, and answers that are mostly right."""
    rng = np.random.default_rng(0)
    parts = (
        tiny.Pictures(7, seed=1, low=30, high=60),
        tiny.Pictures(4, seed=2),
        tiny.Pictures(12, seed=3, low=30, high=60),
    )
    for part in parts:
        part.classes = NAMES
    settings = Settings(seeds=2, epochs=3, size=24, sizes=(24, 20), scales=(24, 30), width=2)
    made = Results(settings, parts, "minispp demo --data '<folder>'", skipped=2)
    for key in ((model, way) for model, ways in WAYS.items() for way in ways):
        scores = rng.normal(size=(2, 12, 3)) + np.array([9.0, 0.5, 1.5]) * np.eye(3)[parts[2].labels]
        made.answers[key] = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    rows = [{"epoch": k, "error": 0.6 / k, "validation_error": 0.7 / k} for k in (1, 2, 3)]
    made.histories = {model: [History(rows)] * 2 for model in WAYS}
    made.net, made.seconds = tiny.net(levels=(3, 1), lrn=False), {"training": 12.3, "testing": 4.5}
    return made


@pytest.fixture(scope="module")
def text(results):
    return page.html(results)


class Reader(HTMLParser):
    """Checks that elements are closed in order, and keeps what the page refers to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.tags, self.words = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag == "img":
            assert dict(attributes)["alt"]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_it_needs_nothing_else(text):
    """No address, script, sheet, font or frame: all that it shows is in it."""
    reader = Reader(text)
    assert reader.sources and all(source.startswith("data:image/") for source in reader.sources)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(reader.tags)
    outside = re.sub(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|@font-face", outside)


def test_its_images_are_whole(text):
    kinds = {"svg+xml": 0, "jpeg": 0}
    for kind, data in re.findall(r"data:image/([a-z+]+);base64,([A-Za-z0-9+/=]+)", text):
        kinds[kind] += 1
        raw = base64.b64decode(data, validate=True)
        if kind == "jpeg":
            Image.open(BytesIO(raw)).load()
        else:
            links = [v for e in ElementTree.fromstring(raw).iter() for k, v in e.attrib.items() if k.endswith("href")]
            assert all(link.startswith(("#", "data:")) for link in links)
    assert kinds["svg+xml"] == 6 and kinds["jpeg"] >= 3 + 2


def test_names_are_escaped(text, results):
    assert "<script" not in text and "&lt;script&gt;alert(&#x27;cat&#x27;)&lt;/script&gt;" in text
    assert "dogs &amp; &quot;wolves&quot;" in text and "&lt;folder&gt;" in text
    words = " ".join(Reader(text).words)
    assert all(name in words for name in NAMES) and results.command in words


def test_it_says_what_the_numbers_say(text, results):
    words = " ".join(" ".join(Reader(text).words).split())
    for line in (*outcome.verdicts(results), outcome.caption(results)):
        assert line in words
    for row in outcome.table(results):
        assert all(cell in words for cell in row)
    for said in ("7 pictures for training, 4 for validation and 12 for the test", "2 files could not be read",
                 "training 12, testing 4", "24, 20", "10 × 13 cells"):  # fmt: skip
        assert said in words, said


def test_the_best_way_of_each_model_is_bold(text, results):
    cells = re.findall(r"<td><b>(.*?)</b></td>", text)
    best = [max(shares.values(), key=np.mean) for shares in results.accuracies().values()]
    assert {cell.split(" ±")[0] for cell in cells} == {f"{100 * share.mean():.1f}" for share in best}


def test_right_and_wrong_pictures(text, results):
    right = results.right(SEVERAL, FULL)[0]
    for kind, count in (("right", right.sum()), ("wrong", (~right).sum())):
        gallery = re.search(rf'<div class="gallery {kind}">(.*?)</div>', text)[1]
        assert gallery.count("<img") == min(count, page.SHOWN)
        assert gallery.count("<span>is ") == (0 if kind == "right" else gallery.count("<img"))


def test_classes_hardest_first(text, results):
    right, labels = results.right(SEVERAL, FULL), results.parts[2].labels
    shares = [100 * right[:, labels == label].mean() for label in range(3)]
    assert shares[1] < shares[2] < shares[0] == 100
    rows = re.findall(r'row">([^<]*)</th><td>(\d+)</td><td>(\d+)</td><td class="bar">', text)
    assert rows == [(escape(NAMES[label]), f"{shares[label]:.0f}", "4") for label in (1, 2, 0)]


def test_views_are_counted(text, results):
    picture = page._example(results)
    views = sum(len(view_boxes(*resize_min_side(picture, scale).shape[:2], 24)) for scale in (24, 30))
    assert 2 <= views <= 18 and f"these are {2 * views + 2} views" in text


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_wrong_or_all_right(results, share):
    """A net that knows nothing, and one that knows all, have a page too."""
    labels = results.parts[2].labels
    answers = np.eye(3)[(labels + (share == 0)) % 3][None].repeat(2, axis=0)
    before = results.answers
    results.answers = dict.fromkeys(before, answers)
    try:
        words = " ".join(Reader(page.html(results)).words)
    finally:
        results.answers = before
    assert "are equal (standard error 0.0)" in words


def test_light_and_dark_and_narrow(text):
    style = text[text.index("<style>") : text.index("</style>")]
    assert "prefers-color-scheme: dark" in style and "max-width: 40rem" in style and "overflow-x: auto" in style
    assert re.search(r"\.plate \{ background: #fff", style)  # figures are drawn on white, in either scheme
    assert '<meta name="viewport"' in text and '<html lang="en">' in text and '<meta charset="utf-8">' in text


def test_figures_show_the_run(results, monkeypatch):
    """Each is drawn from the results: histories, accuracies, the net and its own settings."""
    given = {}
    for name in ("curves", "comparison", "winners", "views", "receptive_fields", "bins"):
        drawn = getattr(plot, name)

        def keep(*arguments, name=name, drawn=drawn):
            given[name] = arguments
            return drawn(*arguments)

        monkeypatch.setattr(plot, name, keep)
    page.html(results)
    assert given["curves"][0] is results.histories and list(given["comparison"][0]) == [TWIN, ONE, SEVERAL]
    picture, net = given["winners"]
    assert net is results.net and min(picture.shape[:2]) == round(24 * 256 / 224)
    pictures, boxes = given["views"]
    assert [min(picture.shape[:2]) for picture in pictures] == [24, 30]
    assert all((rows[:, 3] - rows[:, 1] == 24).all() for rows in boxes)
    assert given["bins"] == (10, 13)
    rows, columns = (net.map_size(side) for side in picture.shape[:2])
    assert given["receptive_fields"][2][-1] == (rows - 1, columns - 1)


def test_written_all_or_nothing(results, tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("the old page")
    with pytest.raises(ZeroDivisionError), monkeypatch.context() as patch:
        patch.setattr(page, "html", lambda results: 1 / 0)
        page.write(path, results)
    assert path.read_text() == "the old page" and len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(page, "html", lambda results: f"über {results.command}")
    page.write(path, results)
    assert path.read_bytes().decode("utf-8") == "über minispp demo --data '<folder>'"

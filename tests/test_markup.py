"""Parts of a page: every text escaped, every number where it belongs."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from minispp import markup

NASTY = "<b>\"cats\" & 'dogs'</b>"
ESCAPED = "&lt;b&gt;&quot;cats&quot; &amp; &#x27;dogs&#x27;&lt;/b&gt;"


@pytest.mark.parametrize(
    "made",
    [
        markup.page(NASTY),
        markup.header(NASTY, NASTY),
        markup.section(NASTY, []),
        markup.paragraph(NASTY),
        markup.listing([NASTY]),
        markup.code(NASTY),
        markup.table(NASTY, [["", NASTY], [NASTY, NASTY]], marked={(1, 1)}),
        markup.figure(b"<svg/>", NASTY, NASTY),
        markup.gallery([(np.zeros((2, 3, 3), np.uint8), NASTY, NASTY)], 1),
    ],
)
def test_all_text_is_escaped(made):
    assert "cats" in made and made.count("cats") == made.count(ESCAPED)


def test_table_has_its_cells_in_place():
    made = markup.table("Said", [["", "a", "b", ""], ["x", "1", "2", 37.4], ["y", "3", "4", 0.0]], marked={(2, 1)})
    assert re.findall(r'<th scope="col">(.*?)</th>', made) == ["", "a", "b", ""]
    assert re.findall(r'<th scope="row">(.*?)</th>', made) == ["x", "y"]
    assert re.findall(r"<td>(.*?)</td>", made) == ["1", "2", "<b>3</b>", "4"]
    assert re.findall(r"width:(\d+)%", made) == ["37", "0"] and "<caption>Said</caption>" in made


def test_facts_have_no_head():
    made = markup.table("", [("Net", "small"), ("Seeds", "0")], kind="facts")
    assert "<thead>" not in made and "<caption>" not in made and '<table class="facts">' in made
    assert re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', made) == [("Net", "small"), ("Seeds", "0")]


def test_pictures_keep_their_proportions():
    picture = np.zeros((30, 41, 3), np.uint8)
    picture[:, 20:] = 200, 40, 0
    large = np.full((700, 900, 3), 9, np.uint8)
    made = markup.gallery([(picture, "a", "b"), (large, "c", "")], 0.1, "right")
    assert re.findall(r'width="(\d+)" height="(\d+)"', made) == [("4", "3"), ("90", "70")] and "gallery right" in made
    small, reduced = (Image.open(BytesIO(base64.b64decode(part))) for part in re.findall(r'base64,(.*?)"', made))
    assert small.size == (41, 30) and max(reduced.size) == 2 * markup.LARGEST
    assert (
        abs(np.array(small).astype(int) - picture).max() < 60 and abs(np.array(small).astype(int) - picture).mean() < 4
    )


def test_figure_is_the_drawing():
    made = markup.figure(b"<svg>1</svg>", "words", "caption", "narrow")
    assert base64.b64decode(re.search(r"image/svg\+xml;base64,(.*?)\"", made)[1]) == b"<svg>1</svg>"
    assert made.startswith('<figure class="narrow">') and 'alt="words"' in made

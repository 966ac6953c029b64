"""A link shows the same again; what changes is spoken; the theme is remembered."""

import re

from at_laboratory import SOME, address, drag, state, window


def shown(page):
    """All that a reader sees, but for the address and the focus."""
    page.mouse.move(2, 2)
    text = page.locator("main").inner_html()
    return re.sub(r' tabindex="-?\d"', "", text)


def test_a_link_shows_the_same_again(laboratory):
    page = laboratory("#map=9x14&levels=5,2x3,1&rule=sliding&mapping=released")
    drag(page, page.locator("#handle-top-left .ring"), 31, 52)
    page.locator("#move").press("ArrowDown")
    page.locator("#slider").fill("27")
    hash = address(page)
    assert hash == "#map=9x14&levels=5,2x3,1&rule=sliding&mapping=released&window=31,52,160,240&bin=27"
    other = laboratory(hash)
    assert state(other) == state(page)
    assert shown(other) == shown(page)


def test_a_new_hash_in_an_open_page_is_followed(laboratory):
    page = laboratory()
    page.evaluate(f"location.hash = '{SOME}'")
    page.wait_for_function("Laboratory.state().bin === 7")
    assert window(page) == [40, 30, 120, 130]


def test_a_bad_address_falls_back_and_says_so_until_something_is_changed(laboratory):
    page = laboratory("#map=10x10&rule=best&window=5,5,5,9&bin=99&mapping=released")
    problems = page.locator("#problems")
    assert problems.is_visible() and problems.get_attribute("role") == "alert"
    said = problems.inner_text()
    for words in ("rule: expected one of", "“best”", "window: expected", "the whole picture", "bin: expected"):
        assert words in said
    assert state(page) == {
        "height": 10, "width": 10, "levels": [[6, 6], [3, 3], [2, 2], [1, 1]], "rule": "paper", "mapping": "released",
        "window": [0, 0, 176, 176], "bin": 0,
    }  # fmt: skip
    page.locator("#next").click()
    address(page)
    page.wait_for_function("document.getElementById('problems').hidden")


def test_an_address_is_never_read_as_markup(laboratory):
    page = laboratory("#rule=<img src=x onerror=alert(1)>")
    assert page.locator("#problems img").count() == 0
    assert "img" in page.locator("#problems").inner_text()


def test_what_changes_is_spoken(laboratory):
    page = laboratory(SOME)
    assert page.locator("#live").get_attribute("aria-live") == "polite"
    page.locator("#move").press("Shift+ArrowDown")
    page.wait_for_function("document.getElementById('live').textContent.startsWith('Window rows 50 to 130')")
    assert "Bin 8 of 50" in page.locator("#live").text_content()


def test_the_theme_is_switched_and_remembered(laboratory):
    page = laboratory(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator("#theme").click()
    dark = page.evaluate(ground)
    assert dark != light and page.locator("#theme").get_attribute("aria-pressed") == "true"
    page.reload()
    assert page.evaluate(ground) == dark
    assert laboratory(color_scheme="dark").evaluate(ground) == dark
    page.locator("#theme").click()
    assert page.evaluate(ground) == light
    page.evaluate("localStorage.clear()")


def test_the_skip_link_leads_to_the_window_and_leaves_the_address(laboratory):
    page = laboratory(SOME)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "move"
    assert page.evaluate("location.hash") == SOME and not page.locator("#problems").is_visible()


def test_the_link_is_copied_or_said_to_be_in_the_address_bar(laboratory):
    page = laboratory()
    page.locator("#next").click()
    page.locator("#copy").click()
    page.wait_for_function("document.getElementById('copy').textContent !== 'Copy link'")
    assert page.locator("#copy").inner_text() in ("Copied", "It is in the address bar")
    assert page.evaluate("location.hash").endswith("&bin=1")


def test_the_way_back_is_a_plain_link(laboratory):
    page = laboratory()
    assert page.locator("header a").get_attribute("href") == "../index.html"

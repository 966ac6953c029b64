"""The laboratory as a reader uses it: mouse, finger, keyboard and address, from a file, in a real browser."""

import re

import numpy as np
import pytest

from minispp.bins import covered
from minispp.fields import Field, cells_to_box, receptive_box
from minispp.windows import bin_edges

SOME = "#map=13x10&levels=6,3,2,1&rule=paper&mapping=paper&window=40,30,120,130&bin=7"
ZF5 = Field(16, 139, 20)
CORNERS = [("top-left", 0, 1), ("top-right", 0, 3), ("bottom-right", 2, 3), ("bottom-left", 2, 1)]


def state(page):
    return page.evaluate("Laboratory.state()")


def window(page):
    return state(page)["window"]


def pixels(page, count):
    """CSS pixels of so many pixels of the picture."""
    width = page.locator("#canvas").bounding_box()["width"]
    return count * width / page.evaluate("Laboratory.model().picture.width")


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, locator, down, across):
    """Drag with the mouse by pixels of the picture, in several steps."""
    locator.scroll_into_view_if_needed()
    x, y = middle(locator)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels(page, across), y + pixels(page, down), steps=2)
    page.mouse.up()


def touch(page, locator, down, across):
    """Drag with one finger, as the browser's own input."""
    locator.scroll_into_view_if_needed()
    x, y = middle(locator)
    session = page.context.new_cdp_session(page)
    steps = [{"x": x + pixels(page, across) * k / 4, "y": y + pixels(page, down) * k / 4} for k in range(5)]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": steps[:1]})
    for step in steps[1:]:
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [step]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def address(page):
    """The hash, once it says what the state says."""
    page.wait_for_function("location.hash === Address.format(Laboratory.state())", timeout=2000)
    return page.evaluate("location.hash")


def map_rectangle(page, name):
    """The cells (top, left, bottom, right) of a rectangle that is drawn on the map."""
    return page.evaluate(
        """name => {
      const first = document.querySelector("#cells .cell");
      const [row, column] = first.dataset.cell.split(",").map(Number);
      const pitch = Number(first.getAttribute("width")) + 1;
      const [x0, y0] = ["x", "y"].map((side) => Number(first.getAttribute(side)) - 0.5);
      const shape = document.querySelector(`#cells rect.${name}`);
      const [x, y, w, h] = ["x", "y", "width", "height"].map((side) => Number(shape.getAttribute(side)));
      const rows = [y, y + h].map((edge) => (edge - y0) / pitch + row);
      const columns = [x, x + w].map((edge) => (edge - x0) / pitch + column);
      return [rows[0], columns[0], rows[1], columns[1]].map((edge) => Math.round(edge * 10) / 10);
    }""",
        name,
    )


# ---------------------------------------------------------------------------------------------------
# Stepping


def test_the_slider_and_the_buttons_step_through_all_bins(laboratory):
    page = laboratory()
    assert page.locator("#previous").is_disabled()
    for _ in range(3):
        page.locator("#next").click()
    assert state(page)["bin"] == 3
    page.locator("#slider").fill("36")
    assert state(page)["bin"] == 36
    assert page.locator("#position").inner_text().startswith("Bin 37 of 50: level 3 × 3, row 0, column 0")
    assert page.locator("#vector [aria-current=true]").get_attribute("data-bin") == "36"
    assert map_rectangle(page, "chosen") == [0, 0, 5, 5]
    page.locator("#slider").press("End")
    assert state(page)["bin"] == 49 and page.locator("#next").is_disabled()
    page.locator("#slider").press("ArrowLeft")
    page.locator("#previous").click()
    assert address(page).endswith("&bin=47")


def test_every_bin_is_drawn_where_it_lies(laboratory):
    page = laboratory(SOME)
    for index, cells in list(enumerate(page.evaluate("Laboratory.model().bins.map((bin) => bin.cells)")))[::3]:
        page.locator("#slider").fill(str(index))
        assert map_rectangle(page, "chosen") == cells


def test_the_picture_shows_the_cells_of_the_window_the_bin_and_what_its_winner_sees(laboratory):
    page = laboratory(SOME.replace("bin=7", "bin=40"))
    found = page.evaluate("({ window: Laboratory.model().window, ...Laboratory.model().bins[40] })")
    drawn = page.evaluate(
        """() => Object.fromEntries(["bin-box", "seen", "frame"].map((name) => {
      const shape = document.querySelector(`#overlay .${name}`), canvas = document.getElementById("canvas");
      const scale = canvas.width / parseFloat(canvas.style.width);
      const [x, y, w, h] = ["x", "y", "width", "height"].map((side) => Number(shape.getAttribute(side)));
      return [name, [y - 24, x - 24, y + h - 24, x + w - 24].map((edge) => Math.round(edge * scale))];
    }))"""
    )
    top, left, bottom, right = found["window"]
    taken = page.evaluate("[...document.querySelectorAll('#overlay .centre')].map((dot) => dot.matches('.taken'))")
    assert taken == [top <= row < bottom and left <= column < right for row in range(13) for column in range(10)]
    limits = np.array([224, 176, 224, 176])
    row, column = found["place"]
    for name, cells, reach in (
        ("bin-box", found["cells"], cells_to_box),
        ("seen", [row, column, row + 1, column + 1], receptive_box),
    ):
        assert drawn[name] == np.clip(reach([[0, *cells]], ZF5)[0, 1:], 0, limits).tolist()
    assert drawn["frame"] == window(page)


def test_the_map_shows_each_value_and_how_many_bins_hold_it(laboratory):
    page = laboratory(SOME)
    top, left, bottom, right = page.evaluate("Laboratory.model().window")
    rows, columns = (covered(size, bin_edges(size, 6)) for size in (bottom - top, right - left))
    expected = np.zeros((13, 10), int)
    expected[top:bottom, left:right] = np.outer(rows, columns)
    cells = page.locator("#cells .cell").evaluate_all("(cells) => cells.map((cell) => cell.getAttribute('class'))")
    assert cells == [f"cell {f'shade-{min(n, 4)}' if n else 'outside'}" for n in expected.ravel()]
    numbers = page.locator("#cells .number").evaluate_all("(texts) => texts.map((text) => text.textContent)")
    features = page.evaluate("Laboratory.model().picture.features.flat()")
    assert [int(number.replace("−", "-")) for number in numbers] == features


# ---------------------------------------------------------------------------------------------------
# The window


def test_the_window_is_dragged_by_mouse_and_stays_on_the_picture(laboratory):
    page = laboratory(SOME)
    body = page.locator("#move .frame")
    drag(page, body, 17, -12)
    assert window(page) == [57, 18, 137, 118]
    drag(page, body, -300, 0)
    assert window(page) == [0, 18, 80, 118]
    drag(page, body, 400, 400)
    assert window(page) == [144, 76, 224, 176]


@pytest.mark.parametrize(("name", "i", "j"), CORNERS)
def test_a_handle_moves_its_corner_and_leaves_the_others(name, i, j, laboratory):
    page = laboratory(SOME)
    ring = page.locator(f"#handle-{name} .ring")
    expected = window(page)
    drag(page, ring, -9, 13)
    expected[i] -= 9
    expected[j] += 13
    assert window(page) == expected
    drag(page, ring, 400 if i == 0 else -400, 400 if j == 1 else -400)
    top, left, bottom, right = window(page)
    assert (bottom - top, right - left) == (1, 1)
    assert [edge for k, edge in enumerate(window(page)) if k not in (i, j)] == [
        edge for k, edge in enumerate(expected) if k not in (i, j)
    ]


def test_a_window_of_one_pixel_can_still_be_caught(laboratory):
    page = laboratory("#window=100,100,101,101")
    drag(page, page.locator("#move .frame"), 20, 30)
    assert window(page) == [120, 130, 121, 131]
    drag(page, page.locator("#handle-bottom-right .ring"), 40, 50)
    assert window(page) == [120, 130, 161, 181]


def test_a_finger_moves_and_resizes(laboratory):
    page = laboratory(SOME, width=375, height=700, has_touch=True, is_mobile=True)
    touch(page, page.locator("#move .frame"), 16, 8)
    assert window(page) == [56, 38, 136, 138]
    touch(page, page.locator("#handle-bottom-left .ring"), 24, -16)
    assert window(page) == [56, 22, 160, 138]


def test_a_finger_beside_the_window_scrolls_the_page(laboratory):
    page = laboratory(SOME, width=375, height=700, has_touch=True, is_mobile=True)
    page.locator("#stage").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    touch(page, page.locator("#map-title"), -150, 0)
    page.wait_for_function(f"scrollY > {before} + 50")
    assert window(page) == [40, 30, 120, 130]


def test_keys_move_and_resize_by_one_and_by_ten(laboratory):
    page = laboratory(SOME)
    page.locator("#move").focus()
    for key in ("ArrowDown", "Shift+ArrowRight", "ArrowLeft", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert window(page) == [31, 39, 111, 139]
    reached = []
    for name, _, _ in CORNERS:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Shift+ArrowRight")
        assert reached[-1] == f"handle-{name}"
    # Each edge belongs to two corners, so each has moved twice.
    assert window(page) == [33, 59, 113, 159]


def test_the_window_is_typed_as_numbers(laboratory):
    page = laboratory(SOME)
    page.locator("#edge-0").fill("7")
    page.locator("#edge-3").fill("90")
    assert window(page) == [7, 30, 120, 90]
    page.locator("#edge-1").fill("95")
    assert page.locator("#edge-1").get_attribute("aria-invalid") == "true"
    assert window(page) == [7, 30, 120, 90]
    page.locator("#edge-2").focus()
    assert page.locator("#edge-1").input_value() == "30"
    page.locator("#whole").click()
    assert window(page) == [0, 0, 224, 176]


# ---------------------------------------------------------------------------------------------------
# Settings


def test_size_levels_and_rules_are_chosen(laboratory):
    page = laboratory()
    page.locator("#height").fill("15")
    page.locator("#width").fill("7")
    # The whole picture stays the whole picture, larger or smaller.
    assert (state(page)["height"], state(page)["width"], window(page)) == (15, 7, [0, 0, 256, 128])
    page.locator("#levels").fill("4, 2x3")
    assert state(page)["levels"] == [[4, 4], [2, 3]]
    assert page.locator("#vector button").count() == 22
    for bad in ("4, 2x", "", "99", "1,1,1,1,1,1,1"):
        page.locator("#levels").fill(bad)
        assert page.locator("#levels").get_attribute("aria-invalid") == "true"
        assert state(page)["levels"] == [[4, 4], [2, 3]]
    for name in ("rule", "mapping"):
        chips = page.locator(f"input[name={name}]")
        for k in range(chips.count()):
            chips.nth(k).check()
            assert state(page)[name] == chips.nth(k).get_attribute("value")
    assert "&levels=4,2x3&rule=rounded&mapping=released&" in address(page)


def test_a_smaller_map_keeps_window_and_bin_inside(laboratory):
    page = laboratory("#map=20x20&window=200,210,300,320&bin=49")
    page.locator("#height").fill("3")
    page.locator("#levels").fill("1")
    assert window(page) == [63, 210, 64, 320]
    assert state(page)["bin"] == 0


def test_what_a_half_typed_number_cuts_off_comes_back(laboratory):
    page = laboratory(SOME.replace("bin=7", "bin=40"))
    page.locator("#height").select_text()
    page.keyboard.type("10")
    page.locator("#levels").select_text()
    page.keyboard.type("6,3,")
    assert state(page)["levels"] == [[6, 6], [3, 3]] and page.locator("#levels").input_value() == "6,3,"
    page.keyboard.type("1")
    found = state(page)
    assert (found["height"], found["levels"], found["bin"]) == (10, [[6, 6], [3, 3], [1, 1]], 40)
    assert found["window"] == [40, 30, 120, 130]


PRESETS = {
    "13 × 13, the paper’s map": "no cell of 169 missed, 105 counted twice or more, up to 4 times.",
    "10 × 10, sliding": "51 cells of 100 missed, 45 counted twice or more, up to 4 times. "
    "The rule makes 9 × 9 positions, 45 too many",
    "Smaller than the pyramid": "no cell of 20 missed, 20 counted twice or more, up to 4 times.",
    "Nesting": "no cell of 143 missed",
    "A window that inverts": "no cell of 1 missed, 1 counted twice or more, up to 36 times.",
    "7/7 in the released code": "no cell of 169 missed, none counted twice.",
    "Zeros that win": "no cell of 169 missed, none counted twice.",
    "Rounded and empty": "no cell of 16 missed, none counted twice. 20 bins are empty.",
}


def test_presets_tell_their_stories(laboratory):
    page = laboratory()
    buttons = page.locator("#presets button")
    assert buttons.all_inner_texts() == list(PRESETS)
    for name, facts in PRESETS.items():
        page.get_by_role("button", name=name).click()
        assert page.locator("#presets [aria-pressed=true]").all_inner_texts() == [name]
        assert facts in page.locator("#facts").inner_text()
        assert page.locator("#story").is_visible()
        assert page.evaluate("Address.parse(location.hash).problems") == []
        assert not page.locator("#problems").is_visible()


def test_the_sliding_preset_misses_the_last_three_rows_and_columns(laboratory):
    page = laboratory()
    page.get_by_role("button", name="10 × 10, sliding").click()
    missed = page.evaluate("[...document.querySelectorAll('#cells .cell.missed')].map((cell) => cell.dataset.cell)")
    assert missed == [f"{r},{c}" for r in range(10) for c in range(10) if r > 6 or c > 6]
    assert page.locator("#cells g > rect.extra:not(.bar)").count() == 45
    assert page.locator("#cells .bar.extra").count() == 6
    assert "floor((10 - 2)/1) + 1 = 8 // 1 + 1 = 9" in page.locator("#arithmetic").inner_text()


def test_the_nesting_preset_shows_the_four_parts_and_their_largest_value(laboratory):
    page = laboratory()
    page.get_by_role("button", name="Nesting").click()
    assert page.locator("#cells .part").count() == 4
    assert page.evaluate("Pooling.parts(Laboratory.model(), Laboratory.model().bins[40])") == [14, 15, 20, 21]
    values = page.evaluate("Laboratory.model().bins.map((bin) => bin.value)")
    assert values[40] == max(values[part] for part in (14, 15, 20, 21))


def test_the_inverted_window_pools_one_cell_fifty_times(laboratory):
    page = laboratory()
    page.get_by_role("button", name="A window that inverts").click()
    assert len(set(page.locator("#vector button").all_inner_texts())) == 1
    assert page.locator("#vector button").count() == 50
    assert page.locator("#arithmetic").inner_text().count("both become their mean") == 2


def test_padding_and_emptiness_are_told_apart(laboratory):
    page = laboratory()
    page.get_by_role("button", name="Zeros that win").click()
    assert page.locator("#vector button.padding").count() >= 11
    assert page.locator("#position").inner_text().endswith("value 0, won by the padding")
    assert page.locator("#cells .winner").count() == 0
    assert "common frameworks refuse" in page.locator("#arithmetic").inner_text()
    page.get_by_role("button", name="Rounded and empty").click()
    assert page.locator("#vector button.empty").count() == 20
    assert page.locator("#vector [aria-current=true]").inner_text() == "∅"
    assert page.locator("#cells .chosen.nothing").bounding_box()["width"] >= 3
    page.locator("input[value=sliding]").check()
    assert "does not exist" in page.locator("#facts").inner_text()
    assert page.locator("#vector button.none").count() == 36


# ---------------------------------------------------------------------------------------------------
# The vector and the map point at one another


def test_an_entry_under_the_mouse_shows_its_bin_and_winner_and_gives_it_back(laboratory):
    page = laboratory()
    page.locator("[data-bin='45']").hover()
    bin = page.evaluate("Laboratory.model().bins[45]")
    assert map_rectangle(page, "chosen") == bin["cells"] == [0, 0, 7, 7]
    top, left, _, _ = map_rectangle(page, "winner")
    assert [int(top), int(left)] == bin["place"]
    assert page.locator("[data-bin='45']").get_attribute("aria-current") == "true"
    page.mouse.move(5, 5)
    assert state(page)["bin"] == 0 and map_rectangle(page, "chosen") == [0, 0, 3, 3]


def test_keys_walk_along_the_vector(laboratory):
    page = laboratory(SOME)
    page.locator("#vector button[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    assert state(page)["bin"] == 8
    page.keyboard.press("End")
    assert state(page)["bin"] == 49 and page.evaluate("document.activeElement.dataset.bin") == "49"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert 0 < state(page)["bin"] < 36
    assert page.locator("#vector button[tabindex='0']").count() == 1


def test_a_cell_under_the_mouse_marks_the_entries_that_hold_it(laboratory):
    page = laboratory()
    page.locator("[data-cell='2,2']").hover()
    held = page.evaluate("[...document.querySelectorAll('#vector .holds')].map((entry) => Number(entry.dataset.bin))")
    assert held == [0, 1, 6, 7, 36, 45, 49]
    assert page.locator("#vector .won").count() == 0
    value = page.evaluate("Laboratory.model().picture.features[2][2]")
    reading = f"Cell in row 2, column 2: {value}, in 7 bins, of which it wins 0.".replace("-", "−")
    assert page.locator("#reading").inner_text() == reading
    winner = page.evaluate("Laboratory.model().bins[36].place")
    page.locator(f"[data-cell='{winner[0]},{winner[1]}']").hover()
    assert page.locator("[data-bin='36']").evaluate("(entry) => entry.classList.contains('won')")
    page.mouse.move(5, 5)
    assert page.locator("#vector .holds").count() == 0


def test_a_click_chooses_a_bin_of_the_cell_and_the_next_one(laboratory):
    page = laboratory()
    chosen = []
    for _ in range(5):
        page.locator("[data-cell='2,2']").click()
        chosen.append(state(page)["bin"])
    assert chosen == [1, 6, 7, 0, 1]


def test_keys_walk_over_the_map_and_choose(laboratory):
    page = laboratory(SOME.replace("window=40,30,120,130", "window=0,0,224,176"))
    page.locator("#cells").focus()  # the first arrow leads to the first cell of the window
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert map_rectangle(page, "cursor")[:2] == [2, 2]
    page.wait_for_function("document.getElementById('live').textContent.startsWith('Cell in row 2, column 2')")
    page.keyboard.press("Enter")
    assert page.evaluate("Pooling.holds(Laboratory.model().bins[Laboratory.state().bin], 2, 2)")


# ---------------------------------------------------------------------------------------------------
# The address, and what is spoken


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

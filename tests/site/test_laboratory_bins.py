"""Stepping through bins; what is drawn of them; and how vector and map point at one another."""

import numpy as np
from at_laboratory import SOME, address, map_rectangle, state, window

from minispp.bins import covered
from minispp.fields import Field, cells_to_box, receptive_box
from minispp.windows import bin_edges

ZF5 = Field(16, 139, 20)


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

"""Sizes, levels and rules that are chosen, and the presets with their stories."""

from at_laboratory import SOME, address, state, window


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

"""The window on the picture: by mouse, finger, keys and numbers."""

import pytest
from at_laboratory import SOME, drag, touch, window

CORNERS = [("top-left", 0, 1), ("top-right", 0, 3), ("bottom-right", 2, 3), ("bottom-left", 2, 1)]


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

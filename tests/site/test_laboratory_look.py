"""How the laboratory looks: contrast, narrow screens, targets for fingers, names for those who hear it."""

from pathlib import Path

import pytest

STATES = [
    "#bin=7",
    "#map=10x10&rule=sliding&bin=35",
    "#rule=padded&bin=1",
    "#map=4x4&rule=rounded&bin=2",
    "#map=4x4&rule=sliding&window=20,20,60,60",
    "#map=11x13&rule=released&mapping=released&window=118,102,126,108&bin=40&nothing=1",
]

CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(scheme, laboratory):
    page = laboratory(height=5000, color_scheme=scheme, reduced_motion="reduce")
    page.add_style_tag(content="* { pointer-events: auto !important }")
    for hash in STATES:
        follow(page, hash)
        page.evaluate("VectorView.mark(Laboratory.model(), [1, 1])")
        found = page.evaluate(CONTRASTS)
        assert len(found) > 150
        assert not [(round(ratio, 2), text) for ratio, text in found if ratio < 4.5], hash


def test_the_measure_of_contrast_can_fail(laboratory):
    page = laboratory(height=5000)
    page.add_style_tag(content="* { pointer-events: auto !important } .lead { color: #999999 }")
    page.add_style_tag(content="#cells .number { fill: #ffffff }")
    poor = [text for ratio, text in page.evaluate(CONTRASTS) if ratio < 4.5]
    assert any(text.startswith("A spatial pyramid") for text in poor) and len(poor) > 100


def follow(page, hash):
    """Lead an open page to an address."""
    page.evaluate("hash => { location.hash = hash; }", hash)
    wanted = "hash => Address.format(Laboratory.state()) === Address.format(Address.parse(hash).state)"
    page.wait_for_function(wanted, arg=hash)


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_nothing_is_wider_than_the_page(width, laboratory):
    page = laboratory(width=width, height=800)
    extremes = ["#map=32x32&levels=16,10,1", "#map=1x32", "#map=32x1", "#map=1x1&rule=padded&levels=16"]
    for hash in [*STATES, *extremes, "#" + 300 * "long"]:
        follow(page, hash)
        found = page.evaluate("""() => {
          const parts = [..."overlay cells vector arithmetic".split(" ")].map((id) => document.getElementById(id));
          return [document.documentElement.scrollWidth, ...parts.map((part) => part.getBoundingClientRect().right)];
        }""")
        assert max(found) <= width, (hash, found)


def test_fingers_find_everything(laboratory):
    page = laboratory(width=375, height=800)
    sizes = page.evaluate("""() => [...document.querySelectorAll("button, input, .handle .catch")].map((part) => {
      const { width, height } = part.getBoundingClientRect();
      return [part.id || part.className.baseVal || part.textContent || part.value, width, height];
    })""")
    assert len(sizes) > 70
    assert not [size for size in sizes if min(size[1:]) < 40]


def test_handles_and_window_do_not_cover_one_another(laboratory):
    """At its own middle each target is the uppermost one, however small the window is."""
    page = laboratory(width=375, height=800)
    page.locator("#stage").scroll_into_view_if_needed()
    for window in ("100,100,101,101", "0,0,1,1", "60,60,80,200", "0,0,224,224"):
        follow(page, f"#window={window}")
        found = page.evaluate("""() => [...document.querySelectorAll(".handle, .body")].map((part) => {
          const box = part.querySelector(part.matches(".body") ? ".frame" : ".ring").getBoundingClientRect();
          const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
          return [part.id, top?.closest("g[id]")?.id];
        })""")
        assert [wanted for wanted, _ in found] == [got for _, got in found], window


def test_everything_has_a_name_and_a_visible_focus(laboratory):
    page = laboratory(width=375, height=800)
    names, outlined = [], 0
    for _ in range(60):
        page.keyboard.press("Tab")
        part = page.evaluate("""() => {
          const part = document.activeElement;
          const shape = part.querySelector?.(".ring, .frame");
          const look = part.matches("label.chip input") ? part.nextElementSibling : part;
          const style = getComputedStyle(shape ?? look);
          const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
          const seen = shape ? parseFloat(style.strokeWidth) >= 4 : outlined;
          const label = part.ariaLabel || part.labels?.[0]?.textContent || part.textContent;
          return { tag: part.tagName, label: label.trim(), seen };
        }""")
        if part["tag"] == "BODY":
            break
        names.append(part["label"])
        assert part["label"] and part["seen"], part
        outlined += part["seen"]
    assert outlined > 25
    wanted = ("Window: rows 0 to 224", "top left corner", "Map of 13 × 13 cells", "Bin", "Next bin", "Bin 1 of 50")
    assert all(any(name.startswith(start) for name in names) for start in wanted)


def test_motion_is_reduced_where_that_is_wished(laboratory):
    times = """() => [...document.querySelectorAll("*")]
      .map((part) => getComputedStyle(part).transitionDuration).filter((time) => time !== "0s")"""
    assert laboratory(reduced_motion="no-preference").evaluate(times)
    assert laboratory(reduced_motion="reduce").evaluate(times) == []


def test_without_scripts_the_page_says_so(laboratory):
    page = laboratory(java_script_enabled=False)
    assert page.locator("noscript p").is_visible()

"""What tests of the laboratory do with its page: read its state, drag, touch, and find what is drawn."""

SOME = "#map=13x10&levels=6,3,2,1&rule=paper&mapping=paper&window=40,30,120,130&bin=7"


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

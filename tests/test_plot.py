"""Figures, by what is in them: which artists there are, where they lie, and whether their words can be read."""

import re
import subprocess
import sys
from base64 import b64decode
from xml.etree import ElementTree

import naive
import numpy as np
import pytest
import tiny
from drawn import must_be_readable, rectangles
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from minispp import plot, predict
from minispp.fields import Field
from minispp.plot import style

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (41, 58, 3), dtype=np.uint8)
FIELD = Field(stride=8, size=51, centre=3)


def cells_inside(rows):
    """The same, widened to whole cells and as (top, left, bottom, right)."""
    left, top, right, bottom = np.asarray(rows).T
    return [
        tuple(row) for row in np.stack([np.floor(top), np.floor(left), np.ceil(bottom), np.ceil(right)], 1).astype(int)
    ]


def products(rows, columns):
    """(top, left, bottom, right) of each pair of cell lists."""
    return [(ys[0], xs[0], ys[-1] + 1, xs[-1] + 1) for ys in rows for xs in columns]


def shades(axes, shape):
    return np.asarray(axes.collections[0].get_array()).reshape(shape)


# -- bins ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("height", "width", "levels"), [(10, 13, (6, 3, 1)), (4, 11, ((3, 4), 2)), (2, 5, (3, (1, 2)))]
)
def test_bins_are_drawn_where_they_are(height, width, levels):
    figure = plot.bins(height, width, levels)
    assert len(figure.axes) == 2 * len(levels)
    for axes, level in zip(figure.axes, levels, strict=False):
        n, m = level if isinstance(level, tuple) else (level, level)
        rows, columns = naive.bin_cells(height, n), naive.bin_cells(width, m)
        assert cells_inside(rectangles(axes, "bin")) == products(rows, columns)
        assert [(top, bottom) for top, _, bottom, _ in cells_inside(rectangles(axes, "row bar"))] == [
            (held[0], held[-1] + 1) for held in rows
        ]
        assert [(left, right) for _, left, _, right in cells_inside(rectangles(axes, "column bar"))] == [
            (held[0], held[-1] + 1) for held in columns
        ]
        count = [
            [sum(y in ys for ys in rows) * sum(x in xs for xs in columns) for x in range(width)] for y in range(height)
        ]
        assert shades(axes, (height, width)).tolist() == count
        assert axes.get_title().startswith(f"{n} × {m}: {n * m} bin")


def test_bars_of_one_lane_never_overlap():
    for axes in plot.bins(7, 5, (6, 4, 3)).axes:
        for name, (low, high) in (("row bar", (1, 3)), ("column bar", (0, 2))):
            lanes = {}
            for box in rectangles(axes, name):
                lanes.setdefault(round(box[0 if name == "row bar" else 1], 6), []).append((box[low], box[high]))
            assert all(a[1] < b[0] for lane in lanes.values() for a, b in zip(lane, lane[1:], strict=False))
            assert len(lanes) <= 6


def test_sliding_rule_with_windows_too_many():
    """10 cells in 6 bins: 9 windows, and the first 6 miss 3 rows; 13 in 6: the same windows."""
    axes = plot.bins(10, 13, (6,)).axes[1]
    rows, columns = naive.slide_cells(10, 2, 1), naive.slide_cells(13, 3, 2)
    assert cells_inside(rectangles(axes, "window")) == products(rows[:6], columns)
    assert cells_inside(rectangles(axes, "extra")) == products(rows[6:], columns)
    assert rectangles(axes, "missed").tolist() == [[0, 7, 13, 10]]
    assert axes.get_title() == "54 windows, 18 too many\n39 of 130 cells left out"
    dashed = [patch.get_linestyle() for patch in axes.patches if patch.get_gid() == "extra"]
    assert len(dashed) == 18 and "-" not in dashed and "solid" not in dashed


def test_sliding_rule_that_misses_on_both_axes():
    """8 in 3 bins misses the last row, 5 in 3 the last column: an L of cells, hatched once."""
    axes = plot.bins(8, 5, (3,)).axes[1]
    assert rectangles(axes, "missed").tolist() == [[0, 7, 5, 8], [4, 0, 5, 7]]
    assert axes.get_title() == "12 windows, 3 too many\n12 of 40 cells left out"
    assert all(patch.get_hatch() for patch in axes.patches if patch.get_gid() == "missed")


def test_sliding_rule_that_agrees_or_does_not_exist():
    agrees, missing = plot.bins(13, 18, (3, 14)).axes[2:]
    assert agrees.get_title() == "the same 9 windows\nwith stride 4 × 6"
    assert not len(rectangles(agrees, "missed")) and len(rectangles(agrees, "window")) == 9
    assert missing.get_title() == "no windows:\nthe stride would be 0" and not missing.patches


def test_bins_refuse_what_is_no_map():
    with pytest.raises(ValueError, match="bins: expected a positive integer width, got -1"):
        plot.bins(3, -1)


# -- pictures --------------------------------------------------------------------------------------


def test_winners_lie_where_the_net_found_them():
    net = tiny.net(levels=((3, 4), (3, 2), 1), mean=(90, 90, 90), std=(50, 50, 50))
    maps = net.features(net.prepare(PICTURE[None]))
    _, rows, columns, _ = maps.shape
    figure = plot.winners(PICTURE, net, channel=2)
    assert "channel 2" in figure.axes[0].get_title() and f"{rows} × {columns} cells" in figure.axes[0].get_title()
    assert shades(figure.axes[0], (rows, columns)).tolist() == maps[0, :, :, 2].tolist()
    stride, centre = net.field.stride, net.field.centre
    before = None
    for axes, (n, m) in zip(figure.axes[1:], ((3, 4), (3, 2), (1, 1)), strict=True):
        won = set()
        for _, top, left, bottom, right in naive.split([(0, 0, 0, rows, columns)], n, m):
            part = maps[0, top:bottom, left:right, 2]
            y, x = np.unravel_index(part.argmax(), part.shape)
            won.add((int(top + y), int(left + x)))
        drawn = rectangles(axes, "winner")
        middles = np.stack([drawn[:, [1, 3]].mean(axis=1), drawn[:, [0, 2]].mean(axis=1)], axis=1)
        # Pixel c is drawn over c .. c + 1, so the middle of the square around it lies at c + 1/2.
        assert {tuple(cell) for cell in np.round((middles - 0.5 - centre) / stride).astype(int)} == won
        assert abs(middles - 0.5 - centre - stride * np.round((middles - 0.5 - centre) / stride)).max() <= 0.5
        assert f"{len(won)} cell" in axes.get_title() and len(rectangles(axes, "bin")) == n * m
        assert before is None or won <= before
        before = won


def test_winners_choose_the_strongest_channel():
    net = tiny.net(levels=(2,))
    maps = net.features(net.prepare(PICTURE[None]))
    strongest = np.unravel_index(maps.argmax(), maps.shape)[3]
    assert f"channel {strongest} of" in plot.winners(PICTURE, net).axes[0].get_title()


def test_receptive_fields():
    axes = plot.receptive_fields(PICTURE, FIELD, [(0, 2), (4, 0)]).axes[0]
    # Cell (0, 2) is centred at pixel (3, 19) and sees 25 more on each side; a pixel is one wide.
    assert rectangles(axes, "seen").tolist() == [[19 - 25, 3 - 25, 19 + 26, 3 + 26], [3 - 25, 35 - 25, 3 + 26, 35 + 26]]
    assert rectangles(axes, "own").tolist() == [[15, -1, 24, 8], [-1, 31, 8, 40]]
    assert axes.get_xlim()[0] < -22 and axes.get_xlim()[1] > 58 and axes.get_ylim()[0] > 61 and axes.get_ylim()[1] < -22
    assert [text.get_text() for text in axes.texts] == ["row 0, column 2", "row 4, column 0"]
    assert axes.get_title() == "stride 8, receptive field 51 × 51 pixels"


def test_no_cells_no_fields():
    axes = plot.receptive_fields(PICTURE, FIELD, []).axes[0]
    assert not axes.patches and axes.images[0].get_extent() == [0, 58, 41, 0]


def test_views_fit_on_a_page():
    """Side by side they are as wide as any figure, unless they would be too high."""
    for picture in (PICTURE, PICTURE.transpose(1, 0, 2)):
        boxes = [predict.view_boxes(*picture.shape[:2], 30)] * 2
        width, height = plot.views([picture] * 2, boxes).get_size_inches()
        assert width <= style.WIDTH + 0.1 and height <= 4.6 and (width > style.WIDTH - 0.3 or height > 4.4)


def test_views_have_one_size_of_pixel():
    pictures = [PICTURE[:24, :24], PICTURE[:24, :31], PICTURE]
    boxes = [predict.view_boxes(*picture.shape[:2], 24) for picture in pictures]
    figure = plot.views(pictures, boxes)
    inches = figure.get_size_inches()
    for axes, picture, rows in zip(figure.axes, pictures, boxes, strict=True):
        drawn = rectangles(axes, "view")
        assert len(drawn) == len(rows)
        left, top, right, bottom = drawn.T
        inset = np.stack([top - rows[:, 1], left - rows[:, 2], rows[:, 3] - bottom, rows[:, 4] - right])
        assert (inset > 0).all() and (inset < 2).all()
        assert (
            axes.get_title()
            == f"{picture.shape[0]} × {picture.shape[1]} pixels\n{len(rows)} view{'s' * (len(rows) > 1)}"
        )
        place = axes.get_position()
        assert place.width * inches[0] / picture.shape[1] == pytest.approx(place.height * inches[1] / picture.shape[0])
        assert place.width * inches[0] / picture.shape[1] == pytest.approx(
            figure.axes[0].get_position().width * inches[0] / 24
        )
        assert place.y0 == pytest.approx(figure.axes[0].get_position().y0)


@pytest.mark.parametrize("image", [[], [7]])
def test_boxes(image):
    rows = [[*image, 1, 2, 30, 20], [*image, 10, 25, 40, 58], [*image, 20, 5, 21, 6]]
    axes = plot.boxes(PICTURE, rows, ["cat", "dog", "cat"]).axes[0]
    assert rectangles(axes, "box").tolist() == [[2, 1, 20, 30], [25, 10, 58, 40], [5, 20, 6, 21]]
    colours = [patch.get_edgecolor() for patch in axes.patches if patch.get_gid() == "box"]
    assert colours[0] == colours[2] != colours[1]
    assert [text.get_text() for text in axes.texts] == ["cat", "dog", "cat"]
    assert axes.images[0].get_extent() == [0, 58, 41, 0] and np.array_equal(axes.images[0].get_array(), PICTURE)


def test_boxes_without_words_and_without_boxes():
    assert not plot.boxes(PICTURE, np.array([[1, 2, 3, 4]])).axes[0].texts
    assert not plot.boxes(PICTURE, []).axes[0].patches
    with pytest.raises(ValueError, match="a label for each of 1 boxes, got 2"):
        plot.boxes(PICTURE, [[1, 2, 3, 4]], ["a", "b"])


# -- results ---------------------------------------------------------------------------------------


def rows(errors, validation=None):
    return [
        {"error": error, **({} if validation is None else {"validation_error": validation[k]})}
        for k, error in enumerate(errors)
    ]


def test_curves_are_means_and_ranges():
    histories = {
        "two": [rows([0.5, 0.2, 0.1], [0.6, 0.4, 0.3]), rows([0.7, 0.4, 0.1], [0.8, 0.4, 0.2])],
        "one": rows([0.9, 0.8, 0.7], [0.9, 0.9, 0.8]),
    }
    figure = plot.curves(histories)
    training, validation = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["training error, %", "validation error, %"]
    assert np.allclose(training.lines[0].get_xydata(), [[1, 60], [2, 30], [3, 10]])
    assert np.allclose(validation.lines[0].get_xydata(), [[1, 70], [2, 40], [3, 25]])
    assert np.allclose(validation.lines[1].get_ydata(), [90, 90, 80])
    assert len(training.collections) == 1  # a single run has no range
    band = validation.collections[0].get_paths()[0].vertices
    assert {(1, 60), (1, 80), (2, 40), (3, 20), (3, 30)} <= {tuple(np.round(point, 6)) for point in band}
    assert [text.get_text() for text in training.get_legend().get_texts()] == ["two", "one"]
    assert training.get_ylim() == validation.get_ylim() and training.get_ylim()[0] == 0


def test_curves_without_validation_and_with_a_gap():
    figure = plot.curves({"a": rows([0.5, 0.4]), "b": rows([0.3, 0.2], [0.9, None])})
    assert len(figure.axes) == 2
    assert np.isnan(figure.axes[1].lines[0].get_ydata()).all() and figure.axes[1].lines[1].get_ydata()[0] == 90
    assert len(plot.curves({"a": rows([0.5])}).axes) == 1


def test_comparison():
    results = {"no SPP": {"centre": [0.5, 0.7]}, "SPP": {"centre": [0.8, 0.8], "full": [0.9, 1.0]}}
    axes = plot.comparison(results).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["centre", "centre", "full"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    strokes = [line for line in axes.lines if line.get_marker() != "o"]
    assert np.allclose([line.get_xdata() for line in dots], [[50, 70], [80, 80], [90, 100]])
    assert np.allclose([line.get_xdata()[0] for line in strokes], [60, 80, 95])
    assert [line.get_ydata()[0] for line in dots] == list(axes.get_yticks())
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["no SPP", "60.0 ± 14.1", "SPP", "80.0 ± 0.0", "95.0 ± 7.1"]
    assert to_rgba(dots[0].get_color()) != to_rgba(dots[1].get_color()) == to_rgba(dots[2].get_color())


def test_precision_recall():
    """The thick staircase encloses the average precision; the thin line is what was measured."""
    curves = {
        "cat": ([1, 1 / 2, 1 / 3, 1 / 2, 3 / 5, 1 / 2], [0.25, 0.25, 0.25, 0.5, 0.75, 0.75], 0.25 + 0.5 * 3 / 5),
        "dog": ([], [], 0.0),
        "cow": ([0.0], [np.nan], np.nan),
    }
    axes = plot.precision_recall(curves).axes[0]
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["cat: AP 55.0", "dog: AP 0.0", "cow: no objects"]
    thin, thick = (line for line in axes.lines if line.get_color() == style.BLUE)
    precision, recall, average = curves["cat"]
    assert np.allclose(thin.get_xydata(), 100 * np.array([recall, precision]).T)
    x, y = thick.get_xydata().T
    assert thick.get_drawstyle() == "steps-pre" and (x[0], y[-1]) == (0, 0) and x[-1] == 75
    assert np.isclose((np.diff(x) * y[1:]).sum(), 100 * 100 * average)
    many = plot.precision_recall({str(k): ([1], [1], 1.0) for k in range(20)}).axes[0].get_legend().get_lines()
    assert len({(line.get_color(), line.get_linestyle()) for line in many}) == 20


# -- all of them -----------------------------------------------------------------------------------

NET = tiny.net(levels=(6, 3, 2, 1))
FIGURES = {
    "bins": lambda: plot.bins(10, 13),
    "bins, flat": lambda: plot.bins(2, 40, (3, (2, 6), 1)),
    "bins, tall": lambda: plot.bins(30, 7, (6, 3, 2, 1)),
    "bins, one level": lambda: plot.bins(5, 5, (3,)),
    "winners": lambda: plot.winners(PICTURE, NET),
    "winners, tall": lambda: plot.winners(PICTURE.transpose(1, 0, 2), NET),
    "receptive fields": lambda: plot.receptive_fields(PICTURE, FIELD, [(0, 0), (2, 3), (5, 7)]),
    "views": lambda: plot.views([PICTURE] * 3, [predict.view_boxes(41, 58, 33)] * 3),
    "boxes": lambda: plot.boxes(PICTURE, [[0, 2, 30, 20], [20, 25, 40, 58]], ["cat", "a < b & c"]),
    "curves": lambda: plot.curves({"SPP, several sizes": [rows(np.linspace(1, 0, 30), np.linspace(1, 0.2, 30))] * 2}),
    "precision": lambda: plot.precision_recall(
        {f"the class number {k}": ([1, 0.5, 0.6], [k / 20, k / 20, 1], k / 20) for k in range(20)}
    ),
    "comparison": lambda: plot.comparison(
        {"SPP, one": {"centre": [0.99, 1]}, "SPP, several": {"multi-view": [0.2, 0.3]}}
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    must_be_readable(FIGURES[name]())


@pytest.mark.parametrize("name", ["bins, one level", "winners", "views", "curves", "precision", "comparison"])
def test_files(name):
    """The same data make the same SVG, which parses and loads nothing."""
    drawn = plot.svg(FIGURES[name]())
    assert drawn == plot.svg(FIGURES[name]())
    links = []
    for element in ElementTree.fromstring(drawn).iter():
        assert not element.tag.endswith(("}text", "}script", "}style")) or "http" not in (element.text or "")
        links += [value for key, value in element.attrib.items() if key.endswith("href")]
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert b"<text" not in drawn  # letters are outlines


def test_png_has_the_size_asked_for():
    figure = plot.bins(3, 4, (2,))
    head = plot.png(figure, dpi=50)
    assert isinstance(figure, Figure) and head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(head[start : start + 4], "big") for start in (16, 20))
    assert (width, height) == tuple((figure.get_size_inches() * 50).astype(int))


def test_nothing_global_changes():
    """No pyplot, and the settings are the user's: also while a file is written."""
    code = """if True:
        import sys, warnings
        warnings.simplefilter("error")
        import matplotlib
        matplotlib.rcParams["font.size"] = 17
        def settings():  # all but the back end, which is looked for, with pyplot, when it is asked for
            return {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if not name.startswith("backend")}
        before = settings()
        from minispp import plot
        plot.svg(plot.bins(4, 6, (2,))); plot.png(plot.curves({"a": [{"error": 0.5}]}))
        print("matplotlib.pyplot" in sys.modules, settings() == before)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False True\n", done.stderr


def test_colours_go_on_and_differ():
    colours = [colour for colour, _ in zip(style.colours(), range(7), strict=False)]
    assert len(set(colours)) == 6 and colours[6] == colours[0]


# -- in a notebook ---------------------------------------------------------------------------------


def test_a_figure_shows_itself_with_its_alternative_text():
    figure = plot.boxes(PICTURE, [[1, 2, 30, 40]], ['a <cat> & "dog"'])
    data, metadata = figure._repr_mimebundle_()
    drawn = b64decode(data["image/png"])
    assert drawn.startswith(b"\x89PNG") and metadata["image/png"]["alt"] == figure.alt == repr(figure)
    image = ElementTree.fromstring(data["text/html"].replace(">", "/>"))
    assert image.get("alt") == figure.alt and 'a <cat> & "dog" at (1, 2, 30, 40)' in figure.alt
    assert b64decode(image.get("src").removeprefix("data:image/png;base64,")) == drawn
    assert int(image.get("width")) == metadata["image/png"]["width"] == round(96 * figure.get_size_inches()[0])


def test_frames_hold_every_figure_and_a_slider():
    figures, again = ({f"{n} & more": plot.bins(3, 4, (n,)) for n in (1, 2, 3)} for _ in range(2))
    frames = plot.Frames(figures)
    html = frames._repr_html_()
    root = ElementTree.fromstring(
        re.sub(r"<(img|input)([^>]*)>", r"<\1\2/>", html.replace("&larr;", "").replace("&rarr;", ""))
    )
    assert [frame.get("data-name") for frame in root.iter("figure")] == list(figures)
    assert [image.get("alt") for image in root.iter("img")] == [figure.alt for figure in figures.values()]
    assert root.find(".//input").get("max") == "2" and root.get("id") in root.find("script").text
    assert "\n" not in html, "Markdown would end the block at an empty line"
    assert plot.Frames(again)._repr_html_() == html and repr(frames).startswith("3 frames: 1 & more, 2")
    with pytest.raises(ValueError, match="Frames: expected at least one figure"):
        plot.Frames({})

"""Figures of arrays, pictures, sizes and functions: what is drawn, where it lies, and whether its words can be read."""

import naive
import numpy as np
import pytest
from drawn import must_be_readable
from matplotlib.colors import to_rgba

from minispp import plot
from minispp.fields import Slide
from minispp.plot import style

RNG = np.random.default_rng(3)
MAP = RNG.integers(-9, 10, (5, 7)).astype(float)
PICTURE = RNG.integers(0, 256, (24, 31, 3), dtype=np.uint8)
SLIDES = {"conv1": Slide(7, 2, 1), "pool1": Slide(3, 2, 0, True), "conv2": Slide(5, 2), "pool2": Slide(3, 2, 0, True)}


def drawn(axes, name):
    """(left, top, right, bottom) of the patches with this gid, and their colours."""
    found = [patch for patch in axes.patches if patch.get_gid() == name]
    boxes = [(box.x0, box.y0, box.x1, box.y1) for box in (patch.get_bbox() for patch in found)]
    return np.array(boxes).reshape(-1, 4), [patch.get_edgecolor() for patch in found]


def whole(boxes):
    """The same, widened to whole cells and as (top, left, bottom, right)."""
    left, top, right, bottom = boxes.T
    return np.stack([np.floor(top), np.floor(left), np.ceil(bottom), np.ceil(right)], axis=1).astype(int).tolist()


# -- arrays ----------------------------------------------------------------------------------------


def test_numbers_stand_in_their_cells():
    values = np.array([[1.0, -2.5, 1 / 3], [0.0, -0.001, 12.0]])
    axes = plot.grids({"x": values}).axes[0]
    at = {(text.get_position()[1] - 0.5, text.get_position()[0] - 0.5): text.get_text() for text in axes.texts}
    assert at == {(0, 0): "1", (0, 1): "−2.5", (0, 2): "0.33", (1, 0): "0", (1, 1): "0", (1, 2): "12"}
    assert np.asarray(axes.collections[0].get_array()).reshape(2, 3).tolist() == values.tolist()
    assert axes.get_title() == "x\n2 × 3" and (axes.get_xlabel(), axes.get_ylabel()) == ("column", "row")


def test_zero_is_white_and_signs_have_their_colours():
    mesh = plot.grids({"x": [[-3, 0, 2]]}).axes[0].collections[0]
    assert mesh.get_clim() == (-3, 3)
    negative, zero, positive = mesh.cmap(mesh.norm([-3.0, 0.0, 2.0]))
    assert zero[:3] == pytest.approx((1, 1, 1), abs=0.01)
    assert negative[0] > negative[2] and positive[2] > positive[0]


def test_missing_numbers_are_left_empty_and_infinite_ones_are_said():
    figure = plot.grids({"y": [[np.nan, 4.0, -np.inf]]})
    assert [text.get_text() for text in figure.axes[0].texts] == ["", "4", "−∞"]
    assert figure.alt == "y, 1 × 3: empty 4 −∞."
    assert plot.grids({"y": np.full((9, 9), np.nan)}).alt == "y, 9 × 9: empty."


def test_frames_lie_around_what_they_mark():
    marked = {"x": [(0, 1, 3, 4), (4, 6, 5, 7)]}
    figure = plot.grids({"x": MAP, "y": MAP[:2]}, marked, labels={"y": ("patch", "tap")})
    boxes, colours = drawn(figure.axes[0], "frame")
    assert whole(boxes) == [[0, 1, 3, 4], [4, 6, 5, 7]]
    assert colours == [to_rgba(style.BLUE), to_rgba(style.RED)]
    assert not len(drawn(figure.axes[1], "frame")[0])
    assert (figure.axes[1].get_ylabel(), figure.axes[1].get_xlabel()) == ("patch", "tap")
    assert "2 frames: rows 0 to 2, columns 1 to 3; rows 4 to 4, columns 6 to 6" in figure.alt


def test_cells_of_all_panels_are_equally_large():
    figure = plot.grids({"a": RNG.random((12, 27)), "b": RNG.random((27, 4)), "c": RNG.random((3, 3))})
    sides = []
    for axes, (rows, columns) in zip(figure.axes, ((12, 27), (27, 4), (3, 3)), strict=True):
        place, size = axes.get_position(), figure.get_size_inches()
        sides += [place.width * size[0] / columns, place.height * size[1] / rows]
    assert np.ptp(sides) < 1e-9 and figure.get_size_inches()[0] <= style.WIDTH + 0.1
    assert not any(axes.texts for axes in figure.axes), "numbers would not fit"
    assert "numbers from 0" in figure.alt


def test_wide_and_high_arrays_fit_on_a_page():
    for panels in ({"a": np.ones((3, 60)), "b": np.ones((3, 40))}, {"a": np.ones((70, 3))}):
        width, height = plot.grids(panels).get_size_inches()
        assert width <= style.WIDTH + 0.1 and height <= 5.1 and (width > style.WIDTH - 0.1 or height > 4.8)


def test_grids_refuse_what_they_cannot_draw():
    with pytest.raises(ValueError, match="at least one array, got none"):
        plot.grids({})
    with pytest.raises(ValueError, match=r"got 'x' of shape \(3,\)"):
        plot.grids({"x": [1, 2, 3]})
    with pytest.raises(ValueError, match="got some on 'y'"):
        plot.grids({"x": MAP}, {"y": []})
    with pytest.raises(ValueError, match=r"within 5 x 7 cells of 'x', got \(0, 0, 6, 1\)"):
        plot.grids({"x": MAP}, {"x": [(0, 0, 6, 1)]})


# -- pictures --------------------------------------------------------------------------------------


def test_pictures_have_one_size_of_pixel_or_one_height():
    panels = {"a": PICTURE, "half of it": PICTURE[:12], "map": MAP}
    for one_scale in (True, False):
        figure = plot.pictures(panels, one_scale=one_scale)
        inches = [axes.get_position().size * figure.get_size_inches() for axes in figure.axes]
        per_pixel = [size / panel.shape[1::-1] for size, panel in zip(inches, panels.values(), strict=True)]
        assert np.allclose([width / height for width, height in per_pixel], 1)
        assert np.allclose(per_pixel, per_pixel[0]) == one_scale
        assert np.allclose([size[1] for size in inches], inches[0][1]) != one_scale
        assert np.array_equal(figure.axes[0].images[0].get_array(), PICTURE)
        tops = [axes.get_position().y1 for axes in figure.axes]
        assert np.ptp(tops) < 1e-9 and max(axes.get_position().x1 for axes in figure.axes) < 1
        assert min(axes.get_position().y0 for axes in figure.axes) > 0
    assert figure.axes[2].get_title() == "map\n5 × 7 cells" and figure.axes[0].get_title() == "a\n24 × 31 pixels"


def test_boxes_on_pictures():
    figure = plot.pictures({"a": PICTURE, "b": PICTURE}, {"b": [(2, 3, 20, 30), (0, 0, 5, 5)]})
    assert not figure.axes[0].patches
    assert drawn(figure.axes[1], "box")[0].tolist() == [[3, 2, 30, 20], [0, 0, 5, 5]]
    assert figure.alt.endswith("b, 24 × 31 pixels, framed (2, 3, 20, 30), (0, 0, 5, 5).")


def test_pictures_refuse_what_they_cannot_draw():
    with pytest.raises(ValueError, match="at least one picture, got none"):
        plot.pictures({})
    with pytest.raises(ValueError, match=r"got 'a' \(2, 3, 4\)"):
        plot.pictures({"a": np.zeros((2, 3, 4))})
    with pytest.raises(ValueError, match="got some on 'b'"):
        plot.pictures({"a": PICTURE}, {"b": []})


# -- sizes -----------------------------------------------------------------------------------------


def test_map_sizes_are_those_of_zf5():
    figure = plot.map_sizes(SLIDES, (224, 180))
    words = [text.get_text() for text in figure.axes[0].texts]
    assert [word for word in words if word.isdigit()] == ["224", "110", "55", "26", "13", "180", "88", "44", "20", "10"]
    floors = [word for word in words if word.startswith("floor")]
    assert floors == ["floor: 54", "floor: 25", "floor: 12", "floor: 43", "floor: 9"]
    sides = np.diff(drawn(figure.axes[0], "map")[0][:, [0, 2]], axis=1)[:, 0]
    assert np.allclose((sides / sides[0]) ** 2 * 224, [224, 110, 55, 26, 13, 180, 88, 44, 20, 10])
    assert "180 pixels: 180, conv1 88, pool1 44, conv2 20, pool2 10; in floor mode pool1 43." in figure.alt


@pytest.mark.parametrize(
    "axis", [(6, 3, 2, 0), (7, 3, 2, 0), (10, 4, 3, 1), (11, 5, 5, 1), (26, 3, 2, 0), (7, 3, 3, 0)]
)
def test_windows_slide_where_they_slide(axis):
    size, kernel, stride, pad = axis
    figure = plot.sliding(*axis)
    floor, ceil = (naive.slide_cells(*axis, mode) for mode in (False, True))
    starts = [k * stride - pad for k in range(len(ceil))]
    boxes = np.concatenate([drawn(figure.axes[0], name)[0] for name in ("position", "added")])
    assert len(drawn(figure.axes[0], "position")[0]) == len(floor)
    assert np.floor(boxes[:, 0]).tolist() == starts
    assert np.ceil(boxes[:, 2]).tolist() == [start + kernel for start in starts]
    missed = sorted(set(range(size)) - {cell for held in floor for cell in held})
    assert drawn(figure.axes[0], "missed")[0][:, 0].tolist() == missed
    assert ("not seen" in figure.alt) == bool(missed) and figure.alt.endswith("the same.") == (len(floor) == len(ceil))


# -- functions -------------------------------------------------------------------------------------


def test_lines():
    x = np.logspace(-3, 0, 4)
    figure = plot.lines(x, {"error": {"a": x, "b": [1, np.nan, 3, 4]}, "y": {"c": -x}}, "step h", "x", dots=True)
    first, second = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["error", "y"]
    assert first.get_xscale() == "log" and first.get_yscale() == "linear" and first.get_xlabel() == "step h"
    assert np.array_equal(first.lines[1].get_ydata(), [1, np.nan, 3, 4], equal_nan=True)
    assert second.lines[0].get_xydata().tolist() == np.stack([x, -x], axis=1).tolist()
    assert [text.get_text() for text in first.get_legend().get_texts()] == ["a", "b"]
    assert len({line.get_color() for line in first.lines}) == len({line.get_linestyle() for line in first.lines}) == 2
    assert figure.alt.startswith("Lines over step h from 0.001 to 1. error: a from 0.001 to 1, b from 1 to 4. y: c")


def test_lines_refuse_other_lengths():
    with pytest.raises(ValueError, match=r"expected 2 values of 'a', as of x, got the shape \(3,\)"):
        plot.lines([0, 1], {"y": {"a": [1, 2, 3]}}, "x")
    with pytest.raises(ValueError, match="at least one panel, got none"):
        plot.lines([0, 1], {}, "x")


# -- all of them -----------------------------------------------------------------------------------

FIGURES = {
    "grids": lambda: plot.grids({"a long name of a map": MAP, "w": MAP[:1, :1], "y": -MAP[:3, :3] / 7}),
    "grids, many": lambda: plot.grids({"columns": RNG.random((30, 18)), "w": RNG.random((18, 2))}),
    "pictures": lambda: plot.pictures({"the picture as it is": PICTURE, "its map, small": MAP}),
    "map sizes": lambda: plot.map_sizes({**SLIDES, "conv3": Slide(3, 1, 1)}, (688, 224, 180)),
    "sliding": lambda: plot.sliding(26, 3, 2),
    "sliding, short": lambda: plot.sliding(5, 3, 2, 1),
    "lines": lambda: plot.lines([1, 10], {"y": {"a": [0, 1]}, "z, %": {"b": [2, 1]}}, "step", "xy"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    must_be_readable(FIGURES[name]())

"""Pixels and cells: the field of a trunk, image box -> cells, cells -> image box."""

import math
from fractions import Fraction

import naive
import numpy as np
import properties
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minispp import fields
from minispp.fields import Field, Slide
from minispp.kernels import reference
from minispp.windows import sliding

ZF5 = [Slide(7, 2, 1), Slide(3, 2, 0, True), Slide(5, 2), Slide(3, 2, 0, True)] + 3 * [Slide(3, 1, 1)]
OVERFEAT = [Slide(7, 2, 0), Slide(3, 3, 0, True), Slide(5, 1, 1), Slide(2, 2, 0, True)]


def chain(size, slides):
    """The map size after each layer."""
    return [fields.map_size(size, slides[:depth]) for depth in range(1, len(slides) + 1)]


# ---------------------------------------------------------------------------------------------------
# The paper's numbers


def test_zf5():
    assert fields.field(ZF5) == (16, 139, 20)
    assert [fields.map_size(size, ZF5) for size in (224, 180, 688, 1200)] == [13, 10, 42, 74]
    assert chain(224, ZF5) == [110, 55, 26, 13, 13, 13, 13]
    assert chain(180, ZF5) == [88, 44, 20, 10, 10, 10, 10]


def test_zf5_needs_ceil_mode():
    floor = [slide._replace(ceil_mode=False) for slide in ZF5]
    assert [fields.map_size(size, floor) for size in (224, 180)] == [12, 9]
    assert fields.field(floor) == fields.field(ZF5)  # the mode moves no cell


def test_overfeat():
    """The published constants ask for no padding in conv1; 161 pixels are seen through five 3x3 layers."""
    overfeat7 = OVERFEAT + 5 * [Slide(3, 1, 1)]
    assert fields.field(overfeat7) == (12, 161, 14)
    assert fields.field(OVERFEAT + 3 * [Slide(3, 1, 1)]) == (12, 113, 14)
    assert fields.map_size(224, overfeat7) == 18
    for pad in (1, 2, 3):  # no other padding fits
        assert fields.field([Slide(7, 2, pad), *overfeat7[1:]]).centre != 14


def test_no_layers():
    assert fields.field([]) == (1, 1, 0) and fields.map_size(7, []) == 7


def test_a_centre_between_two_pixels():
    assert fields.field([Slide(2, 2)]) == (2, 2, 0.5)
    assert fields.field([Slide(2, 2), Slide(3, 1, 1), Slide(4, 3, 3)]) == (6, 12, 0.5 - 3)
    assert isinstance(fields.field(ZF5).centre, int)


def test_a_picture_too_small_names_the_layer():
    with pytest.raises(ValueError, match="sliding layer 3 of the trunk: .* kernel of 5 does not fit into 4 cells"):
        fields.map_size(20, ZF5)
    with pytest.raises(ValueError, match="sliding layer 4 of the trunk: .* kernel of 3 does not fit into 1 cells"):
        fields.map_size(30, ZF5)
    assert fields.map_size(31, ZF5) == 1


# ---------------------------------------------------------------------------------------------------
# The field, traced


@st.composite
def trunks(draw):
    slides = []
    for _ in range(draw(st.integers(1, 4))):
        kernel = draw(st.integers(1, 5))
        pad, stride = draw(st.integers(0, kernel - 1)), draw(st.integers(1, 3))
        slides.append(Slide(kernel, stride, pad, draw(st.booleans())))
    return slides


@given(trunks(), st.integers(1, 90))
def test_the_field_is_what_a_cell_sees(slides, size):
    """Trace every pixel through the trunk: no cell sees beyond its box, and inside the picture it fills it."""
    seen = naive.sees(size, slides)
    assume(seen)
    assert fields.map_size(size, slides) == len(seen)
    field = fields.field(slides)
    for cell, pixels in enumerate(seen):
        ((_, top, _, bottom, _),) = fields.receptive_box([[0, cell, 0, cell + 1, 1]], field).tolist()
        assert bottom - top == field.size
        assert Fraction(top + bottom - 1, 2) == Fraction(field.centre) + field.stride * cell
        assert all(top <= pixel < bottom for pixel in pixels)
        if 0 <= top and bottom <= size and reaches_only_real_cells(cell, size, slides):
            assert (min(pixels), max(pixels)) == (top, bottom - 1)


def reaches_only_real_cells(cell, size, slides):
    """Whether the cell's outermost ancestors lie inside every map on the way: ceil mode can hang over."""
    sizes = [size]
    for slide in slides[:-1]:
        sizes.append(len(naive.slide_cells(sizes[-1], *slide)))
    low = high = cell
    for (kernel, stride, pad, _), cells in zip(reversed(slides), reversed(sizes), strict=True):
        low, high = low * stride - pad, high * stride - pad + kernel - 1
        if low < 0 or high >= cells:
            return False
    return True


def test_the_field_of_real_kernels():
    """Disturb one pixel of a picture at a time and see which cells of a real trunk answer."""
    slides = [Slide(3, 2, 1), Slide(2, 2, 0, True), Slide(3, 1, 1)]
    ones, zero = np.ones((3, 3, 1, 1)), np.zeros(1)

    def trunk(x):
        x = reference.conv2d(x, ones, zero, stride=2, pad=1)
        table, (rows, columns) = sliding(1, *x.shape[1:3], kernel=2, stride=2, ceil_mode=True)
        x = reference.window_max(x, table)[0].reshape(1, rows, columns, 1)
        return reference.conv2d(x, ones, zero, stride=1, pad=1)[0, :, :, 0]

    height, width = 17, 22
    answers = np.zeros((*trunk(np.zeros((1, height, width, 1))).shape, height, width), bool)
    assert answers.shape[:2] == (fields.map_size(height, slides), fields.map_size(width, slides))
    for i, j in np.ndindex(height, width):
        x = np.zeros((1, height, width, 1))
        x[0, i, j, 0] = 1
        answers[:, :, i, j] = trunk(x) != 0
    for i, j in np.ndindex(answers.shape[:2]):
        window = [[0, i, j, i + 1, j + 1]]
        ((_, top, left, bottom, right),) = fields.receptive_box(window, fields.field(slides)).tolist()
        box = np.zeros((height, width), bool)
        box[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
        assert (answers[i, j] == box).all()


def test_receptive_box_of_windows():
    assert fields.receptive_box([[3, 0, 2, 1, 5]], Field(16, 139, 20)).tolist() == [[3, -49, -17, 90, 154]]
    assert fields.receptive_box([[0, 0, 0, 1, 1]], Field(2, 2, 0.5)).tolist() == [[0, 0, 0, 2, 2]]
    assert fields.receptive_box([], Field(16, 139, 20)).shape == (0, 5)


# ---------------------------------------------------------------------------------------------------
# Image box -> cells


@pytest.mark.parametrize(("rule", "slack"), [("paper", 0), ("released", properties.RELEASED)])
def test_boxes_find_their_cells(rule, slack):
    """Released is 3/32 of a stride more generous on each side: 1.5 pixels of ZF-5."""
    properties.boxes_find_their_cells(lambda *args: fields.box_to_cells(*args, rule=rule), slack)


@given(st.data())
def test_the_released_formula_for_zf5(data):
    """The code as it was published: 1-based inclusive pixels in, 1-based inclusive cells out."""
    x0 = data.draw(st.integers(-60, 700))
    x1 = data.draw(st.integers(x0, 760))
    count = data.draw(st.integers(1, 42))
    first = math.floor(Fraction(2 * (x0 + 1) - 42 + 13, 32) + Fraction(1, 2)) + 1  # (x - 21 + 6.5) / 16 + .5
    last = math.ceil(Fraction(2 * (x1 + 1) - 42 - 13, 32) - Fraction(1, 2)) + 1
    if first > last:
        first = last = int((first + last) / 2)
    first, last = min(count, max(1, first)), min(count, max(1, last))
    for box, window in (([0, x0, 0, x1 + 1, 9], [1, 3]), ([0, 0, x0, 9, x1 + 1], [2, 4])):
        cells = fields.box_to_cells([box], Field(16, 139, 20), count, count, rule="released")[0]
        assert cells[window].tolist() == [first - 1, last]


@pytest.mark.parametrize("edge", range(-40, 260))
def test_the_papers_formula_where_padding_is_half_the_kernel(edge):
    """Appendix A as printed, offset 0: left floor(x/S) + 1, right ceil(x/S) - 1, inclusive."""
    field = fields.field([Slide(7, 2, 3), Slide(3, 2, 1), Slide(5, 2, 2), Slide(3, 2, 1)])
    assert field.stride == 16 and field.centre == 0
    left, right = math.floor(edge / 16) + 1, math.ceil((edge + 50) / 16) - 1
    ((_, _, first, _, stop),) = fields.box_to_cells([[0, 0, edge, 33, edge + 51]], field, 3, 15).tolist()
    assert (first, stop) == (min(max(left, 0), 14), min(max(right, 0), 14) + 1)


@pytest.mark.parametrize("rule", ["paper", "released"])
@given(data=st.data())
def test_cells_are_never_empty_and_never_outside(rule, data):
    stride, twice_centre = data.draw(st.integers(1, 32)), data.draw(st.integers(-50, 80))
    height, width = data.draw(st.integers(1, 15)), data.draw(st.integers(1, 15))
    top, left = data.draw(st.integers(-10**6, 10**6)), data.draw(st.integers(-500, 500))
    bottom, right = top + data.draw(st.integers(1, 10**6)), left + data.draw(st.integers(1, 500))
    field = Field(stride, 3, twice_centre / 2)
    cells = fields.box_to_cells([[7, top, left, bottom, right]], field, height, width, rule)
    image, top, left, bottom, right = cells[0].tolist()
    assert image == 7 and 0 <= top < bottom <= height and 0 <= left < right <= width


@pytest.mark.parametrize("rule", ["paper", "released"])
def test_a_one_pixel_box_takes_one_cell(rule):
    """A box of a pixel inverts under both rules wherever a centre is near; it then gets the nearest cells' mean."""
    boxes = [[0, x, x, x + 1, x + 1] for x in range(-30, 260)]
    cells = fields.box_to_cells(boxes, Field(16, 139, 20), 13, 13, rule)
    sides = (cells[:, 3:] - cells[:, 1:3])
    assert (sides >= 1).all() and (sides <= (1 if rule == "paper" else 2)).all()
    middle = (cells[:, 1] + cells[:, 3] - 1) / 2
    inside = (20 <= np.arange(-30, 260)) & (np.arange(-30, 260) <= 20 + 12 * 16)
    assert (abs(20 + 16 * middle - np.arange(-30, 260))[inside] <= 16).all()


@pytest.mark.parametrize("rule", ["paper", "released"])
def test_flipping_a_picture_flips_its_cells(rule):
    """For a trunk that is symmetric in the picture: left and right trade places. (An inverted box has no mirror.)"""
    field, count = Field(16, 139, 20), 13
    size = 2 * 20 + 16 * (count - 1) + 1
    x0, x1 = np.array([(a, b) for a in range(0, 150, 7) for b in range(a + 40, size, 11)]).T
    boxes = np.stack([0 * x0, 0 * x0, x0, 0 * x0 + size, x1], axis=1)
    flipped = np.stack([0 * x0, 0 * x0, size - x1, 0 * x0 + size, size - x0], axis=1)
    cells, mirror = (fields.box_to_cells(b, field, count, count, rule) for b in (boxes, flipped))
    assert (mirror[:, 2] == count - cells[:, 4]).all() and (mirror[:, 4] == count - cells[:, 2]).all()


def test_no_boxes():
    for none in ([], np.zeros((0, 5)), np.zeros((0, 5), int)):
        cells = fields.box_to_cells(none, Field(16, 139, 20), 3, 4)
        assert cells.shape == (0, 5) and cells.dtype == np.int32


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[0, 0, 0, 5]], "expected integer rows"),
        ([0, 0, 0, 5, 5], "expected integer rows"),
        ([[0, 0, 0, 5.5, 5]], "expected integer rows"),
        ([[0, 0, 0, 5, 5], [0, 5, 0, 5, 9]], r"expected top < bottom and left < right, got box 1: \[0, 5, 0, 5, 9\]"),
        ([[0, 0, 0, 5, 5], [0, 0, 9, 5, 8]], r"got box 1: \[0, 0, 9, 5, 8\]"),
    ],
)
def test_bad_boxes(boxes, message):
    with pytest.raises(ValueError, match=message):
        fields.box_to_cells(boxes, Field(16, 139, 20), 3, 4)


def test_bad_rule_and_map():
    with pytest.raises(ValueError, match='expected the rule "paper" or "released", got \'mean\''):
        fields.box_to_cells([[0, 0, 0, 5, 5]], Field(16, 139, 20), 3, 4, rule="mean")
    with pytest.raises(ValueError, match="box_to_cells: expected a positive integer height, got 0"):
        fields.box_to_cells([[0, 0, 0, 5, 5]], Field(16, 139, 20), 0, 4)


# ---------------------------------------------------------------------------------------------------
# Cells -> image box


@given(st.data())
def test_cells_to_box_and_back(data):
    stride, twice_centre = data.draw(st.integers(1, 32)), data.draw(st.integers(-50, 80))
    field = Field(stride, 3, twice_centre / 2 if twice_centre % 2 else twice_centre // 2)
    height, width = data.draw(st.integers(1, 15)), data.draw(st.integers(1, 15))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    window = [4, top, left, data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))]
    box = fields.cells_to_box([window], field)
    assert fields.box_to_cells(box, field, height, width).tolist() == [window]
    # About half a stride beyond the outermost centres: within a pixel on both sides.
    for start, stop in ((1, 3), (2, 4)):
        first, last = (field.centre + stride * cell for cell in (window[start], window[stop] - 1))
        assert 0 < first - box[0, start] and abs(first - box[0, start] - stride / 2) <= 1
        assert 0 < box[0, stop] - 1 - last and abs(box[0, stop] - 1 - last - stride / 2) <= 1


def test_neighbouring_cells_tile_the_picture():
    for field in (Field(16, 139, 20), Field(12, 161, 14), Field(5, 7, 2.5), Field(3, 9, 0)):
        boxes = fields.cells_to_box([[0, k, 0, k + 1, 1] for k in range(9)], field)
        shared = boxes[:-1, 3] - boxes[1:, 1]
        assert (abs(shared) <= 2).all() and (np.diff(boxes[:, 1]) == field.stride).all()
    assert fields.cells_to_box([], Field(16, 139, 20)).shape == (0, 5)

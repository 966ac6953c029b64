"""Room 10: image boxes become cells, by the paper's rule and by the released code's."""

from functools import partial

import numpy as np
import properties

from exhibits.room import Room
from minispp import fields

# Room 10: image boxes become cells

boxes = Room(properties.boxes_find_their_cells, fields.box_to_cells)
ZF5 = fields.Field(16, 139, 20)


def _mean_if_inverted(first, last):
    middle = (first + last) // 2
    return np.where(first > last, middle, first), np.where(first > last, middle, last)


def _cells(
    boxes,
    field,
    height,
    width,
    last_pixel=lambda stop: stop - 1,
    slack=0,
    repair=_mean_if_inverted,
    clamp=lambda cell, count: np.clip(cell, 0, count - 1),
    stop=lambda last: last + 1,
):
    """Our rule in steps, each of which an exhibit may replace."""
    boxes = np.asarray(boxes).astype(np.int64)
    cells = boxes.copy()
    for axis, count in ((1, height), (2, width)):
        low, high = boxes[:, axis] - field.centre, last_pixel(boxes[:, axis + 2]) - field.centre
        first = np.floor((low - slack) / field.stride).astype(int) + 1
        last = np.ceil((high + slack) / field.stride).astype(int) - 1
        first, last = repair(first, last)
        cells[:, axis], cells[:, axis + 2] = clamp(first, count), stop(clamp(last, count))
    return cells


INSIDE = [[0, 50, 60, 170, 150], [0, 30, 40, 100, 200]]


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def batch_index_scaled(boxes, field, height, width):
    """The whole row divided by the stride, the image number too: hidden at image 0."""
    cells = _cells(boxes, field, height, width)
    cells[:, 0] //= field.stride
    return cells


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def inverted_windows_kept(boxes, field, height, width):
    """A box between two centres has its first cell after its last."""
    return _cells(boxes, field, height, width, repair=lambda first, last: (first, last))


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def cells_outside_the_map(boxes, field, height, width):
    """A box that leaves the picture takes cells that do not exist."""
    return _cells(boxes, field, height, width, clamp=lambda cell, count: cell)


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def only_the_end_clamped(boxes, field, height, width):
    """Boxes are clipped at the far side only; a negative start then wraps around."""
    return _cells(boxes, field, height, width, clamp=lambda cell, count: np.minimum(cell, count - 1))


@boxes.looks_right_on([[0, 50, 60, 61, 71]], ZF5, 13, 13)
def last_cell_not_counted(boxes, field, height, width):
    """The last cell passed on as the stop: hidden where the window has only one, and that is forced."""
    cells = _cells(boxes, field, height, width, stop=lambda last: last)
    cells[:, 3:] = np.maximum(cells[:, 3:], cells[:, 1:3] + 1)
    return cells


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def stop_taken_for_the_last_pixel(boxes, field, height, width):
    """Half-open in, inclusive inside: off by a cell only where a box ends on a centre."""
    return _cells(boxes, field, height, width, last_pixel=lambda stop: stop)


@boxes.looks_right_on(INSIDE, fields.Field(16, 139, 0), 13, 13)
def offset_forgotten(boxes, field, height, width):
    """The paper's formula for padding floor(p/2) everywhere, used on a trunk padded otherwise."""
    return _cells(boxes, field._replace(centre=0), height, width)


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def half_pixels_cut_off(boxes, field, height, width):
    """The first centre made an integer: hidden while it is one."""
    return _cells(boxes, field._replace(centre=int(field.centre)), height, width)


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def unsigned_coordinates_wrap(boxes, field, height, width):
    """16 bits without a sign: pixel 3 less the offset 20 is 65519."""
    boxes = np.asarray(boxes)
    if boxes.dtype.kind != "u":
        return fields.box_to_cells(boxes, field, height, width)
    moved = (boxes - np.array([0, *[int(field.centre)] * 4]).astype(np.uint16)).astype(np.int64)
    return fields.box_to_cells(moved, field._replace(centre=field.centre - int(field.centre)), height, width)


@boxes.looks_right_on([[0, 50, 50, 170, 170]], ZF5, 13, 13)
def x_taken_for_y(boxes, field, height, width):
    """Rows and columns swapped: hidden on square boxes of square maps."""
    return _cells(np.asarray(boxes)[:, [0, 2, 1, 4, 3]], field, height, width)


@boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def one_limit_for_both_axes(boxes, field, height, width):
    """Both axes clamped to the height."""
    return _cells(boxes, field, height, height)


released_boxes = Room(
    partial(properties.boxes_find_their_cells, slack=properties.RELEASED),
    partial(fields.box_to_cells, rule="released"),
)


@released_boxes.looks_right_on(INSIDE, ZF5, 13, 13)
def generous_by_pixels_not_by_strides(boxes, field, height, width):
    """The released code's 1.5 pixels belong to a stride of 16: other trunks need their own."""
    return _cells(boxes, field, height, width, slack=1.5)

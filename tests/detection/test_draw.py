"""Boxes on pictures: where the pixels change."""

import numpy as np
import pytest

from minispp.detection.draw import COLOURS, draw_boxes


def changed(picture, drawn):
    return (picture != drawn).any(axis=2)


def test_the_frame_lies_on_the_edge_of_the_box():
    picture = np.full((120, 160, 3), 128, np.uint8)
    drawn = draw_boxes(picture, [[40.2, 30.4, 100.4, 120.3]], [0], ["cat"])
    seen = changed(picture, drawn)
    assert seen[40:100, 30].all() and seen[40:100, 119].all() and seen[40, 30:120].all() and seen[99, 30:120].all()
    assert not seen[100:].any() and not seen[40:, 120:].any() and not seen[:, :30].any()
    assert not seen[50:90, 40:110].any(), "what is in the box stays to be seen"
    colour = [int(COLOURS[0][start : start + 2], 16) for start in (1, 3, 5)]
    assert (drawn[70, 30] == colour).all()
    assert (picture == 128).all()


def test_names_stay_in_the_picture():
    """At the top there is no room above a box, at the right none beside it: the name moves inside."""
    picture = np.zeros((80, 100, 3), np.uint8)
    for box in ([0, 0, 30, 99], [0, 90, 30, 100], [70, 95, 80, 100]):
        drawn = draw_boxes(picture, [box], [0], ["elephant"], [0.5])
        assert drawn.shape == picture.shape and changed(picture, drawn).sum() > 300, "a frame and a name"


def test_the_surest_lies_on_top():
    picture = np.zeros((90, 90, 3), np.uint8)
    box = [40, 20, 80, 80]
    drawn = draw_boxes(picture, [box, box], [0, 1], ["a", "b"], [0.9, 0.2])
    assert (drawn == draw_boxes(draw_boxes(picture, [box], [1], ["a", "b"], [0.2]), [box], [0], ["a"], [0.9])).all()


@pytest.mark.parametrize("box", [[10, 10, 10, 10], [10, 10, 10.2, 40], [0, 0, 1, 1], [19, 29, 20, 30]])
def test_boxes_too_small_for_a_frame(box):
    picture = np.zeros((20, 30, 3), np.uint8)
    assert changed(picture, draw_boxes(picture, [box], [0], ["x"])).any()


def test_nothing_to_draw():
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert (draw_boxes(picture[:, ::-1], np.zeros((0, 4)), [], []) == picture[:, ::-1]).all()

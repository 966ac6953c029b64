"""The figure of three ways to lay bins over a box: each rectangle where its rule puts it."""

import numpy as np
import pytest
from drawn import must_be_readable, rectangles

from minispp import plot
from minispp.fields import Field, box_to_cells
from minispp.windows import split

VALUES = np.random.default_rng(0).random((8, 10))
ZF5, SMALL = Field(16, 139, 20), Field(8, 51, 3)


BOXES = [  # those of the second end exactly where the first pixel beyond them would be rounded up
    ((20, 30, 90, 100), ZF5, 2),
    ((40, 8, 72, 120), ZF5, 3),
    ((4, 2, 61, 79), SMALL, 3),
]


@pytest.mark.parametrize(("box", "field", "bins"), BOXES)
def test_where_the_bins_lie(box, field, bins):
    spp, roi, align = plot.rois(VALUES, box, field, bins).axes
    top, left, bottom, right = box
    table = split(box_to_cells([[0, *box]], field, 8, 10), bins, bins)
    assert np.round(rectangles(spp, "bin")).tolist() == table[:, [2, 1, 4, 3]].tolist()
    first = [int(np.floor(edge / field.stride + 0.5)) for edge in (top, left)]
    last = [min(int(np.floor((edge - 1) / field.stride + 0.5)), n - 1) for edge, n in ((bottom, 8), (right, 10))]
    table = split([[0, *first, last[0] + 1, last[1] + 1]], bins, bins)
    assert np.round(rectangles(roi, "bin")).tolist() == table[:, [2, 1, 4, 3]].tolist()
    # A pixel whose centre is the first centre lies in the middle of cell 0, at 1/2.
    exact = [(edge - field.centre - 0.5) / field.stride + 0.5 for edge in (left, top, right, bottom)]
    for axes in (spp, roi, align):
        assert np.allclose(rectangles(axes, "box"), [exact])
    drawn = rectangles(align, "bin")
    assert np.allclose([*drawn[0, :2], *drawn[-1, 2:]], exact) and len(drawn) == bins**2
    assert np.allclose(drawn[:, 2:] - drawn[:, :2], np.subtract(exact[2:], exact[:2]) / bins)
    (samples,) = (line.get_xydata() for line in align.lines if line.get_gid() == "sample")
    assert np.allclose(samples, (drawn[:, :2] + drawn[:, 2:]) / 2)


def test_rois_say_what_they_expect():
    with pytest.raises(ValueError, match=r"rois: expected a map \(H, W\) of at least one cell, got shape \(3,\)"):
        plot.rois([1, 2, 3], (0, 0, 9, 9), ZF5, 2)
    with pytest.raises(ValueError, match="rois: expected a positive integer bins, got 0"):
        plot.rois(VALUES, (0, 0, 9, 9), ZF5, 0)
    with pytest.raises(ValueError, match="expected top < bottom and left < right"):
        plot.rois(VALUES, (9, 0, 9, 9), ZF5, 2)


@pytest.mark.parametrize("values", [VALUES, VALUES.T, VALUES[:2]], ids=["wide", "tall", "flat"])
def test_words_can_be_read(values):
    must_be_readable(plot.rois(values, (40, -20, 70, 230), ZF5, 3))

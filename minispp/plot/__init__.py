"""Figures: bins, winners, fields, views, boxes, training curves, precision, comparisons, ratios of times, speed.

Every function takes data and returns a `Figure` of matplotlib's that says in its `alt` what is on it; none opens a
window, saves a file, or changes a global setting. In a notebook the figure shows itself, and `Frames` steps through
several; elsewhere use ``figure.savefig``, `svg` or `png`.
"""

from minispp.plot.blocks import banks, counts, launch, lines_touched, march
from minispp.plot.frames import Frames
from minispp.plot.geometry import bins, boxes, receptive_fields, views, winners
from minispp.plot.precision import precision_recall
from minispp.plot.ratios import ratios
from minispp.plot.results import comparison, curves
from minispp.plot.speed import roofline, speeds, sums, working_sets
from minispp.plot.style import Figure, png, svg
from minispp.plot.winograd import matrices, winograd_tile

__all__ = [
    "Figure",
    "Frames",
    "banks",
    "bins",
    "boxes",
    "comparison",
    "counts",
    "curves",
    "launch",
    "lines_touched",
    "march",
    "matrices",
    "png",
    "precision_recall",
    "ratios",
    "receptive_fields",
    "roofline",
    "speeds",
    "sums",
    "svg",
    "views",
    "winners",
    "winograd_tile",
    "working_sets",
]

"""Figures: bins, winners, fields, views, boxes, arrays, pictures, sizes, curves, precision, comparisons and ratios.

Every function takes data and returns a `Figure` of matplotlib's that says in its `alt` what is on it; none opens a
window, saves a file, or changes a global setting. In a notebook the figure shows itself, and `Frames` steps through
several; elsewhere use ``figure.savefig``, `svg` or `png`.
"""

from minispp.plot.differences import differences
from minispp.plot.frames import Frames
from minispp.plot.geometry import bins, boxes, receptive_fields, views, winners
from minispp.plot.grids import grids
from minispp.plot.lines import lines
from minispp.plot.pictures import pictures
from minispp.plot.precision import precision_recall
from minispp.plot.ratios import ratios
from minispp.plot.results import comparison, curves
from minispp.plot.style import Figure, png, svg
from minispp.plot.training import descents, plans, schedules, signals
from minispp.plot.trunk import map_sizes, sliding
from minispp.plot.votes import votes

__all__ = [
    "Figure",
    "Frames",
    "bins",
    "boxes",
    "comparison",
    "curves",
    "descents",
    "differences",
    "grids",
    "lines",
    "map_sizes",
    "pictures",
    "plans",
    "png",
    "precision_recall",
    "ratios",
    "receptive_fields",
    "schedules",
    "signals",
    "sliding",
    "svg",
    "views",
    "votes",
    "winners",
]

"""Figures: bins, winners, fields, views, boxes, stages of detection, curves, precision, comparisons, ratios of times.

Every function takes data and returns a `Figure` of matplotlib's that says in its `alt` what is on it; none opens a
window, saves a file, or changes a global setting. In a notebook the figure shows itself, and `Frames` steps through
several; elsewhere use ``figure.savefig``, `svg` or `png`.
"""

from minispp.plot.cost import costs, coverage, likeness, trade
from minispp.plot.detections import moved, suppression
from minispp.plot.features import channels, gallery, pooled, scores
from minispp.plot.frames import Frames
from minispp.plot.geometry import bins, boxes, receptive_fields, views, winners
from minispp.plot.precision import average_precisions, precision_recall
from minispp.plot.proposals import recall, segments
from minispp.plot.ratios import ratios
from minispp.plot.results import comparison, curves
from minispp.plot.style import Figure, png, svg

__all__ = [
    "Figure",
    "Frames",
    "average_precisions",
    "bins",
    "boxes",
    "channels",
    "comparison",
    "costs",
    "coverage",
    "curves",
    "gallery",
    "likeness",
    "moved",
    "png",
    "pooled",
    "precision_recall",
    "ratios",
    "recall",
    "receptive_fields",
    "scores",
    "segments",
    "suppression",
    "svg",
    "trade",
    "views",
    "winners",
]

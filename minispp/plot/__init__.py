"""Figures: bins and what they see, pictures and boxes, stages of detection, curves, comparisons, costs and speeds.

Every function takes data and returns a `Figure` of matplotlib's that says in its `alt` what is on it; none opens a
window, saves a file, or changes a global setting. In a notebook the figure shows itself, and `Frames` steps through
several; elsewhere use ``figure.savefig``, `svg` or `png`.
"""

from minispp.plot.blocks import banks, counts, launch, lines_touched, march
from minispp.plot.cells import cells_of_box, chain, mapped
from minispp.plot.cost import costs, coverage, likeness, trade
from minispp.plot.detections import moved, suppression
from minispp.plot.differences import differences
from minispp.plot.edges import compared, edges, nested, rules
from minispp.plot.features import channels, gallery, pooled, scores
from minispp.plot.frames import Frames
from minispp.plot.geometry import bins, boxes, receptive_fields, views, winners
from minispp.plot.grids import grids
from minispp.plot.lines import lines
from minispp.plot.pictures import pictures
from minispp.plot.precision import average_precisions, precision_recall
from minispp.plot.proposals import recall, segments
from minispp.plot.ratios import ratios
from minispp.plot.results import comparison, curves
from minispp.plot.rois import rois
from minispp.plot.speed import roofline, speeds, sums, working_sets
from minispp.plot.steps import gradients, one_bin
from minispp.plot.style import Figure, png, svg
from minispp.plot.training import descents, plans, schedules, signals
from minispp.plot.trunk import map_sizes, sliding
from minispp.plot.votes import votes
from minispp.plot.winograd import matrices, winograd_tile

__all__ = [
    "Figure",
    "Frames",
    "average_precisions",
    "banks",
    "bins",
    "boxes",
    "cells_of_box",
    "chain",
    "channels",
    "compared",
    "comparison",
    "costs",
    "counts",
    "coverage",
    "curves",
    "descents",
    "differences",
    "edges",
    "gallery",
    "gradients",
    "grids",
    "launch",
    "likeness",
    "lines",
    "lines_touched",
    "map_sizes",
    "mapped",
    "march",
    "matrices",
    "moved",
    "nested",
    "one_bin",
    "pictures",
    "plans",
    "png",
    "pooled",
    "precision_recall",
    "ratios",
    "recall",
    "receptive_fields",
    "rois",
    "roofline",
    "rules",
    "schedules",
    "scores",
    "segments",
    "signals",
    "sliding",
    "speeds",
    "sums",
    "suppression",
    "svg",
    "trade",
    "views",
    "votes",
    "winners",
    "winograd_tile",
    "working_sets",
]

"""Figures: bins, winners, fields, views, boxes, training curves and comparisons.

Every function takes data and returns a `matplotlib.figure.Figure`; none opens a window, saves a file, or changes
a global setting. In a notebook (after ``%matplotlib inline``) the figure shows itself; elsewhere use
``figure.savefig``, `svg` or `png`.
"""

from minispp.plot.geometry import bins, boxes, receptive_fields, views, winners
from minispp.plot.results import comparison, curves
from minispp.plot.style import png, svg

__all__ = ["bins", "boxes", "comparison", "curves", "png", "receptive_fields", "svg", "views", "winners"]

"""Where objects may be, from the picture alone: selective search (Uijlings et al. 2013), as the paper uses it.

    picture -> to_colour -> segment -> describe -> group -> boxes

once for each of several colour spaces, scales and similarities, because no single one finds every object; then
all boxes are ranked together.
"""

from minispp.detection.selective_search.colour import SPACES, to_colour
from minispp.detection.selective_search.grouping import group, joined, tree
from minispp.detection.selective_search.ranking import rank
from minispp.detection.selective_search.regions import Regions, describe, pixel_bins
from minispp.detection.selective_search.search import MODES, Mode, selective_search
from minispp.detection.selective_search.segmentation import components, segment, smooth, sorted_edges

__all__ = [
    "MODES",
    "SPACES",
    "Mode",
    "Regions",
    "components",
    "describe",
    "group",
    "joined",
    "pixel_bins",
    "rank",
    "segment",
    "selective_search",
    "smooth",
    "sorted_edges",
    "to_colour",
    "tree",
]

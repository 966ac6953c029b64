"""Exercises of notebook 4: the pyramid, bin by bin."""

from minispp.exercises.grading import Wrong, call, exercise
from minispp.windows import bin_edges as right_edges

SIZES = [(10, 3), (13, 6), (10, 6), (7, 7), (3, 6), (1, 4), (29, 7), (57, 7), (2**20 + 1, 3)]


@exercise
def bin_edges(answer):
    """Start (included) and stop (excluded) of each of `bins` bins over `size` cells, as a list of pairs.

    Bin k reaches from floor(k size / bins) to ceil((k + 1) size / bins) (paper, appendix A), in integers.
    """
    for size, bins in SIZES:
        got, call_ = call(answer, size, bins), f"bin_edges({size}, {bins})"
        if len(got) != bins:
            raise Wrong(f"{call_} gave {len(got)} bins, and should give {bins}, whatever the size of the map.")
        for k, (start, stop) in enumerate(right_edges(size, bins).tolist()):
            found = tuple(got[k])
            if found == (start, stop):
                continue
            said = f"{call_}: bin {k} is {found}, and should"
            if found[0] != start:
                raise Wrong(f"{said} start at {start}. The start is floor(k size / bins).")
            if found[1] == (k + 1) * size // bins:
                cut = "The end is rounded up, not down: a cell that is cut by the end of a bin belongs to it."
                raise Wrong(f"{said} end at {stop}. {cut}")
            raise Wrong(f"{said} end at {stop}.")
    return f"Tried on {len(SIZES)} pairs of a size and a number of bins, maps smaller than the pyramid among them."

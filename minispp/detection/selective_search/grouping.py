"""Regions joined two by two, the most alike first, until one is left: Uijlings et al. 2013, algorithm 1.

How alike two neighbours a and b are is the sum of up to four numbers in 0..1,

    C  colour   sum over bins of min(p_a, p_b), p the share of the region's colours in each bin
    T  texture  the same for its textures
    S  size     1 - (|a| + |b|) / |image|: small regions first, so that all parts of the image grow alike
    F  fill     1 - (|box of both| - |a| - |b|) / |image|: what fits into the other's gaps first

in units of 2**-24: shares and quotients are rounded down to integers. So ties are ties, on every machine; among equal
ones the pair with the lowest number goes first, then the one whose other number is lowest.
"""

from heapq import heapify, heappop, heappush

import numpy as np

from minispp.detection.selective_search.regions import COLOUR_BINS
from minispp.kernels.cpu.compiler import compiled

UNIT = 1 << 24  # a similarity of 1


def group(regions, strategy="CTSF"):
    """The boxes of all regions that there ever are, in the order in which they come to be.

    The first n are the regions as given; each of the further n - 1 is that of the two most alike joined. Joined
    regions get the numbers n, n + 1, ... The boxes are tight around what was joined.

    Parameters
    ----------
    regions : Regions
        All connected to each other, as those of one image are.
    strategy : str
        Which similarities to add: letters of CTSF.

    Returns
    -------
    int32 array (2n - 1, 4)

    Raises
    ------
    ValueError
        No letter, a letter twice, or another letter.

    Examples
    --------
    A dark pixel, one almost as dark, and a bright one:

    >>> from minispp.detection.selective_search.regions import describe
    >>> regions = describe(np.array([[0, 1, 2]], np.int32), np.array([[[10], [10], [200]]], np.uint8))
    >>> group(regions, "C").tolist()
    [[0, 0, 1, 1], [0, 1, 1, 2], [0, 2, 1, 3], [0, 0, 1, 2], [0, 0, 1, 3]]
    """
    return tree(regions, strategy)[0]


def tree(regions, strategy="CTSF"):
    """What `group` gives, and which region each one became part of.

    Returns
    -------
    boxes : int32 array (2n - 1, 4)
    parents : int64 array (2n - 1,)
        The number of the joined region; of the last region, which is the whole image, its own.

    Examples
    --------
    >>> from minispp.detection.selective_search.regions import describe
    >>> regions = describe(np.array([[0, 1, 2]], np.int32), np.array([[[10], [10], [200]]], np.uint8))
    >>> tree(regions, "C")[1].tolist()
    [3, 3, 4, 4, 4]
    """
    if not strategy or len(set(strategy)) < len(strategy) or not set(strategy) <= set("CTSF"):
        raise ValueError(f"group: expected some of the letters CTSF, each once, got {strategy!r}")
    n, channels = len(regions.size), regions.colour.shape[1] // COLOUR_BINS
    # A histogram that is not used has no bins: nothing to add, nothing to compare.
    colour = regions.colour if "C" in strategy else regions.colour[:, :0]
    texture = regions.texture if "T" in strategy else regions.texture[:, :0]
    counted = np.repeat([channels, 8 * channels], [colour.shape[1], texture.shape[1]])
    boxes, size = np.empty((2 * n - 1, 4), np.int32), np.empty(2 * n - 1, np.int64)
    boxes[:n], size[:n] = regions.boxes, regions.size
    parents = np.arange(2 * n - 1)
    counts = np.hstack([colour, texture])
    _group(boxes, size, parents, counts, counted, regions.pairs, "S" in strategy, "F" in strategy)
    return boxes, parents


def joined(labels, parents, count):
    """The segmentation after the first `count` joins: each pixel's label is the number of the region it is in then.

    Parameters
    ----------
    labels : int array (H, W)
        The n regions to begin with.
    parents : int array (2n - 1,)
        From `tree`.
    count : int
        0 .. n - 1.

    Returns
    -------
    int64 array (H, W)

    Raises
    ------
    ValueError
        More joins than there are.

    Examples
    --------
    >>> [joined(np.array([[0, 1, 2]]), np.array([3, 3, 4, 4, 4]), count).tolist() for count in (0, 1, 2)]
    [[[0, 1, 2]], [[3, 3, 2]], [[4, 4, 4]]]
    """
    n = (len(parents) + 1) // 2
    if not 0 <= count < n:
        raise ValueError(f"joined: expected 0 to {n - 1} joins of {n} regions, got {count}")
    now = np.arange(n)
    for region in range(n, n + count):  # a region's parent has a higher number, so one pass does
        now[parents[now] == region] = region
    return now[labels]


@compiled(nogil=True)
def _group(boxes, size, parents, counts, counted, pairs, use_size, use_fill):
    """Fill in boxes and sizes from row n on, and the parents of all.

    A region's histogram is in the row of the first that it is made of.

    Neighbours are kept in linked lists. They may name regions that have been joined since: `_now` tells what they
    are part of today. Likewise the heap may hold pairs that are no more; they are passed over.
    """
    n = len(counts)
    shares = np.empty(counts.shape, np.int32)
    for region in range(n):
        _share_out(counts[region], counted, size[region], shares[region])
    row, part_of = np.arange(2 * n - 1), np.arange(2 * n - 1)
    pixels = size[:n].sum()
    heap = [(0, 0, 0) for _ in range(0)]  # of these types
    for p in range(len(pairs)):
        a, b = pairs[p, 0], pairs[p, 1]
        alike = _similarity(boxes, size, shares, row, a, b, pixels, use_size, use_fill)
        heap.append((-alike, np.int64(a), np.int64(b)))
    heapify(heap)
    first, following, names = _lists(pairs, 2 * n - 1)
    met = np.full(2 * n - 1, -1, np.int64)
    new = n
    while new < 2 * n - 1:
        _, a, b = heappop(heap)
        if part_of[a] != a or part_of[b] != b:
            continue
        part_of[a] = part_of[b] = parents[a] = parents[b] = new
        size[new] = size[a] + size[b]
        _enclose(boxes, a, b, boxes[new])
        row[new] = row[a]
        for bin in range(counts.shape[1]):
            counts[row[a], bin] += counts[row[b], bin]
        _share_out(counts[row[new]], counted, size[new], shares[row[new]])
        for old in (a, b):
            link = first[old]
            while link >= 0:
                after, name = following[link], _now(part_of, names[link])
                if name != new and met[name] != new:
                    met[name] = new
                    names[link], following[link], first[new] = name, first[new], link
                    alike = _similarity(boxes, size, shares, row, name, new, pixels, use_size, use_fill)
                    heappush(heap, (-alike, np.int64(name), np.int64(new)))
                link = after
        new += 1


@compiled(nogil=True)
def _share_out(counts, counted, size, shares):
    """``floor(UNIT * count / (counted * size))``, where each pixel was counted `counted` times."""
    for bin in range(len(counts)):
        # Exact in float64: the numerator is below 2**53, and no quotient lies so near to an integer below it.
        shares[bin] = np.int32(np.float64(counts[bin]) * UNIT / (counted[bin] * size))


@compiled(nogil=True)
def _similarity(boxes, size, shares, row, a, b, pixels, use_size, use_fill):
    p, q = shares[row[a]], shares[row[b]]
    alike = np.int32(0)
    for bin in range(len(p)):
        alike = np.int32(alike + min(p[bin], q[bin]))
    both, total = size[a] + size[b], np.int64(alike)
    if use_size:
        total += UNIT * (pixels - both) // pixels
    if use_fill:
        height = max(boxes[a, 2], boxes[b, 2]) - min(boxes[a, 0], boxes[b, 0])
        width = max(boxes[a, 3], boxes[b, 3]) - min(boxes[a, 1], boxes[b, 1])
        total += UNIT * (pixels - np.int64(height) * width + both) // pixels
    return total


@compiled(nogil=True)
def _enclose(boxes, a, b, box):
    for side in range(4):
        box[side] = min(boxes[a, side], boxes[b, side]) if side < 2 else max(boxes[a, side], boxes[b, side])


@compiled(nogil=True)
def _lists(pairs, most):
    """The neighbours of each region as a list: its first link, the link after each link, the name at each link."""
    first, following = np.full(most, -1, np.int64), np.empty(2 * len(pairs), np.int64)
    names = np.empty(2 * len(pairs), np.int64)
    for link in range(2 * len(pairs)):
        p, end = link // 2, link % 2
        names[link] = pairs[p, 1 - end]
        following[link], first[pairs[p, end]] = first[pairs[p, end]], link
    return first, following, names


@compiled(nogil=True)
def _now(part_of, region):
    """The region that this one is part of by now."""
    while part_of[region] != region:
        part_of[region] = part_of[part_of[region]]
        region = part_of[region]
    return region

"""A picture cut into regions of like colour: Felzenszwalb and Huttenlocher, 2004.

The pixels are the nodes of a graph, and every two of the eight neighbours of each are joined by an edge whose weight
is the distance of their colours. Edges are taken from the lightest to the heaviest, and an edge joins the components
C1 and C2 at its ends if it is not heavier than both allow,

    w <= min(Int(C1) + k / |C1|, Int(C2) + k / |C2|),

where Int(C), the largest weight that holds C together, is that of the edge which joined it last. A large `scale` k
asks for stronger evidence of a border, the more so the smaller the components, and so makes larger regions.

Weights are integers, in 1/128 of a grey level. That is finer than a picture of 256 levels can tell, they can be
sorted by counting, in a time proportional to the pixels, and no comparison depends on rounding.
"""

import math

import numpy as np

from minispp.kernels.cpu.compiler import compiled

PARTS = 128  # of a grey level: the unit of the weights
HEAVIEST = int(math.sqrt(3) * 255 * PARTS) + 1  # below 2**16
# The neighbours of a pixel that come after it: to the right, and below to the left, straight and to the right.
DIRECTIONS = 4
BATCH = 256  # edges looked at before any of them joins


def segment(image, scale=150.0, sigma=0.8, min_size=100):
    """Labels of the regions of an image, numbered by their first pixels.

    Parameters
    ----------
    image : uint8 array (H, W, C), C of 1 to 3
        In any colour space, see `to_colour`.
    scale : float
        k: the larger, the larger the regions. In grey levels times pixels.
    sigma : float
        Of the Gaussian that smooths the image first, in pixels; 0 for none.
    min_size : int
        Regions with fewer pixels are joined to a neighbour, across the lightest edge first.

    Returns
    -------
    int32 array (H, W)
        0 .. regions - 1, in the order of a reader who meets them.

    Raises
    ------
    ValueError
        Not such an image, or a scale or sigma below 0.

    Examples
    --------
    >>> image = np.zeros((3, 4, 1), np.uint8)
    >>> image[:, 2:] = 90
    >>> segment(image, scale=10, sigma=0, min_size=1).tolist()
    [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]
    """
    return components(*sorted_edges(image, sigma), image.shape[:2], scale, min_size)


def sorted_edges(image, sigma=0.8):
    """The edges of an image from the lightest to the heaviest: what `components` needs, at every scale.

    An edge is the number ``4 * pixel + direction``, where ``pixel = row * W + column`` is the end that comes first,
    and the direction is that of the other: 0 right, 1 below left, 2 below, 3 below right. Among equal weights the
    lower number comes first.

    Parameters
    ----------
    image : uint8 array (H, W, C), C of 1 to 3
    sigma : float

    Returns
    -------
    edges : int32 array (E,)
    weights : uint16 array (E,)
        ``floor(128 * |smooth(p) - smooth(q)|)``, with the Euclidean distance of the colours.

    Examples
    --------
    >>> edges, weights = sorted_edges(np.array([[[0], [2], [3]]], np.uint8), sigma=0)
    >>> edges.tolist(), weights.tolist()
    ([4, 0], [128, 256])
    """
    require_image("sorted_edges", image)
    weights = _weights(smooth(image, sigma))
    return _sort_by_counting(weights.reshape(DIRECTIONS, -1))


def smooth(image, sigma):
    """The image under a Gaussian, channel by channel: float32 (C, H, W).

    The kernel reaches ``ceil(3 sigma)`` pixels to each side and sums to 1; beyond its border the image goes on as
    its last pixel does.

    Examples
    --------
    >>> smooth(np.full((2, 3, 1), 7, np.uint8), 0.8).round(4).tolist()
    [[[7.0, 7.0, 7.0], [7.0, 7.0, 7.0]]]
    """
    if not 0 <= sigma < math.inf:
        raise ValueError(f"smooth: expected a finite sigma of at least 0, got {sigma}")
    reach = math.ceil(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-9)) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    return correlate(planes(image), kernel, kernel)


def require_image(where, image):
    """Raise a ValueError if this is not a uint8 image (H, W, C) with pixels and 1 to 3 channels."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.size == 0 or image.shape[2] > 3:
        raise ValueError(
            f"{where}: expected a uint8 image (H, W, C) with 1 to 3 channels, got {image.dtype} {image.shape}"
        )


def planes(image):
    """Channels last -> channels first, float32: whole rows of one channel are vector instructions."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)


@compiled(nogil=True)
def correlate(image, down, across):
    """Planes (C, H, W) under the kernel ``down[i] * across[j]``, of odd lengths; their rims go on outwards."""
    channels, height, width = image.shape
    reach = len(across) // 2
    result = np.empty_like(image)
    row = np.empty(width + 2 * reach, image.dtype)
    for c in range(channels):
        for i in range(height):
            row[:] = 0
            inner = row[reach : reach + width]
            for tap in range(len(down)):
                source, factor = image[c, min(max(i + tap - len(down) // 2, 0), height - 1)], down[tap]
                for j in range(width):
                    inner[j] += factor * source[j]
            row[:reach] = inner[0]
            row[reach + width :] = inner[width - 1]
            target = result[c, i]
            target[:] = 0
            for tap in range(len(across)):
                factor, source = across[tap], row[tap : tap + width]
                for j in range(width):
                    target[j] += factor * source[j]
    return result


@compiled(nogil=True)
def _weights(image):
    """Planes (C, H, W) -> the weights of all edges, (4, H, W) uint16; HEAVIEST where there is no other end."""
    channels, height, width = image.shape
    weights = np.empty((DIRECTIONS, height, width), np.uint16)
    squares = np.empty(width, image.dtype)
    for direction in range(DIRECTIONS):
        below, aside = (0 if direction == 0 else 1), (1, -1, 0, 1)[direction]
        first, last = max(0, -aside), min(width, width - aside)  # the columns with another end
        for i in range(height):
            weights[direction, i] = HEAVIEST
            if i + below == height:
                continue
            squares[:] = 0
            for c in range(channels):
                here, there = image[c, i, first:last], image[c, i + below, first + aside : last + aside]
                for j in range(last - first):
                    squares[j] += (here[j] - there[j]) * (here[j] - there[j])
            row = weights[direction, i, first:last]
            for j in range(last - first):
                row[j] = np.int32(np.sqrt(squares[j]) * np.float32(PARTS))
    return weights


@compiled(nogil=True)
def _sort_by_counting(weights):
    """(4, pixels) -> the edges with weights below HEAVIEST in order, and their weights."""
    directions, pixels = weights.shape
    ends = np.zeros(HEAVIEST + 1, np.int64)
    for direction in range(directions):
        for pixel in range(pixels):
            ends[weights[direction, pixel]] += 1
    total = 0
    for weight in range(HEAVIEST + 1):  # for now, where each starts
        total, ends[weight] = total + ends[weight], total
    edges, in_order = np.empty(ends[HEAVIEST], np.int32), np.empty(ends[HEAVIEST], np.uint16)
    for pixel in range(pixels):
        for direction in range(directions):
            weight = weights[direction, pixel]
            if weight < HEAVIEST:
                edges[ends[weight]] = 4 * pixel + direction
                ends[weight] += 1
    start = 0
    for weight in range(HEAVIEST):
        in_order[start : ends[weight]] = weight
        start = ends[weight]
    return edges, in_order


def components(edges, weights, shape, scale=150.0, min_size=100):
    """The components that the sorted edges make of the pixels at a scale: int32 labels (H, W), see `segment`.

    Parameters
    ----------
    edges, weights : arrays
        From `sorted_edges`.
    shape : (H, W)
    scale : float
    min_size : int
    """
    if not 0 <= scale < math.inf:
        raise ValueError(f"segment: expected a finite scale of at least 0, got {scale}")
    height, width = shape
    # Differences of weights are integers, so rounding the allowance k / |C| down changes no comparison.
    allowance = int(min(scale * PARTS, 2**31 - 1))  # that much joins all
    tree = _join(edges, weights, height * width, width, allowance, int(min_size))
    return _labels(tree).reshape(height, width)


@compiled(nogil=True)
def _join(edges, weights, pixels, width, scale, min_size):
    """A tree of pixels for each component: the number of the parent, or minus the size at the root."""
    tree = np.full(pixels, -1, np.int32)
    most = np.full(pixels, scale, np.int64)  # at a root: the weight that may still join its component to another
    other = np.array([1, width - 1, width, width + 1], np.int32)
    a, b, which = np.empty(BATCH, np.int32), np.empty(BATCH, np.int32), np.empty(BATCH, np.int32)
    between, refused = np.empty(len(edges), np.int32), 0  # edges that were too heavy, in order
    for start in range(0, len(edges), BATCH):
        count = _between(edges, start, min(start + BATCH, len(edges)), other, tree, a, b, which)
        for k in range(count):
            one, two = _root(tree, a[k]), _root(tree, b[k])
            if one != two:
                weight = np.int64(weights[which[k]])
                if weight <= most[one] and weight <= most[two]:
                    root = _unite(tree, one, two)
                    most[root] = weight + scale // -tree[root]
                else:
                    between[refused] = edges[which[k]]
                    refused += 1
    for k in range(refused):
        pixel = between[k] >> 2
        one, two = _root(tree, pixel), _root(tree, pixel + other[between[k] & 3])
        if one != two and min(-tree[one], -tree[two]) < min_size:
            _unite(tree, one, two)
    return tree


@compiled(nogil=True)
def _between(edges, first, last, other, tree, a, b, which):
    """Ends and numbers of those edges whose ends are in two components, or seem to be.

    Most edges are within one. Here nothing depends on the edge before, and nothing branches, so the processor looks
    at many edges at once; that saves half of the time.
    """
    count = 0
    for edge in range(first, last):
        pixel = edges[edge] >> 2
        a[count], b[count] = _higher(tree, pixel), _higher(tree, pixel + other[edges[edge] & 3])
        which[count] = edge
        count += a[count] != b[count]
    return count


@compiled(nogil=True)
def _higher(tree, pixel):
    """The grandparent of a pixel, which becomes its parent; or what there is of that."""
    parent = tree[pixel]
    above = tree[max(parent, np.int32(0))]
    up = above if parent >= 0 and above >= 0 else parent
    tree[pixel] = up
    return np.int32(up if up >= 0 else pixel)


@compiled(nogil=True)
def _root(tree, pixel):
    """The root of a pixel; on the way there every other pixel moves up to its grandparent."""
    while tree[pixel] >= 0:
        parent = tree[pixel]
        if tree[parent] >= 0:
            tree[pixel] = tree[parent]
        pixel = parent
    return pixel


@compiled(nogil=True)
def _unite(tree, a, b):
    """Hang the smaller of two trees under the other; which one it is changes no component."""
    if tree[a] > tree[b]:
        a, b = b, a
    tree[a] += tree[b]
    tree[b] = a
    return a


@compiled(nogil=True)
def _labels(tree):
    """Components numbered by their first pixels."""
    labels, number = np.empty(len(tree), np.int32), np.full(len(tree), -1, np.int32)
    count = 0
    for pixel in range(len(tree)):
        root = _root(tree, pixel)
        if number[root] < 0:
            number[root] = count
            count += 1
        labels[pixel] = number[root]
    return labels

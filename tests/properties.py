"""What must be true of any implementation, ours or a broken one.

Each function takes an implementation and raises AssertionError if it is wrong. The tests of `minispp` apply
them to `minispp`; test_exhibits.py applies them to implementations with bugs that other systems had, and
expects them to fail. A property that cannot fail proves nothing.
"""

from fractions import Fraction
from functools import cache

import draw
import naive
import numpy as np

from minispp.fields import Field

# Where `k*(h/n)` and `(k/n)*h` pick a wrong edge in float32 or float64 (paper, list of disagreements).
FLOAT_TRAPS = ((57, 7), (29, 7), (25, 5), (21, 7))

# How much more generous than the paper's rule the released code is, in strides: 6.5/16 + 1/2 = 29/32 of 1.
RELEASED = Fraction(3, 32)


@cache
def _bin_edges(size, bins):
    return [[cells[0], cells[-1] + 1] for cells in naive.bin_cells(size, bins)]


# ---------------------------------------------------------------------------------------------------
# Geometry


def bins_cover_the_axis(bin_edges):
    """``bin_edges(size, bins)``: exactly the cells that overlap each interval, for all sizes and bins to 40."""
    for size, bins in [*FLOAT_TRAPS, *((size, bins) for size in range(1, 41) for bins in range(1, 41))]:
        edges = np.asarray(bin_edges(size, bins)).tolist()
        assert edges == _bin_edges(size, bins), f"{size} cells in {bins} bins: {edges}"


def windows_are_split(split):
    """``split(windows, rows, columns)``: windows of all shapes to 9 x 8, anywhere, into unequal rows and columns."""
    shapes = [(height, width) for height in range(1, 10) for width in range(1, 9)]
    windows = [[k % 3, k % 5, k % 7, k % 5 + height, k % 7 + width] for k, (height, width) in enumerate(shapes)]
    for rows, columns in ((1, 1), (2, 2), (3, 2), (2, 5), (1, 4), (6, 6)):
        table = np.asarray(split(np.array(windows, np.int32), rows, columns)).tolist()
        assert table == naive.split(windows, rows, columns), f"{rows} x {columns} bins"


def pyramids_are_ordered(pyramid):
    """``pyramid(windows, levels)``: by window, then by level as given, then row-major; also for no windows."""
    windows = [[1, 2, 3, 15, 9], [0, 0, 0, 1, 1], [1, 0, 0, 2, 13], [0, 1, 4, 11, 14]]
    for levels in (((6, 6), (3, 3), (2, 2), (1, 1)), ((1, 1), (4, 4), (3, 3)), ((2, 3), (1, 4))):
        for count in (len(windows), 1, 0):
            table = np.asarray(pyramid(np.array(windows[:count], np.int32).reshape(-1, 5), levels)).tolist()
            assert table == naive.pyramid(windows[:count], levels), f"{count} windows, levels {levels}"


def windows_slide(sliding_edges):
    """``sliding_edges(size, kernel, stride, pad, ceil_mode)``: every small case in which anything fits."""
    for size, kernel, stride in np.ndindex(12, 5, 6):
        for pad, ceil_mode in np.ndindex(kernel + 1, 2):
            case = (size + 1, kernel + 1, stride + 1, pad, bool(ceil_mode))
            expected = [[cells[0], cells[-1] + 1] for cells in naive.slide_cells(*case)]
            if expected:
                edges = np.asarray(sliding_edges(*case)).tolist()
                assert edges == expected, f"size, kernel, stride, pad, ceil_mode = {case}: {edges}"


def boxes_find_their_cells(box_to_cells, slack=0):
    """``box_to_cells(boxes, field, height, width)``: cells whose centres are inside; never none, never outside.

    Boxes of every size, in the picture and around it, unsigned ones too, for trunks of several strides with the
    first centre on a pixel and between two. `slack` is how much more generous a rule is, in strides.
    """
    rng = np.random.default_rng(5)
    fields = ((16, 139, 20), (12, 161, 14), (5, 7, Fraction(5, 2)), (8, 31, Fraction(-3, 2)), (1, 1, 0), (3, 9, 0))
    for stride, size, centre in fields:
        height, width = 13, 9
        corner = rng.integers(-40, stride * 14 + 40, (150, 2))
        side = np.maximum(1, (rng.random((150, 2)) ** 3 * 200).astype(int))
        boxes = np.column_stack([np.arange(150) % 4, corner, corner + side])
        field = Field(stride, size, float(centre) if centre % 1 else int(centre))
        for table in (boxes, boxes[(corner >= 0).all(axis=1)].astype(np.uint16)):
            cells = np.asarray(box_to_cells(table, field, height, width)).tolist()
            for box, window in zip(table.tolist(), cells, strict=True):
                rows, columns = (
                    naive.cells_of_interval(
                        box[axis], box[axis + 2] - 1, stride, Fraction(centre), count, Fraction(slack) * stride
                    )
                    for axis, count in ((1, height), (2, width))
                )
                assert window == [box[0], rows[0], columns[0], rows[1], columns[1]], f"box {box}, field {field}"


# ---------------------------------------------------------------------------------------------------
# Pooling


def pooling_cases():
    """Maps and windows in which every known bug shows: more windows than maps, in no order; every kind of value."""
    for seed, values in enumerate(draw.VALUES):
        for n, height, width, channels, count in ((2, 5, 7, 3, 11), (1, 1, 6, 2, 4), (4, 3, 2, 1, 3), (3, 4, 6, 5, 1)):
            rng = np.random.default_rng(100 * seed + n)
            x = draw.fill(rng, (n, height, width, channels), np.float32 if seed % 2 else np.float64, values)
            windows = draw.random_windows(rng, count, n, height, width)
            windows[-1] = n - 1, height - 1, width - 1, height, width  # the last cell of all
            yield x, windows
    rising = np.arange(2 * 3 * 4 * 1.0).reshape(2, 3, 4, 1)  # the maximum is the last cell of every window
    yield rising, np.array([[1, 0, 1, 3, 4], [0, 0, 0, 2, 2], [1, 1, 0, 2, 4]], np.int32)
    yield -rising, np.array([[1, 0, 1, 3, 4], [0, 0, 0, 2, 2], [1, 1, 0, 2, 4]], np.int32)
    for where in range(3):  # one NaN: first, in the middle, last
        x = np.ones((1, 1, 3, 1))
        x[0, 0, where] = np.nan
        yield x, np.array([[0, 0, 0, 1, 3]], np.int32)
    yield rising[:0], np.zeros((0, 5), np.int32)
    yield rising, np.zeros((0, 5), np.int32)


def windows_keep_their_maximum(window_max):
    """``window_max(x, windows) -> y, winners``: values and winners as by looking at every cell in turn."""
    for x, windows in pooling_cases():
        y, winners = window_max(x, windows)
        expected, cells = naive.window_max(x, windows)
        assert y.shape == expected.shape and y.dtype == x.dtype, f"{y.shape} {y.dtype} from {x.shape} {x.dtype}"
        assert np.array_equal(y, expected, equal_nan=True), f"windows {windows.tolist()} of {x.tolist()}"
        assert np.array_equal(winners, cells), f"winners of {windows.tolist()} in {x.tolist()}"


def gradients_reach_the_winners(gradient):
    """``gradient(x, windows, dy) -> dx``: each window pays its winner, and overlapping windows add up."""
    for x, windows in pooling_cases():
        rng = np.random.default_rng(len(windows))
        dy = rng.integers(-9, 10, (len(windows), x.shape[3])).astype(x.dtype)  # integers: sums are exact
        _, winners = naive.window_max(x, windows)
        assert np.array_equal(gradient(x, windows, dy), naive.window_max_backward(dy, winners, x.shape))


def vectors_have_one_length(spp):
    """``spp(x, levels) -> (N, bins * C)``: pooled maps of many sizes, one after the other, by bins, then channels."""
    rng = np.random.default_rng(7)
    levels = ((3, 3), (2, 2), (1, 4))
    for shape in ((2, 7, 5, 3), (1, 13, 10, 2), (2, 10, 13, 1), (1, 1, 4, 1), (3, 2, 1, 2), (1, 1, 1, 4), (0, 4, 5, 2)):
        x = -rng.random(shape) - 1
        n, height, width, channels = shape
        whole = [[image, 0, 0, height, width] for image in range(n)]
        expected = naive.window_max(x, naive.pyramid(whole, levels))[0].reshape(n, 17 * channels)
        vectors = spp(x, levels)
        assert vectors.shape == expected.shape, f"{vectors.shape} from {shape}"
        assert np.array_equal(vectors, expected), f"values, from {shape}"


# ---------------------------------------------------------------------------------------------------
# Convolution


def convolution_cases():
    """All sizes different, kernels not square, strides above and below the kernel, padding up to kernel - 1."""
    for seed, (shape, kernel, stride, pad) in enumerate(
        (
            ((2, 7, 9, 3), (3, 4, 3, 5), 2, 1),
            ((3, 5, 4, 2), (2, 3, 2, 4), 1, 0),
            ((1, 8, 6, 1), (3, 2, 1, 3), 4, 1),
            ((2, 4, 5, 3), (4, 3, 3, 2), 1, 2),
            ((2, 1, 6, 2), (1, 4, 2, 1), 3, 0),
            ((3, 5, 8, 4), (1, 1, 4, 2), 2, 0),
            ((0, 5, 6, 2), (3, 2, 2, 3), 1, 1),
        )
    ):
        rng = np.random.default_rng(seed)
        x, w = rng.integers(-3, 4, shape).astype(float), rng.integers(-3, 4, kernel).astype(float)
        yield x, w, rng.integers(-3, 4, kernel[3]).astype(float), stride, pad


def filters_correlate(conv2d):
    """``conv2d(x, w, b, stride, pad) -> y``: seven loops over integers, so there is no rounding to forgive."""
    for x, w, b, stride, pad in convolution_cases():
        y = conv2d(x, w, b, stride, pad)
        assert np.array_equal(y, naive.conv2d(x, w, b, stride, pad)), (x.shape, w.shape, stride, pad)


def filters_send_back(conv2d_backward):
    """``conv2d_backward(dy, x, w, stride, pad) -> dx, dw, db``: each product pays both of its factors."""
    for x, w, _, stride, pad in convolution_cases():
        rng = np.random.default_rng(len(x))
        dy = rng.integers(-3, 4, naive.conv_shape(x, w, stride, pad)).astype(float)
        gradients = conv2d_backward(dy, x, w, stride, pad)
        for name, ours, expected in zip(
            ("dx", "dw", "db"), gradients, naive.conv2d_backward(dy, x, w, stride, pad), strict=True
        ):
            assert np.array_equal(ours, expected), (name, x.shape, w.shape, stride, pad)

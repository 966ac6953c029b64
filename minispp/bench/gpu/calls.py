"""What is checked: for each function of the contract arguments, on the host, at sizes that fill what the kernels cut.

A call is ``(name, arguments, terms)``: `terms` is how many products or sums make an entry of the result, 0 if nothing
is rounded that the reference does not round alike.
"""

import numpy as np

from minispp.kernels import reference
from minispp.windows import as_levels, nesting, pyramid, sliding, whole_maps

SEED = 8

# Of x; of the filters; stride and padding. "small" has a case for every shape of tile, for strides below and above the
# kernel, and for sums that are cut into parts; "full" has layers of the nets as well.
CONVOLUTIONS = {
    "tiny": (((2, 6, 5, 3), (3, 2, 3, 5), 2, 1), ((1, 4, 6, 2), (2, 3, 2, 4), 1, 1)),
    "small": (
        ((2, 12, 11, 5), (3, 3, 5, 128), 1, 1),
        ((3, 17, 23, 3), (7, 5, 3, 96), 2, 3),
        ((2, 16, 8, 130), (3, 2, 130, 64), 1, 1),
        ((2, 19, 26, 4), (2, 3, 4, 6), 4, 1),
        ((1, 6, 5, 60), (3, 2, 60, 140), 1, 1),
    ),
}
CONVOLUTIONS["full"] = (
    *CONVOLUTIONS["small"],
    ((2, 224, 224, 3), (7, 7, 3, 96), 2, 1),
    ((2, 55, 55, 96), (5, 5, 96, 256), 2, 0),
    ((3, 13, 13, 256), (3, 3, 256, 384), 1, 1),
    ((2, 36, 36, 96), (5, 5, 96, 256), 1, 1),
)
# Of the map; how many windows of it are drawn.
MAPS = {"tiny": ((2, 5, 6, 3), 4), "small": ((3, 13, 11, 37), 101), "full": ((5, 43, 64, 67), 600)}
# Vectors, inputs, outputs.
LINEARS = {
    "tiny": ((3, 7, 5),),
    "small": ((5, 333, 41), (30, 700, 130), (300, 70, 128), (70, 20, 128), (1, 2000, 3)),
    "full": ((5, 333, 41), (64, 12800, 1000), (16, 2000, 300), (1, 4096, 1000)),
}
VALUES = {"tiny": (2, 3, 2, 5), "small": (3, 5, 7, 401), "full": (16, 55, 55, 96)}
SCORES = {"tiny": (3, 5), "small": (37, 301), "full": (64, 1000)}


def calls(scale):
    """The calls of a scale: ``"tiny"``, for the simulator; ``"small"``; or ``"full"``.

    Examples
    --------
    >>> from minispp import kernels
    >>> {name for name, *_ in calls("tiny")} == set(kernels.CONTRACT)
    True
    """
    rng = np.random.default_rng(SEED)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    for shape, kernel, stride, pad in CONVOLUTIONS[scale]:
        x, w = normal(*shape), normal(*kernel)
        rows, columns = ((size + 2 * pad - k) // stride + 1 for size, k in zip(shape[1:3], kernel[:2], strict=True))
        dy = normal(shape[0], rows, columns, kernel[3])
        yield "conv2d", (x, w, normal(kernel[3]), stride, pad), w[..., 0].size
        yield "conv2d_backward", (dy, x, w, stride, pad), max(dy[..., 0].size, w[..., 0, :].size)
    yield "conv2d_backward", (dy, x, w, stride, pad, False), max(dy[..., 0].size, w[..., 0, :].size)
    yield from _pooling(rng, *MAPS[scale])
    shape = MAPS[scale][0]
    for size, beta, across in ((3, 0.75, False), (5, 0.6, True)):
        x, dy = normal(*shape), normal(*shape)
        yield "lrn", (x, size, 0.9, beta, 1.1, across), 40
        yield "lrn_backward", (dy, x, size, 0.9, beta, 1.1, across), 40
    for n, inputs, outputs in LINEARS[scale]:
        x, w = normal(n, inputs), normal(inputs, outputs)
        yield "linear", (x, w, normal(outputs)), inputs
        yield "linear_backward", (normal(n, outputs), x, w), max(n, outputs)
    n, classes = SCORES[scale]
    z, labels = 5 * normal(n, classes), rng.integers(0, classes, n)
    yield "softmax_loss", (z, labels, n + 3), classes
    yield "softmax_loss_backward", (reference.softmax_loss(z, labels, n)[2], labels, n + 3), 2
    a, b, c = (normal(*VALUES[scale]) for _ in range(3))
    yield "relu", (a,), 0
    yield "relu_backward", (b, reference.relu(a)), 0
    yield "dropout", (a, 0.3, (5 << 32) + 2), 1
    yield "square_sum", (a, b[0], c[:0]), a.size
    yield "sgd", (a, b, c, 0.1, 0.9, 5e-4, 0.5), 6
    yield "add", (a, b), 0
    yield "asarray", (a.swapaxes(0, 1),), 0
    yield "to_numpy", (a,), 0


def _pooling(rng, shape, count):
    """Overlapping windows, a pyramid of whole maps and of windows in no order; tied values."""
    n, height, width, _ = shape
    x, tied = rng.normal(size=shape).astype(np.float32), rng.integers(-1, 2, shape).astype(np.float32)
    top, left = rng.integers(0, height, count), rng.integers(0, width, count)
    bottom, right = rng.integers(top, height) + 1, rng.integers(left, width) + 1
    windows = np.stack([rng.integers(0, n, count), top, left, bottom, right], axis=1).astype(np.int32)
    levels = as_levels((4, 2, 1))
    for maps, table, plan in (
        (x, sliding(n, height, width, 3, 2, 1, True)[0], None),
        (tied, windows, None),
        (tied, pyramid(whole_maps(n, height, width), levels).reshape(n, 21, 5), nesting(levels)),
        (x, pyramid(windows, levels).reshape(count, 21, 5), nesting(levels)),
    ):
        y, winners = reference.window_max(maps, table)
        yield "window_max", (maps, table, plan), 0
        yield "window_max", (maps, table, plan, False), 0
        dy = rng.normal(size=y.shape).astype(np.float32)
        yield "window_max_backward", (dy, winners, shape), table.size // 5

"""Exercises of notebook 2: convolution by hand."""

import numpy as np

from minispp.exercises import layers
from minispp.exercises.grading import Wrong, call, exercise, require_equal, require_numbers
from minispp.kernels import reference
from minispp.windows import sliding_count

# height, width, channels, kernel, stride, pad: all different, stride above and below the kernel, rests at the end
FOLDS = [(5, 7, 2, 3, 1, 0), (5, 7, 2, 3, 1, 1), (6, 9, 3, 3, 2, 0), (7, 10, 2, 3, 2, 1), (4, 6, 1, 2, 3, 0)]
FOLDS += [(8, 5, 2, 4, 2, 3), (3, 4, 5, 1, 1, 0), (9, 4, 2, 4, 3, 2)]
# maps (N, H, W, C), kernel, stride, pad
MAPS = [((2, 5, 7, 3), 3, 1, 0), ((2, 6, 9, 3), 3, 2, 1), ((3, 7, 4, 2), 2, 3, 0), ((1, 8, 5, 4), 4, 2, 3)]


@exercise
def fold(answer):
    """The matrix of patches (H' * W', kernel * kernel * C) of one map, each added back to where it came from.

    ``fold(patches, height, width, kernel, stride, pad)`` returns (height, width, C); what came from the padding is left
    out.
    """
    rng = np.random.default_rng(0)
    for height, width, channels, kernel, stride, pad in FOLDS:
        settings = height, width, kernel, stride, pad
        rows, columns = (sliding_count(size, kernel, stride, pad) for size in (height, width))
        patches = rng.standard_normal((rows * columns, kernel * kernel * channels))
        what = f"fold(<{rows * columns}x{patches.shape[1]} float64>, {', '.join(map(str, settings))})"
        _require_sums(answer, patches, what, settings, channels)
        right = _fold(patches, *settings)
        got = require_numbers(what, call(answer, patches, *settings))
        _require_no_padding(got.shape, what, right.shape, pad)
        require_equal(what, got, right, _fold_mistakes(patches, channels, *settings))
    return f"Tried on {len(FOLDS)} maps, with overlaps, gaps and padding."


@exercise
def depthwise(answer):
    """A layer with a filter for each channel: ``y[n,i,j,c] = sum over u, v of x[n, i*s+u-p, j*s+v-p, c] * w[u,v,c]``.

    ``Depthwise(weight, stride, pad)`` with weight (k, k, C); backward adds dw to its gradient.
    """
    rng = np.random.default_rng(1)
    for shape, kernel, stride, pad in MAPS:
        x, weight = rng.standard_normal(shape), rng.standard_normal((kernel, kernel, shape[3]))
        layer, what = layers.make(answer, weight, stride, pad), f"kernel {kernel}, stride {stride}, padding {pad}: "
        y = require_numbers(f"{what}y", layers.run(layer, "forward", x))
        right = _forward(x, weight, stride, pad)
        _require_every_patch(y.shape, what, right.shape)
        require_equal(f"{what}y", y, right, _forward_mistakes(x, weight, stride, pad))
        dy = rng.standard_normal(right.shape)
        dx = layers.run(layer, "backward", dy)
        _require_shares(answer, what, shape, kernel, stride, pad)
        right_dx, right_dw = _backward(dy, x, weight, stride, pad)
        require_equal(f"{what}dx", dx, right_dx, _dx_mistakes(dy, x, weight, stride, pad))
        dw = layers.require_gradient(layer, "weight", dy)
        require_equal(f"{what}dw", dw, right_dw, _dw_mistakes(dy, x, weight, stride, pad))
    layers.require_derivative(layers.make(answer, weight, stride, pad), x)
    return f"Tried on {len(MAPS)} batches of maps against the library, and with minispp.check."


# ---------------------------------------------------------------------------------------------------
# Fold: backward of a convolution whose filters copy the taps


def _fold(patches, height, width, kernel, stride, pad):
    taps = patches.shape[1]
    channels = taps // kernel**2
    rows, columns = (sliding_count(size, kernel, stride, pad) for size in (height, width))
    copies = np.eye(taps).reshape(kernel, kernel, channels, taps)
    dy, x = patches.reshape(1, rows, columns, taps), np.zeros((1, height, width, channels))
    return reference.conv2d_backward(dy, x, copies, stride, pad)[0][0]


def _require_sums(answer, patches, what, settings, channels):
    """Ones everywhere: the result counts how often each cell was used, so overlaps show."""
    ones = np.ones_like(patches)
    got, right = require_numbers(what, call(answer, ones, *settings)), _fold(ones, *settings)
    if got.shape == right.shape and right.max() > 1 and np.array_equal(got, np.minimum(right, 1)):
        raise Wrong(
            f"{what} for patches full of ones is at most 1, but a cell that lies in several patches adds up what it "
            f"gets from each: use +=, and do not divide."
        )


def _require_no_padding(shape, what, right, pad):
    if pad and shape == (right[0] + 2 * pad, right[1] + 2 * pad, right[2]):
        raise Wrong(f"{what} has the shape {shape}, padding included. Return the map without it: {right}.")


def _fold_mistakes(patches, channels, height, width, kernel, stride, pad):
    rows, columns = (sliding_count(size, kernel, stride, pad) for size in (height, width))
    settings, taps = (height, width, kernel, stride, pad), patches.shape[1]
    around = _fold(patches, height + 2 * pad, width + 2 * pad, kernel, stride, 0)
    by_channel = patches.reshape(-1, channels, kernel, kernel).transpose(0, 2, 3, 1).reshape(-1, taps)
    swapped = patches.reshape(-1, kernel, kernel, channels).transpose(0, 2, 1, 3).reshape(-1, taps)
    turned = patches.reshape(-1, kernel * kernel, channels)[:, ::-1].reshape(-1, taps)
    down_first = patches.reshape(columns, rows, taps).swapaxes(0, 1).reshape(-1, taps)
    dense, seen = np.zeros((height + 2 * pad, width + 2 * pad, channels)), (rows + kernel - 1, columns + kernel - 1)
    dense[: seen[0], : seen[1]] = _fold(patches, *seen, kernel, 1, 0)
    return [
        (around[:height, :width], "The padding was cut off at the end only. It lies on both sides: start at `pad`."),
        (around[2 * pad :, 2 * pad :], "The padding was cut off at the start only. It lies on both sides."),
        (dense[pad : pad + height, pad : pad + width], "Where is the stride? Patch (i, j) starts at i * stride."),
        (_fold(by_channel, *settings), "The numbers of a patch are ordered (u, v, c), channels last, not (c, u, v)."),
        (_fold(swapped, *settings), "Rows and columns within a patch are swapped: the order is (u, v, c)."),
        (_fold(down_first, *settings), "The patches come row after row of outputs: r = i * W' + j, with W' columns."),
        (_fold(turned, *settings), "Each patch is turned by half a turn. It goes back as it came."),
    ]


# ---------------------------------------------------------------------------------------------------
# Depthwise: a convolution whose filters are diagonal in the channels


def _diagonal(weight):
    return weight[..., None] * np.eye(weight.shape[2])


def _forward(x, weight, stride, pad):
    return reference.conv2d(x, _diagonal(weight), np.zeros(weight.shape[2]), stride, pad)


def _backward(dy, x, weight, stride, pad):
    dx, dw, _ = reference.conv2d_backward(dy, x, _diagonal(weight), stride, pad)
    return dx, np.einsum("uvcc->uvc", dw)


def _require_every_patch(shape, what, right):
    if shape == (*right[:3], 1) or shape == right[:3]:
        raise Wrong(f"{what}y has the shape {shape}: the channels were added up. Each keeps its own sum: {right}.")
    if len(shape) == 4 and shape[:3] != right[:3]:
        rule = "H' = (H + 2 * pad - k) // stride + 1, and W' from the width"
        raise Wrong(f"{what}y has the shape {shape}, and should have {right}. {rule}.")


def _forward_mistakes(x, weight, stride, pad):
    shifted = np.pad(x, ((0, 0), (0, 2 * pad), (0, 2 * pad), (0, 0)))
    channels = weight.shape[2]
    mixed = weight[:, :, None] + np.zeros((channels, 1)), weight[..., None] + np.zeros(channels)
    return [
        (_forward(x, weight[::-1, ::-1], stride, pad), "The filter is turned by half a turn: layers correlate."),
        (_forward(x, weight.swapaxes(0, 1), stride, pad), "Rows and columns of the filter are swapped."),
        (_forward(shifted, weight, stride, 0), "The padding lies below and to the right only, not on both sides."),
        *((reference.conv2d(x, filters, np.zeros(channels), stride, pad),
           "Channels were added up. Each output channel sees its own input channel only.") for filters in mixed),
        (_forward(x, np.broadcast_to(weight[..., :1], weight.shape), stride, pad),
         "All channels use the filter of the first one. Channel c has w[:, :, c]."),
        (_forward(x, weight, stride, pad) / weight[..., 0].size, "This is a mean over the patch, and should be a sum."),
    ]  # fmt: skip


def _require_shares(answer, what, shape, kernel, stride, pad):
    """Ones everywhere: dx counts how many outputs a cell took part in, so overlaps show."""
    ones, x = np.ones((kernel, kernel, shape[3])), np.ones(shape)
    layer = layers.make(answer, ones, stride, pad)
    dy = np.ones_like(layers.run(layer, "forward", x))
    dx = require_numbers(f"{what}dx", layers.run(layer, "backward", dy))
    right, _ = _backward(dy, x, ones, stride, pad)
    if right.max() > 1 and dx.shape == right.shape and np.array_equal(dx, np.minimum(right, 1)):
        raise Wrong(f"{what}dx is wrong where patches overlap: the last one overwrites the others. Use +=.")


def _dx_mistakes(dy, x, weight, stride, pad):
    right, _ = _backward(dy, x, weight, stride, pad)
    height, width = x.shape[1:3]
    around, _ = _backward(dy, np.zeros((len(x), height + 2 * pad, width + 2 * pad, x.shape[3])), weight, stride, 0)
    turned, _ = _backward(dy, x, weight[::-1, ::-1], stride, pad)
    return [
        (turned, "The filter is turned once too often. Spread w as forward used it: dx at i*s+u-p gets w[u]."),
        (around[:, :height, :width], "It is shifted by the padding: spread into a padded map, then cut off each side."),
        (np.zeros_like(right), "It is 0 everywhere. Did the sum go into a copy?"),
        (right / len(x), "It is divided by the size of the batch. The loss has done that already, if anyone has."),
    ]


def _dw_mistakes(dy, x, weight, stride, pad):
    _, right = _backward(dy, x, weight, stride, pad)
    return [
        (right[::-1, ::-1], "It is turned by half a turn: w[u, v] meets x[i*s+u-p, j*s+v-p], so dw[u, v] does."),
        (_backward(dy[-1:], x[-1:], weight, stride, pad)[1], "Only the last image counts: add over the batch."),
        (right / len(x), "It is divided by the size of the batch. Gradients are sums."),
        (right.sum(axis=2, keepdims=True) + np.zeros(right.shape), "Channels were added up: each has its own dw."),
        (np.zeros_like(right), "It is 0 everywhere. Did the sum go into a copy?"),
    ]

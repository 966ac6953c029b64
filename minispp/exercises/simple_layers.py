"""Exercises of notebook 3: pooling, ReLU, LRN and softmax."""

import numpy as np

from minispp.exercises import layers
from minispp.exercises.grading import Wrong, exercise, require_array, require_equal, require_numbers
from minispp.kernels import reference
from minispp.windows import sliding

SLOPES = [0.1, 0.01, 0.0, 0.5]
# maps (N, H, W, C), kernel, stride: windows that fit, that overlap, that are cut off, that leave gaps
POOLS = [((2, 4, 6, 3), 2, 2), ((2, 5, 7, 3), 3, 2), ((1, 6, 9, 2), 3, 2), ((3, 7, 4, 2), 2, 3), ((2, 3, 8, 1), 3, 3)]
POOLS += [((1, 2, 5, 2), 3, 2), ((1, 1, 4, 1), 1, 1)]
# batch, classes, smoothing
LOSSES = [(1, 4, 0.1), (3, 5, 0.1), (4, 3, 0.3), (2, 7, 0.0)]


@exercise
def leaky_relu(answer):
    """A layer ``LeakyReLU(slope)``: y = x where x > 0, else slope * x; at 0 the derivative is the slope."""
    rng = np.random.default_rng(2)
    for slope, shape in zip(SLOPES, [(3, 4), (2, 3, 5, 2), (4, 3), (7,)], strict=True):
        x, what = rng.standard_normal(shape), f"slope {slope}: "
        layer = layers.make(answer, slope)
        leaks = np.where(x > 0, 1, slope)
        y = layers.run(layer, "forward", x)
        require_equal(f"{what}y", y, leaks * x, [
            (np.maximum(x, 0), "Negative values are cut to 0: that is ReLU. They are to be multiplied by the slope."),
            (np.where(x > 0, slope, 1) * x, "The slope is on the wrong side: positive values pass as they are."),
            (slope * x, "All values are multiplied by the slope. Positive ones pass as they are."),
            (np.where(x > 0, x, -slope * x), "The sign of negative values changed. y is negative where x is."),
            (np.where(x > 0, x, slope), "Negative values became the slope itself. Multiply x by it."),
        ])  # fmt: skip
        dy = rng.standard_normal(shape)
        require_equal(f"{what}dx", layers.run(layer, "backward", dy), leaks * dy, [
            (np.where(x > 0, dy, 0), "No gradient flows back where x is negative: that is ReLU's. Forward let a share "
             "of x through, and the same share of dy comes back."),
            (dy, "dy passes as it is. Where x is negative, y changes by only `slope` of what x changes."),
            (np.where(dy > 0, dy, slope * dy), "Where x is positive or negative decides, not where dy is: forward "
             "applied to dy is not the derivative."),
            (leaks * x * dy, "There is an x too many: the derivative of slope * x is the slope."),
            (np.where(x > 0, slope, 1) * dy, "The slope is on the wrong side."),
        ])  # fmt: skip
        _at_the_kink(answer, slope)
    layers.require_derivative(layers.make(answer, 0.2), rng.standard_normal((3, 5)))
    return f"Tried with {len(SLOPES)} slopes, at the kink, and with minispp.check."


@exercise
def average_pool(answer):
    """A layer ``AveragePool(kernel, stride)``: the mean of each channel under each window, in ceil mode, no padding.

    A window that is cut off by the edge is the mean of the cells that it has.
    """
    rng = np.random.default_rng(3)
    for shape, kernel, stride in POOLS:
        x, what = rng.standard_normal(shape), f"{'x'.join(map(str, shape))}, kernel {kernel}, stride {stride}: "
        share, size = _shares(shape, kernel, stride)
        layer = layers.make(answer, kernel, stride)
        y = require_numbers(f"{what}y", layers.run(layer, "forward", x))
        _require_size(y.shape, what, shape, kernel, stride, size)
        right = _pooled(share, x, size)
        members = (share > 0).sum(axis=1)[:, None]
        full = np.where(share > 0, 1 / kernel**2, 0)
        require_equal(f"{what}y", y, right, [
            (_pooled(full, x, size), "A window that is cut off has fewer cells: divide by how many it has, not by "
             "kernel * kernel."),
            (_pooled(share * members, x, size), "This is the sum. Divide by the number of cells."),
            (_maximum(x, kernel, stride, size), "This is the maximum."),
        ])  # fmt: skip
        dy = rng.standard_normal(right.shape)
        dx = layers.run(layer, "backward", dy)
        _require_all_windows(answer, what, shape, kernel, stride, share, size)
        winners = _to_winners(x, dy, kernel, stride)
        require_equal(f"{what}dx", dx, _pooled(share.T, dy, shape[1:3]), [
            (_pooled((share * members).T, dy, shape[1:3]), "Each cell gets all of dy. It was one of several in a mean, "
             "and gets that share."),
            (_pooled(full.T, dy, shape[1:3]), "In a window that is cut off the cells share dy among fewer: divide as "
             "forward did."),
            (winners, "All of dy goes to the largest cell: that is max pooling. In a mean every cell takes part."),
            (_pooled(share.T, dy, shape[1:3]) / len(x), "It is divided by the size of the batch."),
        ])  # fmt: skip
    layers.require_derivative(layers.make(answer, 3, 2), rng.standard_normal((2, 5, 6, 2)))
    return f"Tried on {len(POOLS)} batches of maps, cut off windows among them, and with minispp.check."


@exercise
def smooth_loss(answer):
    """A loss ``SmoothLoss(smoothing)``: minus the mean of sum q log p over the batch, with p = softmax(z).

    q is ``1 - smoothing + smoothing / K`` for the right one of K classes and ``smoothing / K`` for the others.
    ``forward(z, labels)`` returns the loss, ``backward()`` the gradient of z.
    """
    rng = np.random.default_rng(4)
    for count, classes, smoothing in LOSSES:
        z, labels = 3 * rng.standard_normal((count, classes)), rng.integers(classes, size=count)
        what = f"{count} samples, {classes} classes, smoothing {smoothing}: "
        loss = layers.make(answer, smoothing)
        got = layers.run(loss, "forward", z, labels)
        right = _loss(z, labels, smoothing)
        plain, spread = _loss(z, labels, 0), smoothing * classes / max(classes - 1, 1)
        log_p = -np.array([reference.softmax_loss(z, np.full(count, k), count)[0] for k in range(classes)])
        _require_exact(f"{what}the loss", got, right)
        require_equal(f"{what}the loss", got, right, [
            (plain, "This is the loss without smoothing: every class gets smoothing / K of the target."),
            (right * count, "This is the sum over the batch, and should be the mean."),
            (-right, "The sign is wrong: log p is negative, and a loss is positive."),
            (_loss(z, labels, spread), "The smoothing is shared by all K classes, the right one too: its target is "
             "1 - smoothing + smoothing / K."),
            (right - smoothing / classes * plain, "The right class has 1 - smoothing + smoothing / K: add its share of "
             "the smoothing, too."),
            (right / classes, "This is a mean over the classes as well. A loss sums over them: divide by N only."),
            ((1 - smoothing) * plain, "The other classes are missing: they have a target of smoothing / K each."),
            ((1 - smoothing) * plain - smoothing * log_p.sum(), "Each class gets the whole smoothing. Divide it by K."),
            (right / np.log(2), "The logarithm is the natural one, np.log."),
        ])  # fmt: skip
        dz = layers.run(loss, "backward")
        right_dz, hot = _slope(z, labels, smoothing), _slope(z, labels, 0)
        require_equal(f"{what}dz", dz, right_dz, [
            (hot, "This is (p - one-hot) / N. The target is no longer one-hot: it is q."),
            (right_dz * count, "Divide by the size of the batch, as the mean of forward did."),
            (-right_dz, "The sign is wrong: it is p - q. A score above its target makes the loss rise."),
            (_slope(z, labels, spread), "The target of backward is not that of forward: q of the right class is "
             "1 - smoothing + smoothing / K."),
        ])  # fmt: skip
    _at_large_scores(answer)
    layers.require_derivative(layers.make(answer, 0.2), z, labels)
    return f"Tried on {len(LOSSES)} batches, at scores of 1,000, and with minispp.check."


# ---------------------------------------------------------------------------------------------------
# Leaky ReLU


def _at_the_kink(answer, slope):
    layer, x = layers.make(answer, slope), np.array([0.0, -0.0, 2.0])
    layers.run(layer, "forward", x)
    dx = require_array(f"slope {slope}: dx", layers.run(layer, "backward", np.ones(3)), x)
    if dx[0] != slope or dx[1] != slope:
        took = f"slope {slope}: at x = 0, the kink, dx is {dx[0]:g}"
        raise Wrong(f"{took}. Any choice can be defended; take the slope of the left side: ask for x > 0, not x >= 0.")


# ---------------------------------------------------------------------------------------------------
# Average pooling: a matrix of shares, windows x cells


def _shares(shape, kernel, stride):
    table, size = sliding(1, *shape[1:3], kernel, stride, ceil_mode=True)
    share = np.zeros((len(table), *shape[1:3]))
    for row, (_, top, left, bottom, right) in zip(share, table, strict=True):
        row[top:bottom, left:right] = 1 / ((bottom - top) * (right - left))
    return share.reshape(len(table), -1), size


def _pooled(matrix, x, size):
    """Each channel of each map, as a vector of cells, times the matrix."""
    return np.einsum("rk,nkc->nrc", matrix, x.reshape(len(x), -1, x.shape[3])).reshape(len(x), *size, x.shape[3])


def _maximum(x, kernel, stride, size):
    table, _ = sliding(*x.shape[:3], kernel, stride, ceil_mode=True)
    return reference.window_max(x, table)[0].reshape(len(x), *size, x.shape[3])


def _to_winners(x, dy, kernel, stride):
    table, _ = sliding(*x.shape[:3], kernel, stride, ceil_mode=True)
    _, winners = reference.window_max(x, table)
    return reference.window_max_backward(dy.reshape(winners.shape), winners, x.shape)


def _require_size(shape, what, given, kernel, stride, size):
    want = (given[0], *size, given[3])
    if shape == want:
        return
    said = f"{what}y has the shape {shape}, and should have {want}."
    floor = [(side - kernel) // stride + 1 for side in given[1:3]]
    if shape[1:3] == tuple(floor):
        raise Wrong(f"{said} This is floor mode. In ceil mode a last window that hangs over the edge is kept.")
    if len(shape) == 4 and shape[1] == shape[2]:
        raise Wrong(f"{said} Height and width have their own sizes.")
    raise Wrong(said)


def _require_all_windows(answer, what, shape, kernel, stride, share, size):
    """Ones everywhere: dx adds up the shares of all windows that hold a cell, so overlaps show."""
    layer, x = layers.make(answer, kernel, stride), np.ones(shape)
    layers.run(layer, "forward", x)
    dx = require_numbers(f"{what}dx", layers.run(layer, "backward", np.ones((shape[0], *size, shape[3]))))
    right = _pooled(share.T, np.ones((shape[0], *size, shape[3])), shape[1:3])
    overlap = ((share > 0).sum(axis=0) > 1).reshape(shape[1:3])
    if dx.shape != right.shape or not overlap.any() or not np.allclose(dx[:, ~overlap], right[:, ~overlap]):
        return
    if (dx[:, overlap] < right[:, overlap] - 1e-9).all():
        raise Wrong(f"{what}dx is too small where windows overlap. A cell adds up what all its windows send: use +=.")


# ---------------------------------------------------------------------------------------------------
# Smoothed loss: a mixture of plain losses


def _weights(labels, classes, smoothing):
    """How much each label k counts for each sample."""
    q = np.full((len(labels), classes), smoothing / classes)
    q[np.arange(len(labels)), labels] += 1 - smoothing
    return q


def _loss(z, labels, smoothing):
    q = _weights(labels, z.shape[1], smoothing)
    rows = range(len(z))
    return sum(
        q[n, k] * reference.softmax_loss(z[[n]], np.array([k]), len(z))[0] for n in rows for k in range(z.shape[1])
    )


def _slope(z, labels, smoothing):
    _, _, p = reference.softmax_loss(z, labels, 1)
    return (p - _weights(labels, z.shape[1], smoothing)) / len(z)


def _require_exact(what, got, right):
    """A loss that is nearly right has lost something before its logarithm."""
    if np.asarray(got).dtype != float or np.ndim(got):
        return
    if 1e-9 * max(1, right) < abs(got - right) < 1e-4 * right:
        cause = "Is something added to p before the logarithm, or p cut off? Take log p = z - max - log(sum of exp)."
        raise Wrong(f"{what} is {got - right:+.0e} off. {cause}")


def _at_large_scores(answer):
    z, labels = np.array([[1000.0, 0.0, -1000.0], [-999.0, -1000.0, -1800.0]]), np.array([1, 0])
    loss = layers.make(answer, 0.1)
    got = layers.run(loss, "forward", z, labels)
    if not np.isfinite(got):
        cause = "exp(1000) is infinite. Subtract the largest score of each row first; p stays the same."
        if np.isposinf(got):
            cause = "p of a low score is rounded to 0, and log 0 is infinite. Take log p = z - max - log(sum of exp)."
        elif np.isneginf(got):
            cause = "all exp of a row are 0. Each row has a largest score of its own to subtract, not the batch."
        raise Wrong(f"For scores of 1,000 the loss is {got}: {cause}")
    require_equal("For scores of 1,000 the loss", got, _loss(z, labels, 0.1))
    require_equal("For scores of 1,000 dz", layers.run(loss, "backward"), _slope(z, labels, 0.1))

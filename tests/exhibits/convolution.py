"""Rooms 8 and 9: convolution and its gradient."""

import numpy as np
import properties

from exhibits.room import Room
from minispp.kernels import reference

# ---------------------------------------------------------------------------------------------------
# Room 8: convolution

convolutions = Room(properties.filters_correlate, reference.conv2d)


def _integers(seed, *shape):
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(float)


MAPS, FILTERS = _integers(0, 2, 6, 6, 3), _integers(1, 3, 3, 3, 5)
BIAS = np.arange(5.0)


@convolutions.looks_right_on(MAPS, FILTERS[:1, :1], BIAS, 2, 0)
def filters_turned(x, w, b, stride, pad):
    """A true convolution turns the filter; every network, and every published weight, correlates."""
    return reference.conv2d(x, w[::-1, ::-1], b, stride, pad)


@convolutions.looks_right_on(MAPS, FILTERS, BIAS, 1, 0)
def output_without_padding(x, w, b, stride, pad):
    """The output size forgets the padding: the last rows and columns are never made."""
    rows, columns = (x.shape[1] - w.shape[0]) // stride + 1, (x.shape[2] - w.shape[1]) // stride + 1
    return reference.conv2d(x, w, b, stride, pad)[:, : max(0, rows), : max(0, columns)]


@convolutions.looks_right_on(MAPS, FILTERS, BIAS, 1, 0)
def padded_on_one_side(x, w, b, stride, pad):
    """All the padding below and to the right."""
    return reference.conv2d(np.pad(x, ((0, 0), (0, 2 * pad), (0, 2 * pad), (0, 0))), w, b, stride, 0)


@convolutions.looks_right_on(MAPS, FILTERS, 0 * BIAS, 2, 1)
def bias_forgotten(x, w, b, stride, pad):
    """Hidden while biases are 0, which is how they are initialised."""
    return reference.conv2d(x, w, 0 * b, stride, pad)


@convolutions.looks_right_on(MAPS, FILTERS, BIAS, 2, 1)
def rows_counted_as_columns(x, w, b, stride, pad):
    """A square output, whatever the map: its size comes from the height."""
    y = reference.conv2d(x, w, b, stride, pad)
    square = np.zeros((*y.shape[:2], y.shape[1], y.shape[3]))
    square[:, :, : y.shape[2]] = y[:, :, : y.shape[1]]
    return square


# ---------------------------------------------------------------------------------------------------
# Room 9: the gradient of convolution

convolution_gradients = Room(properties.filters_send_back, reference.conv2d_backward)
UNPADDED, PADDED = _integers(2, 2, 4, 4, 5), _integers(3, 2, 6, 6, 5)  # dy, by the padding of the forward pass


@convolution_gradients.looks_right_on(UNPADDED, MAPS, FILTERS, 1, 0)
def backward_on_the_unpadded_map(dy, x, w, stride, pad):
    """Forward padded, backward did not: hidden without padding, and while only average pooling is tested."""
    dx, dw, db = reference.conv2d_backward(dy, x, w, stride, pad)
    shifted = np.zeros_like(dx)
    shifted[:, pad:, pad:] = dx[:, : dx.shape[1] - pad, : dx.shape[2] - pad]
    return shifted, dw, db


@convolution_gradients.looks_right_on(PADDED, MAPS, FILTERS, 1, 1)
def stride_forgotten(dy, x, w, stride, pad):
    """Backward at stride 1."""
    dx, dw, db = reference.conv2d_backward(dy, x, w, 1, pad)
    return dx, dw, db


@convolution_gradients.looks_right_on(PADDED[:1], MAPS[:1], FILTERS, 1, 1)
def bias_gradient_averaged(dy, x, w, stride, pad):
    """The mean over the batch in one gradient, the sum in the others: hidden at batch size 1."""
    dx, dw, db = reference.conv2d_backward(dy, x, w, stride, pad)
    return dx, dw, db / max(1, len(x))


@convolution_gradients.looks_right_on(PADDED, MAPS, FILTERS + FILTERS[::-1, ::-1], 1, 1)
def filters_turned_once_too_often(dy, x, w, stride, pad):
    """Backward with the filter turned: hidden while filters are symmetric."""
    dx, _, _ = reference.conv2d_backward(dy, x, w[::-1, ::-1], stride, pad)
    _, dw, db = reference.conv2d_backward(dy, x, w, stride, pad)
    return dx, dw, db


@convolution_gradients.looks_right_on(PADDED[:1], MAPS[:1], FILTERS, 1, 1)
def gradient_of_the_last_image(dy, x, w, stride, pad):
    """``dw = ...`` inside the loop over images where ``dw += ...`` was meant."""
    dx, _, db = reference.conv2d_backward(dy, x, w, stride, pad)
    return dx, reference.conv2d_backward(dy[-1:], x[-1:], w, stride, pad)[1], db

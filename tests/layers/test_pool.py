"""MaxPool against sliding windows found by walking."""

import draw
import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.layers import MaxPool


def table(shape, kernel, stride, pad, ceil_mode):
    """The windows of every map, row-major, and how many rows and columns of them."""
    n, height, width, _ = shape
    vertical, horizontal = (naive.slide_cells(size, kernel, stride, pad, ceil_mode) for size in (height, width))
    rows = [[image, ys[0], xs[0], ys[-1] + 1, xs[-1] + 1] for image in range(n) for ys in vertical for xs in horizontal]
    return np.array(rows, np.int32).reshape(-1, 5), len(vertical), len(horizontal)


@st.composite
def cases(pick):
    kernel, stride = pick(st.integers(1, 4)), pick(st.integers(1, 5))
    pad, ceil_mode = pick(st.integers(0, kernel - 1)), pick(st.booleans())
    smallest = max(1, kernel - 2 * pad)
    height, width = (pick(st.integers(smallest, smallest + 6)) for _ in range(2))
    shape = pick(st.integers(0, 3)), height, width, pick(st.integers(1, 3))
    dtype, values = pick(st.sampled_from(draw.DTYPES)), pick(st.sampled_from(draw.VALUES))
    return (kernel, stride, pad, ceil_mode), pick(draw.arrays(shape, dtype, values)), pick(draw.seeds)


@given(case=cases())
def test_forward_and_backward(ops, case):
    settings, x, seed = case
    layer = MaxPool(*settings).to(ops)
    windows, rows, columns = table(x.shape, *settings)
    shape = x.shape[0], rows, columns, x.shape[3]
    y, winners = naive.window_max(x, windows)
    assert layer.output_shape(x.shape) == shape
    assert np.array_equal(layer.forward(x), y.reshape(shape), equal_nan=True)
    dy = np.random.default_rng(seed).integers(-9, 10, shape).astype(x.dtype)
    dx = naive.window_max_backward(dy.reshape(winners.shape), winners, x.shape)
    assert np.array_equal(layer.backward(dy), dx)


def test_padding_never_wins_over_negative_features(ops):
    x = -1 - np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)
    y = MaxPool(3, 2, pad=1).to(ops).forward(x)
    assert y[0, :, :, 0].tolist() == [[-1, -2, -4], [-5, -6, -8]]


def test_ceil_mode_keeps_the_last_row_and_column(ops):
    x = np.zeros((1, 4, 6, 1))
    x[0, 3, 5] = 7
    assert MaxPool(3, 2).to(ops).forward(x)[0, :, :, 0].tolist() == [[0, 0, 0], [0, 0, 7]]
    assert not MaxPool(3, 2, ceil_mode=False).to(ops).forward(x).any()
    sizes = [MaxPool(3, 2).output_shape((1, size, size, 1))[1] for size in (110, 26, 88, 20)]
    assert sizes == [55, 13, 44, 10]  # ZF-5 at 224 and at 180 pixels


def test_overlapping_windows_add_up(ops):
    x = np.zeros((1, 5, 4, 2))
    x[0, 2, 1] = 1, 2
    layer = MaxPool(3, 1, ceil_mode=False).to(ops)
    dy = np.arange(1.0, 13).reshape(1, 3, 2, 2)
    assert layer.forward(x).shape == dy.shape
    dx = layer.backward(dy)
    assert dx[0, 2, 1].tolist() == [36, 42] and np.count_nonzero(dx) == 2  # all odd numbers, all even ones


def test_adjoint_with_ties(ops):
    """A tie is paid once: <dy, y> = <dx, x>."""
    rng = np.random.default_rng(2)
    x = rng.integers(-2, 3, (3, 8, 9, 4)).astype(float)
    layer = MaxPool(3, 2).to(ops)
    y = layer.forward(x)
    dy = rng.integers(-9, 10, y.shape).astype(float)
    dx = layer.backward(dy)
    assert (dx * x).sum() == (dy * y).sum() and dx.sum() == dy.sum()


@pytest.mark.parametrize(
    "settings",
    [{"kernel": 0}, {"kernel": 1.5}, {"stride": 0}, {"stride": None}, {"pad": -1}, {"pad": 2}, {"pad": 0.5}],
)
def test_arguments_that_make_no_layer(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"^MaxPool: expected .*{name}"):
        MaxPool(**{"kernel": 2, "stride": 2, **settings})


def test_map_that_is_too_small(ops):
    layer = MaxPool(4, 2).to(ops)
    layer.rename("pool2")
    assert layer.forward(np.zeros((1, 3, 4, 1))).shape == (1, 1, 1, 1)  # ceil mode: a window that is cut off
    for height, width in ((2, 5), (5, 2), (0, 5)):
        with pytest.raises(ValueError, match=f"^pool2: .* the input has {height}x{width} cells"):
            layer.forward(np.zeros((1, height, width, 1)))

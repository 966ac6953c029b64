"""Hypothesis strategies: sizes, memory layouts and values that have broken someone's kernel before.

Hypothesis draws sizes, a layout and a seed; NumPy fills the values, which is faster and shrinks as well.
"""

import numpy as np
from hypothesis import strategies as st

DTYPES = (np.float32, np.float64)
LAYOUTS = ("contiguous", "fortran", "every second", "backwards", "transposed")
TABLES = ("contiguous", "every second", "read-only")  # `minispp.windows` shares tables, so they are read-only
seeds = st.integers(0, 2**32 - 1)


def lay_out(a, layout):
    """The same values in another memory layout; what lies between them must not be read."""
    if layout == "fortran":
        return np.asfortranarray(a)
    if layout == "every second":
        wide = np.full([2 * length + 1 for length in a.shape], {"f": np.nan, "u": 99}.get(a.dtype.kind, -9), a.dtype)
        odd = tuple(slice(1, None, 2) for _ in a.shape)
        wide[odd] = a
        return wide[odd]
    if layout == "backwards":
        return np.flip(np.flip(a).copy())
    if layout == "transposed":
        return a.swapaxes(0, -1).copy().swapaxes(0, -1)
    if layout == "read-only":
        a = a.copy()
        a.flags.writeable = False
    return a


@st.composite
def arrays(draw, shape, dtype=np.float64, values="normal"):
    """An array in any layout; `values` as in `fill`."""
    rng = np.random.default_rng(draw(seeds))
    return lay_out(fill(rng, shape, dtype, values), draw(st.sampled_from(LAYOUTS)))


VALUES = ("normal", "ties", "negative", "-inf", "nan", "huge")


def fill(rng, shape, dtype, values):
    """Values that a maximum can get wrong: equal, all negative, -inf, NaN, below every usual start."""
    a = rng.normal(size=shape)
    if values == "ties":
        a = rng.integers(-2, 2, shape)
    elif values == "negative":
        a = -np.abs(a) - 1
    elif values == "-inf":
        a = np.where(rng.random(shape) < 0.8, -np.inf, a)
    elif values == "nan":
        a = np.where(rng.random(shape) < 0.2, np.nan, rng.integers(-2, 2, shape))
    elif values == "huge":
        a = -1e30 * (np.abs(a) + 1)
    return a.astype(dtype)


def random_windows(rng, count, n, height, width):
    """Windows anywhere in the maps, images in no order; they overlap, and some are a single cell."""
    top, left = rng.integers(0, height, count), rng.integers(0, width, count)
    bottom, right = rng.integers(top, height) + 1, rng.integers(left, width) + 1
    return np.stack([rng.integers(0, n, count), top, left, bottom, right], axis=1).astype(np.int32)


@st.composite
def pooled_maps(draw, dtypes=DTYPES, values=VALUES):
    """Maps and a table of windows: perhaps none, perhaps of a map of one cell, perhaps no maps at all."""
    limits = (0, 3), (1, 8), (1, 9), (1, 4)
    n, height, width, channels = (draw(st.integers(low, high)) for low, high in limits)
    rng = np.random.default_rng(draw(seeds))
    windows = random_windows(rng, draw(st.integers(0, 7)) if n else 0, n, height, width)
    shape, dtype = (n, height, width, channels), draw(st.sampled_from(dtypes))
    x = draw(arrays(shape, dtype, draw(st.sampled_from(values))))
    return x, lay_out(windows, draw(st.sampled_from(TABLES)))


@st.composite
def convolutions(draw, dtypes=DTYPES):
    """The arguments of conv2d: stride above or below the kernel, padding up to the kernel less one."""
    kh, kw, channels, filters = draw(st.tuples(*[st.integers(1, high) for high in (4, 4, 3, 4)]))
    stride, pad = draw(st.integers(1, 5)), draw(st.integers(0, min(kh, kw) - 1))
    height, width = (draw(st.integers(max(1, k - 2 * pad), k + 4)) for k in (kh, kw))
    dtype, shape = draw(st.sampled_from(dtypes)), (draw(st.integers(0, 2)), height, width, channels)
    x, w = draw(arrays(shape, dtype)), draw(arrays((kh, kw, channels, filters), dtype))
    return x, w, draw(arrays((filters,), dtype)), stride, pad


@st.composite
def normalisations(draw, dtypes=DTYPES):
    """x, then size, alpha, beta, bias, across."""
    shape = tuple(draw(st.integers(low, high)) for low, high in ((0, 2), (1, 4), (1, 5), (1, 6)))
    x = draw(arrays(shape, draw(st.sampled_from(dtypes))))
    size, beta = draw(st.sampled_from((1, 3, 5))), draw(st.sampled_from((0.75, 0.5, 1.3)))
    return x, size, draw(st.floats(0.01, 2)), beta, draw(st.floats(0.5, 2)), draw(st.booleans())

"""PyTorch's adaptive max pooling has the paper's bins: the same values and the same winners, at any size.

It is another hand's floor and ceil, in C++ integers. On a map without ties its argmax says which cell each bin was
given, so that a maximum that is right by chance does not pass.

Ties: PyTorch promises nothing. On the CPU, in its usual layout, it scans row by row and takes a later cell only
if that is larger, so it too takes the first, and its gradients equal ours even on tied maps. NaN: there it takes
the last NaN of a bin, and we the first; the values agree.
"""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from peers.peer_torch import F, array, spp_vectors, tensor, torch

from minispp.layers import SPP, MaxPool
from minispp.windows import bin_edges, pyramid, whole_maps

pytestmark = pytest.mark.peers

sides = st.integers(1, 40)
level = st.one_of(st.integers(1, 8).map(lambda n: (n, n)), st.tuples(st.integers(1, 8), st.integers(1, 8)))


def distinct(n, height, width, channels, seed):
    """Maps without ties, half of their entries negative: where the largest lies differs from map to map."""
    rng = np.random.default_rng(seed)
    values = rng.permuted(np.tile(np.arange(float(height * width)), (n * channels, 1)), axis=1)
    return values.reshape(n, channels, height, width).transpose(0, 2, 3, 1) - height * width // 2


def their_winners(x, levels):
    """Values and winners (N*M, C), the winners as flat indices into all cells of the batch, as ours are."""
    n, height, width, channels = x.shape
    values, winners = [], []
    for size in levels:
        value, winner = F.adaptive_max_pool2d(tensor(x, learned=False), size, return_indices=True)
        values.append(array(value).reshape(n, -1, channels))
        first_cell = height * width * np.arange(n)[:, None, None]
        winners.append(array(winner).reshape(n, -1, channels) + first_cell)
    return [np.concatenate(parts, axis=1).reshape(-1, channels) for parts in (values, winners)]


@settings(max_examples=400)
@given(height=sides, width=sides, levels=st.lists(level, min_size=1, max_size=3), seed=st.integers(0, 99))
@example(height=1, width=1, levels=[(6, 6), (3, 3), (2, 2), (1, 1)], seed=0)
@example(height=4, width=2, levels=[(6, 6), (3, 3), (2, 2), (1, 1)], seed=0)  # smaller than the pyramid
@example(height=1, width=13, levels=[(6, 6), (2, 3)], seed=0)
@example(height=13, width=13, levels=[(6, 6), (3, 3), (2, 2), (1, 1)], seed=0)
@example(height=10, width=13, levels=[(6, 6), (3, 3), (2, 2), (1, 1)], seed=0)  # where the sliding rule fails
@example(height=29, width=57, levels=[(7, 7)], seed=0)  # where float64 and float32 edges go wrong
@example(height=25, width=21, levels=[(5, 7)], seed=0)
def test_the_same_bins(ops, height, width, levels, seed):
    """From the map, by the table of windows; and level from level, by the layer."""
    x = distinct(2, height, width, 3, seed)
    values, winners = their_winners(x, levels)
    y, ours = ops.window_max(x, pyramid(whole_maps(2, height, width), levels))
    assert np.array_equal(y, values), (height, width, levels)
    assert np.array_equal(ours, winners), (height, width, levels)
    layer = SPP(levels).to(ops)
    assert np.array_equal(layer.forward(x), values.reshape(2, -1))
    assert np.array_equal(layer.saved[0].reshape(winners.shape), winners)


@pytest.mark.parametrize("bins", range(1, 9))
def test_every_edge_up_to_120(bins):
    """The edges themselves: on a rising map the winner is a bin's last cell, on a falling one its first."""
    for size in range(1, 121):
        rising = torch.arange(float(size))[None, None]
        last = F.adaptive_max_pool1d(rising, bins, return_indices=True)[1].flatten()
        first = F.adaptive_max_pool1d(-rising, bins, return_indices=True)[1].flatten()
        assert bin_edges(size, bins).tolist() == torch.stack([first, last + 1], dim=1).tolist(), (size, bins)


@settings(max_examples=100)
@given(height=st.integers(1, 15), width=st.integers(1, 15), levels=st.lists(level, min_size=1, max_size=4))
@example(height=13, width=10, levels=[(6, 6), (3, 3), (2, 2), (1, 1)])
def test_the_same_winners_of_ties(ops, height, width, levels):
    """After ReLU most of a map is 0. Gradients are whole numbers, so that they are equal and not only close."""
    rng = np.random.default_rng(height * width)
    x = np.maximum(rng.integers(-3, 3, (2, height, width, 3)), 0).astype(np.float64)
    layer, t = SPP(levels).to(ops), tensor(x)
    y = layer.forward(x)
    out = torch.cat([F.adaptive_max_pool2d(t, size).flatten(1) for size in levels], dim=1)
    theirs = spp_vectors(out, levels, 3)
    assert np.array_equal(y, array(theirs))
    dy = rng.integers(-9, 9, y.shape).astype(np.float64)
    theirs.backward(torch.from_numpy(dy))
    assert np.array_equal(layer.backward(dy), array(t.grad))


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_nan_and_minus_infinity_come_through(ops, value):
    """Values only: of several NaN PyTorch's winner is the last."""
    x = distinct(2, 7, 10, 3, seed=1)
    x[0, 2:4, 5] = x[1, :, :, 1] = value
    levels = (3, 2, 1)
    theirs = [array(F.adaptive_max_pool2d(tensor(x, learned=False), n)).reshape(2, -1, 3) for n in levels]
    ours = SPP(levels).to(ops).forward(x)
    assert np.array_equal(ours, np.concatenate(theirs, axis=1).reshape(2, -1), equal_nan=True)


@pytest.mark.parametrize(
    ("cells", "kernel", "stride"), [(13, 3, 2), (18, 3, 3), (12, 2, 2)], ids=["ZF-5", "Overfeat", "small"]
)
def test_six_bins_are_the_last_pooling_of_the_original_nets(ops, cells, kernel, stride):
    """What makes the twins without SPP those of the paper."""
    x = distinct(2, cells, cells, 3, seed=2)
    theirs = array(F.max_pool2d(tensor(x, learned=False), kernel, stride))
    assert theirs.shape[1:3] == (6, 6)
    assert np.array_equal(SPP((6,)).to(ops).forward(x), theirs.reshape(2, -1))
    assert np.array_equal(MaxPool(kernel, stride, ceil_mode=False).to(ops).forward(x), theirs)

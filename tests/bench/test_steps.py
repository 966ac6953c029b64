"""What notebook 10 measures is what it says: all steps make the same y, and orders of sums are what they are called."""

import naive
import numpy as np
import pytest

from minispp.bench import caches, orders, rates, steps
from minispp.kernels.cpu.winograd.exact import transforms

WAYS = ("python_loops", "compiled_loops", "turned_loops", "tap_products", "im2col", "strip_products", "winograd")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("kernel", "stride", "pad"), [((3, 2), 2, 1), ((2, 4), 1, 0), ((3, 3), 3, 2)])
def test_each_way_is_the_convolution(way, kernel, stride, pad):
    rng = np.random.default_rng(1)
    x, w, b = rng.normal(size=(2, 5, 7, 3)), rng.normal(size=(*kernel, 3, 4)), rng.normal(size=4)
    x, w, b = (a.astype(np.float32) for a in (x, w, b))
    y = getattr(steps, way)(x, w, b, stride, pad)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, naive.conv2d(x, w, b, stride, pad), rtol=1e-4, atol=1e-4)


def test_climbing(monkeypatch):
    """Eight steps, whose operations are those of the formula; the threads are as before."""
    import numba

    before = numba.get_num_threads()
    x, w = np.ones((1, 16, 16, 64), np.float32), np.ones((3, 3, 64, 64), np.float32)
    climbed = steps.climb(x, w, np.zeros(64, np.float32), rounds=1)
    assert [step.operations for step in climbed] == [2 * 6 * 6 * 8 * 9 * 8] + [2 * 16 * 16 * 64 * 9 * 64] * 7
    assert max(step.error for step in climbed) < 1e-5 and min(step.seconds for step in climbed) > 0
    assert climbed[0].rate == climbed[0].operations / climbed[0].seconds
    assert numba.get_num_threads() == before
    monkeypatch.setattr(steps, "tap_products", lambda *arguments: 1.001 * steps.im2col(*arguments))
    assert steps.climb(x, w, np.zeros(64, np.float32), rounds=1)[3].error > 1e-4
    with pytest.raises(ValueError, match="expected shapes for Winograd's method"):
        steps.climb(np.ones((1, 8, 8, 3), np.float32), np.ones((1, 1, 3, 3), np.float32), np.zeros(3, np.float32))


@pytest.mark.parametrize("taps", [2, 3, 4, 5])
def test_transforms_are_exact(taps):
    bt, g, at = transforms(taps)
    m = 7 - taps
    assert (bt.shape, g.shape, at.shape) == ((6, 6), (6, taps), (m, 6))
    rng = np.random.default_rng(taps)
    tile, filters = rng.integers(-99, 100, (6, 6)), rng.integers(-99, 100, (taps, taps))
    y = at @ ((g @ filters @ g.T) * (bt @ tile @ bt.T)) @ at.T
    want = naive.conv2d(tile[None, :, :, None], filters[:, :, None, None], np.zeros(1), 1, 0)[0, :, :, 0]
    assert y.tolist() == want.tolist()


@pytest.mark.parametrize("taps", [1, 6])
def test_transforms_of_other_filters(taps):
    with pytest.raises(ValueError, match=f"expected 2 to 5 taps, got {taps}"):
        transforms(taps)


def test_digests_tell_bits_apart():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 9, 9, 4)).astype(np.float32), rng.normal(size=(3, 3, 4, 5)).astype(np.float32)
    b = np.zeros(5, np.float32)
    found = orders.digests(x, w, b, 1, 1, threads=1)
    assert found == orders.digests(x, w, b, 1, 1, threads=1) and len(set(found.values())) == 4
    b[0] = 1e-7
    assert orders.digests(x, w, b, 1, 1, threads=1)["y"] != found["y"]


def test_orders_of_a_sum():
    errors = orders.sum_errors(np.random.default_rng(0).random(5000, np.float32))
    assert [len(np.unique(found)) > 1 for found in errors.values()] == [True, True, False]
    assert all(np.abs(found).max() < 500 for found in errors.values())
    assert all((found == 0).all() for found in orders.sum_errors(np.ones(64, np.float32)).values())


def test_rates_are_positive(monkeypatch):
    monkeypatch.setattr(rates, "LINES", 2)
    monkeypatch.setattr(rates, "TILES", 1)
    found = {**rates.measure(progress=True), **caches.working_sets((4096, 8192), moved=1 << 14, rounds=1)}
    found |= caches.new_and_left_over(np.ones((1, 8, 8, 8), np.float32), rounds=1)
    assert min(found.values()) > 0 and len(found) == 6

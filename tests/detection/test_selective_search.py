"""The whole search: what it is made of, how it is ranked, and pictures of odd shapes."""

import draw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minispp.data import Shapes, resize
from minispp.detection.selective_search import MODES, Mode, describe, group, rank, segment, selective_search, to_colour


def scene(index=0):
    return Shapes(3, seed=2, sizes=(40, 60), objects=4).scene(index)[0]


def by_hand(picture, mode, scale, sigma, min_size):
    """Every stage called for itself, every time from the picture."""
    hierarchies = []
    for space in mode.spaces:
        image = to_colour(picture, space)
        for factor in mode.factors:
            regions = describe(segment(image, scale * factor, sigma, min_size), image)
            hierarchies += [group(regions, strategy) for strategy in mode.strategies]
    return hierarchies


def naive_rank(hierarchies, seed):
    """Position from the end times a random number; then the list without what it has had."""
    u, rated = np.random.default_rng(seed), []
    for hierarchy in hierarchies:
        for place, box in enumerate(hierarchy):
            rated.append(((len(hierarchy) - place) * u.random(), len(rated), tuple(map(int, box))))
    return list(dict.fromkeys(box for *_, box in sorted(rated)))


@pytest.mark.parametrize("name", MODES)
def test_is_made_of_its_stages(name):
    boxes = selective_search(scene(), name, scale=20, sigma=0.6, min_size=9, seed=4)
    assert boxes.dtype == np.int32
    assert list(map(tuple, boxes.tolist())) == naive_rank(by_hand(scene(), MODES[name], 20, 0.6, 9), seed=4)


def test_number_of_groupings():
    """Table 5 of the publication: 1, 8 and 80 combinations."""
    sizes = [np.prod([len(choices) for choices in MODES[name]]) for name in ("single", "fast", "quality")]
    assert sizes == [1, 8, 80]
    assert [50 * factor for factor in MODES["quality"].factors] == [50, 100, 150, 300]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), draw.seeds)
def test_rank(lengths, seed):
    """Few different boxes, so that most are there several times."""
    rng = np.random.default_rng(seed)
    hierarchies = [rng.integers(0, 2, (length, 4)) for length in lengths]
    ranked = rank(hierarchies, seed)
    assert list(map(tuple, ranked.tolist())) == naive_rank(hierarchies, seed)


def test_large_boxes_come_early():
    """The last box of a hierarchy is ahead of the first with a chance of 1 - 1 / 2n, over many seeds."""
    boxes = np.stack([np.zeros(5), np.zeros(5), np.arange(1, 6), np.arange(1, 6)], axis=1).astype(int)
    ahead = [rank([boxes], seed)[:, 2].tolist() for seed in range(2000)]
    share = np.mean([order.index(5) < order.index(1) for order in ahead])
    assert abs(share - 0.9) < 4 * (0.9 * 0.1 / 2000) ** 0.5


def test_seeds_and_limits():
    first, again, other = (selective_search(scene(), scale=20, min_size=9, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert first.tolist() != other.tolist() and sorted(first.tolist()) == sorted(other.tolist())
    for limit in (0, 1, 7, len(first) + 1):
        np.testing.assert_array_equal(selective_search(scene(), scale=20, min_size=9, limit=limit), first[:limit])


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_threads_change_nothing(threads):
    options = {"mode": "quality", "scale": 20, "min_size": 9}
    expected = selective_search(scene(1), **options)
    np.testing.assert_array_equal(selective_search(scene(1), threads=threads, **options), expected)


@pytest.mark.parametrize("longest", [30, 75, 150])
def test_on_a_resized_picture(longest):
    """The boxes of the resized picture, each the smallest in whole pixels that holds it in the original."""
    picture = scene(2)
    height, width = picture.shape[:2]
    small = resize(picture, *(round(side * longest / max(height, width)) for side in (height, width)))
    assert max(small.shape[:2]) == longest
    expected = []
    for top, left, bottom, right in selective_search(small, scale=20, min_size=9).tolist():
        expected.append((
            top * height // small.shape[0],
            left * width // small.shape[1],
            -(-bottom * height // small.shape[0]),
            -(-right * width // small.shape[1]),
        ))  # fmt: skip
    found = selective_search(picture, scale=20, min_size=9, longest=longest)
    assert found.dtype == np.int32
    assert list(map(tuple, found.tolist())) == list(dict.fromkeys(expected))
    assert [0, 0, height, width] in found.tolist()


@given(st.sampled_from([(1, 1), (1, 2), (1, 30), (40, 1), (2, 400), (9, 7)]), draw.seeds, st.sampled_from(draw.LAYOUTS))
@settings(max_examples=25)
def test_odd_pictures(shape, seed, layout):
    picture = np.random.default_rng(seed).integers(0, 256, (*shape, 3)).astype(np.uint8)
    boxes = selective_search(draw.lay_out(picture, layout), scale=10, min_size=1)
    np.testing.assert_array_equal(boxes, selective_search(picture, scale=10, min_size=1))
    assert (boxes[:, :2] >= 0).all() and (boxes[:, :2] < boxes[:, 2:]).all() and (boxes[:, 2:] <= shape).all()
    assert len(np.unique(boxes, axis=0)) == len(boxes) and [0, 0, *shape] in boxes.tolist()


@pytest.mark.parametrize("longest", [None, 1, 2, 50])
@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (30, 40)])
def test_flat_pictures(shape, longest):
    picture = np.full((*shape, 3), 200, np.uint8)
    assert selective_search(picture, longest=longest).tolist() == [[0, 0, *shape]]


def test_finds_what_is_there():
    picture = np.full((90, 120, 3), 40, np.uint8)
    picture[20:50, 30:80], picture[60:85, 5:35] = (200, 60, 30), (30, 90, 220)
    boxes = selective_search(picture, sigma=0).tolist()
    assert [20, 30, 50, 80] in boxes and [60, 5, 85, 35] in boxes


@pytest.mark.parametrize(
    "picture",
    [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 1), np.uint8), np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5, 3))],
)
@pytest.mark.parametrize("longest", [None, 10])
def test_what_is_not_a_picture(picture, longest):
    with pytest.raises(ValueError, match=r"expected a uint8 picture \(H, W, 3\)"):
        selective_search(picture, longest=longest)


@pytest.mark.parametrize("mode", ["slow", None, Mode((), (1,), ("S",)), Mode(("hsv",), (), ("S",))])
def test_wrong_modes(mode):
    with pytest.raises(ValueError, match="selective_search: expected a mode"):
        selective_search(scene(), mode)


@pytest.mark.parametrize("wrong", [{"longest": 0}, {"threads": 0}, {"limit": -1}])
def test_wrong_numbers(wrong):
    with pytest.raises(ValueError, match=f"selective_search: expected .*{next(iter(wrong))}"):
        selective_search(scene(), **wrong)

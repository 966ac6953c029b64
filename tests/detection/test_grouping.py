"""Grouping against the publication's loop: all pairs of regions, each measured anew from its pixels."""

from functools import cache
from itertools import combinations

import draw
import numpy as np
import pytest
from detection.test_regions import labelled, naive_histograms
from hypothesis import given
from hypothesis import strategies as st

from minispp.detection.selective_search import describe, group, joined, pixel_bins, segment, tree

UNIT = 2**24
STRATEGIES = ["".join(letters) for n in range(1, 5) for letters in combinations("CTSF", n)]


def naive_group(labels, bins, strategy):
    """Boxes in the order of their making. Masks, nothing else, say what a region is."""
    masks = {region: labels == region for region in range(labels.max() + 1)}
    boxes = [box_of(mask) for mask in masks.values()]

    @cache
    def order(a, b):
        """What sorts the pairs: touching first, then the most alike, then the lowest numbers."""
        if not touch(masks[a], masks[b]):
            return (1,)
        return 0, -naive_similarity(masks[a], masks[b], bins, strategy), a, b

    while len(masks) > 1:
        a, b = min(combinations(masks, 2), key=lambda pair: order(*pair))
        masks[len(boxes)] = masks.pop(a) | masks.pop(b)
        boxes.append(box_of(masks[len(boxes)]))
    return boxes


def box_of(mask):
    rows, columns = np.nonzero(mask)
    return [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


def touch(a, b):
    grown = np.pad(a, 1)
    grown = sum(grown[i : i + a.shape[0], j : j + a.shape[1]] for i in range(3) for j in range(3))
    return bool((grown.astype(bool) & b).any())


def naive_similarity(a, b, bins, strategy):
    """In units of 2**-24, all quotients rounded down, in Python's integers."""
    similarity = 0
    for letter, which in (("C", 0), ("T", 1)):
        if letter in strategy:
            p, q = (naive_histograms(mask, bins)[which].reshape(-1).tolist() for mask in (a, b))
            similarity += sum(min(UNIT * x // sum(p), UNIT * y // sum(q)) for x, y in zip(p, q, strict=True))
    both, pixels = int(a.sum() + b.sum()), a.size
    if "S" in strategy:
        similarity += UNIT * (pixels - both) // pixels
    if "F" in strategy:
        top, left, bottom, right = map(int, box_of(a | b))
        similarity += UNIT * (pixels - ((bottom - top) * (right - left) - both)) // pixels
    return similarity


def connected(labels):
    """Every label as one piece of pixels that touch: the others of its pixels become regions of their own."""
    pieces, number = np.full(labels.shape, -1, np.int32), 0
    for start in np.ndindex(labels.shape):
        if pieces[start] < 0:
            todo = [start]
            while todo:
                i, j = todo.pop()
                if pieces[i, j] < 0 and labels[i, j] == labels[start]:
                    pieces[i, j] = number
                    todo += [(k, m) for k in range(max(i - 1, 0), min(i + 2, labels.shape[0]))
                             for m in range(max(j - 1, 0), min(j + 2, labels.shape[1]))]  # fmt: skip
            number += 1
    return pieces


@given(labelled(5), st.sampled_from(STRATEGIES))
def test_grouping(case, strategy):
    labels, image = case
    labels = connected(labels)
    found = group(describe(labels, image), strategy)
    assert found.dtype == np.int32
    assert found.tolist() == naive_group(labels, pixel_bins(image), strategy)


@given(draw.seeds, st.sampled_from(STRATEGIES))
def test_of_a_segmentation(seed, strategy):
    """Real regions, of several pixels each, and the shapes that they make."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.repeat(rng.integers(0, 256, (3, 4, 2)), 3, axis=0), 2, axis=1).astype(np.uint8)
    image += rng.integers(0, 9, image.shape).astype(np.uint8)
    labels = segment(image, scale=20, sigma=0.5, min_size=3)
    assert group(describe(labels, image), strategy).tolist() == naive_group(labels, pixel_bins(image), strategy)


@given(draw.seeds, st.sampled_from(STRATEGIES))
def test_the_tree_says_what_is_joined(seed, strategy):
    """After every join the pixels of each region fill its box, and the number of regions is one less."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.repeat(rng.integers(0, 256, (3, 4, 1)), 3, axis=0), 2, axis=1).astype(np.uint8)
    labels = segment(image, scale=20, sigma=0.5, min_size=3)
    regions = describe(labels, image)
    boxes, parents = tree(regions, strategy)
    assert boxes.tolist() == group(regions, strategy).tolist()
    n = len(regions.size)
    for count in range(n):
        now = joined(labels, parents, count)
        found = np.unique(now).tolist()
        assert len(found) == n - count and max(found) == n + count - 1
        assert [box_of(now == region) for region in found] == boxes[found].tolist()
    for count in (-1, n):
        with pytest.raises(ValueError, match=f"joined: expected 0 to {n - 1} joins of {n} regions, got {count}"):
            joined(labels, parents, count)


def test_ties_go_to_the_lowest_numbers():
    """Four equal pixels in a row: 0 and 1, then 2 and 3 (numbers below 4's), then the rest."""
    regions = describe(np.arange(4, dtype=np.int32)[None], np.zeros((1, 4, 1), np.uint8))
    assert group(regions, "C")[4:, 1::2].tolist() == [[0, 2], [2, 4], [0, 4]]


def test_input_is_left_alone():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (9, 8, 3)).astype(np.uint8)
    regions = describe(segment(image, 10, 0, 1), image)
    before = [field.copy() for field in regions]
    assert group(regions).tolist() == group(regions).tolist()
    for field, old in zip(regions, before, strict=True):
        np.testing.assert_array_equal(field, old)


def test_one_region():
    assert group(describe(np.zeros((3, 5), np.int32), np.zeros((3, 5, 3), np.uint8))).tolist() == [[0, 0, 3, 5]]


@pytest.mark.parametrize("strategy", ["", "CC", "X", "ctsf"])
def test_unknown_strategies(strategy):
    with pytest.raises(ValueError, match="expected some of the letters CTSF"):
        group(describe(np.zeros((1, 1), np.int32), np.zeros((1, 1, 3), np.uint8)), strategy)

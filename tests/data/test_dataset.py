import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minispp.data.dataset import Cache, Subset, mean_and_std, split


def labelled(labels, classes):
    return SimpleNamespace(labels=np.array(labels, dtype=np.int64), classes=list(classes))


class TestSplit:
    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.integers(0, 4), max_size=60), st.floats(0.01, 0.99), st.integers(0, 9))
    def test_every_picture_once_and_classes_in_proportion(self, labels, fraction, seed):
        d = labelled(labels, "abcde")
        rest, part = split(d, fraction, seed)
        assert sorted([*rest.indexes, *part.indexes]) == list(range(len(labels)))
        for label in range(5):
            n, cut = labels.count(label), int((part.labels == label).sum())
            assert abs(cut - fraction * n) <= 0.5 + 1e-9 or (n > 1 and cut in (1, n - 1)) or (n == 1 and cut == 0)
            if n > 1:
                assert 1 <= cut <= n - 1

    def test_same_seed_same_cut_other_seed_other_cut(self):
        d = labelled([0] * 30 + [1] * 20, "ab")
        first, again, other = (split(d, 0.3, seed)[1].indexes.tolist() for seed in (5, 5, 6))
        assert first == again
        assert first != other
        assert len(first) == 9 + 6
        assert first == sorted(first)

    def test_cut_is_drawn_not_the_first_of_each_class(self):
        assert split(labelled([0] * 40, "a"), 0.25)[1].indexes.tolist() != list(range(10))

    def test_cut_of_a_class_does_not_depend_on_the_others(self):
        alone = split(labelled([0] * 12, "ab"), 0.25)[1].indexes
        both = split(labelled([0] * 12 + [1] * 7, "ab"), 0.25)[1].indexes
        np.testing.assert_array_equal(both[:3], alone)

    @pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, np.nan])
    def test_fraction(self, fraction):
        with pytest.raises(ValueError, match="between 0 and 1"):
            split(labelled([0, 0], "a"), fraction)


class TestSubset:
    def test_is_a_dataset(self):
        class Numbers:
            classes = ["even", "odd"]
            labels = np.arange(6) % 2

            def __getitem__(self, index):
                return np.full((2, 3, 3), index, np.uint8), index % 2

        subset = Subset(Numbers(), [5, 0, 3])
        assert len(subset) == 3
        assert subset.labels.tolist() == [1, 0, 1]
        assert subset.classes == ["even", "odd"]
        assert [(picture[0, 0, 0], label) for picture, label in subset] == [(5, 1), (0, 0), (3, 1)]
        assert subset[-1][1] == 1
        assert Subset(subset, [1])[0][0][0, 0, 0] == 0
        with pytest.raises(IndexError):
            subset[3]

    def test_empty(self):
        subset = Subset(labelled([0, 1], "ab"), [])
        assert len(subset) == 0
        assert subset.labels.shape == (0,)


class TestMeanAndStd:
    def test_against_a_loop(self):
        rng = np.random.default_rng(0)
        # different sizes: with equal weight for pictures, not pixels
        data = [(rng.integers(0, 256, (h, w, 3), np.uint8), 0) for h, w in ((3, 5), (20, 4), (1, 1))]
        mean, std = mean_and_std(data)
        for channel in range(3):
            planes = [picture[:, :, channel].astype(float) for picture, _ in data]
            expected = sum(plane.mean() for plane in planes) / 3
            square = sum(((plane - expected) ** 2).mean() for plane in planes) / 3
            assert mean[channel] == pytest.approx(expected, rel=1e-12)
            assert std[channel] == pytest.approx(square**0.5, rel=1e-12)

    def test_channels_stay_apart(self):
        picture = np.zeros((4, 6, 3), np.uint8)
        picture[:2] = (10, 20, 40)
        mean, std = mean_and_std([(picture, 0)])
        assert mean.tolist() == [5, 10, 20]
        assert std.tolist() == [5, 10, 20]

    def test_constant_channel_can_be_divided_by(self):
        assert mean_and_std([(np.full((3, 4, 3), 77, np.uint8), 0)])[1].tolist() == [1, 1, 1]

    def test_limit_is_a_seeded_sample(self):
        data = [(np.full((2, 3, 3), k, np.uint8), 0) for k in range(100)]
        means = [mean_and_std(data, limit=10, seed=seed)[0][0] for seed in (1, 1, 2)]
        assert means[0] == means[1] != means[2]
        assert means[0] != 4.5  # not the first ten
        assert mean_and_std(data, limit=None)[0][0] == 49.5
        assert mean_and_std(data, limit=1000)[0][0] == 49.5

    def test_nothing_to_read(self):
        with pytest.raises(ValueError, match="got 0 with limit 1000"):
            mean_and_std([])
        with pytest.raises(ValueError, match="limit 0"):
            mean_and_std([(np.zeros((1, 1, 3), np.uint8), 0)], limit=0)


class TestCache:
    def test_bound_holds_and_smaller_ones_still_fit(self):
        cache = Cache(limit=10)
        for key, size in enumerate((6, 6, 4, 1)):
            cache.get(key, lambda size=size: np.zeros(size, np.uint8))
        assert cache.bytes == 10
        made = []
        for key in range(4):
            cache.get(key, lambda key=key: made.append(key) or np.zeros(6, np.uint8))
        assert made == [1, 3]

    def test_threads_do_not_count_twice(self):
        cache, barrier = Cache(limit=100), threading.Barrier(4)

        def make():
            barrier.wait(timeout=10)  # all four miss before any is kept
            return np.zeros(5, np.uint8)

        threads = [threading.Thread(target=cache.get, args=("key", make)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.bytes == 5

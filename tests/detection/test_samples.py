"""Windows kept once for all classes, against a dictionary; and which negatives of a class stay."""

import numpy as np
from draw import seeds
from hypothesis import given
from hypothesis import strategies as st

from minispp.detection.samples import Samples, Windows
from minispp.detection.svm import SVM


@given(seeds, st.integers(1, 5))
def test_windows_are_what_they_were(seed, width):
    """Classes take and release at random; every slot in use always holds its own window, and no window has two."""
    rng = np.random.default_rng(seed)
    pictures = rng.normal(size=(4, 6, width)).astype(np.float32)
    windows, held = Windows(), []  # (picture, row, slot), once for each user
    largest = 0
    for _ in range(30):
        if rng.random() < 0.6:
            picture, rows = int(rng.integers(4)), rng.permutation(6)[: rng.integers(0, 6)]
            slots = windows.take(picture, rows, pictures[picture, rows])
            held += zip([picture] * len(rows), rows.tolist(), slots.tolist(), strict=True)
        elif held:
            leave = {held[i][:2]: held[i] for i in rng.permutation(len(held))[: rng.integers(1, 4)]}
            for user in leave.values():
                held.remove(user)
            windows.release(np.array([slot for _, _, slot in leave.values()]))
        for picture, row, slot in held:
            assert np.array_equal(windows.features[slot], pictures[picture, row])
            assert (windows.picture[slot], windows.row[slot]) == (picture, row)
        in_use = {user[:2]: user[2] for user in held}
        assert len(set(in_use.values())) == len(in_use) == len(set(held))
        largest = max(largest, len(in_use))
    assert len(windows.features) <= max(2 * largest, 6)  # free slots are filled again


def test_scaling_leaves_free_slots_alone():
    windows = Windows()
    slots = windows.take(0, [0, 1, 2], np.float32([[1], [2], [3]]))
    windows.features[slots[1]] = np.finfo(np.float32).max  # free from now on: doubled, it would overflow
    windows.release(slots[1:2])
    windows.scale(2.0)
    assert windows.features[slots[[0, 2]]].tolist() == [[2], [6]]


def samples_with(values, positive):
    """One feature each, which is also the score that `identity` gives."""
    samples = Samples(Windows())
    for number, (value, kind) in enumerate(zip(values, positive, strict=True)):
        samples.add(number, [7], np.float32([[value]]), kind)
    return samples


def identity(features, labels, rows, alphas):
    return SVM(np.ones(1), 0.0, np.arange(len(labels), dtype=float), 3.0, 0.5, 2)


def test_the_easiest_leave_first():
    samples = samples_with([-9, 5, -1, 5, -2, 0, 5], [True] + [False] * 6)
    assert samples.new == samples.found == 6
    samples.fit(identity, evict=-1.5, most=3)
    # -2 is easy; of the other five the three highest stay, and the positive, whatever its score.
    assert samples.windows.features[samples.slots, 0].tolist() == [-9, 5, 5, 5]
    assert sorted(samples.slots) == np.flatnonzero(samples.windows.users).tolist()
    assert samples.alphas.tolist() == [0, 1, 3, 6] and samples.positive.tolist() == [True, False, False, False]
    assert samples.report() == (1, 3, 6, 3, 3.0, 0.5) and samples.new == 0
    assert samples.report() == (1, 3, 0, 0, 3.0, 0.5)
    assert samples.negatives_of(1).tolist() == [7] and samples.negatives_of(0).size == samples.negatives_of(2).size == 0


def test_of_equal_scores_the_first_stay():
    samples = samples_with([1] * 5, [False] * 5)
    samples.fit(identity, evict=1, most=2)  # not below 1
    assert samples.alphas.tolist() == [0, 1]


def test_a_fit_starts_from_the_last_one():
    samples, starts = samples_with([1, -1], [True, False]), []

    def fit(features, labels, rows, alphas):
        starts.append((features[rows, 0].tolist(), labels.tolist(), alphas.tolist()))
        return identity(features, labels, rows, alphas)._replace(alphas=alphas + 1)

    samples.fit(fit, evict=-9, most=9)
    samples.add(0, [3], np.float32([[4]]), False)
    samples.fit(fit, evict=-9, most=9)
    assert starts == [([1, -1], [True, False], [0, 0]), ([1, -1, 4], [True, False, False], [1, 1, 0])]

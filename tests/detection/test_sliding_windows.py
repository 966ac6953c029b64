"""Sliding windows: where they stand, what they cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispp.detection.sliding_windows import sliding_windows


def naive_windows(height, width, sides, ratios, step):
    boxes = []
    for side in sides:
        for ratio in ratios:
            rows, columns = max(1, round(side * ratio**0.5)), max(1, round(side / ratio**0.5))
            if rows > height or columns > width:
                continue
            for top in naive_starts(height, rows, step):
                for left in naive_starts(width, columns, step):
                    boxes.append([top, left, top + rows, left + columns])
    return boxes


def naive_starts(size, box, step):
    """The fewest places from border to border whose distance is at most the step, or one pixel more by rounding."""
    count = 1
    while (size - box) > (count - 1) * max(1, int(step * box)):
        count += 1
    return [k * (size - box) // max(count - 1, 1) for k in range(count)]


cases = st.tuples(
    st.integers(1, 20), st.integers(1, 21), st.lists(st.integers(1, 12), max_size=3),
    st.lists(st.sampled_from((0.3, 0.5, 1, 2, 3.7)), max_size=3), st.sampled_from((0.01, 0.25, 0.5, 1, 1.5)),
)  # fmt: skip


@given(cases)
def test_where_they_stand(case):
    boxes = sliding_windows(*case)
    assert boxes.dtype == np.int32 and boxes.shape[1] == 4
    assert boxes.tolist() == naive_windows(*case)


@given(st.integers(1, 20), st.integers(1, 21), st.integers(1, 12), st.sampled_from((0.1, 0.5, 1)))
def test_every_pixel_is_covered(height, width, side, step):
    covered = np.zeros((height, width), bool)
    for top, left, bottom, right in sliding_windows(height, width, [side], step=step):
        assert 0 <= top < bottom <= height and 0 <= left < right <= width
        covered[top:bottom, left:right] = True
    assert covered.all() == (side <= min(height, width))


@pytest.mark.parametrize(
    "arguments", [(0, 5, [3]), (5, 5, [0]), (5, 5, [2.5]), (5, 5, [3], (0,)), (5, 5, [3], (1,), 0), (5, 5, [3], (-1,))]
)
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match="sliding_windows: expected"):
        sliding_windows(*arguments)

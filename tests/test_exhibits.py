"""Each bug of the museum looks right somewhere, and is caught; what is ours passes; weak checks are shown up."""

from copy import copy

import numpy as np
import pytest
from exhibits import boxes, checks, convolution, detections, geometry, overlaps, pooling, scales
from exhibits.room import Room

MODULES = (geometry, pooling, convolution, boxes, overlaps, detections, scales)
ROOMS = {name: room for module in MODULES for name, room in vars(module).items() if isinstance(room, Room)}
EXHIBITS = [
    pytest.param(room, broken, arguments, id=broken.__name__)
    for room in ROOMS.values()
    for broken, arguments in room.exhibits
]
# A bug may give a wrong answer or crash; a NameError or TypeError would be our own slip.
CAUGHT = (AssertionError, ValueError, IndexError)


def same(a, b):
    a, b = (result if isinstance(result, tuple) else (result,) for result in (a, b))
    return len(a) == len(b) and all(np.array_equal(left, right) for left, right in zip(a, b, strict=True))


@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS.keys())
def test_ours_passes(room):
    room.holds(room.ours)


@pytest.mark.parametrize(("room", "broken", "arguments"), EXHIBITS)
def test_the_bug_can_hide(room, broken, arguments):
    broken = copy(broken)  # one exhibit remembers what it saw
    assert same(broken(*arguments), room.ours(*arguments))


@pytest.mark.parametrize(("room", "broken", "arguments"), EXHIBITS)
def test_the_bug_is_caught(room, broken, arguments):
    with pytest.raises(CAUGHT):
        room.holds(copy(broken))


@pytest.mark.parametrize(("check", "broken", "holds"), checks.CHECKS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_weak_check_lets_its_bug_through(check, broken, holds):
    check(broken)
    with pytest.raises(CAUGHT):
        holds(broken)


def test_symmetric_padding_crashes_on_the_papers_own_map():
    """Where the padding exceeds half the kernel; 13 cells in 6 bins are ZF-5's. Ours cuts all of them."""

    def crashes(size, bins):
        try:
            geometry.kernel_with_symmetric_padding(size, bins)
        except ValueError:
            return True
        return False

    assert [size for size in range(4, 40) if crashes(size, 4)] == [5, 9]
    assert [size for size in range(6, 40) if crashes(size, 6)] == [7, 8, 9, 13, 14, 15, 19, 25]
    with pytest.raises(ValueError, match="pad < kernel"):
        geometry.crash_at_height_one(1, 2)

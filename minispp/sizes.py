"""Which size each picture of an epoch is trained at: the four plans behind "one set of weights, many sizes".

A plan is a small immutable object. ``plan.draw(epoch, count, rng)`` gives the side in pixels of each of the
`count` samples of an epoch, in the order in which they are visited; ``plan.largest`` is the side at which a net
trained with it is tested. The training loop knows nothing else about sizes.

The side changes the resolution at which a region of the picture is seen, never the region (paper, section 2.3).
"""

from dataclasses import dataclass

import numpy as np

from minispp.windows import require_positive


@dataclass(frozen=True)
class Single:
    """One size throughout.

    Examples
    --------
    >>> Single(224).draw(epoch=0, count=3, rng=None).tolist()
    [224, 224, 224]
    """

    size: int

    def __post_init__(self):
        require_positive("Single", size=self.size)

    @property
    def largest(self):
        """The side to test at."""
        return self.size

    def draw(self, epoch, count, rng):
        """The side of each sample of this epoch."""
        return np.full(count, self.size)


@dataclass(frozen=True)
class Alternating:
    """A full epoch at each size in turn: the paper's 224, 180, 224, ... (section 2.3).

    Examples
    --------
    >>> plan = Alternating((224, 180))
    >>> [plan.draw(epoch, 2, None).tolist() for epoch in range(3)]
    [[224, 224], [180, 180], [224, 224]]
    """

    sizes: tuple

    def __post_init__(self):
        object.__setattr__(self, "sizes", tuple(self.sizes))
        _require_sizes("Alternating", self.sizes)

    @property
    def largest(self):
        """The side to test at."""
        return max(self.sizes)

    def draw(self, epoch, count, rng):
        """The side of each sample of this epoch."""
        return np.full(count, self.sizes[epoch % len(self.sizes)])


@dataclass(frozen=True)
class Random:
    """One size an epoch, drawn uniformly from ``low .. high``: the paper's variant with [180, 224].

    Examples
    --------
    >>> sides = Random(180, 224).draw(0, 4, np.random.default_rng(0))
    >>> len(set(sides.tolist())), 180 <= sides[0] <= 224
    (1, np.True_)
    """

    low: int
    high: int

    def __post_init__(self):
        _require_range("Random", self.low, self.high)

    @property
    def largest(self):
        """The side to test at."""
        return self.high

    def draw(self, epoch, count, rng):
        """The side of each sample of this epoch."""
        return np.full(count, rng.integers(self.low, self.high, endpoint=True))


@dataclass(frozen=True)
class Mixed:
    """Each sample draws its own size from a list, so that one step of the optimiser sees several.

    A mini-batch becomes one group for each size in it. Their gradients add up before the step.

    Examples
    --------
    >>> Mixed((72, 96)).draw(0, 6, np.random.default_rng(1)).tolist()
    [72, 96, 96, 96, 72, 72]
    """

    sizes: tuple

    def __post_init__(self):
        object.__setattr__(self, "sizes", tuple(self.sizes))
        _require_sizes("Mixed", self.sizes)

    @property
    def largest(self):
        """The side to test at."""
        return max(self.sizes)

    def draw(self, epoch, count, rng):
        """The side of each sample of this epoch."""
        return rng.choice(self.sizes, count)


def _require_sizes(where, sizes):
    if not sizes:
        raise ValueError(f"{where}: expected at least one size, got none")
    for size in sizes:
        require_positive(where, size=size)


def _require_range(where, low, high):
    require_positive(where, low=low, high=high)
    if low > high:
        raise ValueError(f"{where}: expected low <= high, got {low} and {high}")

"""Small pictures first, then larger ones: the plan of the how-to."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Growing:
    """From one side to another in equal steps, one for each of the first `epochs` epochs; then the last one.

    Examples
    --------
    >>> plan = Growing(64, 96, epochs=3)
    >>> [int(plan.draw(epoch, 1, None)[0]) for epoch in range(5)]
    [64, 80, 96, 96, 96]
    """

    first: int
    last: int
    epochs: int

    def __post_init__(self):
        if not 1 <= self.first <= self.last or self.epochs < 2:
            raise ValueError(f"Growing: expected 1 <= first <= last and at least 2 epochs, got {self}")

    @property
    def largest(self):
        """The side to test at."""
        return self.last

    def draw(self, epoch, count, rng):
        """The side of each sample of this epoch."""
        done = min(epoch, self.epochs - 1)
        return np.full(count, self.first + done * (self.last - self.first) // (self.epochs - 1))

"""Blocks of memory that arrays have left and others will take: the bookkeeping of `cpu.memory` and `gpu.memory`.

A training step makes the same large arrays again and again. So a large array is a *loan* of a block: when it and every
view of it have died, its block waits here for the next array of about that size.

What is kept is bounded without a setting: blocks that wait, together with those on loan, never take more than those on
loan have taken at once. So the peak of a program is that of its arrays, whatever their sizes; beyond it, the block that
has waited longest goes back.
"""

from threading import Lock


class Blocks:
    """The blocks that wait, those that have waited longest first, and the sums that bound them.

    Methods are called by who holds the lock. A loan may end at any moment, also in the middle of a method when
    the garbage collector runs; it only appends to `waiting`, which shifts nothing.

    Parameters
    ----------
    make : function
        ``make(size)`` is a new block: a line of `size` bytes.

    Examples
    --------
    >>> import numpy as np
    >>> blocks = Blocks(lambda size: np.empty(size, np.uint8))
    >>> a, b = blocks.lend(100), blocks.lend(60)
    >>> blocks.waiting.append(a)  # what was in it has died
    >>> blocks.lend(80) is a, blocks.total
    (True, 160)
    """

    def __init__(self, make):
        self.make = make
        self.lock = Lock()
        self.waiting = []
        self.total = 0  # bytes of all blocks, waiting or on loan
        self.most_on_loan = 0

    def lend(self, size):
        """The smallest block that holds `size` bytes, but not twice as many; a new one if none waits."""
        fitting = [
            (block.size, -position) for position, block in enumerate(self.waiting) if size <= block.size <= 2 * size
        ]
        if fitting:
            block = self.waiting.pop(-min(fitting)[1])  # of equals the last to come, which may still be in cache
        else:
            block = self.make(size)
            self.total += size
        on_loan = self.total - sum(block.size for block in self.waiting)
        self.most_on_loan = max(self.most_on_loan, on_loan)
        self.shrink(self.most_on_loan)
        return block

    def shrink(self, limit):
        """Let go of those that have waited longest, until no more than `limit` bytes are held or none wait."""
        while self.waiting and self.total > limit:
            self.total -= self.waiting.pop(0).size

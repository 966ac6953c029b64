"""How long each stage took, in one place: what every command of `minispp detect` reports."""

from contextlib import contextmanager
from time import perf_counter


class Stages:
    """Seconds by stage, in the order in which the stages were first entered.

    Examples
    --------
    >>> stages = Stages()
    >>> for _ in range(3):
    ...     with stages("pool"):
    ...         pass
    >>> list(stages.seconds), stages.seconds["pool"] >= 0
    (['pool'], True)
    """

    def __init__(self):
        self.seconds = {}

    @contextmanager
    def __call__(self, name):
        """A context whose time is added to that of a stage."""
        self.seconds.setdefault(name, 0.0)
        started = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += perf_counter() - started

    def __str__(self):
        total = sum(self.seconds.values())
        each = [f"{name} {seconds:.1f} s" for name, seconds in self.seconds.items()]
        return ", ".join(each) + f"; {total:.1f} s in all"

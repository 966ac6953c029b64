"""What a check found, in words and in numbers."""

from dataclasses import dataclass, field

import numpy as np

SHOWN = 5  # findings of one kind about one array that are worth reading


@dataclass(frozen=True)
class Finding:
    """One thing the check found.

    Attributes
    ----------
    kind : str
        "gradient" (central differences disagree), "adjoint" (they disagree exactly, on a line where f is
        linear), "ties" (entries right one by one, wrong when moved together), "kink" (no derivative here, and
        backward's value lies between the one-sided ones: not an error), or a broken contract: "random",
        "modified", "non-finite", "dtype", "shape", "missing", "accumulate", "layout", "not linear".
    where : str
        "x", the name of a parameter, or "forward".
    text : str
        The whole story in one line.
    index : tuple of int or None
        The entry of `where` (of the output, for "non-finite" in forward).
    together : tuple of tuple of int
        For "ties": every entry of the smallest set found that shows the error.
    analytic, numeric, relative : float or None
        What backward says, what was measured, and |difference| / max(|analytic|, |numeric|).
    """

    kind: str
    where: str
    text: str
    index: tuple[int, ...] | None = None
    together: tuple[tuple[int, ...], ...] = ()
    analytic: float | None = None
    numeric: float | None = None
    relative: float | None = None

    def __str__(self):
        return f"{self.where}{list(self.index) if self.index else ''}: {self.text}"


@dataclass
class Tally:
    """How one array was checked: number of directions and of single indices, the worst relative error that passed.

    `alive` is False as long as no measured slope differed from 0: then nothing was proved.
    """

    shape: tuple[int, ...]
    directions: int = 0
    indices: int = 0
    linear: int = 0
    worst: float = 0.0
    alive: bool = False

    def __str__(self):
        exact = "" if not self.linear else f", {self.linear} of these on lines where f is linear (exact)"
        indices = "" if not self.indices else f" and {self.indices} single indices"
        return f"{self.shape}: {self.directions} directions{indices}{exact}; worst that passed {self.worst:.0e}"


@dataclass
class Report:
    """The outcome of ``check_layer``: `errors`, `kinks`, `notes` and what was looked at in `tally`.

    Raises nothing by itself: read ``ok``, print it, or call ``raise_if_failed()``.
    """

    name: str
    errors: list[Finding] = field(default_factory=list)
    kinks: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tally: dict[str, Tally] = field(default_factory=dict)
    forwards: int = 0

    @property
    def ok(self):
        """True if nothing but kinks was found."""
        return not self.errors

    def error(self, kind, where, text, **numbers):
        """Add an error."""
        self.errors.append(Finding(kind, where, text, **numbers))

    def failed(self, where):
        """True if `where` already has an error."""
        return any(finding.where == where for finding in self.errors)

    def raise_if_failed(self):
        """Raise ValueError with the whole report if there is an error; otherwise return the report."""
        if not self.ok:
            raise ValueError(str(self))
        return self

    def __str__(self):
        count = f"{len(self.errors)} error{'s' * (len(self.errors) != 1)}"
        verdict = "backward is the derivative of forward" if self.ok else count
        lines = [f"{self.name}: {verdict} ({self.forwards} forward passes)"]
        lines += [f"  ERROR [{finding.kind}] {finding}" for finding in self.errors]
        lines += [f"  kink, not an error: {finding}" for finding in self.kinks[:SHOWN]]
        if len(self.kinks) > SHOWN:
            lines.append(f"  and {len(self.kinks) - SHOWN} more kinks")
        lines += [f"  checked {name} {tally}" for name, tally in self.tally.items()]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def index_of(flat, shape):
    """Index tuple, in plain ints, of a flat position.

    Examples
    --------
    >>> index_of(5, (2, 3))
    (1, 2)
    """
    return tuple(int(i) for i in np.unravel_index(int(flat), shape))

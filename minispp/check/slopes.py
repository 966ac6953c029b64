"""The slope of <dy, f> along one direction, measured from f alone, and held against what backward says.

``move(t)`` is f(x + t v), flat, in float64. Slopes are taken for every output by itself and projected on dy
last. So an output that t does not touch adds no rounding noise, and one output with a kink does not spoil the
others.
"""

from dataclasses import dataclass

import numpy as np

EPS = np.finfo(np.float64).eps
RUNGS = (1.0, 1e-1, 1e-2, 1e-3)  # the ladder of steps, in units of the largest
EXACT = 1e-10  # relative tolerance on a line where f is linear: rounding of long sums only
STRAIGHT = 1e-12  # how straight such a line has to be, relative to its outputs
GOLDEN = 0.6180339887498949  # the second probe of a line; not a fraction, so no period of f can hide there


@dataclass(frozen=True)
class Slope:
    """Backward's slope against the measured one.

    `low` and `high` bound what the one-sided derivatives allow, and are equal where f is smooth. `verdict` is
    "ok", "error", "kink" (not differentiable here, analytic between low and high), or "branches" (outside of
    them, but explained by kinks inside the layer: see `Point`). `linear`: f is linear along the line, and the
    numbers are exact. `scale`: the size of the terms, which errors are held against. `kinks`: flat indices of
    the outputs that have one.
    """

    verdict: str
    analytic: float
    numeric: float
    low: float
    high: float
    linear: bool
    scale: float
    kinks: np.ndarray

    @property
    def relative(self):
        """|analytic - numeric| / max(|analytic|, |numeric|); 0 if both are 0."""
        size = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / size if size else 0.0


def measure(move, y, dy, parts, *, step, tolerance, line=True):
    """Compare sum(parts) with d/dt <dy, f(x + t v)> at t = 0.

    First, if `line`, the adjoint identity: where f is linear along the whole line, a step of any size is
    exact. Else ``(4 C(h) - C(2h)) / 3`` with ``C(h) = (f(x + hv) - f(x - hv)) / 2h``, whose error is O(h^4),
    for h = step, step/10, step/100, step/1000. Smaller steps cross fewer kinks and round worse; agreement at
    one step is enough, because a wrong number does not meet a measured one to 1e-6 by chance. If none agrees,
    each output takes the step at which it was most settled, and outputs whose one-sided slopes stay apart
    down to the last step are kinks.

    Parameters
    ----------
    move : callable
        t -> f(x + t v), shape (K,).
    y, dy : (K,) arrays
        f(x), and the upstream gradient.
    parts : array
        Backward's gradient times v, entry by entry: its sum is the analytic slope, its norm the scale of the
        error.
    step : float
        Largest t of the ladder.
    tolerance : float
        Largest relative error.
    line : bool
        Whether to try the whole line first.

    Returns
    -------
    Slope

    Examples
    --------
    >>> x, v, dy = np.array([1.0, 2.0]), np.array([1.0, -1.0]), np.array([3.0, 5.0])
    >>> def move(t):
    ...     return (x + t * v) ** 2
    >>> slope = measure(move, move(0), dy, dy * 2 * x * v, step=1e-3, tolerance=1e-6)
    >>> slope.verdict, round(slope.numeric, 9)
    ('ok', -14.0)
    >>> measure(move, move(0), dy, 1.001 * dy * 2 * x * v, step=1e-3, tolerance=1e-6).verdict
    'error'
    """
    analytic, size = float(np.sum(parts)), float(np.linalg.norm(parts))

    def scale(rates):
        return max(abs(analytic), abs(float(dy @ rates)), float(np.linalg.norm(dy * rates)), size)

    def rounding(noise):
        return 4 * float(np.linalg.norm(dy * noise))

    def smooth(verdict, rates, linear):
        numeric = float(dy @ rates)
        return Slope(verdict, analytic, numeric, numeric, numeric, linear, scale(rates), np.empty(0, int))

    rates = _rates_on_line(move, y) if line else None
    if rates is not None:
        slack = EXACT * scale(rates) + rounding(4 * EPS * np.abs(y) * (rates != 0))
        return smooth("ok" if abs(analytic - float(dy @ rates)) <= slack else "error", rates, True)

    settled, doubts = np.full(y.shape, np.nan), np.full(y.shape, np.inf)
    with np.errstate(all="ignore"):
        for h in step * np.array(RUNGS):
            ahead, behind, far, back = move(h), move(-h), move(2 * h), move(-2 * h)
            near, wide = (ahead - behind) / (2 * h), (far - back) / (4 * h)
            rates = (4 * near - wide) / 3
            noise = EPS / h * (np.abs(ahead) + np.abs(behind)) * ((ahead != behind) | (far != back))
            near_enough = abs(analytic - float(dy @ rates)) <= tolerance * scale(rates) + rounding(noise)
            if near_enough and np.isfinite(rates).all():
                return smooth("ok", rates, False)
            doubt = np.abs(near - wide) + noise
            settled, doubts = np.where(doubt < doubts, rates, settled), np.fmin(doubt, doubts)
        # One-sided slopes at the last, smallest step, with their O(h) error taken out.
        up, down = 2 * (ahead - y) / h - (far - y) / (2 * h), 2 * (y - behind) / h - (y - back) / (2 * h)
        kinked = np.abs(up - down) > 1e-4 * (np.abs(up) + np.abs(down)) + 32 * noise
        settled = np.where(kinked, (up + down) / 2, settled)
        low = float(np.sum(np.where(kinked, np.minimum(dy * up, dy * down), dy * settled)))
        high = float(np.sum(np.where(kinked, np.maximum(dy * up, dy * down), dy * settled)))
        slack = tolerance * scale(settled) + rounding(noise * kinked)
    inside = np.isfinite(slack) and low - slack <= analytic <= high + slack  # False if anything is NaN
    verdict = "error" if not inside else "kink" if kinked.any() else "ok"
    nearest = float(min(max(analytic, low), high))
    return Slope(verdict, analytic, nearest, low, high, False, scale(settled), np.flatnonzero(kinked))


def _rates_on_line(move, y):
    """Slope of every output if f is linear along the line from x - v to x + v, else None."""
    try:
        with np.errstate(all="ignore"):
            ahead, behind, far, back = move(GOLDEN), move(-GOLDEN), move(1.0), move(-1.0)
            slopes = np.stack([(ahead - y) / GOLDEN, (y - behind) / GOLDEN, far - y, y - back])
            size = max((float(np.max(np.abs(a), initial=0)) for a in (y, far, back)), default=0.0)
            straight = np.isfinite(slopes) & (np.ptp(slopes, axis=0) <= STRAIGHT * size)
    except (ValueError, ArithmeticError, AssertionError, Warning):
        return None  # x + v is no input of this layer: then f is not linear, and smaller steps decide
    return (far - back) / 2 if straight.all() else None


def smallest_failing(entries, fails, budget=150):
    """The smallest part of `entries` found for which ``fails`` is still true (delta debugging).

    One wrong entry is found by halving, in about 2 log2(n) calls. Where only several entries moved together
    show the error, as with a tie, whole chunks are left out instead, ever smaller ones.

    Parameters
    ----------
    entries : (n,) int array
        A set for which ``fails`` is true.
    fails : callable
        int array -> bool.
    budget : int
        Number of calls after which the search stops with what it has.

    Examples
    --------
    >>> smallest_failing(np.arange(1000), lambda part: 617 in part).tolist()
    [617]
    >>> smallest_failing(np.arange(50), lambda part: 3 in part and 41 in part).tolist()
    [3, 41]
    """
    chunks = 2
    while len(entries) > 1 and budget > 0:
        pieces = np.array_split(entries, chunks)
        rests = [np.concatenate(pieces[:i] + pieces[i + 1 :]) for i in range(chunks)] if chunks > 2 else []
        for number, part in enumerate(pieces + rests):
            budget -= 1
            if fails(part):
                entries, chunks = part, 2 if number < len(pieces) else max(chunks - 1, 2)
                break
        else:
            if chunks >= len(entries):
                break
            chunks = min(2 * chunks, len(entries))
    return entries

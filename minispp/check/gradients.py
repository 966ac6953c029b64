"""check_layer: the contract, then slopes, at the point given, at a generic one nearby and at one full of ties."""

from itertools import combinations

import numpy as np
from tqdm import tqdm

from minispp.check.contract import check_contract, upstream
from minispp.check.report import SHOWN, Finding, Report, Tally, index_of
from minispp.check.slopes import measure, smallest_failing
from minispp.check.subject import Subject

FEW = 300  # entries up to which a suspicious array is measured at every index without being asked
SETS = 3  # in larger arrays: how many separate smallest sets of wrong entries are searched for


def check_layer(
    layer,
    x,
    *args,
    every_index=False,
    directions=3,
    step=1e-3,
    tolerance=1e-6,
    seed=0,
    linear=None,
    ties=True,
    before=None,
):
    """Check ``layer.backward`` against ``layer.forward``, in float64, for x and for every parameter.

    With s(x, w) = <dy, f(x, w)> and a non-uniform random dy: ds/dx . v = <dx, v> and ds/dw . v = <dw, v>, along random
    v; where they differ, the entries that are wrong. The layer's values and gradients are put back, bit for bit.

    Parameters
    ----------
    layer : object
        With ``forward(x, *args) -> y`` and ``backward(dy) -> dx`` (a loss: ``backward()``), and perhaps ``params()``:
        objects with ``name``, ``value`` and ``grad`` (None or an array, which backward adds to). A whole net too.
    x : array of real numbers
        Any shape and layout. Best without repeated values and not at a kink; a copy with ties is made besides.
    *args
        Passed on to forward: labels, a table of windows.
    every_index : bool
        Measure every single entry of x and of every parameter, not only those of arrays that look wrong.
    directions : int
        Number of random directions per array.
    step : float
        Largest step of the central differences, relative to the spread of the array.
    tolerance : float
        Largest relative error of a central difference. Where f is linear along a line the tolerance is 1e-10.
    seed : int
        Of the directions and of dy.
    linear : bool or None
        True: it is an error if f is not linear in x (up to a constant). False: do not look for lines on which f is
        linear. None: use them where they are found.
    ties : bool
        Also check at a copy of x with only four different values.
    before : callable or None
        Called before every forward; for a layer that counts its forwards, as dropout may.

    Returns
    -------
    Report
        ``.ok``, ``.errors``, ``.kinks``; ``print`` it; ``.raise_if_failed()``.

    Raises
    ------
    ValueError
        If the layer or x cannot be checked at all: no forward, x not finite, float32 values that cannot be replaced.

    Examples
    --------
    >>> class Cube:
    ...     def forward(self, x):
    ...         self.saved = x
    ...         return x**3
    ...     def backward(self, dy):
    ...         return 2 * dy * self.saved**2
    >>> report = check_layer(Cube(), np.array([1.0, 2.0, -0.5]))
    >>> report.ok
    False
    >>> print(report.errors[0])
    x[1]: analytic 6.64095694, numeric 9.96143541, relative error 3.3e-01 (3 of 3 entries wrong: backward gives \
0.666667 times the measured slope)
    """
    rng = np.random.default_rng(seed)
    with Subject(layer, x, args, before) as subject:
        report = Report(_name(layer))
        names = check_contract(subject, report, rng)
        settings = {"step": step, "tolerance": tolerance, "linear": linear}
        if names:
            given = Point(subject, report, rng, settings)
            for name in tqdm(names, desc=f"checking {report.name}", delay=2, leave=False):
                given.check(name, ["random"] * directions + ["ties", "shift", "radial"], every_index)
            _check_nearby(subject, report, rng, settings, names, directions, ties)
        report.forwards = subject.forwards
    return report


def _name(layer):
    text = repr(layer)
    return type(layer).__name__ if text.startswith("<") or "\n" in text else text


def _check_nearby(subject, report, rng, settings, names, directions, ties):
    """Two more points: a generic one, if the given one hides errors behind symmetry or kinks, and one full of ties."""
    start = {name: value.copy() for name, value in subject.values.items()}
    generic = {name: value + 0.1 * spread(value) * upstream(rng, value.shape) for name, value in start.items()}
    hidden = report.kinks or any(np.unique(v).size < v.size or not v.any() for v in start.values())
    points = [("at a generic point nearby", generic, names, ["random"] * directions)] if hidden else []
    if ties and start["x"].size > 1 and "x" in names:
        base = start["x"] if np.unique(start["x"]).size >= 8 else generic["x"]
        points.append(("at a copy of x with ties", {"x": _tied(base)}, ["x"], ["ties", "ties", "shift", "radial"]))
    for where, values, looked_at, kinds in points:
        try:
            subject.place({**start, **values})
            point = Point(subject, report, rng, settings, where)
            if not all(np.isfinite(a).all() for a in (point.y, *point.grads.values())):
                raise ValueError("not finite")
            for name in looked_at:
                if not report.failed(name):
                    point.check(name, kinds, False)
        except (ValueError, ArithmeticError, Warning) as error:
            report.notes.append(f"not checked {where}: forward or backward gave {error}")
    subject.place(start)


def _tied(x):
    """x with each entry replaced by the nearest of four of its own values, none of them 0, where ReLU has its kink."""
    values = np.unique(x[x != 0])
    palette = values[np.linspace(0, values.size - 1, 6).astype(int)[1:-1]]
    return palette[np.abs(x[..., None] - palette).argmin(axis=-1)]


def spread(a):
    """The natural size of a move of array a: its standard deviation; its size if it is constant; 1 if it is 0."""
    size = float(np.max(np.abs(a), initial=0.0))
    deviation = float(np.std(a)) if a.size > 1 else 0.0
    return deviation if deviation > 1e-3 * size else size or 1.0


class Point:
    """The layer at one point: y, a dy, the gradients backward gives, and the slopes that are measured against them."""

    def __init__(self, subject, report, rng, settings, where=""):
        self.subject, self.report, self.rng, self.where = subject, report, rng, where
        self.step, self.tolerance, self.linear = settings["step"], settings["tolerance"], settings["linear"]
        shape = np.shape(subject.call())
        dy = np.ones(()) if subject.takes_no_dy() else upstream(rng, shape)
        given = subject.gradients(dy)
        self.absent = {name for name, grad in given.items() if grad is None}
        self.grads = {k: np.zeros_like(subject.values[k]) if g is None else g for k, g in given.items()}
        self.y, self.dy, self.y_shape = subject.output(), dy.ravel(), shape
        self.line = dict.fromkeys(self.grads, self.linear is not False)

    def slope(self, name, v, line=None):
        """Backward's slope of array `name` along v against the measured one."""
        return measure(
            lambda t: self.subject.output(name, t * v),
            self.y,
            self.dy,
            self.grads[name] * v,
            step=self.step,
            tolerance=self.tolerance,
            line=self.line[name] if line is None else line,
        )

    def check(self, name, kinds, every_index):
        """Look along the kinds of directions; where something is wrong, or on demand, at single entries."""
        value = self.subject.values[name]
        tally = self.report.tally.setdefault(name, Tally(value.shape))
        wrong = kink = None
        for kind in kinds:
            v = self._direction(kind, value)
            if v is None:
                continue
            slope = self.slope(name, v, line=self.linear is not False if kind == "radial" else None)
            tally.directions += 1
            tally.linear += slope.linear
            if kind == "random" and not slope.linear:
                self.line[name] = False  # do not try the whole line at every single index
                if name == "x" and self.linear and slope.verdict != "error":
                    self.report.error("not linear", "x", "linear=True was given, but f is not linear in x")
                    return
            if slope.verdict == "error":
                wrong = (kind, v, slope)
                break
            if slope.verdict == "kink":
                kink = slope
            else:
                tally.worst = max(tally.worst, abs(slope.analytic - slope.numeric) / (slope.scale or 1.0))
        few = value.size <= FEW and (wrong is not None or kink is not None)
        found = self._every_index(name) if every_index or (few and not (wrong is None and self.where)) else False
        if wrong is not None and not found:
            self._together(name, *wrong)
        elif kink is not None and not self.where and not (few or every_index):
            at = list(index_of(kink.kinks[0], self.y_shape))
            text = f"{kink.kinks.size} outputs have no derivative along a random direction, the first at {at}"
            self._kink(name, text, kink)

    def _direction(self, kind, value):
        if kind == "random":
            return spread(value) * upstream(self.rng, value.shape) if value.size else None
        if kind == "radial":  # Euler: linear along it if f(ax) = a f(x) for a > 0, kinks and ties or not
            return value.copy() if value.any() else None
        values, which = np.unique(value, return_inverse=True)
        if values.size == value.size:
            return None
        if kind == "shift":
            return np.full(value.shape, spread(value))
        # Equal entries move together, so ties stay ties and a maximum is smooth. 0 stays: ReLU has its kink there.
        v = np.where(values == 0, 0.0, spread(value) * upstream(self.rng, values.shape))[which].reshape(value.shape)
        return v if v.any() else None

    def _every_index(self, name):
        """Measure every entry by itself. Returns whether any was wrong."""
        value, tally = self.subject.values[name], self.report.tally[name]
        unit, numeric, wrong = spread(value), np.zeros(value.size), []
        for i in tqdm(range(value.size), desc=f"every index of {name}", delay=2, leave=False):
            v = np.zeros(value.size)
            v[i] = unit
            slope = self.slope(name, v.reshape(value.shape))
            numeric[i] = slope.numeric / unit
            if slope.verdict == "error":
                wrong.append((slope.relative, i, slope))
            elif slope.verdict == "kink" and not self.where:
                text = f"analytic {slope.analytic / unit:.9g} lies between the slopes {slope.low / unit:.9g} and "
                self._kink(name, text + f"{slope.high / unit:.9g} of the two sides", slope, index_of(i, value.shape))
            elif slope.verdict == "ok":
                tally.worst = max(tally.worst, abs(slope.analytic - slope.numeric) / (slope.scale or 1.0))
        tally.indices += value.size
        if not wrong:
            return False
        hint = self._hint(name, numeric.reshape(value.shape), [i for _, i, _ in wrong])
        more = f" ({len(wrong)} of {value.size} entries wrong{hint})"
        wrong.sort(key=lambda item: -abs(item[2].analytic - item[2].numeric))
        for _, i, slope in wrong[:SHOWN]:
            self._error(name, slope, unit, [i], more)
        return True

    def _hint(self, name, numeric, wrong):
        """What the wrong numbers look like: a factor, swapped axes, nothing at all."""
        analytic = self.grads[name]
        if not analytic.any():
            return ": backward gives 0 everywhere"
        for a, b in combinations(range(analytic.ndim), 2):
            if analytic.shape[a] == analytic.shape[b] > 1:
                if np.allclose(analytic, numeric.swapaxes(a, b), rtol=1e-5, atol=1e-6 * np.abs(numeric).max()):
                    return f": right if axes {a} and {b} are swapped"
        if len(wrong) > 1 and numeric.ravel()[wrong].all():
            ratio = analytic.ravel()[wrong] / numeric.ravel()[wrong]
            if np.ptp(ratio) <= 1e-6 * np.abs(ratio).max():
                return f": backward gives {ratio[0]:.6g} times the measured slope"
        return ""

    def _together(self, name, kind, v, slope):
        """A direction is wrong and no single entry was found, or there are many: search the smallest wrong sets."""
        shape = v.shape

        def part_of(entries):
            part = np.zeros(v.size)
            part[entries] = v.ravel()[entries]
            return part.reshape(shape)

        def fails(entries):
            return self.slope(name, part_of(entries), line=False).verdict == "error"

        left, found = np.flatnonzero(v), 0
        while found < SETS and left.size and fails(left):
            entries = smallest_failing(left, fails)
            part = part_of(entries)
            unit = float(np.abs(part).max())
            self._error(name, self.slope(name, part, line=False), unit, entries, "")
            left, found = np.setdiff1d(left, entries), found + 1
            if entries.size > 1:
                break  # entries are wrong only together: more such sets would tell the same story
        if not found:  # too small an error for differences, or one that only the whole line shows
            self._error(name, slope, 1.0, [], f" along the {kind} direction")

    def _error(self, name, slope, unit, entries, more):
        value, analytic, numeric = self.subject.values[name], slope.analytic / unit, slope.numeric / unit
        indices = tuple(index_of(i, value.shape) for i in entries)
        text = f"analytic {analytic:.9g}, numeric {numeric:.9g}, relative error {slope.relative:.1e}{more}"
        kind = "adjoint" if slope.linear else "gradient"
        if name in self.absent:
            kind, text = "missing", f"backward left grad None; {text}"
        elif len(indices) > 1:
            equal = np.unique(value.ravel()[entries]).size == 1
            kind = "ties" if equal else kind
            cells = ", ".join(str(list(i)) for i in indices[:SHOWN]) + ("" if len(indices) <= SHOWN else ", ...")
            what = f"{len(indices)} equal entries" if equal else f"{len(indices)} entries"
            text += f" when {what} move together: {cells}"
            if equal and abs(analytic) > abs(numeric):
                text += "; is a tie counted more than once?"
        elif not indices and slope.linear:
            text = f"<dy, df> = {numeric:.12g} but <d{name}, v> = {analytic:.12g}: {text}"
        numbers = {"analytic": analytic, "numeric": numeric, "relative": slope.relative, "together": indices[1:] and indices}
        text += f", {self.where}" * bool(self.where)
        self.report.error(kind, name, text, index=indices[0] if indices else None, **numbers)

    def _kink(self, name, text, slope, index=None):
        self.report.kinks.append(Finding("kink", name, text, index=index, relative=slope.relative))

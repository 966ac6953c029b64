"""One point (x, parameters) of a layer: along which directions it is looked at, and which entries are wrong."""

from copy import copy
from dataclasses import replace
from itertools import combinations

import numpy as np
from tqdm import tqdm

from minispp.check.contract import upstream
from minispp.check.report import SHOWN, Finding, Tally, index_of
from minispp.check.slopes import measure, smallest_failing

FEW = 300  # entries up to which a suspicious array is measured at every index without being asked
SAMPLES = 32  # neighbours whose gradients say what a kink inside the layer may lead to
SETS = 3  # in larger arrays: how many separate smallest sets of wrong entries are searched for


def spread(a):
    """The natural size of a move of array a: its standard deviation; its size if it is constant; 1 if it is 0."""
    size = float(np.max(np.abs(a), initial=0.0))
    deviation = float(np.std(a)) if a.size > 1 else 0.0
    return deviation if deviation > 1e-3 * size else size or 1.0


def _near(a, b):
    return np.allclose(a, b, rtol=1e-5, atol=1e-6 * np.max(np.abs(b), initial=0))


class Point:
    """The layer at one point: y, a dy, the gradients backward gives, and the slopes that are measured against them."""

    def __init__(self, subject, report, rng, settings, where=""):
        self.subject, self.report, self.rng, self.where = subject, report, rng, where
        self.step, self.tolerance, self.linear = settings["step"], settings["tolerance"], settings["linear"]
        shape = np.shape(subject.call())
        dy = np.ones(()) if subject.takes_no_dy() else upstream(rng, shape)
        self.y, self.dy, self.y_shape = subject.output(), dy.ravel(), shape
        self.grads = self._gradients()
        self.neighbours = None  # drawn when a kink first asks for them
        self.line = dict.fromkeys(self.grads, self.linear is not False)

    def _gradients(self):
        grads = self.subject.gradients(self.dy.reshape(self.y_shape))
        self.absent = {name for name, grad in grads.items() if grad is None}
        return {k: np.zeros_like(self.subject.values[k]) if g is None else g for k, g in grads.items()}

    def slope(self, name, v, line=None):
        """Backward's slope of array `name` along v against the measured one."""
        slope = measure(
            lambda t: self.subject.output(name, t * v),
            self.y,
            self.dy,
            self.grads[name] * v,
            step=self.step,
            tolerance=self.tolerance,
            line=self.line[name] if line is None else line,
        )
        if slope.verdict == "error" and slope.kinks.size and self._branches(name, v, slope.analytic):
            return replace(slope, verdict="branches")
        return slope

    def _branches(self, name, v, analytic):
        """Whether backward may have come to `analytic` by taking one side of every kink inside the layer.

        Behind a kink inside (a ReLU at 0, a tie, within a net) slopes of either side can cancel or add up, and then a
        right backward need not lie between the one-sided slopes. The gradients at neighbours, each on some
        side of every kink, tell: few different values are all that there are, and analytic has to lie among them;
        many are too many combinations to draw, and nothing can be said here. The generic point nearby
        then decides, and along directions that keep ties, which are smooth, no kink excuses anything.
        """
        if self.neighbours is None:
            start = {key: value.copy() for key, value in self.subject.values.items()}
            self.neighbours = []
            for _ in range(SAMPLES):
                moves = {k: 1e-5 * spread(a) * upstream(self.rng, a.shape) for k, a in start.items()}
                self.subject.place({key: value + moves[key] for key, value in start.items()})
                self.neighbours.append(self._gradients())
            self.subject.place(start)
        slopes = np.array([np.sum(grads[name] * v) for grads in self.neighbours])
        low, width = slopes.min(), np.ptp(slopes)
        different = np.unique(np.round(1000 * (slopes - low) / (width or 1.0))).size
        # Neighbours lie a little off the point, so their slopes may too: a hundredth of the way is left to them.
        return different > SAMPLES // 4 or abs(analytic - low - width / 2) <= 0.51 * width

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
            tally.alive |= slope.numeric != 0
            if kind == "random" and not slope.linear:
                self.line[name] = False  # do not try the whole line at every single index
                if name == "x" and self.linear and slope.verdict != "error":
                    self.report.error("not linear", "x", "linear=True was given, but f is not linear in x")
                    return
            if slope.verdict == "error":
                wrong = (kind, v, slope)
                break
            if slope.verdict != "ok":
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
            self._kink(name, text, kink.analytic)

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
                wrong.append((i, slope))
            elif slope.verdict != "ok" and not self.where:
                how = "lies between them" if slope.verdict == "kink" else "is a choice of branches inside"
                text = f"slopes of the two sides {slope.low / unit:.9g} and {slope.high / unit:.9g}, "
                text += f"analytic {slope.analytic / unit:.9g} {how}"
                self._kink(name, text, slope.analytic / unit, index_of(i, value.shape))
            elif slope.verdict == "ok":
                tally.worst = max(tally.worst, abs(slope.analytic - slope.numeric) / (slope.scale or 1.0))
        tally.indices += value.size
        if not wrong:
            return False
        hint = self._hint(name, numeric.reshape(value.shape), [i for i, _ in wrong])
        more = f" ({len(wrong)} of {value.size} entries wrong{hint})"
        wrong.sort(key=lambda item: -abs(item[1].analytic - item[1].numeric))
        for i, slope in wrong[:SHOWN]:
            self._error(name, slope, unit, [i], more)
            more = ""  # once is enough
        return True

    def _hint(self, name, numeric, wrong):
        """What the wrong numbers look like: a factor, swapped axes, nothing at all."""
        analytic = self.grads[name]
        if not analytic.any():
            return ": backward gives 0 everywhere"
        for a, b in combinations(range(analytic.ndim), 2):
            turned = numeric.swapaxes(a, b)
            if turned.shape == analytic.shape and analytic.shape[a] > 1 and _near(analytic, turned):
                return f": right if axes {a} and {b} are swapped"
        if len(wrong) > 1 and numeric.ravel()[wrong].all():
            ratio = analytic.ravel()[wrong] / numeric.ravel()[wrong]
            if np.ptp(ratio) <= 1e-6 * np.abs(ratio).max():
                return f": backward gives {ratio[0]:.9g} times the measured slope"
        return ""

    def _together(self, name, kind, v, slope):
        """A direction is wrong, but no single entry, or there are many: search the smallest wrong sets."""

        def part_of(entries):
            part = np.zeros(v.size)
            part[entries] = v.ravel()[entries]
            return part.reshape(v.shape)

        near, left, found = self._at_one_output(name, v), np.flatnonzero(v), 0

        def fails(entries):
            return near.slope(name, part_of(entries), line=False).verdict == "error"

        while found < SETS and left.size and fails(left):
            entries = smallest_failing(left, fails)
            part = part_of(entries)
            more = "" if near is self else f" at output {list(index_of(np.argmax(near.dy != 0), self.y_shape))}"
            unit = float(part.ravel()[entries[0]])
            near._error(name, near.slope(name, part, line=False), unit, entries, more)
            left, found = np.setdiff1d(left, entries), found + 1
            if entries.size > 1:
                break  # entries are wrong only together: more such sets would tell the same story
        if not found:  # too small an error for differences, or one that only the whole line shows
            self._error(name, slope, 1.0, [], f" along the {kind} direction")

    def _at_one_output(self, name, v):
        """The point with a dy that has a single nonzero entry, at an output whose slope along v is wrong.

        Backward is linear in dy, so there is one. Ties that others hold in their own windows are then out of sight.
        """

        def only(outputs):
            near = copy(self)
            near.dy, near.neighbours = np.zeros(self.dy.shape), None
            near.dy[outputs] = self.dy[outputs]
            near.grads = near._gradients()
            return near

        def fails(outputs):
            return only(outputs).slope(name, v, line=False).verdict == "error"

        outputs = np.arange(self.dy.size)
        if self.subject.takes_no_dy() or not fails(outputs):
            return self
        outputs = smallest_failing(outputs, fails)
        return only(outputs) if outputs.size == 1 else self

    def _error(self, name, slope, unit, entries, more):
        value, analytic, numeric = self.subject.values[name], slope.analytic / unit, slope.numeric / unit
        indices = tuple(index_of(i, value.shape) for i in entries)
        text = f"analytic {analytic:.9g}, numeric {numeric:.9g}, relative error {slope.relative:.1e}{more}"
        if slope.low < slope.high:
            low, high = sorted((slope.low / unit, slope.high / unit))
            text += f"; a kink, and {low:.9g} to {high:.9g} would do"
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
        self.report.error(
            kind,
            name,
            text + f", {self.where}" * bool(self.where),
            index=indices[0] if indices else None,
            together=indices if len(indices) > 1 else (),
            analytic=analytic,
            numeric=numeric,
            relative=slope.relative,
        )

    def _kink(self, name, text, analytic, index=None):
        self.report.kinks.append(Finding("kink", name, text, index=index, analytic=analytic))

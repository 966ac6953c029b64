"""check_layer: the contract, then slopes, at the point given, at a generic one nearby and at one full of ties."""

import numpy as np
from tqdm import tqdm

from minispp.check.contract import check_contract, upstream
from minispp.check.point import Point, spread
from minispp.check.report import Report
from minispp.check.subject import Subject


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

    With s(x, w) = <dy, f(x, w)> and a non-uniform random dy: ds/dx . v = <dx, v> and ds/dw . v = <dw, v>,
    along random v; where they differ, the entries that are wrong. The layer's values and gradients are put
    back, bit for bit.

    Parameters
    ----------
    layer : object
        With ``forward(x, *args) -> y`` and ``backward(dy) -> dx`` (a loss: ``backward()``), and perhaps
        ``params()``: objects with ``name``, ``value`` and ``grad`` (None or an array, which backward adds
        to). A whole net too.
    x : array of real numbers
        Any shape and layout. Best without repeated values and not at a kink; a copy with ties is made
        besides.
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
        True: it is an error if f is not linear in x (up to a constant). False: do not look for lines on which
        f is linear. None: use them where they are found.
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
        If the layer or x cannot be checked at all: no forward, x not finite, float32 values that cannot be
        replaced.

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
    >>> finding = report.errors[0]
    >>> finding.kind, finding.where, finding.index
    ('gradient', 'x', (1,))
    >>> print(round(finding.analytic / finding.numeric, 9), report.errors[1].relative > 0.3)
    0.666666667 True
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
            for name, tally in report.tally.items():
                if tally.directions and not (tally.alive or report.failed(name)):
                    report.notes.append(
                        f"the output does not depend on {name} here, so nothing was proved: try another x"
                    )
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
            for name in tqdm(looked_at, desc=f"checking {report.name} {where}", delay=2, leave=False):
                if not report.failed(name):
                    point.check(name, kinds, False)
        except (ValueError, ArithmeticError, Warning) as error:
            report.notes.append(f"not checked {where}: forward or backward gave {error}")


def _tied(x):
    """Replace each entry by the nearest of four of x's own values, none of them 0, where ReLU has its kink."""
    values = np.unique(x[x != 0])
    palette = values[np.linspace(0, values.size - 1, 6).astype(int)[1:-1]]
    return palette[np.abs(x[..., None] - palette).argmin(axis=-1)]

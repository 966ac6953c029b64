"""Figures of speed: rates beside their limits, rooflines, caches; and what the order of a sum does to its bits."""

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from minispp.plot import style
from minispp.plot.style import BLUE, GREEN, GRID, INK, MUTED, ORANGE, PURPLE, RED, SKY, SMALL

LIMITS = ((RED, "-"), (GREEN, "--"), (PURPLE, "-."), (ORANGE, ":"))  # of lines, in turn
MARKERS = "osD^vPX*<>"


def speeds(rates, limits=None, unit="GFLOP/s", label=None):
    """A line for each way of doing something, a bar to its rate, on a logarithmic scale; limits as upright lines.

    Parameters
    ----------
    rates : dict of str to float
        In `unit`.
    limits : dict of str to float, optional
        What no way can pass, and why.
    unit, label : str
        Of the axis, and what is on it; "rate" if not given.

    Raises
    ------
    ValueError
        If there is no rate, or one is not above 0.

    Examples
    --------
    >>> figure = speeds({"loops": 0.01, "products": 150.0}, {"peak": 200.0})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['0.01', '150']
    """
    if not rates or min(rates.values()) <= 0:
        raise ValueError(f"speeds: expected rates above 0, got {rates}")
    limits = limits or {}
    rows = np.arange(len(rates))
    figure, ((axes,),) = style.new_figure(1, 1, height=0.34 * len(rates) + 0.24 * len(limits) + 0.75)
    shown = [*rates.values(), *limits.values()]
    low, high = min(shown) / 2.2, max(shown) * 2.6
    for row, value in zip(rows, rates.values(), strict=True):
        axes.plot([low, value], [row, row], color=BLUE, linewidth=7, solid_capstyle="butt", alpha=0.35)
        axes.plot([value], [row], "o", color=BLUE, markersize=7)
        axes.annotate(_number(value), (value, row), (8, 0), textcoords="offset points", va="center", fontsize=SMALL,
                      color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
    for (name, value), (colour, dashes) in zip(limits.items(), LIMITS, strict=False):
        words = f"{name}: {_number(value)} {unit}"
        axes.axvline(value, color=colour, linestyle=dashes, linewidth=1.6, label=words, zorder=1)
    style.quiet(axes)
    axes.set_xscale("log")
    _decades(axes.xaxis, low, high)
    axes.set_xlim(low, high)
    axes.set_yticks(rows, list(rates))
    axes.set_ylim(len(rates) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.set_xlabel(f"{label or 'rate'}, {unit}", fontsize=SMALL, color=INK)
    if limits:
        figure.legend(loc="outside upper left", fontsize=SMALL, frameon=False, labelcolor=INK)
    said = [f"{name} {_number(value)}" for name, value in rates.items()]
    bounds = [f"{name} {_number(value)}" for name, value in limits.items()]
    figure.alt = f"{label or 'Rates'} in {unit}, on a logarithmic scale: {', '.join(said)}."
    figure.alt += f" Limits: {', '.join(bounds)}." if bounds else ""
    return figure


def roofline(points, peaks, bandwidth):
    """Operations a second over operations a byte: no point can lie above the roof ``min(peak, bandwidth * intensity)``.

    Parameters
    ----------
    points : dict of str to (float, float)
        Operations a byte, operations a second.
    peaks : dict of str to float
        Operations a second that the machine can do, and of what kind; the first bounds the shaded roof.
    bandwidth : float
        Bytes a second.

    Raises
    ------
    ValueError
        If there is no peak, or a rate is not above 0.

    Examples
    --------
    >>> figure = roofline({"conv": (80, 1.5e11), "fc": (0.5, 9e9)}, {"products": 2e11}, 2e10)
    >>> figure.axes[0].get_xlabel()
    'operations a byte'
    """
    if bandwidth <= 0 or not peaks or min(peaks.values()) <= 0:
        raise ValueError(f"roofline: expected rates above 0, got a bandwidth of {bandwidth} and peaks {peaks}")
    figure, ((axes,),) = style.new_figure(1, 1, height=4)
    peak = next(iter(peaks.values()))
    xs = [x for x, _ in points.values()] + [peak / bandwidth]
    left, right = min(xs) / 3, max(xs) * 4
    roof = np.geomspace(left, right, 200)
    axes.fill_between(roof, np.minimum(peak, bandwidth * roof) / 1e9, color=SKY, alpha=0.12, linewidth=0)
    ramp = np.array([left, max(peaks.values()) / bandwidth])
    words = f"memory: {_number(bandwidth / 1e9)} GB/s"
    axes.plot(ramp, bandwidth * ramp / 1e9, color=MUTED, linewidth=1.6, label=words)
    for (name, value), (colour, dashes) in zip(peaks.items(), LIMITS, strict=False):
        words = f"{name}: {_number(value / 1e9)} GFLOP/s"
        axes.plot([value / bandwidth, right], [value / 1e9] * 2, color=colour, linestyle=dashes, linewidth=1.6,
                  label=words)  # fmt: skip
    for (name, (x, y)), colour, marker in zip(points.items(), style.colours(), MARKERS * 3, strict=False):
        words = f"{name}: {_number(y / 1e9)}"
        axes.plot([x], [y / 1e9], marker, color=colour, markersize=8, markeredgecolor="white", label=words)
    lowest = min([bandwidth * left, *(y for _, y in points.values())])
    top = 3 * max([*peaks.values(), *(y for _, y in points.values())]) / 1e9
    style.quiet(axes)
    axes.set(xscale="log", yscale="log")
    _decades(axes.xaxis, left, right)
    _decades(axes.yaxis, lowest / 2e9, top)
    axes.set(xlim=(left, right), ylim=(lowest / 2e9, top))
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_xlabel("operations a byte", fontsize=SMALL, color=INK)
    axes.set_ylabel("GFLOP/s", fontsize=SMALL, color=INK)
    figure.legend(loc="outside right upper", fontsize=SMALL, frameon=False, labelcolor=INK)
    said = (f"{name} at {_number(x)} operations a byte, {_number(y / 1e9)} GFLOP/s" for name, (x, y) in points.items())
    roofs = ", ".join(f"{name} {_number(value / 1e9)} GFLOP/s" for name, value in peaks.items())
    figure.alt = f"Under a roof of {_number(bandwidth / 1e9)} GB/s and {roofs}: {'; '.join(said)}."
    return figure


def working_sets(rates, marks=None):
    """Bytes a second over the size of what is read and written again and again; the steps are caches.

    Parameters
    ----------
    rates : dict of int to float
        Bytes -> bytes a second, as `minispp.bench.caches.working_sets` measures them.
    marks : dict of str to int, optional
        Working sets of interest, in bytes.

    Examples
    --------
    >>> working_sets({8192: 2e11, 2**20: 1e11}, {"a strip": 2**20}).axes[0].get_ylabel()
    'GB/s read and written'
    """
    marks = marks or {}
    figure, ((axes,),) = style.new_figure(1, 1, height=3.3 + 0.2 * len(marks))
    sizes = np.array(list(rates))
    axes.plot(sizes, np.array(list(rates.values())) / 1e9, "o-", color=BLUE, linewidth=1.8, markersize=4.5)
    for (name, size), (colour, dashes) in zip(marks.items(), LIMITS, strict=False):
        axes.axvline(size, color=colour, linestyle=dashes, linewidth=1.6, label=f"{name}: {_bytes(size)}")
    shown = [*sizes, *marks.values()]
    low, high = min(shown) / 1.3, max(shown) * 1.3
    style.quiet(axes)
    axes.set_xscale("log", base=2)
    exponents = range(int(np.ceil(np.log2(low))), int(np.log2(high)) + 1)
    axes.xaxis.set_major_locator(FixedLocator([2.0**k for k in exponents if (k - 13) % 2 == 0]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _bytes(value)))
    axes.set(xlim=(low, high), ylim=(0, 1.1 * max(rates.values()) / 1e9))
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_xlabel("working set", fontsize=SMALL, color=INK)
    axes.set_ylabel("GB/s read and written", fontsize=SMALL, color=INK)
    if marks:
        figure.legend(loc="outside upper left", fontsize=SMALL, frameon=False, labelcolor=INK)
    said = ", ".join(f"{_bytes(size)} {_number(rate / 1e9)}" for size, rate in rates.items())
    figure.alt = f"GB/s over the working set: {said}."
    figure.alt += f" Marked: {', '.join(f'{name} {_bytes(size)}' for name, size in marks.items())}." if marks else ""
    return figure


def sums(errors, unit):
    """A line for each way of adding the same values: a dot for each result, at its distance from the exact sum.

    Parameters
    ----------
    errors : dict of str to sequence of float
    unit : str
        Of the distances.

    Examples
    --------
    >>> figure = sums({"any order": [1.0, -2.0, 0.5], "one order": [0.5, 0.5]}, "units in the last place")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['3 different results', '1 result']
    """
    figure, ((axes,),) = style.new_figure(1, 1, height=0.55 * len(errors) + 0.75)
    for row, (values, colour) in enumerate(zip(errors.values(), style.colours(), strict=False)):
        values = np.asarray(values, float)
        spread = 0.6 * ((np.arange(len(values)) * 0.618034) % 1 - 0.5)  # fills the line evenly, without chance
        axes.plot(values, row + spread, "o", color=colour, markersize=4, alpha=0.45, markeredgewidth=0)
        different = len(np.unique(values))
        words = f"{different} different results" if different > 1 else "1 result"
        axes.text(1.01, row, words, fontsize=SMALL, color=INK, va="center", transform=axes.get_yaxis_transform())
    style.quiet(axes)
    axes.axvline(0, color=MUTED, linewidth=1.2)
    axes.set_yticks(range(len(errors)), list(errors))
    axes.set_ylim(len(errors) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.05)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.set_xlabel(f"distance from the exact sum, {unit}", fontsize=SMALL, color=INK)
    said = (
        f"{name}: {text.get_text()} from {min(values):.3g} to {max(values):.3g}"
        for (name, values), text in zip(errors.items(), axes.texts, strict=True)
    )
    figure.alt = f"Distances of float32 sums from the exact sum, in {unit}. {'; '.join(said)}."
    return figure


# ---------------------------------------------------------------------------------------------------


def _decades(axis, low, high):
    """Powers of ten as plain numbers; more of them where the range is narrow."""
    wide = high / low > 300
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [m * 10.0**k for k in exponents for m in ((1,) if wide else (1, 2, 5))]
    axis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _number(value):
    """Three digits, without exponents."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _bytes(size):
    """A size in the unit that suits it."""
    for unit, shift in (("MB", 20), ("KB", 10)):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.3g} {unit}"
    return f"{size:.0f} B"

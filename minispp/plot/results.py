"""Figures of how well a net does: training curves, and accuracies with their spread over seeds."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from minispp.compare import mean_and_spread
from minispp.plot import style
from minispp.plot.style import GRID, INK, NORMAL, SMALL, WIDTH


def curves(histories):
    """Training and validation error of each epoch: the mean over the runs, and the range that they span.

    Parameters
    ----------
    histories : dict of str to History, or to a list of them (one a seed)

    Examples
    --------
    >>> figure = curves({"one": [{"error": 0.5}, {"error": 0.25}]})
    >>> figure.axes[0].get_title(loc="left"), figure.axes[0].lines[0].get_ydata().tolist()
    ('training error, %', [50.0, 25.0])
    """
    runs = {name: [given] if isinstance(given[0], dict) else list(given) for name, given in histories.items()}
    titles = {"error": "training error, %", "validation_error": "validation error, %"}
    shown = [key for key in titles if any(key in history[0] for group in runs.values() for history in group)]
    figure, grid = style.new_figure(1, len(shown), height=3.5, width=WIDTH if len(shown) > 1 else 6)
    for axes, key in zip(grid[0], shown, strict=True):
        for (name, group), colour in zip(runs.items(), style.colours(), strict=False):
            values = 100 * np.array([[row.get(key, np.nan) for row in history] for history in group], float)
            epochs = np.arange(1, values.shape[1] + 1)
            axes.plot(epochs, values.mean(axis=0), color=colour, linewidth=1.8, label=name)
            if len(group) > 1:
                axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        style.quiet(axes)
        axes.set_title(titles[key], fontsize=NORMAL, color=INK, loc="left")
        axes.set_xlabel("epoch", fontsize=SMALL, color=INK)
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    top = max(axes.get_ylim()[1] for axes in grid[0])
    for axes in grid[0]:
        axes.set_ylim(0, top)
    grid[0, 0].legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc="lower left")
    ends = (f"{line.get_label()} {line.get_ydata()[-1]:.1f}" for line in grid[0, -1].lines)
    figure.alt = f"Curves over the epochs: {' and '.join(titles[key] for key in shown)}. At the end: {', '.join(ends)}."
    return figure


def comparison(results, label="accuracy on the test pictures, %"):
    """A line for each way of testing each model: a dot for each seed, a stroke at their mean, the numbers beside it.

    Parameters
    ----------
    results : dict of str (model) to dict of str (way) to sequence of float
        Shares, 0..1, one for each seed.
    label : str
        Of the axis.

    Examples
    --------
    >>> figure = comparison({"SPP": {"centre crop": [0.8, 0.82], "full image": [0.9, 0.9]}})
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['centre crop', 'full image']
    """
    lines = sum(len(ways) for ways in results.values()) + len(results)
    figure, grid = style.new_figure(1, 1, height=0.3 * lines + 0.6, width=8)
    axes, place, names = grid[0, 0], 0, {}
    beside = axes.get_yaxis_transform()
    for (model, ways), colour in zip(results.items(), style.colours(), strict=False):
        plate = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        look = {"transform": beside, "va": "center"}
        axes.text(0.01, place, model, fontsize=NORMAL, color=colour, weight="bold", bbox=plate, **look)
        for way, shares in ways.items():
            place += 1
            names[place] = way
            values = 100 * np.asarray(shares, float)
            axes.plot(values, [place] * len(values), "o", color=colour, markersize=6, alpha=0.45, markeredgewidth=0)
            axes.plot([values.mean()] * 2, [place - 0.32, place + 0.32], color=colour, linewidth=2.4)
            axes.text(1.02, place, mean_and_spread(values), fontsize=SMALL, color=INK, **look)
        place += 1
    style.quiet(axes)
    axes.set_yticks(list(names), list(names.values()))
    axes.set_ylim(place - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.set_xlabel(label, fontsize=SMALL, color=INK)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    rows = (
        f"{model}, {way}: {mean_and_spread(100 * np.asarray(shares, float))}"
        for model, ways in results.items()
        for way, shares in ways.items()
    )
    figure.alt = f"{label}, a dot for each seed: {'; '.join(rows)}."
    return figure

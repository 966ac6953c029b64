"""A figure of what the views of a picture say, and what their mean says."""

import numpy as np

from minispp.plot import style
from minispp.plot.style import BLUE, GREEN, GRID, INK, MUTED, RED, SMALL, WIDTH


def votes(groups, classes, label):
    """The probabilities of each view, a column for each, group by group; beside them their mean over all views.

    Parameters
    ----------
    groups : dict of str to array (views, classes)
        The views of a scale, say, and their probabilities.
    classes : sequence of str
    label : int
        The class that is right; its bar is green.

    Raises
    ------
    ValueError
        If there is no view, or a group has another number of classes.

    Examples
    --------
    >>> figure = votes({"48 px": [[0.9, 0.1]], "55 px": [[0.2, 0.8], [0.1, 0.9]]}, ["disc", "star"], label=1)
    >>> figure.alt
    'The probabilities that 3 views give to each of 2 classes. Their mean: disc 0.40, star 0.60; star is right.'
    """
    groups = {name: np.asarray(rows, float) for name, rows in groups.items()}
    classes = list(classes)
    for name, rows in groups.items():
        if rows.ndim != 2 or rows.shape[1] != len(classes):
            raise ValueError(f"votes: expected {name!r} as (views, {len(classes)}), got the shape {rows.shape}")
    counts = [len(rows) for rows in groups.values()]
    if not sum(counts):
        raise ValueError("votes: expected at least one view, got none")
    mean = np.concatenate(list(groups.values())).mean(axis=0)
    figure = style.Figure(
        figsize=(WIDTH, 0.36 * len(classes) + 0.85), dpi=110, layout="constrained", facecolor="white"
    )
    # A group is as wide as its views, but never narrower than its name.
    widths = [max(count, sum(counts) / 14) for count in counts]
    panels = figure.subplots(1, len(groups) + 1, width_ratios=[*widths, sum(widths) / 4], squeeze=False)[0]
    for axes, (name, rows) in zip(panels, groups.items(), strict=False):
        axes.pcolormesh(rows.T, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.4)
        axes.set(ylim=(len(classes), 0), xticks=[], yticks=[])
        axes.spines[:].set(color=GRID)
        style.title(axes, name, str(len(rows)))
    first, bars = panels[0], panels[-1]
    first.set_yticks(np.arange(len(classes)) + 0.5, classes)
    first.tick_params(length=0, labelsize=SMALL, labelcolor=INK)
    best = int(mean.argmax())
    colours = [GREEN if k == label else RED if k == best else BLUE for k in range(len(classes))]
    bars.barh(np.arange(len(classes)) + 0.5, mean, height=0.7, color=colours)
    for k, value in enumerate(mean):
        bars.text(value + 0.03, k + 0.5, f"{value:.2f}", va="center", fontsize=SMALL, color=INK)
    bars.set(xlim=(0, 1.25), ylim=(len(classes), 0), xticks=[], yticks=[])
    bars.spines[["top", "right", "bottom"]].set_visible(False)
    bars.spines["left"].set(color=MUTED)
    style.title(bars, "mean", f"of {style.count(sum(counts), 'view')}")
    said = ", ".join(f"{name} {value:.2f}" for name, value in zip(classes, mean, strict=True))
    figure.alt = (
        f"The probabilities that {style.count(sum(counts), 'view')} give to each of {len(classes)} classes. "
        f"Their mean: {said}; {classes[label]} is right."
    )
    return figure

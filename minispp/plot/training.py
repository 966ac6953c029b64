"""Figures of what training is made of: sizes, rates, steps, and how large signals are before the first one."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from minispp.plot import style
from minispp.plot.style import BLUE, GRID, INK, MUTED, RED, SMALL, WIDTH

MOST_SIDES = 12  # that have a shade of their own

def plans(plans, epochs=6, count=48, batch=16, seed=0):
    """What each epoch sees under each plan of sizes: a row for an epoch, a cell for a sample, its colour the side.

    Samples lie in the order in which they are visited; white lines part the mini-batches. The sides are those that
    `minispp.train.fit` draws with this seed.

    Parameters
    ----------
    plans : dict of str to Single, Alternating, Random, Mixed, or any object with their ``draw``
    epochs, count, batch : int
        Rows; samples of an epoch; samples of a mini-batch.
    seed : int
        Of the training.

    Examples
    --------
    >>> from minispp.sizes import Alternating, Single
    >>> figure = plans({"single": Single(48), "alternating": Alternating((48, 40))}, epochs=2, count=3)
    >>> figure.axes[1].collections[0].get_array().tolist()
    [[48, 48, 48], [40, 40, 40]]
    """
    sides = {
        name: np.stack([plan.draw(epoch, count, np.random.default_rng([seed, epoch, 1])) for epoch in range(epochs)])
        for name, plan in plans.items()
    }
    seen = np.unique(np.concatenate([drawn.ravel() for drawn in sides.values()]))
    few = len(seen) <= MOST_SIDES
    edges = np.append(seen - 0.5, seen[-1] + 0.5) if few else np.rint(np.linspace(seen[0], seen[-1], MOST_SIDES + 1))
    shades = ListedColormap(colormaps["Blues"](np.linspace(0.3, 0.95, len(edges) - 1)))
    scale = BoundaryNorm(edges, shades.N, clip=True)
    figure, grid = style.new_figure(1, len(sides), height=0.24 * epochs + 1.15, width=WIDTH)
    for axes, (name, drawn) in zip(grid[0], sides.items(), strict=True):
        mesh = axes.pcolormesh(drawn, cmap=shades, norm=scale, linewidth=0)
        for edge in range(batch, count, batch):
            axes.axvline(edge, color="white", linewidth=1.6)
        for edge in range(1, epochs):
            axes.axhline(edge, color="white", linewidth=1.6)
        style.title(axes, name)
        style.quiet(axes)
        axes.spines[:].set_visible(False)
        axes.set(ylim=(epochs, 0), yticks=np.arange(epochs) + 0.5, yticklabels=range(1, epochs + 1))
        axes.set_xticks(range(0, count + 1, batch))
        axes.tick_params(length=0)
        axes.set_xlabel("samples, as visited", fontsize=SMALL, color=INK)
    grid[0, 0].set_ylabel("epoch", fontsize=SMALL, color=INK)
    bar = figure.colorbar(mesh, ax=list(grid[0]), fraction=0.03, pad=0.01, aspect=12)
    marks, sides_there = ((edges[:-1] + edges[1:]) / 2, seen) if few else (edges[::4], edges[::4])
    bar.set_ticks(marks, labels=[f"{side:.0f}" for side in sides_there])
    bar.ax.tick_params(labelsize=SMALL, labelcolor=INK, length=0)
    bar.outline.set_visible(False)
    bar.set_label("side, pixels", fontsize=SMALL, color=INK)
    words = (
        f"{name}: {'; '.join(f'epoch {e + 1} {_sides(row)}' for e, row in enumerate(drawn))}"
        for name, drawn in sides.items()
    )
    figure.alt = f"Sides in pixels that {style.count(count, 'sample')} of each epoch are seen at. {'. '.join(words)}."
    return figure


def schedules(schedules, epochs, errors=()):
    """The rate over the epochs under each schedule.

    Parameters
    ----------
    schedules : dict of str to Step, Plateau or Cosine
    epochs : int
    errors : sequence of float
        Of each epoch, for a schedule that watches them; drawn below as well, if given.

    Examples
    --------
    >>> from minispp.optim import Step
    >>> figure = schedules({"step": Step(0.01, at=(2,))}, epochs=4)
    >>> figure.axes[0].lines[0].get_ydata()[[0, -1]].round(4).tolist()
    [0.01, 0.001]
    """
    times = np.linspace(0, epochs, 40 * epochs + 1)
    figure, grid = style.new_figure(1, 2 if len(errors) else 1, height=3.2, width=WIDTH if len(errors) else 6)
    first, ends = grid[0, 0], []
    for (name, schedule), colour in zip(schedules.items(), style.colours(), strict=False):
        rates = [schedule.rate(time, list(errors[: int(time)])) for time in times]
        first.plot(times, rates, color=colour, linewidth=1.8, label=name)
        ends.append(f"{name} from {rates[0]:.3g} to {rates[-1]:.3g}, at most {max(rates):.3g}")
    first.set_ylim(bottom=0)
    first.legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc="upper right")
    heads = ["rate of the steps"]
    if len(errors):
        ended = np.arange(1, len(errors) + 1)
        grid[0, 1].plot(ended, 100 * np.asarray(errors), "o-", color=MUTED, linewidth=1.4, markersize=4)
        grid[0, 1].set_ylim(bottom=0)
        heads.append("error that is watched, %")
    for axes, head in zip(grid[0], heads, strict=True):
        style.quiet(axes)
        axes.set_title(head, fontsize=style.NORMAL, color=INK, loc="left")
        axes.set_xlabel("epochs", fontsize=SMALL, color=INK)
        axes.set_xlim(0, epochs)
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.alt = f"The rate over {style.count(epochs, 'epoch')}: {'; '.join(ends)}."
    return figure


def descents(paths, curvature):
    """Steps of gradient descent down a long valley, a panel for each path, from above.

    The valley is the loss ``(a x^2 + b y^2) / 2`` of two weights, with its lowest point at 0; lines join points of
    equal loss.

    Parameters
    ----------
    paths : dict of str to array (steps + 1, 2)
        The weights (x, y) at the start and after each step.
    curvature : (a, b)

    Examples
    --------
    >>> figure = descents({"one step": [[4, 1], [2, 0.5]]}, curvature=(1, 20))
    >>> figure.axes[0].get_title().splitlines()
    ['one step', 'loss 18.00, after 1 step 4.50']
    """
    points = {name: np.asarray(path, float) for name, path in paths.items()}
    reach = 1.15 * np.abs(np.concatenate(list(points.values()))).max(axis=0)
    x, y = (np.linspace(-limit, limit, 121) for limit in reach)
    loss = (curvature[0] * x**2 + curvature[1] * y[:, None] ** 2) / 2
    figure, grid = style.new_figure(1, len(points), height=3.0, width=WIDTH)
    for axes, (name, path) in zip(grid[0], points.items(), strict=True):
        axes.contour(x, y, loss, levels=loss.max() * np.linspace(0.08, 1, 8) ** 2, colors=GRID, linewidths=0.9)
        axes.plot(*path.T, "o-", color=BLUE, linewidth=1.2, markersize=3.5)
        axes.plot(*path[0], "o", color=RED, markersize=6)
        axes.plot(0, 0, "+", color=INK, markersize=9)
        style.quiet(axes)
        before, after = (float(np.dot(curvature, point**2) / 2) for point in path[[0, -1]])
        style.title(axes, name, f"loss {before:.2f}, after {style.count(len(path) - 1, 'step')} {after:.2f}")
        axes.set_xlabel("first weight", fontsize=SMALL, color=INK)
    grid[0, 0].set_ylabel("second weight", fontsize=SMALL, color=INK)
    found = "; ".join(axes.get_title().replace("\n", ": ") for axes in grid[0])
    figure.alt = f"Steps of gradient descent towards the lowest point of a long valley. {found}."
    return figure


def signals(spreads):
    """How large the values are that each layer gives out, from the picture to the scores.

    Parameters
    ----------
    spreads : dict of str to dict of str to float
        Kind of weights -> layer -> the standard deviation of its output.

    Examples
    --------
    >>> figure = signals({"sigma 0.01": {"conv1": 0.1, "conv2": 0.01}})
    >>> figure.axes[0].get_yscale(), [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ('log', ['conv1', 'conv2'])
    """
    figure, grid = style.new_figure(1, 1, height=3.2, width=7)
    axes, names = grid[0, 0], list(next(iter(spreads.values())))
    for (name, layers), colour in zip(spreads.items(), style.colours(), strict=False):
        look = {"color": colour, "linewidth": 1.6, "markersize": 5, "label": name}
        axes.plot(range(len(layers)), list(layers.values()), "o-", **look)
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    style.quiet(axes)
    axes.set_xticks(range(len(names)), names)
    axes.set_title("standard deviation of the outputs", fontsize=style.NORMAL, color=INK, loc="left")
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, loc="lower left")
    found = (
        f"{name}: {', '.join(f'{layer} {value:.2g}' for layer, value in layers.items())}"
        for name, layers in spreads.items()
    )
    figure.alt = f"Standard deviation of the outputs of each layer. {'; '.join(found)}."
    return figure


def _sides(row):
    """The sides of an epoch in words.

    Examples
    --------
    >>> _sides(np.array([48, 40, 48])), _sides(np.array([48, 48]))
    ('40 and 48', '48')
    """
    return " and ".join(map(str, np.unique(row)))

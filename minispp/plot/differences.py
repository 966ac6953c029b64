"""A figure of two maps that should be alike, and of where they are not."""

import numpy as np

from minispp.plot import style
from minispp.plot.outlines import outline
from minispp.plot.style import BLUE, INK, RED, SMALL, WIDTH, count, times


def differences(maps, windows=(), tolerance=1e-5):
    """Two feature maps beside each other, and cell by cell how far they lie apart.

    The maps are drawn as the mean over their channels, in the same shades. The third panel shows, in per cent of the
    largest value, the largest difference over the channels: the paler, the nearer.

    Parameters
    ----------
    maps : dict of str to array (H, W, C)
        Two, of one shape.
    windows : rows of (top, left, bottom, right), optional
        Half-open windows to frame, in cells.
    tolerance : float
        Up to which share of the largest value cells agree.

    Raises
    ------
    ValueError
        If there are not two maps of one shape.

    Examples
    --------
    >>> maps = {"a": np.array([[[1.0], [4.0]]]), "b": np.array([[[1.0], [3.0]]])}
    >>> figure = differences(maps)
    >>> figure.axes[2].collections[0].get_array().tolist(), figure.axes[2].get_title().splitlines()
    ([[0.0, 25.0]], ['difference, % of the largest', '1 of 2 cells agree'])
    """
    arrays = [np.asarray(values, float) for values in maps.values()]
    if len(arrays) != 2 or arrays[0].ndim != 3 or arrays[0].shape != arrays[1].shape:
        shapes = ", ".join(str(values.shape) for values in arrays)
        raise ValueError(f"differences: expected two maps (H, W, C) of one shape, got {shapes or 'none'}")
    (height, width), panels = arrays[0].shape[:2], [values.mean(axis=2) for values in arrays]
    apart = np.abs(arrays[0] - arrays[1]).max(axis=2) / max(np.abs(arrays).max(), np.finfo(float).tiny)
    shades = {"cmap": "Blues", "vmin": min(map(np.min, panels)), "vmax": max(map(np.max, panels))}
    side = (WIDTH - 0.9) / 3
    figure, (axes,) = style.new_figure(1, 3, height=side * height / width + 0.75)
    for panel, name, values in zip(axes, maps, panels, strict=False):
        panel.pcolormesh(values, **shades)
        style.title(panel, name, f"mean of {count(arrays[0].shape[2], 'channel')}")
    agree = int((apart <= tolerance).sum())
    shown = axes[2].pcolormesh(100 * apart, cmap="Oranges", vmin=0, vmax=100 * apart.max() or 1)
    style.title(axes[2], "difference, % of the largest", f"{agree} of {apart.size} cells agree")
    bar = figure.colorbar(shown, ax=axes[2], fraction=0.05, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL, labelcolor=INK, length=0)
    bar.outline.set_visible(False)
    for panel in axes:
        panel.set(xlim=(0, width), ylim=(height, 0))
        style.bare(panel)
        for box in windows:
            outline(panel, box, "window", RED if panel is not axes[2] else BLUE, halo=False)
    first, second = maps
    figure.alt = (
        f"Two maps of {times((height, width))} cells, {first} and {second}: {agree} of {apart.size} cells agree to "
        f"{tolerance:g}; the largest difference is {100 * apart.max():.2g}% of the largest value."
    )
    return figure

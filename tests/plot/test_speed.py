"""Figures of notebook 10, by what is in them."""

import numpy as np
import pytest
from drawn import must_be_readable

from minispp import plot
from minispp.kernels.cpu.winograd.exact import transforms

RATES = {"loops": 0.01, "a product a tap": 65.4, "Winograd, 2 threads": 1470.0}


def test_speeds_and_their_limits():
    figure = plot.speeds(RATES, {"products": 270.0}, unit="GB/s", label="what moves")
    (axes,) = figure.axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in dots] == [(0.01, 0), (65.4, 1), (1470.0, 2)]
    assert [text.get_text() for text in axes.texts] == ["0.01", "65.4", "1,470"]
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "what moves, GB/s"
    assert [line.get_xdata()[0] for line in axes.lines if line.get_label().startswith("products")] == [270]
    assert "loops 0.01" in figure.alt and "products 270" in figure.alt
    with pytest.raises(ValueError, match="expected rates above 0"):
        plot.speeds({"a": 0.0})


def test_roofline():
    figure = plot.roofline({"conv": (80, 1.5e11), "fc": (0.5, 9e9)}, {"products": 2e11, "fewer": 8e11}, 2e10)
    (axes,) = figure.axes
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]
    assert points == [(80, 150), (0.5, 9)]
    slope, *flat = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert np.allclose(np.array(slope.get_ydata()) / slope.get_xdata(), 20)
    assert [line.get_ydata()[0] for line in flat] == [200, 800] and [line.get_xdata()[0] for line in flat] == [10, 40]
    assert "conv at 80 operations a byte, 150 GFLOP/s" in figure.alt
    with pytest.raises(ValueError, match="bandwidth of 0"):
        plot.roofline({}, {"products": 1e9}, 0)


def test_working_sets():
    figure = plot.working_sets({8192: 2e11, 2**20: 1e11, 2**24: 1e10}, {"a strip": 2**19})
    (axes,) = figure.axes
    assert axes.lines[0].get_xydata().tolist() == [[8192, 200], [2**20, 100], [2**24, 10]]
    assert axes.lines[1].get_xdata()[0] == 2**19 and axes.lines[1].get_label() == "a strip: 512 KB"
    assert "8 KB 200, 1 MB 100" in figure.alt


def test_sums():
    (axes,) = plot.sums({"any": [1.0, -2.0, 1.0], "one": [0.5] * 4}, "places").axes
    assert [text.get_text() for text in axes.texts] == ["2 different results", "1 result"]
    first, second, _ = axes.lines
    assert first.get_xdata().tolist() == [1, -2, 1] and second.get_xdata().tolist() == [0.5] * 4
    assert np.abs(first.get_ydata()).max() < 0.5 and np.abs(second.get_ydata() - 1).max() < 0.5


def test_matrices_are_written_out():
    bt, g, at = transforms(3)
    figure = plot.matrices({"B": bt, "G": g})
    words = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert words[0] == [str(value).replace("-", "−") for value in bt.ravel()] and len(words[1]) == 18
    faces = {tuple(np.round(patch.get_facecolor(), 2)) for patch in figure.axes[0].patches}
    assert len(faces) == 3
    assert "G: 1 0 0; -1/3" in figure.alt


@pytest.mark.parametrize(("tile", "inside", "shared"), [((0, 0), (4, 4), 2), ((3, 1), (1, 4), 1), ((3, 3), (1, 1), 0)])
def test_a_tile_of_winograd(tile, inside, shared):
    figure = plot.winograd_tile((13, 13), taps=3, m=4, tile=tile)
    source, target = figure.axes
    for axes, size in ((source, 6), (target, 4)):
        (edge,) = [patch for patch in axes.patches if patch.get_gid() == "edge"]
        assert (edge.get_y(), edge.get_x(), edge.get_height(), edge.get_width()) == (
            4 * tile[0],
            4 * tile[1],
            size,
            size,
        )
    cells = [patch for patch in source.patches if patch.get_gid() == "cell"]
    assert len(cells) == 169 and min(patch.get_x() for patch in cells) == 1  # the padding is before it
    assert len([patch for patch in source.patches if patch.get_gid() == "shared"]) == shared
    assert f"makes {inside[0]} × {inside[1]} outputs" in figure.alt


def test_tiles_that_there_are_not():
    for taps, tile in ((3, (4, 0)), (2, (0, 0)), (3, (0, -1))):
        with pytest.raises(ValueError, match="a tile of the map"):
            plot.winograd_tile((13, 13), taps, 4, tile)


FIGURES = {
    "speeds": lambda: plot.speeds(RATES, {"matrix products": 270.0, "a quarter of them": 1080.0}),
    "speeds, narrow": lambda: plot.speeds({"a": 9.0, "b": 11.0}, unit="GB/s"),
    "roofline": lambda: plot.roofline(
        {f"layer {k}": (3.0**k, 1e9 * 2**k) for k in range(8)}, {"a": 3e11, "b": 1e12}, 3e10
    ),
    "working sets": lambda: plot.working_sets({2**k: 1e11 / k for k in range(13, 28)}, {"a": 2**20, "b": 2**24}),
    "sums": lambda: plot.sums({"one by one, in any order": np.arange(-99, 99), "b": [1, 2]}, "units"),
    "matrices": lambda: plot.matrices(dict(zip(("B", "G", "A"), transforms(3), strict=True))),
    "tile": lambda: plot.winograd_tile((13, 9), 3, 4, (1, 1)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    figure = FIGURES[name]()
    must_be_readable(figure)
    assert figure.get_size_inches()[0] <= 10


@pytest.mark.parametrize("name", ["speeds", "roofline", "tile"])
def test_files(name):
    assert plot.svg(FIGURES[name]()) == plot.svg(FIGURES[name]())

"""Figures of notebook 11, by what is in them."""

import numpy as np
import pytest
from drawn import must_be_readable

from minispp import plot

LANE = np.arange(32)


def named(axes, name):
    """(top, left, height, width) of the patches with this gid."""
    found = [patch for patch in axes.patches if patch.get_gid() == name]
    return [tuple(float(v) for v in (p.get_y(), p.get_x(), p.get_height(), p.get_width())) for p in found]


@pytest.mark.parametrize(
    ("size", "threads", "blocks", "idle"), [((3, 5), 4, 4, 1), ((2, 6), 4, 3, 0), ((1, 3), 8, 1, 5)]
)
def test_each_cell_has_a_thread(size, threads, blocks, idle):
    figure = plot.launch(*size, threads)
    (axes,) = figure.axes
    cells = named(axes, "cell")
    assert [box[:2] for box in cells] == [(i, j) for i in range(size[0]) for j in range(size[1])]
    assert len(named(axes, "beyond")) == idle and all(box[0] >= size[0] for box in named(axes, "beyond"))
    assert [int(text.get_text()) for text in axes.texts] == list(range(threads)) * blocks
    faces = [patch.get_facecolor() for patch in axes.patches if patch.get_gid() == "cell"]
    assert faces[0] == faces[min(threads, len(faces)) - 1] and (blocks == 1 or faces[threads] != faces[threads - 1])
    assert f"{blocks} block" in figure.alt and f"{idle} thread" in figure.alt


def test_sizes_of_a_launch():
    with pytest.raises(ValueError, match="sizes of 1 or more, got 0 x 3 cells and 2 threads"):
        plot.launch(0, 3, 2)


def test_lines_of_memory():
    figure = plot.lines_touched({"neighbours": LANE + 7, "far": 100 * LANE})
    near, far = figure.axes
    assert sorted(32 * top + left for top, left, _, _ in named(near, "touched")) == (LANE + 7).tolist()
    assert len(named(far, "touched")) == 32 and len(named(far, "other")) == 31 * 32
    assert [axes.get_title().splitlines()[1] for axes in figure.axes] == ["2 lines", "32 lines"]
    assert "neighbours 2 lines; far 32 lines" in figure.alt


def test_banks():
    figure = plot.banks({"row": LANE, "pairs": 2 * LANE, "same place": 0 * LANE, "padded": 33 * LANE})
    assert [axes.get_title().splitlines()[1] for axes in figure.axes] == ["1 turn", "2 turns", "1 turn", "1 turn"]
    colours = [
        {patch.get_facecolor() for patch in axes.patches if patch.get_gid() == "touched"} for axes in figure.axes
    ]
    assert colours[0] == colours[2] == colours[3] != colours[1]


def test_counts():
    figure = plot.counts({"a": [[1, 2], [3, 4], [5, 6]], "b": [[7]]}, "reads")
    assert [text.get_text() for text in figure.axes[0].texts] == list("123456")
    assert figure.axes[0].get_title() == "a\n21 reads in all" and "b, 7 in all, from 7 to 7" in figure.alt


@pytest.mark.parametrize("step", range(4))
def test_tiles_march(step):
    figure = plot.march(24, 16, 14, tile=(8, 4), depth=4, step=step)
    (axes,) = figure.axes
    now = named(axes, "now")
    assert [box[1] for box in now[:1]] == [4 * step] and now[0][2:] == (8, 4 if step < 3 else 2)
    assert now[1][0] == 4 * step and now[1][2:] == (4 if step < 3 else 2, 4)
    sizes = [len(named(axes, name)) for name in ("done", "now", "next", "to come")]
    assert sizes == [2 * step, 2, 2 * (step < 3), 2 * max(0, 2 - step)]
    (tile,) = named(axes, "tile")
    assert tile[2:] == (8, 4) and tile[0] == now[0][0] and tile[1] == now[1][1]
    assert f"inner values {4 * step} to {min(14, 4 * step + 4) - 1}" in figure.alt


def test_steps_that_there_are_not():
    for step, tile in ((4, (8, 4)), (-1, (8, 4)), (0, (25, 4))):
        with pytest.raises(ValueError, match="a step below 4 and a tile within the result"):
            plot.march(24, 16, 14, tile, 4, step)


FIGURES = {
    "launch": lambda: plot.launch(6, 13, 16),
    "lines": lambda: plot.lines_touched({"channels last: neighbours": LANE, "channels first": 169 * LANE}),
    "banks": lambda: plot.banks({"lines of 32 values": 32 * LANE, "lines of 33 values": 33 * LANE}),
    "counts": lambda: plot.counts({"each thread for itself": np.full((9, 9), 9), "shared": np.ones((9, 9), int)}, "x"),
    "march": lambda: plot.march(24, 20, 27, (8, 8), 5, 2),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    figure = FIGURES[name]()
    must_be_readable(figure)
    assert figure.get_size_inches()[0] <= 9.5
    assert plot.svg(figure) == plot.svg(FIGURES[name]())

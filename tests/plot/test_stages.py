"""Figures of the stages of detection, by what is in them."""

import numpy as np
import pytest
from drawn import must_be_readable, rectangles
from matplotlib.colors import to_rgba

from minispp import plot
from minispp.boxes import iou
from minispp.plot import style

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (41, 58, 3), dtype=np.uint8)
LABELS = np.where(np.add.outer(np.arange(41), np.arange(58)) % 50 < 20, 7, 3)
LABELS[:5, :5] = 9
BOXES = np.array([[2, 2, 22, 22], [3, 5, 22, 24], [4, 30, 24, 50], [3, 30, 20, 49], [25, 5, 40, 20]])
SCORES = np.array([0.9, 0.8, 0.3, 1.2, -0.4])


def outlines(axes, name):
    """(top, left, bottom, right) of the patches with this gid."""
    return rectangles(axes, name)[:, [1, 0, 3, 2]].tolist()


def test_segments_have_their_mean_colours_and_their_borders():
    figure = plot.segments(PICTURE, LABELS, BOXES[:2])
    left, right = figure.axes
    assert np.array_equal(left.images[0].get_array(), PICTURE)
    assert outlines(left, "box") == BOXES[:2].tolist() and left.get_title() == "2 boxes"
    shown = right.images[0].get_array()
    for label in (3, 7, 9):
        mean = np.rint(PICTURE[label == LABELS].mean(axis=0))
        assert (shown[label == LABELS] == mean).all()
    assert right.get_title() == "3 regions"
    lines = {tuple(map(tuple, line.astype(int).tolist())) for line in right.collections[0].get_segments()}
    want = {((x + 1, y), (x + 1, y + 1)) for y in range(41) for x in range(57) if LABELS[y, x] != LABELS[y, x + 1]}
    want |= {((x, y + 1), (x + 1, y + 1)) for y in range(40) for x in range(58) if LABELS[y, x] != LABELS[y + 1, x]}
    assert lines == want


def test_recall_has_a_line_and_a_word_for_each_curve():
    axes = plot.recall([1, 10, 150], {"a": [0.1, 0.5, 0.97], "b": [0, 0.5, 0.96], "c": [0, 0.1, 0.2]}).axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[10, 50, 97], [0, 50, 96], [0, 10, 20]]
    assert axes.get_xscale() == "log" and axes.lines[0].get_xdata().tolist() == [1, 10, 150]
    assert [text.get_text() for text in axes.texts] == ["a: 97%", "b: 96%", "c: 20%"]


def test_channels_are_the_liveliest():
    maps = np.zeros((4, 6, 5))
    maps[1, 2] = [1, 5, 0, 3, 4]
    figure = plot.channels(PICTURE, maps, 3)
    assert [axes.get_title() for axes in figure.axes[1:]] == [
        "channel 1\n0 to 5",
        "channel 4\n0 to 4",
        "channel 3\n0 to 3",
    ]
    assert figure.axes[2].collections[0].get_array().reshape(4, 6).tolist() == maps[..., 4].tolist()


def test_pooled_shows_each_bin_where_it_is():
    maps, levels = RNG.random((5, 7, 3)), [(2, 3), (1, 1)]
    vector = np.arange(21.0).reshape(7, 3)
    figure = plot.pooled(PICTURE, BOXES[0], maps, (1, 2, 4, 6), vector.reshape(-1), levels, channel=1)
    picture, one, first, last = figure.axes
    assert outlines(picture, "box") == [BOXES[0].tolist()] and outlines(one, "window") == [[1, 2, 4, 6]]
    assert one.collections[0].get_array().reshape(5, 7).tolist() == maps[..., 1].tolist()
    assert first.collections[0].get_array().reshape(2, 3).tolist() == [[1, 4, 7], [10, 13, 16]]
    assert last.collections[0].get_array().reshape(1, 1).tolist() == [[19]]
    assert one.get_title() == "channel 1\n3 × 4 cells" and first.get_title() == "2 × 3\nbins 1 to 6"
    assert "channel 2" in plot.pooled(PICTURE, BOXES[0], maps, (1, 2, 4, 6), vector.reshape(-1), levels).alt


def test_gallery_cuts_out():
    figure = plot.gallery([(PICTURE, box) for box in BOXES[:3]], ["a", "b\nc", "d"])
    for axes, (top, left, bottom, right) in zip(figure.axes, BOXES, strict=False):
        assert np.array_equal(axes.images[0].get_array(), PICTURE[top:bottom, left:right])
    assert [axes.get_title() for axes in figure.axes] == ["a", "b\nc", "d"]


def test_scores_are_counted_kind_by_kind():
    groups = {"objects": [1.0, 2.0, 2.01], "background": np.linspace(-3, 0, 40)}
    figure = plot.scores(groups, marks=(-1, 1), label="score")
    for axes, values in zip(figure.axes, groups.values(), strict=True):
        assert sum(bar.get_height() for bar in axes.patches) == len(values)
        assert [line.get_xdata()[0] for line in axes.lines] == [-1, 1]
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    assert plot.scores({"none": []}).axes[0].get_title(loc="left") == "none: 0 windows"


def test_moved_boxes():
    figure = plot.moved(PICTURE, BOXES[:2], BOXES[[0, 0]], BOXES[:1])
    axes = figure.axes[0]
    assert outlines(axes, "before") == BOXES[:2].tolist() and outlines(axes, "after") == BOXES[[0, 0]].tolist()
    assert outlines(axes, "object") == BOXES[:1].tolist()
    mean = (1 + iou(BOXES[:1], BOXES[1:2]).item()) / 2
    assert f"was {mean:.2f}, and is 1.00" in figure.alt
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["object", "before", "after"]
    assert "0 boxes" in plot.moved(PICTURE, [], [], []).alt


@pytest.mark.parametrize(
    ("kept", "gone", "waits"),
    [([], [], [0, 1, 2, 3, 4]), ([3], [2], [0, 1, 4]), ([3, 0], [1, 2], [4]), ([3, 0, 4], [1, 2], [])],
)
def test_suppression_step_by_step(kept, gone, waits):
    figure = plot.suppression(PICTURE, BOXES, SCORES, kept, 0.3)
    axes = figure.axes[0]
    for name, rows in (("kept", kept[::-1]), ("suppressed", gone), ("waits", waits)):
        assert outlines(axes, name) == BOXES[rows].tolist()
    assert [text.get_text() for text in axes.texts] == [f"{SCORES[row]:.2f}" for row in kept[::-1]]
    assert f"{len(gone)} suppressed, {len(waits)} waiting" in figure.alt


def test_suppression_at_the_threshold():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 5]]
    assert "0 suppressed" in plot.suppression(PICTURE, boxes, [2, 1], [0], 0.5).alt
    assert "1 suppressed" in plot.suppression(PICTURE, boxes, [2, 1], [0], 0.49).alt


def test_average_precisions_by_both_rules():
    """Two of four objects: the area is 1/4 + 2/12, and six of eleven points are reached."""
    figure = plot.average_precisions([1, 0.5, 2 / 3], [0.25, 0.25, 0.5])
    left, right = figure.axes
    assert left.get_title(loc="left") == f"the area: {100 * (0.25 + 0.25 * 2 / 3):.1f}"
    heights = [1, 1, 1, 2 / 3, 2 / 3, 2 / 3, 0, 0, 0, 0, 0]
    dots = next(line for line in right.lines if line.get_marker() == "o")
    assert np.allclose(dots.get_xydata(), np.stack([np.arange(11) * 10, 100 * np.array(heights)], 1))
    assert right.get_title(loc="left") == f"the mean of 11 points: {100 * np.mean(heights):.1f}"
    tenths = plot.average_precisions(np.ones(10), np.arange(1, 11) / 10)  # .3 must be reached by 3 of 10
    assert "points: 100.0" in tenths.alt


def test_words_at_the_upper_edge_go_inside():
    axes = plot.suppression(PICTURE, BOXES, SCORES, [3, 4]).axes[0]
    below, above = (text.get_va() for text in axes.texts)
    assert (below, above) == ("bottom", "top")


def test_legends_leave_the_picture_its_shape():
    figure = plot.moved(PICTURE, BOXES[:1], BOXES[:1], BOXES[:1])
    place, (width, height) = figure.axes[0].get_position(original=True), figure.get_size_inches()
    assert place.width * width / (place.height * height) == pytest.approx(58 / 41)
    assert to_rgba(figure.axes[0].get_legend().get_lines()[0].get_color()) == to_rgba(style.GREEN)


FIGURES = {
    "segments": lambda: plot.segments(PICTURE, LABELS, BOXES),
    "segments, tall": lambda: plot.segments(PICTURE.transpose(1, 0, 2), LABELS.T),
    "recall": lambda: plot.recall([1, 2, 5, 150], {f"IoU .{k}": [0, 0.2, 0.9, 1 - k / 100] for k in (5, 7, 9)}),
    "channels": lambda: plot.channels(PICTURE, RNG.random((5, 7, 12))),
    "pooled": lambda: plot.pooled(
        PICTURE, BOXES[1], RNG.random((5, 7, 2)), (1, 2, 4, 6), RNG.random(100), [(6, 6), (3, 3), (2, 2), (1, 1)]
    ),
    "gallery": lambda: plot.gallery([(PICTURE, box) for box in ([0, 0, 40, 5], *BOXES, [0, 0, 9, 50])], ["-0.98"] * 7),
    "scores": lambda: plot.scores({"objects": RNG.normal(1, 1, 50), "background": RNG.normal(-1, 1, 5000)}, (-1, 1)),
    "moved": lambda: plot.moved(PICTURE, BOXES, BOXES + 1, BOXES),
    "suppression": lambda: plot.suppression(PICTURE, BOXES, SCORES, [3, 0, 4]),
    "average precisions": lambda: plot.average_precisions([1, 0.5, 2 / 3], [0.25, 0.25, 0.5]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    must_be_readable(FIGURES[name]())

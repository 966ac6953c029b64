"""Figures of training and of views: what is drawn, where it lies, and whether its words can be read."""

import numpy as np
import pytest
from drawn import must_be_readable
from matplotlib.colors import to_rgba

from minispp import plot
from minispp.optim import Cosine, Plateau, Step
from minispp.plot import style
from minispp.sizes import Alternating, Mixed, Random, Single

RNG = np.random.default_rng(4)


# -- plans -----------------------------------------------------------------------------------------


def test_plans_show_what_training_draws():
    """The very sides of a run with this seed: `minispp.train.fit` draws from (seed, epoch, 1)."""
    plans = {"alternating": Alternating((48, 40)), "random": Random(30, 60), "mixed": Mixed((48, 40))}
    figure = plot.plans(plans, epochs=4, count=10, batch=4, seed=3)
    for axes, plan in zip(figure.axes, plans.values(), strict=False):
        drawn = np.asarray(axes.collections[0].get_array())
        want = [plan.draw(epoch, 10, np.random.default_rng([3, epoch, 1])).tolist() for epoch in range(4)]
        assert drawn.tolist() == want
        batches = [line.get_xdata()[0] for line in axes.lines if line.get_ydata() == [0, 1]]
        assert batches == [4, 8], "a line where a mini-batch ends"
        assert axes.get_ylim() == (4, 0), "the first epoch on top"
        assert [label.get_text() for label in axes.get_yticklabels()] == ["1", "2", "3", "4"]
    assert "alternating: epoch 1 48; epoch 2 40; epoch 3 48; epoch 4 40" in figure.alt
    assert "mixed: epoch 1 40 and 48" in figure.alt


def test_plans_share_their_shades():
    """One size, one shade in every panel; the larger the darker; the bar names each."""
    figure = plot.plans({"one": Single(48), "two": Alternating((56, 40))}, epochs=2, count=3)
    one, two, bar = figure.axes
    meshes = [axes.collections[0] for axes in (one, two)]
    assert [text.get_text() for text in bar.get_yticklabels()] == ["40", "48", "56"]
    shade = {side: [mesh.to_rgba(np.array([[side]]))[0, 0].tolist() for mesh in meshes] for side in (40, 48, 56)}
    assert all(first == second for first, second in shade.values())
    lightness = [sum(shade[side][0][:3]) for side in (40, 48, 56)]
    assert lightness[0] > lightness[1] > lightness[2]


def test_plans_of_many_sides_have_a_scale():
    figure = plot.plans({"mixed": Mixed(range(30, 60))}, epochs=2, count=200)
    mesh = figure.axes[0].collections[0]
    assert mesh.get_array().min() < 35 and mesh.get_array().max() > 55
    marks = [text.get_text() for text in figure.axes[1].get_yticklabels()]
    assert len(marks) < 15 and all(mark.isdigit() for mark in marks), "sides are whole pixels"


# -- rates and steps -------------------------------------------------------------------------------


def test_schedules_are_drawn_as_training_asks_for_them():
    errors = [0.5, 0.4, 0.4, 0.4]
    given = {"step": Step(0.1, at=(2,)), "plateau": Plateau(0.2, patience=1, times=1), "cosine": Cosine(0.3, 4, 1)}
    figure = plot.schedules(given, 4, errors)
    rates, watched = figure.axes
    at = {line.get_label(): dict(zip(line.get_xdata().round(3), line.get_ydata(), strict=True)) for line in rates.lines}
    assert at["step"][1.975] == 0.1 and at["step"][2.0] == pytest.approx(0.01)
    # The third epoch did not improve: known when it has ended, not before.
    assert at["plateau"][2.975] == 0.2 and at["plateau"][3.0] == pytest.approx(0.02)
    assert at["cosine"][0.5] == pytest.approx(0.15) and at["cosine"][1.0] == 0.3 and at["cosine"][4.0] == 0
    assert np.allclose(watched.lines[0].get_xydata(), [[1, 50], [2, 40], [3, 40], [4, 40]])
    assert "cosine from 0 to 0, at most 0.3" in figure.alt
    assert len(plot.schedules({"step": Step(0.1)}, 4).axes) == 1


def test_descents_draw_the_path_and_its_loss():
    path = [[4.0, 1.0], [2.0, -1.0], [1.0, 0.5]]
    figure = plot.descents({"a": path, "b": path[:2]}, curvature=(1, 20))
    first, second = figure.axes
    assert first.lines[0].get_xydata().tolist() == path and second.lines[0].get_xydata().tolist() == path[:2]
    assert first.lines[1].get_xydata().tolist() == [[4, 1]], "the start is marked"
    assert first.get_title() == "a\nloss 18.00, after 2 steps 3.00"  # (1 + 20 / 4) / 2
    assert "b: loss 18.00, after 1 step 12.00" in figure.alt
    for axes in figure.axes:
        (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
        assert x0 < -4 and x1 > 4 and y0 < -1 and y1 > 1


def test_signals():
    figure = plot.signals({"He's": {"conv1": 1.5, "fc2": 2.0}, "small": {"conv1": 0.1, "fc2": 1e-4}})
    axes = figure.axes[0]
    assert [list(line.get_ydata()) for line in axes.lines] == [[1.5, 2.0], [0.1, 1e-4]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["He's", "small"]
    assert "small: conv1 0.1, fc2 0.0001" in figure.alt


# -- votes -----------------------------------------------------------------------------------------


def test_votes():
    small, large = RNG.dirichlet(np.ones(3), 2), RNG.dirichlet(np.ones(3), 5)
    figure = plot.votes({"48 px": small, "55 px": large}, ["a", "b", "c"], label=1)
    first, second, bars = figure.axes
    for axes, rows in ((first, small), (second, large)):
        drawn = np.asarray(axes.collections[0].get_array())
        assert np.array_equal(drawn, rows.T), "a column for each view, a row for each class"
        assert axes.collections[0].get_clim() == (0, 1) and axes.get_ylim() == (3, 0)
    mean = np.concatenate([small, large]).mean(axis=0)
    assert np.allclose([patch.get_width() for patch in bars.patches], mean), "of all views, not of the groups"
    assert [text.get_text() for text in bars.texts] == [f"{value:.2f}" for value in mean]
    assert bars.patches[1].get_facecolor() == to_rgba(style.GREEN)
    assert [text.get_text() for text in first.get_yticklabels()] == ["a", "b", "c"]
    assert "7 views" in figure.alt and figure.alt.endswith("b is right.")


def test_votes_show_a_wrong_mean():
    bars = plot.votes({"all": [[0.9, 0.1], [0.6, 0.4]]}, ["a", "b"], label=1).axes[-1]
    assert [patch.get_facecolor() for patch in bars.patches] == [to_rgba(style.RED), to_rgba(style.GREEN)]


def test_votes_refuse_what_are_no_views():
    with pytest.raises(ValueError, match=r"expected 'x' as \(views, 2\), got the shape \(1, 3\)"):
        plot.votes({"x": [[1, 0, 0]]}, ["a", "b"], 0)
    with pytest.raises(ValueError, match="at least one view, got none"):
        plot.votes({"x": np.zeros((0, 2))}, ["a", "b"], 0)


# -- differences -----------------------------------------------------------------------------------


def test_differences_share_a_scale_and_are_relative():
    first = np.array([[[1.0, 3.0], [0.0, 0.0], [2.0, 2.0]], [[4.0, 0.0], [1.0, 1.0], [-5.0, 1.0]]])
    second = first.copy()
    second[0, 1] = 0.0, 1.0
    second[1, 2] = -5.0, 1.00001
    figure = plot.differences({"a": first, "b": second}, windows=[(0, 1, 2, 3)])
    left, middle, right = figure.axes[:3]
    assert np.array_equal(left.collections[0].get_array(), first.mean(axis=2))
    assert np.array_equal(middle.collections[0].get_array(), second.mean(axis=2))
    assert left.collections[0].get_clim() == middle.collections[0].get_clim() == (-2, 2), "equal cells look equal"
    found = np.asarray(right.collections[0].get_array())
    assert found.round(3).tolist() == [[0, 20, 0], [0, 0, 0]], "the largest over the channels, of the largest value, 5"
    assert right.get_title().endswith("5 of 6 cells agree") and right.collections[0].get_clim()[0] == 0
    assert "the largest difference is 20%" in figure.alt
    alike = plot.differences({"a": first, "b": first}).axes[2].collections[0]
    assert alike.norm(0) == 0, "no difference has the palest shade"
    for axes in (left, middle, right):
        assert [patch.get_bbox().extents.tolist() for patch in axes.patches] == [[1, 0, 3, 2]]
        assert axes.get_ylim() == (2, 0), "row 0 on top, as in the picture"


def test_differences_refuse_other_shapes():
    with pytest.raises(ValueError, match=r"two maps \(H, W, C\) of one shape, got \(1, 2, 3\), \(1, 3, 3\)"):
        plot.differences({"a": np.zeros((1, 2, 3)), "b": np.zeros((1, 3, 3))})
    with pytest.raises(ValueError, match="got none"):
        plot.differences({})


# -- all of them -----------------------------------------------------------------------------------

PLANS = [Single(48), Alternating((48, 40)), Random(40, 48), Mixed((48, 40))]
PATH = np.cumsum(RNG.normal(size=(9, 2)), axis=0)
PICTURE = RNG.random((6, 9, 2))
LAYERS = ["conv1", "conv2", "conv3", "conv4", "fc5", "fc6"]
CLASSES = ["striped disc", "banded bar", "dotted star", "chequered triangle"]
SCALES = {"48 px": 6, "55 px": 18, "64 px": 18, "77 px": 18, "96 px": 18, "120 px": 18, "whole": 1}
FIGURES = {
    "plans": lambda: plot.plans({str(plan): plan for plan in PLANS}),
    "plans, one": lambda: plot.plans({"one": PLANS[0]}, epochs=2, count=5),
    "plans, many sides": lambda: plot.plans({"a": Mixed(range(20, 80)), "b": PLANS[0]}),
    "schedules": lambda: plot.schedules({"Cosine": Cosine(0.02, 12, 1), "Step": Step(0.02, (6,))}, 12, [0.3] * 12),
    "descents": lambda: plot.descents({f"momentum 0.{k}, rate 0.02": PATH for k in range(3)}, (1, 20)),
    "signals": lambda: plot.signals({name: dict(zip(LAYERS, RNG.random(6), strict=True)) for name in "abc"}),
    "votes": lambda: plot.votes({name: RNG.dirichlet(np.ones(4), n) for name, n in SCALES.items()}, CLASSES, 2),
    "differences": lambda: plot.differences({"the one": PICTURE, "the other": PICTURE**2}, [(1, 1, 3, 4)]),
    "differences, flat": lambda: plot.differences({"the one": PICTURE[:1], "the other": PICTURE[:1]}),
    "votes, one": lambda: plot.votes({"a single view": [[0.0, 1.0]]}, CLASSES[:2], 1),
}


@pytest.mark.parametrize("name", FIGURES)
def test_words_can_be_read(name):
    must_be_readable(FIGURES[name]())

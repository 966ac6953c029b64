"""The laboratory's integers against `minispp.windows` and `minispp.fields`; rules they lack, against plain loops."""

import json
from fractions import Fraction
from itertools import product

import naive
import numpy as np
import pytest

from minispp import windows
from minispp.fields import Field, Slide, box_to_cells, cells_to_box, field, map_size, receptive_box
from minispp.kernels import reference

AXES = [(size, bins) for size in range(1, 131) for bins in range(1, 17)]
ZF5 = [Slide(7, 2, 1), Slide(3, 2, 0, True), Slide(5, 2), Slide(3, 2, 0, True), *3 * [Slide(3, 1, 1)]]
FIELDS = [field(ZF5), Field(12, 161, 14), Field(16, 139, 20.5), Field(1, 1, 0), Field(7, 30, -1.5)]


def in_script(call, cases, page):
    """What the script says to each case, asked all at once, and as text, which is many times faster to pass on."""
    return json.loads(page.evaluate(f"text => JSON.stringify(JSON.parse(text).map((c) => {call}))", json.dumps(cases)))


def differing(cases, ours, expected):
    """The first few cases that differ, to be compared with an empty list."""
    assert len(ours) == len(expected) == len(cases) > 100
    return [(c, got, want) for c, got, want in zip(cases, ours, expected, strict=True) if got != want][:5]


def ended(cells):
    """Cells as [first, last + 1]; None stands for a list without cells."""
    return [cells[0], cells[-1] + 1] if cells else None


# ---------------------------------------------------------------------------------------------------
# One axis


def test_division_rounds_down_and_up_for_all_integers(scripts):
    numbers = [*range(-70, 71), -(2**52) + 1, 2**52 - 1, 10**15 + 7, -(10**15) - 7]
    cases = [(a, b) for a in numbers for b in (1, 2, 3, 6, 7, 16, 512, 10**6 + 3)]
    ours = in_script("[Geometry.floorDiv(...c), Geometry.ceilDiv(...c), Geometry.roundDiv(...c)]", cases, scripts)
    assert not differing(cases, ours, [[a // b, -(-a // b), round(Fraction(a, b))] for a, b in cases])
    assert not scripts.evaluate("[Geometry.ceilDiv(0, 5), Geometry.ceilDiv(-3, 5)].some((n) => Object.is(n, -0))")


def test_floor_and_ceil(scripts):
    ours = in_script("Geometry.binEdges(...c)", AXES, scripts)
    assert not differing(AXES, ours, [windows.bin_edges(*case).tolist() for case in AXES])


def test_sliding_windows_with_padding_and_ceil_mode(scripts):
    tried = product(range(1, 40), range(1, 8), range(1, 6), range(4), (False, True))
    cases = [c for c in tried if c[3] < c[1] <= c[0] + 2 * c[3]]
    ours = in_script("Geometry.slidingEdges(...c)", cases, scripts)
    assert not differing(cases, ours, [windows.sliding_edges(*case).tolist() for case in cases])


def test_the_sliding_rule_exists_only_where_its_stride_does(scripts):
    def expected(size, bins):
        return None if size < bins else windows.sliding_rule_edges(size, bins).tolist()

    ours = in_script("Geometry.slidingRuleEdges(...c)", AXES, scripts)
    assert not differing(AXES, ours, [expected(*case) for case in AXES])


def test_the_released_rule_is_the_sliding_rule_but_for_two_bins(scripts):
    def expected(size, bins):
        if size < bins:
            return None
        kernel = -(-size // bins)
        stride = kernel if bins == 2 else size // bins
        return [ended(cells) for cells in naive.slide_cells(size, kernel, stride, ceil_mode=True)]

    ours = in_script("Geometry.releasedEdges(...c)", AXES, scripts)
    assert not differing(AXES, ours, [expected(*case) for case in AXES])


def test_the_released_numbers_on_13_cells(scripts):
    slides = in_script("Geometry.releasedRule(13, c)", [6, 3, 2, 1], scripts)
    assert [(slide["kernel"], slide["stride"]) for slide in slides] == [(3, 2), (5, 4), (7, 7), (13, 13)]
    assert scripts.evaluate("Geometry.releasedEdges(13, 2)") == [[0, 7], [7, 13]]


def test_the_padded_rule_pads_until_it_divides(scripts):
    def expected(size, bins):
        lack = -size % bins
        front = lack - lack // 2
        row = [*range(-front, 0), *range(size), *range(size, size + lack - front)]
        share = len(row) // bins
        assert share * bins == len(row)
        return [ended(row[k * share : (k + 1) * share]) for k in range(bins)]

    ours = in_script("Geometry.paddedEdges(...c)", AXES, scripts)
    assert not differing(AXES, ours, [expected(*case) for case in AXES])


def test_the_padding_that_frameworks_refuse(scripts):
    """Bins and sizes known to stop a port: the padding is more than half of the kernel."""
    cases = [(size, bins) for bins in (4, 6) for size in range(bins, 26)]
    ours = in_script("Geometry.paddedRule(...c)", cases, scripts)
    refused = {c for c, rule in zip(cases, ours, strict=True) if 2 * rule["pad"] > rule["kernel"]}
    assert refused == {(5, 4), (9, 4), *((size, 6) for size in (7, 8, 9, 13, 14, 15, 19, 25))}


def test_rounded_edges(scripts):
    def expected(size, bins):
        edges = [round(Fraction(k * size, bins)) for k in range(bins + 1)]
        return [[start, stop] for start, stop in zip(edges[:-1], edges[1:], strict=True)]

    ours = in_script("Geometry.roundedEdges(...c)", AXES, scripts)
    assert not differing(AXES, ours, [expected(*case) for case in AXES])


# ---------------------------------------------------------------------------------------------------
# Pyramids


def random_levels(rng):
    sides = rng.integers(1, 9, size=(rng.integers(1, 6), 2))
    sides[:, 1] = np.where(rng.random(len(sides)) < 0.6, sides[:, 0], sides[:, 1])
    return sides.tolist()


def test_which_level_a_level_is_pooled_from(scripts):
    rng = np.random.default_rng(1)
    cases = [random_levels(rng) for _ in range(1500)]
    ours = in_script("[Geometry.finerLevel(c), Geometry.countBins(c)]", cases, scripts)
    assert not differing(cases, ours, [[list(windows.finer_level(c)), windows.count_bins(c)] for c in cases])


def random_states(rule, count, seed, largest=20):
    """States of the laboratory: any map, pyramid and mapping, and any window on its picture."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        height, width = map(int, rng.integers(1, largest + 1, 2))
        spans = [np.sort(rng.choice(16 * (side + 1) + 1, 2, replace=False)) for side in (height, width)]
        if rng.random() < 0.3:
            spans = [(0, 16 * (height + 1)), (0, 16 * (width + 1))]
        (top, bottom), (left, right) = spans
        yield {
            "height": height,
            "width": width,
            "levels": random_levels(rng),
            "rule": rule,
            "mapping": "paper" if rng.random() < 0.5 else "released",
            "window": [int(edge) for edge in (top, left, bottom, right)],
            "bin": 0,
        }


DESCRIBED = """(() => {
  const { window, levels, bins, picture } = Pooling.describe(c);
  const totals = levels.map(({ missed, shared, most, exists }) => ({ missed, shared, most, exists }));
  const rows = bins.map(({ kind, cells, value, place }) => ({ kind, cells, value, place }));
  return { window, totals, bins: rows, features: picture.features };
})()"""


def test_windows_bins_and_winners_are_those_of_the_reference(scripts):
    states = list(random_states("paper", 150, 2))
    for state, found in zip(states, in_script(DESCRIBED, states, scripts), strict=True):
        height, width, levels = state["height"], state["width"], [tuple(level) for level in state["levels"]]
        cells = box_to_cells([[0, *state["window"]]], field(ZF5), height, width, state["mapping"])
        assert found["window"] == cells[0, 1:].tolist()
        table = windows.pyramid(cells, levels)
        assert [one["cells"] for one in found["bins"]] == table[:, 1:].tolist()
        maps = np.array(found["features"], float).reshape(1, height, width, 1)
        values, winners = reference.window_max(maps, table)
        assert [one["value"] for one in found["bins"]] == values[:, 0].tolist()
        assert [one["place"] for one in found["bins"]] == [list(divmod(int(cell), width)) for cell in winners[:, 0]]


@pytest.mark.parametrize("rule", ["paper", "sliding", "released", "padded", "rounded"])
def test_missed_and_shared_cells_are_counted_one_by_one(rule, scripts):
    states = list(random_states(rule, 60, 3, largest=12))
    for state, found in zip(states, in_script(DESCRIBED, states, scripts), strict=True):
        top, left, bottom, right = found["window"]
        first = 0
        for (rows, columns), total in zip(state["levels"], found["totals"], strict=True):
            bins = found["bins"][first : first + rows * columns]
            first += rows * columns
            times = np.zeros((bottom - top, right - left), int)
            for one in bins:
                if one["cells"] is not None:
                    r0, c0, r1, c1 = one["cells"]
                    times[r0 - top : r1 - top, c0 - left : c1 - left] += 1
            exists = rule not in ("sliding", "released") or (bottom - top >= rows and right - left >= columns)
            wanted = {"missed": (times == 0).sum(), "shared": (times > 1).sum(), "most": times.max(), "exists": exists}
            assert total == wanted, state


def test_zeros_of_the_padding_beat_negative_values_and_nothing_else(scripts):
    """A padded map, cut into equal parts, as such a port does it."""
    states = list(random_states("padded", 100, 4, largest=14))
    for state, found in zip(states, in_script(DESCRIBED, states, scripts), strict=True):
        top, left, bottom, right = found["window"]
        inner = np.array(found["features"])[top:bottom, left:right]
        expected = []
        for rows, columns in state["levels"]:
            lacks = -inner.shape[0] % rows, -inner.shape[1] % columns
            padded = np.pad(inner, [(lack - lack // 2, lack // 2) for lack in lacks])
            parts = padded.reshape(rows, padded.shape[0] // rows, columns, padded.shape[1] // columns)
            expected += parts.max(axis=(1, 3)).ravel().tolist()
        assert [one["value"] for one in found["bins"]] == expected
        for one in found["bins"]:
            row, column = one["place"] or (None, None)
            assert one["value"] == (0 if row is None else found["features"][row][column])


def test_bins_without_cells_have_no_value(scripts):
    states = list(random_states("rounded", 60, 5, largest=8)) + list(random_states("sliding", 60, 5, largest=8))
    kinds = set()
    for found in in_script(DESCRIBED, states, scripts):
        for one in found["bins"]:
            kinds.add(one["kind"])
            full = one["cells"] and one["cells"][0] < one["cells"][2] and one["cells"][1] < one["cells"][3]
            wanted = "none" if one["cells"] is None else "pooled" if full else "empty"
            assert one["kind"] == wanted and (one["value"] is None) == (wanted != "pooled")
    assert kinds == {"pooled", "empty", "none"}


# ---------------------------------------------------------------------------------------------------
# Pixels and cells


def in_js(field):
    return {"stride": field.stride, "size": field.size, "twiceCentre": int(2 * field.centre)}


@pytest.mark.parametrize("rule", ["paper", "released"])
@pytest.mark.parametrize("trunk", FIELDS)
def test_boxes_to_cells(trunk, rule, scripts):
    rng = np.random.default_rng(6)
    corners = rng.integers(-60, 320, (3000, 2))
    sides = np.where(rng.random((3000, 2)) < 0.4, rng.integers(1, 30, (3000, 2)), rng.integers(1, 300, (3000, 2)))
    boxes = np.hstack([corners, corners + sides])
    cases = boxes.tolist()
    ours = in_script(f"Geometry.boxToCells(c, {in_js(trunk)}, 13, 10, '{rule}')", cases, scripts)
    expected = box_to_cells(np.insert(boxes, 0, 0, axis=1), trunk, 13, 10, rule)[:, 1:]
    assert not differing(cases, ours, expected.tolist())


def test_small_boxes_do_invert_and_become_the_mean(scripts):
    """Every box of up to 40 pixels along one axis; some must invert, or the case above proves nothing of them."""
    cases = [(start, start + length) for start in range(-5, 60) for length in range(1, 41)]
    ours = in_script(f"Geometry.intervalToCells(...c, {in_js(FIELDS[0])}, 13, 'paper')", cases, scripts)
    inverted = [one for one in ours if one["inverted"]]
    assert len(inverted) > 300
    for one in inverted:
        assert one["first"] > one["last"] and one["ends"] == 2 * [(one["first"] + one["last"]) // 2]
    expected = [naive.cells_of_interval(a, b - 1, 16, 20, 13) for a, b in cases]
    assert not differing(cases, [[one["start"], one["stop"]] for one in ours], [list(pair) for pair in expected])


@pytest.mark.parametrize("trunk", FIELDS)
def test_cells_to_boxes(trunk, scripts):
    tops, lefts = np.divmod(np.arange(400), 20)
    table = np.stack([tops, lefts, tops + 1 + lefts % 5, lefts + 1 + tops % 4], axis=1)
    call = f"[Geometry.cellsToBox(c, {in_js(trunk)}), Geometry.receptiveBox(c, {in_js(trunk)})]"
    ours = in_script(call, table.tolist(), scripts)
    full = np.insert(table, 0, 0, axis=1)
    expected = np.stack([cells_to_box(full, trunk), receptive_box(full, trunk)], axis=1)[:, :, 1:]
    assert not differing(table.tolist(), ours, expected.tolist())


def test_a_map_belongs_to_the_picture_that_zf5_makes_it_of(scripts):
    sizes = list(range(1, 33))
    assert [map_size(side, ZF5) for side in in_script("Picture.side(c)", sizes, scripts)] == sizes
    assert scripts.evaluate("Picture.FIELD") == in_js(field(ZF5))


def test_a_feature_is_the_mean_warmth_around_its_centre(scripts):
    script = "() => { const p = Picture.ofMap(5, 7); return { data: [...p.data], features: p.features }; }"
    found = scripts.evaluate(script)
    picture = np.array(found["data"]).reshape(96, 128, 4)
    warmth = (picture[..., 0] - picture[..., 2])[12:92, 12:124].reshape(5, 16, 7, 16).sum(axis=(1, 3)) // 256
    assert found["features"] == warmth.tolist()
    assert warmth.min() < 0 < warmth.max()

"""The arithmetic that the laboratory writes out: every link of every chain is worked out once more, exactly."""

import json
import math
import re
from fractions import Fraction

import pytest

LINES = """text => {
  const { rule, mapping, sizes, bins, corner } = JSON.parse(text);
  const lines = [];
  for (const size of sizes) for (const n of bins) {
    const axis = Geometry.axis(rule, size, n);
    for (let k = 0; k < n; k++) {
      const found = Arithmetic.bin(rule, k, size, n, corner);
      lines.push({ case: [size, n, k], whole: axis.whole && axis.whole[k], edges: axis.edges[k] ?? null, found });
    }
  }
  return JSON.stringify(lines);
}"""

INTERVALS = """text => {
  const { mapping, cells, spans } = JSON.parse(text);
  return JSON.stringify(spans.map(([start, stop]) => {
    const found = Geometry.intervalToCells(start, stop, Picture.FIELD, cells, mapping);
    const lines = Arithmetic.interval(mapping, start, stop, Picture.FIELD, cells, found);
    return { case: [start, stop], found, lines };
  }));
}"""


def worked_out(text):
    """The values of the links of a chain such as "ceil(3*10/6) = (30 + 5) // 6 = 5", in fractions."""
    names = {"F": Fraction, "floor": math.floor, "ceil": math.ceil, "round": round, "min": min, "max": max}
    values = []
    for link in text.split(" = "):
        assert re.fullmatch(r"(floor|ceil|round|min|max|[\d()+*/, -])+", link), link
        values.append(eval(re.sub(r"\d+", r"F(\g<0>)", link), {"__builtins__": {}}, names))
    return values


def test_the_examples_of_the_paper_s_second_size(scripts):
    call = "([k, corner]) => Arithmetic.bin('paper', k, 10, 6, corner).map((line) => line.text)"
    assert scripts.evaluate(call, [2, 0]) == ["floor(2*10/6) = 20 // 6 = 3", "ceil(3*10/6) = (30 + 5) // 6 = 5"]
    assert scripts.evaluate(call, [2, 4])[2:] == ["4 + 3 = 7", "4 + 5 = 9"]


@pytest.mark.parametrize("corner", [0, 5])
@pytest.mark.parametrize("rule", ["paper", "sliding", "released", "padded", "rounded"])
def test_every_chain_of_a_bin_is_true_and_ends_in_its_edge(rule, corner, scripts):
    asked = {"rule": rule, "sizes": list(range(1, 24)), "bins": list(range(1, 8)), "corner": corner}
    lines = json.loads(scripts.evaluate(LINES, json.dumps(asked)))
    assert len(lines) == 23 * 28
    for line in lines:
        for step in line["found"]:
            assert set(worked_out(step["text"])) == {step["value"]}, (line["case"], step)
        values = {step["name"]: step["value"] for step in line["found"]}
        if line["edges"] is None:
            assert values == {"stride": 0}
            continue
        assert [values["start"], values["stop"]] == line["whole"], line
        if rule == "padded":
            assert [values["cells from"], values["cells to"]] == line["edges"], line
        if corner:
            shown = line["edges"] if rule == "padded" else line["whole"]
            assert [values["start on the map"], values["stop on the map"]] == [corner + edge for edge in shown], line


def test_halves_go_to_the_even_edge_and_the_chain_says_so(scripts):
    (start, stop) = scripts.evaluate("Arithmetic.bin('rounded', 0, 5, 2, 0)")
    assert (stop["text"], stop["note"]) == ("round(1*5/2) = 12 // 4 - 1 = 2", "a half goes to the even neighbour")
    assert start["text"] == "round(0*5/2) = 2 // 4 = 0"


@pytest.mark.parametrize("mapping", ["paper", "released"])
def test_every_chain_from_pixels_to_cells_is_true(mapping, scripts):
    spans = [(start, start + length) for start in range(0, 200, 3) for length in (1, 2, 5, 9, 14, 16, 17, 30, 90)]
    lines = json.loads(scripts.evaluate(INTERVALS, json.dumps({"mapping": mapping, "cells": 10, "spans": spans})))
    inverted = clamped = 0
    for line in lines:
        for step in line["lines"]:
            assert set(worked_out(step["text"])) == {step["value"]}, (line["case"], step)
        found, values = line["found"], {step["name"]: step["value"] for step in line["lines"]}
        assert [values["first"], values["last"]] == [found["first"], found["last"]]
        ends = 2 * [values["both"]] if "both" in values else [values["first"], values["last"]]
        ends = [values.get("first on the map", ends[0]), values.get("last on the map", ends[1])]
        assert ends == [found["start"], found["stop"] - 1], line
        assert ("both" in values) == found["inverted"]
        inverted += found["inverted"]
        clamped += "first on the map" in values
    assert inverted > 20 and clamped > 20


ADDRESSES = [
    "#map=13x13&levels=6,3,2,1&rule=paper&mapping=paper&window=0,0,224,224&bin=0",
    "#map=4x32&levels=2x3,16,1x1&rule=released&mapping=released&window=79,0,80,528&bin=262",
]


def test_an_address_that_is_read_and_written_is_the_same(scripts):
    read = scripts.evaluate("hashes => hashes.map((hash) => Address.parse(hash))", ADDRESSES)
    assert [one["problems"] for one in read] == [[], []]
    assert read[1]["state"] == {
        "height": 4, "width": 32, "levels": [[2, 3], [16, 16], [1, 1]], "rule": "released", "mapping": "released",
        "window": [79, 0, 80, 528], "bin": 262,
    }  # fmt: skip
    assert scripts.evaluate("read => read.map(({ state }) => Address.format(state))", read)[0] == ADDRESSES[0]
    assert scripts.evaluate("read => Address.format(read.state)", read[1]) == ADDRESSES[1].replace("1x1", "1")


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("map=13", "map"), ("map=0x13", "map"), ("map=33x13", "map"), ("map=13x13x13", "map"), ("map=-3x13", "map"),
        ("levels=", "levels"), ("levels=6,,1", "levels"), ("levels=17", "levels"), ("levels=0", "levels"),
        ("levels=1,1,1,1,1,1,1", "levels"), ("levels=16,15", "levels"), ("levels=2x", "levels"),
        ("levels=1.5", "levels"),
        ("rule=Paper", "rule"), ("rule=toString", "rule"), ("mapping=", "mapping"),
        ("window=0,0,0,224", "window"), ("window=0,0,225,224", "window"), ("window=9,9,3,20", "window"),
        ("window=1,2,3", "window"), ("window=a,b,c,d", "window"), ("window=0,0,1e2,5", "window"),
        ("bin=50", "bin"), ("bin=-1", "bin"), ("bin=x", "bin"), ("colour=red", "colour"), ("%E0%A4%A=1", "%E0%A4%A"),
    ],
)  # fmt: skip
def test_what_an_address_cannot_mean_falls_back_and_is_named(part, named, scripts):
    found = scripts.evaluate("hash => Address.parse(hash)", f"#{part}")
    assert len(found["problems"]) == 1 and named in found["problems"][0]
    assert scripts.evaluate("({ state }) => Address.format(state)", found) == ADDRESSES[0]

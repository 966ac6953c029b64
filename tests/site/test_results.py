"""Tables on the site are those of the JSON files; pages have a place for each, and no numbers of their own."""

import json
import re

import pytest

from docs_build import ROOT, SiteError, results


@pytest.fixture(scope="module")
def tables():
    return {page: make() for page, make in results.PAGES.items()}


@pytest.mark.parametrize("page", results.PAGES)
def test_every_table_has_its_place(page, tables):
    text = (ROOT / "docs" / page).read_text()
    assert set(re.findall(r"\{\{(.+?)\}\}", text)) == set(tables[page])
    filled = results.filled(text, tables[page])
    assert "{{" not in filled and filled.count("|---") >= 5


@pytest.mark.parametrize("page", results.PAGES)
def test_no_measured_number_is_typed(page):
    """Decimal fractions and percentages come from the files alone."""
    text = re.sub(r"^    .*$|`[^`]*`|\]\([^)]*\)", "", (ROOT / "docs" / page).read_text(), flags=re.MULTILINE)
    assert re.findall(r"\d+\.\d+|\d+ ?%", text.replace("IoU .5", "")) == []


def test_numbers_are_those_of_the_files(tables):
    runs = json.loads((ROOT / "benchmarks" / "caltech20.json").read_text())
    mean = sum(values := [r["accuracy"]["centre"] for r in runs if r["model"] == "no SPP"]) / len(values)
    row = next(line for line in tables["results.md"]["caltech20"].splitlines() if line.startswith("| no SPP"))
    assert row.split("|")[4].strip().startswith(f"{mean:.1f} ±")
    cost = json.loads((ROOT / "benchmarks" / "rcnn_vs_spp.json").read_text())["seconds"]
    ratio = cost["R-CNN"]["conv"] / cost["SPP, one scale"]["conv"]
    assert tables["results.md"]["paper ratios"].startswith(f"**{ratio:.0f}** times (SPP, one scale)")
    bugs = json.loads((ROOT / "benchmarks" / "mutants.json").read_text())
    assert tables["benchmarks.md"]["mutants caught"] == f"{sum(bool(b['caught by']) for b in bugs)} of {len(bugs)}"


def test_other_numbers_in_the_file_are_other_numbers_on_the_page(tmp_path, monkeypatch):
    runs = json.loads((ROOT / "benchmarks" / "detection_bccd.json").read_text())
    for run in runs:
        run["mean"] = [12.34, 5.6]
    for path in (ROOT / "benchmarks").glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for path in (ROOT / "benchmarks").glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "detection_bccd.json").write_text(json.dumps(runs))
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert "| 12.3 ± 0.0 | 5.6 ± 0.0 |" in results.results()["bccd"]


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    with pytest.raises(SiteError, match="benchmarks/layers.json is not there"):
        results.benchmarks()


def test_values_are_indented_as_their_places():
    assert results.filled("??? note\n\n    {{t}}\n\n{{t}}", {"t": "a\nb"}) == "??? note\n\n    a\n    b\n\na\nb"

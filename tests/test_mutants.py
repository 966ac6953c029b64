"""The list of planted bugs follows the code: a bug that cannot be planted any more catches nothing."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "mutants.py"
spec = importlib.util.spec_from_file_location("mutants", SCRIPT)
mutants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutants)


@pytest.mark.parametrize(
    ("file", "old", "new"), [(file, old, new) for file, _, old, new in mutants.MUTANTS], ids=lambda text: text[:30]
)
def test_each_bug_can_be_planted_in_one_place(file, old, new):
    assert (mutants.ROOT / file).read_text(encoding="utf-8").count(old) == 1 and old != new

"""History: what a schedule watches, and a file that holds it."""

import json

import pytest

from minispp.history import History

ROWS = [
    {"epoch": 1, "rate": 0.01, "loss": 2 / 3, "error": 0.5, "sizes": [9, 12], "seconds": 0.1},
    {"epoch": 2, "rate": 0.001, "loss": 1e-300, "error": 0.1, "validation_error": 0.25, "sizes": [9], "seconds": 0.2},
]


def test_columns():
    history = History(ROWS)
    assert history.errors() == [0.5, 0.25], "the validation error where there is one"
    assert history.column("loss") == [2 / 3, 1e-300]
    assert history.column("validation_error") == [None, 0.25]
    assert History().errors() == [] == History().column("loss")


def test_round_trip(tmp_path):
    path = tmp_path / "history.json"
    History(ROWS).save(path)
    again = History.load(path)
    assert type(again) is History and again == ROWS
    assert json.loads(path.read_text()) == ROWS, "plain JSON, for other programs too"
    again.append({"epoch": 3, "error": 0.0})
    again.save(path)
    assert len(History.load(path)) == 3 and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{", '{"epoch": 1}', "[1, 2]", "3", "\x00\xff"])
def test_files_that_are_no_history(tmp_path, text):
    path = tmp_path / "history.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match="history.json: "):
        History.load(path)


def test_no_file(tmp_path):
    with pytest.raises(ValueError, match="nothing.json: cannot be read as a history"):
        History.load(tmp_path / "nothing.json")
    with pytest.raises(ValueError, match="there is no folder"):
        History(ROWS).save(tmp_path / "no" / "history.json")

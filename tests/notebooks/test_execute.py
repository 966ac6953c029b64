"""The notebooks' executor: what a reader would stumble over is found."""

import importlib.util
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the notebooks' extra is not installed")
pytest.importorskip("nbclient", reason="the notebooks' extra is not installed")
pytest.importorskip("ipykernel", reason="the notebooks' extra is not installed")

SCRIPT = Path(__file__).resolve().parents[2] / "notebooks" / "execute.py"
spec = importlib.util.spec_from_file_location("execute", SCRIPT)
execute = importlib.util.module_from_spec(spec)
spec.loader.exec_module(execute)

FAULTS = {
    "1 / 0": "ZeroDivisionError",
    "import warnings\nwarnings.warn('beware')": "UserWarning: beware",
    "import sys\nprint('100% | sure', 'oops', sep='\\n', file=sys.stderr)": "cell 1 wrote to stderr: .*oops",
    "import time\ntime.sleep(1.2)": "cell 1 was silent for 1[.]\\d s: 'import time",
    "import urllib.request\nurllib.request.urlopen('http://192.0.2.1')": "opened a connection to .*192.0.2.1",
}


def notebook(folder, *sources):
    cells = [nbformat.v4.new_markdown_cell("# Title"), *map(nbformat.v4.new_code_cell, sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "00_test.ipynb")
    return folder / "00_test.ipynb"


@pytest.mark.parametrize("source", FAULTS)
def test_a_fault_is_found(tmp_path, source):
    with pytest.raises(ValueError, match=f"00_test.ipynb: (?s:.*){FAULTS[source]}"):
        execute.execute(notebook(tmp_path, source), silence=1)


def test_a_good_notebook_keeps_its_outputs_and_loses_its_bars(tmp_path):
    bars = "import time\nfrom tqdm import tqdm\nfor _ in tqdm(range(3)):\n    time.sleep(0.6)"
    path = notebook(tmp_path, bars, "from minispp import plot\nplot.bins(3, 4)", "1 + 1")
    done, seconds, silence, cell = execute.execute(path, silence=1.2)
    assert [len(cell.get("outputs", ())) for cell in done.cells] == [0, 0, 1, 1]
    figure, two = done.cells[2].outputs[0], done.cells[3].outputs[0]
    assert figure.data["image/png"] and "3 × 4 cells" in figure.metadata["image/png"]["alt"]
    assert two.data["text/plain"] == "2" and 1.8 < seconds and 0.3 < silence and cell in (1, 2)
    assert nbformat.read(path, as_version=4).cells[3].outputs == [], "the source stays as it was"


def test_of_several_all_are_tried(tmp_path, monkeypatch, capsys):
    notebook(tmp_path, "2").rename(tmp_path / "01_test.ipynb")
    notebook(tmp_path, "1 / 0")
    monkeypatch.setattr(execute, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["execute.py", "--out", str(tmp_path / "out")])
    monkeypatch.setenv("PYTHONPATH", "")
    assert execute.main() == 1
    assert "1 passed, 1 failed" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["01_test.ipynb"]

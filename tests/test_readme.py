"""The Python in the README runs as it stands there, on a folder of pictures."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minispp import zoo

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_readme_has_python():
    assert len(BLOCKS) == 3


@pytest.mark.parametrize("block", BLOCKS)
def test_block_runs(block, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for name in ("circle", "square"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for k in range(5):
            noise = rng.integers(0, 256, (50 + k, 70 - k, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "pictures" / name / f"{k}.png")
    street = np.full((90, 130, 3), 40, np.uint8)
    street[20:70, 30:80] = 200
    Image.fromarray(street).save(tmp_path / "street.jpg")
    if "Net.load" in block:
        zoo.small(["circle", "square"], width=4).save(tmp_path / "net.safetensors")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(block.replace("epochs=36", "epochs=3"), names)
    if "history" in names:
        assert (tmp_path / "net.safetensors").exists() and len(names["history"]) == 3
    elif "kept" in names:
        count = len(names["boxes"])
        assert names["features"].shape == (count, 50 * 16) and 0 < len(names["kept"]) <= count
    else:
        assert names["y"].tolist() == [[5, 7, 9, 11, 11]] and names["dx"].sum() == 5

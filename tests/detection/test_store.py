"""Boxes on disk: found again where they belong, made again where anything is different or damaged."""

import os
import subprocess
import sys

import numpy as np
import pytest

from minispp.detection.store import Store

MADE = []


def corners(picture, size=2, name="top"):
    MADE.append((size, name))
    return np.array([[0, 0, size, size]])


def other_corners(picture, size=2):
    MADE.append("other")
    return np.array([[1, 1, 1 + size, 1 + size]])


@pytest.fixture(autouse=True)
def nothing_made():
    MADE.clear()


def picture(seed=0, shape=(5, 7, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_the_same_is_made_once(tmp_path):
    for _ in range(3):
        boxes = Store(tmp_path / "deep" / "er", corners, size=3)(picture())
        assert boxes.dtype == np.int32 and boxes.tolist() == [[0, 0, 3, 3]]
    assert len(MADE) == len(files(tmp_path)) == 1


def test_views_of_equal_pixels_are_the_same_picture(tmp_path):
    store = Store(tmp_path, corners)
    store(picture())
    store(np.asfortranarray(picture()))
    assert len(MADE) == 1


def test_what_differs_is_made_anew(tmp_path):
    Store(tmp_path, corners, size=3)(picture())
    Store(tmp_path, corners, size=4)(picture())
    Store(tmp_path, corners, size=3, name="bottom")(picture())
    Store(tmp_path, corners, size=3)(picture(seed=1))
    Store(tmp_path, corners, size=3)(picture().reshape(7, 5, 3))
    assert Store(tmp_path, other_corners, size=3)(picture()).tolist() == [[1, 1, 4, 4]]
    assert len(MADE) == len(files(tmp_path)) == 6


def test_a_changed_source_makes_anew(tmp_path, monkeypatch):
    package = tmp_path / "searching"
    package.mkdir()
    source = "import numpy as np\ndef look(picture):\n    return np.array([[0, 0, {0}, {0}]])\n"
    program = (
        "import sys, numpy as np; from searching.eyes import look; from minispp.detection.store import Store; "
        "print(Store(sys.argv[1], look)(np.zeros((9, 9, 3), np.uint8)).tolist())"
    )
    found = []
    for stop in (3, 3, 4):
        (package / "__init__.py").write_text("")
        (package / "eyes.py").write_text(source.format(stop))
        command = [sys.executable, "-B", "-c", program, str(tmp_path / "store")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.append((done.stdout.strip(), len(files(tmp_path / "store"))))
    assert found == [("[[0, 0, 3, 3]]", 1), ("[[0, 0, 3, 3]]", 1), ("[[0, 0, 4, 4]]", 2)]


def test_damaged_files_are_made_again(tmp_path):
    store = Store(tmp_path, corners)
    store(picture())
    [path] = files(tmp_path)
    whole = path.read_bytes()
    for cut in (0, 1, 9, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert store(picture()).tolist() == [[0, 0, 2, 2]] and path.read_bytes() == whole
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        assert store(picture()).tolist() == [[0, 0, 2, 2]]


def test_a_kill_leaves_nothing_half_written(tmp_path):
    """Whatever happens while boxes are made, no file is left that could be taken for whole."""

    def killed(picture):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path, killed)(picture())
    assert files(tmp_path) == []


def test_no_boxes_are_boxes_too(tmp_path):
    def none(picture):
        MADE.append(0)
        return []

    for _ in range(2):
        assert Store(tmp_path, none)(picture()).shape == (0, 4)
    assert len(MADE) == 1

"""Compilation: not before it is needed, kept on disk where that works, and never an error where it does not."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import minispp

config = pytest.importorskip("numba").config

FOLDER = Path(minispp.__file__).parent
NOWHERE = os.path.join(os.devnull, "nowhere")  # no folder can be made here, not even by root
CALL = "import numpy as np; from minispp.kernels import cpu; print(cpu.relu(np.array([-1.0, 2.0])).tolist())"
numbers = count()


def run(program, path=FOLDER.parent, cwd=None, **environment):
    """What a program prints in a fresh process in which every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(path), **environment},
        cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.splitlines()


def test_no_kernel_compiles_before_it_is_used():
    """Nor is one loaded from disk: none has a signature after the import, and one has after its call."""
    program = """
        import sys
        import numpy as np
        from numba.core import event
        from numba.core.dispatcher import Dispatcher
        recorder = event.RecordingListener()
        event.register("numba:compile", recorder)
        from minispp.kernels import cpu
        modules = [module for name, module in sys.modules.items() if name.startswith("minispp.kernels.cpu.")]
        found = {f for module in modules for f in vars(module).values() if isinstance(f, Dispatcher)}
        print(len(found) > 10, [f for f in found if f.signatures], recorder.buffer)
        cpu.relu(np.zeros(1))
        print(sum(bool(f.signatures) for f in found))
    """
    assert run(program) == ["True [] []", "1"]


def unwritable(tmp_path):
    """A copy of the package in which nothing can be cached: where Numba's folder would go there is a file."""
    shutil.copytree(FOLDER, tmp_path / "minispp", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "minispp" / "kernels" / "cpu" / "__pycache__").touch()
    return tmp_path


def zipped(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "in" / "minispp", ignore=shutil.ignore_patterns("__pycache__"))
    return shutil.make_archive(tmp_path / "package", "zip", tmp_path / "in")


@pytest.mark.parametrize("package", [unwritable, zipped])
@pytest.mark.parametrize("place", ["", NOWHERE], ids=["no place", "unusable place"])
def test_without_a_place_for_the_cache(tmp_path, package, place):
    places = {"NUMBA_CACHE_DIR": place, "XDG_CACHE_HOME": NOWHERE, "HOME": NOWHERE, "LOCALAPPDATA": NOWHERE}
    assert run(CALL, package(tmp_path), cwd=tmp_path, **places) == ["[0.0, 2.0]"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module of compiled functions; they are cached in another, which is empty."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    source = "from minispp.kernels.cpu.compiler import compiled\n@compiled\ndef twice(x):\n    return x + x\n"
    (tmp_path / "work" / "functions.py").write_text(source)
    return tmp_path


def fresh(folder):
    """The function, as a new process would see it: nothing compiled, nothing loaded."""
    spec = importlib.util.spec_from_file_location(f"functions{next(numbers)}", folder / "work" / "functions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.twice


def hits(folder, x=1):
    """Whether the function was found on disk."""
    twice = fresh(folder)
    assert twice(x) == 2 * x and type(twice(x)) is type(x)
    return sum(twice.stats.cache_hits.values())


def files(folder, ending):
    return sorted((folder / "cache").rglob(f"*.{ending}"))


def test_found_on_disk_the_second_time(folder):
    assert [hits(folder, x) for x in (1, 1, 1.5, 1.5, 1)] == [0, 1, 0, 1, 1]


def empty(file):
    file.write_bytes(b"")


def half(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def garbage(file):
    file.write_bytes(np.random.default_rng(1).bytes(file.stat().st_size))


@pytest.mark.parametrize("damage", [empty, half, garbage])
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_damaged_file_is_replaced(folder, ending, damage):
    hits(folder)
    (file,) = files(folder, ending)
    damage(file)
    assert [hits(folder), hits(folder)] == [0, 1]


def test_code_for_other_types_is_not_run(folder):
    """Two processes that compile at once may both take the same file for their code."""
    hits(folder, 1), hits(folder, 1.5)
    integers, floats = files(folder, "nbc")
    shutil.copy(floats, integers)
    assert [hits(folder, 1), hits(folder, 1), hits(folder, 1.5)] == [0, 1, 1]


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_file_that_can_be_neither_read_nor_written(folder, ending):
    hits(folder)
    (file,) = files(folder, ending)
    file.unlink()
    file.mkdir()
    assert hits(folder) == 0


def test_a_place_that_went_away(folder):
    twice = fresh(folder)
    shutil.rmtree(folder / "cache")
    (folder / "cache").touch()
    assert twice(4) == 8


def test_an_edit_of_any_file_of_the_package_counts(tmp_path):
    """Numba looks at the function's own file only, but kernels call helpers of others."""
    shutil.copytree(FOLDER, tmp_path / "minispp", ignore=shutil.ignore_patterns("__pycache__"))
    program = CALL + "; from minispp.kernels.cpu import elementwise as e; print(sum(e._relu.stats.cache_hits.values()))"

    def hits():
        return run(program, tmp_path, tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "cache"))[1]

    assert [hits(), hits()] == ["0", "1"]
    with open(tmp_path / "minispp" / "kernels" / "cpu" / "pooling.py", "a") as file:
        file.write("# An edit.\n")
    assert hits() == "0"


def test_who_waits_long_is_told_what_is_compiled():
    """Not a word before the delay; then every function by its name, and a clean line at the end."""
    program = """
        import sys
        import numpy as np
        from minispp.kernels.cpu import compile_progress
        compile_progress.DELAY = float(sys.argv[1])
        from minispp.kernels import cpu
        maps = np.zeros((1, 5, 6, 2), np.float32)
        cpu.relu(maps)
        cpu.lrn(maps, 3, 1e-4, 0.75, 1.0, False)
    """
    with tempfile.TemporaryDirectory() as folder:
        said = {}
        for delay in ("600", "0"):
            done = subprocess.run(
                [sys.executable, "-B", "-W", "error", "-c", textwrap.dedent(program), delay],
                env={**os.environ, "PYTHONPATH": str(FOLDER.parent), "NUMBA_CACHE_DIR": f"{folder}/{delay}"},
                capture_output=True, text=True, timeout=120, check=True,
            )  # fmt: skip
            said[delay] = re.split(r"[\r\n]", done.stderr)
    assert said["600"] == [""]
    named = [line.split(";")[0] for line in said["0"] if line.startswith("compiling")]
    assert "compiling _relu" in named and len(set(named)) > 2 and not said["0"][-1].strip()
    counts = [int(re.search(r"(\d+) functions? in", line)[1]) for line in said["0"] if line.startswith("compiling")]
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] >= len(set(named)) - 1

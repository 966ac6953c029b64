"""The checks once more, watched by NVIDIA's compute-sanitizer: accesses out of bounds, races, what nobody wrote."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import minispp

TOOLS = ("memcheck", "racecheck", "synccheck")
LONGEST = 150  # seconds; the tools are a hundred times slower than the device


def sanitize(tools=TOOLS):
    """What each tool said, or why it said nothing."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        return dict.fromkeys(tools, "not run: compute-sanitizer is not installed")
    place = {**os.environ, "PYTHONPATH": str(Path(minispp.__file__).parents[1])}
    said = {}
    for tool in tools:
        command = [program, "--tool", tool, "--error-exitcode", "9", sys.executable, "-m", "minispp.bench.gpu", "tiny"]
        try:
            done = subprocess.run(command, env=place, capture_output=True, text=True, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            said[tool] = f"not finished after {LONGEST} s"
            continue
        lines = (done.stdout + done.stderr).splitlines()
        lines = [line for line in lines if "SUMMARY" in line or "error" in line.lower()]
        said[tool] = f"exit {done.returncode}: {' '.join(lines[-1:]).strip('= ') or 'no summary'}"
    return said

"""Execute the notebooks as a reader would, one by one in fresh kernels, and keep them with their outputs.

    python notebooks/execute.py --out build/notebooks [04 ...]

Stricter than a reader: a warning is an error, no connection but to this machine can be opened, nothing but progress
bars may go to stderr, and no cell may be silent for long. A notebook that fails is not written.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from time import perf_counter

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parent
# A line of tqdm's: a bar, a count with a rate, or what the compiler is at; or nothing but its control characters.
PROGRESS = re.compile(
    r"[\s\x1b\[A]*|.*\d+%\|.*|.*\[\d+:\d\d(:\d\d)?(<.*)?[\],].*|\s*compiling .* the first time only.*"
)
COLOUR = re.compile(r"\x1b\[[\d;]*m")
PRELUDE = """
import socket, warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", module="(ipykernel|IPython|tornado|zmq|jupyter_client)(\\.|$)")  # not ours to mend
def _local(connect):
    def only_local(self, address, *rest):
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"a notebook opened a connection to {address}")
        return connect(self, address, *rest)
    return only_local
socket.socket.connect, socket.socket.connect_ex = map(_local, (socket.socket.connect, socket.socket.connect_ex))
del _local
"""


class Watched(NotebookClient):
    """A client that measures how long each cell takes, and how long it says nothing."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.seconds, self.silences, self._heard = {}, {}, None

    def process_message(self, message, cell, cell_index):
        """Anything that a reader would see breaks the silence."""
        if message["msg_type"] in ("stream", "display_data", "execute_result", "update_display_data"):
            self._listen(cell_index)
        return super().process_message(message, cell, cell_index)

    async def async_execute_cell(self, cell, cell_index, **options):
        """Execute a cell between two looks at the clock."""
        self._heard = started = perf_counter()
        try:
            return await super().async_execute_cell(cell, cell_index, **options)
        finally:
            self._listen(cell_index)
            self.seconds[cell_index] = perf_counter() - started

    def _listen(self, cell_index):
        now = perf_counter()
        self.silences[cell_index] = max(self.silences.get(cell_index, 0), now - self._heard)
        self._heard = now


def execute(path, silence, timeout=300):
    """The notebook with its outputs.

    Parameters
    ----------
    path : Path
    silence : float
        Seconds that a cell may say nothing.
    timeout : float
        Seconds that a cell may take.

    Returns
    -------
    notebook, seconds (float), longest silence (float, seconds), number of the cell that kept it

    Raises
    ------
    ValueError
        If a cell raises, warns, writes to stderr, or is silent for too long; it says which.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(PRELUDE))
    client = Watched(notebook, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}})
    client.extra_arguments = ["--log-level=CRITICAL"]
    try:
        client.execute()
    except CellExecutionError as error:
        raise ValueError(f"{path.name}: {COLOUR.sub('', str(error))}") from None
    del notebook.cells[0]
    complaints = []
    for k, cell in enumerate(notebook.cells):
        written = "".join(out.text for out in cell.get("outputs", ()) if out.get("name") == "stderr")
        lines = [line for line in re.split(r"[\r\n]", written) if not PROGRESS.fullmatch(line)]
        if lines:
            complaints.append(f"cell {k} wrote to stderr: {' / '.join(lines)[:300]}")
        if cell.cell_type == "code" and client.silences.get(k + 1, 0) > silence:
            complaints.append(f"cell {k} was silent for {client.silences[k + 1]:.1f} s: {cell.source[:80]!r}")
        cell.outputs = [out for out in cell.get("outputs", ()) if out.get("name") != "stderr"]  # the bars are over
        if cell.cell_type != "code":
            del cell["outputs"]
    if complaints:
        raise ValueError("\n".join(f"{path.name}: {complaint}" for complaint in complaints))
    quiet = max(client.silences, key=client.silences.get)
    return notebook, sum(client.seconds.values()), client.silences[quiet], quiet - 1


def main():
    """Execute what is asked for; the exit status is 1 if one failed."""
    parser = argparse.ArgumentParser(description="Execute the notebooks and keep them with their outputs.")
    parser.add_argument("which", nargs="*", help="beginnings of file names, such as 04; all if none is given")
    parser.add_argument("--out", type=Path, default=FOLDER.parent / "build" / "notebooks")
    parser.add_argument("--silence", type=float, default=5.0, help="seconds that a cell may say nothing")
    options = parser.parse_args()
    paths = [path for path in sorted(FOLDER.glob("[0-9]*.ipynb")) if path.name.startswith(tuple(options.which or [""]))]
    if not paths:
        parser.error(f"no notebook begins with {' or '.join(options.which)}")
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(FOLDER.parent), os.environ.get("PYTHONPATH"))))
    total, failed = 0.0, 0
    for path in paths:
        print(f"{path.name:45}", end="", flush=True)
        try:
            notebook, seconds, silence, cell = execute(path, options.silence)
        except ValueError as error:
            failed += 1
            print(f"FAILED\n{error}", flush=True)
            continue
        nbformat.write(notebook, options.out / path.name)
        total += seconds
        print(f"{seconds:6.1f} s, longest silence {silence:.1f} s (cell {cell})", flush=True)
    print(f"{len(paths) - failed} passed, {failed} failed in {total:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The processes of the sides, started when they are first asked something."""

import os
import pickle
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec

from minispp.bench.case import NEEDS

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class Failed(RuntimeError):
    """A side could not do what it was asked."""


def environment(threads):
    """The environment with a number of threads for every library that has some."""
    return {**os.environ, **dict.fromkeys(THREADS, str(threads))}


def available(sides):
    """Those sides whose framework is installed.

    Examples
    --------
    >>> available(["ours"])
    ('ours',)
    """
    return tuple(side for side in sides if side not in NEEDS or find_spec(NEEDS[side]))


class Processes:
    """One process for each side; a context, at whose end they are gone.

    Parameters
    ----------
    threads : int
        Of each side.

    Examples
    --------
    >>> with Processes(threads=1) as sides:
    ...     sorted(sides.ask("ours", "about"))
    ['numba']
    """

    def __init__(self, threads):
        self.threads, self.started = threads, {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for side in list(self.started):
            self._end(side)

    def _end(self, side):
        """Stop a side: its exit code, and the last line of what it complained about."""
        process, complaints = self.started.pop(side)
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):  # a question may still wait in it
                pipe.close()
        code = process.wait()
        with complaints:
            complaints.seek(0)
            lines = complaints.read().decode(errors="replace").strip().splitlines()
        return code, lines[-1] if lines else "no message"

    def ask(self, side, name, *arguments):
        """Ask a side something (a method of `minispp.bench.worker.Worker`) and wait for the answer.

        Raises
        ------
        Failed
            With what the side complained about.
        """
        if side not in self.started:
            complaints = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
            command = [sys.executable, "-m", "minispp.bench.worker", side, str(self.threads)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": complaints}
            self.started[side] = subprocess.Popen(command, env=environment(self.threads), **pipes), complaints
        process, _ = self.started[side]
        try:
            pickle.dump((name, arguments), process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            status, value = pickle.load(process.stdout)
        except (EOFError, BrokenPipeError):
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)  # its own code, before it is stopped
            raise Failed("{} ended with code {}: {}".format(side, *self._end(side))) from None
        if status == "failed":
            raise Failed(f"{side}: {value}")
        return value

"""The processes of the sides, started when they are first asked something."""

import os
import pickle
import subprocess
import sys
import tempfile
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
        for process, complaints in self.started.values():
            process.kill()
            process.communicate()
            complaints.close()
        self.started = {}

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
        process, complaints = self.started[side]
        try:
            pickle.dump((name, arguments), process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            status, value = pickle.load(process.stdout)
        except (EOFError, BrokenPipeError):
            process.wait()
            complaints.seek(0)
            last = complaints.read().decode(errors="replace").strip().splitlines()[-1:]
            del self.started[side]
            complaints.close()
            raise Failed(f"{side} ended with code {process.returncode}: {' '.join(last) or 'no message'}") from None
        if status == "failed":
            raise Failed(f"{side}: {value}")
        return value

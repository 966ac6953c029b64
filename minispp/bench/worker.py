"""One side in its own process: ``python -m minispp.bench.worker SIDE THREADS``.

It reads pickled ``(name, arguments)`` from standard input and answers on standard output, ``("done", value)`` or
``("failed", text)``. Whoever starts it has set the numbers of threads in its environment. Between two questions it
waits in a read, so it takes nothing from the side that is being timed.
"""

import os
import pickle
import sys
import traceback
from importlib.metadata import version
from statistics import median
from time import perf_counter

from minispp.bench.case import NEEDS, ONNX, TORCH

ENOUGH = 0.05  # seconds that one timing lasts at least


class Worker:
    """What a side can be asked; each method is a question.

    Parameters
    ----------
    side : str
    threads : int
    """

    def __init__(self, side, threads):
        self.side, self.threads, self.job = side, threads, None

    def prepare(self, case, seed):
        """Build the job and run it once; the seconds of the run, which compiles or chooses kernels."""
        self.job = None  # the last one's memory is free before the next one takes its own
        self.job = self._new_job(case)
        self.job.draw(seed)
        self.job.before()
        return _seconds(self.job.run)

    def _new_job(self, case):
        if self.side in TORCH:
            from minispp.bench import peer_torch

            return peer_torch.job(case, self.side, self.threads)
        if self.side == ONNX:
            from minispp.bench import peer_onnx

            return peer_onnx.job(case, self.side, self.threads)
        from minispp import kernels
        from minispp.bench import ours

        return ours.job(case, self.side, kernels.cpu)

    def results(self, seed):
        """The arrays that all sides must agree on."""
        self.job.draw(seed)
        return self.job.results()

    def time(self, seed):
        """Seconds of the work on new inputs: the median of as many runs as last `ENOUGH`, after one untimed run."""
        self.job.draw(seed)
        self.job.before()
        self.job.run()
        runs = []
        while sum(runs) < ENOUGH:
            self.job.before()
            runs.append(_seconds(self.job.run))
        return median(runs)

    def path(self, case):
        """Which way the backend takes a convolution of this case, where it can tell."""
        from minispp.kernels.cpu.convolution import convolution_path

        layer = case.subject()
        if case.build[0] != "Conv2D":
            return None
        return convolution_path(case.shape, layer.weight.value.shape, layer.stride, layer.pad)

    def rates(self):
        """What this machine can do: see `minispp.bench.rates`."""
        from minispp.bench import rates

        return rates.measure()

    def digests(self, case, runs):
        """Hashes of the results of so many runs on the same inputs; one, if the bits are always the same."""
        from hashlib import sha256

        self.prepare(case, 0)
        return sorted({sha256(b"".join(a.tobytes() for a in self.job.results().values())).hexdigest()
                       for _ in range(runs)})  # fmt: skip

    def about(self):
        """Version of the side's own framework."""
        name = NEEDS.get(self.side, "numba")
        return {name: version(name)}


def _seconds(work):
    started = perf_counter()
    work()
    return perf_counter() - started


def main(side, threads):
    """Answer until there are no more questions."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a framework prints goes to standard error
    worker = Worker(side, threads)
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = "done", getattr(worker, name)(*arguments)
        except Exception as error:
            text = "".join(traceback.format_exception_only(error)).strip()
            print(traceback.format_exc(), file=sys.stderr)
            answer = "failed", text
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

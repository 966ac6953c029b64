"""What is not a ratio: memory of a large picture, compile cost, and whether the bits depend on the threads.

Each question runs in fresh processes, ``python -m minispp.bench.extras QUESTION``, and is answered as one line of JSON.
"""

import json
import subprocess
import sys
import tempfile
from time import perf_counter

from minispp.bench.processes import Failed, Processes, environment

RUNS = 50
PICTURE = (1, 1200, 1600, 3)


def fresh(question, threads, cache=None):
    """The answer of a process of its own; with a cache folder of its own for compiled kernels, if one is given."""
    place = {} if cache is None else {"NUMBA_CACHE_DIR": cache}
    command = [sys.executable, "-m", "minispp.bench.extras", question]
    done = subprocess.run(command, env={**environment(threads), **place}, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{question}: {' '.join(done.stderr.strip().splitlines()[-1:])}")
    return json.loads(done.stdout.splitlines()[-1])


def memory(threads):
    """Peak of zf5's forward at 1200x1600 over the sum of its activations and weights: at most 1.5 is the aim."""
    fresh("memory", threads)  # fills the cache of kernels: compiling takes memory too
    found = fresh("memory", threads)
    return {**found, "ratio": found["peak"] / found["sum"], "at most": 1.5}


def start(threads):
    """Seconds of the demo's kernels with an empty cache and with a full one: at most 20 and 1 are the aims."""
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = fresh("start", threads, cache), fresh("start", threads, cache)
    return {"cold": cold, "warm": warm, "at most": {"cold": 20, "warm": 1}}


def same_bits(case, threads):
    """Whether a case has the same bits in every run with 1 thread and with `threads`."""
    found = set()
    for count in (1, threads):
        with Processes(count) as processes:
            found |= set(processes.ask("ours", "digests", case, RUNS))
    return {"case": case.name, "runs": RUNS, "threads": [1, threads], "same": len(found) == 1}


# ---------------------------------------------------------------------------------------------------
# In the fresh process


def peak_bytes():
    """The most memory this process has held.

    Linux keeps it for each program; ``ru_maxrss``, all there is elsewhere, may be inherited from the parent.
    """
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak


def _memory():
    import numpy as np

    from minispp import kernels, zoo

    ops = kernels.cpu
    before = peak_bytes()
    net = zoo.zf5().to(ops)
    net.forward(np.zeros(PICTURE, np.float32))
    peak = peak_bytes() - before
    shape, values = PICTURE, np.prod(PICTURE) + sum(param.value.size for param in net.params())
    for layer in net.layers:
        shape = layer.output_shape(shape)
        values += np.prod(shape)
    return {"peak": peak, "sum": int(4 * values)}


def _start():
    started = perf_counter()
    from minispp import demo, kernels

    ops, imported = kernels.cpu, perf_counter() - started
    started = perf_counter()
    demo.compile_kernels(demo.Settings(), ops, progress=False)
    return {"imports": imported, "kernels": perf_counter() - started}


if __name__ == "__main__":
    print(json.dumps({"memory": _memory, "start": _start}[sys.argv[1]]()))

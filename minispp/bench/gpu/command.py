"""``minispp bench --gpu`` from start to end."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from minispp.bench.gpu import checks, times
from minispp.bench.gpu.report import failures, page
from minispp.bench.gpu.sanitize import sanitize


def run(out="benchmarks", rounds=7, scale=None):
    """Check, watch, time; print what comes, and write ``gpu.md`` and ``gpu.json``, or in the simulator
    ``gpu_simulated.md`` and ``gpu_simulated.json``: what is called gpu was seen on hardware.

    Parameters
    ----------
    out : path
        Folder for the two files.
    rounds : int
        Timings of each piece of work.
    scale : str, optional
        Of the checks; ``"full"`` on a device, ``"tiny"`` in the simulator, where nothing is timed.

    Returns
    -------
    dict
        What was written.

    Raises
    ------
    ValueError
        If there is no folder `out`, or no device, in one line.
    """
    out = Path(out)
    if not out.is_dir():
        raise ValueError(f"there is no folder {out} to write the results to")
    from minispp.kernels import gpu  # noqa: F401 - a ModuleNotFoundError says what to install
    from minispp.kernels.gpu.arrays import ready
    from minispp.kernels.gpu.compiler import SIMULATED

    try:
        ready()
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    scale = scale or ("tiny" if SIMULATED else "full")
    peer = None if SIMULATED else _peer()
    result = {"about": {**_about(SIMULATED, peer), "rounds": rounds, "checks": scale}}
    result["checks"] = checks.check(scale, tell=_told)
    result["bits"] = checks.same_bits("tiny" if SIMULATED else "small", runs=2 if SIMULATED else checks.RUNS)
    result["sanitizer"] = {} if SIMULATED else sanitize()
    _write(out, result)
    if not SIMULATED:
        result["rates"] = times.rates(rounds)
        print(result["rates"], flush=True)
        result["pooling"] = times.pooling(result["rates"]["bytes"], rounds)
        result["convolution"] = times.convolution(rounds, peer, tell=lambda row: print(row, flush=True))
        result["step"] = times.step(rounds, peer)
        _write(out, result)
    print(page(result))
    print("\n".join(failures(result)) or "all checks passed")
    return result


def _told(row):
    print(f"{'right' if row['right'] else 'WRONG'} {row['function']} {row['arguments']}", flush=True)


def _write(out, result):
    """Both files. Also before the times are taken: a run that is stopped leaves its checks."""
    name = "gpu" if result["about"]["hardware"] else "gpu_simulated"
    (out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / f"{name}.md").write_text(page(result))


def _peer():
    """PyTorch's side, if it sees the device."""
    if not find_spec("torch"):
        return None
    from minispp.bench.gpu import peer

    return peer if peer.available() else None


def _about(simulated, peer):
    """Card, driver and versions."""
    from numba import cuda

    found = {"hardware": not simulated, "python": platform.python_version()}
    if not simulated:
        device = cuda.get_current_device()
        name = device.name.decode() if isinstance(device.name, bytes) else device.name
        memory = cuda.current_context().get_memory_info().total
        found |= {"card": name, "compute capability": ".".join(map(str, device.compute_capability))}
        found |= {"memory": f"{memory / 2**30:.0f} GiB", "multiprocessors": device.MULTIPROCESSOR_COUNT}
    for package in ("numpy", "numba", "numba-cuda"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found | (peer.versions() if peer else {})

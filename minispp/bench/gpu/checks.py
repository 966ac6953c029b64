"""Every call of `calls` on the device and in the reference: equal up to the rounding that its sums may have.

Outputs are full of NaN before a kernel writes them, so one that it leaves out cannot be right by chance.
"""

import numpy as np

from minispp.bench.gpu.calls import calls
from minispp.kernels import reference

ON_HOST = {"window_max": (1, 2), "softmax_loss": (1,), "softmax_loss_backward": (1,)}  # arguments, as layers give them
WRITTEN = {"add": (0,), "sgd": (0, 2)}  # arguments that are changed in place
RUNS = 50


def check(scale, tell=lambda row: None):
    """A row for each call: function, shapes, the largest error and what is allowed, and whether that is kept."""
    rows = []
    for name, arguments, terms in calls(scale):
        rows.append(compared(name, arguments, terms))
        tell(rows[-1])
    return rows


def compared(name, arguments, terms):
    """The row of one call. The truth is the reference in float64, rounded to what the function returns.

    Values are of the order of 1, and the errors of n products of such values add up like a random walk: to the square
    root of n of them, times the largest result.
    """
    found, right = _outputs(name, arguments), _truth(name, arguments, np.float64 if terms else np.float32)
    error, allowed, alike = 0.0, 0.0, len(found) == len(right)
    for ours, truth in zip(found, right, strict=False):
        alike &= ours.shape == truth.shape and ours.dtype.kind == truth.dtype.kind
        if not alike or not truth.size:
            continue
        adds_in = np.float64 if name == "square_sum" else np.float32
        room = 10 * float(np.finfo(adds_in).eps) * terms**0.5 * max(1.0, float(abs(truth).max()))
        gap = float(abs(ours.astype(np.float64) - truth).max())
        if truth.dtype.kind == "i":
            room = 0.0
        alike &= gap <= room  # not so if it is NaN
        if room == 0 or gap * allowed >= error * room:
            error, allowed = gap, room
    shapes = [getattr(a, "shape", a) for a in arguments]
    return {"function": name, "arguments": str(shapes), "error": error, "allowed": allowed, "right": bool(alike)}


def same_bits(scale, runs=RUNS):
    """For each backward call of a scale, whether `runs` runs gave the same bits."""
    rows = []
    for name, arguments, _ in calls(scale):
        if name.endswith("_backward"):
            seen = {b"".join(a.tobytes() for a in _outputs(name, arguments)) for _ in range(runs)}
            shapes = [getattr(a, "shape", a) for a in arguments]
            rows.append({"function": name, "arguments": str(shapes), "runs": runs, "same": len(seen) == 1})
    return rows


def _outputs(name, arguments):
    """What the device returns and what it changes, as arrays of the host."""
    from minispp.kernels import gpu
    from minispp.kernels.gpu.memory import poisoned

    host = ON_HOST.get(name, ())
    moved = [
        gpu.asarray(a) if isinstance(a, np.ndarray) and k not in host else a for k, a in enumerate(arguments)
    ]
    with poisoned():
        returned = getattr(gpu, name)(*moved)
    returned = returned if isinstance(returned, tuple) else (returned,)
    kept = [*returned, *(moved[k] for k in WRITTEN.get(name, ()))]
    return [np.asarray(a) if isinstance(a, int | float) else gpu.to_numpy(a) for a in kept if a is not None]


def _truth(name, arguments, dtype):
    copies = [
        np.array(a, dtype if a.dtype.kind == "f" else a.dtype) if isinstance(a, np.ndarray) else a for a in arguments
    ]
    returned = getattr(reference, name)(*copies)
    returned = returned if isinstance(returned, tuple) else (returned,)
    return [np.asarray(a) for a in (*returned, *(copies[k] for k in WRITTEN.get(name, ()))) if a is not None]

"""One case: every side prepared, compared, and timed in turn."""

from time import sleep

import numpy as np

from minispp.bench import ours
from minispp.bench.case import OUR_FORWARD, OURS
from minispp.bench.processes import Failed, available
from minispp.kernels import reference

CLOSE = 1e-4  # the largest relative error that still counts as the same result
# The same for a gradient that has come through a whole net: where two cells are equal but for rounding, each side may
# send it to another one.
CLOSE_GRADIENT = 1e-2
SETTLE = 0.02  # seconds in which the threads of the side before go to sleep


class WrongResult(ValueError):
    """Two sides do not agree on what the case is."""


def relative_error(found, expected):
    """``max |found - expected| / max |expected|``.

    Examples
    --------
    >>> round(relative_error(np.array([1.0, 0.1, 4.0]), np.array([1.0, 0.0, 4.0])), 6)
    0.025
    """
    if found.shape != expected.shape:
        raise WrongResult(f"shapes {found.shape} and {expected.shape}")
    if not expected.size:
        return 0.0
    size = np.abs(expected).max()
    gap = np.abs(found.astype(np.float64) - expected).max()
    return float(gap / size) if size else float(gap)


def allowed(case, name):
    """The relative error of a result up to which two sides agree; maxima must be equal."""
    if case.exact and name == "y":
        return 0.0
    return CLOSE_GRADIENT if case.is_net and name == "gradient" else CLOSE


def compare(case, processes, sides):
    """The largest relative error of each side, over its results. The truth itself is left out.

    Raises
    ------
    WrongResult
        If one is above what `allowed` says; naming side and result.
    """
    sides = [side for side in sides if side != OUR_FORWARD]
    if case.proof == "float64":
        truth_is = "the reference in float64"
        job = ours.job(case, OURS, reference, np.float64)
        job.draw(0)
        truth = job.results()
    else:
        truth_is = next((side for side in sides if side != OURS), OURS)
        truth = processes.ask(truth_is, "results", 0)
    errors = {}
    for side in sides:
        if side == truth_is:
            continue
        found = processes.ask(side, "results", 0)
        for name in truth.keys() | found.keys():
            if name not in truth or name not in found:
                raise WrongResult(f"{case.name}: only one of {side} and {truth_is} has {name}")
            try:
                error = relative_error(found[name], truth[name])
            except WrongResult as wrong:
                raise WrongResult(f"{case.name}: {name} of {side} and of {truth_is}: {wrong}") from None
            if not error <= allowed(case, name):
                raise WrongResult(f"{case.name}: {name} of {side} is {error:.1e} away from that of {truth_is}")
            errors[side] = max(errors.get(side, 0.0), error)
    return errors


def measure(case, processes, rounds, tick=lambda text: None):
    """Time all sides of a case, alternating; a row, as plain data.

    Parameters
    ----------
    case : Case
    processes : Processes
    rounds : int
    tick : function of str, optional
        Told after each timing.

    Returns
    -------
    dict
        ``times``: seconds by side, one a round. ``warm-up``: seconds of the first run by side. ``errors``: by side.
        Or ``failed``, why there are no times.
    """
    sides = available(case.sides)
    row = {"case": case.name, "group": case.group, "sides": sides, "counted": case.counted or case.peers}
    row["missing"] = [side for side in case.sides if side not in sides]
    try:
        row["warm-up"] = {side: processes.ask(side, "prepare", case, 0) for side in sides}
        row["path"] = processes.ask(OURS, "path", case)
        row["errors"], row["error is against"] = compare(case, processes, sides), case.proof
        times = {side: [] for side in sides}
        for number in range(rounds):
            turn = number % len(sides)
            for side in (*sides[turn:], *sides[:turn]):
                sleep(SETTLE)
                times[side].append(processes.ask(side, "time", 1 + number))
                tick(f"{case.name}: {side}")
        row["times"] = times
    except (WrongResult, Failed) as error:
        row["failed"] = str(error)
    return row


def ratios(row):
    """What a row says: medians, the peer that counts, ratio of medians, and ratio by round.

    Examples
    --------
    >>> times = {"ours": [1.0, 2.0, 3.0], "a": [4.0, 4.0, 6.0], "b": [8.0, 3.0, 9.0]}
    >>> found = ratios({"times": times, "counted": ["a", "b"]})
    >>> found["peer"], found["ratio"], found["by round"]
    ('a', 2.0, [4.0, 2.0, 2.0])
    """
    times = {side: np.asarray(values) for side, values in row.get("times", {}).items()}
    found = {"medians": {side: float(np.median(values)) for side, values in times.items()}}
    peers = [side for side in row["counted"] if side in times]
    if peers:
        peer = min(peers, key=found["medians"].get)
        found["peer"], found["ratio"] = peer, found["medians"][peer] / found["medians"][OURS]
        found["by round"] = (times[peer] / times[OURS]).tolist()
    return found


def geometric_mean(values):
    """``exp(mean(log values))``: 2 and 1/2 cancel.

    Examples
    --------
    >>> geometric_mean([2.0, 0.5])
    1.0
    """
    return float(np.exp(np.mean(np.log(values))))

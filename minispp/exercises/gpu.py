"""Exercises of notebook 11: which thread takes which cell, a kernel with shared memory, and what a race is."""

import numpy as np

from minispp.exercises import device
from minispp.exercises.grading import Wrong, call, exercise

SHAPES = [((2, 3, 5, 4), 32), ((1, 4, 2, 8), 16), ((3, 1, 7, 2), 5), ((1, 1, 1, 3), 8), ((2, 0, 3, 4), 4)]


@exercise
def cover(answer):
    """Which value of a map (N, H, W, C) each thread of a launch takes, channels fastest.

    ``cover(shape, threads)`` returns a list of blocks, as few as there can be; each is a list of `threads` entries:
    ``(n, i, j, c)``, or None for a thread that is left without a value.
    """
    for shape, threads in SHAPES:
        count, said = int(np.prod(shape)), f"cover({shape}, {threads})"
        blocks = call(answer, shape, threads)
        wanted = -(-count // threads)
        if not isinstance(blocks, (list, tuple)):
            raise Wrong(f"{said} returned {type(blocks).__name__}, and should return a list of blocks.")
        if len(blocks) < wanted:
            left = count - len(blocks) * threads
            raise Wrong(f"{said} has {len(blocks)} blocks, and {left} values have no thread. Round up, not down.")
        if len(blocks) > wanted:
            extra = "" if count else " A map without values needs none."
            raise Wrong(
                f"{said} has {len(blocks)} blocks, and should have {wanted}: {wanted * threads} threads are enough for "
                f"{count} values.{extra} count // threads + 1 is one too many where it divides."
            )
        for k, block in enumerate(blocks):
            if len(block) != threads:
                full = "All blocks of a launch have as many threads; those without a value are None."
                raise Wrong(f"{said}: block {k} has {len(block)} threads, and should have {threads}. {full}")
            for t, got in enumerate(block):
                _check_value(said, shape, k * threads + t, f"thread {t} of block {k}", got)
    return f"Tried on {len(SHAPES)} maps, one of them empty, and blocks that fit and that do not."


def _check_value(said, shape, flat, who, got):
    if flat >= np.prod(shape):
        if got is not None:
            raise Wrong(
                f"{said}: {who} has {got}, and should have None. Beyond the last value a thread must do nothing."
            )
        return
    if got is None:
        raise Wrong(f"{said}: {who} has nothing to do, and should take value number {flat}.")
    want, got = tuple(int(k) for k in np.unravel_index(flat, shape)), tuple(got)
    if got == want:
        return
    n, height, width, channels = shape
    told = f"{said}: {who} has {got}, and should have {want}."
    rest = flat % (height * width * channels)
    rows = (
        "Rows and columns are exchanged: after c, the column j counts, up to the width; (n, i, j, c), i being the row."
    )
    spots = {
        (want[0], rest % (height * width) // width, rest % width, rest // (height * width)):
            "That is the order of channels first. Here the channels of a cell lie side by side: c counts fastest.",
        (want[0], rest // channels % height, rest // channels // height, want[3]): rows,
        (want[0], want[2], want[1], want[3]): rows,
    }  # fmt: skip
    thread_only = "Is the number of the block counted in? The flat number is block * threads + thread."
    raise Wrong(f"{told} {spots.get(got, thread_only if got[0] < want[0] or got == (0, 0, 0, 0) else '')}".strip())


# ---------------------------------------------------------------------------------------------------

SIDE = 8  # rows and columns of a block, and threads of a warp
SIZES = [(16, 24), (8, 8), (5, 13), (19, 8), (1, 9), (9, 1)]


@exercise
def transpose(answer):
    """A kernel ``transpose(x, y)`` that writes ``y = x^T`` through shared memory.

    x is (H, W), y is (W, H). Blocks have 8 x 8 threads; ``ceil(W / 8)`` of them lie along x, ``ceil(H / 8)`` along
    y. The 8 threads of a row of the block are a warp: they must read neighbours, and write neighbours.
    """
    turns = 0
    for height, width in SIZES:
        x = np.random.default_rng(height).integers(1, 1000, (height, width)).astype(np.float32)
        y, said = np.full((width, height), np.nan, np.float32), f"With x of {height} x {width}: "
        trace = _launched(answer, said, x, y)
        if not np.array_equal(y, x.T):
            raise Wrong(said + _why_not(x, y))
        for one, other in trace.races():
            place = f"place {one.place} of {one.array}"
            raise Wrong(f"{said}threads {one.thread} and {other.thread} race for {place}: a barrier must lie between.")
        source, target = trace_names(answer)
        for kind, name, array in (("read", source, "x"), ("write", target, "y")):
            apart = [p for p in trace.warp_places(name, kind, SIDE) if np.any(np.diff(p) != 1)]
            if apart:
                told = (
                    f"y is right, but the threads of one warp {kind} places {apart[0][:3]}.. of {array}, which are not"
                )
                turn = "Turn the values round in shared memory, so that both sides of the copy go along rows."
                raise Wrong(f"{said}{told} neighbours: each is in a line of memory of its own. {turn}")
        turns = max(turns, _bank_turns(trace))
    banks = (
        "no two threads of a warp meet in a bank" if turns == 1 else f"up to {turns} threads of a warp meet in a bank"
    )
    return f"Right on {len(SIZES)} sizes, without races, along rows on both sides; of 8 banks, {banks}."


def trace_names(answer):
    """The names that the answer gives to x and y."""
    function = getattr(answer, "py_func", getattr(answer, "fn", answer))
    return function.__code__.co_varnames[:2]


def _launched(answer, said, x, y):
    kept, grid = x.copy(), (-(-x.shape[1] // SIDE), -(-x.shape[0] // SIDE))
    try:
        trace = device.launch(answer, grid, (SIDE, SIDE), x, y)
    except NotImplementedError:
        raise
    except device.Fault as fault:
        hints = {
            "outside of its shape": "A thread beyond the last row or column must neither read nor write.",
            "nobody has written": "Is there a barrier between filling the tile and reading from it?",
            "waits for it at a barrier": "Put syncthreads() outside of every `if`.",
        }
        hint = next((text for words, text in hints.items() if words in str(fault)), "")
        raise Wrong(f"{said}{fault}. {hint}".strip()) from fault
    except Exception as error:
        raise Wrong(f"{said}a thread raised {type(error).__name__}: {error}") from error
    if not np.array_equal(x, kept):
        raise Wrong(f"{said}the kernel wrote into x, its input.")
    return trace


def _why_not(x, y):
    """What the mistake may be."""
    if np.isnan(y).all():
        return "nothing was written to y."
    want, (rows, columns) = x.T, x.shape
    if np.isnan(y).any():
        i, j = (int(k) for k in np.argwhere(np.isnan(y))[0])
        places = f"y[{i}, {j}] was never written."
        if max(rows, columns) > SIDE:
            places += (
                " blockIdx.x goes along the columns of x; block (bx, by) of x becomes block (by, bx) of y, so the two "
                "numbers change places; and what is written is held against the shape of y, not of x."
            )
        return places
    blocks = [
        (want[i : i + SIDE, j : j + SIDE], y[i : i + SIDE, j : j + SIDE])
        for i in range(0, columns, SIDE)
        for j in range(0, rows, SIDE)
    ]
    if all(a.shape[0] == a.shape[1] and np.array_equal(a, b.T) for a, b in blocks):
        return "each block is in its place, but not turned: what one thread has put at [ty, tx] is read at [tx, ty]."
    i, j = (int(k) for k in np.argwhere(y != want)[0])
    return f"y[{i}, {j}] is {y[i, j]:g}, and should be x[{j}, {i}] = {want[i, j]:g}."


def _bank_turns(trace):
    """How many turns the worst access of a warp to shared memory takes, with one bank for each of its threads."""
    together, asked = {}, {}
    for one in trace.accesses:
        if one.shared:
            number = asked[one.block, one.thread] = asked.get((one.block, one.thread), 0) + 1
            together.setdefault((one.block, one.thread // SIDE, number, one.kind), set()).add(one.place)
    return max((np.bincount([place % SIDE for place in places]).max() for places in together.values()), default=1)


# ---------------------------------------------------------------------------------------------------

# (thread, epoch, place, kind): an epoch ends at a barrier.
TWO_WRITES = [(0, 0, 8, "write"), (2, 0, 8, "write")]
HISTORIES = [
    [(0, 0, 5, "write"), (1, 0, 5, "read")],
    [(0, 0, 5, "write"), (1, 1, 5, "read"), (1, 1, 6, "write"), (0, 0, 6, "read")],
    [(0, 0, 2, "read"), (1, 0, 2, "read"), (2, 0, 2, "read")],
    [(3, 0, 4, "read"), (3, 0, 4, "write"), (3, 0, 4, "write")],
    TWO_WRITES,
    [(0, 0, 9, "write"), (1, 0, 1, "write"), (2, 0, 9, "write")],
    [(0, 1, 7, "read"), (1, 1, 3, "read"), (2, 1, 7, "read"), (4, 1, 3, "write"), (0, 1, 7, "write")],
    [],
]


def _histories():
    yield from HISTORIES
    rng = np.random.default_rng(11)
    for size in (12, 40, 80):
        columns = (
            rng.integers(0, 4, size),
            rng.integers(0, 4, size),
            rng.integers(0, size, size),
            rng.random(size) < 0.5,
        )
        yield [(int(t), int(e), int(p), "write" if w else "read") for t, e, p, w in zip(*columns, strict=True)]


def _places(accesses, threads=True, epochs=True, reads=True, writes=True):
    """The places with a race; without one of the conditions, those that this mistake gives."""
    found = set()
    for k, (thread, epoch, place, kind) in enumerate(accesses):
        for other, when, where, how in accesses[:k]:
            kinds = {kind, how}
            if (
                place == where
                and (thread != other or not threads)
                and (epoch == when or not epochs)
                and ("write" in kinds or not reads)
                and (kinds != {"read", "write"} or writes)
            ):
                found.add(place)
    return sorted(found)


@exercise
def races(answer):
    """The places of a block's memory for which its threads race, in rising order.

    ``races(accesses)``: a list of ``(thread, epoch, place, kind)``, kind being "read" or "write"; an epoch ends at a
    barrier. Two accesses race if nothing says which comes first, and the order matters.
    """
    mistakes = [
        (
            {"threads": False},
            "A thread does not race with itself: what it does comes in the order in which it does it.",
        ),
        ({"epochs": False}, "Accesses in different epochs have a barrier between them: their order is certain."),
        ({"reads": False}, "Threads that only read do not disturb each other: one of the two must write."),
        ({"writes": False}, "One that reads and one that writes race as well as two that write."),
    ]
    tried = 0
    for accesses in _histories():
        got, want, tried = call(answer, list(accesses)), _places(accesses), tried + 1
        said = f"races({accesses})" if len(accesses) < 6 else f"races(<{len(accesses)} accesses>)"
        if not isinstance(got, (list, tuple)):
            raise Wrong(f"{said} returned {type(got).__name__}, and should return a list of places.")
        got = list(got)
        if got == want:
            continue
        if any(not isinstance(place, (int, np.integer)) for place in got):
            raise Wrong(f"{said} is {got}, and should hold places alone: {want}.")
        if sorted(set(got)) == want:
            each = "Name each place once." if len(set(got)) < len(got) else "They should be in rising order."
            raise Wrong(f"{said} is {got}, and should be {want}. {each}")
        if accesses == TWO_WRITES:
            raise Wrong(f"{said} is {got}, and should be {want}. Two that write race, too: which value is left?")
        for change, hint in mistakes:
            if sorted(set(got)) == _places(accesses, **change):
                raise Wrong(f"{said} is {got}, and should be {want}. {hint}")
        missed = sorted(set(want) - set(got))
        if missed and set(got) < set(want):
            every = "Compare every access with every other one: those that race need not be neighbours in the list."
            raise Wrong(f"{said} is {got}, and misses {missed}. {every}")
        raise Wrong(f"{said} is {got}, and should be {want}.")
    return f"Tried on {tried} histories."

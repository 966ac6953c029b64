"""The graders of notebook 11: right answers pass, typical wrong ones fail with a hint that names the cause."""

import numpy as np
import pytest

from minispp.exercises import gpu

cuda = None  # the grader's device takes this place


def cover(shape, threads):
    count = int(np.prod(shape))
    flat = [[block * threads + t for t in range(threads)] for block in range(-(-count // threads))]
    return [[tuple(map(int, np.unravel_index(k, shape))) if k < count else None for k in block] for block in flat]


def cover_by_division(shape, threads, blocks=None, order=None, late=True, flat=None, short=False, swapped=False):
    """Another right one; its options are the mistakes."""
    n, height, width, channels = shape
    count, found = n * height * width * channels, []
    for block in range(blocks(count, threads) if blocks else (count + threads - 1) // threads):
        found.append([])
        for thread in range(threads):
            k = flat(block, thread) if flat else block * threads + thread
            if k >= count and late:
                if not short:
                    found[-1].append(None)
                continue
            cell, c = divmod(k, channels)
            if order:
                found[-1].append(order(k, shape))
                continue
            row, j = divmod(cell, height if swapped else width)
            image, i = divmod(row, width if swapped else height)
            found[-1].append((image, j, i, c) if swapped else (image, i, j, c))
    return found


def channels_first(k, shape):
    n, height, width, channels = shape
    image, c, i, j = np.unravel_index(k, (n, channels, height, width))
    return int(image), int(i), int(j), int(c)


def mistaken(**options):
    return lambda shape, threads: cover_by_division(shape, threads, **options)


WRONG_COVERS = {
    "Round up, not down": mistaken(blocks=lambda count, threads: count // threads),
    "one too many": mistaken(blocks=lambda count, threads: count // threads + 1),
    "channels first": mistaken(order=channels_first),
    "the column j counts": mistaken(swapped=True),
    "Rows and columns are exchanged": lambda s, t: [
        [v and (v[0], v[2], v[1], v[3]) for v in block] for block in cover(s, t)
    ],
    "should have None": mistaken(late=False),
    "block * threads + thread": mistaken(flat=lambda block, thread: thread),
    "without a value are None": mistaken(short=True),
    "A map without values": lambda shape, threads: cover(shape, threads) or [[None] * threads],
    "list of blocks": lambda shape, threads: len(cover(shape, threads)),
    "raised ZeroDivisionError": lambda shape, threads: cover(shape, threads) if 1 // min(shape) < 9 else [],
}


def transpose(x, y):
    tile, tx, ty = cuda.shared.array((8, 9), np.float32), cuda.threadIdx.x, cuda.threadIdx.y
    i, j = cuda.blockIdx.y * 8 + ty, cuda.blockIdx.x * 8 + tx
    if i < x.shape[0] and j < x.shape[1]:
        tile[ty, tx] = x[i, j]
    cuda.syncthreads()
    i, j = cuda.blockIdx.x * 8 + ty, cuda.blockIdx.y * 8 + tx
    if i < y.shape[0] and j < y.shape[1]:
        y[i, j] = tile[tx, ty]


def transpose_turned_first(source, target):
    """Another right one, with other names, a flat tile that is turned when it is filled, and bank conflicts."""
    tile, tx, ty = cuda.shared.array(64, np.float32), cuda.threadIdx.x, cuda.threadIdx.y
    j, i = cuda.grid(2)
    if i < source.shape[0] and j < source.shape[1]:
        tile[8 * tx + ty] = source[i, j]
    cuda.syncthreads()
    row, column = cuda.blockIdx.x * 8 + ty, cuda.blockIdx.y * 8 + tx
    if row < target.shape[0] and column < target.shape[1]:
        target[row, column] = tile[8 * ty + tx]


def without_tile(x, y):
    j, i = cuda.grid(2)
    if i < x.shape[0] and j < x.shape[1]:
        y[j, i] = x[i, j]


def reads_columns(x, y):
    i, j = cuda.blockIdx.x * 8 + cuda.threadIdx.y, cuda.blockIdx.y * 8 + cuda.threadIdx.x
    if i < y.shape[0] and j < y.shape[1]:
        y[i, j] = x[j, i]


def no_bounds(x, y):
    tile, tx, ty = cuda.shared.array((8, 9), np.float32), cuda.threadIdx.x, cuda.threadIdx.y
    tile[ty, tx] = x[cuda.blockIdx.y * 8 + ty, cuda.blockIdx.x * 8 + tx]
    cuda.syncthreads()
    y[cuda.blockIdx.x * 8 + ty, cuda.blockIdx.y * 8 + tx] = tile[tx, ty]


def no_barrier(x, y):
    tile, tx, ty = cuda.shared.array((8, 9), np.float32), cuda.threadIdx.x, cuda.threadIdx.y
    i, j = cuda.blockIdx.y * 8 + ty, cuda.blockIdx.x * 8 + tx
    if i < x.shape[0] and j < x.shape[1]:
        tile[ty, tx] = x[i, j]
    i, j = cuda.blockIdx.x * 8 + ty, cuda.blockIdx.y * 8 + tx
    if i < y.shape[0] and j < y.shape[1]:
        y[i, j] = tile[tx, ty]


def barrier_for_some(x, y):
    tile, tx, ty = cuda.shared.array((8, 9), np.float32), cuda.threadIdx.x, cuda.threadIdx.y
    i, j = cuda.blockIdx.y * 8 + ty, cuda.blockIdx.x * 8 + tx
    if i < x.shape[0] and j < x.shape[1]:
        tile[ty, tx] = x[i, j]
        cuda.syncthreads()
    i, j = cuda.blockIdx.x * 8 + ty, cuda.blockIdx.y * 8 + tx
    if i < y.shape[0] and j < y.shape[1]:
        y[i, j] = tile[tx, ty]


def blocks_in_place(x, y):
    """The numbers of the block are not exchanged."""
    tile, tx, ty = cuda.shared.array((8, 9), np.float32), cuda.threadIdx.x, cuda.threadIdx.y
    i, j = cuda.blockIdx.y * 8 + ty, cuda.blockIdx.x * 8 + tx
    if i < x.shape[0] and j < x.shape[1]:
        tile[ty, tx] = x[i, j]
    cuda.syncthreads()
    if i < y.shape[0] and j < y.shape[1]:
        y[i, j] = tile[tx, ty]


def not_turned(x, y):
    tile, tx, ty = cuda.shared.array((8, 9), np.float32), cuda.threadIdx.x, cuda.threadIdx.y
    i, j = cuda.blockIdx.y * 8 + ty, cuda.blockIdx.x * 8 + tx
    if i < x.shape[0] and j < x.shape[1]:
        tile[ty, tx] = x[i, j]
    cuda.syncthreads()
    i, j = cuda.blockIdx.x * 8 + ty, cuda.blockIdx.y * 8 + tx
    if i < y.shape[0] and j < y.shape[1]:
        y[i, j] = tile[ty, tx]


def not_known(x, y):
    y[0, 0] = x[0, 0] + of_no_module  # noqa: F821


def one_more(x, y):
    """Right but for one value."""
    j, i = cuda.grid(2)
    if i < x.shape[0] and j < x.shape[1]:
        y[j, i] = x[i, j] + (i == 2 and j == 1)


def transpose_with_race(x, y):
    tile, tx, ty = cuda.shared.array((9, 9), np.float32), cuda.threadIdx.x, cuda.threadIdx.y
    i, j = cuda.blockIdx.y * 8 + ty, cuda.blockIdx.x * 8 + tx
    tile[8, 8] = 1
    if i < x.shape[0] and j < x.shape[1]:
        tile[ty, tx] = x[i, j]
    cuda.syncthreads()
    i, j = cuda.blockIdx.x * 8 + ty, cuda.blockIdx.y * 8 + tx
    if i < y.shape[0] and j < y.shape[1]:
        y[i, j] = tile[tx, ty]


def writes_x(x, y):
    j, i = cuda.grid(2)
    if i < x.shape[0] and j < x.shape[1]:
        y[j, i] = x[i, j]
        x[i, j] = 0


def one_index(x, y):
    k = cuda.grid(1)
    y[k] = x[k]


def does_nothing(x, y):
    pass


WRONG_KERNELS = {
    "write places": without_tile,
    "read places": reads_columns,
    "must neither read nor write": no_bounds,
    "Is there a barrier": no_barrier,
    "outside of every `if`": barrier_for_some,
    "the two numbers change places": blocks_in_place,
    "not turned": not_turned,
    "should be x[2, 1]": one_more,
    "race for": transpose_with_race,
    "wrote into x": writes_x,
    "gives 1 indices": one_index,
    "nothing was written": does_nothing,
    "raised NameError": not_known,
}


def races(accesses):
    found = set()
    for a, (thread, epoch, place, kind) in enumerate(accesses):
        for other, when, where, how in accesses[a + 1 :]:
            if place == where and epoch == when and thread != other and "write" in (kind, how):
                found.add(place)
    return sorted(found)


def races_by_place(accesses):
    groups = {}
    for thread, epoch, place, kind in accesses:
        groups.setdefault((place, epoch), []).append((thread, kind))
    racing = [
        place
        for (place, _), group in groups.items()
        if len({thread for thread, _ in group}) > 1 and any(kind == "write" for _, kind in group)
    ]
    return tuple(sorted(set(racing)))


def racing(condition):
    """The same with another condition on two accesses to one place."""

    def answer(accesses):
        pairs = [(a, b) for k, a in enumerate(accesses) for b in accesses[:k] if a[2] == b[2]]
        return sorted({a[2] for a, b in pairs if condition(a, b)})

    return answer


def writes(a, b):
    return "write" in (a[3], b[3])


def neighbours(accesses):
    pairs = zip(accesses, accesses[1:], strict=False)
    return sorted({a[2] for a, b in pairs if a[2] == b[2] and a[1] == b[1] and a[0] != b[0] and writes(a, b)})


WRONG_RACES = {
    "with itself": racing(lambda a, b: a[1] == b[1] and writes(a, b)),
    "barrier between": racing(lambda a, b: a[0] != b[0] and writes(a, b)),
    "only read": racing(lambda a, b: a[0] != b[0] and a[1] == b[1]),
    "Two that write race": racing(lambda a, b: a[0] != b[0] and a[1] == b[1] and a[3] != b[3]),
    "as well as two that write": racing(lambda a, b: a[0] != b[0] and a[1] == b[1] and a[3] == b[3] == "write"),
    "need not be neighbours": neighbours,
    "each place once": lambda accesses: races(accesses) * 2,
    "rising order": lambda accesses: races(accesses)[::-1],
    "places alone": lambda accesses: [(place, "race") for place in races(accesses)],
    "list of places": lambda accesses: set(races(accesses)),
    "and should be [": lambda accesses: [*races(accesses), 99] if len(accesses) == 2 else races(accesses),
    "raised IndexError": lambda accesses: races(accesses) if accesses[0] else [],
}

ANSWERS = {
    "cover": ((cover, cover_by_division), WRONG_COVERS),
    "transpose": ((transpose, transpose_turned_first), WRONG_KERNELS),
    "races": ((races, races_by_place), WRONG_RACES),
}
CASES = [(name, hint) for name, (_, wrong) in ANSWERS.items() for hint in wrong]


@pytest.mark.parametrize("name", ANSWERS)
def test_right_answers_pass(name):
    for answer in ANSWERS[name][0]:
        verdict = getattr(gpu, name).grade(answer)
        assert verdict.right, verdict


def test_bank_conflicts_are_told():
    assert "no two threads" in gpu.transpose.grade(transpose).text
    assert "up to 8 threads" in gpu.transpose.grade(transpose_turned_first).text


@pytest.mark.parametrize(("name", "hint"), CASES)
def test_wrong_answers_are_told_why(name, hint):
    exercise, answer = getattr(gpu, name), ANSWERS[name][1][hint]
    verdict = exercise.grade(answer)
    assert not verdict.right and verdict.written and hint in verdict.text, verdict
    assert exercise.grade(answer) == verdict


def stub(x, y=None):
    raise NotImplementedError


def nothing(x, y=None):
    pass


@pytest.mark.parametrize("name", ANSWERS)
def test_stubs_and_what_returns_nothing(name):
    exercise = getattr(gpu, name)
    given = (lambda accesses: stub(accesses)) if name == "races" else stub
    assert not exercise.grade(given).written
    found = exercise.grade((lambda accesses: None) if name == "races" else nothing).text
    assert "return" in found or "nothing was written" in found
    assert exercise.__doc__.splitlines()[0].endswith(".")


def test_what_cuda_jit_makes_of_a_kernel_is_taken():
    class Compiled:
        py_func = staticmethod(transpose)

    assert gpu.transpose.grade(Compiled()).right

"""Exercises of notebook 10: what bounds a convolution, fewer products, a sum that does not depend on its workers."""

from fractions import Fraction
from math import fsum

import numpy as np

from minispp.exercises.grading import Wrong, call, exercise

# (n, height, width, channels, filters, kernel, stride, pad, operations a second, bytes a second)
LAYERS = [
    (1, 20, 11, 3, 7, 5, 2, 0, 1e9, 1e12),
    (2, 13, 17, 64, 48, 3, 1, 1, 2e11, 2e10),
    (4, 9, 6, 5, 2, 4, 3, 2, 3e12, 1e9),
    (1, 1, 1, 300, 200, 1, 1, 0, 1e11, 1e10),
    (3, 8, 5, 16, 16, 1, 1, 0, 1e12, 1e12),
]


def _layer(n, height, width, channels, filters, kernel, stride, pad, peak, bandwidth):
    """The least seconds, and what the mistakes give, each with its hint."""
    rows, columns = ((size + 2 * pad - kernel) // stride + 1 for size in (height, width))
    outputs, patch = n * rows * columns * filters, kernel * kernel * channels
    products, x, w = outputs * patch, n * height * width * channels, patch * filters
    values = x + w + filters + outputs

    def least(products=products, values=values, of=max, each=2, size=4):
        return of(each * products / peak, size * values / bandwidth)

    same = n * height * width * filters
    up = [-(-(size + 2 * pad - kernel) // stride) + 1 for size in (height, width)]
    bare = [(size - kernel) // stride + 1 for size in (height, width)]
    others = [
        (n * up[0] * up[1] * filters, "The size of the output map is rounded down, with //."),
        (n * bare[0] * bare[1] * filters, "The padding is missing: a window moves over size + 2 pad cells."),
    ]
    padding = (height + 2 * pad) * (width + 2 * pad) - height * width
    mistakes = [
        (least(each=1), "An output is a sum of products: count the multiplications and the additions."),
        (least(size=1), "The bandwidth is in bytes, and a float32 has 4 of them."),
        (least(size=8), "A float32 has 4 bytes, not 8."),
        (least(of=min), "Both must be done, so the one that takes longer decides: max, not min."),
        (least(of=float.__add__), "Multiplying and moving may overlap: the least time is the longer, not the sum."),
        (least(values=n * rows * columns * patch + w + filters + outputs),
         "That is im2col's traffic. Each cell of x has to be read once at least, however many patches it is in."),
        (least(values=x + outputs), "The weights have to be read too, and the biases: one for each filter."),
        (least(values=x + w + outputs), "The biases have to be read too: one for each filter."),
        (least(values=x + w + filters), "The outputs have to be written."),
        (least(same * patch, x + w + filters + same), "The output map has (size + 2 pad - kernel) // stride + 1 rows."),
        *((least(other * patch, x + w + filters + other), hint) for other, hint in others),
        (least(products * n), "The outputs of all n maps are counted already: n is there twice."),
        (least(values=values + (n - 1) * w), "The weights are the same for all maps: they are read once."),
        (least(values=values + n * padding * channels), "Zeros of the padding are not read from memory."),
        (least(outputs * kernel * kernel, values), "Each output sums over all channels."),
        (least(outputs * kernel * channels, values), "The kernel has kernel * kernel cells."),
    ]  # fmt: skip
    return least(), mistakes


@exercise
def least_seconds(answer):
    """The least time in which a machine can do a convolution, whatever the way.

    ``least_seconds(n, height, width, channels, filters, kernel, stride, pad, peak, bandwidth)``, for n maps, filters
    of kernel x kernel cells, and a machine of `peak` operations and `bandwidth` bytes a second, in float32.
    """
    for layer in LAYERS:
        want, mistakes = _layer(*layer)
        got = call(answer, *layer)
        if np.ndim(got) or not isinstance(got, (int, float, np.number)):
            raise Wrong(f"least_seconds{layer} returned {type(got).__name__}, and should return seconds: one number.")
        if np.isclose(got, want, rtol=1e-9):
            continue
        said = f"least_seconds{layer} is {got:.6g}, and should be {want:.6g}."
        # A mistake that does not change this layer's least time cannot be told from another by it.
        for wrong, hint in mistakes:
            if np.isclose(got, wrong, rtol=1e-9) and not np.isclose(wrong, want, rtol=1e-9):
                raise Wrong(f"{said} {hint}")
        raise Wrong(f"{said} Is it the larger of operations / peak and bytes / bandwidth?")
    return f"Tried on {len(LAYERS)} layers, some bound by products and some by memory."


# ---------------------------------------------------------------------------------------------------


class Number:
    """An exact number that counts how often it meets another one that the caller did not know beforehand.

    Tiles and taps are such numbers, and so is whatever is made of them; constants are not.
    """

    def __init__(self, value, counter, source):
        self.value, self.counter, self.source = Fraction(value), counter, source

    def __add__(self, other):
        return self._with(other, self.value + _value(other))

    def __sub__(self, other):
        return self._with(other, self.value - _value(other))

    def __rsub__(self, other):
        return self._with(other, _value(other) - self.value)

    def __neg__(self):
        return Number(-self.value, self.counter, self.source)

    def __mul__(self, other):
        if isinstance(other, Number):
            self.counter.append((self.source, other.source))
        return self._with(other, self.value * _value(other))

    def __truediv__(self, other):
        if isinstance(other, Number):
            raise TypeError("there is no need to divide by a value of the tile or by a tap")
        return self._with(other, self.value / _value(other))

    def __repr__(self):
        return str(self.value)

    __radd__, __rmul__ = __add__, __mul__

    def _with(self, other, value):
        source = self.source | other.source if isinstance(other, Number) else self.source
        return Number(value, self.counter, source)


def _value(a):
    return a.value if isinstance(a, Number) else Fraction(a)


TILES = [((3, 1, 4, 7), (5, 9, 2)), ((-2, 7, 0, 11), (1, -3, 8)), ((1, 10, 100, 1000), (2, 3, 5))]


@exercise
def winograd_two(answer):
    """Two neighbouring outputs of a filter with three taps, by four products: F(2, 3).

    ``winograd_two(d, g)``: d has four values, g three taps; returns ``(d0 g0 + d1 g1 + d2 g2, d1 g0 + d2 g1 + d3 g2)``.
    Sums are free, and so are products with constants such as 1/2.
    """
    for d, g in TILES:
        want = tuple(sum(a * b for a, b in zip(d[k:], g, strict=False)) for k in (0, 1))
        counter = []
        tile, taps = ([Number(v, counter, {name}) for v in values] for name, values in (("d", d), ("g", g)))
        got, said = call(answer, tile, taps), f"winograd_two({list(d)}, {list(g)})"
        if not isinstance(got, (tuple, list, np.ndarray)) or len(got) != 2:
            raise Wrong(f"{said} should return two outputs, as a pair.")
        if any(sorted(map(sorted, product)) != [["d"], ["g"]] for product in counter):
            raise Wrong(f"{said} multiplies values of the tile, or taps, with each other: a product is tile times tap.")
        got = tuple(_value(a) for a in got)
        if got != want:
            raise Wrong(
                f"{said} is ({got[0]}, {got[1]}), and should be ({want[0]}, {want[1]}). {_why(d, g, got, want)}"
            )
        if len(counter) < 4:
            raise Wrong(f"{said} is right, but no four products were seen. Multiply the numbers as they are passed.")
        if len(counter) > 4:
            formula = " The formula itself takes as many. Is one multiplied twice?" if len(counter) == 6 else ""
            raise Wrong(
                f"{said} is right, but takes {len(counter)} products of a tile's value and a tap, not 4.{formula}"
            )
    return f"Exact on {len(TILES)} tiles, with 4 products each."


def _why(d, g, got, want):
    """What the mistake may be."""
    d, g = np.array(d, object), np.array(g, object)
    m1, m4 = (d[0] - d[2]) * g[0], (d[1] - d[3]) * g[2]
    plus, minus = (d[1] + d[2]) * (g[0] + g[1] + g[2]), (d[2] - d[1]) * (g[0] - g[1] + g[2])
    flipped = tuple(sum(d[k : k + 3] * g[::-1]) for k in (0, 1))
    if got == flipped:
        return "These taps are turned round. A layer correlates: d0 meets g0."
    if got == (m1 + plus + minus, plus - minus - m4):
        return "The middle products are evaluations at 1 and -1, and each counts half: divide the sums of taps by 2."
    if got[0] == want[0] and got[1] == want[1] + 2 * m4:
        return "The first output is right. In the second, the sign of the last product is the other one."
    if got[0] == want[0]:
        return "The first output is right."
    if got[1] == want[1]:
        return "The second output is right."
    if got[::-1] == want:
        return "The two outputs have changed places."
    return "Write down the two outputs of the four products with letters, and compare term by term."


# ---------------------------------------------------------------------------------------------------

PARTS = 16
LENGTHS = [20_000, 4099, 160, 31, 16, 5, 1, 0]


class Workers:
    """Workers that share out tasks, and finish them in an order that nobody knows beforehand.

    Attributes
    ----------
    count : int
        How many there are.

    Examples
    --------
    >>> workers = Workers(2)
    >>> sorted(workers.run(lambda k: k * k, [1, 2, 3]))
    [(1, 1), (2, 4), (3, 9)]
    """

    def __init__(self, count, seed=0):
        self.count, self._rng, self.tasks = count, np.random.default_rng(seed), 0

    def __repr__(self):
        return f"<{self.count} workers>"

    def run(self, work, tasks):
        """Pairs (task, ``work(task)``), in the order in which they are done."""
        tasks = list(tasks)
        self.tasks += len(tasks)
        return [(tasks[k], work(tasks[k])) for k in self._rng.permutation(len(tasks))]


@exercise
def ordered_sum(answer):
    """The float32 sum of `values`, shared out among workers, with the same bits however many there are.

    ``ordered_sum(values, workers)``: ``workers.count`` is their number, and ``workers.run(work, tasks)`` returns
    pairs (task, result) in the order in which they are done, another one every time. There must be `PARTS` tasks or
    more, if there are so many values, so that all workers have something to do.
    """
    for values in _arrays():
        length, exact = len(values), fsum(values.tolist())
        said, near = f"ordered_sum(<{length} values>, workers)", 1e-4 * fsum(abs(values).tolist())
        bits = {}
        for count in (1, 2, 3, 5, 16, 64):
            for seed in (0, 1):
                workers = Workers(count, seed)
                got = call(answer, values, workers)
                if not isinstance(got, np.float32):
                    raise Wrong(f"{said} returned {type(got).__name__}, and should return one number, a numpy.float32.")
                if not abs(float(got) - exact) <= near:
                    raise Wrong(f"{said} is {got:.7g}, and should be about {exact:.7g}. {_lost(values, got, exact)}")
                if workers.tasks < min(PARTS, length):
                    cut = f"Cut the values into {PARTS} parts at least, whatever the number of workers."
                    raise Wrong(f"{said} gave {count} workers {workers.tasks} tasks. {cut}")
                bits[count, seed] = got.tobytes()
        for count, seed in bits:
            if bits[count, 0] != bits[count, seed]:
                order = "Results come in the order in which they are done: add them in the order of their parts."
                raise Wrong(f"{said} has other bits in another run with {count} workers. {order}")
        if len(set(bits.values())) > 1:
            cut = "Where values are cut may depend on how many there are, and must not depend on `workers.count`."
            raise Wrong(f"{said} has other bits with another number of workers. {cut}")
    return f"The same bits with 1 to 64 workers, for {len(LENGTHS)} lengths from {LENGTHS[0]:,} down to 0."


def _arrays():
    """Values to add up; in the last ones two are so large that even in float64 the order decides what is left."""
    for length in LENGTHS:
        yield np.random.default_rng(length).lognormal(0, 3, length).astype(np.float32)
    values = np.random.default_rng(0).standard_normal(160, np.float32)
    values[[25, 115]] = 1e20, -1e20
    yield values


def _lost(values, got, exact):
    """What has been left out or taken twice."""
    whole = len(values) // PARTS * PARTS
    if len(values) > whole and abs(float(got) - fsum(values[:whole].tolist())) <= 1e-5 * exact:
        return f"The last {len(values) - whole} values are lost: {len(values)} does not divide by {PARTS}."
    return "Is every value in exactly one part?"

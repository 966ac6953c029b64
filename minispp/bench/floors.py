"""The least time the machine allows a case: what it needs of matrix products and of memory, at the rates of `rates`.

A layer cannot take less than its multiplications and additions at the rate of matrix products, nor less than the bytes
it must read and write at the rate of copying: its floor is the larger of the two. Values of float32 have 4 bytes; each
array is read or written once, which no cache can make cheaper if it starts in memory.
"""

import re
from math import prod

from minispp.layers import Conv2D, Linear

VALUE = 4  # bytes of a float32, and of a winner
SHARES = {"products": 0.8, "bytes": 0.5}  # of the floor: what we predict to reach


def floor(case, rates, path=None):
    """Seconds that a case takes at least, and which of the rates decides.

    Parameters
    ----------
    case : Case
    rates : dict
        As `minispp.bench.rates.measure` returns them.
    path : str, optional
        How a convolution is done. If it names a Winograd transform such as ``F(4x4, 3x3)``, the products that remain
        are counted; else those of the formula.

    Examples
    --------
    >>> from minispp.bench.case import Case
    >>> case = Case("", "", "forward", ("Linear", {"in_features": 1000, "out_features": 500}), (10, 1000))
    >>> floor(case, {"products": 1e9, "bytes": 1e9})
    (0.01, 'products')
    >>> floor(case, {"products": 1e12, "bytes": 1e9})
    (0.002062, 'bytes')
    """
    subject = case.subject()
    if not case.is_net:
        return _larger(needs(subject, case.shape, case.work, case.needs_dx, path, case.windows, case.saves), rates)
    seconds, shape = {"products": 0.0, "bytes": 0.0}, case.shape
    for layer in subject.layers:
        least, rate = _larger(needs(layer, shape, "both", layer is not subject.layers[0]), rates)
        seconds[rate] += least
        shape = layer.output_shape(shape)
    # The optimiser reads weight, gradient and velocity, and writes weight and velocity.
    seconds["bytes"] += 5 * VALUE * sum(param.value.size for param in subject.params()) / rates["bytes"]
    return sum(seconds.values()), max(seconds, key=seconds.get)


def _larger(needed, rates):
    seconds = {name: needed[name] / rates[name] for name in needed}
    decides = max(seconds, key=seconds.get)
    return seconds[decides], decides


def needs(layer, shape, work="forward", needs_dx=True, path=None, windows=0, saves=True):
    """Operations and bytes of a layer. One that saves nothing for backward writes no winners.

    Parameters
    ----------
    layer : Layer
    shape : tuple of int
        Of its input.
    work : str
        ``"forward"``, ``"backward"`` or ``"both"``.
    needs_dx : bool
    path : str, optional
        As for `floor`.
    windows : int
        So many windows of the first map in place of the whole maps.
    saves : bool

    Returns
    -------
    dict
        ``"products"``: multiplications and additions in products; ``"bytes"``: read and written.

    Examples
    --------
    >>> needs(Conv2D(3, 8, kernel=3, pad=1), (1, 10, 10, 3))
    {'products': 43200.0, 'bytes': 5296}
    """
    outputs = layer.output_shape(shape)
    rows = windows or outputs[0]
    x, y = prod(shape), rows * prod(outputs[1:])
    weights = sum(param.value.size for param in layer.params())
    products = 0
    if isinstance(layer, (Conv2D, Linear)):
        each = layer.weight.value[..., 0].size  # multiplications an output
        products = 2 * y * each
    kind = type(layer).__name__
    # What is read and written going forward, and going backward.
    pooled = y + (y if saves else 0)
    forward = {"MaxPool": x + pooled, "SPP": x + pooled, "LRN": 2 * x}.get(kind, x + weights + y)
    backward = {"MaxPool": 2 * y + x, "SPP": 2 * y + x, "LRN": 3 * x, "ReLU": 3 * x, "Dropout": 2 * x}.get(
        kind, y + x + weights + weights + (x if needs_dx else 0)
    )
    products *= remaining(path, layer)
    operations = {"forward": products, "backward": products * (2 if needs_dx else 1)}
    values = {"forward": forward, "backward": backward}
    parts = ("forward", "backward") if work == "both" else (work,)
    return {"products": sum(operations[part] for part in parts), "bytes": VALUE * sum(values[part] for part in parts)}


def remaining(path, layer):
    """The share of the products that a Winograd transform leaves; 1 for any other way.

    ``F(m x m, r x r)`` makes m x m outputs from (m + r - 1)^2 products a channel. At stride s it works on s^2 times
    the channels, with every s-th tap of the filter.

    Examples
    --------
    >>> remaining("winograd F(4x4, 3x3)", Conv2D(8, 8, kernel=3)), remaining("direct", Conv2D(8, 8, kernel=3))
    (0.25, 1.0)
    >>> round(remaining("F(4x4, 3x3)", Conv2D(8, 8, kernel=5, stride=2)), 2)
    0.36
    """
    found = re.search(r"F\((\d+)\s*[x×]\s*\d+,\s*(\d+)", path or "")
    if not found:
        return 1.0
    m, r = map(int, found.groups())
    return ((m + r - 1) / m * layer.stride / layer.kernel) ** 2

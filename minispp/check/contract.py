"""What must hold before a derivative is worth measuring: same answer twice, nothing modified, shapes, sums, layout."""

import numpy as np

from minispp.check.report import index_of


def upstream(rng, shape):
    """Random numbers of size 0.5 to 1.5 and either sign: no entry is so small that an error there could hide."""
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))


def check_contract(subject, report, rng):
    """Report what breaks the contract of a layer; return the names of the arrays whose gradients can be measured."""
    x = subject.values["x"]
    given = x.copy()
    y = subject.call(given)
    if not np.array_equal(given, x):
        report.error("modified", "x", "forward wrote into its input")
    if not _check_output(subject, report, y):
        return []
    y = np.array(y)

    dy = np.ones(()) if subject.takes_no_dy() else upstream(rng, y.shape)
    subject.call()
    given = dy.copy()
    subject.backward(given)
    if not np.array_equal(given, dy):
        report.error("modified", "dy", "backward wrote into the gradient it was given")
    first = subject.gradients(dy)
    names = _check_gradients(subject, report, first)
    if len(names) == len(first):  # else a second sum may not even have a shape
        _check_sums(report, first, subject.gradients(dy, clear=False), names)
    _check_layout(subject, report, y, dy, first, names)
    return names


def _check_output(subject, report, y):
    if y is None or isinstance(y, tuple | list | dict):
        report.error("missing", "forward", f"expected one array, got {type(y).__name__}")
        return False
    y = np.array(y)
    if y.dtype != np.float64:
        report.error(
            "dtype",
            "forward",
            f"expected float64 out for float64 in, got {y.dtype}: differences need the digits. Make the layer's own "
            f"arrays float64 (ours: layer.to(ops, np.float64))",
        )
        return False
    if not np.isfinite(y).all():
        at = index_of(np.flatnonzero(~np.isfinite(y))[0], y.shape)
        report.error("non-finite", "forward", f"output {list(at)} is {y[at]} for a finite x", index=at)
        return False
    again = np.array(subject.call())
    if again.shape != y.shape or not np.allclose(again, y, rtol=1e-12, atol=1e-12 * np.max(np.abs(y), initial=0)):
        report.error(
            "random",
            "forward",
            "the same x gave two different outputs, so there is no derivative to check. Hold the layer still: a fixed "
            "dropout mask, training = False, or before=... to reset its state before every forward",
        )
        return False
    return True


def _check_gradients(subject, report, grads):
    names = []
    for name, grad in grads.items():
        value = subject.values[name]
        if grad is None and name == "x":
            report.error("missing", "x", f"backward returned None; expected dx of shape {value.shape}")
        elif grad is None:
            names.append(name)  # right only if f does not depend on it; the slopes will tell
        elif np.shape(grad) != value.shape:
            d = "dx" if name == "x" else "grad"
            report.error("shape", name, f"expected {d} of shape {value.shape}, got {np.shape(grad)}")
        elif grad.dtype != np.float64:
            report.error("dtype", name, f"expected a float64 gradient, got {grad.dtype}")
        elif not np.isfinite(grad).all():
            at = index_of(np.flatnonzero(~np.isfinite(grad))[0], grad.shape)
            report.error("non-finite", name, f"backward gave {grad[at]}", index=at)
        else:
            names.append(name)
    return names


def _close(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12 * np.max(np.abs(b), initial=0))


def _check_sums(report, first, second, names):
    """Two backwards without clearing: parameter gradients double, dx does not."""
    for name in names:
        once, twice = first[name], second[name]
        if once is None or twice is None:
            continue
        if name == "x":
            if not _close(twice, once):
                report.error("accumulate", name, "a second backward gave another dx: it must not add up")
        elif not _close(twice, 2 * once):
            at = index_of(np.abs(twice - 2 * once).argmax(), once.shape)
            numbers = {"index": at, "analytic": float(twice[at]), "numeric": float(2 * once[at])}
            done = "overwrites" if _close(twice, once) else "does not add to"
            text = f"backward {done} grad: expected {2 * once[at]:.9g} after two backwards, got {twice[at]:.9g}"
            report.error("accumulate", name, text, **numbers)


def _strided(a):
    """The same numbers, every second one of a larger array."""
    if a.ndim == 0:
        return a.copy()
    large = np.zeros((*a.shape[:-1], 2 * a.shape[-1]))
    large[..., ::2] = a
    return large[..., ::2]


def _check_layout(subject, report, y, dy, first, names):
    """Non-contiguous x and dy must give the same y and gradients."""
    subject.clear()
    try:
        if not _close(np.array(subject.call(_strided(subject.values["x"]))), y):
            report.error("layout", "forward", "another output for the same x in a non-contiguous array")
        dx = subject.backward(_strided(dy))
    except Exception as error:  # a reader's layer may raise anything here; it is a finding, not a crash
        report.error("layout", "forward", f"{type(error).__name__} for a non-contiguous x or dy: {error}")
        return
    for name in names:
        got = dx if name == "x" else subject.params[name].grad
        if first[name] is not None and (got is None or not _close(np.array(got), first[name])):
            report.error("layout", name, "another gradient for the same x and dy in non-contiguous arrays")

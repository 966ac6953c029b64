"""Which mistake explains what an answer returned: the one that explains all of it, not only the first wrong result."""

import numpy as np

from minispp.exercises.grading import Wrong


def judge(name, tried, mistakes, otherwise="", tolerance=0):
    """Raise `Wrong` for the first result that is not right, with the mistake that explains all results.

    One example may fit several mistakes. So an answer is tried everywhere first, and then the first mistake is told
    that would have given every result; if there is none, the first that would have given the wrong one.

    Parameters
    ----------
    name : str
        Of the function that the reader wrote.
    tried : list of (arguments, result, right result)
    mistakes : list of (callable, str)
        What a typical mistake makes of the same arguments, and its hint.
    otherwise : str
        The hint if there is no such mistake.
    tolerance : float
        Largest difference that counts as equal.

    Examples
    --------
    >>> tried = [((x,), x * x, 2 * x) for x in (2, 3)]
    >>> mistakes = [(lambda x: x + 2, "Add x, not 2."), (lambda x: x * x, "That is the square.")]
    >>> judge("double", tried, mistakes)
    Traceback (most recent call last):
    ...
    minispp.exercises.grading.Wrong: double(3) is 9, and should be 6. That is the square.
    """
    wrong = next((row for row in tried if not _same(row[1], row[2], tolerance)), None)
    if wrong is None:
        return
    fits = [(mistake, hint) for mistake, hint in mistakes if _same(wrong[1], mistake(*wrong[0]), tolerance)]
    whole = [hint for mistake, hint in fits if all(_same(got, mistake(*given), tolerance) for given, got, _ in tried)]
    hint = next(iter([*whole, *(hint for _, hint in fits), otherwise]))
    given = ", ".join(str(value.tolist() if isinstance(value, np.ndarray) else value) for value in wrong[0])
    raise Wrong(f"{name}({given}) is {_said(wrong[1])}, and should be {_said(wrong[2])}. {hint}".rstrip())


def _same(a, b, tolerance):
    return bool(abs(a - b) <= tolerance) if tolerance else a == b


def _said(result):
    return f"{result:.6g}" if isinstance(result, float) else str(result)

"""What all graders share: a verdict, and careful calls of code that may do anything."""

from html import escape
from typing import NamedTuple

import numpy as np


class Wrong(Exception):
    """What is wrong with an answer: a hint, in whole sentences."""


class Verdict(NamedTuple):
    """What a grader says.

    Attributes
    ----------
    exercise : str
        Its name.
    right : bool
    text : str
        In one line what was tried, or the hint.
    written : bool
        False as long as there is only the stub.
    """

    exercise: str
    right: bool
    text: str
    written: bool = True

    @property
    def heading(self):
        """The verdict in a few words."""
        return "right!" if self.right else "not right yet." if self.written else "not written yet."

    def __repr__(self):
        return f"{self.exercise}: {self.heading}\n{self.text}"

    def _repr_html_(self):
        colour = "#007556" if self.right else "#A64600" if self.written else "#4B5563"
        look = f"border-left: 4px solid {colour}; padding: 6px 12px; background: white; color: #1F2933"
        text = escape(self.text).replace("\n", "<br>")
        return f'<div style="{look}"><b style="color: {colour}">{self.exercise}: {self.heading}</b><br>{text}</div>'


class Exercise:
    """An exercise: its task, and how an answer to it is tried.

    Parameters
    ----------
    attempt : callable (answer) -> str
        Tries the answer. Raises `Wrong` at the first thing that is wrong; returns in one line what was right. Its
        docstring is the task.

    Examples
    --------
    >>> @exercise
    ... def double(answer):
    ...     '''Twice x.'''
    ...     if call(answer, 3) != 6:
    ...         raise Wrong("double(3) should be 6.")
    ...     return "Tried on 3."
    >>> double.grade(lambda x: x + x)
    double: right!
    Tried on 3.
    >>> double.grade(lambda x: x + 1).text
    'double(3) should be 6.'
    """

    def __init__(self, attempt):
        self.attempt, self.__name__, self.__doc__ = attempt, attempt.__name__, attempt.__doc__

    def __repr__(self):
        return f"exercise {self.__name__}: {self.__doc__.strip().splitlines()[0]}"

    def grade(self, answer):
        """Try the reader's answer.

        Parameters
        ----------
        answer : callable
            The function, or the class of the layer, that the exercise asks for.

        Returns
        -------
        Verdict
            Whatever the answer does: an error inside it becomes a hint, not an error here.
        """
        try:
            with np.errstate(all="ignore"):
                return Verdict(self.__name__, True, self.attempt(answer))
        except NotImplementedError:
            return Verdict(self.__name__, False, "Replace `raise NotImplementedError` by your answer.", written=False)
        except Wrong as hint:
            return Verdict(self.__name__, False, str(hint))
        except Exception as error:  # of what the answer returned, which may be anything
            text = f"What was returned cannot be read ({type(error).__name__}: {error}). Is it what is asked for?"
            return Verdict(self.__name__, False, text)


exercise = Exercise  # as a decorator


def call(answer, *arguments):
    """The answer's result for these arguments, which it must neither change nor fail on.

    Raises
    ------
    Wrong
        If it raised, returned nothing, or wrote into an argument.
    NotImplementedError
        If it is still the stub.
    """
    given = [np.copy(value) if isinstance(value, np.ndarray) else value for value in arguments]
    try:
        result = answer(*given)
    except NotImplementedError:
        raise
    except Exception as error:  # whatever the reader's code raises is what to mend
        raise Wrong(f"{shown(answer, arguments)} raised {type(error).__name__}: {error}") from error
    if result is None:
        raise Wrong(f"{shown(answer, arguments)} returned None. Is there a `return` at the end?")
    for value, kept in zip(given, arguments, strict=True):
        if isinstance(kept, np.ndarray) and not np.array_equal(value, kept, equal_nan=kept.dtype.kind == "f"):
            raise Wrong(f"{shown(answer, arguments)} changed its input. Work on a copy, or make a new array.")
    return result


def shown(answer, arguments):
    """A call in words: arrays by their shape."""
    words = (
        f"<{'x'.join(map(str, np.shape(value)))} {value.dtype}>" if isinstance(value, np.ndarray) else repr(value)
        for value in arguments
    )
    return f"{getattr(answer, '__name__', type(answer).__name__)}({', '.join(words)})"


def require_numbers(what, got):
    """The result as an array of real numbers.

    Raises
    ------
    Wrong
        If it is none: words, a list of lists of different lengths, or whatever else was returned.

    Examples
    --------
    >>> require_numbers("y", [1, 2]).shape
    (2,)
    >>> require_numbers("y", [[1], [2, 3]])
    Traceback (most recent call last):
    ...
    minispp.exercises.grading.Wrong: y is a list, and should be an array of numbers.
    """
    try:
        array = np.asarray(got)
    except ValueError:  # lists of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        raise Wrong(f"{what} is a {type(got).__name__}, and should be an array of numbers.")
    return array


def require_array(what, got, want):
    """The result as an array of the right shape.

    Raises
    ------
    Wrong
        If it holds no numbers, or its shape is another; it names both.
    """
    got = require_numbers(what, got)
    if got.shape != np.shape(want):
        raise Wrong(f"{what} has the shape {got.shape}, and should have {np.shape(want)}.")
    return got


def require_equal(what, got, want, typical=(), atol=1e-9):
    """Compare with the right result; and if it is another, with the results of typical mistakes.

    Parameters
    ----------
    what : str
        What was called, for the hint.
    got, want : array
        The answer's result, and the right one.
    typical : sequence of (array, str)
        The result of a mistake, and the hint that names its cause. The first that fits is told.
    atol : float
        Largest difference that counts as equal, for a result of size 1; it grows with the largest entry of `want`.

    Raises
    ------
    Wrong
        With the hint that fits; else with the first entry that differs.
    """
    got, want = require_array(what, got, want), np.asarray(want)
    close = {"rtol": 0, "atol": atol * max(1.0, float(np.abs(want[np.isfinite(want)]).max(initial=0)))}
    if np.allclose(got, want, equal_nan=True, **close):
        return
    for mistaken, hint in typical:
        if np.shape(mistaken) == got.shape and np.allclose(got, mistaken, equal_nan=True, **close):
            raise Wrong(f"{what} is not right. {hint}")
    if got.dtype in (np.float16, np.float32) and np.allclose(got, want, rtol=1e-3, atol=1e-3, equal_nan=True):
        raise Wrong(f"{what} is right to the digits of {got.dtype} only. Keep the float type of the input: float64.")
    where = tuple(int(i) for i in np.argwhere(~np.isclose(got, want, equal_nan=True, **close))[0])
    place = f"[{', '.join(map(str, where))}]" if where else ""
    digits = 6 if f"{got[where]:.6g}" != f"{want[where]:.6g}" else 17
    raise Wrong(f"{what}{place} is {got[where]:.{digits}g}, and should be {want[where]:.{digits}g}.")

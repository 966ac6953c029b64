"""Accuracies compared: the spread over seeds, and whether a difference is more than chance.

An accuracy depends on the seed of the training and on the test pictures that happened to be at hand. Two ways of
classifying the same pictures are compared picture by picture and seed by seed, which is far sharper than comparing
two accuracies.
"""

from typing import NamedTuple

import numpy as np


class Difference(NamedTuple):
    """By how much one way is more accurate than another, in percentage points.

    Attributes
    ----------
    points : float
    error : float
        Its standard error: from the test pictures and, with several seeds, from the seeds.
    agree : int
        Seeds whose difference has the same sign as `points` (all, if every difference is 0).
    seeds : int
    """

    points: float
    error: float
    agree: int
    seeds: int

    @property
    def clear(self):
        """Whether it is more than twice its standard error."""
        return abs(self.points) > 2 * self.error


def difference(first, second):
    """Compare two ways on the same test pictures, paired by seed and picture.

    With d the difference of each seed and picture, the error is ``sqrt(v_pictures + v_seeds)``: the variance of the
    mean of d over pictures (averaged over seeds first), and over seeds (averaged over pictures first). A part of the
    chance is counted twice, so it errs on the side of saying too little.

    Parameters
    ----------
    first, second : bool array (seeds, pictures)
        Whether each picture was classified rightly.

    Examples
    --------
    >>> first, second = np.ones((2, 8), bool), np.zeros((2, 8), bool)
    >>> second[:, :6] = True
    >>> difference(first, second)
    Difference(points=25.0, error=16.4, agree=2, seeds=2)
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape or first.ndim != 2 or first.size == 0:
        raise ValueError(f"difference: expected two arrays (seeds, pictures), got {first.shape} and {second.shape}")
    gap = 100.0 * (first.astype(int) - second.astype(int))
    by_seed = gap.mean(axis=1)
    points = float(by_seed.mean())
    variance = sum(each.var(ddof=1) / len(each) for each in (by_seed, gap.mean(axis=0)) if len(each) > 1)
    agree = int((np.sign(by_seed) == np.sign(points)).sum())
    return Difference(round(points, 1), round(float(np.sqrt(variance)), 1), agree, len(by_seed))


def sentence(first, second, found):
    """A difference in words, which say no more than the numbers do.

    Examples
    --------
    >>> sentence("SPP", "no SPP", Difference(4.0, 1.5, 3, 3))
    'SPP is 4.0 points above no SPP (standard error 1.5; in 3 of 3 seeds): more than chance would explain.'
    >>> sentence("SPP", "no SPP", Difference(-1.0, 1.5, 2, 3))
    'SPP is 1.0 point below no SPP (standard error 1.5; in 2 of 3 seeds): chance may explain it.'
    """
    size = abs(found.points)
    if size == 0:
        return f"{first} and {second} are equal (standard error {found.error:.1f})."
    points = f"{size:.1f} point{'' if size == 1 else 's'}"
    seeds = f"in {found.agree} of {found.seeds} seeds" if found.seeds > 1 else "one seed"
    where = f"{first} is {points} {'above' if found.points > 0 else 'below'} {second}"
    verdict = "more than chance would explain" if found.clear else "chance may explain it"
    return f"{where} (standard error {found.error:.1f}; {seeds}): {verdict}."


def mean_and_spread(values):
    """``mean ± standard deviation`` with one decimal; of a single value, the value.

    Examples
    --------
    >>> mean_and_spread([80.0, 82.0]), mean_and_spread([81.0])
    ('81.0 ± 1.4', '81.0')
    """
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread}"


def aligned(rows):
    """Rows of text as lines in columns: the first to the left, the others to the right.

    Examples
    --------
    >>> aligned([["", "mAP"], ["R-CNN", "7.5"]])
    ['       mAP', 'R-CNN  7.5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = [[f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)] for row in rows]
    return ["  ".join([f"{row[0]:{widths[0]}}", *rest]).rstrip() for row, rest in zip(rows, cells, strict=True)]

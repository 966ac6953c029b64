"""What SVMs of several classes train on: windows kept once, and each class's list of them.

A window is known by the number of its picture and its row there. `minispp.detection.hard_negatives` says which ones
to take.
"""

import numpy as np

from minispp.boxes import by_score
from minispp.detection.svm import scores


class Windows:
    """Features of the windows that some class uses, each kept once; unused slots are filled again.

    Examples
    --------
    >>> windows = Windows()
    >>> windows.take(0, [3, 7], np.float32([[1, 2], [3, 4]])).tolist()
    [0, 1]
    >>> windows.take(0, [7], np.float32([[3, 4]])).tolist()  # another class
    [1]
    >>> windows.release([0, 1])
    >>> windows.take(5, [0, 1], np.float32([[5, 6], [7, 8]])).tolist()  # slot 1 is still in use
    [0, 2]
    >>> windows.features[[0, 1, 2]].tolist()
    [[5.0, 6.0], [3.0, 4.0], [7.0, 8.0]]
    """

    def __init__(self):
        self.features = np.empty((0, 0), np.float32)
        """(capacity, D); what a free slot holds means nothing."""
        self.picture, self.row, self.users = (np.empty(0, np.int64) for _ in range(3))
        self._slots = {}  # (picture, row) -> slot
        self._free = []  # the next one to be filled is the last

    def take(self, picture, rows, features):
        """The slots of these windows of a picture, filled where they are new, each with one user more."""
        new = [place for place, row in enumerate(rows) if (picture, int(row)) not in self._slots]
        if len(new) > len(self._free):
            self._grow(len(new), features.shape[1])
        for place in new:
            slot = self._free.pop()
            self.features[slot] = features[place]
            self.picture[slot], self.row[slot] = picture, rows[place]
            self._slots[picture, int(rows[place])] = slot
        slots = np.array([self._slots[picture, int(row)] for row in rows], np.int64)
        self.users[slots] += 1
        return slots

    def release(self, slots):
        """One user less for each of these slots."""
        self.users[slots] -= 1
        for slot in slots:
            if self.users[slot] == 0:
                del self._slots[int(self.picture[slot]), int(self.row[slot])]
                self._free.append(slot)

    def scale(self, factor):
        """Multiply all features; slots that are free hold anything, and are left alone."""
        used = np.flatnonzero(self.users)
        self.features[used] *= np.float32(factor)

    def _grow(self, least, width):
        before = len(self.users)
        after = max(before + least, before * 3 // 2)
        features = np.empty((after, width), np.float32)
        if before:
            features[:before] = self.features
        self.features = features
        self.picture, self.row, self.users = (
            np.concatenate([numbers, np.zeros(after - before, np.int64)])
            for numbers in (self.picture, self.row, self.users)
        )
        self._free[:0] = range(after - 1, before - 1, -1)


class Samples:
    """The positives and negatives of one class, the SVM that was last fitted to them, and what changed since."""

    def __init__(self, windows):
        self.windows = windows
        self.slots, self.positive, self.alphas = np.empty(0, np.int64), np.empty(0, bool), np.empty(0)
        self.svm = None
        self.new = 0  # negatives since the last fit
        self.found = self.evicted = 0  # negatives since the last report

    def add(self, picture, rows, features, positive):
        """Add windows of a picture, features (n, D): positives, or negatives that are not yet among the samples."""
        self.slots = np.append(self.slots, self.windows.take(picture, rows, features))
        self.positive = np.append(self.positive, np.full(len(rows), positive))
        self.alphas = np.append(self.alphas, np.zeros(len(rows)))
        if not positive:
            self.new, self.found = self.new + len(rows), self.found + len(rows)

    def negatives_of(self, picture):
        """Rows of the negatives that lie in a picture."""
        own = self.slots[~self.positive]
        return self.windows.row[own[self.windows.picture[own] == picture]]

    def fit(self, fit_svm, evict, most):
        """Fit the SVM, from where it was; forget negatives that score below `evict`, or beyond the `most` highest.

        Of equal scores the one that came first stays.
        """
        self.svm = fit_svm(self.windows.features, self.positive, rows=self.slots, alphas=self.alphas)
        self.alphas, self.new = self.svm.alphas, 0
        negatives = np.flatnonzero(~self.positive)
        rows = self.slots[negatives]
        score = scores(self.windows.features, self.svm.weights[:, None], [self.svm.intercept], rows=rows)[:, 0]
        leave = score < evict
        leave[by_score(score)[most:]] = True
        stay = np.ones(len(self.slots), bool)
        stay[negatives[leave]] = False
        self.windows.release(self.slots[~stay])
        self.slots, self.positive, self.alphas = self.slots[stay], self.positive[stay], self.alphas[stay]
        self.evicted += int(leave.sum())

    def report(self):
        """Positives, negatives, what was found and evicted since the last report, objective and gap."""
        positives = int(self.positive.sum())
        counts = positives, len(self.positive) - positives, self.found, self.evicted
        self.found = self.evicted = 0
        return *counts, self.svm.objective, self.svm.gap

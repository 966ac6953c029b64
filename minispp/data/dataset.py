"""What holds for any dataset: parts of it, its mean, and the memory it may keep pictures in."""

import threading

import numpy as np
from tqdm import tqdm

CACHE_BYTES = 512 * 2**20  # most memory a dataset keeps pictures in, unless it is told otherwise


class Subset:
    """The pictures `indexes` of a dataset, in that order, as a dataset.

    Parameters
    ----------
    dataset : dataset
    indexes : sequence of int

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> Subset(SimpleNamespace(classes=["a", "b"], labels=np.array([0, 1, 1])), [2, 0]).labels.tolist()
    [1, 0]
    """

    def __init__(self, dataset, indexes):
        self.dataset = dataset
        self.indexes = np.array(indexes, dtype=np.int64)
        self.classes = dataset.classes
        self.labels = np.asarray(dataset.labels)[self.indexes]

    def __len__(self):
        return len(self.indexes)

    def __getitem__(self, index):
        return self.dataset[int(self.indexes[index])]


def split(dataset, fraction, seed=0):
    """Cut a part, say for validation, out of a dataset: (rest, part), each class in the same proportion.

    Of n pictures of a class, fraction * n go to the part, rounded, but at least one to each side where n > 1;
    a single picture stays in the rest. The cut of a class depends on `seed` and on its own size only.

    Parameters
    ----------
    dataset : dataset
    fraction : float
        Share of the part, between 0 and 1.
    seed : int

    Returns
    -------
    rest, part : Subset
        Together every picture once, in the order of `dataset`.

    Raises
    ------
    ValueError
        A fraction that is not between 0 and 1.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> d = SimpleNamespace(classes=["a", "b"], labels=np.array([0] * 8 + [1] * 4))
    >>> train, validation = split(d, 0.25)
    >>> len(train), validation.labels.tolist()
    (9, [0, 0, 1])
    """
    if not 0 < fraction < 1:
        raise ValueError(f"split: fraction must be between 0 and 1, got {fraction}")
    labels = np.asarray(dataset.labels)
    in_part = np.zeros(len(labels), dtype=bool)
    for label in range(len(dataset.classes)):
        members = np.flatnonzero(labels == label)
        if len(members) > 1:
            count = min(max(int(fraction * len(members) + 0.5), 1), len(members) - 1)
            in_part[np.random.default_rng([seed, label]).permutation(members)[:count]] = True
    return Subset(dataset, np.flatnonzero(~in_part)), Subset(dataset, np.flatnonzero(in_part))


def mean_and_std(dataset, limit=1000, seed=0):
    """Per-channel mean and standard deviation in 0..255 units, every picture with equal weight.

    Equal weight for pictures rather than pixels, since in training all are resized to one size.

    Parameters
    ----------
    dataset : dataset
    limit : int or None
        At most this many pictures are read, drawn with `seed`; None reads all.
    seed : int

    Returns
    -------
    mean, std : ndarray of float64, (3,)
        A channel that never changes has std 1, so that dividing by it is safe.

    Raises
    ------
    ValueError
        No pictures, or a limit below 1.

    Examples
    --------
    >>> dark, light = (np.full((2, 3, 3), value, np.uint8) for value in (10, 30))
    >>> mean_and_std([(dark, 0), (light, 1)])
    (array([20., 20., 20.]), array([10., 10., 10.]))
    """
    count = len(dataset)
    taken = count if limit is None else min(limit, count)
    if taken < 1:
        raise ValueError(f"mean_and_std: expected pictures and a limit >= 1, got {count} with limit {limit}")
    indexes = np.sort(np.random.default_rng(seed).permutation(count)[:taken])
    means, variances = np.empty((2, taken, 3))
    for row, index in enumerate(tqdm(indexes, desc="mean of pictures", unit="picture", delay=2)):
        planes = dataset[int(index)][0].reshape(-1, 3).T.astype(np.float64, order="C")
        means[row], variances[row] = planes.mean(axis=1), planes.var(axis=1)
    mean = means.mean(axis=0)
    std = np.sqrt((variances + (means - mean) ** 2).mean(axis=0))
    return mean, np.where(std < 1e-6, 1.0, std)


class Cache:
    """Keeps made arrays, read-only, as long as they fit in `limit` bytes; later ones are made each time.

    Nothing is thrown out: an epoch asks for every picture once, and then "the first that fit" is found again
    as often as any rule allows, where dropping the least recently used would find nothing in a fixed order.

    Examples
    --------
    >>> cache = Cache(limit=4)
    >>> cache.get("a", lambda: np.zeros(3, np.uint8)) is cache.get("a", None), cache.bytes
    (True, 3)
    """

    def __init__(self, limit):
        self.limit = limit
        self.bytes = 0
        self._kept = {}
        self._lock = threading.Lock()  # pictures may be decoded ahead in several threads

    def get(self, key, make):
        """Array kept under `key`, or else `make()`, kept if it still fits."""
        found = self._kept.get(key)
        if found is not None:
            return found
        made = make()
        made.flags.writeable = False
        with self._lock:
            if key not in self._kept and self.bytes + made.nbytes <= self.limit:
                self._kept[key] = made
                self.bytes += made.nbytes
        return made

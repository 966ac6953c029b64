"""Pictures from files: one folder per class, any format that Pillow reads, decoded when asked for."""

import os
import threading
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

MAX_PIXELS = 64 * 2**20  # 64 M pixels: 192 MB decoded, more than any camera's picture needs
CACHE_BYTES = 512 * 2**20


class Folder:
    """A dataset of the pictures in  root/class name/file, in sorted order; nothing is decoded before it is asked.

    Decoded pictures are kept while they fit in `cache_bytes`; the others are decoded each time. A picture is
    read-only, since the same array is handed out again. Files and folders whose name starts with a dot, files
    whose ending no Pillow reader knows, and folders within class folders are ignored.

    Parameters
    ----------
    root : path
        Folder with one sub-folder per class.
    skip_broken : bool
        False: a file that cannot be read raises when it is asked for. True: every file is decoded once here,
        those that fail are left out and listed in `skipped`, and the indexes of the rest never change after.
    max_pixels : int
        Pictures that claim more pixels than this are refused by their header, before they are decoded.
    cache_bytes : int
        Most bytes of decoded pictures to keep in memory; 0 keeps none.
    classes : sequence of str, optional
        The class names in label order, so that a test folder agrees with the train folder. A class without
        a folder is allowed (it has no pictures), a folder outside the list is not.

    Attributes
    ----------
    classes : list of str
    paths : list of Path, one per picture
    labels : ndarray of int, (len,)
    skipped : list of (Path, str)
        Broken files left out, each with the reason.

    Raises
    ------
    ValueError
        No such folder, no class folders, a class without pictures, or a folder that is not in `classes`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for name in ("cat", "dog"):
    ...         Path(root, name).mkdir()
    ...         Image.new("L", (30, 20), 9).save(Path(root, name, "1.png"))
    ...     d = Folder(root)
    ...     picture, label = d[1]
    >>> d.classes, picture.shape, label
    (['cat', 'dog'], (20, 30, 3), 1)
    """

    def __init__(self, root, skip_broken=False, max_pixels=MAX_PIXELS, cache_bytes=CACHE_BYTES, classes=None):
        self.root = Path(root)
        self.max_pixels = max_pixels
        self.classes = _class_names(self.root, classes)
        self.paths, self.skipped = [], []
        labels = []
        for label, name in enumerate(self.classes):
            if not (self.root / name).is_dir():
                continue
            paths = _picture_files(self.root / name)
            labels += [label] * len(paths)
            self.paths += paths
        self.labels = np.array(labels, dtype=np.int64)
        self._cache = Cache(cache_bytes)
        if skip_broken:
            self._leave_out_broken()

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        index = range(len(self.paths))[index]  # negative indexes, IndexError past the end
        picture = self._cache.get(index, lambda: read_picture(self.paths[index], self.max_pixels))
        return picture, int(self.labels[index])

    def _leave_out_broken(self):
        # A full decode: a truncated JPEG has a perfect header. What passes stays in the cache for the first epoch.
        kept, cache = [], Cache(self._cache.limit)
        for index in tqdm(range(len(self.paths)), desc="checking pictures", unit="file", delay=2):
            try:
                picture = read_picture(self.paths[index], self.max_pixels)
            except ValueError as error:
                self.skipped.append((self.paths[index], str(error)))
            else:
                cache.get(len(kept), lambda picture=picture: picture)
                kept.append(index)
        lost = set(self.labels.tolist()) - set(self.labels[kept].tolist())
        if lost:
            names = [self.classes[label] for label in sorted(lost)]
            raise ValueError(f"Folder: every file is broken in class {names}; the first: {self.skipped[0][1]}")
        self.paths = [self.paths[index] for index in kept]
        self.labels = self.labels[kept]
        self._cache = cache


def read_picture(path, max_pixels=MAX_PIXELS):
    """A picture file as a uint8 array (H, W, 3), RGB, upright.

    EXIF orientation is applied; gray and palette become RGB; what is transparent shows white; 16 bits become
    8 by  round(v / 257), so that 65535 is 255; CMYK is converted without a profile, and colour profiles are
    ignored. Of several frames the first is read. Floating-point pictures are taken as 0..1, 32-bit integer ones
    as 16-bit values.

    Parameters
    ----------
    path : path
    max_pixels : int
        A header that claims more pixels is refused before anything is decoded. Pillow's own limit
        (`PIL.Image.MAX_IMAGE_PIXELS`) holds as well.

    Raises
    ------
    ValueError
        Names the file and says why it cannot be read: missing, not a picture, truncated, too large,
        values outside the range of its kind.

    Examples
    --------
    >>> read_picture("no such file.jpg")
    Traceback (most recent call last):
    ...
    ValueError: 'no such file.jpg': cannot be read as a picture: no such file
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width < 1 or height < 1 or width * height > max_pixels:
                raise ValueError(f"{width} x {height} pixels, expected 1 to {max_pixels} in all")
            image.load()
            return _rgb(_upright(image))
    except FileNotFoundError:
        reason, cause = "no such file", None
    except Exception as error:
        # Readers of damaged files raise whatever they stumble on (OSError, SyntaxError, struct.error, Pillow's
        # bomb warning where warnings are errors, ...). To the caller all of them are one thing: this file.
        reason, cause = f"{error}" or type(error).__name__, error
    raise ValueError(f"{os.fspath(path)!r}: cannot be read as a picture: {reason}") from cause


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
    """Cut a part, say for validation, out of a dataset:  (the rest, the part), each class in the same proportion.

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
        pixels = dataset[int(index)][0].reshape(-1, 3)
        means[row], variances[row] = pixels.mean(axis=0), pixels.var(axis=0)
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


def _class_names(root, classes):
    """Names of the class folders in `root`, or `classes` where that names them all."""
    if not root.is_dir():
        raise ValueError(f"Folder: {str(root)!r} is not a folder")
    found = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not found:
        raise ValueError(f"Folder: expected one folder per class in {str(root)!r}, found no folders")
    if classes is None:
        return found
    classes = list(classes)
    if len(set(classes)) < len(classes):
        raise ValueError(f"Folder: classes has a name twice: {classes}")
    unknown = sorted(set(found) - set(classes))
    if unknown:
        raise ValueError(f"Folder: {str(root)!r} has folders {unknown} that are not in the classes {classes}")
    return classes


def _picture_files(folder):
    """Sorted files of a class folder whose ending a Pillow reader knows."""
    known = Image.registered_extensions()  # ending -> format; some formats can only be written
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    paths = sorted(p for p in entries if known.get(p.suffix.lower()) in Image.OPEN and p.is_file())
    if not paths:
        inner = sorted(entry.name for entry in entries if entry.is_dir())
        hint = f"; it holds the folders {inner[:3]}: is {str(folder)!r} the folder you mean?" if inner else ""
        raise ValueError(f"Folder: no pictures in class folder {str(folder)!r}{hint}")
    return paths


def _upright(image):
    """Image turned as its EXIF orientation says; a damaged EXIF block says nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _rgb(image):
    """Pillow image of any mode -> uint8 array (H, W, 3)."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _gray(np.asarray(image).astype(np.int64), image.mode, 65535)
    if image.mode == "F":
        return _gray(np.asarray(image), image.mode, 1)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))


def _gray(values, mode, top):
    """One channel of range 0..top -> uint8 (H, W, 3)."""
    if not (values.min() >= 0 and values.max() <= top):  # a NaN fails too
        raise ValueError(f"mode {mode} values from {values.min()} to {values.max()}, expected 0 to {top}")
    gray = np.rint(values * (255 / top)).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)

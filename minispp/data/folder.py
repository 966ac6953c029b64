"""Pictures from files: one folder per class, any format that Pillow reads, decoded when asked for."""

import os
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps
from tqdm import tqdm

from minispp.data.dataset import CACHE_BYTES, Cache

MAX_PIXELS = 64 * 2**20  # 64 M pixels: 192 MB decoded, more than any camera's picture needs


class Folder:
    """A dataset of the pictures in  root/class name/file, in sorted order, each decoded when it is asked for.

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
        # A full decode: a truncated JPEG has a perfect header. What passes is cached for the first epoch.
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
            first = next(reason for path, reason in self.skipped if path.parent.name in names)
            raise ValueError(f"Folder: every file is broken in class {names}; the first: {first}")
        self.paths = [self.paths[index] for index in kept]
        self.labels = self.labels[kept]
        self._cache = cache


def read_picture(path, max_pixels=MAX_PIXELS):
    """A picture file as a uint8 array (H, W, 3), RGB, upright.

    EXIF orientation is applied; gray and palette become RGB; what is transparent shows white; 16 bits become
    8 by  round(v / 257), so that 65535 is 255; CMYK is converted without a profile, and colour profiles are
    ignored. Of several frames the first is read. Floating-point pictures are taken as 0..1, 32-bit integers
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

    def decode(image):
        image.load()
        return _rgb(_upright(image))

    return _opened(path, max_pixels, decode)


def picture_size(path, max_pixels=MAX_PIXELS):
    """Height and width of what `read_picture` would give, and whether they were exchanged by an EXIF orientation.

    A JPEG's header says it all. Other formats may say after the pixels how they are turned, so they are decoded.

    Parameters
    ----------
    path : path
    max_pixels : int

    Returns
    -------
    (height, width), turned : (int, int), bool

    Raises
    ------
    ValueError
        As by `read_picture`, but a JPEG that is damaged after its header passes.
    """

    def measure(image):
        if image.format not in ("JPEG", "MPO"):
            image.load()
        return image.size, _quarter_turned(image)

    (width, height), turned = _opened(path, max_pixels, measure)
    return ((width, height) if turned else (height, width)), turned


def _opened(path, max_pixels, use):
    """What `use` makes of the opened picture; whatever goes wrong is a ValueError that names the file."""
    try:
        with Image.open(path) as image:
            if image.format == "EPS":  # Pillow would have Ghostscript run it, for as long as it likes
                raise ValueError("EPS is a program that draws, expected a picture")
            width, height = image.size
            if width < 1 or height < 1 or width * height > max_pixels:
                raise ValueError(f"{width} x {height} pixels, expected 1 to {max_pixels} in all")
            return use(image)
    except FileNotFoundError:
        reason, cause = "no such file", None
    except Exception as error:
        # Readers of damaged files raise whatever they stumble on (OSError, SyntaxError, struct.error, or
        # Pillow's bomb warning where warnings are errors). To the caller all are one thing: this file.
        reason, cause = f"{error}" or type(error).__name__, error
    raise ValueError(f"{os.fspath(path)!r}: cannot be read as a picture: {reason}") from cause


def _class_names(root, classes):
    """Names of the class folders in `root`, or `classes` where that names them all."""
    if not root.is_dir():
        raise ValueError(f"Folder: {str(root)!r} is not a folder")
    found = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and entry.name[0] != ".")
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
    entries = [entry for entry in folder.iterdir() if entry.name[0] != "."]
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


def _quarter_turned(image):
    """Whether `_upright` exchanges the sides: the orientations 5 to 8."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
    except Exception:
        return False


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

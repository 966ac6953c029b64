"""Pictures with boxes from a folder in Pascal VOC's layout."""

import os
from pathlib import Path

import numpy as np
from tqdm import tqdm

from minispp.boxes import area, clip, from_voc
from minispp.data.annotation import read_annotation
from minispp.data.dataset import CACHE_BYTES, Cache
from minispp.data.folder import MAX_PIXELS, picture_size, read_picture
from minispp.data.layout import Layout
from minispp.data.scene import Scene


class Voc:
    """A detection dataset: ``Annotations/*.xml``, ``JPEGImages/*`` and ``ImageSets/Main/PART.txt`` in one folder.

    All annotations and the headers of all pictures are read here, and every problem is found here; a picture is
    decoded when it is asked for, and kept, read-only, while it fits in `cache_bytes`.

    The picture of an annotation has its name and any ending that Pillow reads, in small or capital letters; if there
    is none, the one that ``<filename>`` names. Where the two are different files, the annotation is refused. Pictures
    are read by content, not by ending, and are upright (see `read_picture`).

    The picture decides how large it is, not the annotation: boxes are clipped to it. If it is turned on its side by
    its EXIF orientation, and the annotation has the sides of the picture as stored, the boxes would lie elsewhere:
    this is refused.

    Parameters
    ----------
    folder : path
    part : str, optional
        Of ``ImageSets/Main``: "train", "val", "test". A line is a name, perhaps followed by VOC's column 1, 0 or -1,
        which is ignored; a name that comes again is left out. None takes all annotations, sorted.
    classes : sequence of str, optional
        Class names in label order; all names that occur, sorted, if not given.
    skip_broken : bool
        False: a file that cannot be read is an error. True: it is left out and listed in `skipped`, and all pictures
        are decoded once here to find those that are damaged.
    max_pixels : int
        Pictures that claim more pixels than this are refused by their header.
    cache_bytes : int
        Most bytes of decoded pictures to keep in memory.

    Attributes
    ----------
    classes : list of str
    names : list of str
        Name of each annotation, without its ending.
    paths : list of Path
        The picture of each.
    skipped : list of (Path, str)
        What was left out, with the reason: boxes without extent (``xmax <= xmin`` or ``ymax <= ymin``: tools write
        such for a stray click, though VOC could mean one pixel), boxes outside the picture, repeated names, and files
        where `skip_broken`.
    changed : list of (Path, str)
        What was kept otherwise than written, with the reason: boxes clipped, sizes that are not the picture's.

    Raises
    ------
    ValueError
        Names the file: no such folder or part, a file that is missing, damaged, or leads out of the folder, an object
        whose class is not in `classes`, no picture at all.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> xml = ("<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax>"
    ...        "<ymax>25</ymax></bndbox></object></annotation>")
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for name in ("Annotations", "JPEGImages"):
    ...         Path(root, name).mkdir()
    ...     _ = Path(root, "Annotations", "a.xml").write_text(xml)
    ...     Image.new("RGB", (30, 20)).save(Path(root, "JPEGImages", "a.jpg"))
    ...     d = Voc(root)
    ...     scene = d.scene(0)
    >>> d.classes, d.names, scene.picture.shape, scene.boxes.tolist(), scene.labels.tolist()
    (['cat'], ['a'], (20, 30, 3), [[1, 0, 20, 30]], [0])
    >>> d.changed[0][1]
    "object 0, 'cat': (1, 2, 30, 25) clipped to the picture of 30 x 20"
    """

    def __init__(
        self, folder, part=None, classes=None, skip_broken=False, max_pixels=MAX_PIXELS, cache_bytes=CACHE_BYTES
    ):
        self.folder, self.max_pixels = Path(folder), max_pixels
        self.skipped, self.changed = [], []
        self.names, self.paths, self._sizes = [], [], []
        self._cache = Cache(cache_bytes)
        layout = Layout(folder)
        wanted = list(layout.annotations)
        if part is not None:
            wanted, self.skipped = layout.part(part)
        objects = []  # (boxes, class names, difficult) of each picture
        for name in tqdm(wanted, desc="reading annotations", unit="file", delay=2):
            try:
                objects.append(self._read(layout, name, skip_broken))
            except ValueError as error:
                if not skip_broken:
                    raise
                self.skipped.append((self.folder / "Annotations" / f"{name}.xml", f"{error}"))
        if not self.names:
            first = f"; the first: {self.skipped[0][1]}" if self.skipped else ""
            raise ValueError(f"{os.fspath(folder)!r}: expected pictures in the part {part!r}, found none{first}")
        self.classes, self._objects = self._labelled(objects, classes)

    def __len__(self):
        return len(self.names)

    def scene(self, index):
        """Picture `index` and its objects as a `Scene`; a ValueError if the file is damaged or has changed."""
        index = range(len(self))[index]
        picture = self._cache.get(index, lambda: read_picture(self.paths[index], self.max_pixels))
        if picture.shape[:2] != self._sizes[index]:
            raise ValueError(
                f"{os.fspath(self.paths[index])!r}: expected the {_times(self._sizes[index])} pixels that its header "
                f"said before, got {_times(picture.shape)}"
            )
        return Scene(picture, *(array.copy() for array in self._objects[index]))

    def _read(self, layout, name, decode):
        """Objects (boxes, class names, difficult) of an annotation whose picture can be read."""
        path = layout.annotation(name)
        annotation = read_annotation(path)
        try:
            picture = layout.picture(name, annotation.filename)
            size, turned = picture_size(picture, self.max_pixels)
            if turned and annotation.size == size[::-1] != size:
                raise ValueError(
                    f"its boxes are for {_times(annotation.size)} pixels, but {picture.name!r} is {_times(size)} when "
                    "turned as its EXIF orientation says"
                )
            if decode:
                self._cache.get(len(self.names), lambda: read_picture(picture, self.max_pixels))
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)!r}: {error}") from error
        if annotation.size not in (None, size):
            self.changed.append((path, f"size {_times(annotation.size)} is {_times(size)} in the picture"))
        self.names.append(name)
        self.paths.append(picture)
        self._sizes.append(size)
        return self._clipped(path, annotation.objects, size)

    def _clipped(self, path, objects, size):
        """(boxes, class names, difficult) of the objects that lie in the picture; the others are noted."""
        written = from_voc([each.corners for each in objects])
        boxes = clip(written, *size)
        kept = []
        for k, (name, corners, _) in enumerate(objects):
            what = f"object {k}, {name!r}: {corners}"
            xmin, ymin, xmax, ymax = corners
            if xmax <= xmin or ymax <= ymin:
                self.skipped.append((path, f"{what} has no extent"))
            elif not area(boxes[[k]])[0]:
                self.skipped.append((path, f"{what} is outside the picture of {_times(size)}"))
            else:
                kept.append(k)
                if (boxes[k] != written[k]).any():
                    self.changed.append((path, f"{what} clipped to the picture of {_times(size)}"))
        return boxes[kept], [objects[k].name for k in kept], np.array([objects[k].difficult for k in kept], bool)

    def _labelled(self, objects, classes):
        """Class names, and the objects with labels in place of their names."""
        if classes is None:
            classes = sorted({name for _, names, _ in objects for name in names})
        classes = list(classes)
        if len(set(classes)) < len(classes):
            raise ValueError(f"Voc: classes has a name twice: {classes}")
        label = {name: k for k, name in enumerate(classes)}
        for picture, (_, names, _) in zip(self.names, objects, strict=True):
            unknown = [name for name in names if name not in label]
            if unknown:
                path = self.folder / "Annotations" / f"{picture}.xml"
                raise ValueError(f"{os.fspath(path)!r}: class {unknown[0]!r} is not in the classes {classes}")
        return classes, [
            (boxes, np.array([label[name] for name in names], np.int64), difficult)
            for boxes, names, difficult in objects
        ]


def _times(size):
    """A size (height, width) as people write it: width x height."""
    return f"{size[1]} x {size[0]}"

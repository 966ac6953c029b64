"""Which files a folder in Pascal VOC's layout holds, and which belong together. Nothing outside it is ever opened."""

import os
from pathlib import Path, PurePosixPath

from PIL import Image

COLUMNS = {"1", "0", "-1"}  # of VOC's lists for one class: it is there, it is difficult, it is not there


class Layout:
    """The files of ``Annotations``, ``JPEGImages`` and ``ImageSets/Main`` in a folder.

    Names are looked up in what the folders hold, and never joined to a path, so ``../..`` finds nothing.

    Parameters
    ----------
    folder : path

    Attributes
    ----------
    annotations : dict of str to Path
        Name without its ending -> file, sorted.

    Raises
    ------
    ValueError
        ``Annotations`` or ``JPEGImages`` is missing, or two annotations differ in their ending only.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self._root = self.folder.resolve()
        self.annotations = {}
        for path in self._files("Annotations"):
            if path.suffix.lower() == ".xml":
                other = self.annotations.setdefault(path.stem, path)
                if other is not path:
                    raise ValueError(f"{os.fspath(path)!r}: there is {other.name!r} too, expected one annotation")
        known = Image.registered_extensions()  # ending -> format; some formats can only be written
        self._by_name, self._by_stem = {}, {}  # in small letters -> files
        for path in self._files("JPEGImages"):
            self._by_name.setdefault(path.name.lower(), []).append(path)
            if known.get(path.suffix.lower()) in Image.OPEN:
                self._by_stem.setdefault(path.stem.lower(), []).append(path)

    def annotation(self, name):
        """The file of the annotation `name`; a ValueError if there is none, or it leads out of the folder."""
        if name not in self.annotations:
            raise ValueError(f"{os.fspath(self.folder / 'Annotations' / name)!r}: no such annotation (.xml)")
        return self._inside(self.annotations[name])

    def picture(self, name, filename=""):
        """The picture of the annotation `name`, which names `filename` ("" if it names none).

        It is the file with the annotation's name and the ending of a picture, small or capital; if there is none,
        the file that `filename` names, also without its ending.

        Raises
        ------
        ValueError
            No such file, several, the two are different files, `filename` is more than a name, or the file leads
            out of the folder.
        """
        if filename and PurePosixPath(filename.replace("\\", "/")).name != filename:
            raise ValueError(f"<filename>: expected a name of a file in JPEGImages, got {filename[:80]!r}")
        own = _closest(name, self._by_stem.get(name.lower(), []), lambda path: path.stem)
        named = _closest(filename, self._by_name.get(filename.lower(), []), lambda path: path.name)
        if filename and not named:
            stem = os.path.splitext(filename)[0]  # VOC's tools have written names without an ending, or another one
            named = _closest(stem, self._by_stem.get(stem.lower(), []), lambda path: path.stem)
        both = [path for path in own if path in named]
        if own and named and not both:
            raise ValueError(f"<filename> is {named[0].name!r}, but there is a picture {own[0].name!r} as well")
        found = both or own or named
        if not found:
            raise ValueError(f"no picture {name!r} or {filename[:80]!r} in JPEGImages")
        if len(found) > 1:
            raise ValueError(f"expected one picture, found {[path.name for path in found]}")
        return self._inside(found[0])

    def part(self, part):
        """The names in ``ImageSets/Main/PART.txt``, in order, each once: [name], [(name that came again, reason)].

        A name may have the ending of its picture, and a column 1, 0 or -1 after it.
        """
        parts = {path.stem: path for path in self._files("ImageSets/Main") if path.suffix == ".txt"}
        if part not in parts:
            raise ValueError(f"{os.fspath(self.folder)!r}: expected a part of {sorted(parts)}, got {part!r}")
        path = self._inside(parts[part])
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"{os.fspath(path)!r}: cannot be read as a list of names: {error}") from error
        names, again = {}, []
        for number, line in enumerate(lines, 1):
            name = self._name(line.strip())
            if name in names:
                again.append((path, f"line {number}: {name!r} was in line {names[name]} already"))
            elif name:
                names[name] = number
        return list(names), again

    def _name(self, line):
        """The annotation that a line of a part means; if there is none, what is closest to it."""
        if line in self.annotations:
            return line
        name, _, column = line.rpartition(" ")
        if name and column in COLUMNS:
            line = name.strip()
        stem = os.path.splitext(line)[0]
        return stem if line not in self.annotations and stem in self.annotations else line

    def _files(self, inner):
        """Sorted files of a folder; what is hidden or is no plain file (a pipe would never end) is left out."""
        folder = self.folder / inner
        if not folder.is_dir():
            raise ValueError(f"Voc: expected the folder {os.fspath(folder)!r}, found none")
        return sorted(path for path in folder.iterdir() if path.name[0] != "." and path.is_file())

    def _inside(self, path):
        """The path, unless it leads out of the folder by a link."""
        if not path.resolve().is_relative_to(self._root):
            raise ValueError(f"{os.fspath(path)!r}: a link out of the folder {os.fspath(self.folder)!r}")
        return path


def _closest(name, paths, part_of):
    """Those whose name is written exactly so, or else all."""
    return [path for path in paths if part_of(path) == name] or paths

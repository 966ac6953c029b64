"""One Pascal VOC annotation: an XML file from anywhere, so nothing in it is trusted."""

import math
import os
import re
from typing import NamedTuple

from defusedxml import ElementTree

MAX_BYTES = 4 * 2**20  # some 14,000 objects; XML takes up to a hundred times its size in memory
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)  # float() also takes "nan" and "1_0"
FARTHEST = 2**30  # pixels from the picture's corner; see minispp.boxes
CORNERS = ("xmin", "ymin", "xmax", "ymax")


class Object(NamedTuple):
    """One object: its class, VOC's numbers (xmin, ymin, xmax, ymax) as whole pixels, and whether it is difficult."""

    name: str
    corners: tuple
    difficult: bool


class Annotation(NamedTuple):
    """What a file says: the picture's file name ("" if none), its (height, width) (None if none), its objects."""

    filename: str
    size: tuple | None
    objects: list


def read_annotation(path):
    """An annotation file as an `Annotation`.

    A number may have decimals, as some of VOC's own do; it is rounded to the nearest pixel, halves up. A missing
    ``difficult`` means 0; a missing size, or one of 0 x 0, means that it is not known. Only the file's own objects are
    read, not the parts of one.

    Parameters
    ----------
    path : path

    Raises
    ------
    ValueError
        Names the file and says why it cannot be read: missing, above 4 MiB, not XML, with a document type or entities
        (a few lines of which can fill any memory), not an annotation, an object without name or box, or no number
        below 2**30 where one should be.

    Examples
    --------
    >>> read_annotation("no such file.xml")
    Traceback (most recent call last):
    ...
    ValueError: 'no such file.xml': cannot be read as an annotation: no such file
    """
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        return _annotation(ElementTree.fromstring(text, forbid_dtd=True))
    except FileNotFoundError:
        reason, cause = "no such file", None
    except Exception as error:
        # XML readers raise whatever they stumble on: ParseError, LookupError for an encoding, defusedxml's own.
        reason, cause = f"{error}" or type(error).__name__, error
    raise ValueError(f"{os.fspath(path)!r}: cannot be read as an annotation: {reason}") from cause


def _annotation(root):
    if root.tag != "annotation":
        raise ValueError(f"expected <annotation>, got <{root.tag[:40]}>")
    size = root.find("size")
    if size is not None:
        size = _pixels(size, "height", "size"), _pixels(size, "width", "size")
        size = size if min(size) > 0 else None
    objects = [_object(element, f"object {k}") for k, element in enumerate(root.findall("object"))]
    return Annotation(_text(root, "filename"), size, objects)


def _object(element, where):
    name, box = _text(element, "name"), element.find("bndbox")
    if not name:
        raise ValueError(f"{where} has no <name>")
    if box is None:
        raise ValueError(f"{where}, {name!r}, has no <bndbox>")
    where = f"{where}, {name!r}"
    difficult = element.find("difficult") is not None and _pixels(element, "difficult", where) != 0
    return Object(name, tuple(_pixels(box, corner, where) for corner in CORNERS), difficult)


def _pixels(element, tag, where):
    """The whole number that the child `tag` holds."""
    text = _text(element, tag)
    if not (NUMBER.fullmatch(text) and abs(float(text)) < FARTHEST):
        raise ValueError(f"{where}: expected a number within +-2**30 in <{tag}>, got {text[:40]!r}")
    return math.floor(float(text) + 0.5)


def _text(element, tag):
    return (element.findtext(tag) or "").strip()

"""Small folders in Pascal VOC's layout, to be read and to be damaged."""

import numpy as np
from PIL import Image


def annotation(objects=(), filename=None, size=None, difficult=0):
    """XML of objects (name, xmin, ymin, xmax, ymax); `size` is (width, height), None leaves the element out."""
    parts = ["<annotation>"]
    if filename is not None:
        parts.append(f"<filename>{filename}</filename>")
    if size is not None:
        parts.append(f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>")
    for name, *corners in objects:
        box = "".join(f"<{tag}>{v}</{tag}>" for tag, v in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True))
        flag = "" if difficult is None else f"<difficult>{difficult}</difficult>"
        parts.append(f"<object><name>{name}</name>{flag}<bndbox>{box}</bndbox></object>")
    return "\n".join([*parts, "</annotation>"])


def picture(height, width, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def add(root, name, objects=(), image=None, ending=".jpg", **words):
    """Write one annotation and its picture (20 x 30 pixels, if none is given); the paths of both."""
    xml, path = root / "Annotations" / f"{name}.xml", root / "JPEGImages" / f"{name}{ending}"
    for file in (xml, path):
        file.parent.mkdir(parents=True, exist_ok=True)
    xml.write_text(annotation(objects, **words), encoding="utf-8")
    (picture(20, 30) if image is None else image).save(path, format=None if ending.lower() in KNOWN else "PNG")
    return xml, path


KNOWN = (".jpg", ".jpeg", ".png", ".bmp")


def part(root, name, text):
    path = root / "ImageSets" / "Main" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path

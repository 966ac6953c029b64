"""Five hundred damaged folders: each gives a sound scene or one ValueError that names the file.

They are read in a process of their own, because what must not happen is a crash, a reader that never ends, or memory
that grows without bound.
"""

import json
import os
import resource
import signal
import struct
import subprocess
import sys
import traceback
import warnings
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import voc_folder

import minispp
from minispp.data import Voc

CASES = 500
SECONDS = 10  # for one of them
KIBIBYTES = 2**20  # of memory, for all of them

OBJECTS = [("cat", 2, 3, 10, 12), ("dog", 1, 1, 30, 20)]


# -- ways to damage the bytes of any file ----------------------------------------------------------


def flipped(data, rng):
    data = bytearray(data)
    for place in rng.integers(len(data), size=rng.integers(1, 20)):
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def flipped_head(data, rng):
    return flipped(data[:40], rng) + data[40:]


def truncated(data, rng):
    return data[: rng.integers(len(data))]


def emptied(data, rng):
    return b""


def with_zeros(data, rng):
    place = int(rng.integers(len(data)))
    return data[:place] + bytes(int(rng.integers(1, 300))) + data[place + int(rng.integers(0, 300)) :]


def shuffled(data, rng):
    a, b = sorted(rng.integers(len(data), size=2).tolist())
    return data[b:] + data[a:b] + data[:a]


def noise(data, rng):
    return rng.bytes(int(rng.integers(1, 3000)))


def repeated(data, rng):
    return data * int(rng.integers(2, 5))


ANY = (flipped, flipped_head, truncated, emptied, with_zeros, shuffled, noise, repeated)

# -- pictures --------------------------------------------------------------------------------------


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of_any_size(data, rng):
    """A header that claims more than is there: up to 4 G x 4 G pixels, of every depth and kind."""
    size = 2 ** rng.integers(0, 33, 2) - rng.integers(0, 2)
    depth, kind = rng.choice((1, 2, 4, 8, 16, 77)), rng.choice((0, 2, 3, 4, 6, 9))
    head = struct.pack(">IIBBBBB", *(int(v) for v in np.clip(size, 0, 2**32 - 1)), int(depth), int(kind), 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(int(rng.integers(1, 10**6)))))
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**7))) if rng.random() < 0.3 else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + text + body + chunk(b"IEND", b"")


def jpeg_of_any_size(data, rng):
    place = data.find(b"\xff\xc0") + 5
    return data[:place] + rng.bytes(4) + data[place + 4 :]


def other_format_of_any_size(data, rng):
    """The first bytes of formats that Pillow also reads, with sizes of all bits set or of noise."""
    size = rng.choice((b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", rng.bytes(4)))
    heads = (
        b"BM" + rng.bytes(12) + struct.pack("<I", 40) + 2 * size + b"\x01\0\x18\0" + bytes(24),
        b"GIF89a" + 2 * size[:2] + b"\xf7\0\0" + rng.bytes(900),
        b"II*\0\x08\0\0\0\x02\0\0\x01\x04\0\x01\0\0\0" + size + b"\x01\x01\x04\0\x01\0\0\0" + size + bytes(99),
        b"RIFF" + size + b"WEBPVP8X" + rng.bytes(30),
        b"8BPS\0\x01" + bytes(6) + b"\0\x03" + 2 * size + b"\0\x08\0\x03" + bytes(99),
        b"P6 99999 99999 255\n" + rng.bytes(50),
        b"\0\0\x01\0\x01\0" + rng.bytes(60),
        b"\0\0\0\x0cjP  \r\n\x87\n" + rng.bytes(80),
    )
    return heads[rng.integers(len(heads))]


PICTURE = (*ANY, png_of_any_size, jpeg_of_any_size, other_format_of_any_size)

# -- annotations -----------------------------------------------------------------------------------


def entity_bomb(data, rng):
    lines = "".join(f'<!ENTITY x{k} "{f"&x{k - 1};" * 40}">' for k in range(1, int(rng.integers(2, 12))))
    return f'<!DOCTYPE a [<!ENTITY x0 "ha">{lines}]><annotation><filename>&x1;</filename></annotation>'.encode()


def deeply_nested(data, rng):
    depth = int(10 ** rng.uniform(2, 6.3))
    tag = ("object", "bndbox", "a")[rng.integers(3)]
    close = f"</{tag}>" * depth if rng.random() < 0.7 else ""
    return f"<annotation>{f'<{tag}>' * depth}{close}</annotation>".encode()


def very_many(data, rng):
    one = (b"<object/>", b"<a b='c'/>", b"<!-- -->", b"<?x?>", b"x ")[rng.integers(5)]
    return b"<annotation>" + one * int(10 ** rng.uniform(3, 5.5)) + b"</annotation>"


NUMBERS = (b"1e308", b"-1e308", b"9" * 5000, b"NaN", b"inf", b"-0", b"1e-400", b"2147483648", b"0", b"-5")


def other_numbers(data, rng):
    for number in (b"10", b"12", b"30", b"20", b"2"):
        new = NUMBERS[rng.integers(len(NUMBERS))]
        data = data.replace(b">" + number + b"<", b">" + new + b"<") if rng.random() < 0.4 else data
    return data


def other_encoding(data, rng):
    """Told one encoding, written in another; or in one that nobody knows."""
    names = ("utf-8", "utf-16", "utf-32", "utf-7", "ascii", "latin-1", "shift_jis", "idna", "zip", "rot13", "klingon")
    head = f'<?xml version="1.0" encoding="{rng.choice(names)}"?>'
    text = head + data.decode().replace("cat", "Kätz\u00adchen")
    return text.encode(str(rng.choice(("utf-8", "utf-16", "utf-16-be", "utf-32", "latin-1"))))


def other_words(data, rng):
    old = (b"cat", b"<bndbox>", b"</bndbox>", b"annotation", b"name", b"a.jpg", b"object")
    new = (b"", b"\0", b"<", b"&", b"&#0;", b"&#x10FFFF;", b"../../a.jpg", b"]]>", b"x" * 10**5, b"<![CDATA[a]]>")
    return data.replace(old[rng.integers(len(old))], new[rng.integers(len(new))], int(rng.integers(1, 3)))


ANNOTATION = (*ANY, entity_bomb, deeply_nested, very_many, other_numbers, other_encoding, other_words)

FILES = {"Annotations/a.xml": ANNOTATION, "JPEGImages/a.jpg": PICTURE, "ImageSets/Main/train.txt": ANY}


def damage(folder, case):
    """Damage one file in one way; both are drawn."""
    rng = np.random.default_rng([case, 3])
    name = list(FILES)[rng.choice(3, p=(0.45, 0.45, 0.1))]
    how = FILES[name][rng.integers(len(FILES[name]))]
    path = folder / name
    path.write_bytes(how(path.read_bytes(), rng))
    return path, how.__name__


def outcome(folder, path):
    """"read", "refused", or what should not have happened."""
    try:
        dataset = Voc(folder, "train")
        for i in range(len(dataset)):
            height, width, _ = (scene := dataset.scene(i)).picture.shape
            boxes = scene.boxes
            assert scene.picture.dtype == np.uint8 and boxes.dtype == np.int64, "types"
            assert (boxes >= 0).all() and (boxes[:, 2:] <= (height, width)).all(), "outside"
            assert (boxes[:, :2] < boxes[:, 2:]).all() and len(scene.labels) == len(boxes), "empty"
        return "read"
    except ValueError as error:
        said = str(error)
        # a damaged list may ask for what is not there; then the missing file is named
        named = path.name in said or (path.suffix == ".txt" and str(folder) in said)
        return "refused" if named and 20 < len(said) < 3000 else f"says {said[:300]!r}"
    except Exception:
        return traceback.format_exc(limit=-3)


def read_them_all(folder):
    """Print, as JSON, what became of each case, and by how much memory grew."""
    warnings.simplefilter("ignore")  # Pillow's, of what it then reads
    image = voc_folder.picture(20, 30)
    counts, wrong = Counter(), []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in range(CASES):
        signal.alarm(SECONDS)  # the end of the process, whatever it is doing
        print(case, file=sys.stderr)
        voc_folder.add(folder, "a", OBJECTS, image, filename="a.jpg", size=(30, 20))
        voc_folder.part(folder, "train", "a\n")
        path, how = damage(folder, case)
        result = outcome(folder, path)
        counts[f"{path.suffix} {how} {result}" if result in ("read", "refused") else "wrong"] += 1
        if result not in ("read", "refused"):
            wrong.append((case, how, result))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"counts": counts, "wrong": wrong, "grown": grown}))


def test_five_hundred_damaged_folders(tmp_path):
    path = os.pathsep.join(map(str, (Path(minispp.__file__).parents[1], Path(__file__).parents[1])))
    done = subprocess.run(
        [sys.executable, __file__, tmp_path],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"ended with {done.returncode}; the last case and words: {done.stderr[-2000:]}"
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert sum(found["counts"].values()) == CASES
    assert found["grown"] < KIBIBYTES, f"memory grew by {found['grown'] / 2**10:.0f} MiB"
    # Every way of damage was tried, and most are noticed; a flipped pixel is none that anyone could notice.
    tried = {tuple(key.split()[:2]) for key in found["counts"]}
    assert tried >= {(Path(name).suffix, way.__name__) for name, ways in FILES.items() for way in ways}
    refused = sum(count for key, count in found["counts"].items() if key.endswith("refused"))
    assert 0.6 * CASES < refused < 0.95 * CASES


if __name__ == "__main__":
    read_them_all(Path(sys.argv[1]))

"""Folders in Pascal VOC's layout: what is read, what is left out and said, and what is refused."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import voc_folder
from PIL import Image

from minispp.data import Voc, read_picture
from minispp.data.annotation import MAX_BYTES, read_annotation
from minispp.data.folder import picture_size

SHARED = Path(__file__).parents[3] / "shared" / "data"
CAT = ("cat", 2, 3, 10, 12)
CAT_BOX = [2, 1, 12, 10]


def refuses(*words):
    return pytest.raises(ValueError, match=".*".join(re.escape(str(word)) for word in words))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "voc"


def scene_of(root, *objects, **words):
    """The folder of one picture with these objects, read."""
    voc_folder.add(root, "a", objects, **words)
    dataset = Voc(root)
    return dataset, dataset.scene(0)


class TestScenes:
    def test_boxes_labels_and_pictures(self, root):
        _, second = voc_folder.add(root, "b", [("dog", 1, 1, 30, 20), CAT, CAT], size=(30, 20), filename="b.jpg")
        voc_folder.add(root, "a", [("cow", 30, 20, 31, 21)], image=voc_folder.picture(25, 40))
        d = Voc(root)
        assert (len(d), d.classes, d.names) == (2, ["cat", "cow", "dog"], ["a", "b"])
        picture, boxes, labels, difficult = d.scene(1)
        np.testing.assert_array_equal(picture, read_picture(second))
        assert boxes.tolist() == [[0, 0, 20, 30], CAT_BOX, CAT_BOX] and boxes.dtype == np.int64
        assert labels.tolist() == [2, 0, 0] and labels.dtype == np.int64
        assert difficult.tolist() == [False] * 3 and difficult.dtype == bool
        assert d.scene(-2).boxes.tolist() == [[19, 29, 21, 31]] and d.scene(0).picture.shape == (25, 40, 3)
        assert d.skipped == d.changed == []
        with pytest.raises(IndexError):
            d.scene(2)

    def test_what_is_handed_out_is_a_copy_and_pictures_are_read_only(self, root):
        d, scene = scene_of(root, CAT)
        for array in scene[1:]:
            array[...] = 1
        again = d.scene(0)
        assert (again.boxes.tolist(), again.labels.tolist(), again.difficult.tolist()) == ([CAT_BOX], [0], [False])
        assert again.picture is scene.picture
        with pytest.raises(ValueError, match="read-only"):
            scene.picture[0] = 0

    def test_pictures_are_decoded_when_asked_for_and_kept_within_the_bound(self, root, monkeypatch):
        asked = []
        monkeypatch.setattr(
            "minispp.data.voc.read_picture", lambda path, limit: asked.append(path.name) or read_picture(path, limit)
        )
        for name in "abc":
            voc_folder.add(root, name, [CAT])
        d = Voc(root, cache_bytes=2 * 20 * 30 * 3)
        assert asked == []
        for _ in range(3):
            for i in range(3):
                d.scene(i)
        assert asked == ["a.jpg", "b.jpg", "c.jpg", "c.jpg", "c.jpg"]

    def test_no_objects(self, root):
        d, scene = scene_of(root)
        assert d.classes == [] and scene.boxes.shape == (0, 4) and scene.boxes.dtype == np.int64
        assert scene.labels.shape == scene.difficult.shape == (0,) and scene.labels.dtype == np.int64

    @pytest.mark.parametrize(("flag", "meant"), [(1, True), (0, False), ("1.0", True), (None, False)])
    def test_difficult(self, root, flag, meant):
        assert scene_of(root, CAT, difficult=flag)[1].difficult.tolist() == [meant]

    def test_classes_in_the_order_given(self, root):
        voc_folder.add(root, "a", [CAT, ("dog", 1, 1, 5, 5)])
        d = Voc(root, classes=("dog", "cow", "cat"))
        assert d.classes == ["dog", "cow", "cat"] and d.scene(0).labels.tolist() == [2, 0]

    def test_classes_that_do_not_fit(self, root):
        xml, _ = voc_folder.add(root, "a", [CAT])
        for skip_broken in (False, True):  # a slip in `classes` must not leave pictures out
            with refuses(xml, "class 'cat' is not in the classes ['Cat']"):
                Voc(root, classes=["Cat"], skip_broken=skip_broken)
        with refuses("a name twice"):
            Voc(root, classes=["cat", "cat"])


class TestBoxes:
    @pytest.mark.parametrize(
        ("written", "box"),
        [
            (("48.0", "3.4", "60.5", " 7 "), [2, 47, 7, 61]),  # nearest, halves up
            (("+2", "1e1", ".6", "12."), None),
            (("1", "1", "64", "80"), [0, 0, 80, 64]),
        ],
    )
    def test_numbers(self, root, written, box):
        d, scene = scene_of(root, ("cat", *written), image=voc_folder.picture(80, 64))
        assert scene.boxes.tolist() == ([box] if box else []) and len(d.skipped) == (box is None)

    @pytest.mark.parametrize(
        "value", ["", "x", "nan", "inf", "1_0", "0x9", "٣", "1073741824", "9" * 4000, "1e999", "1 2", "1,5"]
    )
    def test_no_numbers(self, root, value):
        xml, _ = voc_folder.add(root, "a", [CAT, ("dog", 1, 2, value, 9)])
        with refuses(xml, "object 1, 'dog': expected a number within +-2**30 in <xmax>"):
            Voc(root)

    @pytest.mark.parametrize(
        ("corners", "reason"),
        [
            ((5, 6, 5, 9), "has no extent"),
            ((5, 6, 9, 6), "has no extent"),
            ((9, 6, 5, 9), "has no extent"),
            ((5, 9, 9, 6), "has no extent"),
            ((31, 1, 40, 9), "is outside the picture of 30 x 20"),
            ((1, 21, 9, 40), "is outside the picture of 30 x 20"),
            ((-9, 1, 0, 9), "is outside the picture of 30 x 20"),
            ((1, -9, 9, 0), "is outside the picture of 30 x 20"),
        ],
    )
    def test_left_out(self, root, corners, reason):
        d, scene = scene_of(root, ("dog", *corners), CAT, difficult=1)
        assert scene.boxes.tolist() == [CAT_BOX] and scene.difficult.tolist() == [True]
        assert d.classes == ["cat"] and scene.labels.tolist() == [0]
        assert d.skipped == [(root / "Annotations" / "a.xml", f"object 0, 'dog': {corners} {reason}")]

    @pytest.mark.parametrize(
        ("corners", "box"),
        [
            ((0, 0, 5, 5), [0, 0, 5, 5]),
            ((-7, 3, 5, 5), [2, 0, 5, 5]),
            ((30, 20, 31, 21), [19, 29, 20, 30]),
            ((1, 1, 2**30 - 1, 2**30 - 1), [0, 0, 20, 30]),
        ],
    )
    def test_clipped(self, root, corners, box):
        d, scene = scene_of(root, ("dog", *corners))
        assert scene.boxes.tolist() == [box] and d.skipped == []
        assert d.changed[0][1] == f"object 0, 'dog': {corners} clipped to the picture of 30 x 20"

    @pytest.mark.parametrize("size", [None, (0, 0), (30, 0), (30, 20)])
    def test_a_size_that_is_missing_or_right(self, root, size):
        d, scene = scene_of(root, ("dog", 1, 1, 30, 20), size=size)
        assert scene.boxes.tolist() == [[0, 0, 20, 30]] and d.changed == []

    @pytest.mark.parametrize("size", [(20, 30), (60, 40)])
    def test_the_picture_decides_how_large_it_is(self, root, size):
        d, scene = scene_of(root, ("dog", 11, 1, 40, 20), size=size)
        assert scene.boxes.tolist() == [[0, 10, 20, 30]]
        sizes, clipped = (reason for _, reason in d.changed)
        assert sizes == f"size {size[0]} x {size[1]} is 30 x 20 in the picture" and "clipped" in clipped

    def test_parts_of_an_object_are_not_objects(self, root):
        xml, _ = voc_folder.add(root, "a", [CAT])
        box = "<name>head</name><bndbox><xmin>1</xmin></bndbox>"
        inner = f"<part>{box}</part><part><object>{box}</object></part></object>"
        xml.write_text(xml.read_text().replace("</object>", inner))
        assert Voc(root).scene(0).boxes.tolist() == [CAT_BOX]

    def test_words_are_trimmed(self, root):
        assert scene_of(root, ("\n  a cat\t", *CAT[1:]), filename="\n a.jpg ")[0].classes == ["a cat"]


class TestPictures:
    def test_read_by_content_not_by_ending(self, root):
        xml, path = voc_folder.add(root, "a", [CAT])
        voc_folder.picture(20, 30, 7).save(path, format="PNG")
        np.testing.assert_array_equal(Voc(root).scene(0).picture, np.asarray(voc_folder.picture(20, 30, 7)))

    @pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "CMYK", "I;16"])
    def test_all_modes_become_rgb(self, root, mode):
        image = Image.new("I;16", (30, 20), 257) if mode == "I;16" else voc_folder.picture(20, 30).convert(mode)
        _, scene = scene_of(root, CAT, image=image, ending=".jpg" if mode in ("L", "CMYK") else ".png")
        assert scene.picture.shape == (20, 30, 3) and scene.picture.dtype == np.uint8

    @pytest.mark.parametrize(
        ("ending", "filename"),
        [
            (".jpg", "a.jpg"), (".JPG", "a.jpg"), (".jpg", "A.JPG"), (".JPEG", None), (".png", "a.jpg"),
            (".jpg", "a"), (".jpg", "elsewhere.jpg"), (".jpg", ""),
        ],
    )  # fmt: skip
    def test_the_picture_has_the_name_of_the_annotation(self, root, ending, filename):
        d, _ = scene_of(root, CAT, ending=ending, filename=filename)
        assert d.paths == [root / "JPEGImages" / f"a{ending}"]

    @pytest.mark.parametrize("filename", ["other.jpg", "other.JPG", "OTHER", "other.xml.jpg"])
    def test_or_else_the_name_in_the_annotation(self, root, filename):
        _, path = voc_folder.add(root, "a", [CAT], filename=filename)
        target = "other.xml.jpg" if "xml" in filename else "other.jpg"
        path.rename(path.with_name(target))
        assert Voc(root).paths == [path.with_name(target)]

    def test_two_that_could_be_meant(self, root):
        xml, path = voc_folder.add(root, "a", [CAT], filename="b.jpg")
        voc_folder.add(root, "b", [CAT])
        with refuses(xml, "<filename> is 'b.jpg', but there is a picture 'a.jpg' as well"):
            Voc(root)
        xml, _ = voc_folder.add(root, "a", [CAT], ending=".png")
        with refuses(xml, "expected one picture, found ['a.jpg', 'a.png']"):
            Voc(root)
        voc_folder.add(root, "a", [CAT], ending=".jpg", filename="a.png")
        assert Voc(root).paths[0].name == "a.png"  # now it says which

    def test_capital_and_small_letters_are_two_names_where_both_are_there(self, root):
        if (Path(__file__).parent / Path(__file__).name.upper()).exists():
            pytest.skip("this file system does not tell small letters from capitals")
        for name in ("a", "A"):
            voc_folder.add(root, name, [CAT], filename=f"{name}.jpg")
        assert [path.name for path in Voc(root).paths] == ["A.jpg", "a.jpg"]

    def test_missing(self, root):
        xml, path = voc_folder.add(root, "a", [CAT], filename="b.jpg")
        path.unlink()
        with refuses(xml, "no picture 'a' or 'b.jpg' in JPEGImages"):
            Voc(root)

    def test_a_pipe_is_no_picture(self, root):
        """To read from it would be to wait for ever."""
        _, path = voc_folder.add(root, "a", [CAT])
        path.unlink()
        os.mkfifo(path)

        def give_up(*_):
            raise TimeoutError

        before = signal.signal(signal.SIGALRM, give_up)
        signal.alarm(5)
        try:
            with refuses("no picture 'a'"):
                Voc(root)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)

    @pytest.mark.parametrize(
        "filename", ["../../secret.jpg", "/etc/passwd", "../", "..\\..\\secret.jpg", "C:\\secret.jpg", "x/a.jpg"]
    )
    def test_a_filename_that_climbs_out(self, root, filename):
        xml, path = voc_folder.add(root, "a", [CAT], filename=filename)
        path.rename(root.parent / "secret.jpg")
        with refuses(xml, "<filename>: expected a name of a file in JPEGImages, got"):
            Voc(root)

    @pytest.mark.parametrize("which", [0, 1])
    def test_a_link_out_of_the_folder(self, root, which):
        path = voc_folder.add(root, "a", [CAT])[which]
        outside = path.rename(root.parent / path.name)
        path.symlink_to(outside)
        with refuses(path, "a link out of the folder"):
            Voc(root)
        path.unlink()
        inside = root / path.name
        outside.rename(inside)
        path.symlink_to(inside)
        assert Voc(root).scene(0).boxes.tolist() == [CAT_BOX]

    def test_the_folder_itself_may_be_a_link(self, root, tmp_path):
        voc_folder.add(root, "a", [CAT])
        (tmp_path / "link").symlink_to(root)
        assert Voc(tmp_path / "link").scene(0).boxes.tolist() == [CAT_BOX]

    def test_too_many_pixels(self, root):
        xml, path = voc_folder.add(root, "a", [CAT])
        with refuses(xml, path, "expected 1 to 599 in all"):
            Voc(root, max_pixels=599)

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_turned_by_exif(self, root, orientation):
        """Boxes of the upright picture; those of the picture as it is stored would lie elsewhere."""
        exif = Image.Exif()
        exif[0x0112] = orientation
        upright = (30, 20) if orientation < 5 else (20, 30)
        xml, path = voc_folder.add(root, "a", [CAT], size=upright)
        voc_folder.picture(20, 30).save(path, exif=exif)
        assert picture_size(path) == (upright[::-1], orientation >= 5)
        d = Voc(root)
        assert d.scene(0).picture.shape[:2] == upright[::-1] and d.changed == []
        voc_folder.add(root, "b", [CAT], size=upright[::-1])[1].write_bytes(path.read_bytes())
        if orientation >= 5:
            with refuses("b.xml", "for 30 x 20 pixels, but 'b.jpg' is 20 x 30 when turned as its EXIF"):
                Voc(root)
        else:
            assert "size 20 x 30 is 30 x 20 in the picture" in Voc(root).changed[0][1]

    @pytest.mark.parametrize("ending", [".png", ".tiff", ".webp"])
    def test_sizes_of_other_formats(self, tmp_path, ending):
        exif = Image.Exif()
        exif[0x0112] = 6
        path = tmp_path / f"a{ending}"
        voc_folder.picture(20, 30).save(path, exif=exif)
        assert picture_size(path)[0] == read_picture(path).shape[:2] == (30, 20)

    def test_a_picture_that_changes(self, root):
        _, path = voc_folder.add(root, "a", [CAT])
        d = Voc(root)
        voc_folder.picture(9, 30).save(path)
        with refuses(path, "expected the 30 x 20 pixels that its header said before, got 30 x 9"):
            d.scene(0)


class TestBroken:
    def damaged(self, root):
        """a: sound; b: a truncated picture; c: not XML; d: no picture; e: sound."""
        for name in "abcde":
            voc_folder.add(root, name, [CAT])
        jpeg, xml = root / "JPEGImages" / "b.jpg", root / "Annotations" / "c.xml"
        jpeg.write_bytes(jpeg.read_bytes()[:-300])
        xml.write_text("<annotation>")
        (root / "JPEGImages" / "d.jpg").unlink()
        return jpeg, xml

    def test_raises(self, root):
        jpeg, xml = self.damaged(root)
        with refuses(xml, "cannot be read as an annotation"):
            Voc(root)
        voc_folder.part(root, "two", "a\nb")
        d = Voc(root, "two")  # a header says nothing of what follows
        with refuses(jpeg, "cannot be read as a picture", "truncated"):
            d.scene(1)

    def test_skipped(self, root):
        jpeg, xml = self.damaged(root)
        for cache_bytes in (0, 10**6):
            d = Voc(root, skip_broken=True, cache_bytes=cache_bytes)
            assert d.names == ["a", "e"] and [d.scene(i).boxes.tolist() for i in (0, 1)] == [[CAT_BOX]] * 2
            assert [path.name for path, _ in d.skipped] == ["b.xml", "c.xml", "d.xml"]
            assert jpeg.name in d.skipped[0][1] and xml.name in d.skipped[1][1] and "no picture" in d.skipped[2][1]

    def test_all_broken(self, root):
        xml, _ = voc_folder.add(root, "a", [CAT])
        xml.write_text("")
        with refuses(root, "expected pictures in the part None, found none; the first:", "a.xml"):
            Voc(root, skip_broken=True)


class TestAnnotations:
    BOMB = '<!DOCTYPE a [<!ENTITY x "{}">{}]>'.format(
        "ha" * 50, "".join(f'<!ENTITY x{k} "{f"&x{k - 1 or str()};" * 50}">' for k in range(1, 9))
    )

    @pytest.mark.parametrize(
        "text",
        [
            "", "<annotation>", "no XML", "<a/>", "\0" * 50, BOMB + "<annotation>&x8;</annotation>",
            '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>',
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>',
            '<?xml version="1.0" encoding="klingon"?><annotation/>',
            "<annotation><object><bndbox/></object></annotation>",
            "<annotation><object><name>cat</name></object></annotation>",
            "<annotation><object><name>cat</name><bndbox/></object></annotation>",
            "<annotation><size><width>x</width><height>3</height></size></annotation>",
        ],
        ids=lambda text: text[:30],
    )  # fmt: skip
    def test_refused_with_the_name(self, tmp_path, text):
        path = tmp_path / "a.xml"
        path.write_text(text)
        with refuses(path, "cannot be read as an annotation: "):
            read_annotation(path)

    def test_files_of_more_than_four_mebibytes(self, tmp_path):
        path = tmp_path / "a.xml"
        path.write_text("<annotation>".ljust(MAX_BYTES - 13) + "</annotation>")
        assert read_annotation(path).objects == []
        path.write_text("<annotation>".ljust(MAX_BYTES - 12) + "</annotation>")
        with refuses(path, "more than 4194304 bytes"):
            read_annotation(path)

    def test_bytes_that_are_not_of_the_encoding(self, tmp_path):
        path = tmp_path / "a.xml"
        path.write_bytes(b'<?xml version="1.0" encoding="utf-8"?><annotation>\xff\xfe</annotation>')
        with refuses(path, "cannot be read as an annotation"):
            read_annotation(path)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
    def test_encodings(self, tmp_path, encoding):
        path = tmp_path / "a.xml"
        head = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>\r\n'
        path.write_bytes((head + voc_folder.annotation([("Kätzchen", 1, 2, 3, 4)])).encode(encoding))
        assert read_annotation(path).objects == [("Kätzchen", (1, 2, 3, 4), False)]


class TestParts:
    @pytest.fixture
    def root(self, tmp_path):
        for name in ("b", "a", "c d", "x.1", "IMG_2"):
            voc_folder.add(tmp_path, name, [CAT])
        return tmp_path

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("b\na\n", ["b", "a"]),
            ("b\r\na\r\n\r\n", ["b", "a"]),
            ("\ufeffb\n\n  a  ", ["b", "a"]),
            ("b  1\na -1\nc d 0\nc d", ["b", "a", "c d"]),
            ("x.1\nIMG_2.JPG\na.xml\nb.jpg 1", ["x.1", "IMG_2", "a", "b"]),
        ],
    )
    def test_lines(self, root, text, names):
        voc_folder.part(root, "train", text)
        d = Voc(root, "train")
        assert d.names == names
        assert [path.stem for path in d.paths] == names

    def test_names_that_come_again(self, root):
        path = voc_folder.part(root, "train", "b\na\nb\nb.jpg -1")
        d = Voc(root, "train")
        assert d.names == ["b", "a"]
        assert d.skipped == [(path, f"line {line}: 'b' was in line 1 already") for line in (3, 4)]

    @pytest.mark.parametrize("line", ["ghost", "../a", "/etc/passwd", "a\0b", "b 2", "B"])
    def test_no_such_annotation(self, root, line):
        voc_folder.part(root, "train", f"a\n{line}\n")
        with refuses("no such annotation"):
            Voc(root, "train")
        d = Voc(root, "train", skip_broken=True)
        assert d.names == ["a"] and "no such annotation" in d.skipped[0][1]

    def test_refused(self, root):
        voc_folder.part(root, "train", "a")
        voc_folder.part(root, "empty", " \n\n")
        latin = voc_folder.part(root, "latin", "Kätzchen".encode("latin-1"))
        with refuses("expected a part of ['empty', 'latin', 'train'], got '../train'"):
            Voc(root, "../train")
        with refuses("the part 'empty', found none"):
            Voc(root, "empty")
        with refuses(latin, "cannot be read as a list of names"):
            Voc(root, "latin")

    def test_all_annotations_sorted(self, root):
        assert Voc(root).names == ["IMG_2", "a", "b", "c d", "x.1"]


class TestFolder:
    def test_missing_folders(self, tmp_path):
        with refuses("expected the folder", tmp_path / "Annotations"):
            Voc(tmp_path)
        (tmp_path / "Annotations").mkdir()
        with refuses("expected the folder", tmp_path / "JPEGImages"):
            Voc(tmp_path)
        (tmp_path / "JPEGImages").mkdir()
        with refuses(tmp_path, "found none"):
            Voc(tmp_path)
        with refuses("expected the folder", "Main"):
            Voc(tmp_path, "train")

    def test_two_annotations_of_one_name(self, root):
        xml, _ = voc_folder.add(root, "a", [CAT])
        xml.with_suffix(".XML").write_bytes(xml.read_bytes())
        with refuses("a.xml", "there is 'a.XML' too"):
            Voc(root)

    def test_hidden_and_other_files_are_ignored(self, root):
        voc_folder.add(root, "a", [CAT])
        for name in ("._a.xml", "notes.txt", ".DS_Store"):
            (root / "Annotations" / name).write_text("?")
        (root / "Annotations" / "folder.xml").mkdir()
        assert Voc(root).names == ["a"]


# -- real data -------------------------------------------------------------------------------------


def objects_of(dataset):
    counts = np.zeros(len(dataset.classes), int)
    for i in range(len(dataset)):
        picture, boxes, labels, difficult = dataset.scene(i)
        height, width, _ = picture.shape
        assert (boxes >= 0).all() and (boxes[:, 2:] <= (height, width)).all() and (boxes[:, :2] < boxes[:, 2:]).all()
        assert not difficult.any()
        counts += np.bincount(labels, minlength=len(counts))
    return dict(zip(dataset.classes, counts.tolist(), strict=True))


@pytest.mark.skipif(not (SHARED / "bccd").is_dir(), reason="../shared/data/bccd is not there")
def test_bccd():
    """4888 boxes in 364 pictures, two of them a stray click on a red cell."""
    names = []
    for part, pictures in (("train", 205), ("val", 87), ("test", 72)):
        d = Voc(SHARED / "bccd", part)
        assert len(d) == pictures
        names += d.names
    d = Voc(SHARED / "bccd")
    assert sorted(names) == d.names and len(d) == 364
    assert objects_of(d) == {"RBC": 4155 - 2, "WBC": 372, "Platelets": 361}
    assert [path.stem for path, _ in d.skipped] == ["BloodImage_00338", "BloodImage_00343"]
    assert all("'RBC'" in reason and "no extent" in reason for _, reason in d.skipped) and d.changed == []
    assert {d.scene(i).picture.shape for i in range(len(d))} == {(480, 640, 3)}


@pytest.mark.skipif(not (SHARED / "playing_cards").is_dir(), reason="../shared/data/playing_cards is not there")
def test_playing_cards():
    parts = [Voc(SHARED / "playing_cards", part) for part in ("train", "test")]
    assert [len(d) for d in parts] == [296, 67] and not set(parts[0].names) & set(parts[1].names)
    for d in parts:
        assert set(objects_of(d)) == {"nine", "ten", "jack", "queen", "king", "ace"}
        assert d.skipped == d.changed == []
    assert {path.suffix for path in parts[0].paths} == {".JPG", ".jpg"}

import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from minispp.data.folder import Folder, read_picture


def gradient(height, width, channels=3, top=255):
    """Different values everywhere, so that a turned or mirrored picture shows."""
    values = np.arange(height * width * channels).reshape(height, width, channels)
    return (values * top // (values.size - 1)).astype(np.uint8)


def save(path, picture, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(path, **options)
    return path


@pytest.fixture
def two_classes(tmp_path):
    for name, count in (("cat", 3), ("ant", 2)):
        for k in range(count):
            save(tmp_path / name / f"{k}.png", np.full((4 + k, 7, 3), 10 * k + len(name), np.uint8))
    return tmp_path


def header_only_png(path, width, height):
    """A PNG whose header claims width x height and whose data holds almost nothing."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


class TestReadPicture:
    def test_rgb_is_unchanged_writable_and_owned(self, tmp_path):
        picture = gradient(5, 8)
        read = read_picture(save(tmp_path / "a.png", picture))
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, picture)
        read[0, 0] = 1

    def test_gray_becomes_three_equal_channels(self, tmp_path):
        gray = gradient(5, 8, 1)[:, :, 0]
        read = read_picture(save(tmp_path / "a.png", gray))
        np.testing.assert_array_equal(read, np.stack([gray] * 3, axis=2))

    def test_one_bit(self, tmp_path):
        bits = np.array([[True, False, True], [False, False, True]])
        read = read_picture(save(tmp_path / "a.png", Image.fromarray(bits)))
        np.testing.assert_array_equal(read[:, :, 1], bits * 255)

    def test_palette(self, tmp_path):
        image = Image.new("P", (3, 2))
        image.putdata([0, 1, 2, 2, 1, 0])
        image.putpalette([255, 0, 0, 0, 250, 0, 0, 0, 240])
        read = read_picture(save(tmp_path / "a.png", image))
        assert read[0].tolist() == [[255, 0, 0], [0, 250, 0], [0, 0, 240]]
        assert read[1].tolist() == [[0, 0, 240], [0, 250, 0], [255, 0, 0]]

    def test_palette_with_a_transparent_entry_shows_white(self, tmp_path):
        image = Image.new("P", (2, 1))
        image.putdata([0, 1])
        image.putpalette([255, 0, 0, 0, 250, 0])
        read = read_picture(save(tmp_path / "a.png", image, transparency=0))
        assert read.tolist() == [[[255, 255, 255], [0, 250, 0]]]

    @pytest.mark.parametrize("kind", ["gif", "png", "webp"])
    def test_transparent_palette_bytes_do_not_warn(self, tmp_path, kind):
        image = Image.new("P", (2, 1))
        image.putdata([0, 1])
        image.putpalette([255, 0, 0, 0, 0, 250])
        image.info["transparency"] = 0 if kind == "gif" else bytes([0, 255])
        options = {"lossless": True} if kind == "webp" else {}
        image = image.convert("RGBA") if kind == "webp" else image
        read = read_picture(save(tmp_path / f"a.{kind}", image, **options))
        assert read.tolist() == [[[255, 255, 255], [0, 0, 250]]]

    def test_alpha_is_laid_on_white(self, tmp_path):
        rgba = np.array([[[100, 50, 0, 0], [100, 50, 0, 255], [100, 50, 0, 51]]], np.uint8)
        read = read_picture(save(tmp_path / "a.png", rgba))
        assert read[0, :2].tolist() == [[255, 255, 255], [100, 50, 0]]
        # a fifth of the colour, four fifths of white
        np.testing.assert_allclose(read[0, 2], [224, 214, 204], atol=1)

    def test_gray_with_alpha(self, tmp_path):
        image = Image.merge("LA", [Image.new("L", (2, 1), 40), Image.new("L", (2, 1), 0)])
        assert read_picture(save(tmp_path / "a.png", image)).tolist() == [[[255] * 3] * 2]

    def test_16_bits_are_scaled_not_cut(self, tmp_path):
        deep = np.array([[0, 1, 128, 129, 257], [256, 32768, 65278, 65406, 65535]], np.uint16)
        read = read_picture(save(tmp_path / "a.png", Image.fromarray(deep)))
        # nearest of 0, 257, ..., 65535; a clip to 255 or a plain cast would give 255 or 0 instead
        expected = [[0, 0, 0, 1, 1], [1, 128, 254, 254, 255]]
        np.testing.assert_array_equal(read[:, :, 0], expected)
        np.testing.assert_array_equal(read, read[:, :, :1].repeat(3, axis=2))

    @pytest.mark.parametrize("byte_order", ["<u2", ">u2"])
    def test_16_bit_tiff_of_either_byte_order(self, tmp_path, byte_order):
        deep = np.array([[0, 257, 65535]], byte_order)
        mode = "I;16" if byte_order == "<u2" else "I;16B"
        image = Image.frombytes(mode, (3, 1), deep.tobytes())
        assert read_picture(save(tmp_path / "a.tiff", image))[0, :, 2].tolist() == [0, 1, 255]

    def test_32_bit_integers_are_16_bit_values(self, tmp_path):
        image = Image.fromarray(np.array([[0, 65535, 257]], np.int32))
        assert read_picture(save(tmp_path / "a.tiff", image))[0, :, 0].tolist() == [0, 255, 1]

    @pytest.mark.parametrize("value", [-1, 65536])
    def test_32_bit_integers_out_of_range_are_refused(self, tmp_path, value):
        path = save(tmp_path / "a.tiff", Image.fromarray(np.array([[0, value]], np.int32)))
        with pytest.raises(ValueError, match=r"a\.tiff.*expected 0 to 65535"):
            read_picture(path)

    def test_floats_are_0_to_1(self, tmp_path):
        image = Image.fromarray(np.array([[0, 0.2, 1]], np.float32))
        assert read_picture(save(tmp_path / "a.tiff", image))[0, :, 0].tolist() == [0, 51, 255]

    @pytest.mark.parametrize("value", [np.nan, np.inf, 1.5])
    def test_floats_out_of_range_are_refused(self, tmp_path, value):
        path = save(tmp_path / "a.tiff", Image.fromarray(np.array([[0, value]], np.float32)))
        with pytest.raises(ValueError, match="expected 0 to 1"):
            read_picture(path)

    def test_cmyk(self, tmp_path):
        picture = np.full((16, 24, 4), (0, 255, 255, 0), np.uint8)  # red: no cyan, no black
        image = Image.frombytes("CMYK", (24, 16), picture.tobytes())
        read = read_picture(save(tmp_path / "a.jpg", image, quality=95))
        assert read.shape == (16, 24, 3)
        np.testing.assert_allclose(read.astype(int), np.broadcast_to([255, 0, 0], read.shape), atol=6)

    @pytest.mark.parametrize(
        ("orientation", "turn"),
        [
            (1, lambda p: p),
            (2, lambda p: p[:, ::-1]),
            (3, lambda p: p[::-1, ::-1]),
            (4, lambda p: p[::-1]),
            (5, lambda p: p.transpose(1, 0, 2)),
            (6, lambda p: np.rot90(p, -1)),
            (7, lambda p: p[::-1, ::-1].transpose(1, 0, 2)),
            (8, lambda p: np.rot90(p, 1)),
        ],
    )
    def test_exif_orientation(self, tmp_path, orientation, turn):
        stored = gradient(5, 8)
        exif = Image.Exif()
        exif[0x0112] = orientation
        read = read_picture(save(tmp_path / "a.png", stored, exif=exif))
        np.testing.assert_array_equal(read, turn(stored))

    def test_exif_orientation_of_16_bits(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6
        deep = np.arange(15, dtype=np.uint16).reshape(3, 5) * 257
        read = read_picture(save(tmp_path / "a.png", Image.fromarray(deep), exif=exif))
        np.testing.assert_array_equal(read[:, :, 0], np.rot90(deep // 257, -1))

    def test_damaged_exif_says_nothing(self, tmp_path):
        picture = np.full((8, 16, 3), 90, np.uint8)
        path = save(tmp_path / "a.jpg", picture, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x07broken")
        with warnings.catch_warnings():  # Pillow warns; here that would be an error
            warnings.simplefilter("ignore")
            assert read_picture(path).shape == (8, 16, 3)

    def test_first_frame_of_several(self, tmp_path):
        frames = [Image.new("RGB", (3, 2), colour) for colour in ("red", "blue")]
        path = save(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
        assert read_picture(path)[0, 0].tolist() == [255, 0, 0]

    def test_one_pixel(self, tmp_path):
        assert read_picture(save(tmp_path / "a.png", np.full((1, 1, 3), 3, np.uint8))).tolist() == [[[3, 3, 3]]]

    @pytest.mark.parametrize("kind", ["jpg", "png", "gif", "tiff", "webp"])
    def test_truncated_file_is_named(self, tmp_path, kind):
        picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
        path = save(tmp_path / f"half.{kind}", picture)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(ValueError, match=rf"half\.{kind}.*cannot be read"):
            read_picture(path)

    def test_programs_are_not_run(self, tmp_path):
        path = tmp_path / "a.jpg"
        path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 30 20\n%%EndComments\n{} loop\n%%EOF\n")
        with pytest.raises(ValueError, match=r"a\.jpg.*EPS is a program"):
            read_picture(path)

    def test_empty_foreign_and_missing_files_are_named(self, tmp_path):
        (tmp_path / "empty.jpg").touch()
        (tmp_path / "text.jpg").write_text("not a picture")
        for name in ("empty.jpg", "text.jpg", "missing.jpg"):
            with pytest.raises(ValueError, match=name):
                read_picture(tmp_path / name)
        with pytest.raises(ValueError, match="cannot be read"):
            read_picture(tmp_path)

    def test_more_pixels_than_asked_are_refused(self, tmp_path):
        path = save(tmp_path / "a.png", gradient(5, 8))
        assert read_picture(path, max_pixels=40).shape == (5, 8, 3)
        with pytest.raises(ValueError, match=r"a\.png.*8 x 5 pixels, expected 1 to 39"):
            read_picture(path, max_pixels=39)

    @pytest.mark.parametrize("side", [9000, 11000, 20000, 2**31 - 1])
    def test_absurd_header_is_refused_before_decoding(self, tmp_path, side, monkeypatch):
        decoded = []
        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: decoded.append(self))
        path = header_only_png(tmp_path / "lie.png", side, side)
        with pytest.raises(ValueError, match=r"lie\.png.*pixels"):
            read_picture(path)
        with warnings.catch_warnings():  # outside the tests Pillow's bomb warning is no error
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError, match=r"lie\.png.*pixels"):
                read_picture(path)
        assert not decoded

    def test_header_that_promises_more_than_the_data_holds(self, tmp_path):
        with pytest.raises(ValueError, match=r"lie\.png"):
            read_picture(header_only_png(tmp_path / "lie.png", 300, 200))


class TestFolder:
    def test_sorted_classes_files_and_labels(self, two_classes):
        d = Folder(two_classes)
        assert d.classes == ["ant", "cat"]
        assert len(d) == 5
        assert d.labels.tolist() == [0, 0, 1, 1, 1]
        assert [f"{p.parent.name}/{p.name}" for p in d.paths] == [
            "ant/0.png", "ant/1.png", "cat/0.png", "cat/1.png", "cat/2.png",
        ]  # fmt: skip
        assert d.skipped == []
        picture, label = d[4]
        assert picture.shape == (6, 7, 3)
        assert (picture == 23).all()
        assert label == 1
        assert type(label) is int

    def test_indexes_from_the_end_and_past_it(self, two_classes):
        d = Folder(two_classes)
        assert d[-1][0] is d[4][0]
        assert len(list(d)) == 5
        for index in (5, -6):
            with pytest.raises(IndexError):
                d[index]

    def test_given_classes_set_the_labels(self, two_classes):
        d = Folder(two_classes, classes=["cat", "bee", "ant"])
        assert d.classes == ["cat", "bee", "ant"]
        assert d.labels.tolist() == [0, 0, 0, 2, 2]
        assert d.paths[0].parent.name == "cat"

    def test_unknown_and_repeated_classes(self, two_classes):
        with pytest.raises(ValueError, match=r"\['cat'\] that are not in the classes \['ant'\]"):
            Folder(two_classes, classes=["ant"])
        with pytest.raises(ValueError, match="twice"):
            Folder(two_classes, classes=["ant", "cat", "ant"])

    def test_odd_names(self, tmp_path):
        names = ["übung é.PNG", "two  spaces.Jpeg", 'quote\'s "x".bmp', "a.b.c.png", "-rf.png", "new\nline.png"]
        for name in names:
            save(tmp_path / "Klasse 1, größer" / name, np.full((8, 8, 3), 50, np.uint8))
        d = Folder(tmp_path)
        assert [p.name for p in d.paths] == sorted(names)
        assert d.classes == ["Klasse 1, größer"]
        assert all(picture.shape == (8, 8, 3) for picture, _ in d)

    def test_name_that_is_not_unicode(self, tmp_path):
        save(tmp_path / "c" / "a.png", np.full((2, 3, 3), 9, np.uint8))
        try:
            os.rename(tmp_path / "c" / "a.png", os.fsencode(tmp_path / "c") + b"/\xff.png")
        except OSError:
            pytest.skip("this file system takes no such names")
        d = Folder(tmp_path)
        assert d[0][0].shape == (2, 3, 3)
        d.paths[0].write_bytes(b"")
        with pytest.raises(ValueError, match="cannot be read") as error:
            Folder(tmp_path)[0]
        str(error.value).encode()  # printable

    def test_other_files_are_ignored(self, two_classes):
        for name in ("notes.txt", "Thumbs.db", "no_ending", "._0.png", ".hidden.png", "a.pdf"):
            (two_classes / "ant" / name).write_text("x")
        (two_classes / "readme.png").write_text("x")
        (two_classes / ".git").mkdir()
        (two_classes / "ant" / "folder.png").mkdir()
        assert len(Folder(two_classes)) == 5

    def test_unusable_roots(self, tmp_path):
        with pytest.raises(ValueError, match="missing' is not a folder"):
            Folder(tmp_path / "missing")
        with pytest.raises(ValueError, match="found no folders"):
            Folder(tmp_path)
        save(tmp_path / "full" / "a.png", gradient(2, 3))
        (tmp_path / "empty").mkdir()
        with pytest.raises(ValueError, match="no pictures in class folder .*empty"):
            Folder(tmp_path)

    def test_root_one_level_too_high(self, tmp_path):
        save(tmp_path / "train" / "cat" / "a.png", gradient(2, 3))
        with pytest.raises(ValueError, match=r"holds the folders \['cat'\].*train' the folder you mean"):
            Folder(tmp_path)

    def test_broken_file_is_named_when_asked_for(self, two_classes):
        (two_classes / "cat" / "1.png").write_bytes(b"")
        d = Folder(two_classes)
        assert len(d) == 5
        with pytest.raises(ValueError, match=r"cat.1\.png"):
            d[3]
        assert d[4][1] == 1

    def test_broken_files_are_skipped_and_counted(self, two_classes):
        noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
        truncated = save(two_classes / "ant" / "00.jpg", noise)  # fails only in the full decode
        truncated.write_bytes(truncated.read_bytes()[:-500])
        empty = two_classes / "cat" / "1.png"
        empty.write_bytes(b"")
        huge = header_only_png(two_classes / "cat" / "3.png", 9000, 9000)
        for cache_bytes in (0, 10**6):
            d = Folder(two_classes, skip_broken=True, cache_bytes=cache_bytes)
            assert [path for path, _ in d.skipped] == [truncated, empty, huge]
            assert all(path.name in reason for path, reason in d.skipped)
            assert len(d) == 4
            assert d.labels.tolist() == [0, 0, 1, 1]
            assert [picture[0, 0, 0] for picture, _ in d] == [3, 13, 3, 23]

    def test_class_whose_files_are_all_broken(self, two_classes):
        for path in (two_classes / "ant").iterdir():
            path.write_bytes(b"")
        with pytest.raises(ValueError, match=r"every file is broken in class \['ant'\].*ant.0\.png"):
            Folder(two_classes, skip_broken=True)

    def test_decodes_on_access_and_once_within_the_bound(self, two_classes, monkeypatch):
        asked = []

        def counted(path, max_pixels):
            asked.append(path.name)
            return read_picture(path, max_pixels)

        monkeypatch.setattr("minispp.data.folder.read_picture", counted)
        d = Folder(two_classes, cache_bytes=4 * 7 * 3 + 5 * 7 * 3)
        assert asked == []
        for _ in range(3):
            list(d)
        # 0.png and 1.png of ant fill the bound; the three of cat are decoded every time
        assert len(asked) == 2 + 3 * 3
        assert d._cache.bytes == 189

    def test_pictures_are_read_only(self, two_classes):
        for cache_bytes in (0, 10**6):
            picture = Folder(two_classes, cache_bytes=cache_bytes)[0][0]
            with pytest.raises(ValueError, match="read-only"):
                picture[0] = 0

    def test_max_pixels_reaches_the_reader(self, two_classes):
        with pytest.raises(ValueError, match="expected 1 to 20"):
            Folder(two_classes, max_pixels=20)[0]

import numpy as np
import pytest

from minispp.data.augment import resize
from minispp.data.painter import SHAPES, TEXTURES, background, developed, paint
from minispp.data.shapes import CLASSES, LONGEST, SCALES, Shapes


def white_paper(shape, texture, size, centre=(50.3, 60.8), seed=0):
    canvas = np.full((100, 120, 3), 255, np.float32)
    return canvas, paint(canvas, shape, texture, np.array(centre), size, np.random.default_rng(seed))


def bounding_box(mask):
    rows, columns = (mask.any(axis=axis).nonzero()[0] for axis in (1, 0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


class TestOutlines:
    @pytest.mark.parametrize("name", SHAPES)
    def test_area_and_extent(self, name):
        signed, area, extent = SHAPES[name]
        axis = np.linspace(-2.1, 2.1, 1401)
        u, v = np.meshgrid(axis, axis)
        inside = signed(u, v) < 0
        assert inside.mean() * 4.2**2 == pytest.approx(area, rel=0.01)
        farthest = np.hypot(u, v)[inside].max()
        assert extent - 0.02 < farthest <= extent

    @pytest.mark.parametrize("name", SHAPES)
    def test_distance_never_grows_faster_than_the_way(self, name):
        # so that an edge is about a pixel wide: near the rim, a step of h changes the value by about h
        signed, _, _ = SHAPES[name]
        axis = np.linspace(-1.5, 1.5, 601)
        values = signed(*np.meshgrid(axis, axis))
        steepest = np.hypot(*np.gradient(values, axis[1] - axis[0]))[abs(values) < 0.05]
        assert steepest.max() < 1.5
        assert np.median(steepest) > 0.4

    def test_star_has_five_tips_and_the_triangle_points_one_way(self):
        angles = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
        for name, radius, tips in (("star", 0.8, 5), ("triangle", 1.4, 3), ("cross", 0.8, 4), ("disc", 0.9, 0)):
            inside = SHAPES[name][0](radius * np.cos(angles), radius * np.sin(angles)) < 0
            assert (inside & ~np.roll(inside, 1)).sum() == tips


class TestTextures:
    def test_direction_and_period(self):
        axis = np.arange(0, 3, 0.01)
        u, v = np.meshgrid(axis, axis)
        ink = {name: texture(u, v) > 1e-9 for name, texture in TEXTURES.items()}
        assert not ink["plain"].any()
        assert (ink["striped"] == ink["striped"][:1]).all()
        assert (ink["banded"] == ink["striped"].T).all()
        for name in ("striped", "banded", "dotted", "chequered"):
            assert 0.25 < ink[name].mean() < 0.55
            np.testing.assert_array_equal(ink[name][100:, 100:], ink[name][:-100, :-100])
        assert (ink["chequered"][25, 25], ink["chequered"][25, 75], ink["chequered"][75, 75]) == (True, False, True)
        assert ink["dotted"][0, 0]
        assert not ink["dotted"][50, :].any()


class TestPaint:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("size", [12.0, 40.0])
    def test_box_is_tight_and_area_is_size_squared(self, shape, size):
        for seed in range(3):
            canvas, box = white_paper(shape, "plain", size, seed=seed)
            # the rim is black and outermost: more than half covered is darker than half
            assert tuple(box) == bounding_box(canvas[:, :, 0] <= 127.5)
            changed = (255 - canvas).max(axis=2) > 0
            assert changed.sum() == pytest.approx(size**2, rel=8 / size)

    def test_centre_is_counted_from_the_corner_of_the_picture(self):
        # row 50 begins at 50.0: a disc around (50, 60) is symmetric about these lines
        top, left, bottom, right = white_paper("disc", "plain", 31.0, centre=(50.0, 60.0))[1]
        assert (top + bottom, left + right) == (100, 120)

    def test_cut_by_the_rim_of_the_picture(self):
        canvas, box = white_paper("disc", "dotted", 40.0, centre=(3.0, 115.0))
        assert (box[0], box[3]) == (0, 120)
        assert tuple(box) == bounding_box(canvas[:, :, 0] <= 127.5)

    def test_outside_the_picture_nothing_shows(self):
        canvas, box = white_paper("disc", "plain", 20.0, centre=(-30.0, 60.0))
        assert box is None
        assert (canvas == 255).all()

    def test_ink_is_darker_than_paper(self):
        for seed in range(5):
            canvas, _ = white_paper("square", "striped", 70.0, seed=seed)
            row = canvas[40:60, 45:75].max(axis=2)
            assert row.max() - row.min() > 0.3 * 255 * 0.8

    def test_a_canvas_stays_float32(self):
        rng = np.random.default_rng(0)
        canvas = background(20, 31, rng)
        paint(canvas, "star", "dotted", np.array([10, 10]), 9.0, rng)
        assert canvas.dtype == np.float32
        assert canvas.shape == (20, 31, 3)
        assert developed(canvas, rng).dtype == np.uint8


class TestShapes:
    def test_a_picture_is_a_function_of_seed_and_index(self):
        d = Shapes(20, seed=3)
        pictures = [d[i][0] for i in range(6)]
        for other in (Shapes(20, seed=3), Shapes(9, seed=3), Shapes(20, seed=3, cache_bytes=0)):
            for i in (5, 0, 3):  # in any order
                np.testing.assert_array_equal(other[i][0], pictures[i])
            assert other.labels[:9].tolist() == d.labels[:9].tolist()
        # uncached, again the same
        np.testing.assert_array_equal(other[3][0], pictures[3])
        assert all(not np.array_equal(a, b) for a, b in zip(pictures, pictures[1:], strict=False))

    def test_other_seed_other_pictures_and_labels(self):
        a, b = Shapes(24, seed=0), Shapes(24, seed=1)
        assert a.labels.tolist() != b.labels.tolist()
        # with one class the labels are equal: the pictures must differ by themselves
        a, b = (Shapes(8, classes=["plain disc"], seed=seed, sizes=(20, 90)) for seed in (0, 1))
        assert all(x.shape != y.shape for (x, _), (y, _) in zip(a, b, strict=True))

    def test_labels(self):
        d = Shapes(21, seed=5)
        assert len(d) == 21
        assert d.labels.dtype == np.int64
        assert sorted(d.labels[:8]) == sorted(d.labels[8:16]) == list(range(8))
        assert d.labels[:8].tolist() != d.labels[8:16].tolist()
        assert [label for _, label in d] == d.labels.tolist()
        assert type(d[0][1]) is int

    def test_sizes_and_aspect_ratios(self):
        d = Shapes(150, sizes=(20, 40))
        shapes = np.array([picture.shape[:2] for picture, _ in d])
        shorter, longer = shapes.min(axis=1), shapes.max(axis=1)
        assert (shorter.min(), shorter.max()) == (20, 40)
        ratio = longer / shorter
        assert ratio.max() <= LONGEST + 0.05
        assert ratio.max() > 1.7
        assert (shapes[:, 0] > shapes[:, 1]).mean() == pytest.approx(0.5, abs=0.15)

    def test_scale_varies_by_a_factor_of_three(self):
        d = Shapes(200, classes=["plain disc"], sizes=(64, 64))
        boxes = np.concatenate([d.scene(i).boxes for i in range(len(d))])
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        assert sides.max() / sides.min() > 2.3
        assert sides.min() >= 64 * SCALES[0] * 2 / np.pi**0.5 - 1

    def test_scene_of_one_object(self):
        d = Shapes(30)
        for i in range(len(d)):
            picture, boxes, labels, difficult = d.scene(i)
            assert boxes.shape == (1, 4)
            assert labels.tolist() == [d.labels[i]]
            assert difficult.tolist() == [False]
            assert picture is d[i][0]

    def test_scenes_of_several_objects(self):
        d = Shapes(60, objects=5, sizes=(80, 100))
        counts = set()
        for i in range(len(d)):
            picture, boxes, labels, difficult = d.scene(i)
            assert difficult.shape == labels.shape and difficult.dtype == bool and not difficult.any()
            height, width, _ = picture.shape
            counts.add(len(labels))
            assert boxes.shape == (len(labels), 4)
            assert np.issubdtype(boxes.dtype, np.integer)
            assert labels[0] == d.labels[i]
            assert (boxes[:, :2] >= 0).all()
            assert (boxes[:, 2:] <= (height, width)).all()
            assert (boxes[:, :2] < boxes[:, 2:]).all()
            assert set(labels.tolist()) <= set(range(8))
        assert counts == {1, 2, 3, 4, 5}

    def test_scene_is_a_copy(self):
        d = Shapes(1, objects=3)
        _, boxes, labels, difficult = d.scene(0)
        boxes[:], labels[:], difficult[:] = -1, -1, True
        assert (d.scene(0).boxes >= 0).all()
        assert not d.scene(0).difficult.any()
        assert d[0][1] == d.labels[0]

    def test_names_are_unique_also_among_seeds(self):
        names = [*Shapes(3, seed=1).names, *Shapes(12, seed=11).names]
        assert len(set(names)) == 15 and names[2] == "shapes-1-00002"

    def test_boxes_hold_the_objects(self, monkeypatch):
        # paint only the objects, black on white: what is dark is what the boxes say
        monkeypatch.setattr(Shapes, "_paint_clutter", lambda *rest: None)
        monkeypatch.setattr("minispp.data.shapes.background", lambda h, w, rng: np.full((h, w, 3), 255, np.float32))
        monkeypatch.setattr("minispp.data.shapes.developed", lambda canvas, rng: canvas.astype(np.uint8))
        d = Shapes(20, objects=4)
        for i in range(len(d)):
            picture, boxes, _, _ = d.scene(i)
            dark = (picture < 60).any(axis=2)  # two rims, each covering less than half, are not as dark
            covered = np.zeros_like(dark)
            for top, left, bottom, right in boxes:
                covered[top:bottom, left:right] = True
                assert dark[top:bottom, left:right].any()
            assert not (dark & ~covered).any()

    def test_clutter_never_shows_a_class(self, monkeypatch):
        painted = []
        monkeypatch.setattr(
            "minispp.data.shapes.paint",
            lambda canvas, shape, texture, *rest: painted.append(f"{texture} {shape}") or (0, 0, 1, 1),
        )
        d = Shapes(30)
        for i in range(len(d)):
            painted.clear()
            d[i]
            assert [name for name in painted if name in CLASSES] == [d.classes[d.labels[i]]]
            assert len(painted) > 1

    def test_colour_or_size_alone_tell_little(self):
        # one nearest neighbour; chance is .125, and .2 is four standard deviations above it
        train, test = Shapes(480, seed=0, sizes=(40, 72)), Shapes(320, seed=1, sizes=(40, 72))
        for features in (
            lambda picture: picture.mean(axis=(0, 1)),
            lambda picture: picture.shape[:2],
            lambda picture: np.r_[picture.mean(axis=(0, 1)), picture.std(axis=(0, 1))],
            lambda picture: resize(picture, 1, 1)[0, 0],
        ):
            a, b = (np.array([features(picture) for picture, _ in d], float) for d in (train, test))
            nearest = ((a - b[:, None]) ** 2).sum(axis=2).argmin(axis=1)
            assert (train.labels[nearest] == test.labels).mean() < 0.2

    def test_cache_is_bounded_and_pictures_are_read_only(self):
        d = Shapes(10, cache_bytes=60_000)
        list(d)
        assert 0 < d._cache.bytes <= 60_000
        for i in (0, 9):
            with pytest.raises(ValueError, match="read-only"):
                d[i][0][0] = 0

    def test_no_pictures_and_indexes_past_the_end(self):
        assert len(Shapes(0)) == 0
        assert Shapes(0).labels.shape == (0,)
        assert Shapes(0).labels.dtype == np.int64
        d = Shapes(3)
        np.testing.assert_array_equal(d[-1][0], d[2][0])
        for index in (3, -4):
            with pytest.raises(IndexError):
                d[index]

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            ({"count": -1}, "count >= 0"),
            ({"seed": -1}, "seed >= 0"),
            ({"objects": 0}, "objects >= 1"),
            ({"sizes": (50, 40)}, "sizes"),
            ({"sizes": (4, 40)}, "at least 16"),
            ({"classes": []}, "at least one"),
            ({"classes": ["plain disc", "plain disc"]}, "different classes"),
            ({"classes": ["plain"]}, "got 'plain'"),
            ({"classes": ["woven disc"]}, "got 'woven disc'"),
            ({"classes": [f"{t} {s}" for t in TEXTURES for s in SHAPES]}, "left for the clutter"),
        ],
    )
    def test_errors(self, bad, said):
        with pytest.raises(ValueError, match=said):
            Shapes(**{"count": 4, **bad})

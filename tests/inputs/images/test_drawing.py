"""Drawing images: balanced, by seed, and what is odd about them is counted, not hidden."""

import io

import numpy as np
import pytest
from PIL import Image

from blocklens.errors import UserError
from blocklens.inputs.images import Parts, Picture, draw_images, open_images
from blocklens.inputs.images.one_image import Levels, UnreadableError, clean, decoded, eight_bits


def made(labels, classes=("a", "b"), test=None, first=0):
    """Images whose grey value is their number."""

    def pictures(labels, first):
        return [
            Picture(f"{n}", label, lambda n=n: Image.new("L", (3, 3), n % 256))
            for n, label in enumerate(labels, start=first)
        ]

    held_out = None if test is None else pictures(test, 100)
    return Parts("made", list(classes), pictures(labels, first), held_out)


def names(images):
    return {picture.name for picture in images.pictures}


def test_as_many_of_each_class_as_asked_for_without_overlap():
    data = draw_images(made([0] * 50 + [1] * 30), train=20, test=5)
    assert np.bincount(data.train.labels).tolist() == [20, 20]
    assert np.bincount(data.test.labels).tolist() == [5, 5]
    assert not names(data.train) & names(data.test)
    assert data.notes == []


def test_the_draw_is_the_seed_s_and_mixes_the_classes():
    parts = made([0] * 50 + [1] * 50)
    first, same, other = (draw_images(parts, train=20, test=5, seed=s) for s in (0, 0, 1))
    assert first.digest() == same.digest() != other.digest()
    assert 2 < np.abs(np.diff(first.train.labels)).sum() < 39
    # more to train on does not change what is measured on
    more = draw_images(parts, train=40, test=5)
    assert names(more.test) == names(first.test)
    assert names(first.train) < names(more.train)


def test_without_a_part_of_its_own_a_fifth_of_each_class_is_measured_on():
    data = draw_images(made([0] * 10 + [1] * 5))
    assert np.bincount(data.test.labels).tolist() == [2, 1]
    assert np.bincount(data.train.labels).tolist() == [8, 4]
    trained, measured = data.notes
    assert "4 to 8" in trained
    assert "1,000" in trained
    assert "1 to 2" in measured
    assert "200" in measured
    assert "'b'" in trained
    assert "'b'" in measured


def test_a_part_to_measure_on_is_used_as_it_is():
    data = draw_images(made([0] * 9 + [1] * 9, test=[0, 1, 1, 0, 1]), train=9, test=2)
    assert len(data.train) == 18
    assert names(data.test) <= {str(n) for n in range(100, 105)}
    assert np.bincount(data.test.labels).tolist() == [2, 2]


def test_a_class_without_an_image_to_train_or_measure_on_is_refused_by_name():
    with pytest.raises(UserError, match="made: class 'b' has no image to train on"):
        draw_images(made([0, 0, 0, 1]))
    with pytest.raises(UserError, match="made: class 'b' has no image to measure on"):
        draw_images(made([0, 0, 1, 1], test=[0]))


def test_an_unreadable_image_is_counted_and_replaced(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for n in range(6):
            Image.new("RGB", (4, 4), (n * 9, 7, len(name))).save(tmp_path / name / f"{n}.png")
    (tmp_path / "a" / "2.png").write_bytes(b"\x89PNG no picture")
    (tmp_path / "a" / "3.png").write_bytes(b"")
    whole = (tmp_path / "b" / "1.png").read_bytes()
    (tmp_path / "b" / "1.png").write_bytes(whole[: len(whole) // 2])
    data = draw_images(open_images(tmp_path), train=9, test=1)
    assert data.skipped_count == 3
    said = "\n".join(sorted(data.skipped))
    assert "a/2.png: cannot be read as an image (no known image format)" in said
    assert "a/3.png: is empty" in said
    assert "b/1.png: cannot be read as an image" in said
    assert np.bincount(data.train.labels).tolist() == [3, 4]
    with pytest.raises(UserError, match=r"(a|b)/\d.png: "):
        draw_images(open_images(tmp_path), strict=True)


def test_grey_images_among_colour_ones_and_other_sizes_are_counted(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for n in range(5):
            Image.new("RGB", (8, 6), (n * 9, 7, ord(name))).save(tmp_path / name / f"{n}.png")
    Image.new("L", (8, 6), 3).save(tmp_path / "a" / "grey.png")
    Image.new("RGB", (5, 5), 9).save(tmp_path / "b" / "small.png")
    data = draw_images(open_images(tmp_path), train=5, test=1)
    assert data.colour
    size, grey = data.notes
    assert "1 of 12" in size
    assert "8 x 6" in size
    assert "Grey among colour ones: 1 of 12 images" in grey
    assert data.train.pixels(7, 3).shape == (10, 7, 7, 3)


def test_the_same_image_in_both_parts_is_counted_and_in_one_group():
    same = Picture("again", 0, lambda: Image.new("L", (3, 3), 1))
    parts = made([0, 0, 1, 1], test=[0, 1])
    parts.test.append(same)
    data = draw_images(parts, train=2, test=2)
    assert "1 of 3 images" in data.notes[-1]
    number = [p.name for p in data.test.pictures].index("again")
    assert data.test.keys[number] in data.train.keys


def test_images_come_upright_and_opaque():
    assert clean(Image.new("1", (2, 2), 1)).getpixel((0, 0)) == 255
    assert clean(Image.new("RGBA", (2, 2), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)
    assert clean(Image.new("LA", (2, 2), (90, 255))).getpixel((0, 0)) == 90
    assert clean(Image.new("CMYK", (2, 2))).mode == "RGB"
    turned = Image.new("RGB", (4, 2))
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    out = io.BytesIO()
    turned.save(out, "JPEG", exif=exif)
    assert decoded(out.getvalue()).size == (2, 4)


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16", "P"])
def test_a_transparent_colour_is_laid_on_white_in_every_mode(tmp_path, mode):
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:2] = 200
    image = Image.fromarray(pixels)
    if mode == "P":
        image = image.quantize(4)
        transparent = image.getpixel((3, 3))
    else:
        image = image.convert("L").convert(mode) if mode != "RGB" else image
        transparent = (0, 0, 0) if mode == "RGB" else 0
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for n in range(2):
            try:
                image.save(tmp_path / name / f"{n}.png", transparency=transparent)
            except OSError:
                pytest.skip(f"this Pillow cannot write a transparent colour in {mode}")
    data = draw_images(open_images(tmp_path), train=1, test=1)
    shown = data.train.pixels(4, 1)[0, :, :, 0]
    assert (shown[3] == 255).all()
    assert (shown[0] == 200).all()


@pytest.mark.parametrize(
    ("low", "high", "levels"),
    [(0, 4000, (0, 4095)), (3, 65000, (0, 65535)), (0, 1, (0, 1)), (0, 200, (0, 255)),
     (-1, 0.9, (-1, 1)), (-2.1, 2.6, (-2.1, 2.6)), (300, 300, (0, 511)), (-5, -5, (-5, -4.999999))],
)  # fmt: skip
def test_the_range_of_grey_values_is_the_usual_one_that_holds_them(low, high, levels):
    found = Levels.between(low, high)
    assert (found.low, found.high) == pytest.approx(levels)
    ends = eight_bits(np.array([levels[0], levels[1]]), found)
    assert ends.tolist() == [0, 255]


def test_deep_images_keep_their_differences_by_one_range_for_all_of_them(tmp_path):
    rng = np.random.default_rng(0)
    for label, name in enumerate(("left", "right")):
        (tmp_path / name).mkdir()
        for n in range(6):
            exposure = 100 if n else 3900  # one bright image must not darken itself alone
            values = rng.integers(0, 50, (8, 8)) + exposure + 100 * label
            Image.fromarray(values.astype(np.uint16)).save(tmp_path / name / f"{n}.png")
    data = draw_images(open_images(tmp_path), train=4, test=2)
    assert "0 became black and 4095 white" in data.notes[0]
    for images in (data.train, data.test):
        for picture, pixels in zip(images.pictures, images.pixels(8, 1)[..., 0], strict=True):
            values = np.asarray(picture.open())
            np.testing.assert_allclose(pixels, values * 255 / 4095, atol=0.5)
        assert [image.mode for image in images.read(range(len(images)))] == ["L"] * len(images)
    assert not data.colour


def test_the_note_on_grey_values_says_how_many_images_it_is_of(tmp_path):
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        for n in range(3):
            Image.new("L", (8, 8), 200 + n).save(tmp_path / name / f"{n}.png")
    deep = np.full((8, 8), 1000, dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "left" / "deep.png")
    data = draw_images(open_images(tmp_path), train=3, test=1)
    assert "white in 1 of 7 images; the others are of 8 bits" in data.notes[0]
    shown = np.unique([*data.train.pixels(8, 1), *data.test.pixels(8, 1)])
    assert shown.tolist() == [200, 201, 202, round(1000 * 255 / 1023)]


def test_what_is_no_image_says_why():
    for content in (b"", b"text", b"\xff\xd8\xff\xe0 half a JPEG"):
        with pytest.raises(UnreadableError, match=r"empty|cannot be read as an image"):
            decoded(content)


def test_the_usual_side_is_the_median_of_the_longer_ones_up_to_a_largest():
    sizes = [(4, 9), (12, 3), (12, 12), (5, 5), (12, 40)]
    pictures = [
        Picture(f"{n}", n % 2, lambda size=size: Image.new("L", size))
        for n, size in enumerate(sizes * 4)
    ]
    data = draw_images(Parts("sizes", ["a", "b"], pictures, None), test=1)
    assert data.usual_side(64) == 12
    assert data.usual_side(8) == 8

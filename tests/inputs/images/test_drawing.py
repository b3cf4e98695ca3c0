"""Drawing images: balanced, by seed, and what is odd about them is counted, not hidden."""

import io

import numpy as np
import pytest
from PIL import Image

from blocklens.errors import UserError
from blocklens.inputs.images import Parts, Picture, draw_images, open_images
from blocklens.inputs.images.decoding import UnreadableError, clean, decoded


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
    assert data.notes == [
        "Images of a class to train on: 4 to 8, where up to 1,000 were asked for; fewest of 'b'.",
        "Images of a class to measure on: 1 to 2 (a fifth of each class), where up to 200 were "
        "asked for; fewest of 'b'.",
    ]


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
    assert data.notes == [
        "1 of 12 images are not of the commonest size, 8 x 6; every image is resized to the "
        "encoder's size.",
        "1 of 12 images are grey among colour ones; they went in with three equal channels.",
    ]
    assert data.train.pixels(7, 3).shape == (10, 7, 7, 3)


def test_the_same_image_in_both_parts_is_counted_and_in_one_group():
    same = Picture("again", 0, lambda: Image.new("L", (3, 3), 1))
    parts = made([0, 0, 1, 1], test=[0, 1])
    parts.test.append(same)
    data = draw_images(parts, train=2, test=2)
    assert data.notes[-1] == (
        "1 of 3 images to measure on have the very pixels of an image to train on."
    )
    number = [p.name for p in data.test.pictures].index("again")
    assert data.test.keys[number] in data.train.keys


def test_images_come_upright_opaque_and_in_eight_bits():
    assert clean(Image.new("1", (2, 2), 1)).getpixel((0, 0)) == 255
    assert clean(Image.new("RGBA", (2, 2), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)
    assert clean(Image.new("LA", (2, 2), (90, 255))).getpixel((0, 0)) == 90
    assert clean(Image.new("CMYK", (2, 2))).mode == "RGB"
    deep = Image.fromarray(np.full((2, 2), 65535, np.uint16))
    assert (clean(deep).mode, clean(deep).getpixel((0, 0))) == ("L", 255)
    turned = Image.new("RGB", (4, 2))
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    out = io.BytesIO()
    turned.save(out, "JPEG", exif=exif)
    assert decoded(out.getvalue()).size == (2, 4)


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

"""Labelled images from every kind of source, and one clear line for those that cannot be used."""

import io

import datasets
import huggingface_hub
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from blocklens.errors import UserError
from blocklens.inputs.images import draw_images, open_images


def picture(colour=(200, 30, 30), size=(6, 4), mode="RGB") -> Image.Image:
    return Image.new("RGB", size, colour).convert(mode)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def class_folders(root, classes=("cat", "dog"), images=3):
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for n in range(images):
            picture((40 * number, 10 * n, 0)).save(root / name / f"{n}.png")
    return root


def test_the_digits_are_those_of_scikit_learn():
    parts = open_images("digits")
    found = load_digits()
    assert parts.classes == [str(n) for n in range(10)]
    assert parts.test is None
    assert len(parts.train) == 1797
    for number in (0, 1000):
        pixels = np.asarray(parts.train[number].open(), dtype=float)
        assert np.abs(pixels * 16 / 255 - found.images[number]).max() < 0.04
        assert parts.train[number].label == found.target[number]


def test_arrays_of_an_npz_file_keep_their_parts_and_pixels(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (6, 5, 5), np.uint8),
        "y_train": np.array([0, 1, 0, 1, 0, 1], np.uint8),
        "x_test": rng.integers(0, 256, (2, 5, 5, 3), np.uint8),
        "y_test": np.array([1, 0], np.uint8),
    }
    path = tmp_path / "small.npz"
    np.savez(path, **arrays)
    parts = open_images(path)
    assert parts.classes == ["0", "1"]
    assert [p.label for p in parts.train] == arrays["y_train"].tolist()
    for pictures, key in ((parts.train, "x_train"), (parts.test, "x_test")):
        for one, expected in zip(pictures, arrays[key], strict=True):
            assert np.array_equal(np.asarray(one.open()), expected)


def test_numbers_of_classes_that_do_not_occur_are_no_classes_unless_they_are_named(tmp_path):
    arrays = {"x_train": np.zeros((4, 2, 2), np.uint8), "y_train": np.array([3, 1, 7, 3])}
    np.savez(tmp_path / "gaps.npz", **arrays)
    parts = open_images(tmp_path / "gaps.npz")
    assert parts.classes == ["1", "3", "7"]
    assert [p.label for p in parts.train] == [1, 0, 2, 1]
    names = np.array([f"class {n}" for n in range(8)])
    np.savez(tmp_path / "named.npz", **arrays, classes=names)
    named = open_images(tmp_path / "named.npz")
    assert named.classes == names.tolist()
    assert [p.label for p in named.train] == [3, 1, 7, 3]
    np.savez(tmp_path / "short.npz", **arrays, classes=names[:7])
    with pytest.raises(UserError, match="7 class names, but labels from 1 to 7"):
        open_images(tmp_path / "short.npz")


def test_joined_jpeg_files_are_cut_at_their_offsets(tmp_path):
    images = [picture((90 * n, 0, 0)) for n in range(3)]
    files = [encoded(image, "JPEG") for image in images]
    path = tmp_path / "joined.npz"
    np.savez(
        path,
        jpeg=np.frombuffer(b"".join(files), np.uint8),
        offsets=np.cumsum([0, *map(len, files)]),
        label=np.array([1, 0, 1]),
        classes=np.array(["ship", "truck"]),
    )
    parts = open_images(path)
    assert parts.classes == ["ship", "truck"]
    for one, image, label in zip(parts.train, images, (1, 0, 1), strict=True):
        assert one.label == label
        assert np.abs(np.asarray(one.open(), int) - np.asarray(image, int)).max() < 6


def test_every_folder_is_a_class(tmp_path):
    class_folders(tmp_path, ("cat", "dog"))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / "cat" / "more").mkdir()
    picture().save(tmp_path / "cat" / "more" / "4.jpg")
    parts = open_images(tmp_path)
    assert parts.classes == ["cat", "dog"]
    assert [p.name for p in parts.train] == [
        "cat/0.png", "cat/1.png", "cat/2.png", "cat/more/4.jpg",
        "dog/0.png", "dog/1.png", "dog/2.png",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["test", "val", "Validation"])
def test_folders_of_train_and_test_are_the_parts(tmp_path, name):
    class_folders(tmp_path / "train", ("cat", "dog", "owl"))
    class_folders(tmp_path / name, ("cat", "owl"), images=2)
    parts = open_images(tmp_path)
    assert parts.classes == ["cat", "dog", "owl"]
    assert [p.label for p in parts.test] == [0, 0, 2, 2]


def test_another_source_to_measure_on_is_matched_by_the_names_of_its_classes(tmp_path):
    class_folders(tmp_path / "a", ("cat", "dog", "owl"))
    class_folders(tmp_path / "b", ("owl", "dog"), images=1)
    parts = open_images(tmp_path / "a", test=tmp_path / "b")
    assert [(p.name, parts.classes[p.label]) for p in parts.test] == [
        ("dog/0.png", "dog"),
        ("owl/0.png", "owl"),
    ]
    class_folders(tmp_path / "c", ("emu",))
    with pytest.raises(UserError, match="its class 'emu' is not among those to train on"):
        open_images(tmp_path / "a", test=tmp_path / "c")


@pytest.fixture
def hub(monkeypatch):
    """Data sets of the Hub, with ones made here in place of the network."""
    made = {}

    def load(path, name=None, *, split=None):
        return made[path] if split is None else made[path][split]

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda self, name, timeout: None)
    monkeypatch.setattr(datasets, "load_dataset", load)
    return made


def rows(labels, kind, image="img", label="fine"):
    features = datasets.Features({image: datasets.Image(), label: kind})
    images = [{"bytes": encoded(picture((20 * n, 0, 0))), "path": None} for n in range(len(labels))]
    return datasets.Dataset.from_dict({image: images, label: labels}, features=features)


def test_a_hub_data_set_gives_its_images_classes_and_test_split(hub, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    kind = datasets.ClassLabel(names=["cat", "dog"])
    hub["owner/pets"] = datasets.DatasetDict(
        {"test": rows([1, 0], kind), "train": rows([0, 1, 1, -1], kind)}
    )
    parts = open_images("owner/pets")
    assert parts.classes == ["cat", "dog"]
    assert [p.label for p in parts.train] == [0, 1, 1]  # -1 has no class
    assert [p.label for p in parts.test] == [1, 0]
    assert parts.train[2].open().getpixel((0, 0)) == (40, 0, 0)


def test_labels_of_a_hub_data_set_may_be_words_or_any_numbers(hub, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = rows(["owl", "cat", "owl"], datasets.Value("string"), label="label")
    numbers = rows([10, 2, 10], datasets.Value("int64"), label="label")
    hub["words"] = datasets.DatasetDict({"train": words})
    hub["numbers"] = datasets.DatasetDict({"train": numbers})
    assert open_images("words").classes == ["cat", "owl"]
    found = open_images("numbers")
    assert (found.classes, [p.label for p in found.train]) == (["2", "10"], [1, 0, 1])
    assert found.test is None


def test_a_hub_data_set_without_a_column_of_images_or_with_two_names_the_option(
    hub, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    kind = datasets.ClassLabel(names=["cat", "dog"])
    texts = datasets.Dataset.from_dict({"text": ["a"], "label": [0]})
    two = rows([0, 1], kind, image="left").add_column("level", [1, 2])
    two = two.cast_column("left", datasets.Image())
    hub["texts"] = datasets.DatasetDict({"train": texts})
    hub["odd"] = datasets.DatasetDict({"train": two})
    with pytest.raises(UserError, match=r"no column of images \(text, label\); .* --image-field"):
        open_images("texts")
    with pytest.raises(UserError, match="has no column 'right'; it has left, fine, level"):
        open_images("odd", image_field="right")


def test_a_source_that_is_not_there_or_holds_no_images_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "loose").mkdir()
    picture().save(tmp_path / "loose" / "a.png")
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 no more")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "flat.npz", x_train=np.zeros((3, 0, 2)), y_train=np.zeros(3, int))
    np.savez(tmp_path / "uneven.npz", x_train=np.zeros((3, 2, 2)), y_train=np.zeros(2, int))
    np.savez(tmp_path / "odd.npz", x_train=np.zeros((2, 2, 2)), y_train=np.array([np.nan, 1.0]))
    np.savez(tmp_path / "one.npz", x_train=np.zeros((2, 2, 2)), y_train=np.zeros(2, int))
    np.savez(
        tmp_path / "twice.npz",
        x_train=np.zeros((2, 2, 2)), y_train=np.arange(2), classes=np.array(["a", "a"]),
    )  # fmt: skip
    for source, said in {
        "twice.npz": "two classes are called 'a'",
        "empty": "no images in it; expected one folder a class",
        "loose": "its images are in no class; expected one folder a class",
        "a.txt": "not a set of images",
        "damaged.npz": "cannot be read as an .npz file",
        "flat.npz": "x_train is 3 x 0 x 2: images without a pixel",
        "other.npz": "holds a; expected x_train and y_train",
        "uneven.npz": "3 images and 2 labels",
        "odd.npz": "its labels are no classes",
        "one.npz": "one class (0); a classifier needs images of at least two",
        "/no/such/folder": "no such file or folder",
        "missing.npz": "no such file or folder",
    }.items():
        with pytest.raises(UserError) as refused:
            open_images(source)
        line = str(refused.value)
        assert said in line
        assert source.rpartition("/")[2] in line
        assert "\n" not in line


@pytest.mark.parametrize("low", [-1.0, -3.7, 0.0])
def test_arrays_of_any_range_keep_their_differences(tmp_path, low):
    rng = np.random.default_rng(0)
    values = (low + rng.random((8, 5, 5)) * -2 * (low or -0.5)).astype(np.float32)
    np.savez(tmp_path / "a.npz", x_train=values, y_train=np.arange(8) % 2)
    parts = open_images(tmp_path / "a.npz")
    assert "became black" in parts.notes[0]
    shown = np.stack([np.asarray(picture.open(), dtype=float) for picture in parts.train])
    scaled = np.polyfit(values.ravel(), shown.ravel(), 1)
    np.testing.assert_allclose(shown, np.polyval(scaled, values), atol=1)
    assert shown.max() - shown.min() > 200


def test_a_class_may_be_called_train(tmp_path):
    parts = open_images(class_folders(tmp_path, ("bus", "car", "train")))
    assert (parts.classes, len(parts.train), parts.test) == (["bus", "car", "train"], 9, None)
    (tmp_path / "train" / "old").mkdir()
    picture().save(tmp_path / "train" / "old" / "1.png")
    parts = open_images(tmp_path)
    assert (parts.classes, len(parts.train)) == (["bus", "car", "train"], 10)


def test_images_are_known_by_their_content_and_what_is_none_is_named(tmp_path):
    class_folders(tmp_path, ("cat", "dog"))
    for n in range(3):
        (tmp_path / "fox").mkdir(exist_ok=True)
        (tmp_path / "fox" / f"{n}.jfif").write_bytes(encoded(picture(), "JPEG"))
    (tmp_path / "fox" / "notes.txt").write_text("no image")
    (tmp_path / "owl").mkdir()
    parts = open_images(tmp_path)
    assert (parts.classes, len(parts.train)) == (["cat", "dog", "fox"], 9)
    empty, other = parts.notes
    assert "'owl'" in empty
    assert "fox/notes.txt (1 in all)" in other


def test_images_in_no_class_and_linked_folders_are_named(tmp_path):
    class_folders(tmp_path / "one", ("cat", "dog"))
    picture().save(tmp_path / "one" / "loose.png")
    (tmp_path / "one" / "README.md").write_text("no image")
    class_folders(tmp_path / "elsewhere", ("more",))
    (tmp_path / "one" / "cat" / "old").mkdir()
    (tmp_path / "one" / "cat" / "old" / "link").symlink_to(tmp_path / "elsewhere" / "more")
    (tmp_path / "one" / "cat" / "old" / "loop").symlink_to("loop")
    parts = open_images(tmp_path / "one")
    loose, linked, other = parts.notes
    assert (parts.classes, len(parts.train)) == (["cat", "dog"], 6)
    assert "no class folder: loose.png (1 in all)" in loose
    assert "links to folders: cat/old/link (1 in all)" in linked
    assert "cat/old/loop" in other
    class_folders(tmp_path / "two" / "train")
    class_folders(tmp_path / "two" / "test")
    picture().save(tmp_path / "two" / "loose.png")
    (loose,) = open_images(tmp_path / "two").notes
    assert "no class folder: loose.png (1 in all)" in loose


def test_a_folder_s_name_is_its_class_whatever_it_says(tmp_path):
    parts = open_images(class_folders(tmp_path, ("None", "nan", "cat")))
    assert (parts.classes, len(parts.train)) == (["None", "cat", "nan"], 9)


def test_images_and_classes_whose_names_are_not_utf8_have_names(tmp_path):
    class_folders(tmp_path / "in\udcff", ("caf\udce9", "cat"))
    (tmp_path / "in\udcff" / "cat" / "no\udce8.txt").write_text("no image")
    parts = open_images(tmp_path / "in\udcff")
    assert parts.classes == [r"caf\xe9", "cat"]
    assert parts.train[0].name == r"caf\xe9/0.png"
    assert parts.description == rf"{tmp_path}/in\xff"
    assert r"cat/no\xe8.txt" in parts.notes[0]


def test_a_split_that_is_not_used_is_named(tmp_path):
    for split in ("train", "test", "val"):
        class_folders(tmp_path / split)
    (note,) = open_images(tmp_path).notes
    assert "val" in note


def test_classes_written_with_other_code_points_are_one(tmp_path):
    for name in ("Cafe\u0301", "Caf\u00e9", "Bar"):
        (tmp_path / name).mkdir()
        picture().save(tmp_path / name / "1.png")
    parts = open_images(tmp_path)
    assert (parts.classes, len(parts.train)) == (["Bar", "Caf\u00e9"], 3)


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


SQUARES = np.repeat(np.arange(20, dtype=np.uint8), 16).reshape(20, 4, 4)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([3, 5], ["3", "5"]),
        ([[3], [5]], ["3", "5"]),  # as Keras keeps CIFAR's
        ([-1, 1], ["-1", "1"]),
        ([0.0, 1.0], ["0", "1"]),
        ([1.0, 1.5], ["1", "1.5"]),
        (["dog", " cat"], ["cat", "dog"]),
        ([False, True], ["False", "True"]),
    ],
)
def test_labels_of_arrays_are_read_as_those_of_records(tmp_path, labels, classes):
    path = saved(tmp_path / "a.npz", x_train=SQUARES, y_train=np.array(labels * 10))
    found = open_images(path)
    assert found.classes == classes
    assert {p.label for p in found.train} == {0, 1}
    assert [found.classes[p.label] for p in found.train[:2]] == [
        str(np.ravel(one)[0]).strip().removesuffix(".0") for one in labels
    ]


@pytest.mark.parametrize("labels", [np.eye(2), np.array([np.nan, 1])])
def test_labels_that_are_no_classes_are_one_line(tmp_path, labels):
    path = saved(tmp_path / "a.npz", x_train=SQUARES[:2], y_train=labels)
    with pytest.raises(UserError, match="labels are no classes"):
        open_images(path)


def test_values_that_are_not_a_number_are_counted(tmp_path):
    pixels = np.tile(np.linspace(0, 1, 16), (20, 1)).reshape(20, 4, 4)
    pixels[3, 0, 0] = pixels[5] = np.nan
    found = open_images(saved(tmp_path / "a.npz", x_train=pixels, y_train=np.arange(20) % 2))
    assert any("not a number: 2" in note for note in found.notes)
    assert np.asarray(found.train[3].open())[0, 0] == 255
    clean = open_images(saved(tmp_path / "b.npz", x_train=pixels[8:], y_train=np.arange(12) % 2))
    assert not any("not a number" in note for note in clean.notes)


def test_whole_numbers_and_fractions_of_one_unit_are_shown_alike(tmp_path):
    bits = np.arange(320, dtype=np.uint8).reshape(20, 4, 4) % 2
    labels = np.arange(20) % 2
    found = open_images(
        saved(tmp_path / "a.npz", x_train=bits, y_train=labels, x_test=bits / 1.0, y_test=labels)
    )
    assert found.test is not None
    for picture in (found.train[0], found.test[0]):
        assert np.unique(np.asarray(picture.open())).tolist() == [0, 255]


def test_images_to_measure_on_in_other_units_are_refused(tmp_path):
    labels = np.arange(20) % 2
    with pytest.raises(UserError, match="x_train goes from 0 to 1 and x_test from 0 to 255"):
        open_images(
            saved(
                tmp_path / "a.npz",
                x_train=np.linspace(0, 1, 320).reshape(20, 4, 4), y_train=labels,
                x_test=np.linspace(0, 255, 320).reshape(20, 4, 4), y_test=labels,
            )
        )  # fmt: skip


def test_transparent_parts_of_arrays_are_laid_on_white(tmp_path):
    pixels = np.zeros((20, 4, 4, 4), np.uint8)
    pixels[:, :2, :, 3] = 255
    path = saved(tmp_path / "a.npz", x_train=pixels, y_train=np.arange(20) % 2)
    image = np.asarray(open_images(path).train[0].open())
    assert image.shape == (4, 4, 3)
    assert (image[:2] == 0).all()
    assert (image[2:] == 255).all()


def test_arrays_of_another_shape_say_why_no_image_can_be_read(tmp_path):
    path = saved(tmp_path / "a.npz", x_train=np.zeros((4, 3, 8, 8), np.uint8), y_train=[0, 1] * 2)
    with pytest.raises(UserError, match=r"first unreadable: a.npz:\d: has the shape \(3, 8, 8\)"):
        draw_images(open_images(path))


def test_splits_of_the_same_classes_are_splits_beside_other_folders_too(tmp_path):
    class_folders(tmp_path / "train")
    class_folders(tmp_path / "val")
    (tmp_path / "annotations").mkdir()
    found = open_images(tmp_path)
    assert found.classes == ["cat", "dog"]
    assert found.test is not None
    assert any("annotations" in note for note in found.notes)


def test_results_beside_the_classes_are_no_class(tmp_path):
    class_folders(tmp_path)
    class_folders(tmp_path / "images-study" / "figures")
    (tmp_path / "images-study" / "study.json").write_text('{"kind": "images", "finished": true}')
    found = open_images(tmp_path)
    assert found.classes == ["cat", "dog"]
    (note,) = found.notes
    assert "images-study (1 in all)" in note


def test_an_empty_path_is_not_this_folder():
    with pytest.raises(UserError, match="the path is empty"):
        open_images("")

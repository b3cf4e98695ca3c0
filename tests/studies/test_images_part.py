"""`blocklens images`: a folder that appears whole, and one clear line for what cannot be used."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification
from typer.testing import CliRunner

from blocklens import cli
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.pretraining.vit_options import VitOptions
from blocklens.studies import images_part as studies
from blocklens.studies.image_options import ImageStudyOptions
from blocklens.studies.images_part import study_images
from helpers import random_texts, small_encoder, write_record

CLASSES = ("rows", "columns", "<script>window.hacked=1<")  # a folder's name holds no slash
OPTIONS = ImageStudyOptions(
    vit=VitOptions(blocks=2, heads=2, width=16, epochs=3), read_outs=2, untrained=1
)
RUNNER = CliRunner()


def picture(label: int, rng: np.random.Generator, mode: str = "RGB") -> Image.Image:
    """Light rows, light columns, or a light ground, on noise."""
    pixels = rng.integers(0, 60, (8, 8))
    pixels[rng.integers(3) :: 3] += 180
    if label == 2:
        pixels = rng.integers(150, 250, (8, 8))
    return Image.fromarray((pixels.T if label == 1 else pixels).astype(np.uint8)).convert(mode)


def class_folders(root: Path, classes=CLASSES, count: int = 20) -> Path:
    rng = np.random.default_rng(0)
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for number in range(count):
            picture(label, rng).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return class_folders(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def folder(source, tmp_path_factory) -> Path:
    """A whole study with its page."""
    out = tmp_path_factory.mktemp("study") / "out"
    study_images(source, out=out, options=OPTIONS)
    return out


def test_the_seed_is_that_of_the_draw_and_of_the_vit(source, tmp_path):
    quick = OPTIONS.model_copy(update={"seed": 3, "read_outs": 1, "untrained": 0})
    study_images(source, out=tmp_path / "out", options=quick, report=False)
    chosen = json.loads((tmp_path / "out" / "study.json").read_text())["options"]
    assert (chosen["seed"], chosen["vit"]["seed"]) == (3, 3)


@pytest.fixture
def measured(monkeypatch):
    """The names of the steps that were measured, in order."""
    names = []
    for name in ("run_once", "pixels_once", "train_vit"):
        original = getattr(studies, name)

        def watch(*args, original=original, name=name, **kwargs):
            names.append(args[0] if name == "run_once" else name.split("_")[0])
            return original(*args, **kwargs)

        monkeypatch.setattr(studies, name, watch)
    return names


def refusal(*arguments) -> str:
    """The one line that `blocklens images` is refused with."""
    found = RUNNER.invoke(cli.app, ["images", *map(str, arguments)])
    assert isinstance(found.exception, UserError), found.output
    line = str(found.exception)
    assert "\n" not in line
    return line


def test_the_folder_holds_every_table_claim_and_model(folder):
    found = studies.Study(folder)
    for name in ("learning", "seeds", "accuracy", "confusion", "clusters", "cluster_sweep"):
        runs = set(found.table(name)["run"])
        assert runs <= {"encoder", "untrained 0"}
    assert set(found.table("image_heads")["run"]) == {"encoder", "untrained 0"}
    assert set(found.table("baseline")["run"]) == {"pixels"}
    assert [claim for claim in found.claims["id"] if "image" in claim] == list(found.claims["id"])
    accuracy = found.table("accuracy")
    assert set(accuracy["label"]) == set(CLASSES)
    said = json.loads((folder / "study.json").read_text())
    assert (said["finished"], said["images"]["train"], said["images"]["test"]) == (True, 48, 12)
    assert said["options"]["vit"]["patch"] == 2  # as it was chosen
    assert not list(folder.rglob("*.partial"))
    model = AutoModelForImageClassification.from_pretrained(folder / "model")
    assert set(model.config.id2label.values()) == set(CLASSES)
    assert AutoImageProcessor.from_pretrained(folder / "model") is not None


def test_the_page_shows_classes_by_name_and_runs_none_of_them(folder):
    page = (folder / "report.html").read_text("utf-8")
    assert "Image classes" in page
    assert CLASSES[2] not in page
    assert "columns" in page


def test_only_what_has_changed_is_measured_again(source, tmp_path, measured):
    study_images(source, out=tmp_path / "out", options=OPTIONS, report=False)
    assert measured == ["train", "encoder", "untrained 0", "pixels"]
    before = (tmp_path / "out" / "tables" / "learning.parquet").read_bytes()
    measured.clear()
    study_images(source, out=tmp_path / "out", options=OPTIONS, report=False)
    assert measured == []
    assert (tmp_path / "out" / "tables" / "learning.parquet").read_bytes() == before
    more = OPTIONS.model_copy(update={"untrained": 2})
    study_images(source, out=tmp_path / "out", options=more, report=False)
    assert measured == ["untrained 1"]
    measured.clear()
    without = OPTIONS.model_copy(update={"head_images": 0})
    found = study_images(source, out=tmp_path / "out", options=without, report=False)
    assert measured == ["encoder", "untrained 0"]
    assert not (found.folder / "tables" / "image_heads.parquet").exists()


def test_a_given_classifier_is_measured_as_it_is(source, folder, tmp_path, measured):
    options = OPTIONS.model_copy(update={"untrained": 0, "head_images": 4})
    found = study_images(source, folder / "model", tmp_path / "out", options=options, report=False)
    assert measured == ["encoder", "pixels"]
    assert not (tmp_path / "out" / "model").exists()
    own = studies.Study(folder).table("learning")
    own = own[own["run"].eq("encoder")].reset_index(drop=True)
    assert own.equals(found.table("learning"))
    said = json.loads((tmp_path / "out" / "study.json").read_text())
    assert "vit" not in said["options"]
    assert any("No untrained twin was measured" in note for note in said["notes"])


def test_a_block_is_exported_as_a_classifier_and_the_advice_is_on_the_page(
    source, folder, tmp_path
):
    options = OPTIONS.model_copy(update={"untrained": 0, "head_images": 0, "margin": 1.0})
    out = tmp_path / "out"
    study_images(source, folder / "model", out, options=options, export_block=1)
    model = AutoModelForImageClassification.from_pretrained(out / "block-1")
    assert model.config.num_hidden_layers == 1
    assert "Blocks 1 to 1 of 2" in (out / "block-1" / "README.md").read_text()
    page = (out / "report.html").read_text("utf-8")
    assert "no shortening is advised" in page
    assert "cannot stop after block 7" in refusal(
        source, "--encoder", folder / "model", "--export-block", 7, "--out", tmp_path / "other"
    )


def test_what_is_odd_about_the_images_is_said_in_the_report(tmp_path):
    rng = np.random.default_rng(1)
    class_folders(tmp_path / "data", CLASSES[:2])
    picture(0, rng).convert("L").save(tmp_path / "data" / "rows" / "grey.png")
    picture(1, rng).convert("RGB").resize((9, 5)).save(tmp_path / "data" / "columns" / "other.png")
    (tmp_path / "data" / "columns" / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    quick = OPTIONS.model_copy(update={"untrained": 0})
    study_images(tmp_path / "data", out=tmp_path / "out", options=quick)
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Grey among colour ones: 1 of 42 images" in page
    assert "commonest size, 8 x 8" in page
    assert "1 image was skipped" in page
    assert "columns/broken.jpg" in page
    assert "broken.jpg" in refusal(tmp_path / "data", "--strict", "--out", tmp_path / "strict")


def test_the_fewest_images_that_there_can_be_are_measured(tmp_path):
    class_folders(tmp_path / "data", CLASSES[:2], count=2)
    options = OPTIONS.model_copy(update={"read_outs": 1})
    found = study_images(tmp_path / "data", out=tmp_path / "out", options=options)
    assert found.report.is_file()
    accuracy = found.table("learning").query("statistic == 'accuracy' and run == 'encoder'")
    assert accuracy["n"].tolist() == [2, 2, 2]
    assert accuracy["value"].isin([0, 0.5, 1]).all()


def test_images_that_cannot_be_used_are_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    class_folders(Path("one"), CLASSES[:1])
    class_folders(Path("few"), CLASSES[:2])
    for number in range(1, 20):
        (Path("few") / "rows" / f"{number}.png").write_bytes(b"no image")
    (Path("few") / "rows" / "0.png").rename(Path("few") / "columns" / "again.png")
    Path("empty").mkdir()
    for source, expected in {
        "one": "one: one class (rows); a classifier needs images of at least two",
        "few": "few: class 'rows' has no image to train on (first unreadable: rows/",
        "empty": "empty: no images in it; expected one folder a class",
        "none": "none: no such file or folder here, and as a dataset on the Hub it cannot be read",
    }.items():
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        assert expected in refusal(source, "--out", "out")
        assert not (tmp_path / "out" / "study.json").exists()


def test_options_that_cannot_be_are_one_line(source, tmp_path, folder):
    out = ["--out", tmp_path / "out"]
    encoder = folder / "model"
    for arguments, expected in (
        (["--patch", "3"], "patch: 3 pixels do not divide a side of 8"),
        (["--width", "10", "--heads", "4"], "heads: 4 do not divide the width 10"),
        (["--blocks", "0"], "--blocks 0: expected 1 or more"),
        (["--read-outs", "0"], "--read-outs 0: expected 1 or more"),
        (["--encoder", encoder, "--epochs", "3"], "--epochs: goes with training a ViT"),
        (["--encoder", encoder, "--flip"], "--flip: goes with training a ViT"),
        (["--rate", "1e30", "--epochs", "2", "--width", "8"], "take a lower --rate"),
    ):
        assert expected in refusal(source, *out, *arguments)


def test_an_encoder_of_texts_is_refused_for_images_and_one_of_images_for_texts(
    source, folder, tmp_path
):
    encoder = small_encoder()
    encoder.model.save_pretrained(tmp_path / "bert")
    encoder.tokenizer.save_pretrained(tmp_path / "bert")
    line = refusal(source, "--encoder", tmp_path / "bert", "--out", tmp_path / "out")
    assert "reads texts, not images; give an image encoder, such as a ViT" in line
    (tmp_path / "texts.txt").write_text("\n".join(random_texts(5)))
    texts = [str(tmp_path / "texts.txt"), "--encoder", str(folder / "model")]
    found = RUNNER.invoke(cli.app, ["study", *texts, "--out", str(tmp_path / "other")])
    assert isinstance(found.exception, UserError)
    assert "reads images, not texts; measure it with blocklens images" in str(found.exception)


def test_a_study_of_texts_is_left_alone(source, tmp_path):
    write_record(tmp_path, "study")
    assert "holds a study of texts" in refusal(source, "--out", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"study.json", ".lock"}


def test_the_command_trains_measures_and_says_where_the_report_is(source, tmp_path):
    quick = ["--blocks", "2", "--heads", "1", "--width", "8", "--epochs", "1", "--read-outs", "1"]
    rest = ["--untrained", "0", "--export-block", "1", "--out", str(tmp_path / "out")]
    found = RUNNER.invoke(cli.app, ["images", str(source), *quick, *rest])
    assert found.exit_code == 0, found.output
    assert "within 1 point" in found.output
    assert Encoder.load(tmp_path / "out" / "block-1").blocks == 1
    assert "p2-image-accuracy" in found.output
    assert str(tmp_path / "out" / "report.html") in found.output.replace("\n", "")
    assert Encoder.load(tmp_path / "out" / "model").blocks == 2


def test_help_shows_examples_and_the_options_of_the_vit_apart():
    found = RUNNER.invoke(cli.app, ["images", "--help"])
    assert found.exit_code == 0
    assert "blocklens images mnist.npz" in found.output
    assert "The ViT" in found.output

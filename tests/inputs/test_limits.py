"""What unpacks to too much is refused in one line, by every reader, before it fills the memory."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from blocklens.cli import app
from blocklens.errors import UserError
from blocklens.inputs.images.image_sources import open_images
from blocklens.inputs.images.one_image import UnreadableError
from blocklens.inputs.labelled_texts import read_labelled
from blocklens.inputs.limits import FILE, RECORD, Limits
from blocklens.inputs.texts import TextSource
from blocklens.segmentation.documents import read_documents


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setenv(RECORD, "1000")
    monkeypatch.setenv(FILE, "100000")


def line_of(read):
    with pytest.raises(UserError) as raised:
        read()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_limits_are_those_of_the_environment_and_given_ones_go_first():
    assert Limits() == Limits(1000, 100_000)
    assert Limits(record=5).record == 5


def test_a_parquet_bomb_is_refused_by_its_own_sizes(tmp_path):
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a" * 5_000_000]}), file, compression="zstd")
    assert file.stat().st_size < 5000
    assert "holds a record that is longer than 1,000" in line_of(lambda: list(TextSource(file)))
    pq.write_table(pa.table({"text": [f"{n:0900}" for n in range(200)]}), file, compression="zstd")
    assert "holds more than 100,000 bytes" in line_of(lambda: list(TextSource(file)))


@pytest.mark.parametrize("sign", ['{"segments": [["', "==========\nA line.\n"])
def test_a_bomb_of_segmented_documents_is_refused(sign, tmp_path):
    file = tmp_path / "a.ref.gz"
    file.write_bytes(gzip.compress(sign.encode() + b"a.\n" * 30_000))
    said = line_of(lambda: list(read_documents(file)))
    assert "longer than 1,000" in said or "cannot be used" in said


def test_a_document_up_to_the_limit_is_read(tmp_path):
    (tmp_path / "a.ref").write_text("==========\n" + "One. Two.\n" * 50 + "==========\nThree.\n")
    assert [len(one.sentences) for one in read_documents(tmp_path / "a.ref")] == [51]


def test_labelled_texts_and_fewrel_have_the_same_limit(tmp_path):
    record = json.dumps({"text": "x" * 2000, "label": "a"})
    (tmp_path / "a.jsonl").write_text(record)
    assert "longer than 1,000" in line_of(lambda: read_labelled(tmp_path / "a.jsonl"))
    (tmp_path / "f.json").write_text(json.dumps({"P1": [{"tokens": ["x" * 2000]}]}))
    said = line_of(lambda: read_labelled(tmp_path / "f.json", preset="fewrel"))
    assert "longer than 1,000" in said


def test_arrays_of_images_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    file, labels = tmp_path / "a.npz", np.arange(2000) % 2
    np.savez_compressed(file, x_train=np.zeros((2000, 8, 8), np.uint8), y_train=labels)
    assert "holds more than 100,000 bytes" in line_of(lambda: open_images(file))
    monkeypatch.delenv(FILE)
    assert len(open_images(file).train) == 2000
    monkeypatch.setattr("os.sysconf", lambda name: 100)
    assert "more than the memory of this machine" in line_of(lambda: open_images(file))


def test_an_image_file_longer_than_a_record_is_left_out(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / name / "large.png")
    picture = open_images(tmp_path).train[0]
    with pytest.raises(UnreadableError, match="longer than 1,000"):
        picture.open()


def test_the_command_line_sets_both_limits(tmp_path):
    (tmp_path / "a.txt").write_text("word " * 100)
    for option, said in (
        ("--max-record-bytes", "is longer than 100 bytes"),
        ("--max-file-bytes", "holds more than 100 bytes"),
    ):
        command = [option, "100", "study", str(tmp_path / "a.txt"), "--out", str(tmp_path / "o")]
        assert said in line_of(lambda command=command: app(command))

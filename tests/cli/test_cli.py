"""The command line: help that helps, and one clear line for every input that cannot be used."""

import errno
import gzip
import json
import pickle

import pytest
import torch
from transformers import FNetConfig, FNetModel, GPT2Config, GPT2Model
from typer.testing import CliRunner

from blocklens import cli
from blocklens.errors import UserError
from helpers import random_texts, small_encoder, small_tokenizer

RUNNER = CliRunner()
QUICK = [
    *("--untrained", "0", "--no-shuffled", "--examples", "0"),
    *("--untrained-read-outs", "0", "--modified-tokens", "500"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    encoder = small_encoder()
    encoder.model.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    return folder


def refusal(*arguments) -> str:
    """The one line that a command is refused with."""
    found = RUNNER.invoke(cli.app, [str(a) for a in arguments])
    assert isinstance(found.exception, UserError), found.output
    line = str(found.exception)
    assert "\n" not in line
    return line


def test_help_is_quick_and_shows_examples():
    found = RUNNER.invoke(cli.app, ["study", "--help"])
    assert found.exit_code == 0
    assert "Examples" in found.output
    assert "blocklens study notes.txt" in found.output


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("could not create a primitive"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    ],
)
def test_memory_at_its_limit_is_one_line(error, monkeypatch, capsys):
    def full(*_, **__):
        raise error

    monkeypatch.setattr(cli, "app", full)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("blocklens: memory is at its limit (")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full"),
        (RuntimeError("I/O error: File too large (os error 27)"), 2, "a file may not grow so"),
        # Neither the disk nor the memory: a fault of the program is called what it is.
        (PermissionError(errno.EACCES, "Permission denied"), 1, "PermissionError: "),
        (RuntimeError("could not create a primitive descriptor"), 1, "RuntimeError: "),
    ],
)
def test_a_disk_without_room_is_told_from_other_faults(error, code, said, monkeypatch, capsys):
    def refused(*_, **__):
        raise error

    monkeypatch.setattr(cli, "app", refused)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert capsys.readouterr().err.startswith(f"blocklens: {said}")


def test_a_user_error_is_one_line_and_exit_code_2(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["blocklens", "study", "no.txt", "-e", str(tmp_path)])
    monkeypatch.setenv("MALLOC_TOP_PAD_", "1")  # the process need not start itself anew
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("blocklens: no.txt")
    assert said.count("\n") == 1
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.txt", b"", "empty.txt"),
        ("latin.txt", "caf\xe9".encode("latin-1"), "UTF-8"),
        ("binary.txt", b"\x7fELF\x00\x00\x01", "binary"),
        ("one.txt", b"word", "one token"),
        ("separators.txt", b". . , ! .", "nothing but separators"),
        ("no-field.jsonl", b'{"number": 1}\n', "number"),
        ("damaged.jsonl.gz", gzip.compress(b'{"text": "a"}\n', mtime=0)[:-9], "damaged"),
    ],
)
def test_texts_that_cannot_be_used_are_one_line(tmp_path, model, name, content, expected):
    path = tmp_path / name
    path.write_bytes(content)
    line = refusal("study", path, "-e", model, "--out", tmp_path / "out", *QUICK)
    assert name in line
    assert expected in line
    assert not (tmp_path / "out" / "tables").exists()


def test_texts_of_one_sentence_and_one_long_line_are_measured(tmp_path, model):
    for name, text in (("one", "a b c d e f g ."), ("long", "a b c d , e f . " * 3000)):
        path = tmp_path / f"{name}.txt"
        path.write_text(text)
        arguments = ["study", str(path), "-e", str(model), "--out", str(tmp_path / name), *QUICK]
        found = RUNNER.invoke(cli.app, arguments)
        assert found.exit_code == 0, found.exception
        assert (tmp_path / name / "report.html").is_file()


def test_the_number_of_texts_counts_for_the_prose_of_python_as_well(tmp_path, model):
    out = tmp_path / "out"
    found = RUNNER.invoke(
        cli.app, ["study", "-e", str(model), "--texts", "2", "--out", str(out), *QUICK]
    )
    assert found.exit_code == 0, found.exception
    assert json.loads((out / "study.json").read_text())["texts"]["count"] == 2


def test_a_bad_text_among_good_ones_is_counted_and_named(tmp_path, model):
    path = tmp_path / "texts.jsonl"
    good = [json.dumps({"text": text}) for text in random_texts(22)]
    path.write_text("\n".join([*good[:5], '{"text": "a"}', '{"text": 3}', *good[5:]]))
    out = tmp_path / "out"
    found = RUNNER.invoke(
        cli.app, ["study", str(path), "-e", str(model), "--out", str(out), *QUICK]
    )
    assert found.exit_code == 0, found.exception
    said = json.loads((out / "study.json").read_text())["texts"]
    assert said["count"] == 22
    assert said["skipped"] == 2
    assert any("texts.jsonl:6" in line for line in said["skipped_list"])
    assert any("texts.jsonl:7" in line for line in said["skipped_list"])
    strict = refusal("study", path, "-e", model, "--out", tmp_path / "strict", *QUICK, "--strict")
    assert "texts.jsonl:" in strict


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("a b c d e . f g h .")
    return path


def study_with(texts, encoder):
    return refusal("study", texts, "-e", encoder, "--out", texts.parent / "out", *QUICK)


def test_an_unknown_encoder_is_one_line(texts, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "no such folder" in study_with(texts, "nobody/no-such-encoder")


def test_a_decoder_is_one_line(texts, tmp_path):
    folder = tmp_path / "gpt"
    GPT2Model(GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=40)).save_pretrained(folder)
    small_tokenizer().save_pretrained(folder)
    assert "is a decoder" in study_with(texts, folder)


def test_a_model_without_heads_is_one_line(texts, tmp_path):
    folder = tmp_path / "fnet"
    config = FNetConfig(hidden_size=16, num_hidden_layers=2, vocab_size=40, pad_token_id=0)
    FNetModel(config).save_pretrained(folder)
    small_tokenizer().save_pretrained(folder)
    assert "no attention heads" in study_with(texts, folder)


def copy_of(model, folder):
    folder.mkdir()
    for path in model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_damaged_missing_and_pickled_weights_are_one_line(texts, tmp_path, model):
    damaged = copy_of(model, tmp_path / "damaged")
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "damaged" in study_with(texts, damaged)
    weights.unlink()
    assert "no weights" in study_with(texts, damaged)
    (damaged / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))
    assert "--allow-pickle" in study_with(texts, damaged)


def test_weights_of_another_model_are_one_line(texts, tmp_path, model):
    other = copy_of(model, tmp_path / "other")
    from safetensors.torch import save_file

    save_file({"something": torch.zeros(2)}, other / "model.safetensors", {"format": "pt"})
    assert "lacks" in study_with(texts, other)


def test_a_folder_without_texts_or_model_is_one_line(tmp_path, model, texts):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "empty" in refusal("study", empty, "-e", model, "--out", tmp_path / "out")
    assert "no config.json" in study_with(texts, empty)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--window", "100"], "at most 64"),
        (["--window", "4", "--overlap", "3"], "overlap"),
        (["--cut", "2"], "cut"),
        (["--untrained", "-1"], "untrained"),
    ],
)
def test_options_out_of_range_are_one_line(texts, model, options, expected):
    line = refusal("study", texts, "-e", model, "--out", texts.parent / "out", *options)
    assert expected in line

"""Whatever is wrong with the disk, the folders, the files or the machine is one line, and heals."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import COMMANDS, STUDIES, Ended, Inputs, Running
from outcomes import same_results
from safetensors.torch import load_file, save_file

from conftest import COUNTED

pytestmark = [pytest.mark.slow, pytest.mark.torture]


def run(arguments: list[str], place: Path, before=None) -> Ended:
    return Running(arguments, place / "log", before).wait(900)


def counted(what: str, ended: Ended, *, may_succeed: bool = False) -> Ended:
    """Count how a command ended, and see that it did as promised."""
    good = ended.one_line or (may_succeed and ended.code == 0)
    how = "one line" if ended.one_line else "went on" if good else "NOT AS PROMISED"
    COUNTED[what, how] += 1
    assert good, f"{' '.join(ended.arguments)}\nexit {ended.code}\n{ended.said[-3000:]}"
    return ended


@pytest.fixture
def small_disk(tmp_path):
    """A file system of so many bytes."""
    place = tmp_path / "disk"
    place.mkdir()

    def of(size: int) -> Path:
        option = f"{'remount,' if os.path.ismount(place) else ''}size={size}"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", option, "tmpfs", place], check=False)
        if done.returncode:
            pytest.skip("may not mount a small disk")
        return place

    yield of
    if os.path.ismount(place):
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    name, inputs, undisturbed, small_disk, tmp_path
):
    whole = sum(file.stat().st_size for file in undisturbed[name].rglob("*") if file.is_file())
    for share in (0.02, 0.3, 0.6, 0.9):
        out = small_disk(max(4096, int(whole * share))) / "out"
        ended = run(arguments(inputs, name, out), tmp_path)
        assert "the disk is full" in counted("full disk", ended).said
    run_again = run(arguments(inputs, name, small_disk(1 << 30) / "out"), tmp_path)
    counted("full disk, then room", run_again, may_succeed=True)
    assert run_again.code == 0
    same_results(undisturbed[name], out)


def arguments(inputs: Inputs, name: str, out: Path) -> list[str]:
    """The command, going on where it began."""
    resume = ["--resume"] if name == "pretrain" and (out / "options.json").exists() else []
    return [*inputs.command(name, out), *resume]


@pytest.mark.parametrize("name", COMMANDS)
def test_files_that_may_not_grow_are_one_line(name, inputs, tmp_path):
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    counted("limit of a file's size", run(inputs.command(name, tmp_path / "out"), tmp_path,
                                          small_files))  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_may_not_be_written_is_one_line(name, inputs, small_disk, tmp_path):
    """A read-only disk where one may be mounted, as root, who may write to any folder."""
    if os.getuid() == 0:
        place = small_disk(1 << 20)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    else:
        place = tmp_path / "mine"
        place.mkdir(mode=0o555)
    for out in (place, place / "new"):
        counted("read-only folder", run(inputs.command(name, out), tmp_path))


DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "other bytes": lambda data: bytes(255 - byte for byte in data),
    "JSON of another shape": lambda data: b'{"a": [1, null, {"b": "x"}]}',
    "a folder": None,
}


def damaged(file: Path, damage: str) -> None:
    data = file.read_bytes()
    file.unlink()
    change = DAMAGES[damage]
    if change is None:
        file.mkdir()
    else:
        file.write_bytes(change(data))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_of_a_run_is_one_line_or_is_made_again(
    damage, inputs, undisturbed, tmp_path
):
    """`pretrain --resume` over every file that it reads."""
    run_folder = undisturbed["pretrain"]
    names = [file.relative_to(run_folder) for file in run_folder.rglob("*") if file.is_file()]
    read = [n for n in names if n.parts[0] not in ("milestones", "latest", "model", "logs")]
    for number, name in enumerate(read):
        out = tmp_path / str(number)
        shutil.copytree(run_folder, out)
        damaged(out / name, damage)
        for old in sorted((out / "checkpoints").iterdir())[:-1]:
            if name.parts[0] == "checkpoints":
                continue
            shutil.rmtree(old)
        ended = run([*inputs.command("pretrain", out), "--resume"], tmp_path)
        counted(f"damaged file of a run, {damage}", ended, may_succeed=True)
        shutil.rmtree(out)


@pytest.mark.parametrize("name", STUDIES)
def test_damaged_files_of_a_study_are_one_line_or_are_made_again(
    name, inputs, undisturbed, tmp_path
):
    """The same command over a folder of which a file of every kind is damaged, one way each."""
    folder = undisturbed[name]
    files = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    kinds = {(file.parts[0], file.name.lstrip("0123456789")): file for file in files}
    chosen = [f for f in kinds.values() if f.parts[0] not in ("report.html", ".lock")]
    out = tmp_path / "out"
    shutil.copytree(folder, out)
    for number, file in enumerate(chosen):
        damage = list(DAMAGES)[number % len(DAMAGES)]
        if file.name in ("study.json", "result.json"):
            continue
        if (out / file).is_file():
            damaged(out / file, damage)
    ended = run(inputs.command(name, out), tmp_path)
    if ended.one_line:  # a folder in a file's place is not removed
        for file in chosen:
            if (out / file).is_dir():
                shutil.rmtree(out / file)
        ended = run(inputs.command(name, out), tmp_path)
    if ended.one_line:  # nor a run whose options cannot be read: what to do is said
        shutil.rmtree(re.findall(r"or delete (.+) and train anew", ended.said)[0])
        ended = run(inputs.command(name, out), tmp_path)
    COUNTED["damaged files of a study", "went on"] += len(chosen)
    assert ended.code == 0, ended.said[-3000:]
    same_results(folder, out)
    for damage in DAMAGES:
        for file in ("study.json", next(str(f) for f in chosen if f.name == "result.json")):
            again = tmp_path / "again"
            shutil.copytree(folder, again)
            damaged(again / file, damage)
            ended = run(inputs.command(name, again), tmp_path)
            counted("damaged record of a study", ended, may_succeed=True)
            if ended.code == 0:
                same_results(folder, again)
            for reader in ("compare", "figures"):
                given = [str(again), str(folder)] if reader == "compare" else [str(again)]
                out_of = ["--out", str(tmp_path / "read")] if reader == "compare" else []
                counted("damaged record, read", run([reader, *given, *out_of], tmp_path),
                        may_succeed=True)  # fmt: skip
            shutil.rmtree(again)


def copy_of(inputs: Inputs, place: Path) -> Path:
    shutil.copytree(inputs.model, place / "encoder")
    return place / "encoder"


def larger_tokenizer(inputs: Inputs, place: Path) -> list[str]:
    model = copy_of(inputs, place)
    said = json.loads((model / "tokenizer.json").read_text())
    said["model"]["vocab"] |= {f"word{n}": n for n in range(35, 80)}
    (model / "tokenizer.json").write_text(json.dumps(said))
    return ["study", str(inputs.texts), "--encoder", str(model)]


def hostile_expression(inputs: Inputs, place: Path) -> list[str]:
    model = copy_of(inputs, place)
    said = json.loads((model / "tokenizer.json").read_text())
    said["pre_tokenizer"] = {"type": "Split", "pattern": {"Regex": "(x+x+)+y"},
                             "behavior": "Removed", "invert": False}  # fmt: skip
    (model / "tokenizer.json").write_text(json.dumps(said))
    texts = place / "texts.txt"
    texts.write_text("x" * 4000 + " z")
    return ["study", str(texts), "--encoder", str(model)]


def bad_weights(inputs: Inputs, place: Path) -> list[str]:
    model = copy_of(inputs, place)
    weights = load_file(model / "model.safetensors")
    weights["bert.encoder.layer.1.output.dense.bias"][0] = float("nan")
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    return ["segment", str(inputs.notes), "--encoder", str(model)]


def short_texts(inputs: Inputs, place: Path) -> list[str]:
    (place / "short.jsonl").write_text('{"text": "a b"}\n{"text": "c"}\n')
    return ["study", str(place / "short.jsonl"), "--encoder", str(inputs.model)]


def short_articles(inputs: Inputs, place: Path) -> list[str]:
    (place / "short.jsonl").write_text('{"text": "a b"}\n' * 3)
    return ["pretrain", str(place / "short.jsonl")]


def two_a_class(inputs: Inputs, place: Path) -> list[str]:
    rows = {"text": ["a b c", "d e f", "g h i", "j k l"], "label": ["x", "x", "y", "y"]}
    pd.DataFrame(rows).to_csv(place / "few.csv", index=False)
    return ["finetune", str(place / "few.csv"), "--encoder", str(inputs.model)]


def one_class(inputs: Inputs, place: Path) -> list[str]:
    pd.DataFrame({"text": ["a b", "c d"], "label": ["x", "x"]}).to_csv(place / "one.csv")
    return ["finetune", str(place / "one.csv"), "--encoder", str(inputs.model)]


def link_to_itself(inputs: Inputs, place: Path) -> list[str]:
    (place / "texts.txt").symlink_to(place / "texts.txt")
    return ["study", str(place / "texts.txt"), "--encoder", str(inputs.model)]


def folder_of_links(inputs: Inputs, place: Path) -> list[str]:
    (place / "in").mkdir()
    (place / "in" / "loop.txt").symlink_to(place / "in" / "loop.txt")
    (place / "in" / "up").symlink_to(place / "in")
    os.mkfifo(place / "in" / "pipe.txt")
    return ["study", str(place / "in"), "--encoder", str(inputs.model)]


def named_pipe(inputs: Inputs, place: Path) -> list[str]:
    os.mkfifo(place / "pipe.txt")
    return ["study", str(place / "pipe.txt"), "--encoder", str(inputs.model)]


def pipe_of_documents(inputs: Inputs, place: Path) -> list[str]:
    os.mkfifo(place / "pipe.jsonl")
    return ["segment", "--evaluate", str(place / "pipe.jsonl"), "--encoder", str(inputs.model)]


def pipe_of_images(inputs: Inputs, place: Path) -> list[str]:
    os.mkfifo(place / "pipe.npz")
    return ["images", str(place / "pipe.npz")]


def device(kind: str):
    return lambda inputs, place: [
        "study", str(inputs.texts), "--encoder", str(inputs.model), "--device", kind
    ]  # fmt: skip


FAULTS = {
    "tokenizer larger than the embedding": larger_tokenizer,
    "hostile regular expression": hostile_expression,
    "weights that are no numbers": bad_weights,
    "texts of two tokens": short_texts,
    "three short articles": short_articles,
    "two texts a class": two_a_class,
    "one class": one_class,
    "link to itself": link_to_itself,
    "folder of links and pipes": folder_of_links,
    "named pipe": named_pipe,
    "named pipe of documents": pipe_of_documents,
    "named pipe of images": pipe_of_images,
    "no CUDA": device("cuda"),
    "no such device": device("gpu0"),
    "no second CUDA": device("cuda:7"),
    "no MPS": device("mps"),
    "no XPU": device("xpu"),
}


MAY_SUCCEED = ("hostile regular expression", "texts of two tokens", "two texts a class")
"""A report with its statements left open is an answer as well."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_input_is_one_line(fault, inputs, tmp_path):
    command = FAULTS[fault](inputs, tmp_path)
    out = [] if command[0] == "segment" else ["--out", str(tmp_path / "out")]
    ended = run([*command, *out], tmp_path)
    counted("bad inputs", ended, may_succeed=fault in MAY_SUCCEED)
    assert ended.processor < 60


ENDED_BY_A_LIBRARY = (-signal.SIGABRT, -signal.SIGSEGV, 127)
"""A library in another language, the C library among them, ends a process that has no memory."""


@pytest.mark.parametrize("megabytes", [5, 30, 80, 200])
@pytest.mark.parametrize("name", COMMANDS)
def test_memory_at_its_limit_is_one_line(name, megabytes, inputs, tmp_path):
    def little() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + (megabytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    ended = run(inputs.command(name, tmp_path / "out"), tmp_path, little)
    if ended.code in ENDED_BY_A_LIBRARY:
        COUNTED[f"{megabytes} MB of memory more", "ended by a library"] += 1
    else:
        counted(f"{megabytes} MB of memory more", ended, may_succeed=True)


PACKERS = {
    ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress,
    ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}  # fmt: skip
COMPRESSIONS = ("zstd", "gzip", "snappy")


def write_bombs(place: Path) -> None:
    """Half a megabyte or less each that unpacks to hundreds, without an end of line.

    For a process that ends with it: Arrow keeps the memory, and every fork would begin with it.
    """
    bomb = b'{"text": "' + b"a" * (200 << 20)
    for suffix, pack in PACKERS.items():
        (place / f"bomb{suffix}").write_bytes(pack(bomb))
    table = pa.table({"text": [bomb.decode()]})
    for compression in COMPRESSIONS:
        pq.write_table(table, place / f"{compression}.parquet", compression=compression)
    images, labels = np.zeros((2000, 400, 400), np.uint8), np.arange(2000) % 2
    np.savez_compressed(place / "images.npz", x_train=images, y_train=labels)
    os._exit(0)


def bombs(inputs: Inputs, place: Path) -> Iterator[list[str]]:
    """Commands that read them."""
    encoder = ["--encoder", str(inputs.model)]
    for suffix in PACKERS:
        for kind in (".jsonl", ".json", ".txt", ".csv", ".md"):
            file = place / f"bomb{kind}{suffix}"
            shutil.copy(place / f"bomb{suffix}", file)
            yield ["study", str(file), *encoder]
        yield ["segment", "--evaluate", str(place / f"bomb.jsonl{suffix}"), *encoder]
    for compression in COMPRESSIONS:
        yield ["study", str(place / f"{compression}.parquet"), *encoder]
    yield ["--max-file-bytes", str(100 << 20), "images", str(place / "images.npz")]


def test_bombs_are_one_line_in_bounded_memory(inputs, tmp_path):
    def little() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + (900 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    assert run([], tmp_path, partial(write_bombs, tmp_path)).code == 0
    for command in bombs(inputs, tmp_path):
        ended = run([*command, "--out", str(tmp_path / "out")], tmp_path, little)
        said = counted("bombs", ended).said
        assert "longer than" in said or "when unpacked" in said

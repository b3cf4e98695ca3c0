"""Mutated inputs for every reader: damaged in ways that a seed decides.

Each reader runs in a process of its own with a limit of memory, in which nothing may take longer
than `SECONDS`, and nothing may be raised but a `UserError`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import random
import resource
import shutil
import signal
import sys
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from blocklens.errors import UserError
from blocklens.inputs.fewrel import FewRel
from blocklens.inputs.images.drawing import draw_images
from blocklens.inputs.images.image_sources import open_images
from blocklens.inputs.limits import Limits
from blocklens.inputs.texts import TextSource
from blocklens.pretraining.corpus import open_corpus
from blocklens.pretraining.pretrain import _read
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.training_log import read_training_log
from blocklens.report.compare import compare
from blocklens.report.study_report import write_report
from blocklens.segmentation.documents import read_documents
from blocklens.storage import file_digest
from blocklens.studies.kept import RESULT, read_kept
from blocklens.studies.part import Part, Step
from helpers import random_texts

SECONDS, MEMORY = 10, 2 << 30
LIMITS = Limits(record=1 << 20, file=8 << 20)
"""Small, so that what unpacks to too much is met often."""

WORDS = [
    b"\x00", b"\xff\xfe", b"null", b"NaN", b"1e999", b"-1", b"9" * 30, b"[" * 2000, b'{"a":' * 500,
    b'"', b"\\ud800", b"\n", b"\r", b",", b";", b"\t", b"=" * 12, b"{", b"}", b"]", b"\xf0\x9f",
    b"true", b"<script>", b"../../x", b"\xef\xbb\xbf", b"a" * 70_000,
]  # fmt: skip
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": lambda data: gzip.compress(data, 1, mtime=0), ".xz": lzma.compress,
    ".bz2": bz2.compress, ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}  # fmt: skip


def mutated(data: bytes, rng: random.Random, other: bytes = b"") -> bytes:
    """`data` with one to six damages."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        at = rng.randrange(len(out) + 1)
        to = min(len(out), at + rng.choice([1, 2, 4, 16, 64, len(out) // 4 + 1]))
        kind = rng.randrange(8)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at:to] = rng.randbytes(to - at)
        elif kind == 2:
            del out[at:to]
        elif kind == 3:
            out[at:at] = out[at:to] * rng.choice([1, 2, 50])
        elif kind == 4:
            out[at:to] = rng.choice(WORDS)
        elif kind == 5:
            del out[at:]
        elif kind == 6:
            out[at:at] = other[rng.randrange(len(other) + 1) :][: to - at]
        else:
            out[at:to] = bytes(reversed(out[at:to]))
        del out[1 << 20 :]
    return bytes(out)


def changed_json(value: Any, rng: random.Random) -> Any:
    """The same JSON with a value, a key or a type changed somewhere."""
    odd = [None, True, -1, 0, 1e308, "", "x", [], {}, [[]], {"a": None}, [None], 10**20, "\ud800"]
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        kind = rng.random()
        if kind < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if kind < 0.2:
            return {**value, f"{key}x": value[key]}
        return {**value, key: changed_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return [*value[:place], changed_json(value[place], rng), *value[place + 1 :]]
    return rng.choice(odd)


Case = Callable[[Path, random.Random], Any]
"""Writes one mutated input into an empty folder and reads it."""


@dataclass
class Found:
    """How the inputs of one reader ended: numbers, and the first failures in full."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    memory: int = 0


def texts(kind: str, sample: bytes, **given: Any) -> Case:
    """A file of texts of one format, compressed or not, damaged before or after."""

    def case(folder: Path, rng: random.Random) -> None:
        suffix = rng.choice(list(PACKED))
        if rng.random() < 0.7 or not suffix:
            data = PACKED[suffix](mutated(sample, rng))
        else:
            data = mutated(PACKED[suffix](sample), rng)
        file = folder / f"texts{kind}{suffix}"
        file.write_bytes(data)
        for text in TextSource(file, limits=LIMITS, **given):
            text.text.encode()

    return case


def archive(samples: dict[str, bytes]) -> Case:
    """A .zip of files of all formats."""

    def case(folder: Path, rng: random.Random) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", rng.choice([0, 8, 12, 14])) as inside:
            for kind, sample in samples.items():
                inside.writestr(f"a{kind}", mutated(sample, rng))
        data = packed.getvalue() if rng.random() < 0.5 else mutated(packed.getvalue(), rng)
        (folder / "texts.zip").write_bytes(data)
        list(TextSource(folder / "texts.zip", limits=LIMITS))

    return case


def fewrel(sample: bytes) -> Case:
    def case(folder: Path, rng: random.Random) -> None:
        value = json.loads(sample)
        data = json.dumps(changed_json(value, rng)).encode()
        (folder / "f.json").write_bytes(data if rng.random() < 0.5 else mutated(sample, rng))
        names = {"P1": ["a name", "what it is"]}
        if rng.random() < 0.3:
            (folder / "pid2name.json").write_text(json.dumps(changed_json(names, rng)))
        records = FewRel(folder / "f.json", markers=rng.random() < 0.5)
        list(TextSource(records, field="text", label="label"))

    return case


def documents(samples: list[bytes]) -> Case:
    def case(folder: Path, rng: random.Random) -> None:
        sample, suffix = rng.choice(samples), rng.choice(list(PACKED))
        before = rng.random() < 0.7
        if sample.startswith(b"{") and rng.random() < 0.5:
            line = json.dumps(changed_json(json.loads(sample.splitlines()[0]), rng)).encode()
            data = PACKED[suffix](line)
        else:
            data = PACKED[suffix](mutated(sample, rng) if before else sample)
        file = folder / f"documents.jsonl{suffix}"
        file.write_bytes(data if before else mutated(data, rng))
        list(read_documents(file))

    return case


def npz(folder: Path, rng: random.Random) -> None:
    """Arrays of images of odd types and shapes, or a damaged archive of them."""
    shape = [
        rng.choice([0, 1, 3, 6]),
        *(rng.choice([0, 1, 4, 8]) for _ in range(rng.choice([0, 2, 3]))),
    ]
    kind = rng.choice(["uint8", "float32", "int64", "bool", "U3", "complex64", "datetime64[s]"])
    images = np.zeros(shape, "uint8").astype(kind)
    labels = np.arange(rng.choice([len(images) if images.ndim else 0, 3])) % 2
    odd = [labels, labels[:, None], labels.astype(float), labels.astype(str), labels - 1]
    given = {"x_train": images, "y_train": rng.choice(odd)}
    if rng.random() < 0.3:
        given["classes"] = rng.choice([np.array(["a", "b"]), np.zeros(3), np.array("a")])
    if rng.random() < 0.3:
        given = {
            "jpeg": np.frombuffer(rng.randbytes(64), np.uint8),
            "label": labels,
            "offsets": np.array([rng.randrange(-9, 99) for _ in range(len(labels) + 1)]),
        }
    file = folder / "images.npz"
    np.savez(file, **given)
    if rng.random() < 0.4:
        file.write_bytes(mutated(file.read_bytes(), rng))
    data = draw_images(open_images(file), train=2, test=1)
    data.train.pixels(8, 3)


def pictures(folder: Path, rng: random.Random) -> None:
    """A folder of damaged images of every usual format."""
    for name in ("a", "b"):
        (folder / name).mkdir()
        for number in range(3):
            buffer = io.BytesIO()
            kind = rng.choice(["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
            Image.new("RGB", (8, 8), (40 * number, 9, 9)).save(buffer, kind)
            data = buffer.getvalue()
            data = data if number == 0 or rng.random() < 0.3 else mutated(data, rng)
            (folder / name / f"{number}.{kind.lower()}").write_bytes(data)
    data = draw_images(open_images(folder), train=2, test=1)
    data.train.pixels(8, 3)


def study_folder(sample: Path, read: Callable[[Path, Path], object]) -> Case:
    """A study of which a file is damaged; half of the time `study.json` vouches for it."""
    names = sorted(f.relative_to(sample) for f in sample.rglob("*") if f.is_file())
    names = [n for n in names if n.parts[0] in ("tables", "examples")]

    def case(folder: Path, rng: random.Random) -> None:
        for name in (Path("study.json"), *names):
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(sample / name, folder / name)
        record = json.loads((sample / "study.json").read_bytes())
        if rng.random() < 0.5:
            changed = changed_json(record, rng)
            text = (
                json.dumps(changed).encode()
                if rng.random() < 0.8
                else mutated(json.dumps(record).encode(), rng)
            )
            (folder / "study.json").write_bytes(text)
        else:
            name = rng.choice(names)
            file = folder / name
            if file.suffix == ".json":
                index = json.loads(file.read_bytes())
                file.write_text(json.dumps(changed_json(index, rng)))
            elif file.suffix == ".parquet" and rng.random() < 0.6:
                table_changed(file, rng)
            else:
                file.write_bytes(mutated(file.read_bytes(), rng))
            if rng.random() < 0.8 and name.as_posix() in record["files"]:
                record["files"][name.as_posix()] = file_digest(file)
                (folder / "study.json").write_text(json.dumps(record))
        read(folder, sample)

    return case


def table_changed(file: Path, rng: random.Random) -> None:
    """A table without a column or rows, or with values of another kind."""
    table = pd.read_parquet(file)
    kind, column = rng.randrange(5), rng.choice(list(table.columns))
    if kind == 0:
        table = table.drop(columns=column)
    elif kind == 1:
        table = table.head(rng.choice([0, 1]))
    elif kind == 2:
        table[column] = [rng.choice(["x", "", "[1]"])] * len(table)
    elif kind == 3:
        table[column] = rng.choice([np.nan, -1.0, 1e300, np.inf])
    else:
        table = pd.concat([table, table.iloc[::-1]], ignore_index=True)
    table.to_parquet(file, index=False)


def kept_step(sample: Path) -> Case:
    """A kept result of which a file is damaged: it is not read, and nothing is raised."""
    names = [f.relative_to(sample) for f in sample.iterdir()]
    part = Part("heads", 1, [])
    step = Step("encoder", {}, lambda progress: None)

    def case(folder: Path, rng: random.Random) -> None:
        place = folder / "runs" / "heads" / "encoder"
        shutil.copytree(sample, place)
        file = place / rng.choice(names)
        if file.name == RESULT and rng.random() < 0.7:
            file.write_text(json.dumps(changed_json(json.loads(file.read_bytes()), rng)))
        else:
            file.write_bytes(mutated(file.read_bytes(), rng))
        assert read_kept(part, step, folder) is None  # its key is another's

    return case


def run_file(sample: Path, name: str, read: Callable[[Path], object]) -> Case:
    """A file of a `pretrain` run, damaged."""
    data = (sample / name).read_bytes()

    def case(folder: Path, rng: random.Random) -> None:
        file = folder / name
        file.parent.mkdir(exist_ok=True, parents=True)
        if name.endswith(".json") and rng.random() < 0.7:
            file.write_text(json.dumps(changed_json(json.loads(data), rng)))
        else:
            file.write_bytes(mutated(data, rng))
        read(file)

    return case


def options_of_a_run(file: Path) -> None:
    _read(file, PretrainOptions.read)


def corpus_of_a_run(sample: Path) -> Case:
    """A corpus of which a file is damaged: it is made again, so what says so is caught."""
    names = [f.name for f in (sample / "corpus").iterdir()]

    def case(folder: Path, rng: random.Random) -> None:
        shutil.copytree(sample / "corpus", folder / "corpus")
        file = folder / "corpus" / rng.choice(names)
        if file.suffix == ".json":
            file.write_text(json.dumps(changed_json(json.loads(file.read_bytes()), rng)))
        else:
            file.write_bytes(mutated(file.read_bytes(), rng))
        try:
            open_corpus(folder / "corpus", {"none": "such"})
        except (OSError, ValueError, KeyError, TypeError):  # what `build_corpus` expects
            raise UserError("made again") from None

    return case


def text_samples() -> dict[str, bytes]:
    """A valid file of each format."""
    some = random_texts(6, seed=1)
    rows = pd.DataFrame({"text": some, "label": list("ababab"), "n": range(6)})
    parquet = io.BytesIO()
    rows.to_parquet(parquet, index=False)
    records = rows.to_dict("records")
    return {
        ".txt": some[0].encode(),
        ".md": b"# A title\n\n- *one* [two](http://x)\n\n```\ncode\n```\n\n| a | b |\n|---|---|\n",
        ".jsonl": "".join(json.dumps(row) + "\n" for row in records).encode(),
        ".json": json.dumps(records, indent=1).encode(),
        ".csv": rows.to_csv(index=False).encode(),
        ".tsv": rows.to_csv(index=False, sep="\t").encode(),
        ".parquet": parquet.getvalue(),
    }


def readers(study: Path, images: Path, segments: Path, run: Path) -> dict[str, Case]:
    """Every reader with its mutated inputs; the four are finished folders of each kind."""
    samples = text_samples()
    record = {"tokens": ["a", "b", "c"], "h": ["a", "Q1", [[0]]], "t": ["c", "Q2", [[2]]]}
    some = random_texts(3, seed=2)
    segmented = json.dumps({"segments": [t.splitlines() for t in some], "set": 1}).encode() + b"\n"
    sections = json.dumps(
        {"sections": [{"heading": "x", "paragraphs": [t.splitlines()]} for t in some]}
    ).encode()
    choi = ("==========\n" + "==========\n".join(f"{t}\n" for t in some)).encode()
    step = study / "runs" / "heads" / "encoder"
    report = lambda folder, _: write_report(folder)  # noqa: E731
    found = {f"texts {kind}": texts(kind, data) for kind, data in samples.items()}
    for kind in (".jsonl", ".json", ".csv", ".parquet"):
        found[f"labelled {kind}"] = texts(kind, samples[kind], labelled=True)
    found |= {
        "texts .zip": archive(samples),
        "FewRel": fewrel(json.dumps({"P1": [record] * 3, "P2": [record] * 2}).encode()),
        "documents": documents([segmented * 3, sections, choi]),
        "images .npz": npz,
        "images in folders": pictures,
        "kept steps": kept_step(step),
        "report of a study": study_folder(study, report),
        "report of images": study_folder(images, report),
        "report of scores": study_folder(segments, report),
        "comparison": study_folder(study, lambda folder, whole: compare(folder, whole)),
        "options of a run": run_file(run, "options.json", options_of_a_run),
        "training log": run_file(run, "model/training_log.csv",
                                 lambda file: read_training_log(file.parent)),
        "corpus of a run": corpus_of_a_run(run),
    }  # fmt: skip
    return found


SHARES = {"report of a study": 0.02, "report of images": 0.02, "report of scores": 0.02,
          "comparison": 0.1, "images in folders": 0.2, "images .npz": 0.5, "kept steps": 0.5,
          "corpus of a run": 0.5}  # fmt: skip
"""How many inputs a slow reader gets, for one of a quick one."""


class SlowError(Exception):
    """An input took longer than it may."""


def fuzzed(case: Case, seeds: range, place: Path, *, limited: bool = True) -> Found:
    """Read the inputs of all seeds in a process of its own; see how each ended.

    `limited`: no more addresses than `MEMORY`. Charts are compiled by a library that reserves more
    than it uses; what they use is looked at afterwards.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        os.close(receiver)
        code = 1
        try:
            result = pickle.dumps(_all(case, seeds, place, limited))
            with os.fdopen(sender, "wb") as file:
                file.write(result)
            code = 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)
    os.close(sender)
    with os.fdopen(receiver, "rb") as file:
        data = file.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        seed = (place / "seed").read_text()
        return Found(Counter(died=1), [f"seed {seed}: the process ended with {status}"])
    return pickle.loads(data)  # our own child's


def _all(case: Case, seeds: range, place: Path, limited: bool) -> Found:
    def late(number: int, frame: FrameType | None) -> None:
        raise SlowError(f"longer than {SECONDS} s")

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    if limited:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.signal(signal.SIGPROF, late)
    signal.signal(signal.SIGALRM, late)
    found = Found()
    place.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (place / "seed").write_text(str(seed))
        folder = place / "input"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # processor time: the machine is shared
        signal.setitimer(signal.ITIMER_REAL, 60 * SECONDS)
        before = time.process_time()
        try:
            case(folder, random.Random(seed))
            found.counts["read"] += 1
        except UserError as error:
            said = str(error)
            found.counts["one line" if "\n" not in said else "SEVERAL LINES"] += 1
            if "\n" in said:
                found.failures.append(f"seed {seed}: {said!r}")
        except BaseException as error:
            found.counts[type(error).__name__.upper()] += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            if len(found.failures) < 40:
                whole = "".join(traceback.format_exception(error))[-1500:]
                found.failures.append(f"seed {seed}: {error!r} at {last.name}\n{whole}")
        finally:
            for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
                signal.setitimer(timer, 0)
        found.slowest = max(found.slowest, time.process_time() - before)
    found.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return found

"""Small studies of every kind, whose tables are kept in `tests/golden/`.

`python tests/golden_studies.py` writes the tables anew: only where a figure was wrong, in a commit
that says so. Each study is made by public functions alone, from texts, images and weights that a
seed decides.

The heads and the segmentation run in double precision, which every processor rounds nearly alike.
What is trained runs in single precision: its tables are the same to the last digit where the
processor's arithmetic is (`arithmetic`), and are not compared elsewhere.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import transformers
from PIL import Image
from threadpoolctl import threadpool_limits

from blocklens.encoder.trunk import Encoder
from blocklens.inputs.texts import TextSource
from blocklens.pretraining.vit_options import VitOptions
from blocklens.segmentation.documents import Document
from blocklens.studies.finetune import finetune
from blocklens.studies.image_options import ImageStudyOptions
from blocklens.studies.images_part import study_images
from blocklens.studies.segments_part import evaluate_in_folder
from blocklens.studies.sizes_part import study_sizes
from blocklens.studies.study import study
from blocklens.studies.study_options import ClassOptions, LearnedOptions, StudyOptions
from helpers import SMALL, random_texts, small_encoder, small_tokenizer

FOLDER = Path(__file__).parent / "golden"

Tables = dict[str, pd.DataFrame]


def tables_of(folder: Path) -> Tables:
    """Every table of a study's folder."""
    return {file.stem: pd.read_parquet(file) for file in sorted((folder / "tables").iterdir())}


def masked_language_model(place: Path) -> Encoder:
    """A random BERT of two blocks that prefers some letters, with its own head."""
    torch.manual_seed(0)
    config = transformers.BertConfig(**{**SMALL, "num_hidden_layers": 2})
    model = transformers.BertForMaskedLM(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim == 2 and "position" not in name:
                weights.normal_(0, 0.15)
        model.cls.predictions.bias[10:13] = 3.0
    model.save_pretrained(place)
    small_tokenizer().save_pretrained(place)
    return Encoder.load(place)


def heads(place: Path) -> Tables:
    """P1: an encoder, two untrained twins and the shuffled control on 24 texts."""
    options = StudyOptions(parts=("heads",), untrained=2, examples=0)
    source = TextSource(random_texts(24, seed=5))
    study(source, small_encoder(double=True), place, options=options, report=False)
    return tables_of(place)


def learned(place: Path) -> Tables:
    """P2 on tokens: read-outs, an untrained twin and the lens on 80 texts."""
    encoder = masked_language_model(place / "bert")
    chosen = LearnedOptions(train_tokens=2000, modified=212, untrained=1)
    options = StudyOptions(parts=("learned",), learned=chosen)
    source = TextSource(random_texts(80, seed=6))
    study(source, encoder, place / "study", options=options, report=False)
    return tables_of(place / "study")


def text_classes(place: Path) -> Tables:
    """P2 on text classes: read-outs and fine-tuned classifiers, with confidence."""
    encoder = masked_language_model(place / "bert")
    rng = np.random.default_rng(0)
    letters = [[chr(97 + 9 * k + i) for i in range(8)] for k in range(3)]
    rows = [
        {
            "text": " ".join(
                [*rng.choice(letters[i % 3], 6), *rng.choice(letters[0], 2), f"{i} ."]
            ),
            "label": f"class {i % 3}",
        }
        for i in range(150)
    ]
    pd.DataFrame(rows).to_json(place / "texts.jsonl", orient="records", lines=True)
    options = ClassOptions(
        data=str(place / "texts.jsonl"), seeds=2, epochs=1, rate=3e-3, train=20, test_size=10,
        variant="both", modified=100, untrained=2,
    )  # fmt: skip
    finetune(options, encoder, place / "study", report=False)
    return tables_of(place / "study")


def images(place: Path) -> Tables:
    """P2 on image classes: a small ViT on light rows, light columns and a light ground."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(("rows", "columns", "ground")):
        (place / "images" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 60, (8, 8))
            pixels[rng.integers(3) :: 3] += 180
            if label == 2:
                pixels = rng.integers(150, 250, (8, 8))
            pixels = pixels.T if label == 1 else pixels
            picture = Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
            picture.save(place / "images" / name / f"{number}.png")
    options = ImageStudyOptions(
        vit=VitOptions(blocks=2, heads=2, width=16, epochs=3), read_outs=2, untrained=1
    )
    study_images(place / "images", out=place / "study", options=options, report=False)
    return tables_of(place / "study")


def segmentation(place: Path) -> Tables:
    """Ways to segment, scored on six documents of two ranges."""
    documents = [
        Document(
            f"d{i}",
            ["a b c .", "b c a .", "c a b a .", "x y z .", "y z x w .", "p q r .", "q p r s ."],
            [3, 2, 2],
            {"range": "3-5" if i % 2 else "6-8"},
        )
        for i in range(6)
    ]
    evaluate_in_folder(documents, small_encoder(double=True), place, description="six documents")
    return tables_of(place)


def sizes(place: Path) -> Tables:
    """Two numbers of training texts, two seeds, a few steps."""
    small_tokenizer().save_pretrained(place / "tokenizer")
    given = {
        "tokenizer": str(place / "tokenizer"), "width": 16, "heads": 2, "blocks": 1, "length": 32,
        "precision": "float32",
    }  # fmt: skip
    texts, out = random_texts(400, seed=7), place / "study"
    study_sizes(texts, out, [100, 200], preset="tiny", given=given, steps=3, seeds=2)
    return tables_of(out)


STUDIES: dict[str, tuple[Callable[[Path], Tables], bool]] = {
    "heads": (heads, True),
    "segmentation": (segmentation, True),
    "learned": (learned, False),
    "text_classes": (text_classes, False),
    "images": (images, False),
    "sizes": (sizes, False),
}
"""Each study, and whether its tables are the same on every processor."""


def arithmetic() -> str:
    """A mark of how this processor and these libraries round in single precision."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(97, 193, generator=generator)
    layer = torch.nn.functional.linear(x, torch.randn(61, 193, generator=generator))
    found = torch.softmax(torch.nn.functional.gelu(layer), dim=-1) @ layer.T
    digest = hashlib.sha256(found.numpy().tobytes())
    digest.update((x.numpy() @ x.numpy().T).tobytes())
    return digest.hexdigest()


def main() -> None:
    """Write the golden tables of every study, or of those named."""
    torch.set_num_threads(1)
    for name in sys.argv[1:] or STUDIES:
        with tempfile.TemporaryDirectory() as place, threadpool_limits(1):
            tables = STUDIES[name][0](Path(place))
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
        for old in (FOLDER / name).glob("*.parquet"):
            old.unlink()
        for table, frame in tables.items():
            frame.to_parquet(FOLDER / name / f"{table}.parquet", index=False)
    (FOLDER / "arithmetic.txt").write_text(arithmetic() + "\n", "utf-8")


if __name__ == "__main__":
    main()

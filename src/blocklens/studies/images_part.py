"""A study of image classes: a ViT trained from scratch, or any image encoder, in one folder.

    study.json             every option, seed, version and input hash
    model/                 the trained ViT, an ordinary Hugging Face folder
    block-4/               the encoder up to a block that was exported, the same
    tables/*.parquet       what was measured, and the claims
    figures/*.{svg,png}    every chart of the report
    report.html            one page that opens offline

As in a study of texts, what has not changed is not done again: the ViT and every run are kept with
a hash of what went into them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from blocklens.claims import evaluate
from blocklens.claims.image_classes import PREFIX
from blocklens.encoder.shortened import save_model
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.images.drawing import ImageData, draw_images
from blocklens.inputs.images.image_sources import DIGITS, open_images
from blocklens.pretraining.vit import VitOptions, export_vit, train_vit
from blocklens.provenance import made_with
from blocklens.readouts.depth import MARGIN
from blocklens.readouts.image_classifiers import (
    check_exportable,
    shorter_card,
    shorter_classifier,
)
from blocklens.readouts.image_task import (
    ImageReadOuts,
    measure_image_classes,
    measure_patches,
    measure_pixels,
    pooling_of,
)
from blocklens.storage import output_folder, write_json, write_table
from blocklens.studies.kept import fingerprint, keep, kept_key, read_kept
from blocklens.studies.part import Result, Step, StepProgress
from blocklens.studies.runner import Progress, Study

TABLES = tuple(
    PREFIX + name
    for name in (
        "learning", "seeds", "accuracy", "confusion", "clusters", "cluster_sweep", "examples",
        "heads", "pixels", "advice",
    )
)  # fmt: skip
"""Tables of images have names of their own, so that claims and report tell them from tokens'."""

PACKAGES = ("blocklens", "torch", "transformers", "numpy", "pandas", "pillow", "scikit-learn")
"""Whose versions are recorded."""


class ImageStudyOptions(BaseModel):
    """What can be chosen in a study of images; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train_images: int = Field(default=1000, ge=1, description="images of a class to train on")
    test_images: int = Field(default=200, ge=1, description="images of a class to measure on")
    vit: VitOptions = Field(default=VitOptions())
    pooling: Literal["auto", "first", "mean"] = "auto"
    read_outs: int = Field(default=5, ge=1, description="seeds of the read-outs of every block")
    untrained: int = Field(default=3, ge=0, description="untrained twins, seeds 0, 1, ...")
    margin: float = Field(
        default=MARGIN, ge=0, le=1, description="accuracy that the advised block may lose"
    )
    head_images: int = Field(default=500, ge=0, description="images the heads are measured on")
    seed: int = Field(default=0, ge=0, description="of the draw of the images")
    strict: bool = Field(default=False, description="stop at the first image that cannot be read")


def study_images(
    source: str | Path = DIGITS,
    encoder: Encoder | str | Path | None = None,
    out: str | Path = "images-study",
    *,
    test: str | Path | None = None,
    image_field: str | None = None,
    label_field: str | None = None,
    options: ImageStudyOptions | None = None,
    export_block: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    report: bool = True,
) -> Study:
    """Read out the classes of images from every block of an encoder, beside its untrained twins.

    Args:
        source: "digits", an `.npz` file, a folder with one folder a class, or a Hub data set id.
        encoder: an image encoder, or the folder or Hub id of one; None trains a ViT from scratch.
        out: the study's folder; one that holds a study already is brought up to date.
        test: another source to measure on.
        image_field: a Hub data set's column of images.
        label_field: its column of classes.
        options: what to measure and how.
        export_block: write the encoder up to this block, with its read-out, as an image
            classifier into `block-<number>`.
        device: where to train and compute.
        progress: told how far each step is.
        report: write the page and the figures as well.

    Raises:
        UserError: an input that cannot be used, or a folder that cannot be written.

    """
    options = options or ImageStudyOptions()
    folder = output_folder(Path(out), "study.json")
    refuse_texts(folder)
    say: Progress = progress or (lambda *_: None)
    parts = open_images(source, test=test, image_field=image_field, label_field=label_field)
    data = draw_images(
        parts, train=options.train_images, test=options.test_images, seed=options.seed,
        strict=options.strict, progress=lambda done, count: say("reading", done, count),
    )  # fmt: skip
    if not (folder / "study.json").exists():
        write_json(
            {"encoder": "not measured yet", "images": {}, "finished": False}, folder / "study.json"
        )
    trained: Mapping[str, Any] | None = None
    if encoder is None:
        options = options.model_copy(update={"vit": options.vit.chosen(data)})
        trained = trained_vit(folder, data, options.vit, device, say)
        encoder = Encoder.load(folder / "model", device=device)
        encoder.name = f"ViT-{encoder.blocks} of {data.description}"
    elif not isinstance(encoder, Encoder):
        encoder = Encoder.load(encoder, device=device)
    if encoder.processor is None:
        raise UserError(
            f"{encoder.name}: reads texts, not images; give an image encoder, such as a ViT"
        )
    read_outs = ImageReadOuts(seeds=options.read_outs, pooling=pooling_of(encoder, options.pooling))
    if export_block is not None:
        check_exportable(encoder, export_block, read_outs)
    results = [
        measured(folder, step, data.digest(), say)
        for step in steps(encoder, data, options, read_outs)
    ]
    tables = {
        name: pd.concat([r.tables[name] for r in results if name in r.tables], ignore_index=True)
        for name in TABLES
        if any(name in result.tables for result in results)
    }
    tables["claims"] = evaluate(tables)
    shutil.rmtree(folder / "tables", ignore_errors=True)  # those of other options
    for name, frame in tables.items():
        write_table(frame, folder / "tables" / f"{name}.parquet")
    write_json(describe(encoder, data, options, trained, tables), folder / "study.json")
    if export_block is not None:
        accuracy = tables[f"{PREFIX}advice"]["accuracy"].to_numpy(dtype=float)  # [blocks + 1]
        name = f"{encoder.name}, blocks 1 to {export_block}"
        card = shorter_card(name, encoder, data, export_block, accuracy[export_block], accuracy[-1])
        model = shorter_classifier(encoder, data, export_block, read_outs)
        save_model(folder / f"block-{export_block}", model, encoder.processor, card)
    if report:
        from blocklens.report import write_report

        write_report(folder)
    return Study(folder)


def refuse_texts(folder: Path) -> None:
    """Leave a study of texts alone. Raises UserError where the folder holds one."""
    mark = folder / "study.json"
    if mark.exists() and "images" not in json.loads(mark.read_text("utf-8")):
        raise UserError(f"{folder}: holds a study of texts; give another folder with --out")


def trained_vit(
    folder: Path, data: ImageData, chosen: VitOptions, device: str, say: Progress
) -> Mapping[str, Any]:
    """Train the ViT into `model/`, unless the same one is there; returns how its training went."""

    def train(progress: StepProgress | None) -> Result:
        found = train_vit(
            data, chosen, device=device,
            progress=lambda done, count: progress("", done, count) if progress else None,
        )  # fmt: skip
        export_vit(folder / "model", found, data)
        return Result({}, {"held_out": found.held_out, "history": found.history})

    if not (folder / "model" / "config.json").is_file():
        shutil.rmtree(folder / "runs" / "training", ignore_errors=True)
    return measured(folder, Step("training", chosen, train), data.digest(), say).facts


def steps(
    encoder: Encoder, data: ImageData, options: ImageStudyOptions, read_outs: ImageReadOuts
) -> list[Step]:
    """The encoder and its untrained twins, each with its heads, and the pixels alone."""
    made_of = (read_outs, options.head_images, encoder.fingerprint())

    def run(name: str, of: Callable[[], Encoder]) -> Step:
        return Step(name, made_of, partial(run_once, name, of, data, read_outs, options))

    found = [run("encoder", lambda: encoder)]
    for seed in range(options.untrained):
        found.append(run(f"untrained {seed}", partial(encoder.untrained, seed)))
    return [*found, Step("pixels", read_outs, partial(pixels_once, data, read_outs))]


def run_once(
    name: str,
    of: Callable[[], Encoder],
    data: ImageData,
    read_outs: ImageReadOuts,
    options: ImageStudyOptions,
    progress: StepProgress | None,
) -> Result:
    """One encoder's read-outs and heads."""
    encoder = of()
    tables = measure_image_classes(encoder, data, run=name, options=read_outs, progress=progress)
    if options.head_images:
        try:
            heads = measure_patches(
                encoder, data.test, run=name, limit=options.head_images, progress=progress
            )
        except UserError:  # an attention of its own: the study's notes say so
            heads = None
        if heads is not None:
            tables["heads"] = heads
    return Result({PREFIX + table: frame for table, frame in tables.items()}, {})


def pixels_once(data: ImageData, read_outs: ImageReadOuts, progress: StepProgress | None) -> Result:
    """The pixels' read-out."""
    found = measure_pixels(data, options=read_outs, progress=progress)
    return Result({f"{PREFIX}pixels": found}, {})


def measured(folder: Path, step: Step, inputs: str, say: Progress) -> Result:
    """A step's result, measured where it is not kept."""
    place = folder / "runs" / step.name.replace(" ", "-")
    key = fingerprint([step.name, step.made_of, inputs, version("blocklens")])
    if kept_key(place) != key:
        shutil.rmtree(place, ignore_errors=True)

        def told(stage: str, done: int, count: int) -> None:
            say(f"{step.name}: {stage}" if stage else step.name, done, count)

        result = step.measure(told)
        assert result is not None
        keep(result, place, key)
    return read_kept(place, TABLES)


def describe(
    encoder: Encoder,
    data: ImageData,
    options: ImageStudyOptions,
    trained: Mapping[str, Any] | None,
    tables: Mapping[str, pd.DataFrame],
) -> dict[str, Any]:
    """What `study.json` says."""
    pooling = pooling_of(encoder, options.pooling)
    said = [*data.notes]
    if pooling == "first":
        said.append(
            "A read-out sees an image as its [CLS] token. At block 0 that token has not seen the "
            "image yet, so the accuracy there is chance."
        )
    else:
        said.append("A read-out sees an image as the mean over its tokens.")
    said.append("The intervals are over images and seeds of the read-outs.")
    if not options.untrained:
        said.append("No untrained twin was measured, so no claim that needs one has a verdict.")
    if f"{PREFIX}heads" not in tables and options.head_images:
        said.append(
            "The heads were not measured: this encoder has none, does not say where its patches "
            "lie, or does not compute its attention through transformers' interface."
        )
    return {
        "encoder": encoder.name,
        "finished": True,
        "architecture": encoder.config.model_type,
        "blocks": encoder.blocks,
        "heads": encoder.heads,
        "images": {
            "description": data.description,
            "classes": data.classes,
            "train": len(data.train),
            "test": len(data.test),
            "skipped": data.skipped_count,
            "skipped_list": data.skipped,
        },
        "training": trained,
        "options": options.model_dump(mode="json", exclude=None if trained else {"vit"}),
        "hashes": {"images": data.digest(), "encoder": encoder.fingerprint()},
        **made_with(PACKAGES),
        "notes": said,
    }

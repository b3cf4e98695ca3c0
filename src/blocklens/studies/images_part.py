"""A study of image classes: a ViT trained from scratch, or any image encoder.

Beside what every study's folder holds (`runner.py`), `model/` is the trained ViT and `block-4/` the
encoder up to a block that was exported; both are ordinary Hugging Face folders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from blocklens.distributed import join
from blocklens.encoder.shortened import save_model
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.heads.image_measurement import measure_patches
from blocklens.inputs.images.drawing import ImageData, draw_images
from blocklens.inputs.images.image_sources import DIGITS, open_images
from blocklens.pretraining.vit import export_vit, train_vit
from blocklens.pretraining.vit_options import VitOptions
from blocklens.progress import SILENT, Progress
from blocklens.readouts.image_classifiers import (
    check_exportable,
    shorter_card,
    shorter_classifier,
)
from blocklens.readouts.image_task import (
    ImageReadOuts,
    measure_image_classes,
    measure_pixels,
    pooling_of,
)
from blocklens.storage import output_folder
from blocklens.studies.exported import exported_place, mark_exported, remove_stale
from blocklens.studies.image_options import ImageStudyOptions
from blocklens.studies.part import Facts, Part, Result, Step, Tables
from blocklens.studies.runner import Study, StudyRun, encoder_facts
from blocklens.studies.study_record import FILE, InputsRecord, StudyRecord

VERSION = 6
TRAINING_VERSION = 4
MODEL = "model"


def study_images(
    source: str | Path = DIGITS,
    encoder: Any = None,
    out: str | Path = "images-study",
    *,
    test: str | Path | None = None,
    image_field: str | None = None,
    label_field: str | None = None,
    options: ImageStudyOptions | None = None,
    export_block: int | None = None,
    device: str = "cpu",
    progress: Progress = SILENT,
    report: bool = True,
) -> Study:
    """Read out the classes of images from every block of an encoder, beside its untrained twins.

    Under `torchrun` the encoder and its twins are shared among the processes.

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
        report: write the page as well.

    Raises:
        UserError: an input that cannot be used, or a folder that cannot be written.

    Examples:
        >>> import blocklens
        >>> options = blocklens.ImageStudyOptions(
        ...     train_images=20, test_images=10, read_outs=1, untrained=0, head_images=0,
        ...     vit={"blocks": 2, "width": 16, "epochs": 1},
        ... )
        >>> study = blocklens.images("digits", out="my-images", options=options)
        >>> study.report.name
        'report.html'

    """
    options, share = options or ImageStudyOptions(), join()
    if share.rank == 0:
        output_folder(Path(out), FILE)  # before the images are read
    data = draw_images(
        open_images(source, test=test, image_field=image_field, label_field=label_field),
        train=options.train_images, test=options.test_images, seed=options.seed,
        strict=options.strict, progress=progress,
    )  # fmt: skip
    with StudyRun(out, "images", share=share, progress=progress) as run:
        trained: Mapping[str, Any] | None = None
        if encoder is None:
            vit = options.vit.model_copy(update={"seed": options.seed}).chosen(data)
            options = options.model_copy(update={"vit": vit})
            trained = run.measure(training_part(run.folder, data, options.vit, device)).facts
            encoder = Encoder.load(run.folder / MODEL, device=device)
            encoder.name = f"ViT-{encoder.blocks} of {data.description}"
        else:
            encoder = Encoder.of(encoder, device=device)
        if encoder.processor is None:
            raise UserError(
                f"{encoder.name}: reads texts, not images; give an image encoder, such as a ViT"
            )
        pooling = pooling_of(encoder, options.pooling)
        read_outs = ImageReadOuts(seeds=options.read_outs, pooling=pooling)
        if export_block is not None:
            check_exportable(encoder, export_block, read_outs)
        run.measure(classes_part(encoder, data, options, read_outs, export_block))
        images = InputsRecord(
            description=data.description, classes=data.classes, train=len(data.train),
            test=len(data.test), skipped=data.skipped_count, skipped_list=data.skipped,
        )  # fmt: skip
        record = StudyRecord(
            kind="images",
            **encoder_facts(encoder),
            images=images,
            options=options.model_dump(mode="json", exclude=None if trained else {"vit"}),
            hashes={"images": data.digest(), "encoder": encoder.fingerprint()},
        )
        done = run.finish(record, data.notes, report=report)
        for line in remove_stale(run.folder) if share.rank == 0 else []:
            progress.say(line)
        return done


def training_part(folder: Path, data: ImageData, chosen: VitOptions, device: str) -> Part:
    """Training the ViT into `model/`; its facts say how that went."""

    def train(progress: Progress) -> Result:
        trained = train_vit(data, chosen, device=device, progress=progress)
        export_vit(folder / MODEL, trained, data)
        return Result({}, {"held_out": trained.held_out, "history": trained.history})

    made_of = {"options": chosen, "images": data.digest()}
    step = Step("ViT", made_of, train, keeps=MODEL, alone=True)
    return Part("training", TRAINING_VERSION, [step])


def classes_part(
    encoder: Encoder,
    data: ImageData,
    options: ImageStudyOptions,
    read_outs: ImageReadOuts,
    export_block: int | None,
) -> Part:
    """The encoder and its untrained twins, each with its heads, and the pixels alone."""
    made_of = {
        "read-outs": read_outs, "head images": options.head_images, "images": data.digest(),
        "encoder": encoder.fingerprint(),
    }  # fmt: skip

    def run(name: str, of: Callable[[], Encoder]) -> Step:
        once = partial(run_once, name, of, data, read_outs, options)
        return Step(name, made_of, once, alone=True)

    steps = [run("encoder", lambda: encoder)]
    for seed in range(options.untrained):
        steps.append(run(f"untrained {seed}", partial(encoder.untrained, seed)))
    pixels = {"read-outs": read_outs, "images": data.digest()}
    steps.append(Step("pixels", pixels, partial(pixels_once, data, read_outs), alone=True))

    def export(folder: Path, tables: Tables) -> list[Path]:
        if export_block is None:
            return []
        accuracy = tables["advice"]["accuracy"].to_numpy(dtype=float)  # [blocks + 1]
        name = f"{encoder.name}, blocks 1 to {export_block}"
        card = shorter_card(name, encoder, data, export_block, accuracy[export_block], accuracy[-1])
        model = shorter_classifier(encoder, data, export_block, read_outs)
        save_model(exported_place(folder, export_block), model, encoder.processor, card)
        mark_exported(folder, export_block, "encoder")
        return []  # it stays when another block is asked for

    said = partial(notes, encoder, options, read_outs)
    return Part("classes", VERSION, steps, notes=said, extras=export)


def run_once(
    name: str,
    of: Callable[[], Encoder],
    data: ImageData,
    read_outs: ImageReadOuts,
    options: ImageStudyOptions,
    progress: Progress,
) -> Result:
    """One encoder's read-outs and heads."""
    encoder = of()
    facts = {"heads measured": False}
    measured = measure_image_classes(encoder, data, run=name, options=read_outs, progress=progress)
    tables = measured.tables
    if options.head_images:
        try:
            heads = measure_patches(
                encoder, data.test, run=name, limit=options.head_images, progress=progress
            )
        except UserError:  # an attention of its own: the study's notes say so
            heads = None
        if heads is not None:
            tables["image_heads"], facts["heads measured"] = heads, True
    return Result(tables, facts)


def pixels_once(data: ImageData, read_outs: ImageReadOuts, progress: Progress) -> Result:
    """The pixels' read-out."""
    baseline = measure_pixels(data, options=read_outs, progress=progress)
    return Result({"baseline": baseline}, {})


def notes(
    encoder: Encoder,
    options: ImageStudyOptions,
    read_outs: ImageReadOuts,
    facts: Facts,
    _: Tables,
) -> list[str]:
    """What a reader must know of the read-outs, the intervals and the controls."""
    if read_outs.pooling == "first":
        said = [
            "A read-out sees an image as its [CLS] token. At block 0 that token has not seen the "
            "image yet, so the accuracy there is chance."
        ]
    else:
        said = ["A read-out sees an image as the mean over its tokens."]
    said.append("The intervals are over images and seeds of the read-outs.")
    if not options.untrained:
        said.append("No untrained twin was measured, so no claim that needs one has a verdict.")
    if options.head_images and not facts["encoder"]["heads measured"]:
        said.append(
            "The heads were not measured: this encoder has none, does not say where its patches "
            "lie, or does not compute its attention through transformers' interface."
        )
    return said

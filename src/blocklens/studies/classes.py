"""The classes part of a study: labelled texts, read out or fine-tuned along the blocks.

Steps: the encoder's read-outs with confidence against input APT, those of untrained twins, TF-IDF
beside them; and, where asked for, the encoder fine-tuned up to every block, and an untrained twin
trained alike. A classifier is kept in `model/`: fine-tuned up to the last block, or else the
read-out of the last block on its frozen trunk.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from blocklens.claims.text_classes import PREFIX, TUNED
from blocklens.encoder import Encoder
from blocklens.errors import UserError
from blocklens.learning.class_heads import ClassHead, train_class_heads
from blocklens.learning.class_models import new_classifier, save_classifier, with_read_out
from blocklens.learning.input_apt import (
    InputAPT,
    KeptAnswers,
    answers_of,
    input_apt_tables,
    measure_input_apt,
    read_out_answers,
    why_no_apt,
)
from blocklens.learning.kept_outputs import tokenised
from blocklens.learning.text_classes import (
    ClassTexts,
    TextReadOuts,
    family_training,
    measure_text_classes,
    measure_truncated,
    text_outputs,
)
from blocklens.learning.tfidf import measure_tfidf
from blocklens.learning.truncation import FineTuning, fine_tune
from blocklens.studies.options import ClassOptions
from blocklens.studies.parts import Part, Result, Step, StepProgress, Work
from blocklens.texts.labelled import SIZES, LabelledTexts, Samples, read_labelled, samples

OF_LABELS = ("learning", "seeds", "accuracy", "confusion", "clusters", "cluster_sweep", "advice")
OF_INPUTS = ("confidence", "confidence_curve", "replacement")
TABLES = (
    *(PREFIX + name for name in (*OF_LABELS, "baseline", *OF_INPUTS)),
    *(TUNED + name for name in OF_LABELS),
)
MODEL = "model"
TUNED_STEP = "fine-tuned"
NOT_MEASURED = {"data", "test", "text_field", "label_field", "strict", "margin", "variant",
                "untrained"}  # fmt: skip
"""Options that no figure depends on beside the texts themselves."""
OF_READ_OUTS, OF_TUNING = {"pooling"}, {"blocks", "epochs", "rate", "batch"}
"""Options that only one variant's figures depend on."""


def read_out(options: ClassOptions) -> bool:
    """Whether a frozen trunk is read out."""
    return options.variant in ("read-out", "both")


def tuned(options: ClassOptions) -> bool:
    """Whether classifiers are fine-tuned."""
    return options.variant in ("truncate", "both")


@dataclass(frozen=True)
class Given:
    """Labelled texts as they were read, the samples drawn, and what the seeds use of them."""

    data: LabelledTexts
    drawn: Samples
    texts: ClassTexts

    @classmethod
    def of(cls, options: ClassOptions) -> Given:
        """Read and draw. Raises UserError for what cannot be used."""
        data = read_labelled(
            options.data, test=options.test, preset=options.preset, field=options.text_field,
            label=options.label_field, markers=options.markers, strict=options.strict,
        )  # fmt: skip
        sizes = SIZES.get(options.preset or "", (None, None))
        drawn = samples(
            data, seeds=options.seeds, train=options.train or sizes[0],
            test=options.test_size or sizes[1],
            at_most=options.train is None and options.preset is not None,
        )  # fmt: skip
        return cls(data, drawn, ClassTexts.of(data, drawn))

    def digest(self) -> str:
        """A hash of the texts, their classes, and who is trained on what."""
        sha = hashlib.sha256(repr(self.data.names).encode("utf-8", "surrogatepass"))
        for array in (self.texts.labels, self.texts.keys, self.texts.train, self.texts.test):
            sha.update(array.tobytes())
        return sha.hexdigest()

    def facts(self) -> dict[str, Any]:
        """What a report says of the texts."""
        short = self.drawn.short
        return {
            "description": self.data.description,
            "classes": self.data.names,
            "read": len(self.data),
            "train": int(self.texts.train.shape[1]),
            "test": int(self.texts.test.shape[1]),
            "seeds": len(self.texts.test),
            "left_out": dict(self.data.left_out),
            "skipped": len(self.data.skipped),
            "skipped_list": [f"{bad.name}: {bad.reason}" for bad in self.data.skipped[:1000]],
            "short": {"classes": len(short), "fewest": min(short.values(), default=0)},
        }


def left_out(work: Work) -> str | None:
    """Why text classes cannot be measured here."""
    if work.options.classes is None:
        return "Text classes were not measured: no labelled texts were given (--data)."
    if work.encoder.tokenizer is None:
        return "Text classes were not measured: the encoder has no tokenizer."
    return None


def steps(work: Work) -> list[Step]:
    """The encoder, its untrained twins, TF-IDF, and the fine-tuned classifiers."""
    options = work.options.classes
    assert options is not None  # left_out saw to it
    check(work.encoder, options)
    given = Given.of(options)
    chosen = read_outs_of(work.encoder, options)
    digest, found = given.digest(), list[Step]()

    def step(name: str, run: Callable[[StepProgress | None], Result], keeps: bool = False) -> None:
        if keeps and work.share.rank == 0:
            forget_without_model(work.folder, name)
        other = OF_READ_OUTS if name.startswith(TUNED_STEP) else OF_TUNING
        made_of = (options.model_dump(exclude=NOT_MEASURED | other), digest)
        first = lambda progress: None if work.share.rank else run(progress)  # noqa: E731
        found.append(Step(name, made_of, first))

    if read_out(options):
        keeps = not tuned(options)
        step("encoder", partial(read_out_once, work, options, given, chosen, keeps), keeps)
        for seed in range(options.untrained):
            step(f"untrained {seed}", partial(twin_once, work, seed, given.texts, chosen))
    step("TF-IDF", partial(tfidf_once, given, chosen))
    if tuned(options):
        step(TUNED_STEP, partial(tuned_once, work, options, given, chosen), keeps=True)
        if options.untrained:
            step(f"{TUNED_STEP}, untrained 0", partial(tuned_twin, work, options, given, chosen))
    return found


def forget_without_model(folder: Path, name: str) -> None:
    """Forget a step's result where the classifier that goes with it is not in `model/`."""
    place = folder / "runs" / "classes" / name
    facts = place / "facts.json"
    if facts.is_file():
        said = json.loads(facts.read_text("utf-8"))
        if "no_model" not in said and said.get("model") != weights_digest(folder / MODEL):
            shutil.rmtree(place)


def weights_digest(model: Path) -> str | None:
    """A hash of a model folder's weights, or None where there are none."""
    weights = model / "model.safetensors"
    if not weights.is_file():
        return None
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(encoder: Encoder, options: ClassOptions) -> None:
    """See before measuring whether options go together. Raises UserError where they do not."""
    wrong = [block for block in options.blocks or () if not 1 <= block <= encoder.blocks]
    if wrong:
        raise UserError(
            f"{encoder.name}: cannot stop after block {wrong[0]}: it has blocks 1 to "
            f"{encoder.blocks}"
        )
    if options.blocks is not None and not tuned(options):
        raise UserError(
            "--blocks: read-outs are of all blocks at once; give it with --variant truncate"
        )


def read_outs_of(encoder: Encoder, options: ClassOptions) -> TextReadOuts:
    """How the options ask for read-outs and fine-tuning."""
    tuning = FineTuning(epochs=options.epochs, rate=options.rate, batch=options.batch)
    return TextReadOuts(
        tokens=min(options.tokens, encoder.max_tokens), pooling=options.pooling,
        training=family_training(encoder), tuning=tuning,
    )  # fmt: skip


def read_out_once(
    work: Work,
    options: ClassOptions,
    given: Given,
    chosen: TextReadOuts,
    keeps: bool,
    progress: StepProgress | None,
) -> Result:
    """The encoder's read-outs, its confidence, and the last block's classifier in `model/`."""
    encoder = work.encoder
    measured = measure_text_classes(encoder, given.texts, options=chosen, progress=progress)
    tables = prefixed(PREFIX, measured.tables)
    facts = given.facts()
    inputs = inputs_of(encoder, options, given, chosen, facts, progress)
    assert measured.heads is not None
    if inputs is not None:
        answers = answers_of(read_out_answers(encoder, measured.heads, chosen.pooling), inputs)
        tables |= prefixed(
            PREFIX, input_apt_tables(given.texts, inputs, measured, answers, read_out="read-out")
        )
    if keeps:
        try:
            if chosen.pooling != "first":
                raise UserError("its classifier sees [CLS], not the mean over the tokens")
            head = measured.heads.head(encoder.blocks, 0)
            model = with_read_out(encoder, head, given.texts.names, blocks=encoder.blocks)
        except UserError as error:
            facts["no_model"] = str(error)
        else:
            accuracy = accuracy_at(tables[f"{PREFIX}learning"], encoder.blocks)
            card = classifier_card(encoder, given, encoder.blocks, "read-out", accuracy)
            keep_classifier(work.folder / MODEL, encoder, model, card, chosen.tokens)
            facts["model"] = weights_digest(work.folder / MODEL)
    return Result(tables, facts)


def tuned_once(
    work: Work,
    options: ClassOptions,
    given: Given,
    chosen: TextReadOuts,
    progress: StepProgress | None,
) -> Result:
    """Classifiers fine-tuned up to every block; the last one of seed 0 goes to `model/`."""
    encoder, facts = work.encoder, given.facts()
    last = max(options.blocks or (encoder.blocks,))
    inputs = inputs_of(encoder, options, given, chosen, facts, progress)
    answers = None if inputs is None else KeptAnswers(encoder, inputs, last)
    kept: list[Any] = []

    def each(model: Any, block: int, seed: int) -> None:
        if answers is not None:
            answers.look(model, block, seed)
        if block == last and seed == 0:
            kept.append(model)

    measured = measure_truncated(
        encoder, given.texts, blocks=options.blocks, options=chosen, each=each, progress=progress
    )
    tables = prefixed(TUNED, measured.tables)
    if inputs is not None and answers is not None:
        found = input_apt_tables(given.texts, inputs, measured, answers.both(), read_out="truncate")
        tables |= prefixed(PREFIX, found)
    accuracy = accuracy_at(tables[f"{TUNED}learning"], last)
    card = classifier_card(encoder, given, last, "truncate", accuracy)
    keep_classifier(work.folder / MODEL, encoder, kept[0], card, chosen.tokens)
    facts["model"] = weights_digest(work.folder / MODEL)
    return Result(tables, facts)


def twin_once(
    work: Work, seed: int, texts: ClassTexts, chosen: TextReadOuts, progress: StepProgress | None
) -> Result:
    """An untrained twin's read-outs."""
    twin = work.encoder.untrained(seed)
    measured = measure_text_classes(
        twin, texts, run=f"untrained {seed}", options=chosen, progress=progress
    )
    return Result(prefixed(PREFIX, measured.tables), {})


def tuned_twin(
    work: Work,
    options: ClassOptions,
    given: Given,
    chosen: TextReadOuts,
    progress: StepProgress | None,
) -> Result:
    """An untrained twin trained as the encoder was fine-tuned."""
    measured = measure_truncated(
        work.encoder.untrained(0), given.texts, run="untrained 0", blocks=options.blocks,
        options=chosen, progress=progress,
    )  # fmt: skip
    return Result(prefixed(TUNED, measured.tables), {})


def tfidf_once(given: Given, chosen: TextReadOuts, progress: StepProgress | None) -> Result:
    """TF-IDF with logistic regression on the same texts."""
    found = measure_tfidf(given.texts, options=chosen.labels, progress=progress)
    return Result({f"{PREFIX}baseline": found}, given.facts())


def inputs_of(
    encoder: Encoder,
    options: ClassOptions,
    given: Given,
    chosen: TextReadOuts,
    facts: dict[str, Any],
    progress: StepProgress | None,
) -> InputAPT | None:
    """APT of the texts' tokens, or None with its reason among the facts."""
    why = why_no_apt(encoder) if options.confidence else "it was not asked for"
    if why is not None:
        facts["no_apt"] = why
        return None
    found = measure_input_apt(encoder, given.texts, tokens=chosen.tokens, progress=progress)
    facts |= found.facts
    return found


def prefixed(prefix: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables with their names in the study."""
    return {prefix + name: table for name, table in tables.items()}


def accuracy_at(learning: pd.DataFrame, block: int) -> float:
    """The encoder's accuracy at a block."""
    learning = learning.loc[learning["run"] == "encoder"]
    rows = learning.loc[(learning["statistic"] == "accuracy") & (learning["block"] == block)]
    return float(rows["value"].iloc[0])


def classifier_of(
    encoder: Encoder, given: Given, block: int, chosen: TextReadOuts, *, fine: bool
) -> Any:
    """The classifier up to a block, as seed 0 trains it: fine-tuned, or the trunk frozen.

    Raises:
        UserError: no such block, or a family whose classifier has no place for a read-out.

    """
    texts = given.texts
    ids = tokenised(encoder, texts.texts, tokens=chosen.tokens)
    if fine:
        model = new_classifier(encoder, texts.names, blocks=block, seed=0)
        return fine_tune(
            model, encoder.tokenizer, ids, texts.labels, texts.train[0], chosen.tuning, seed=0
        )
    outputs = text_outputs(encoder, ids, chosen.pooling)[block : block + 1]
    heads = train_class_heads(
        outputs, texts.labels, texts.train[:1], chosen.training, classes=len(texts.names)
    )
    return with_read_out(encoder, heads.head(0, 0), texts.names, blocks=block)


def check_exportable(encoder: Encoder, options: ClassOptions, block: int) -> None:
    """See before measuring whether a block can be exported. Raises UserError where it cannot."""
    new_classifier(encoder, ["a", "b"], blocks=block)
    if tuned(options):
        return
    if options.pooling != "first":
        raise UserError(
            f"{encoder.name}: its classifier sees [CLS], a read-out of the mean over the tokens "
            "has no place in it: leave out --pooling mean"
        )
    width = int(encoder.config.hidden_size)
    head = ClassHead(
        torch.zeros(width, width), torch.zeros(width), torch.zeros(2, width), torch.zeros(2)
    )
    with_read_out(encoder, head, ["a", "b"], blocks=block)


def export_block(encoder: Encoder, options: ClassOptions, block: int, folder: Path) -> Path:
    """Write the classifier up to `block` of seed 0 into `folder/block-<number>`.

    Its accuracy and that of the last block stand in its card, from the study in `folder`.

    Raises:
        UserError: see `classifier_of`, or a folder that cannot be written.

    """
    check_exportable(encoder, options, block)
    given, chosen, fine = Given.of(options), read_outs_of(encoder, options), tuned(options)
    model = classifier_of(encoder, given, block, chosen, fine=fine)
    learning = pd.read_parquet(folder / "tables" / f"{TUNED if fine else PREFIX}learning.parquet")
    blocks = set(learning["block"].dropna())
    card = classifier_card(
        encoder, given, block, "truncate" if fine else "read-out",
        accuracy_at(learning, block) if block in blocks else None,
        accuracy_at(learning, max(blocks)),
    )  # fmt: skip
    place = folder / f"block-{block}"
    keep_classifier(place, encoder, model, card, chosen.tokens)
    return place


def keep_classifier(place: Path, encoder: Encoder, model: Any, card: str, tokens: int) -> None:
    """Write a classifier's folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    save_classifier(place, model.cpu(), encoder.tokenizer, card, tokens=tokens)


def classifier_card(
    encoder: Encoder,
    given: Given,
    block: int,
    variant: str,
    accuracy: float | None,
    last: float | None = None,
) -> str:
    """The model card: what it is, what it was trained on, how often it is right."""
    texts, name = given.texts, Path(encoder.name).name
    how = (
        "with all weights fine-tuned"
        if variant == "truncate"
        else "as they were, with a read-out trained on the last of them"
    )
    lines = [
        "---", "library_name: transformers", "pipeline_tag: text-classification",
        "tags: [blocklens]", "---", "", f"# {name}, blocks 1 to {block}", "",
        f"Blocks 1 to {block} of {encoder.blocks} of {name}, {how}, by blocklens: "
        f"{len(texts.names)} classes, {texts.train.shape[1]:,} training texts "
        f"({Path(given.data.description).name}).", "",
    ]  # fmt: skip
    if accuracy is not None:
        lines.append(
            f"- accuracy on {texts.test.shape[1]:,} other texts, mean over {len(texts.test)} "
            f"seeds (this is seed 0): {accuracy:.4f}"
        )
    if last is not None:
        lines.append(f"- that of the last block: {last:.4f}")
    return "\n".join([*lines, ""])


def notes(work: Work, facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What was read, left out and drawn, and what stands behind the numbers."""
    options = work.options.classes
    assert options is not None
    said = facts["TF-IDF"]
    found = [
        f"Text classes: {said['train']:,} texts to train on and {said['test']:,} to measure on of "
        f"{len(said['classes'])} classes, drawn anew for each of {said['seeds']} seeds; texts were "
        f"cut after {min(options.tokens, work.encoder.max_tokens)} tokens."
    ]
    found += [f"Labelled texts {reason}: {count:,}." for reason, count in said["left_out"].items()]
    if said["skipped"]:
        found.append(
            f"Records without a text or a label: {said['skipped']:,}, the first "
            f"{said['skipped_list'][0]}."
        )
    if said["short"]["classes"]:
        found.append(
            f"{said['short']['classes']} classes have fewer training texts than the preset asks "
            f"for; the smallest has {said['short']['fewest']}."
        )
    if read_out(options) and options.pooling == "first":
        found.append(
            "A read-out sees a text as its [CLS] token. At block 0 that token has not seen the "
            "text yet, so the accuracy there is chance."
        )
    own = facts.get(TUNED_STEP) or facts.get("encoder") or {}
    if "no_apt" in own:
        found.append(f"Confidence was not set against input APT: {own['no_apt']}.")
    elif own:
        head = "its own head" if own["apt_head"] == "lens" else "a read-out trained on half of them"
        found.append(
            f"Input APT was measured on the labelled texts with {head}; "
            f"{own['tokens_with_partner']:,} tokens have a strong match partner."
        )
    if "no_model" in own:
        found.append(f"No classifier was kept in {MODEL}: {own['no_model']}.")
    if not options.untrained:
        found.append("No untrained twin was trained on the classes, so claims lack a control.")
    return found


PART = Part("classes", TABLES, steps, left_out=left_out, notes=notes)

"""The classifiers of a study of text classes: the one kept in `model/`, and exported blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from blocklens.encoder.shortened import card_head
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.labels.tasks import FINE_TUNED, TEXT
from blocklens.readouts.block_outputs import tokenised
from blocklens.readouts.class_heads import ClassHead, train_class_heads
from blocklens.readouts.finetuning import fine_tune
from blocklens.readouts.text_classifiers import new_classifier, save_classifier, with_read_out
from blocklens.readouts.text_task import TextReadOuts, text_outputs
from blocklens.studies.exported import exported_place, mark_exported
from blocklens.studies.labelled_samples import Given, read_outs_of, tuned
from blocklens.studies.study_options import ClassOptions
from blocklens.wording import counted

MODEL = "model"
TUNED_STEP = "fine-tuned"


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
    learning = pd.read_parquet(folder / "tables" / "learning.parquet")
    learning = learning.loc[learning["task"].eq((FINE_TUNED if fine else TEXT).name)]
    blocks = {int(block) for block in learning["block"].to_list() if not pd.isna(block)}
    card = classifier_card(
        encoder, given, block, "truncate" if fine else "read-out",
        accuracy_at(learning, block) if block in blocks else None,
        accuracy_at(learning, max(blocks)),
    )  # fmt: skip
    place = exported_place(folder, block)
    save_classifier(place, model, encoder.tokenizer, card, tokens=chosen.tokens)
    mark_exported(folder, block, TUNED_STEP if fine else "encoder")
    return place


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
        *card_head("text-classification", f"{name}, blocks 1 to {block}"),
        f"Blocks 1 to {block} of {encoder.blocks} of {name}, {how}, by blocklens: "
        f"{counted(len(texts.names), 'class', 'classes')}, {texts.train.shape[1]:,} training texts "
        f"({Path(given.data.description).name}).", "",
    ]  # fmt: skip
    if accuracy is not None:
        lines.append(
            f"- accuracy on {texts.test.shape[1]:,} other texts, mean over "
            f"{counted(len(texts.test), 'seed')} (this is seed 0): {accuracy:.4f}"
        )
    if last is not None:
        lines.append(f"- that of the last block: {last:.4f}")
    return "\n".join([*lines, ""])

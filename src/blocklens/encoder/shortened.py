"""A trunk shortened to a block: its configuration, its weights, and the folder that it is saved in.

One way for text and image encoders; the heads that go on it are in `text_classifiers` and
`image_classifiers`, in the room of the read-outs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from blocklens.encoder.loading import is_needed, quiet_transformers
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.safe_text import without_html
from blocklens.storage import whole_folder

OF_ALL_BLOCKS = ("stage_names", "out_features", "out_indices")
"""What a configuration derives from the number of blocks (DINOv2) and has to derive anew."""


def check_block(encoder: Encoder, block: int) -> None:
    """Raises UserError where the encoder has no such block to stop after."""
    if not 1 <= block <= encoder.blocks:
        raise UserError(
            f"{encoder.name}: cannot stop after block {block}: it has blocks 1 to {encoder.blocks}"
        )


def shorter_config(encoder: Encoder, blocks: int, names: Sequence[str] | None = None) -> Any:
    """The encoder's configuration with its first `blocks` blocks, and with the classes `names`.

    Raises:
        UserError: a number of blocks that the encoder has not got.

    """
    check_block(encoder, blocks)
    values = encoder.config.to_dict()
    for derived in OF_ALL_BLOCKS:
        values.pop(derived, None)
    values["num_hidden_layers"] = blocks
    # Without an architecture the family's plain classifier is taken (DeiT has one with a teacher).
    values["architectures"] = []
    if values.get("layer_types"):
        values["layer_types"] = list(values["layer_types"])[:blocks]
    config = type(encoder.config).from_dict(values)
    if names is not None:
        config.id2label = dict(enumerate(names))
        config.label2id = {name: number for number, name in enumerate(names)}
    return config


def load_trunk(trunk: nn.Module, encoder: Encoder) -> None:
    """Copy the encoder's weights into a trunk of as many blocks or fewer; not those of a pooler.

    A pooler belongs to the head: a checkpoint of a masked-LM model has none, and one that was never
    trained must not differ from run to run.

    Raises:
        UserError: the shorter trunk has weights that the whole one lacks.

    """
    given = encoder.model.state_dict()
    wanted = [name for name in trunk.state_dict() if is_needed(name)]
    for name in wanted:
        if name not in given:
            raise UserError(
                f"{encoder.name}: {encoder.config.model_type} cannot be shortened: its shorter "
                f"form wants {name}, which the whole one lacks"
            )
    trunk.load_state_dict({name: given[name] for name in wanted}, strict=False)


def card_head(task: str, title: str, *tags: str) -> list[str]:
    """The first lines of a classifier's model card: what the Hub reads of it, and its title."""
    return [
        "---", "library_name: transformers", f"pipeline_tag: {task}",
        f"tags: [{', '.join(('blocklens', *tags))}]", "---", "", f"# {title}", "",
    ]  # fmt: skip


def save_model(folder: Path, model: Any, preparation: Any, card: str) -> None:
    """Write a model, its tokenizer or image processor, and its card, whole or not at all.

    Raises:
        UserError: the folder cannot be written.

    """
    with whole_folder(folder) as partial, quiet_transformers():
        model.save_pretrained(partial)
        preparation.save_pretrained(partial)
        (partial / "README.md").write_text(without_html(card), encoding="utf-8")

"""A shorter image classifier: the trunk up to a block, with that block's read-out as its head.

The read-out sees [CLS] after the trunk's final norm, which is what the classifier of ViT and its
kin sees. So the shorter model answers as the read-out does, and `AutoModelForImageClassification`
loads it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from blocklens.encoder.loading import quiet_transformers
from blocklens.encoder.shortened import card_head, check_block, load_trunk, shorter_config
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.images.drawing import ImageData
from blocklens.readouts.block_outputs import kept_outputs
from blocklens.readouts.class_heads import train_class_heads
from blocklens.readouts.image_task import ImageReadOuts, image_batches, pooling_of
from blocklens.safe_text import public_name
from blocklens.wording import counted

SEES_CLASS_TOKEN = ("vit", "deit", "vit_msn")
"""Families whose classifier is a linear layer on [CLS]."""
SEES_MEAN_TOO = ("dinov2", "dinov2_with_registers")
"""Families whose classifier sees the mean over the patches beside [CLS]: its weights are zero."""


def check_exportable(encoder: Encoder, block: int, options: ImageReadOuts) -> None:
    """See before measuring whether the trunk can be shortened to `block` and saved with a read-out.

    Raises:
        UserError: no such block, a family whose classifier has another form, or read-outs that see
            the mean over the patches.

    """
    family = encoder.config.model_type
    if family not in (*SEES_CLASS_TOKEN, *SEES_MEAN_TOO):
        raise UserError(
            f"{encoder.name}: the classifier of {family} has another form than a read-out, so no "
            f"block can be exported; families that can: "
            f"{', '.join((*SEES_CLASS_TOKEN, *SEES_MEAN_TOO))}"
        )
    check_block(encoder, block)
    if pooling_of(encoder, options.pooling) != "first":
        raise UserError(
            f"{encoder.name}: its classifier sees [CLS], a read-out of the mean over the patches "
            "has no place in it: leave out --pooling mean"
        )


def shorter_classifier(
    encoder: Encoder, data: ImageData, block: int, options: ImageReadOuts | None = None
) -> Any:
    """The classifier whose trunk ends with `block`, with the read-out of seed 0 as its head.

    A read-out does not depend on the others trained beside it, so it is trained anew, alone.

    Args:
        encoder: an image encoder.
        data: the images that the read-out is trained on.
        block: the last block to keep, 1..L.
        options: how the read-out is trained, as in `measure_image_classes`.

    Raises:
        UserError: see `check_exportable`.

    """
    options = options or ImageReadOuts()
    check_exportable(encoder, block, options)
    count = len(data.train)
    outputs = kept_outputs(encoder, image_batches(encoder, data.train), count)
    heads = train_class_heads(
        outputs[block : block + 1], data.train.labels, np.arange(count)[None], options.training,
        classes=len(data.classes),
    )  # fmt: skip
    head = heads.head(0, 0)
    if head.dense is not None:
        raise UserError("a read-out with a pooler has no place in an image classifier: use linear")
    return with_read_out(encoder, block, head.classifier, head.bias, data.classes)


def with_read_out(
    encoder: Encoder,
    block: int,
    weight: Float[Tensor, "classes width"],
    bias: Float[Tensor, " classes"],
    names: list[str],
) -> Any:
    """A classifier of the trunk up to `block`; `weight` [classes, width], `bias` [classes]."""
    from transformers import AutoModelForImageClassification

    with quiet_transformers():
        model = AutoModelForImageClassification.from_config(shorter_config(encoder, block, names))
    load_trunk(getattr(model, model.base_model_prefix), encoder)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.weight[:, : weight.shape[1]] = weight
        model.classifier.bias.copy_(bias)
    return model.eval()


def shorter_card(
    name: str, encoder: Encoder, data: ImageData, block: int, accuracy: float, whole: float
) -> str:
    """The model card of a shorter classifier: what it is, and what it loses."""
    lines = [
        *card_head("image-classification", name),
        f"Blocks 1 to {block} of {encoder.blocks} of {public_name(encoder.name)}, with a linear "
        f"read-out that blocklens trained on {counted(len(data.train), 'image')} of "
        f"{counted(len(data.classes), 'class', 'classes')} ({public_name(data.description)}); "
        "the blocks are as they were.", "",
        f"- accuracy of its block's read-outs on {counted(len(data.test), 'other image')}: "
        f"{accuracy:.4f}",
        f"- that of the last block's: {whole:.4f}", "",
    ]  # fmt: skip
    return "\n".join(lines)

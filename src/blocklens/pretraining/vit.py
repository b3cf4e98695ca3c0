"""A small ViT trained from scratch: the image classifier of ours, an ordinary Hugging Face model.

The lean loop of `pretrain`, for the same reason: which images a step sees and how each is shifted
is a function of (seed, epoch, image) alone. The recipe (AdamW, linear decay after a warm-up, random
shifts of an eighth of the image) is ours; P2's networks and data for images are not known.

The model takes three channels, grey images three equal ones: what hands over RGB, such as
transformers' pipeline, can use it as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from blocklens.encoder.loading import on_device, quiet_transformers
from blocklens.encoder.matmul import with_fast_products
from blocklens.encoder.shortened import card_head, save_model
from blocklens.errors import UserError
from blocklens.inputs.images.drawing import ImageData
from blocklens.pretraining.descent import Descent
from blocklens.pretraining.masking import shuffled
from blocklens.pretraining.vit_options import VitOptions
from blocklens.progress import SILENT, Progress
from blocklens.safe_text import public_name
from blocklens.wording import counted


@dataclass(frozen=True)
class Trained:
    """A ViT with its processor, the options with every default filled in, and how it went.

    `history`: mean loss and accuracy on the (shifted) training images of every epoch.
    `held_out`: accuracy on the images to measure on.
    """

    model: Any
    processor: Any
    options: VitOptions
    history: list[dict[str, float]]
    held_out: float


def train_vit(
    data: ImageData,
    options: VitOptions | None = None,
    *,
    device: str = "cpu",
    progress: Progress = SILENT,
) -> Trained:
    """Train a ViT on the images to train on; its linear layers compute by `matmul.linear`.

    Args:
        data: the images.
        options: the ViT and its training.
        device: where to compute.
        progress: told how many images it has seen.

    Raises:
        UserError: options that do not fit the images, or a loss that is not a number.

    """
    options = (options or VitOptions()).chosen(data)
    assert options.side is not None
    assert options.epochs is not None
    assert options.shift is not None
    pixels = data.train.pixels(options.side, 3)
    labels = torch.from_numpy(data.train.labels)
    model, processor = new_vit(data.classes, options, pixels)
    with_fast_products(model)
    on_device(model, device).train()
    count = len(labels)
    descent = Descent(
        model.parameters(),
        rate=options.rate,
        weight_decay=options.weight_decay,
        steps=options.epochs * -(-count // options.batch),
        warm_up=options.warm_up,
        clip=1.0,
    )
    history: list[dict[str, float]] = []
    with progress.stage("", options.epochs * count, "images") as stage:
        for epoch in range(options.epochs):
            order = shuffled(count, seed=options.seed, epoch=epoch)
            moves = np.random.Generator(np.random.Philox(key=[options.seed, 1 << 32 | epoch]))
            offsets = moves.integers(-options.shift, options.shift + 1, size=(count, 2))
            mirrored = moves.random(count) < (0.5 if options.flip else 0.0)
            total = right = 0.0
            for start in range(0, count, options.batch):
                chosen = order[start : start + options.batch]
                batch = moved(pixels[chosen], offsets[chosen], mirrored[chosen])
                wanted = labels[chosen].to(device)
                scores = model(pixel_values=normalised(batch, processor).to(device)).logits
                loss = torch.nn.functional.cross_entropy(scores, wanted)
                descent.step(loss)
                total += float(loss.detach()) * len(chosen)
                right += int((scores.argmax(dim=1) == wanted).sum())
                stage.advance(len(chosen))
            if not np.isfinite(total):
                raise UserError(f"epoch {epoch + 1}: the loss is not a number: take a lower --rate")
            history.append({"loss": total / count, "accuracy": right / count})
    model.eval()
    held_out = accuracy_of(model, processor, data.test.pixels(options.side, 3), data.test.labels)
    return Trained(model, processor, options, history, held_out)


def new_vit(
    classes: list[str], options: VitOptions, pixels: UInt8[np.ndarray, "images side side 3"]
) -> tuple[Any, Any]:
    """A fresh ViT for `classes`, and a processor that normalises by the images' mean and spread.

    `options` as `VitOptions.chosen` gives them.
    """
    from transformers import ViTConfig, ViTForImageClassification
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    side, patch, feed_forward = options.side, options.patch, options.feed_forward
    assert side is not None
    assert patch is not None
    assert feed_forward is not None
    config = ViTConfig(
        image_size=side,
        patch_size=patch,
        num_channels=3,
        hidden_size=options.width,
        num_hidden_layers=options.blocks,
        num_attention_heads=options.heads,
        intermediate_size=feed_forward,
        # The usual 0.02 is for widths of several hundred: here the blocks would hardly act.
        initializer_range=0.5 * options.width**-0.5,
        id2label=dict(enumerate(classes)),
        label2id={name: number for number, name in enumerate(classes)},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        model = ViTForImageClassification(config)
    values = pixels.reshape(-1, 3) / 255
    with quiet_transformers():
        processor = ViTImageProcessorPil(
            size={"height": side, "width": side},
            image_mean=[round(float(one), 4) for one in values.mean(axis=0)],
            image_std=[max(round(float(one), 4), 0.01) for one in values.std(axis=0)],
        )
    return model, processor


def moved(
    pixels: UInt8[np.ndarray, "images side side 3"],
    offsets: Int64[np.ndarray, "images 2"],
    mirrored: Bool[np.ndarray, " images"],
) -> UInt8[np.ndarray, "images side side 3"]:
    """Images shifted by `offsets` (down, right) pixels, some of them mirrored first.

    What moves in from outside repeats the image's border.
    """
    side = pixels.shape[1]
    rows = np.clip(np.arange(side) - offsets[:, :1], 0, side - 1)
    columns = np.clip(np.arange(side) - offsets[:, 1:], 0, side - 1)
    columns = np.where(mirrored[:, None], side - 1 - columns, columns)
    image = np.arange(len(pixels))[:, None, None]
    return pixels[image, rows[:, :, None], columns[:, None, :]]


def normalised(
    pixels: UInt8[np.ndarray, "images side side 3"], processor: Any
) -> Float32[Tensor, "images 3 side side"]:
    """What the processor makes of images of the right size."""
    mean = torch.tensor(processor.image_mean, dtype=torch.float32).view(3, 1, 1)
    spread = torch.tensor(processor.image_std, dtype=torch.float32).view(3, 1, 1)
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(torch.float32)
    return (x * processor.rescale_factor - mean) / spread


@torch.inference_mode()
def accuracy_of(
    model: Any,
    processor: Any,
    pixels: UInt8[np.ndarray, "images side side 3"],
    labels: Int64[np.ndarray, " images"],
) -> float:
    """Share of the images whose class the model ranks first."""
    right = 0
    for start in range(0, len(pixels), 256):
        x = normalised(pixels[start : start + 256], processor).to(model.device)
        answers = model(pixel_values=x).logits.argmax(dim=1).cpu().numpy()
        right += int((answers == labels[start : start + 256]).sum())
    return right / len(pixels)


def export_vit(folder: Path, trained: Trained, data: ImageData) -> None:
    """Write weights, config, processor and card into `folder`, whole or not at all.

    Raises:
        UserError: the folder cannot be written.

    """
    save_model(folder, trained.model, trained.processor, vit_card(trained, data))


def vit_card(trained: Trained, data: ImageData) -> str:
    """The model card's Markdown: data, figures, and every option."""
    options, last = trained.options, trained.history[-1]
    lines = [
        *card_head("image-classification", f"ViT-{options.blocks}", "vit"),
        f"A ViT of {counted(options.blocks, 'block')}, {counted(options.heads, 'head')} and width "
        f"{options.width}, trained from scratch with blocklens on "
        f"{counted(len(data.train), 'image')} of "
        f"{counted(len(data.classes), 'class', 'classes')} ({public_name(data.description)}).", "",
        f"- accuracy on {counted(len(data.test), 'held-out image')}: {trained.held_out:.4f}",
        f"- accuracy on the shifted training images of the last epoch: {last['accuracy']:.4f}",
        f"- loss of the last epoch: {last['loss']:.4f}", "",
        "## Options", "", "```json", json.dumps(options.model_dump(), indent=2), "```", "",
    ]  # fmt: skip
    return "\n".join(lines)

"""Builders for the tests of images: a small ViT, its processor, and classes of shades."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from transformers import ViTConfig, ViTModel
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from blocklens.encoder.trunk import Encoder
from blocklens.inputs.images import Parts, Picture, draw_images
from blocklens.labels.cluster_statistics import ClusterOptions
from blocklens.labels.tables import LabelOptions
from blocklens.readouts.class_heads import ClassTraining
from blocklens.readouts.image_task import ImageReadOuts

QUICK = ImageReadOuts(
    seeds=2,
    training=ClassTraining(head="linear", epochs=10, least_steps=60, rate=1e-2),
    labels=LabelOptions(groups=5, clusters=ClusterOptions(null_seeds=1)),
)


def processor(side=8):
    return ViTImageProcessorPil(size={"height": side, "width": side})


def vit(seed=0, **changes) -> Encoder:
    torch.manual_seed(seed)
    config = {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "image_size": 8, "patch_size": 4, "initializer_range": 0.2,
    }  # fmt: skip
    model = ViTModel(ViTConfig(**{**config, **changes}), add_pooling_layer=False)
    return Encoder(model, processor=processor(), name="small ViT")


def shades(count=60, classes=3, size=(8, 8)):
    """Classes that differ in their shade."""
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(count):
        label = number % classes
        shade = rng.integers(0, 30, (*size[::-1], 3)) + 90 * label
        image = Image.fromarray(shade.astype(np.uint8))
        pictures.append(Picture(f"{number}", label, lambda image=image: image))
    names = ["dark", "middle", "light", "<b>odd</b>"][:classes]
    return draw_images(Parts("shades", names, pictures, None))

"""Image classes by the code of tokens and text classes, on encoders whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from transformers import (
    ConvNextConfig,
    ConvNextModel,
    SwinConfig,
    SwinModel,
)

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.heads.image_measurement import measure_patches
from blocklens.inputs.images import Parts, Picture, draw_images, open_images
from blocklens.labels.tables import MEAN
from blocklens.readouts.block_outputs import kept_outputs
from blocklens.readouts.image_task import (
    ImageReadOuts,
    image_batches,
    measure_image_classes,
    measure_pixels,
    pooling_of,
)
from helpers import small_encoder
from image_builders import QUICK, processor, shades, vit


def accuracy(measured, block):
    rows = measured.tables["learning"]
    rows = rows[rows["statistic"].eq("accuracy") & rows["block"].eq(block)]
    return rows["value"].iloc[0]


def test_block_0_s_class_token_has_not_seen_the_image_and_its_mean_has():
    data = shades()
    first = measure_image_classes(vit(), data, options=QUICK)
    mean = measure_image_classes(vit(), data, options=replace(QUICK, pooling="mean"))
    assert accuracy(first, 0) == pytest.approx(1 / 3)
    assert accuracy(first, 2) > 0.9
    assert accuracy(mean, 0) > 0.9


def test_accuracies_are_those_of_the_confusions_and_every_seed_counts_every_image():
    data = shades()
    measured = measure_image_classes(vit(), data, options=QUICK)
    counts = measured.tables["confusion"]
    last = counts[counts["block"].eq(2)]
    assert last["count"].sum() == 2 * len(data.test)
    right = last.loc[last["true"].eq(last["predicted"]), "count"].sum()
    assert accuracy(measured, 2) == pytest.approx(right / last["count"].sum())
    by_class = measured.tables["accuracy"]
    assert set(by_class["label"]) == {"dark", "middle", "light"}


STAGES = {
    "ConvNext": lambda: ConvNextModel(
        ConvNextConfig(hidden_sizes=[8, 12], depths=[1, 1], num_stages=2, patch_size=2)
    ),
    "Swin": lambda: SwinModel(
        SwinConfig(
            image_size=8, patch_size=2, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=2
        )
    ),
}


@pytest.mark.parametrize("family", STAGES)
def test_encoders_of_stages_are_read_out_without_head_measures(family):
    torch.manual_seed(0)
    encoder = Encoder(STAGES[family](), processor=processor(), name=family)
    data = shades()
    assert encoder.blocks == 2
    assert pooling_of(encoder, "auto") == "mean"
    batches = image_batches(encoder, data.test)
    found = kept_outputs(encoder, batches, len(data.test), pooling="mean")
    pixels = encoder.pixels(data.test.read(range(len(data.test))))
    with torch.no_grad():
        outputs = encoder.model(pixels, output_hidden_states=True)
    last = outputs.last_hidden_state  # [images, width, rows, columns], or [images, places, width]
    means = last.mean(dim=(2, 3)) if last.ndim == 4 else last.mean(dim=1)
    assert np.allclose(found[2], means.numpy(), atol=1e-5)
    assert not found[0, :, 8:].any()  # the first stages are 8 wide: the rest of a row stays empty
    assert np.isfinite(accuracy(measure_image_classes(encoder, data, options=QUICK), 2))
    assert measure_patches(encoder, data.test) is None


def test_a_text_encoder_cannot_read_images():
    with pytest.raises(UserError, match="no image processor; images need an encoder that has one"):
        measure_image_classes(small_encoder(), shades(), options=QUICK)


def test_the_untrained_twin_reads_images_too():
    twin = vit().untrained(1)
    assert twin.processor is not None
    assert accuracy(measure_image_classes(twin, shades(), options=QUICK), 2) > 0.3


def test_pixels_are_read_out_by_the_same_code_without_an_encoder():
    longer = replace(QUICK, training=replace(QUICK.training, least_steps=600))
    rng = np.random.default_rng(0)
    corners = {0: (0, 0), 1: (0, 2), 2: (2, 0)}  # the light corner is the class

    def picture(number):
        pixels = rng.integers(0, 90, (3, 3), dtype=np.uint8)
        pixels[corners[number % 3]] = 255
        return Image.fromarray(pixels)

    images = [picture(number) for number in range(150)]
    pictures = [Picture(f"{n}", n % 3, lambda image=image: image) for n, image in enumerate(images)]
    names = ["a", "b", "c"]
    found = measure_pixels(draw_images(Parts("corners", names, pictures, None)), options=longer)
    assert set(found["run"]) == {"pixels"}
    assert found["statistic"].tolist() == ["accuracy", MEAN]
    assert found["value"].tolist() == [1.0, 1.0]
    # labels that have nothing to do with the images are not found
    mixed = [replace(one, label=int(rng.integers(3))) for one in pictures]
    chance = measure_pixels(draw_images(Parts("mixed", names, mixed, None)), options=longer)
    assert chance["value"].iloc[0] < 0.8


def test_linear_read_outs_have_settled_where_logistic_regression_ends():
    data = draw_images(open_images("digits"), train=40, test=40)
    found = measure_pixels(data, options=ImageReadOuts(seeds=2))
    rows = [part.pixels(8, 1).reshape(-1, 64) / 255 for part in (data.train, data.test)]
    middle, spread = rows[0].mean(axis=0), rows[0].std(axis=0)
    train, test = ((one - middle) / np.maximum(spread, 1e-6) for one in rows)
    regression = LogisticRegression(C=1.0, max_iter=2000).fit(train, data.train.labels)
    expected = regression.score(test, data.test.labels)
    assert found["value"].iloc[0] == pytest.approx(expected, abs=0.02)

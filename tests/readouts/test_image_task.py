"""Image classes by the code of tokens and text classes, on encoders whose answers are known."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from transformers import (
    ConvNextConfig,
    ConvNextModel,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    SwinConfig,
    SwinModel,
    ViTConfig,
    ViTModel,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.images import Parts, Picture, draw_images, open_images
from blocklens.labels import class_tables as label_tables
from blocklens.labels.class_tables import LabelOptions
from blocklens.labels.grouping import CLASSES, StructureOptions
from blocklens.readouts.block_outputs import kept_outputs
from blocklens.readouts.class_heads import ClassTraining
from blocklens.readouts.image_task import (
    ImageReadOuts,
    example_rows,
    image_batches,
    measure_image_classes,
    measure_patches,
    measure_pixels,
    patch_grid,
    pooling_of,
)
from helpers import small_encoder

STRUCTURE = StructureOptions(noun=CLASSES, fewest_kept=2, thetas=(0.3,), null_seeds=1)
QUICK = ImageReadOuts(
    seeds=2,
    training=ClassTraining(head="linear", epochs=10, least_steps=60, rate=1e-2),
    labels=LabelOptions(groups=5, structure=STRUCTURE),
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


def accuracy(tables, block):
    rows = tables["learning"]
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
    tables = measure_image_classes(vit(), data, options=QUICK)
    counts = tables["confusion"]
    last = counts[counts["block"].eq(2)]
    assert last["count"].sum() == 2 * len(data.test)
    right = last.loc[last["true"].eq(last["predicted"]), "count"].sum()
    assert accuracy(tables, 2) == pytest.approx(right / last["count"].sum())
    by_class = tables["accuracy"]
    assert set(by_class["label"]) == {"dark", "middle", "light"}


def test_the_tables_are_made_by_the_code_of_text_classes(monkeypatch):
    given = []
    real = label_tables.label_tables

    def spy(*args, **kwargs):
        given.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr("blocklens.readouts.image_task.label_tables", spy)
    data = shades()
    measure_image_classes(vit(), data, options=QUICK)
    labels, predicted, test, keys, names = given[0]
    assert names == data.classes
    assert predicted.shape == (3, 2, len(data.test))
    assert (labels[test[0]] == data.test.labels).all()
    assert (keys[test[1]] == data.test.keys).all()


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


def test_head_measures_leave_registers_and_class_token_out_of_the_grid():
    torch.manual_seed(0)
    config = Dinov2WithRegistersConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=2,
        num_register_tokens=3,
    )  # fmt: skip
    encoder = Encoder(Dinov2WithRegistersModel(config), processor=processor(), name="registers")
    assert patch_grid(encoder) == ((4, 4), 4)
    table = measure_patches(encoder, shades().test)
    assert set(table["statistic"]) == {
        "attention to special tokens", "mean grid distance", "touching patches"
    }  # fmt: skip
    assert set(table["block"]) == {1, 2}


def test_even_attention_sends_special_tokens_their_share():
    encoder = vit(initializer_range=1e-9)
    table = measure_patches(encoder, shades().test)
    rows = table[table["statistic"].eq("attention to special tokens")]
    assert np.allclose(rows["effect"], 1.0, atol=1e-5)


def test_images_of_another_size_than_the_patches_say_have_no_head_measures():
    encoder = Encoder(vit().model, processor=processor(8), name="ViT")
    encoder.config.image_size = 16
    assert measure_patches(encoder, shades().test) is None


def test_examples_show_the_pairs_that_most_seeds_confuse():
    data = shades(classes=4)
    labels = data.test.labels
    predicted = np.tile(labels, (4, 1))
    images = np.flatnonzero(labels == 0)[:2], np.flatnonzero(labels == 3)[:1]
    predicted[:, images[0]] = 1  # all seeds take two dark images for middle ones
    predicted[:2, images[1]] = 2  # half of the seeds take an odd one for a light one
    rows = example_rows(data, predicted)
    assert rows[["true", "predicted", "pair", "images", "seeds"]].to_numpy().tolist() == [
        ["dark", "middle", 0, 2, 1.0],
        ["dark", "middle", 0, 2, 1.0],
        ["<b>odd</b>", "light", 1, 1, 0.5],
    ]
    with Image.open(io.BytesIO(rows["png"].iloc[0])) as image:
        found = np.asarray(image)
    number = [p.name for p in data.test.pictures].index(rows["name"].iloc[0])
    assert (found == np.asarray(data.test.read([number])[0])).all()
    assert example_rows(data, np.tile(labels, (4, 1))).empty


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
    assert found["statistic"].tolist() == ["accuracy", "mean accuracy per class"]
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

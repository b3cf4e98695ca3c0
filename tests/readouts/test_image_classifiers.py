"""A shorter classifier answers as its block's read-out does, and is an ordinary model folder."""

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForImageClassification,
    ConvNextConfig,
    ConvNextModel,
    DeiTConfig,
    DeiTModel,
    Dinov2Config,
    Dinov2Model,
    pipeline,
)

from blocklens.encoder.shortened import save_model
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.readouts.block_outputs import kept_outputs
from blocklens.readouts.class_heads import train_class_heads
from blocklens.readouts.image_classifiers import (
    check_exportable,
    shorter_classifier,
)
from blocklens.readouts.image_task import ImageReadOuts, image_batches, measure_image_classes
from image_builders import QUICK, processor, shades, vit

SMALL = {
    "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32,
    "image_size": 8, "patch_size": 4, "initializer_range": 0.2,
}  # fmt: skip


def encoder_of(family: str) -> Encoder:
    torch.manual_seed(0)
    if family == "vit":
        return vit(num_hidden_layers=3)
    if family == "deit":
        model = DeiTModel(DeiTConfig(**SMALL), add_pooling_layer=False)
    else:
        model = Dinov2Model(Dinov2Config(**{**SMALL, "mlp_ratio": 2}))
    return Encoder(model, processor=processor(), name=family)


@pytest.mark.parametrize("family", ["vit", "deit", "dinov2"])
@pytest.mark.parametrize("block", [1, 3])
def test_the_shorter_classifier_answers_as_the_read_out_of_its_block(family, block, tmp_path):
    encoder, data = encoder_of(family), shades()
    count = len(data.train)
    outputs = kept_outputs(encoder, image_batches(encoder, data.train), count)
    heads = train_class_heads(
        outputs, data.train.labels, np.tile(np.arange(count), (2, 1)), QUICK.training, classes=3
    )
    expected = heads.probabilities(outputs, np.tile(np.arange(count), (2, 1)))[block, 0]
    model = shorter_classifier(encoder, data, block, QUICK)
    save_model(tmp_path / "short", model, encoder.processor, "# short")
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path / "short").eval()
    assert loaded.config.num_hidden_layers == block
    with torch.no_grad():
        pixels = encoder.pixels(data.train.read(range(count)))
        found = torch.softmax(loaded(pixel_values=pixels).logits, dim=-1).numpy()
    assert found == pytest.approx(expected, abs=2e-4)
    assert Encoder.load(tmp_path / "short").blocks == block


def test_a_pipeline_answers_with_the_names_of_the_classes(tmp_path):
    encoder, data = vit(), shades()
    model = shorter_classifier(encoder, data, 1, QUICK)
    save_model(tmp_path / "short", model, encoder.processor, "# short")
    classify = pipeline("image-classification", model=str(tmp_path / "short"))
    right = [
        classify(image.convert("RGB"))[0]["label"] == data.classes[label]
        for image, label in zip(data.test.read(range(12)), data.test.labels, strict=True)
    ]
    assert np.mean(right) > 0.6


def test_what_cannot_be_exported_is_one_line():
    torch.manual_seed(0)
    stages = Encoder(
        ConvNextModel(ConvNextConfig(hidden_sizes=[8, 12], depths=[1, 1], num_stages=2)),
        processor=processor(), name="ConvNext",
    )  # fmt: skip
    with pytest.raises(UserError, match="the classifier of convnext has another form"):
        check_exportable(stages, 1, QUICK)
    for block in (0, 3):
        with pytest.raises(UserError, match=f"cannot stop after block {block}: it has blocks 1 to"):
            check_exportable(vit(), block, QUICK)
    with pytest.raises(UserError, match="leave out --pooling mean"):
        check_exportable(vit(), 1, ImageReadOuts(pooling="mean"))


def test_the_encoder_s_tables_say_what_each_block_loses_and_costs():
    data = shades()
    advice = measure_image_classes(vit(), data, options=QUICK).tables["advice"]
    assert {"loss", "low", "high", "parameters", "arithmetic"} <= set(advice.columns)
    assert advice["block"].tolist() == [0, 1, 2]
    assert advice["loss"].iloc[-1] == 0
    assert (
        "advice" not in measure_image_classes(vit(), data, run="untrained 0", options=QUICK).tables
    )

"""The ViT of ours: learns, is decided by its seed, and is an ordinary Hugging Face folder."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from transformers import pipeline

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.images import Parts, Picture, draw_images
from blocklens.pretraining.vit import export_vit, moved, normalised, train_vit
from blocklens.pretraining.vit_options import VitOptions, usual_patch
from blocklens.progress import Progress, Stage

TINY: dict[str, Any] = {"blocks": 2, "heads": 2, "width": 16}


def stripes(count=60, side=8, seed=0, mode="L"):
    """Two classes: light rows, and light columns, with noise."""
    rng = np.random.default_rng(seed)
    pictures = []
    for number in range(count):
        label = number % 2
        pattern = np.zeros((side, side))
        pattern[rng.integers(side) :: 3] = 160
        pixels = pattern.T if label else pattern
        pixels = np.clip(pixels + rng.normal(40, 15, pixels.shape), 0, 255).astype(np.uint8)
        image = Image.fromarray(pixels).convert(mode)
        pictures.append(Picture(f"{number}", label, lambda image=image: image))
    return draw_images(Parts("stripes", ["rows", "columns"], pictures, None))


def test_it_learns_what_it_is_shown_and_tells_how_far_it_is():
    data = stripes(200)
    stages: list[Stage] = []

    class Listening(Progress):
        def stage(self, name, total=None, unit="texts"):
            stages.append(Stage(name, total, unit))
            return stages[-1]

    found = train_vit(
        data,
        VitOptions(**TINY, epochs=15, batch=16, rate=5e-3),
        progress=Listening(),
    )
    assert found.held_out > 0.9
    assert found.history[-1]["loss"] < found.history[0]["loss"]
    assert len(found.history) == 15
    assert [(stage.done, stage.total) for stage in stages] == [(15 * len(data.train),) * 2]


def test_the_seed_decides_the_weights():
    data = stripes(24)
    options: dict[str, Any] = {**TINY, "epochs": 1}
    weights = [
        torch.cat([p.detach().flatten() for p in train_vit(data, o).model.parameters()])
        for o in (VitOptions(**options), VitOptions(**options), VitOptions(**options, seed=1))
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_result_is_an_ordinary_folder_that_pipelines_and_encoders_load(tmp_path):
    data = stripes(40)
    found = train_vit(data, VitOptions(**TINY, epochs=4))
    export_vit(tmp_path / "model", found, data)
    assert "held-out" in (tmp_path / "model" / "README.md").read_text()
    images = data.test.read(range(len(data.test)))
    classify = pipeline("image-classification", model=str(tmp_path / "model"))
    right = [
        classify(image.convert("RGB"))[0]["label"] == data.classes[label]
        for image, label in zip(images, data.test.labels, strict=True)
    ]
    assert np.mean(right) == pytest.approx(found.held_out)
    encoder = Encoder.load(tmp_path / "model")
    outputs = encoder.outputs(pixel_values=encoder.pixels(images))
    assert len(outputs) == encoder.blocks + 1 == 3
    with torch.no_grad():
        expected = found.model(encoder.pixels(images), output_hidden_states=True)
        # the last block comes with the norm that the classifier sees
        scores = found.model.classifier(outputs[-1][:, 0])
    assert torch.allclose(outputs[0], expected.hidden_states[0], atol=1e-5)
    assert torch.allclose(scores, expected.logits, atol=1e-5)


def test_training_sees_the_pixels_that_the_processor_hands_over():
    data = stripes(12, mode="RGB")
    found = train_vit(data, VitOptions(**TINY, epochs=1))
    images = data.train.read(range(len(data.train)))
    expected = found.processor(images, return_tensors="pt")["pixel_values"]
    assert torch.allclose(normalised(data.train.pixels(8, 3), found.processor), expected, atol=1e-5)


def test_shifts_and_mirrors_equal_a_slow_reference():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, 5, 5, 3), dtype=np.uint8)
    offsets = rng.integers(-2, 3, (6, 2))
    mirrored = np.array([True, False] * 3)
    found = moved(pixels, offsets, mirrored)
    for n, (down, right) in enumerate(offsets):
        image = pixels[n, :, ::-1] if mirrored[n] else pixels[n]
        for row in range(5):
            for column in range(5):
                source = image[np.clip(row - down, 0, 4), np.clip(column - right, 0, 4)]
                assert (found[n, row, column] == source).all()


@pytest.mark.parametrize(("side", "patch"), [(8, 2), (28, 4), (32, 4), (64, 8), (7, 7), (6, 2)])
def test_the_usual_patch_gives_at_most_eight_a_side(side, patch):
    assert usual_patch(side) == patch


def test_options_that_do_not_fit_are_one_line():
    data = stripes(12)
    with pytest.raises(UserError, match="patch: 3 pixels do not divide a side of 8"):
        train_vit(data, VitOptions(**TINY, patch=3))
    with pytest.raises(ValidationError, match="3 do not divide the width 16"):
        VitOptions(blocks=1, heads=3, width=16)
    with pytest.raises(UserError, match=r"epoch \d: the loss is not a number: take a lower --rate"):
        train_vit(data, VitOptions(**TINY, epochs=2, rate=1e30))

"""A trained encoder as an ordinary Hugging Face folder with a model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.torch import save_file
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from blocklens.pretraining.checkpoints import Counters
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.training_log import write_training_log
from blocklens.safe_text import without_html
from blocklens.storage import whole_folder
from blocklens.wording import counted


def export_encoder(
    folder: Path,
    model: BertForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    card: str,
    curve: pd.DataFrame,
) -> None:
    """Write weights (in float32), config, tokenizer, card and learning curve into `folder`.

    `curve`: the table of `log.training_log`.
    """
    shared = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}
    weights = {
        name: value.float().contiguous()
        for name, value in model.state_dict().items()
        if name not in shared
    }
    config = model.config.to_dict()
    config["architectures"] = ["BertForMaskedLM"]
    config["dtype"] = "float32"
    with whole_folder(folder) as partial:
        save_file(weights, partial / "model.safetensors", metadata={"format": "pt"})
        (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(without_html(card), encoding="utf-8")
        write_training_log(curve, partial)


def model_card(
    options: PretrainOptions,
    counters: Counters,
    about: dict[str, Any],
    figures: dict[str, float],
    licence: str | None = None,
) -> str:
    """The card's Markdown: data, steps, figures and every option.

    `about`: what the run was made of, shown line by line; `figures`: validation loss, accuracy and
    number of modified positions.
    """
    head = ["---", "library_name: transformers", "pipeline_tag: fill-mask"]
    if licence:
        head.append(f"license: {licence}")
    lines = [*head, "tags: [blocklens, bert]", "---", "", f"# BERT-{options.blocks}", ""]
    lines += [
        f"A BERT encoder of {counted(options.blocks, 'block')}, {counted(options.heads, 'head')} "
        f"and width {options.width}, pre-trained by masked-language modelling with blocklens.",
        "",
        "## Data",
        "",
        *[f"- {key}: {value}" for key, value in about.items()],
        "",
        "## Training",
        "",
        f"- optimiser steps: {counters.step:,}",
        f"- real tokens (padding not counted): {counters.tokens:,}",
        f"- time: {counters.seconds / 60:.0f} minutes",
    ]
    if counters.decay_start >= 0:
        lines.append(f"- the learning rate falls from step {counters.decay_start:,} on")
    if figures:
        lines += [
            "",
            "## Held-out figures",
            "",
            "Recipe 15 % modified, 80-10-10, fixed seed.",
            "",
            f"- loss at modified positions: {figures['loss']:.4f}",
            f"- masked-language-modelling accuracy: {figures['accuracy']:.4f} "
            f"({figures['n']:,.0f} modified positions)",
        ]
    lines += ["", "## Options", "", "```json", options.model_dump_json(indent=2), "```", ""]
    return "\n".join(lines)

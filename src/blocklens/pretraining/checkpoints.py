"""Training states on disk: whole or not there, checked when read, the last few kept.

A state is a folder `step-00001200/` with `state.safetensors` (weights and optimiser state, as they
are in memory) and `state.json` (counters, and the SHA-256 of the other file). It is written under
another name, flushed to the disk and then renamed.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from blocklens.storage import file_digest, whole_folder, write_json


@dataclass
class Counters:
    """Where a run stands: optimiser steps, real tokens, seconds at work, its schedule and loss.

    `decay_start` and `total_steps` are -1 while the clock has not decided them. `loss`,
    `first_loss` and `best_loss` are means over the steps between two reports: the last, the first
    and the lowest; `steps_lost` counts the steps for which the run has been off its course.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    decay_start: int = -1
    total_steps: int = -1
    loss: float = float("nan")
    first_loss: float = float("nan")
    best_loss: float = float("nan")
    steps_lost: int = 0


def save_state(
    folder: Path,
    model: nn.Module,
    optimisers: list[torch.optim.Optimizer],
    counters: Counters,
    *,
    keep: int,
) -> Path:
    """Write the state of `counters.step` into `folder`, keep the last `keep` states."""
    target = folder / f"step-{counters.step:08d}"
    tensors = {f"model/{name}": value for name, value in model.named_parameters()}
    for number, optimiser in enumerate(optimisers):
        for index, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimiser{number}/{index}/{key}"] = value
    tensors = {key: value.detach().contiguous() for key, value in tensors.items()}
    with whole_folder(target, flush=True) as partial:
        save_file(tensors, partial / "state.safetensors")
        digest = file_digest(partial / "state.safetensors")
        write_json({"counters": asdict(counters), "sha256": digest}, partial / "state.json")
    for old in states(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def states(folder: Path) -> list[Path]:
    """The states in `folder`, oldest first."""
    return sorted(folder.glob("step-*"))


def load_newest(
    folder: Path, model: nn.Module, optimisers: list[torch.optim.Optimizer]
) -> tuple[Counters | None, list[str]]:
    """Put the newest undamaged state into `model` and `optimisers`.

    Returns its counters (None when there is no state) and one line for each damaged state that was
    passed over.
    """
    damaged: list[str] = []
    for path in reversed(states(folder)):
        try:
            record = json.loads((path / "state.json").read_text(encoding="utf-8"))
            counters = Counters(**record["counters"])
            if file_digest(path / "state.safetensors") != record["sha256"]:
                raise ValueError("its checksum is wrong")
            tensors = load_file(path / "state.safetensors")
        except (OSError, ValueError, KeyError, TypeError) as error:
            damaged.append(f"{path}: damaged ({error})")
            continue
        _restore(tensors, model, optimisers)
        return counters, [f"{line}; the one before is used" for line in damaged]
    return None, [f"{line}; there is none before it: the run begins anew" for line in damaged]


@torch.no_grad()
def _restore(
    tensors: dict[str, Tensor], model: nn.Module, optimisers: list[torch.optim.Optimizer]
) -> None:
    for name, value in model.named_parameters():
        value.copy_(tensors[f"model/{name}"])
    for number, optimiser in enumerate(optimisers):
        state: dict[int, dict[str, Any]] = {}
        for key, value in tensors.items():
            place, _, rest = key.partition("/")
            if place == f"optimiser{number}":
                index, _, name = rest.partition("/")
                state.setdefault(int(index), {})[name] = value
        whole = optimiser.state_dict()
        optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})

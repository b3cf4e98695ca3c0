"""Masked-language-model pre-training of an ordinary BERT: a run, its steps and its schedule.

Why not `transformers.Trainer`: its loop has no place for packed rows whose texts do not see each
other, for a vocabulary layer at modified positions only, or for masks that are a function of
(seed, epoch, token); and its resume restores generator states instead of needing none. What our
own gains is measured in `benchmarks/pretraining.py`; it goes round in `loop.py`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerBase

from blocklens.distributed import Share
from blocklens.encoder.loading import on_device
from blocklens.errors import UserError
from blocklens.pretraining.bert import loss_and_hits, new_model
from blocklens.pretraining.checkpoints import Counters, load_newest
from blocklens.pretraining.corpus import Corpus
from blocklens.pretraining.descent import apart
from blocklens.pretraining.first_weights import make_neighbours_easy
from blocklens.pretraining.gradients import gradients_of_all
from blocklens.pretraining.masking import Recipe, shuffled
from blocklens.pretraining.muon import Muon
from blocklens.pretraining.packing import Batch, PackedRows, batch_of, pack, pieces
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.storage import write_json

VALIDATION_SEED = 20_140_501

SPEED_KNOWN = 0.02
"""Share of a run's hours after which its speed is known; no schedule in steps is made before."""


@dataclass
class Training:
    """One run: its data, its model and where it stands. `loop.train` does the work."""

    options: PretrainOptions
    corpus: Corpus
    tokenizer: PreTrainedTokenizerBase
    folder: Path
    share: Share = field(default_factory=Share)
    device: str = "cpu"
    model: BertForMaskedLM = field(init=False)
    optimisers: list[torch.optim.Optimizer] = field(init=False)
    counters: Counters = field(init=False)
    rows: PackedRows = field(init=False)
    held_out: PackedRows = field(init=False)
    _order: tuple[int, Int64[np.ndarray, " rows"]] = field(
        init=False, default=(-1, np.zeros(0, np.int64))
    )

    def __post_init__(self) -> None:
        options, corpus = self.options, self.corpus
        if options.rows < self.share.world:
            raise UserError(
                f"--rows {options.rows}: fewer than the {self.share.world} processes that share "
                "them: start fewer, or take more rows a step"
            )
        training = np.flatnonzero(~corpus.held_out)
        if options.articles is not None:
            if options.articles > len(training):
                raise UserError(
                    f"articles: {options.articles:,} asked for, the texts have {len(training):,} "
                    "to train on (validation texts left out)"
                )
            training = np.sort(
                shuffled(len(training), seed=options.seed, epoch=0)[: options.articles]
            )
            training = np.flatnonzero(~corpus.held_out)[training]
        shorten = options.long_texts == "cut"
        width = options.length
        self.rows = pack(*pieces(corpus.offsets, training, width, shorten=shorten), width)
        held_out = np.flatnonzero(corpus.held_out)
        self.held_out = pack(*pieces(corpus.offsets, held_out, width, shorten=shorten), width)
        self.model = new_model(encoder_config(options, self.tokenizer), seed=options.seed)
        if options.initial == "neighbours":
            counts = np.zeros(len(self.tokenizer), dtype=np.int64)
            for start in range(0, len(corpus.tokens), 2**22):
                part = corpus.tokens[start : start + 2**22]
                counts += np.bincount(part, minlength=len(counts))
            make_neighbours_easy(self.model, counts)
        on_device(self.model, self.device)
        self.optimisers = make_optimisers(self.model, options)
        self.counters = Counters()
        if options.hours is None:
            steps = options.steps or math.ceil((options.epochs or 0) * self.steps_an_epoch)
            self.counters.total_steps = steps
            share = 1.0 if options.schedule == "linear" else options.decay
            self.counters.decay_start = round(steps * (1 - share))

    @property
    def steps_an_epoch(self) -> int:
        """Full batches of an epoch (the rows left over come in the next epoch's order)."""
        return max(1, len(self.rows) // self.options.rows)

    @property
    def precision(self) -> torch.dtype:
        """The precision of the matrix products; weights and optimiser stay float32."""
        return getattr(torch, self.options.precision)

    def recipe(self, share: float) -> Recipe:
        """The modification recipe with `share` of the tokens modified."""
        mask_id = self.tokenizer.mask_token_id
        assert isinstance(mask_id, int)
        return Recipe(vocabulary=len(self.tokenizer), mask_id=mask_id, share=share)

    def batch(
        self,
        rows: PackedRows,
        numbers: Int64[np.ndarray, " rows"],
        share: float,
        seed: int,
        epoch: int,
    ) -> Batch:
        """Rows `numbers` as a batch."""
        tokenizer: Any = self.tokenizer
        return batch_of(
            rows,
            numbers,
            self.corpus.tokens,
            self.recipe(share),
            cls=tokenizer.cls_token_id,
            sep=tokenizer.sep_token_id,
            pad=tokenizer.pad_token_id,
            seed=seed,
            epoch=epoch,
        ).to(self.model.device)

    def resume(self) -> list[str]:
        """Continue from the newest undamaged state; returns a line for each damaged one."""
        counters, damaged = load_newest(self.folder / "checkpoints", self.model, self.optimisers)
        if counters is not None:
            planned, self.counters = self.counters, counters
            if self.options.hours is None:
                self.counters.total_steps = planned.total_steps
                self.counters.decay_start = planned.decay_start
            decision = self.folder / "decay.json"
            if self.options.hours is not None and decision.is_file():
                try:
                    record = json.loads(decision.read_text(encoding="utf-8"))
                    self.counters.decay_start = int(record["decay_start"])
                    self.counters.total_steps = int(record["total_steps"])
                except (ValueError, KeyError, TypeError) as error:
                    raise UserError(
                        f"{decision}: damaged: delete it, and the clock decides anew when the "
                        "learning rate falls"
                    ) from error
        return damaged

    def share_done(self) -> float:
        """How much of the run is done, 0 to 1."""
        counters = self.counters
        if counters.total_steps >= 0:
            return counters.step / counters.total_steps
        return counters.seconds / 3600 / (self.options.hours or 1)

    def falling(self) -> float:
        """1 until the decay begins, then linearly down to 0 at the end of the run."""
        counters = self.counters
        if counters.total_steps < 0 or counters.step < counters.decay_start:
            return 1.0
        length = counters.total_steps - counters.decay_start
        return (counters.total_steps - counters.step) / max(1, length)

    def rate_factor(self) -> float:
        """Learning rate of the next step as a share of the highest."""
        return min((self.counters.step + 1) / (self.options.warm_up + 1), self.falling())

    def share_modified(self) -> float:
        """Share of the next step's tokens that are modified; it falls with the learning rate."""
        end = self.options.modified
        start = self.options.modified_early or end
        return end + (start - end) * self.falling()

    def decide_decay(self) -> None:
        """With `hours`: fix the schedule in steps once the clock says that the decay is due."""
        options, counters = self.options, self.counters
        if options.hours is None or counters.total_steps >= 0 or counters.step == 0:
            return
        if counters.seconds < options.hours * 3600 * max(1 - options.decay, SPEED_KNOWN):
            return
        left = max(1.0, options.hours * 3600 - counters.seconds)
        counters.decay_start = counters.step
        counters.total_steps = counters.step + math.ceil(counters.step / counters.seconds * left)
        record = {"decay_start": counters.decay_start, "total_steps": counters.total_steps}
        write_json(record, self.folder / "decay.json")

    def step(self) -> tuple[Float[Tensor, ""], Int64[Tensor, ""], Batch]:
        """One optimiser step; the loss, the hits and the batch, with the numbers of all processes.

        Each process has its share of the step's rows, so the step is that of one process.
        """
        options, counters = self.options, self.counters
        epoch, place = divmod(counters.step, self.steps_an_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, shuffled(len(self.rows), seed=options.seed, epoch=epoch + 1))
        numbers = self._order[1][place * options.rows : (place + 1) * options.rows]
        numbers = numbers[self.share.rank :: self.share.world]
        batch = self.batch(self.rows, numbers, self.share_modified(), options.seed, epoch)
        factor = self.rate_factor()
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * factor
        if options.dropout:
            torch.manual_seed(options.seed * 1_000_003 + counters.step + (self.share.rank << 40))
        self.model.train()
        loss, hits = loss_and_hits(self.model, batch, precision=self.precision)
        if self.share.world == 1:
            loss.backward()
        else:
            loss, hits, batch = gradients_of_all(self.share, self.model, loss, hits, batch)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), options.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        self.model.zero_grad(set_to_none=True)
        return loss.detach(), hits, batch

    @torch.no_grad()
    def validate(self, rows: int = 256) -> dict[str, float]:
        """Loss and accuracy at the modified positions of the first `rows` held-out rows.

        The recipe is always 15 % / 80-10-10, from a fixed seed.
        """
        self.model.eval()
        order = shuffled(len(self.held_out), seed=VALIDATION_SEED, epoch=0)[:rows]
        total, right, count = 0.0, 0, 0
        for start in range(0, len(order), 32):
            batch = self.batch(self.held_out, order[start : start + 32], 0.15, VALIDATION_SEED, 0)
            if batch.modified == 0:
                continue
            loss, hits = loss_and_hits(self.model, batch, precision=self.precision)
            total += float(loss) * batch.modified
            right += int(hits)
            count += batch.modified
        return {"loss": total / max(1, count), "accuracy": right / max(1, count), "n": count}


def encoder_config(options: PretrainOptions, tokenizer: PreTrainedTokenizerBase) -> BertConfig:
    """The configuration of the encoder that `options` describe."""
    pad: Any = tokenizer.pad_token_id
    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=options.width,
        num_hidden_layers=options.blocks,
        num_attention_heads=options.heads,
        intermediate_size=options.feed_forward or 4 * options.width,
        max_position_embeddings=options.positions,
        hidden_dropout_prob=options.dropout,
        attention_probs_dropout_prob=options.dropout,
        pad_token_id=pad,
    )


def make_optimisers(
    model: BertForMaskedLM, options: PretrainOptions
) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the matrices and AdamW for the rest.

    Biases, layer norms and, under Muon, embeddings have no weight decay.
    """
    matrices, rest = [], []
    for name, weight in model.named_parameters():
        inner = weight.ndim == 2 and "embeddings" not in name and "decoder" not in name
        (matrices if inner else rest).append(weight)
    precision = getattr(torch, options.precision)
    made: list[torch.optim.Optimizer] = []
    adam: list[dict[str, Any]] = [{"params": rest, "weight_decay": 0.0}]
    if options.optimiser == "muon":
        muon = Muon(
            matrices,
            lr=options.matrix_rate,
            weight_decay=options.weight_decay,
            precision=precision,
        )
        made.append(muon)
    else:
        tables, flat = apart(rest)
        adam = [
            {"params": matrices + tables, "weight_decay": options.weight_decay},
            {"params": flat, "weight_decay": 0.0},
        ]
    betas = (0.9, options.beta2)
    made.append(torch.optim.AdamW(adam, lr=options.rate, betas=betas, fused=True))
    for optimiser in made:
        for group in optimiser.param_groups:
            group["highest"] = group["lr"]
    return made

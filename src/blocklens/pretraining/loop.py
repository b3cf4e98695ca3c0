"""The loop of a pre-training run: steps, reports, checkpoints, milestones, and the end.

A run is a folder: `options.json`, `texts.json`, `tokenizer/`, `corpus/`, `checkpoints/`,
`training_log.csv`, `milestones/` (encoders along the run, `checkpoint-STEP`), `latest/` and at the
end `model/`; the encoders are Hugging Face folders.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from blocklens.errors import UserError
from blocklens.pretraining.checkpoints import Counters, save_state
from blocklens.pretraining.pretrain_options import MILESTONES
from blocklens.pretraining.training import Training
from blocklens.stopping import Stopped, Waiting

FIRST_MILESTONE = 0.01
"""Encoders are kept at the start and, from this share of a run on, at equal ratios to its end:
most of what a run learns, it learns early."""

STATES_KEPT = 3
REPORT_EVERY, VALIDATE_EVERY = 20, 500
"""Steps."""

LEARNED, LOST_SHARE, LOST_STEPS = 1.0, 0.5, 200
"""A run whose loss had fallen by at least LEARNED, in nats, and has given back more than LOST_SHARE
of it for LOST_STEPS steps, is over."""


@dataclass(frozen=True)
class StepReport:
    """What a run reports after a step: means since the last report."""

    counters: Counters
    loss: float
    accuracy: float
    tokens_per_second: float
    seconds_left: float
    rate: float


def train(
    run: Training,
    *,
    save_minutes: float = 5.0,
    milestones: int = MILESTONES,
    report: Callable[[StepReport], None] | None = None,
    validated: Callable[[Counters, dict[str, float]], None] | None = None,
    export: Callable[[Training, Path, dict[str, float]], None] | None = None,
    signals: Waiting | None = None,
) -> dict[str, float]:
    """Train until the schedule ends; returns the last validation figures.

    Of several processes the first one alone saves, reports, validates and exports: the others have
    no `report`, `validated` and `export`, and are given its figures.

    States are saved every `save_minutes` (not while the run is off its course, see `note_loss`)
    and at the end, encoders at so many milestones. A signal that has come is obeyed after the step:
    the state is saved first.

    Raises:
        Stopped: a signal has come.
        UserError: the loss is not a number, or the run has lost what it had learned and does not
            come back within `LOST_STEPS` steps; the last good state stays.

    """
    states = run.folder / "checkpoints"
    counters = run.counters
    to_come = [share for share in milestone_shares(milestones) if share > run.share_done()]
    if counters.step == 0:
        _save(run, states)
        if export and milestones:
            export(run, _milestone(run), {})
    kinds = ("loss", "hits", "modified", "tokens", "seconds", "steps")
    since: dict[str, float] = dict.fromkeys(kinds, 0.0)
    last = saved = time.monotonic()
    while counters.total_steps < 0 or counters.step < counters.total_steps:
        run.decide_decay()
        loss, hits, batch = run.step()
        value = float(loss)
        if not math.isfinite(value):
            raise _diverged(run, f"the loss is {value}")
        now = time.monotonic()
        passed, stopped = _of_all(run, now - last, signals)
        counters.step += 1
        counters.tokens += batch.tokens
        counters.seconds += passed
        since["loss"] += value
        since["hits"] += int(hits)
        since["modified"] += batch.modified
        since["tokens"] += batch.tokens
        since["seconds"] += passed
        since["steps"] += 1
        last = now
        if counters.step % REPORT_EVERY == 0 or counters.step == counters.total_steps:
            note_loss(counters, since["loss"] / since["steps"], int(since["steps"]))
            if report:
                report(_report(run, since))
            since = dict.fromkeys(kinds, 0.0)
            if counters.steps_lost >= LOST_STEPS:
                raise _lost(run)
        if validated and counters.step % VALIDATE_EVERY == 0:
            validated(counters, run.validate())
        if to_come and run.share_done() >= to_come[0]:
            to_come = [share for share in to_come if share > run.share_done()]
            if export:
                export(run, _milestone(run), {})
        if now - saved >= 60 * save_minutes and not counters.steps_lost:
            _save(run, states)
            if export:
                export(run, run.folder / "latest", {})
            saved = now
        if stopped:
            if not counters.steps_lost:
                _save(run, states)
            raise Stopped(stopped)
    _save(run, states)
    first = run.share.rank == 0
    figures = run.share.same(run.validate(rows=len(run.held_out)) if first else {})
    if validated:
        validated(counters, figures)
    if export:
        export(run, run.folder / "model", figures)
    return figures


def milestone_shares(number: int) -> list[float]:
    """The shares of a run, 0 to 1, at which `number` encoders are kept: its start, then its end."""
    later = np.geomspace(1.0, FIRST_MILESTONE, max(0, number - 1))[::-1]
    return [0.0, *later.tolist()][:number]


def _milestone(run: Training) -> Path:
    return run.folder / "milestones" / f"checkpoint-{run.counters.step}"


def _of_all(run: Training, passed: float, signals: Waiting | None) -> tuple[float, int]:
    """The first process's seconds of a step, and the signal that has come to any; 0 for none.

    So every process has the same schedule by the clock, and all stop after the same step.
    """
    number = (signals.number if signals else None) or 0
    here = torch.zeros(2, dtype=torch.float64)
    here[0] = passed if run.share.rank == 0 else 0.0
    here[1] = number
    seconds, came = run.share.total(here).tolist()
    return seconds, number or (signal.SIGTERM if came else 0)


def note_loss(counters: Counters, loss: float, steps: int) -> None:
    """Note the mean `loss` of the last `steps` steps, and whether the run is still on its course.

    It is off its course where `loss`, once it had fallen by `LEARNED` since the first report, has
    risen again by more than `LOST_SHARE` of that.
    """
    if math.isnan(counters.first_loss):
        counters.first_loss = counters.best_loss = loss
    fallen = counters.first_loss - counters.best_loss
    off = fallen > LEARNED and loss > counters.best_loss + LOST_SHARE * fallen
    counters.loss = loss
    counters.best_loss = min(counters.best_loss, loss)
    counters.steps_lost = counters.steps_lost + steps if off else 0


def _save(run: Training, states: Path) -> None:
    """Save the state of `run` on the first process, unless its weights are no longer numbers."""
    if not all(bool(weight.isfinite().all()) for weight in run.model.parameters()):
        raise _diverged(run, "weights are not finite")
    if run.share.rank == 0:
        save_state(states, run.model, run.optimisers, run.counters, keep=STATES_KEPT)


def _diverged(run: Training, what: str) -> UserError:
    return UserError(
        f"step {run.counters.step + 1}: {what}; the last good checkpoint is kept in "
        f"{run.folder / 'checkpoints'}: train anew with a lower learning rate"
    )


def _lost(run: Training) -> UserError:
    best, loss = run.counters.best_loss, run.counters.loss
    return _diverged(run, f"the loss has gone from {best:.2f} back up to {loss:.2f}")


def _report(run: Training, since: Mapping[str, float]) -> StepReport:
    counters = run.counters
    left = float("nan")
    if counters.total_steps >= 0:
        left = (counters.total_steps - counters.step) * since["seconds"] / since["steps"]
    elif run.options.hours is not None:
        left = run.options.hours * 3600 - counters.seconds
    return StepReport(
        counters=counters,
        loss=since["loss"] / since["steps"],
        accuracy=since["hits"] / max(1, since["modified"]),
        tokens_per_second=since["tokens"] / max(1e-9, since["seconds"]),
        seconds_left=left,
        rate=run.rate_factor(),
    )

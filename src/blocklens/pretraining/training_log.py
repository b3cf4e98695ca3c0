"""A run's learning curve as a table, made from its TensorBoard log, which is the one record of it.

`training_log.csv` lies in every exported model folder. Columns: `step`, `tokens` (real tokens so
far), `seconds` (at work so far), `loss` and `accuracy` (at modified training tokens, means since
the row before), `rate` (share of the highest learning rate), `held_out_loss`, `held_out_accuracy`
(15 % modified, fixed seed; empty where not measured at that step).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from blocklens.embedded.bert6 import address
from blocklens.errors import UserError

FILE, TABLE = "training_log.csv", "training_log"

LOSS, ACCURACY, RATE = "train/loss", "train/accuracy", "train/rate_factor"
SPEED = "speed/real_tokens_per_second"
TOKENS, SECONDS = "progress/tokens", "progress/seconds"
HELD_OUT_LOSS, HELD_OUT_ACCURACY = "held_out/loss", "held_out/accuracy"
TAGS = {
    "tokens": TOKENS,
    "seconds": SECONDS,
    "loss": LOSS,
    "accuracy": ACCURACY,
    "rate": RATE,
    "held_out_loss": HELD_OUT_LOSS,
    "held_out_accuracy": HELD_OUT_ACCURACY,
}
"""Columns of the table by their tags in the TensorBoard log."""


def training_log(logs: Path) -> pd.DataFrame:
    """The table of a run from its `logs` folder; empty where nothing was logged yet.

    What a killed run logged beyond the state it went on from does not count: TensorBoard's own
    reader leaves it out.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(logs), size_guidance={"scalars": 0})  # 0: every one of them
    found.Reload()
    tags = set(found.Tags()["scalars"])
    columns = {
        name: pd.Series(
            {event.step: event.value for event in found.Scalars(tag)} if tag in tags else {},
            dtype=np.float64,
        )
        for name, tag in TAGS.items()
    }
    table = pd.DataFrame(columns).sort_index().rename_axis("step").reset_index()
    if TOKENS not in tags and SPEED in tags:
        speed = pd.DataFrame([(e.step, e.wall_time, e.value) for e in found.Scalars(SPEED)])
        steps = table["step"].to_numpy()
        table["tokens"], table["seconds"] = _from_speed(steps, *speed.to_numpy().T)
    return table.astype({"step": np.int64}).assign(tokens=table["tokens"].round())


def _from_speed(
    steps: np.ndarray, step: np.ndarray, wall: np.ndarray, speed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and seconds at `steps`, for a log that holds the speed alone.

    `step`, `wall` (clock) and `speed` (tokens a second since the report before) [reports]. Packed
    rows are full, so that every step has the same number of tokens; their median over the reports
    does not mind the pauses of a run that was stopped.
    """
    if len(step) < 2:
        return np.full(len(steps), np.nan), np.full(len(steps), np.nan)
    tokens = float(np.median(speed[1:] * np.diff(wall) / np.diff(step)))  # a step
    seconds = np.cumsum(tokens * np.diff(step, prepend=0) / speed)
    return tokens * steps, np.interp(steps, np.r_[0, step], np.r_[0, seconds])


def write_training_log(table: pd.DataFrame, folder: Path) -> Path:
    """Write the table into a model folder; returns the file's path."""
    file = folder / FILE
    partial = folder / f".{FILE}.partial"
    table.to_csv(partial, index=False, float_format="%.8g")
    partial.replace(file)
    return file


def training_log_file(model: str | Path) -> Path | None:
    """Where the table of a model (a folder, or "embedded") lies; None where there is none."""
    file = Path(address(model)) / FILE
    return file if file.is_file() else None


def read_training_log(model: str | Path) -> pd.DataFrame | None:
    """The table that lies in a model folder, or None where there is none.

    Raises:
        UserError: a file that is no such table.

    """
    file = training_log_file(model)
    if file is None:
        return None
    try:
        table = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: not readable as a table: delete it or write it anew") from error
    missing = [name for name in ("step", *TAGS) if name not in table]
    if missing:
        raise UserError(f"{file}: has no column {missing[0]!r}: delete it or write it anew")
    return table

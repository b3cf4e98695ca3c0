"""A run's learning curve as a table: a CSV file with a line a report.

`training_log.csv` grows in the run's folder, and lies in every exported model folder. Columns:
`step`, `tokens` (real tokens so far), `seconds` (at work so far), `loss` and `accuracy` (at
modified training tokens, means since the row before), `rate` (share of the highest learning rate),
`held_out_loss`, `held_out_accuracy` (15 % modified, fixed seed; empty where not measured at that
step). Where TensorBoard is installed its log is written as well, into `logs/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.embedded.bert6 import address
from blocklens.errors import UserError
from blocklens.storage import whole_file, writing

FILE, TABLE = "training_log.csv", "training_log"
COLUMNS = (
    "step", "tokens", "seconds", "loss", "accuracy", "rate", "held_out_loss", "held_out_accuracy",
)  # fmt: skip


class TrainingLog:
    """The log of a run that stands at `step`: what a killed run wrote beyond it does not count."""

    def __init__(self, run: Path, step: int) -> None:
        self.file = run / FILE
        rows = _whole_lines(self.file)
        if rows is None or "step" not in rows:
            rows = pd.DataFrame(columns=list(COLUMNS))
        write_training_log(rows.loc[rows["step"].to_numpy(dtype=float) <= step], run)
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:  # an extra
            self.tensorboard = None
        else:
            self.tensorboard = SummaryWriter(str(run / "logs"), purge_step=step + 1)

    def add(self, row: Mapping[str, Any]) -> None:
        """One line; columns that are not given stay empty."""
        line = pd.DataFrame([row], columns=list(COLUMNS))
        with writing(self.file), self.file.open("a", encoding="utf-8") as file:
            file.write(line.to_csv(index=False, header=False, float_format="%.8g"))
        if self.tensorboard is not None:
            for name, value in row.items():
                if name != "step":
                    self.tensorboard.add_scalar(name, value, row["step"])

    def table(self) -> pd.DataFrame:
        """A row a step: what was reported and validated at one step stands in one."""
        return pd.read_csv(self.file).groupby("step", as_index=False).first()

    def close(self) -> None:
        """Write what is still held, and one row a step."""
        write_training_log(self.table(), self.file.parent)
        if self.tensorboard is not None:
            self.tensorboard.close()


def _whole_lines(file: Path) -> pd.DataFrame | None:
    """The lines that were written to their end, or None where there is no such table."""
    try:
        data = file.read_bytes()
        return pd.read_csv(BytesIO(data[: data.rfind(b"\n") + 1]))
    except (OSError, ValueError):
        return None


def write_training_log(table: pd.DataFrame, folder: Path) -> Path:
    """Write the table into a folder; returns the file's path."""
    with whole_file(folder / FILE) as partial:
        table.to_csv(partial, index=False, float_format="%.8g")
    return folder / FILE


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
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise UserError(f"{file}: has no column {missing[0]!r}: delete it or write it anew")
    return table

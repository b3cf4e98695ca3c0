"""The checkpoints of a training run, by the names of their folders."""

from __future__ import annotations

from pathlib import Path

from blocklens.claims.comparison import training_step
from blocklens.errors import UserError
from blocklens.wording import counted


def checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run in the order of their steps: its milestones, or folders inside it.

    Raises:
        UserError: fewer than two.

    """
    if not run.is_dir():
        raise UserError(f"{run}: no such folder; give the folder of a training run")
    inside = run / "milestones" if (run / "milestones").is_dir() else run
    steps = {}
    for place in inside.iterdir():
        named = training_step(str(place))
        if named is not None and (place / "config.json").is_file():
            steps[named[1]] = place
    if len(steps) < 2:
        raise UserError(
            f"{run}: {counted(len(steps), 'checkpoint')}; a film takes two or more, in folders "
            "such as checkpoint-500 (of blocklens pretrain --milestones 20, or of the Trainer)"
        )
    return [steps[step] for step in sorted(steps)]

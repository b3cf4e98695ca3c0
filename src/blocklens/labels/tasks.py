"""The kinds of label that are read out: one mechanism, and what they are called.

P2's claim of universality is that tokens, text classes and image classes are learned alike. So
nothing that measures, judges or shows asks which they are: a task is a value of the column `task`
of every table of labels, and the words below. A new kind of label is one more `Task` here, and a
module that gives its inputs in batches (docs/design.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MARGIN = 0.01
"""Accuracy that the advised block may lose, whatever the labels: one point."""


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of label.

    `name`: in the column `task`. `label`, `labels`: what one and many of them are called. `shown`:
    as titles and statements have it. `inputs`: what is read. `accuracy`: the statistic whose rise
    along the blocks is the paper's statement. `rises`, `clusters`: ids of the claims on accuracy
    and on clusters; None where no claim is made. `first`: the first block whose accuracy counts in
    a slope. `section`, `title`: where the report shows it; tasks may share a section, each under
    its `variant`. `fewest_kept`: a block with fewer kept labels has no noise share. `theta`: the
    threshold of a strong match, the group's on image classes; that of tokens is chosen so that
    matches are found again on other texts (docs/learned.md; ours). `thetas`: the sweep. `hidden`:
    the kind of input that does not show the label, where inputs are of several kinds.
    """

    name: str
    label: str
    labels: str
    shown: str
    inputs: str
    section: str
    title: str
    rises: str
    clusters: str | None = None
    variant: str = "Read-outs of the frozen encoder"
    accuracy: str = "accuracy"
    first: int = 1
    fewest_kept: int = 3
    theta: float = 0.3
    thetas: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    hidden: str | None = None


TOKENS = Task(
    "tokens",
    "token",
    "tokens",
    "tokens",
    "texts",
    "learned",
    "What it has learned",
    rises="p2-apt-rises",
    clusters="p2-clusters",
    accuracy="mean accuracy per label",
    first=0,
    fewest_kept=10,
    theta=0.1,
    thetas=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
    hidden="masked",
)
TEXT = Task(
    "text",
    "class",
    "classes",
    "text classes",
    "texts",
    "classes",
    "Text classes",
    rises="p2-class-accuracy",
    clusters="p2-class-clusters",
)
FINE_TUNED = replace(
    TEXT,
    name="text, fine-tuned",
    rises="p2-finetuned-accuracy",
    clusters=None,
    variant="Fine-tuned up to each block",
)
IMAGE = Task(
    "image",
    "class",
    "classes",
    "image classes",
    "images",
    "images",
    "Image classes",
    rises="p2-image-accuracy",
    clusters="p2-image-clusters",
)

TASKS: tuple[Task, ...] = (TOKENS, TEXT, FINE_TUNED, IMAGE)


def task_named(name: str) -> Task:
    """The task of a column `task`."""
    return next(task for task in TASKS if task.name == name)


def shown_statistic(task: Task, statistic: str) -> str:
    """A statistic of `learning` in the words of its task: <APT>, masked-LM accuracy, classes."""
    if task is TOKENS:
        statistic = statistic.replace("mean accuracy per label", "<APT>")
        statistic = "masked-LM accuracy" if statistic == "accuracy" else statistic
    return statistic.replace("labels", task.labels).replace("per label", f"per {task.label}")

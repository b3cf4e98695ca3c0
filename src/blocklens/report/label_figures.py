"""The figures of a kind of label: what its tables hold decides which there are."""

import pandas as pd

from blocklens.labels.tasks import FINE_TUNED, TEXT, TOKENS, Task
from blocklens.report import charts
from blocklens.report.charts.confidence_curve import of_best_variant
from blocklens.report.claim_figures import (
    CONFIDENCE_CAPTION,
    FREQUENCY_CAPTION,
    REPLACEMENT_CAPTION,
    along,
    cluster_caption,
    slug,
)
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.section import Figure

IMAGE_HEADS = {
    "attention to special tokens": "Attention that patches send to the special tokens, [CLS] among "
    "them, over their share of the tokens",
    "touching patches": "Share of the high-similarity pairs whose patches touch, over that of all "
    "pairs of the grid",
}


def label_figures(folder: StudyFolder, task: Task) -> list[Figure]:
    """All figures of one task."""
    learning = folder.of_task("learning", task)
    assert learning is not None
    name, figures = slug(task.name), list[Figure]()
    for statistic in dict.fromkeys((task.accuracy, "accuracy")):
        chart, caption = along(learning, task, statistic)
        figures.append(Figure(f"{name}-{slug(statistic)}", chart, caption))
    apt, frequency = (folder.of_task(table, task) for table in ("accuracy", "frequency"))
    if frequency is not None:
        if apt is not None:
            chart = charts.apt_against_frequency(apt, frequency)
            figures.append(Figure("apt-against-frequency", chart, FREQUENCY_CAPTION))
        caption = "Mean accuracy per token against frequency, block by block, with 95 % intervals."
        chart = charts.frequency_curves(frequency)
        figures.append(Figure("frequency-curves", chart, caption))
    confusion = folder.of_task("confusion", task)
    if confusion is not None and task is not TOKENS:
        names = class_names(confusion)
        last = confusion["block"].to_numpy(dtype=int).max()
        caption = (
            f"What block {last} answers (columns) to {task.inputs} of each class (rows), in per "
            "cent of the class; all seeds together."
        )
        chart = charts.class_confusion(confusion, names)
        figures.append(Figure(f"{name}-confusion", chart, caption))
    sweep = folder.of_task("cluster_sweep", task)
    if sweep is not None:
        for quantity in ("clustered", "largest"):
            if quantity in sweep:
                chart = charts.cluster_sizes(sweep, quantity=quantity, labels=task.labels)
                caption = cluster_caption(quantity, task.labels)
                figures.append(Figure(f"{name}-{quantity}", chart, caption))
    if task in (TEXT, FINE_TUNED):
        figures += _confidence(folder, task)
    heads = folder.table("image_heads")
    if task.inputs == "images" and heads is not None:
        for number, (statistic, words) in enumerate(IMAGE_HEADS.items()):
            caption = (
                f"{words}, in each block, against untrained twins of the same shape; bands are "
                "95 % intervals over images, dots single heads."
            )
            chart = charts.along_blocks(heads, statistic)
            figures.append(Figure(f"{name}-heads-{number}", chart, caption))
    return figures


def class_names(confusion: pd.DataFrame) -> list[str]:
    """Names by class number; a class that neither occurs nor is answered has its number."""
    names: dict[int, str] = {}
    for side in ("predicted", "true"):
        names |= dict(zip(confusion[side], confusion[f"{side}_label"], strict=True))
    return [str(names.get(number, number)) for number in range(max(names) + 1)]


def _confidence(folder: StudyFolder, task: Task) -> list[Figure]:
    """Confidence and replacement, where this is the variant of which they are shown."""
    figures = []
    curve, replaced = folder.table("confidence_curve"), folder.table("replacement")
    if curve is not None and set(of_best_variant(curve)["task"]) == {task.name}:
        chart = charts.confidence_curve(curve)
        figures.append(Figure("text-confidence", chart, CONFIDENCE_CAPTION))
    if replaced is not None and set(of_best_variant(replaced)["task"]) == {task.name}:
        for name, statistic in (("replacement", "prediction change"), ("replaced", "accuracy")):
            chart = charts.replacement(replaced, statistic)
            figures.append(Figure(f"text-{name}", chart, REPLACEMENT_CAPTION[statistic]))
    return figures

"""How the encoder was trained: the learning curve, and what more training texts bring."""

from blocklens.report import charts
from blocklens.report.claim_figures import sizes_caption
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.section import Figure, Section

CURVE_CAPTION = (
    "{Quantity} at modified tokens while training (grey; a mean since the point before) and on "
    "held-out texts (blue), against the number of training tokens. While more than 15 % of the "
    "tokens are modified in training, the training curve is that of a harder task."
)


def training_section(folder: StudyFolder) -> Section | None:
    """The section, from the tables `training_log` and `training_sizes`."""
    figures: list[Figure] = []
    log, sizes = folder.table("training_log"), folder.table("training_sizes")
    if log is not None:
        for quantity in ("loss", "accuracy"):
            if log[[quantity, f"held_out_{quantity}"]].isna().to_numpy().all():
                continue  # a run too short for its first report
            caption = CURVE_CAPTION.replace("{Quantity}", quantity.capitalize())
            chart = charts.learning_curve(log, quantity)
            figures.append(Figure(f"learning-curve-{quantity}", chart, caption))
    if sizes is not None:
        figures.append(Figure("training-sizes", charts.training_sizes(sizes), sizes_caption(sizes)))
    if not figures:
        return None
    return Section(
        id="training",
        title="Training",
        intro="How the encoder was pre-trained by masked-language modelling.",
        figures=tuple(figures),
    )

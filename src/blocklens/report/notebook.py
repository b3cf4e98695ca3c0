"""What a notebook shows of an encoder, a measurement and a study: a few lines of HTML."""

from pathlib import Path

from markupsafe import Markup, escape

from blocklens.errors import UserError
from blocklens.report.first_screen import findings, measured, model_name, shape_words
from blocklens.report.folder_reading import StudyFolder
from blocklens.wording import counted


def encoder_html(name: str, architecture: str, blocks: int, heads: int | None) -> str:
    """An encoder's name and shape."""
    return lines(f"Encoder {model_name(name)}", f"{architecture}, {shape_words(blocks, heads)}")


def measurement_html(encoder: str, blocks: int, heads: int, unit: str, skipped: int) -> str:
    """What was measured, and which tables hold it."""
    left_out = f"; skipped: {counted(skipped, 'text')}" if skipped else ""
    return lines(
        f"Heads of {model_name(encoder)}",
        f"{shape_words(blocks, heads)}; intervals leave out groups of {unit}s{left_out}.",
        "Tables: table, labels, distances, anchors.",
    )


def study_html(folder: Path) -> str:
    """What was measured, the verdicts, up to three findings, and a link to the report."""
    try:
        study = StudyFolder.read(folder)
    except UserError as error:
        return lines("Study", str(error))
    said = [measured(study.study)]
    claims = study.table("claims")
    if claims is not None:
        counts = claims["verdict"].value_counts()
        said.append("Claims: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()) + ".")
    said += [
        f"{one.statement} {one.verdict.capitalize()}. {one.sentence}" for one in findings(study)
    ]
    page = folder / "report.html"
    link = Markup('<a href="{}">Open the report</a>').format(page.as_posix())
    encoder = model_name(str(study.study.get("encoder", "encoder")))
    return lines(f"Study of {encoder}", *said, *([link] if page.is_file() else []))


def lines(title: str, *said: str) -> str:
    """A title and lines below it, escaped but for what is markup already."""
    return f"<b>{escape(title)}</b>" + "".join(f"<br>{escape(line)}" for line in said)

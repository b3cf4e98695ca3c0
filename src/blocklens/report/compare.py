"""Compare studies: one offline page and two tables, from study folders alone.

report.html            claims x encoders with verdicts, effects and intervals
tables/effects         every claim's effect in every study, ranked
tables/differences     every pair of studies
"""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

from blocklens.claims.comparison import (
    LABELLED,
    Compared,
    Comparison,
    compare_studies,
    other_options,
)
from blocklens.errors import UserError
from blocklens.report.compared_sections import differences_section, effects_section
from blocklens.report.figure_files import write_figure_files
from blocklens.report.film_section import film_section
from blocklens.report.first_screen import model_name
from blocklens.report.folder_reading import StudyFolder, as_written
from blocklens.report.page import page_html
from blocklens.report.section import Section
from blocklens.storage import locked, output_folder, write_json, write_table, write_text
from blocklens.wording import counted

FILE = "comparison.json"
"""What a comparison was made of; the mark of its folder."""
FILM_WORDS = (
    ("Effect", "What a statement's claim measures, with its 95 % interval."),
    (
        "Begins to hold",
        "Between the last checkpoint at which the claim does not hold and the first from which it "
        "holds at every later one. Closer checkpoints say it more closely.",
    ),
)
WORDS = (
    ("Effect", "What the claim measures, with its 95 % interval; claims have units of their own."),
    (
        "Rank",
        "1 is the largest effect. Studies that cannot be told apart share a rank: the interval of "
        "their difference includes no difference at all.",
    ),
    (
        "Paired",
        "The same texts in both studies, each group of texts left out of both at once: what makes "
        "a text hard for both cancels.",
    ),
)


def compare(*studies: Path | str, out: Path | str | None = None) -> Comparison:
    """Set studies side by side: each claim's verdict, effect and interval, and every difference.

    Args:
        studies: two or more study folders.
        out: a folder for the page and the tables; None writes nothing.

    Raises:
        UserError: fewer than two studies, a folder without a study or without claims, or an output
            folder that cannot be written.

    Examples:
        >>> import blocklens
        >>> texts = [f"Day {n}. The river rose. The river fell." for n in range(12)]
        >>> options = blocklens.StudyOptions(parts="heads", untrained=0, shuffled=False)
        >>> for name, encoder in {"trained": "embedded", "again": "embedded"}.items():
        ...     _ = blocklens.study(texts, encoder, name, options=options, report=False)
        >>> comparison = blocklens.compare("trained", "again")
        >>> set(comparison.differences["above"])  # no statement tells an encoder from itself
        {''}

    """
    folders = [StudyFolder.read(Path(study)) for study in studies]
    with as_written(*(folder.path for folder in folders)):
        compared = as_compared(folders)
        comparison = compare_studies(compared)
        if out is not None:
            write_comparison(comparison, compared, folders, Path(out))
    return comparison


def as_compared(folders: Sequence[StudyFolder]) -> list[Compared]:
    """What a comparison needs. Raises UserError for fewer than two, or one without claims."""
    if len(folders) < 2:
        raise UserError("compare: give two or more study folders")
    compared = []
    for folder, name in zip(folders, names(folders), strict=True):
        if folder.table("claims") is None:
            raise UserError(f"{folder.path}: a study without claims; there is nothing to compare")
        encoder = str(folder.study.get("encoder", ""))
        hashes = folder.study.get("hashes", {})
        inputs = {kind: made for kind, made in hashes.items() if kind != "encoder"}
        precision = folder.study.get("precision", "float32")
        options = {**folder.study.get("options", {}), "precision": precision}
        compared.append(Compared(name, encoder, inputs, folder.tables, options))
    return compared


def write_comparison_figures(out: Path) -> list[Path]:
    """Every chart of a comparison as `figures/*.svg` and `*.png`; returns the paths.

    Raises:
        UserError: a comparison that was not finished, or whose studies are gone.

    """
    try:
        studies = [out / study for study in json.loads((out / FILE).read_text("utf-8"))["studies"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{out / FILE}: is damaged: run the command that wrote this folder again"
        ) from error
    folders = [StudyFolder.read(study) for study in studies]
    with as_written(*(folder.path for folder in folders)):
        sections = sections_of(compare_studies(as_compared(folders)), folders)
    figures = [figure for section in sections for figure in section.figures]
    return write_figure_files(figures, out / "figures")


def names(folders: Sequence[StudyFolder]) -> list[str]:
    """What each study is called: its model, and its folder where models share a name."""
    models = [model_name(str(folder.study.get("encoder", "encoder"))) for folder in folders]
    named = [
        model if models.count(model) == 1 else f"{model} ({folder.path.resolve().name})"
        for model, folder in zip(models, folders, strict=True)
    ]
    repeated = {name for name in named if named.count(name) > 1}
    if repeated:
        raise UserError(f"{min(repeated)}: the same study twice; give each folder once")
    return named


def write_comparison(
    comparison: Comparison,
    compared: Sequence[Compared],
    folders: Sequence[StudyFolder],
    out: Path,
) -> None:
    """Write the page and the tables into a folder of its own."""
    output_folder(out, FILE)
    named = list(dict.fromkeys(comparison.effects["study"]))
    if comparison.series is None:
        encoders = {str(folder.study.get("encoder", "")) for folder in folders}
        what = "encoders" if len(encoders) == len(named) else "studies"
        title = f"{len(named)} {what} side by side"
        who = f"{', '.join(named[:-1])} and {named[-1]}"
    else:
        steps = comparison.series["step"]
        title = f"{counted(len(named), 'checkpoint')} of one training run"
        who = f"From step {steps.min():,} to step {steps.max():,}"
    page = page_html(
        kind="comparison",
        title=title,
        lead=f"{who}. {inputs_words(compared)}{options_words(compared)}",
        words=WORDS if comparison.series is None else FILM_WORDS,
        sections=sections_of(comparison, folders),
        footer="Every number is in the tables folder beside this page.",
    )
    with locked(out):
        # From here, so that a folder that was moved with its studies is still known.
        studies = [os.path.relpath(folder.path, out) for folder in folders]
        write_json({"studies": studies}, out / FILE)
        write_table(comparison.effects, out / "tables" / "effects.parquet")
        write_table(comparison.differences, out / "tables" / "differences.parquet")
        write_text(page, out / "report.html")


def sections_of(comparison: Comparison, folders: Sequence[StudyFolder]) -> list[Section]:
    """What the page shows: claims x encoders, or the film of one training run; and differences."""
    if comparison.series is None:
        return [effects_section(comparison), differences_section(comparison)]
    by_name = dict(zip(names(folders), folders, strict=True))
    return [
        film_section(comparison.series, by_name),
        differences_section(from_step_to_step(comparison)),
    ]


def from_step_to_step(comparison: Comparison) -> Comparison:
    """Of checkpoints no more than the differences from each to the next, and from first to last."""
    assert comparison.series is not None
    ordered = list(dict.fromkeys(comparison.series["study"]))
    pairs = {frozenset(pair) for pair in [*pairwise(ordered), (ordered[0], ordered[-1])]}
    table = comparison.differences
    kept = [frozenset(pair) in pairs for pair in zip(table["first"], table["second"], strict=True)]
    return replace(comparison, differences=table.loc[kept])


def inputs_words(compared: Sequence[Compared]) -> str:
    """Whether the studies share their texts, and those of text classes where several have them."""
    labelled = {s.inputs[LABELLED] for s in compared if LABELLED in s.inputs}
    classes = " Their text classes are of different labelled texts." if len(labelled) > 1 else ""
    inputs = {
        str(sorted(item for item in s.inputs.items() if item[0] != LABELLED) or s.name)
        for s in compared
    }
    if len(inputs) == len(compared):
        return f"They were measured on different texts: a difference may be the texts'.{classes}"
    if len(inputs) > 1:
        return f"Not all were measured on the same texts: other pairs are marked.{classes}"
    return f"All were measured on the same texts.{classes}"


def options_words(compared: Sequence[Compared]) -> str:
    """Which options differ, in a sentence after a space; "" where none does."""
    pairs = [other_options(one, other) for one, other in combinations(compared, 2)]
    differing = list(dict.fromkeys(option for pair in pairs for option in pair))
    if not differing:
        return ""
    more = f" and {len(differing) - 6} more" if len(differing) > 6 else ""
    return (
        f" They were measured with other options ({'; '.join(differing[:6])}{more}): a difference "
        "may be the options'."
    )

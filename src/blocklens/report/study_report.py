"""Write a study's report, and its charts as files where they are wanted.

Sections are built in order by the functions in `SECTIONS`; a part whose tables are missing is left
out.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from blocklens.report.blocks_section import blocks_section
from blocklens.report.charts.matrices import contact_sheet
from blocklens.report.claims_section import claims_section
from blocklens.report.figure_files import write_figure_files
from blocklens.report.first_screen import findings, measured, model_name, words_used
from blocklens.report.folder_reading import StudyFolder, as_written
from blocklens.report.heads_section import heads_section
from blocklens.report.labels_section import labels_sections
from blocklens.report.methods_section import methods_section
from blocklens.report.page import page_html
from blocklens.report.rendering import to_spec
from blocklens.report.section import Figure, Section, SectionBuilder
from blocklens.report.segmentation_section import scores_section, segments_section
from blocklens.report.training_section import training_section
from blocklens.storage import whole_file

SECTIONS: tuple[SectionBuilder, ...] = (
    scores_section,
    segments_section,
    claims_section,
    blocks_section,
    heads_section,
    labels_sections[0],
    training_section,
    *labels_sections[1:],
    methods_section,
)
FOOTER = (
    "Every number is in the study's tables folder. `blocklens figures` writes every chart as SVG "
    "and PNG."
)


def write_report(folder: Path | str) -> Path:
    """Write `report.html` into a study folder.

    Returns the page's path. The page holds every chart anyway, and files of them take longer than
    all the rest. A folder of figures that is there already is kept up to date: it would show what
    was measured before.

    Raises UserError when the folder has no study or cannot be written.
    """
    study = StudyFolder.read(Path(folder))
    path = study.path / "report.html"
    with as_written(study.path):
        sections = _sections(study)
        page = page_html(
            kind="report",
            title=model_name(str(study.study.get("encoder", "encoder"))),
            lead=measured(study.study),
            warning=str(study.study.get("warning", "")),
            findings=findings(study),
            words=words_used(study),
            sections=sections,
            footer=FOOTER,
        )
    with whole_file(path) as partial:
        partial.write_text(page, "utf-8")
    if (study.path / "figures").is_dir():
        _write_all(study, sections)
    return path


def write_figures(folder: Path | str) -> list[Path]:
    """Write every chart of a study as `figures/*.svg` and `*.png`; returns the paths.

    Raises UserError when the folder has no study or cannot be written.
    """
    study = StudyFolder.read(Path(folder))
    with as_written(study.path):
        sections = _sections(study)
    return _write_all(study, sections)


def _sections(study: StudyFolder) -> list[Section]:
    """All sections; a chart that stands beside a claim is linked where it would stand again."""
    sections = [section for build in SECTIONS if (section := build(study)) is not None]
    beside = {f.caption: f for s in sections if s.id == "claims" for f in s.figures}

    def once(figure: Figure) -> Figure:
        same = beside.get(figure.caption)
        if same is None or to_spec(same.chart) != to_spec(figure.chart):
            return figure
        return replace(figure, name=same.name, place="linked")

    return [
        one if one.id == "claims" else replace(one, figures=tuple(map(once, one.figures)))
        for one in sections
    ]


def _write_all(study: StudyFolder, sections: list[Section]) -> list[Path]:
    drawn = (f for s in sections for f in s.figures if f.place != "linked")
    return write_figure_files((*drawn, *_sheets(study)), study.path / "figures")


def _sheets(study: StudyFolder) -> Iterable[Figure]:
    for k in range(len(study.example_index)):
        example = study.example(k)
        caption = f"Attention maps of all heads on {example.name}."
        yield Figure(f"attention-text-{k}", contact_sheet(example.attention), caption)

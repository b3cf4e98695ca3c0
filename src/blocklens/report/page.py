"""Write a study's report: one self-contained page, and every chart as SVG and PNG.

The page carries its data, its scripts and Vega once; it asks the network for nothing. Sections are
built in order by the functions in `SECTIONS`; a part whose tables are missing is left out.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from markupsafe import Markup

from blocklens.errors import UserError
from blocklens.report.blocks_section import blocks_section
from blocklens.report.charts.matrices import contact_sheet
from blocklens.report.claims_section import claims_section
from blocklens.report.classes_section import classes_section
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.formatting import script_json
from blocklens.report.heads_section import heads_section
from blocklens.report.images_section import images_section
from blocklens.report.learned_section import learned_section
from blocklens.report.methods_section import methods_section
from blocklens.report.rendering import render, static, to_spec
from blocklens.report.section import Figure, Section, SectionBuilder
from blocklens.report.segmentation_section import scores_section, segments_section
from blocklens.report.training_section import training_section

SECTIONS: tuple[SectionBuilder, ...] = (
    scores_section,
    segments_section,
    claims_section,
    blocks_section,
    heads_section,
    learned_section,
    training_section,
    classes_section,
    images_section,
    methods_section,
)


def write_report(folder: Path, *, figures: bool = True) -> Path:
    """Write `report.html`, and `figures/*.svg` and `*.png`, into a study folder.

    Returns the page's path. Files appear whole: each is written beside its place and then moved.
    `figures` False leaves the figure files out (the page holds all charts anyway).

    Raises UserError when the folder has no study or cannot be written.
    """
    study = StudyFolder.read(Path(folder))
    sections = [s for build in SECTIONS if (s := build(study)) is not None]
    page = study.path / "report.html"
    try:
        _write(page, page_html(study, sections).encode("utf-8"))
        if figures:
            write_figures(study.path / "figures", [*_all(sections), *_sheets(study)])
    except OSError as error:
        raise UserError(f"{page}: cannot be written ({error.strerror}); free the place.") from error
    return page


def page_html(study: StudyFolder, sections: Sequence[Section]) -> str:
    """The page as one HTML document."""
    return str(
        render(
            "page.html.j2",
            head=summary(study.study),
            sections=sections,
            css=Markup(static("report.css")),
            vega=Markup(vega_bundle()),
            page_script=Markup(static("page.js")),
            data={section.id: section.data for section in sections if section.data},
            specs={f.name: to_spec(f.chart) for f in _all(sections) if f.place != "files"},
            script_json=lambda value: Markup(script_json(value)),
        )
    )


def summary(study: dict[str, Any]) -> dict[str, Any]:
    """What the title says about the run, missing parts left out."""
    noun = "image" if "images" in study else "text"
    texts = study.get(f"{noun}s", {})
    options = study.get("options", {})
    encoder = str(study.get("encoder", "encoder"))
    return {
        "encoder": shown_source(encoder),
        "shape": shape_words(study),
        "noun": noun,
        "inputs": shown_source(str(texts.get("description", ""))),
        "created": str(study.get("created", ""))[:16].replace("T", " "),
        "count": texts.get("count", texts.get("test")),
        "tokens": texts.get("tokens"),
        "windows": texts.get("windows"),
        "intervals": study.get("intervals", True),
        "untrained": options.get("untrained", 0),
        "seed": options.get("seed"),
        "versions": study.get("versions", {}),
        "skipped": texts.get("skipped", 0),
        "skipped_list": texts.get("skipped_list", []),
        "notes": study.get("notes", []),
    }


def shape_words(study: dict[str, Any]) -> str:
    """Blocks and heads in words; an encoder may have no heads."""
    blocks, heads = study.get("blocks"), study.get("heads")
    return f"{blocks} blocks of {heads} heads" if heads else f"{blocks} blocks"


def shown_source(source: str) -> str:
    """A file or folder by its own name; a Hub id or a description as it is."""
    return Path(source).name if Path(source).is_absolute() else source


@cache
def vega_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one module script without imports."""
    bundle = vl_convert.javascript_bundle()  # pyright: ignore[reportCallIssue] (its stub knows no defaults)
    if "</script" in bundle.lower():
        raise RuntimeError("the Vega bundle closes its own script element")
    return bundle


def write_figures(folder: Path, figures: Iterable[Figure]) -> list[Path]:
    """Write each chart as SVG and PNG (two pixels a point); returns the paths."""
    folder.mkdir(exist_ok=True)
    paths = []
    for figure in figures:
        svg = vl_convert.vegalite_to_svg(to_spec(figure.chart))
        _write(folder / f"{figure.name}.svg", svg.encode("utf-8"))
        _write(folder / f"{figure.name}.png", vl_convert.svg_to_png(svg, scale=2))
        paths += [folder / f"{figure.name}.svg", folder / f"{figure.name}.png"]
    return paths


def _sheets(study: StudyFolder) -> Iterable[Figure]:
    for k in range(len(study.example_index)):
        example = study.example(k)
        caption = f"Attention maps of all heads on {example.name}."
        yield Figure(f"attention-text-{k}", contact_sheet(example.attention), caption)


def _all(sections: Sequence[Section]) -> list[Figure]:
    return [figure for section in sections for figure in section.figures]


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content)
    beside.replace(path)

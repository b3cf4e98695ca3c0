"""Charts as files, drawn without a browser."""

from collections.abc import Iterable
from pathlib import Path

import vl_convert

from blocklens.report.rendering import to_spec
from blocklens.report.section import Figure
from blocklens.storage import whole_file


def write_figure_files(figures: Iterable[Figure], folder: Path) -> list[Path]:
    """Write `<name>.svg` and `<name>.png` of every figure; returns the paths."""
    paths = []
    for figure in figures:
        svg = vl_convert.vegalite_to_svg(to_spec(figure.chart))
        png = vl_convert.svg_to_png(svg, scale=2)  # two pixels a point
        for suffix, content in (("svg", svg.encode("utf-8")), ("png", png)):
            path = folder / f"{figure.name}.{suffix}"
            with whole_file(path) as partial:
                partial.write_bytes(content)
            paths.append(path)
    return paths

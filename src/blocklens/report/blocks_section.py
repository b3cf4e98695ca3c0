"""What all heads of a block do together: token classes and distances along the blocks."""

from blocklens.report import charts
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.section import Figure, Section


def blocks_section(folder: StudyFolder) -> Section | None:
    """Attention by token class, and where the high pairs reach, block by block."""
    figures = []
    heads = folder.table("heads")
    if heads is not None:
        rows = heads.loc[heads["head"].isna() & heads["statistic"].str.startswith("attention to ")]
        statistics = list(dict.fromkeys(rows["statistic"]))
        if statistics:
            figures.append(
                Figure(
                    "attention-by-token-class",
                    charts.compare_along_blocks(
                        heads, statistics, title="attention received, against even attention"
                    ),
                    "Attention that each class of tokens receives from all others, divided by the "
                    "class's share of the tokens: 1 is no preference; bands are 95 % intervals.",
                )
            )
    distances = folder.table("distances")
    chart = None if distances is None else charts.distance_map(distances)
    if chart is not None:
        figures.append(
            Figure(
                "distance-by-block",
                chart,
                "How often a block's high-similarity pairs stand at each distance, against all "
                "pairs of the same texts: blue is more often, orange less often.",
            )
        )
    if not figures:
        return None
    return Section(
        id="blocks",
        title="Along the blocks",
        intro="All heads of a block taken together.",
        figures=tuple(figures),
    )

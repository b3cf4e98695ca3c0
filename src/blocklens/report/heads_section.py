"""Blocks x heads: a grid coloured by any statistic, and a panel for one head."""

from typing import Any

import numpy as np
import pandas as pd

from blocklens.report import charts
from blocklens.report.charts.along_blocks import rows_of
from blocklens.report.charts.head_grid import colour_bound
from blocklens.report.charts.one_head import (
    distance_chart,
    distance_rows,
    profile_chart,
)
from blocklens.report.charts.style import CATEGORIES, DIVERGING, RUN_ORDER, SEQUENTIAL
from blocklens.report.example_maps import packed_examples
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.formatting import rounded
from blocklens.report.rendering import render, static, to_spec
from blocklens.report.section import Figure, Section

FIELDS = ("effect", "low", "high", "value", "null")
LABELS = ("repetition", "anchor", "anchor context", "local", "same sentence")


def heads_section(folder: StudyFolder) -> Section | None:
    """The grid and the panel, with everything that the page needs to draw any head."""
    facts = head_facts(folder)
    if facts is None:
        return None
    examples = packed_examples(folder)
    runs, statistics = facts["runs"], facts["statistics"]
    data = facts | {
        "examples": examples,
        "templates": {
            "distances": to_spec(
                distance_chart(distance_rows(np.ones(8), np.ones(8))).properties(width=480)
            ),
            "profile": to_spec(profile_chart(_empty_profile(), domain=effect_range(runs))),
        },
    }
    html = render(
        "heads.html.j2",
        statistics=statistics,
        runs=[name for name in RUN_ORDER if name in runs],
        has_labels=data["labels"] is not None,
        examples=[example_title(text) for text in examples],
        left_out=len(folder.example_index) - len(examples),
    )
    return Section(
        id="heads",
        title="Heads",
        intro=(
            "One cell a head, blocks from top to bottom. Colour and number give the effect "
            "(observed / null, 1 = no effect); a grey number's 95 % interval includes 1. "
            "Pick a cell to see that head."
        ),
        html=html,
        figures=tuple(_grid_figures(folder.tables["heads"], statistics)),
        data=data,
        script=static("matrix.js") + static("heads.js"),
    )


def head_facts(folder: StudyFolder) -> dict[str, Any] | None:
    """What scripts are told of every head, heads in flat lists; None where none was measured."""
    heads = folder.table("heads")
    if heads is None or heads["head"].isna().to_numpy().all():
        return None
    statistics = grid_statistics(heads)
    shape = (int(folder.study["blocks"]), int(folder.study["heads"]))
    return {
        "blocks": shape[0],
        "heads": shape[1],
        "statistics": statistics,
        "runs": grid_values(heads, statistics, shape),
        "labels": _labels(folder.table("labels"), shape),
        "distances": _distances(folder.table("distances"), shape),
        "anchors": _anchors(folder.table("anchors"), shape),
        "colours": {
            "diverging": DIVERGING,
            "sequential": SEQUENTIAL,
            "labels": dict(zip(LABELS, CATEGORIES, strict=False)),
        },
    }


def grid_statistics(heads: pd.DataFrame) -> list[dict[str, Any]]:
    """The statistics that exist for single heads, each once: `key`, `name`, `measure`."""
    rows = heads.loc[heads["head"].notna() & (heads["run"] == "encoder")]
    seen: list[dict[str, Any]] = []
    for measure, name in (
        rows.loc[:, ["measure", "statistic"]].drop_duplicates().itertuples(index=False)
    ):
        known = [s for s in seen if s["name"] == name]
        if known and _same_effects(heads, name, known[0]["measure"], measure):
            continue
        shown = f"{name} ({measure})" if known else name
        seen.append({"key": f"{measure}/{name}", "name": name, "shown": shown, "measure": measure})
    return seen


def _same_effects(heads: pd.DataFrame, name: str, first: str, second: str) -> bool:
    effects = [
        _encoder_heads(rows_of(heads, name, measure=measure))["effect"].to_numpy()
        for measure in (first, second)
    ]
    return effects[0].shape == effects[1].shape and bool(
        np.allclose(effects[0], effects[1], rtol=1e-6, equal_nan=True)
    )


def _encoder_heads(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.loc[(rows["run"] == "encoder") & rows["head"].notna()]
    return rows.sort_values(["block", "head"])


def grid_values(
    heads: pd.DataFrame, statistics: list[dict[str, Any]], shape: tuple[int, int]
) -> dict[str, Any]:
    """Per run and statistic, flat lists over blocks x heads, and over whole blocks.

    The untrained twins are averaged; they have no interval of their own here.
    """
    out: dict[str, Any] = {}
    for statistic in statistics:
        rows = rows_of(heads, statistic["name"], measure=statistic["measure"])
        for run, part in _by_kind(rows):
            entry: dict[str, Any] = {}
            for whole, suffix in ((False, ""), (True, "_block")):
                chosen = part.loc[part["head"].isna() == whole]
                fields = FIELDS if run != RUN_ORDER[1] else ("effect", "value", "null")
                for column in fields:
                    array = np.full(shape[0] if whole else shape, np.nan)
                    means: Any = chosen.groupby(
                        ["block"] if whole else ["block", "head"], dropna=False
                    )[column].mean()
                    for index, mean in means.items():
                        at = index if isinstance(index, tuple) else (index,)
                        array[(int(at[0]) - 1, *map(int, at[1:]))] = mean
                    entry[column + suffix] = rounded(array.ravel())
            effects = np.array([e or np.nan for e in entry["effect"]], np.float64)
            entry["bound"] = colour_bound(effects[np.isfinite(effects)])
            out.setdefault(run, {})[statistic["key"]] = entry
    return out


def effect_range(runs: dict[str, Any]) -> tuple[float, float]:
    """The smallest and the largest effect of any head: the axis on which every head is drawn."""
    values = [v for run in runs.values() for entry in run.values() for v in entry["effect"]]
    finite = [v for v in values if v is not None and v > 0]
    return (min(finite), max(finite)) if finite else (0.5, 2.0)


def _by_kind(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    masks = (
        rows["run"] == "encoder",
        rows["run"].str.startswith("untrained"),
        rows["run"] == "shuffled",
    )
    return [(n, rows.loc[m]) for n, m in zip(RUN_ORDER, masks, strict=True) if m.to_numpy().any()]


def _labels(table: pd.DataFrame | None, shape: tuple[int, int]) -> list[Any] | None:
    if table is None:
        return None
    flat: list[Any] = [None] * (shape[0] * shape[1])
    for row in of_encoder(table).to_dict("records"):
        flat[_flat(row, shape)] = {
            "label": row["label"],
            "ratio": rounded([row["ratio"]])[0],
            "low": rounded([row["low"]])[0],
            "high": rounded([row["high"]])[0],
            "runner_up": row["runner_up"],
            "runner_up_ratio": rounded([row["runner_up_ratio"]])[0],
        }
    return flat


def example_title(text: dict[str, Any]) -> str:
    """A text's name and its first words, to pick it from a list."""
    words = [t for t, special in zip(text["tokens"], text["special"], strict=True) if not special]
    return f"{text['name']}: {' '.join(words[:8])} …"


def of_encoder(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the encoder itself, without its controls."""
    return table.loc[table["run"] == "encoder"]


def _flat(row: dict[str, Any], shape: tuple[int, int]) -> int:
    return (int(row["block"]) - 1) * shape[1] + int(row["head"])


def _distances(table: pd.DataFrame | None, shape: tuple[int, int]) -> dict[str, Any] | None:
    """The encoder's binned shares by distance, one list a head; the null once if all share it."""
    if table is None:
        return None
    rows = table.loc[(table["run"] == "encoder") & table["head"].notna()]
    if rows.empty:
        return None
    longest = int(rows["distance"].max())
    shares: list[Any] = [None] * (shape[0] * shape[1])
    nulls: list[Any] = [None] * (shape[0] * shape[1])
    binned = None
    for (block, head), part in rows.groupby(["block", "head"]):
        pairs, expected = np.zeros(longest), np.zeros(longest)
        at = part["distance"].to_numpy() - 1
        pairs[at], expected[at] = part["pairs"], part["expected"]
        binned = distance_rows(pairs, expected)
        index = _flat({"block": block, "head": head}, shape)
        shares[index] = rounded(binned["share"].to_numpy(), 3)
        nulls[index] = rounded(binned["null"].to_numpy(), 3)
    assert binned is not None
    shared = all(null == nulls[0] for null in nulls)
    return {
        "start": binned["start"].tolist(),
        "end": binned["end"].tolist(),
        "share": shares,
        "null": nulls[:1] if shared else nulls,
    }


def _anchors(table: pd.DataFrame | None, shape: tuple[int, int]) -> list[Any] | None:
    if table is None:
        return None
    flat: list[Any] = [[] for _ in range(shape[0] * shape[1])]
    groups: Any = of_encoder(table).groupby(["block", "head"])
    for (block, head), part in groups:
        best = part.nlargest(8, "texts")
        flat[_flat({"block": block, "head": head}, shape)] = [
            [str(token), int(texts), rounded([share])[0]]
            for token, texts, share in zip(best["token"], best["texts"], best["share"], strict=True)
        ]
    return flat


def _empty_profile() -> pd.DataFrame:
    columns = ["statistic", "effect", "low", "high", "untrained", "shuffled"]
    return pd.DataFrame([["", 1.0, 1.0, 1.0, 1.0, 1.0]], columns=columns)


def _grid_figures(heads: pd.DataFrame, statistics: list[dict[str, Any]]) -> list[Figure]:
    """A grid of every statistic for the files; the page draws its own."""
    figures = []
    for statistic in statistics:
        name = "grid-" + "".join(c if c.isalnum() else "-" for c in statistic["shown"].lower())
        figures.append(
            Figure(
                "-".join(part for part in name.split("-") if part),
                charts.grid(heads, statistic["name"], measure=statistic["measure"]),
                f"{statistic['shown']} of every head, observed / null.",
                place="files",
            )
        )
    return figures

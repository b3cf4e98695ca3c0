"""Methods: what the words mean, which options were used, and the sweep over the cut."""

import json
from typing import Any

from blocklens.report import charts
from blocklens.report.folder import StudyFolder
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section
from blocklens.report.segmentation_section import SCORE_TERMS, STRENGTH_TERMS

P1_TERMS = (
    (
        "Head output vector",
        "paper",
        "The attention-weighted sum of a head's value vectors at one token, before the heads are "
        "joined and projected.",
    ),
    (
        "Context similarity matrix",
        "paper",
        "Scalar products of a head's output vectors, token by token, within one text. The raw "
        "product is our choice where the option does not say otherwise.",
    ),
    (
        "High-similarity pairs",
        "ours",
        "The unordered pairs of a text's tokens with the largest similarity, special tokens left "
        "out: the top fraction q of all pairs, at least half as many pairs as tokens.",
    ),
    (
        "Attention to separators",
        "paper",
        "Attention that tokens which are not separators send to a class of tokens, divided by the "
        "class's share of the tokens. Each class is its own curve; the formula is ours.",
    ),
    (
        "Distance",
        "paper",
        "How many tokens apart the high pairs are. Null: all pairs of the same texts. A ratio "
        "below 1 is nearer than chance. The null is ours.",
    ),
    (
        "Same sentence",
        "paper",
        "Share of the high pairs within one sentence. Null: all pairs. Distance matched: the "
        "sentence borders shifted around the text, which keeps every distance. Both nulls are "
        "ours.",
    ),
    (
        "Head label",
        "ours",
        "The largest of five ratios over the high pairs: repetition (the same token twice), anchor "
        "(the head's most common token), anchor context (within two tokens of it), local (at most "
        "5 tokens apart), same sentence.",
    ),
    (
        "Anchor and uniqueness",
        "ours",
        "A head's anchor in a text is the token most often in its high pairs. Uniqueness of a "
        "block is the number of distinct anchors divided by the number of heads.",
    ),
    (
        "Noise",
        "ours",
        "Share of the high pairs that are none of: the same token, one sentence, local, anchor.",
    ),
    (
        "Controls",
        "ours",
        "Untrained twins: the same configuration with fresh weights. Shuffled: the same texts with "
        "their tokens in random order. Both run through the same code.",
    ),
    (
        "Intervals",
        "ours",
        "95 %, from resampling groups of texts: the unit is the text, never the token or pair.",
    ),
)


def methods_section(folder: StudyFolder) -> Section:
    """Definitions in short, options, versions, and the sweep."""
    heads = folder.table("heads")
    figures: tuple[Figure, ...] = ()
    chart = None if heads is None else charts.sweep(heads)
    if chart is not None:
        figures = (
            Figure(
                "sweep-over-the-cut",
                chart,
                "Every statistic of the high-similarity pairs (observed / null) along the blocks, "
                "at each cut q: a finding that turns with the cut is a finding about the cut.",
            ),
        )
    study = folder.study
    terms: tuple[tuple[str, str, str], ...] = P1_TERMS
    for table, own in (("sentences", STRENGTH_TERMS), ("scores", SCORE_TERMS)):
        if folder.table(table) is not None:
            terms = own
    return Section(
        id="methods",
        title="Methods",
        intro=(
            "“paper” marks what a paper states, “ours” what is our operational choice because the "
            "paper's own is not known."
        ),
        html=render(
            "methods.html.j2",
            terms=terms,
            options=list(flat_options(study.get("options", {}))),
            versions=study.get("versions", {}),
        ),
        figures=figures,
    )


def flat_options(options: dict[str, Any], prefix: str = "") -> Any:
    """Nested options as (dotted name, text) pairs."""
    for key, value in options.items():
        if isinstance(value, dict):
            yield from flat_options(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", option_text(value)


def option_text(value: Any) -> str:
    """An option's value as a reader writes it."""
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value)

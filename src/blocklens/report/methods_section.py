"""Methods: what the words mean, which options were used, and the sweep over the cut."""

import json
from collections.abc import Iterator
from typing import Any

from blocklens.labels.tasks import FINE_TUNED, IMAGE, TEXT
from blocklens.report import charts
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.rendering import render
from blocklens.report.section import Figure, Section
from blocklens.report.segmentation_section import SCORE_TERMS, STRENGTH_TERMS
from blocklens.safe_text import public_name

PAIR_TERMS = (
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
)
"""Of heads on texts and on images alike."""

P1_TERMS = (
    *PAIR_TERMS,
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
        "(the head's most common token), anchor context (within two tokens of it, without it), "
        "local (at most 5 tokens apart), same sentence.",
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

LABEL_TERMS = (
    (
        "Read-out",
        "code",
        "The trunk is frozen, a head is attached to the output of a block, and the head alone is "
        "trained. The untrained twins have read-outs of their own, trained alike. A vocabulary "
        "head starts from the encoder's own where the notes say so (ours), else new.",
    ),
    (
        "Confusion matrix",
        "review",
        "How often a label was predicted as another. Rows whose diagonal is not their largest "
        "element are left out; each other row is divided by its diagonal.",
    ),
    (
        "Strong match clusters",
        "paper",
        "Labels each of which is taken for each of the others more often than the threshold, found "
        "greedily in a fixed order. Threshold and rule are those of the group's code on image "
        "classifiers; that they carry over is ours.",
    ),
    (
        "Noise",
        "code",
        "Strong matches that lie outside all clusters.",
    ),
)
"""Of tokens, text classes and image classes alike."""

IMAGE_TERMS = (
    (
        "Vector of an image",
        "ours",
        "A read-out sees a block's output at the [CLS] token where there is one, else the mean "
        "over the patches. Other blocks than the last go through the trunk's final norm first.",
    ),
    (
        "Attention to special tokens",
        "ours",
        "Attention that patches send to [CLS] (and registers), divided by the share of those "
        "tokens: the paper's measure of separators with patches in the place of words.",
    ),
    (
        "Touching patches",
        "ours",
        "Share of the high-similarity pairs whose patches touch, at a side or a corner. Null: all "
        "pairs of the grid.",
    ),
    (
        "Pixels",
        "ours",
        "The same linear read-out, trained alike, of the pixels in the place of a block's output.",
    ),
    (
        "Intervals",
        "ours",
        "95 %, over images and seeds of the read-outs: each group of images and each seed is left "
        "out in turn. Those of heads resample groups of images.",
    ),
    (
        "Untrained twins",
        "ours",
        "The same configuration with fresh weights; they run through the same code.",
    ),
)

TEXT_TERMS = (
    (
        "Vector of a text",
        "code",
        "A read-out sees a block's output at [CLS] through a dense layer, as the family's own "
        "classifier does; or the mean over the tokens, where that was chosen.",
    ),
    (
        "Fine-tuned up to a block",
        "code",
        "The encoder is cut there, its family's head put on it, and all weights are trained. "
        "Epochs and learning rate are ours.",
    ),
    (
        "TF-IDF",
        "ours",
        "Logistic regression on weighted word counts of the same texts: what words alone solve.",
    ),
    (
        "Input APT",
        "paper",
        "Mean accuracy per token of an input's tokens under the pre-trained encoder. That it is "
        "measured on the labelled texts, the range and the bound are ours.",
    ),
    (
        "Replacement",
        "ours",
        "Tokens are replaced by their strong match partner, or by random tokens as frequent in the "
        "same places: a test of the cause that the paper gives.",
    ),
    (
        "Intervals of classes",
        "ours",
        "95 %, over texts and seeds: each group of texts and each seed is left out in turn. Those "
        "of shares end at 0 and 1.",
    ),
)


def terms_of(folder: StudyFolder) -> tuple[tuple[str, str, str], ...]:
    """The terms that this study's tables use."""
    if folder.of_task("learning", IMAGE) is not None:
        heads = PAIR_TERMS if folder.table("image_heads") is not None else ()
        return (*LABEL_TERMS, *heads, *IMAGE_TERMS)
    for table, own in (("scores", SCORE_TERMS), ("sentences", STRENGTH_TERMS)):
        if folder.table(table) is not None:
            return own
    classes = any(folder.of_task("learning", task) is not None for task in (TEXT, FINE_TUNED))
    heads = P1_TERMS if folder.table("heads") is not None or not classes else ()
    return (*heads, *LABEL_TERMS, *TEXT_TERMS) if classes else heads


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
    return Section(
        id="methods",
        title="Methods",
        intro=(
            "“paper” marks what a paper states, “code” what was read from the group's own code for "
            "a sister paper, “review” what is known of a paper second hand, “ours” what is our "
            "operational choice because the paper's own is not known."
        ),
        html=render(
            "methods.html.j2",
            terms=terms_of(folder),
            measured=list(provenance(study)),
            noun="image" if "images" in study else "text",
            skipped=_inputs(study).get("skipped", 0),
            skipped_list=_inputs(study).get("skipped_list", []),
            options=list(flat_options(study.get("options", {}))),
            versions=study.get("versions", {}),
        ),
        figures=figures,
    )


def _inputs(study: dict[str, Any]) -> dict[str, Any]:
    return study.get("images") or study.get("texts") or {}


def provenance(study: dict[str, Any]) -> Iterator[str]:
    """How the numbers came to be, a sentence each: the encoder, windows, controls, date, notes."""
    yield f"The encoder: {public_name(str(study.get('encoder', '')))}."
    windows = _inputs(study).get("windows")
    if windows is not None:
        yield f"The texts went through in {windows:,} windows."
    untrained = study.get("options", {}).get("untrained", 0)
    if untrained:
        yield (
            f"Untrained twins have seeds 0 to {untrained - 1}."
            if untrained > 1
            else "The untrained twin has seed 0."
        )
    yield from map(str, study.get("notes", []))
    if study.get("created"):
        yield f"Measured {str(study['created'])[:16].replace('T', ' ')} UTC."


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

"""Measure how a transformer encoder learns and pays attention, block by block and head by head.

import blocklens

encoder = blocklens.Encoder.load("sentence-transformers/all-MiniLM-L6-v2")
found = blocklens.measure(encoder, "articles.jsonl")    # or any list of strings
found.table, found.labels, found.anchors                # data frames
blocklens.charts.grid(found.table, "repetition")        # a chart in a notebook
blocklens.study("articles.jsonl", encoder, "my-study")  # everything, with a report
blocklens.finetune("reviews.csv", encoder)              # classes of texts on every block
blocklens.segment("A long text. ...", encoder).segments  # the text in segments, without training
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blocklens.encoder.trunk import Encoder
    from blocklens.errors import UserError
    from blocklens.heads.head_options import HeadOptions
    from blocklens.heads.maps_of_texts import Example, look
    from blocklens.heads.measurement import Measurement, measure
    from blocklens.inputs.texts import Text, TextSource
    from blocklens.report import charts
    from blocklens.segmentation import Segmentation, segment
    from blocklens.studies import Study, StudyOptions, study
    from blocklens.studies.finetune import finetune

__all__ = [
    "Encoder",
    "Example",
    "HeadOptions",
    "Measurement",
    "Segmentation",
    "Study",
    "StudyOptions",
    "Text",
    "TextSource",
    "UserError",
    "charts",
    "finetune",
    "look",
    "measure",
    "segment",
    "study",
]

_HOMES = {
    "Encoder": "blocklens.encoder.trunk",
    "Example": "blocklens.heads.maps_of_texts",
    "HeadOptions": "blocklens.heads.head_options",
    "Measurement": "blocklens.heads.measurement",
    "Segmentation": "blocklens.segmentation",
    "Study": "blocklens.studies",
    "StudyOptions": "blocklens.studies",
    "Text": "blocklens.inputs.texts",
    "TextSource": "blocklens.inputs.texts",
    "UserError": "blocklens.errors",
    "finetune": "blocklens.studies.finetune",
    "look": "blocklens.heads.maps_of_texts",
    "measure": "blocklens.heads.measurement",
    "segment": "blocklens.segmentation",
    "study": "blocklens.studies",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `blocklens --help` must not wait for PyTorch."""
    if name == "charts":
        return import_module("blocklens.report.charts")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

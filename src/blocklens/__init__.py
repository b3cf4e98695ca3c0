"""Measure how a transformer encoder learns and pays attention, block by block and head by head.

import blocklens

encoder = blocklens.Encoder.load("sentence-transformers/all-MiniLM-L6-v2")
heads = blocklens.measure("articles.jsonl", encoder)    # or any list of strings
heads.table, heads.labels, heads.anchors                # data frames
blocklens.charts.grid(heads.table, "repetition")        # a chart in a notebook
blocklens.study("articles.jsonl", encoder, "my-study")  # everything, with a report
blocklens.finetune("reviews.csv", encoder)              # classes of texts on every block
blocklens.images("photos/")                             # classes of images
blocklens.compare("my-study", "other-study")            # claims side by side
blocklens.film("held-out.jsonl", "my-bert")             # when each begins to hold
blocklens.explore(encoder)                              # type a text, see its heads (notebook)
blocklens.segment("A long text. ...", encoder).segments  # the text in segments, without training
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

if TYPE_CHECKING:
    from blocklens.encoder.trunk import Encoder
    from blocklens.errors import UserError
    from blocklens.exploring.widget import explore
    from blocklens.heads.example import Example
    from blocklens.heads.head_options import HeadOptions
    from blocklens.heads.maps_of_texts import look
    from blocklens.heads.measurement import Measurement, measure
    from blocklens.inputs.limits import Limits
    from blocklens.inputs.texts import Text, TextSource
    from blocklens.pretraining.pretrain import pretrain
    from blocklens.pretraining.pretrain_options import PretrainOptions
    from blocklens.readouts.prediction import predict
    from blocklens.report import charts
    from blocklens.report.compare import compare
    from blocklens.segmentation.evaluate import evaluate
    from blocklens.segmentation.segment import segment
    from blocklens.segmentation.segmented import Segmentation
    from blocklens.studies.film import film
    from blocklens.studies.finetune import finetune
    from blocklens.studies.image_options import ImageStudyOptions
    from blocklens.studies.images_part import study_images as images
    from blocklens.studies.runner import Study
    from blocklens.studies.study import study
    from blocklens.studies.study_options import ClassOptions, LearnedOptions, StudyOptions

__all__ = [
    "ClassOptions",
    "Encoder",
    "Example",
    "HeadOptions",
    "ImageStudyOptions",
    "LearnedOptions",
    "Limits",
    "Measurement",
    "PretrainOptions",
    "Segmentation",
    "Study",
    "StudyOptions",
    "Text",
    "TextSource",
    "UserError",
    "charts",
    "compare",
    "evaluate",
    "explore",
    "film",
    "finetune",
    "images",
    "look",
    "measure",
    "predict",
    "pretrain",
    "segment",
    "study",
]

_HOMES = {
    "ClassOptions": "studies.study_options:ClassOptions",
    "Encoder": "encoder.trunk:Encoder",
    "Example": "heads.example:Example",
    "HeadOptions": "heads.head_options:HeadOptions",
    "ImageStudyOptions": "studies.image_options:ImageStudyOptions",
    "LearnedOptions": "studies.study_options:LearnedOptions",
    "Limits": "inputs.limits:Limits",
    "Measurement": "heads.measurement:Measurement",
    "PretrainOptions": "pretraining.pretrain_options:PretrainOptions",
    "Segmentation": "segmentation.segmented:Segmentation",
    "Study": "studies.runner:Study",
    "StudyOptions": "studies.study_options:StudyOptions",
    "Text": "inputs.texts:Text",
    "TextSource": "inputs.texts:TextSource",
    "UserError": "errors:UserError",
    "charts": "report.charts",
    "compare": "report.compare:compare",
    "evaluate": "segmentation.evaluate:evaluate",
    "explore": "exploring.widget:explore",
    "film": "studies.film:film",
    "finetune": "studies.finetune:finetune",
    "images": "studies.images_part:study_images",
    "look": "heads.maps_of_texts:look",
    "measure": "heads.measurement:measure",
    "predict": "readouts.prediction:predict",
    "pretrain": "pretraining.pretrain:pretrain",
    "segment": "segmentation.segment:segment",
    "study": "studies.study:study",
}
"""Where each name lives: it is imported when first used, so that `--help` waits for nothing."""


def __getattr__(name: str) -> _Any:
    """A public name, or the version."""
    if name == "__version__":
        from importlib.metadata import version

        return version("blocklens")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, inside = _HOMES[name].partition(":")
    home = _import_module(f"blocklens.{module}")
    return getattr(home, inside) if inside else home


def __dir__() -> list[str]:
    """The public names alone."""
    return [*__all__, "__version__"]

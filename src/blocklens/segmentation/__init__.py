"""Segmenting a text by what an encoder attends to, and measuring how good a segmentation is."""

from blocklens.segmentation.best_cuts import best_cuts
from blocklens.segmentation.documents import Document, read_documents, selected
from blocklens.segmentation.evaluate import evaluate
from blocklens.segmentation.methods import METHODS, Evidence, method
from blocklens.segmentation.metrics import boundary_similarity, pk, window_diff
from blocklens.segmentation.reading import Reading
from blocklens.segmentation.segment import Segmentation, segment
from blocklens.segmentation.summary import differences, summarise

__all__ = [
    "METHODS",
    "Document",
    "Evidence",
    "Reading",
    "Segmentation",
    "best_cuts",
    "boundary_similarity",
    "differences",
    "evaluate",
    "method",
    "pk",
    "read_documents",
    "segment",
    "selected",
    "summarise",
    "window_diff",
]

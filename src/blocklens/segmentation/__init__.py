"""Segmenting a text by what an encoder attends to, and measuring how good a segmentation is."""

from blocklens.segmentation.best_cuts import best_cuts
from blocklens.segmentation.documents import Document, read_documents, selected
from blocklens.segmentation.evaluate import evaluate, summarise
from blocklens.segmentation.methods import METHODS, Evidence, Reading, method
from blocklens.segmentation.metrics import boundary_similarity, pk, window_diff
from blocklens.segmentation.segment import Segmentation, segment

__all__ = [
    "METHODS",
    "Document",
    "Evidence",
    "Reading",
    "Segmentation",
    "best_cuts",
    "boundary_similarity",
    "evaluate",
    "method",
    "pk",
    "read_documents",
    "segment",
    "selected",
    "summarise",
    "window_diff",
]

"""Segmenting a text by what an encoder attends to, and measuring how good a segmentation is."""

from blocklens.segmentation.cuts import best_cuts
from blocklens.segmentation.documents import Document, read_documents
from blocklens.segmentation.metrics import boundary_similarity, pk, window_diff

__all__ = [
    "Document",
    "best_cuts",
    "boundary_similarity",
    "pk",
    "read_documents",
    "window_diff",
]

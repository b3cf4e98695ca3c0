"""Figures for a report or a notebook: plain functions from a table to an Altair chart.

Every function takes data frames or arrays and returns an Altair chart that displays in a notebook
and saves itself (`chart.save("figure.svg")`, `.png`, `.pdf`) without a browser.
"""

from blocklens.report.charts.all_claims import claims
from blocklens.report.charts.along_blocks import along_blocks, compare_along_blocks, sweep
from blocklens.report.charts.confidence_curve import confidence_curve, replacement
from blocklens.report.charts.confusions import class_confusion
from blocklens.report.charts.head_grid import grid
from blocklens.report.charts.learning_curve import learning_curve, training_sizes
from blocklens.report.charts.matrices import attention_map, contact_sheet, similarity
from blocklens.report.charts.one_head import anchors, distance_map, distances, profile
from blocklens.report.charts.segments import boundaries, segmentation_scores
from blocklens.report.charts.token_accuracy import (
    apt_against_frequency,
    cluster_sizes,
    frequency_curves,
)

__all__ = [
    "along_blocks",
    "anchors",
    "apt_against_frequency",
    "attention_map",
    "boundaries",
    "claims",
    "class_confusion",
    "cluster_sizes",
    "compare_along_blocks",
    "confidence_curve",
    "contact_sheet",
    "distance_map",
    "distances",
    "frequency_curves",
    "grid",
    "learning_curve",
    "profile",
    "replacement",
    "segmentation_scores",
    "similarity",
    "sweep",
    "training_sizes",
]

"""Figures for a report or a notebook: plain functions from a table to an Altair chart.

Every function takes data frames or arrays and returns an Altair chart that displays in a notebook
and saves itself (`chart.save("figure.svg")`, `.png`, `.pdf`) without a browser.
"""

from blocklens.report.charts.blocks import along_blocks, compare_along_blocks, sweep
from blocklens.report.charts.claims import claims
from blocklens.report.charts.classes import class_confusion
from blocklens.report.charts.confidence import confidence_curve, replacement
from blocklens.report.charts.grid import grid
from blocklens.report.charts.heads import anchors, distance_map, distances, profile
from blocklens.report.charts.learned import (
    apt_against_frequency,
    cluster_sizes,
    frequency_curves,
)
from blocklens.report.charts.matrices import attention_map, contact_sheet, similarity
from blocklens.report.charts.segmentation import boundaries, segmentation_scores
from blocklens.report.charts.training import learning_curve, training_sizes

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

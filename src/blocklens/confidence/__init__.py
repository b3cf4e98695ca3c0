"""Confidence of a classifier against what the encoder knows of its input."""

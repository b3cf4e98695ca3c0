"""Segmenting a text by what an encoder attends to, and measuring how good a segmentation is."""

"""Measure how a transformer encoder learns and pays attention, block by block and head by head."""

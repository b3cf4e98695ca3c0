"""Estimates, jackknife, slopes and intervals: plain NumPy, no encoder and no label."""

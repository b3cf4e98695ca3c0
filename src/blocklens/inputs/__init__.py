"""Inputs: texts, records and images from files, folders, the Hub or Python."""

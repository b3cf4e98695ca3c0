"""Benchmarks of blocklens: `python -m benchmarks` runs them all and writes their table."""

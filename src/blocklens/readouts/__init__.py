"""A head on every block: block outputs, vocabulary and class heads, truncated encoders, tasks."""

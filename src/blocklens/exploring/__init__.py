"""A text and its heads, live: on a local page and in a notebook."""

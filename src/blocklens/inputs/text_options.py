"""What can be chosen in reading texts; models that read some take these fields."""

from __future__ import annotations

from blocklens.options import Options, option

TEXT_FIELD = option(None, "The column that holds the text.", shown="found")
LABEL_FIELD = option(None, "The column that holds the class.", shown="found")
LIMIT = option(None, "Take the first so many texts.", flag="--texts", shown="all", ge=1)
STRICT = option(False, "Stop at the first bad text, do not count and go on.")


class ColumnOptions(Options):
    """Where a text is in a record."""

    text_field: str | None = TEXT_FIELD


class TextOptions(ColumnOptions):
    """Which texts are read."""

    limit: int | None = LIMIT

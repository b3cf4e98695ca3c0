"""What fields are called that hold texts, labels, and neither."""

import re
from collections.abc import Iterable, Mapping

TEXT_FIELDS = (
    "text", "sentence", "content", "document", "body", "article", "passage", "paragraph",
    "abstract",
)  # fmt: skip
ALSO_TEXTS = ("review", "comment", "message", "post", "tweet", "description")
"""Read in the place of a text's field in which nothing stands, in no other."""
LABEL_FIELDS = ("label", "class", "category", "relation", "topic", "intent", "sentiment", "target")
DATE = "a date"
NESTED = ("a list", "an object")
NOTHING = ("null", "empty")
_NO_TEXT = re.compile(r"(.*[_-])?(ids?|u?uid|url|uri|filename|path|date|time|timestamp)", re.I)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TITLES = ("title", "name")
"""What a record has beside the texts in its lists: that alone is read only when it is asked for."""


def names_a_field(names: Iterable[str]) -> bool:
    """Whether one of these is called as texts or labels are."""
    return any(name.casefold() in (*TEXT_FIELDS, *LABEL_FIELDS) for name in names)


def is_number(label: object) -> bool:
    """Whether a label or a name is written as a number."""
    return _NUMBER.fullmatch(str(label)) is not None


def is_known(name: str) -> bool:
    """Whether a column is called as texts, labels, titles, ids and dates are."""
    known = (*TEXT_FIELDS, *ALSO_TEXTS, *LABEL_FIELDS, *_TITLES, "index")
    return name.casefold() in known or _NO_TEXT.fullmatch(name) is not None


def is_name(name: str, *, alone: bool = False) -> bool:
    """Whether a field can be called this; a sentence is a file's first text, no name.

    `alone`: it is the only field, which may be called `Question?`.
    """
    asks = alone and name.endswith("?") and " " not in name
    return 0 < len(name) <= 64 and (asks or name[-1] not in ".!?…。！？")


def may_be_text(name: str, columns: Mapping[str, str]) -> bool:
    """Whether a field may hold the texts, by its name and by what stands beside it."""
    nested = any(kind in NESTED for kind in columns.values())
    of_title = nested and name.casefold() in _TITLES
    return columns[name] == "text" and not _NO_TEXT.fullmatch(name) and not of_title

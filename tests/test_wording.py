"""A count agrees with its noun, wherever one is said."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import blocklens
from blocklens.report.first_screen import measured
from blocklens.wording import counted


def test_one_has_the_singular_and_every_other_number_the_plural():
    assert [counted(n, "text") for n in (0, 1, 1200)] == ["0 texts", "1 text", "1,200 texts"]
    assert [counted(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]
    study = {"blocks": 1, "heads": 1, "texts": {"count": 1, "description": "a.txt"}}
    assert measured(study) == "1 block of 1 head, measured on 1 text of a.txt."


def lengths_before_plurals(tree: ast.AST) -> Iterator[int]:
    """Lines of strings in which a length stands before a noun that is a plural whatever it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for value, after in zip(node.values, node.values[1:], strict=False):
                words = after.value if isinstance(after, ast.Constant) else ""
                shown = ast.unparse(value.value) if isinstance(value, ast.FormattedValue) else ""
                plural = re.match(r" (?:[a-z-]+ )?[a-z]+s\b", str(words))
                if shown.startswith("len(") and plural:
                    yield node.lineno


def test_no_message_says_1_texts():
    assert list(lengths_before_plurals(ast.parse('f"{len(x):,} good texts"'))) == [1]
    package = Path(blocklens.__file__).parent
    found = [
        f"{path.relative_to(package)}:{line}"
        for path in sorted(package.rglob("*.py"))
        for line in lengths_before_plurals(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []

"""Markdown without its markup."""

import pytest

from blocklens.inputs.markdown import plain_text

PAGE = """---
title: Front matter
---
# A *heading* #

A [link](https://example.org "title") and ![an image](a.png), `code` and **bold**
in a wrapped line. <https://example.org/bare> <b>Tag</b>&amp;

```python
print("code block")
```

    indented code

- item one
- item two
  1. inner

> quoted

| a | b |
|---|---|
| c | d |

<!-- comment -->
<p align="center">Centre</p>

Last  \nbreak
"""


def test_a_page_keeps_its_words_and_loses_its_markup():
    assert plain_text(PAGE).split("\n") == [
        "A heading",
        "",
        "A link and an image, code and bold in a wrapped line.  Tag&",
        "",
        "item one",
        "",
        "item two",
        "",
        "inner",
        "",
        "quoted",
        "",
        "a b",
        "c d",
        "",
        "Centre",
        "Last",
        "break",
        "",
    ]


@pytest.mark.parametrize("fence", ["---", "+++"])
def test_front_matter_goes_and_a_rule_stays_a_rule(fence):
    assert plain_text(f"{fence}\na: b\n{fence}\nText.") == "Text.\n"
    assert plain_text("Text.\n\n---\n\nMore.") == "Text.\n\nMore.\n"


def test_plain_text_stays_as_it_is():
    assert plain_text("Two words_with_underscores, 3 * 4 * 5.\n") == (
        "Two words_with_underscores, 3 * 4 * 5.\n"
    )


def test_a_page_of_markup_alone_is_empty():
    assert plain_text("```\ncode\n```\n").strip() == ""

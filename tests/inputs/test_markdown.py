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


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: A\n...\n",
        "---\r\ntitle: A\r\n\r\nb:\r\n  - c\r\n---\r\n",
        "---\n# comment\n'a-key': 1\n--- \n",
        "---\nPublish date: 1 May\n---\n",
        "---\n---\n",
    ],
)
def test_front_matter_ends_at_its_first_end(front):
    assert plain_text(f"{front}Text.\n\n---\n\nMore.") == "Text.\n\nMore.\n"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("---\n\nFirst: one.\n\n---\n\nSecond.\n", "First: one.\n\nSecond.\n"),
        ("---\n# Slide\n\nWords.\n\n---\n\n# Next\n", "Slide\n\nWords.\n\nNext\n"),
        ("---\nhttps://example.org\n\n---\n", "https://example.org\n"),
        ("---\ntitle: A\n", "title: A\n"),
    ],
)
def test_a_rule_at_the_top_begins_no_front_matter_without_keys(page, words):
    assert plain_text(page) == words


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("One<br>two <br/> three.", "One\ntwo\nthree."),
        ("A <em>b</em>c<span>d</span> <a href='x'>e</a>f.", "A bcd ef."),
        ("<table><tr><td>cell a</td><td>cell b</td></tr></table>", "cell a cell b"),
        ("<table><tr><th>a</th></tr><tr><td>b</td></tr></table>", "a\nb"),
        ("<div>\n  <p>One</p><p>T<b>w</b>o</p>\n\n</div>", "One\nTwo"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<H1>Head</H1>Text", "Head\nText"),
        ("<p>Q&amp;A &lt;b&gt; &#169;</p>", "Q&A <b> ©"),
        ("<p>If x < 5 and y > 3, go.</p>", "If x < 5 and y > 3, go."),
        ('<p title="a > b" id=c>Words</p>', "Words"),
        ("<p id=it's>Words</p>", "Words"),
        ("<style>\np {}\n\n</style>\n<p>Words</p>", "Words"),
        ("| a | b |\n|---|---|\n| c<br>d | e |", "a b\nc d e"),
    ],
)
def test_html_tags_of_blocks_part_words_and_others_do_not(page, words):
    assert plain_text(page) == words + "\n"


def test_plain_text_stays_as_it_is():
    assert plain_text("Two words_with_underscores, 3 * 4 * 5.\n") == (
        "Two words_with_underscores, 3 * 4 * 5.\n"
    )


def test_a_page_of_markup_alone_is_empty():
    assert plain_text("```\ncode\n```\n").strip() == ""

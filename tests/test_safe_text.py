"""Nothing in a text from outside acts where it is written."""

import pytest

from blocklens.safe_text import public_name, without_formula, without_html


def test_html_in_markdown_is_text_but_fenced_code_stays():
    text = '# <script>x</script>\n\n```json\n{"a": "<b>"}\n```\n\n- <img src=x onerror=y>\n'
    shown = without_html(text)
    assert "<script" not in shown
    assert "<img" not in shown
    assert '{"a": "<b>"}' in shown
    assert "&lt;script>x&lt;/script>" in shown


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_is_quoted(cell: str):
    assert without_formula(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["sports", "-1", "+1", "-0.5", "3=4", "", "a-b"])
def test_what_is_no_formula_stays(cell: str):
    assert without_formula(cell) == cell


def test_an_absolute_path_is_told_by_its_last_part():
    assert public_name("/home/someone/texts.jsonl") == "texts.jsonl"
    assert public_name("wikimedia/wikipedia") == "wikimedia/wikipedia"

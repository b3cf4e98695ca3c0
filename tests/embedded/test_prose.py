"""The texts that come with Python are prose: sentences, no code, no grammar, none twice."""

from blocklens.embedded.prose import SHORTEST, clean, prose, texts


def test_the_prose_is_enough_for_a_first_look_and_holds_no_code():
    found = prose()
    assert len(found) >= 100
    assert len(found) == len(set(found))
    for text in found:
        assert len(text.split()) >= SHORTEST
        assert "::=" not in text
        assert ">>>" not in text
        assert "***" not in text
        assert not any(line.startswith(" ") for line in text.split("\n"))


def test_a_paragraph_becomes_one_line_and_code_nothing():
    assert clean("A paragraph\nof two lines.") == "A paragraph of two lines."
    assert clean("* An item\n  of two lines.") == "An item of two lines."
    assert clean("   code = True") == ""
    assert clean('with_item ::= expression ["as" target].') == ""
    assert clean("Heading") == ""


def test_a_report_can_say_where_they_come_from():
    assert "language reference" in texts().description

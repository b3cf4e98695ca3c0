"""Tables as people write them: the dialect that header and rows agree on, no row lost unsaid."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blocklens.errors import UserError
from blocklens.inputs.delimited import dialect_of
from blocklens.inputs.fields import Bad
from blocklens.inputs.opening import UnusableError
from blocklens.inputs.tables import table_of
from blocklens.inputs.texts import TextSource


def read(content):
    header, rows = table_of(io.StringIO(content, newline=""), 1 << 20)
    rows = list(rows)
    good = [row for row in rows if not isinstance(row, Bad)]
    return header, good, [str(row) for row in rows if isinstance(row, Bad)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_header_and_rows_agree_on(delimiter):
    content = f"review{delimiter}label\nGood, fast; cheap | nice{delimiter}pos\nx{delimiter}neg\n"
    if delimiter in ",;|":
        content = content.replace(f"fast{delimiter}", "fast").replace(f"cheap {delimiter}", "cheap")
        content = content.replace(f"Good{delimiter}", "Good")
    header, rows, bad = read(content)
    assert header == ["review", "label"]
    assert [row[1] for row in rows] == ["pos", "neg"]
    assert bad == []


def test_a_semicolon_header_is_not_outvoted_by_the_commas_of_the_texts():
    header, rows, _ = read("review;label\nGood, fast, cheap;pos\nBad, slow, dear;neg\n")
    assert header == ["review", "label"]
    assert rows == [["Good, fast, cheap", "pos"], ["Bad, slow, dear", "neg"]]


def test_one_column_is_one_column_whatever_stands_in_its_texts():
    _, rows, bad = read('text\nGood, fast\n"quoted, it is"\nplain; very\n')
    assert rows == [["Good, fast"], ["quoted, it is"], ["plain; very"]]
    assert bad == []


def test_excels_own_first_line_names_the_delimiter():
    for first in ("sep=;", '"sep=;"', "SEP=;"):
        assert read(f"{first}\r\ntext;label\r\na,b;x\r\n") == (
            ["text", "label"], [["a,b", "x"]], [],
        )  # fmt: skip


def test_spaces_after_the_delimiter_belong_to_it_where_quotes_follow():
    header, rows, _ = read('label, text\npos, "Good, indeed"\nneg, worse\n')
    assert header == ["label", "text"]
    assert rows == [["pos", "Good, indeed"], ["neg", "worse"]]


def test_quotation_marks_in_a_table_with_tabs_are_characters_where_every_line_is_a_row():
    content = 'text\tlabel\n"Hello\ta\nsecond\tb\nhe said."\ta\n"Fine"\tb\n'
    assert read(content)[1] == [
        ['"Hello', "a"], ["second", "b"], ['he said."', "a"], ['"Fine"', "b"],
    ]  # fmt: skip
    # as spreadsheets write tabs and line breaks within a cell
    assert read('text\tlabel\n"a\tb\tc\nd"\tx\n"He said ""no"""\ty\n')[1] == [
        ["a\tb\tc\nd", "x"], ['He said "no"', "y"],
    ]  # fmt: skip


def test_backslashes_before_quotation_marks_are_understood_and_other_backslashes_kept():
    _, rows, bad = read('text,label\n"He said \\"hi\\", ok",pos\n"fine",neg\n')
    assert rows == [['He said "hi", ok', "pos"], ["fine", "neg"]]
    assert bad == []
    assert read('text,label\nC:\\new,x\n"a, b",y\n')[1][0] == ["C:\\new", "x"]


@pytest.mark.parametrize("place", [0, 5, 4000])
def test_a_quotation_mark_that_is_never_closed_loses_its_own_line_alone(place):
    lines = [f'"row {n}, fine",{"ab"[n % 2]}' for n in range(5000)]
    lines.insert(place, '"5 stars,a')
    header, rows, bad = read("\n".join(["text,label", *lines]))
    assert header == ["text", "label"]
    assert [row[0] for row in rows] == [f"row {n}, fine" for n in range(5000)]
    assert len(bad) == 1
    assert "check the quotes" in bad[0]


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("before", [3, 1200])
def test_lonely_marks_that_close_one_another_merge_no_rows(delimiter, before):
    """Also where the lines that the dialect was told by have none."""
    rows = [[f"row {n}", "ab"[n % 2]] for n in range(before + 20)]
    rows[before][0], rows[before + 8][1] = '"so it begins', 'and ends"'
    told = ['"quoted, as others are"', "a"]  # so that quotation marks are not but characters
    lines = [delimiter.join(row) for row in [told, *rows]]
    _, found, bad = read("\n".join([delimiter.join(["text", "label"]), *lines]))
    assert bad == []
    assert len(found) == len(rows) + 1
    assert found[before + 2][0] == f"row {before + 1}"


def test_a_quoted_text_of_several_lines_stays_one():
    for text in ("one, two\nthree", "a\nb\nc\nd\ne", "no, it\nis, so\nas, you"):
        assert read(f'text,label\n"{text}",pos\n')[1] == [[text, "pos"]]


def test_a_table_without_quoting_keeps_a_lonely_quotation_mark():
    lines = [f"row {n},{'ab'[n % 2]}" for n in range(1000)]
    _, rows, bad = read("\n".join(["text,label", '"5 stars,a', *lines]))
    assert rows[0] == ['"5 stars', "a"]
    assert len(rows) == 1001
    assert bad == []


def test_rows_with_other_numbers_of_cells_are_named_and_empty_ones_at_the_end_dropped():
    _, rows, bad = read('text,n\nfine,2,,\none,two,3\n\n"last, one",4\nonly\n')
    assert rows == [["fine", "2"], ["last, one", "4"]]
    assert bad[0].startswith("has 3 cells where the header has 2")
    assert bad[1].startswith("has 1 cell where the header has 2")


def test_two_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,text,label\na,b,c\n", "utf-8")
    with pytest.raises(UserError, match=r"a\.csv: has two columns called 'text'; give every"):
        list(TextSource(path))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "names", [("Free\ntext", "label"), ("id", "Free \n\ntext"), ("Free\ntext",)]
)
def test_names_of_columns_may_have_line_breaks(names, end):
    table = io.StringIO(newline="")
    cells = ["a, b, and so on and on", "x"][: len(names)]
    csv.writer(table, lineterminator=end).writerows([names, cells, cells])
    header, rows, bad = read(table.getvalue())
    assert header == ["Free text" if name.startswith("Free") else name for name in names]
    assert rows == [cells, cells]
    assert not bad


def test_line_breaks_within_quotes_old_line_ends_and_marks_of_joined_files_are_read():
    assert read('text,label\r"a\nb",x\rc,y\r')[1] == [["a\nb", "x"], ["c", "y"]]
    assert read('text,label\na,x\n\ufeff"b",y\n')[1] == [["a", "x"], ["b", "y"]]


def test_names_are_found_whatever_spaces_stand_around_them(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id, text\n1, 1984\n2, fine\n", "utf-8")
    for field in (None, "text", " text"):
        assert [t.text.strip() for t in TextSource(path, field=field)] == ["1984", "fine"]


NO_VALUE = {"NULL", "#N/A", "\\N"}  # an empty cell
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=12).filter(
    lambda cell: cell not in NO_VALUE
)


@example([("", "\r")], ",")
@example([("\t\n", "")], "\t")
@given(
    st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t"]),
)
@settings(max_examples=200, deadline=None)
def test_whatever_pythons_writer_quotes_comes_back(rows, delimiter):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("text", "id"), *rows])
    _, read_rows, bad = read(out.getvalue())
    assert [tuple(row) for row in read_rows] == rows
    assert bad == []


def test_no_lines_at_all_are_a_table_without_rows():
    assert read("") == ([], [], [])
    assert dialect_of([]).delimiter == ","


LETTERS = [
    ("Hi Anna,\nsorry, it is late\nBest,\nTom", "complaint"),
    ("Hello,\nthanks, it works\nRegards,\nJo", "praise"),
    ("No comma here", "praise"),
]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_letters_in_quotes_are_one_text_each(quoting, end, delimiter):
    table = io.StringIO(newline="")
    writer = csv.writer(table, quoting=quoting, lineterminator=end, delimiter=delimiter)
    letters = [(text.replace(",", delimiter), label) for text, label in LETTERS]
    writer.writerows([("text", "label"), *letters])
    _, rows, bad = read(table.getvalue())
    assert [tuple(row) for row in rows] == letters
    assert not bad


@pytest.mark.parametrize(
    "content",
    [
        'Customer reviews 2024\nid,text,label\n1,"Good, film",pos\n2,bad film,neg\n',
        "# id of export: 12\ntext;label\na b;x\nc d;y\ne f;x\n",
    ],
)
def test_a_title_above_the_header_is_refused(content):
    with pytest.raises(UnusableError, match="delete what stands above the header"):
        read(content)


def test_one_column_of_texts_with_commas_is_no_title_and_table():
    lines = ["Good, indeed", "Bad, sadly", "So, so", "Well, well", "Yes, no"]
    _, rows, _ = read("text\n" + "\n".join(lines) + "\n")
    assert [row[0] for row in rows] == lines


def test_a_backslash_that_escapes_no_mark_stays():
    texts = ['She said \\"no\\".\\nThen left', "in C:\\new", "caf\\u00e9", "two \\\\ one"]
    _, rows, _ = read("text,label\n" + "".join(f'"{text}",a\n' for text in texts))
    assert [row[0] for row in rows] == [
        'She said "no".\\nThen left', "in C:\\new", "caf\\u00e9", "two \\ one",
    ]  # fmt: skip

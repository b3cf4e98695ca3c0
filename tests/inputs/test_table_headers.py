"""The first line of a table: a header, or a title, a text, or columns that were not taken apart."""

import pytest

from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource

CHINESE = "\u8fd9\u90e8\u7535\u5f71\u5f88\u597d", "\u6211\u4e0d\u559c\u6b22\u5b83"


def source(tmp_path, content, name="a.csv", **options):
    path = tmp_path / name
    path.write_text(content, "utf-8", newline="")
    return TextSource(path, **options)


def refused(tmp_path, content, name="a.csv", **options):
    with pytest.raises(UserError) as raised:
        list(source(tmp_path, content, name, **options))
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("title", "table", "header"),
    [
        ("Customer reviews of 2024", "text\ngood film\nbad film\n", "'text'"),
        ("Reviews, 2024", "id,text,label\n1,good film,a\n2,bad film,b\n", "'id', 'text', 'label'"),
        ("Reviews,,\n,,", "id,text,label\n1,good film,a\n2,bad film,b\n", "'id', 'text', 'label'"),
        ("Reviews 2024;", "Text;Note\ngood film;1\nbad film;2\n", "'Text', 'Note'"),
        ("# of May\n# by Jo\n", "text,label\ngood film,a\nbad film,b\n", "'text', 'label'"),
    ],
)
def test_a_title_above_a_header_is_refused_however_many_columns_it_seems_to_have(
    tmp_path, title, table, header
):
    said = refused(tmp_path, f"{title}\n{table}")
    assert f"not of its table, whose header is {header}; delete what stands above" in said
    assert len(list(source(tmp_path, table))) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.csv", "how do i reset my password\nwhere is my order\ncancel my subscription\n"),
        ("q.csv", "cancel it\nwhere is my order\ncancel it\n"),
        ("q.csv", "hello\nwhere is my order\nhello\n"),
        (
            "q.csv",
            f"{CHINESE[0]}\n{CHINESE[1]}\n{CHINESE[0]}\n",
        ),
        ("q.csv", '{"text":"good"}\n{"text":"bad"}\n'),
        ("q.csv", "<html>\n<p>Please sign in to see this file</p>\n</html>\n"),
        ("q.csv", "+----+------+\n| id | text |\n+----+------+\n|  1 | fine |\n+----+------+\n"),
        ("q.tsv", "1\twhere is my order\n2\tcancel my subscription\n"),
        ("q.tsv", "good film\t1\nbad film\t0\n"),
    ],
)
def test_a_table_without_a_header_does_not_lose_its_first_text(tmp_path, name, content):
    said = refused(tmp_path, content, name)
    assert "has no field that is clearly the text; it has" in said
    assert "put a header above it, or, if it is the name of a column, give it with --text" in said
    header = next(cell for cell in content.split("\n")[0].split("\t") if not cell.isdigit())
    assert list(source(tmp_path, content, name, field=header))


@pytest.mark.parametrize(
    "content",
    [
        "text,note\n,\n-,x\n,\n--,a note\n",
        "review\ngood\nbad\n",
        "What they said\nThe room was small but clean.\nBreakfast until ten, if you are early.\n",
        f"\u8bc4\u8bba\n{CHINESE[0]}\n{CHINESE[1]}\n",
        "sequence\nMKTAYIAKQR\nMSDNE\n",
        "text\nbody\nclass of its own\n",
        "review (a-z)\nGood (as fast as I hoped) - cheap\nBad (as slow as I feared) - dear\n",
        ",review\n0,fine\n1,bad\n",
        "0,1\nfine,1\nbad,2\n",
        "1999,text\n3,fine\n4,bad\n",
        "word,pos\nclass,1\ncat,2\n",
        "index,0\n0,a good film\n1,a bad film\n",
        "review,2019,2020\nfine,3,5\nbad,1,2\n",
        "review,1\nfine,3\nbad,1\n",
        "Product name,2019\nLamp,3\nTable,5\n",
        "Remark on it,1,2,3\nfine,3,5,1\nbad,1,2,1\n",
        "opinion,7\nNot as good as I thought\t,3\nNever again with these people,5\n",
        "Customer review\ngood film\nbad film\n",
        "Review Text\ngood\nbad\n",
        "Product description\nA lamp.\nA table.\n",
        "heavy chain\nEVQLV\nQVQLQ\n",
        "text (en)\ngood\nbad\n",
        "[text]\ngood film\nbad film\n",
        "\u30c6\u30ad\u30b9\u30c8\n\u826f\u3044\n\u60aa\u3044\n",
        f"{CHINESE[0]}\n{CHINESE[1]}\n\u4e0d\u597d\n",
        "Word\ntopic\nchair\n",
        "Word\nbody\nclass\n",
        "Question?\nWho?\nWhere?\n",
        "Tweet #\nThe #1 of all\nWe are #2\n",
        "text/html\na/b\nc/d\n",
        "comment*\ngood*\nbad*\n",
        "Q&A\nyes & no\nthis & that\n",
        "\u0939\u093f\u0928\u094d\u0926\u0940\n\u0915\u093f\u0928\u094d\u0924\u0940\n"
        "\u0917\u093f\u0928\u094d\u0924\u0940\n",
    ],
)
def test_a_name_is_a_name_whatever_stands_below_it(tmp_path, content):
    assert len(list(source(tmp_path, content))) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text^label\ngood film^pos\nbad film^neg\n", "'^' in all rows: write commas or tabs"),
        ("text::label\ngood film::pos\nbad film::neg\n", "'::' in all rows: write commas"),
        ("text\x01label\ngood film\x01pos\nbad film\x01neg\n", "'\\x01' in all rows: write"),
        ("text\u00aclabel\ngood film\u00acpos\nbad film\u00acneg\n", "'\u00ac' in all rows: write"),
        ("text    label\ngood film  pos\nbad film  neg\n", "'  ' in all rows: write commas"),
    ],
)
def test_columns_that_are_not_taken_apart_are_refused_with_the_mark_between_them(
    tmp_path, content, said
):
    assert said in refused(tmp_path, content)
    name = content.split("\n")[0].strip('"')
    assert len(list(source(tmp_path, content, field=name))) == 2


def test_two_columns_of_one_name_are_refused(tmp_path):
    said = "has two columns called 'text'; give every column a name of its own"
    assert said in refused(tmp_path, "text,text\na,b\n")
    first = refused(tmp_path, "2,good,good\n1,bad,fine\n")
    assert "it has '2', 'good', 'good', which reads like a first row" in first


@pytest.mark.parametrize("header", ["id,text,label", "id,review,n", "text,label"])
def test_lines_that_are_quoted_whole_are_refused(tmp_path, header):
    cells = ["1", "good film", "pos"][-len(header.split(",")) :]
    row = ",".join(cells)
    said = refused(tmp_path, f'"{header}"\n"{row}"\n"{row}"\n')
    assert "quotation marks around whole lines; take them away" in said
    quoted = ",".join(f'"{name}"' for name in header.split(","))
    assert len(list(source(tmp_path, f"{quoted}\n{row}\n", field=header.split(",")[-2]))) == 1


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("null", ["\\N", "NULL", "#N/A", "#NAME?"])
def test_what_stands_for_no_value_is_no_text_and_no_class(tmp_path, delimiter, null):
    rows = [["text", "label"], ["fine", "pos"], [null, "neg"], ["bad", null], [f"{null} it", "neg"]]
    rows.append(['"a \\"b\\" c"', null])  # in a table with backslashes too
    content = "\n".join(map(delimiter.join, rows))
    found = source(tmp_path, content, labelled=True)
    assert [(one.text, one.label) for one in found] == [("fine", "pos"), (f"{null} it", "neg")]
    assert [one.name for one in found.skipped] == ["a.csv:2", "a.csv:3", "a.csv:5"]
    assert "is empty" in found.skipped[0].reason
    assert "has no label in field 'label'" in found.skipped[1].reason


def test_what_others_write_for_no_value_may_be_a_class(tmp_path):
    content = "text,label\nfine,None\nbad,NA\nnull and void,null\n"
    assert [one.label for one in source(tmp_path, content, labelled=True)] == ["None", "NA", "null"]


@pytest.mark.parametrize(
    ("content", "texts", "said"),
    [
        (
            "id,text,label\n--,----,-----\n1,good film,a\n2,--,b\n",
            ["good film", "--"],
            ["a.csv:1 is a line of dashes below the header; left out"],
        ),
        (
            "| id | text |\n|---:|------|\n| 1 | good film |\n",
            ["good film"],
            ["a.csv:1 is a line of dashes below the header; left out"],
        ),
        (
            "text,label\ngood film,a\n\ufefftext,label\nbad film,b\ntext,a\n",
            ["good film", "bad film", "text"],
            ["a.csv:2 repeats the header; left out"],
        ),
        (
            'text,Q2\nWhat do you think?,Rate it\n"{""ImportId"":""QID1""}",'
            '"{""ImportId"":""QID2""}"\nI like it,5\n',
            ["I like it"],
            [
                "a.csv:1 is a line of the header, as Qualtrics writes three; left out",
                "a.csv:2 is a line of the header, as Qualtrics writes three; left out",
            ],
        ),
    ],
)
def test_what_belongs_to_the_header_is_no_text_and_is_named(tmp_path, content, texts, said):
    found = source(tmp_path, content)
    assert [one.text.strip() for one in found] == texts
    assert [f"{one.name} {one.reason}" for one in found.skipped] == said

"""Texts from every format, compression and place, good and bad."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import sys
import tracemalloc
import zipfile

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from blocklens.errors import UserError
from blocklens.inputs.limits import Limits
from blocklens.inputs.texts import KEPT_SKIPPED, Skipped, Text, TextSource
from blocklens.pretraining.pretrain import OPTIONS
from blocklens.pretraining.pretrain_options import PretrainOptions

STORIES = ["First text. It has two.", "Zweiter Text mit \u00e4\u00f6\u00fc.", "\u7b2c\u4e09\u3002"]
ROWS = [{"id": n, "title": f"t{n}", "text": story} for n, story in enumerate(STORIES)]
COMPRESS = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
}


def jsonl(rows=ROWS):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


CONTENT = {
    ".jsonl": jsonl(),
    ".ndjson": jsonl(),
    ".json": json.dumps(ROWS, indent=2).encode(),
    ".csv": ("id,title,text\n" + "".join(f'{r["id"]},t,"{r["text"]}"\n' for r in ROWS)).encode(),
    ".tsv": ("id\ttext\n" + "".join(f"{r['id']}\t{r['text']}\n" for r in ROWS)).encode(),
    ".parquet": parquet({name: [row[name] for row in ROWS] for name in ROWS[0]}),
}


def put(folder, name, data):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def texts(source, **options):
    return [text.text for text in TextSource(source, **options)]


def error(source, **options):
    with pytest.raises(UserError) as raised:
        list(TextSource(source, **options))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def feed(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


# --- what can be read


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("suffix", CONTENT)
def test_every_table_format_gives_the_same_texts_in_every_compression(
    tmp_path, suffix, compression
):
    name = f"articles{suffix}{compression}"
    source = TextSource(put(tmp_path, name, COMPRESS[compression](CONTENT[suffix])))
    for _ in range(2):
        assert list(source) == [Text(f"{name}:{n}", s) for n, s in enumerate(STORIES, start=1)]
    assert source.skipped == []
    assert source.description == str(tmp_path / name)


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("suffix", [".txt", ".md", ".TXT"])
def test_a_text_file_is_one_text(tmp_path, suffix, compression):
    path = put(tmp_path, "notes" + suffix + compression, COMPRESS[compression](b"One.\n\nTwo.\n"))
    assert list(TextSource(str(path))) == [Text(path.name, "One.\n\nTwo.\n")]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst", ".bz2"])
def test_compressed_files_joined_end_to_end_are_read_whole(tmp_path, suffix):
    first, second = COMPRESS[suffix](b"One. "), COMPRESS[suffix](b"Two.")
    assert texts(put(tmp_path, "a.txt" + suffix, first + second)) == ["One. Two."]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2"])
def test_padding_between_compressed_streams_loses_nothing(tmp_path, suffix):
    first, second = COMPRESS[suffix](b"One. "), COMPRESS[suffix](b"Two.")
    assert texts(put(tmp_path, "a.txt" + suffix, first + bytes(8) + second)) == ["One. Two."]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst", ".bz2"])
def test_a_second_stream_that_is_damaged_is_named(tmp_path, suffix):
    compress = COMPRESS[suffix]
    rows = [{"text": os.urandom(500).hex()} for _ in range(600)]
    damaged = b"no stream" + compress(jsonl())[9:]
    source = TextSource(put(tmp_path, f"a.jsonl{suffix}", compress(jsonl(rows)) + damaged))
    good = [text.text for text in source]
    assert len(good) > 400
    assert good == [row["text"] for row in rows[: len(good)]]
    assert source.skipped[0].reason.startswith("has damaged ")


def test_the_files_of_a_zip_archive_are_read_by_their_names(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for suffix, content in CONTENT.items():
            archive.writestr(f"data/a{suffix}", content)
        archive.writestr("__MACOSX/a.txt", "no text")
        archive.writestr("logo.png", "no text")
    source = TextSource(put(tmp_path, "all.zip", out.getvalue()))
    assert [text.text for text in source] == STORIES * len(CONTENT)
    assert "all.zip/data/a.csv:1" in {text.name for text in source}
    assert [skipped.name for skipped in source.skipped] == ["all.zip/logo.png"]
    put(tmp_path, "all.zip", out.getvalue()[:200])
    assert "all.zip: has damaged zip data" in error(tmp_path / "all.zip")


def test_a_folder_is_read_recursively_in_the_order_of_names(tmp_path):
    for name in ("b.txt", "a/z.txt", "a/y/x.md", "c.jsonl", ".hidden.txt", ".git/d.txt"):
        put(tmp_path, name, '{"text": "J."}' if name.endswith("jsonl") else f"{name}.")
    assert [text.name for text in TextSource(tmp_path)] == [
        "a/y/x.md",
        "a/z.txt",
        "b.txt",
        "c.jsonl:1",
    ]


def test_a_file_beside_its_compressed_copy_is_read_once(tmp_path):
    put(tmp_path, "a.csv", "text\nFirst.\n")
    put(tmp_path, "a.csv.gz", gzip.compress(b"text\nFirst.\n"))
    put(tmp_path, "b.txt.gz", gzip.compress(b"Second."))
    source = TextSource(tmp_path)
    assert [text.text for text in source] == ["First.", "Second."]
    assert source.skipped[0].name == "a.csv.gz"
    assert "has the name of a.csv, which lies beside it; left out" in source.skipped[0].reason


def test_a_compressed_copy_in_an_archive_is_left_out_and_ends_no_strict_run(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("data/a.csv", "text\nFirst.\n")
        archive.writestr("data/a.csv.gz", gzip.compress(b"text\nFirst.\n"))
        archive.writestr("b.csv.gz", gzip.compress(b"text\nSecond.\n"))
    path = put(tmp_path, "a.zip", out.getvalue())
    for place in (path, tmp_path):
        source = TextSource(place, strict=True)
        assert [text.text for text in source] == ["Second.", "First."]
        assert [one.name for one in source.skipped] == ["a.zip/data/a.csv.gz"]
    put(tmp_path, "c.txt", "Third.")
    put(tmp_path, "c.txt.gz", gzip.compress(b"Third."))
    assert texts(tmp_path, strict=True) == ["Second.", "First.", "Third."]


def test_what_is_wrong_with_a_text_is_said_before_what_is_left_out(tmp_path):
    put(tmp_path, "a/config.json", '{"model_type": "bert"}')
    put(tmp_path, "b.csv", "text,n\na,b,c\n")
    assert "b.csv:1: has 3 cells" in error(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_marks_no_folder(tmp_path):
    put(tmp_path, "a/b.txt", "A text.")
    os.mkfifo(tmp_path / "a" / "config.json")
    assert texts(tmp_path) == ["A text."]


def test_standard_input_is_one_text(monkeypatch):
    feed(monkeypatch, "\ufeffHello. W\u00f6rld.\r\nMore".encode())
    source = TextSource("-")
    assert list(source) == list(source) == [Text("standard input", "Hello. W\u00f6rld.\nMore")]
    assert source.description == "standard input"


@pytest.mark.parametrize("compress", COMPRESS.values())
def test_standard_input_that_begins_with_a_json_object_is_json_lines(monkeypatch, compress):
    feed(monkeypatch, compress(b"\n" + jsonl()))
    source = TextSource("-")
    assert [t.name for t in source] == [f"standard input:{n}" for n in (2, 3, 4)]
    assert [t.text for t in source] == STORIES


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("wrapped", [False, True])
def test_standard_input_that_is_a_list_of_records_is_read_as_records(monkeypatch, indent, wrapped):
    records = [{"text": "one"}, {"text": "two"}]
    feed(monkeypatch, json.dumps({"data": records} if wrapped else records, indent=indent).encode())
    assert texts("-") == ["one", "two"]


def test_standard_input_that_begins_with_a_bracket_is_a_text(monkeypatch):
    feed(monkeypatch, b"[1] A note. {And more.}")
    assert texts("-") == ["[1] A note. {And more.}"]


def test_a_list_of_strings_is_read(tmp_path):
    source = TextSource(STORIES)
    assert list(source) == list(source) == [Text(f"text {n + 1}", STORIES[n]) for n in range(3)]


def test_a_generator_can_be_read_again_also_after_a_stop_half_way():
    asked = []

    def stories():
        for story in [*STORIES, "lone \ud800", 7]:
            asked.append(story)
            yield story

    source = TextSource(stories())
    first = next(iter(source))
    assert len(asked) == 1
    assert first.text == STORIES[0]
    again = list(source)
    assert [text.text for text in again] == [*STORIES, "lone \ufffd"]
    assert list(source) == again
    assert len(asked) == 5
    assert source.skipped == [Skipped("text 5", "is a number; expected a string")]


def test_records_from_python_are_read_by_their_field():
    assert texts(ROWS) == STORIES
    assert texts(iter(ROWS), field="title") == ["t0", "t1", "t2"]


def test_a_pandas_table_is_read_as_records():
    table = pd.DataFrame(ROWS)
    assert texts(table) == STORIES
    assert texts(table["title"]) == ["t0", "t1", "t2"]
    assert [t.label for t in TextSource(table, label="id")] == [0, 1, 2]


def test_one_object_that_holds_the_records_is_read(tmp_path):
    for indent in (None, 2):
        data = json.dumps({"version": 1, "data": ROWS}, indent=indent)
        assert texts(put(tmp_path, "a.json", data)) == STORIES
        assert texts(put(tmp_path, "b.json", json.dumps(ROWS[0], indent=indent))) == STORIES[:1]
    said = error(put(tmp_path, "c.json", json.dumps({"train": ROWS, "test": ROWS})))
    assert "several lists of records (train, test)" in said
    said = error(put(tmp_path, "d.json", json.dumps({"text": ["a"], "label": ["b"]})))
    assert "one object of columns (text, label)" in said
    frame = pd.DataFrame({"text": ["a", "b"], "label": [0, 1]})
    said = error(put(tmp_path, "e.json", frame.to_json()))
    assert "one object of columns (text, label)" in said


def test_a_limit_counts_good_texts(tmp_path):
    path = put(tmp_path, "a.jsonl", jsonl([{"text": ""}, *ROWS]))
    source = TextSource(path, limit=2)
    assert [text.text for text in source] == STORIES[:2]
    assert source.skipped_count == 1
    assert error(path, limit=0) == "a limit of 0 texts: expected 1 or more"


# --- which field is the text


@pytest.mark.parametrize(
    ("row", "chosen"),
    [
        ({"title": "a", "body": "c", "sentence": "b"}, "b"),
        ({"title": "a", "Content": "b"}, "b"),
        ({"title": "a", "text": "b", "sentence": "c"}, "b"),
        ({"sentence": 3, "content": "c"}, "c"),
        ({"id": 3, "review": "c"}, "c"),
    ],
)
def test_without_a_name_the_usual_field_or_the_only_string_is_taken(tmp_path, row, chosen):
    assert texts(put(tmp_path, "a.jsonl", jsonl([row]))) == [chosen]
    assert texts(put(tmp_path, "a.parquet", parquet({k: [v] for k, v in row.items()}))) == [chosen]


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ([{"content": "", "review": "good film", "label": "pos"}], "good film"),
        ([{"text": "", "title": "x", "content": "good film", "label": "pos"}], "good film"),
        ([{"content": "", "text": "1984", "label": "pos"}], "1984"),
        (
            [
                {"text": "", "review": "a", "label": "pos"},
                {"text": "b", "review": "", "label": "x"},
            ],
            "b",
        ),
        ([{"date": "2024-05-01", "text": "2024-05-01", "label": "pos"}], "2024-05-01"),
    ],
)
def test_a_field_with_nothing_in_it_hides_no_other(tmp_path, kind, rows, chosen):
    lines = [",".join(row) for row in (rows[0], *(row.values() for row in rows))]
    path = put(tmp_path, f"a{kind}", jsonl(rows) if kind == ".jsonl" else "\n".join(lines))
    (found,) = TextSource(path, labelled=True)
    assert found.text == chosen
    assert texts(path) == [chosen]


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
@pytest.mark.parametrize(
    ("empty", "full"),
    [
        ({"text": "", "lang": "en"}, {"text": "A film.", "lang": "en"}),
        ({"text": "", "body": "x"}, {"text": "A film.", "body": "x"}),
        ({"title": "x", "content": ""}, {"title": "x", "content": "A film."}),
    ],
)
def test_a_text_that_is_missing_in_the_first_records_is_read_further_on(
    tmp_path, kind, empty, full
):
    rows = [empty] * 50 + [full] * 5
    lines = [",".join(row) for row in (empty, *(row.values() for row in rows))]
    path = put(tmp_path, f"a{kind}", jsonl(rows) if kind == ".jsonl" else "\n".join(lines))
    source = TextSource(path)
    assert [one.text for one in source] == ["A film."] * 5
    assert source.skipped_count == 50
    assert "is empty" in source.skipped[0].reason


def test_the_first_records_of_an_empty_review_do_not_make_another_field_the_text(tmp_path):
    rows = [{"review": "", "lang": "en"}] * 50 + [{"review": "A film.", "lang": "en"}] * 5
    said = error(put(tmp_path, "a.jsonl", jsonl(rows)))
    assert "it has 'review' (empty), 'lang' (text): name one with --text-field" in said


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_an_empty_text_gives_way_to_no_title_and_no_split(tmp_path, kind):
    for row in ({"text": "", "label": "pos", "split": "train"}, {"title": "Oxygen", "text": ""}):
        content = f"{','.join(row)}\n{','.join(row.values())}\n"
        path = put(tmp_path, f"a{kind}", jsonl([row]) if kind == ".jsonl" else content)
        said = error(path, labelled="label" in row)
        assert "the field 'text', read as the text, is empty in every record (1 in all)" in said
        for name in row.keys() - {"label"}:
            assert f"{name!r} ({'text' if row[name] else 'null' if kind == '.csv' else 'empty'})" \
                in said  # fmt: skip


def test_files_that_are_empty_are_no_records_of_the_field(tmp_path):
    put(tmp_path, "a.jsonl", jsonl([{"text": "", "lang": "en"}] * 3))
    put(tmp_path, "b.txt", " ")
    assert "is empty in every record (3 in all); name another" in error(tmp_path)


@pytest.mark.parametrize("name", ["text", "Text", "content"])
def test_a_field_that_is_called_a_text_may_begin_with_a_date(tmp_path, name):
    rows = [{name: "12/05/2024"}, {name: "A fine day."}]
    assert texts(put(tmp_path, "a.jsonl", jsonl(rows))) == ["12/05/2024", "A fine day."]
    assert texts(put(tmp_path, "b.jsonl", jsonl(rows[:1]))) == ["12/05/2024"]


def test_a_question_as_a_column_hides_no_other(tmp_path):
    content = "Comment,Rating (1-5),Would you recommend?\nGood film,3,Yes\nBad film,1,No\n"
    assert texts(put(tmp_path, "a.csv", content)) == ["Good film", "Bad film"]


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("rows", [",pos\n", ",pos\n ,neg\n"])
def test_the_field_in_which_nothing_stands_is_named(tmp_path, labelled, rows):
    said = error(put(tmp_path, "a.csv", f"text,label\n{rows}"), labelled=labelled)
    assert "a.csv: the field 'text', read as the text, is empty in every record" in said
    assert f"({rows.count(chr(10))} in all); name another with --text-field" in said


@pytest.mark.parametrize(
    "row",
    [
        {"tokens": ["In", "June"], "relation": "P931"},
        {"id": "0", "tokens": ["In", "June"], "tags": [0, 1]},
        {"post_id": "t3_x", "data": {"text": "good film"}},
        {"data": {"text": "good film"}, "created": "2024-05-01T09:12:33.5Z"},
        {"when": "05/01/2024 9:12:33 AM", "n": 3},
        {"title": "Oxygen", "paragraphs": [{"context": "A gas."}]},
        {"when": "05/01/2024", "What could be better?": "More coffee."},
    ],
)
def test_labels_names_and_dates_are_not_measured_as_texts(tmp_path, row):
    said = error(put(tmp_path, "a.jsonl", jsonl([row] * 3)))
    assert "name one with --text-field" in said


def test_a_title_beside_lists_is_not_measured_in_parquet_either(tmp_path):
    for beside in ([["a", "b"]], [{"a": "b"}]):
        path = put(tmp_path, "a.parquet", parquet({"title": ["Oxygen"], "tags": beside}))
        kind = "a list" if beside[0] == ["a", "b"] else "an object"
        assert f"it has 'title' (text), 'tags' ({kind}): name one with" in error(path)
        assert texts(path, field="title") == ["Oxygen"]


def test_parquet_is_chosen_by_its_schema_and_a_column_without_a_type_gives_way(tmp_path):
    columns = {"text": [""], "review": ["Fine."]}
    assert "the field 'text', read as the text, is empty" in error(
        put(tmp_path, "a.parquet", parquet(columns))
    )
    assert texts(put(tmp_path, "b.parquet", parquet({**columns, "text": [None]}))) == ["Fine."]


def test_titles_and_texts_that_begin_with_a_date_are_texts(tmp_path):
    rows = [{"title": "Oxygen", "year": 1999}, {"title": "2024-05-01, a day", "year": 2024}]
    assert texts(put(tmp_path, "a.jsonl", jsonl(rows))) == ["Oxygen", "2024-05-01, a day"]
    assert texts(put(tmp_path, "b.jsonl", jsonl(rows[1:]))) == ["2024-05-01, a day"]


def test_what_is_wrong_with_a_file_is_said_before_what_is_with_its_records(tmp_path):
    path = put(tmp_path, "a.csv", "x,y\na,b,c\nd,e\n")
    assert "a.csv: none of 2 texts can be used; first, a.csv: has no field that is" in error(path)


def test_a_csv_column_of_numbers_is_no_text(tmp_path):
    assert texts(put(tmp_path, "a.csv", "label;review\n1;\n0;Fine, really.\n")) == ["Fine, really."]


def test_a_field_inside_an_object_is_named_with_a_dot(tmp_path):
    rows = [{"meta": {"abstract": "Deep."}, "a.b": "flat"}]
    for name, data in (
        ("a.jsonl", jsonl(rows)),
        ("a.parquet", parquet({k: [v] for k, v in rows[0].items()})),
    ):
        path = put(tmp_path, name, data)
        assert texts(path, field="meta.abstract") == ["Deep."]
        assert texts(path, field="a.b") == ["flat"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_tokens_are_joined_only_when_asked_for_by_name(tmp_path, name):
    row = {"tokens": ["In", "June", "."], "relation": "r", "source": "s"}
    data = jsonl([row]) if name == "a.jsonl" else parquet({k: [v] for k, v in row.items()})
    path = put(tmp_path, name, data)
    assert texts(path, field="tokens") == ["In June ."]
    assert "has no field that is clearly the text" in error(path)


# --- what a text is


def test_line_ends_controls_and_lone_surrogates_are_made_harmless(tmp_path):
    row = {"text": "\ufeffa\r\nb\rc\u0000d\u001be\ud800f\uffffg\tend"}
    path = put(tmp_path, "a.jsonl", jsonl([row]))
    assert texts(path) == ["a\nb\nc d e\ufffdf\ufffdg\tend"]


@given(st.text(st.characters(), min_size=1))
@settings(max_examples=200, deadline=None)
def test_any_string_comes_out_encodable_and_without_controls(string):
    source = TextSource(["good", string])
    for text in source:
        text.text.encode()
        assert not set(text.text) & {chr(c) for c in range(32) if c not in (9, 10)}
    assert source.skipped_count == (0 if len(list(source)) == 2 else 1)


def test_a_byte_order_mark_and_windows_line_ends_are_accepted_everywhere(tmp_path):
    for name, data in (
        ("a.txt", "One.\r\n"),
        ("b.jsonl", '{"text": "One."}\r\n\r\n'),
        ("c.csv", 'text,id\r\n"One.",1\r\n'),
        ("d.json", '[\r\n{"text": "One."}]'),
        ("e.json", '{"text": "One."}\r\n'),
        ("f.md", "# One.\r\n"),
    ):
        assert texts(put(tmp_path, name, "\ufeff" + data)) in (["One."], ["One.\n"]), name


def test_the_digest_is_of_the_texts_alone(tmp_path):
    path = put(tmp_path, "a.jsonl", jsonl([{"text": ""}, *ROWS]))
    expected = hashlib.sha256()
    for story in STORIES:
        expected.update(len(story.encode()).to_bytes(8, "little") + story.encode())
    assert TextSource(path).digest() == TextSource(STORIES).digest() == expected.hexdigest()
    assert TextSource(["ab", "c"]).digest() != TextSource(["a", "bc"]).digest()


def test_a_line_of_ten_megabytes_is_read(tmp_path):
    long = "word " * 2_000_000
    for name, data in (
        ("a.txt", long),
        ("a.jsonl", json.dumps({"text": long})),
        ("a.json", json.dumps([{"text": long}, {"text": long}])),
        ("a.csv", f'text\n"{long}"\n'),
        ("a.parquet", parquet({"text": [long]})),
    ):
        assert set(texts(put(tmp_path, name, data))) == {long}


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_memory_does_not_grow_with_the_number_of_texts(tmp_path, suffix):
    def peak(count):
        rows = [{"text": f"{n} " + "word " * 400} for n in range(count)]
        data = {
            ".jsonl": lambda: jsonl(rows),
            ".json": lambda: json.dumps(rows).encode(),
            ".csv": lambda: ("text\n" + "".join(f"{r['text']}\n" for r in rows)).encode(),
            ".parquet": lambda: parquet({"text": [r["text"] for r in rows]}),
        }[suffix]()
        path = put(tmp_path, f"a{count}{suffix}.xz", lzma.compress(data, preset=0))
        tracemalloc.start()
        assert sum(1 for _ in TextSource(path)) == count
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    peak(10)
    assert peak(3000) < peak(300) + 1_000_000  # the larger file holds 6 MB


# --- bad input


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"", "a.txt: is empty; give"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "a.jsonl.gz: is empty; give"),
        ("a.zst", b"", "a.zst: a name without an extension is not known; expected .txt"),
        ("a.docx", b"PK\3\4", "the extension .docx is not known; expected .txt, .md"),
        ("a.txt", b" \r\n\t", "a.txt: is empty; give it some text"),
        ("a.csv", b"id,text\n", "holds no texts"),
        ("a.jsonl", b"\n\n", "holds no texts"),
        ("a.json", b"[]", "holds no texts"),
        ("a.parquet", parquet({"text": pa.array([], pa.string())}), "holds no texts"),
        ("a.txt", b"caf\xe9", "a.txt: is not UTF-8 (byte 0xE9 at position 3); convert it"),
        ("a.md", b"caf\xe9", "a.md: is not UTF-8 (byte 0xE9 at position 3); convert it"),
        ("a.jsonl", b'{"text": "\xe9"}', "a.jsonl:1: is not UTF-8 (byte 0xE9 at position 10)"),
        ("a.csv", b"text\ncaf\xe9\n", "a.csv:1: is not UTF-8 (byte 0xE9); convert"),
        ("a.json", b'[{"text": "\xe9"}]', "a.json:1: is not UTF-8 (byte 0xE9); convert"),
        ("a.txt", "Hi".encode("utf-16"), "a.txt: is not text but UTF-16; save it as UTF-8"),
        ("a.txt", b"a\0b", "a.txt: is not text but binary (it has NUL bytes)"),
        ("a.txt", b"a" * 100_000 + b"\0", "a.txt: is binary (it has NUL bytes)"),
        ("a.txt", b"%PDF-1.7", "a.txt: is not text but a PDF; extract its text"),
        (
            "a.txt",
            b"version https://git-lfs.github.com/spec/v1\noid",
            "not text but a pointer of Git",
        ),
        (
            "a.csv",
            b"version https://git-lfs.github.com/spec/v1\noid",
            "not text but a pointer of Git",
        ),
        ("a.txt", b"PK\3\4...", "a.txt: is not text but a zip archive or an Office document"),
        ("a.jsonl", b"\x89PNG\r\n", "a.jsonl: is not text but a PNG image"),
        ("a.csv", b"PAR1....", "a.csv: is not text but Parquet; name the file .parquet"),
        ("a.txt.gz", gzip.compress(b"%PDF-1", mtime=0), "a.txt.gz: is not text but a PDF"),
        ("a.txt", b"x" * 257 + b"ustar", "a.txt: is not text but a tar archive"),
        ("a.txt", gzip.compress(b"Hi", mtime=0), "a.txt: is compressed with gzip; name it .gz"),
        (
            "a.txt.xz",
            gzip.compress(b"Hi", mtime=0),
            "a.txt.xz: is not compressed with xz as its name",
        ),
        ("a.txt.gz", b"plain", "a.txt.gz: is not compressed with gzip as its name says"),
        ("a.parquet", b"plain text", "a.parquet: is not Parquet but text of some other kind"),
        ("a.parquet", b"%PDF-1", "a.parquet: is not Parquet but a PDF"),
        ("a.parquet", b"PAR1 and more", "a.parquet: is damaged after record 0"),
        ("a.jsonl", b'{"text": "a', "a.jsonl:1: is not valid JSON (Unterminated string"),
        ("a.jsonl", b"[" * 100_000, "a.jsonl:1: is not valid JSON"),
        ("a.jsonl", b"3\n", "a.jsonl:1: is a number; expected an object with named fields"),
        ("a.jsonl", b"{}", "a.jsonl:1: has no field with text; it has no fields at all"),
        ("a.json", b'[{"text" 3}]', "a.json: is not a valid JSON list after record 0"),
        ("a.json", b'[{"text": "a', "a.json: is not a valid JSON list after record 0"),
        (
            "a.jsonl",
            b'{"title": "a", "name": "b", "n": 3}',
            "a.jsonl: has no field that is clearly the text; it has 'title' (text), "
            "'name' (text), 'n' (a number): name one with --text-field (in Python: field=)",
        ),
        ("a.csv", b"x,y\na,b\n", "a.csv: has no field that is clearly the text; it has 'x'"),
        ("a.csv", b"text,n\na,b,c\n", "a.csv:1: has 3 cells where the header has 2"),
        (
            "a.csv",
            b"This first text was taken for a header and it is long: too long to be one.\nx\n",
            "a.csv: has no field that is clearly the text",
        ),
        ("a.parquet", parquet({"a": ["x"], "b": ["y"]}), "it has 'a' (text), 'b' (text)"),
        ("a.jsonl", b'{"text": null}', "a.jsonl:1: has no field with text; it has 'text' (null)"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_says_what_to_do(tmp_path, name, data, said):
    path = put(tmp_path, name, data)
    assert said in error(path)
    if "holds no texts" not in said and "extension" not in said:
        put(tmp_path, "z.txt", "A good one.")  # among good ones it is named, and the rest goes on
        source = TextSource(tmp_path)
        assert [text.name for text in source] == ["z.txt"]
        assert len(source.skipped) == source.skipped_count == 1
        assert said in f"{source.skipped[0].name}: {source.skipped[0].reason}"
        assert said in error(tmp_path, strict=True)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_a_damaged_compressed_file_keeps_the_texts_before_the_damage(tmp_path, suffix):
    rows = [{"text": os.urandom(500).hex()} for _ in range(600)]
    data = COMPRESS[suffix](jsonl(rows))
    path = put(tmp_path, f"a.jsonl{suffix}", data[: len(data) // 2])
    source = TextSource(path)
    good = [text.text for text in source]
    assert 0 < len(good) < 600
    assert good == [row["text"] for row in rows[: len(good)]]
    assert source.skipped_count == 1
    assert source.skipped[0].name == f"a.jsonl{suffix}"
    assert source.skipped[0].reason.startswith("has damaged ")
    assert "fetch or write the file again" in error(path, strict=True)
    put(tmp_path, path.name, data[:40])
    assert "has damaged" in error(path)


def test_a_field_of_the_wrong_type_or_missing_is_named(tmp_path):
    rows = [{"text": "Good."}, {"text": 3}, {"text": ["a"]}, {"title": "x"}, {"text": ""}]
    path = put(tmp_path, "a.jsonl", jsonl(rows) + b"{broken\n" + b'{"text": "End."}')
    source = TextSource(path)
    assert [text.name for text in source] == ["a.jsonl:1", "a.jsonl:7"]
    assert [skipped.name for skipped in source.skipped] == [f"a.jsonl:{n}" for n in range(2, 7)]
    for skipped, reason in zip(
        source.skipped,
        [
            "field 'text' is a number; expected text: correct the record, or name another field",
            "field 'text' is a list; expected text",
            "has no field 'text'; it has 'title' (text): name one with --text-field",
            "is empty; give it some text",
            "is not valid JSON",
        ],
        strict=True,
    ):
        assert skipped.reason.startswith(reason)
    assert error(path, strict=True).startswith("a.jsonl:2: field 'text' is a number")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_field_that_is_not_there_is_refused_with_the_fields_that_are(tmp_path, suffix):
    said = error(put(tmp_path, "a" + suffix, CONTENT[suffix]), field="nope")
    assert "has no field 'nope'; it has 'id' (" in said
    assert "'title' (text), 'text' (text): name one with --text-field" in said


def test_a_wrong_type_in_a_named_column_is_refused(tmp_path):
    path = put(tmp_path, "a.parquet", CONTENT[".parquet"])
    said = error(path, field="id")
    assert "none of 3 texts can be used; first, a.parquet:1: field 'id' is a number" in said
    path = put(tmp_path, "b.parquet", parquet({"tokens": [[1, 2]]}))
    assert "is a list of other things than strings" in error(path, field="tokens")


def test_bytes_that_are_not_utf8_in_parquet_are_named(tmp_path):
    raw = pa.array([b"good", b"caf\xe9"]).cast(pa.binary())
    bad = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    source = TextSource(put(tmp_path, "a.parquet", parquet({"text": bad})))
    assert [text.text for text in source] == ["good"]
    assert source.skipped[0].name == "a.parquet:2"
    assert source.skipped[0].reason.startswith("is not UTF-8 (byte 0xE9)")


def test_bad_csv_rows_are_named_and_the_rows_after_them_read(tmp_path):
    path = put(tmp_path, "a.csv", 'text,n\n"a"b,1\nfine,2\none,two,3\n\n"last, one",4\n')
    source = TextSource(path)
    assert [(text.name, text.text) for text in source] == [
        ("a.csv:2", "fine"),
        ("a.csv:4", "last, one"),
    ]
    assert [skipped.name for skipped in source.skipped] == ["a.csv:1", "a.csv:3"]


def test_a_header_that_is_not_utf8_is_named_where_no_column_can_be_chosen(tmp_path):
    table = "\u6587\u672c,\u7f16\u53f7\nA text.,B text.\n".encode("gbk")
    said = error(put(tmp_path, "a.csv", table))
    assert "header that is not UTF-8 (byte 0xCE)" in said
    assert said.isascii()
    assert texts(put(tmp_path, "b.csv", b"text,f\xfcr\nA text.,1\n")) == ["A text."]


def test_a_record_that_is_too_long_ends_its_file_and_is_named(tmp_path):
    long = Limits(record=1000)
    for name, data in (
        ("a.txt", "x" * 1001),
        ("a.jsonl", '{"text": "good"}\n{"text": "' + "x" * 1001),
        ("a.json", '[{"text": "good"}, {"text": "' + "x" * 200_000),
        ("b.json", '{\n"data": [{"text": "' + "x" * 1001),
        ("a.csv", "text\ngood\n" + "x" * 1001),
        ("a.parquet", parquet({"text": ["good", "x" * 1001]})),
    ):
        said = error(put(tmp_path, name, data), limits=long, strict=True)
        assert "longer than 1,000" in said, name
        assert said.startswith(name), name


def test_a_file_that_unpacks_to_too_much_ends_there_and_is_named(tmp_path):
    many = jsonl([{"text": "word " * 100}] * 1000)
    for suffix, compress in COMPRESS.items():
        path = put(tmp_path, f"a.jsonl{suffix}", compress(many))
        source = TextSource(path, limits=Limits(file=300_000))
        if suffix:
            assert 0 < sum(1 for _ in source) < 1000
            assert source.skipped[0].reason.startswith(
                "holds more than 300,000 bytes when unpacked"
            )
        else:
            assert "holds more than 300,000 bytes" in error(path, limits=Limits(file=300_000))


def test_a_bomb_of_one_endless_line_takes_little_memory_and_time(tmp_path):
    path = put(tmp_path, "a.jsonl.zst", zstandard.compress(b"a" * 300_000_000))
    assert "line 1 is longer than 1,000,000 bytes" in error(path, limits=Limits(record=1_000_000))


def test_files_of_other_kinds_in_a_folder_are_named(tmp_path):
    put(tmp_path, "a.txt", "Good.")
    put(tmp_path, "logo.png", "x")
    source = TextSource(tmp_path)
    assert len(list(source)) == 1
    assert source.skipped[0].name == "logo.png"
    assert source.skipped[0].reason.startswith("the extension .png is not known")


def test_links_to_nothing_and_to_themselves_and_pipes_are_named_and_never_waited_for(tmp_path):
    put(tmp_path, "a.txt", "Good.")
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    (tmp_path / "nothing.txt").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.txt")
    source = TextSource(tmp_path)
    assert len(list(source)) == 1
    assert [s.name for s in source.skipped] == ["loop.txt", "nothing.txt", "pipe.txt"]
    assert "is no ordinary file" in error(tmp_path / "pipe.txt")


def test_a_folder_without_texts_is_refused_at_once(tmp_path):
    put(tmp_path, "sub/logo.png", "x")
    with pytest.raises(UserError, match=r"the folder has no texts; expected \.txt, \.md"):
        TextSource(tmp_path)


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    assert "cannot be listed (Permission denied); check its permissions" in error(tmp_path)


def test_a_file_that_vanishes_between_two_readings_is_named(tmp_path):
    path = put(tmp_path, "a.txt", "Good.")
    source = TextSource(path)
    assert len(list(source)) == 1
    path.unlink()
    with pytest.raises(UserError, match=r"a\.txt: cannot be read \(No such file or directory\)"):
        list(source)


@pytest.mark.parametrize(
    "name",
    ["missing.txt", "./missing", "/no/such/thing", "a/b/c", "~/missing.md", "a b", "x" * 9999],
)
def test_a_missing_file_is_refused_at_once(name):
    with pytest.raises(UserError, match=r"(no such file or folder; check the path|is no path)"):
        TextSource(name)


def test_a_sentence_in_the_place_of_a_path_gets_a_hint():
    assert "if it is a text, pipe it in" in error("The cat sat on the mat.")


def test_an_empty_path_is_not_this_folder():
    assert "the path is empty" in error("")
    assert error(" ") == error("")


def test_a_list_of_files_is_not_measured_as_texts(tmp_path):
    files = [put(tmp_path, name, b"Some text.") for name in ("a.txt", "b.txt")]
    assert "a list of files" in error([str(file) for file in files])
    assert "a list of files" in error(files)
    assert texts([str(files[0]), "A text."]) == [str(files[0]), "A text."]


def test_a_sentence_at_the_head_of_a_table_is_no_column(tmp_path):
    assert "no field that is clearly the text; it has 'Bad film.'" in error(
        put(tmp_path, "a.csv", b"Bad film.\nGood film.\n")
    )


def test_a_text_of_invisible_characters_is_empty():
    source = TextSource(["\u200b", "seen", "\ufeff \u200e"])
    assert [t.text for t in source] == ["seen"]
    assert source.skipped_count == 2


@pytest.mark.parametrize("source", [3, b"bytes", None, {"text": "a"}])
def test_a_source_of_another_type_is_refused(source):
    with pytest.raises(UserError, match="cannot be read; expected a path, a Hub id or strings"):
        TextSource(source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (datasets.DatasetDict({"test": datasets.Dataset.from_dict({"text": ["a"]})}), '["test"]'),
        (pa.table({"text": ["a"]}), ".to_pandas()"),
        ({"text": ["a", "b"], "label": pd.Series([1, 2])}, "pandas.DataFrame(...)"),
    ],
)
def test_tables_and_splits_of_other_libraries_are_refused_with_what_to_give(source, said):
    for labelled in (False, True):
        with pytest.raises(UserError) as caught:
            TextSource(source, labelled=labelled)
        assert said in str(caught.value)


def test_a_folder_of_save_to_disk_is_refused_with_what_to_give(tmp_path):
    rows = datasets.Dataset.from_dict({"text": ["a"]})
    rows.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": rows}).save_to_disk(tmp_path / "splits")
    assert "load_from_disk(...).to_parquet" in error(tmp_path / "one")
    assert 'load_from_disk(...)["train"].to_parquet' in error(tmp_path / "splits")


def test_names_and_classes_that_are_not_utf8_can_be_written(tmp_path):
    for folder in ("caf\udce9", "th\u00e9"):
        put(tmp_path, f"in\udcff/{folder}/1\udce8.txt", "A text.")
    source = TextSource(tmp_path / "in\udcff", labelled=True)
    assert [(text.name, text.label) for text in source] == [
        (r"caf\xe9/1\xe8.txt", r"caf\xe9"),
        ("th\u00e9/1\\xe8.txt", "th\u00e9"),
    ]
    assert source.description == rf"{tmp_path}/in\xff"
    (one,) = TextSource([{"text": "A text.", "label": "lone \ud800"}], labelled=True)
    assert one.label == "lone \ufffd"


def test_nothing_at_all_is_refused(monkeypatch):
    assert error([]).startswith("texts from Python: holds no texts")
    assert "none of 2 texts can be used; first, text 1: is empty" in error(["", " "])
    feed(monkeypatch, b"")
    assert error("-").startswith("standard input: is empty; give")
    feed(monkeypatch, b"%PDF-1.4")
    assert error("-").startswith("standard input: is not text but a PDF")


def test_a_full_disk_under_standard_input_is_named(monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    feed(monkeypatch, b"text")
    monkeypatch.setattr("shutil.copyfileobj", full)
    assert "standard input: cannot be kept in a temporary file (No space left" in error("-")


def test_only_the_first_skipped_texts_are_kept_and_all_are_counted():
    source = TextSource(["good", *[""] * (KEPT_SKIPPED + 5)])
    assert len(list(source)) == 1
    assert len(source.skipped) == KEPT_SKIPPED
    assert source.skipped_count == KEPT_SKIPPED + 5


@pytest.mark.data
def test_a_real_collection_is_read(data):
    source = TextSource(data / "wikipedia" / "wiki_intro_2014.jsonl.xz", limit=50)
    assert [text.name for text in source][-1] == "wiki_intro_2014.jsonl.xz:50"
    tokens = TextSource(data / "fewrel" / "fewrel_42rel_x700.jsonl.xz", field="tokens", limit=3)
    assert all(" " in text.text for text in tokens)


@pytest.mark.parametrize(
    ("mark", "said", "file"),
    [
        ("study.json", '{"kind": "study", "finished": false}', "tables/heads.csv"),
        ("comparison.json", '{"studies": ["a", "b"]}', "studies/a.csv"),
        (OPTIONS, PretrainOptions(steps=1).model_dump_json(), "corpus/a.csv"),
        ("config.json", '{"model_type": "bert"}', "vocab.txt"),
    ],
)
@pytest.mark.parametrize("deep", ["", "deeper/"])
def test_results_runs_and_models_below_a_folder_are_not_read(tmp_path, mark, said, file, deep):
    put(tmp_path, "a.txt", "A text of words.")
    put(tmp_path, f"{deep}folder/{file}", "text\nno text of anyone\n")
    put(tmp_path, f"{deep}folder/texts.json", '{"texts": "a", "digest": "b"}')
    assert len(list(TextSource(tmp_path, field="text"))) == 2
    put(tmp_path, f"{deep}folder/{mark}", said)
    source = TextSource(tmp_path)
    assert [one.text for one in source] == ["A text of words."]
    what = "a model" if mark == "config.json" else "what blocklens wrote"
    reason = f"holds {what}, by its {mark}; left out: give it alone to read its texts"
    assert source.skipped == [Skipped(f"{deep}folder/", reason)]
    assert len(list(TextSource(tmp_path, strict=True))) == 1
    (tmp_path / "a.txt").unlink()
    left_out = f"the folder has no texts (left out: {deep}folder holds {what}, by its {mark}); exp"
    assert left_out in error(tmp_path)
    put(tmp_path, "a.txt", "A text of words.")
    long = said.replace("{", '{"x": "' + "a" * (1 << 20) + '", ', 1)
    for other in (
        '{"title": "my own"}',
        "[1]",
        "{",
        "[" * 100_000,
        long,
    ):  # a file that is called so
        put(tmp_path, f"{deep}folder/{mark}", other)
        assert len(list(TextSource(tmp_path, field="text"))) == 2


def test_two_columns_of_one_name_are_refused_in_parquet_too(tmp_path):
    columns = [pa.array(["one", "two"]), pa.array(["three", "four"])]
    pq.write_table(pa.Table.from_arrays(columns, names=["text", "text"]), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="two columns called 'text'; give every column a name"):
        list(TextSource(tmp_path / "a.parquet"))

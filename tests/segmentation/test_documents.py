"""Reading texts with known segments."""

import json
import lzma

import pytest

from blocklens.errors import UserError
from blocklens.progress import Progress
from blocklens.segmentation.documents import Document, read_documents, selected
from blocklens.segmentation.evaluate import evaluate


def test_json_lines_with_segments_keep_their_other_fields(tmp_path):
    path = tmp_path / "d.jsonl.xz"
    with lzma.open(path, "wt") as out:
        out.write(json.dumps({"set": 4, "segments": [["a .", " "], [], ["b .", "c ."]]}) + "\n\n")
    (document,) = read_documents(path)
    assert document.sentences == ["a .", "b .", "c ."]
    assert document.masses == [1, 2]
    assert document.fields == {"set": 4}


@pytest.mark.parametrize("segments", [{}, {"a": ["One."]}, "One.", [["One."], "Two."], [[1]]])
def test_segments_that_are_no_lists_of_sentences_are_refused(tmp_path, segments):
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"segments": segments}), encoding="utf-8")
    with pytest.raises(UserError, match=r"d\.jsonl:1: cannot be used \((the|a) segment"):
        list(read_documents(path))


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ([{"paragraphs": ["Cats purr. Cats sleep.", "A cat eats."]}], "a paragraph is not a list"),
        ([{"paragraphs": [["One."], "Two."]}], "a paragraph is not a list of sentences"),
        ([{"paragraphs": [{"One.": 1}]}], "a paragraph is not a list of sentences"),
        ([{"paragraphs": "One. Two."}], "the paragraphs are not a list"),
        ([{"paragraphs": {"One.": ["Two."]}}], "the paragraphs are not a list"),
        ([{"paragraphs": None}], "the paragraphs are not a list"),
        ([{"heading": "A"}], "a section is not an object with paragraphs"),
        (["One."], "a section is not an object with paragraphs"),
        ({"A": [["One."]]}, "the sections are not a list"),
        ("One.", "the sections are not a list"),
    ],
)
def test_sections_that_are_no_lists_of_sentences_are_refused(tmp_path, sections, said):
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"sections": sections}), encoding="utf-8")
    with pytest.raises(UserError, match=rf"d\.jsonl:1: cannot be used \({said}"):
        list(read_documents(path))


@pytest.mark.parametrize("record", ['"segments"', '["segments"]', "3"])
def test_a_line_that_is_no_object_is_refused(tmp_path, record):
    path = tmp_path / "d.jsonl"
    path.write_text('{"segments": [["a"], ["b"]]}\n' + record, encoding="utf-8")
    with pytest.raises(UserError, match=r"d\.jsonl:2: cannot be used \(the record is not an obj"):
        list(read_documents(path))


def test_headings_of_sections_are_left_out(tmp_path):
    path = tmp_path / "d.jsonl"
    sections = [
        {"heading": "", "paragraphs": [["One.", "Two."], ["Three."]]},
        {"heading": "History", "paragraphs": [["Four."]]},
    ]
    path.write_text(json.dumps({"title": "T", "sections": sections}), encoding="utf-8")
    (document,) = read_documents(path)
    assert document.sentences == ["One.", "Two.", "Three.", "Four."]
    assert document.masses == [3, 1]


def test_chois_plain_text_and_folders_of_it_are_read(tmp_path):
    folder = tmp_path / "1" / "3-5"
    folder.mkdir(parents=True)
    rule = "=" * 10
    (folder / "0.ref").write_text(f"{rule}\na b .\nc .\n{rule}\nd .\n{rule}\n", encoding="utf-8")
    for path in (tmp_path, folder / "0.ref"):
        (document,) = read_documents(path)
        assert document.masses == [2, 1]
        assert document.fields == {"range": "3-5"}


def test_a_file_whose_name_is_not_utf8_gives_a_name_that_can_be_written(tmp_path):
    path = tmp_path / "caf\udce9.jsonl"
    path.write_text('{"segments": [["a"], ["b"]]}\n', encoding="utf-8")
    (document,) = read_documents(path)
    assert document.name == rf"{tmp_path}/caf\xe9.jsonl:1"


def test_documents_of_one_segment_are_left_out(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_text('{"segments": [["a", "b"]]}\n{"segments": [["a"], ["b"]]}\n', encoding="utf-8")
    left_out = []
    assert [one.masses for one in read_documents(path, left_out=left_out)] == [[1, 1]]
    assert left_out == [f"{path}:1"]
    said = []
    progress = Progress()
    progress.say = said.append
    evaluate(path, baselines=["no-cut"], progress=progress)
    assert said == [f"left out, of fewer than two segments: 1 document; first, {path}:1"]


@pytest.mark.parametrize(
    "content",
    ['{"text": "a"}', '{"segments": 3}', '{"segments": ["a", "b"]}', '{"segments": [[1]]}',
     '{"sections": [{}]}', "{broken", "", "only prose\n"],
)  # fmt: skip
def test_records_without_segments_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "d.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as error:
        list(read_documents(path))
    assert "d.jsonl" in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_files_empty_folders_and_broken_archives_are_refused(tmp_path):
    broken = tmp_path / "d.jsonl.xz"
    broken.write_bytes(b"no archive")
    for path in (tmp_path / "none.jsonl", tmp_path, broken):
        with pytest.raises(UserError):
            list(read_documents(path))


def test_masses_can_be_counted_in_words():
    document = Document("d", ["a b c", "d", "e f"], [1, 2], {})
    assert document.in_words([1, 2]) == [3, 3]
    assert document.in_words([2, 1]) == [4, 2]


def test_documents_are_chosen_by_their_fields_and_every_so_many():
    documents = [
        Document(f"{number}-{kind}", ["a", "b"], [1, 1], {"set": number, "range": kind})
        for number in (1, 2, 4)
        for kind in ("3-5", "6-8")
    ]
    names = [d.name for d in selected(documents, {"set": ["1", "4"], "range": ["6-8"]})]
    assert names == ["1-6-8", "4-6-8"]
    assert [d.name for d in selected(documents, {"set": ["1", "2"]}, 3)] == ["1-3-5", "2-6-8"]
    assert len(list(selected(documents, {}, 1))) == 6
    with pytest.raises(UserError, match="no field colour to choose by; it has set, range"):
        list(selected(documents, {"colour": ["red"]}))


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    file = tmp_path / "marked.jsonl"
    file.write_text('{"segments": [["A."], ["B."]]}\n', encoding="utf-8-sig")
    assert [one.masses for one in read_documents(file)] == [[1, 1]]


def test_json_that_is_nested_too_deep_is_refused_in_one_line(tmp_path):
    file = tmp_path / "deep.jsonl"
    file.write_text('{"segments": ' + "[" * 200_000 + "]" * 200_000 + "}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"deep\.jsonl:1") as error:
        list(read_documents(file))
    assert "\n" not in str(error.value)


def test_a_byte_order_mark_is_no_part_of_a_document(tmp_path):
    segments = [["The cat sat.", "It slept."], ["The bank failed.", "Money was lost."]]
    path = tmp_path / "a.jsonl"
    path.write_text("\ufeff" + json.dumps({"segments": segments}) + "\n", "utf-8")
    (found,) = read_documents(path)
    assert found.masses == [2, 2]
    assert found.sentences == [sentence for part in segments for sentence in part]

import json
import lzma
from zipfile import ZipFile

import datasets
import numpy as np
import pandas as pd
import pytest

from blocklens.errors import UserError
from blocklens.inputs.class_samples import samples
from blocklens.inputs.fewrel import FewRel, marked
from blocklens.inputs.labelled_texts import read_labelled
from blocklens.inputs.texts import TextSource, columns_note


def records(count=40, classes=("cat", "dog")):
    return [
        {"id": i, "text": f"Text number {i}.", "label": classes[i % len(classes)]}
        for i in range(count)
    ]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


@pytest.fixture
def jsonl(tmp_path):
    return lambda rows, name="data.jsonl": write(tmp_path / name, rows)


def test_every_format_gives_the_same_texts_and_labels(tmp_path, jsonl):
    rows = records()
    plain = jsonl(rows)
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    (tmp_path / "data.json").write_text(json.dumps(rows), "utf-8")
    packed = lzma.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    (tmp_path / "data.jsonl.xz").write_bytes(packed)
    wanted = read_labelled(plain)
    assert wanted.names == ["cat", "dog"]
    assert wanted.texts[:2] == ["Text number 0.", "Text number 1."]
    assert wanted.labels.tolist() == [0, 1] * 20
    for name in ("data.csv", "data.parquet", "data.json", "data.jsonl.xz"):
        found = read_labelled(str(tmp_path / name))
        assert (found.texts, found.names) == (wanted.texts, wanted.names)
        np.testing.assert_array_equal(found.labels, wanted.labels)


def test_fields_can_be_named_and_whole_numbers_keep_their_order(jsonl):
    rows = [{"a": f"t {i}", "b": "x y", "y": i % 11} for i in range(33)]
    found = read_labelled(jsonl(rows), field="a", label="y")
    assert found.names == [str(i) for i in range(11)]
    assert found.labels.tolist() == [i % 11 for i in range(33)]


def test_a_generator_keeps_its_labels(jsonl):
    source = TextSource(iter(records(4)), labelled=True)
    assert [t.label for t in source] == [t.label for t in source] == ["cat", "dog"] * 2


def test_markup_in_class_names_and_texts_is_kept_as_it_is(jsonl):
    found = read_labelled(jsonl(records(classes=("<b>x</b>", "a & b"))))
    assert found.names == ["<b>x</b>", "a & b"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (records(classes=("cat",)), "one class, 'cat'; at least two"),
        ([*records(4), {"text": "t", "label": 3}], "labels of mixed type: 3 in data.jsonl:5 is"),
        ([{"text": "a b c"}], "no field that is clearly the label"),
        ([{"text": "a", "label": None}], "has no label in field 'label'"),
        ([{"text": "a", "label": ["x"]}], "is a list; expected a name or a number"),
        ([{"text": " ", "label": "x"}], "is empty"),
    ],
)
def test_labels_that_cannot_be_used_are_named_in_one_line(jsonl, rows, said):
    with pytest.raises(UserError) as caught:
        read_labelled(jsonl(rows))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_halves_are_classes_alike_in_every_format(tmp_path, jsonl):
    frame = pd.DataFrame(records(40, (10.0, 1.0, 1.5, 2.0)))
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    mixed = jsonl(records(40, (10, 1, 1.5, 2)))
    for source in (tmp_path / "data.csv", tmp_path / "data.parquet", mixed, frame):
        found = read_labelled(source)
        assert (found.names, found.skipped_count) == (["1", "1.5", "2", "10"], 0)
        assert found.labels[:4].tolist() == [3, 0, 1, 2]


@pytest.mark.parametrize("kind", ["Int64", "string", "boolean", "object"])
def test_what_pandas_has_for_no_label_is_none(kind):
    labels = [pd.NA, *[0, 1] * 20] if kind != "string" else [pd.NA, *"ab" * 20]
    frame = pd.DataFrame({"text": [f"Text {n}." for n in range(41)]})
    frame["label"] = pd.array(labels, dtype=kind)
    found = read_labelled(frame)
    assert (len(found), len(found.names)) == (40, 2)
    assert [bad.reason for bad in found.skipped] == [
        "has no label in field 'label'; give it one or leave it out"
    ]


def test_a_data_set_in_memory_has_its_names_of_classes():
    names = datasets.ClassLabel(names=["neg", "pos"])
    rows = datasets.Dataset.from_dict(
        {"text": [f"Text {n}." for n in range(41)], "label": [*[1, 0] * 20, -1]},
        features=datasets.Features({"text": datasets.Value("string"), "label": names}),
    )
    frame = pd.DataFrame(
        {"features": [0] * 41, "text": rows["text"], "label": [*["pos", "neg"] * 20, None]}
    )
    for source in (rows, rows.to_iterable_dataset(), rows.with_format("numpy"), frame):
        found = read_labelled(source)
        assert (found.names, found.labels[:3].tolist()) == (["neg", "pos"], [1, 0, 1])
        assert found.skipped_count == 1


@pytest.mark.parametrize(
    ("item", "kind"), [(("a", 1), "a tuple"), (["a", 1], "a list"), ("a", "text")]
)
def test_items_without_a_label_say_what_a_record_is(item, kind):
    with pytest.raises(UserError) as caught:
        read_labelled([item, item])
    assert f'is {kind}; expected a record such as {{"text": ..., "label": ...}}' in str(
        caught.value
    )


def test_a_label_field_that_is_not_there_is_named(jsonl):
    with pytest.raises(UserError, match="has no field 'klass' for the label; it has 'id'"):
        read_labelled(jsonl(records()), label="klass")


def test_records_without_label_or_text_are_left_out_and_counted(jsonl):
    rows = [*records(), {"text": "no label", "label": None}, {"text": "", "label": "cat"}]
    found = read_labelled(jsonl(rows))
    assert len(found) == 40
    assert [s.name for s in found.skipped] == ["data.jsonl:41", "data.jsonl:42"]
    with pytest.raises(UserError, match=r"data\.jsonl:41"):
        read_labelled(jsonl(rows), strict=True)


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize("other", ["class", "topic"])
@pytest.mark.parametrize("more", [0, 10])
def test_an_empty_label_gives_way_to_no_other_field(jsonl, empty, other, more):
    rows = [{"text": f"t {n}", "label": empty, other: "news"} for n in range(50)]
    rows += [{"text": f"u {n}", "label": "pos", other: "news"} for n in range(more)]
    with pytest.raises(UserError) as raised:
        read_labelled(jsonl(rows))
    said = "has nothing in the field 'label' of its first records, but in"
    assert f"{said} {other!r}: name the label's with finetune --label-field" in str(raised.value)


def test_a_label_that_is_missing_in_the_first_records_is_read_further_on(jsonl):
    rows = [{"text": f"t {n}", "label": None, "topic": ""} for n in range(50)]
    assert len(read_labelled(jsonl([*rows, *records(10)]))) == 10


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_labels_that_an_annotator_rejected_are_left_out_and_counted(tmp_path, jsonl, kind):
    rows = [{**row, "answer": "accept", "_task_hash": n} for n, row in enumerate(records(4))]
    rows += [{**rows[0], "text": f"t {how}", "answer": how} for how in ("reject", "ignore", "no")]
    pd.DataFrame(rows).to_csv(tmp_path / "data.csv", index=False)
    pd.DataFrame(rows).to_parquet(tmp_path / "data.parquet")
    path = str(tmp_path / f"data.{kind}") if kind != "jsonl" else jsonl(rows)
    data = read_labelled(path, field="text")
    assert len(data) == 5
    assert data.skipped_count == 2
    assert "was rejected or ignored (field 'answer'); left out" in data.skipped[0].reason
    assert len(list(TextSource(path, field="text"))) == 7


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_an_answer_that_is_no_annotators_is_data(tmp_path, jsonl, kind):
    rows = [{**row, "answer": ("reject", "pay")[n % 2]} for n, row in enumerate(records(4))]
    pd.DataFrame(rows).to_parquet(tmp_path / "data.parquet")
    path = jsonl(rows) if kind == "jsonl" else str(tmp_path / "data.parquet")
    assert len(read_labelled(path)) == 4
    assert read_labelled(path, label="answer").names == ["pay", "reject"]
    rows = [{**row, "_task_hash": 1} for row in rows]
    assert read_labelled(jsonl(rows), field="text", label="answer").names == ["pay", "reject"]


@pytest.mark.parametrize("answer", [pd.NA, np.array([1, 2]), ["reject"], None])
def test_an_answer_may_be_anything(answer):
    rows = [{**row, "answer": answer, "_task_hash": 1} for row in records(4)]
    assert len(list(TextSource(rows, field="text", labelled=True))) == 4


def test_repeated_texts_are_taken_once_and_counted(jsonl):
    rows = [*records(), records()[0], {"text": "Text number 1.", "label": "cat"}]
    found = read_labelled(jsonl(rows))
    assert len(found) == 40
    assert found.left_out == [
        ("repeated in the data, taken once", 1),
        ("repeated with another label: its first label taken", 1),
    ]
    assert found.labels[1] == 1


def test_training_texts_that_stand_in_the_test_are_left_out_of_training(jsonl):
    data, test = jsonl(records()), jsonl(records(10), "test.jsonl")
    found = read_labelled(data, test=test)
    assert dict(found.left_out) == {"in training and test data: left out of training": 10}
    drawn = samples(found, seeds=2)
    assert drawn.train.shape == (2, 30)
    assert drawn.test.shape == (2, 10)
    assert found.given_test is not None
    assert found.given_test[drawn.test].all()
    assert not found.given_test[drawn.train].any()


def test_a_class_of_the_test_without_training_texts_is_named(jsonl):
    test = jsonl([{"text": "new", "label": "bird"}], "test.jsonl")
    with pytest.raises(UserError, match="no training text has the class 'bird'"):
        read_labelled(jsonl(records()), test=test)


def test_samples_are_balanced_disjoint_and_given_by_the_seed(jsonl):
    data = read_labelled(jsonl(records(200, ("a", "b", "b", "c"))))
    drawn = samples(data, seeds=3, train=20, test=10)
    for train, test in zip(drawn.train, drawn.test, strict=True):
        assert np.bincount(data.labels[train]).tolist() == [20, 20, 20]
        assert np.bincount(data.labels[test]).tolist() == [10, 10, 10]
        assert not set(train) & set(test)
    assert not np.array_equal(drawn.train[0], drawn.train[1])
    again = samples(data, seeds=1, train=20, test=10)
    np.testing.assert_array_equal(again.train[0], drawn.train[0])


def test_without_sizes_a_fifth_of_each_class_is_for_the_test(jsonl):
    data = read_labelled(jsonl(records(200, ("a", "b", "b", "c"))))
    drawn = samples(data, seeds=2)
    assert np.bincount(data.labels[drawn.test[0]]).tolist() == [10, 20, 10]
    assert sorted([*drawn.train[1], *drawn.test[1]]) == list(range(200))


def test_a_class_with_too_few_texts_is_named(jsonl):
    data = read_labelled(jsonl([*records(), {"text": "alone", "label": "emu"}]))
    with pytest.raises(UserError, match=r"class 'emu' has 1 text, and one is needed"):
        samples(data, seeds=1, train=10, test=5)
    with pytest.raises(UserError, match="delete its records, or give them another class"):
        samples(data, seeds=1)
    others = jsonl([{"text": f"new {x}", "label": x} for x in ("cat", "dog")], "test.jsonl")
    data = read_labelled(jsonl([*records(), {"text": "one", "label": "emu"}]), test=others)
    with pytest.raises(UserError, match="'emu' has 0 test texts, 1 asked for: add some, or leave"):
        samples(data, seeds=1, train=1, test=1)


def test_a_preset_takes_what_a_class_has_and_says_so(jsonl):
    data = read_labelled(
        jsonl([*records(), *[{"text": f"e {i}", "label": "emu"} for i in range(9)]])
    )
    drawn = samples(data, seeds=2, train=15, test=5, at_most=True)
    assert np.bincount(data.labels[drawn.train[1]]).tolist() == [15, 15, 4]
    assert np.bincount(data.labels[drawn.test[1]]).tolist() == [5, 5, 5]
    assert drawn.short == {"emu": 4}
    with pytest.raises(UserError, match=r"class 'emu' has 9 texts, 10 asked for \(1 to train"):
        samples(data, seeds=1, train=15, test=9, at_most=True)


def test_of_label_and_class_the_one_with_names_is_the_label(jsonl):
    rows = [{"label": i % 2, "class": "ab"[i % 2], "text": f"t {i}"} for i in range(8)]
    assert read_labelled(jsonl(rows)).names == ["a", "b"]
    assert read_labelled(jsonl(rows), label="label").names == ["0", "1"]


RECORD = {
    "tokens": ["The", "Cape", "Bridge", "crosses", " ", "the", "River", "."],
    "h": ["cape bridge", "Q1", [[1, 2]]],
    "t": ["river", "Q2", [[6]]],
}


def test_fewrel_is_read_in_its_own_format_and_line_by_line(tmp_path, jsonl):
    other = {**RECORD, "tokens": ["Another", *RECORD["tokens"][1:]]}
    (tmp_path / "val.json").write_text(json.dumps({"P1": [RECORD], "P2": [other]}), "utf-8")
    (tmp_path / "pid2name.json").write_text(json.dumps({"P1": ["crosses", "..."]}), "utf-8")
    found = read_labelled(str(tmp_path / "val.json"), preset="fewrel")
    assert found.texts[0] == "The Cape Bridge crosses the River ."
    assert found.names == ["P2", "crosses"]
    lines = jsonl([{**RECORD, "pid": "P1"}, {**other, "pid": "P2", "relation": "P2"}], "v.jsonl")
    assert read_labelled(lines, preset="fewrel").names == ["P2", "crosses"]


def test_fewrel_is_read_over_several_lines_too(tmp_path):
    record = {"tokens": ["a", "b"], "h": ["a", "Q1", [[0]]], "t": ["b", "Q2", [[1]]]}
    content = {"P1": [record], "P2": [record]}
    path = tmp_path / "val.json"
    path.write_text("\n" + json.dumps(content, indent=2) + "\n", "utf-8")
    assert [one["label"] for one in FewRel(path) if not isinstance(one, str)] == ["P1", "P2"]
    path.write_text(json.dumps(content, indent=2)[:-9], "utf-8")
    with pytest.raises(UserError, match="is not valid JSON"):
        list(FewRel(path))


def test_fewrels_entities_can_be_marked(tmp_path, jsonl):
    line = jsonl([{**RECORD, "pid": "P1"}])
    (found,) = FewRel(line, markers=True)
    assert isinstance(found, dict)
    assert found["text"] == "The $ Cape Bridge $ crosses the # River # ."
    assert marked(["a"], {"h": [0], "t": [0]}) == ["$", "#", "a", "#", "$"]
    bad = jsonl([{"tokens": ["a"], "h": [], "t": [], "pid": "P1"}])
    with pytest.raises(UserError, match="no positions of its entities"):
        list(TextSource(FewRel(bad, markers=True), field="text", label="label"))


def test_markers_need_fewrels_records(jsonl):
    with pytest.raises(UserError, match="only FewRel's records"):
        read_labelled(jsonl(records()), markers=True)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "{nonsense", "is not valid JSON"),
        ("a.json", "[1, 2]", "expected tokens, h and t"),
        ("a.csv", "x,y", "expected FewRel's records"),
        ("a.json", '{"P1": [{"tokens": "a"}]}', "expected tokens, a list of strings"),
    ],
)
def test_other_files_than_fewrels_are_refused(tmp_path, name, content, said):
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(UserError, match=said):
        read_labelled(str(tmp_path / name), preset="fewrel")


def files(folder, **contents):
    for name, content in contents.items():
        path = folder / name.replace("__", "/").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return folder


def test_folders_of_text_files_are_classes(tmp_path):
    files(tmp_path, pos__0_txt="good", pos__1_txt="fine", neg__0_txt="bad", neg__sub__1_txt="dull")
    (tmp_path / "urls.txt").write_text("loose", "utf-8")
    found = read_labelled(str(tmp_path))
    assert found.names == ["neg", "pos"]
    assert {t: found.names[c] for t, c in zip(found.texts, found.labels, strict=True)} == {
        "good": "pos", "fine": "pos", "bad": "neg", "dull": "neg",
    }  # fmt: skip
    assert [s.name for s in found.skipped] == ["urls.txt"]


def test_folders_of_splits_are_no_classes(tmp_path):
    files(tmp_path, train__pos__0_txt="a", train__neg__0_txt="b", test__pos__0_txt="c")
    with pytest.raises(UserError, match="folders test and train are splits, not classes"):
        read_labelled(str(tmp_path))
    assert read_labelled(str(tmp_path / "train")).names == ["neg", "pos"]


def test_text_files_beside_records_are_no_class(tmp_path, jsonl):
    jsonl(records(), "train.jsonl")
    (tmp_path / "README.md").write_text("About the data.", "utf-8")
    files(tmp_path, docs__notes_txt="More.")
    found = read_labelled(str(tmp_path))
    assert found.names == ["cat", "dog"]
    assert [s.name for s in found.skipped] == ["README.md", "docs/notes.txt"]
    assert all("without a label" in s.reason for s in found.skipped)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["Cafe\u0301", "Caf\u00e9", " Caf\u00e9 ", "Bar"], ["Bar", "Caf\u00e9"]),
        ([1, 1.0, "1", "1.0", 2], ["1", "2"]),
        ([True, "true", "TRUE", False], ["False", "True"]),
        (["007", "7", "-1.00"], ["-1", "007", "7"]),
    ],
)
def test_one_class_is_one_class_however_it_is_written(jsonl, labels, names):
    rows = [{"text": f"t {n}", "label": label} for n, label in enumerate(labels)]
    found = read_labelled(jsonl(rows))
    assert sorted(found.names) == sorted(names)


def test_labels_inside_objects_are_named_with_a_dot(jsonl):
    rows = [{"data": {"text": f"t{n}"}, "meta": {"kind": "xy"[n % 2]}} for n in range(4)]
    found = read_labelled(jsonl(rows), field="data.text", label="meta.kind")
    assert (found.texts, found.names) == (["t0", "t1", "t2", "t3"], ["x", "y"])
    with pytest.raises(UserError, match=r"has no field 'meta\.no' for the label; it has 'data'"):
        read_labelled(jsonl(rows), field="data.text", label="meta.no")


def test_texts_that_differ_in_white_space_alone_are_one_text(jsonl):
    rows = [*records(), {"text": " Text  number\n0.", "label": "cat"}]
    found = read_labelled(jsonl(rows))
    assert len(found) == 40
    assert found.left_out == [("repeated in the data, taken once", 1)]


def test_one_class_and_too_few_texts_say_what_was_left_out_and_why(tmp_path, jsonl):
    path = tmp_path / "latin1.csv"
    path.write_bytes(b"text;label\nsch\xf6n;pos\nplain;neg\nother;neg\n")
    with pytest.raises(
        UserError, match=r"one class, 'neg'.*1 record skipped; first, latin1.csv:1: is not UTF-8"
    ):
        read_labelled(str(path))
    rows = [*records(4), {"text": "", "label": "cat"}, records(4)[0]]
    with pytest.raises(UserError, match=r"class 'cat' has 2 texts.*1 record skipped.*1 repeated"):
        samples(read_labelled(jsonl(rows)), seeds=1, train=5, test=5)


def test_labels_that_look_the_same_are_one_class_and_nan_is_none(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,neg\nb,neg\u200b\nc,\u00a0pos\nd,nan\ne,NaN\nf,None\n", "utf-8")
    found = read_labelled(str(path))
    assert found.names == ["None", "neg", "pos"]  # the word None may be a class; nan never is
    assert found.labels.tolist() == [1, 1, 2, 0]
    assert found.skipped_count == 2


@pytest.mark.parametrize("names", [
    ("train.csv", "test.csv"), ("train-0.csv", "validation-0.csv"), ("train.csv", "dev.csv"),
    ("imdb_train.csv", "imdb_eval.csv"), ("data.train.csv", "data.holdout.csv"),
])  # fmt: skip
def test_files_that_are_splits_are_not_mixed(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("text,label\na,x\nb,y\n")
    with pytest.raises(UserError, match=r"its files .* are splits; give the one to train on"):
        read_labelled(str(tmp_path))
    assert len(list(TextSource(tmp_path))) == 4  # without labels they are texts
    with ZipFile(tmp_path.with_suffix(".zip"), "w") as archive:
        for name in names:
            archive.write(tmp_path / name, f"data/{name}")
    with pytest.raises(UserError, match=r"its files .* are splits; give the one to train on"):
        read_labelled(str(tmp_path.with_suffix(".zip")))


@pytest.mark.parametrize("deep", ["", "data/"])
def test_tables_in_folders_of_splits_are_not_mixed(tmp_path, deep):
    names = [f"{deep}train/0000.csv", f"{deep}test/0000.csv"]
    with ZipFile(tmp_path / "both.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "text,label\na,x\nb,y\n")
            file = tmp_path / "folder" / name
            file.parent.mkdir(parents=True)
            file.write_text("text,label\na,x\nb,y\n")
    for place in ("folder", "both.zip"):
        with pytest.raises(UserError, match=r"its files .* are splits; give the one to train on"):
            read_labelled(tmp_path / place)


def test_files_of_other_names_are_no_splits(tmp_path):
    for name in ("train.csv", "tram.csv", "developer.csv"):
        (tmp_path / name).write_text(f"text,label\n{name} a,x\n{name} b,y\n")
    assert len(read_labelled(str(tmp_path))) == 6


def test_what_has_no_label_is_left_out_whatever_it_comes_as(tmp_path):
    write_rows = "text,label\na,Film\nb,Village\n"
    (tmp_path / "data.csv").write_text(write_rows)
    (tmp_path / "talk.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello there.\n")
    found = read_labelled(str(tmp_path))
    assert found.names == ["Film", "Village"]
    assert [(one.name, one.reason.split(";")[0]) for one in found.skipped] == [
        ("talk.srt", "is a text without a label")
    ]
    records = [{"text": "a", "label": "Film"}, {"text": "b", "label": "Village"}, "a string"]
    assert read_labelled(records).names == ["Film", "Village"]
    with pytest.raises(UserError, match="expected a record such as"):
        read_labelled(["one", "two"])


def test_transcripts_in_class_folders_are_texts_of_classes(tmp_path):
    for name in ("news", "sport"):
        (tmp_path / name).mkdir()
        words = f"1\n00:00:01,000 --> 00:00:02,000\nOf {name}.\n"
        (tmp_path / name / "one.srt").write_text(words)
    found = read_labelled(str(tmp_path))
    assert found.names == ["news", "sport"]


def test_the_columns_are_chosen_by_the_first_records_together(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("review,user,label\n1984,7,x\nA fine book.,ann,y\nDull.,8,x\nOld.,9,y\n")
    assert read_labelled(str(table)).texts == ["1984", "A fine book.", "Dull.", "Old."]
    table.write_text("review,user,label\n1984,ann,x\nA fine book.,bob,y\nDull.,eve,x\n")
    with pytest.raises(UserError, match="no field that is clearly the text"):
        read_labelled(str(table))
    lines = tmp_path / "a.jsonl"
    rows = [{"review": None, "user": 3}, {"review": "Fine.", "user": 4}]
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = TextSource(lines)
    assert [one.text for one in source] == ["Fine."]
    assert source.columns == [("review",)]


def test_files_with_columns_of_their_own_are_said(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,x\nb,y\n")
    (tmp_path / "b.csv").write_text("text,sentiment\nc,x\nd,y\n")
    found = read_labelled(str(tmp_path))
    assert list(found.columns) == [("text", "label"), ("text", "sentiment")]
    assert columns_note(found.columns).count("'text'") == 2
    assert "other fields in some files" in columns_note(found.columns)


def test_the_unlabelled_folder_of_the_imdb_reviews_is_no_class(tmp_path):
    for folder in ("neg", "pos", "unsup"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0_1.txt").write_text(f"A review of {folder}.")
    found = read_labelled(str(tmp_path))
    assert found.names == ["neg", "pos"]
    assert [one.name for one in found.skipped] == ["unsup/0_1.txt"]


def test_what_lies_beside_a_table_without_a_label_is_no_class(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,pos\nb,neg\n")
    (tmp_path / "README.md").write_text("# The data")
    (tmp_path / "NOTES.txt").write_text("Notes.")
    found = read_labelled(str(tmp_path))
    assert (found.texts, found.names) == (["a", "b"], ["neg", "pos"])
    assert [one.name for one in found.skipped] == ["NOTES.txt", "README.md"]


def test_fields_inside_objects_hold_the_text_and_the_label(jsonl):
    rows = [{"data": {"text": t}, "meta": {"label": c}} for t, c in (("a", "x"), ("b", "y"))]
    found = read_labelled(jsonl(rows), field="data.text", label="meta.label")
    assert (found.texts, found.names) == (["a", "b"], ["x", "y"])
    with pytest.raises(UserError, match=r"has no field 'meta\.other' for the label; it has"):
        read_labelled(jsonl(rows), field="data.text", label="meta.other")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_true_and_false_are_classes_in_every_format(tmp_path, suffix):
    frame = pd.DataFrame({"text": ["a", "b"], "label": [True, False]})
    path = tmp_path / f"data{suffix}"
    if suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    found = read_labelled(str(path))
    assert (found.names, found.labels.tolist()) == (["False", "True"], [1, 0])


def test_one_class_alone_says_what_was_left_out_and_why(tmp_path):
    (tmp_path / "a.csv").write_bytes("text,label\nsch\u00f6n,pos\nbad,neg\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"one class, 'neg'.*1 record skipped.*is not UTF-8"):
        read_labelled(str(tmp_path / "a.csv"))

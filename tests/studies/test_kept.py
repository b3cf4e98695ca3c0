"""A step's key misses nothing that its figures depend on; what is kept is whole or made again."""

import json
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
import transformers as tr
from another import another
from another import changed as steps_changed

from blocklens.distributed import Share
from blocklens.encoder.trunk import Encoder
from blocklens.inputs import sentence_choice
from blocklens.inputs.texts import TextSource
from blocklens.studies import heads_part, tokens_part, work
from blocklens.studies.kept import keep, place_of, read_kept, step_key
from blocklens.studies.part import Part, Result, Step
from blocklens.studies.runner import StudyRun
from blocklens.studies.study_options import StudyOptions
from blocklens.studies.work import StudyInputs, Work
from helpers import SMALL, random_texts, small_tokenizer

TEXTS = random_texts(24, seed=5)


@pytest.fixture
def model(tmp_path):
    """A model folder with a masked-LM head and a tokenizer."""
    torch.manual_seed(0)
    config = tr.BertConfig.from_dict({**SMALL, "num_hidden_layers": 2})
    tr.BertForMaskedLM(config).save_pretrained(tmp_path / "model")
    small_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def keys(model, options=None, texts=TEXTS):
    """The key of every step of the heads and of what was learned."""
    encoder, source = Encoder.load(model), TextSource(texts)
    given = options or StudyOptions()
    return keys_of(Work(encoder, source, given, StudyInputs.of(source, encoder), Share(), model))


def keys_of(given):
    """The same, of an encoder and texts that were read."""
    parts = [heads_part.heads_part(given), tokens_part.learned_part(given)]
    return {(part.name, step.name): step_key(part, step) for part in parts for step in part.steps}


def changed(before, after):
    """Parts of which a step that both have has another key."""
    return {part for part, _ in steps_changed(before, after)}


IRRELEVANT = {
    "parts": "which parts are measured, not how",
    "classes": "another part's",
    "untrained": "how many twins there are",
    "shuffled": "whether there is that control",
    "examples": "what is shown of the first texts",
}


def test_every_option_of_a_study_changes_the_keys_of_what_depends_on_it(model, monkeypatch):
    encoder, source, options = Encoder.load(model), TextSource(TEXTS), StudyOptions()
    inputs = StudyInputs.of(source, encoder)
    monkeypatch.setattr(work, "own_head_digest", lambda name: "a head")

    def of(given):
        return keys_of(Work(encoder, source, given, inputs, Share(), model))

    before = of(options)
    resolved = options.model_copy(update={"unit": "text"})  # there are enough of them
    assert of(resolved) == before
    for name in set(StudyOptions.model_fields) - {*IRRELEVANT, "heads", "learned"}:
        assert "heads" in changed(before, of(another(resolved, name))), name
    for name in IRRELEVANT.keys() - {"parts", "classes"}:
        assert not changed(before, of(another(options, name))), name
    for part in ("heads", "learned"):
        own = getattr(options, part)
        for name in type(own).model_fields:
            after = of(options.model_copy(update={part: another(own, name)}))
            if (part, name) != ("learned", "untrained"):  # how many twins there are
                assert changed(before, after) == {part}, name


def test_the_window_that_is_used_is_in_the_key_however_it_was_chosen(model):
    longest = Encoder.load(model).max_tokens
    given = StudyOptions(window=longest, overlap=longest // 8)
    assert keys(model) == keys(model, given)


def edit(file, **changes):
    said = json.loads(file.read_text())
    file.write_text(json.dumps({**said, **changes}))


def reweigh(folder, name):
    """Change one tensor of the weights."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights[name] = weights[name] + 0.01
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


EDITS = {
    "trunk": lambda f: reweigh(f, "bert.encoder.layer.1.output.dense.bias"),
    "epsilon": lambda f: edit(f / "config.json", layer_norm_eps=1e-3),
    "longest input": lambda f: edit(f / "tokenizer_config.json", model_max_length=17),
    "mask token": lambda f: edit(f / "tokenizer_config.json", mask_token="z"),
    "separator": lambda f: edit(f / "tokenizer_config.json", sep_token="y"),
    "masked-LM head": lambda f: reweigh(f, "cls.predictions.transform.dense.bias"),
}


@pytest.mark.parametrize("what", EDITS)
def test_whatever_changes_in_the_model_folder_changes_the_keys(model, what):
    before = keys(model)
    EDITS[what](model)
    # The heads use no masked-LM head.
    expected = {"learned"} if what == "masked-LM head" else {"heads", "learned"}
    assert changed(before, keys(model)) == expected


def test_untrained_twins_do_not_depend_on_the_weights_but_on_all_else(model):
    before = keys(model)
    twins = {step for step in before if step[1].startswith("untrained")}
    assert len(twins) > 10
    for what in ("trunk", "masked-LM head"):
        EDITS[what](model)
        assert not steps_changed(before, keys(model)) & twins, what
    for what in ("epsilon", "longest input", "separator"):
        before = keys(model)
        EDITS[what](model)
        assert steps_changed(before, keys(model)) >= twins, what


def test_other_texts_or_another_order_change_the_keys(model):
    before = keys(model)
    for texts in (TEXTS[:-1], TEXTS[::-1]):
        assert changed(before, keys(model, texts=texts)) == {"heads", "learned"}


def test_another_body_of_a_function_that_splits_changes_the_keys_of_heads(model, monkeypatch):
    module = SimpleNamespace(split=lambda text: [(0, len(text))])
    monkeypatch.setitem(sys.modules, "my_splitter", module)
    monkeypatch.setattr(sentence_choice, "_function", lambda name: module.split)
    given = StudyOptions(sentences="my_splitter:split")
    before = keys(model, given)
    assert keys(model, given) == before
    module.split = lambda text: [(0, 1), (1, len(text))]
    assert changed(before, keys(model, given)) == {"heads"}


def test_a_raised_version_of_the_formulas_changes_the_keys(model, monkeypatch):
    before = keys(model)
    monkeypatch.setattr(heads_part, "VERSION", heads_part.VERSION + 1)
    assert changed(before, keys(model)) == {"heads"}


def test_what_a_step_uses_must_be_the_same_every_time_it_is_written_down():
    step = Step("encoder", {"of": object()}, lambda progress: None)
    with pytest.raises(TypeError, match="cannot be part of a step's key"):
        step_key(Part("heads", 1, [step]), step)


@pytest.fixture
def kept(tmp_path):
    """A result of two tables and a folder beside them."""
    step = Step("untrained 0", {"seed": 0}, lambda progress: None, keeps="model")
    part = Part("heads", 1, [step])
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"123")
    tables = {"a": pd.DataFrame({"run": ["x"]}), "b": pd.DataFrame({"n": [1, 2]})}
    keep(Result(tables, {"texts": 3}), part, step, tmp_path)
    return part, step, tmp_path


def test_a_result_is_read_as_it_was_kept_and_under_its_key_alone(kept):
    part, step, folder = kept
    found = read_kept(part, step, folder)
    assert found is not None
    assert found.facts == {"texts": 3}
    assert found.tables["b"]["n"].tolist() == [1, 2]
    other = Step(step.name, {"seed": 1}, step.measure, keeps="model")
    assert read_kept(part, other, folder) is None
    assert read_kept(Part("heads", 2, [step]), step, folder) is None


@pytest.mark.parametrize("damage", ["gone", "empty", "changed", "a folder"])
@pytest.mark.parametrize("name", ["result.json", "a.parquet", "b.parquet", "weights"])
def test_a_result_with_a_damaged_file_is_measured_again(kept, name, damage):
    part, step, folder = kept
    file = (folder / "model" if name == "weights" else place_of(part, step, folder)) / name
    data = file.read_bytes()
    file.unlink()
    if damage == "a folder":
        file.mkdir()
    elif damage != "gone":
        file.write_bytes(b"" if damage == "empty" else data.replace(b"3", b"4"))
    if data.replace(b"3", b"4") == data and damage == "changed":
        file.write_bytes(data + b" \x00")
    assert read_kept(part, step, folder) is None


def test_tables_that_a_step_no_longer_gives_are_not_read_as_its_own(kept):
    part, step, folder = kept
    keep(Result({"a": pd.DataFrame({"run": ["y"]})}, {}), part, step, folder)
    found = read_kept(part, step, folder)
    assert found is not None
    assert set(found.tables) == {"a"}


@pytest.mark.parametrize(("alone", "measures"), [(False, [True, True]), (True, [True, False])])
def test_a_step_that_keeps_a_model_is_measured_by_all_or_by_the_first_alone(
    alone, measures, tmp_path, monkeypatch
):
    """A process that leaves out what the others do together keeps them waiting for ever."""
    for name in ("gather", "wait"):
        monkeypatch.setattr(Share, name, lambda self, *_: None)
    for rank, expected in enumerate(measures):
        asked = []

        def measure(_, asked=asked):
            asked.append(True)

        step = Step("training", {}, measure, keeps="model", alone=alone)
        share = Share(rank, 2)
        monkeypatch.setattr(Share, "same", lambda self, value: ["training"])
        with StudyRun(tmp_path / f"{alone} {rank}", "sizes", share=share) as run:
            run.measure(Part("part", 1, [step]))
        assert bool(asked) == expected


class Counters:
    """A store of one process group, which outlives a study."""

    def __init__(self):
        self.counts = {}

    def add(self, name, number):
        self.counts[name] = self.counts.get(name, 0) + number
        return self.counts[name]


def test_every_study_of_a_process_group_measures_its_own_steps(tmp_path, monkeypatch):
    """Whoever is free takes a step: once a study, not once as long as the processes live."""
    monkeypatch.setattr(Share, "gather", lambda self, value: [value])
    monkeypatch.setattr(Share, "same", lambda self, value: value)
    monkeypatch.setattr(Share, "wait", lambda self: None)
    asked = []
    step = Step("a", {}, lambda _: asked.append(True) or Result({}, {}), alone=True)
    share = Share(0, 2, Counters())
    for place in ("one", "two"):
        with StudyRun(tmp_path / place, "finetune", share=share) as run:
            assert set(run.measure(Part("part", 1, [step])).results) == {"a"}
            again = Part("part", 2, [step])  # the same step once more, of another version
            assert set(run.measure(again).results) == {"a"}
    assert len(asked) == 4

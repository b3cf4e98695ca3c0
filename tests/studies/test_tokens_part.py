"""The learned part of a study: read-outs, untrained twin and lens, side by side."""

import json

import pytest
import transformers as tr

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource
from blocklens.readouts import label_samples
from blocklens.studies import tokens_part
from blocklens.studies.study import study
from blocklens.studies.study_options import LearnedOptions, StudyOptions
from helpers import random_texts, small_tokenizer

TEXTS = random_texts(60, seed=5)


def saved(folder, kind):
    tokenizer = small_tokenizer()
    config = tr.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    kind(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Encoder.load(folder)


def run(folder, encoder, **learned):
    options = StudyOptions(
        parts=("learned",), learned=LearnedOptions(modified=500, untrained=2, **learned)
    )
    found = study(TextSource(TEXTS), encoder, folder, options=options, report=False)
    said = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    return found.table("learning"), " ".join(said["notes"])


def occurrences(table):
    """Modified tokens that each run was measured on."""
    rows = table[table["statistic"].eq("accuracy") & table["block"].notna()]
    return rows.groupby("run")["n"].unique().map(list).to_dict()


def test_the_lens_is_measured_on_the_texts_that_the_read_outs_are_measured_on(tmp_path):
    encoder = saved(tmp_path / "bert", tr.BertForMaskedLM)
    table, notes = run(tmp_path / "study", encoder)
    found = occurrences(table)
    assert set(found) == {"encoder", "untrained 0", "untrained 1", "lens"}
    assert found["encoder"][0] >= 500  # the texts are gone through until there are so many
    assert found["encoder"] == found["untrained 0"] == found["lens"]
    assert "from its own masked-LM head on" in notes
    alone = occurrences(run(tmp_path / "alone", encoder, read_out="lens")[0])
    assert alone["encoder"][0] > found["encoder"][0]  # nothing to train: all texts are measured


def test_a_wide_vocabulary_is_said_to_be_sampled_and_no_other(tmp_path, monkeypatch):
    encoder = saved(tmp_path / "bert", tr.BertModel)
    _, narrow = run(tmp_path / "study", encoder)
    assert "one in 8 of the others" not in narrow
    for module in (label_samples, tokens_part):
        monkeypatch.setattr(module, "ALL_UP_TO", 4)
    _, wide = run(tmp_path / "wide", encoder)
    assert "one in 8 of the others (ours)" in wide


def test_an_encoder_without_a_head_has_read_outs_from_new_heads_and_says_why_no_lens(tmp_path):
    encoder = saved(tmp_path / "bert", tr.BertModel)
    table, notes = run(tmp_path / "study", encoder)
    assert set(occurrences(table)) == {"encoder", "untrained 0", "untrained 1"}
    assert "from a new head on" in notes
    assert "(lens): it came with none" in notes
    with pytest.raises(UserError, match="no masked-LM head"):
        run(tmp_path / "alone", encoder, read_out="lens")

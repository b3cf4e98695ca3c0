"""Text classes are measured by the code of images: every figure is a slow count's."""

import numpy as np
import pytest
import torch
from transformers import BertForMaskedLM

from blocklens.confidence.input_apt import (
    KeptAnswers,
    answers_of,
    input_apt_tables,
    measure_input_apt,
    read_out_answers,
)
from blocklens.inputs.class_samples import Samples
from blocklens.inputs.labelled_texts import LabelledTexts
from blocklens.labels.tables import MEAN
from blocklens.readouts.block_outputs import tokenised
from blocklens.readouts.class_heads import ClassTraining
from blocklens.readouts.text_task import (
    ClassTexts,
    TextReadOuts,
    measure_text_classes,
    measure_truncated,
    text_outputs,
)
from blocklens.readouts.tfidf import measure_tfidf
from blocklens.readouts.token_settings import TokenTaskOptions
from blocklens.readouts.token_task import count_predictions, measure_learning
from blocklens.readouts.tuning_options import FineTuning
from blocklens.readouts.vocabulary_heads import split_head
from helpers import WORDS, small_encoder

QUICK = TextReadOuts(
    training=ClassTraining(least_steps=60), tuning=FineTuning(epochs=2, batch=8, rate=3e-3)
)
NAMES = ["begins", "middle", "ends"]


def three_thirds(count=120, seed=0) -> ClassTexts:
    """Texts of letters of the first, the middle or the last third of the alphabet."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    texts = [
        " ".join(rng.choice(WORDS[9 * k : 9 * k + 9], rng.integers(4, 9))) + " ." for k in labels
    ]
    order = np.stack([rng.permutation(count) for _ in range(2)])
    return ClassTexts(
        labels, rng.integers(0, 1 << 60, count), NAMES, order[:, :80], order[:, 80:], texts
    )


DATA = three_thirds()


def test_accuracy_and_confusion_are_those_of_a_slow_count():
    encoder = small_encoder()
    found = measure_text_classes(encoder, DATA, options=QUICK)
    assert found.heads is not None
    outputs = text_outputs(encoder, tokenised(encoder, DATA.texts), "first")
    predicted = found.heads.probabilities(outputs, DATA.test).argmax(axis=-1)
    right = predicted == DATA.labels[DATA.test]
    rows = found.tables["learning"].query("statistic == 'accuracy'")
    assert rows["value"].to_numpy() == pytest.approx(right.mean(axis=(1, 2)))
    confusion = found.tables["confusion"].query("block == 4")
    for true in range(3):
        for other in range(3):
            count = int(((DATA.labels[DATA.test] == true) & (predicted[4] == other)).sum())
            cell = confusion[(confusion["true"] == true) & (confusion["predicted"] == other)]
            assert cell["count"].sum() == count
    assert found.probabilities.shape == (2, 40, 3)
    assert found.tables["advice"]["block"].tolist() == [0, 1, 2, 3, 4]
    assert rows["value"].iloc[0] < 0.5 < rows["value"].iloc[1:].max()  # [CLS] has seen nothing at 0


def test_random_classes_are_harder_than_those_that_a_text_shows():
    """Their read-outs are trained alike, and are right no more often than a guess or a lookup."""
    learning = measure_text_classes(small_encoder(), DATA, options=QUICK).tables["learning"]
    rows = learning[learning["block"] > 0].set_index("statistic")
    assert (rows.loc["selectivity", "value"] > 0.1).all()
    assert (rows.loc["control accuracy", "value"] < rows.loc["accuracy", "value"].min()).all()
    assert rows.loc["selectivity", "n"].eq(40).all()  # of the first seed


def test_an_untrained_twin_has_tables_of_its_own_run_and_no_advice():
    found = measure_text_classes(small_encoder().untrained(0), DATA, run="untrained 0",
                                 options=QUICK)  # fmt: skip
    assert set(found.tables["learning"]["run"]) == {"untrained 0"}
    assert "advice" not in found.tables


def test_fine_tuned_classifiers_are_counted_by_block_and_the_last_one_is_looked_at():
    encoder = small_encoder()
    seen = []
    found = measure_truncated(
        encoder, DATA, blocks=[2, 4], options=QUICK,
        each=lambda model, block, seed: seen.append((model.config.num_hidden_layers, block, seed)),
    )  # fmt: skip
    assert seen == [(2, 2, 0), (2, 2, 1), (4, 4, 0), (4, 4, 1)]
    learning = found.tables["learning"]
    assert sorted(set(learning["block"].dropna())) == [2, 4]
    assert set(learning["read_out"]) == {"truncate"}
    slopes = learning[learning["statistic"].str.contains("slope")]
    assert set(slopes["statistic"]) == {"accuracy slope from block 1", f"{MEAN} slope from block 1"}
    right = found.probabilities.argmax(axis=-1) == DATA.labels[DATA.test]
    last = learning.query("statistic == 'accuracy' and block == 4")["value"].iloc[0]
    assert last == pytest.approx(right.mean())
    assert last > 0.8
    assert found.tables["advice"]["block"].tolist() == [2, 4]


def test_only_the_texts_that_a_seed_uses_are_kept():
    texts = [f"text {i}" for i in range(10)]
    labels = np.arange(10) % 2
    data = LabelledTexts(texts, labels, ["a", "b"], np.arange(10), None, [], [], "here")
    drawn = Samples(np.array([[1, 7], [7, 4]]), np.array([[4], [9]]))
    found = ClassTexts.of(data, drawn)
    assert found.texts == ["text 1", "text 4", "text 7", "text 9"]
    assert found.train.tolist() == [[0, 2], [2, 1]]
    assert found.test.tolist() == [[1], [3]]
    assert found.tested().tolist() == [[False, True, False, False], [False, False, False, True]]


def test_tf_idf_solves_classes_of_words_and_not_random_ones():
    words = ("river", "bridge", "lake"), ("song", "album", "band"), ("goal", "team", "match")
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words[k % 3], 5)) for k in range(90)]
    order = np.stack([rng.permutation(90) for _ in range(2)])
    given = {"keys": np.arange(90), "names": NAMES, "train": order[:, :60], "test": order[:, 60:]}
    found = measure_tfidf(ClassTexts(np.arange(90) % 3, texts=texts, **given))
    assert found.set_index("statistic").loc["accuracy", "value"] == 1
    found = measure_tfidf(ClassTexts(rng.integers(0, 3, 90), texts=texts, **given))
    assert found.set_index("statistic").loc["accuracy", "value"] < 0.6


def test_answers_of_read_outs_and_of_fine_tuned_classifiers_are_those_that_were_measured():
    encoder = small_encoder()
    inputs = measure_input_apt(encoder, DATA)
    special = set(encoder.tokenizer.all_special_ids)
    assert inputs.lengths.tolist() == [
        len([t for t in ids if t not in special]) for ids in inputs.ids
    ]
    assert inputs.read_out == "read-out"  # a random trunk brings no masked-LM head
    assert inputs.apt.shape == (3, len(DATA.texts))
    read = measure_text_classes(encoder, DATA, options=QUICK)
    answer = read_out_answers(encoder, read.heads, "first")
    every = answer(inputs.ids)
    for seed in range(2):
        np.testing.assert_allclose(every[seed][DATA.test[seed]], read.probabilities[seed],
                                   atol=1e-5)  # fmt: skip
    tables = input_apt_tables(DATA, inputs, read, answers_of(answer, inputs), tuned=False)
    rows = tables["confidence"].query("subset == 'all'").set_index("statistic")
    assert rows.loc["mean confidence", "value"] == pytest.approx(
        read.probabilities.max(axis=-1).mean(), abs=1e-6
    )
    kept = KeptAnswers(encoder, inputs, 1)
    tuned = measure_truncated(encoder, DATA, blocks=[1], options=QUICK, each=kept.look)
    before, after = kept.both()
    assert before.shape == (2, len(inputs.rows), 3)
    assert len(after) == len(inputs.replaced)
    place = {row: number for number, row in enumerate(inputs.rows)}
    for seed in range(2):
        found = before[seed][[place[row] for row in DATA.test[seed]]]
        np.testing.assert_allclose(found, tuned.probabilities[seed], atol=1e-5)


def test_predictions_of_one_head_are_those_of_the_lens_at_the_last_block():
    encoder = small_encoder()
    torch.manual_seed(1)
    head = split_head(BertForMaskedLM(encoder.config))
    with torch.no_grad():
        head.weight.normal_(0, 0.5)
    options = TokenTaskOptions(read_out="lens", tokens=64, passes=2, seed=3)
    counts, frequency, texts = count_predictions(encoder, DATA.texts, [head], options)
    lens = measure_learning(encoder, DATA.texts, head=head, options=options)
    assert (counts.matrix(0) != lens.counts.matrix(4)).nnz == 0
    assert frequency.tolist() == lens.frequency.tolist()
    assert texts == len(DATA.texts)

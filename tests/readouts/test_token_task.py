import json

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as tr
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.labels.tables import MEAN
from blocklens.progress import Progress, Stage
from blocklens.readouts.modified_tokens import modified_batches, recipe_for, rows_of_blocks
from blocklens.readouts.token_task import measure_learning
from blocklens.readouts.vocabulary_heads import own_head
from blocklens.readouts.vocabulary_training import HeadTraining

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [f"w{i}" for i in range(27)]


def word_tokenizer():
    vocabulary = {word: i for i, word in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tr.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
    )


def identity_model():
    """A BERT whose every block returns its input: the token's own one-hot vector.

    Its head scores each token by its own vector, [MASK] by a fixed favourite, w0.
    """
    size = 32
    config = tr.BertConfig(
        vocab_size=size,
        hidden_size=size,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=32,
        pad_token_id=0,
    )
    model = tr.BertForMaskedLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if "LayerNorm.weight" in name else 0.0)
        model.bert.embeddings.word_embeddings.weight.copy_(torch.eye(size))
        model.cls.predictions.transform.dense.weight.copy_(torch.eye(size))
        model.cls.predictions.transform.dense.weight[5] += torch.eye(size)[4]  # [MASK] says w0
        model.cls.predictions.decoder.bias[4] = -100.0
        model.cls.predictions.bias[4] = -100.0
    return model


def save(model, folder):
    model.save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, 24)) for _ in range(400)]


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return save(identity_model(), tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="module")
def lens(identity, texts):
    return measure_learning(identity, texts, read_out="lens")


def statistic(found, name):
    table = found.tables["learning"]
    return table[table["statistic"] == name].set_index("block")["value"]


def test_an_encoder_that_sees_only_the_token_itself_is_right_on_unchanged_ones_alone(lens):
    assert statistic(lens, "accuracy on unchanged").tolist() == [1.0, 1.0, 1.0]
    assert statistic(lens, "accuracy on random").tolist() == [0.0, 0.0, 0.0]
    table = lens.tables["accuracy"]
    for token, row in table[table["block"] == 0].set_index("label").iterrows():
        assert row["n"] == row["masked_n"] + row["random_n"] + row["unchanged_n"]
        expected = row["unchanged_n"] + (row["masked_n"] if token == "w0" else 0)
        assert row["correct"] == expected
    assert 0.05 < statistic(lens, f"{MEAN}, top 50")[0] < 0.2
    assert statistic(lens, f"{MEAN} slope").to_list() == pytest.approx([0.0])
    # At a mask it says w0 whatever stood there: one token of all that were masked.
    masked = table.query("block == 0 and masked_n > 0")
    assert statistic(lens, f"{MEAN} on masked")[0] == pytest.approx(1 / len(masked))
    assert statistic(lens, f"{MEAN} on masked slope").to_list() == pytest.approx([0.0])


def test_its_confusions_are_the_counts_of_its_predictions(lens):
    confusion = lens.tables["confusion"]
    learning, accuracy = lens.tables["learning"], lens.tables["accuracy"]
    assert confusion.groupby("block")["count"].sum().tolist() == [lens.rows] * 3
    diagonal = confusion[confusion["true"] == confusion["predicted"]].set_index(["block", "true"])
    right = accuracy[accuracy["correct"] > 0].set_index(["block", "label_id"])["correct"]
    assert (diagonal["count"].sort_index().to_numpy() == right.sort_index().to_numpy()).all()
    # w0 alone is its own most frequent prediction: nothing to form a cluster with
    kept = learning[learning["statistic"] == "kept labels"]["value"]
    assert kept.tolist() == [1.0, 1.0, 1.0]
    assert lens.tables["clusters"].empty


def test_read_outs_learn_from_training_texts_what_a_block_holds(identity, texts):
    rng = np.random.default_rng(1)
    found = measure_learning(
        identity,
        texts,
        train_texts=[" ".join(rng.choice(WORDS, 28)) for _ in range(1500)],
        modified=3_000,
        train_tokens=20_000,
        start="fresh",
        training=HeadTraining(epochs=12, rate=5e-3, batch=128),
    )
    assert found.texts == len(texts)
    assert len(found.losses) == 12
    assert found.losses[-1][0] < found.losses[0][0]
    assert (statistic(found, "accuracy on unchanged") > 0.8).all()
    assert (statistic(found, "accuracy on masked") < 0.12).all()


def test_what_a_head_knows_already_is_selective(identity, texts):
    found = measure_learning(identity, texts, training=HeadTraining(epochs=0))
    assert (statistic(found, "control accuracy") < 0.05).all()
    known = statistic(found, "accuracy")
    assert (statistic(found, "selectivity") - known).abs().max() < 0.05
    none = measure_learning(identity, texts[:60], training=HeadTraining(epochs=0), control=0)
    assert not none.tables["learning"]["statistic"].isin(["control accuracy", "selectivity"]).any()


def test_read_outs_start_from_the_models_own_head_or_from_a_fresh_one(identity, texts, lens):
    untrained = HeadTraining(epochs=0)
    own = measure_learning(identity, texts, train_texts=texts, training=untrained)
    assert own.start == "own"
    for column in ("correct", "n"):  # a read-out that was not trained yet is the lens
        assert own.tables["accuracy"][column].tolist() == lens.tables["accuracy"][column].tolist()
    fresh = measure_learning(identity, texts, train_texts=texts, training=untrained, start="fresh")
    assert fresh.start == "fresh"
    assert (statistic(fresh, "accuracy on masked") < 0.1).all()  # no favourite at [MASK] yet
    with pytest.raises(UserError, match="expected 'own' or 'fresh'"):
        measure_learning(identity, texts, start="neither")


def test_without_training_texts_half_of_the_texts_are_measured(identity, texts):
    found = measure_learning(identity, texts, training=HeadTraining(epochs=1))
    assert 0.4 < found.texts / len(texts) < 0.6


def test_the_lens_and_the_model_itself_predict_the_same_tokens(identity, texts):
    encoder, head = Encoder.load(identity), own_head(identity)
    model = tr.AutoModelForMaskedLM.from_pretrained(identity).eval()
    for batch in modified_batches(encoder, texts[:40], recipe_for(encoder), tokens=20):
        rows = rows_of_blocks(encoder, batch)
        with torch.no_grad():
            logits = model(input_ids=batch.ids, attention_mask=batch.mask).logits
        wanted = logits[batch.positions[:, 0], batch.positions[:, 1]].argmax(-1)
        assert torch.equal(head.predict(rows[-1]), wanted)


def test_what_is_modified_does_not_depend_on_the_order_or_the_company_of_a_text(identity, texts):
    encoder = Encoder.load(identity)

    def modified(some):
        found = {}
        for batch in modified_batches(encoder, some, recipe_for(encoder), tokens=20, passes=2):
            for key, position, label, kind in zip(
                batch.keys, batch.positions[:, 1], batch.labels, batch.kinds, strict=True
            ):
                found.setdefault(int(key), set()).add((int(position), int(label), int(kind)))
        return found

    all_of_them = modified(texts)
    assert modified(texts[::-1]) == all_of_them
    some = modified(texts[5:25])
    assert some.items() <= all_of_them.items()


def test_the_share_and_the_kinds_of_modification_are_the_recipes(identity, texts):
    encoder = Encoder.load(identity)
    batches = list(modified_batches(encoder, texts, recipe_for(encoder), tokens=32, passes=3))
    kinds = np.concatenate([batch.kinds for batch in batches])
    free = sum(len(batch.tokens) for batch in batches) * 3
    assert len(kinds) / free == pytest.approx(0.15, abs=0.01)
    assert np.bincount(kinds) / len(kinds) == pytest.approx([0.8, 0.1, 0.1], abs=0.02)


def test_the_same_options_give_the_same_tables(identity, texts, lens):
    again = measure_learning(identity, texts[::-1], read_out="lens")
    for name, table in lens.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table)


def test_tables_have_the_promised_columns(lens):
    promised = {
        "learning": "block statistic value spread low high seeds_error n n_types groups seeds",
        "accuracy": "block label_id label frequency n correct value low high masked_n "
        "masked_correct random_n random_correct unchanged_n unchanged_correct",
        "frequency": "block frequency_low frequency_high value low high n n_types",
        "confusion": "block true predicted true_label predicted_label count",
        "clusters": "block labels size method theta cluster label_ids",
        "advice": "block accuracy loss low high parameters arithmetic",
    }
    for name, columns in promised.items():
        assert list(lens.tables[name].columns) == ["task", "run", "read_out", *columns.split()]
    assert {"theta", "clusters", "predictions_clusters", "partners_clusters"} <= set(
        lens.tables["cluster_sweep"].columns
    )


def test_an_encoder_without_a_masked_lm_head_has_read_outs_and_no_lens(tmp_path, texts):
    save(identity_model().bert, tmp_path)
    with pytest.raises(UserError, match="no masked-LM head"):
        measure_learning(tmp_path, texts, read_out="lens")
    found = measure_learning(tmp_path, texts[:60], training=HeadTraining(epochs=1))
    assert len(found.heads) == 3
    assert found.start == "fresh"


def test_the_untrained_twin_is_measured_by_the_same_code_with_a_fresh_head(identity, texts):
    twin = Encoder.load(identity).untrained(0)
    found = measure_learning(twin, texts[:100], training=HeadTraining(epochs=1), run="untrained 0")
    assert found.tables["learning"]["run"].unique().tolist() == ["untrained 0"]
    with pytest.raises(UserError, match="no masked-LM head"):
        measure_learning(twin, texts[:100], read_out="lens")


def test_mistakes_are_named(identity, texts, tmp_path):
    with pytest.raises(UserError, match="no option 'theta_max'"):
        measure_learning(identity, texts, theta_max=1)
    with pytest.raises(UserError, match="expected 'read-out' or 'lens'"):
        measure_learning(identity, texts, read_out="truncate")
    with pytest.raises(UserError, match="no text to measure"):
        measure_learning(identity, [""], read_out="lens")
    with pytest.raises(UserError, match="give more texts"):
        measure_learning(identity, texts, train_texts=[""])
    with pytest.raises(UserError, match="3 frequencies for a vocabulary of 32"):
        measure_learning(identity, texts, read_out="lens", frequency=np.ones(3, dtype=np.int64))
    save(identity_model(), tmp_path)
    config = tmp_path / "tokenizer_config.json"
    options = json.loads(config.read_text())
    options["mask_token"] = None
    config.write_text(json.dumps(options))
    encoder = Encoder.load(tmp_path)
    encoder.tokenizer.mask_token = None
    with pytest.raises(UserError, match="no mask token"):
        measure_learning(encoder, texts, read_out="lens")


def test_windows_take_in_every_token_of_a_long_text_once(tmp_path):
    encoder = Encoder.load(save(identity_model(), tmp_path))
    words = np.random.default_rng(1).choice(WORDS, 200)
    recipe = recipe_for(encoder)
    batches = list(
        modified_batches(encoder, [" ".join(words), "w1 w2"], recipe, tokens=32, long="windows")
    )
    seen = np.sort(np.concatenate([batch.tokens for batch in batches]))
    expected = encoder.tokenizer.convert_tokens_to_ids([*words.tolist(), "w1", "w2"])
    assert seen.tolist() == sorted(expected)
    assert sum(batch.begun for batch in batches) == 2
    assert max(batch.ids.shape[1] for batch in batches) == 32
    assert sum(len(batch.ids) for batch in batches) == 7 + 1  # 200 words, 30 in a window
    assert len({key for batch in batches for key in batch.keys.tolist()}) <= 2  # a text is a unit


def test_a_text_of_one_window_is_modified_as_a_text_cut_to_it(tmp_path, texts):
    encoder = Encoder.load(save(identity_model(), tmp_path))
    ways = [
        list(modified_batches(encoder, texts, recipe_for(encoder), tokens=32, long=long))
        for long in ("windows", "cut")
    ]
    for one, other in zip(*ways, strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.labels.tolist() == other.labels.tolist()
        assert one.mask.tolist() == other.mask.tolist()


def test_few_training_texts_are_modified_again_until_there_are_enough_tokens(tmp_path, texts):
    encoder = Encoder.load(save(identity_model(), tmp_path))
    once = sum(
        len(batch.labels)
        for batch in modified_batches(encoder, texts[:50], recipe_for(encoder), tokens=32, seed=1)
    )
    found = measure_learning(
        encoder, texts[50:60], train_texts=texts[:50], train_tokens=3 * once,
        training=HeadTraining(epochs=1),
    )  # fmt: skip
    assert found.trained == 3 * once
    # the texts are read three times, and their tokens counted once
    assert found.tables["accuracy"].groupby("block")["frequency"].sum().max() <= 60 * 24


class Counting(Progress):
    """Keeps of every stage how far it was, and of how much."""

    def __init__(self):
        self.seen = {}

    def stage(self, name, total=None, unit="texts"):
        stage, seen = Stage(name, total, unit), self.seen.setdefault(name, [])

        def reach(done):
            stage.done = done
            seen.append((done, stage.total))

        stage.reach = reach
        return stage


def test_what_is_left_to_measure_is_known_from_the_first_pass_on(identity, texts):
    counting = Counting()
    found = measure_learning(
        identity, texts, modified=3_000, training=HeadTraining(epochs=1), progress=counting
    )
    assert {"gathering", "read-outs", "control task: read-outs", "measuring"} == set(counting.seen)
    measuring = counting.seen["measuring"]
    assert measuring[-1][0] == found.rows
    assert all(total is None or done <= total for done, total in measuring)
    later = [total for done, total in measuring if done > found.rows / 2 and total]
    assert later
    assert all(abs(total / found.rows - 1) < 0.1 for total in later)


def test_the_first_modified_tokens_are_of_many_texts_however_long_they_are(identity):
    rng = np.random.default_rng(3)
    long = [" ".join(rng.choice(WORDS, 2_000)) for _ in range(40)]
    encoder = Encoder.load(identity)
    keys = np.concatenate([
        batch.keys
        for batch in modified_batches(
            encoder, long, recipe_for(encoder), tokens=32, long="windows"
        )
    ])  # fmt: skip
    assert len(keys) > 10_000
    _, of_texts = np.unique(keys[:2_000], return_counts=True)
    assert len(of_texts) == 40
    assert of_texts.max() < 0.1 * 2_000


def test_outputs_beyond_half_precision_are_refused(tmp_path):
    model = identity_model()
    with torch.no_grad():
        model.bert.encoder.layer[-1].output.LayerNorm.weight.mul_(1e6)
    place = save(model, tmp_path / "large")
    rng = np.random.default_rng(0)
    given = [" ".join(rng.choice(WORDS, 24)) for _ in range(60)]
    with pytest.raises(UserError, match="outputs of block 2 are not finite, or beyond"):
        measure_learning(place, given, start="fresh", control=0)

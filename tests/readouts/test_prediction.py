"""Labels on new texts are the classifier's, in the texts' order, by its own names."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    ModernBertForTokenClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from blocklens.errors import UserError
from blocklens.inputs.texts import Text
from blocklens.readouts.prediction import TEXTS_AT_ONCE, load_classifier, predict
from blocklens.readouts.text_classifiers import new_classifier, save_classifier
from helpers import SMALL, random_texts, small_encoder, small_tokenizer

NAMES = ["cat", "<i>dog</i>"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("predict") / "model"
    encoder = small_encoder()
    save_classifier(
        place, new_classifier(encoder, NAMES, blocks=2), encoder.tokenizer, "#", tokens=20
    )
    return place


def test_each_answer_is_the_model_s_own_on_that_text_alone(folder):
    texts = random_texts(9, seed=4, longest=8)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    classifier = load_classifier(folder)
    assert classifier.tokens == 20
    for one, text in zip(predict(texts, classifier), texts, strict=True):
        ids = classifier.tokenizer(text, truncation=True, max_length=20)["input_ids"]
        wanted = model(input_ids=torch.tensor([ids])).logits.softmax(-1)[0].detach().numpy()
        assert one.label == NAMES[wanted.argmax()]
        assert one.confidence == pytest.approx(wanted.max(), abs=1e-5)
        assert [one.probabilities[name] for name in NAMES] == pytest.approx(wanted, abs=1e-5)


def test_texts_are_read_as_they_are_needed_and_keep_their_names_and_order(folder):
    read = []

    def texts():
        for number in range(TEXTS_AT_ONCE + 3):
            read.append(number)
            yield Text(f"file:{number}", "a b c" + " d" * (number % 7))

    found = predict(texts(), load_classifier(folder))
    assert next(found).name == "file:0"
    assert len(read) == TEXTS_AT_ONCE
    assert [one.name for one in found] == [f"file:{n}" for n in range(1, TEXTS_AT_ONCE + 3)]
    assert np.all(np.diff(read) == 1)


def test_what_is_no_classifier_is_one_line(folder, tmp_path):
    with pytest.raises(UserError, match=r"no config\.json"):
        load_classifier(tmp_path)
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(UserError, match="this study kept no classifier"):
        load_classifier(tmp_path)
    encoder = small_encoder()
    encoder.model.save_pretrained(tmp_path / "bare")
    encoder.tokenizer.save_pretrained(tmp_path / "bare")
    with pytest.raises(UserError, match=r"without a classifier \(BertModel\).*fine-tune one"):
        load_classifier(tmp_path / "bare")


def test_a_classifier_of_anything_but_texts_is_named_as_what_it_is(tmp_path):
    for family, task in (
        (BertForTokenClassification, "made for token classification"),
        (ModernBertForTokenClassification, "made for token classification"),  # its weights fit
        (BertForMaskedLM, "made for masked language modelling"),
    ):
        place = saved(tmp_path / family.__name__, family=family, config=family.config_class)
        with pytest.raises(UserError, match=rf"{task} \({family.__name__}\); predict takes"):
            load_classifier(place)


def test_weights_that_lack_the_classifier_are_one_line(tmp_path):
    place = saved(tmp_path)
    weights = load_file(place / "model.safetensors")
    left = {name: one for name, one in weights.items() if not name.startswith("classifier")}
    save_file(left, place / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"its weights lack classifier\.bias.*fine-tune one"):
        load_classifier(place)


def saved(place, outputs=2, family=BertForSequenceClassification, config=BertConfig, **changes):
    """A random classifier in a folder, with the small tokenizer; `changes` of its config."""
    torch.manual_seed(0)
    options = {**SMALL, "num_hidden_layers": 1, "num_labels": outputs, **changes}
    family(config(**options)).save_pretrained(place)
    small_tokenizer().save_pretrained(place)
    return place


def logits_of(place, text):
    model = AutoModelForSequenceClassification.from_pretrained(place).eval()
    with torch.no_grad():
        return model(**small_tokenizer()(text, return_tensors="pt")).logits[0]


def test_one_output_is_a_number_as_it_is(tmp_path):
    place = saved(tmp_path, outputs=1)
    (one,) = predict(["a b c ."], load_classifier(place))
    expected = float(logits_of(place, "a b c .")[0])
    assert one.values == {"LABEL_0": pytest.approx(expected, abs=1e-5)}
    assert (one.label, one.confidence, one.probabilities) == (None, None, {})
    assert one.row() == {"name": "text 1", "LABEL_0": round(expected, 4)}


def test_several_labels_a_text_have_a_sigmoid_each(tmp_path):
    place = saved(tmp_path, outputs=3, problem_type="multi_label_classification")
    (one,) = predict(["a b c ."], load_classifier(place))
    expected = logits_of(place, "a b c .").sigmoid().numpy()
    found = [one.probabilities[f"LABEL_{n}"] for n in range(3)]
    assert found == pytest.approx(expected, abs=1e-5)
    assert sorted(one.labels) == [f"LABEL_{n}" for n in range(3) if expected[n] >= 0.5]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ({"1": "neg", "2": "pos"}, r"numbers its classes 1, 2; expected 0 to 1"),
        ({"0": "neg", "1": "neg"}, "calls several classes 'neg'"),
        ({"0": "neg", "1": "neg "}, "calls several classes 'neg'"),
        ({"0": None, "1": "pos"}, "has no name for class 0"),
        ({"0": "neg", "1": "pos", "2": "?"}, r"do not have the shapes that config\.json says"),
    ],
)
def test_classes_without_a_number_or_a_name_of_their_own_are_one_line(tmp_path, names, why):
    place = saved(tmp_path)
    config = json.loads((place / "config.json").read_text())
    config["id2label"] = names
    (place / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=why):
        load_classifier(place)


def test_an_unknown_kind_of_output_is_one_line(tmp_path):
    place = saved(tmp_path)
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**config, "problem_type": "ranking"}))
    with pytest.raises(UserError, match="has the problem_type 'ranking'; expected single_label"):
        load_classifier(place)


def test_texts_are_cut_at_the_positions_that_roberta_has(tmp_path):
    place = saved(
        tmp_path, family=RobertaForSequenceClassification, config=RobertaConfig,
        max_position_embeddings=34, pad_token_id=1,
    )  # fmt: skip
    classifier = load_classifier(place)
    assert classifier.tokens == 32
    (one,) = predict(["a " * 100], classifier)
    assert 0 < one.confidence <= 1


def test_damaged_weights_and_a_tokenizer_that_does_not_fit_are_one_line(tmp_path):
    place = saved(tmp_path / "nan")
    weights = load_file(place / "model.safetensors")
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, place / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"classifier\.bias is not of finite numbers"):
        load_classifier(place)
    place = saved(tmp_path / "large", vocab_size=20)
    with pytest.raises(UserError, match=r"tokenizer and model do not fit: .* up to 34, .* for 20"):
        load_classifier(place)


def test_texts_come_from_files_and_tables_too_and_what_is_none_is_one_line(folder, tmp_path):
    texts = ["a b c", "d e f"]
    (tmp_path / "new.csv").write_text("id,text\n1,a b c\n2,d e f\n")
    expected = [(one.label, one.confidence) for one in predict(texts, folder)]
    table = pd.DataFrame({"text": texts})
    records = [{"text": text, "id": number} for number, text in enumerate(texts)]
    for given in (tmp_path / "new.csv", str(tmp_path / "new.csv"), table, records, iter(records)):
        assert [(one.label, one.confidence) for one in predict(given, folder)] == expected
    assert [(one.label, one.confidence) for one in predict(folder, texts)] == expected
    with pytest.raises(UserError, match="text 2: is null; expected a string"):
        list(predict(["a", None], folder))
    with pytest.raises(UserError, match="text 1: has no field with text"):
        list(predict([{"id": 1}], folder))
    with pytest.raises(UserError, match=r"pandas\.DataFrame"):
        list(predict({"text": texts}, folder))

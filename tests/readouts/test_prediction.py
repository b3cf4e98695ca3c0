"""Labels on new texts are the classifier's, in the texts' order, by its own names."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from blocklens.errors import UserError
from blocklens.inputs.texts import Text
from blocklens.readouts.prediction import TEXTS_AT_ONCE, load_classifier, predict
from blocklens.readouts.text_classifiers import new_classifier, save_classifier
from helpers import random_texts, small_encoder

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
    for one, text in zip(predict(classifier, texts), texts, strict=True):
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

    found = predict(load_classifier(folder), texts())
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
    with pytest.raises(UserError, match=r"its weights lack .*classifier.*fine-tune it first"):
        load_classifier(tmp_path / "bare")

"""The real labelled texts are read as their owners wrote them."""

import numpy as np
import pytest

from blocklens.inputs.class_samples import samples
from blocklens.inputs.labelled_texts import read_labelled
from blocklens.inputs.presets import SIZES

pytestmark = pytest.mark.data


def test_fewrel_s_relations_have_names_and_its_repeats_are_counted(data):
    found = read_labelled(str(data / "fewrel" / "fewrel_42rel_x700.jsonl.xz"), preset="fewrel")
    assert len(found.names) == 42
    assert "country of citizenship" in found.names
    assert len(found) + sum(count for _, count in found.left_out) == 42 * 700
    train, test = SIZES["fewrel"]
    drawn = samples(found, seeds=1, train=train, test=test, at_most=True)
    assert np.bincount(found.labels[drawn.test[0]]).tolist() == [test] * 42
    of_classes = np.bincount(found.labels[drawn.train[0]])
    assert of_classes.max() == train
    assert (of_classes < train).sum() == len(drawn.short)
    assert min(drawn.short.values()) == of_classes.min()


def test_dbpedia_s_classes_go_by_their_names(data):
    found = read_labelled(str(data / "dbpedia" / "dbpedia14_24k.jsonl.xz"), preset="dbpedia")
    assert len(found.names) == 14
    assert {"Album", "Village", "EducationalInstitution"} <= set(found.names)
    drawn = samples(found, seeds=2, train=100, test=100)
    for rows in (*drawn.train, *drawn.test):
        assert np.bincount(found.labels[rows]).tolist() == [100] * 14

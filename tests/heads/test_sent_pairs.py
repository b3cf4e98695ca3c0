"""High pairs that a device selects and sends are those that the processor would select."""

import numpy as np
import pytest
import torch

from blocklens.encoder.attention import Workspace
from blocklens.heads import sent_pairs
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.high_pairs import high_pairs
from blocklens.heads.sent_pairs import SentPairs
from blocklens.inputs.texts import Text
from helpers import small_encoder

LONG = " ".join("abcdefghijk"[n * n % 11] for n in range(100))


@pytest.fixture
def sent(monkeypatch):
    """The tensors that were sent."""
    tensors = []
    monkeypatch.setattr(
        sent_pairs, "to_processor", lambda tensor: tensors.append(tensor.clone()) or tensors[-1]
    )
    return tensors


@pytest.fixture(scope="module", params=["a b c .", LONG], ids=["few pairs", "many pairs"])
def tokens(request):
    return small_encoder().windows()(Text("text", request.param))[0]


def outputs_of(kind, tokens):
    torch.manual_seed(1)
    vectors = torch.randn(3, len(tokens), 8)
    if kind == "equal":  # every pair of a head ties with every other
        vectors[1] = 1.0
    return {"smooth": vectors, "rounded": vectors.round(), "equal": vectors}[kind]


@pytest.mark.parametrize("kind", ["smooth", "rounded", "equal"])
@pytest.mark.parametrize("rule", ["top", "relative"])
@pytest.mark.parametrize("similarity", ["raw", "cosine", "max"])
def test_they_are_those_that_the_processor_selects(similarity, rule, kind, tokens, sent):
    options = HeadOptions(similarity=similarity, rule=rule)
    workspace, outputs = Workspace(), outputs_of(kind, tokens)
    expected = high_pairs(outputs, tokens, options, Workspace())
    found = SentPairs(outputs.clone(), tokens, options, workspace)
    SentPairs(torch.randn_like(outputs), tokens, options, workspace)  # the next block's
    pairs = found.arrived()
    for name in ("head", "pair", "cut"):
        np.testing.assert_array_equal(getattr(pairs, name), getattr(expected, name), strict=True)
    assert (pairs.heads, pairs.cuts) == (expected.heads, expected.cuts)


def test_only_high_pairs_are_sent_and_ties_beyond_them_are_seen_to(tokens, sent, monkeypatch):
    asked = []
    monkeypatch.setattr(
        sent_pairs, "high_pairs", lambda *given: asked.append(1) or high_pairs(*given)
    )
    smooth = SentPairs(outputs_of("smooth", tokens), tokens, HeadOptions(), Workspace()).arrived()
    assert not asked
    values, places = sent
    assert values.shape == places.shape
    assert places.dtype == torch.int32
    few = smooth.table.pairs <= sent_pairs.SPARE
    assert values.shape[1] <= 0.06 * smooth.table.pairs + sent_pairs.SPARE
    SentPairs(outputs_of("equal", tokens), tokens, HeadOptions(), Workspace()).arrived()
    assert asked == ([] if few else [1])

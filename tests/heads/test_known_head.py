"""A known answer from outside: the head that maps atoms in a reaction."""

import pytest

from blocklens.encoder.trunk import Encoder
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.measurement import measure
from blocklens.inputs.texts import TextSource


@pytest.mark.data
def test_the_head_that_rxnmapper_chose_is_among_the_first_in_repetition(data):
    """Its authors map atoms by head 5 of block 11: an atom of the product looks for its like.

    They trained one set of weights for all blocks, so the same head of the neighbouring blocks
    does nearly the same.
    """
    encoder = Encoder.load(str(data / "models" / "rxnmapper-albert-12x8"))
    reactions = TextSource(data / "reactions" / "reactions_996.jsonl", limit=300)
    found = measure(encoder, reactions, options=HeadOptions(sweep=(0.01,)), sentences="none").table
    scores = found.loc[
        found["measure"].eq("specialisation")
        & found["statistic"].eq("repetition")
        & found["head"].notna()
    ]
    assert len(scores) == 96
    first = scores.nlargest(3, "effect")
    assert set(zip(first["block"], first["head"], strict=True)) == {(12, 5), (11, 5), (10, 5)}

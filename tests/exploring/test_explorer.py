"""The explorer's answers, against slow references and the whole model."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForMaskedLM

from blocklens.embedded.bert6 import EMBEDDED, address
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.exploring.explorer import Explorer, words_of
from blocklens.heads.maps_of_texts import look
from blocklens.inputs.texts import TextSource
from helpers import made_up_texts, small_encoder, write_record

TEXT = "The river rose. The people saw the river."


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(EMBEDDED)


@pytest.fixture(scope="module")
def explorer(encoder: Encoder) -> Explorer:
    return Explorer(encoder, TextSource(made_up_texts(3)))


def test_the_pairs_of_a_head_are_the_largest_of_its_context_similarities(explorer: Explorer):
    answer = explorer.answer(TEXT)
    example = look(explorer.encoder, TEXT)
    content = [i for i, special in enumerate(example.special) if not special]
    wanted = max((len(content) + 1) // 2, 1)
    assert len(answer["pairs"]) == explorer.encoder.blocks * explorer.encoder.heads
    for flat, pairs in enumerate(answer["pairs"]):
        block, head = divmod(flat, explorer.encoder.heads)
        matrix = example.similarity[block, head].astype(np.float64)
        ranked = sorted((matrix[i, j], (i, j)) for i in content for j in content if i < j)
        expected = {pair for _, pair in ranked[-wanted:]}
        found = set(zip(pairs[::2], pairs[1::2], strict=True))
        assert found >= expected or len(found ^ expected) <= 2  # a tie at the cut


def test_the_last_block_predicts_what_the_whole_model_does(explorer: Explorer):
    answer = explorer.answer(TEXT, 3)
    model = AutoModelForMaskedLM.from_pretrained(address(EMBEDDED), dtype=torch.float32).eval()
    tokenizer = explorer.encoder.tokenizer
    given = tokenizer(TEXT, return_tensors="pt")
    true = int(given["input_ids"][0, 3])
    given["input_ids"][0, 3] = tokenizer.mask_token_id
    with torch.no_grad():
        shares = model(**given).logits[0, 3].double().softmax(dim=0)
    last = answer["blocks"][-1]
    assert len(answer["blocks"]) == explorer.encoder.blocks + 1
    assert answer["true"] == "rose"
    assert last["share"] == pytest.approx(float(shares[true]), abs=1e-4)
    surely_above, perhaps_above = (
        int((shares > shares[true] * (1 + of_rounding)).sum()) for of_rounding in (1e-4, -1e-4)
    )
    assert surely_above < last["rank"] <= perhaps_above + 1
    best = [tokenizer.convert_ids_to_tokens(int(one)) for one in shares.topk(5).indices]
    assert [name for name, _ in last["best"]] == best


def test_what_cannot_be_answered_is_one_line(explorer: Explorer):
    assert "at least two" in explorer.answer("One")["error"]
    assert "no word at position 0" in explorer.answer(TEXT, 0)["error"]
    assert "no word at position 500" in explorer.answer(TEXT, 500)["error"]


def test_an_encoder_without_a_head_for_words_says_so():
    bare = Explorer(small_encoder(), TextSource(["a b c . d e f .", "g h a b ."]))
    assert bare.facts["no_lens"].endswith("it comes without a masked-LM head.")
    assert bare.answer("a b c .", 1) == {"error": bare.facts["no_lens"]}
    assert len(bare.answer("a b c .")["pairs"]) == 16


@pytest.mark.parametrize(
    ("pieces", "spans", "text", "words"),
    [
        (["un", "##do", "it"], [(0, 2), (2, 4), (5, 7)], "undo it", [1, 1, 2]),
        (["don", "'", "t"], [(0, 3), (3, 4), (4, 5)], "don't", [1, 2, 3]),
        (["un", "do", "Ġit"], [(0, 2), (2, 4), (4, 7)], "undo it", [1, 1, 2]),
        (["C", "C", "O"], [(0, 1), (1, 2), (2, 3)], "CCO", [1, 2, 3]),
        (["▁a", "天", "気"], [(0, 1), (1, 2), (2, 3)], "a天気", [1, 2, 3]),
    ],
)
def test_pieces_join_by_the_marks_of_the_tokenizer(pieces, spans, text, words):
    encoder: Any = SimpleNamespace(
        tokenizer=SimpleNamespace(convert_ids_to_tokens=lambda _: ["[CLS]", *pieces])
    )
    tokens: Any = SimpleNamespace(
        ids=np.arange(len(pieces) + 1),
        spans=np.array([(0, 0), *spans]),
        special=np.array([True] + [False] * len(pieces)),
    )
    found, spaced = words_of(encoder, tokens, text)
    assert found == [0, *words]
    assert spaced[1]


def made_study(folder: Path, encoder: Encoder, fingerprint: str) -> Path:
    river = encoder.tokenizer.convert_tokens_to_ids("river")
    same = {"task": "tokens", "run": "encoder", "read_out": "read-out", "block": 6}
    accuracy = pd.DataFrame([{**same, "label_id": river, "label": "river", "n": 12, "value": 0.25}])
    clusters = pd.DataFrame([{**same, "method": "cliques", "labels": ["river", "sea"]}])
    (folder / "tables").mkdir()
    accuracy.to_parquet(folder / "tables" / "accuracy.parquet")
    clusters.to_parquet(folder / "tables" / "clusters.parquet")
    return write_record(folder, encoder="made up", hashes={"encoder": fingerprint})


def test_a_study_tells_the_tokens_apt_and_cluster(encoder: Encoder, tmp_path: Path):
    study = made_study(tmp_path, encoder, encoder.fingerprint())
    known = Explorer(encoder, TextSource(made_up_texts(3)), study=study).answer(TEXT)["known"]
    tokens = look(TEXT, encoder).tokens
    assert known[tokens.index("river")] == (0.25, 12, ["river", "sea"])
    assert known[tokens.index("people")] is None


def test_a_study_of_another_encoder_is_refused(encoder: Encoder, tmp_path: Path):
    study = made_study(tmp_path, encoder, "another")
    with pytest.raises(UserError, match="study of another encoder"):
        Explorer(encoder, TextSource(made_up_texts(3)), study=study)

import numpy as np
import pytest
import torch
import transformers as tr

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.readouts.vocabulary_heads import (
    fresh_head,
    own_head,
    own_head_digest,
    split_head,
)
from helpers import small_tokenizer

SHAPE = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}
FAMILIES = {
    "bert": lambda: tr.BertConfig(**SHAPE),
    "roberta": lambda: tr.RobertaConfig(**SHAPE),
    "electra": lambda: tr.ElectraConfig(embedding_size=12, **SHAPE),
    "albert": lambda: tr.AlbertConfig(embedding_size=12, **SHAPE),
    "distilbert": lambda: tr.DistilBertConfig(
        vocab_size=60, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=40
    ),
    "modernbert": lambda: tr.ModernBertConfig(
        **SHAPE, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2
    ),
    "esm": lambda: tr.EsmConfig(mask_token_id=4, **SHAPE),
    "camembert": lambda: tr.CamembertConfig(**SHAPE),
}


def masked_lm(family):
    torch.manual_seed(0)
    model = tr.AutoModelForMaskedLM.from_config(FAMILIES[family]()).eval()
    for parameter in model.parameters():  # no bias left at zero
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_the_lens_on_the_last_block_gives_the_models_own_logits(family, tmp_path):
    model = masked_lm(family)
    ids = torch.randint(5, 60, (2, 7), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    with torch.no_grad():
        wanted = model(input_ids=ids, attention_mask=mask).logits
    model.save_pretrained(tmp_path)
    encoder = Encoder(tr.AutoModel.from_pretrained(tmp_path))
    head = own_head(tmp_path)
    rows = encoder.block_outputs(ids, mask)[-1].reshape(14, -1).clone()
    with torch.no_grad():
        found = torch.addmm(head.bias, head.transform(rows), head.weight.T)
    torch.testing.assert_close(found.view_as(wanted), wanted, rtol=1e-4, atol=1e-4)
    assert torch.equal(head.predict(rows), wanted.reshape(14, -1).argmax(1))


def test_an_encoder_without_a_masked_lm_head_is_refused_with_the_way_out(tmp_path):
    masked_lm("bert").bert.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"no masked-LM head.*use the read-out"):
        own_head(tmp_path)


def test_a_head_on_the_disk_is_not_that_of_a_trunk_changed_in_memory(tmp_path):
    masked_lm("bert").save_pretrained(tmp_path)
    small_tokenizer().save_pretrained(tmp_path)
    model = tr.AutoModel.from_pretrained(tmp_path)
    assert own_head(Encoder.of(model)).labels == 60
    assert own_head(Encoder.of(model.half())).labels == 60  # another type is not another trunk
    with torch.no_grad():
        model.encoder.layer[0].output.dense.weight += 0.1
    changed = Encoder.of(model)
    assert changed.name == str(tmp_path)
    with pytest.raises(UserError, match="other weights than those saved there"):
        own_head(changed)
    assert own_head_digest(changed) is None


def test_a_fresh_head_expects_labels_as_often_as_they_were_counted():
    encoder = Encoder(masked_lm("bert").bert)
    counts = torch.arange(60).numpy()
    head = fresh_head(encoder, seed=0, counts=counts)
    assert head.bias.argmax() == 59
    embeddings = encoder.model.get_input_embeddings().weight
    torch.testing.assert_close(head.weight * embeddings.norm(dim=1).mean(), embeddings)
    torch.testing.assert_close(
        fresh_head(encoder, seed=0).transform[0].weight, head.transform[0].weight
    )


def test_copies_share_a_tied_decoder_and_own_a_trained_one():
    head = split_head(masked_lm("bert"))
    tied, trained = head.copy(tied=True), head.copy(tied=False)
    assert tied.weight.data_ptr() == head.weight.data_ptr()
    assert "weight" in dict(trained.named_parameters())
    assert "weight" not in dict(tied.named_parameters())
    assert tied.bias.data_ptr() != head.bias.data_ptr()


def test_predictions_are_the_highest_scores():
    head = split_head(masked_lm("bert"))
    rows = torch.randn(33, 16)
    assert torch.equal(head.predict(rows), head.scores(rows).argmax(dim=1))
    assert head.predict(rows[:0]).shape == (0,)


@pytest.mark.parametrize(("family", "width"), [("bert", 16), ("electra", 12)])
def test_a_fresh_head_starts_as_the_identity_where_the_embeddings_are_as_wide_as_the_blocks(
    family, width
):
    encoder = Encoder(tr.AutoModel.from_config(FAMILIES[family]()))
    dense = fresh_head(encoder, seed=0).transform[0]
    assert dense.weight.shape == (width, 16)
    assert torch.equal(dense.weight, torch.eye(width, 16)) is (width == 16)


def test_a_fresh_head_on_an_untrained_trunk_reads_the_token_itself():
    encoder = Encoder(tr.AutoModel.from_config(tr.BertConfig(**{**SHAPE, "hidden_size": 64})))
    ids = torch.arange(5, 45)[None]
    head = fresh_head(encoder, seed=0)
    for block in encoder.block_outputs(ids, torch.ones_like(ids)):
        assert (head.predict(block[0].clone()) == ids[0]).float().mean() > 0.9


def test_a_fresh_head_lies_where_its_encoder_computes():
    encoder = Encoder(tr.AutoModel.from_config(FAMILIES["bert"]()))
    encoder.model.to("meta")
    head = fresh_head(encoder, seed=0, counts=np.ones(encoder.config.vocab_size, np.int64))
    of_parts = {weight.device.type for weight in (*head.parameters(), head.weight)}
    assert of_parts == {"meta"}

"""Datasets of the Hub, with the library's own streaming datasets in place of the network."""

import datasets
import huggingface_hub
import pytest

from blocklens.errors import UserError
from blocklens.inputs.hub import HubDataset
from blocklens.inputs.texts import Text, TextSource


@pytest.fixture
def hub(monkeypatch):
    calls = []

    def rows(split):
        yield from ({"id": n, "text": f"{split} {n}."} for n in range(3))

    def load(path, name=None, *, split=None, streaming=False):
        calls.append((path, name, split, streaming))
        splits = datasets.IterableDatasetDict(
            {
                key: datasets.IterableDataset.from_generator(rows, gen_kwargs={"split": key})
                for key in (["test", "train"] if name != "odd" else ["validation"])
            }
        )
        return splits if split is None else splits[split]

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda self, name, timeout: None)
    monkeypatch.setattr(datasets, "load_dataset", load)
    return calls


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("imdb", ("imdb", None, None)),
        ("owner/name", ("owner/name", None, None)),
        ("hf://datasets/owner/name:config@test", ("owner/name", "config", "test")),
        ("owner/name@test[:10%]", ("owner/name", None, "test[:10%]")),
    ],
)
def test_an_address_names_dataset_configuration_and_split(address, parts):
    assert HubDataset.parse(address) == HubDataset(*parts)


@pytest.mark.parametrize("address", ["a/b/c", "./a", "a b", "/a", ""])
def test_a_path_is_no_address(address):
    assert HubDataset.parse(address) is None


def test_a_dataset_is_streamed_from_its_train_split(hub, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    source = TextSource("owner/name", limit=2)
    assert list(source) == [Text("owner/name:1", "train 0."), Text("owner/name:2", "train 1.")]
    assert hub == [("owner/name", None, None, True)]
    assert source.description == "owner/name"


def test_a_configuration_and_a_split_can_be_named(hub, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert next(iter(TextSource("owner/name:odd"))).text == "validation 0."
    assert next(iter(TextSource("owner/name:c@test"))).text == "test 0."
    assert hub[-1] == ("owner/name", "c", "test", True)


def test_a_local_folder_comes_before_a_dataset_of_that_name(hub, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imdb").mkdir()
    (tmp_path / "imdb" / "a.txt").write_text("Local.")
    assert [text.text for text in TextSource("imdb")] == ["Local."]
    assert hub == []
    assert next(iter(TextSource("hf://datasets/imdb"))).text == "train 0."


def test_a_split_that_is_not_there_is_one_clear_line(hub, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"owner/name: .* cannot be read .*'dev'.*; check the name"):
        list(TextSource("owner/name@dev"))


def test_a_field_that_is_not_there_names_those_that_are(hub, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="owner/name: has no field 'x'; it has 'id'"):
        list(TextSource("owner/name", field="x"))


def test_without_a_network_there_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError) as raised:
        list(TextSource("owner/name"))
    assert str(raised.value).startswith("owner/name: no such file or folder here, and as a dataset")
    assert "offline mode is enabled" in str(raised.value)
    assert "\n" not in str(raised.value)

"""Texts of a dataset on the Hugging Face Hub, streamed; and what the id of a model looks like."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from blocklens.errors import UserError

_ADDRESS = re.compile(
    r"(?:hf://datasets/)?(?P<id>\w[\w.-]*(?:/\w[\w.-]*)?)"
    r"(?::(?P<config>[\w.+-]+))?(?:@(?P<split>[\w.\[\]:%+-]+))?"
)
_MODEL = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


def could_be_model_id(name: str) -> bool:
    """Whether a model or tokenizer on the Hub could have this id, `name` or `owner/name`."""
    return _MODEL.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class HubDataset:
    """A dataset on the Hub: `owner/name`, `owner/name:config`, `owner/name:config@split`."""

    id: str
    config: str | None
    split: str | None

    @classmethod
    def parse(cls, address: str) -> "HubDataset | None":
        """Read an address; None if it cannot be one."""
        match = _ADDRESS.fullmatch(address)
        return cls(match["id"], match["config"], match["split"]) if match else None

    def rows(self, *, class_names: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the rows of the split: the one named, else `train`, else the first.

        `class_names`: put the names of classes in the place of their numbers.

        Raises `UserError` when the dataset, the configuration or the split is not to be had.
        """
        from huggingface_hub import HfApi

        try:
            # asks once; `datasets` alone would try for half a minute when there is no network
            HfApi().dataset_info(self.id, timeout=20)
            yield from self._stream(class_names)
        except UserError:
            raise
        except Exception as error:  # whatever the libraries below raise: many kinds, all theirs
            raise self._unreadable(error) from error

    def load(self) -> dict[str, Any]:
        """The whole data set by split, on disk: for images, which are drawn at random.

        A split that is named comes alone, as "train".

        Raises `UserError` when the dataset, the configuration or the split is not to be had.
        """
        import datasets
        from huggingface_hub import HfApi

        try:
            HfApi().dataset_info(self.id, timeout=20)
            loaded: Any = datasets.load_dataset(self.id, self.config, split=self.split)
        except Exception as error:  # as above
            raise self._unreadable(error) from error
        return {"train": loaded} if self.split else dict(loaded)

    def _unreadable(self, error: Exception) -> UserError:
        reason = (" ".join(str(error).split()) or type(error).__name__)[:300]
        return UserError(
            f"{self.id}: no such file or folder here, and as a dataset on the Hub it cannot be "
            f"read ({reason}); check the name and the network, or give a local file"
        )

    def _stream(self, class_names: bool) -> Iterator[dict[str, Any]]:
        import datasets

        loaded = datasets.load_dataset(self.id, self.config, split=self.split, streaming=True)
        if isinstance(loaded, dict):
            if not loaded:
                raise UserError(f"{self.id}: the dataset has no split; give another one")
            loaded = loaded.get("train", next(iter(loaded.values())))
        yield from NamedClasses(loaded) if class_names else loaded


class NamedClasses:
    """The rows of a `datasets.Dataset`, with the names of classes in the place of their numbers."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        features = self._rows.features or {}
        named = {name: kind for name, kind in features.items() if hasattr(kind, "int2str")}
        for row in self._rows:
            for name, kind in named.items():
                number = row[name]
                row[name] = None if number is None or number < 0 else kind.int2str(int(number))
            yield row

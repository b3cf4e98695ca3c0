"""What `study.json` says of a study's folder: one schema, checked whenever it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blocklens.errors import UserError
from blocklens.storage import write_json

FILE = "study.json"
Kind = Literal["study", "finetune", "images", "segments", "scores", "sizes"]
KINDS: dict[Kind, str] = {
    "study": "a study of texts",
    "finetune": "a study of text classes",
    "images": "a study of images",
    "segments": "segmented texts",
    "scores": "scores of segmentation",
    "sizes": "a study of training sizes",
}
"""Every kind of folder, in words."""
assert set(KINDS) == set(get_args(Kind))


class InputsRecord(BaseModel):
    """What was read: `count` texts or documents, or `train` and `test` images."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str
    columns: list[list[str]] = []
    count: int | None = None
    windows: int | None = None
    tokens: int | None = None
    unit: str | None = None
    classes: list[str] | None = None
    train: int | None = None
    test: int | None = None
    skipped: int = 0
    skipped_list: list[str] = []


class StudyRecord(BaseModel):
    """A study's folder: what was measured of what, how, and which files belong to it.

    `parts`: facts by part and step. `hashes`: of what was read. `files`: SHA-256 of every table and
    example by its name in the folder; nothing else is taken for the study's, and nothing else is
    ever deleted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    finished: bool = False
    encoder: str = "not measured yet"
    architecture: str | None = None
    precision: str | None = None
    blocks: int | None = None
    heads: int | None = None
    texts: InputsRecord | None = None
    images: InputsRecord | None = None
    intervals: bool = Field(default=True, description="whether there are any on the page")
    parts: dict[str, dict[str, dict[str, Any]]] = {}
    options: dict[str, Any] = {}
    hashes: dict[str, str] = {}
    versions: dict[str, str] = {}
    created: str = ""
    notes: list[str] = []
    warning: str | None = Field(default=None, description="what stands before all figures")
    files: dict[str, str] = {}

    @classmethod
    def read(cls, folder: Path) -> StudyRecord:
        """The record in a study's folder.

        Raises:
            UserError: none there, or one that is damaged or was not written by this version.

        """
        file = folder / FILE
        try:
            return cls.model_validate_json(file.read_bytes())
        except OSError as error:
            raise UserError(
                f"{folder}: no readable {FILE} ({error.strerror}): give the folder that a command "
                "of blocklens wrote with --out"
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "it"
            raise UserError(
                f"{file}: {place}: {first['msg']}: it is damaged, or not of this version of "
                "blocklens; choose another folder, or delete this one and measure again"
            ) from error

    def write(self, folder: Path) -> None:
        """Write `study.json`."""
        write_json(self.model_dump(mode="json", exclude_none=True), folder / FILE)

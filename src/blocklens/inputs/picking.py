"""Texts from the records of one file, whose columns are chosen by the first of them together.

One record alone says little: a text may be "1984", a label missing, a field left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from blocklens.inputs.decoding import checked
from blocklens.inputs.field_names import NOTHING
from blocklens.inputs.fields import FieldPicker, kinds_in
from blocklens.inputs.opening import UnusableError

Records = Iterator[tuple[int | None, str]]
LOOKED_AT, CHARACTERS = 50, 1 << 20
"""Most records, and about as many characters, that the columns are chosen by."""


def picks(
    records: Iterable[tuple[int | None, object]],
    picker: FieldPicker,
    kinds: Callable[[Mapping[str, Any]], dict[str, str]] = kinds_in,
) -> Records:
    """The text of each record; what is none, such as a `Bad` or a text already, as it is.

    Args:
        records: numbered.
        picker: takes the text; chooses its fields here.
        kinds: the columns of a record with what stands in them.

    Raises:
        UnusableError: no field is clearly the text; or what `records` raises, after the records
            before it.

    """
    rest = iter(records)
    ahead: list[tuple[int | None, object]] = []
    broken, characters, whole = None, 0, False
    for number, record in rest:
        if isinstance(record, Mapping):
            ahead.append((number, record))
            break
        yield number, record  # type: ignore[misc]
    try:
        while len(ahead) < LOOKED_AT and characters < CHARACTERS:
            number, record = next(rest)
            ahead.append((number, record))
            if isinstance(record, Mapping):
                characters += sum(len(one) for one in record.values() if isinstance(one, str))
    except StopIteration:
        whole = True
    except UnusableError as error:
        broken = error
    columns = common_kinds([kinds(one) for _, one in ahead if isinstance(one, Mapping)])
    if "text" in columns.values() or (columns and picker.field is not None):
        picker.choose(columns, whole=whole)
    for number, record in chain(ahead, () if broken else rest):
        yield number, checked(picker.pick(record)) if isinstance(record, Mapping) else record  # type: ignore[misc]
    if broken:
        raise broken


def common_kinds(records: list[dict[str, str]]) -> dict[str, str]:
    """What stands in each column most often, nothing at all left aside."""
    counts: dict[str, Counter[str]] = {}
    for record in records:
        for name, kind in record.items():
            counts.setdefault(name, Counter())[kind] += 1
    common = {}
    for name, of_kind in counts.items():
        kinds = [kind for kind, _ in of_kind.most_common()]
        common[name] = next((kind for kind in kinds if kind not in NOTHING), kinds[0])
    return common

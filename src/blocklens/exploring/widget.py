"""The explorer in a notebook, from the page's own front end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.exploring.explorer import OPENING, Explorer
from blocklens.exploring.local_page import script, style
from blocklens.inputs.texts import TextSource


def explore(
    encoder: Any, texts: Any = None, *, study: str | Path | None = None, text: str = OPENING
) -> Any:
    """A notebook's widget: type a text and see an encoder's heads, live.

    Args:
        encoder: what `Encoder.of` takes.
        texts: texts to label the heads on; default English prose that comes with Python.
        study: the folder of a study of this encoder, whose labels, scores, <APT> and clusters are
            shown.
        text: what stands in the field at first.

    Raises:
        UserError: anywidget is not installed; see also `Explorer`.

    Examples:
        >>> import blocklens
        >>> texts = [f"Day {n}. The river rose. The river fell." for n in range(12)]
        >>> widget = blocklens.explore("embedded", texts, text="The river rose.")

    """
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise UserError(
            "explore needs anywidget: pip install 'blocklens[notebook]' brings it"
        ) from error
    from blocklens.embedded.prose import texts as prose

    source = prose() if texts is None else TextSource(texts)
    explorer = Explorer(
        Encoder.of(encoder), source, study=None if study is None else Path(study), text=text
    )

    class Widget(anywidget.AnyWidget):
        _esm = script("export default { render: exploreWidget };")
        _css = style()
        facts = traitlets.Dict().tag(sync=True)

    def asked(widget: Any, question: dict[str, Any], _: Any) -> None:
        number = question.pop("number")
        widget.send({"number": number, "answer": explorer.answer(**question)})

    widget = Widget(facts=explorer.facts)
    widget.on_msg(asked)
    return widget

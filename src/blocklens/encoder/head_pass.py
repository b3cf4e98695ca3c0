"""A pass of an encoder under the head tap: every block's heads on a batch of windows or images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from blocklens.encoder.attention import Heads, HeadTap, Workspace
from blocklens.encoder.own_attention import watched
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.windows import Tokens
from blocklens.wording import counted


@contextmanager
def tapped(
    encoder: Encoder,
    lengths: Sequence[int] | None,
    receive: Callable[[Heads], None],
    workspace: Workspace | None = None,
    *,
    stop_after_heads: bool = False,
) -> Iterator[None]:
    """One forward pass of an encoder's model under a tap.

    Args:
        encoder: whose model it is.
        lengths: see `HeadTap`.
        receive: see `HeadTap`.
        workspace: buffers to use again from batch to batch.
        stop_after_heads: whether the pass may end with the last block's heads, as the model's
            output is not wanted (the code in the `with` ends there). An encoder's first pass is
            always a whole one: only that shows how often its model calls the attention function.

    Raises:
        UserError: no attention heads; or the model did not show every block's attention, so what
            was received is not what its heads do; or the last block's vectors are no numbers.

    """
    check_heads(encoder)
    stops = stop_after_heads and encoder.calls_counted
    with (
        HeadTap(lengths, receive, workspace, encoder.blocks, stop_after_heads=stops) as tap,
        watched(encoder.model, tap),
    ):
        yield
    if tap.calls != encoder.blocks:
        raise UserError(
            f"{encoder.name}: blocklens cannot see inside {encoder.family}: of its "
            f"{counted(encoder.blocks, 'block')} {tap.calls} showed attention; docs/families.md "
            "lists what can be measured"
        )
    encoder.calls_counted = True
    if not tap.finite:
        raise UserError(
            f"{encoder.name}: its outputs are not finite numbers: the weights are damaged, or it "
            "needs another --dtype"
        )


def check_heads(encoder: Encoder) -> None:
    """Raises UserError where blocks have no attention heads, or not the same number of them."""
    if not encoder.heads:
        several = getattr(encoder.config, "num_attention_heads", None) is not None
        why = (
            "its blocks differ in their number of heads" if several else "it has no attention heads"
        )
        raise UserError(f"{encoder.name}: blocklens cannot see inside {encoder.family}: {why}")


@torch.inference_mode()
def run_image_heads(
    encoder: Encoder,
    pixels: Float[Tensor, "images ..."],
    receive: Callable[[Heads], None],
    workspace: Workspace | None = None,
) -> None:
    """The heads of every block on images (or on what else the model takes, such as sounds).

    `Heads.text` is then the number of the image in the batch.

    Raises:
        UserError: see `tapped`.

    """
    with tapped(encoder, None, receive, workspace, stop_after_heads=True):
        encoder.model(**{encoder.model.main_input_name: pixels})


@torch.inference_mode()
def run_heads(
    encoder: Encoder,
    windows: Sequence[Tokens],
    receive: Callable[[Heads], None],
    workspace: Workspace | None = None,
) -> None:
    """The heads of every block on a batch of windows.

    Raises:
        UserError: see `tapped`.

    """
    ids, mask = encoder.batch(list(windows))
    lengths = [len(window) for window in windows]
    with tapped(encoder, lengths, receive, workspace, stop_after_heads=True):
        encoder.model(input_ids=ids, attention_mask=mask)

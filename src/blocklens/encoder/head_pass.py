"""A pass of an encoder under the head tap: every block's heads on a batch of windows or images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from blocklens.encoder.attention import Heads, HeadTap, Workspace
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.windows import Tokens


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
        UserError: the model did not compute every block's attention through transformers'
            interface, so what was received is not what its heads do; or, where the pass ends with
            the heads, the last block's output vectors are no numbers.

    """
    stops = stop_after_heads and encoder.calls_counted
    with HeadTap(lengths, receive, workspace, encoder.blocks, stop_after_heads=stops) as tap:
        yield
    if tap.calls != encoder.blocks:
        raise UserError(
            f"{encoder.name}: {encoder.config.model_type} called the attention function "
            f"{tap.calls} times for {encoder.blocks} blocks: it does not use transformers' "
            "attention interface, so its heads cannot be measured"
        )
    encoder.calls_counted = True
    if not tap.finite:
        raise UserError(
            f"{encoder.name}: its outputs are not finite numbers: the weights are damaged, or it "
            "needs another --dtype"
        )


@torch.inference_mode()
def run_image_heads(
    encoder: Encoder,
    pixels: Float[Tensor, "images channels height across"],
    receive: Callable[[Heads], None],
    workspace: Workspace | None = None,
) -> None:
    """The heads of every block on images.

    `Heads.text` is then the number of the image in the batch.

    Raises:
        UserError: see `tapped`.

    """
    with tapped(encoder, None, receive, workspace, stop_after_heads=True):
        encoder.model(pixel_values=pixels)


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

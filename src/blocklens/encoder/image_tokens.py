"""What the tokens of an image encoder are: a [CLS] or none, and the grid of patches."""

from __future__ import annotations

from blocklens.encoder.trunk import Encoder


def has_class_token(encoder: Encoder) -> bool:
    """Whether an image encoder's first token is a [CLS]: a parameter of its embeddings."""
    return any(
        name.rpartition(".")[2] in ("cls_token", "class_embedding", "class_token")
        for name, _ in encoder.model.named_parameters()
    )


def patch_grid(encoder: Encoder) -> tuple[tuple[int, int], int] | None:
    """Rows and columns of patches, and the number of special tokens before them.

    None where the encoder has no heads or does not say what its patches are.
    """
    image, patch = (getattr(encoder.config, name, None) for name in ("image_size", "patch_size"))
    if not encoder.heads or image is None or patch is None:
        return None
    (height, width), (down, across) = (
        side if isinstance(side, (list, tuple)) else (side, side) for side in (image, patch)
    )
    grid = (int(height) // int(down), int(width) // int(across))
    special = int(has_class_token(encoder))
    special += any("distillation_token" in name for name, _ in encoder.model.named_parameters())
    special += int(getattr(encoder.config, "num_register_tokens", 0) or 0)
    return grid, special

"""Loading a model with its tokenizer or image processor, and saying in one line what is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from blocklens.embedded.bert6 import address
from blocklens.errors import UserError
from blocklens.wording import counted


def is_needed(weight: str) -> bool:
    """Whether the trunk needs the weight of that name: no measure uses the pooler."""
    return "pooler" not in weight


def load_model(
    source: str | Path, *, dtype: torch.dtype, trust_remote_code: bool, allow_pickle: bool
) -> Any:
    """The bare trunk at a folder or Hub id.

    Raises:
        UserError: see `Encoder.load`.

    """
    from safetensors import SafetensorError
    from transformers import AutoModel

    check_folder(address(source), allow_pickle=allow_pickle)
    try:
        with quiet_transformers():
            check_config(source, trust_remote_code=trust_remote_code)
            model, report = AutoModel.from_pretrained(
                address(source),
                dtype=dtype,
                trust_remote_code=trust_remote_code,
                use_safetensors=None if allow_pickle else True,
                output_loading_info=True,
            )
    except SafetensorError as error:
        raise UserError(
            f"{source}: damaged weights ({one_line(error)}): fetch or save the model again"
        ) from error
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{source}: {why_not_loaded(source, error)}") from error
    decoder = "decoder." if getattr(model.config, "is_encoder_decoder", False) else "\0"
    missing = [
        key for key in report["missing_keys"] if not key.startswith(decoder) and is_needed(key)
    ]
    if missing:
        raise UserError(
            f"{source}: the weight file lacks {counted(len(missing), 'tensor')} of the trunk, such "
            f"as {sorted(missing)[0]}: it belongs to another model, or is incomplete"
        )
    return model


def held_by(given: Any) -> tuple[Any, Any, str]:
    """The model that an object of another library holds, its tokenizer, and its name.

    Raises:
        UserError: it holds none.

    """
    if hasattr(given, "_first_module"):  # SentenceTransformer
        first = given._first_module()
        model = getattr(first, "auto_model", None) or getattr(first, "model", None)
        return model, given.tokenizer, str(getattr(model, "name_or_path", "") or "sentences")
    if getattr(given, "tokenizer", None) is not None and hasattr(given, "model"):  # a pipeline
        return given.model, given.tokenizer, str(given.model.name_or_path)
    source = getattr(given, "name_or_path", "")
    if source:
        return given, load_tokenizer(source, trust_remote_code=False), str(source)
    raise UserError(
        f"{type(given).__name__}: no encoder that blocklens knows: give a folder or Hub id, or "
        "a model and its tokenizer as a pair"
    )


def on_device(model: Any, device: str) -> Any:
    """A model or tensor where it is to compute; each process of a machine has its own GPU.

    Raises:
        UserError: this machine, or this PyTorch, has no such device.

    """
    if device in ("cuda", "xpu") and os.environ.get("LOCAL_WORLD_SIZE", "1") != "1":
        device = f"{device}:{os.environ['LOCAL_RANK']}"
    try:
        return model.to(device)
    except (AssertionError, ImportError, RuntimeError) as error:
        raise UserError(
            f"--device {device}: cannot be used here ({one_line(error)}): take another device, or "
            "leave it out to compute on the processor"
        ) from error


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No load report and no bar of its own while a model loads: what matters is raised."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_tokenizer(source: str | Path, *, trust_remote_code: bool) -> Any:
    """The tokenizer at a folder or Hub id, fast where there is one.

    Raises:
        UserError: none could be loaded.

    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            address(source), trust_remote_code=trust_remote_code, use_fast=True
        )
    except Exception as error:
        raise UserError(
            f"{source}: no tokenizer could be loaded ({one_line(error)}): save it beside the model"
        ) from error


def load_processor(source: str | Path, *, trust_remote_code: bool) -> Any:
    """The image processor at a folder or Hub id.

    Raises:
        UserError: none there, or one that needs a package that is not installed.

    """
    from transformers import AutoImageProcessor

    try:
        with quiet_transformers():
            return AutoImageProcessor.from_pretrained(
                address(source), trust_remote_code=trust_remote_code
            )
    except ImportError as error:
        raise UserError(
            f"{source}: its image processor needs a package ({one_line(error)}): install it"
        ) from error
    except Exception as error:
        raise UserError(
            f"{source}: no image processor could be loaded ({one_line(error)}): save it beside the "
            "model (preprocessor_config.json)"
        ) from error


def check_folder(source: str | Path, *, allow_pickle: bool) -> None:
    """See before loading whether a local folder holds a model we may read."""
    folder = Path(source)
    if folder.is_file():
        raise UserError(f"{source}: a file; expected a model folder or a Hub id")
    if not folder.is_dir():
        return
    whole = (folder / "config.json").is_file()
    if (folder / "adapter_config.json").is_file():
        lies = "lies beside its base, and the base alone would be measured" if whole else "is none"
        raise UserError(
            f"{source}: adapter_config.json: an adapter (LoRA) {lies}: merge it with its base "
            "(peft's merge_and_unload), save, and give that"
        )
    if not whole:
        inside = sorted(path.parent.name for path in folder.glob("*/model*.safetensors"))
        hint = f"; there are weights in its folder {inside[0]}: give that" if inside else ""
        raise UserError(f"{source}: no config.json; expected a Hugging Face model folder{hint}")
    names = [path.name for path in folder.iterdir()]
    if not any(name.endswith(".safetensors") for name in names) and not allow_pickle:
        pickles = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
        if pickles:
            raise UserError(
                f"{source}: {pickles[0]} is a pickle, which may run any code: convert it to "
                "safetensors, or allow it with --allow-pickle if you trust its author"
            )
        raise UserError(f"{source}: no weights; expected model.safetensors")


def check_config(source: str | Path, *, trust_remote_code: bool = False) -> Any:
    """A model's configuration, from which it is seen whether its weights are plain and whole.

    Raises:
        UserError: pruned heads, or quantised weights.

    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(address(source), trust_remote_code=trust_remote_code)
    if getattr(config, "pruned_heads", None):
        raise UserError(
            f"{source}: heads were pruned from it (pruned_heads), which this transformers cannot "
            "load: give the model as it was before pruning"
        )
    if getattr(config, "quantization_config", None):
        raise UserError(
            f"{source}: its weights are quantised; blocklens measures float weights: give the "
            "checkpoint that it was made from"
        )
    return config


def why_not_loaded(source: str | Path, error: Exception) -> str:
    """One line for the ways in which transformers fails to load a model."""
    said = one_line(error)
    if Path(source).is_dir():
        return f"could not be loaded as an encoder ({said})"
    if "trust_remote_code" in said:
        return "brings its own code: allow it with --trust-remote-code if you trust its author"
    if "safetensors" in said and os.environ.get("HF_HUB_OFFLINE") != "1" and "find" not in said:
        return "has no safetensors weights: allow pickles with --allow-pickle if you trust them"
    return (
        "no such folder, and the Hub gave no model of that name: check the spelling and the "
        "network, or give the path of a local folder"
    )


def one_line(error: BaseException, limit: int = 160) -> str:
    """The first sentence of an error, without line breaks."""
    words = " ".join(str(error).split()) or type(error).__name__
    if "ignore_mismatched_sizes" in words:  # it speaks of a report that is not shown
        words = "its weights do not have the shapes that config.json says"
    return words if len(words) <= limit else words[: limit - 1] + "…"

"""The speed run: how little a masked-language model needs to be right as often as ours.

    python -m benchmarks.speed_run MODEL TEXTS [--threads N]

MODEL is any `BertForMaskedLM` folder with a WordPiece vocabulary of 8,192 entries that was trained
on the openings of docs/data.md without the articles that `blocklens pretrain` holds out; TEXTS are
those openings. Prints the accuracy at the modified positions of all rows of the held-out articles
(15 %, 80-10-10, from a fixed seed: other vocabularies would make other tokens to be right about),
and, where the folder has a `training_log.csv`, the tokens and the minutes of its training times its
threads. The table is in docs/pretraining.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from transformers import AutoTokenizer, BertForMaskedLM

from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource
from blocklens.pretraining.corpus import build_corpus
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.training import Training
from blocklens.pretraining.training_log import read_training_log

ENTRIES = 8192


def main() -> None:
    """Measure one model and print its line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("texts")
    parser.add_argument("--threads", type=int, default=1, help="threads that it was trained on")
    chosen = parser.parse_args()
    figures = held_out_figures(chosen.model, TextSource(chosen.texts))
    line = f"accuracy {figures['accuracy']:.4f} at {figures['n']:,} modified held-out tokens"
    log = read_training_log(chosen.model)
    if log is not None:
        minutes = float(log["seconds"].iloc[-1]) * chosen.threads / 60
        tokens = float(log["tokens"].iloc[-1]) / 1e6
        line += f", {tokens:.1f} million tokens, {minutes:.0f} core-minutes"
    print(line)


def held_out_figures(model: Path, texts: TextSource, *, entries: int = ENTRIES) -> dict[str, float]:
    """Loss and accuracy on the held-out articles, as at the end of every run.

    Raises:
        UserError: a vocabulary of another size.

    """
    tokenizer = AutoTokenizer.from_pretrained(model)
    if len(tokenizer) != entries:
        raise UserError(f"{model}: {len(tokenizer):,} entries; the speed run is with {entries:,}")
    options = PretrainOptions.make(steps=1, initial="standard", precision="float32")
    with tempfile.TemporaryDirectory() as folder:
        corpus = build_corpus(
            (text.text for text in texts), tokenizer, Path(folder) / "corpus",
            validation=options.validation, seed=options.seed, about={},
        )  # fmt: skip
        run = Training(options, corpus, tokenizer, Path(folder))
        run.model = BertForMaskedLM.from_pretrained(model)
        return run.validate(rows=len(run.held_out))


if __name__ == "__main__":
    main()

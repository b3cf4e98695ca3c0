"""A study of the number of training articles: many small pre-trainings and one report.

(docs/definitions.md: training-set size.) At equal steps and at equal epochs. All runs of a seed
share one vocabulary and token file; a smaller set is part of every larger one; all are measured on
the same held-out texts, at the last block with the model's own head. Another seed draws everything
anew: which texts are held out, the vocabulary, the articles, the first weights, the order and the
modifications.

Beside what every study's folder holds (`runner.py`), `seed-0/equal-steps/1000-articles/` and its
like are the runs, each an ordinary `blocklens pretrain` folder.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from blocklens.distributed import Share, join
from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource
from blocklens.labels.tables import MEAN
from blocklens.pretraining.corpus import is_held_out
from blocklens.pretraining.pretrain import pretrain
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.tokenizer import digest_of_given
from blocklens.pretraining.train_sizes import sizes_table
from blocklens.progress import SILENT, Progress
from blocklens.readouts.token_task import measure_learning
from blocklens.studies.part import Facts, Part, Result, Step, Tables
from blocklens.studies.runner import Study, StudyRun
from blocklens.studies.study_record import InputsRecord, StudyRecord
from blocklens.wording import counted

VERSION = 2
MEASURED_TEXTS = 5000
"""Most held-out texts that an encoder is measured on."""
COPYING = 0.12
"""<APT> that copying unchanged tokens stays below (docs/definitions.md: read-out of block m)."""


def study_sizes(
    texts: Any,
    out: Path,
    sizes: list[int],
    *,
    preset: str | None = None,
    given: dict[str, Any] | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    seeds: int = 1,
    save_minutes: float = 5.0,
    device: str = "cpu",
    progress: Progress = SILENT,
    report: bool = True,
) -> Study:
    """Train encoders of every size, comparison and seed, measure <APT> of each, judge the claim.

    `texts`: a TextSource, or strings. `steps` asks for the comparison at equal steps, `epochs` for
    the one at equal epochs; at least one is needed. `seeds`: how many, from the options' own on.
    Finished runs are kept and an unfinished one goes on. Table `training_runs` has one row a run:
    comparison, articles, seed, steps, tokens, apt with its 95 % interval over texts (low, high),
    n_types, accuracy, loss; table `training_sizes` is what `sizes_table` makes of them.

    Raises:
        UserError: neither steps nor epochs, no seed, or what `pretrain` refuses.

    """
    comparisons = {"equal steps": {"steps": steps}, "equal epochs": {"epochs": epochs}}
    asked = {name: value for name, value in comparisons.items() if any(value.values())}
    if not asked:
        raise UserError("sizes: give --steps for equal steps, --epochs for equal epochs, or both")
    if seeds < 1:
        raise UserError(f"seeds {seeds}: at least one is needed")
    source = texts if isinstance(texts, TextSource) else TextSource(texts)
    first = int((given or {}).get("seed") or 0)
    runs = [
        (comparison, PretrainOptions.make(
            preset, **{**(given or {}), **budget, "articles": articles, "seed": seed}
        ).settled())
        for seed in range(first, first + seeds)
        for comparison, budget in asked.items()
        for articles in sizes
    ]  # fmt: skip
    options = runs[0][1]
    share = join()
    digest = share.same(source.digest() if share.rank == 0 else "")
    tokenizer = share.same(digest_of_given(options) if share.rank == 0 else None)
    given_inputs = {"texts": digest, **({"tokenizer": tokenizer} if tokenizer else {})}
    with StudyRun(out, "sizes", share=share, progress=progress) as run:
        planned = []
        for comparison, chosen in runs:
            place = f"seed-{chosen.seed}/{comparison.replace(' ', '-')}/{chosen.articles}-articles"
            train = partial(
                one_run, share, source, run.folder / place, comparison, chosen, save_minutes, device
            )
            name = f"{comparison}, {chosen.articles} articles, seed {chosen.seed}"
            made_of = {"options": chosen, "measured": MEASURED_TEXTS, **given_inputs}
            planned.append(Step(name, made_of, train, keeps=f"{place}/model"))
        part = Part(
            "sizes", VERSION, planned, notes=notes,
            derive=lambda tables: {"training_sizes": sizes_table(tables["training_runs"])},
        )  # fmt: skip
        run.measure(part)
        shared = options.model_dump(exclude={"articles", "steps", "epochs", "hours", "seed"})
        record = StudyRecord(
            kind="sizes",
            encoder=f"BERT-{options.blocks} of width {options.width}: {counted(len(runs), 'run')}",
            blocks=options.blocks,
            heads=options.heads,
            texts=InputsRecord(description=source.description),
            options={"sizes": sizes, "seeds": seeds, "steps": steps, "epochs": epochs, **shared},
            hashes={"texts": digest},
        )
        return run.finish(record, report=report)


def one_run(
    share: Share,
    source: TextSource,
    folder: Path,
    comparison: str,
    options: PretrainOptions,
    save_minutes: float,
    device: str,
    progress: Progress,
) -> Result | None:
    """Train one encoder, or go on training it, and measure it on the held-out texts.

    All processes train it, the first one measures it.
    """
    pretrain(
        source, folder, options, resume=share.same((folder / "options.json").is_file()),
        save_minutes=save_minutes, device=device, progress=progress, data=folder.parents[1],
    )  # fmt: skip
    if share.rank:
        return None
    encoder = Encoder.load(folder / "model", device=device)
    learned = measure_learning(encoder, held_out(source, options), read_out="lens")
    learning = learned.tables["learning"]
    last = learning[learning["block"] == learning["block"].max()].set_index("statistic")
    apt: Any = last.loc[MEAN]
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    row = {
        "comparison": comparison,
        "articles": options.articles,
        "seed": options.seed,
        "steps": int(figures["steps"]),
        "tokens": int(figures["tokens"]),
        "apt": float(apt["value"]),
        "low": float(apt["low"]),
        "high": float(apt["high"]),
        "n_types": int(apt["n_types"]),
        "accuracy": float(figures["accuracy"]),
        "loss": float(figures["loss"]),
    }
    return Result({"training_runs": pd.DataFrame([row])}, {})


def held_out(source: TextSource, options: PretrainOptions) -> list[str]:
    """The texts that a run did not train on, as many as are measured."""
    chosen = []
    for text in source:
        if is_held_out(text.text, seed=options.seed, share=options.validation):
            chosen.append(text.text)
            if len(chosen) == MEASURED_TEXTS:
                break
    return chosen


def notes(facts: Facts, tables: Tables) -> list[str]:
    """How it was measured, and what the figures cannot say."""
    table = tables["training_sizes"]
    said = [
        "Each encoder is measured at its last block with its own head, on texts held out from all."
    ]
    if table["seeds"].to_numpy(dtype=int).max() < 2:
        said.append("One seed: its intervals are over texts, and the claim is left open.")
    if table["apt"].to_numpy(dtype=float).max() < COPYING:
        said.append(
            f"No encoder reached an <APT> of {COPYING}: a head that sees the token alone, right "
            "where it was left unchanged, has about as much. These runs were too short to say what "
            "more articles bring; train for more steps."
        )
    return said

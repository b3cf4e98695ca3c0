import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from benchmarks.speed_run import held_out_figures
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer

from blocklens.errors import UserError
from blocklens.inputs.texts import TextSource
from blocklens.pretraining import training
from blocklens.pretraining.checkpoints import states
from blocklens.pretraining.loop import milestone_shares
from blocklens.pretraining.pretrain import pretrain
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.pretraining.training import Training
from blocklens.progress import shown
from helpers import made_up_texts

TINY = {
    "blocks": 2,
    "heads": 2,
    "width": 16,
    "positions": 32,
    "length": 32,
    "vocabulary": 64,
    "rows": 4,
    "warm_up": 2,
    "validation": 0.2,
    "precision": "float32",
}


def options(**changes):
    return PretrainOptions.make("mini", **{**TINY, "steps": 30, **changes})


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def assert_bit_for_bit(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of 30 steps that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    pretrain(made_up_texts(), folder, options())
    return folder


def test_the_result_is_an_ordinary_masked_language_model_with_a_card(whole):
    model, info = AutoModelForMaskedLM.from_pretrained(whole / "model", output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(whole / "model")
    ids = tokenizer("the cats [MASK] today .", return_tensors="pt")
    assert tokenizer.mask_token_id in ids["input_ids"]
    assert model(**ids).logits.shape[-1] == 64
    decoder = model.cls.predictions.decoder.weight
    assert decoder.data_ptr() == model.bert.embeddings.word_embeddings.weight.data_ptr()
    card = (whole / "model" / "README.md").read_text()
    for part in ("optimiser steps: 30", "held-out texts", "accuracy", '"width": 16'):
        assert part in card


def test_encoders_of_the_milestones_are_kept(whole):
    steps = (0, 1, 3, 10, 30)  # of 30: at the start, 1, 3.2, 10, 31.6 and 100 %
    assert {path.name for path in (whole / "milestones").iterdir()} == {
        f"checkpoint-{step}" for step in steps
    }
    AutoModelForMaskedLM.from_pretrained(whole / "milestones" / "checkpoint-10")


def test_the_log_of_a_run_goes_on_to_its_last_step(whole):
    log = pd.read_csv(whole / "training_log.csv")
    assert log.loc[log["loss"].notna(), "step"].tolist() == [20, 30]


def test_it_learns_what_follows_from_the_text(tmp_path):
    whole_words = 80  # entries: fewer hold every letter and only some of the words
    changes = {"steps": 150, "width": 32, "rows": 8, "vocabulary": whole_words}
    pretrain(made_up_texts(), tmp_path, options(**changes))
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["accuracy"] > 0.7


def test_the_same_command_gives_the_same_weights(whole, tmp_path):
    pretrain(made_up_texts(), tmp_path, options())
    assert_bit_for_bit(weights(tmp_path), weights(whole))


@pytest.mark.slow
def test_a_run_killed_with_sigkill_and_resumed_equals_one_never_stopped(tmp_path):
    chosen = options(steps=60, dropout=0.1)
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import torch; torch.set_num_threads(1)
from pathlib import Path
from blocklens.pretraining.pretrain import pretrain
from blocklens.pretraining.pretrain_options import PretrainOptions
from helpers import made_up_texts
options = PretrainOptions.model_validate_json({chosen.model_dump_json()!r})
pretrain(made_up_texts(), Path(sys.argv[1]), options,
         resume=sys.argv[2] == "resume", save_minutes=1e-9)
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed, never = tmp_path / "killed", tmp_path / "never"

    def run(folder, mode):
        return subprocess.Popen([sys.executable, "-c", script, folder, mode], env=environment)

    process = run(killed, "new")
    while not any(int(p.name[5:]) >= 20 for p in states(killed / "checkpoints")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "model").exists()
    assert run(killed, "resume").wait() == 0
    assert run(never, "new").wait() == 0
    assert_bit_for_bit(weights(killed), weights(never))


def stopped_run(folder, monkeypatch, at=12, **changes):
    """A run with a state after every step that ends, as if killed, after `at` steps."""
    original = Training.step

    def step(self):
        if self.counters.step == at:
            raise KeyboardInterrupt
        return original(self)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "step", step)
        with pytest.raises(KeyboardInterrupt):
            pretrain(made_up_texts(), folder, options(**changes), save_minutes=1e-9)


@pytest.mark.parametrize(
    ("number", "shares"),
    [(0, []), (1, [0]), (2, [0, 1]), (3, [0, 0.01, 1]), (4, [0, 0.01, 0.1, 1])],
)
def test_milestones_go_from_the_start_to_the_end(number, shares):
    assert milestone_shares(number) == pytest.approx(shares)


def test_a_run_that_goes_on_keeps_the_milestones_to_come(tmp_path, monkeypatch):
    stopped_run(tmp_path, monkeypatch, at=12)
    shutil.rmtree(tmp_path / "milestones")
    pretrain(made_up_texts(), tmp_path, options(), resume=True, milestones=8)
    # 1, 2.2, 4.6, 10, 22 and 46 % were before the stop or are to come, 100 % is the end.
    kept = {path.name for path in (tmp_path / "milestones").iterdir()}
    assert kept == {"checkpoint-14", "checkpoint-30"}


def test_a_damaged_state_is_passed_over_for_the_one_before(whole, tmp_path, monkeypatch, capsys):
    stopped_run(tmp_path, monkeypatch)
    newest = states(tmp_path / "checkpoints")[-1]
    data = bytearray((newest / "state.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (newest / "state.safetensors").write_bytes(bytes(data))
    with shown() as progress:
        pretrain(made_up_texts(), tmp_path, options(), resume=True, progress=progress)
    said = capsys.readouterr().err
    assert f"{newest.name}: damaged" in said
    assert "the one before is used" in said
    assert_bit_for_bit(weights(tmp_path), weights(whole))


def test_resume_with_other_options_is_refused_and_the_difference_named(tmp_path, monkeypatch):
    stopped_run(tmp_path, monkeypatch)
    with pytest.raises(UserError, match=r"rate: 0\.0015 -> 0\.002"):
        pretrain(made_up_texts(), tmp_path, options(rate=0.002), resume=True)


def test_resume_with_other_texts_is_refused(tmp_path, monkeypatch):
    stopped_run(tmp_path, monkeypatch)
    with pytest.raises(UserError, match="cannot resume with other texts"):
        pretrain(made_up_texts()[1:], tmp_path, options(), resume=True)


def change_entry(file):
    """Another entry in the place of one that the made-up texts have."""
    before = file.read_text()
    file.write_text(before.replace('"birds"', '"bards"'))
    assert file.read_text() != before


def test_an_old_tokenizer_of_other_texts_or_with_a_changed_file_is_made_anew(tmp_path):
    """The folder of a run that was killed before its first state holds a tokenizer already."""
    texts = made_up_texts()
    pretrain([text.replace("cats", "ants") for text in texts], tmp_path, options(steps=1))
    for name in ("model", "checkpoints"):
        shutil.rmtree(tmp_path / name)
    pretrain(texts, tmp_path, options(steps=1))
    fresh = tmp_path / "fresh"
    pretrain(texts, fresh, options(steps=1))
    names = ("tokenizer/tokenizer.json", "corpus/tokens.bin", "model/model.safetensors")
    for name in names:
        assert (tmp_path / name).read_bytes() == (fresh / name).read_bytes(), name
    file = tmp_path / "tokenizer" / "tokenizer.json"
    change_entry(file)
    pretrain(texts, tmp_path, options(steps=1), resume=True)
    assert file.read_bytes() == (fresh / "tokenizer" / "tokenizer.json").read_bytes()


def test_a_finished_run_is_not_overwritten(whole):
    with pytest.raises(UserError, match="holds a run already"):
        pretrain(made_up_texts(), whole, options())


def test_a_run_that_could_not_be_begun_leaves_nothing(tmp_path, monkeypatch):
    from blocklens.pretraining import pretrain as begun

    write = begun.write_json

    def full(value, path):
        if path.name == "options.json":
            raise UserError(f"{path}: the disk is full")
        write(value, path)

    with monkeypatch.context() as patched:
        patched.setattr(begun, "write_json", full)
        with pytest.raises(UserError, match="disk is full"):
            pretrain(made_up_texts(), tmp_path / "run", options())
    assert not [file for file in (tmp_path / "run").iterdir() if file.suffix == ".json"]
    pretrain(made_up_texts(), tmp_path / "run", options(steps=1))  # begins as if nothing had been


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "corpus").mkdir()
    mine = tmp_path / "corpus" / "one.txt"
    mine.write_text("keep me")
    with pytest.raises(UserError, match="holds other files"):
        pretrain(tmp_path / "corpus", tmp_path, options())
    assert mine.read_text() == "keep me"
    assert [file.name for file in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device")
def test_a_device_that_is_not_here_is_told_before_the_texts_are_read(tmp_path):
    with pytest.raises(UserError, match="--device cuda: cannot be used here"):
        pretrain(made_up_texts(), tmp_path / "run", options(), device="cuda")
    assert not (tmp_path / "run").exists()


def test_resume_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="no run to resume"):
        pretrain(made_up_texts(), tmp_path / "nothing", options(), resume=True)


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_state(tmp_path):
    with pytest.raises(UserError, match="the last good checkpoint is kept"):
        pretrain(
            made_up_texts(),
            tmp_path,
            options(rate=1e30, matrix_rate=1e30, warm_up=0),
            save_minutes=1e-9,
        )
    kept = states(tmp_path / "checkpoints")
    assert kept
    for name, weight in load_file(kept[-1] / "state.safetensors").items():
        assert weight.isfinite().all(), name
    assert not (tmp_path / "model").exists()


def losses_of(monkeypatch, curve):
    """Training whose losses are those of `curve`, a function of the step; the rest is as it is."""
    step = Training.step

    def scripted(run):
        _, hits, batch = step(run)
        return torch.tensor(curve(run.counters.step)), hits, batch

    monkeypatch.setattr(Training, "step", scripted)


def test_a_run_that_loses_what_it_had_learned_is_stopped_before_it_is_saved(tmp_path, monkeypatch):
    losses_of(monkeypatch, lambda step: 9.0 - step / 10 if step < 60 else 6.5)
    with pytest.raises(UserError, match=r"from 4\.\d\d? back up to 6\.5.* lower learning rate"):
        pretrain(made_up_texts(), tmp_path, options(steps=1000), save_minutes=1e-9)
    newest = json.loads((states(tmp_path / "checkpoints")[-1] / "state.json").read_text("utf-8"))
    assert newest["counters"]["step"] < 80  # the report that told of it came at step 80
    assert not (tmp_path / "model").exists()


def test_a_spike_of_the_loss_that_passes_does_not_stop_a_run(tmp_path, monkeypatch):
    losses_of(monkeypatch, lambda step: 8.0 if 100 <= step < 240 else max(3.0, 9.0 - step / 10))
    pretrain(made_up_texts(), tmp_path, options(steps=300))
    assert (tmp_path / "model").is_dir()


def test_a_vocabulary_too_small_for_its_script_is_said_once_with_one_that_is_not(tmp_path, capsys):
    texts = ["".join(chr(0x4E00 + (7 * n + k * k) % 90) for k in range(40)) for n in range(60)]
    with shown() as progress:
        pretrain(texts, tmp_path / "small", options(steps=2), progress=progress)
        small = capsys.readouterr().err
        advice = re.search(r"unknown to the vocabulary; --vocabulary (\d+) holds 99\.95%", small)
        assert advice
        chosen = options(steps=2, vocabulary=int(advice[1]))
        pretrain(texts, tmp_path / "enough", chosen, progress=progress)
    assert "unknown to the vocabulary" not in capsys.readouterr().err


def test_an_existing_tokenizer_is_taken(whole, tmp_path):
    made = options(tokenizer=str(whole / "tokenizer"), steps=2)
    pretrain(made_up_texts(), tmp_path, made)
    a = AutoTokenizer.from_pretrained(whole / "model").get_vocab()
    assert AutoTokenizer.from_pretrained(tmp_path / "model").get_vocab() == a


def test_berts_vocabulary_file_is_a_tokenizer(whole, tmp_path):
    entries = AutoTokenizer.from_pretrained(whole / "model").get_vocab()
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(sorted(entries, key=entries.__getitem__)) + "\n")
    for number, given in enumerate((file, tmp_path)):
        out = tmp_path / f"out {number}"
        pretrain(made_up_texts(), out, options(tokenizer=str(given), steps=1))
        assert AutoTokenizer.from_pretrained(out / "model").get_vocab() == entries
        assert (out / "corpus" / "tokens.bin").read_bytes() == (
            whole / "corpus" / "tokens.bin"
        ).read_bytes()
    file.write_text(file.read_text() + "Cats\n")
    with pytest.raises(UserError, match="has entries like Cats: give --no-lowercase"):
        pretrain(made_up_texts(), tmp_path / "cased", options(tokenizer=str(file), steps=1))
    file.write_text("cats\ndogs\n")
    with pytest.raises(UserError, match=r"no \[PAD\] among its entries"):
        pretrain(made_up_texts(), tmp_path / "other", options(tokenizer=str(file), steps=1))


def test_a_run_does_not_go_on_with_a_tokenizer_that_has_changed(whole, tmp_path):
    shutil.copytree(whole / "tokenizer", tmp_path / "tokenizer")
    made = options(tokenizer=str(tmp_path / "tokenizer"), steps=1)
    pretrain(made_up_texts(), tmp_path / "out", made)
    pretrain(made_up_texts(), tmp_path / "out", made, resume=True)
    file = tmp_path / "tokenizer" / "tokenizer.json"
    change_entry(file)
    with pytest.raises(UserError, match="cannot resume with another tokenizer"):
        pretrain(made_up_texts(), tmp_path / "out", made, resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 3}, "heads: 3 do not divide the width 16"),
        ({"length": 64}, "length: 64 is beyond the 32 positions"),
        ({"steps": None, "hours": None, "epochs": None}, None),
        ({"steps": 3, "epochs": 2}, "exactly one is needed"),
        ({"no_such_option": 1}, "no_such_option"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(changes, message):
    if message is None:
        assert PretrainOptions.make("mini").hours == 2
        return
    with pytest.raises(UserError, match=message) as caught:
        options(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "changes", "message"),
    [
        (made_up_texts(), {"vocabulary": 5000}, "the texts fill only"),
        (["the cats purr today ."] * 3, {"vocabulary": 32}, "both must be at least 1"),
        (made_up_texts(), {"articles": 5000}, "articles: 5,000 asked for"),
        (
            made_up_texts(),
            {"tokenizer": "no/such/folder"},
            "no/such/folder: no such file or folder; check",
        ),
    ],
)
def test_texts_that_do_not_suffice_are_refused_in_one_line(tmp_path, texts, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        pretrain(texts, tmp_path, options(**changes))
    assert "\n" not in str(caught.value)


NATIVE, NONE = {"avx512_bf16": True}, {"avx512_bf16": False}


def test_auto_is_settled_by_the_processor_and_a_named_precision_stays(monkeypatch):
    for has, expected in ((NATIVE, "bfloat16"), (NONE, "float32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: has)
        assert options(precision="auto").settled().precision == expected
        assert options(precision="float32").settled().precision == "float32"


def test_the_paper_preset_names_its_precision():
    assert PretrainOptions.make("paper").precision == "float32"
    assert PretrainOptions.make("mini").precision == "auto"


def test_a_run_keeps_the_precision_it_began_with_on_another_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: NATIVE)
    never, stopped = tmp_path / "never", tmp_path / "stopped"
    pretrain(made_up_texts(), never, options(precision="auto"))
    stopped_run(stopped, monkeypatch, precision="auto")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: NONE)
    with pytest.raises(UserError, match="precision: bfloat16 -> float32"):
        pretrain(made_up_texts(), stopped, options(precision="float32"), resume=True)
    pretrain(made_up_texts(), stopped, options(precision="auto"), resume=True)
    assert_bit_for_bit(weights(stopped), weights(never))
    for file in (stopped / "options.json", stopped / "model" / "README.md"):
        assert '"precision": "bfloat16"' in file.read_text()


def test_the_share_of_modified_tokens_falls_with_the_rate(tmp_path, monkeypatch):
    shares, batch = [], Training.batch

    def watched(run, rows, numbers, share, seed, epoch):
        if rows is run.rows:
            shares.append((share, run.rate_factor()))
        return batch(run, rows, numbers, share, seed, epoch)

    monkeypatch.setattr(Training, "batch", watched)
    given = options(steps=8, decay=0.5, warm_up=0, modified=0.2, modified_early=0.6)
    pretrain(made_up_texts(), tmp_path, given)
    falling = [1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    assert shares == [(pytest.approx(0.2 + 0.4 * left), left) for left in falling]


def test_the_speed_run_measures_what_a_run_says_of_itself(tmp_path):
    wide = options(positions=128, length=128, validation=0.04, steps=3)
    texts = made_up_texts()
    model = pretrain(texts, tmp_path / "run", wide)
    said = json.loads((tmp_path / "run" / "figures.json").read_text())
    figures = held_out_figures(model, TextSource(texts), entries=wide.vocabulary)
    assert figures == pytest.approx({name: said[name] for name in ("loss", "accuracy", "n")})
    assert figures["n"] > 0
    with pytest.raises(UserError, match="64 entries; the speed run is with 8,192"):
        held_out_figures(model, TextSource(texts))


@pytest.mark.parametrize("decay", [0.5, 1.0])
def test_with_hours_the_decay_is_fixed_in_steps_and_ends_at_rate_zero(tmp_path, decay, monkeypatch):
    monkeypatch.setattr(training, "SPEED_KNOWN", 0.1)
    pretrain(made_up_texts(), tmp_path, options(steps=None, hours=4 / 3600, decay=decay))
    decision = json.loads((tmp_path / "decay.json").read_text())
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["steps"] == decision["total_steps"] > decision["decay_start"] > 1

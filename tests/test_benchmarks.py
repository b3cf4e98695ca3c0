"""The benchmarks' baselines give our figures, and the runner writes what it promises."""

import json

import pytest
from benchmarks import __main__ as runner
from benchmarks.fresh import SETTINGS
from benchmarks.heads import assert_same, check_equal
from benchmarks.sides import Hooks, Ours
from benchmarks.timing import paired
from benchmarks.workload import random_bert, random_windows

from blocklens import __main__ as command
from blocklens import cli

ROW = {"name": "speed", "value": 2.0, "limit": 1.5, "holds": True, "better": "higher"}


@pytest.mark.parametrize("tokens", [128, 64])
@pytest.mark.parametrize("way", ["hooks", "tuned"])
def test_numpy_over_hooks_gives_the_same_figures_as_ours(way, tokens):
    check_equal(way, "small", tokens)


def test_transformer_lens_and_numpy_give_the_same_figures_as_ours():
    pytest.importorskip("transformer_lens")
    check_equal("lens", "small", 40)


def test_a_benchmark_that_fails_keeps_what_it_did_not_come_to():
    def row(name, value):
        return {"benchmark": "heads", "name": name, "value": value}

    before = [row("one", 1), row("two", 2), {**row("other", 3), "benchmark": "memory"}]
    failed = row("heads: failed", None)
    after = runner.merged(before, "heads", [row("one", 5), failed])
    assert {r["name"]: r["value"] for r in after} == {
        "one": 5, "two": 2, "heads: failed": None, "other": 3,
    }  # fmt: skip
    again = runner.merged(after, "heads", [row("one", 6)])
    assert {r["name"]: r["value"] for r in again} == {"one": 6, "other": 3}


def test_the_check_of_equality_finds_a_difference():
    model = random_bert("small", double=True)
    ours, theirs = Ours(model, 32), Hooks(model, 32)
    ours(random_windows(2, 32, seed=0))
    theirs(random_windows(2, 32, seed=1))
    with pytest.raises(AssertionError):
        assert_same(ours.sums, theirs.figures)


def test_windows_are_as_long_as_asked_and_have_sentences():
    for window in random_windows(5, 128):
        assert len(window) == 128
        assert window.special.sum() == 2
        assert window.sentences.max() > 1


def test_benchmarks_run_under_the_memory_settings_of_the_command_line(monkeypatch):
    environment = {}
    monkeypatch.setattr(command.os, "environ", environment)
    monkeypatch.setattr(command.os, "execv", lambda *arguments: None)
    monkeypatch.setattr(cli, "main", lambda: None)
    command.main()
    assert environment == SETTINGS


def test_pairs_are_interleaved_and_the_warm_up_does_not_count():
    calls = []
    found = paired(lambda: calls.append("a"), lambda: calls.append("b"), pairs=3, warm_up=1)
    assert calls == ["a", "b"] * 4
    assert found["pairs"] == 3
    assert found["ratio_low"] <= found["ratio"] <= found["ratio_high"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of benchmarks of its own, with an empty table."""
    (tmp_path / "README.md").write_text(f"before\n{runner.BEGIN}\n{runner.END}\nafter\n")
    monkeypatch.setattr(runner, "FOLDER", tmp_path)
    return tmp_path


def use(monkeypatch, folder, **runs):
    """Let the runner find these functions as the benchmarks' `run`."""
    for name in runs:
        (folder / f"{name}.py").write_text("\ndef run(quick=False): ...\n")
    modules = {f"benchmarks.{name}": type(name, (), {"run": run}) for name, run in runs.items()}
    monkeypatch.setattr(runner.importlib, "import_module", modules.__getitem__)


def test_results_have_their_four_keys_and_the_calibration_beside_them(folder, monkeypatch):
    use(monkeypatch, folder, one=lambda quick: [ROW])
    assert runner.main([]) == 0
    (row,) = json.loads((folder / "results.json").read_text())
    assert row.items() >= ROW.items()
    assert row["calibration_gflops"] > 0
    page = (folder / "README.md").read_text()
    assert page.startswith("before")
    assert page.endswith("after\n")
    assert "| one | speed | 2 | ≥ 1.5 | yes |" in page


def test_a_benchmark_that_fails_is_named_and_the_rest_goes_on(folder, monkeypatch, capsys):
    def fails(quick):
        raise RuntimeError("no such thing")

    use(monkeypatch, folder, bad=fails, good=lambda quick: [ROW], keyless=lambda quick: [{}])
    assert runner.main([]) == 1
    rows = json.loads((folder / "results.json").read_text())
    assert [(row["name"], row["holds"]) for row in rows] == [
        ("bad: failed", False),
        ("speed", True),
        ("keyless: failed", False),
    ]
    assert "no such thing" in rows[0]["reason"]


def test_one_benchmark_alone_replaces_its_own_rows_only(folder, monkeypatch):
    use(monkeypatch, folder, a=lambda quick: [ROW], b=lambda quick: [ROW])
    runner.main([])
    use(monkeypatch, folder, b=lambda quick: [{**ROW, "value": 3.0}])
    runner.main(["--only", "b"])
    rows = json.loads((folder / "results.json").read_text())
    assert [row["value"] for row in rows] == [2.0, 3.0]


def test_a_quick_run_writes_nothing(folder, monkeypatch):
    use(monkeypatch, folder, one=lambda quick: [ROW] if quick else [])
    assert runner.main(["--quick"]) == 0
    assert not (folder / "results.json").exists()

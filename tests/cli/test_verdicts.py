"""Claims in the terminal are sentences within 80 columns."""

from typer.testing import CliRunner

from blocklens.claims import REGISTRY, evaluate
from blocklens.cli import app
from blocklens.cli.verdicts import print_verdicts


def test_all_statements_are_listed_with_what_is_measured():
    said = CliRunner().invoke(app, ["claims"]).output
    assert all(f"  {name}\n" in said for name in REGISTRY)
    assert max(map(len, said.splitlines())) <= 80


def test_a_verdict_has_its_reason_and_figure_within_80_columns(capsys):
    row = evaluate({}).reindex(columns=COLUMNS)
    row.loc[0] = ["p1-x", "heads prefer their own sentence", 1.3, 1.2, 1.4, 1.0, 0.9, 1.1,
                  "undecided", "no twin was measured", "five twins"]  # fmt: skip
    row.loc[1] = [*row.loc[0][:8], "holds", "", ""]
    print_verdicts(row)
    said = capsys.readouterr().out
    assert said.index("HOLDS  (p1-x)") < said.index("UNDECIDED  (p1-x)")
    words = " ".join(said.split())
    assert "Heads prefer their own sentence. Measured: 1.3 (1.2 to 1.4)." in words
    assert "What would decide it: five twins." in words
    assert max(map(len, said.splitlines())) <= 80


COLUMNS = ["id", "statement", "effect", "low", "high", "control_effect", "control_low",
           "control_high", "verdict", "reason", "decides"]  # fmt: skip

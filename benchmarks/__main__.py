"""Every benchmark of the project: figures to `results.json`, a table for people to `README.md`.

    python -m benchmarks [--quick] [--only NAME]

A benchmark is a module of this folder with `run(quick: bool = False) -> list[dict]`; each dict is
a row {"name", "value", "limit", "holds"} and whatever else explains the figure. A module that
fails is named with its reason, holds nothing, and the rest goes on; of one without rows those of an
earlier run stay. `--quick` tries the benchmarks out with tiny sizes and writes nothing: its figures
mean nothing.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- table: written by python -m benchmarks -->", "<!-- end of table -->"
NOT_BENCHMARKS = {"__main__"}
FAILED = "failed"
LIBRARIES = ("torch", "transformers", "transformer-lens", "numpy")


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; 1 where a limit does not hold or a benchmark failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes, nothing written")
    parser.add_argument("--only", action="append", metavar="NAME", help="this benchmark alone")
    chosen = parser.parse_args(arguments)
    names = chosen.only or benchmark_names()
    rows = []
    for name in names:
        print(f"{name} ...", flush=True)
        found = rows_of(name, chosen.quick)
        print("\n".join(f"  {line(row)}" for row in found), flush=True)
        rows += found
        if found and not chosen.quick:
            write(merged(read(), name, found))
    return 0 if all(row["holds"] for row in rows) else 1


def benchmark_names() -> list[str]:
    """The modules of this folder that have a `run`, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]))
    found = []
    for name in names:
        if name in NOT_BENCHMARKS:
            continue
        source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        if "\ndef run(" in source:
            found.append(name)
    return found


def rows_of(name: str, quick: bool) -> list[dict[str, Any]]:
    """One benchmark's rows, calibration and versions beside.

    Where it fails, the rows until then and one that says so.
    """
    from benchmarks.calibration import calibrate

    beside = {"benchmark": name, **calibrate(), "versions": versions()}
    found = []
    try:
        for row in importlib.import_module(f"benchmarks.{name}").run(quick=quick):
            found.append({**beside, **plain(row)})
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        failed = {"name": f"{name}: {FAILED}", "value": None, "limit": None, "holds": False}
        found.append({**beside, **failed, "reason": reason[-500:]})
    return found


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row that JSON can hold, its four keys checked.

    Raises:
        ValueError: a key is missing.

    """
    missing = {"name", "value", "limit", "holds"} - set(row)
    if missing:
        raise ValueError(f"a row without {sorted(missing)}: {row}")
    row = {key: value.item() if hasattr(value, "item") else value for key, value in row.items()}
    return {**row, "holds": bool(row["holds"])}


def versions() -> dict[str, str]:
    """Versions of the libraries that figures depend on."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read() -> list[dict[str, Any]]:
    """The rows of earlier runs."""
    path = FOLDER / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def merged(
    rows: list[dict[str, Any]], name: str, found: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """All rows with one benchmark's replaced, in order of the benchmarks' names.

    Where it failed, those that it did not come to stay as they were.
    """
    failed, names = f"{name}: {FAILED}", {row["name"] for row in found}
    kept = [
        row
        for row in rows
        if row["benchmark"] != name or (failed in names and row["name"] not in names)
    ]
    return sorted(kept + found, key=lambda row: row["benchmark"])


def write(rows: list[dict[str, Any]]) -> None:
    """Write `results.json`, and the table into `README.md` between its marks."""
    text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / "results.json").write_text(text, encoding="utf-8")
    page = FOLDER / "README.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}", encoding="utf-8")


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| benchmark | what | measured | limit | holds | GFLOP/s | GB/s |",
        "|---|---|---:|---:|---|---:|---:|",
    ]
    for row in rows:
        sign = "≥" if row.get("better") == "higher" else "≤"
        limit = "" if row["limit"] is None else f"{sign} {number(row['limit'])}"
        unit = {"times": "x", None: ""}.get(row.get("unit"), f" {row.get('unit')}")
        value = "" if row["value"] is None else f"{number(row['value'])}{unit}"
        speed = [row.get("calibration_gflops", ""), row.get("calibration_gbs", "")]
        holds = "yes" if row["holds"] else "**no**"
        name = str(row["name"]).replace("|", "\\|")
        cells = (row["benchmark"], name, value, limit, holds, *speed)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def line(row: dict[str, Any]) -> str:
    """One row for the terminal."""
    value, limit = number(row["value"]), number(row["limit"])
    holds = "holds" if row["holds"] else "does not hold"
    return f"{row['name']}: {value} {row.get('unit', '')} (limit {limit}) {holds}"


def number(value: float | None) -> str:
    """A figure with three digits, or as it is where it has no more."""
    if value is None:
        return "-"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(main())

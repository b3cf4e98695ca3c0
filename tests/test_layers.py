"""The layers hold: data flows one way, and what only reads tables waits for no PyTorch.

Imports are read from the sources. What runs inside a function, or is for types alone, is not
imported with a module, and counts only where two modules need each other.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import blocklens

SOURCE = Path(blocklens.__file__).parent
PATHS = [path.relative_to(SOURCE.parent) for path in SOURCE.rglob("*.py")]
MODULES = {
    ".".join(path.with_suffix("").parts).removesuffix(".__init__"): SOURCE.parent / path
    for path in PATHS
}
HEAVY = {"torch", "transformers"}

WITHOUT_PYTORCH = (
    "claims",
    "report",
    "statistics",
    "labels",
    "cli",
    "options",
    "progress",
    "errors",
)
"""Rooms that load neither PyTorch nor transformers; so does every module of options."""

MEASURES = ("heads", "labels", "statistics")
"""Rooms that know no encoder but by its type."""

EXEMPT = {
    "blocklens.heads.measurement": "the pass of an encoder over texts; it is handed the encoder",
    "blocklens.heads.image_measurement": "the same over images",
    "blocklens.heads.maps_of_texts": "the maps of one text, for a notebook",
}
"""Of the measures, those that run an encoder (2026-11-29)."""


def imports_of(module: str, *, whole: bool = False) -> set[str]:
    """The modules that a module imports, `whole`: in its functions and for types too."""
    path = MODULES[module]
    tree = ast.parse(path.read_text("utf-8"))
    found: set[str] = set()
    for node in _nodes(tree, whole):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return found


def _nodes(tree: ast.AST, whole: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if whole or not (later or types):
            yield node
            yield from _nodes(node, whole)


@cache
def loaded_with(module: str) -> dict[str, str]:
    """All that is imported when a module is, by the module of ours that imports it."""
    found: dict[str, str] = {}
    waiting = [module]
    seen = set()
    while waiting:
        one = waiting.pop()
        if one in seen or one not in MODULES:
            continue
        seen.add(one)
        parts = one.split(".")
        waiting += [".".join(parts[:count]) for count in range(2, len(parts))]
        for name in imports_of(one):
            found.setdefault(name, one)
            waiting.append(name)
    return found


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


LIGHT = sorted(
    name for name in MODULES if room(name) in WITHOUT_PYTORCH or name.endswith("_options")
)


@pytest.mark.parametrize("module", LIGHT)
def test_it_loads_neither_pytorch_nor_transformers(module):
    heavy = {name: by for name, by in loaded_with(module).items() if name.split(".")[0] in HEAVY}
    assert not heavy


@pytest.mark.parametrize("module", sorted(name for name in MODULES if room(name) in MEASURES))
def test_a_measure_knows_no_encoder(module):
    encoders = ("blocklens.encoder.trunk", "blocklens.encoder.given")
    knows = {name for name in imports_of(module) if name.startswith(encoders)}
    if module in EXEMPT:
        assert knows, f"{module} needs no exemption any more"
    else:
        assert not knows


def test_the_sources_tell_what_is_imported():
    assert "torch" in loaded_with("blocklens.studies.study")
    assert "torch" not in imports_of("blocklens.studies.study_options")


def test_no_two_modules_import_each_other():
    graph = {name: {to for to in imports_of(name) if to in MODULES} for name in MODULES}
    left = dict(graph)
    while free := [name for name, to in left.items() if not to & left.keys()]:
        for name in free:
            del left[name]
    assert not left  # what is left stands in a circle, or needs one


def test_no_room_reads_what_comes_after_it():
    order = ("statistics", "encoder", "heads", "readouts", "studies", "cli")
    for module in MODULES:
        if room(module) in order:
            later = order[order.index(room(module)) + 1 :]
            wrong = {name for name in imports_of(module, whole=True) if room(name) in later}
            assert not wrong, module


WITHOUT = (
    "import sys; sys.modules.update(dict.fromkeys("
    "'torch transformers pandas pyarrow scipy'.split())); "
    "sys.argv = ['blocklens', *{arguments}]; from blocklens.cli import main; main()"
)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--help"], "Usage"),
        (["study", "--help"], "--encoder"),
        (["study", "no-such-file.txt"], "no such file"),
        (["study", "-e", "./no-such-folder"], "no such folder"),
        (["study", "--device", "gpu0"], "--device: gpu0 is none; expected cpu, cuda"),
        (["study", "--window", "1"], "--window 1: expected 4 or more"),
        (["segment", "no-such-file.txt"], "no such file"),
        (["pretrain", "no-such-file.txt"], "no such file"),
        (["finetune", "no-such-file.csv"], "no such file"),
        (["predict", "./no-such-folder", "-"], "no such folder"),
        (["images", "./no-such-folder"], "no such file or folder"),
        (["images", "-e", "./no-such-folder"], "no such folder"),
    ],
)
def test_what_is_named_wrongly_is_said_before_anything_heavy_is_imported(arguments, said):
    code = WITHOUT.format(arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    words = done.stdout + done.stderr
    assert said in words
    assert "Traceback" not in words
    assert "--help" in arguments or (done.returncode == 2 and words.count("\n") == 1)

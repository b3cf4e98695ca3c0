"""The layers hold: data flows one way, and what only reads tables waits for no PyTorch.

Imports are read from the sources. What runs inside a function, or is for types alone, is not
imported with a module, and counts where rooms have an order and no two modules may form a circle.
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

MEASURES = ("heads", "labels", "statistics", "confidence")
"""Rooms that know no encoder but by its type."""

EXEMPT = {
    "blocklens.heads.measurement": "the pass of an encoder over texts; it is handed the encoder",
    "blocklens.heads.image_measurement": "the same over images",
    "blocklens.heads.maps_of_texts": "the maps of one text, for a notebook",
    "blocklens.confidence.input_apt": "what the encoder predicts of the texts' tokens",
}
"""Of the measures, those that run an encoder (2026-11-29)."""

ORDER = (
    "embedded", "statistics", "inputs", "encoder", "heads", "labels", "pretraining", "readouts",
    "confidence", "segmentation", "claims", "studies", "report", "exploring", "cli",
)  # fmt: skip
"""The rooms as data walks: each reads those before it alone."""

AGAINST_THE_ORDER = {
    ("blocklens.embedded.prose", "blocklens.inputs.texts"): "texts that come with the package",
    ("blocklens.encoder.trunk", "blocklens.report.notebook"): "what a notebook shows of it",
    ("blocklens.heads.measurement", "blocklens.report.notebook"): "what a notebook shows of it",
    ("blocklens.studies.runner", "blocklens.report.notebook"): "what a notebook shows of it",
    ("blocklens.studies.runner", "blocklens.report"): "a study ends with its page",
    ("blocklens.studies.film", "blocklens.report.compare"): "a film ends with its page",
    ("blocklens.inputs.images.drawing", "blocklens.pretraining.masking"): "a drawn order",
}
"""Imports of a later room, all of them inside functions but that of a drawn order."""


def imports_of(module: str, *, later: bool = False, types: bool = False) -> set[str]:
    """The modules that a module imports; `later`: in its functions too; `types`: for types too."""
    path = MODULES[module]
    tree = ast.parse(path.read_text("utf-8"))
    imported: set[str] = set()
    for node in _nodes(tree, later, types):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{module}: an import by dots, which nobody here follows"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            imported |= {name if name in MODULES else node.module for name in names}
    return imported


def _nodes(tree: ast.AST, later: bool, types: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        in_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if (later or not in_function) and (types or not for_types):
            yield node
            yield from _nodes(node, later, types)


@cache
def loaded_with(module: str) -> dict[str, str]:
    """All that is imported when a module is, by the module of ours that imports it."""
    loaded: dict[str, str] = {}
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
            loaded.setdefault(name, one)
            waiting.append(name)
    return loaded


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


LIGHT = sorted(
    name for name in MODULES if room(name) in WITHOUT_PYTORCH or name.endswith("_options")
)


@pytest.mark.parametrize("module", LIGHT)
def test_it_loads_neither_pytorch_nor_transformers(module):
    heavy = {name: by for name, by in loaded_with(module).items() if name.split(".")[0] in HEAVY}
    assert not heavy


def test_all_of_them_together_load_neither():
    code = (
        "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]; "
        "print(sorted(sys.modules.keys() & {'torch', 'transformers'}))"
    )
    command = [sys.executable, "-c", code, *LIGHT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"  # also by way of another library


@pytest.mark.parametrize("module", sorted(name for name in MODULES if room(name) in MEASURES))
def test_a_measure_knows_no_encoder(module):
    encoders = ("blocklens.encoder.trunk", "blocklens.encoder.given")
    knows = {name for name in imports_of(module, later=True) if name.startswith(encoders)}
    if module in EXEMPT:
        assert knows, f"{module} needs no exemption any more"
    else:
        assert not knows


def test_the_sources_tell_what_is_imported():
    assert "torch" in loaded_with("blocklens.studies.study")
    assert "torch" not in imports_of("blocklens.studies.study_options")


def test_no_two_modules_import_each_other():
    graph = {
        name: imports_of(name, later=True, types=True) & MODULES.keys() - {name} for name in MODULES
    }
    left = dict(graph)
    while free := [name for name, to in left.items() if not to & left.keys()]:
        for name in free:
            del left[name]
    assert not left  # what is left stands in a circle, or needs one


def test_every_room_has_its_place():
    rooms = {room(name) for name in MODULES if MODULES[name].parent != SOURCE}
    assert rooms == set(ORDER)


def test_no_room_reads_what_comes_after_it():
    against = {
        (module, name)
        for module in MODULES
        for name in imports_of(module, later=True, types=True)
        if room(module) in ORDER and room(name) in ORDER
        if ORDER.index(room(name)) > ORDER.index(room(module))
    }
    assert against == set(AGAINST_THE_ORDER)


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

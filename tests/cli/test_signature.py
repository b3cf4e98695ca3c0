"""The command line is made from the option models: one place for help, default and range."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import Field, model_validator
from typer.testing import CliRunner

from blocklens.cli import OneLine, app
from blocklens.cli.predict import PredictOptions
from blocklens.cli.segment_scores import ScoringOptions
from blocklens.cli.signature import from_options, leaves_of
from blocklens.errors import UserError
from blocklens.heads.head_options import HeadOptions
from blocklens.options import Options, WholeNumbers, flags_of, option
from blocklens.pretraining.pretrain_options import PretrainOptions
from blocklens.segmentation.segment_options import SegmentOptions
from blocklens.studies.image_options import ImageStudyOptions
from blocklens.studies.study_options import ClassOptions, StudyOptions


class Inner(Options):
    depth: int = option(3, "How deep.", panel="Inside", ge=1)
    kept_back: int = 7


class Toy(Options):
    data: str = option(..., "What to read.", flag="argument")
    width: int = option(8, "How wide.", ge=2, le=64)
    share: float = option(0.01, "How much.", percent=True, ge=0, le=1)
    sure: bool = option(True, "Be sure.")
    blocks: WholeNumbers | None = option(None, "Which blocks.", shown="all of them")
    kind: Literal["one", "other"] = option("one", "Which kind.")
    inner: Inner = Field(default=Inner())

    @model_validator(mode="after")
    def _fits_together(self):
        if self.width == 13:
            raise ValueError("width: 13 is unlucky")
        return self


@pytest.fixture
def run():
    seen: list[Any] = []
    toy = typer.Typer(cls=OneLine)

    @toy.command()
    @from_options
    def measure(options: Toy, out: Annotated[Path, typer.Option("--out")] = Path("here")):
        """Measure."""
        seen.append((options, out))

    toy.command("other")(lambda: None)

    def run(*arguments):
        said = CliRunner().invoke(toy, ["measure", *arguments], env={"COLUMNS": "200"})
        if isinstance(said.exception, UserError):
            raise said.exception
        assert said.exit_code == 0, said.output
        return seen[-1] if seen else said.output

    return run


def test_options_arrive_as_the_model_that_python_would_make(run):
    options, out = run("x.txt", "--width", "16", "--no-sure", "--blocks", "1, 3", "--depth", "2")
    expected = Toy(data="x.txt", width=16, sure=False, blocks=(1, 3), inner=Inner(depth=2))
    assert options == expected
    assert out == Path("here")


def test_the_model_knows_what_was_given(run):
    options, _ = run("x.txt", "--width", "8")
    assert options.model_fields_set == {"data", "width"}
    assert not options.inner.model_fields_set


def test_several_values_are_written_with_commas_or_the_option_again(run):
    assert run("x.txt", "--blocks", "1,3", "--blocks", "5")[0].blocks == (1, 3, 5)


def test_a_share_is_in_percent_on_the_command_line(run):
    assert run("x.txt", "--share", "5")[0].share == 0.05


def test_help_has_the_fields_words_defaults_ranges_and_panels(run):
    said = run("--help")
    for words in ("How wide.", "<int, 2 to 64>", "[default: 8]", "[default: (all of them)]"):
        assert words in said
    for words in ("[default: 1]", "--no-sure", "one|other", "Inside", "What to read."):
        assert words in said
    assert "kept-back" not in said


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["x", "--width", "1"], "--width 1: expected 2 or more"),
        (["x", "--width", "65"], "--width 65: expected 64 or less"),
        (["x", "--width", "13"], "--width: 13 is unlucky"),
        (["x", "--depth", "0"], "--depth 0: expected 1 or more"),
        (["x", "--blocks", "1,two"], "--blocks two: expected a whole number"),
        (["x", "--width", "wide"], "--width wide: expected a whole number"),
        (["x", "--kind", "third"], "--kind: 'third' is not one of"),
        (["x", "--share", "200"], "--share 200: expected 0 to 100"),
        (["x", "--share", "much"], "--share much: expected a number"),
        (["x", "--widht", "3"], "No such option: --widht"),
        ([], "Missing argument"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_option(run, arguments, line):
    with pytest.raises(UserError, match="^" + re.escape(line)) as refused:
        run(*arguments)
    assert "\n" not in str(refused.value)


def test_an_unknown_command_is_one_line():
    said = CliRunner().invoke(app, ["stduy"])
    assert isinstance(said.exception, UserError)
    assert "stduy" in str(said.exception)


@pytest.mark.parametrize(
    "model",
    [
        StudyOptions,
        ClassOptions,
        HeadOptions,
        ImageStudyOptions,
        PretrainOptions,
        SegmentOptions,
        ScoringOptions,
        PredictOptions,
    ],
)
def test_every_option_has_help_and_a_flag_of_its_own(model):
    leaves = list(leaves_of(model))
    flags = [flag for leaf in leaves for flag in flags_of(leaf.place[-1], leaf.field)]
    assert len(flags) == len(set(flags))
    for leaf in leaves:
        words = leaf.field.description or ""
        assert words[0].isupper() or words[0].islower()
        assert words.endswith(".")


@pytest.mark.parametrize(
    "flag", ["--text-field", "--label-field", "--texts", "--strict", "--margin", "--pooling"]
)
def test_an_option_of_several_commands_says_the_same_in_each(flag):
    commands = typer.main.get_group(app).commands.items()
    helps = {
        name: parameter.help
        for name, command in commands
        for parameter in command.params
        if flag in parameter.opts and (name, flag) != ("images", "--strict")  # of images
    }
    assert len(helps) > 1
    assert len(set(helps.values())) == 1


def test_python_is_told_of_the_same_faults_as_the_command_line():
    with pytest.raises(UserError, match="--width 0: expected 1 or more"):
        PretrainOptions.make("tiny", width=0)
    with pytest.raises(UserError, match="widht: there is no such option"):
        PretrainOptions.make("tiny", widht=3)

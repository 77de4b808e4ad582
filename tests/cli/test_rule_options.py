"""The options of cleaning are the fields of `Rules`, whatever those are."""

from typing import Any

import pytest
import typer.main

from tacit.cli.app import app, run
from tacit.cli.rule_options import with_rules
from tacit.core.parameters import declared
from tacit.data.fill import Fill
from tacit.data.rules import Rules


@with_rules
def shown(name: str, rules: Rules) -> tuple[str, Rules]:
    """A command that returns what it was given."""
    return name, rules


DEFAULTS = {
    "keep": None,
    **{
        name: None if name == "fill" else one.default
        for name, one in declared(Rules).items()
        if one.kind is not bool
    },
}


def given(**values: Any) -> Rules:
    return shown(name="x", **{**DEFAULTS, **values})[1]


def test_options_that_nobody_gives_are_the_default_rules() -> None:
    assert given() == Rules()


def test_options_are_the_values_of_the_rules() -> None:
    requested = given(
        keep=["bots", "missing-times"], burst_seconds=5.0, outliers="mad", fill=["value=median"]
    )
    assert requested == Rules(
        bots=False, missing_times=False, burst_seconds=5.0, outliers="mad", fill={"value": Fill("median")}
    )


def test_every_rule_has_an_option_with_the_meaning_and_the_default_of_its_field() -> None:
    command = typer.main.get_command(app).commands["check"]  # type: ignore[attr-defined]
    options = {option.name: option for option in command.params}
    for name, one in declared(Rules).items():
        assert one.meaning, name
        if one.kind is bool:
            assert name.replace("_", "-") in options["keep"].help
        elif name == "fill":
            assert "median" in options[name].help
        else:
            assert options[name].help == one.meaning
            assert options[name].default == one.default
            assert getattr(options[name], "min", None) == one.bounds.low


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--keep", "robots"], "--keep robots: there is no such rule; known: impossible-times"),
        (["--burst-seconds", "-1"], "--burst-seconds"),
        (["--outlier-share", "0.7"], "outlier_share is 0.7; it must be at least 0 and less than 0.5"),
        (["--outliers", "guess"], "guess"),
        (["--fill", "median"], "column=how"),
        (["--fill", "value=guess"], "cannot fill with 'guess'"),
    ],
)
def test_wrong_rules_are_refused_before_the_log_is_read(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "absent.csv", *arguments]) == 2
    reported = capsys.readouterr().err
    assert said in reported
    assert reported.count("\n") == 1

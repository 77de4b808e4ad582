"""Arguments of commands, converted for the Python API."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tacit.core.errors import ConfigError
from tacit.core.parameters import values_of

if TYPE_CHECKING:
    from tacit.core.notes import Note
    from tacit.data.clean import Cleaned
    from tacit.pipeline.config import Config


EVENTS = "event_map"
"""Key of what event types mean among choices of reading; a configuration has a table of its own for it."""

_FORMS = {"--about": "attribute=value", "--event-map": "event=meaning"}


def parse_pairs(pairs: Sequence[str] | None, option: str, example: str) -> dict[str, str]:
    """Return left -> right of ``left=right`` pairs.

    Raises
    ------
    ConfigError
        If a pair has no ``=``, or the left of two is the same.
    """
    parsed: dict[str, str] = {}
    for pair in pairs or ():
        left, sign, right = pair.rpartition("=")
        if not sign or not left.strip() or not right.strip():
            form = _FORMS.get(option, "column=role" if option.endswith("map") else "column=how")
            raise ConfigError(f"{option} {pair!r} is not of the form {form}, for example {option} {example}")
        if left.strip() in parsed:
            raise ConfigError(f"{option} gives {left.strip()!r} twice; give it once")
        parsed[left.strip()] = right.strip()
    return parsed


def listed(text: str | None) -> list[str] | None:
    """Return the names of a list with commas; None if there is none."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def say_rejected(path: Path, cleaned: "Cleaned") -> None:
    """Print to standard error how many rows of a log were rejected, and why."""
    from tacit.cli.terminal import err

    if cleaned.reasons:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in cleaned.reasons.items())
        err.print(f"{path}: {cleaned.rows_in:,} rows, {len(cleaned.events):,} kept; rejected rows: {reasons}")


def say_cluster(about: str) -> None:
    """Print to standard error which Ray cluster works."""
    from tacit.cli.terminal import err

    err.print(about)


def say_note(note: "Note", *, quiet: bool = False) -> None:
    """Print what is to be said of the data; to standard error if standard output is for JSON."""
    from tacit.cli.terminal import err, out
    from tacit.reporting.terminal import note_line

    (err if quiet else out).print(note_line(note))


def configured(
    path: Path | None,
    encoder: str | None,
    seed: int | None,
    reading: Mapping[str, Any],
    *,
    like: Path | None = None,
) -> "Config":
    """Return the configuration of a file or of a snapshot, or the default one; options override it.

    Of the columns of a log, a catalogue or users, options replace those roles that they name.

    Raises
    ------
    ConfigError
        If both a file and a snapshot are given, or the configuration cannot be used.
    """
    from tacit.pipeline.config import Config, read_config

    if path is not None and like is not None:
        raise ConfigError("--config and --like both give a configuration; leave one of them out")
    given = {name: value for name, value in (("encoder", encoder), ("seed", seed)) if value is not None}
    base = Config()
    if path is not None:
        base = read_config(path)
    elif like is not None:
        from tacit.engine.snapshot import config_of

        base = config_of(like)
    meanings = {**base.events, **reading.get(EVENTS, {})}
    own = values_of(base.reading)
    merged = {
        name: {**own[name], **value} if isinstance(value, Mapping) else value
        for name, value in reading.items()
        if name != EVENTS
    }
    changed: Any = replace(base.reading, **merged)  # type: ignore[arg-type]
    return replace(base, reading=changed, events=meanings, **given)  # type: ignore[arg-type]

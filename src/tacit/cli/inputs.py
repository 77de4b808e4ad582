"""Reading the files that commands are given."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tacit.core.errors import ConfigError
from tacit.core.progress import Progress

if TYPE_CHECKING:
    import polars as pl

    from tacit.data.clean import Cleaned, Rules
    from tacit.pipeline.config import Config


def parse_mapping(pairs: Sequence[str] | None) -> dict[str, str]:
    """Return role -> column of ``column=role`` pairs.

    Raises
    ------
    ConfigError
        If a pair has no ``=``.
    """
    return {role: column for column, role in parse_pairs(pairs, "--map", "uid=user").items()}


def parse_pairs(pairs: Sequence[str] | None, option: str, example: str) -> dict[str, str]:
    """Return left -> right of ``left=right`` pairs.

    Raises
    ------
    ConfigError
        If a pair has no ``=``.
    """
    parsed = {}
    for pair in pairs or ():
        left, sign, right = pair.rpartition("=")
        if not sign or not left.strip() or not right.strip():
            form = {"--map": "column=role", "--about": "attribute=value"}.get(option, "column=how")
            raise ConfigError(f"{option} {pair!r} is not of the form {form}, for example {option} {example}")
        parsed[left.strip()] = right.strip()
    return parsed


def cleaned_events(
    path: Path, mapping: Sequence[str] | None, *, progress: Progress, rules: "Rules | None" = None
) -> "Cleaned":
    """Read and clean an event log; say on standard error what was set aside."""
    from tacit.cli.terminal import err
    from tacit.core.clock import SystemClock
    from tacit.data.clean import Rules, clean
    from tacit.data.read import read_events

    source = read_events(path, mapping=parse_mapping(mapping) or None, progress=progress)
    cleaned = clean(source, rules or Rules(), now=SystemClock().now(), progress=progress)
    if cleaned.reasons:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in cleaned.reasons.items())
        err.print(f"{path}: {cleaned.rows_in:,} rows, {len(cleaned.events):,} kept; set aside: {reasons}")
    return cleaned


def item_frame(path: Path | None) -> "pl.DataFrame | None":
    """Read a catalogue, if there is one."""
    from tacit.data.read import read_items

    return None if path is None else read_items(path)


def user_frame(path: Path | None) -> "pl.DataFrame | None":
    """Read a file of users, if there is one."""
    from tacit.data.read import read_users

    return None if path is None else read_users(path)


def configuration(path: Path | None) -> "Config":
    """Return the configuration of a file, or the default one.

    Raises
    ------
    ConfigError
        If anything in it cannot be used: said before the log is read.
    """
    from tacit.pipeline.config import Config, read_config
    from tacit.pipeline.retrievers import retriever
    from tacit.pipeline.training import new_ranker
    from tacit.pipeline.twostage import new_classifier

    if path is None:
        return Config()
    config = read_config(path)
    for name, parameters in config.retrievers.items():
        retriever(name, parameters)
    if config.ranker is not None:
        new_ranker(config.ranker)
    if config.rerank is not None:
        new_classifier(config.rerank)
    return config


def configured(path: Path | None, encoder: str | None, seed: int | None) -> "Config":
    """Return the configuration of a file, or the default one; the options win."""
    told = {name: value for name, value in (("encoder", encoder), ("seed", seed)) if value is not None}
    return replace(configuration(path), **told)  # type: ignore[arg-type]

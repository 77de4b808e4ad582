"""The configuration of a two-stage recommender: plain data, read from TOML, refused where it is unknown."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from tacit.core.errors import ConfigError
from tacit.data.clean import Rules, parse_rules

DEFAULT_RETRIEVERS: dict[str, dict[str, Any]] = {
    "trending": {},
    "itemknn": {},
    "userknn": {},
    "ease": {"decay": 1.0},
    "content": {},
}
"""The others follow the last events of a history; EASE here stands for the whole of it. On validation windows
that is as good as following the last events too, and it is what serves users who come back after months."""


@dataclass(frozen=True)
class Config:
    """What to train.

    Attributes
    ----------
    retrievers : mapping of name to parameters
        Which retrievers put forward candidates; see `tacit.pipeline.zoo.RETRIEVERS` for the names.
    ranker : mapping or None
        ``{"name": "mlp", ...parameters}``; None ranks by the blend alone.
    candidates : int
        How many items each retriever puts forward.
    windows : int
        How many stretches at the end of the training log the blend and the ranker learn from.
    share : float
        Share of the training events in each stretch, in (0, 0.5).
    max_users : int
        Users sampled from each stretch, which bounds time and memory.
    encoder : str
        Source of the text encoder; see `tacit.encoders.choose.encoder_from`.
    weights : {"default", "auto"}
        How event types are weighed.
    cleaning : Rules
        How the log is cleaned.
    seed : int
    """

    retrievers: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(DEFAULT_RETRIEVERS))
    ranker: dict[str, Any] | None = field(default_factory=lambda: {"name": "mlp"})
    candidates: int = 100
    windows: int = 3
    share: float = 0.1
    max_users: int = 5_000
    encoder: str = "auto"
    weights: Literal["default", "auto"] = "default"
    cleaning: Rules = field(default_factory=Rules)
    seed: int = 7

    def __post_init__(self) -> None:
        if not self.retrievers:
            raise ConfigError("the configuration names no retriever; give at least [retrievers.trending]")
        if not 0 < self.share < 0.5:
            raise ConfigError(f"share is {self.share}; it must lie between 0 and 0.5")
        for name in ("candidates", "windows", "max_users"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.weights not in ("default", "auto"):
            raise ConfigError(f"weights is {self.weights!r}; it must be 'default' or 'auto'")


def read_config(path: Path) -> Config:
    """Read a configuration from a TOML file.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or has a key that nothing uses.
    """
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    return parse_config(raw, where=str(path))


def parse_config(raw: dict[str, Any], *, where: str = "the configuration") -> Config:
    """Return the configuration of plain data; ``ranker = "none"`` means no ranker."""
    known = {f.name for f in fields(Config)}
    if unknown := sorted(set(raw) - known):
        raise ConfigError(
            f"{where} has an unknown key {unknown[0]!r}; known keys: {', '.join(sorted(known))}"
        )
    values = dict(raw)
    ranker = values.get("ranker")
    if isinstance(ranker, str):
        values["ranker"] = None if ranker == "none" else {"name": ranker}
    if "cleaning" in values:
        values["cleaning"] = parse_rules(values["cleaning"], where=f"the cleaning rules of {where}")
    try:
        return Config(**values)
    except TypeError as error:
        raise ConfigError(f"{where} has a value of the wrong type: {error}") from error

"""The configuration of a two-stage recommender: plain data, read from TOML, refused where it is unknown."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tacit.core.errors import ConfigError
from tacit.data.clean import Rules, parse_rules
from tacit.data.weights import Mode

Made = TypeVar("Made")
_STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True)

DEFAULT_RETRIEVERS: dict[str, dict[str, Any]] = {
    "trending": {},
    "trending-now": {"model": "trending", "share": 0.01},
    "popular": {"model": "trending", "half_life": float("inf")},
    "itemknn": {},
    "userknn": {},
    "userknn-ever": {"model": "userknn", "half_life": float("inf")},
    "ease": {"decay": 1.0},
    "slim": {},
    "sequential": {"max_items": 5_000},
    "sessionknn": {},
    "content": {},
}
"""What everybody wants, lately, just now (news) and ever; what people alike want, lately and ever; what goes
with the whole of a history and what follows its last events; and what is alike in text. The time of the
sequential model grows with the third power of its items; it leaves the rarer ones to the others. See
docs/decisions/006-blend.md."""


@dataclass(frozen=True)
class Config:
    """What to train.

    Attributes
    ----------
    retrievers : mapping of name to parameters
        Which retrievers put forward candidates; see `tacit.pipeline.retrievers` for the names.
    ranker : mapping or None
        ``{"name": "mlp", ...parameters}``; None ranks by the blend alone.
    rerank : mapping or None
        ``{"name": "pair", ...parameters}``: a fine-tuned language model orders the top of every list anew
        (`tacit.pipeline.rerank`); None leaves it out.
    candidates : int
        How many items each retriever puts forward.
    windows : int
        How many stretches at the end of the training log the blend and the ranker learn from; fewer where
        they already have `tacit.pipeline.windows.ENOUGH` queries.
    share : float
        Share of the training events in each stretch, in (0, 0.5).
    passed : float
        How many candidates of which nothing is known one counts for, in what a ranker learns from, that was
        shown and not chosen, or refused; 0 or more. It needs a log with events that only show (impressions)
        or say no.
    repeats : bool
        Items of the history may be recommended again (groceries, music): the windows then ask for them too,
        and a retriever ``repeats`` is added unless there is one.
    max_users : int
        Queries sampled from each stretch, which bounds time and memory.
    max_events : int
        A longer log is learned from by a sample of its users, with about so many events; the retrievers
        that serve are fitted on all of it.
    encoder : str
        Source of the text encoder; see `tacit.encoders.choose.encoder_from`.
    weights : {"default", "names", "auto"}
        How event types are weighed; see `tacit.data.weights`.
    cleaning : Rules
        How the log is cleaned.
    seed : int
    """

    retrievers: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(DEFAULT_RETRIEVERS))
    ranker: dict[str, Any] | None = field(default_factory=lambda: {"name": "mlp"})
    rerank: dict[str, Any] | None = None
    candidates: int = 100
    windows: int = 3
    share: float = 0.1
    shown_not_chosen: float = 1.0
    repeats: bool = False
    max_users: int = 4_000
    max_events: int = 2_000_000
    encoder: str = "auto"
    weights: Mode = "default"
    cleaning: Rules = field(default_factory=Rules)
    seed: int = 7

    def __post_init__(self) -> None:
        if not self.retrievers:
            raise ConfigError("the configuration names no retriever; give at least [retrievers.trending]")
        if self.repeats and "repeats" not in self.retrievers:
            object.__setattr__(self, "retrievers", {**self.retrievers, "repeats": {}})
        if not 0 < self.share < 0.5:
            raise ConfigError(f"share is {self.share}; it must lie between 0 and 0.5")
        if not 0 <= self.shown_not_chosen < float("inf"):
            raise ConfigError(f"passed is {self.shown_not_chosen}; it must be 0 or more")
        for name in ("candidates", "windows", "max_users", "max_events"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.weights not in get_args(Mode):
            raise ConfigError(f"weights is {self.weights!r}; it must be one of {', '.join(get_args(Mode))}")


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
    cleaning = values.pop("cleaning", {})
    if not isinstance(cleaning, Mapping):
        raise ConfigError(f"{where}: cleaning is {cleaning!r}; it must be a table")
    rules = parse_rules(cleaning, where=f"the cleaning rules of {where}")
    return replace(made(Config, values, where), cleaning=rules)


def made(make: Callable[..., Made], values: Mapping[str, Any], what: str) -> Made:
    """Return ``make(**values)``; ``what`` names it in messages.

    Raises
    ------
    ConfigError
        If ``make`` takes no value of that name, or a value is not of the type that it takes.
    """
    kinds = get_type_hints(getattr(make, "func", make).__init__)
    known = sorted(set(kinds) - {"return", "name"})
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"{what} has no parameter {name!r}; known: {', '.join(known)}")
        try:
            TypeAdapter(kinds[name], config=_STRICT).validate_python(value)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise ConfigError(f"{what}: {name} is {value!r}, of the wrong type: {reason.lower()}") from error
    return make(**values)

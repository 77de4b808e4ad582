"""The configuration of a recommender: objects in Python, the same in a TOML file, checked before any work.

A configuration holds components that are not fitted; a fit copies them. Instead of an object, a name or a
mapping of plain values is accepted, as in a TOML file::

    Config(retrievers=[Trending(), EASE(l2=3.0)], ranker=MLP(hidden=(64, 32)))
    Config(retrievers={"trending": {}, "ease": {"l2": 3.0}}, ranker={"name": "mlp", "hidden": [64, 32]})
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tacit.core.entry import Entry, Kind, Need
from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameterised, declared, parameter, shown, values_of
from tacit.data.event_map import EventMap
from tacit.data.rules import Rules, parse_rules
from tacit.data.weights import Mode
from tacit.features.families import USUAL
from tacit.models.protocol import Recommender
from tacit.pipeline import register
from tacit.pipeline.given_components import NOBODY, ranker_of, reranker_of, retrievers_of
from tacit.pipeline.text_encoder import NO_ENCODER, check_source
from tacit.rankers.pair import PairClassifier
from tacit.rankers.ranker import Ranker
from tacit.reading.choices import Reading, parse_reading

DEFAULT_RETRIEVERS: Mapping[str, Mapping[str, Any]] = {
    "forecast": {},
    "popular": {},
    "itemknn": {},
    "userknn": {},
    "userknn-ever": {},
    "ease": {"decay": 1.0},
    "slim": {},
    "sequential": {"max_items": 5_000},
    "sessionknn": {},
    "content": {},
}
"""Popularity: forecast for the next stretch of time, and total; items of similar users, recent and total;
items that go with the whole history, and that follow its last events; and items with similar texts. The time
of the sequential model grows with the third power of its items, so it leaves rare ones to the others. See
docs/decisions/006-blend.md and 015-popularity-forecast.md."""

RENAMED = {"passed": "shown_not_chosen"}
"""Keys of older configurations, and their present names."""

_REPEATS = "repeats"
_SECOND: tuple[Kind, ...] = ("ranker", "reranker")
_COMPONENTS = ("retrievers", "ranker", "rerank")
_TABLES = ("reading", "cleaning")

Retrievers = Sequence[Recommender | str] | Mapping[str, Mapping[str, Any] | Recommender]
"""Accepted forms of retrievers: objects and names, or parameters by name."""


class Config(Parameterised):
    """What to train.

    Parameters
    ----------
    retrievers : sequence of Recommender, or mapping of name to parameters
        Which retrievers propose candidates; kept as a tuple of objects. A name is that of a component of
        the register or of a variant; any other name needs ``model``, the component's name.
    ranker : Ranker, str, mapping or None
        An object, a name, or ``{"name": "mlp", ...parameters}``; None or "none" ranks by the blend alone.
    rerank : PairClassifier, str, mapping or None
        ``{"name": "pair", ...parameters}``: a fine-tuned language model that re-orders the top of every list
        (`tacit.pipeline.rerank`); None for no re-ranker.
    candidates : int
        How many items each retriever proposes.
    ranked : int
        How many candidates of a list, the best by the blend, the ranker scores: at least twice the length of
        the list. The others follow them in the order of the blend.
    windows : int
        How many folds at the end of the training log the blend and the ranker learn from; fewer where
        they already have `tacit.pipeline.windows.ENOUGH` queries.
    share : float
        Share of the training events in each fold, in (0, 0.5).
    shown_not_chosen : float
        Weight of a candidate that was shown and not chosen, or refused, in the training of a ranker; other
        candidates have weight 1. It needs a log with exposures (impressions) or refusals.
    repeats : bool
        Items of the history may be recommended again (groceries, music): then they are targets in the folds
        too, and a retriever ``repeats`` is added unless there is one.
    explore : float
        Share of the places of a list that go to items with few events, drawn by text; the answer says with
        which chance (`tacit.pipeline.explore`). 0: none.
    explore_below : int
        Items with fewer events may be explored.
    max_users : int
        Queries sampled from each fold, which bounds time and memory.
    max_events : int
        The folds of a longer log are cut from a sample of its users, with about so many events; the
        retrievers that serve are fitted on all of it.
    importance : bool
        Whether the training report holds what each feature and family is worth to the ranker
        (`tacit.rankers.importance`): one more score of the held-out pairs for each of them.
    encoder : str
        Source of the text encoder; see `tacit.pipeline.text_encoder.encoder_from`.
    weights : {"default", "names", "auto"}
        How event types are weighed; see `tacit.data.weights`.
    similar : mapping of retriever to weight
        Weight of the list of a retriever among related items (`tacit.pipeline.similar`), in place of what the
        fit learns, of which the largest is 1; 0 leaves it out.
    reading : Reading or mapping
        Choices in place of what is detected in files: columns, order of dates, time zone, ids, encoding; a
        mapping is taken as in a file (`tacit.reading.choices.parse_reading`).
    events : mapping of event type to str or float
        What event types mean where their names do not say it: "yes", "no", "shown", "ignore" or a strength
        from -1 to 1.
    cleaning : Rules or mapping
        How the log is cleaned; a mapping is taken as in a file (`tacit.data.rules.parse_rules`).
    seed : int

    Raises
    ------
    ConfigError
        If a name is unknown, a value is of the wrong type or out of range, a component lacks methods that a
        pipeline needs, or values contradict each other.
    """

    retrievers: tuple[Recommender, ...] = parameter(default_factory=lambda: DEFAULT_RETRIEVERS)
    ranker: Ranker | None = parameter(default_factory=lambda: "mlp")
    rerank: PairClassifier | None = None
    candidates: int = parameter(default=100, low=1, high=10_000)
    ranked: int = parameter(default=200, low=1, high=1_000_000)
    windows: int = parameter(default=3, low=1, high=100)
    share: float = parameter(default=0.1, above=0, below=0.5)
    shown_not_chosen: float = parameter(default=1.0, low=0, high=1e6)
    repeats: bool = False
    explore: float = parameter(default=0.0, low=0, high=0.5)
    explore_below: int = parameter(default=10, low=1, high=10**9, unit="events")
    max_users: int = parameter(default=4_000, low=1, high=10**12)
    max_events: int = parameter(default=2_000_000, low=1, high=10**12)
    importance: bool = False
    encoder: str = "auto"
    weights: Mode = "default"
    similar: Mapping[str, float] = parameter(default_factory=dict, low=0, high=1e6)
    reading: Reading = parameter(default_factory=Reading)
    events: Mapping[str, float | str] = parameter(default_factory=dict, low=-1, high=1)
    cleaning: Rules = parameter(default_factory=Rules)
    seed: int = parameter(default=7, low=0, high=2**63 - 1)

    if TYPE_CHECKING:  # more types are accepted than kept

        def __init__(
            self,
            *,
            retrievers: Retrievers = ...,
            ranker: Ranker | Mapping[str, Any] | str | None = ...,
            rerank: PairClassifier | Mapping[str, Any] | str | None = ...,
            candidates: int = ...,
            ranked: int = ...,
            windows: int = ...,
            share: float = ...,
            shown_not_chosen: float = ...,
            repeats: bool = ...,
            explore: float = ...,
            explore_below: int = ...,
            max_users: int = ...,
            max_events: int = ...,
            importance: bool = ...,
            encoder: str = ...,
            weights: Mode = ...,
            similar: Mapping[str, float] = ...,
            reading: Reading | Mapping[str, Any] = ...,
            events: Mapping[str, float | str] = ...,
            cleaning: Rules | Mapping[str, Any] = ...,
            seed: int = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        own = self.__dict__
        own["retrievers"] = retrievers_of(self.retrievers)
        own["ranker"] = ranker_of(self.ranker)
        own["rerank"] = reranker_of(self.rerank)
        own["reading"] = _reading(self.reading)
        own["cleaning"] = _rules(self.cleaning)
        super().__post_init__()
        own["events"] = EventMap.parse(self.events, where="events").to_dict()
        if self.repeats and all(one.name != _REPEATS for one in self.retrievers):
            own["retrievers"] = (*self.retrievers, register.create("retriever", _REPEATS))
        check_source(self.encoder)
        _check_agreement(self)

    def __eq__(self, other: object) -> bool:
        """Return whether all values are equal, those of components by their parameters."""
        if not isinstance(other, Config):
            return NotImplemented
        return _comparable(self) == _comparable(other)

    __hash__ = Parameterised.__hash__

    @property
    def event_map(self) -> EventMap:
        """What event types mean."""
        return EventMap(self.events)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain data: what a TOML file holds.

        Raises
        ------
        ConfigError
            If a component is not registered, or a file could not give it the name that it has.
        """
        scalars = {
            name: value for name, value in values_of(self).items() if name not in (*_COMPONENTS, *_TABLES)
        }
        rerank = {} if self.rerank is None else {"rerank": _table("reranker", self.rerank)}
        return {
            **scalars,
            "reading": self.reading.to_dict(),
            "cleaning": self.cleaning.to_dict(),
            "retrievers": {one.name: _retriever_table(one) for one in self.retrievers},
            "ranker": NOBODY if self.ranker is None else _table("ranker", self.ranker),
            **rerank,
        }

    def to_toml(self) -> str:
        """Return the configuration as the text of a TOML file, every value written out.

        Raises
        ------
        ConfigError
            If a component is not registered.
        """
        import tomli_w

        return tomli_w.dumps(self.to_dict())


def read_config(path: Path) -> Config:
    """Read a configuration from a TOML file.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or anything in it cannot be used.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    return config_of_toml(text, where=str(path))


def config_of_toml(text: str, *, where: str = "the configuration") -> Config:
    """Return the configuration of the text of a TOML file; ``where`` names it in messages.

    Raises
    ------
    ConfigError
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is not valid TOML: {error}") from error
    return parse_config(raw, where=where)


def parse_config(raw: Mapping[str, Any], *, where: str = "the configuration") -> Config:
    """Return the configuration of plain data; see `Config.to_dict`.

    Raises
    ------
    ConfigError
    """
    values = dict(raw)
    for name in values:
        if name in RENAMED:
            raise ConfigError(f"{where}: the key {name!r} is now called {RENAMED[name]!r}; rename it")
        if name not in declared(Config):
            known = ", ".join(sorted(declared(Config)))
            raise ConfigError(f"{where} has an unknown key {name!r}; known keys: {known}")
    reading, rules = values.pop("reading", {}), values.pop("cleaning", {})
    return Config(reading=_reading(reading, where), cleaning=_rules(rules, where), **values)


def families_of(ranker: Ranker) -> tuple[str, ...]:
    """Return the families of features that a ranker takes."""
    return USUAL if ranker.families is None else tuple(ranker.families)


def with_retrievers(config: Config, retrievers: Sequence[Recommender]) -> Config:
    """Return the configuration with some of its retrievers only."""
    names = {one.name for one in retrievers}
    similar = {name: weight for name, weight in config.similar.items() if name in names}
    return replace(config, retrievers=tuple(retrievers), similar=similar)


def with_ranker(config: Config, name: str) -> Config:
    """Return the configuration with only one ranker, re-ranker or "none".

    One that the configuration already has keeps its parameters.

    Raises
    ------
    ConfigError
        If there is no ranker of that name.
    """
    if register.is_known("reranker", name):
        own = config.rerank or register.create("reranker", name)
        return replace(config, ranker=None, rerank=own)
    if name == NOBODY:
        return replace(config, ranker=None, rerank=None)
    check_ranker_name(name)
    same = config.ranker is not None and config.ranker.name == name
    return replace(config, ranker=config.ranker if same else register.create("ranker", name), rerank=None)


def check_ranker_name(name: str) -> None:
    """Refuse a name that is neither a ranker, a re-ranker nor "none".

    Raises
    ------
    ConfigError
    """
    # Re-rankers first: no package adds any, so that packages are looked at for an unknown name alone.
    if name != NOBODY and not any(register.is_known(kind, name) for kind in reversed(_SECOND)):
        raise ConfigError(f"there is no ranker {name!r}; known: {', '.join(ranker_choices())}")


def ranker_choices() -> list[str]:
    """Return the names of the possible second stages: rankers, re-rankers, "none"."""
    return [*(name for kind in _SECOND for name in register.names(kind)), NOBODY]


def _comparable(config: Config) -> list[object]:
    parts = [*config.retrievers, config.ranker, config.rerank]
    others = [value for name, value in values_of(config).items() if name not in _COMPONENTS]
    return [*others, *(None if one is None else (type(one), values_of(one)) for one in parts)]


def _rules(given: object, where: str = "the configuration") -> Rules:
    if isinstance(given, Rules):
        return given
    table = _table_of(given, f"{where}: cleaning", "a table of rules, or Rules(...)")
    return parse_rules(table, where=f"the cleaning rules of {where}")


def _reading(given: object, where: str = "the configuration") -> Reading:
    if isinstance(given, Reading):
        return given
    table = _table_of(given, f"{where}: reading", "a table, or Reading(...)")
    return parse_reading(table, where=f"reading of {where}")


def _table_of(given: object, what: str, wanted: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{what} is {shown(given)}; it must be {wanted}")
    return {str(name): value for name, value in given.items()}


def _check_agreement(config: Config) -> None:
    """Refuse values that contradict each other."""
    _check_similar(config)
    if config.windows * config.share >= 1:
        raise ConfigError(
            f"{config.windows} windows of a share of {config.share:g} each leave nothing to learn from; "
            "lower windows or share"
        )
    if not config.repeats and any(needs(one, "repeats") for one in config.retrievers):
        raise ConfigError("the retriever 'repeats' scores nothing while repeats is false; set repeats = true")
    if config.encoder == NO_ENCODER and all(needs(one, "text") for one in config.retrievers):
        raise ConfigError(
            "encoder is 'none' and every retriever needs texts; name another retriever or encoder"
        )
    if config.rerank is not None and config.rerank.top > config.candidates:
        raise ConfigError(
            f"rerank reads the top {config.rerank.top} of lists of {config.candidates} candidates; lower its "
            "top or raise candidates"
        )


def _check_similar(config: Config) -> None:
    names = [one.name for one in config.retrievers]
    for name in config.similar:
        if name not in names:
            raise ConfigError(
                f"similar weighs {name!r}, which is no retriever here; there are {', '.join(names)}"
            )


def needs(one: Recommender, need: Need) -> bool:
    """Return whether one of Tacit's own retrievers has no scores without something."""
    path = f"{type(one).__module__}:{type(one).__qualname__}"
    return any(entry.path == path and need in entry.needs for entry in register.ENTRIES)


def _retriever_table(one: Recommender) -> dict[str, Any]:
    entry = register.registered("retriever", one)
    if "name" not in declared(type(one)):
        _check_same_name(entry, one)
    model = {} if one.name == entry.name else {"model": entry.name}
    return {**model, **_parameters(one)}


def _table(kind: Any, one: object) -> dict[str, Any]:
    entry = register.registered(kind, one)
    _check_same_name(entry, one)
    return {"name": entry.name, **_parameters(one)}


def _check_same_name(entry: Entry, one: Any) -> None:
    """Refuse another name than that in the register where a file cannot keep it."""
    if one.name != entry.name:
        raise ConfigError(
            f"the {entry.kind} {one.name!r} of {entry.distribution} is registered as {entry.name!r}, and a "
            "file cannot give it another name; leave its name as it is"
        )


def _parameters(one: object) -> dict[str, Any]:
    """Return the parameters of a component for TOML, which has no null."""
    known, written = declared(type(one)), {}
    for name, value in values_of(one).items():
        if name == "name" or (value is None and known[name].default is None):
            continue
        written[name] = NOBODY if value is None else value
    return written

"""A configuration: objects in Python, the same in a file; what cannot be is one sentence, before any work."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.errors import ConfigError
from tacit.core.parameters import declared, values_of
from tacit.core.spaces import Choice
from tacit.data.rules import Rules, parse_rules
from tacit.features.families import USUAL
from tacit.models.content import Content
from tacit.models.ease import EASE
from tacit.models.trending import Trending
from tacit.pipeline import register
from tacit.pipeline.config import (
    DEFAULT_RETRIEVERS,
    Config,
    config_of_toml,
    families_of,
    parse_config,
    ranker_choices,
    read_config,
    with_ranker,
)
from tacit.rankers.mlp import MLP
from tacit.rankers.pair import PairClassifier


class Mine:
    """A retriever of somebody's own, which no package registers."""

    name = "mine"

    def __init__(self, *, strength: float = 1.0) -> None:
        self.strength = strength

    def fit(self, interactions: Any, catalogue: Any, *, rng: np.random.Generator) -> Self:
        return self

    def score(self, queries: Any, items: Any = None) -> Any:
        return None


class Deaf(Mine):
    fit = None  # type: ignore[assignment]


class NoScore:
    name = "noscore"

    def fit(self, interactions: Any, catalogue: Any, *, rng: np.random.Generator) -> Self:
        return self


class NoRandomness(Mine):
    def fit(self, interactions: Any, catalogue: Any) -> Self:  # type: ignore[override]
        return self


class Nameless(Mine):
    name = ""


class Numbered(Mine):
    name = 3  # type: ignore[assignment]


class NoQueries(Mine):
    def score(self) -> Any:  # type: ignore[override]
        return None


class Same(EASE):
    """EASE by another class."""


class NoRanker:
    name = "noranker"
    families = None
    tasks = None
    scale = "standard"

    def fit(self, *given: Any, **more: Any) -> Self:
        return self


class NoFamilies:
    name = "nofamilies"

    def fit(self, *given: Any, **more: Any) -> Self:
        return self

    def score(self, features: Any, base: Any) -> Any:
        return base


class NoBase(NoRanker):
    def score(self, features: Any) -> Any:
        return features


class Bare(NoRanker):
    def score(self, features: Any, base: Any) -> Any:
        return base


class Own(NoRanker):
    """A ranker of somebody's own, sound but for the values that are given."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update({"name": "own", "tasks": {}, "epochs_": [], **values})

    def score(self, features: Any, base: Any) -> Any:
        return base

    def spec(self) -> Any: ...

    def arrays(self) -> Any: ...

    def restore(self) -> Any: ...


class ScoreOfAll(Mine):
    def score(self, queries: Any) -> Any:  # type: ignore[override]
        return None


WRONG_IN_PYTHON: dict[str, tuple[Callable[[], object], str]] = {
    # a name that nothing has
    "retriever": (
        lambda: Config(retrievers={"nonsense": {}}),
        "there is no retriever 'nonsense'; known: trend",
    ),
    "retriever in a list": (lambda: Config(retrievers=["ease", "eaze"]), "there is no retriever 'eaze'"),
    "ranker": (lambda: Config(ranker="gbm"), "there is no ranker 'gbm'; known: linear"),
    "key": (lambda: Config(retreivers=["ease"]), "Config has no parameter 'retreivers'; known: "),  # type: ignore[call-arg]
    "parameter": (lambda: EASE(ridge=3.0), "EASE has no parameter 'ridge'; known: decay, half_life"),  # type: ignore[call-arg]
    "family": (lambda: Config(ranker=MLP(families=("populrity",))), "no feature family 'populrity'; known:"),
    # a value of the wrong type
    "text for a whole number": (lambda: Config(seed="x"), "seed is 'x', of the wrong type"),  # type: ignore[arg-type]
    "fraction for a whole number": (lambda: Config(windows=2.5), "windows is 2.5"),  # type: ignore[arg-type]
    "text for a number": (lambda: EASE(l2="strong"), "ease: l2 is 'strong', of the wrong type"),  # type: ignore[arg-type]
    "truth for a number": (lambda: Config(seed=True), "seed is True"),
    "class for an object": (
        lambda: Config(retrievers=[EASE]),
        "EASE is a class and no retriever; write EASE()",
    ),  # type: ignore[list-item]
    "text for widths": (lambda: MLP(hidden="wide"), "hidden is 'wide'"),  # type: ignore[arg-type]
    # out of range
    "share": (lambda: Config(share=0.7), "share is 0.7; it must be more than 0 and less than 0.5"),
    "candidates": (lambda: Config(candidates=0), "candidates is 0; it must be at least 1"),
    "regularisation": (lambda: EASE(l2=-1.0), "ease: l2 is -1.0; it must be at least 0"),
    "decay": (lambda: EASE(decay=1.5), "decay is 1.5; it must be more than 0 and at most 1"),
    "not a number": (lambda: Trending(half_life=float("nan")), "half_life is nan"),
    "an unknown word": (lambda: Config(weights="magic"), "weights is 'magic'"),  # type: ignore[arg-type]
    # of the wrong structure
    "nothing": (lambda: Config(retrievers=[]), "no retriever; give at least"),
    "text for a list": (lambda: Config(retrievers="ease"), "retrievers is 'ease', of the wrong type"),
    "list for a mapping": (lambda: Config(retrievers={"ease": [1]}), "'ease' is \\[1\\], of the wrong type"),  # type: ignore[dict-item]
    "number for a ranker": (lambda: Config(ranker=3), "int is no ranker"),  # type: ignore[arg-type]
    "ranker without its name": (lambda: Config(ranker={"hidden": [8]}), "ranker has no name"),
    "twice the same name": (
        lambda: Config(retrievers=[EASE(), EASE(l2=1.0)]),
        "two retrievers have the name",
    ),
    # without what a pipeline needs
    "no score": (
        lambda: Config(retrievers=[NoScore()]),
        "NoScore is no retriever: it has no 'score'; a retr",
    ),  # type: ignore[list-item]
    "no randomness": (lambda: Config(retrievers=[NoRandomness()]), "its fit cannot be called"),
    "no fit": (lambda: Config(retrievers=[Deaf()]), "Deaf is no retriever: its fit cannot be called"),
    "no name": (lambda: Config(retrievers=[Nameless()]), "has no name"),
    "a number for a name": (lambda: Config(retrievers=[Numbered()]), "the name 3: it is 3, not text"),
    "a ranker without a snapshot": (lambda: Config(ranker=Bare()), "Bare is no ranker: it has no 'epochs_'"),  # type: ignore[arg-type]
    "a key that is no name": (
        lambda: Config(retrievers={3: {}}),  # type: ignore[dict-item]
        "retrievers has the key 3; the name of a retriever is text",
    ),
    "another key than its name": (
        lambda: Config(retrievers={"yours": Mine()}),
        "the retriever 'yours' calls itself 'mine'; use that name as its key",
    ),
    "no randomness in a mapping": (
        lambda: Config(retrievers={"mine": NoRandomness()}),
        "its fit cannot be called",
    ),
    "no queries": (
        lambda: Config(retrievers=[NoQueries()]),
        "NoQueries is no retriever: its score cannot be called",
    ),
    "a ranker without families": (
        lambda: Config(ranker=NoFamilies()),  # type: ignore[arg-type]
        "NoFamilies is no ranker: it has no 'families'",
    ),
    "a ranker without a base": (
        lambda: Config(ranker=NoBase()),  # type: ignore[arg-type]
        "NoBase is no ranker: its score cannot be called",
    ),
    "a number for the name of a ranker": (
        lambda: Config(ranker={"name": 3}),
        "ranker: name is 3; it must be text",
    ),
    "a re-ranker without its name": (
        lambda: Config(rerank={"top": 5}),
        "rerank has no name; add name, one of pair",
    ),
    "a ranker without score": (lambda: Config(ranker=NoRanker()), "NoRanker is no ranker: it has no 'score'"),  # type: ignore[arg-type]
    "no re-ranker": (lambda: Config(rerank=EASE()), "rerank is EASE\\(\\), of the wrong type; give PairC"),  # type: ignore[arg-type]
    "score of all items only": (lambda: Config(retrievers=[ScoreOfAll()]), "its score cannot be called"),
    # names that a file, a snapshot or a report cannot hold
    "empty name": (lambda: Config(retrievers={"": {"model": "ease"}}), "the name '': it is empty"),
    "blank name": (lambda: Config(retrievers=[EASE(name=" ")]), "the name ' ': it is empty"),
    "stroke": (lambda: Config(retrievers={"a/b": {"model": "ease"}}), "the name 'a/b': it holds a '/'"),
    "line break": (
        lambda: Config(retrievers=[EASE(name="a\nb")]),
        "it holds a character that cannot be prin",
    ),
    "half a character": (lambda: Config(retrievers={"\ud800": {"model": "ease"}}), "cannot be printed"),
    "number as a name": (lambda: Config(ranker=Own(name=3)), "a ranker cannot have the name 3: it is 3, not"),
    "name of no ranker": (lambda: Config(ranker=Own(name="none")), "'none' stands for no ranker"),
    # a ranker's own values
    "families as a number": (lambda: Config(ranker=Own(families=3)), "has the families 3, of the wrong type"),
    "families as a text": (lambda: Config(ranker=Own(families="text")), "has the families 'text', of the wr"),
    "families in families": (
        lambda: Config(ranker=Own(families=[["text"]])),
        "no feature family \\['text'\\]",
    ),
    "no tasks": (lambda: Config(ranker=Own(tasks=None)), "has the tasks None, of the wrong type"),
    "tasks as a list": (
        lambda: Config(ranker=Own(tasks=["view"])),
        "has the tasks \\['view'\\], of the wrong",
    ),
    "negative task": (lambda: Config(ranker=Own(tasks={"view": -1.0})), "a weight must be at least 0"),
    "task as a text": (lambda: Config(ranker=Own(tasks={"view": "much"})), "a number as its weight"),
    "no task of weight": (lambda: Config(ranker=Own(tasks={"view": 0})), "at least one weight must be more"),
    "unknown scale": (lambda: Config(ranker=Own(scale="loud")), "has the scale 'loud'; give one of standard"),
    # rules and weights
    "unknown choice": (lambda: Config(reading={"column": {}}), "no parameter 'column'; known: accept_guess"),
    "unknown role": (
        lambda: Config(reading={"columns": {"buyer": "uid"}}),
        "no role 'buyer'; known: user, i",
    ),
    "two roles": (
        lambda: Config(reading={"columns": {"user": "id", "item": "id"}}),
        "the column 'id' cannot be both user and item",
    ),
    "order of dates": (lambda: Config(reading={"dates": "ymd"}), "dates is 'ymd'"),
    "number for choices": (lambda: Config(reading=3), "reading is 3; it must be a table"),  # type: ignore[arg-type]
    "unknown rule": (lambda: Config(cleaning={"min_user_event": 5}), "have no 'min_user_event'; known: bot"),
    "number for rules": (lambda: Config(cleaning=3), "cleaning is 3; it must be a table"),  # type: ignore[arg-type]
    "word for a fill": (lambda: Rules(fill={"value": "median"}), "must be an object of the class Fill"),  # type: ignore[dict-item]
    "huge weight": (lambda: Config(similar={"ease": 1e308}), "at least 0 and at most 1e"),
    "no weight": (lambda: Config(similar={"ease": float("nan")}), "similar is {'ease': nan}"),
    # that contradict each other
    "windows and share": (lambda: Config(windows=4, share=0.3), "leave nothing to learn from"),
    "repeats": (lambda: Config(retrievers=["repeats"]), "'repeats' scores nothing while repeats is false"),
    "texts and no encoder": (
        lambda: Config(retrievers=[Content()], encoder="none"),
        "every retriever needs tex",
    ),
    "weights of lists of no retriever": (
        lambda: Config(retrievers=["ease"], similar={"itemknn": 1.0}),
        "similar weighs 'itemknn', which is no retriever here; there are ease",
    ),
    "top and candidates": (
        lambda: Config(rerank="pair", candidates=10),
        "rerank reads the top 20 of lists of 10",
    ),
    "a re-ranker as ranker": (lambda: Config(ranker="pair"), "'pair' is a re-ranker and no ranker"),
    "a blank encoder": (lambda: Config(encoder=" "), "encoder is ' '; name one, for example auto, or none"),
    "bots": (lambda: Rules(bot_items_per_hour=5), "contradict each other: bot_items_per_hour is 5"),
    "endpoint without a model": (lambda: Config(encoder="endpoint:http://localhost"), "names no model"),
}

WRONG_IN_TOML: dict[str, tuple[str, str]] = {
    "unknown key": ("sed = 3", "unknown key 'sed'; known keys:"),
    "unknown retriever": ("[retrievers.nonsense]", "there is no retriever 'nonsense'"),
    "unknown model": ("[retrievers.mine]\nmodel = 'eaze'", "there is no retriever 'eaze'"),
    "unknown parameter": (
        "[retrievers.ease]\nridge = 3",
        "'ease' has no parameter 'ridge'; known: decay, half_l",
    ),
    "unknown ranker": ("ranker = 'gbm'", "there is no ranker 'gbm'"),
    "unknown choice": ("[reading]\nzone = 'UTC'", "no parameter 'zone'; known: accept_guess"),
    "rule of ids": ("[reading]\nids = ['trim']", "ids is .* of the wrong type"),
    "unknown rule": ("[cleaning]\nrobots = false", "have no 'robots'; known: bot_items"),
    "renamed key": ("passed = 2.0", "the key 'passed' is now called 'shown_not_chosen'; rename it"),
    "type of a number": ("windows = 'many'", "windows is 'many', of the wrong type"),
    "type of a whole number": ("windows = 1.5", "windows is 1.5"),
    "type of a parameter": ("[retrievers.trending]\nhalf_life = 'long'", "half_life is 'long'"),
    "type of a choice": ("[retrievers.itemknn]\nweighting = 'bm11'", "weighting is 'bm11'"),
    "type of a rule": ("[cleaning]\nbots = 'none'", "bots is 'none'"),
    "type of a width": ("[ranker]\nname = 'mlp'\nhidden = 'wide'", "hidden is 'wide'"),
    "range of a share": ("share = 0.5", "share is 0.5"),
    "range of a count": ("max_users = 0", "max_users is 0; it must be at least 1"),
    "range of a parameter": ("[retrievers.ease]\nrarity = 2.0", "rarity is 2.0"),
    "range of a rate": ("[ranker]\nname = 'mlp'\nlearning_rate = -1.0", "learning_rate is -1.0"),
    "range of a rule": ("[cleaning]\noutlier_share = 0.5", "outlier_share is 0.5"),
    "range of a weight": ("shown_not_chosen = inf", "shown_not_chosen is inf"),
    "number for a table": ("retrievers = 3", "retrievers is 3"),
    "number in a table": ("[retrievers]\nease = 3", "the retriever 'ease' is 3"),
    "number for a ranker": ("ranker = 3", "int is no ranker"),
    "number for rules": ("cleaning = 3", "cleaning is 3; it must be a table"),
    "number for fills": ("[cleaning]\nfill = 3", "fill is 3"),
    "a rule of both kinds": (
        "[[retrievers.rules.rules]]\nitems = ['a']\nwhere = []",
        "rule 1 needs either 'items' .* or 'where'",
    ),
    "no model of a name": ("[retrievers.ease]\nmodel = 3", "model is 3; it must be the name of a retriever"),
    "windows and share": ("windows = 5\nshare = 0.2", "leave nothing to learn from"),
    "repeats": ("repeats = false\n[retrievers.repeats]", "scores nothing while repeats is false"),
    "texts": ("encoder = 'none'\n[retrievers.content]", "every retriever needs texts"),
    "top and candidates": (
        "candidates = 5\n[rerank]\nname = 'pair'",
        "rerank reads the top 20 of lists of 5",
    ),
    "re-ranker as a ranker": ("ranker = 'pair'", "write rerank = {name = 'pair'}"),
    "bots": ("[cleaning]\nbot_items_per_minute = 500", "contradict each other"),
}


@pytest.mark.parametrize("case", WRONG_IN_PYTHON)
def test_what_cannot_be_is_one_sentence(case: str) -> None:
    make, message = WRONG_IN_PYTHON[case]
    with pytest.raises(ConfigError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("digits", [400, 9_000])
def test_a_long_value_is_shortened_in_a_message(digits: int) -> None:
    with pytest.raises(ConfigError, match=r"ease: l2 is .*, of the wrong type") as error:
        EASE(l2=10**digits)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("case", WRONG_IN_TOML)
def test_what_cannot_be_in_a_file_is_one_sentence(case: str) -> None:
    text, message = WRONG_IN_TOML[case]
    with pytest.raises(ConfigError, match=message) as error:
        config_of_toml(text, where="shop.toml")
    assert "\n" not in str(error.value)


def test_a_file_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "tacit.toml"
    file.write_text("seed = 3\n[retrievers.trending]\nhalf_life = 2\n[ranker]\nname = 'mlp'\nepochs = 4\n")
    config = read_config(file)
    assert config == Config(seed=3, retrievers=[Trending(half_life=2.0)], ranker=MLP(epochs=4))
    assert config.candidates == Config().candidates


def test_objects_names_and_tables_say_the_same() -> None:
    objects = Config(retrievers=[Trending(), EASE(l2=3.0)], ranker=MLP(hidden=(64, 32)))
    assert objects == Config(
        retrievers={"trending": {}, "ease": {"l2": 3}}, ranker={"name": "mlp", "hidden": [64, 32]}
    )
    assert Config(retrievers=["trending", "ease"], ranker="mlp") == Config(retrievers=[Trending(), EASE()])
    assert Config(ranker="none").ranker is Config(ranker=None).ranker is None
    assert Config(rerank="none").rerank is Config(rerank=None).rerank is None
    mine = Mine()
    assert Config(retrievers={"mine": mine}).retrievers == (mine,)
    assert config_of_toml("[ranker]\nname = 'none'\n[rerank]\nname = 'none'") == Config(ranker=None)
    assert config_of_toml("retrievers = ['trending', 'ease']") == Config(retrievers=["trending", "ease"])
    assert Config(cleaning={"fill": {"value": "median"}}) == Config(
        cleaning=parse_rules({"fill": {"value": "median"}})
    )
    assert Config(retrievers={"again": EASE()}).retrievers == (EASE(name="again"),)
    assert Config(rerank="pair").rerank == PairClassifier()
    assert Config(retrievers=["popular"]).retrievers == (Trending(name="popular", half_life=inf),)


def test_the_defaults_are_those_that_were_measured() -> None:
    config = Config()
    scalars = {name: value for name, value in config.to_dict().items() if not isinstance(value, dict)}
    assert scalars == {
        "candidates": 100,
        "ranked": 200,
        "windows": 3,
        "share": 0.1,
        "shown_not_chosen": 1.0,
        "repeats": False,
        "explore": 0.0,
        "explore_below": 10,
        "max_users": 4_000,
        "max_events": 2_000_000,
        "importance": False,
        "encoder": "auto",
        "weights": "default",
        "seed": 7,
    }
    assert (config.ranker, config.rerank, config.cleaning) == (MLP(), None, Rules())
    expected = {name: {} for name in DEFAULT_RETRIEVERS}
    expected |= {"ease": {"decay": 1.0}, "sequential": {"max_items": 5_000}}
    assert config == Config(retrievers=expected)


def test_configurations_differ_by_any_value() -> None:
    assert Config(seed=1) != Config(seed=2)
    assert Config(candidates=50) != Config()
    assert Config(retrievers=[EASE()]) != Config(retrievers=[EASE(l2=2.0)])
    assert Config(retrievers=[EASE()]) != Config(retrievers=[Same()])
    assert Config(ranker=MLP(epochs=3)) != Config()
    assert Config(rerank="pair") != Config()
    assert Config() != "a configuration"
    assert hash(Config()) == hash(Config())


def test_what_is_just_possible_is_taken() -> None:
    assert Config(retrievers=["trending", "content"], encoder="none").encoder == "none"
    assert Config(rerank=PairClassifier(top=10), candidates=10).candidates == 10
    assert Config(windows=3, share=0.33).windows == 3
    assert Config(retrievers=["ease"], similar={"ease": 0.0}).similar == {"ease": 0.0}


def test_a_file_names_the_model_of_a_retriever_where_its_name_does_not() -> None:
    tables = Config(retrievers=["ease", "popular", EASE(name="mine")]).to_dict()["retrievers"]
    assert "model" not in tables["ease"]
    assert (tables["popular"]["model"], tables["mine"]["model"]) == ("trending", "ease")


def test_a_ranker_takes_its_own_families_or_the_usual_ones() -> None:
    assert families_of(MLP()) == USUAL
    assert families_of(MLP(families=("popularity",))) == ("popularity",)


CONFIGS = {
    "defaults": Config(),
    "no ranker": Config(ranker=None),
    "objects": Config(retrievers=[Trending(), EASE(l2=3.0, half_life=inf)], ranker=MLP(hidden=(8,))),
    "twice": Config(retrievers=[EASE(), EASE(name="recent", decay=0.8)], ranker="dcn"),
    "repeats": Config(repeats=True, weights="auto", encoder="tfidf", seed=0),
    "rules": Config(retrievers=["trending", register.create("retriever", "rules", {"rules": [
        {"when": {"history": "empty"}, "items": ["a", "b"]},
        {"where": [{"attribute": "price", "op": "<", "value": 50}], "sort": "price", "limit": 20},
    ]})]),
    "transformer": Config(retrievers=[register.create("retriever", "transformer", {"negatives": None})]),
    "tasks": Config(ranker=MLP(tasks={"view": 1.0, "purchase": 3.0}, families=("popularity",))),
    "rerank": Config(rerank=PairClassifier(top=10, epochs=1)),
    "cleaning": Config(
        cleaning=parse_rules({"outliers": "mad", "fill": {"value": "median", "timestamp": 3}})
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFIGS)
def test_a_configuration_and_its_file_are_the_same(case: str) -> None:
    config = CONFIGS[case]
    assert config_of_toml(config.to_toml()) == config
    assert parse_config(config.to_dict()) == config
    assert Config(**config.to_dict()) == config


@given(st.data())
def test_any_value_of_the_spaces_survives_the_file(data: st.DataObject) -> None:
    entry = data.draw(st.sampled_from([e for e in register.ENTRIES if e.kind == "retriever" and not e.slow]))
    values: dict[str, Any] = {}
    for name, one in declared(entry.load()).items():
        if isinstance(one.search, Choice):
            values[name] = data.draw(st.sampled_from(one.search.values))
        elif one.search is not None:
            kind = st.integers if isinstance(one.search.low, int) else st.floats
            values[name] = data.draw(kind(one.search.low, one.search.high))  # type: ignore[operator]
    component = register.create("retriever", entry.name, values, title="drawn")
    config = Config(retrievers=[component], repeats=True)
    again = config_of_toml(config.to_toml())
    assert again == config
    assert values_of(again.retrievers[0]) == values_of(component)


def test_what_is_not_registered_works_in_python_and_cannot_be_written() -> None:
    config = Config(retrievers=[Trending(), Mine()])
    assert config.retrievers[1].name == "mine"
    with pytest.raises(
        ConfigError, match="Mine is not a registered retriever and cannot be written to a file"
    ):
        config.to_toml()


def test_a_name_that_a_file_would_lose_cannot_be_written() -> None:
    assert Config(ranker=MLP(name="wide")).ranker == MLP(name="wide")
    with pytest.raises(ConfigError, match="the ranker 'wide' of tacit-recsys is registered as 'mlp'"):
        Config(ranker=MLP(name="wide")).to_toml()


def test_a_configuration_never_changes() -> None:
    config = Config()
    with pytest.raises(AttributeError, match="seed is a parameter and never changes"):
        config.seed = 3  # type: ignore[misc]
    assert replace(config, seed=3).seed == 3


@pytest.mark.parametrize("content", ["a = [", b"\xff\xfe".decode("latin-1")])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "tacit.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match="TOML"):
        read_config(file)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tacit.toml"
    file.write_bytes(b"encoder = '\xff'")
    with pytest.raises(ConfigError, match=r"tacit\.toml is not valid TOML: 'utf-8' codec"):
        read_config(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_config(tmp_path / "nowhere.toml")


def test_repeats_bring_their_retriever_unless_it_is_there() -> None:
    plain = parse_config({"repeats": True})
    assert plain == Config(repeats=True)
    names = [one.name for one in plain.retrievers]
    assert names == [*(one.name for one in Config().retrievers), "repeats"]
    own = parse_config({"repeats": True, "retrievers": {"repeats": {"decay": 0.9}}})
    assert own.retrievers == (register.create("retriever", "repeats", {"decay": 0.9}),)


def test_a_ranker_named_alone_keeps_the_parameters_it_has() -> None:
    config = Config(ranker=MLP(hidden=(8,)), rerank=PairClassifier(epochs=1))
    assert with_ranker(config, "mlp") == Config(ranker=MLP(hidden=(8,)))
    assert with_ranker(config, "dcn") == Config(ranker="dcn")
    assert with_ranker(config, "none") == Config(ranker=None)
    assert with_ranker(config, "pair") == Config(ranker=None, rerank=PairClassifier(epochs=1))
    assert with_ranker(Config(), "pair").rerank == PairClassifier()
    with pytest.raises(ConfigError, match="no ranker 'gbm'"):
        with_ranker(config, "gbm")
    assert ranker_choices() == ["linear", "mlp", "dcn", "cnn", "lambdamart", "pair", "none"]

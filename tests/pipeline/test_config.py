from pathlib import Path

import pytest

from tacit.core.errors import ConfigError
from tacit.pipeline.config import Config, parse_config, read_config
from tacit.pipeline.retrievers import retriever
from tacit.pipeline.training import new_ranker


def test_a_file_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "tacit.toml"
    file.write_text("seed = 3\n[retrievers.trending]\nhalf_life = 2\n[ranker]\nname = 'mlp'\nepochs = 4\n")
    config = read_config(file)
    assert config.seed == 3
    assert config.retrievers == {"trending": {"half_life": 2}}
    assert config.ranker == {"name": "mlp", "epochs": 4}
    assert config.candidates == Config().candidates


def test_no_ranker_is_a_choice() -> None:
    assert parse_config({"ranker": "none"}).ranker is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"sed": 3}, "unknown key 'sed'"),
        ({"share": 0.7}, "share is 0.7"),
        ({"candidates": 0}, "candidates is 0"),
        ({"retrievers": {}}, "no retriever"),
        ({"weights": "magic"}, "weights is 'magic'"),
        ({"windows": "many"}, "windows is 'many', of the wrong type"),
        ({"windows": 1.5}, "windows is 1.5"),
        ({"seed": True}, "seed is True"),
        ({"retrievers": 3}, "retrievers is 3"),
        ({"retrievers": {"ease": 3}}, "retrievers is"),
        ({"ranker": 3}, "ranker is 3"),
        ({"cleaning": 3}, "cleaning is 3; it must be a table"),
        ({"cleaning": {"robots": False}}, "robots"),
    ],
)
def test_what_nothing_uses_or_cannot_be_is_refused(raw: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(raw)


@pytest.mark.parametrize("content", ["a = [", b"\xff\xfe".decode("latin-1")])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "tacit.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match="TOML"):
        read_config(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_config(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("nonsense", {}, "no retriever 'nonsense'"),
        ("ease", {"ridge": 3}, "'ease' has no parameter 'ridge'; known: decay, half_life, keep, l2"),
        ("trending", {"half_life": "long"}, "half_life is 'long'"),
        ("itemknn", {"weighting": "bm11"}, "weighting is 'bm11'"),
        ("itemknn", {"k": 2.5}, "k is 2.5"),
    ],
)
def test_a_retriever_that_cannot_be_made_says_why(
    name: str, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        retriever(name, parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({}, "no ranker None"), ({"name": "gbm"}, "'gbm'"), ({"name": "mlp", "hidden": "wide"}, "hidden")],
)
def test_a_ranker_that_cannot_be_made_says_why(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        new_ranker(parameters)


def test_whole_numbers_stand_for_fractions() -> None:
    assert parse_config({"retrievers": {"ease": {"l2": 3}}}).retrievers == {"ease": {"l2": 3}}
    assert retriever("ease", {"l2": 3}).name == "ease"


def test_repeats_bring_their_retriever_unless_it_is_there() -> None:
    plain = parse_config({"repeats": True})
    assert plain == Config(repeats=True)
    assert list(plain.retrievers) == [*Config().retrievers, "repeats"]
    own = parse_config({"repeats": True, "retrievers": {"repeats": {"decay": 0.9}}})
    assert own.retrievers == {"repeats": {"decay": 0.9}}
    assert "repeats" not in parse_config({}).retrievers

from pathlib import Path

import pytest

from tacit.core.errors import ConfigError
from tacit.pipeline.config import Config, parse_config, read_config


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
        ({"windows": "many"}, "wrong type"),
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

"""``tacit fit``: from files to a snapshot directory."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.rankers.tiny import tiny_bert

from tacit.cli.app import run
from tacit.data.shop import generate
from tacit.engine.snapshot import Snapshot, load

CONFIG = """
encoder = "tfidf"
ranker = "none"
windows = 1
[retrievers.trending]
[retrievers.itemknn]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dirty shop of 150 items, and a configuration that fits it in a moment."""
    folder = tmp_path_factory.mktemp("shop")
    generate(users=80, items=150, events=1_500, days=30).write(folder)
    (folder / "quick.toml").write_text(CONFIG)
    return folder


def fitted(shop: Path, out: Path, *options: str, config: str | None = None) -> Snapshot:
    file = shop / "quick.toml"
    if config is not None:
        file = out.with_suffix(".toml")
        file.write_text(config)
    files = [str(shop / "events.csv"), "--items", str(shop / "items.jsonl"), "--config", str(file)]
    assert run(["fit", *files, "--out", str(out), *options]) == 0
    return load(out)


def test_a_dirty_shop_becomes_one_whole_snapshot(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = fitted(shop, tmp_path / "model")
    reported = capsys.readouterr()
    assert len(snapshot.catalogue) == 150
    assert snapshot.catalogue.vectors is not None
    assert [model.name for model in snapshot.pipeline.retrievers_] == ["trending", "itemknn"]
    assert snapshot.version in reported.out
    assert "blend: trending" in reported.out
    assert f"{shop / 'events.csv'}: " in reported.err
    said = " ".join(reported.err.split())  # a narrow terminal breaks lines
    assert "kept; rejected rows: " in said
    assert " duplicate" in said
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model"]
    suffixes = {file.suffix for file in (tmp_path / "model").iterdir()}
    assert suffixes == {".json", ".arrow", ".safetensors", ".toml"}


def test_a_fit_may_start_from_the_configuration_of_a_snapshot(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = fitted(shop, tmp_path / "model", config=CONFIG.replace("windows = 1", "windows = 2"))
    files = ["fit", str(shop / "events.csv"), "--items", str(shop / "items.jsonl")]
    files += ["--like", str(tmp_path / "model")]
    assert run([*files, "--out", str(tmp_path / "again")]) == 0
    again = load(tmp_path / "again")
    assert again.pipeline.config == first.pipeline.config
    assert again.pipeline.config.windows == 2
    assert again.version == first.version
    assert run([*files, "--seed", "9", "--out", str(tmp_path / "other")]) == 0
    assert load(tmp_path / "other").pipeline.config.seed == 9
    capsys.readouterr()
    assert run([*files, "--config", str(shop / "quick.toml"), "--out", str(tmp_path / "no")]) == 2
    assert "--config and --like both give a configuration" in capsys.readouterr().err
    assert run(["fit", "absent.csv", "--like", str(shop), "--out", str(tmp_path / "no")]) == 2
    assert "is not a snapshot" in capsys.readouterr().err


def test_the_same_seed_and_data_give_the_same_model_in_place_of_the_older_one(
    shop: Path, tmp_path: Path
) -> None:
    first = fitted(shop, tmp_path / "model", "--seed", "3")
    again = fitted(shop, tmp_path / "model", "--seed", "3")
    assert first.version == again.version
    assert first.facts["seed"] == 3
    assert first.facts["data_sha256"] == again.facts["data_sha256"]


def test_the_cleaning_rules_of_the_configuration_are_used(shop: Path, tmp_path: Path) -> None:
    usual = fitted(shop, tmp_path / "usual")
    lax = fitted(
        shop, tmp_path / "lax", config=CONFIG + "[cleaning]\nduplicates = false\nburst_seconds = 0\n"
    )
    strict = fitted(shop, tmp_path / "strict", config=CONFIG + "[cleaning]\nmin_user_events = 20\n")
    assert len(lax.interactions) > len(usual.interactions) > len(strict.interactions)
    assert min(pl.Series(strict.interactions.user).value_counts()["count"]) >= 20


def test_what_is_known_of_users_is_taken(shop: Path, tmp_path: Path) -> None:
    snapshot = fitted(shop, tmp_path / "model", "--users", str(shop / "users.csv"))
    log = snapshot.interactions
    assert log.trait_columns.names
    assert log.traits.shape == (log.n_users, len(log.trait_columns))
    assert (log.traits > 0).mean() > 0.5


def test_without_a_catalogue_the_log_says_what_there_is(shop: Path, tmp_path: Path) -> None:
    files = [str(shop / "events.csv"), "--config", str(shop / "quick.toml")]
    assert run(["fit", *files, "--out", str(tmp_path / "model")]) == 0
    snapshot = load(tmp_path / "model")
    assert snapshot.catalogue.vectors is None
    assert len(snapshot.catalogue) == len(set(snapshot.interactions.item.tolist()))


def test_every_epoch_of_the_ranker_is_told(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = CONFIG.replace('ranker = "none"', 'ranker = {name = "mlp", epochs = 2, hidden = [8]}')
    snapshot = fitted(shop, tmp_path / "model", config=config)
    reported = capsys.readouterr().out
    for word in ("epoch   1", "epoch   2", "loss", "accuracy", "auc", "ranker on held-out users"):
        assert word in reported
    assert snapshot.pipeline.second_.ranker is not None


def test_a_ranker_and_an_encoder_can_be_asked_for_by_name(shop: Path, tmp_path: Path) -> None:
    snapshot = fitted(shop, tmp_path / "model", "--ranker", "linear", "--encoder", "none")
    assert snapshot.pipeline.report_.epochs
    assert snapshot.catalogue.vectors is None


def test_a_ranker_that_nobody_knows_is_refused_before_the_log_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--ranker", "oracle", "--out", str(tmp_path / "model")]
    assert run(["fit", str(tmp_path / "nothing.csv"), *options]) == 2
    said = capsys.readouterr().err
    assert "no ranker 'oracle'; known: linear, mlp, dcn, cnn, lambdamart, pair, none" in said


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[retrievers.psychic]", "no retriever 'psychic'"),
        ("[retrievers.ease]\nridge = 3", "'ease' has no parameter 'ridge'"),
        ('ranker = "oracle"', "no ranker 'oracle'"),
        ("[cleaning]\nrobots = false", "robots"),
        ("seed = 'x'", "seed is 'x'"),
        ("seed = ", "not valid TOML"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_before_the_log_is_read(
    config: str, said: str, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(config)
    options = ["--config", str(file), "--out", str(tmp_path / "model")]
    assert run(["fit", str(shop / "events.csv"), *options]) == 2
    reported = capsys.readouterr().err
    assert said in reported
    assert reported.count("\n") == 1
    assert not (tmp_path / "model").exists()


def test_nothing_but_a_snapshot_is_ever_replaced(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert run(["fit", str(shop / "events.csv"), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"tacit: {tmp_path} exists and is not a snapshot; choose another directory\n"
    )
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_log_without_events_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user_id,item_id,event,timestamp\nu,i,view,1000\n")
    assert run(["fit", str(log), "--out", str(tmp_path / "model")]) == 2
    assert "there is no event to learn from" in capsys.readouterr().err


def test_columns_can_be_mapped(tmp_path: Path, shop: Path) -> None:
    log = tmp_path / "odd.csv"
    rows = [f"x{n % 30},y{n % 7},{1_700_000_000 + 3600 * n}" for n in range(200)]
    log.write_text("a,b,c\n" + "\n".join(rows) + "\n")
    maps = ["--map", "a=item", "--map", "b=user", "--map", "c=timestamp"]
    options = ["--config", str(shop / "quick.toml"), "--out", str(tmp_path / "model")]
    assert run(["fit", str(log), *maps, *options]) == 0
    assert load(tmp_path / "model").interactions.n_users == 7


def test_a_re_ranker_is_fitted_and_told_of(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bert").mkdir()
    bert = tiny_bert(tmp_path / "bert")
    requested = f'[rerank]\nname = "pair"\nmodel = "{bert}"\nhistory_tokens = 16\npairs = 64\nepochs = 1\n'
    snapshot = fitted(shop, tmp_path / "model", config=CONFIG + requested)
    reported = " ".join(capsys.readouterr().out.split())
    report = snapshot.pipeline.rerank_report_.to_json()
    assert f"re-ranker: weight {report['weight']:.2f}" in reported
    assert f"reads the first {report['top']} of a list in {report['milliseconds']:.1f} ms" in reported
    assert "budget 50 ms" in reported
    assert (snapshot.pipeline.rerank_ is not None) == (report["weight"] > 0)


QUICK_TEXTS = CONFIG.replace('"tfidf"', '"auto"') + "[retrievers.content]\n"


def bilingual(folder: Path) -> list[str]:
    """Write a log, its items in three languages and its users; return the words of a fit without --out."""
    titles = [
        "red running shoes",
        "a pair of light trail shoes",
        "porcelain tea cup",
        "big cast iron pan",
    ] * 5
    titles += ["红色跑步鞋", "蓝色跑步鞋", "陶瓷茶杯", "铸铁平底锅", "सुंदर घड़ी"]
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(25)], "title": titles})
    events = pl.DataFrame(
        {
            "user_id": [f"u{n % 20}" for n in range(400)],
            "item_id": [f"i{n * n % 25}" for n in range(400)],
            "timestamp": ["2024-03-01 10:00:00"] * 200 + ["2024-03-02 10:00:00"] * 200,
            "event": ["view" if n % 3 else "cart" for n in range(400)],
        }
    )
    pl.concat([items, items.head(2)]).write_csv(folder / "items.csv")
    pl.DataFrame({"user_id": [f"u{n}" for n in (*range(20), 3)], "age": 30}).write_csv(folder / "users.csv")
    events.write_csv(folder / "log.csv")
    (folder / "c.toml").write_text(QUICK_TEXTS)
    options = {"--items": "items.csv", "--users": "users.csv", "--config": "c.toml"}
    return [
        "fit",
        str(folder / "log.csv"),
        *(word for name, file in options.items() for word in (name, str(folder / file))),
    ]


def test_it_says_how_texts_are_read_and_what_was_guessed_and_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = bilingual(tmp_path)
    assert run([*command, "--out", str(tmp_path / "model")]) == 0
    reported = "".join(capsys.readouterr().out.split())  # a long path is broken anywhere
    for sentence in (
        "texts are read by the pair of MiniLM and USE, because 80% of the texts are in English",
        "1 of 25 texts are in a language that the pair of MiniLM and USE cannot read",
        "of the words of the texts are unknown to the pair",
        "items.csv: 2 row(s) repeat an id of item_id",
        "users.csv: 1 row(s) repeat an id of user_id",
        "times without a zone are read as UTC",
    ):
        assert "".join(sentence.split()) in reported
    snapshot = load(tmp_path / "model")
    assert snapshot.facts["texts"]["unreadable"] == 1
    assert run([*command, "--encoder", "minilm", "--out", str(tmp_path / "model")]) == 0
    reported = " ".join(capsys.readouterr().out.split())
    assert "5 of 25 texts are in a language that the English model MiniLM cannot read" in reported


def test_a_fit_within_a_time_writes_its_steps_and_ends_with_the_whole(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = fitted(shop, tmp_path / "model", "--seconds", "600")
    said = " ".join(capsys.readouterr().out.split())
    assert " s NDCG@10 0." in said
    assert "trending, itemknn (the whole configuration)" in said
    steps = snapshot.facts["steps"]
    assert isinstance(steps, list)
    assert [step["complete"] for step in steps] == [False] * (len(steps) - 1) + [True]


def test_quick_is_a_number_of_seconds(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fitted(shop, tmp_path / "model", "--quick").facts["steps"]
    files = [str(shop / "events.csv"), "--out", str(tmp_path / "no")]
    assert run(["fit", *files, "--quick", "--seconds", "9"]) == 2
    assert "leave one of them out" in capsys.readouterr().err
    capsys.readouterr()
    for short in ("0", "0.5"):
        assert run(["fit", *files, "--seconds", short]) == 2
        assert (
            "Invalid value for '--seconds': Input should be greater than or equal to 1"
            in capsys.readouterr().err
        )


def test_an_interrupted_fit_leaves_the_best_so_far(tmp_path: Path) -> None:
    generate(users=300, items=200, events=15_000, days=60).write(tmp_path)
    command = [sys.executable, "-m", "tacit", "fit", str(tmp_path / "events.csv"), "--encoder", "none"]
    with subprocess.Popen(
        [*command, "--seconds", "900", "--out", str(tmp_path / "model")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        first = next(line for line in process.stdout if " s  NDCG@10" in line)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 0, rest
    assert "interrupted" in rest
    snapshot = load(tmp_path / "model")
    assert snapshot.version in rest
    assert ", ".join(one.name for one in snapshot.pipeline.retrievers_) in first + rest

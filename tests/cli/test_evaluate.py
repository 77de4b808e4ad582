"""``tacit evaluate`` from files to files, through the command line itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.cli.app import run

MODELS = "popular,itemknn"
DAY = 86_400


def write(path: Path, header: str, rows: list[tuple[object, ...]]) -> Path:
    path.write_text(header + "\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


def shop_rows(users: int = 40) -> list[tuple[object, ...]]:
    """Users of two tastes who each look at eight of twenty items, one a day."""
    rng = np.random.default_rng(0)
    rows: list[tuple[object, ...]] = []
    for user in range(users):
        items = rng.permutation(10)[:8] * 2 + user % 2
        start = 1_700_000_000 + int(rng.integers(0, 20 * DAY))
        rows += [(f"u{user}", f"i{item}", "view", start + n * DAY) for n, item in enumerate(items)]
    return rows


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path / "log.csv", "user_id,item_id,event,timestamp", shop_rows())


@pytest.fixture
def items(tmp_path: Path) -> Path:
    rows = [(f"i{n}", f"{'red' if n % 2 else 'blue'} thing number {n}") for n in range(22)]
    return write(tmp_path / "items.csv", "item_id,title", rows)


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[dict[str, Any], str]:
    """Run with ``--json -``; standard output holds the report and nothing else."""
    code = run(["evaluate", *map(str, arguments), "--json", "-"])
    reported = capsys.readouterr()
    assert code == 0, reported.err
    return json.loads(reported.out), reported.err


def test_attributes_of_users_become_features(
    log: Path, items: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[tuple[object, ...]] = [(f"u{user}", "odd" if user % 2 else "even") for user in range(40)]
    users = write(tmp_path / "users.csv", "user_id,taste", rows)
    config = tmp_path / "quick.toml"
    config.write_text(
        """
encoder = "none"
windows = 1
retrievers.trending = {}
ranker = { name = "mlp", epochs = 40, patience = 40, learning_rate = 0.01, families = ["people", "crosses"] }
"""
    )
    options = ("--items", items, "--config", config, "--models", "popular", "--rankers", "none,mlp")
    split = ("--split", "leave-one-out", "--against", "tacit-none")
    scores = []
    for more in ((), ("--users", users)):
        report, _ = evaluated(capsys, log, *options, *split, *more)
        all_users = {row["name"]: row["metrics"] for row in report["models"] if row["slice"] == "all"}
        scores.append([all_users[f"tacit-{name}"]["ndcg@10"]["value"] for name in ("none", "mlp")])
    assert scores[0][0] == scores[0][1] == scores[1][0]  # without attributes nothing is learned
    assert scores[1][1] > 1.2 * scores[1][0]


def test_a_log_makes_the_whole_trip(
    log: Path, items: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html, report = tmp_path / "report.html", tmp_path / "report.json"
    code = run(
        [
            *("evaluate", str(log), "--items", str(items)),
            *("--models", f"{MODELS},content", "--encoder", "tfidf"),
            *("--html", str(html), "--json", str(report)),
        ]
    )
    reported = capsys.readouterr()
    assert code == 0
    document = json.loads(report.read_text())
    assert document["protocol"] == "time"
    assert document["cut"] > 1_700_000_000
    assert {row["name"] for row in document["models"]} == {"popular", "itemknn", "content"}
    row = next(row for row in document["models"] if (row["name"], row["slice"]) == ("itemknn", "all"))
    assert set(row["metrics"]["ndcg@10"]) >= {"value", "low", "high"}
    assert row["metrics"]["ndcg@10"]["low"] <= row["metrics"]["ndcg@10"]["value"]
    assert row["metrics"]["diversity@10"]["value"] > 0
    assert document["data"]["items"] == 22
    assert document["conclusion"].split()[0] in reported.out
    assert document["choice"]["reason"].split(":")[0] in reported.out
    assert document["choice"]["reason"].split(":")[0] in html.read_text()
    assert "<html" in html.read_text()
    assert "itemknn" in html.read_text()


def test_the_same_seed_gives_the_same_figures(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = []
    for _ in range(2):
        report, _ = evaluated(capsys, log, "--models", MODELS)
        reports.append([(row["name"], row["slice"], row["metrics"]) for row in report["models"]])
    assert reports[0] == reports[1]


def test_without_texts_the_content_model_is_left_out_and_refused_where_asked_for(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", str(log), "--models", "content"]) == 2
    assert "'content' is not possible" in capsys.readouterr().err


def test_two_files_take_the_place_of_a_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = shop_rows()
    train = write(
        tmp_path / "train.csv", "user_id,item_id,event,timestamp", [r for r in rows if r[0] != "u1"]
    )
    test = write(tmp_path / "test.csv", "user_id,item_id,event,timestamp", [r for r in rows if r[0] == "u1"])
    report, _ = evaluated(capsys, "--train", train, "--test", test, "--models", MODELS)
    assert report["protocol"] == "files"
    assert report["data"]["test_users"] == 1
    assert {row["slice"] for row in report["models"]} == {"all", "new-user"}


@pytest.mark.parametrize(
    ("header", "kept", "protocol"),
    [
        ("user_id,item_id,event,seq", 4, "leave-one-out"),
        ("user_id,item_id,event", 3, "random"),
    ],
)
def test_the_log_decides_what_cut_is_honest(
    header: str, kept: int, protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(*row[:3], place % 8)[:kept] for place, row in enumerate(shop_rows())]
    log = write(tmp_path / "log.csv", header, rows)
    report, _ = evaluated(capsys, log, "--models", MODELS)
    assert (report["protocol"], report["cut"]) == (protocol, None)
    assert report["data"]["targets"] == 40
    assert run(["evaluate", str(log), "--split", "time"]) == 2
    assert "a time split is not possible" in capsys.readouterr().err


def test_repeats_count_where_they_are_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        (f"u{u}", f"i{n % 3}", "purchase", 1_700_000_000 + DAY * n + 60 * u)
        for n in range(9)
        for u in range(9)
    ]
    log = write(tmp_path / "log.csv", "user_id,item_id,event,timestamp", rows)
    assert run(["evaluate", str(log), "--models", "popular"]) == 2
    assert "--allow-seen" in capsys.readouterr().err
    report, _ = evaluated(capsys, log, "--models", "popular,repeats", "--allow-seen")
    assert [model["metrics"]["hitrate@10"]["value"] for model in report["models"][:2]] == [1, 1]
    assert run(["evaluate", str(log), "--models", "repeats"]) == 2
    assert "there is no model 'repeats'" in capsys.readouterr().err


def test_rankers_and_an_ablation_share_one_first_stage(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tacit.toml"
    config.write_text(
        '[retrievers.trending]\n[retrievers.itemknn]\n[ranker]\nname = "linear"\nepochs = 2\n'
        'families = ["retrieval", "popularity"]\n'
    )
    options = ["--models", "popular", "--rankers", "linear,none", "--ablation", "--config", str(config)]
    options += ["--against", "tacit-none"]
    report, _ = evaluated(capsys, log, *options)
    assert {model["name"] for model in report["models"]} == {
        "popular",
        "tacit-linear",
        "tacit-none",
        "tacit-without-retrieval",
        "tacit-without-popularity",
    }
    assert report["baseline"] == "tacit-none"
    without = {row["name"] for row in report["models"] if "difference" not in row["metrics"]["ndcg@10"]}
    assert without == {"tacit-none"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rankers", "mlp,oracle"], "there is no ranker 'oracle'; known: linear"),
        (["--rankers", ","], "no ranker is named"),
        (["--models", "popular", "--against", "ease"], "'ease' is not compared; there are popular"),
        (["--models", "popular,nonsense"], "there is no model 'nonsense'"),
        (["--models", ","], "no model is named"),
        (["--share", "0.9"], "share"),
        (["--split", "monthly"], "monthly"),
        (["--json", "no/such/folder/report.json"], "does not exist"),
        (["--html", "."], "is a folder"),
        (["--train", "a.csv"], "give one log to split, or both"),
    ],
)
def test_wrong_use_is_refused_in_one_sentence(
    arguments: list[str], said: str, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", str(log), *arguments]) == 2
    reported = capsys.readouterr().err
    assert said in reported
    assert "Traceback" not in reported


def test_a_log_of_one_user_and_a_missing_file_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write(tmp_path / "one.csv", "user_id,item_id,event,timestamp", [("u", "i", "view", 1_700_000_000)])
    assert run(["evaluate", str(one)]) == 2
    assert "same time" in capsys.readouterr().err
    assert run(["evaluate", str(tmp_path / "absent.csv")]) == 2
    assert "absent.csv" in capsys.readouterr().err


QUICK = "ranker = 'none'\nwindows = 1\n[retrievers.trending]\nhalf_life = inf\n"


def test_the_configuration_is_what_the_two_stage_models_are_made_of(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tacit.toml"
    config.write_text(QUICK)
    report, _ = evaluated(capsys, log, "--models", "popular,trending,blend,tacit", "--config", config)
    found = {row["name"]: row["metrics"] for row in report["models"] if row["slice"] == "all"}
    ndcg = {name: metrics["ndcg@10"]["value"] for name, metrics in found.items()}
    # A blend of nothing but popularity without end is "popular", whatever "trending" says by default.
    assert ndcg["blend"] == ndcg["tacit"] == ndcg["popular"]
    assert ndcg["blend"] != ndcg["trending"]


def test_rules_on_rows_apply_to_both_sides_and_rules_on_statistics_to_the_training_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = shop_rows()
    start = min(row[3] for row in rows)  # type: ignore[type-var]
    rows += [rows[0], ("u0", "rare", "view", start)]
    log = write(tmp_path / "log.csv", "user_id,item_id,event,timestamp", rows)
    config = tmp_path / "tacit.toml"

    def events(cleaning: str) -> tuple[int, int]:
        config.write_text(QUICK.replace("[retr", f"[cleaning]\n{cleaning}\n[retr"))
        data = evaluated(capsys, log, "--models", "popular", "--config", config)[0]["data"]
        return data["train_events"], data["items"]

    usual, items = events("")
    assert events("duplicates = false\nburst_seconds = 0") == (usual + 1, items)
    assert events("min_item_events = 2") == (usual - 1, items - 1)


def test_the_configuration_gives_the_encoder_and_the_seed_and_the_options_win(
    log: Path, items: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tacit.toml"
    config.write_text("encoder = 'none'\nseed = 5\n" + QUICK)
    requested = (log, "--items", items, "--config", config, "--split", "random", "--models")
    assert run(["evaluate", *map(str, requested), "content"]) == 2
    assert "'content' is not possible" in capsys.readouterr().err
    evaluated(capsys, *requested, "content", "--encoder", "tfidf")
    figures = [
        evaluated(capsys, *requested, "popular", *more)[0]["models"][0]["metrics"]
        for more in ((), ("--seed", 5), ("--seed", 6))
    ]
    assert figures[0] == figures[1] != figures[2]


def test_a_configuration_that_cannot_be_used_is_refused(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tacit.toml"
    config.write_text("[retrievers.psychic]\n")
    assert run(["evaluate", str(log), "--config", str(config)]) == 2
    assert capsys.readouterr().err.startswith("tacit: there is no retriever 'psychic'")


def test_it_says_how_the_data_was_read(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[tuple[object, ...]] = [(f"i{n}", f"{'红色' if n % 2 else '蓝色'}商品{n}") for n in range(20)]
    items = write(tmp_path / "items.csv", "item_id,title", [*rows, ("i3", "twice")])
    users = write(tmp_path / "users.csv", "user_id,age", [("u1", 30), ("u2", 40), ("u1", 50)])
    page = tmp_path / "report.html"
    report, said = evaluated(
        capsys, log, "--items", items, "--users", users, "--models", MODELS, "--html", page
    )
    assert report["texts"]["encoder"] == "use"
    repeated = f"{users}: 1 row(s) repeat an id of user_id; the first row of each is used"
    assert repeated in report["notes"]
    assert f"{items}: 1 row(s) repeat an id of item_id; the first row of each is used" in report["notes"]
    assert "texts are read by the multilingual encoder USE" in " ".join(said.split())
    assert "1 row(s) repeat an id of user_id" in " ".join(said.split())
    assert repeated in page.read_text("utf-8")


def test_several_origins_say_what_to_expect_of_the_next_stretch(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html, json_file = tmp_path / "report.html", tmp_path / "report.json"
    options = ("--models", MODELS, "--origins", "5", "--html", str(html), "--json", str(json_file))
    assert run(["evaluate", str(log), *options]) == 0
    printed = capsys.readouterr().out
    report = json.loads(json_file.read_text())
    stretches = report["origins"]["stretches"]
    assert [one["test_events"] for one in stretches] == [32] * 5
    assert [one["train_events"] for one in stretches] == [160, 192, 224, 256, 288]
    assert [one["cut"] for one in stretches] == sorted(one["cut"] for one in stretches)
    rows = {row["name"]: row for row in report["models"] if row["slice"] == "all"}
    assert set(rows) == {"popular", "itemknn"}
    for name, row in rows.items():
        assert row["origins"] == 5
        assert row["users"] == sum(one["test_users"] for one in stretches)
        figure = row["metrics"]["ndcg@10"]
        assert figure["value"] == pytest.approx(np.mean(figure["values"]))
        for interval in (figure, figure["prediction"]):
            assert 0 <= interval["low"] <= figure["value"] <= interval["high"] <= 1
        assert figure["between_users"] > 0
        assert figure["predicted"] == 3
        assert ("difference" in figure) == (name != report["baseline"])
    away = next(row for name, row in rows.items() if name != report["baseline"])["metrics"]["ndcg@10"]
    base = rows[report["baseline"]]["metrics"]["ndcg@10"]
    assert away["difference"]["values"] == pytest.approx(np.subtract(away["values"], base["values"]))
    assert report["origins"]["held"] == sum(row["metrics"]["ndcg@10"]["held"] for row in rows.values())
    said = f"{report['origins']['held']} of 6 times"
    assert said in " ".join(printed.split())
    assert said in html.read_text()
    assert "NDCG@10 of the next stretch: Users with a history" in html.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--origins", "1"), "origins is 1; it must lie between 2 and 50"),
        (("--origins", "3", "--split", "leave-one-out"), "leave one of the two out"),
        (("--origins", "3", "--split", "random"), "leave one of the two out"),
        (("--origins", "50", "--share", "0.001"), "give fewer to --origins"),
    ],
)
def test_origins_that_cannot_be_are_refused(
    log: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert run(["evaluate", str(log), "--models", MODELS, *options]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_origins_of_two_files_and_of_a_log_without_times_are_refused(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "--train", str(log), "--test", str(log), "--origins", "3"]) == 2
    assert "origins are cuts of one log" in capsys.readouterr().err
    rows = [row[:3] for row in shop_rows()]
    untimed = write(tmp_path / "untimed.csv", "user_id,item_id,event", rows)
    assert run(["evaluate", str(untimed), "--models", MODELS, "--origins", "3"]) == 2
    assert "leave out --origins" in " ".join(capsys.readouterr().err.split())

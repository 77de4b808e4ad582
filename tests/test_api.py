"""The Python API: read, fit, recommend, similar, batch, save, load."""

import json
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.served import small_snapshot

import tacit
from tacit import api, given
from tacit.cli.app import run
from tacit.core.errors import ArtifactError, ConfigError, DataError, InputError
from tacit.data import clean
from tacit.data.shop import Shop, generate
from tacit.data.source import Source
from tacit.models.trending import Trending

QUICK = tacit.Config(retrievers={"trending": {}, "itemknn": {}}, encoder="none", ranker=None, windows=1)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(seed=3, users=50, items=120, events=900, days=30)


@pytest.fixture(scope="module")
def files(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    shop.write(folder)
    return folder


@pytest.fixture(scope="module")
def model() -> tacit.Model:
    return tacit.Model(small_snapshot())


def test_a_log_is_read_cleaned_and_counted(files: Path) -> None:
    log = tacit.read(files / "events.csv")
    assert log.rows_in == len(log.events) + len(log.quarantine)
    assert sum(log.reasons.values()) == len(log.quarantine) > 0
    assert log.mapping["user"] == "user_id"
    assert tacit.read(str(files / "events.csv")).events.equals(log.events)


def test_the_log_as_it_was_read_is_freed_before_it_is_cleaned(
    files: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_events, read_frame, run_rules = given.read_events, given.read_frame, clean._cleaned
    frames: list[weakref.ref[pl.DataFrame]] = []
    there: list[bool] = []

    def kept(source: Source) -> Source:
        frames.append(weakref.ref(source.frame))
        return source

    def cleaned(*arguments: Any) -> Any:
        there.append(frames[-1]() is not None)
        return run_rules(*arguments)

    monkeypatch.setattr(given, "read_events", lambda *of, **choices: kept(read_events(*of, **choices)))
    monkeypatch.setattr(given, "read_frame", lambda *of, **choices: kept(read_frame(*of, **choices)))
    monkeypatch.setattr(clean, "_cleaned", cleaned)
    tacit.read(files / "events.csv")
    tacit.read(shop.events)
    assert there == [False, False]


def test_rejected_rows_do_not_keep_the_text_of_the_file_in_memory(tmp_path: Path) -> None:
    rows = [
        f"a-rather-long-user-name-{n},an-item-with-a-long-name-{n % 7},{1_700_000_000 + n}"
        for n in range(50_000)
    ]
    rows[100:110] = ["a line without any comma, but one"] * 10
    rows[200:210] = ["a-rather-long-user-name,an-item-with-a-long-name-1,a time that nobody can read"] * 10
    rows[300:310] = [rows[300]] * 10
    (tmp_path / "log.csv").write_text("user,item,timestamp\n" + "\n".join(rows), "utf-8")
    quarantine = tacit.read(tmp_path / "log.csv").quarantine
    assert len(quarantine) == 29
    texts = quarantine["raw"].to_arrow(compat_level=pl.CompatLevel.newest())
    assert texts.get_total_buffer_size() < 100 * len(quarantine)


def test_rules_say_what_is_removed(files: Path) -> None:
    lax = tacit.read(files / "events.csv", rules=tacit.Rules(duplicates=False, burst_seconds=0))
    usual = tacit.read(files / "events.csv")
    assert {"duplicate", "burst"} <= set(usual.reasons)
    assert not {"duplicate", "burst"} & set(lax.reasons)


def test_paths_a_cleaned_log_and_frames_are_all_taken(files: Path) -> None:
    log, items = tacit.read(files / "events.csv"), pl.read_ndjson(files / "items.jsonl")
    models = [
        tacit.fit(files / "events.csv", files / "items.jsonl", config=QUICK),
        tacit.fit(str(files / "events.csv"), str(files / "items.jsonl"), config=QUICK),
        tacit.fit(log, files / "items.jsonl", config=QUICK),
        tacit.fit(log.events, items, config=QUICK),
    ]
    assert len({model.snapshot.version for model in models}) == 1
    assert len({tuple(map(str, model.recommend("u00007"))) for model in models}) == 1


def test_a_check_tells_what_is_in_a_log(files: Path) -> None:
    report = tacit.check(files / "events.csv", files / "items.jsonl", users=files / "users.csv")
    log = tacit.read(files / "events.csv")
    assert report == tacit.check(log, pl.read_ndjson(files / "items.jsonl"), users=files / "users.csv")
    assert (report.rows_in, report.events) == (log.rows_in, len(log.events))
    assert report.catalogue is not None
    assert report.advice


def test_an_evaluation_is_that_of_the_command(files: Path, tmp_path: Path) -> None:
    requested = {"models": ["popular", "itemknn", "blend"], "config": QUICK}
    reported = tacit.evaluate(files / "events.csv", files / "items.jsonl", **requested)
    (tmp_path / "quick.toml").write_text(
        'encoder = "none"\nranker = "none"\nwindows = 1\n[retrievers.trending]\n[retrievers.itemknn]\n'
    )
    options = ["--items", files / "items.jsonl", "--config", tmp_path / "quick.toml"]
    options += ["--models", "popular,itemknn,blend", "--json", tmp_path / "report.json"]
    assert run(["evaluate", *map(str, [files / "events.csv", *options])]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert reported.report["data"] == report["data"]
    rows = [
        [(row["name"], row["slice"], row["metrics"]) for row in one["models"]]
        for one in (json.loads(json.dumps(reported.report)), report)
    ]
    assert rows[0] == rows[1]


def test_an_evaluation_is_a_table_a_sentence_and_a_page(files: Path) -> None:
    log = tacit.read(files / "events.csv")
    reported = tacit.evaluate(
        log, config=QUICK, models=["popular", "itemknn"], rankers=["none"], against="itemknn"
    )
    table = reported.table()
    assert set(table["model"]) == {"popular", "itemknn", "tacit-none"}
    assert table["ndcg@10"].is_sorted(descending=True)
    assert ((table["low"] <= table["ndcg@10"]) & (table["ndcg@10"] <= table["high"])).all()
    base = table.row(by_predicate=pl.col("model") == "itemknn", named=True)
    assert base["difference"] is None
    other = table.row(by_predicate=pl.col("model") == "popular", named=True)
    assert other["difference"] == pytest.approx(other["ndcg@10"] - base["ndcg@10"])
    assert reported.choice in set(table["model"])
    assert reported.conclusion in reported.html()
    assert len(reported.table(reported.slices[-1])) == 3
    with pytest.raises(DataError, match="no slice 'nobody'; there are all, "):
        reported.table("nobody")


def test_several_origins_fit_every_model_anew_on_what_lies_before(files: Path) -> None:
    log = tacit.read(files / "events.csv").events
    ends: list[tuple[float, int]] = []

    class Seen(Trending):
        def fit(self, interactions: Any, catalogue: Any, *, rng: Any) -> Any:
            ends.append((float(interactions.at.max()), len(interactions)))
            return super().fit(interactions, catalogue, rng=rng)

    reported = tacit.evaluate(
        log,
        files / "items.jsonl",
        config=QUICK,
        models=["popular"],
        rankers=["none"],
        own={"seen": Seen},
        against="popular",
        origins=3,
    )
    stretches = reported.report["origins"]["stretches"]
    assert [events for _, events in ends] == [one["train_events"] for one in stretches]
    assert all(end < one["cut"] for (end, _), one in zip(ends, stretches, strict=True))
    assert len(stretches) == 3
    table = reported.table()
    assert set(table["model"]) == {"popular", "seen", "tacit-none"}
    assert ((table["next_low"] <= table["ndcg@10"]) & (table["ndcg@10"] <= table["next_high"])).all()
    assert reported.conclusion in reported.html()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"origins": 2.5}, "origins"),
        ({"origins": 51}, "between 2 and 50"),
        ({"origins": 3, "split": "random"}, "leave one of the two out"),
    ],
)
def test_origins_that_cannot_be_are_refused(files: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tacit.evaluate(files / "events.csv", config=QUICK, models=["popular"], **more)


def test_a_model_of_ones_own_stands_beside_the_others(files: Path) -> None:
    reported = tacit.evaluate(
        files / "events.csv",
        config=QUICK,
        models=["popular"],
        own={"lately": lambda: Trending(half_life=3.0)},
    )
    assert set(reported.table()["model"]) == {"popular", "lately"}
    with pytest.raises(ConfigError, match="a model 'ease' already"):
        tacit.evaluate(files / "events.csv", config=QUICK, models=["popular"], own={"ease": Trending})


def test_an_evaluation_of_what_is_not_there_is_refused(files: Path) -> None:
    log = tacit.read(files / "events.csv").events
    for requested, said in (
        ({"models": ["oracle"]}, "there is no model 'oracle'; known: trending"),
        ({"models": []}, "no model is named"),
        ({"models": ["popular"], "rankers": ["oracle"]}, "there is no ranker 'oracle'"),
        ({"models": ["popular"], "against": "ease"}, "'ease' is not compared"),
        ({"models": ["content"]}, "'content' is not possible"),
        ({"models": ["popular"], "share": 1.5}, "share is 1.5"),
        ({"models": ["popular"], "split": "monthly"}, "'monthly' is none of time, leave-one-out, random"),
        ({"models": ["popular"], "candidates": "all"}, "'all' is none of catalogue, log"),
    ):
        with pytest.raises(InputError, match=said):
            tacit.evaluate(log, config=QUICK, **requested)


def test_a_frame_is_evaluated_as_it_is_and_a_file_after_cleaning(files: Path) -> None:
    rules = tacit.Rules(min_item_events=10)
    config = replace(QUICK, cleaning=rules)
    events = [
        tacit.evaluate(log, config=config, models=["popular"]).report["data"]["train_events"]
        for log in (files / "events.csv", tacit.read(files / "events.csv", rules=rules.rows_only()))
    ]
    assert 0 < events[0] < events[1]


def test_two_logs_take_the_place_of_a_cut(files: Path) -> None:
    log = tacit.read(files / "events.csv").events
    first = log["user_id"].unique().sort().head(25).to_list()
    past, future = (log.filter(pl.col("user_id").is_in(first) ^ later) for later in (False, True))
    reported = tacit.evaluate(train=past, test=future, config=QUICK, models=["popular"])
    assert reported.report["protocol"] == "files"
    assert reported.report["data"]["train_events"] == len(past)


def test_columns_may_be_mapped_wherever_a_log_is_given(files: Path, tmp_path: Path) -> None:
    log = tacit.read(files / "events.csv").events
    odd = log.rename({"user_id": "a", "item_id": "b", "timestamp": "c"}).select("b", "a", "c", "event")
    odd.write_csv(tmp_path / "odd.csv")
    roles = {"user": "a", "item": "b", "timestamp": "c"}
    plain = tacit.fit(log, config=QUICK)
    for events in (odd, tmp_path / "odd.csv"):
        model = tacit.fit(events, mapping=roles, config=QUICK)
        assert model.snapshot.interactions.users.ids.equals(plain.snapshot.interactions.users.ids)
        assert tacit.check(events, mapping=roles).users == plain.snapshot.interactions.n_users
        report = tacit.evaluate(events, mapping=roles, config=QUICK, models=["popular"]).report
        assert report["protocol"] == "time"


def test_a_file_that_is_read_says_what_was_rejected(files: Path) -> None:
    said: list[tuple[Path, int]] = []
    tacit.fit(
        str(files / "events.csv"),
        config=QUICK,
        on_read=lambda path, log: said.append((path, sum(log.reasons.values()))),
    )
    rejected = len(tacit.read(files / "events.csv").quarantine)
    assert said == [(files / "events.csv", rejected)]


def test_a_model_says_what_was_guessed_and_how_its_texts_are_read(shop: Shop, tmp_path: Path) -> None:
    config = replace(QUICK, encoder="auto")
    items = pl.concat([shop.items, shop.items.head(2)])
    heard: list[str] = []
    model = tacit.fit(shop.events, items, config=config, on_note=lambda note: heard.append(note.text))
    assert heard == list(model.notes)
    assert "the catalogue frame: 2 row(s) repeat an id of item_id; the first row of each is used" in heard
    assert model.texts.encoder == "pair"
    assert model.texts.lines() == heard[-3:]
    model.save(tmp_path / "model")
    again = tacit.load(tmp_path / "model")
    assert (again.texts, again.notes) == (model.texts, ())
    assert tacit.fit(shop.events, config=QUICK).texts is None
    assert tacit.check(shop.events, items).texts == model.texts


def test_a_warning_on_texts_is_logged_where_nobody_listens(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(QUICK, encoder="auto")
    items = shop.items.with_columns(title=pl.lit("सुंदर घड़ी"), description=None).select("item_id", "title")
    tacit.fit(shop.events, items, config=config)
    assert len(caplog.messages) == 1
    assert "no language model here reads them" in caplog.text


def test_better_parameters_are_found_and_can_be_fitted(files: Path, tmp_path: Path) -> None:
    requested = {"models": ["trending"], "trials": 2, "study": tmp_path / "study.db", "config": QUICK}
    found = tacit.tune(files / "events.csv", files / "items.jsonl", users=files / "users.csv", **requested)
    assert [len(one.trials) for one in found.found] == [2]
    assert found.protocol == "time"
    assert found.lines
    assert [one.name for one in found.config.retrievers] == ["trending", "itemknn"]
    again = tacit.tune(files / "events.csv", files / "items.jsonl", users=files / "users.csv", **requested)
    assert again.found == found.found  # all trials were in the study
    assert tacit.fit(files / "events.csv", config=found.config).config == found.config


def test_an_encoder_is_tuned_and_used(files: Path, tmp_path: Path) -> None:
    tried: list[str] = []
    found = tacit.finetune(
        files / "events.csv",
        files / "items.jsonl",
        tmp_path / "encoder",
        base="tfidf",
        on_epoch=lambda attempt: tried.append(attempt.name),
    )
    assert tried == [attempt.name for attempt in found.attempts]
    assert tried[0] == "the encoder as it is"
    assert found.after.ndcg >= found.before.ndcg
    config = replace(QUICK, encoder=str(found.directory))
    model = tacit.fit(files / "events.csv", files / "items.jsonl", config=config)
    assert model.snapshot.catalogue.vectors is not None


def test_a_configuration_may_be_a_file(files: Path, tmp_path: Path) -> None:
    (tmp_path / "quick.toml").write_text(QUICK.to_toml())
    assert tacit.read_config(tmp_path / "quick.toml") == QUICK
    for config in (tmp_path / "quick.toml", str(tmp_path / "quick.toml")):
        assert tacit.fit(files / "events.csv", config=config).config == QUICK


def test_a_model_shows_what_it_is_and_its_configuration(files: Path, tmp_path: Path) -> None:
    config = replace(QUICK, ranker={"name": "linear", "epochs": 2})
    epochs = []
    model = tacit.fit(files / "events.csv", files / "items.jsonl", config=config, on_epoch=epochs.append)
    assert epochs
    assert model.report is not None
    model.save(tmp_path / "shop.tacit")
    for one in (model, tacit.load(tmp_path / "shop.tacit")):
        assert one.config == config
        assert one.report == model.report
        assert one.rerank_report is None
        log = one.snapshot.interactions
        assert repr(one) == (
            f"<tacit.Model {one.snapshot.version}: {log.n_users:,} users, 120 items, {len(log):,} events; "
            f"trending + itemknn, ranker linear (weight {model.report.ranker_weight:.2f})>"
        )


def test_a_component_that_is_not_registered_cannot_be_saved(files: Path, tmp_path: Path) -> None:
    class Mine(Trending):
        """A model that no package registers."""

        name: str = "mine"

    model = tacit.fit(files / "events.csv", config=replace(QUICK, retrievers=[Mine()]))
    assert len(model.recommend("u00007", k=5)) == 5
    with pytest.raises(
        ConfigError, match="Mine is not a registered retriever and cannot be written to a file"
    ):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_notebook_shows_lists_and_comparisons_as_tables_with_every_cell_escaped(files: Path) -> None:
    items = pl.DataFrame({"item_id": ["i00001", "i00002"], "title": ["<b>Tea</b>", "Pot & cup"]})
    log = tacit.read(files / "events.csv")
    reported = tacit.fit(log, items, config=QUICK).recommend(k=120)
    shown = reported._repr_html_()
    assert shown.count("<tr>") == len(reported) + 1
    assert "&lt;b&gt;Tea&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert "Pot &amp; cup" in shown
    frame = reported.to_frame()
    assert frame.columns == ["rank", "item_id", "title", "score", "reasons", "propensity"]
    assert frame["item_id"].to_list() == [item.item_id for item in reported]
    assert reported[:0] == []
    assert tacit.Recommendations().to_frame().schema == frame.schema
    compared = tacit.evaluate(log, config=QUICK, models=["popular"])._repr_html_()
    assert "<caption>" in compared
    assert '<td style="text-align: left">popular</td>' in compared


def test_a_notebook_shows_a_model_as_a_table_of_facts(model: tacit.Model) -> None:
    shown = model._repr_html_()
    assert f"<caption>tacit.Model {model.snapshot.version}</caption>" in shown
    for fact in (f"{model.snapshot.interactions.n_users:,}", model.snapshot.encoder):
        assert f">{fact}</td>" in shown


def test_attributes_of_users_may_be_given(files: Path, shop: Shop) -> None:
    log, items = tacit.read(files / "events.csv"), pl.read_ndjson(files / "items.jsonl")
    models = [tacit.fit(log, items, users=users, config=QUICK) for users in (files / "users.csv", shop.users)]
    assert all(model.snapshot.interactions.trait_columns.names for model in models)
    reported = models[0].recommend(attributes={"age": 34}, context={"device": "phone"}, k=5)
    assert len(reported) == 5
    with pytest.raises(DataError, match="no column is known to hold user ids among who"):
        tacit.fit(log, items, users=pl.DataFrame({"who": ["u"]}), config=QUICK)


def test_a_catalogue_is_not_needed(files: Path) -> None:
    model = tacit.fit(files / "events.csv", config=QUICK)
    assert len(model.recommend("u00007", k=5)) == 5


def test_the_cleaning_of_the_configuration_is_used_on_files(files: Path) -> None:
    rules = tacit.Rules(min_user_events=15)
    config = tacit.Config(retrievers=QUICK.retrievers, encoder="none", ranker=None, windows=1, cleaning=rules)
    few, all_ = (tacit.fit(files / "events.csv", config=c).snapshot.interactions for c in (config, QUICK))
    assert 0 < few.n_users < all_.n_users


def test_who_asks_may_be_known_new_nobody_or_a_history(model: tacit.Model) -> None:
    known = model.recommend("u00001", k=5)
    assert len({item.item_id for item in known}) == 5
    assert all(item.title for item in known)
    assert any(item.reasons for item in known)
    assert model.recommend("nobody has this id") == model.recommend()
    assert model.recommend(history=["i00001"]) != model.recommend()
    shown = model.recommend("u00001", history=[known[0].item_id], k=5)
    assert known[0].item_id not in {item.item_id for item in shown}
    assert known[0].item_id in {
        item.item_id for item in model.recommend("u00001", history=[known[0].item_id], k=120, allow_seen=True)
    }


def test_similar_items_leave_the_item_out(model: tacit.Model) -> None:
    found = [item.item_id for item in model.similar("i00001", k=5)]
    assert len(set(found) - {"i00001"}) == 5


def test_a_batch_holds_the_same_lists_as_one_by_one(model: tacit.Model) -> None:
    lists = model.batch(["u00003", "somebody new", "u00001"], k=6)
    assert lists.columns == ["user_id", "item_id", "score", "rank"]
    for (user,), part in lists.group_by("user_id", maintain_order=True):
        one = model.recommend(str(user), k=6)
        assert part["item_id"].to_list() == [item.item_id for item in one]
        assert part["score"].to_list() == pytest.approx([item.score for item in one], rel=1e-5)
    assert lists["user_id"].unique(maintain_order=True).to_list() == ["u00003", "somebody new", "u00001"]


def test_a_batch_takes_all_known_users_by_default_and_may_be_of_nobody(model: tacit.Model) -> None:
    assert model.batch(k=1)["user_id"].to_list() == model.snapshot.interactions.users.ids.to_list()
    nobody = model.batch([], k=3)
    assert (nobody.columns, len(nobody)) == (["user_id", "item_id", "score", "rank"], 0)


def test_a_saved_model_answers_the_same_when_loaded(model: tacit.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "shop.tacit")
    again = tacit.load(str(tmp_path / "shop.tacit"))
    assert again.snapshot.version == model.snapshot.version
    assert again.recommend("u00001") == model.recommend("u00001")
    assert again.batch(k=3).equals(model.batch(k=3))


def test_the_same_seed_gives_the_same_model(files: Path) -> None:
    versions = {tacit.fit(files / "events.csv", config=QUICK).snapshot.version for _ in range(2)}
    assert len(versions) == 1


@pytest.mark.parametrize("k", [0, 1001])
def test_a_list_of_an_impossible_length_is_refused(model: tacit.Model, k: int) -> None:
    for ask in (model.recommend, lambda k: model.similar("i00001", k=k), lambda k: model.batch(k=k)):
        with pytest.raises(DataError, match=f"k is {k}"):
            ask(k=k)


def test_what_cannot_be_used_is_an_input_error_that_says_why(model: tacit.Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        tacit.read(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        tacit.fit(tmp_path / "nowhere.csv")
    with pytest.raises(ArtifactError, match="is not a snapshot"):
        tacit.load(tmp_path)
    with pytest.raises(DataError, match="there is no item 'nonsense'"):
        model.similar("nonsense")
    with pytest.raises(ConfigError, match="no retriever"):
        tacit.Config(retrievers={})
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ArtifactError, match="exists and is not a snapshot"):
        model.save(tmp_path)


def test_a_frame_without_the_columns_of_a_log_is_refused() -> None:
    log = pl.DataFrame({"user_id": ["u", None], "item_id": ["i", "j"]})
    with pytest.raises(DataError, match="no column 'item_id'"):
        tacit.fit(log.drop_nulls().drop("item_id"), config=QUICK)
    with pytest.raises(DataError, match=r"1 of the 2 rows .* \(no user id: 1\); leave"):
        tacit.fit(log, config=QUICK)
    with pytest.raises(
        DataError, match="the catalogue frame: no column is known to hold item ids among what"
    ):
        tacit.fit(log.drop_nulls(), pl.DataFrame({"what": ["x"], "price": [2.5]}), config=QUICK)


def test_a_plain_frame_of_users_and_items_is_enough() -> None:
    frame = pl.DataFrame(
        {"user_id": [f"u{n % 7}" for n in range(60)], "item_id": [f"i{n % 11}" for n in range(60)]}
    )
    model = tacit.fit(frame, config=QUICK)
    assert model.snapshot.interactions.n_users == 7
    assert model.snapshot.interactions.kinds == ("interaction",)
    assert model.snapshot.interactions.timing == "none"


def test_ids_may_be_numbers_and_times_dates() -> None:
    seconds = [1_700_000_000 + 3600 * n for n in range(60)]
    frame = pl.DataFrame(
        {
            "user_id": [n % 7 for n in range(60)],
            "item_id": [n % 11 for n in range(60)],
            "timestamp": pl.from_epoch(pl.Series(seconds)),
        }
    )
    items = pl.DataFrame({"item_id": [*range(12)], "title": [f"thing {n}" for n in range(12)]})
    log = tacit.fit(frame, items, config=QUICK).snapshot.interactions
    assert log.users.ids.to_list() == [str(n) for n in range(7)]
    assert len(log.items) == 12
    assert (log.timing, log.at.min(), log.end) == ("time", seconds[0], seconds[-1])


def test_names_that_are_not_there_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tacit.nonsense  # noqa: B018
    assert set(tacit.__all__) == {
        "Config", "Evaluation", "Model", "Reading", "Recommendations", "Rules", "check", "evaluate",
        "finetune", "fit", "load", "read", "read_config", "refit", "tune",
    }  # fmt: skip
    assert tacit.__all__ == api.__all__
    assert dir(tacit) == sorted([*tacit.__all__, "__version__"])


def test_what_the_user_says_of_events_holds_for_frames_and_logs_that_were_read(files: Path) -> None:
    log = tacit.read(files / "events.csv")
    meanings = {"view": "ignore"}
    config = replace(QUICK, events=meanings)
    for events in (log, log.events):
        model = tacit.fit(events, config=config)
        assert "view" in log.events["event"] and "view" not in model.snapshot.interactions.kinds
        nothing = dict.fromkeys(log.events["event"].unique(), "no")
        for ask in (tacit.fit, tacit.evaluate):
            with pytest.raises(DataError, match="no event of the log says yes"):
                ask(events, config=replace(QUICK, events=nothing))
    with pytest.raises(DataError, match="no event of the log says yes"):
        tacit.finetune(log, files / "items.jsonl", files / "encoder", base="tfidf", event_map=nothing)

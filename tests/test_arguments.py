"""What does not fit an argument of the Python API is refused with one sentence that says the mend."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.served import small_snapshot

import tacit
from tacit.core.errors import InputError
from tacit.models.trending import Trending

LOG = pl.DataFrame(
    {"user_id": [f"u{n % 7}" for n in range(60)], "item_id": [f"i{n % 11}" for n in range(60)]}
)


@pytest.fixture(scope="module")
def model() -> tacit.Model:
    return tacit.Model(small_snapshot())


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as error:
        call()
    said = str(error.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda m: m.recommend(history="i00001"), "one text; give a list of ids: history=['i00001']"),
        (lambda m: m.recommend(history=[1, 2]), "the item_id is the number 1; ids are text: give '1'"),
        (lambda m: m.recommend(history=np.array([1, 2])), "the item_id is the number 1; ids are text"),
        (lambda m: m.recommend(history=7), "the history is of the type int; give a list of ids"),
        (lambda m: m.recommend(history=None), "the history is of the type NoneType; give a list of ids"),
        (lambda m: m.recommend(history={"i1": 2}), "the history is of the type dict"),
        (lambda m: m.recommend(7), "the user_id is the number 7; ids are text: give '7'"),
        (lambda m: m.recommend(["u00001"]), "the user_id must be a text, not of the type list"),
        (lambda m: m.recommend(attributes="old"), "the attributes of a user are of the type str"),
        (lambda m: m.similar(3), "the item_id is the number 3; ids are text: give '3'"),
        (lambda m: m.batch(users="u00001"), "one text; give a list of ids: users=['u00001']"),
        (lambda m: m.batch(users=[1]), "the user_id is the number 1; ids are text: give '1'"),
        (lambda m: m.batch(users=7), "the users is of the type int"),
        (lambda m: m.save(3), "the directory is of the type int; give a path as str or Path"),
        (lambda _: tacit.load(3), "the directory is of the type int; give a path as str or Path"),
    ],
)
def test_arguments_of_a_model_are_text(
    model: tacit.Model, ask: Callable[[tacit.Model], object], said: str
) -> None:
    assert said in refusal(lambda: ask(model))


@pytest.mark.parametrize("k", [3.0, "3", True, None, np.float64(3)])
def test_a_length_is_a_whole_number(model: tacit.Model, k: Any) -> None:
    asks: list[Callable[..., object]] = [model.recommend, model.batch, lambda k: model.similar("i00001", k=k)]
    for ask in asks:
        assert refusal(lambda: ask(k=k)) == f"k is {k!r}; it must be a whole number, for example k=10"  # noqa: B023


def test_ids_and_lengths_may_come_from_arrays(model: tacit.Model) -> None:
    history = ["i00001", "i00002"]
    expected = model.recommend(history=history, k=3)
    for values in (tuple(history), np.array(history), pl.Series(history), iter(history)):
        assert model.recommend(history=values, k=np.int64(3)) == expected
    users = ["u00001", " u00003 "]
    assert model.batch(pl.Series(users), k=3).equals(model.batch(["u00001", "u00003"], k=3))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: tacit.fit(LOG, config={"ranker": None}),
            "give a tacit.Config, for example config=tacit",
        ),
        (lambda: tacit.evaluate(LOG, config=3), "config is of the type int; give a tacit.Config"),
        (lambda: tacit.fit("log.csv", config="absent.toml"), "cannot read the configuration absent.toml"),
        (lambda: tacit.read_config(3), "the configuration is of the type int; give a path as str or Path"),
        (lambda: tacit.tune(LOG, trials=0), "trials is 0; it must be above 0"),
        (lambda: tacit.tune(LOG, models=["rules"]), "nothing to tune in 'rules'"),
        (lambda: tacit.fit(LOG, mapping={"user": "who"}), "who"),
        (lambda: tacit.fit(tacit.read(LOG), mapping={"user": "user_id"}), "give it to tacit.read"),
        (lambda: tacit.evaluate(LOG, train=LOG), "give one log to split, or both a log to train on"),
        (lambda: tacit.evaluate(train=LOG), "give one log to split, or both a log to train on"),
        (
            lambda: tacit.finetune(LOG, None, "nowhere"),
            "there is no catalogue, and the log has no titles; give items with texts",
        ),
        (
            lambda: tacit.finetune(LOG, LOG, "nowhere", method="x"),
            "there is no method 'x'; known: head, full",
        ),
        (
            lambda: tacit.read(LOG, rules={"bots": False}),
            "a tacit.Rules, for example rules=tacit.Rules(**",
        ),
        (lambda: tacit.read(LOG, mapping="user"), "mapping is of the type str; give role to column"),
        (lambda: tacit.read(LOG, mapping={"who": "user_id"}), "there is no role 'who'; known: user, item"),
        (
            lambda: tacit.evaluate(LOG, models="ease"),
            "one text; give a list of names: models=['ease']",
        ),
        (lambda: tacit.evaluate(LOG, rankers=3), "rankers is of the type int; give a list of names"),
        (lambda: tacit.evaluate(LOG, share="0.1"), "share is '0.1'; it must be a number"),
        (lambda: tacit.evaluate(LOG, own=Trending), "own is of the type "),
        (lambda: tacit.evaluate(LOG, own={"mine": Trending()}), "example own={'mine': lambda: Trending()}"),
        (lambda: tacit.evaluate(LOG, models=["popular"], own={"mine": dict}), "'mine' has no method fit"),
        (lambda: tacit.read(b"log.csv"), "the event log is of the type bytes; give the path of a file"),
        (lambda: tacit.check([1]), "the event log is of the type list; give the path of a file"),
        (lambda: tacit.fit(3), "the event log is of the type int; give the path of a file"),
        (lambda: tacit.fit(LOG, 3), "the catalogue is of the type int; give the path of a file"),
        (lambda: tacit.check(LOG, users={}), "the table of users is of the type dict; give the path"),
        (lambda: tacit.fit(LOG, seconds=0.5), "seconds is 0.5; give at least 1: no first step takes less"),
        (lambda: tacit.fit(LOG, seconds=0), "seconds is 0; it must be above 0"),
        (lambda: tacit.fit(LOG, on_step=print), "no time is given; add seconds=60, or leave on_step out"),
        (lambda: tacit.fit(LOG, seconds=9, on_step=1), "on_step is 1; it must be a function"),
    ],
)
def test_what_a_log_is_given_with_is_checked(ask: Callable[[], object], said: str) -> None:
    assert said in refusal(ask)


def test_a_frame_is_read_and_checked_as_its_file_is(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "who": [f"u{n % 7}" for n in range(60)] + ["", None],
            "sku": [*range(11)] * 5 + [*range(7)],
            "when": [1_700_000_000_000 + 60_000 * n for n in range(62)],
        }
    )
    rows.write_csv(tmp_path / "log.csv")
    columns = {"user": "who", "item": "sku"}
    frame, file = (tacit.read(log, mapping=columns) for log in (rows.lazy(), tmp_path / "log.csv"))
    assert frame.events.drop("line").equals(file.events.drop("line"))
    assert frame.reasons == file.reasons == {"no user id": 2}
    assert len(tacit.check(rows.rename({"who": "user", "sku": "item"})).advice) > 0
    assert re.match(r'\{"who":"","sku":', frame.quarantine["raw"][0])


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda log: tacit.evaluate(log, split="monthly"), "split: 'monthly' is none of time"),
        (lambda log: tacit.evaluate(log, candidates="all"), "candidates: 'all' is none of catalogue, log"),
        (lambda log: tacit.evaluate(log, share=2), "share is 2; it must lie between 0 and 1"),
        (lambda log: tacit.evaluate(log, against="zz"), "against: 'zz' is not compared"),
        (lambda log: tacit.evaluate(log, models=["zz"]), "userknn-ever"),
        (lambda log: tacit.evaluate(log, models=[1]), "models holds 1; give a list of names"),
        (lambda log: tacit.evaluate(log, allow_seen="x"), "allow_seen is 'x'; it must be True or False"),
        (lambda log: tacit.evaluate(log, ablation="x"), "ablation is 'x'; it must be True or False"),
        (lambda log: tacit.evaluate(log, own={"": Trending}), "own: '' is no name of a model"),
        (lambda log: tacit.evaluate(log, own={1: Trending}), "own: 1 is no name of a model"),
        (lambda log: tacit.evaluate(log, own={"ease": Trending}), "there is a model 'ease' already"),
        (lambda log: tacit.evaluate(log, config=tacit.Config(ranker=None), ablation=True), "no ranker whose"),
        (lambda log: tacit.tune(log, trials=1.5), "trials is 1.5; it must be a whole number"),
        (lambda log: tacit.tune(log, share=0), "share is 0; it must lie between 0 and 1"),
        (lambda log: tacit.tune(log, split="monthly"), "split: 'monthly' is none of time"),
        (lambda log: tacit.fit(log, mapping={"b": "a"}), "there is no role 'b'"),
        (
            lambda log: tacit.read(log, mapping={"user": 1, "item": 1}),
            "'1' cannot be both user and item",
        ),
        (lambda log: tacit.fit(log, "absent.csv"), "cannot read absent.csv"),
        (lambda log: tacit.check(log, users="absent.csv"), "cannot read absent.csv"),
        (lambda log: tacit.fit(log, log, config=tacit.Config(encoder="zzz")), "zzz is not on this machine"),
        (lambda log: tacit.finetune(log, log, "nowhere", until="foo"), "until 'foo' is no time"),
        (lambda log: tacit.finetune(log, log, "nowhere", base="zzz"), "zzz is not on this machine"),
        (lambda log: tacit.fit("a\0b"), "holds a NUL character"),
        (lambda log: tacit.fit(log, "a\0b"), "holds a NUL character"),
        (lambda log: tacit.read_config("a\0b"), "holds a NUL character"),
        (lambda log: tacit.load("a\0b"), "holds a NUL character"),
    ],
)
def test_what_is_wrong_with_the_request_is_said_before_the_log_is_read(
    ask: Callable[[Path], object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is no log: whoever reads it first says so."""
    monkeypatch.delenv("TACIT_ALLOW_DOWNLOAD", raising=False)
    log = tmp_path / "log.parquet"
    log.write_bytes(b"not Parquet")
    assert said in refusal(lambda: ask(log))


@pytest.mark.parametrize(
    ("attributes", "alike"),
    [
        ({"age": np.int64(34), "price": np.float32(0.5)}, {"age": 34, "price": 0.5}),
        ({"age": float("nan"), "since": np.datetime64("NaT"), "born": pd.NaT}, {}),
        ({"since": pd.Timestamp("2024-05-01"), "day": date(2024, 5, 1)}, {"since": "2024-05-01T00:00:00"}),
        ({"tags": np.array(["a", "b"]), "age": Decimal(34)}, {"tags": ["a", "b"], "age": 34}),
    ],
)
def test_attributes_may_hold_what_frames_hold(
    model: tacit.Model, attributes: dict[str, Any], alike: dict[str, Any]
) -> None:
    for where in ("attributes", "context"):
        given = model.recommend("u00001", k=3, **{where: attributes})
        assert given == model.recommend("u00001", k=3, **{where: alike})


@pytest.mark.parametrize("value", [object(), 1j, {1, 2}, b"x", float("inf")])
def test_an_attribute_without_a_plain_form_is_refused(model: tacit.Model, value: object) -> None:
    assert "the attribute 'age'" in refusal(lambda: model.recommend(attributes={"age": value}))
    assert "the attribute 'age'" in refusal(lambda: model.recommend(context={"age": [value]}))


def test_flags_and_an_order_are_asked_for(model: tacit.Model) -> None:
    assert "allow_seen is 'x'" in refusal(lambda: model.recommend("u00001", allow_seen="x"))  # type: ignore[arg-type]
    assert "allow_seen is 'x'" in refusal(lambda: model.batch(allow_seen="x"))  # type: ignore[arg-type]
    assert "a set, which has no order" in refusal(lambda: model.recommend(history={"i1", "i2"}))  # type: ignore[arg-type]

"""A snapshot that is written again without some users: exactly that of a fit without them."""

import copy
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tacit.cli.app import run
from tacit.core.errors import DataError
from tacit.core.seeds import Streams, generator
from tacit.core.types import Array
from tacit.data.shop import generate
from tacit.engine.forget_snapshot import StillHeldError, forget_in, forgetting
from tacit.engine.snapshot import Snapshot, load, save
from tacit.engine.train import train
from tacit.features.maker import FeatureMaker
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import WHOLE
from tacit.pipeline.unseen import events_of
from tacit.store.events import EventStore
from tacit.store.versions import Versions

NAMES = (
    "forecast", "popular", "itemknn", "userknn", "userknn-ever", "ease", "slim", "sequential", "sessionknn",
    "content", "trending", "covisitation", "rp3beta", "textprior", "ials",
)  # fmt: skip
CANARY = "cän'ary-\"%_∅"


@cache
def fitted() -> tuple[pl.DataFrame, Snapshot]:
    """A log, and a snapshot of it with every retriever that is counted or solved, and attributes of users."""
    shop = generate(seed=5, users=60, items=64, events=1_500, days=40)
    ids = shop.events["user_id"].unique().sort()
    last = shop.events.sort("timestamp")["user_id"][-1]  # so the end of the log goes with the canary
    events = shop.events.with_columns(pl.col("user_id").replace({last: CANARY}))
    users = pl.DataFrame({"user_id": ids.replace({last: CANARY})})
    users = users.with_columns(club=pl.Series((["gold", "silver"] * len(ids))[: len(ids)]))
    parts: dict[str, dict[str, object]] = {name: {} for name in NAMES}
    parts["popular"] = {"model": "trending", "half_life": float("inf")}
    parts["userknn-ever"] = {"model": "userknn", "half_life": float("inf")}
    config = Config(retrievers=parts, encoder="tfidf", ranker=None, windows=1)
    return events, train(events, shop.items, config, users=users)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    opened = EventStore(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    yield opened
    opened.close()


def difference(one: Array, other: Array) -> float:
    """The largest difference of two weights, in largest weights."""
    assert one.shape == other.shape
    if one.dtype.kind not in "fc":
        return float((one != other).any())
    assert (np.isfinite(one) == np.isfinite(other)).all()
    finite = np.isfinite(one)
    size = np.abs(other[finite]).max(initial=0)
    return float(np.abs(one[finite] - other[finite]).max(initial=0) / (size or 1))


@pytest.mark.promise("P7")
def test_every_retriever_is_that_of_a_fit_without_the_users() -> None:
    _, snapshot = fitted()
    log, catalogue = snapshot.interactions, snapshot.catalogue
    gone = [log.users.code_of(CANARY), 3, 4, 20]
    less = forgetting(snapshot, gone, {"store": "x", "number": 7})
    # The oracle: the rows minus theirs, with vocabularies of their own, fitted as a fit does.
    rows = ~np.isin(log.user, gone)
    users = np.delete(np.arange(log.n_users), gone)
    rest = replace(
        log,
        users=type(log.users)(log.users.ids.gather(users)),
        user=np.searchsorted(users, log.user[rows]).astype(np.int32),
        item=log.item[rows],
        weight=log.weight[rows],
        at=log.at[rows],
        kind=log.kind[rows],
        traits=log.traits[users],
        end_at=log.end,
    )
    assert rest.at.max() < log.end == less.interactions.end
    streams = Streams.of(generator(snapshot.pipeline.config.seed, "fit"))

    config = snapshot.pipeline.config
    parts = zip(less.pipeline.retrievers_, config.retrievers, snapshot.pipeline.retrievers_, strict=True)
    for again, known, before in parts:
        rng = streams.stream("retriever", WHOLE, known.name)
        fresh = copy.copy(known).fit(rest, catalogue, rng=rng)
        arrays, expected, old = (one.arrays() for one in (again, fresh, before))  # type: ignore[attr-defined]
        assert arrays.keys() >= expected.keys()
        worst = {name: difference(arrays[name], array) for name, array in expected.items() if array.size}
        assert max(worst.values(), default=0) <= 1e-6, (known.name, worst)
        same = all(np.array_equal(old[name], array) for name, array in expected.items())
        assert same == (known.name == "content"), known.name
    maker = FeatureMaker(
        projection=snapshot.pipeline.second_.maker.projection,
        families=snapshot.pipeline.second_.maker.families,
    ).fit(rest, catalogue, less.pipeline.retrievers_)
    for name, array in maker.arrays().items():
        assert difference(less.pipeline.second_.maker.arrays()[name], array) <= 1e-6
    assert (less.pipeline.events_ == events_of(rest, len(catalogue))).all()
    assert less.facts["users"] == log.n_users - 4
    assert less.version != snapshot.version


def everything(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(directory.rglob("*")) if file.is_file())


@pytest.mark.promise("P6")
def test_a_snapshot_directory_is_replaced_by_one_without_the_user(
    tmp_path: Path, store: EventStore, capsys: pytest.CaptureFixture[str]
) -> None:
    _, snapshot = fitted()
    place = tmp_path / "model"
    save(snapshot, place)
    address = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    assert run(["forget", str(place), "--store", address]) == 0
    assert "nobody to forget" in capsys.readouterr().out
    assert CANARY.encode() in everything(place)
    store.forget("user", CANARY, lambda: 1.0)
    assert run(["forget", str(place), "--store", address]) == 0
    assert "1 users forgotten" in capsys.readouterr().out
    held = everything(place)
    assert CANARY.encode() not in held
    assert json.dumps(CANARY)[1:-1].encode() not in held
    read = load(place)
    assert read.interactions.n_users == snapshot.interactions.n_users - 1
    assert read.interactions.end == snapshot.interactions.end
    assert read.facts["forgotten"] == {"store": store.name, "number": 1}
    assert read.log is not None
    assert read.people is not None
    expected = snapshot.interactions.users.ids.filter(snapshot.interactions.users.ids != CANARY)
    assert read.interactions.users.ids.equals(expected)
    assert read.people["user_id"].equals(expected)
    table = read.log.table()
    assert (table["user"].to_numpy() == read.interactions.user).all()
    assert (table["item"].to_numpy() == read.interactions.item).all()
    assert [*forget_in(place, store)] == []


def test_each_version_of_a_model_directory_is_written_again(tmp_path: Path, store: EventStore) -> None:
    _, snapshot = fitted()
    versions = Versions(tmp_path / "model")
    for name in ("first", "second"):
        save(snapshot, versions.path(name))
    versions.switch("second")
    store.forget("user", CANARY, lambda: 1.0)
    found = [*forget_in(versions.directory, store)]
    assert [one.users for one in found] == [1, 1]
    assert "second" not in versions.names()
    assert versions.current() == found[0].place.name
    assert [one.place.name for one in found[1:]] == ["first"]
    assert CANARY.encode() not in everything(versions.directory)
    versions.switch("first")
    assert load(versions.path("first")).interactions.n_users == snapshot.interactions.n_users - 1


@pytest.mark.promise("P6")
@pytest.mark.fault(6)
@pytest.mark.parametrize("damaged", ["first", "third"])
def test_a_damaged_version_keeps_no_other_from_being_written_again_and_is_named(
    tmp_path: Path, store: EventStore, capsys: pytest.CaptureFixture[str], damaged: str
) -> None:
    _, snapshot = fitted()
    versions = Versions(tmp_path / "model")
    names = ["first", "second", "third"]
    save(snapshot, versions.path(names[0]))
    for name in names[1:]:
        shutil.copytree(versions.path(names[0]), versions.path(name))
    versions.switch("third")
    with (versions.path(damaged) / "users.arrow").open("r+b") as file:
        (bit,) = file.read(1)
        file.seek(0)
        file.write(bytes([bit ^ 1]))
    command = ["forget", str(versions.directory), "--store", f"sqlite:///{tmp_path / 'store.sqlite3'}"]
    assert run(command) == 0  # nobody was deleted: it holds nobody whom it must not
    store.forget("user", CANARY, lambda: 1.0)
    capsys.readouterr()
    assert run(command) == 2
    told = capsys.readouterr()
    assert told.out.count("1 users forgotten") == 2
    place = versions.path(damaged)
    assert f"{place} may hold deleted users" in told.err
    assert f"remove it: rm -r {place}" in told.err
    assert ("tacit rollback" in told.err) == (damaged == "third")
    whole = [versions.path(name) for name in versions.names() if name != damaged]
    assert len(whole) == 2
    assert [one for one in whole if CANARY.encode() in everything(one)] == []
    if damaged == versions.current():
        versions.switch("first")
    shutil.rmtree(place)
    assert run(command) == 0


def test_what_killed_processes_left_and_decisions_that_cannot_be_read_are_not_passed_over(
    tmp_path: Path, store: EventStore
) -> None:
    _, snapshot = fitted()
    versions = Versions(tmp_path / "model")
    save(snapshot, versions.path("first"))
    versions.switch("first")
    folder = versions.directory / "decisions"
    left = [
        versions.path("first").with_name(".pruned-zero") / "users.arrow",
        versions.path("first").with_name(".second.tacit-unfinished-x") / "users.arrow",
        folder / ".second.json.77",
        versions.directory / ".decision.json.77",
    ]
    torn = folder / "first.json"
    for file in [*left, torn]:
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'{{"held_accounts": ["{CANARY}"')
    store.forget("user", CANARY, lambda: 1.0)
    with pytest.raises(
        StillHeldError, match=f"^{torn} cannot be read and may name deleted users; rm {torn}$"
    ):
        [*forget_in(versions.directory, store)]
    assert [file for file in left if file.exists()] == []
    torn.unlink()
    assert [*forget_in(versions.directory, store)] == []
    assert CANARY.encode() not in everything(versions.directory)


def test_a_version_that_became_current_meanwhile_stays_current(
    tmp_path: Path, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, snapshot = fitted()
    versions = Versions(tmp_path / "model")
    save(snapshot, versions.path("first"))
    versions.switch("first")
    store.forget("user", CANARY, lambda: 1.0)

    def save_late(less: Snapshot, target: Path) -> None:
        save(less, target)
        if versions.current() == "first":
            save(less, versions.path("zz-refit"))
            versions.switch("zz-refit")

    monkeypatch.setattr("tacit.engine.forget_snapshot.save", save_late)
    assert [one.place.name for one in forget_in(versions.directory, store)] == ["first"]
    assert versions.names() == ["first", "zz-refit"]
    assert versions.current() == "zz-refit"


def test_a_snapshot_of_which_nobody_would_be_left_is_refused() -> None:
    _, snapshot = fitted()
    with pytest.raises(DataError, match="no event is left"):
        forgetting(snapshot, range(snapshot.interactions.n_users), {})

"""The six laws of the architecture, each kept by a test here (docs/architecture.md names them)."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from fastapi.testclient import TestClient
from tests.served import small_snapshot

from tacit.cli.app import run
from tacit.engine.batch import recommend_all
from tacit.engine.engine import Engine
from tacit.engine.requests import Request
from tacit.engine.snapshot import Snapshot, load, save
from tacit.engine.train import catalogue_of, encoded
from tacit.features.feature_columns import Column
from tacit.rankers.mlp import MLP
from tacit.rankers.ranker import Pairs
from tacit.server.app import create_app

SOURCE = Path(__file__).parents[1] / "src" / "tacit"


def calls(*rooms: str) -> Iterator[tuple[str, str]]:
    """Yield the file and the dotted name of every call in some rooms: ("models/x.py", "np.linalg.solve")."""
    for room in rooms:
        for file in sorted((SOURCE / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield str(file.relative_to(SOURCE)), ast.unparse(node.func)


# 1. Text ids exist only where files are read and in the engine.


def test_models_features_and_rankers_know_no_text_ids() -> None:
    rooms = ("models", "features", "rankers", "pipeline")
    meetings = {
        (file, name)
        for file, name in calls(*rooms)
        if name.endswith(("items.encode", "items.decode", "users.encode", "users.decode"))
    }
    # A rule of a configuration names items: it becomes codes once, when the rule is fitted.
    assert meetings == {("models/rulebased.py", "catalogue.items.encode")}


# 2. A fitted object never changes.


def fingerprint(snapshot: Snapshot) -> str:
    digest = hashlib.sha256()
    arrays = {**snapshot.pipeline.arrays(), "vectors": snapshot.catalogue.vectors}
    log = snapshot.interactions
    arrays |= {name: getattr(log, name) for name in ("user", "item", "weight", "at", "kind")}
    for name, array in sorted(arrays.items()):
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def test_neither_answers_nor_new_items_change_what_was_fitted() -> None:
    snapshot = small_snapshot()
    before = fingerprint(snapshot)
    queries = snapshot.interactions.queries(np.arange(snapshot.interactions.n_users, dtype=np.int32))
    ranking = snapshot.pipeline.recommend(queries, 20)
    snapshot.pipeline.reasons(queries, ranking)
    snapshot.pipeline.similar(np.arange(20, dtype=np.int32), 5)
    new = pl.DataFrame({"item_id": ["i00001", "new"], "title": ["one", "Trail running shoes"]})
    known = pl.DataFrame({"item_id": snapshot.catalogue.items.ids})
    grown = catalogue_of(known, new)
    _, grown = encoded(grown, "tfidf")
    width = snapshot.catalogue.vectors.shape[1]  # type: ignore[union-attr]
    larger = snapshot.pipeline.extended(grown.with_vectors(np.ones((len(grown), width), np.float32)))
    assert len(larger.available_) == len(snapshot.pipeline.available_) + 1
    assert fingerprint(snapshot) == before


# 3. The rooms up to the evaluation take clock, randomness and logging as arguments.


def test_no_room_below_the_store_looks_at_a_clock_rolls_a_die_or_prints() -> None:
    rooms = ("core", "data", "reading", "encoders", "models", "features", "rankers", "pipeline", "evaluation")
    forbidden = {
        *("time.time", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.sleep"),
        *("np.random.default_rng", "np.random.seed", "np.random.rand", "np.random.randint"),
        *("random.random", "random.choice", "random.seed", "torch.manual_seed", "print"),
    }
    # What everything else is handed: the system's clock and the generator of a seed. Dropout has no
    # generator of its own: it is seeded from the one handed in, within a fork that leaves the world alone.
    # The transformer and the pair classifier draw one seed and make a generator of it for every epoch, so
    # that they can be resumed.
    allowed = {
        ("core/clock.py", "time.time"),
        ("core/seeds.py", "np.random.default_rng"),
        # Between two tries to remove a folder that workers of a job that was given up may still write to.
        ("data/buckets.py", "time.sleep"),
        ("rankers/torch_training.py", "torch.manual_seed"),
        ("rankers/pair_network.py", "torch.manual_seed"),
        ("rankers/pair_training.py", "torch.manual_seed"),
        ("rankers/pair_training.py", "np.random.default_rng"),
        *(
            (f"models/transformer/{file}.py", built)
            for file in ("model", "training")
            for built in ("np.random.default_rng", "torch.manual_seed")
        ),
    }
    assert {call for call in calls(*rooms) if call[1] in forbidden} == allowed


def test_training_the_ranker_leaves_the_randomness_of_the_caller_alone() -> None:
    rng = np.random.default_rng(3)
    features, label = rng.random((200, 3), dtype=np.float32), rng.integers(0, 2, (200, 1)).astype(np.float32)
    ones = np.ones(200, dtype=np.float32)
    pairs = Pairs(features, label, np.repeat(np.arange(20), 10), 0 * ones, ones)
    before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    MLP(epochs=2, hidden=(4,)).fit(pairs, pairs, [Column(n, "text") for n in "abc"], rng=rng)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.random.get_state()[1].tolist() == numpy_before  # type: ignore[index]  # noqa: NPY002


# 4. The pipeline, the batch, the engine, the command line and the server give the same lists.


def test_all_who_answer_answer_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, k = small_snapshot(), 7
    users = snapshot.interactions.users
    engine = Engine(snapshot)
    codes = np.arange(len(users), dtype=np.int32)
    together = snapshot.pipeline.recommend(snapshot.interactions.queries(codes), k)
    batch = pl.concat([*recommend_all(snapshot, k=k)])["item_id"].to_list()
    with TestClient(create_app(engine), base_url="http://localhost") as client:
        for code, user in enumerate(users.ids):
            expected = snapshot.catalogue.items.decode(together.items[code])
            one = snapshot.pipeline.recommend(snapshot.interactions.queries(codes[code : code + 1]), k)
            assert one.items.tolist() == [together.items[code].tolist()]
            assert batch[code * k : (code + 1) * k] == expected
            assert [item.item_id for item in engine.recommend(Request(user_id=user, k=k)).items] == expected
            answer = client.get(f"/v1/users/{user}/recommendations", params={"k": k}).json()
            assert [item["item_id"] for item in answer["items"]] == expected
    save(snapshot, tmp_path / "model")
    assert run(["batch", str(tmp_path / "model"), "-k", str(k), "--out", str(tmp_path / "b.parquet")]) == 0
    assert pl.read_parquet(tmp_path / "b.parquet")["item_id"].to_list() == batch


# 5. An answer depends on the artifact and the query alone.


def test_an_answer_depends_on_the_artifact_and_the_query_alone(tmp_path: Path) -> None:
    snapshot = small_snapshot()
    save(snapshot, tmp_path / "model")
    again = load(tmp_path / "model")
    codes = np.arange(snapshot.interactions.n_users, dtype=np.int32)
    first = snapshot.pipeline.recommend(snapshot.interactions.queries(codes), 10)
    for model, order in ((snapshot, codes[::-1]), (again, codes), (again, codes[::-1])):
        ranking = model.pipeline.recommend(model.interactions.queries(order), 10)
        place = np.argsort(order)
        assert np.array_equal(ranking.items[place], first.items)
        np.testing.assert_allclose(ranking.scores[place], first.scores, rtol=1e-5)


# 6. Pages use only the public API: what a browser is shown names its routes and asks nobody else.


def test_the_page_of_the_service_asks_nothing_but_the_service() -> None:
    with TestClient(create_app(Engine(small_snapshot())), base_url="http://localhost") as client:
        page = client.get("/docs")
        routes = client.get("/openapi.json").json()["paths"]
    assert all(path in page.text for path in routes)
    for outside in ("http://", "https://", "<script", "@import"):
        assert outside not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]

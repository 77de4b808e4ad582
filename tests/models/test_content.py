import numpy as np
import polars as pl
import pytest

from tacit.core.parameters import space_of
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models.content import Content
from tacit.testing.conformance import Conformance
from tacit.testing.generated import N_GROUPS, small_log


class TestContent(Conformance):
    minimum_ndcg = 0.05

    def make(self) -> Content:
        return Content()


class TestWhitened(Conformance):
    minimum_ndcg = 0.05

    def make(self) -> Content:
        return Content(mode="whiten", dimension=8, closest=0.0, decay=1.0, name="content-white")


# Around the mean (1, 1, 1), which centring takes away: two axes and what lies between.
RAW = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0.6, 0.8, 0], [-0.6, -0.8, 0]]) + 1
IDS = ["a", "b", "c", "d", "e", "f"]


def catalogue(**columns: list) -> Catalogue:
    frame = pl.DataFrame({"item_id": IDS, "title": [f"title of {id_}" for id_ in IDS], **columns})
    return Catalogue.from_frame(frame).with_vectors(RAW.astype(np.float32))


def fitted(model: Content, known: Catalogue, events: list[tuple[str, str, float]] | None = None) -> Content:
    rows = [("u", id_, 1.0) for id_ in IDS] if events is None else events
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row").with_columns(
        pl.lit("view").alias("event"), pl.lit(None, dtype=pl.Int64).alias("seq")
    )
    log = Interactions.from_frame(frame, known.items)
    return model.fit(log, known, rng=np.random.default_rng(0))


def test_an_item_scores_by_its_cosine_to_the_history() -> None:
    scores = fitted(Content(closest=0.0), catalogue()).score(Queries.of([[0]]))
    np.testing.assert_allclose(scores[0], [1, -1, 0, 0, 0.6, -0.6], atol=1e-6)


def test_the_history_is_a_decayed_mean() -> None:
    scores = fitted(Content(closest=0.0, decay=0.5), catalogue()).score(Queries.of([[2, 0], [0, 2]]))
    length = np.sqrt(1.25)
    np.testing.assert_allclose(scores[0, [0, 2, 4]], np.array([1, 0.5, 0.6 + 0.4]) / length, atol=1e-6)
    np.testing.assert_allclose(scores[1, [0, 2, 4]], np.array([0.5, 1, 0.3 + 0.8]) / length, atol=1e-6)


def test_the_closest_recent_event_counts_by_itself() -> None:
    # Two tastes that cancel out: their mean is zero, the closest event is not.
    model = fitted(Content(closest=1.0, decay=0.5), catalogue())
    scores = model.score(Queries.of([[1, 0]]))
    np.testing.assert_allclose(scores[0], [1, 0.5, 0, 0, 0.6, 0.3], atol=1e-6)
    mixed = fitted(Content(closest=0.25, decay=0.5), catalogue()).score(Queries.of([[2, 0]]))
    mean = 0.5 / np.sqrt(1.25)
    assert mixed[0, 2] == pytest.approx(0.75 * mean + 0.25 * 0.5, abs=1e-6)


def test_only_the_last_few_are_compared_each() -> None:
    model = fitted(Content(closest=1.0, decay=1.0, recent=1), catalogue())
    assert model.score(Queries.of([[2, 0]]))[0, 2] == pytest.approx(0, abs=1e-6)


def test_items_without_text_have_no_score() -> None:
    known = catalogue()
    title = pl.Series("title", [None, *known.attributes["title"][1:]], dtype=pl.String)
    known = Catalogue.from_frame(pl.DataFrame({"item_id": IDS, "title": title})).with_vectors(known.vectors)
    scores = fitted(Content(), known).score(Queries.of([[0], [2], [0, 2]]))
    assert np.isneginf(scores[0]).all()  # nothing known of the history
    assert np.isneginf(scores[:, 0]).all()
    assert np.isfinite(scores[1:, 1:]).all()
    np.testing.assert_allclose(scores[2], scores[1])


def test_a_disliked_event_changes_nothing() -> None:
    model = fitted(Content(), catalogue())
    scores = model.score(Queries.of([[0, 2], [0]], weights=[[1, -1], [1]]))
    np.testing.assert_array_equal(scores[0], scores[1])


def test_the_projection_is_fitted_on_items_of_the_training_window_only() -> None:
    events = [("u", "a", 100.0), ("u", "b", 100.0)]
    listed = catalogue(created_at=[0.0, 0.0, 50.0, 50.0, 500.0, float("-inf")])
    mean = fitted(Content(), listed, events).projection_.mean_
    np.testing.assert_allclose(mean, RAW[:4].mean(axis=0), atol=1e-6)  # e comes later, of f nothing is known
    moved = listed.with_vectors(np.vstack([RAW[:4], RAW[4:] + 100]).astype(np.float32))
    np.testing.assert_allclose(fitted(Content(), moved, events).projection_.mean_, mean)


def test_an_item_nobody_clicked_is_scored_as_soon_as_it_is_there() -> None:
    model = fitted(Content(closest=0.0), catalogue())
    larger = catalogue().extended(
        pl.DataFrame({"item_id": ["g"], "title": ["new"]}), np.array([[1 + 5, 1, 1]], dtype=np.float32)
    )
    assert model.extended(larger).score(Queries.of([[0]]))[0, 6] == pytest.approx(1)
    similar = model.extended(larger).similar(np.array([6], dtype=np.int32), 2)
    assert similar.items.tolist() == [[0, 4]]
    np.testing.assert_allclose(similar.scores, [[1, 0.6]], atol=1e-6)


def test_without_vectors_nothing_has_a_score() -> None:
    bare = Catalogue.from_frame(pl.DataFrame({"item_id": IDS, "title": IDS}))
    model = fitted(Content(), bare)
    assert np.isneginf(model.score(Queries.of([[0], []]))).all()
    assert model.similar(np.array([0], dtype=np.int32), 3).items.tolist() == [[-1, -1, -1]]
    again = Content.restore(model.spec(), model.arrays(), bare)
    assert np.isneginf(again.score(Queries.of([[0]]))).all()


def test_shares_by_hand() -> None:
    model = fitted(Content(decay=0.5, closest=0.25), catalogue())
    shares = model.explain(Queries.of([[2, 0]]), np.array([4], dtype=np.int32))
    length = np.sqrt(1.25)
    parts = np.array(
        [0.75 * 0.5 * 0.8 / length, 0.75 * 0.6 / length + 0.25 * 0.6]
    )  # .6 is closer than .5 * .8
    np.testing.assert_allclose(shares, parts / parts.sum(), rtol=1e-5)


class TestTuned(Conformance):
    minimum_ndcg = 0.05

    def make(self) -> Content:
        return Content(tuned=True, name="tuned-content")


def faint() -> tuple[Interactions, Catalogue]:
    """The log of the kit, with vectors in which the group is hidden behind noise."""
    log, known = small_log()
    noise = 2 * np.random.default_rng(5).standard_normal((log.n_items, 12))
    return log, known.with_vectors(np.hstack([known.vectors[:, :N_GROUPS], noise]).astype(np.float32))


def test_a_tuned_one_brings_together_what_is_chosen_together() -> None:
    log, known = faint()
    plain, tuned = (Content(tuned=on).fit(log, known, rng=np.random.default_rng(0)) for on in (False, True))
    items = np.arange(log.n_items, dtype=np.int32)
    groups = [model.similar(items, 5).items % N_GROUPS for model in (plain, tuned)]
    right = [(group == items[:, None] % N_GROUPS).mean() for group in groups]
    assert right[1] > 1.3 * right[0]


def test_a_tuned_one_knows_new_items_by_their_vectors() -> None:
    log, known = faint()
    model = Content(tuned=True).fit(log, known, rng=np.random.default_rng(0))
    frame = pl.DataFrame({"item_id": ["twin"], "title": ["thing"]})
    larger = model.extended(known.extended(frame, known.vectors[7:8]))
    scores = larger.score(Queries.of([[1, 4]]))
    assert scores[0, -1] == pytest.approx(scores[0, 7])
    np.testing.assert_array_equal(larger.head_.matrix, model.head_.matrix)


def test_of_an_item_without_text_nothing_is_said_to_be_like_it() -> None:
    known = catalogue(title=[*(f"title of {id_}" for id_ in IDS[:4]), None, "title of f"])
    model = fitted(Content(), known)
    assert model.explain(Queries.of([[2, 0]]), np.array([4], dtype=np.int32)).tolist() == [0, 0]
    assert model.explain(Queries.of([[4, 0]]), np.array([2], dtype=np.int32))[0] == 0


def test_tuning_does_not_whiten() -> None:
    assert space_of(Content)["mode"].values == ("centre", "pca")  # whitened vectors lose their neighbours
    assert Content(mode="whiten").mode == "whiten"


def test_what_is_alike_is_found_for_some_items_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    log, catalogue = small_log()
    model = Content().fit(log, catalogue, rng=np.random.default_rng(0))
    items = np.arange(len(catalogue), dtype=np.int32)
    whole = model.similar(items, 5)
    monkeypatch.setattr("tacit.models.content._ALIKE", 7 * len(catalogue))
    parts = model.similar(items, 5)
    np.testing.assert_array_equal(parts.items, whole.items)
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=1e-6)
    assert model.similar(items[:0], 5).items.shape == (0, 5)

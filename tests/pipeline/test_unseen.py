"""Items without events: exact small cases of their scale, and weights that planted choices teach."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.types import Float32, Int32
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.features.candidates import Candidates
from tacit.pipeline import unseen
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage
from tacit.pipeline.unseen import TextFit, fit_text_fit, log_total, text_features, with_new_item
from tacit.testing.generated import small_log

SEEN, WAITING, LATE = 5, 0, -1


def candidates(items: list[list[int]], text: list[list[float]], found: Ranking | None = None) -> Candidates:
    """Return candidates of two retrievers; the second reads texts."""
    scores = np.stack([np.zeros_like(text), text], axis=2).astype(np.float32)
    codes = np.array(items, dtype=np.int32)
    scores[codes < 0] = -np.inf
    n = len(items)
    return Candidates(codes, scores, np.full(n, 3), np.zeros(n), ("any", "text"), found)


def ranking(items: list[list[int]], scores: list[list[float]]) -> Ranking:
    return Ranking(np.array(items, dtype=np.int32), np.array(scores, dtype=np.float32))


def test_the_features_are_one_waiting_z_and_similarity() -> None:
    events = np.array([SEEN, SEEN, SEEN, WAITING, LATE])
    listed = candidates([[0, 1, 3, -1]], [[0.2, 0.6, 0.9, 0.0]])  # the mean is .4, the deviation .2
    found = ranking([[3, 4, -1]], [[0.8, 0.4, -np.inf]])
    features = text_features(found, listed, 1, events)
    np.testing.assert_allclose(features[0], [[1, 1, 2, 0.8], [1, 0, 0, 0.4], [0, 0, 0, 0]], atol=1e-6)


def test_an_item_joins_on_the_scale_of_the_list_and_keeps_its_better_estimate() -> None:
    events = np.array([SEEN, SEEN, WAITING, LATE])
    found = ranking([[2, 3]], [[0.5, 0.5]])
    listed = candidates([[0, 1, 2]], [[0.5, 0.5, 0.5]], found)  # no deviation: z is 0
    scores = np.log(np.array([[0.5, 0.3, 0.2]], dtype=np.float32))
    fit = TextFit(1, (float(np.log(0.1)), float(np.log(4)), 1.0, 0.0))
    whole, joined = fit.joined(listed, scores, events)
    assert whole.items.tolist() == [[0, 1, 2, -1, 3]]
    # The whole list sums to 1: a waiting item is worth .1 * 4, a late one .1.
    np.testing.assert_allclose(np.exp(joined), [[0.5, 0.3, 0.4, 0, 0.1]], atol=1e-6)
    assert whole.scores[0, 4].tolist() == [-np.inf, 0.5]
    worse = TextFit(1, (float(np.log(0.01)), 0.0, 0.0, 0.0)).joined(listed, scores, events)[1]
    np.testing.assert_allclose(np.exp(worse[0, 2]), 0.2, atol=1e-6)


def test_without_items_without_events_nothing_changes() -> None:
    listed, scores = candidates([[0, 1]], [[0.5, 0.1]]), np.zeros((1, 2), np.float32)
    assert TextFit(1, (0.0, 0.0, 0.0, 0.0)).joined(listed, scores, np.array([SEEN, SEEN])) == (listed, scores)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=9), st.data())
def test_the_total_is_that_of_the_kept_scores(values: list[float], data: st.DataObject) -> None:
    kept = np.array([data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))])
    scores = np.array([values], dtype=np.float32)
    total = float(log_total(scores, kept)[0])
    if kept.any():
        assert total == pytest.approx(float(np.log(np.exp(scores[kept].astype(float)).sum())), abs=1e-4)
    else:
        assert total < -1e30


def new_item(text: float, score: float, late: bool = True, others: int = 20) -> int:
    """Return the place (from 1) of an item among others with texts .01, .02, ... and scores -1, -2, ..."""
    items = [[*range(others), others]]
    listed = candidates(items, [[*(0.01 * (1 + np.arange(others))), text]])
    scores = np.array([[*-(1.0 + np.arange(others)), score]], dtype=np.float32)
    raised = with_new_item(listed, scores, 1, others if late else others + 1)
    changed = raised != scores
    assert not changed[0, :others].any()
    return int((raised[0] > raised[0, others]).sum()) + 1


def test_a_close_item_that_came_after_the_fit_is_among_the_first_ten() -> None:
    assert new_item(text=0.5, score=-100) == 10
    assert new_item(text=0.115, score=-100) == 10  # nine items are closer
    assert new_item(text=0.105, score=-100) == 21  # ten are
    assert new_item(text=0.5, score=-2.5) == 3  # its own place is better


def test_no_place_is_kept_for_waiting_items_nor_in_short_lists() -> None:
    assert new_item(text=0.5, score=-100, late=False) == 21
    assert new_item(text=0.5, score=-100, others=9) == 10
    short = candidates([[0, 1]], [[0.1, 0.9]])
    scores = np.array([[0, -5]], dtype=np.float32)
    assert with_new_item(short, scores, 1, 1) is scores


class Reader:
    """Reads texts: the score of item i for a history is given."""

    name, by_text = "text", True

    def __init__(self, scores: Float32) -> None:
        self.scores = scores

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        scores = self.scores[queries.user]
        return scores.copy() if items is None else scores[:, items]


def fold(
    slope: float, n: int = 400, items: int = 200, waiting: int = 40, hidden: float = 0.0, seed: int = 3
) -> Any:
    """Return a fold whose choices follow ``slope`` times the text score; waiting ones with an offset more."""
    rng = np.random.default_rng(seed)
    text = rng.standard_normal((n, items)).astype(np.float32)
    logits = slope * text + hidden * (np.arange(items) < waiting)
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    target = np.array([rng.choice(items, p=one) for one in chance])
    codes = np.tile(np.arange(items, dtype=np.int32), (n, 1))
    queries = Queries.of([[]] * n)
    queries = type(queries)(**{**queries.__dict__, "user": np.arange(n, dtype=np.int32)})
    listed = Candidates(codes, text[:, :, None], np.full(n, 3), np.zeros(n), ("text",))
    labels = (codes == target[:, None]).astype(np.float32)
    train = SimpleNamespace(item=np.arange(waiting, items), weight=np.ones(items - waiting), n_items=items)
    window = SimpleNamespace(
        train=train,
        queries=queries,
        targets=target.astype(np.int32),
        target_offsets=np.arange(n + 1),
        labels=lambda asked: (asked == target[:, None]).astype(np.float32),
    )
    labelled = SimpleNamespace(candidates=listed, labels=labels)
    scores = np.log(chance).astype(np.float32)
    return SimpleNamespace(window=window, retrievers=(Reader(text),), labelled=labelled), scores


def learned(slope: float, hidden: float = 0.0) -> list[float]:
    one, scores = fold(slope, hidden=hidden)
    found = fit_text_fit([one], [scores], np.ones(200, dtype=bool), np.random.default_rng(1))
    assert found is not None
    return list(found[0].weights)


def test_the_slope_of_the_choices_is_learned_and_the_offset_of_waiting_items() -> None:
    _, _, z, similarity = learned(slope=1.5)
    assert z + similarity == pytest.approx(1.5, abs=0.3)  # the deviation of the text scores is 1
    _, _, z, similarity = learned(slope=0.0)
    assert abs(z + similarity) < 0.3
    assert learned(slope=1.0, hidden=-3.0)[1] < -1 < 1 < learned(slope=1.0, hidden=3.0)[1]


def test_without_a_retriever_that_reads_texts_there_is_nothing_to_learn() -> None:
    one, scores = fold(1.0)
    other = SimpleNamespace(name="other", score=one.retrievers[0].score)
    blind = SimpleNamespace(window=one.window, retrievers=(other,), labelled=one.labelled)
    rng = np.random.default_rng(1)
    assert fit_text_fit([blind], [scores], np.ones(200, dtype=bool), rng) is None
    assert fit_text_fit([], [], np.ones(200, dtype=bool), rng) is None


def test_the_weight_of_waiting_items_is_lowered_until_others_lose_nothing_beyond_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, scores = fold(1.0, n=1_500, hidden=2.0)
    scores[:, :40] -= 6  # the blend lists none of them
    everything, draw = np.ones(200, dtype=bool), np.random.default_rng

    def fit() -> TextFit:
        found = fit_text_fit([one], [scores], everything, draw(1))
        assert found is not None
        return found[0]

    lowered = fit()
    monkeypatch.setattr(unseen, "_MARGINS", (0.0,))
    free = fit()
    assert lowered.weights[1] < free.weights[1]
    assert (lowered.weights[0], lowered.weights[2:]) == (free.weights[0], free.weights[2:])
    one.window.targets[:] = 0  # nobody chooses what has events: nothing can be lost
    monkeypatch.undo()
    assert fit().weights == free.weights


def test_the_report_counts_places_and_hits() -> None:
    one, scores = fold(1.0, n=500, hidden=2.0)
    found = fit_text_fit([one, one], [scores, scores], np.ones(200, dtype=bool), np.random.default_rng(1))
    assert found is not None
    fit, report = found
    assert (report.items, report.queries) == (40, 1_000)
    by_text = unseen.closest(one.retrievers[0], one.window.queries, np.arange(40, dtype=np.int32))
    listed = replace(one.labelled.candidates, by_text=by_text)
    first = np.argsort(-fit.joined(listed, scores, np.arange(200) // 40)[1], stable=True)[:, :10]
    given = first < 40
    assert report.places == 2 * given.sum() > 0
    assert report.hits == 2 * (given & (first == one.window.targets[:, None])).sum() > 0


def test_of_a_large_catalogue_some_lists_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    log, catalogue = small_log()

    def queries() -> int:
        config = Config(retrievers=("popular", "content"), ranker=None, windows=1)
        model = TwoStage(config).fit(log, catalogue, rng=np.random.default_rng(0))
        assert model.text_fit_ is not None
        assert model.report_ is not None
        assert model.report_.unseen is not None
        return model.report_.unseen.queries

    whole = queries()
    monkeypatch.setattr("tacit.pipeline.unseen._CELLS", len(catalogue))
    monkeypatch.setattr("tacit.pipeline.unseen._LEAST", whole // 3)
    assert queries() == whole // 3
    monkeypatch.setattr("tacit.pipeline.unseen._CELLS", len(catalogue) * (whole // 2))
    assert queries() == whole // 2

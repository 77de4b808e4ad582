from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from tacit.core.types import DAY
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.models.forecast import Forecast
from tacit.models.trending import Trending
from tacit.testing.conformance import Conformance
from tacit.testing.generated import small_log

Row = tuple[int, int, float]


class TestForecast(Conformance):
    minimum_ndcg = 0.02
    updates_are_refits = False

    def make(self) -> Forecast:
        return Forecast()


def log_of(rows: list[Row], n_items: int, weight: float = 1.0) -> Interactions:
    """Return a log of (user, item, time)."""
    rows = sorted(rows, key=lambda row: (row[0], row[2]))
    user, item, at = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions(
        users=Vocabulary([f"u{n:05d}" for n in range(int(user.max()) + 1)]),
        items=Vocabulary([f"i{n:03d}" for n in range(n_items)]),
        kinds=("view",),
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        weight=np.full(len(user), weight, dtype=np.float32),
        at=at.astype(np.float64),
        kind=np.zeros(len(user), dtype=np.int16),
        timing="time",
    )


def fitted(log: Interactions, **parameters: float) -> Forecast:
    return Forecast(**parameters).fit(
        log, Catalogue.from_frame(None, log.items), rng=np.random.default_rng(0)
    )


def shares(model: Forecast) -> NDArray[np.float64]:
    return np.exp(model.score(Queries.of([[]]))[0].astype(np.float64))


def random_rows(seed: int, n_items: int = 9, n_events: int = 240) -> list[Row]:
    rng = np.random.default_rng(seed)
    users, items = rng.integers(0, 40, n_events), rng.zipf(1.6, n_events) % n_items
    times = np.sort(rng.choice(100_000, n_events, replace=False))
    return [(int(u), int(i), float(t)) for u, i, t in zip(users, items, times, strict=True)]


def plain_shares(rows: list[Row], n_items: int, origins: int) -> NDArray[np.float64]:
    """Return the forecast by loops over events and items, and an optimiser without gradients."""
    rows = sorted(rows, key=lambda row: row[2])
    often: dict[tuple[int, int], int] = {}
    values = []
    for user, item, _ in rows:
        often[user, item] = often.get((user, item), 0) + 1
        values.append(1 / often[user, item])
    values = [value / (sum(values) / len(values)) for value in values]
    times = [row[2] for row in rows]
    span = times[-1] - times[0]
    halves = [span / 2**n for n in range(1, int(np.log2(len(rows))) + 1)]

    def features(moment: float) -> dict[int, list[float]]:
        counts = {
            item: [
                sum(
                    value * 0.5 ** ((moment - at) / half)
                    for (_, own, at), value in zip(rows, values, strict=True)
                    if own == item and at < moment
                )
                for half in halves
            ]
            for item in range(n_items)
            if any(own == item and at < moment for _, own, at in rows)
        }
        found = {}
        for item, own in counts.items():
            mean = [sum(every[h] for every in counts.values()) / len(counts) for h in range(len(halves))]
            mine = [at for _, one, at in rows if one == item and at < moment]
            since = [moment - min(mine), moment - max(mine)]
            found[item] = [np.log(c / m + 0.1) for c, m in zip(own, mean, strict=True)] + [
                np.log((seconds + halves[-1]) / span) for seconds in since
            ]
        return found

    def log_share(weights: NDArray[np.float64], own: dict[int, list[float]]) -> dict[int, float]:
        logits = {item: float(np.dot(weights, one)) for item, one in own.items()}
        total = np.log(sum(np.exp(logit) for logit in logits.values()))
        return {item: logit - total for item, logit in logits.items()}

    stretches = []
    for step in np.linspace(0.2, 0.9, origins):
        place = int(np.ceil(step * (len(rows) - 1)))
        after = range(place, min(place + round(0.1 * len(rows)), len(rows)))
        chosen = dict.fromkeys(range(n_items), 0.0)
        for event in after:
            theirs = sum(rows[other][0] == rows[event][0] for other in after)
            chosen[rows[event][1]] += values[event] / theirs**0.5
        stretches.append((features(times[place]), chosen, sum(chosen.values()) ** 0.5))
    prior = np.array([1 / len(halves)] * len(halves) + [0, 0])

    def loss(weights: NDArray[np.float64]) -> float:
        value = 3 * sum((weights - prior) ** 2) / 2
        for own, chosen, root in stretches:
            value -= sum(chosen[item] / root * share for item, share in log_share(weights, own).items())
        return float(value)

    best = minimize(loss, prior, method="BFGS", options={"gtol": 1e-6}).x
    end = log_share(best, features(np.nextafter(times[-1], np.inf)))
    return np.array([np.exp(end[item]) if item in end else 0 for item in range(n_items)])


def test_it_is_what_a_plain_reference_computes() -> None:
    rows = random_rows(1, n_events=100)
    found = shares(fitted(log_of(rows, 10), origins=3))
    np.testing.assert_allclose(found, plain_shares(rows, 10, 3), rtol=2e-4)


def test_shares_sum_to_one_and_an_item_that_nobody_chose_has_none() -> None:
    found = shares(fitted(log_of(random_rows(2), 12)))
    assert found.sum() == pytest.approx(1, rel=1e-5)
    assert (found[9:] == 0).all()
    assert (found[:9] > 0).all()


@pytest.mark.parametrize(("unit", "start", "weight"), [(1e-3, 0, 1.0), (DAY, 1e9, 1.0), (1.0, 0, 20.0)])
def test_units_of_time_and_weight_do_not_matter(unit: float, start: float, weight: float) -> None:
    rows = random_rows(3)
    other = [(user, item, start + unit * at) for user, item, at in rows]
    found = [shares(fitted(one)) for one in (log_of(rows, 9), log_of(other, 9, weight))]
    np.testing.assert_allclose(*found, rtol=1e-3)


def test_the_codes_of_items_do_not_matter() -> None:
    rows = random_rows(4)
    found = shares(fitted(log_of(rows, 9)))
    mirrored = shares(fitted(log_of([(user, 8 - item, at) for user, item, at in rows], 9)))
    np.testing.assert_allclose(found, mirrored[::-1], rtol=1e-4)


def test_later_events_change_no_forecast_of_an_earlier_log() -> None:
    log = log_of(random_rows(5), 9)
    cut = float(np.median(log.at))
    later = log.at >= cut
    changed = replace(log, item=np.where(later, 8 - log.item, log.item).astype(np.int32))
    np.testing.assert_array_equal(shares(fitted(log.before(cut))), shares(fitted(changed.before(cut))))


def short_lived(rng: np.random.Generator, days: int = 40) -> list[Row]:
    """Return a log in which item d is wanted on day d and little after, like news."""
    rows = [
        (user, max(int(day - age), 0), (day + rng.random()) * DAY)
        for day in range(days)
        for user, age in enumerate(rng.choice(4, 60, p=[0.85, 0.1, 0.03, 0.02]))
    ]
    # The last day has only begun: its item has a tenth of the events of the one before.
    return [row for row in rows if row[2] < (days - 0.9) * DAY]


def test_an_item_that_begins_to_rise_is_foreseen_where_items_live_short() -> None:
    log = log_of(short_lived(np.random.default_rng(6)), 40)
    found = shares(fitted(log))
    assert found.argmax() == 39
    assert np.bincount(log.item, minlength=40).argmax() != 39
    plain = Trending().fit(log, Catalogue.from_frame(None, log.items), rng=np.random.default_rng(0))
    assert plain.popularity_.argmax() != 39  # one half-life for all logs foresees yesterday's item


def test_a_chance_run_of_one_item_is_not_foreseen_where_nothing_changes() -> None:
    rng = np.random.default_rng(7)
    true = 1 / np.arange(2.0, 32)
    true /= true.sum()
    rows = [(n, int(item), float(n)) for n, item in enumerate(rng.choice(30, 6_000, p=true))]
    log = log_of(rows, 30)
    found = np.abs(shares(fitted(log)) - true).sum()
    whole, recent, now = (np.abs(decayed_shares(log, half_life) - true).sum() for half_life in (1e9, 600, 60))
    assert found < 2 * whole
    assert found < 0.9 * recent
    assert found < 0.4 * now


def decayed_shares(log: Interactions, half_life: float) -> NDArray[np.float64]:
    worth = np.exp2((log.at - log.end) / half_life)
    return np.bincount(log.item, worth, minlength=log.n_items) / worth.sum()


def weekly(rise: int) -> list[Row]:
    """Return a year in which 30 items are wanted every day, and the last one by ``rise`` users in a week."""
    rng = np.random.default_rng(8)
    rows = [(day * 30 + item, item, (day + rng.random()) * DAY) for day in range(365) for item in range(29)]
    rows += [(day * 30 + 29, 29, (day + rng.random()) * DAY) for day in range(0, 365, 3)]
    return rows + [(20_000 + n, 29, (358.5 + 6 * rng.random()) * DAY) for n in range(rise)]


@pytest.mark.parametrize("rise", [0, 60])
def test_a_rising_item_has_a_reason_of_its_own(rise: int) -> None:
    model = fitted(log_of(weekly(rise), 30))
    items = np.arange(30, dtype=np.int32)
    found = dict(zip(items.tolist(), model.reasons_for_all(items), strict=True))
    assert found.pop(29) == ("rising this week" if rise else "popular now")
    assert set(found.values()) == {"popular now"}
    assert model.puts_forward(Queries.of([[]]), items[29:]).tolist() == [rise > 0]


def test_the_most_popular_tenth_by_forecast_is_put_forward() -> None:
    log = log_of([(n, item, float(n * 7 + item)) for item in range(9) for n in range(20 - 2 * item)], 20)
    model, items = fitted(log), np.arange(20, dtype=np.int32)
    best = np.argsort(-shares(model))[:2]
    assert np.flatnonzero(model.puts_forward(Queries.of([[]] * 20), items)).tolist() == sorted(best.tolist())


def test_without_times_shares_are_those_of_the_whole_log_and_nothing_rises() -> None:
    timed = log_of([(0, 0, 1.0), (1, 0, 2.0), (2, 0, 3.0), (3, 1, 9.0)], 3)
    for log in (
        replace(timed, timing="none"),
        replace(timed, timing="order"),
        replace(timed, at=timed.at * 0),
    ):
        model = fitted(log)
        np.testing.assert_allclose(shares(model), [0.75, 0.25, 0], rtol=1e-6)
        assert model.reasons_for_all(np.array([0], dtype=np.int32)) == ["popular now"]


def test_tiny_logs_are_forecast_too() -> None:
    for rows in ([(0, 0, 1.0)], [(0, 0, 1.0), (0, 1, 2.0)], [(0, 0, 1.0), (1, 0, 1.0), (1, 1, 5.0)]):
        found = shares(fitted(log_of(rows, 3)))
        assert found.sum() == pytest.approx(1, rel=1e-6)
    nothing = log_of([(0, 0, 1.0)], 3).select(np.zeros(1, dtype=bool))
    assert (shares(fitted(nothing)) == 0).all()


def test_of_very_many_items_a_sample_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(9)
    rows = [(n, int(min(rng.zipf(1.3), 900) - 1), float(n)) for n in range(6_000)]
    log = log_of(rows, 900)
    whole = shares(fitted(log))
    monkeypatch.setattr("tacit.models.forecast._MOST_ITEMS", 100)
    sampled = shares(fitted(log))
    assert (sampled != whole).any()
    assert np.abs(sampled - whole).sum() < 0.05


def test_items_that_nobody_chose_change_nothing() -> None:
    rows = random_rows(3)
    few, many = fitted(log_of(rows, 9)), fitted(log_of(rows, 5_000))
    np.testing.assert_allclose(many.log_share_[:9], few.log_share_, rtol=1e-6)
    assert np.isneginf(many.log_share_[9:]).all()
    assert many.rising_[:9].tolist() == few.rising_.tolist()
    assert not many.rising_[9:].any()


def test_a_long_log_is_forecast_from_all_events_with_weights_of_some_users(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, catalogue = small_log()
    whole = Forecast().fit(log, catalogue, rng=np.random.default_rng(0)).log_share_
    monkeypatch.setattr("tacit.models.forecast._EVENTS", len(log) - 1)
    monkeypatch.setattr("tacit.models.forecast.of_users", lambda log, events, rng: log)
    same = Forecast().fit(log, catalogue, rng=np.random.default_rng(0)).log_share_
    np.testing.assert_allclose(same, whole, rtol=1e-5)
    monkeypatch.undo()
    monkeypatch.setattr("tacit.models.forecast._EVENTS", len(log) // 2)
    some = Forecast().fit(log, catalogue, rng=np.random.default_rng(0)).log_share_
    assert (np.isfinite(some) == np.isfinite(whole)).all()
    assert not np.allclose(some, whole, rtol=1e-5)
    known = np.isfinite(whole)
    assert np.corrcoef(some[known], whole[known])[0, 1] > 0.9

import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl
import pytest
from tests.evaluation.tinylog import frame

from tacit.core.parameters import space_of
from tacit.core.spaces import Choice, Float, Int
from tacit.core.types import Float32, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.evaluation.evaluate import evaluate_all
from tacit.evaluation.split import Split, make_split
from tacit.evaluation.tuning import Tuned, quality, surely_better, tune
from tacit.models.ease import EASE
from tacit.models.trending import Trending
from tacit.testing.generated import small_events

SPACE = {"where": Float(0.0, 1.0), "steps": Int(1, 4), "way": Choice(("there", "back", None))}


class Hill:
    """Puts what was chosen the higher, the nearer ``where`` is to .3; the other parameters are for show."""

    name = "hill"
    fitted: ClassVar[list["Hill"]] = []

    def __init__(self, *, where: float = 0.9, steps: int = 2, way: str | None = None) -> None:
        self.where, self.steps, self.way = where, steps, way

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        Hill.fitted.append(self)
        counts = np.bincount(interactions.item, minlength=len(catalogue))
        noise = rng.random(len(catalogue)) * counts.max()
        self.scores = (counts + 3 * abs(self.where - 0.3) * noise).astype(np.float32)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        scores = np.tile(self.scores, (len(queries), 1))
        return scores if items is None else scores[:, items]


def split(seed: int = 7) -> Split:
    events = small_events(np.random.default_rng(seed))
    return make_split(events.with_columns(value=pl.lit(None, pl.Float64)))


def hill(where: Split | None = None, **options: object) -> Tuned:
    return tune(Hill(), where or split(), space=SPACE, **options)  # type: ignore[arg-type]


def seen(tuned: Tuned) -> list[tuple[dict, float]]:
    return [(trial.parameters, trial.value) for trial in tuned.trials]


def test_the_first_trial_is_the_defaults_and_nothing_found_is_worse() -> None:
    tuned = hill(trials=15)
    assert tuned.start.parameters == {"where": 0.9, "steps": 2, "way": None}
    assert len(tuned.trials) == 15
    assert tuned.best.value == max(trial.value for trial in tuned.trials) > tuned.start.value
    assert abs(tuned.best.parameters["where"] - 0.3) < 0.3  # type: ignore[operator]
    assert not tuned.interrupted


def test_of_equals_the_start_is_kept() -> None:
    flat = tune(Trending(), split(), space={"half_life": Choice((None, None))}, trials=4)
    assert flat.best is flat.start


def test_every_trial_lies_in_the_space_and_is_what_the_model_was_given() -> None:
    Hill.fitted.clear()
    tuned = hill(trials=12)
    for trial, model in zip(tuned.trials, Hill.fitted, strict=True):
        assert trial.parameters == {"where": model.where, "steps": model.steps, "way": model.way}
        assert 0 <= model.where <= 1
        assert 1 <= model.steps <= 4
        assert float(f"{model.where:.3g}") == model.where  # few digits, for a file


def test_a_start_outside_the_space_is_tried_all_the_same() -> None:
    tuned = tune(Hill(where=5.0, steps=9, way="up"), split(), space=SPACE, trials=2)
    assert tuned.start.parameters == {"where": 5.0, "steps": 9, "way": "up"}


def test_the_same_seed_gives_the_same_search_and_another_another() -> None:
    assert seen(hill(trials=6)) == seen(hill(trials=6)) != seen(hill(trials=6, seed=8))


def test_the_value_is_that_of_an_evaluation() -> None:
    built = split()
    expected = evaluate_all({"ease": EASE}, built)[0].values["warm-user"]["ndcg@10"].mean()
    assert quality(EASE(), built, seed=7).mean() == pytest.approx(expected)


def test_where_nobody_has_a_history_all_users_count() -> None:
    rows = [(f"u{n}", f"i{n % 3}", n) for n in range(20)]
    built = make_split(frame(rows), share=0.3)
    assert (built.queries.lengths == 0).all()
    assert quality(Trending(), built, seed=7).mean() > 0


def test_time_ends_a_search_but_never_before_the_defaults() -> None:
    assert len(hill(trials=50, seconds=1e-9).trials) == 1
    assert len(hill(trials=1).trials) == 1


def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    assert len(hill(trials=4, storage=storage).trials) == 4
    Hill.fitted.clear()
    whole = hill(trials=13, storage=storage)
    assert len(Hill.fitted) == 9
    assert seen(whole) == seen(hill(trials=13))  # as if it had never stopped
    assert seen(hill(trials=13, storage=storage)) == seen(whole)


def test_trials_on_other_data_or_from_another_start_are_not_taken_for_these(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    hill(trials=3, storage=storage)
    Hill.fitted.clear()
    hill(split(8), trials=3, storage=storage)
    with_vectors = split()
    vectors = np.ones((len(with_vectors.catalogue), 4), np.float32)
    hill(
        replace(with_vectors, catalogue=with_vectors.catalogue.with_vectors(vectors)),
        trials=3,
        storage=storage,
    )
    hill(trials=3, storage=storage, seed=9)
    assert len(Hill.fitted) == 9


def test_an_interrupt_keeps_what_was_found() -> None:
    class Stopped(Hill):
        def fit(self, *args: object, **more: object) -> Self:
            if len(Hill.fitted) == 3:
                raise KeyboardInterrupt
            return super().fit(*args, **more)  # type: ignore[arg-type]

    Hill.fitted.clear()
    tuned = tune(Stopped(), split(), space=SPACE, trials=9)
    assert tuned.interrupted
    assert len(tuned.trials) == 3
    with pytest.raises(KeyboardInterrupt):  # nothing was found
        tune(Stopped(), split(), space=SPACE, trials=9)


_SLOW = """
import sys, time
sys.path.insert(0, {root!r})
import tests.evaluation.test_tuning as here
class Slow(here.Hill):
    def fit(self, *args, **more):
        time.sleep(.3)
        return super().fit(*args, **more)
here.tune(Slow(), here.split(), space=here.SPACE, trials=40, storage={storage!r})
"""


def _finished(study: Path) -> int:
    with closing(sqlite3.connect(study)) as database, suppress(sqlite3.OperationalError):  # not made yet
        return int(database.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0])
    return 0


@pytest.mark.fault(49)
def test_a_killed_search_goes_on_and_ends_where_it_would_have_ended(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    code = _SLOW.format(root=str(Path(__file__).parents[2]), storage=storage)
    running = subprocess.Popen([sys.executable, "-c", code])

    until = time.monotonic() + 60
    while _finished(tmp_path / "study.db") < 3 and time.monotonic() < until:
        time.sleep(0.05)
    running.kill()
    running.wait()
    before = _finished(tmp_path / "study.db")
    assert 3 <= before < 40

    Hill.fitted.clear()
    whole = hill(trials=before + 3, storage=storage)
    assert len(Hill.fitted) == 3
    assert seen(whole) == seen(hill(trials=before + 3))


def test_a_real_model_gets_better_within_its_space() -> None:
    tuned = tune(EASE(), split(), trials=8)
    assert set(tuned.best.parameters) == set(space_of(EASE))
    assert tuned.best.value >= tuned.start.value > 0.1


def test_a_gain_is_sure_beyond_its_standard_error() -> None:
    before = np.array([0.1, 0.5, 0.3, 0.0])
    assert surely_better(before + 0.1, before)
    assert not surely_better(before, before)
    # Gains .2, 0, 0, 0: mean .05, standard deviation .0866, standard error .0433.
    assert surely_better(before + np.array([0.2, 0, 0, 0]), before)
    # Gains .3, -.1, 0, 0: mean .05, standard deviation .15, standard error .075.
    assert not surely_better(before + np.array([0.3, -0.1, 0, 0]), before)

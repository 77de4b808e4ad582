"""The comparison over many origins: the cuts, and the mean gain with its two intervals."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from benchmarks.peers.gains import mean_gain

from tacit.data.shop import generate

PEERS = Path(__file__).parents[1] / "benchmarks" / "peers"
CUTS = """
import json
from pathlib import Path
import numpy as np
from origins import stretches
from prepare import TASKS, Cuts, stated
whole = Cuts(TASKS["ml-100k-time"], Path("."))
found = []
for one in stretches(whole):
    split = one.test(stated)
    assert (split.train.at < one.start).all() and (split.queries.now == one.start).all()
    found.append([len(one.events), len(split.train), split.test_events, len(split.queries)])
print(json.dumps([len(whole.events), found]))
"""


def test_every_origin_counts_the_same_however_many_users_it_has() -> None:
    users = [pl.Series(["a", "b", "c"]), pl.Series(["d"])]
    gain = mean_gain(users, [np.array([0.1, 0.2, 0.3]), np.array([0.6])])
    assert gain.mean == pytest.approx(0.4) and gain.won == 2
    low, high = gain.of_origins  # Student's t of 1 degree of freedom: 12.706 standard errors
    assert (high - low) / 2 == pytest.approx(12.706 * 0.2, rel=1e-3)


def test_a_user_in_all_origins_is_one_cluster() -> None:
    rng = np.random.default_rng(0)
    own = rng.normal(size=40)
    one = [pl.Series([f"u{number}" for number in range(40)])] * 10
    other = [pl.Series([f"u{number}-{origin}" for number in range(40)]) for origin in range(10)]
    together, apart = (mean_gain(users, [own] * 10) for users in (one, other))
    width = {name: np.diff(gain.of_users)[0] for name, gain in (("one", together), ("ten", apart))}
    assert width["one"] == pytest.approx(2 * 1.96 * own.std() / np.sqrt(40), rel=0.1)
    assert width["one"] / width["ten"] == pytest.approx(np.sqrt(10), rel=0.15)
    assert together.mean == apart.mean == pytest.approx(own.mean())


def test_an_origin_of_one_user_does_not_break_a_draw_without_that_user() -> None:
    gain = mean_gain([pl.Series(["a"]), pl.Series(["b"])], [np.array([1.0]), np.array([0.0])])
    assert gain.of_users == (0.0, 1.0) and gain.won == 1


def test_stretches_are_later_and_later_and_the_first_is_predicted_from_half(tmp_path: Path) -> None:
    (tmp_path / "ml-100k").mkdir()
    generate(users=200, items=100, events=3_000).events.write_parquet(tmp_path / "ml-100k" / "events.parquet")
    there = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PEERS), *sys.path]), "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CUTS], cwd=tmp_path, env=there, capture_output=True, text=True, timeout=250
    )
    assert not done.returncode, done.stderr[-2_000:]
    events, found = json.loads(done.stdout)
    assert len(found) == 10 and all(asked > 0 for *_, asked in found)
    assert found[0][1] == pytest.approx(events / 2, rel=0.01) and found[-1][0] == events
    for before, after in pairwise(found):
        assert after[1] == before[0] == before[1] + before[2]

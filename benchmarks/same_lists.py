"""Lists of the fast path beside those of the path before it, of one fit, on the tests of `benchmarks/peers`.

``python benchmarks/same_lists.py DATA OUT [TASK ...]`` fits the default on the test cut of each task and
makes the lists of at most `MOST` users three times: as before the fast path (NumPy, every item scored by
every retriever, all candidates ranked), as an evaluation makes them now, and as a service does (with lists of
near texts). It keeps a file for each task in OUT and prints a table: NDCG@10, its difference from that before
as a share of it, with a 95 % interval; the share of the first ten items that are the same; lists a second.
"""

import copy
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
from commit import commit
from prepare import SEED, TASKS, Cuts

from tacit.core import kernels
from tacit.core.progress import SILENT
from tacit.core.seeds import generator
from tacit.core.types import Float64, Int32
from tacit.data.queries import Queries, gather_ranges
from tacit.engine.train import encoded
from tacit.evaluation.bootstrap import interval
from tacit.evaluation.evaluate import fit_model, score
from tacit.evaluation.slices import Slice, slices
from tacit.evaluation.split import Split
from tacit.models.protocol import recommend
from tacit.pipeline import retrieval
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage

K, MOST = 20, 2_000
ALL = 1_000_000


@contextmanager
def dense_numpy() -> Iterator[None]:
    """Answer without compiled loops and by scores of whole rows, as before."""
    kept = kernels.COMPILED, retrieval.WHOLE_ROWS
    kernels.COMPILED, retrieval.WHOLE_ROWS = None, ALL
    try:
        yield
    finally:
        kernels.COMPILED, retrieval.WHOLE_ROWS = kept


def measured(split: Split, model: TwoStage) -> dict[str, Any]:
    """Return what each path reaches, beside the first of them."""
    every = slices(split)[0]
    drawn = np.sort(generator(SEED, "users").permutation(len(every.rows))[:MOST])
    targets, offsets = gather_ranges(every.target_offsets, drawn)
    part = Slice("drawn", every.rows[drawn], offsets, every.targets[targets])
    queries = split.queries.take(part.rows)
    whole = copy.copy(model)
    whole.config = replace(model.config, ranked=ALL)
    with dense_numpy():
        found = {"before": _asked(whole, queries, part)}
    found["evaluation"] = _asked(model, queries, part)
    found["served"] = _asked(model.indexed(), queries, part)
    _, values, items = found["before"]
    return {
        name: {
            "lists_per_second": len(queries) / seconds,
            "ndcg@10": float(own.mean()),
            "difference": float((own - values).mean()),
            "interval": [float(one) for one in interval(own - values, generator(SEED, "bootstrap"))],
            "overlap": _overlap(listed, items),
        }
        for name, (seconds, own, listed) in found.items()
    } | {"users": len(queries)}


def _asked(model: TwoStage, queries: Queries, part: Slice) -> tuple[float, Float64, Int32]:
    """Return the seconds that lists take, their NDCG@10 and their first ten items."""
    start = time.process_time()
    lists = recommend(model, queries, K)
    seconds = time.process_time() - start
    return seconds, score(lists, part)["ndcg@10"], lists.items[:, :10]


def _overlap(lists: Int32, others: Int32) -> float:
    same = [np.isin(one[one >= 0], other).mean() for one, other in zip(lists, others, strict=True)]
    return float(np.mean(same))


def table(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| task | users | NDCG@10 before | evaluation | served | overlap@10 | lists a CPU second |"
    yield "|---|---|---|---|---|---|---|"
    for task, one in figures.items():
        before = one["before"]["ndcg@10"]
        now = [one["evaluation"], one["served"]]
        cells = [
            task,
            f"{one['users']:,}",
            f"{before:.4f}",
            *(_change(each, before) for each in now),
            " / ".join(f"{each['overlap']:.4f}" for each in now),
            " / ".join(f"{each['lists_per_second']:.0f}" for each in (one["before"], *now)),
        ]
        yield f"| {' | '.join(cells)} |"


def _change(one: Mapping[str, Any], before: float) -> str:
    low, high = (100 * end / before for end in one["interval"])
    return f"{100 * one['difference'] / before:+.2f} % [{low:+.2f}, {high:+.2f}]"


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure the tasks that have no file yet, and print the table of all."""
    out.mkdir(parents=True, exist_ok=True)
    figures = {}
    for name in names or TASKS:
        report = out / f"{name}.json"
        if not report.exists():
            split = Cuts(TASKS[name], data).test()
            split = replace(split, catalogue=encoded(split.catalogue, "auto")[1])
            config = Config(repeats=TASKS[name].allow_seen)
            model = fit_model(
                TwoStage(config, protocol=TASKS[name].protocol), split, seed=SEED, progress=SILENT
            )
            found = {"task": name, "commit": commit(), **measured(split, model)}
            report.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        figures[name] = json.loads(report.read_text("utf-8"))
        print(next(line for line in table({name: figures[name]}) if name in line), flush=True)
    print("\n".join(table(figures)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])

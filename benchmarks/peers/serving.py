"""The part of RESULTS.md on answers, from the figures that `fast_path.py`, `load.py` and `growth.py` keep."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import fast_path
import growth
import load
import same_lists
import serving_path
import stage_times
import start

HEAD = """## Answers, batches, items and events

The version before the fast path (tag `before-fast-path`) beside this one, on the same fitted models, in one
run: `python benchmarks/fast_path.py OLD OUT SNAPSHOT ...`. Milliseconds and users a
second are of processor time of one thread. A list has ten items, their reasons and, where the snapshot has
one, its ranker; histories have about 50 events. ml1m is
MovieLens 1M, cj the catalogue and purchases of completejourney; `put` leaves out the encoding of the text.
"""
STAGES = """### Stages of an answer: {name}

`python benchmarks/serving_path.py SNAPSHOT`, one query after the other, each by both paths of this version:
dense scores of all items (as before, but with the compiled second stage), and what a history meets. One
compiled call is one stage; below, what each retriever takes of the first stage when it is asked alone.
"""
SAME = """### The same lists

`python benchmarks/same_lists.py DATA OUT`: of one fit, the lists of at most 2,000 test users as before the
fast path (NumPy, every item scored by every retriever, all candidates ranked), as an evaluation makes them
now, and as a service does. Differences of NDCG@10 are shares of that before, with 95 %.
"""
UNDER_LOAD = """### Under load: {name}

`python benchmarks/load.py SNAPSHOT --old OLD ITS_SNAPSHOT`: both versions, and FastAPI around the factors of
one model in ten lines, one after the other. The generator shares the two cores with the service. Requests
come whether answers do or not, but for the capacity (8 connections that wait for answers); latencies count
from the moment at which a request was due. Answered and refused requests stand apart.
"""
START = """### Start and memory: {name}

`python benchmarks/start.py SNAPSHOT --old OLD ITS_SNAPSHOT`: seconds from the command to the first 200 of
`/readyz` (the middle of three starts), and the memory of each process after 200 lists.
"""
GROWTH = """### Growth with the catalogue

`python benchmarks/growth.py`: the candidates of six retrievers over synthetic catalogues, histories of 50
events.
"""


def section(results: Path) -> str:
    """Return the tables of all figures in a folder; nothing where there is none."""
    parts = []
    answers = results / "fast_path.json"
    if answers.exists():
        parts += [HEAD, "\n".join(fast_path.table(json.loads(answers.read_text("utf-8")))) + "\n"]
    for path in sorted(results.glob("stages-*.json")):
        found = json.loads(path.read_text("utf-8"))
        parts += [
            STAGES.format(name=path.stem.removeprefix("stages-")),
            stage_times.table(found["stages"]) + "\n",
        ]
        parts += [serving_path.alone_table(found["alone"]) + "\n"]
    same = [json.loads(path.read_text("utf-8")) for path in sorted((results / "same_lists").glob("*.json"))]
    if same:
        parts += [SAME, "\n".join(same_lists.table({one["task"]: one for one in same})) + "\n"]
    for path in sorted(results.glob("load-*.json")):
        found = json.loads(path.read_text("utf-8"))
        parts += [UNDER_LOAD.format(name=path.stem.removeprefix("load-")), load.table(found) + "\n"]
    for path in sorted(results.glob("start-*.json")):
        starts = json.loads(path.read_text("utf-8"))
        parts += [START.format(name=path.stem.removeprefix("start-")), start.table(starts) + "\n"]
    sizes = results / "growth.json"
    if sizes.exists():
        parts += [GROWTH, growth.table(json.loads(sizes.read_text("utf-8"))) + "\n"]
    return "\n".join(parts)

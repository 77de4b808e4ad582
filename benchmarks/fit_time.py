"""Seconds of each stage of ``tacit fit`` as a whole process, by two checkouts in turns, and NDCG@10 beside.

``python benchmarks/fit_time.py OLD NEW DATA [--task FOLDER ...] [--turns 3] [--quality FOLDER-CUT ...]``

OLD and NEW are checkouts of this repository; DATA holds a folder for each log, with ``events.parquet`` and,
if there are any, ``items.parquet`` and ``users.parquet``. Vectors of texts are cached by a first fit that is
not counted; ``--cached`` says that they are already. Each turn runs OLD, then NEW; a stage is given without
the stages within it, as seconds of the wall and of all processors, the median of the turns. "start" is
everything up to the first line of the fit.
Compiled loops of another version than the installed ones are looked for in ``build/kernels`` of a checkout
(``pip install --no-deps --target build/kernels ./kernels`` there).

``--quality ml-1m-leave-one-out`` fits the default on the training part of the cut with the configuration of
each checkout and gives the paired difference of NDCG@10 (NEW less OLD) over the test users with its 95 %
interval. CUT is time, leave-one-out or random.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from stages import Stage, Stages

STAGES = (
    ("tacit.api", "_log", "read and clean"),
    ("tacit.api", "events_of", "read and clean"),
    ("tacit.engine.train", "text_report_of", "texts"),
    ("tacit.engine.train", "encoded", "texts"),
    ("tacit.pipeline.twostage", "fit_first_stage", "retrievers and folds"),
    ("tacit.pipeline.secondstage_fit", "blend_or_part", "blend"),
    ("tacit.pipeline.secondstage_fit", "ranking_examples", "examples"),
    ("tacit.pipeline.secondstage_fit", "fit_ranker", "ranker, the rest"),
    ("tacit.pipeline.ranker_fit", "_refitted", "blends of the shares"),
    ("tacit.pipeline.ranker_fit", "importance", "importance"),
    ("tacit.rankers.neural:NeuralRanker", "cross_fit", "training of the ranker"),
    ("tacit.pipeline.twostage", "fit_text_fit", "items without events"),
    ("tacit.pipeline.twostage", "fit_similar", "related items"),
    ("tacit.pipeline.secondstage:SecondStage", "fitted", "features of the whole log"),
    ("tacit.pipeline.twostage:TwoStage", "indexed", "closest texts"),
    ("tacit.recommender:Model", "save", "save"),
    ("tacit.cli.app", "run", "other"),
)
"""Owner, attribute and name of the stage. What a checkout does not have is part of the stage around it."""


def fit_in_stages(arguments: Sequence[str], started: float, out: Path) -> None:
    """Run ``tacit fit`` in this process and write the seconds of its stages."""
    from importlib import import_module

    stages = Stages(time.perf_counter, time.process_time)
    import tacit.cli.app

    loaded = (time.time() - started, time.process_time())
    with stages.stage("imports of the fit"):
        places: list[Stage] = []
        for place, name, stage in STAGES:
            module, _, kind = place.partition(":")
            owner = getattr(import_module(module), kind) if kind else import_module(module)
            places.append((owner, name, stage))
    with stages.measuring(places):
        code = tacit.cli.app.run(["fit", *arguments])
    out.write_text(json.dumps({"start": loaded, **stages.spent}), "utf-8")
    sys.exit(code or 0)


def quality(data: Path, task: str, out: Path) -> None:
    """Write NDCG@10 of each test user of a cut, by the default of the checkout that this process imports."""
    import tacit
    from tacit import api
    from tacit.core.notes import Notes
    from tacit.core.progress import SILENT
    from tacit.engine.train import encoded, text_report_of
    from tacit.evaluation.comparison import _outcomes
    from tacit.evaluation.split import make_split

    folder, cut = next((task.removesuffix(f"-{cut}"), cut) for cut in CUTS if task.endswith(f"-{cut}"))
    config, notes = tacit.Config(), Notes(lambda note: None)
    files = files_of(data, folder)
    log = api.read(files["events"]).events
    if find_spec("tacit.given"):
        from tacit.given import items_of, users_of
    else:  # older checkouts
        items_of, users_of = api._catalogue, api._users
    items = items_of(files.get("items"), config.reading, log, notes)
    users = users_of(files.get("users"), config.reading, log, notes)
    split = make_split(log, items, protocol=cut, share=0.1, seed=config.seed, users=users)
    report = text_report_of(split.catalogue, config.encoder, notes)
    split = replace(split, catalogue=encoded(split.catalogue, report.encoder if report else "none")[1])
    named: dict[str, Any] = {"rankers": None, "own": None, "ablation": False, "against": None}
    if "executor" in signature(_outcomes).parameters:  # older checkouts have no executors
        from tacit.core.executor import LOCAL

        named["executor"] = LOCAL
    outcomes, _ = _outcomes(split, config, models=["tacit"], progress=SILENT, **named)
    np.save(out, outcomes[0].values["all"]["ndcg@10"])


CUTS = ("time", "leave-one-out", "random")


def files_of(data: Path, folder: str) -> dict[str, Path]:
    """Return the files of a log by what they hold."""
    names = ("events", "items", "users")
    return {name: file for name in names if (file := data / folder / f"{name}.parquet").exists()}


def child(checkout: Path, *arguments: str) -> None:
    """Run this file in another process that imports a checkout."""
    path = os.pathsep.join(str(checkout / part) for part in ("build/kernels", "src", "benchmarks"))
    environment = {**os.environ, "PYTHONPATH": path}
    asked = [sys.executable, __file__, *arguments]
    subprocess.run(asked, check=True, env=environment, stdout=subprocess.DEVNULL)


def fit_once(checkout: Path, data: Path, folder: str) -> dict[str, list[float]]:
    """Return the seconds of the stages of one fit, those of the whole process among them."""
    with TemporaryDirectory() as place:
        out = Path(place) / "stages.json"
        files = files_of(data, folder)
        given = [str(files["events"])]
        given += [
            part for name in ("items", "users") if name in files for part in (f"--{name}", str(files[name]))
        ]
        start, before = time.time(), os.times()
        child(checkout, "--stages", str(out), repr(start), *given, "--out", str(Path(place) / "model"))
        after = os.times()
        spent: dict[str, list[float]] = json.loads(out.read_text("utf-8"))
        processors = (
            after.children_user + after.children_system - before.children_user - before.children_system
        )
        return {**spent, "whole process": [time.time() - start, processors]}


def compared(checkouts: Mapping[str, Path], data: Path, folder: str, turns: int, *, warm: bool) -> str:
    """Return the stages of both checkouts as a table."""
    for checkout in checkouts.values() if warm else ():
        fit_once(checkout, data, folder)
    runs: dict[str, list[dict[str, list[float]]]] = {name: [] for name in checkouts}
    for _ in range(turns):
        for name, checkout in checkouts.items():
            runs[name].append(fit_once(checkout, data, folder))
    stages = list(dict.fromkeys(stage for some in runs.values() for one in some for stage in one))
    lines = [f"**{folder}**", "", "| stage | old wall | new wall | old CPU | new CPU |", "| --- " * 5 + "|"]
    for stage in sorted(stages, key=lambda one: -_median(runs["old"], one, 1)):
        cells = [f"{_median(runs[name], stage, kind):.2f}" for kind in (0, 1) for name in ("old", "new")]
        lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _median(runs: Sequence[Mapping[str, Sequence[float]]], stage: str, kind: int) -> float:
    return median(run.get(stage, (0.0, 0.0))[kind] for run in runs)


def paired(checkouts: Mapping[str, Path], data: Path, task: str) -> str:
    """Return the quality of both checkouts on a cut as a row of a table."""
    with TemporaryDirectory() as place:
        values = {}
        for name, checkout in checkouts.items():
            out = Path(place) / f"{name}.npy"
            child(checkout, "--values", str(out), str(data), task)
            values[name] = np.load(out)
    old, away = values["old"].mean(), values["new"] - values["old"]
    half = 1.96 * away.std(ddof=1) / len(away) ** 0.5
    share = [f"{100 * one / old:+.2f} %" for one in (away.mean(), away.mean() - half, away.mean() + half)]
    figures = f"{old:.4f} | {values['new'].mean():.4f}"
    return f"| {task} | {len(away)} | {figures} | {share[0]} ({share[1]} to {share[2]}) |"


def main() -> None:
    """Compare two checkouts."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("old", "new", "data"):
        asked.add_argument(name, type=Path)
    asked.add_argument("--task", action="append", default=[])
    asked.add_argument("--quality", action="append", default=[])
    asked.add_argument("--cached", action="store_true")
    asked.add_argument("--turns", type=int, default=3)
    given = asked.parse_args()
    checkouts = {"old": given.old, "new": given.new}
    for folder in given.task:
        print(compared(checkouts, given.data, folder, given.turns, warm=not given.cached), flush=True)
    if given.quality:
        print(
            "| task | users | old | new | new less old (95 % interval) |\n" + "| --- " * 5 + "|", flush=True
        )
    for task in given.quality:
        print(paired(checkouts, given.data, task), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stages"]:
        fit_in_stages(sys.argv[4:], float(sys.argv[3]), Path(sys.argv[2]))
    elif sys.argv[1:2] == ["--values"]:
        quality(Path(sys.argv[3]), sys.argv[4], Path(sys.argv[2]))
    else:
        main()

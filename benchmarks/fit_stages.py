"""Seconds and memory of the stages of a fit, each printed as a line of JSON when it ends."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from stages import Named, Stage, Stages, replaced

from tacit import api, recommender
from tacit.engine import train
from tacit.features.feature_state import FeatureState
from tacit.pipeline import firststage, secondstage_fit, twostage
from tacit.pipeline.secondstage import SecondStage
from tacit.pipeline.twostage import TwoStage


def _fit(model: Any, log: Any, *_: Any, **__: Any) -> str:
    return f"fit {model.name} on {len(log):,} events"


def _lists(_: Any, queries: Any, *__: Any) -> str:
    return f"candidates of {len(queries):,} lists"


STAGES: tuple[Stage, ...] = (
    (api, "events_of", "read and clean"),
    (api, "prepared", "weights, catalogue and interactions"),
    (train, "encoded", "texts"),
    (firststage, "rank_windows", "folds"),
    (firststage, "fit_projection", "projection of texts"),
    (firststage, "fitted", _fit),
    (firststage, "collect", _lists),
    (FeatureState, "of", "features of a log"),
    (secondstage_fit, "learn", "blend, features and ranker"),
    (twostage, "learn", "blend, features and ranker"),
    (twostage, "fit_text_fit", "weights of items without events"),
    (twostage, "fit_similar", "weights of related items"),
    (SecondStage, "fitted", "second stage on the whole log"),
    (TwoStage, "indexed", "lists of near texts"),
    (train, "snapshot_of", "hashes of data and model"),
    (recommender, "save_snapshot", "save"),
)
"""What is measured: owner, attribute, name of the stage."""


class Memory:
    """The resident memory of this process, sampled 50 times a second.

    Attributes
    ----------
    now : int
        Bytes, when it was last looked at.
    """

    def __init__(self) -> None:
        self.now, self._peaks, self._going = _resident(), {}, True  # type: ignore[var-annotated]
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while self._going:
            self.now = _resident()
            for key in list(self._peaks):
                self._peaks[key] = max(self._peaks[key], self.now)
            time.sleep(0.02)

    @contextmanager
    def peak(self) -> Iterator[Callable[[], int]]:
        """Give a function that returns the greatest memory since the beginning of the block."""
        key = object()
        self._peaks[key] = _resident()
        try:
            yield lambda: max(self._peaks[key], _resident())
        finally:
            del self._peaks[key]

    def stop(self) -> None:
        """Look no more."""
        self._going = False
        self._thread.join()


def _resident() -> int:
    with Path("/proc/self/statm").open() as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def told_by_stage() -> Iterator[None]:
    """Print the figures of each stage of the fits within; those of a stage within another count in both."""
    memory, stages = Memory(), Stages(time.perf_counter, time.process_time)
    try:
        with replaced(STAGES, partial(_told, memory, stages)):
            yield
    finally:
        memory.stop()


def _told(memory: Memory, stages: Stages, function: Callable[..., Any], name: Named) -> Callable[..., Any]:
    def told(*arguments: Any, **keywords: Any) -> Any:
        stage = name if isinstance(name, str) else name(*arguments)
        with memory.peak() as peak:
            before = memory.now
            with stages.stage(stage) as seconds:
                found = function(*arguments, **keywords)
                # A generator does its work when it is read.
                found = list(found) if isinstance(found, Iterator) else found
            wall, processor = seconds
            figures = {
                "stage": stage,
                "wall_s": round(wall, 2),
                "cpu_s": round(processor, 2),
                "before_gb": round(before / 1e9, 3),
                "peak_gb": round(peak() / 1e9, 3),
                "after_gb": round(_resident() / 1e9, 3),
            }
        print(json.dumps(figures), flush=True)
        return found

    return told

"""Metrics as Prometheus reads them: text format 0.0.4, one answer for all workers of a service."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tacit.core.types import Float64
from tacit.server import service_metrics as m
from tacit.server.service_metrics import Metrics

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PAGE = os.sysconf("SC_PAGE_SIZE")
Sample = tuple[str, Mapping[str, str], float]
"""What follows the name, labels, value."""


def exposition(metrics: Metrics) -> bytes:
    """Return all metrics of a service."""
    lines: list[str] = []
    for name, kind, text, samples in _families(metrics):
        lines += [f"# HELP tacit_{name} {text}", f"# TYPE tacit_{name} {kind}"]
        lines += [f"tacit_{name}{end}{_labels(labels)} {_number(value)}" for end, labels, value in samples]
    return ("\n".join(lines) + "\n").encode()


def _families(metrics: Metrics) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    """Yield name, kind, description and samples of each metric."""
    workers = np.array([np.frombuffer(one) for one in metrics.page.of_all()])  # float64[workers, numbers]
    pids = {f"worker {n}": int(one[m.PID]) for n, one in enumerate(workers, 1) if one[m.STARTS]}
    workers = workers[workers[:, m.STARTS] > 0]
    total, models = workers.sum(axis=0), [one for one in metrics.page.said() if one]
    yield from _of_requests(metrics, total)
    yield from _of_the_store(total, workers)
    yield from _of_lists(metrics, total, workers)
    yield "workers", "gauge", "Workers that were started.", _one(len(workers))
    yield "worker_starts_total", "counter", "Starts of workers, also after a failure.", _one(total[m.STARTS])
    versions = _by("version", Counter(models))
    yield "model_info", "gauge", "Workers that serve a model, by its version.", versions
    newest = float(workers[:, m.NEWEST].min(initial=np.inf))
    age = _one(time.time() - newest) if 0 < newest < np.inf else []
    yield "model_age_seconds", "gauge", "Time since the last event that the model was fitted on.", age
    behind, text = (
        _one(workers[:, m.BEHIND].max(initial=0)),
        "Stored events that a model does not follow yet.",
    )
    yield "events_not_followed", "gauge", text, behind
    yield from _of_processes(pids)


def _of_requests(metrics: Metrics, total: Float64) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    answers: list[Sample] = []
    times: list[Sample] = []
    for number, (method, route) in enumerate(metrics.names):
        own = total[m.start_of(number) : m.start_of(number + 1)]
        labels = {"method": method, "route": route}
        classes = own[: len(m.CLASSES)]
        if classes.any():
            by_class = zip(m.CLASSES, classes.tolist(), strict=True)
            answers += [("", labels | {"status": one}, n) for one, n in by_class if n]
            times += _histogram(own[len(m.CLASSES) :], m.REQUEST_BOUNDS, labels)
    yield "requests_total", "counter", "Answered requests, by template of the route.", answers
    yield "request_seconds", "histogram", "Time from a request to the end of its answer.", times
    yield "requests_in_flight", "gauge", "Requests that are being answered.", _one(total[m.IN_FLIGHT])
    refused = dict(zip(m.REASONS, total[m.REFUSED :], strict=False))
    yield "refusals_total", "counter", "Requests that were refused, by reason.", _by("reason", refused)
    events = {"accepted": total[m.ACCEPTED], "rejected": total[m.REJECTED]}
    yield "events_total", "counter", "Events that were sent.", _by("outcome", events)


def _of_the_store(total: Float64, workers: Float64) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    times = _histogram(total[m.WRITES :], m.WRITE_BOUNDS, {})
    yield "store_write_seconds", "histogram", "Time of a transaction, of many requests or one.", times
    yield "store_failed_writes_total", "counter", "Transactions that failed.", _one(total[m.FAILED_WRITES])
    states = {one: int((workers[:, m.STORE] == n).sum()) for n, one in enumerate(m.STORE_STATES)}
    yield "store_state", "gauge", "Workers by what they find the store to be.", _by("state", states)
    dropped = _one(total[m.DROPPED])
    yield "exposures_dropped_total", "counter", "Lists that were shown and are not recorded.", dropped


def _of_lists(
    metrics: Metrics, total: Float64, workers: Float64
) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    yield "lists_total", "counter", "Lists for users and sessions.", _one(total[m.LISTS])
    yield "lists_empty_total", "counter", "Lists without an item.", _one(total[m.EMPTY])
    fallback = _one(total[m.FALLBACK])
    yield "lists_without_history_total", "counter", "Lists for somebody without a known history.", fallback
    degraded = _one(total[m.DEGRADED])
    yield "lists_degraded_total", "counter", "Lists without what the store did not give in time.", degraded
    yield "list_places_total", "counter", "Places of lists.", _one(total[m.PLACES])
    popular = _one(total[m.POPULAR])
    yield "list_popular_places_total", "counter", "Places of the most popular hundredth of items.", popular
    items, shown = workers[:, m.ITEMS].max(initial=0), metrics.items_shown()
    yield "items", "gauge", "Items of the catalogue.", _one(items)
    yield "users", "gauge", "Users that the model was fitted on.", _one(workers[:, m.USERS].max(initial=0))
    yield "items_shown", "gauge", "Distinct items in the lists of the last hour, an estimate.", _one(shown)
    share = _one(min(shown / items, 1.0) if items else 0.0)
    yield "catalogue_coverage", "gauge", "Share of the catalogue in the lists of the last hour.", share


def _of_processes(workers: Mapping[str, int]) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    memory, files, threads = [], [], []
    for name, pid in [*workers.items(), *_others(set(workers.values()))]:
        try:
            place = Path("/proc") / str(pid)
            resident = int((place / "statm").read_text().split()[1]) * _PAGE
            own = len(os.listdir(place / "fd")), len(os.listdir(place / "task"))  # noqa: PTH208
        except OSError:  # it ended a moment ago, or is not of this user
            continue
        memory.append(("", {"process": name}, resident))
        files.append(("", {"process": name}, own[0]))
        threads.append(("", {"process": name}, own[1]))
    yield "process_resident_memory_bytes", "gauge", "Memory of a process, with what it shares.", memory
    yield "process_open_fds", "gauge", "Open files of a process.", files
    yield "process_threads", "gauge", "Threads of a process.", threads


def _others(workers: set[int]) -> list[tuple[str, int]]:
    """Return the parent of the workers, and the process that encodes texts if it runs."""
    parent = os.getppid()
    if not _runs(os.getpid(), "tacit.server.worker"):  # the application of somebody else's program
        return []
    try:
        children = map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    except OSError:
        return [("parent", parent)]
    encoders = [one for one in children if one not in workers and _runs(one, "tacit.server.encoding")]
    return [("parent", parent), *(("encoder", one) for one in encoders[:1])]


def _runs(pid: int, module: str) -> bool:
    try:
        return module in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def _histogram(numbers: Float64, bounds: Sequence[float], labels: Mapping[str, str]) -> list[Sample]:
    """Return the samples of numbers by class of time, which their sum follows."""
    classes = len(bounds) + 1
    up_to = np.cumsum(numbers[:classes]).tolist()
    names = [*map(_number, bounds), "+Inf"]
    buckets = [("_bucket", {**labels, "le": one}, n) for one, n in zip(names, up_to, strict=True)]
    return [*buckets, ("_sum", labels, float(numbers[classes])), ("_count", labels, up_to[-1])]


def _one(value: float) -> list[Sample]:
    return [("", {}, value)]


def _by(label: str, values: Mapping[str, float]) -> list[Sample]:
    return [("", {label: name}, value) for name, value in values.items()]


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))

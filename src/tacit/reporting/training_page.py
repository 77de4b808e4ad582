"""Training of the ranker: a line for each epoch, curves, calibration and importance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

    from tacit.pipeline.rerank import RerankReport
    from tacit.rankers.ranker import Epoch
    from tacit.reporting.page import Section

_CURVES = (("loss", "Loss"), ("accuracy", "Accuracy"), ("auc", "AUC"))
_PARTS = {"train": "training", "valid": "validation", "test": "test"}
_MOST_COLUMNS = 30


def epoch_line(epoch: "Epoch") -> str:
    """Return one epoch of a training as a line of text."""
    values = asdict(epoch)
    parts = _measured_parts([values])
    figures = [
        f"{name} " + " / ".join(f"{values[f'{part}_{name}']:.4f}" for part in parts) for name, _ in _CURVES
    ]
    names = " / ".join(_PARTS[part] if part != "train" else part for part in parts)
    return f"epoch {values['epoch']:>3}  {names}: " + "  ".join(figures)


def step_line(step: Mapping[str, Any]) -> str:
    """Return a step of a fit within a time as a line of text: seconds, quality and what it holds."""
    ndcg = "" if step["ndcg@10"] is None else f"  NDCG@10 {step['ndcg@10']:.4f}"
    left_out = "" if step["kept"] else "  (worse than a step before it: not kept)"
    whole = "  (the whole configuration)" if step["complete"] else ""
    return f"{step['seconds']:>7.1f} s{ndcg}  {step['what']}{whole}{left_out}"


def gain_line(gain: Mapping[str, float]) -> str:
    """Return the gain of a ranker on lists that it was not trained on as a line of text."""
    return (
        f"NDCG@10 of lists that it was not trained on: {gain['before']:.4f} before, {gain['after']:.4f} "
        f"after (95 % interval of the difference {gain['low']:+.4f} to {gain['high']:+.4f})"
    )


def part_line(part: Mapping[str, Any]) -> str:
    """Return the blend beside its best retriever as a line of text."""
    best = part["retriever"]
    serves = f"; the blend is below it, so {best} alone takes its place" if part["serves"] else ""
    return (
        f"NDCG@10 of {part['queries']:,} queries that the blend did not learn from: {part['blend']:.4f}, "
        f"of its best retriever alone ({best}): {part['alone']:.4f} (95 % interval of the difference "
        f"{part['low']:+.4f} to {part['high']:+.4f}){serves}"
    )


def unseen_line(unseen: Mapping[str, Any]) -> str:
    """Return what items without events get as a line of text."""
    return (
        f"items without events: {unseen['items']:,}; in the lists of {unseen['queries']:,} queries they took "
        f"{unseen['places']:,} of the first ten places, and {unseen['hits']:,} of these were chosen"
    )


def similar_line(kind: str, report: Mapping[str, Any]) -> str:
    """Return what the lists of a kind of related items weigh as a line of text."""
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in report["weights"].items())
    return (
        f"related items ({kind}): {weights}; NDCG@10 of what was chosen next {report['learned']:.4f}, "
        f"with equal weights {report['equal']:.4f}"
    )


def rerank_line(report: "RerankReport") -> str:
    """Return the result of a fit of the re-ranker as a line of text."""
    if not report.epochs:
        return "re-ranker: takes no part, there are no choices to learn from"
    part = "" if report.weight else " (takes no part)"
    return (
        f"re-ranker: weight {report.weight:.2f}{part}; reads the first {report.top} of a list in "
        f"{report.milliseconds:.1f} ms, budget {report.budget:.0f} ms"
    )


def training_page(training: Mapping[str, Any]) -> str:
    """Return how a ranker learned as one self-contained HTML page; see `training_section`."""
    from tacit.reporting.page import page

    epochs = max(len(training["epochs"]) - 1, 0)
    return page("Training of the ranker", f"{epochs} epochs", [training_section(training)])


def training_section(training: Mapping[str, Any]) -> "Section":
    """Return how a ranker learned as a part of a page.

    Parameters
    ----------
    training : mapping
        `tacit.pipeline.training_report.TrainingReport` as JSON. Shown are ``epochs`` (epoch 0 is the first
        stage only), and if present ``test`` (figures on users that were neither trained nor validated on),
        ``part``, ``unseen``, ``gain``, ``reliability`` and ``importance``.
    """
    from tacit.reporting.page import Section, fragment

    epochs, importance = training["epochs"], training.get("importance") or []
    reliability = training.get("reliability") or []
    drawn = [_curve(epochs, key, title) for key, title in _CURVES] if epochs else []
    values = {
        "charts": drawn + ([_reliability(reliability)] if reliability else []),
        "best": _best(epochs) if epochs else None,
        "last": epochs[-1]["epoch"] if epochs else None,
        "test": list((training.get("test") or {}).items()),
        "part": training.get("part"),
        "unseen": training.get("unseen"),
        "gain": training.get("gain"),
        "head": [f"{_PARTS[part]} {name}" for name, _ in _CURVES for part in _measured_parts(epochs)],
        "rows": [_row(epoch, _measured_parts(epochs)) for epoch in epochs],
        "families": [row for row in importance if row["kind"] == "family"],
        "columns": [row for row in importance if row["kind"] == "column"][:_MOST_COLUMNS],
    }
    return Section("training", "How the ranker learned", fragment("training.html", values))


def _measured_parts(epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the parts that the epochs have figures of."""
    return [part for part in _PARTS if epochs and not _missing(epochs[0].get(f"{part}_loss"))]


def _best(epochs: Sequence[Mapping[str, Any]]) -> int:
    watched = "valid_loss" if "valid" in _measured_parts(epochs) else "train_loss"
    return int(min(epochs, key=lambda epoch: float(epoch[watched]))["epoch"])


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _row(epoch: Mapping[str, Any], parts: Sequence[str]) -> list[float | None]:
    values = [epoch[f"{part}_{name}"] for name, _ in _CURVES for part in parts]
    return [epoch["epoch"], *(None if _missing(value) else value for value in values)]


def _curve(epochs: Sequence[Mapping[str, Any]], key: str, title: str) -> "Markup":
    from tacit.reporting import charts  # brings Matplotlib: a fit that prints lines alone needs none

    x = [float(epoch["epoch"]) for epoch in epochs]
    series = [
        charts.Line(_PARTS[part], x, [_number(epoch[f"{part}_{key}"]) for epoch in epochs], part != "train")
        for part in _measured_parts(epochs)
    ]
    every = max(len(x) // 10, 1)
    ticks = [(place, f"{place:g}") for place in x[::every]]
    return charts.lines(title, series, "epoch", key, ticks=ticks, from_zero=False, size=(4.6, 3.2))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _reliability(bins: Sequence[Mapping[str, float]]) -> "Markup":
    from tacit.reporting import charts

    predicted = [row["predicted"] for row in bins]
    series = [
        charts.Line("observed", predicted, [row["observed"] for row in bins]),
        charts.Line("perfectly calibrated", predicted, predicted, dashed=True),
    ]
    return charts.lines("Reliability", series, "predicted probability", "share acted on", size=(4.6, 3.2))

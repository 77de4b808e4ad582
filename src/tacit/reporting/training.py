"""How the ranker learned: one line an epoch, and curves."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tacit.reporting import charts
from tacit.reporting.page import Section, fragment, page

if TYPE_CHECKING:
    from tacit.rankers.mlp import Epoch

_CURVES = (("loss", "Loss (binary cross entropy)"), ("accuracy", "Accuracy"), ("auc", "AUC"))


def epoch_line(epoch: "Epoch") -> str:
    """Return one epoch of a training as a line of text."""
    values = asdict(epoch)
    parts = [
        f"{name} {values[f'train_{name}']:.4f} / {values[f'valid_{name}']:.4f}"
        for name, _ in _CURVES
        if values.get(f"train_{name}") is not None and values.get(f"valid_{name}") is not None
    ]
    return f"epoch {values['epoch']:>3}  train / validation: " + "  ".join(parts)


def training_page(epochs: Sequence[Mapping[str, Any]], test: Mapping[str, float] | None = None) -> str:
    """Return the curves of a training as one self-contained HTML page; see `training_section`."""
    return page("Training of the ranker", f"{len(epochs)} epochs", [training_section(epochs, test)])


def training_section(epochs: Sequence[Mapping[str, Any]], test: Mapping[str, float] | None = None) -> Section:
    """Return the curves of a training as a part of a page.

    Parameters
    ----------
    epochs : sequence of mappings
        ``epoch``, and ``train_`` and ``valid_`` with ``loss``, ``accuracy`` and ``auc``.
    test : mapping, optional
        Final figures on users that were neither trained on nor validated on.
    """
    best = min(epochs, key=lambda epoch: float(epoch["valid_loss"]))["epoch"] if epochs else None
    values = {
        "charts": [_curve(epochs, key, title) for key, title in _CURVES] if epochs else [],
        "best": best,
        "count": len(epochs),
        "test": list((test or {}).items()),
    }
    return Section("training", "How the ranker learned", fragment("training.html", values))


def _curve(epochs: Sequence[Mapping[str, Any]], key: str, title: str) -> Markup:
    x = [float(epoch["epoch"]) for epoch in epochs]
    series = [
        charts.Line(name, x, [float(epoch[f"{part}_{key}"]) for epoch in epochs], dashed=part == "valid")
        for part, name in (("train", "training"), ("valid", "validation"))
    ]
    every = max(len(x) // 10, 1)
    ticks = [(place, f"{place:g}") for place in x[::every]]
    return charts.lines(title, series, "epoch", key, ticks=ticks, from_zero=False, size=(4.6, 3.2))

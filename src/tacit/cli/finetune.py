"""``tacit finetune``: a text encoder tuned on a log."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tacit.cli.inputs import EVENTS
from tacit.cli.options import ENCODERS, Events
from tacit.cli.reading_options import with_reading
from tacit.reading.choices import Reading

if TYPE_CHECKING:
    from tacit.engine.finetune_encoder import Attempt, Finetuned


@with_reading
def finetune(
    events: Events,
    *,
    reading: dict[str, Any],
    items: Annotated[Path, typer.Option("--items", help="Catalogue with item ids and texts.")],
    out: Annotated[
        Path,
        typer.Option("--out", help="Directory of the encoder to write; an older one there is replaced."),
    ],
    base: Annotated[
        str,
        typer.Option(
            "--base",
            help=f"Where to start: {ENCODERS}.",
        ),
    ] = "auto",
    method: Annotated[
        Literal["head", "full"],
        typer.Option(
            "--method",
            help="head: a linear map behind the encoder, in seconds. full: the last layers of the model.",
        ),
    ] = "head",
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="TIME",
            help="Learn from events before a time only. Without it an evaluation on this log with this "
            "encoder is not honest: the encoder has seen the test.",
        ),
    ] = None,
    layers: Annotated[
        int, typer.Option("--layers", min=1, help="full: how many of the last layers are trained.")
    ] = 2,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="full: time for the training, without the evaluations.")
    ] = 600.0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the run.")] = 7,
) -> None:
    """Tune a text encoder on a log, so that items without events are recommended to the right users."""
    from tacit import api
    from tacit.cli.inputs import say_note, say_rejected
    from tacit.cli.terminal import Bars, err
    from tacit.cli.terminal import out as console
    from tacit.core.places import check_apart

    meanings = reading.pop(EVENTS, {})
    start = Path(base) if Path(base).is_dir() else None
    check_apart({"--out": out}, {"the log": events, "--items": items, "--base": start})
    try:
        found = api.finetune(
            events,
            items,
            out,
            method=method,
            base=base,
            until=until,
            layers=layers,
            seconds=seconds,
            seed=seed,
            reading=Reading(**reading),
            event_map=meanings,
            progress=Bars(),
            on_read=say_rejected,
            on_note=say_note,
            on_epoch=lambda attempt: console.print(_line(attempt)),
        )
    except KeyboardInterrupt:
        if method == "full":
            err.print(f"interrupted; {out} holds the best epoch so far, if any was better than the start")
        raise
    console.print(_verdict(found, whole_log=until is None))


def _line(attempt: "Attempt") -> str:
    quality = attempt.quality
    seconds = "" if attempt.seconds is None else f", {attempt.seconds:.0f} s"
    loss = "" if attempt.loss is None else f", loss {attempt.loss:.4f}"
    figures = f"Recall@20 {quality.recall:.4f}, NDCG@20 {quality.ndcg:.4f} of held-out items"
    return f"{attempt.name}{seconds}: {figures}{loss}"


def _verdict(found: "Finetuned", *, whole_log: bool) -> str:
    if not found.written:
        return f"no epoch was better than the encoder as it is: {found.directory} was not written"
    text = (
        f"{found.directory}: Recall@20 of held-out items {found.before.recall:.4f} before, "
        f"{found.after.recall:.4f} after (best: {found.best.name}); use it with --encoder {found.directory}"
    )
    seen = "\nIt has seen the whole log: evaluate it on later events only, or learn with --until."
    return text + (seen if whole_log else "")

"""``tacit refit``: a model directory is fitted again on what its service has taken since."""

import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from tacit.core.durations import parse_duration
from tacit.core.errors import ConfigError, TacitError

_SHORTEST, _LOOK_AGAIN = 1.0, 60.0
"""Seconds between two refits at least, and until a store is looked for again that is not there yet."""


def refit(
    out: Annotated[
        Path, typer.Option("--out", help="Model directory: versions/ and CURRENT. It need not be there.")
    ],
    store: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Store of the service, which may run: sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
        ),
    ] = None,
    snapshot: Annotated[
        Path | None,
        typer.Option(
            "--snapshot",
            help="What to start from; it is the first version of a new directory.",
            show_default="the current version",
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="Event log in place of that in the snapshot.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Configuration (TOML).", show_default="that of the snapshot"),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            metavar="TIME",
            help="Go on until SIGTERM: the first refit at once, the others so long after each other's begin "
            "(30m, 6h, 1d). A store that is not there yet is looked for every minute.",
        ),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option("--memory", min=1, metavar="GB", help="Most memory that the process of the fit holds."),
    ] = None,
    without_source: Annotated[
        list[str] | None,
        typer.Option(
            "--without-source",
            metavar="NAME",
            help="Leave out events of this source, now and in all later refits; repeatable.",
        ),
    ] = None,
    without_time: Annotated[
        list[str] | None,
        typer.Option(
            "--without-time",
            metavar="FROM..TO",
            help="Leave out events from one time to before another (2026-05-01..2026-05-02), now and in all "
            "later refits; repeatable.",
        ),
    ] = None,
    with_source: Annotated[
        list[str] | None,
        typer.Option("--with-source", metavar="NAME", help="Leave out this source no longer; repeatable."),
    ] = None,
    with_time: Annotated[
        list[str] | None,
        typer.Option("--with-time", metavar="FROM..TO", help="Leave out this time no longer; repeatable."),
    ] = None,
    learn_from: Annotated[
        list[str] | None,
        typer.Option(
            "--learn-from",
            metavar="ACCOUNT",
            help="Learn from this account, though its events are far more than accounts do; repeatable.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Publish whatever the comparison with the live model says.")
    ] = False,
    keep: Annotated[
        int, typer.Option("--keep", min=1, help="Versions that stay: the current one and those before it.")
    ] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print each decision as a line of JSON.")] = False,
) -> None:
    """Fit a model directory again on its log and what its store has taken; publish it if it is not worse."""
    from tacit import api

    options: dict[str, Any] = {
        "snapshot": snapshot,
        "log": log,
        "config": config,
        "without_sources": without_source or (),
        "without_times": [_stretch(one, "--without-time") for one in without_time or ()],
        "with_sources": with_source or (),
        "with_times": [_stretch(one, "--with-time") for one in with_time or ()],
        "learn_from": learn_from or (),
        "force": force,
        "keep": keep,
        "memory": memory,
        "on_part": _say_part,
    }
    period = None if every is None else _seconds(every)
    if period is None:
        _show(api.refit(out, store, **options), as_json=json)
        return
    _until_stopped(lambda: _show(api.refit(out, store, **options), as_json=json), period)


class _StoppedError(BaseException):
    """SIGTERM came."""


def _stop(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would be raised in the middle of the end
    raise _StoppedError


def _until_stopped(run: Any, period: float) -> None:
    """Run now and again until SIGTERM; a run that fails is said, and the next one comes."""
    from tacit.cli.terminal import err
    from tacit.store.address import StoreNotThereError

    signal.signal(signal.SIGTERM, _stop)
    never = threading.Event()
    said = ""
    try:
        while True:
            begun = time.monotonic()
            try:
                run()
            except StoreNotThereError as error:
                rest = min(period, _LOOK_AGAIN)
                if str(error) != said:
                    said = str(error)
                    err.print(
                        f"tacit: {said}; it is looked for every {rest:,.0f} s", soft_wrap=True, markup=False
                    )
                never.wait(rest)
                continue
            except TacitError as error:
                err.print(f"tacit: this refit failed: {error}", soft_wrap=True)
            said = ""
            rest = max(begun + period - time.monotonic(), 0.0)
            err.print(f"the next refit begins in {rest:,.0f} s")
            never.wait(rest)
    except _StoppedError:
        err.print("ended; the version that is current stays so")


def _seconds(text: str) -> float:
    seconds = parse_duration(text, "--every")
    if seconds < _SHORTEST:
        raise ConfigError(f"--every is {text!r}; give a second at least")
    return seconds


def _stretch(text: str, option: str) -> tuple[str, str]:
    start, dots, end = text.partition("..")
    if not dots or not start.strip() or not end.strip():
        raise ConfigError(
            f"{option} {text!r} is not of the form FROM..TO, for example 2026-05-01..2026-05-02"
        )
    return start.strip(), end.strip()


def _say_part(part: str) -> None:
    from tacit.cli.terminal import err

    err.print(f"refit: {part}", soft_wrap=True)


def _show(decision: dict[str, Any], *, as_json: bool) -> None:
    """Print a decision: what was decided and why, what it was made of, and what is to be looked at."""
    import json

    from tacit.cli.terminal import err, out
    from tacit.engine.decisions import lines_of

    if as_json:
        typer.echo(json.dumps(decision, ensure_ascii=False))
        return
    for line in lines_of(decision):
        err.print(line, soft_wrap=True, markup=False)
    out.print(f"{decision['decision']}: {decision['why']}", soft_wrap=True, markup=False)
    out.print(f"version {decision['version']}; {_counts(decision['log'])}", soft_wrap=True, markup=False)
    spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in decision["seconds"].items())
    out.print(spent, soft_wrap=True)


def _counts(log: dict[str, Any]) -> str:
    why = ", ".join(f"{reason}: {count:,}" for reason, count in log["reasons"].items())
    parts: Sequence[str] = [
        f"{log['learned']:,} events, {log['added']:,} of them new",
        *(
            f"{log[name]:,} {what}"
            for name, what in (
                ("unclean", f"rejected ({why})"),
                ("held", "held back"),
                ("left_out", "left out"),
            )
            if log[name]
        ),
    ]
    return "; ".join(parts)

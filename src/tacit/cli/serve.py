"""``tacit serve``: a snapshot over HTTP."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from tacit.cli.options import SnapshotDir
from tacit.core.durations import parse_duration
from tacit.core.errors import ConfigError

_FILE = "sqlite:///"


def serve(
    directory: SnapshotDir,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; one that others can reach needs --keys.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=256,
            help="Processes that answer requests; as many as there are processors by default.",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            help="Where events, items and shown lists are kept: sqlite:///FILE or "
            "postgresql://USER@HOST/DATABASE; DIR.events.sqlite3 by default.",
        ),
    ] = None,
    keep_events: Annotated[
        str,
        typer.Option("--keep-events", help="How long events are kept: 30m, 12h, 400d, ever."),
    ] = "ever",
    keep_exposures: Annotated[
        str,
        typer.Option(
            "--keep-exposures", help="How long lists that were shown are kept: 30m, 12h, 30d, ever."
        ),
    ] = "30d",
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys",
            help="File of the keys that clients must send, made by tacit key new; a change counts within "
            "two seconds.",
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            help="Requests and events that a key without a rate of its own may send: 100/s, 3000/m; any "
            "number by default.",
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            help="Name by which the service is reached, as the Host header has it; others are refused.",
        ),
    ] = None,
    store_wait: Annotated[
        float,
        typer.Option(
            "--store-wait",
            min=0.001,
            max=10.0,
            help="Seconds that a list waits for the store; then it goes out without the latest events, and "
            "says so. More for a database that is far away.",
        ),
    ] = 0.05,
    drain: Annotated[
        float,
        typer.Option(
            "--drain",
            min=0.0,
            max=600.0,
            help="Seconds after SIGTERM in which requests are answered as before, while /readyz says 503: "
            "longer than a balancer needs to notice.",
        ),
    ] = 1.0,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            envvar="TACIT_API_KEY",
            help="Gives way to --keys: one key with the roles read and ingest.",
        ),
    ] = None,
    admin_key: Annotated[
        str | None,
        typer.Option(
            "--admin-key", envvar="TACIT_ADMIN_KEY", help="Gives way to --keys: one key with the role admin."
        ),
    ] = None,
    access_log: Annotated[
        str | None,
        typer.Option(
            "--access-log",
            metavar="FILE|-",
            help="Write a line of JSON for each request, without ids and keys; - is standard output.",
        ),
    ] = None,
) -> None:
    """Serve recommendations over HTTP, take events and new items."""
    from tacit.core.places import check_outside_snapshots
    from tacit.server.keys import parse_rate
    from tacit.server.listening import listen
    from tacit.server.processors import processors
    from tacit.server.supervisor import Supervisor
    from tacit.server.watching import Watcher

    fixed = _keys_of_options(api_key, admin_key)
    _check_keys(host, keys, fixed)
    if rate is not None and keys is None and not fixed:
        raise ConfigError("--rate counts the requests of each key: serve with --keys")
    hosts = _hosts(host, allowed_host or [])
    if "*" in hosts and not allowed_host:
        _warn(
            f"any name in the Host header is answered on {host}; name those of the service with "
            "--allowed-host, so that no other site can reach it by a name of its own"
        )
    named = store is not None
    if store is not None and store.startswith(_FILE):
        check_outside_snapshots(Path(store.removeprefix(_FILE)), "--store")
    store = store or f"{_FILE}{directory.resolve()}.events.sqlite3"
    settings: dict[str, Any] = {
        "store": store,
        "keep": [_age(keep_events, "--keep-events"), _age(keep_exposures, "--keep-exposures")],
        "store_wait": store_wait,
        "keys": fixed,
        "keys_file": None if keys is None else str(keys.resolve()),
        "rate": None if rate is None else parse_rate(rate),
        "allowed_hosts": hosts,
    }
    with listen(host, port) as bound, _access_log(access_log) as log:
        settings["access_log"] = log
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
        count = workers or processors()

        def ready(figures: Mapping[str, Any]) -> None:
            said = f"{release}, {figures['items']:,} items, {count} workers"
            typer.echo(f"{said}; stop with Ctrl-C", err=True)
            # On standard output, flushed: a script that took port 0 reads it there.
            typer.echo(f"listening on {address}")

        inherited = [log] if isinstance(log, int) else []
        with (
            Supervisor(bound, count, _warn, inherited, drain=drain) as service,
            closing(Watcher(directory)) as watcher,
        ):
            release, refusal = watcher.first()
            # Imported here, while the workers import what they need: it takes a third of a second.
            from tacit.store.address import sqlite_file
            from tacit.store.lock import hold

            file = sqlite_file(store) if named else None
            if file is not None and not file.exists():
                _warn(f"the store {file} is not there: a new, empty one is made")
            lock = hold(store)
            with closing(lock) if lock is not None else nullcontext():
                stopped_by = service.run(watcher, (release, refusal), settings, ready)
    if stopped_by == signal.SIGINT:
        raise KeyboardInterrupt


def _age(written: str, option: str) -> float | None:
    """Return an age in seconds; None for ever."""
    if written == "ever":
        return None
    return parse_duration(written, option, or_else="ever")


def _warn(line: str) -> None:
    typer.echo(f"tacit: {line}", err=True)


def _keys_of_options(api_key: str | None, admin_key: str | None) -> list[dict[str, Any]]:
    """Return the keys of the options, which give way to a file."""
    from tacit.server.keys import MOST_KEYS, document_of, key_of_text

    fixed = []
    if api_key:
        fixed.append(key_of_text(api_key, "--api-key", ("read", "ingest"), MOST_KEYS))
    if admin_key:
        fixed.append(key_of_text(admin_key, "--admin-key", ("admin",), MOST_KEYS + 1))
    if fixed:
        _warn(
            "--api-key, --admin-key and their environment variables give way to --keys FILE: make keys with "
            "tacit key new, which expire, are limited and can be changed without a restart"
        )
    return [document_of(one) for one in fixed]


def _check_keys(host: str, file: Path | None, fixed: Sequence[object]) -> None:
    """Refuse an address that others can reach without a key, and a file that cannot be read."""
    from tacit.server.keys import read_keys
    from tacit.server.listening import is_loopback

    if file is not None and not any(one.is_live(time.time()) for one in read_keys(file)) and not fixed:
        _warn(f"no key of {file} is good now: nobody can call the service; make one with tacit key new")
    if file is None and not fixed and not is_loopback(host):
        raise ConfigError(
            f"listening on {host} needs keys: make one with tacit key new --role admin, and serve with "
            "--keys keys.json, or listen on 127.0.0.1"
        )


def _hosts(host: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return the names in the Host header that are answered; ``*`` for all."""
    from tacit.server.listening import LOOPBACK, checked_name, is_loopback

    if not allowed and not is_loopback(host):
        return ("*",)
    named = [checked_name(one, "--allowed-host") for one in allowed]
    return (checked_name(host, "--host"), *LOOPBACK, *named)


@contextmanager
def _access_log(target: str | None) -> Iterator[str | int | None]:
    """Give what workers write lines to: a file that can be written, or a copy of standard output."""
    if target is None:
        yield None
    elif target == "-":
        # Workers have no standard output of their own: an address is read from that of the parent.
        copied = os.dup(sys.stdout.fileno())
        try:
            yield copied
        finally:
            os.close(copied)
    else:
        from tacit.core.places import check_outside_snapshots
        from tacit.server.access_log import open_log

        file = Path(target).resolve()
        check_outside_snapshots(file, "--access-log")
        try:
            os.close(open_log(file))
        except OSError as error:
            raise ConfigError(f"--access-log {target} cannot be written: {error.strerror}") from error
        yield str(file)

"""``tacit serve``: a snapshot over HTTP."""

import signal
from collections.abc import Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from tacit.cli.options import SnapshotDir
from tacit.core.errors import ConfigError

_FILE = "sqlite:///"


def serve(
    directory: SnapshotDir,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; one that others can reach needs --api-key.")
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
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key", envvar="TACIT_API_KEY", help="Key that clients must send as a bearer token."
        ),
    ] = None,
    admin_key: Annotated[
        str | None,
        typer.Option(
            "--admin-key",
            envvar="TACIT_ADMIN_KEY",
            help="Key that opens every route; POST /v1/items needs it where the service has a key.",
        ),
    ] = None,
) -> None:
    """Serve recommendations over HTTP, take events and new items."""
    from tacit.core.places import check_outside_snapshots
    from tacit.server.listening import LOOPBACK, is_loopback, listen
    from tacit.server.processors import processors
    from tacit.server.supervisor import Supervisor
    from tacit.server.watching import Watcher

    local = is_loopback(host)
    if not local and not api_key:
        raise ConfigError(f"listening on {host} needs a key: set TACIT_API_KEY, or listen on 127.0.0.1")
    if store is not None and store.startswith(_FILE):
        check_outside_snapshots(Path(store.removeprefix(_FILE)), "--store")
    store = store or f"{_FILE}{directory.resolve()}.events.sqlite3"
    settings = {
        "store": store,
        "api_key": api_key,
        "admin_key": admin_key,
        "allowed_hosts": (host, *LOOPBACK) if local else ("*",),
    }
    with listen(host, port) as bound:
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
        count = workers or processors()

        def ready(figures: Mapping[str, Any]) -> None:
            said = f"{release}, {figures['items']:,} items, {count} workers"
            typer.echo(f"{said}; stop with Ctrl-C", err=True)
            # On standard output, flushed: a script that took port 0 reads it there.
            typer.echo(f"listening on {address}")

        with Supervisor(bound, count, lambda line: typer.echo(f"tacit: {line}", err=True)) as service:
            watcher = Watcher(directory)
            release, refusal = watcher.first()
            # Imported here, while the workers import what they need: it takes a third of a second.
            from tacit.store.lock import hold

            lock = hold(store)
            with closing(lock) if lock is not None else nullcontext():
                stopped_by = service.run(watcher, (release, refusal), settings, ready)
    if stopped_by == signal.SIGINT:
        raise KeyboardInterrupt

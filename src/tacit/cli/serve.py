"""``tacit serve``: a snapshot over HTTP."""

from pathlib import Path
from typing import Annotated

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
    from tacit.cli.terminal import err
    from tacit.core.places import check_outside_snapshots
    from tacit.engine.engine import Engine
    from tacit.engine.snapshot import load
    from tacit.server.app import LOOPBACK, create_app
    from tacit.server.run import is_loopback, listen, run
    from tacit.store.events import EventStore

    local = is_loopback(host)
    if not local and not api_key:
        raise ConfigError(f"listening on {host} needs a key: set TACIT_API_KEY, or listen on 127.0.0.1")
    if store is not None and store.startswith(_FILE):
        check_outside_snapshots(Path(store.removeprefix(_FILE)), "--store")
    with listen(host, port) as bound:
        snapshot = load(directory)
        engine = Engine(snapshot, EventStore(store or f"sqlite:///{directory.resolve()}.events.sqlite3"))
        engine.warm()
        hosts = (host, *LOOPBACK) if local else ("*",)
        app = create_app(engine, api_key=api_key, admin_key=admin_key, allowed_hosts=hosts)
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
        err.print(f"model {snapshot.version}, {len(snapshot.catalogue):,} items; stop with Ctrl-C")
        # On standard output, flushed: a script that took port 0 reads it there.
        run(app, bound, on_ready=lambda: typer.echo(f"listening on {address}"))

"""``tacit serve``: a snapshot over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from tacit.core.errors import ConfigError


def serve(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Snapshot made by `tacit fit`.")],
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8000,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", help="sqlite:///FILE or postgresql://...; a file beside the snapshot by default."
        ),
    ] = None,
    api_key: Annotated[
        str | None, typer.Option("--api-key", envvar="TACIT_API_KEY", help="Key that clients must send.")
    ] = None,
) -> None:
    """Serve recommendations, take events and items."""
    from tacit.cli.terminal import err
    from tacit.engine.engine import Engine
    from tacit.engine.snapshot import load
    from tacit.server.app import LOOPBACK, create_app
    from tacit.server.run import is_loopback, listen, run
    from tacit.store.events import EventStore

    local = is_loopback(host)
    if not local and not api_key:
        raise ConfigError(f"listening on {host} needs a key: set TACIT_API_KEY, or listen on 127.0.0.1")
    snapshot = load(directory)
    engine = Engine(snapshot, EventStore(store or f"sqlite:///{directory.resolve()}.events.sqlite3"))
    engine.warm()
    app = create_app(engine, api_key=api_key, allowed_hosts=(host, *LOOPBACK) if local else ("*",))
    bound = listen(host, port)
    name = f"[{host}]" if ":" in host else host

    def tell() -> None:
        # On standard output, flushed: a script that took port 0 reads it there.
        typer.echo(f"listening on http://{name}:{bound.getsockname()[1]}")

    err.print(f"model {snapshot.version}, {len(snapshot.catalogue):,} items; stop with Ctrl-C")
    run(app, bound, on_ready=tell)

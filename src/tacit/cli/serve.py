"""``tacit serve``: a snapshot over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from tacit.core.errors import ConfigError

_LOCAL = ("127.0.0.1", "localhost", "::1")


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
    import asyncio

    if host not in _LOCAL and not api_key:
        raise ConfigError(f"listening on {host} needs a key: set TACIT_API_KEY, or listen on 127.0.0.1")
    import uvicorn

    from tacit.cli.terminal import err
    from tacit.engine.engine import Engine
    from tacit.engine.snapshot import load
    from tacit.server.app import LOOPBACK, create_app
    from tacit.store.events import EventStore

    snapshot = load(directory)
    place = store or f"sqlite:///{directory.resolve()}.events.sqlite3"
    engine = Engine(snapshot, EventStore(place))
    app = create_app(engine, api_key=api_key, allowed_hosts=LOOPBACK if host in _LOCAL else ("*",))
    settings = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=16_384,
        timeout_graceful_shutdown=20,
    )
    listening = settings.bind_socket()
    name = f"[{host}]" if ":" in host else host
    err.print(f"model {snapshot.version}; events in {place if '@' not in place else 'the given store'}")
    err.print(f"listening on http://{name}:{listening.getsockname()[1]}")
    asyncio.run(uvicorn.Server(settings).serve(sockets=[listening]))

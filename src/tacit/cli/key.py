"""``tacit key``: make, list and revoke the keys of a service."""

import time
from pathlib import Path
from typing import Annotated

import typer

from tacit.core.errors import ConfigError

key = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys of a service.")

KeyFile = Annotated[Path, typer.Option("--file", help="File of the keys, for tacit serve --keys.")]


@key.command("new")
def new(
    role: Annotated[
        list[str],
        typer.Option(
            "--role",
            help="What the key may do: read asks for lists, ingest sends events, items and users, "
            "admin may do everything.",
        ),
    ],
    file: KeyFile = Path("keys.json"),
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="Of the client that holds the key, stored with its events; by default the first role.",
            show_default=False,
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires", help="Time for which it is good: 30m, 12h, 90d; without an end by default."
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate", help="Requests and events that it may send: 100/s, 30/m; else that of tacit serve."
        ),
    ] = None,
) -> None:
    """Make a key and print it: it is shown once, and the file holds its SHA-256.

    Two keys of a name may be live at a time: give the new one to the client, then revoke the old one.
    """
    from tacit.core.durations import parse_duration
    from tacit.server.keys import changing_keys, checked_roles, new_key, parse_rate

    roles = checked_roles(role)
    lives = None if expires is None else parse_duration(expires, "--expires")
    a_second = None if rate is None else parse_rate(rate)
    with changing_keys(file) as keys:
        one, secret = new_key(keys, name or roles[0], roles, time.time(), lives=lives, rate=a_second)
        keys.append(one)
    typer.echo(f"{file} has the key {one.name}; this is shown once:", err=True)
    typer.echo(secret)


@key.command("list")
def list_keys(file: KeyFile = Path("keys.json")) -> None:
    """List the keys of a file: their names and roles, since when and until when they are good."""
    from tacit.server.keys import day_and_time, read_keys

    now = time.time()
    for one in read_keys(file):
        until = "does not expire" if one.expires is None else f"until {day_and_time(one.expires)}"
        until = until if one.is_live(now) else f"expired {day_and_time(one.expires or 0.0)}"
        rate = "" if one.rate is None else f"  {one.rate:g} requests a second"
        typer.echo(f"{one.name}  {'+'.join(one.roles)}  since {day_and_time(one.created)}  {until}{rate}")


@key.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="Name of the key.")],
    file: KeyFile = Path("keys.json"),
    old: Annotated[bool, typer.Option("--old", help="Keep the newest key of this name.")] = False,
) -> None:
    """Take the keys of a name out of a file; a running service knows it within two seconds."""
    from tacit.server.keys import changing_keys, read_keys

    read_keys(file)  # one that is not there is no empty one
    with changing_keys(file) as keys:
        named = [one for one in keys if one.name == name]
        if not named:
            raise ConfigError(f"{file} has no key {name!r}: see tacit key list --file {file}")
        kept = named[-1:] if old else []
        keys[:] = [one for one in keys if one.name != name or one in kept]
    typer.echo(f"revoked {len(named) - len(kept)} of {len(named)} keys named {name}", err=True)

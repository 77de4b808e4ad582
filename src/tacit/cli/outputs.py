"""Files that commands write: complete or absent, in the format of their name."""

import json as json_format
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tacit.core.errors import ConfigError
from tacit.core.places import check_name, check_outside_snapshots

if TYPE_CHECKING:
    import polars as pl

    from tacit.core.types import Json

_FRAMES = (".parquet", ".csv", ".jsonl")
_FORMULA = r"^([=+\-@\t\r])"
"""First characters of cells that a spreadsheet would run as formulas."""


def check_place(path: Path, option: str, suffixes: tuple[str, ...] = ()) -> None:
    """Refuse a file that could not be written, before the work begins.

    Raises
    ------
    ConfigError
        If the folder is missing or within a snapshot, the path is a folder, or the name is too long or ends
        in none of ``suffixes``.
    """
    check_name(path, option)
    if suffixes and path.suffix.lower() not in suffixes:
        raise ConfigError(f"{option} {path}: the name must end in {' or '.join(suffixes)}")
    if path.is_dir():
        raise ConfigError(f"{option} {path} is a folder; name a file")
    if path.exists() and not path.is_file():  # a device or a pipe would be replaced by a file
        raise ConfigError(f"{option} {path} is a device or a pipe and no file; name a file")
    if not path.parent.is_dir():
        raise ConfigError(f"{option} {path}: the folder {path.parent} does not exist; make it first")
    check_outside_snapshots(path, option)


def check_report_places(html: Path | None, json: str | None) -> None:
    """Refuse reports that could not be written, before the work begins; ``-`` is standard output."""
    if html is not None:
        check_place(html, "--html")
    if json is not None and json != "-":
        check_place(Path(json), "--json")


def check_frame_place(path: Path, option: str) -> None:
    """Refuse a table that could not be written, before the work begins."""
    check_place(path, option, _FRAMES)


def write_text(text: str, path: Path) -> None:
    """Write a text file, completely or not at all."""
    _write(path, lambda beside: _write_utf8(beside, text))


def write_reports(
    document: Mapping[str, "Json"], page: Callable[[], str], html: Path | None, json: str | None
) -> None:
    """Write a report as JSON and as a page, if wanted; print the name of the page to standard error."""
    from tacit.cli.terminal import err

    if json is not None:
        text = json_format.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        if json == "-":
            sys.stdout.write(text)
        else:
            write_text(text, Path(json))
            err.print(f"{json}: report")
    if html is not None:
        write_text(page(), html)
        err.print(f"{html}: report with charts")


def write_frame(frame: "pl.DataFrame", path: Path) -> None:
    """Write a table as Parquet, CSV or JSON lines, completely or not at all; categories as plain text."""
    import polars as pl

    # Categories of a large log have names of their own in each run: tables of two runs could not be joined.
    categories = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Categorical | pl.Enum)]
    frame = frame.with_columns(pl.col(categories).cast(pl.String))
    writers: dict[str, Callable[[Path], None]] = {
        ".parquet": lambda beside: frame.write_parquet(beside),
        ".csv": lambda beside: frame.write_csv(beside),
        ".jsonl": lambda beside: frame.write_ndjson(beside),
    }
    _write(path, writers[path.suffix.lower()])


def spreadsheet_safe(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Return the table with an apostrophe before the texts that a spreadsheet would run."""
    import polars as pl

    return frame.with_columns(pl.col(pl.String).str.replace(_FORMULA, "'${1}"))


def _write(path: Path, write: Callable[[Path], None]) -> None:
    beside = path.with_name(f".{path.name}.part")
    try:
        write(beside)
        beside.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)


def _write_utf8(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")

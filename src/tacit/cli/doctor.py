"""``tacit doctor``: what this machine has, what is missing, and how to get it."""

import json as json_format
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from tacit.cli.options import PrintJson


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    name, found : str
    state : str
        "ok", "missing" (optional) or "broken" (Tacit cannot work).
    mend : str
        What to do about it; empty if there is nothing to do.
    """

    name: str
    found: str
    state: str = "ok"
    mend: str = ""


def doctor(
    json: PrintJson = False,
) -> int:
    """Tell what this machine and installation have, what is missing, and how to get it."""
    from rich.markup import escape
    from rich.table import Table

    from tacit.cli.terminal import out

    findings = [*_machine(), *_packages(), _loops(), _gpu(), *_encoders(), _cache(), _postgres()]
    if json:
        sys.stdout.write(json_format.dumps([asdict(finding) for finding in findings], indent=1) + "\n")
    else:
        marks = {
            "ok": "[green]ok[/green]",
            "missing": "[yellow]missing[/yellow]",
            "broken": "[red]broken[/red]",
        }
        table = Table("", "what", "found", "how to mend it")
        for finding in findings:
            table.add_row(marks[finding.state], finding.name, escape(finding.found), escape(finding.mend))
        out.print(table)
    return int(any(finding.state == "broken" for finding in findings))


def _machine() -> list[Finding]:
    import os
    import platform

    page, pages, free = (os.sysconf(name) for name in ("SC_PAGE_SIZE", "SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    return [
        Finding("system", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"),
        Finding("processor cores", str(len(os.sched_getaffinity(0)))),
        Finding("memory", f"{page * pages / 2**30:.1f} GiB, {page * free / 2**30:.1f} GiB free"),
    ]


def _packages() -> list[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    from tacit.core.version import __version__

    findings = [Finding("tacit", __version__)]
    for name in ("numpy", "scipy", "polars", "torch", "transformers", "fastapi", "sqlalchemy"):
        try:
            findings.append(Finding(name, version(name)))
        except PackageNotFoundError:
            findings.append(Finding(name, "not installed", "broken", "pip install tacit-recsys"))
    return findings


def _loops() -> Finding:
    from tacit.core import kernels

    if kernels.COMPILED is not None:
        return Finding("loops of a request", kernels.STATE)
    return Finding(
        "loops of a request",
        kernels.STATE,
        "missing",
        "not needed; from a checkout with a C++ compiler, make kernels answers several times sooner",
    )


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("GPU", torch.cuda.get_device_name(0))
    return Finding(
        "GPU",
        "none: everything runs on the processor",
        "missing",
        "not needed; a CUDA build of torch uses one",
    )


def _encoders() -> list[Finding]:
    from tacit.encoders import minilm_files, use_tokens

    def english() -> str:
        directory = minilm_files.find()
        minilm_files.check(directory)
        return f"all-MiniLM-L6-v2 (English), whole, in {directory}"

    def multilingual() -> str:
        file = use_tokens.find()
        use_tokens.check(file)
        return f"USE multilingual v3 (16 languages), whole, in {file.parent}"

    return [_encoder("language model", english), _encoder("multilingual model", multilingual)]


def _encoder(name: str, look: Callable[[], str]) -> Finding:
    from tacit.core.errors import InputError

    try:
        return Finding(name, look())
    except InputError as error:
        return Finding(name, str(error).partition(";")[0], "missing", str(error).partition("; ")[2])


def _cache() -> Finding:
    from tacit.encoders.cache import default_file

    file = default_file()
    size = f"{file.stat().st_size / 2**20:.1f} MiB" if file.exists() else "empty"
    return Finding("vector cache", f"{file} ({size})")


def _postgres() -> Finding:
    from tacit.core.errors import MissingExtraError
    from tacit.core.extras import require

    try:
        require("psycopg", "postgres")
    except MissingExtraError as error:
        return Finding(
            "PostgreSQL", "no driver; SQLite is used", "missing", str(error).partition("with: ")[2]
        )
    return Finding("PostgreSQL", "driver installed")

"""The ``tacit`` command and its exit codes.

0 done; 2 wrong use or bad input: one sentence that says how to fix it; 1 an error in Tacit: one line with the
name of the file with the details; 130 interrupted.
"""

import re
import sys
import tempfile
import traceback
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import typer

from tacit.cli.backup import backup
from tacit.cli.batch import batch
from tacit.cli.check import check
from tacit.cli.demo import demo
from tacit.cli.doctor import doctor
from tacit.cli.evaluate import evaluate
from tacit.cli.explain_config import explain_config
from tacit.cli.finetune import finetune
from tacit.cli.fit import fit
from tacit.cli.forget import forget
from tacit.cli.key import key
from tacit.cli.publish import publish
from tacit.cli.recommend import recommend
from tacit.cli.refit import refit
from tacit.cli.restore import restore
from tacit.cli.rollback import rollback
from tacit.cli.serve import serve
from tacit.cli.similar import similar
from tacit.cli.tune import tune
from tacit.cli.verify import verify
from tacit.cli.versions import versions
from tacit.core.errors import ConfigError, TacitError
from tacit.core.room import is_full, reason_of
from tacit.core.version import __version__

_INTERRUPTED = 130
_EMPTY = re.compile(r"--[a-z-]+=")
_MAY_BE_EMPTY = "--history"
"""The history of somebody who has none."""

app = typer.Typer(
    name="tacit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done; 2 wrong use or bad input; 1 a fault of tacit; 130 interrupted.",
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def tacit(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """Turns what people do into what to show them next."""


_COMMANDS = (
    check,
    fit,
    refit,
    evaluate,
    tune,
    finetune,
    recommend,
    similar,
    batch,
    serve,
    publish,
    versions,
    rollback,
    forget,
    backup,
    restore,
    verify,
    explain_config,
    demo,
)
for command in (*_COMMANDS, doctor):
    app.command()(command)
app.add_typer(key, name="key")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``tacit``; those of this process by default.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        _check_words(words)
        result = app(args=words, prog_name="tacit", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        result = _INTERRUPTED
    except TacitError as error:
        sys.stderr.write(f"tacit: {error}\n")
        return error.exit_code
    except Exception as error:
        return _other(error)
    if result == _INTERRUPTED:  # Typer returns this number too
        sys.stderr.write("tacit: interrupted; nothing was left half written\n")
    return result if isinstance(result, int) else 0


def _check_words(words: Sequence[str]) -> None:
    """Refuse an empty value, which is what a variable of a shell that is not set leaves: no default is meant.

    Raises
    ------
    ConfigError
    """
    for before, word in pairwise(["tacit", *words]):
        option = before if not word else word.removesuffix("=") if _EMPTY.fullmatch(word) else ""
        if option and option != _MAY_BE_EMPTY:
            raise ConfigError(f"the value behind {option} is empty; leave it out, or give one")


def _other(error: Exception) -> int:
    """Report an error that is not a `TacitError`, and return the exit code."""
    if hasattr(error, "format_message"):  # a wrong option: Typer hides the class
        if text := error.format_message():  # empty if no command was named: the help is shown then
            sys.stderr.write(f"tacit: {text}\n")
        return 2
    if isinstance(error, OSError) and error.filename is not None:  # no right to write there, disk full, ...
        sys.stderr.write(f"tacit: {error.filename}: {error.strerror}\n")
        return 2
    if is_full(error):  # a report, a table on its way to TMPDIR, standard output
        sys.stderr.write(
            f"tacit: {reason_of(error)}: make room, or choose another disk for what is written (for "
            "temporary tables: TMPDIR)\n"
        )
        return 2
    if isinstance(error, MemoryError):
        sys.stderr.write(
            "tacit: there is not enough memory for this; end other programs, raise the limit of this one "
            "(ulimit -v), or take a smaller log or a machine with more memory\n"
        )
        return 2
    text = " ".join(str(error).split())[:200]
    with tempfile.NamedTemporaryFile(
        "w", prefix="tacit-fault-", suffix=".txt", encoding="utf-8", delete=False
    ) as details:
        traceback.print_exception(error, file=details)
    sys.stderr.write(
        f"tacit: this is a fault of tacit, not of your input: {type(error).__name__}: {text}; "
        f"please report it with {details.name}\n"
    )
    return 1

"""The ``tacit`` command and its exit codes: 0 done, 2 wrong use or bad input, 1 a fault of ours."""

import sys
from collections.abc import Sequence

import typer

from tacit.cli.batch import batch
from tacit.cli.check import check
from tacit.cli.demo import demo
from tacit.cli.doctor import doctor
from tacit.cli.evaluate import evaluate
from tacit.cli.fit import fit
from tacit.cli.recommend import recommend
from tacit.cli.serve import serve
from tacit.cli.similar import similar
from tacit.core.errors import TacitError

app = typer.Typer(
    name="tacit",
    help="Turns what people do into what to show them next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (check, fit, evaluate, recommend, similar, batch, serve, demo, doctor):
    app.command()(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``tacit``; those of this process by default.
    """
    try:
        result = app(args=arguments, standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        sys.stderr.write("interrupted; nothing was left half written\n")
        return 130
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was left half written\n")
        return 130
    except TacitError as error:
        sys.stderr.write(f"tacit: {error}\n")
        return error.exit_code
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        sys.stderr.write(f"tacit: {error.format_message()}\n")
        return 2
    return result if isinstance(result, int) else 0

"""The command line: one thin file a command; errors of the user are one sentence and exit code 2."""

import sys


def main() -> None:
    """Run the ``tacit`` command."""
    from tacit.core.threads import wait_briefly

    wait_briefly()

    from tacit.cli.app import run

    sys.exit(run())

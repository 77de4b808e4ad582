"""The command line: one thin file a command; errors of the user are one sentence and exit code 2."""

import signal
import sys
from types import FrameType


def main() -> None:
    """Run the ``tacit`` command."""
    from tacit.core.threads import wait_briefly

    signal.signal(signal.SIGTERM, _end)
    wait_briefly()
    try:
        from tacit.cli.app import run
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell does for a command that Ctrl-C ends
    code = run()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # raised while Python ends, an exception would be printed
    sys.exit(code)


def _end(number: int, frame: FrameType | None) -> None:
    """End as a command that is asked to: temporary files go, what is half written goes."""
    signal.signal(number, signal.SIG_IGN)  # a second one would be raised in the middle of that
    sys.exit(128 + number)

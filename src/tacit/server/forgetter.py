"""The process of a service that takes deleted users out of its snapshots; run by `tacit.server.supervisor`.

It is started some seconds after the last deletion, and ends when the snapshots are written. The service then
changes to the new one as to any other version. What cannot be written is said, now and after later deletions.
It fits one retriever after the other, on one thread, after whoever else wants a processor.
"""

import os
import signal
from contextlib import closing
from pathlib import Path

from tacit.core.errors import TacitError
from tacit.engine.forget_snapshot import StillHeldError, forget_in
from tacit.server.lifeline import receive_settings, report
from tacit.store.events import EventStore

_NICENESS = 15


def main() -> None:
    """Write the snapshots of a service again, and note up to which deletion that is done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent says when to stop
    settings = receive_settings()
    os.nice(_NICENESS)
    directory = Path(settings["directory"])
    try:
        with closing(EventStore(settings["store"], lock=False)) as store:
            stones = store.tombstones()
            for _ in forget_in(directory, store):
                continue
            store.note_rewritten(str(directory.resolve()), stones[-1].number if stones else 0)
    except StillHeldError as error:  # to try again is of no use: it is for people to mend
        report(settings["status"], {"error": str(error), "code": error.exit_code})
    except (TacitError, OSError) as error:
        report(settings["status"], {"error": str(error), "code": 1})
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()

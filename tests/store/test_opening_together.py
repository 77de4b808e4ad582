"""Processes of a service open the same new store at the same moment."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from tests.examples import TIMES

from tacit.store.events import EventStore

PROCESSES, FILES = 3, round(20 * max(1.0, TIMES))


def open_all(together: Barrier, folder: Path, refused: "multiprocessing.Queue[list[str]]") -> None:
    """Open one new file after the other at the moment at which all do; return what was refused."""
    found = []
    for number in range(FILES):
        together.wait()
        try:
            store = EventStore(f"sqlite:///{folder / str(number)}.sqlite3", lock=False)
        except Exception as error:
            found.append(f"{number}: {error}")
            together.wait()
        else:
            together.wait()
            store.close()
    refused.put(found)


def test_none_of_them_is_refused(tmp_path: Path) -> None:
    context: Any = multiprocessing.get_context("spawn")
    together, refused = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=open_all, args=(together, tmp_path, refused)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    found = [one for _ in processes for one in refused.get(timeout=60)]
    for process in processes:
        process.join(timeout=20)
    assert found == []

"""One process of a service without HTTP: ``python -m tests.engine.one_process SNAPSHOT STORE``.

It answers each line of JSON on its standard input, ``[method, arguments]``, by one line of JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.served import PATIENT

from tacit.core.types import Json
from tacit.engine.engine import Engine
from tacit.engine.requests import NewEvent, Request
from tacit.engine.snapshot import load
from tacit.store.events import EventStore


class Process:
    """What a test may call."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def observe(self, user: str, items: list[str]) -> int:
        return self._engine.observe([NewEvent(item, "view", user_id=user) for item in items]).accepted

    def listed(self, user: str) -> list[tuple[str, str | None]]:
        answer = self._engine.recommend(Request(user_id=user, k=1_000))
        return [(item.item_id, item.title) for item in answer.items]

    def put(self, item: str, attributes: dict[str, Json]) -> list[str]:
        return self._engine.put_item(item, attributes)

    def patch(self, item: str, attributes: dict[str, Json]) -> list[str]:
        return self._engine.patch_item(item, attributes)

    def delete(self, item: str) -> None:
        self._engine.delete_item(item)

    def codes(self) -> list[str]:
        return self._engine._state.catalogue.items.ids.to_list()

    def write(self, name: str, count: int) -> None:
        """Write batches of ten events and print each that is acknowledged."""
        for number in range(count):
            ids = [f"{name}-{number}-{place}" for place in range(10)]
            events = [NewEvent(f"i{number}", "view", user_id=name, event_id=id_) for id_ in ids]
            assert self._engine.observe(events).accepted == 10
            print(json.dumps(ids), flush=True)


def main() -> None:
    """Answer until the standard input ends."""
    snapshot, address = sys.argv[1:]
    engine = Engine(load(Path(snapshot)), EventStore(address, lock=False), store_wait=PATIENT)
    process = Process(engine)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        method, arguments = json.loads(line)
        result: Any = getattr(process, method)(*arguments)
        print(json.dumps(result), flush=True)
    engine.close()


if __name__ == "__main__":
    main()
